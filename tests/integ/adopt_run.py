#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A supervisor is killed and another one takes its family over: the real
processes on the in-memory hypervisor, and a store of descriptors, as systemd's,
played by the test.  The guest is in a process of its own and goes on reading
and writing.

usage: adopt_run.py CLOISTER-FAKE CLOISTERCTL FAKE-MACHINE BUILD-DIR
"""

import json
import os
import re
import shutil
import signal
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../lib'))
import fakesystemd
import tap
from control import Control
from dm import make_place, until
from fakesystemd import Store, lives
from guest import Guest

import domid
FAKE, CTL, MACHINE, BUILD = (os.path.abspath(p) for p in sys.argv[1:5])
DOMID = domid.claim()
MEMBERS = ['broker', 'platform', 'disk0', 'vga', 'vnc']
t = tap.Tap()


class Supervisor(fakesystemd.Supervisor):
    def __init__(self, store, *more, config='settings'):
        super().__init__(store, f'{DIR}/log-{time.monotonic_ns()}', [
            f'{DIR}/cloister', 'serve', '--domid', str(DOMID), '--memory', '64',
            '--name', 'adopted', '--disk', f'file={DIR}/disk.img', '--serial', 'null',
            '--vnc', f'127.0.0.1:{DOMID - 31000},to=3000', '--config',
            f'{DIR}/{config}', *more], {'CLOISTER_FAKE_MACHINE': f'{DIR}/machine'})

    def serves(self):
        return super().serves() and until(lambda: self.ended() or control.status()) and \
            not self.ended()


def ctl(*args):
    return control.run(*args)


def test_adoption(store, guest):
    first = Supervisor(store)
    t.ok(first.serves(), 'a guest is served', first.said())
    before = until(lambda: (p := control.pids()).keys() == set(MEMBERS) and p)
    t.ok(before, 'by all', control.status())
    t.ok(until(lambda: 'ctl-vnc' in store.kept) and not store.bad,
         'the store has everything, each under a name of its own', store.bad,
         sorted(store.kept))
    t.ok(guest.moves() and guest.is_right(), 'the guest reads what it wrote', guest.look())

    first.kill()
    t.ok(guest.moves() and guest.is_right(), 'its supervisor is killed: it goes on',
         guest.look())
    t.ok(all(lives(p) for p in before.values()), '... with the same processes')
    second = Supervisor(store)
    t.ok(second.serves(), 'a new supervisor answers', second.said())
    t.ok(f'adopted: domid={DOMID} processes={len(MEMBERS)}' in second.said(),
         '... which has adopted all', second.said())
    t.ok(control.pids() == before, '... and replaced nobody', before, control.pids(), second.said())
    t.ok(guest.moves() and guest.is_right(), 'the guest goes on', guest.look())

    for name in ('disk0', 'vga', 'vnc', 'platform', 'broker'):
        was = control.pids()[name]
        os.kill(was, signal.SIGKILL)
        t.ok(until(lambda: control.is_new(name, was)), f'{name}: killed, and replaced', control.status(),
             second.said())
    t.ok(guest.moves() and guest.is_right(), 'the guest goes on', guest.look(),
         second.said())
    r = ctl('restart', str(DOMID), 'disk0')
    t.ok(r.returncode == 0, 'cloisterctl restart: how a cell is upgraded', r.stdout)
    t.ok({'image-0', 'spare-0'} <= store.kept.keys() and not store.bad,
         'the store has its image still', store.bad, sorted(store.kept))
    return second


def test_age(before, later):
    """The family began after @before, long before @later."""
    told = json.loads(ctl('--json', 'status', str(DOMID)).stdout)
    age = told['age_s']
    t.ok(time.monotonic() - later < age <= time.monotonic() - before + 1,
         'the age of a guest is that of the family', age)
    own = told['processes'][0]
    t.ok(own['name'] == 'supervisor' and own['age_s'] < age,
         '... and not that of the last supervisor', own)
    up = re.search(r'^cloister_uptime_seconds{.*} (.*)$', ctl('metrics', str(DOMID)).stdout,
                   re.M)
    t.ok(up and float(up.group(1)) >= age, '... in figures, too', up)


def test_again(store, guest, second):
    """Successors are in the store; one that dies meanwhile is replaced."""
    before = control.pids()
    second.kill()
    os.kill(before['disk0'], signal.SIGKILL)
    t.ok(not lives(before['disk0']) or until(lambda: not lives(before['disk0'])),
         'a worker dies while there is no supervisor')
    third = Supervisor(store)
    t.ok(third.serves(), 'a third supervisor', third.said())
    t.ok(until(lambda: control.is_new('disk0', before['disk0'])), '... replaces it', control.status(),
         third.said())
    after = control.pids()
    t.ok(all(after[n] == before[n] for n in MEMBERS if n != 'disk0'),
         '... and has kept the others', before, after, third.said())
    t.ok(guest.moves() and guest.is_right(), 'the guest goes on', guest.look(),
         third.said())
    return third


def test_storm(store, guest, last):
    before = control.pids()
    for _ in range(5):
        last.kill()
        last = Supervisor(store)
        last.serves()
    t.ok(control.pids() == before, 'five more, one after the other: the same processes', before,
         control.pids(), last.said())
    # The moment of a replacement is the worst there is.
    for pause in (0, 0.002, 0.01, 0.03, 0.1):
        os.kill(control.pids()['disk0'], signal.SIGKILL)
        time.sleep(pause)
        last.kill()
        last = Supervisor(store)
        if not t.ok(last.serves() and
                    until(lambda: control.status().get('disk0', (0, ''))[1] == 'running'),
                    f'killed {pause * 1000:.0f} ms after a worker', control.status(), last.said()):
            break
    t.ok(guest.moves() and guest.is_right(), 'the guest never read anything wrong',
         guest.look(), last.said())
    print('# longest round: %d us' % guest.look()[2])
    return last


def test_stopped(store, guest, last):
    """Nobody tells a new supervisor that an adopted process was stopped."""
    last.kill()
    last = Supervisor(store)
    t.ok(last.serves() and f'processes={len(MEMBERS)}' in last.said(),
         'all are adopted once more', last.said())
    before = control.pids()
    os.kill(before['disk0'], signal.SIGSTOP)
    time.sleep(0.1)
    os.kill(before['disk0'], signal.SIGCONT)
    for name in ('broker', 'vnc'):
        os.kill(before[name], signal.SIGSTOP)
    for name in ('broker', 'vnc'):
        t.ok(until(lambda: control.is_new(name, before[name])), f'{name}: stopped, and replaced',
             control.status(), last.said())
        t.ok(f'child was stopped: name={name} ' in last.said() and
             f'name={name} pid={before[name]} why="was stopped and not continued"' in
             last.said(), '... which is said', last.said())
    time.sleep(3.5)
    after = control.pids()
    t.ok(all(after[n] == before[n] for n in ('disk0', 'platform', 'vga')),
         'who was continued is not, nor any other', before, after, last.said())
    t.ok(guest.moves() and guest.is_right(), 'the guest goes on', guest.look(), last.said())
    return last


def test_end(store, last):
    before = control.pids()
    t.ok(last.kill(signal.SIGTERM) == 0, 'told to end: it ends well', last.said())
    t.ok(not any(lives(p) for p in before.values()), '... and leaves nobody')


def test_restart_in_order(store, guest):
    """What systemctl restart does: the store is still there, the family ended."""
    first = Supervisor(store)
    t.ok(first.serves() and 'adopted: domid' not in first.said(),
         'what is left of an ended family is not adopted', first.said())
    t.ok(guest.moves() and guest.is_right(), '... and a new one serves', guest.look())
    before = control.pids()
    first.kill()
    other = Supervisor(store, '--vcpus', '2')
    t.ok(until(other.ended) and other.status == 1, 'other settings: not adopted')
    t.ok('cannot adopt' in other.said() and 'plan: the settings are not' in other.said(),
         '... which is said', other.said())
    t.ok(not any(lives(p) for p in before.values()), '... and the family is ended')
    store.empty()


def test_lost_store(store):
    first = Supervisor(store)
    first.serves()
    before = control.pids()
    first.kill()
    time.sleep(0.2)
    alive = all(lives(p) for p in before.values())
    store.empty()
    t.ok(alive and len(before) == len(MEMBERS) and
         until(lambda: not any(lives(p) for p in before.values()), 5),
         'a store that is emptied is the end of all', before)
    with store.lock:
        store.kept['notes'] = os.memfd_create('no-notes')
    other = Supervisor(store)
    t.ok(until(other.ended) and other.status == 1 and
         'cannot adopt the family of' in other.said(), 'a store that makes no sense: said',
         other.said())
    store.empty()


class Groups:
    """In place of the kernel's hierarchy, which may have no controllers here."""

    FILES = ['pids.max', 'disk0/pids.max', 'disk0/io.max', 'disk0/memory.max',
             'vnc/cpu.weight']

    def __init__(self):
        self.top = f'{DIR}/groups/cloister-{DOMID}'
        os.mkdir(f'{DIR}/groups')
        os.environ['CLOISTER_FAKE_CGROUP'] = f'{DIR}/groups'

    def put(self, name, text):
        os.makedirs(os.path.dirname(f'{self.top}/{name}'), exist_ok=True)
        with open(f'{self.top}/{name}', 'w', encoding='utf-8') as f:
            f.write(text)

    def reset(self):
        """As with controllers that were taken away and given back."""
        for name in self.FILES:
            self.put(name, '')

    def look(self):
        return [open(f'{self.top}/{name}', encoding='utf-8').read().strip()
                for name in self.FILES]


