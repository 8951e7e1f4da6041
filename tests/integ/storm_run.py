#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""As soak_run.py, of a family under systemd, whose supervisors die as well:
alone, with others, in the middle of a replacement and of an adoption; with
systemd played by the test (tests/lib/fakesystemd.py).

usage: storm_run.py CLOISTER-FAKE CLOISTERCTL SOAK-MACHINE BUILD-DIR rtl8139|e1000
                    [SECONDS [SEED]]
"""

import os
import random
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'lib'))

import domid
import fakesystemd
import soak
from control import Control
from dm import until
from tap import Tap

FAKE, CTL, MACHINE, BUILD = (os.path.abspath(p) for p in sys.argv[1:5])
MODEL = sys.argv[5]
SECONDS = float(sys.argv[6]) if len(sys.argv) > 6 else 10
SEED = int(sys.argv[7]) if len(sys.argv) > 7 else 1
DOMID = domid.claim()
NAME = 'stormy'
SHORT_S = (0, 0.002, 0.005, 0.01, 0.02, 0.04, 0.07, 0.1)
TAIL_BYTES = 6000
t = Tap()
rnd = random.Random(SEED)


class Unit:
    """The device model: whichever supervisor is there, and its store."""

    def __init__(self, tap):
        self.store = fakesystemd.Store(f'{DIR}/notify')
        self.control = Control(CTL, DIR, DOMID, ['broker', 'platform', 'disk0', 'vga',
                                                 'vnc'] + ['net0'] * soak.TAPS)
        self.args = [f'{DIR}/cloister', 'serve', '--domid', str(DOMID), '--memory', '64',
                     '--vcpus', '4', '--name', NAME, '--serial', 'null', '--vnc',
                     f'127.0.0.1:{DOMID - 32000},to=2000', '--config', f'{DIR}/settings',
                     '--disk', f'file={DIR}/disk0.img,index=0',
                     '--disk', f'file={DIR}/disk1.img,index=2']
        if soak.TAPS:
            self.args += ['--nic', f'tap={tap},model={MODEL},mac=00:16:3e:00:00:01,romfile=']
        self.deaths, self.last = 0, None
        self.start()

    def start(self):
        self.last = fakesystemd.Supervisor(
            self.store, f'{DIR}/log', self.args,
            {'CLOISTER_FAKE_MACHINE': f'{DIR}/machine'},
            order=lambda kept: rnd.sample(kept, len(kept)))

    def kill(self):
        self.last.kill()
        self.deaths += 1

    def renew(self):
        """Killed, and a new one serves."""
        self.kill()
        self.start()
        return self.last.serves()

    def runs(self):
        return not self.last.ended()

    def pid(self, name):
        return max(fakesystemd.family(DOMID).get(name, [0])) or None

    def said(self):
        return self.last.said()[-TAIL_BYTES:]

    def end(self):
        status = self.last.kill(signal.SIGTERM)
        if self.store.names():
            self.store.empty()
        return status

    def look(self):
        """How many descriptors a new supervisor and each child have, and of what
        name the store has one; after a time in which nobody died."""
        self.renew()
        until(self.control.is_whole)
        self.store.settle()
        family = fakesystemd.family(DOMID)
        return ({name: [fds_of(pid) for pid in pids] for name, pids in family.items()},
                sorted(self.store.names()))


def fds_of(pid):
    return len(os.listdir(f'/proc/{pid}/fd'))


class Storm(soak.Soak):
    def __init__(self):
        super().__init__(MACHINE, DIR, DOMID, MODEL, rnd)
        self.dm = Unit(self.tap)
        if not self.dm.last.serves():
            raise RuntimeError('no device model: ' + self.dm.said())
        self.asked = 0
        until(self.dm.control.is_whole)
        self.before = self.dm.look()
        self.begin()

    def settles(self):
        return until(self.dm.control.is_whole)

    # ---- what happens ----

    def die_alone(self):
        self.dm.kill()
        time.sleep(rnd.choice((0, 0.05, 0.3)))
        self.dm.start()

    def die_together(self):
        """Nobody tells of a death: the next one finds it."""
        first = rnd.random() < 0.5
        if first:
            self.dm.kill()
        self.kill_some()
        if not first:
            self.dm.kill()
        self.dm.start()

    def die_renewing(self):
        self.kill_some(1)
        time.sleep(rnd.choice(SHORT_S))
        self.dm.kill()
        self.dm.start()

    def die_adopting(self):
        self.dm.kill()
        if rnd.random() < 0.5:
            self.kill_some()
        for _ in range(rnd.choice((1, 1, 2, 3))):
            self.dm.start()
            time.sleep(rnd.choice(SHORT_S))
            self.dm.kill()
        self.dm.start()

    def ask(self):
        """For a limit, which may be refused here, or a successor; and it may die
        with the question."""
        with subprocess.Popen([CTL, '--run-dir', f'{DIR}/run', *self.question()],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL):
            if rnd.random() < 0.5:
                time.sleep(rnd.choice(SHORT_S))
                self.dm.kill()
                self.dm.start()
        self.asked += 1

    def question(self):
        if rnd.random() < 0.3:
            return 'limit', str(DOMID), 'family', f'pids.max={rnd.randrange(1000, 3000)}'
        return 'restart', str(DOMID), rnd.choice(self.members)

    def act(self, _):
        what = rnd.choice((self.die_alone, self.die_together, self.die_together,
                           self.die_renewing, self.die_renewing, self.die_adopting,
                           self.kill_some, self.stop_one, self.ask, self.ask))
        what()
        # Half of all go on while the last one is not there yet.
        if rnd.random() < 0.5:
            self.dm.last.serves()

    # ---- the end ----

    def check_unit(self, t):
        t.ok(self.settles(), 'all serve', self.dm.control.status(), self.dm.said())
        after = self.dm.look()
        t.ok(after == self.before and not self.dm.store.bad,
             'nobody has a descriptor more than at first, nor is there anybody more',
             f'before {self.before}', f'after {after}', self.dm.store.bad)

    def check_nobody(self, t):
        t.ok(until(lambda: not fakesystemd.family(DOMID)), 'nobody is left',
             fakesystemd.family(DOMID))


def main():
    soak.make_soak_place(DIR, FAKE, BUILD)
    with open(f'{DIR}/settings', 'w', encoding='utf-8') as f:
        f.write(f'[defaults]\nrun-dir = {DIR}/run\ncrash-dir = off\n'
                'restart-limit = 100/5\n')
    s = Storm()
    try:
        good = s.run(SECONDS, s.act)
        if s.report(t, good, f'seed {SEED}: {s.dm.deaths} supervisors, {s.asked} questions'):
            s.check_guest(t)
            s.check_unit(t)
            s.check_end(t)
            s.check_nobody(t)
    finally:
        s.dm.end()
        s.machine.process.kill()


t.needs_root()
with tempfile.TemporaryDirectory() as DIR:
    main()
t.done()
