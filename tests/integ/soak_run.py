#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Under load everybody of a family is killed and stopped, in random order, and
now and then the guest is saved and goes on in another family; on the in-memory
hypervisor.  Nothing that was written may be lost, or wrong when it is read.

usage: soak_run.py CLOISTER-FAKE SOAK-MACHINE BUILD-DIR rtl8139|e1000 [SECONDS [SEED]]
"""

import os
import random
import signal
import sys
import tempfile

sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'lib'))

import domid
import soak
from dm import DeviceModel
from qmp import Qmp
from tap import Tap

FAKE, MACHINE, BUILD = (os.path.abspath(p) for p in sys.argv[1:4])
MODEL = sys.argv[4]
SECONDS = float(sys.argv[5]) if len(sys.argv) > 5 else 10
SEED = int(sys.argv[6]) if len(sys.argv) > 6 else 1
DOMID = domid.claim()
SAVES = 2               # of short runs; of long ones one in SAVE_EVERY_S
SAVE_EVERY_S = 20
t = Tap()
rnd = random.Random(SEED)


class Soak(soak.Soak):
    def __init__(self):
        super().__init__(MACHINE, DIR, DOMID, MODEL, rnd)
        self.saves, self.back = 0, 0
        self.every = min(SAVE_EVERY_S, SECONDS / (SAVES + 1))
        self.due = self.every
        self.dm = self.start()
        self.begin()

    def start(self, *more, fds=()):
        parts = ['-device', 'VGA,vgamem_mb=16', '-vnc', f'127.0.0.1:{DOMID - 32000},to=2000']
        for i in range(2):
            parts += ['-drive',
                      f'file={DIR}/disk{i}.img,if=ide,index={2 * i},media=disk,format=raw']
        if soak.TAPS:
            parts += ['-device',
                      f'{MODEL},id=nic0,netdev=net0,mac=00:16:3e:00:00:01,romfile=',
                      '-netdev', f'type=tap,id=net0,ifname={self.tap},script=no,downscript=no']
        else:
            parts += ['-net', 'none']
        dm = DeviceModel(DIR, self.machine, DOMID, *parts, *more, fds=fds, vcpus=4,
                         settings=['restart-limit=100/5'])
        if not dm.serves():
            raise RuntimeError('no device model: ' + dm.said())
        return dm

    def save(self):
        """And goes on in another family, or, one in three, in this one."""
        self.machine.do('rest')
        qmp = Qmp(f'{DIR}/qmp')
        if rnd.random() < 0.5:
            self.signal(rnd.choice(self.members), signal.SIGKILL)
        good = qmp.good('xen-set-global-dirty-log', enable=True) and qmp.good('stop')
        if rnd.random() < 0.5:
            self.signal(rnd.choice(self.members), signal.SIGKILL)
        good = good and qmp.save(f'{DIR}/state').get('return') == {} and \
            qmp.good('xen-set-global-dirty-log', enable=False)
        if not good:
            raise RuntimeError('not saved: ' + self.dm.said()[-3000:])
        self.saves += 1
        if rnd.random() < 0.33:
            self.back += 1
            qmp.good('cont')
            self.machine.do('go')
            return
        if self.dm.end() != 0:
            raise RuntimeError('does not end: ' + self.dm.said()[-3000:])
        self.machine.do('reset')
        with open(f'{DIR}/state', 'rb') as f:
            self.dm = self.start('-incoming', f'fd:{f.fileno()}', fds=[f.fileno()])
        if 'not valid' in self.dm.said():
            raise RuntimeError('not restored: ' + self.dm.said())
        self.connect()
        Qmp(f'{DIR}/qmp').good('cont')
        self.machine.do('go')

    def act(self, now):
        if now > self.due:
            self.save()
            self.due += self.every
        elif rnd.random() < 0.15:
            self.stop_one()
        else:
            self.kill_some()


def main():
    soak.make_soak_place(DIR, FAKE, BUILD)
    s = Soak()
    try:
        try:
            good = s.run(SECONDS, s.act)
        except (RuntimeError, OSError, EOFError) as e:
            good = t.ok(False, 'it can be saved, and restored', str(e).splitlines())
        if s.report(t, good, f'seed {SEED}: {s.saves} saves ({s.back} and back)'):
            s.check_guest(t)
            s.check_end(t)
    finally:
        s.dm.end()
        s.machine.process.kill()


t.needs_root()
with tempfile.TemporaryDirectory() as DIR:
    main()
t.done()
