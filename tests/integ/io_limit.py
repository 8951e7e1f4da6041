#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Two guests write to a block device each; one may write 1 MiB a second, or an
eighth of what this machine can do, if that is less.

The supervisor, the broker and the workers are the real ones, on the in-memory
hypervisor; the block devices are loop devices, and what holds a guest back is
the kernel: cloister.conf first, then `cloisterctl limit`.  Needs root, loop
devices and the io controller in cgroup version 2.

usage: io_limit.py CLOISTERCTL CLOISTER-FAKE BUILD-DIR
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'lib'))

from tap import Tap

CTL, FAKE, BUILD = (os.path.abspath(p) for p in sys.argv[1:4])
PROGRAMS = ['broker/dispatch/cloister-broker'] + \
    [f'workers/cloister-{w}' for w in ('platform', 'disk', 'net', 'vga', 'vnc')]
MIB = 1 << 20
IMAGE_BYTES = 64 * MIB
LOOK_S = 6
# What may be under way when a look begins and ends: a flush, twice.
SLACK_BYTES = 2 * 65536
tap = Tap()
ok = tap.ok


def find_io():
    """The mount of cgroup version 2 if it has the io controller, or None."""
    for at in ('/sys/fs/cgroup', '/sys/fs/cgroup/unified'):
        try:
            with open(f'{at}/cgroup.controllers', encoding='ascii') as f:
                if 'io' in f.read().split():
                    return at
        except OSError:
            pass
    return None


class Guest:
    def __init__(self, where, domid, limits=''):
        self.where, self.domid = where, domid
        self.image = f'{where}/{domid}.img'
        with open(self.image, 'wb') as f:
            f.truncate(IMAGE_BYTES)
        self.loop = subprocess.run(['losetup', '--find', '--show', self.image], text=True,
                                   stdout=subprocess.PIPE, check=True).stdout.strip()
        with open(f'{where}/{domid}.conf', 'w', encoding='ascii') as f:
            f.write(f'[defaults]\nrun-dir = {where}/run\n'
                    f'cgroup-parent = /cloister-io-{os.getpid()}\n'
                    f'[guest]\nmemory = 64\nvga = none\ndisk = file={self.loop}\n{limits}')
        self.log = open(f'{where}/{domid}.log', 'w+', encoding='utf-8')
        self.process = subprocess.Popen(
            [f'{where}/cloister', 'serve', '--domid', str(domid), '--name', f'io{domid}',
             '--config', f'{where}/{domid}.conf'], stdin=subprocess.DEVNULL, stdout=self.log,
            stderr=self.log, env={**os.environ, 'CLOISTER_FAKE_WRITES': self.count_file()})

    def count_file(self):
        return f'{self.where}/{self.domid}.bytes'

    def written(self):
        try:
            with open(self.count_file(), encoding='ascii') as f:
                return int(f.read() or 0)
        except (OSError, ValueError):
            return 0

    def said(self):
        self.log.flush()
        with open(self.log.name, encoding='utf-8') as f:
            return f.read()

    def wait_writing(self):
        deadline = time.time() + 40
        while not self.written() and self.process.poll() is None and time.time() < deadline:
            time.sleep(0.1)
        return self.written() > 0

    def limit(self, value):
        return subprocess.run([CTL, '--run-dir', f'{self.where}/run', 'limit',
                               f'io{self.domid}', 'disk0', f'io.max={value}'],
                              capture_output=True, text=True, check=False)

    def end(self):
        if self.process.poll() is None:
            self.process.terminate()
        try:
            status = self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait()
        subprocess.run(['losetup', '--detach', self.loop], check=False)
        return status


def rates(*guests):
    """Bytes a second of each, over the same time."""
    time.sleep(1)       # what was under way before a change
    before, began = [g.written() for g in guests], time.monotonic()
    time.sleep(LOOK_S)
    took = time.monotonic() - began
    return [(g.written() - b) / took for g, b in zip(guests, before)]


def kib(rate):
    return f'{rate / 1024:.0f} KiB/s'


def evidence(guest, io):
    """What the kernel has on the guest's disk worker."""
    group = f'{io}/cloister-io-{os.getpid()}/cloister-{guest.domid}/disk0'
    for name in ('io.max', 'io.stat', 'io.pressure'):
        try:
            with open(f'{group}/{name}', encoding='ascii') as f:
                yield f'{name}: {f.read().strip()}'
        except OSError as e:
            yield str(e)


def test_two(where, io, guests):
    free = Guest(where, 31302)
    guests.append(free)
    if not ok(free.wait_writing(), 'a guest writes to its disk', free.said()):
        return
    cap = int(min(MIB, rates(free)[0] / 8)) // 1024 * 1024
    if not ok(cap > 0, f'without limits eight times {kib(cap)}'):
        return
    held = Guest(where, 31301, f'[limits.disk]\nio.max = images wbps={cap}\n')
    guests.append(held)
    if not ok(held.wait_writing(), f'another, that may write {kib(cap)}', held.said()):
        return
    most = cap + SLACK_BYTES / LOOK_S
    slow, fast = rates(held, free)
    ok(0 < slow <= most, f'cloister.conf: it writes {kib(slow)}', list(evidence(held, io)))
    ok(fast > 2 * most, f'and the other {kib(fast)}', list(evidence(free, io)))
    r = held.limit('images wbps=max')
    fast = rates(held)[0]
    ok(r.returncode == 0 and fast > 2 * most, f'cloisterctl limit wbps=max: {kib(fast)}',
       r.stderr, list(evidence(held, io)))
    r = free.limit(f'images wbps={cap}')
    slow, fast = rates(free, held)
    ok(r.returncode == 0 and 0 < slow <= most,
       f'cloisterctl limit for the other: {kib(slow)}', r.stderr, list(evidence(free, io)))
    ok(fast > 2 * most, f'and the first goes on: {kib(fast)}', list(evidence(held, io)))
    r = free.limit('images wbps=max')
    ok(r.returncode == 0, 'lifted', r.stderr)


def main():
    io = find_io()
    if os.geteuid() or not io:
        print('1..0 # SKIP needs root' if os.geteuid() else
              '1..0 # SKIP the io controller is not in cgroup version 2 here')
        return
    if not shutil.which('losetup') or subprocess.run(
            ['losetup', '--find'], capture_output=True, check=False).returncode:
        print('1..0 # SKIP no loop devices here')
        return
    where = tempfile.mkdtemp(prefix='io-limit-')
    guests = []
    try:
        shutil.copy(FAKE, f'{where}/cloister')
        for program in PROGRAMS:
            os.symlink(f'{BUILD}/{program}', f'{where}/{os.path.basename(program)}')
        os.mkdir(f'{where}/run')
        test_two(where, io, guests)
    finally:
        for g in guests:
            ok(g.end() == 0, f'guest {g.domid} ends well', g.said())
        shutil.rmtree(where, ignore_errors=True)
        try:
            os.rmdir(f'{io}/cloister-io-{os.getpid()}')
        except OSError:
            pass
    tap.done()


main()
