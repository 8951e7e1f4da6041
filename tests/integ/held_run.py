#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A guest at rest, after QMP's stop, whoever dies meanwhile; on the in-memory
hypervisor.

What shows that a device moved is the second serial port: a byte from outside
raises its interrupt.

usage: held_run.py CLOISTER-FAKE DRIVEN-MACHINE BUILD-DIR
"""

import os
import signal
import sys
import tempfile
import time

sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'lib'))

from dm import DeviceModel, Machine, make_image, make_place, until
from qmp import Qmp
from tap import Tap

FAKE, MACHINE, BUILD = (os.path.abspath(p) for p in sys.argv[1:4])
DOMID = 32400 + os.getpid() % 250
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


def make_listen(machine):
    machine.do('out', COM2 + 1, 1, 1)
    machine.do('out', COM2 + 4, 1, 0x0b)
    machine.do('out', COM2 + 7, 1, 0x5a)


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


def main():
    make_place(DIR, FAKE, BUILD)
    make_image(f'{DIR}/disk.img', 2048)
    machine = Machine(MACHINE, DIR, DOMID)
    test_stopped(machine)
    ok(machine.fault() == 'none', 'no fault', machine.fault())
    machine.end()


if os.geteuid():
    print('1..0 # SKIP needs root')
    sys.exit(0)
with tempfile.TemporaryDirectory() as DIR:
    main()
t.done()
