# SPDX-License-Identifier: GPL-2.0-or-later
"""A machine in a process of its own, whose guest reads and writes by itself
(tests/integ/fake_machine.c)."""

import os
import subprocess

from dm import until


class Guest:
    def __init__(self, program, where, domid):
        self.told = f'{where}/guest'
        for name in (f'{where}/machine', self.told):
            if os.path.exists(name):
                os.unlink(name)
        self.process = subprocess.Popen([program, f'{where}/machine', self.told, str(domid)])
        until(lambda: os.path.exists(f'{where}/machine'))
        until(lambda: os.path.exists(self.told) and os.path.getsize(self.told))

    def look(self):
        """Wrong rounds, rounds, longest in us, fault."""
        with open(self.told, encoding='utf-8') as f:
            words = f.read().split(maxsplit=3)
        return int(words[0]), int(words[1]), int(words[2]), ''.join(words[3:]).strip()

    def moves(self):
        was = self.look()[1]
        return until(lambda: self.look()[1] > was + 3)

    def is_right(self):
        wrong, rounds, _, fault = self.look()
        return wrong == 0 and rounds > 0 and not fault

    def end(self):
        self.process.kill()
        self.process.wait()
