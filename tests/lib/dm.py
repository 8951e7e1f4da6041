# SPDX-License-Identifier: GPL-2.0-or-later
"""A device model as a whole, as libxl starts it, around a machine that the test
drives (tests/integ/driven_machine.c); and how to strike one of its processes
down at a chosen instruction."""

import ctypes
import errno
import os
import random
import re
import shutil
import signal
import subprocess
import time

PROGRAMS = ['broker/dispatch/cloister-broker'] + \
    [f'workers/cloister-{w}' for w in ('platform', 'disk', 'net', 'vga', 'vnc')]
PATIENCE_S = 60

PTRACE_SINGLESTEP, PTRACE_SEIZE, PTRACE_INTERRUPT = 9, 0x4206, 0x4207
WALL = 0x40000000
PTRACE_GETREGS, REGS, RAX, RDI, RIP = 12, 27, 10, 14, 16
SENDS = (1, 44, 46)     # write, sendto, sendmsg
SYSCALL = b'\x0f\x05'
CALL_S = 0.1           # what it told somebody is acted on by then
SLEEPS_S = 0.03         # an instruction that takes longer is a system call

UNPLUG, UNPLUG_DISKS, UNPLUG_NICS, UNPLUG_AUX = 0x10, 1, 2, 4
MAGIC = 0x49d2


def until(check, seconds=PATIENCE_S):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        got = check()
        if got:
            return got
        time.sleep(0.005)
    return check()


def make_place(where, fake, build):
    """A directory with the programs, as they find each other."""
    shutil.copy(fake, f'{where}/cloister')
    for program in PROGRAMS:
        os.symlink(f'{build}/{program}', f'{where}/{os.path.basename(program)}')
    os.mkdir(f'{where}/run')
    os.chmod(where, 0o755)


def make_image(path, sectors):
    with open(path, 'wb') as f:
        f.truncate(sectors * 512)


def parts(where, indices, nic=None, tap=None):
    """A display, drives with @where/disk0.img and on, at these IDE positions, and
    a card of that model on that tap, or none: words for DeviceModel."""
    made = ['-device', 'VGA,vgamem_mb=16', '-vnc', 'none']
    for i, index in enumerate(indices):
        made += ['-drive',
                 f'file={where}/disk{i}.img,if=ide,index={index},media=disk,format=raw']
    if nic:
        made += ['-device', f'{nic},id=nic0,netdev=net0,mac=00:16:3e:00:00:01,romfile=',
                 '-netdev', f'type=tap,id=net0,ifname={tap},script=no,downscript=no']
    else:
        made += ['-net', 'none']
    return made


