#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""An unplug, a suspend to RAM and a flush that fails, in whose middle somebody
dies, after any number of instructions, on the in-memory hypervisor.

usage: steps_run.py CLOISTER-FAKE DRIVEN-MACHINE BUILD-DIR unplug|sleep|flush [TIMES [SEED]]
"""

import os
import random
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'lib'))

import domid
from dm import (MAGIC, UNPLUG, UNPLUG_DISKS, UNPLUG_NICS, DeviceModel, Machine, Victim,
                make_image, make_place, parts, some_instructions, until)
from qmp import Qmp
from tap import Tap

FAKE, MACHINE, BUILD = (os.path.abspath(p) for p in sys.argv[1:4])
HOW = sys.argv[4]
TIMES = int(sys.argv[5]) if len(sys.argv) > 5 else 0
SEED = int(sys.argv[6]) if len(sys.argv) > 6 else 1
DOMID = domid.claim()
TAP = f'cls{os.getpid()}'
NIC_SLOT = 4
IDE, IDE1 = 0x1f0, 0x170
PM_DEVFN, PM1A_CNT, SLP_S3, SLP_EN = 0x0b, 0xb004, 1 << 10, 1 << 13
CMOS_SHUTDOWN, AFTER_S3 = 0x0f, 0xfe
FD_BLK_WORK = 18    # abi/fds.h: wakes a thread that reads, writes, or flushes
MOST = 8000         # instructions; what any of them does for an unplug is less
t = Tap()


class Wrong(Exception):
    pass


class TooSlow(Exception):
    """The broker takes a worker that does not move for that long for a hung one, and
    the machine does not wait for ever either."""

    HANG_S = 5


def want(good, what, *notes):
    if not good:
        raise Wrong(what, *notes)


def start(machine, nic, *settings, env=()):
    dm = DeviceModel(DIR, machine, DOMID, *parts(DIR, (0, 2), nic, TAP),
                     settings=['restart-limit=90/10', *settings], env=env)
    want(dm.serves(), 'a device model serves', dm.said())
    return dm


def strike(dm, name, begin, steps, beside=None, write=None):
    """@begin goes on in the machine while the process does that many instructions,
    or until that is so, or it wrote to that descriptor.  How many it did; None: we
    may not."""
    victim = Victim(dm.confined(name))
    if not victim.held:
        return None
    begin()
    time.sleep(0.001)       # until the others have done what they can
    if write is not None:
        done = victim.strike_at_write(write)
        want(done is not None, f'{name}: never wrote to {write}', dm.said())
    elif callable(steps):
        done = 0
        want(victim.strike_when(steps), f'{name}: never came so far', dm.said())
    else:
        done = victim.strike(steps)
    if beside:
        pid = dm.pid(beside)
        if pid:
            os.kill(pid, signal.SIGKILL)
    return done


def run_trials(one, least):
    """Stops at the first that goes wrong."""
    did, longest, n = [], 0, 0
    try:
        for n in range(TIMES or least):
            steps, took = one(n, random.Random(SEED * 1000003 + n))
            if steps is None:
                t.skip('processes may not be traced')
                return
            did.append(steps)
            longest = max(longest, took)
    except Wrong as e:
        t.ok(False, f'trial {n} of seed {SEED}: {e.args[0]}',
             *('\n'.join(str(a).splitlines()[-20:]) for a in e.args[1:]))
        return
    except TooSlow:
        t.skip(f'this machine is too slow just now: stepping through trial {n} took longer '
               'than the others wait')
        return
    t.ok(True, f'{len(did)} trials, died after {min(did)} to {max(did)} instructions; '
         f'the guest waited for {longest * 1000:.0f} ms at most')


# ---- unplug ----

def is_drive(machine, base):
    machine.do('out', base + 6, 1, 0xe0)
    machine.do('out', base + 7, 1, 0xec)
    status = until(lambda: (s := machine.value('in', base + 7, 1)) & 0x80 == 0 and s + 1, 5)
    return (status or 0) - 1 & 0x09 == 0x08


def check_gone(machine, dm):
    want(not is_drive(machine, IDE) and not is_drive(machine, IDE1), 'a drive is there',
         dm.said())
    want(machine.value('cfg', NIC_SLOT << 3, 0, 4) == 0xffffffff, 'the card is there',
         dm.said())


def unplug_once(n, rnd):
    """Nobody has anything of it when the guest's write completes."""
    nic = rnd.choice(['rtl8139', 'e1000']) if TAPS else None
    name = ['broker', 'platform', 'disk0', 'net0' if TAPS else 'disk0'][n % 4]
    beside = rnd.choice([None, None, 'broker', 'platform', 'disk0'])
    steps = some_instructions(MOST, rnd.random())
    machine = Machine(MACHINE, DIR, DOMID)
    dm = start(machine, nic)
    want(machine.value('in', UNPLUG, 2) == MAGIC, 'no unplug protocol')
    want(not nic or machine.value('cfg', NIC_SLOT << 3, 0, 4) != 0xffffffff, 'no card')
    want(machine.do('write', n, 2, n) == 'good', 'no disk', dm.said())
    machine.do('out', UNPLUG + 2, 2, 3)
    if n % 16 == 0:
        steps = lambda: 'emulated devices unplugged' in dm.said()
    was = dm.confined(name)
    began = time.monotonic()
    done = strike(dm, name, lambda: machine.say(
        'out', UNPLUG, 2, UNPLUG_DISKS | UNPLUG_NICS), steps, beside if beside != name else None)
    if done is None:
        return None, 0
    struck = time.monotonic() - began
    want(machine.heard() == 'done', 'not done')
    took = time.monotonic() - began - struck
    held = dm.holders(f'{DIR}/disk0.img') + dm.holders(f'{DIR}/disk1.img')
    what = f'{name} after {done} instructions, beside {beside}'
    want(not held, f'{what}: somebody has an image', held, dm.said())
    want(not os.path.exists(f'/sys/class/net/{TAP}'), f'{what}: somebody has the tap', dm.said())
    want(dm.replaced(name, was), f'{what}: not replaced', dm.said())
    check_gone(machine, dm)
    for again in ('disk0', 'net0') if nic else ('disk0',):
        was = until(lambda: dm.confined(again))
        os.kill(was, signal.SIGKILL)
        want(dm.replaced(again, was), f'{again}: not replaced', dm.said())
    machine.do('out', UNPLUG, 2, UNPLUG_DISKS | UNPLUG_NICS)
    check_gone(machine, dm)
    want(1 <= dm.said().count('emulated devices unplugged: mask=0x3') <= 3,
         f'{what}: how often?', dm.said())
    fault = machine.fault()
    if fault.startswith('no answer') and struck > TooSlow.HANG_S:
        dm.end()
        machine.end()
        raise TooSlow
    want(fault == 'none', f'{what}: fault', fault, dm.said())
    want('broke the protocol' not in dm.said() and 'not valid' not in dm.said(),
         f'{what}: somebody lied', dm.said())
    want(dm.end() == 0, f'{what}: does not end', dm.said())
    machine.end()
    return done, took


