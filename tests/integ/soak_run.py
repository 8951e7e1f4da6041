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
import time

sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'lib'))

from dm import DeviceModel, Machine, make_image, make_place, until
from qmp import Qmp
from tap import Tap

FAKE, MACHINE, BUILD = (os.path.abspath(p) for p in sys.argv[1:4])
MODEL = sys.argv[4]
SECONDS = float(sys.argv[5]) if len(sys.argv) > 5 else 10
SEED = int(sys.argv[6]) if len(sys.argv) > 6 else 1
DOMID = 32700 + os.getpid() % 50
TAP = f'clk{os.getpid()}'
SECTORS = 4096
SAVES = 2               # of short runs; of long ones one in SAVE_EVERY_S
SAVE_EVERY_S = 20
t = Tap()
rnd = random.Random(SEED)


class Soak:
    def __init__(self):
        self.machine = Machine(MACHINE, DIR, DOMID, MODEL if TAPS else 'none')
        self.members = ['broker', 'platform', 'disk0', 'vga', 'vnc'] + ['net0'] * TAPS
        self.kills, self.stops, self.saves, self.back = 0, 0, 0, 0
        self.rounds, self.worst, self.stalls = 0, 0, []
        self.dm = self.start()
        self.connect()
        self.machine.do('go')

    def start(self, *more, fds=()):
        parts = ['-device', 'VGA,vgamem_mb=16', '-vnc', f'127.0.0.1:{DOMID - 32000},to=2000']
        for i in range(2):
            parts += ['-drive',
                      f'file={DIR}/disk{i}.img,if=ide,index={2 * i},media=disk,format=raw']
        if TAPS:
            parts += ['-device',
                      f'{MODEL},id=nic0,netdev=net0,mac=00:16:3e:00:00:01,romfile=',
                      '-netdev', f'type=tap,id=net0,ifname={TAP},script=no,downscript=no']
        else:
            parts += ['-net', 'none']
        dm = DeviceModel(DIR, self.machine, DOMID, *parts, *more, fds=fds, vcpus=4,
                         settings=['restart-limit=100/5'])
        if not dm.serves():
            raise RuntimeError('no device model: ' + dm.said())
        return dm

    def connect(self):
        said = self.machine.do('wire', TAP) if TAPS else 'done'
        if said != 'done':
            raise RuntimeError(f'{TAP}: {said}')

    def is_good(self):
        wrong, errors, stuck, lost, self.rounds, longest, fault = \
            self.machine.do('look').split(maxsplit=6)
        self.rounds = int(self.rounds)
        self.worst = max(self.worst, int(longest))
        self.stalls.append(int(longest))
        return [wrong, errors, stuck, lost, fault] == ['0', '0', '0', '0', 'none'] and \
            self.dm.process.poll() is None

    def signal(self, name, sig):
        """Whoever is there: it may be a successor on its way."""
        pid = self.dm.pid(name)
        if pid:
            try:
                os.kill(pid, sig)
            except ProcessLookupError:
                return None
        return pid

    def kill_some(self):
        for name in rnd.sample(self.members, rnd.choice([1, 1, 1, 2, 2, 3])):
            self.kills += self.signal(name, signal.SIGKILL) is not None

    def stop_one(self):
        """For less than is allowed, or more: then it is killed and replaced."""
        name = rnd.choice(self.members)
        pid = self.signal(name, signal.SIGSTOP)
        self.stops += pid is not None
        time.sleep(rnd.choice([0.05, 0.3, 0.8, 1.6]))
        if pid:
            try:
                os.kill(pid, signal.SIGCONT)
            except ProcessLookupError:
                pass

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

    def run(self):
        began = time.monotonic()
        every = min(SAVE_EVERY_S, SECONDS / (SAVES + 1))
        due = every
        while (now := time.monotonic() - began) < SECONDS:
            if now > due:
                self.save()
                due += every
            elif rnd.random() < 0.15:
                self.stop_one()
            else:
                self.kill_some()
            time.sleep(rnd.choice([0, 0.01, 0.05, 0.2, 0.5]))
            if not self.is_good():
                return False
        return True

    def settles(self):
        return until(lambda: all(self.dm.confined(m) for m in self.members))


def report(soak, good):
    stalls = sorted(soak.stalls) or [0]
    print(f'# seed {SEED}: {soak.kills} kills, {soak.stops} stops, {soak.saves} saves '
          f'({soak.back} and back), {soak.rounds} rounds of the disks; longest access around '
          f'each: p50 {stalls[len(stalls) // 2] / 1e3:.0f} ms, '
          f'max {soak.worst / 1e3:.0f} ms', flush=True)
    t.ok(good and soak.rounds > 10, 'the guest reads what it wrote, and all goes on',
         soak.machine.do('look'), soak.dm.said()[-4000:])


def main():
    make_place(DIR, FAKE, BUILD)
    for i in range(2):
        make_image(f'{DIR}/disk{i}.img', SECTORS)
    soak = Soak()
    try:
        try:
            good = soak.run()
        except (RuntimeError, OSError, EOFError) as e:
            good = t.ok(False, 'it can be saved, and restored', str(e).splitlines())
        report(soak, good)
        if good:
            check_end(soak)
    finally:
        soak.dm.end()
        soak.machine.process.kill()


def check_end(soak):
    t.ok(soak.settles(), 'everybody has a successor', soak.dm.said()[-4000:])
    soak.machine.do('end')
    t.ok(soak.is_good(), 'the guest ends well', soak.machine.do('look'),
         soak.dm.said()[-4000:])
    if TAPS:
        said = soak.machine.do('net')
        posted, missing, overrun, twice, bad, left, got, got_bad, disorder = map(int, said.split())
        t.ok(posted > 100 and not missing and not bad and not left,
             f'{posted} frames were sent, all arrived, {twice} twice',
             f'missing {missing} (of them no room at the peer: {overrun}), wrong {bad}, '
             f'not yet sent {left}',
             soak.dm.said()[-4000:])
        t.ok(got > 100 and not got_bad and not disorder,
             f'{got} frames were received, none wrong or out of order', said)
    else:
        t.skip('no /dev/net/tun: without a network card')
    t.ok(soak.dm.end() == 0, 'the family ends', soak.dm.said()[-3000:])
    for i in range(2):
        t.ok(soak.machine.do('compare', i, f'{DIR}/disk{i}.img') == '0',
             f'disk {i}: every sector is what was written last',
             soak.machine.do('compare', i, f'{DIR}/disk{i}.img'))


if os.geteuid():
    print('1..0 # SKIP needs root')
    sys.exit(0)
TAPS = os.path.exists('/dev/net/tun')
with tempfile.TemporaryDirectory() as DIR:
    main()
t.done()
