#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What `xenlab bench` makes of what it hears, without the lab.

A report of the guest's, and a table.  That the lab's programs hear right is seen in the lab.

usage: bench-parts.py
"""

import io
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, '../lib'), HERE]

import benchtable           # noqa: E402  the path comes first
import killbench            # noqa: E402
from tap import Tap         # noqa: E402


def check_stalls(tap):
    report = killbench.read_report(
        'guest# stallbench: vga n=6255 errors=1 median=651360 p99=7709056 '
        'max=169898574 stalls=169898574,149493633,130000000\r\n'
        'stallbench: done')
    tap.ok((report['accesses'], report['errors'], report['median_ms']) ==
           (6255, 1, 0.65136), "a guest's report", report)
    tap.ok((report['stall_p50_ms'], report['stall_max_ms']) ==
           (149.493633, 169.898574), 'its stalls', report)
    tap.ok([killbench.percentile(range(1, 201), part)
            for part in (0.5, 0.99, 1)] == [100, 198, 200], 'percentiles')
    row = {**report, 'process': 'vga', 'kills': 3, 'replaced_ms': [1, 2, 9],
           'complaints': 0}
    lines = [killbench.table([{**row, **other}]).splitlines()[-1] for other in
             ({}, {'errors': 0}, {'errors': 0, 'complaints': 1},
              {'errors': 0, 'stall_p99_ms': 1501})]
    tap.ok([line.endswith('!') for line in lines] ==
           [True, False, True, True], 'a missed goal is marked', lines)


def check_table(tap):
    figures = [('save', 'xl save', 's', None, None),
               ('none', 'never measured', 's', None, None)]
    table = benchtable.summarise(
        [{'variant': name, 'dom0_vcpus': 1, 'save': value}
         for name, value in (('qemu', 4), ('qemu', 8), ('qemu', 100),
                             ('cloister', 6), ('cloister', 2))] +
        [{'variant': 'cloister', 'dom0_vcpus': 1, 'error': 'gone'}], figures)
    cell = table['1']['save']['variants']['cloister']
    tap.ok((cell['median'], cell['ratio'], cell['n']) == (4, 0.5, 2),
           'medians and ratios', cell)
    out = io.StringIO()
    benchtable.show(table, out)
    tap.ok('0.50 x' in out.getvalue() and 'never' not in out.getvalue(),
           'the table has what was measured', out.getvalue())


def main():
    tap = Tap()
    check_stalls(tap)
    check_table(tap)
    tap.done()


main()
