#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A supervisor is killed before each single message that it sends to systemd,
and after each that it gets from a child, before anything follows of it: while somebody is replaced (renew), or while a family starts (start).  The next
one has to find a family that it can take over, or nothing; on the in-memory
hypervisor, with systemd played by the test.

usage: strike_run.py CLOISTER-FAKE CLOISTERCTL FAKE-MACHINE DRIVEN-MACHINE BUILD-DIR
                     renew|start [STEP [FIRST]]

Of all messages each STEPth, from the FIRSTth on, which is any.
"""

import os
import signal
import sys
import tempfile
import time

sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'lib'))

import domid
import fakesystemd
from control import Control
from dm import Machine, make_image, make_place, until
from guest import Guest
from tap import Tap

FAKE, CTL, FREE, DRIVEN, BUILD = (os.path.abspath(p) for p in sys.argv[1:6])
HOW = sys.argv[6]
STEP = int(sys.argv[7]) if len(sys.argv) > 7 else 1
FIRST = int(sys.argv[8]) if len(sys.argv) > 8 else os.getpid() % STEP
DOMID = domid.claim()
NAME = 'struck'
MEMBERS = ['broker', 'platform', 'disk0', 'vga', 'vnc']
MESSAGES_MAX = 400
t = Tap()


class Supervisor(fakesystemd.Supervisor):
    def __init__(self, store):
        super().__init__(store, f'{DIR}/log-{time.monotonic_ns()}', [
            f'{DIR}/cloister', 'serve', '--domid', str(DOMID), '--memory', '64',
            '--name', NAME, '--disk', f'file={DIR}/disk0.img', '--disk',
            f'file={DIR}/disk1.img', '--serial', 'null', '--vnc',
            f'127.0.0.1:{DOMID - 31000},to=3000', '--config', f'{DIR}/settings'],
            {'CLOISTER_FAKE_MACHINE': f'{DIR}/machine',
             'CLOISTER_FAKE_STRIKE': f'{DIR}/strike'})


def strike_after(messages):
    """The file appears with what is in it."""
    with open(f'{DIR}/new', 'w', encoding='ascii') as f:
        f.write(f'{messages}\n')
    os.rename(f'{DIR}/new', f'{DIR}/strike')


def missed():
    """True: it lives, and what was to strike it is put away."""
    try:
        os.unlink(f'{DIR}/strike')
    except FileNotFoundError:
        return False
    return True


def numbers():
    """How many there are of each, but of supervisors."""
    return {name: len(pids) for name, pids in fakesystemd.family(DOMID).items()
            if name != NAME}


def is_alone():
    return numbers() == {m: 1 for m in MEMBERS}


def why_not(control, guest, store, names, before, victim):
    """What is wrong after a supervisor was struck, and another one came."""
    pids = until(lambda: (p := control.is_whole()) and p[victim] != before[victim] and p)
    if not pids:
        return f'not all serve: {control.status()}'
    others = [m for m in MEMBERS if m != victim and pids[m] != before[m]]
    if others:
        return f'replaced without need: {others}'
    if not guest.moves() or not guest.is_right():
        return f'the guest: {guest.look()}'
    if not until(is_alone):
        return f'too many: {fakesystemd.family(DOMID)}'
    store.settle()
    if store.names() != names or store.bad:
        return f'the store: {store.names() ^ names} {store.bad}'
    return None


def kill_and_wait(pid):
    os.kill(pid, signal.SIGKILL)
    until(lambda: not fakesystemd.lives(pid))


class Strikes:
    """One after the other, until there is no message left to be struck before."""

    def __init__(self, store, control, guest):
        self.store, self.control, self.guest = store, control, guest
        self.last = Supervisor(store)
        t.ok(self.last.serves() and until(control.is_whole), 'a guest is served',
             self.last.said())
        self.names = self.settled_names()

    def settled_names(self):
        until(lambda: 'pid-vnc' in self.store.names())
        self.store.settle()
        return self.store.names()

    def strike(self, victim, adopting, messages):
        """None: nothing is left to be struck; else what was wrong, or ''."""
        before = self.control.is_whole()
        if adopting:
            self.last.kill()
            kill_and_wait(before[victim])
            strike_after(messages)
            self.last = Supervisor(self.store)
        else:
            strike_after(messages)
            os.kill(before[victim], signal.SIGKILL)
        until(lambda: self.last.ended() or self.control.is_new(victim, before[victim]))
        if missed():
            return None
        until(self.last.ended)
        struck, self.last = self.last, Supervisor(self.store)
        if not self.last.serves():
            return f'message {messages}: {self.last.said()}'
        why = why_not(self.control, self.guest, self.store, self.names, before, victim)
        if 'not ready in time' in self.last.said():
            why = 'what a child said was lost'
        return f'message {messages}: {why}\n{struck.said()[-1500:]}' \
            f'{self.last.said()[-1500:]}' if why else ''

    def series(self, victim, adopting):
        count, bad = 0, []
        for messages in range(FIRST, MESSAGES_MAX, STEP):
            why = self.strike(victim, adopting, messages)
            if why is None:
                break
            count += 1
            if why:
                bad += why.splitlines()
                break
        t.ok(count >= 9 // STEP and not bad, f'killed before {count} messages about '
             f'{victim}{", which it finds dead" if adopting else ""}', bad)
        return not bad


def run_renew(store, control):
    guest = Guest(FREE, DIR, DOMID)
    try:
        s = Strikes(store, control, guest)
        for victim in MEMBERS:
            for adopting in (False, True):
                if not s.series(victim, adopting):
                    return
        print('# longest round: %d us' % guest.look()[2])
        t.ok(s.last.kill(signal.SIGTERM) == 0 and until(lambda: not numbers()),
             'the family ends, and leaves nobody', s.last.said(), numbers())
    finally:
        s.last.kill()
        guest.end()
        store.empty()


def start_struck(store, control, machine, messages):
    """As Strikes.strike(), of a start."""
    machine.do('reset')
    strike_after(messages)
    first = Supervisor(store)
    first.serves()
    if not first.ended():
        until(lambda: first.ended() or control.is_whole())
        until(lambda: first.ended() or 'pid-vnc' in store.names())
    if missed():
        return None, first
    until(first.ended)
    second = Supervisor(store)
    if not second.serves() or not until(control.is_whole):
        return f'is not served: {second.said()}', second
    machine.do('out', 0x3ff, 1, 0x5a)
    if machine.value('in', 0x3ff, 1) != 0x5a or machine.fault() != 'none':
        return f'the guest: {machine.fault()} {second.said()}', second
    if not until(is_alone):
        return f'too many: {fakesystemd.family(DOMID)} {second.said()}', second
    return '', second


def run_start(store, control):
    machine, count, bad = Machine(DRIVEN, DIR, DOMID), 0, []
    for messages in range(FIRST, MESSAGES_MAX, STEP):
        why, last = start_struck(store, control, machine, messages)
        status = last.kill(signal.SIGTERM)
        if not why and status != 0:
            why = f'does not end well: {last.said()}'
        if not until(lambda: not numbers()):
            why = f'leaves somebody: {numbers()}'
        store.empty()
        if why is None:
            break
        count += 1
        if why:
            bad = [f'message {messages}', *why.splitlines()]
            break
    t.ok(count >= 3 and not bad, f'killed before {count} messages of a start', bad)
    machine.end()


def main():
    print(f'# every {STEP}. message, from number {FIRST} on', flush=True)
    make_place(DIR, FAKE, BUILD)
    for i in range(2):
        make_image(f'{DIR}/disk{i}.img', 2048)
    with open(f'{DIR}/settings', 'w', encoding='utf-8') as f:
        f.write(f'[defaults]\nrun-dir = {DIR}/run\ncrash-dir = off\nrestart-limit = 50/10\n'
                'log = debug\n')
    store = fakesystemd.Store(f'{DIR}/notify')
    control = Control(CTL, DIR, DOMID, MEMBERS)
    (run_start if HOW == 'start' else run_renew)(store, control)


t.needs_root()
with tempfile.TemporaryDirectory() as DIR:
    main()
t.done()
