# SPDX-License-Identifier: GPL-2.0-or-later
"""A guest that never rests (tests/integ/soak_machine.c), while the processes of
its device model are killed and stopped.  Nothing that was written may be lost,
or wrong when it is read.  Who starts the device model, and what else happens to
it, is the caller's."""

import os
import signal
import time

from dm import Machine, make_image, make_place, until

SECTORS = 4096          # of each disk, as soak_machine.c has it
DISKS = 2
TAPS = os.path.exists('/dev/net/tun')


def make_soak_place(where, fake, build):
    make_place(where, fake, build)
    for i in range(DISKS):
        make_image(f'{where}/disk{i}.img', SECTORS)


class Soak:
    """A subclass has @dm: runs(), pid(name), said(), end(); and settles()."""

    def __init__(self, program, where, domid, model, rnd):
        self.where, self.rnd, self.tap = where, rnd, f'clk{os.getpid()}'
        self.machine = Machine(program, where, domid, model if TAPS else 'none')
        self.members = ['broker', 'platform', 'disk0', 'vga', 'vnc'] + ['net0'] * TAPS
        self.kills, self.stops = 0, 0
        self.rounds, self.worst, self.stalls = 0, 0, []
        self.dm = None

    def begin(self):
        self.connect()
        self.machine.do('go')

    def connect(self):
        said = self.machine.do('wire', self.tap) if TAPS else 'done'
        if said != 'done':
            raise RuntimeError(f'{self.tap}: {said}')

    def is_good(self):
        wrong, errors, stuck, lost, self.rounds, longest, fault = \
            self.machine.do('look').split(maxsplit=6)
        self.rounds = int(self.rounds)
        self.worst = max(self.worst, int(longest))
        self.stalls.append(int(longest))
        return [wrong, errors, stuck, lost, fault] == ['0', '0', '0', '0', 'none'] and \
            self.dm.runs()

    def signal(self, name, sig):
        """Whoever is there: it may be a successor on its way."""
        pid = self.dm.pid(name)
        if pid:
            try:
                os.kill(pid, sig)
            except ProcessLookupError:
                return None
        return pid

    def kill_some(self, most=3):
        for name in self.rnd.sample(self.members, min(most, self.rnd.choice([1, 1, 1, 2, 2, 3]))):
            self.kills += self.signal(name, signal.SIGKILL) is not None

    def stop_one(self):
        """For less than is allowed, or more: then it is killed and replaced."""
        name = self.rnd.choice(self.members)
        pid = self.signal(name, signal.SIGSTOP)
        self.stops += pid is not None
        time.sleep(self.rnd.choice([0.05, 0.3, 0.8, 1.6]))
        if pid:
            try:
                os.kill(pid, signal.SIGCONT)
            except ProcessLookupError:
                pass

    def run(self, seconds, act):
        """@act(seconds since the beginning), again and again."""
        began = time.monotonic()
        while (now := time.monotonic() - began) < seconds:
            act(now)
            time.sleep(self.rnd.choice([0, 0.01, 0.05, 0.2, 0.5]))
            if not self.is_good():
                return False
        return True

    def report(self, t, good, what):
        """@what else there was.  On a busy host the guest is given some time."""
        until(lambda: not good or not self.is_good() or self.rounds > 10)
        stalls = sorted(self.stalls) or [0]
        print(f'# {what}, {self.kills} kills, {self.stops} stops, {self.rounds} rounds of the '
              f'disks; longest access around each: p50 {stalls[len(stalls) // 2] / 1e3:.0f} ms, '
              f'max {self.worst / 1e3:.0f} ms', flush=True)
        return t.ok(good and self.rounds > 10, 'the guest reads what it wrote, and all goes on',
                    self.machine.do('look'), self.dm.said()[-4000:])

    def check_guest(self, t):
        t.ok(self.settles(), 'everybody has a successor', self.dm.said()[-4000:])
        self.machine.do('end')
        t.ok(self.is_good(), 'the guest ends well', self.machine.do('look'),
             self.dm.said()[-4000:])
        if TAPS:
            self.check_net(t, self.machine.do('net'))
        else:
            t.skip('no /dev/net/tun: without a network card')

    def check_net(self, t, said):
        posted, missing, overrun, twice, bad, left, got, got_bad, disorder = map(int, said.split())
        t.ok(posted > 100 and not missing and not bad and not left,
             f'{posted} frames were sent, all arrived, {twice} twice',
             f'missing {missing} (of them no room at the peer: {overrun}), wrong {bad}, '
             f'not yet sent {left}', self.dm.said()[-4000:])
        t.ok(got > 100 and not got_bad and not disorder,
             f'{got} frames were received, none wrong or out of order', said)

    def check_end(self, t):
        t.ok(self.dm.end() == 0, 'the family ends', self.dm.said()[-3000:])
        for i in range(DISKS):
            bad = self.machine.do('compare', i, f'{self.where}/disk{i}.img')
            t.ok(bad == '0', f'disk {i}: every sector is what was written last', bad)

    def settles(self):
        return until(lambda: all(self.dm.confined(m) for m in self.members))
