#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Save, restore, a migration that fails, and bad files: the supervisor as a
whole on the in-memory hypervisor, spoken to in libxl's words.

usage: save_qmp.py CLOISTER-FAKE BUILD-DIR
"""

import os
import signal
import struct
import subprocess
import sys
import tempfile
import time
import zlib

sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'lib'))

import domid
from dm import PROGRAMS, make_image, make_place
from qmp import Qmp
from tap import Tap

FAKE, BUILD = (os.path.abspath(p) for p in sys.argv[1:3])
DOMID = domid.claim()
NAME = f'save{DOMID}'
tap = Tap()
ok = tap.ok


class Guest:
    """One device model."""

    def __init__(self, *more, fds=(), memory=64):
        self.log = open(f'{DIR}/log', 'w+', encoding='utf-8')
        self.process = subprocess.Popen(
            [f'{DIR}/cloister', '-xen-domid', str(DOMID), '-no-shutdown', '-chardev',
             f'socket,id=libxl-cmd,path={DIR}/qmp,server=on,wait=off', '-mon',
             'chardev=libxl-cmd,mode=control', '-nodefaults', '-no-user-config', '-name',
             NAME, '-vnc', 'none', '-display', 'none', '-serial', 'null', '-device',
             'VGA,vgamem_mb=16', '-boot', 'order=c', '-smp', '1,maxcpus=1', '-net', 'none',
             '-machine', 'xenfv', '-m', str(memory), '-drive',
             f'file={DIR}/disk.img,if=ide,index=0,media=disk,format=raw', '-cloister',
             f'run-dir={DIR}/run,crash-dir=off', *more], stdin=subprocess.DEVNULL, stdout=self.log,
            stderr=self.log, pass_fds=fds)

    def serves(self):
        deadline = time.time() + 60
        while 'cloister: serving: ' not in self.said():
            if self.process.poll() is not None or time.time() > deadline:
                return False
            time.sleep(0.05)
        return True

    def said(self):
        with open(f'{DIR}/log', encoding='utf-8') as f:
            return f.read()

    def end(self):
        began = time.time()
        self.process.send_signal(signal.SIGHUP)
        try:
            return self.process.wait(10), time.time() - began
        except subprocess.TimeoutExpired:
            self.process.kill()
            return None, time.time() - began

    def worker(self, name):
        for pid in filter(str.isdigit, os.listdir('/proc')):
            try:
                with open(f'/proc/{pid}/cmdline', 'rb') as f:
                    title = f.read()
                with open(f'/proc/{pid}/stat', encoding='ascii') as f:
                    parent = int(f.read().rsplit(')', 1)[1].split()[1])
            except (OSError, IndexError):
                continue
            if title.startswith(f'cloister: dom{DOMID} {name}'.encode()) and \
                    parent == self.process.pid:
                return int(pid)
        return None


def sections(data):
    """(name, version, body) of each; None if a check sum is wrong."""
    magic, version, number, size, _, crc = struct.unpack_from('<8sIIQII', data)
    if magic != b'CLOISTER' or version != 1 or size != len(data) or \
            zlib.crc32(data[:28] + bytes(4)) != crc:
        return None
    found, at = [], 32
    for _ in range(number):
        name, version, crc, length = struct.unpack_from('<48sIIQ', data, at)
        end = at + 64 + (length + 7) // 8 * 8
        if zlib.crc32(data[at:at + 52] + bytes(4) + data[at + 56:end]) != crc:
            return None
        found.append((name.rstrip(b'\0').decode(), version, data[at + 64:at + 64 + length]))
        at = end
    return found if at == len(data) else None


def read(path):
    with open(path, 'rb') as f:
        return f.read()


def check_save(guest):
    qmp = Qmp(f'{DIR}/qmp')
    ok(qmp.status() == 'running', 'a guest that runs')
    ok(qmp.good('xen-set-global-dirty-log', enable=True), 'dirty logging is switched on')
    reply = qmp.run('xen-save-devices-state', live=False, filename=f'{DIR}/early')
    ok('stop' in reply.get('error', {}).get('desc', '') and
       not os.path.exists(f'{DIR}/early'), 'not saved while it runs', reply)
    began = time.time()
    ok(qmp.good('stop'), 'stop')
    print(f'# stop took {(time.time() - began) * 1e3:.1f} ms')
    ok(qmp.status() == 'paused' and qmp.good('stop'), 'it is, and stop does no harm')
    with open(f'{DIR}/state', 'wb') as f:
        f.write(b'x' * 2000000)
    reply = qmp.save(f'{DIR}/state')
    ok(reply.get('return') == {}, 'saved', reply)
    data = read(f'{DIR}/state')
    print(f'# {len(data)} bytes')
    found = sections(data)
    ok(found and len(data) < 262144, 'sections with right sums, in less than 256 KiB')
    names = [s[0] for s in found or ()]
    ok(names[:2] == ['guest', 'broker'] and
       {'platform', 'disk0', 'vga', 'vga/buffers'} <= set(names), 'all that there is', names)
    reply = qmp.run('xen-save-devices-state', live=True, filename=f'{DIR}/named')
    again = sections(read(f'{DIR}/named'))
    ok(reply.get('return') == {} and
       [s for s in again if s[0] != 'broker'] == [s for s in found if s[0] != 'broker'],
       'by name, and nothing moved meanwhile', reply)
    for name in ('/dev/fdset/7', '/dev/fdset/x', '/nonexistent/x', '/dev/null/x'):
        reply = qmp.run('xen-save-devices-state', live=False, filename=name)
        ok(reply.get('error', {}).get('class') == 'GenericError',
           f'{name}: {reply.get("error", {}).get("desc")}')
    check_no_room(qmp)
    ok(qmp.good('xen-set-global-dirty-log', enable=False), 'dirty logging is switched off')
    ok(qmp.good('cont') and qmp.status() == 'running' and qmp.good('cont'),
       'it goes on, as after a migration that failed')
    ok(qmp.good('stop') and qmp.save(f'{DIR}/state').get('return') == {},
       'and is saved once more')
    status, took = guest.end()
    ok(status == 0 and took < 2, f'it ends ({took:.1f} s)', guest.said())


def check_called_off():
    """A worker that does not answer: stop waits, cont calls it off."""
    guest = Guest()
    if not ok(guest.serves(), 'another guest', guest.said()):
        return
    one, two = Qmp(f'{DIR}/qmp'), Qmp(f'{DIR}/qmp')
    pid = guest.worker('disk0')
    os.kill(pid, signal.SIGSTOP)
    one.send('stop')
    time.sleep(0.3)
    ok(two.status() == 'running', 'stop waits for a worker, others are answered')
    ok(two.good('cont'), 'somebody else has it go on')
    reply = one.read()
    ok('go on' in reply.get('error', {}).get('desc', ''), 'then stop fails', reply)
    os.kill(pid, signal.SIGCONT)
    ok(one.good('stop') and one.status() == 'paused', 'and can be had again')
    ok(guest.end()[0] == 0, 'a guest at rest ends as well', guest.said())


def replace_program(name, text):
    """Whoever is started from now on runs this instead; None: the real one."""
    path = f'{DIR}/cloister-{name}'
    program = next(p for p in PROGRAMS if os.path.basename(p) == f'cloister-{name}')
    os.unlink(path)
    if text is None:
        os.symlink(f'{BUILD}/{program}', path)
        return
    with open(path, 'w', encoding='ascii') as f:
        f.write('#!/bin/sh\n' + text)
    os.chmod(path, 0o755)


def cgroup_of(pid):
    with open(f'/proc/{pid}/cgroup', encoding='ascii') as f:
        return f.read()


def check_deaths_at_rest():
    """Who is replaced while all is at rest: nobody reads what it is writing."""
    guest = Guest('-cloister', 'restart-limit=90/60')
    if not ok(guest.serves(), 'one whose workers die', guest.said()):
        return
    qmp = Qmp(f'{DIR}/qmp')
    ok(qmp.good('stop'), 'it is at rest')
    place = cgroup_of(guest.worker('disk0'))
    replace_program('disk', 'exit 1\n')
    os.kill(guest.worker('disk0'), signal.SIGKILL)
    time.sleep(0.3)
    qmp.send('xen-save-devices-state', live=False, filename=f'{DIR}/late')
    time.sleep(0.3)
    ok(not os.path.exists(f'{DIR}/late'), 'a save waits for who takes over')
    replace_program('disk', None)
    ok(qmp.read().get('return') == {} and sections(read(f'{DIR}/late')), 'and is had then')
    ok(cgroup_of(guest.worker('disk0')) == place, 'in the same cgroup', place)
    replace_program('broker', 'exit 1\n')
    os.kill(guest.worker('broker'), signal.SIGKILL)
    time.sleep(0.2)
    ok(qmp.good('cont') and qmp.status() == 'running', 'it goes on without a broker')
    reply = qmp.run('xen-save-devices-state', live=False, filename=f'{DIR}/late')
    ok('stop' in reply.get('error', {}).get('desc', ''), 'and is not to be saved then', reply)
    qmp.send('stop')
    time.sleep(0.2)
    replace_program('broker', None)
    ok(qmp.read().get('return') == {} and qmp.status() == 'paused',
       'a stop waits for a broker')
    ok(qmp.good('cont'), 'and it goes on')
    ok(guest.end()[0] == 0, 'it ends', guest.said())


def wait_gone(guest, name, old):
    """Until a successor of @old is there, or the log says that none comes."""
    deadline = time.time() + 20
    while time.time() < deadline:
        if guest.worker(name) not in (None, old):
            return True
        if f'has no successor: name={name};' in guest.said():
            return False
        time.sleep(0.02)
    return None


def check_failed():
    """Some are failed or gone for good, the rest is saved, and restored."""
    guest = Guest('-cloister', 'restart-limit=1/60')
    if not ok(guest.serves(), 'one that loses workers', guest.said()):
        return
    pid = guest.worker('disk0')
    os.kill(pid, signal.SIGKILL)
    ok(wait_gone(guest, 'disk0', pid) is True, 'its disk is failed', guest.said())
    qmp = Qmp(f'{DIR}/qmp')
    ok(qmp.good('stop') and qmp.save(f'{DIR}/failed').get('return') == {} and
       qmp.good('cont'), 'it is saved', guest.said())
    for name in ('disk0', 'platform'):
        pid = guest.worker(name)
        os.kill(pid, signal.SIGKILL)
        ok(wait_gone(guest, name, pid) is False, f'{name} is gone for good')
    began = time.time()
    ok(qmp.good('stop') and qmp.save(f'{DIR}/gone').get('return') == {} and
       time.time() - began < 10, 'nobody waits for them', guest.said())
    ok(guest.end()[0] == 0, 'it ends', guest.said())
    for name in ('failed', 'gone'):
        guest = Guest('-incoming', f'file:{DIR}/{name}')
        ok(guest.serves() and Qmp(f'{DIR}/qmp').good('cont'), f'{name}: another goes on from that',
           guest.said())
        ok(guest.end()[0] == 0, 'and ends', guest.said())


def check_no_room(qmp):
    """What cannot be written is told, and no half of a file is left."""
    small = f'{DIR}/small'
    os.mkdir(small)
    if subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=4k', 'none', small],
                      capture_output=True, check=False).returncode:
        ok(True, 'a full disk # SKIP cannot mount')
        return
    try:
        reply = qmp.save(f'{small}/state')
        ok('No space left' in reply.get('error', {}).get('desc', '') and
           reply['error']['class'] == 'GenericError' and
           os.stat(f'{small}/state').st_size == 0, 'a full disk', reply)
        os.unlink(f'{small}/state')
        reply = qmp.run('xen-save-devices-state', filename=f'{small}/named')
        ok('No space left' in reply.get('error', {}).get('desc', '') and
           not os.listdir(small), 'by name: nothing is left there', reply)
    finally:
        subprocess.run(['umount', small], check=False)
    for what, fd in (('a pipe', os.pipe()[1]), ('read only', os.open(FAKE, os.O_RDONLY))):
        number = qmp.run('add-fd', fd)['return']['fdset-id']
        os.close(fd)
        reply = qmp.run('xen-save-devices-state', filename=f'/dev/fdset/{number}')
        ok(reply.get('error', {}).get('class') == 'GenericError' and
           qmp.good('remove-fd', **{'fdset-id': number}), f'{what} is refused', reply)
    ok(qmp.status() == 'paused', 'and it is at rest as before')


def check_restore():
    fd = os.open(f'{DIR}/state', os.O_RDONLY)
    os.lseek(fd, 100, os.SEEK_SET)
    began = time.time()
    guest = Guest('-incoming', f'fd:{fd}', '-S', fds=[fd])
    os.close(fd)
    if not ok(guest.serves(), 'a new device model starts from the file', guest.said()):
        return
    print(f'# restored in {(time.time() - began) * 1e3:.0f} ms')
    ok('not valid' not in guest.said(), 'all that it found is valid', guest.said())
    qmp = Qmp(f'{DIR}/qmp')
    ok(qmp.status() == 'paused', 'it is paused until it is told to go on')
    ok(qmp.good('cont') and qmp.status() == 'running', 'then it runs')
    qmp.run('stop')
    reply = qmp.save(f'{DIR}/again')
    was, now = sections(read(f'{DIR}/state')), sections(read(f'{DIR}/again'))
    same = [a[0] for a, b in zip(was, now) if a != b]
    ok(reply.get('return') == {} and [s[:2] for s in was] == [s[:2] for s in now],
       'what it saves has the same sections')
    print('# that differ:', ' '.join(same))
    ok(guest.end()[0] == 0, 'it ends', guest.said())


def refused(what, text, data=None, **how):
    path = f'{DIR}/state'
    if data is not None:
        path = f'{DIR}/bad'
        with open(path, 'wb') as f:
            f.write(data)
    guest = Guest('-incoming', f'file:{path}', **how)
    try:
        status = guest.process.wait(30)
    except subprocess.TimeoutExpired:
        guest.process.kill()
        status = None
    lines = [line for line in guest.said().splitlines() if 'cannot restore' in line]
    ok(status == 1 and len(lines) == 1 and text in lines[0], f'{what}: {lines}',
       guest.said())


def check_refused():
    data = read(f'{DIR}/state')
    refused('cut off', 'section=head field=size_bytes: the file is cut off', data[:-1])
    refused('nothing', 'section=head field=size_bytes', b'')
    refused('QEMU\'s', 'a save file of QEMU\'s', b'QEVM\0\0\0\3' + bytes(100))
    refused('newer', 'version 7', data[:8] + b'\7\0\0\0' + data[12:])
    refused('damaged', 'field=crc', data[:5000] + bytes([data[5000] ^ 1]) + data[5001:])
    os.rename(f'{DIR}/disk.img', f'{DIR}/disk.one')
    with open(f'{DIR}/disk.img', 'wb') as f:
        f.truncate(2 << 20)
    refused('another disk', 'section=guest field=drive[0].size_bytes: the file has 1048576, '
            'this guest has 2097152')
    os.rename(f'{DIR}/disk.one', f'{DIR}/disk.img')
    refused('another memory', 'section=guest field=ram_low_bytes', memory=32)


def main():
    tap.needs_root()
    make_place(DIR, FAKE, BUILD)
    make_image(f'{DIR}/disk.img', 2048)
    guest = Guest()
    if ok(guest.serves(), 'a guest is served', guest.said()):
        check_save(guest)
        check_restore()
        check_refused()
        check_called_off()
        check_deaths_at_rest()
        check_failed()
    tap.done()


with tempfile.TemporaryDirectory() as DIR:
    main()
