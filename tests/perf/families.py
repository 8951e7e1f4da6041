#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Ten families at once: memory of each, and what `cloisterctl top` costs.

Prints, and fails only if top takes 2 % of a CPU or more.

usage: families.py CLOISTERCTL CTL_GUEST [FAMILIES]
"""

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time

CTL, GUEST = sys.argv[1:3]
FAMILIES = int(sys.argv[3]) if len(sys.argv) > 3 else 10
PICTURES, DELAY_S = 4, 3.0


def ctl(*args):
    return subprocess.run([CTL, '--run-dir', RUN, *args], check=True,
                          stdout=subprocess.PIPE).stdout


def memory(status):
    """(Pss, RSS) of the confined processes, MB."""
    rows = [p for p in status['processes'] if p['name'] != 'supervisor']
    return (sum(p.get('pss_bytes', 0) for p in rows) / 1e6,
            sum(p.get('resident_bytes', 0) for p in rows) / 1e6)


RUN = tempfile.mkdtemp(prefix='families-')
os.rmdir(RUN)
began = time.time()
guests = [subprocess.Popen([GUEST, RUN, str(100 + i), f'guest{i}'], text=True,
                           stdin=subprocess.PIPE, stdout=subprocess.PIPE)
          for i in range(FAMILIES)]
try:
    up = [g.stdout.readline() == 'up\n' for g in guests]
    print(f"{'' if all(up) else 'not '}ok 1 - {sum(up)} families are up after "
          f'{time.time() - began:.1f} s')
    sizes = [memory(s) for s in json.loads(ctl('status', '--json'))]
    pss, rss = (sorted(s[i] for s in sizes) for i in (0, 1))
    print(f'# memory of a family without its supervisor: Pss {pss[len(pss) // 2]:.1f} MB '
          f'({pss[0]:.1f}-{pss[-1]:.1f}), RSS {rss[len(rss) // 2]:.1f} MB; '
          f'all {sum(pss):.1f} MB Pss')
    print(f"{'' if len(sizes) == FAMILIES else 'not '}ok 2 - all are listed")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    ctl('top', '--batch', str(PICTURES), '--delay', str(DELAY_S))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    share = 100 * cpu / (PICTURES * DELAY_S)
    print(f'# cloisterctl top: {1000 * cpu / (PICTURES + 1):.1f} ms of CPU a picture of '
          f'{FAMILIES} guests, {share:.2f} % of one CPU at {DELAY_S:.0f} s')
    print(f"{'' if share < 2 else 'not '}ok 3 - less than 2 %")
    bad = not all(up) or share >= 2 or len(sizes) != FAMILIES
finally:
    for g in guests:
        g.stdin.close()
    for g in guests:
        g.wait(60)
    shutil.rmtree(RUN, ignore_errors=True)
print('1..3')
sys.exit(bad)
