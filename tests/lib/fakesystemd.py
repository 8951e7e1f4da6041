# SPDX-License-Identifier: GPL-2.0-or-later
"""What systemd is to a unit with FileDescriptorStoreMax=, played by a test: its
store of descriptors, and how it starts a main process with what is in there."""

import array
import ctypes
import os
import platform
import signal
import socket
import threading
import time

from dm import until

SYS_KCMP, KCMP_FILE = {'aarch64': 272}.get(platform.machine(), 312), 0
HIGH_FD = 700           # where nobody else has any
libc = ctypes.CDLL(None)


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
            text, control, _, _ = self.at.recvmsg(4096, 1024)
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

    def settle(self):
        """All that was sent so far is taken, as before systemd hears of a death."""
        end = os.pipe()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as to:
            to.sendmsg([b'BARRIER=1'], [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                                         array.array('i', [end[1]]))], 0, self.path)
        os.close(end[1])
        os.read(end[0], 1)
        os.close(end[0])

    def names(self):
        with self.lock:
            return set(self.kept)

    def empty(self):
        with self.lock:
            for fd in self.kept.values():
                os.close(fd)
            self.kept = {}


class Supervisor:
    """Started as systemd does it, with what the store has, in the order that
    @order makes of it."""

    def __init__(self, store, log, args, env, order=list):
        self.store, self.log, self.args, self.env = store, log, args, env
        self.status = None
        store.settle()
        self.ready = store.ready
        with store.lock:
            kept = order(list(store.kept.items()))
            self.pid = os.fork()
            if self.pid == 0:
                self.become(kept)

    def become(self, kept):
        try:
            high = [os.dup2(fd, HIGH_FD + i, inheritable=False)
                    for i, (_, fd) in enumerate(kept)]
            os.closerange(3, HIGH_FD)
            for i, fd in enumerate(high):
                os.dup2(fd, 3 + i)
            log = os.open(self.log, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
            null = os.open('/dev/null', os.O_RDWR)
            os.dup2(null, 0)
            os.dup2(log, 1)
            os.dup2(log, 2)
            env = dict(os.environ, **self.env, NOTIFY_SOCKET=self.store.path)
            if kept:
                env.update(LISTEN_FDS=str(len(kept)), LISTEN_PID=str(os.getpid()),
                           LISTEN_FDNAMES=':'.join(name for name, _ in kept))
            os.close(log)
            os.close(null)
            os.execve(self.args[0], self.args, env)
        finally:
            os._exit(99)

    def said(self):
        try:
            with open(self.log, encoding='utf-8', errors='replace') as f:
                return f.read()
        except FileNotFoundError:
            return ''

    def ended(self):
        if self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
        return self.status is not None

    def is_ready(self):
        return self.store.ready > self.ready

    def serves(self):
        """Until it says so to systemd, or ended."""
        return until(lambda: self.ended() or self.is_ready()) and not self.ended()

    def kill(self, sig=signal.SIGKILL):
        if not self.ended():
            os.kill(self.pid, sig)
        until(self.ended)
        return self.status

    def count_fds(self):
        return len(os.listdir(f'/proc/{self.pid}/fd'))


def lives(pid):
    try:
        with open(f'/proc/{pid}/stat', encoding='ascii', errors='replace') as f:
            return f.read().rsplit(')', 1)[1].split()[0] not in 'ZX'
    except (OSError, IndexError):
        return False


def family(domid):
    """Name -> pids of those that live, whoever's children they are."""
    found, title = {}, f'cloister: dom{domid} '.encode()
    for pid in filter(str.isdigit, os.listdir('/proc')):
        try:
            with open(f'/proc/{pid}/cmdline', 'rb') as f:
                line = f.read().split(b'\0')[0]
        except OSError:
            continue
        if line.startswith(title) and lives(pid):
            found.setdefault(line[len(title):].decode(), []).append(int(pid))
    return found