# ---- sleep ----

class Sleeper:
    """One guest that goes to sleep again and again."""

    def __init__(self):
        self.machine = Machine(MACHINE, DIR, DOMID)
        self.dm = start(self.machine, None, env={'CLOISTER_FAKE_SLEEPS': f'{DIR}/sleeps'})
        self.qmp = Qmp(f'{DIR}/qmp')
        self.machine.do('setcfg', PM_DEVFN, 0x40, 4, 0xb001)
        self.machine.do('setcfg', PM_DEVFN, 0x80, 1, 1)

    def states(self):
        """Since the last time."""
        try:
            with open(f'{DIR}/sleeps', encoding='ascii') as f:
                states = f.read().split()
            os.unlink(f'{DIR}/sleeps')
        except FileNotFoundError:
            states = []
        return states

    def once(self, n, rnd):
        machine, dm = self.machine, self.dm
        name = ['broker', 'platform'][n % 2]
        steps = some_instructions(MOST, rnd.random())
        if n % 8 == 0:
            # The supervisor was told, and the broker has not noted that.
            steps = lambda: os.path.exists(f'{DIR}/sleeps')
        was = until(lambda: dm.confined(name))
        machine.do('out', 0x70, 1, CMOS_SHUTDOWN)
        machine.do('out', 0x71, 1, 0)
        machine.do('out', 0x3ff, 1, n & 0xff)
        began = time.monotonic()
        done = strike(dm, name, lambda: machine.say('out', PM1A_CNT, 2, SLP_S3 | SLP_EN),
                      steps)
        if done is None:
            return None, 0
        struck = time.monotonic() - began
        want(machine.heard() == 'done', 'not done')
        took = time.monotonic() - began - struck
        what = f'{name} after {done} instructions'
        want(self.qmp.status() == 'suspended', f'{what}: not suspended', dm.said())
        want(dm.replaced(name, was), f'{what}: not replaced', dm.said())
        want(machine.cmos(CMOS_SHUTDOWN) == AFTER_S3 and
             machine.value('in', 0x3ff, 1) == n & 0xff, f'{what}: registers', dm.said())
        states = self.states()
        want(states and set(states) == {'3'} and
             len(states) <= (2 if name == 'broker' else 1), f'{what}: asleep', states, dm.said())
        want(self.qmp.good('system_wakeup') and self.qmp.status() == 'running',
             f'{what}: does not wake up', dm.said())
        machine.do('out', 0x3ff, 1, ~n & 0xff)
        want(machine.value('in', 0x3ff, 1) == ~n & 0xff, f'{what}: awake', dm.said())
        states = self.states()
        want(states == ['0'] and self.qmp.status() == 'running', f'{what}: falls asleep again',
             states, dm.said())
        want(machine.fault() == 'none', f'{what}: fault', machine.fault(), dm.said())
        return done, took

    def end(self):
        t.ok(self.dm.end() == 0, 'all end', self.dm.said())
        self.machine.end()


