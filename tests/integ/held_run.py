#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A guest at rest: after QMP's stop, or restored and not yet told to cont, however
late that comes, twice as well.  Whoever dies meanwhile; on the in-memory hypervisor.

What shows that a device moved is the second serial port: a byte from outside
raises its interrupt.

usage: held_run.py CLOISTER-FAKE DRIVEN-MACHINE BUILD-DIR
"""

import os
import signal
import struct
import sys
import tempfile
import time

sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'lib'))

import domid
from dm import DeviceModel, Machine, make_image, make_place, until
from qmp import Qmp
from tap import Tap

FAKE, MACHINE, BUILD = (os.path.abspath(p) for p in sys.argv[1:4])
DOMID = domid.claim()
COM2, COM2_IRQ = 0x2f8, 3
MEMBERS = ('broker', 'platform', 'disk0', 'vga')
HELD_S = 0.5            # a byte is through in a thousandth of that
t = Tap()
ok = t.ok


def start(machine, *more, fds=()):
    dm = DeviceModel(DIR, machine, DOMID, '-serial', 'pty', '-device', 'VGA,vgamem_mb=16',
                     '-vnc', 'none', '-net', 'none', '-drive',
                     f'file={DIR}/disk.img,if=ide,index=0,media=disk,format=raw', *more,
                     fds=fds, settings=['restart-limit=90/60'])
    ok(dm.serves(), 'a device model serves', dm.said())
    return dm


def restore(machine, name='state'):
    machine.do('reset')
    with open(f'{DIR}/{name}', 'rb') as f:
        return start(machine, '-incoming', f'fd:{f.fileno()}', fds=[f.fileno()])


def outside(qmp):
    """The other end of the second serial port."""
    for port in qmp.run('query-chardev')['return']:
        if port['label'] == 'serial1':
            return os.open(port['filename'].removeprefix('pty:'), os.O_RDWR | os.O_NOCTTY)
    return -1


def is_raised(machine):
    return machine.do('line', COM2_IRQ) == '1'


def stays_low(machine):
    time.sleep(HELD_S)
    return not is_raised(machine)


def goes_on(machine, qmp, byte):
    return qmp.good('cont') and qmp.status() == 'running' and \
        until(lambda: is_raised(machine), 10) and machine.value('in', COM2, 1) == byte and \
        machine.value('in', COM2 + 7, 1) == 0x5a


def devices(path):
    """Name and body of each section but the one that has the time."""
    with open(path, 'rb') as f:
        data = f.read()
    at, found = 32, {}
    while at < len(data):
        name, _, _, length = struct.unpack_from('<48sIIQ', data, at)
        found[name.rstrip(b'\0').decode()] = data[at + 64:at + 64 + length]
        at += 64 + (length + 7) // 8 * 8
    found.pop('broker', None)
    return found


def make_listen(machine):
    machine.do('out', COM2 + 1, 1, 1)
    machine.do('out', COM2 + 4, 1, 0x0b)
    machine.do('out', COM2 + 7, 1, 0x5a)


def make_saved(machine):
    dm = start(machine)
    make_listen(machine)
    qmp = Qmp(f'{DIR}/qmp')
    fd = outside(qmp)
    os.write(fd, b'a')
    ok(until(lambda: is_raised(machine), 10) and machine.value('in', COM2, 1) == ord('a') and
       not is_raised(machine), 'a byte from outside raises an interrupt', dm.said())
    os.close(fd)
    ok(qmp.good('stop') and qmp.save(f'{DIR}/state').get('return') == {}, 'saved', dm.said())
    ok(dm.end() == 0, 'it ends', dm.said())


def test_held(machine):
    """xl restore -p, and an unpause that comes when it comes."""
    dm = restore(machine)
    qmp = Qmp(f'{DIR}/qmp')
    fd = outside(qmp)
    os.write(fd, b'b')
    ok(stays_low(machine) and qmp.status() == 'paused', 'no device moves before cont')
    reply = qmp.save(f'{DIR}/again')
    ok(reply.get('return') == {} and devices(f'{DIR}/again') == devices(f'{DIR}/state'),
       'it can be saved as it came, and is what it was', reply)
    ok(qmp.good('stop') and stays_low(machine), 'stop does no harm')
    ok(goes_on(machine, qmp, ord('b')), 'cont, and it goes on', dm.said())
    os.write(fd, b'c')
    ok(goes_on(machine, qmp, ord('c')), 'cont once more', dm.said())
    ok(qmp.good('stop') and qmp.save(f'{DIR}/later').get('return') == {} and
       qmp.good('cont'), 'it is saved as any other', dm.said())
    os.close(fd)
    ok(dm.end() == 0, 'it ends', dm.said())


def test_at_once(machine):
    """cont is there before anybody is ready."""
    machine.do('reset')
    with open(f'{DIR}/state', 'rb') as f:
        dm = DeviceModel(DIR, machine, DOMID, '-serial', 'pty', '-device', 'VGA,vgamem_mb=16',
                         '-vnc', 'none', '-net', 'none', '-drive',
                         f'file={DIR}/disk.img,if=ide,index=0,media=disk,format=raw',
                         '-incoming', f'fd:{f.fileno()}', fds=[f.fileno()])

    def connect():
        try:
            return Qmp(f'{DIR}/qmp')
        except OSError:
            return None
    one = until(connect, 20)
    one.send('cont')
    one.send('cont')
    ok(one.read().get('return') == {} and one.read().get('return') == {} and
       one.status() == 'running', 'cont twice, as soon as there is a socket', dm.said())
    fd = outside(one)
    os.write(fd, b'd')
    ok(goes_on(machine, one, ord('d')), 'it runs', dm.said())
    os.close(fd)
    ok(dm.end() == 0, 'it ends', dm.said())


def check_deaths(machine, dm, qmp, byte):
    """Who is replaced at rest is at rest as well."""
    fd = outside(qmp)
    os.write(fd, bytes([byte]))
    for name in MEMBERS:
        old = dm.pid(name)
        os.kill(old, signal.SIGKILL)
        ok(dm.replaced(name, old) and stays_low(machine), f'{name} is replaced, and rests',
           dm.said())
    ok('not valid' not in dm.said(), 'all that they found is valid', dm.said())
    ok(goes_on(machine, qmp, byte), 'cont, and it goes on', dm.said())
    ok(machine.do('write', 7, 3, byte) == 'good' and machine.do('check', 7, 3, byte) == 'good',
       'with its disk')
    os.close(fd)


def test_stopped(machine):
    dm = start(machine)
    make_listen(machine)
    qmp = Qmp(f'{DIR}/qmp')
    ok(qmp.good('stop'), 'it is stopped')
    check_deaths(machine, dm, qmp, ord('s'))
    ok(dm.end() == 0, 'it ends', dm.said())
    machine.do('reset')


def test_restored(machine):
    dm = restore(machine)
    check_deaths(machine, dm, Qmp(f'{DIR}/qmp'), ord('e'))
    ok(dm.end() == 0, 'it ends', dm.said())


def test_ended(machine):
    """A migration that fails late: nobody ever says cont."""
    dm = restore(machine)
    began = time.monotonic()
    ok(dm.end() == 0 and time.monotonic() - began < 3, 'it ends without ever having run',
       dm.said())


def main():
    make_place(DIR, FAKE, BUILD)
    make_image(f'{DIR}/disk.img', 2048)
    machine = Machine(MACHINE, DIR, DOMID)
    test_stopped(machine)
    make_saved(machine)
    test_held(machine)
    test_at_once(machine)
    test_restored(machine)
    test_ended(machine)
    ok(machine.fault() == 'none', 'no fault', machine.fault())
    machine.end()


t.needs_root()
with tempfile.TemporaryDirectory() as DIR:
    main()
t.done()
