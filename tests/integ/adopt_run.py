#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A supervisor is killed and another one takes its family over: the real
processes on the in-memory hypervisor, and a store of descriptors, as systemd's,
played by the test.  The guest is in a process of its own and goes on reading
and writing.

usage: adopt_run.py CLOISTER-FAKE CLOISTERCTL FAKE-MACHINE BUILD-DIR
"""

import array
import ctypes
import json
import os
import platform
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../lib'))
import tap
from dm import PROGRAMS

FAKE, CTL, MACHINE, BUILD = (os.path.abspath(p) for p in sys.argv[1:5])
DOMID = 31500 + os.getpid() % 100
MEMBERS = ['broker', 'platform', 'disk0', 'vga', 'vnc']
PATIENCE_S = 40
SYS_KCMP, KCMP_FILE = {'aarch64': 272}.get(platform.machine(), 312), 0
t = tap.Tap()
libc = ctypes.CDLL(None)


def until(check, seconds=PATIENCE_S):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        got = check()
        if got:
            return got
        time.sleep(0.02)
    return check()


def is_same(a, b):
    """Two descriptors of one open file?"""
    return libc.syscall(SYS_KCMP, os.getpid(), os.getpid(), KCMP_FILE, a, b) == 0


class Store:
    """What systemd does with a unit's descriptors."""

    def __init__(self, path):
        self.path, self.kept, self.ready, self.bad = path, {}, 0, []
        self.lock = threading.Lock()
        self.at = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.at.bind(path)
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        while True:
            text, control, flags, _ = self.at.recvmsg(4096, 1024)
            fds = array.array('i')
            for _, kind, data in control:
                if kind == socket.SCM_RIGHTS:
                    fds.frombytes(data[:len(data) - len(data) % fds.itemsize])
            words = dict(line.split('=', 1) for line in text.decode().splitlines())
            with self.lock:
                self.take(words, list(fds))

    def take(self, words, fds):
        name = words.get('FDNAME')
        self.ready += 'READY' in words
        if 'FDSTOREREMOVE' in words and name in self.kept:
            os.close(self.kept.pop(name))
        if 'FDSTORE' in words and len(fds) == 1 and words.get('FDPOLL') == '0' \
                and name not in self.kept:
            # As systemd: what it has under another name it does not take.
            if not any(is_same(fds[0], fd) for fd in self.kept.values()):
                self.kept[name] = fds.pop()
        elif 'FDSTORE' in words:
            self.bad.append(f'{words} {fds}')
        for fd in fds:
            os.close(fd)

    def empty(self):
        with self.lock:
            for fd in self.kept.values():
                os.close(fd)
            self.kept = {}