# ---- flush ----

class Flusher:
    """Drive 0 is on a block device that has no room: what is written is in the
    page cache, and the kernel tells once that it does not get any further."""

    ROOM_KIB, SECTORS, MOVE = 256, 8192, 32

    def __init__(self):
        os.mkdir(f'{DIR}/small')
        self.loop = ''
        self.run('mount', '-t', 'tmpfs', '-o', f'size={self.ROOM_KIB}k', 'none', f'{DIR}/small')
        make_image(f'{DIR}/small/image', self.SECTORS)
        self.loop = self.run('losetup', '--find', '--show', f'{DIR}/small/image')
        if not self.loop:
            return
        os.rename(f'{DIR}/disk0.img', f'{DIR}/disk.other')
        os.symlink(self.loop, f'{DIR}/disk0.img')
        self.machine = Machine(MACHINE, DIR, DOMID)
        self.dm = start(self.machine, None)
        ok = self.machine.do('write', 0, 64, 1) == 'good' and self.machine.do('flush') == 'good'
        t.ok(ok, 'while there is room, a flush is good', self.dm.said())
        # A loop device takes a write that is cut short for a whole one: this
        # fills it up, and the next is told.
        said = [self.machine.do('write', at, 128, 2) for at in range(512, 1536, 128)]
        self.machine.do('flush')
        said += [self.machine.do('write', 1800, self.MOVE, 3)]
        flushed = self.machine.do('flush')
        t.ok(set(said) == {'good'} and flushed != 'good', 'when there is none, it is not',
             said, flushed, self.dm.said())

    @staticmethod
    def run(*args):
        r = subprocess.run(args, capture_output=True, text=True, check=False)
        return r.stdout.strip() if r.returncode == 0 else ''

    def once(self, n, rnd):
        machine, dm = self.machine, self.dm
        good = n % 8 > 5       # the other drive has room
        at = 2048 + n * self.MOVE % (self.SECTORS - 2048 - self.MOVE)
        base = [IDE1] if good else []
        want(machine.do('write', 0 if good else at, self.MOVE, n, *base) == 'good',
             'not written', dm.said())
        was = until(lambda: dm.confined('disk0'))
        began = time.monotonic()
        # Where the thread that flushes has the error, and nobody else.
        try:
            done = strike(dm, 'disk0', lambda: machine.say('flush', *base),
                          some_instructions(MOST, rnd.random()) if n % 2 else 0,
                          write=FD_BLK_WORK if n % 2 == 0 else None)
        except Wrong:
            if time.monotonic() - began > TooSlow.HANG_S:
                raise TooSlow from None
            raise
        if done is None:
            return None, 0
        struck = time.monotonic() - began
        said = machine.heard()
        took = time.monotonic() - began - struck
        what = f'disk0 after {done} instructions'
        want((said == 'good') == good, f'{what}: a flush that is {"good" if good else "bad"}',
             said, dm.said())
        want(dm.replaced('disk0', was), f'{what}: not replaced', dm.said())
        want(machine.fault() == 'none', f'{what}: fault', machine.fault(), dm.said())
        return done, took

    def end(self):
        if self.loop:
            t.ok(self.dm.end() == 0, 'all end', self.dm.said())
            self.machine.end()
            self.run('losetup', '--detach', self.loop)
        self.run('umount', '--lazy', f'{DIR}/small')


def test_flush():
    flusher = Flusher()
    try:
        if not flusher.loop:
            t.skip('no tmpfs or no loop device')
        elif 'built with a sanitizer' in flusher.dm.said():
            t.skip('stepping through what a sanitizer does takes so long that '
                   'the worker hangs')
        else:
            run_trials(flusher.once, 10)
    finally:
        flusher.end()


def main():
    make_place(DIR, FAKE, BUILD)
    for i in range(2):
        make_image(f'{DIR}/disk{i}.img', 2048)
    if HOW == 'unplug':
        if not TAPS:
            t.skip('no /dev/net/tun: without network cards')
        run_trials(unplug_once, 24)
        return
    if HOW == 'flush':
        test_flush()
        return
    sleeper = Sleeper()
    run_trials(sleeper.once, 40)
    sleeper.end()


t.needs_root()
TAPS = os.path.exists('/dev/net/tun')
with tempfile.TemporaryDirectory() as DIR:
    main()
t.done()
