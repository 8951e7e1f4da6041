# SPDX-License-Identifier: GPL-2.0-or-later
"""What cloisterctl says of a family."""

import subprocess


class Control:
    def __init__(self, ctl, where, domid, members):
        self.program, self.run_dir = ctl, f'{where}/run'
        self.domid, self.members = str(domid), members

    def run(self, *args):
        return subprocess.run([self.program, '--run-dir', self.run_dir, *args], text=True,
                              timeout=60, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              check=False)

    def status(self):
        """Process -> (pid, state); empty while nobody answers."""
        r = self.run('status', self.domid)
        rows = [line.split() for line in r.stdout.splitlines()]
        return {w[0]: (int(w[1]), w[2]) for w in rows
                if len(w) > 2 and w[0] in self.members and w[1].isdigit()} \
            if r.returncode == 0 else {}

    def pids(self):
        return {name: pid for name, (pid, _) in self.status().items()}

    def is_new(self, name, was):
        pid, state = self.status().get(name, (was, ''))
        return pid != was and state == 'running'

    def is_whole(self):
        """Everybody's pid, if all serve."""
        status = self.status()
        return {name: pid for name, (pid, _) in status.items()} \
            if status.keys() == set(self.members) and \
            all(state == 'running' for _, state in status.values()) else None