class Supervisor:
    """Started as systemd does it, with what the store has."""

    def __init__(self, store, *more, config='settings'):
        self.store, self.ready = store, store.ready
        self.log = f'{DIR}/log-{time.monotonic_ns()}'
        args = [f'{DIR}/cloister', 'serve', '--domid', str(DOMID), '--memory', '64',
                '--name', 'adopted', '--disk', f'file={DIR}/disk.img', '--serial', 'null',
                '--vnc', f'127.0.0.1:{DOMID - 31000},to=3000', '--config',
                f'{DIR}/{config}', *more]
        with store.lock:
            kept = list(store.kept.items())
            self.pid = os.fork()
            if self.pid == 0:
                self.become(args, kept)
        self.status = None

    def become(self, args, kept):
        try:
            high = [os.dup2(fd, 700 + i, inheritable=False)
                    for i, (_, fd) in enumerate(kept)]
            os.closerange(3, 700)
            for i, fd in enumerate(high):
                os.dup2(fd, 3 + i)
            log = os.open(self.log, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
            null = os.open('/dev/null', os.O_RDWR)
            os.dup2(null, 0)
            os.dup2(log, 1)
            os.dup2(log, 2)
            env = dict(os.environ, CLOISTER_FAKE_MACHINE=f'{DIR}/machine',
                       NOTIFY_SOCKET=self.store.path)
            if kept:
                env.update(LISTEN_FDS=str(len(kept)), LISTEN_PID=str(os.getpid()),
                           LISTEN_FDNAMES=':'.join(name for name, _ in kept))
            os.close(log)
            os.close(null)
            os.execve(args[0], args, env)
        finally:
            os._exit(99)

    def said(self):
        try:
            return open(self.log, encoding='utf-8').read()
        except FileNotFoundError:
            return ''

    def ended(self):
        if self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
        return self.status is not None

    def serves(self):
        return until(lambda: self.ended() or (self.store.ready > self.ready and
                                              status())) and self.status is None

    def kill(self, sig=signal.SIGKILL):
        os.kill(self.pid, sig)
        until(self.ended)
        return self.status


def ctl(*args):
    return subprocess.run([CTL, '--run-dir', f'{DIR}/run', *args], text=True, timeout=60,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def status():
    """Process -> (pid, state); empty while nobody answers."""
    r = ctl('status', str(DOMID))
    rows = [line.split() for line in r.stdout.splitlines()]
    return {w[0]: (int(w[1]), w[2]) for w in rows
            if len(w) > 2 and w[0] in MEMBERS and w[1].isdigit()} if r.returncode == 0 else {}


def pids():
    return {name: pid for name, (pid, _) in status().items()}


def is_new(name, was):
    pid, state = status().get(name, (was, ''))
    return pid != was and state == 'running'


def lives(pid):
    try:
        with open(f'/proc/{pid}/status', encoding='utf-8') as f:
            return not any(line.startswith('State:') and line.split()[1] in 'ZX'
                           for line in f)
    except (FileNotFoundError, ProcessLookupError):
        return False


class Guest:
    def __init__(self):
        for name in ('machine', 'guest'):
            if os.path.exists(f'{DIR}/{name}'):
                os.unlink(f'{DIR}/{name}')
        self.process = subprocess.Popen([MACHINE, f'{DIR}/machine', f'{DIR}/guest',
                                         str(DOMID)])
        until(lambda: os.path.exists(f'{DIR}/machine'))
        until(lambda: os.path.exists(f'{DIR}/guest') and os.path.getsize(f'{DIR}/guest'))

    def look(self):
        """Wrong rounds, rounds, longest in us, fault."""
        words = open(f'{DIR}/guest', encoding='utf-8').read().split(maxsplit=3)
        return int(words[0]), int(words[1]), int(words[2]), ''.join(words[3:]).strip()

    def moves(self):
        was = self.look()[1]
        return until(lambda: self.look()[1] > was + 3)

    def is_right(self):
        wrong, rounds, _, fault = self.look()
        return wrong == 0 and rounds > 0 and not fault

    def end(self):
        self.process.kill()
        self.process.wait()


def test_adoption(store, guest):
    first = Supervisor(store)
    t.ok(first.serves(), 'a guest is served', first.said())
    before = until(lambda: (p := pids()).keys() == set(MEMBERS) and p)
    t.ok(before, 'by all', status())
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
    t.ok(pids() == before, '... and replaced nobody', before, pids(), second.said())
    t.ok(guest.moves() and guest.is_right(), 'the guest goes on', guest.look())

    for name in ('disk0', 'vga', 'vnc', 'platform', 'broker'):
        was = pids()[name]
        os.kill(was, signal.SIGKILL)
        t.ok(until(lambda: is_new(name, was)), f'{name}: killed, and replaced', status(),
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
    before = pids()
    second.kill()
    os.kill(before['disk0'], signal.SIGKILL)
    t.ok(not lives(before['disk0']) or until(lambda: not lives(before['disk0'])),
         'a worker dies while there is no supervisor')
    third = Supervisor(store)
    t.ok(third.serves(), 'a third supervisor', third.said())
    t.ok(until(lambda: is_new('disk0', before['disk0'])), '... replaces it', status(),
         third.said())
    after = pids()
    t.ok(all(after[n] == before[n] for n in MEMBERS if n != 'disk0'),
         '... and has kept the others', before, after, third.said())
    t.ok(guest.moves() and guest.is_right(), 'the guest goes on', guest.look(),
         third.said())
    return third


def test_storm(store, guest, last):
    before = pids()
    for _ in range(5):
        last.kill()
        last = Supervisor(store)
        last.serves()
    t.ok(pids() == before, 'five more, one after the other: the same processes', before,
         pids(), last.said())
    # The moment of a replacement is the worst there is.
    for pause in (0, 0.002, 0.01, 0.03, 0.1):
        os.kill(pids()['disk0'], signal.SIGKILL)
        time.sleep(pause)
        last.kill()
        last = Supervisor(store)
        if not t.ok(last.serves() and
                    until(lambda: status().get('disk0', (0, ''))[1] == 'running'),
                    f'killed {pause * 1000:.0f} ms after a worker', status(), last.said()):
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
    before = pids()
    os.kill(before['disk0'], signal.SIGSTOP)
    time.sleep(0.1)
    os.kill(before['disk0'], signal.SIGCONT)
    for name in ('broker', 'vnc'):
        os.kill(before[name], signal.SIGSTOP)
    for name in ('broker', 'vnc'):
        t.ok(until(lambda: is_new(name, before[name])), f'{name}: stopped, and replaced',
             status(), last.said())
        t.ok(f'child was stopped: name={name} ' in last.said() and
             f'name={name} pid={before[name]} why="was stopped and not continued"' in
             last.said(), '... which is said', last.said())
    time.sleep(3.5)
    after = pids()
    t.ok(all(after[n] == before[n] for n in ('disk0', 'platform', 'vga')),
         'who was continued is not, nor any other', before, after, last.said())
    t.ok(guest.moves() and guest.is_right(), 'the guest goes on', guest.look(), last.said())
    return last


def test_end(store, last):
    before = pids()
    t.ok(last.kill(signal.SIGTERM) == 0, 'told to end: it ends well', last.said())
    t.ok(not any(lives(p) for p in before.values()), '... and leaves nobody')


def test_restart_in_order(store, guest):
    """What systemctl restart does: the store is still there, the family ended."""
    first = Supervisor(store)
    t.ok(first.serves() and 'adopted: domid' not in first.said(),
         'what is left of an ended family is not adopted', first.said())
    t.ok(guest.moves() and guest.is_right(), '... and a new one serves', guest.look())
    before = pids()
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
    before = pids()
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
    groups, guest = Groups(), Guest()
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
    for p in PROGRAMS:
        os.symlink(f'{BUILD}/{p}', f'{DIR}/{os.path.basename(p)}')
    shutil.copy(FAKE, f'{DIR}/cloister')
    os.mkdir(f'{DIR}/run')
    with open(f'{DIR}/disk.img', 'wb') as f:
        f.truncate(1 << 20)
    with open(f'{DIR}/settings', 'w', encoding='utf-8') as f:
        f.write(f'[defaults]\nrun-dir = {DIR}/run\ncrash-dir = off\nrestart-limit = 50/10\n'
                'log = debug\n')
    store = Store(f'{DIR}/notify')
    guest = Guest()
    before = time.monotonic()
    last = test_adoption(store, guest)
    later = time.monotonic()
    last = test_again(store, guest, last)
    test_age(before, later)
    last = test_storm(store, guest, last)
    last = test_stopped(store, guest, last)
    test_end(store, last)
    guest.end()
    guest = Guest()
    test_restart_in_order(store, guest)
    guest.end()
    guest = Guest()
    test_lost_store(store)
    guest.end()
    test_limits(store)


if os.geteuid() != 0:
    print('1..0 # SKIP needs root')
    sys.exit(0)
with tempfile.TemporaryDirectory() as DIR:
    os.chmod(DIR, 0o755)
    main()
t.done()
