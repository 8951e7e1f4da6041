#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What a guest takes along: devices that it unplugged stay away from who is
restored, and a soft reset in libxl's order, on the in-memory hypervisor.

usage: carry_run.py CLOISTER-FAKE DRIVEN-MACHINE BUILD-DIR
"""

import os
import signal
import sys
import tempfile

sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'lib'))

import domid
from dm import (MAGIC, UNPLUG, UNPLUG_AUX, UNPLUG_DISKS, UNPLUG_NICS, DeviceModel, Machine,
                make_image, make_place, parts, until)
from qmp import Qmp
from tap import Tap

FAKE, MACHINE, BUILD = (os.path.abspath(p) for p in sys.argv[1:4])
DOMID = domid.claim()
TAP = f'clc{os.getpid()}'
MODEL_OF = {0x813910ec: 'rtl8139', 0x100e8086: 'e1000'}
IDE1 = 0x170
RESETS = 4
t = Tap()
ok = t.ok


def start(machine, *more, nic=None, fds=()):
    dm = DeviceModel(DIR, machine, DOMID, *parts(DIR, range(3), nic, TAP), *more, fds=fds)
    ok(dm.serves(), 'a device model serves', dm.said())
    return dm


def resume(machine, nic=None):
    """From the file, by descriptor, as libxl starts it."""
    fd = os.open(f'{DIR}/resume', os.O_RDONLY)
    dm = start(machine, '-incoming', f'fd:{fd}', nic=nic, fds=[fd])
    os.close(fd)
    return dm


def save(memory=True):
    """libxl's words: stop, the state into a file, which gets another name.  Without
    the guest's memory, which a soft reset leaves where it is, nobody asks what is
    written to it."""
    qmp = Qmp(f'{DIR}/qmp')
    good = (not memory or qmp.good('xen-set-global-dirty-log', enable=True)) and \
        qmp.good('stop') and qmp.save(f'{DIR}/save').get('return') == {} and \
        (not memory or qmp.good('xen-set-global-dirty-log', enable=False))
    os.rename(f'{DIR}/save', f'{DIR}/resume')
    return good


def card(machine):
    """The model of the network card the guest sees."""
    for slot in range(32):
        found = MODEL_OF.get(machine.value('cfg', slot << 3, 0, 4))
        if found:
            return found
    return None


def drives(machine):
    """Of the three, those that can be read; they are 1, 2, 3 times SEED."""
    here = []
    for i, (base, unit) in enumerate(((0x1f0, 0), (0x1f0, 1), (IDE1, 0))):
        machine.do('out', base + 6, 1, 0xe0 | unit << 4)
        # Without a drive the command register does nothing.
        machine.do('out', base + 7, 1, 0xec)
        if until(lambda: not machine.value('in', base + 7, 1) & 0x80, 5) and \
                machine.value('in', base + 7, 1) & 0x09 == 0x08:
            here.append(i)
            for _ in range(256):
                machine.do('in', base, 2)
    return here


def tap_is_there():
    return os.path.exists(f'/sys/class/net/{TAP}')


def holders(dm):
    return [dm.holders(f'{DIR}/disk{i}.img') for i in range(3)]


def unplug(machine, mask):
    good = machine.value('in', UNPLUG, 2) == MAGIC
    machine.do('out', UNPLUG + 2, 2, 3)
    machine.do('out', UNPLUG, 4, 0x050600)
    machine.do('out', UNPLUG, 2, mask)
    return good


def check_unplugged(machine, dm, mask, nic, who):
    left = {UNPLUG_DISKS | UNPLUG_NICS: [], UNPLUG_AUX: [0]}[mask]
    there = mask & UNPLUG_NICS == 0 and nic
    ok(drives(machine) == left, f'{who}: drives {left or "none"}', drives(machine), dm.said())
    ok(card(machine) == (nic if there else None), f'{who}: card {nic if there else "none"}',
       card(machine))
    held = holders(dm)
    ok(all(bool(held[i]) == (i in left) for i in range(3)),
       f'{who}: nobody has the others\' images', held)
    if nic:
        ok(tap_is_there() == bool(there), f'{who}: and the tap is {"there" if there else "gone"}')


def test_unplugged(mask, nic, domains):
    """Unplugged, saved, restored, and once more, since that one is saved, too."""
    machine = Machine(MACHINE, DIR, DOMID)
    dm = start(machine, nic=nic)
    ok(drives(machine) == [0, 1, 2] and card(machine) == nic, 'all that it was given',
       drives(machine), card(machine))
    ok(machine.do('write', 5, 3, 7) == 'good', 'it writes to its disk')
    ok(unplug(machine, mask), f'and unplugs 0x{mask:x}')
    machine.do('out', 0x3ff, 1, 0x5a)
    check_unplugged(machine, dm, mask, nic, 'before')
    for n in range(domains):
        ok(save() and dm.end() == 0, 'it is saved, and its device model ends', dm.said())
        machine.do('reset')
        dm = resume(machine, nic)
        ok('not valid' not in dm.said() and Qmp(f'{DIR}/qmp').good('cont') and
           machine.value('in', 0x3ff, 1) == 0x5a, 'restored, it goes on', dm.said())
        check_unplugged(machine, dm, mask, nic, f'restored {n + 1}')
        ok(unplug(machine, mask) and machine.value('in', 0x3ff, 1) == 0x5a,
           'told again to unplug them, as guests do: nothing happens')
    if mask == UNPLUG_AUX:
        ok(machine.do('check', 5, 3, 7) == 'good', 'what it wrote is on the disk that it kept')
    ok(machine.fault() == 'none', 'no fault', machine.fault())
    ok(dm.end() == 0, 'the last one ends', dm.said())
    machine.end()
    ok(not tap_is_there(), 'no tap is left')


def begin_read(machine):
    """Of two sectors; the guest has them in its own time."""
    for reg, value in ((6, 0xe0), (2, 2), (3, 40), (4, 0), (5, 0), (7, 0x20)):
        machine.do('out', 0x1f0 + reg, 1, value)
    until(lambda: machine.value('in', 0x1f7, 1) & 0x88 == 0x08)


def test_soft_reset(nic, slow):
    """stop, save, rename, kill, xc_domain_soft_reset, start; nobody waits for the
    old one, and with @slow one of its processes hangs."""
    machine = Machine(MACHINE, DIR, DOMID)
    dm = start(machine, nic=nic)
    machine.do('out', 0x70, 1, 0x45)
    machine.do('out', 0x71, 1, 0xa7)
    for n in range(RESETS):
        seed = 100 * n + slow
        ok(machine.do('write', 40, 6, seed) == 'good', 'it writes to its disk', dm.said())
        machine.do('out', 0x3ff, 1, n)
        begin_read(machine)
        words = [machine.value('in', 0x1f0, 2) for _ in range(10)]
        old = {name: dm.pid(name) for name in ('broker', 'platform', 'disk0', 'vga')}
        ok(None not in old.values() and save(memory=False), 'stop and save', old, dm.said())
        if slow:
            os.kill(old['disk0'], signal.SIGSTOP)
        was = dm
        was.process.send_signal(signal.SIGHUP)
        machine.do('reset')
        dm = resume(machine, nic)
        qmp = Qmp(f'{DIR}/qmp')
        ok(qmp.status() == 'paused' and qmp.good('cont'), 'it is paused, and goes on')
        words += [machine.value('in', 0x1f0, 2) for _ in range(512 - 10)]
        ok(machine.value('in', 0x1f7, 1) & 0x89 == 0, 'with the read it was in')
        begin_read(machine)
        ok(words == [machine.value('in', 0x1f0, 2) for _ in range(512)] and
           machine.do('check', 40, 6, seed) == 'good', 'and the disk has what it wrote')
        ok(machine.value('in', 0x3ff, 1) == n and machine.cmos(0x45) == 0xa7,
           'registers are as they were')
        ok(card(machine) == nic and (not nic or tap_is_there()), 'so is its card')
        ok(was.end(signal.SIGHUP) == 0 and not any(os.path.exists(f'/proc/{p}')
                                                   for p in old.values()),
           'of the old one nobody is left', was.said())
        ok(machine.do('served', 0x1f7) == '1' and machine.value('in', 0x3ff, 1) == n,
           'whose end took nothing from the new one')
    ok(machine.fault() == 'none', 'no fault', machine.fault())
    ok(dm.end() == 0, 'the last one ends', dm.said())
    machine.end()


def main():
    make_place(DIR, FAKE, BUILD)
    for i in range(3):
        make_image(f'{DIR}/disk{i}.img', 2048)
    taps = os.path.exists('/dev/net/tun')
    if not taps:
        t.skip('no /dev/net/tun: without network cards')
    for nic in ('rtl8139', 'e1000') if taps else (None,):
        test_unplugged(UNPLUG_DISKS | UNPLUG_NICS, nic, 2)
    test_unplugged(UNPLUG_AUX, 'e1000' if taps else None, 1)
    test_soft_reset('rtl8139' if taps else None, False)
    test_soft_reset('e1000' if taps else None, True)


t.needs_root()
with tempfile.TemporaryDirectory() as DIR:
    main()
t.done()