class Machine:
    """A domain, whose vCPU does what it is told."""

    def __init__(self, program, where, domid, *more):
        self.path = f'{where}/machine'
        if os.path.exists(self.path):
            os.unlink(self.path)
        self.process = subprocess.Popen([program, self.path, str(domid), *more], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        until(lambda: os.path.exists(self.path))

    def say(self, *words):
        """Begins something; heard() is its end."""
        self.process.stdin.write(' '.join(map(str, words)) + '\n')
        self.process.stdin.flush()

    def heard(self):
        return self.process.stdout.readline().strip()

    def do(self, *words):
        self.say(*words)
        return self.heard()

    def value(self, *words):
        return int(self.do(*words), 16)

    def fault(self):
        return self.do('fault')

    def cmos(self, index):
        self.do('out', 0x70, 1, index)
        return self.value('in', 0x71, 1)

    def end(self):
        self.process.stdin.close()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:   # its vCPU waits for an answer
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


class DeviceModel:
    """As libxl starts one; @more has what it is made of."""

    def __init__(self, where, machine, domid, *more, fds=(), settings=(), env=(),
                 vcpus=1):
        self.where, self.domid = where, domid
        self.log = f'{where}/log-{time.monotonic_ns()}'
        with open(self.log, 'w', encoding='utf-8') as log:
            self.process = subprocess.Popen(
                [f'{where}/cloister', '-xen-domid', str(domid), '-no-shutdown', '-chardev',
                 f'socket,id=libxl-cmd,path={where}/qmp,server=on,wait=off', '-mon',
                 'chardev=libxl-cmd,mode=control', '-nodefaults', '-no-user-config',
                 '-name', f'whole{domid}', '-display', 'none', '-serial', 'null',
                 '-boot', 'order=c', '-smp', f'{vcpus},maxcpus={vcpus}',
                 '-machine', 'xenfv', '-m', '64', '-cloister',
                 ','.join([f'run-dir={where}/run', 'crash-dir=off', *settings]), *more],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=fds,
                env={**os.environ, 'CLOISTER_FAKE_MACHINE': machine.path, **dict(env)})

    def said(self):
        with open(self.log, encoding='utf-8', errors='replace') as f:
            return f.read()

    def serves(self):
        until(lambda: self.process.poll() is not None or
              'cloister: serving: ' in self.said())
        return self.process.poll() is None and 'cloister: serving: ' in self.said()

    def runs(self):
        return self.process.poll() is None

    def pid(self, name):
        """Of the last one of that name that was started and lives."""
        path = f'/proc/{self.process.pid}/task/{self.process.pid}/children'
        with open(path, encoding='ascii') as f:
            children = f.read().split()
        for pid in reversed(children):
            try:
                with open(f'/proc/{pid}/cmdline', 'rb') as f:
                    title = f.read()
                with open(f'/proc/{pid}/stat', encoding='ascii') as f:
                    state = f.read().rsplit(')', 1)[1].split()[0]
            except OSError:
                continue
            if state not in 'ZX' and \
                    title.startswith(f'cloister: dom{self.domid} {name}\0'.encode()):
                return int(pid)
        return None

    def confined(self, name):
        """... and has given everything up: the last thing before it serves.
        Built with a sanitizer it has no filter, but the limits before that."""
        pid = self.pid(name)
        try:
            with open(f'/proc/{pid}/status', encoding='ascii') as f:
                if '\nSeccomp:\t2\n' in f.read():
                    return pid
            with open(f'/proc/{pid}/limits', encoding='ascii') as f:
                limits = f.read()
        except OSError:
            return None
        return pid if 'no filter: built with a sanitizer' in self.said() and \
            re.search(r'\nMax processes +0 ', limits) else None

    def replaced(self, name, old):
        return until(lambda: self.confined(name) not in (None, old))

    def holders(self, path):
        """Who of the family has that file open."""
        want, found = os.path.realpath(path), []
        with open(f'/proc/{self.process.pid}/task/{self.process.pid}/children',
                  encoding='ascii') as f:
            pids = [self.process.pid, *map(int, f.read().split())]
        for pid in pids:
            try:
                for fd in os.listdir(f'/proc/{pid}/fd'):
                    if os.readlink(f'/proc/{pid}/fd/{fd}') == want:
                        found.append(pid)
            except OSError:
                pass
        return found

    def end(self, sig=signal.SIGHUP):
        if self.process.poll() is None:
            self.process.send_signal(sig)
        try:
            return self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return None


class Victim:
    """Holds a process, lets it do some instructions, and kills it."""

    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.restype = ctypes.c_long
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]

    def __init__(self, pid):
        """@held tells whether we may."""
        self.pid, self.gone = pid, False
        self.held = self.ptrace(PTRACE_SEIZE) and self.ptrace(PTRACE_INTERRUPT) and \
            self.stopped()

    def ptrace(self, what):
        return self.libc.ptrace(what, self.pid, None, None) == 0

    def stopped(self, seconds=5.0):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            pid, status = os.waitpid(self.pid, os.WNOHANG | WALL)
            if pid:
                self.gone = not os.WIFSTOPPED(status)
                return not self.gone
        return False

    def step(self, seconds=SLEEPS_S):
        """False: it sleeps, or is gone."""
        return self.ptrace(PTRACE_SINGLESTEP) and self.stopped(seconds)

    def strike(self, instructions):
        """Returns how many it did: fewer if it slept, and had nothing to do."""
        done = 0
        while done < instructions and self.step():
            done += 1
        self.kill()
        return done

    def strike_when(self, happened, most=20000):
        """As soon as what it said to somebody has had that effect.  True: it had."""
        for _ in range(most):
            calls = self.is_at_call()
            if not self.step(PATIENCE_S):
                break
            if calls and until(happened, CALL_S):
                self.kill()
                return True
        self.kill()
        return False

    def strike_at_write(self, fd, most=20000):
        """When it has written to that descriptor, and who reads it had some time.
        How many instructions that took; None: it did not."""
        for done in range(most):
            last = self.is_at_call(fd)
            if not self.step(PATIENCE_S):
                break
            if last:
                time.sleep(CALL_S)
                self.kill()
                return done
        self.kill()
        return None

    def is_at_call(self, fd=None):
        """About to say something to somebody."""
        regs = (ctypes.c_ulonglong * REGS)()
        if self.libc.ptrace(PTRACE_GETREGS, self.pid, None, regs) or \
                regs[RAX] not in SENDS or fd not in (None, regs[RDI]):
            return False
        try:
            with open(f'/proc/{self.pid}/mem', 'rb', buffering=0) as f:
                f.seek(regs[RIP])
                return f.read(2) == SYSCALL
        except OSError:
            return False

    def kill(self):
        if not self.gone:
            os.kill(self.pid, signal.SIGKILL)
        while not self.gone:
            try:
                _, status = os.waitpid(self.pid, WALL)
                self.gone = not os.WIFSTOPPED(status)
            except OSError as e:
                self.gone = e.errno != errno.EINTR


def some_instructions(most, seed):
    """Few more often than many."""
    return int(most ** random.Random(seed).random())
