# SPDX-License-Identifier: GPL-2.0-or-later
"""`xenlab bench --kill`: how long a guest waits for a process that died.

Called by bench.py.  One guest under Cloister; one kind of process after the
other is killed again and again while the guest does nothing but what that
process serves (guest/stallbench.c).  The table shows the longest accesses of
each, as many as there were kills, beside the goal; a missed goal is marked,
never an error.  What deaths do to data is cases.d/kill.sh.
"""

import re
import statistics

import benchlab
import guest
import run

# Process, and what of it the guest waits for.  The card's: IOADDR, the first
# port of its second BAR.
BAR1 = '$(sed -n 2p /sys/class/net/eth0/device/resource | cut -d" " -f1)'
KILLED = [('platform', '0x3ff'),        # UART scratch register
          ('disk0', '/dev/sda'),
          ('vga', '0x3c4'),             # sequencer index
          ('net0', BAR1 + ',4'),
          ('broker', '0x3ff')]

P99_GOAL_MS = 1500
REST_S = 0.2                            # between two kills, on average

# What drivers say of a device that let them down.
COMPLAINTS = 'error|exception|fail|hang|timed out|timeout|reset|lost|stall'


class KillBench(benchlab.Lab):
    def __init__(self, options, progress):
        super().__init__(options, progress)
        self.rows = []
        self.install()

    def all(self):
        self.slot = run.take_slot(self.progress)
        drive = self.drive()
        machine = self.machine(drive)
        machine.write('kill.cfg', guest.config(
            [drive], nic='e1000', device_model=self.cloister,
            extra='device_model_args=["-cloister", "restart-limit=100/1"]\n'))
        with self.booted(machine):
            end = self.boot(machine)
            for name, target in KILLED:
                row, end = self.one(machine, end, name, target)
                self.rows.append(row)
            self.destroy(machine, 'kill')

    def boot(self, machine):
        self.progress.begin('guest up')
        machine.run('mkdir -p /etc/cloister')
        start, _ = self.create(machine, 'kill')
        _, end = self.expect(machine, start, run.USER_SPACE, 900)
        # What the kernel has to say would come in the middle of a report.
        _, end = self.ask(machine, end, 'dmesg -n 1; ip link set eth0 up; '
                          'sleep 3; echo re""ady', 'ready', 60)
        return end

    def one(self, machine, end, name, target):
        """All kills of one kind of process: a row of the table."""
        count = self.options.kills
        self.progress.begin(f'{name}: {count} kills')
        before, end = self.complaints(machine, end)
        text, end = self.ask(machine, end, f'stallbench {name} {target} 9999 '
                             f'{count} &', 'stallbench: (up|[/0])', 30)
        if not text.endswith('up'):
            raise run.RunError(run.SCRIPT, f'no stallbench {target}; see '
                                           f'serial.log')
        answer = machine.run(f'sleep 1; lab-kill KILL {name} {count} {REST_S}',
                             timeout=60 + 5 * count)
        if answer['status']:
            raise run.RunError(run.SCRIPT, answer['out'][-300:])
        text, end = self.ask(machine, end, 'kill -TERM %1; wait',
                             'stallbench: done', 120)
        after, end = self.complaints(machine, end)
        self.progress.end()
        replaced = [int(ms) for ms in re.findall(r'(\d+) ms', answer['out'])]
        return {**read_report(text), 'process': name, 'kills': len(replaced),
                'replaced_ms': replaced, 'complaints': after - before}, end

    def complaints(self, machine, end):
        """How many lines of the guest's kernel are complaints, since boot."""
        text, end = self.ask(machine, end, 'echo com""plaints=$(dmesg | grep '
                             f'-ciE "{COMPLAINTS}").', r'complaints=\d+\.', 60)
        return int(re.search(r'(\d+)\.$', text).group(1)), end

    def report(self):
        if self.rows:
            path = self.write_summary({'p99_goal_ms': P99_GOAL_MS,
                                       'processes': self.rows})
            print(table(self.rows))
            print(f'\n! = goal missed (p99 <= {P99_GOAL_MS} ms, no errors).  '
                  f'All stalls are in {path}')


def read_report(text):
    """The numbers of stallbench's line."""
    found = re.search(r'n=(\d+) errors=(\d+) median=(\d+) .*'
                      r'stalls=([\d,]+)', text)
    if not found:
        raise run.RunError(run.SCRIPT, 'stallbench reported nothing; see '
                                       'serial.log')
    stalls = sorted(int(ns) / 1e6 for ns in found.group(4).split(','))
    return {'accesses': int(found.group(1)), 'errors': int(found.group(2)),
            'median_ms': int(found.group(3)) / 1e6, 'stalls_ms': stalls,
            'stall_p50_ms': percentile(stalls, 0.5),
            'stall_p99_ms': percentile(stalls, 0.99),
            'stall_max_ms': stalls[-1]}


def percentile(values, part):
    """Of sorted values: the least one that so large a part does not exceed."""
    at = -(-len(values) * round(part * 100) // 100) - 1
    return values[max(at, 0)]


def table(rows):
    lines = ['', f'{"killed":<10}{"kills":>6}{"replaced":>10}{"accesses":>10}'
             f'{"median":>8}{"stall p50":>11}{"p99":>7}{"max":>7}'
             f'{"errors":>8}{"complaints":>12}',
             f'{"":<10}{"":>6}{"ms":>10}{"":>10}{"ms":>8}{"ms":>11}'
             f'{"ms":>7}{"ms":>7}{"of reads":>8}{"of drivers":>12}']
    for row in rows:
        bad = row['stall_p99_ms'] > P99_GOAL_MS or row['errors'] or \
            row['complaints']
        lines.append(
            f'{row["process"]:<10}{row["kills"]:>6}'
            f'{statistics.median(row["replaced_ms"]):>10.0f}'
            f'{row["accesses"]:>10}{row["median_ms"]:>8.2f}'
            f'{row["stall_p50_ms"]:>11.0f}{row["stall_p99_ms"]:>7.0f}'
            f'{row["stall_max_ms"]:>7.0f}{row["errors"]:>8}'
            f'{row["complaints"]:>12}' + (' !' if bad else ''))
    return '\n'.join(lines)