def test_limits(store):
    groups, guest = Groups(), Guest(MACHINE, DIR, DOMID)
    first = Supervisor(store)
    t.ok(first.serves(), 'a guest whose processes have groups', first.said())
    groups.reset()
    want = ['500', '60', '8:0 rbps=1048576', '67108864', '50']
    said = [ctl('limit', str(DOMID), *words).stdout for words in (
        ('family', 'pids.max=500'), ('disk0', 'pids.max=700'),
        ('disk0', 'io.max=8:0 rbps=1M', 'memory.max=64M'), ('vnc', 'cpu.weight=50'))]
    groups.put('disk0/pids.max', '')    # a file, other than the kernel's, keeps the rest
    said.append(ctl('limit', str(DOMID), 'disk0', 'pids.max=60').stdout)
    t.ok(groups.look() == want, 'limits are set while it runs', groups.look(), said)
    r = ctl('limit', str(DOMID), 'disk0', 'memory.max=0')
    t.ok(r.returncode == 1, 'one is refused', r.stdout)
    for nth in ('next', 'next but one'):
        first.kill()
        groups.reset()
        first = Supervisor(store)
        t.ok(first.serves() and groups.look() == want,
             f'the {nth} supervisor sets them again', groups.look(), first.said())
    first.kill()
    groups.reset()
    groups.put('disk0/memory.current', '100000000')
    first = Supervisor(store)
    t.ok(first.serves() and 'limit is not in force any more: disk0.memory.max=64M: '
         '100000000 bytes are in use' in first.said(),
         'one that would kill a process now is said', first.said())
    t.ok(groups.look() == want[:3] + [''] + want[4:], '... and the others are set',
         groups.look())
    t.ok(guest.moves() and guest.is_right(), '... and the guest goes on', guest.look())
    first.kill()
    shutil.rmtree(f'{groups.top}/vnc')
    first = Supervisor(store)
    t.ok(first.serves() and os.path.isdir(f'{groups.top}/vnc'),
         'the group of one that is gone is made again for its limit', first.said())
    first.kill(signal.SIGTERM)
    groups.reset()
    first = Supervisor(store)
    t.ok(first.serves() and not any(groups.look()),
         'they are those of the family: a new one has none', groups.look(), first.said())
    first.kill(signal.SIGTERM)
    store.empty()
    guest.end()
    del os.environ['CLOISTER_FAKE_CGROUP']


def main():
    make_place(DIR, FAKE, BUILD)
    with open(f'{DIR}/disk.img', 'wb') as f:
        f.truncate(1 << 20)
    with open(f'{DIR}/settings', 'w', encoding='utf-8') as f:
        f.write(f'[defaults]\nrun-dir = {DIR}/run\ncrash-dir = off\nrestart-limit = 50/10\n'
                'log = debug\n')
    store = Store(f'{DIR}/notify')
    guest = Guest(MACHINE, DIR, DOMID)
    before = time.monotonic()
    last = test_adoption(store, guest)
    later = time.monotonic()
    last = test_again(store, guest, last)
    test_age(before, later)
    last = test_storm(store, guest, last)
    last = test_stopped(store, guest, last)
    test_end(store, last)
    guest.end()
    guest = Guest(MACHINE, DIR, DOMID)
    test_restart_in_order(store, guest)
    guest.end()
    guest = Guest(MACHINE, DIR, DOMID)
    test_lost_store(store)
    guest.end()
    test_limits(store)


t.needs_root()
with tempfile.TemporaryDirectory() as DIR:
    control = Control(CTL, DIR, DOMID, MEMBERS)
    main()
t.done()
