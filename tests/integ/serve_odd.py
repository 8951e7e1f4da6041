#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""`cloister serve` on odd hosts, on the in-memory hypervisor: groups that nobody
may make, a disk that is full, a guest whose name is not a name.

usage: serve_odd.py CLOISTER-FAKE BUILD-DIR
"""

import ctypes
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'lib'))

import domid
from dm import make_place
from tap import Tap

FAKE, BUILD = (os.path.abspath(p) for p in sys.argv[1:3])
DOMID = domid.claim()
CLONE_NEWNS = 0x20000
MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1, 0x20, 0x1000, 0x4000, 0x40000
libc = ctypes.CDLL(None, use_errno=True)
tap = Tap()
ok = tap.ok


def mount(what, where, kind, flags, data=None):
    args = [a.encode() if isinstance(a, str) else a for a in (what, where, kind)]
    if libc.mount(*args, ctypes.c_ulong(flags), data):
        raise OSError(ctypes.get_errno(), f'mount {where}')


def find_groups():
    """Where cgroup version 2 is, or None."""
    for at in ('/sys/fs/cgroup', '/sys/fs/cgroup/unified'):
        if os.path.exists(f'{at}/cgroup.controllers'):
            return at
    return None


class Family:
    """A supervisor, once it serves or has ended."""

    def __init__(self, *args, before=None, **env):
        self.log = open(f'{DIR}/log', 'w+', encoding='utf-8', errors='replace')
        self.process = subprocess.Popen(
            [f'{DIR}/cloister', 'serve', '--domid', str(DOMID), '--memory', '64', '--vga',
             'none', '--set', f'run-dir={DIR}/run,crash-dir=off', *args],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
            preexec_fn=before, env={**os.environ, **env})
        deadline = time.monotonic() + 30
        while self.process.poll() is None and time.monotonic() < deadline and \
                'cloister: serving: ' not in self.said():
            time.sleep(0.05)

    def said(self):
        self.log.seek(0)
        return self.log.read()

    def serves(self):
        return self.process.poll() is None and 'cloister: serving: ' in self.said()

    def end(self):
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(20)


def check_name():
    """systemd takes a line each; a guest's name is not to add one."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(f'{DIR}/notify')
        f = Family('--name', 'a\nSTOPPING=1\nERRNO=5\x1b[2J\xe9', NOTIFY_SOCKET=f'{DIR}/notify')
        said = b''
        systemd.settimeout(5)
        try:
            while f.serves() and b'READY=1' not in said:
                said = systemd.recv(4000)
        except TimeoutError:
            pass
        ok([line.split(b'=')[0] for line in said.split(b'\n')] == [b'READY', b'STATUS'] and
           said.isascii() and b'\x1b' not in said,
           'what systemd hears of a guest is what it is, whatever its name', said, f.said())
        ok(f.end() == 0, '... and it ends well', f.said())


def forbid_groups():
    libc.unshare(CLONE_NEWNS)
    mount('none', '/', None, MS_REC | MS_PRIVATE)
    mount(GROUPS, GROUPS, None, MS_BIND)
    mount('none', GROUPS, None, MS_REMOUNT | MS_BIND | MS_RDONLY)


def check_forbidden():
    if not GROUPS:
        tap.skip('no cgroup version 2 here', 'groups that nobody may make')
        return
    f = Family(before=forbid_groups)
    ok(f.serves() and 'no accounting and no limits per process' in f.said(),
       'groups that cannot be made: said, and the guest is served', f.said())
    ok(f.end() == 0, '... and it ends well', f.said())
    f = Family('--limit', 'disk.pids.max=64', before=forbid_groups)
    ok(f.process.poll() == 1 and 'cannot set limits, there is no cgroup for them: count=1' in
       f.said(), '... but who asked for a limit gets no guest without it', f.said())
    f.end()


def main():
    make_place(DIR, FAKE, BUILD)
    try:
        check_name()
        check_forbidden()
    finally:
        shutil.rmtree(DIR, ignore_errors=True)


tap.needs_root()
GROUPS = find_groups()
DIR = tempfile.mkdtemp(prefix='serve-odd-')
main()
tap.done()
