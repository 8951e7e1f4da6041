#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Policies are small, and SECURITY.md tells of each call in them.

At most 20 distinct system calls with any allowing rule, vnc apart.

usage: policy-size.py ROOT policy_NAME.list...	(output of mkpolicy --list)
"""

import os
import re
import sys

import tree

LIMIT = 20


def read_list(path):
    with open(path, encoding='ascii') as f:
        return {line.split('\t')[0] for line in f}


def main():
    tap = tree.Tap()
    told = {}
    for call, names in re.findall(r'^\| `(\w+)` \| ([a-z ]+) \|',
                                  tree.text(sys.argv[1], 'SECURITY.md'), re.M):
        for name in names.split():
            told.setdefault(name, set()).add(call)
    for path in sys.argv[2:]:
        name = os.path.basename(path).removeprefix('policy_').removesuffix('.list')
        calls = read_list(path)
        tap.ok(calls and (len(calls) <= LIMIT or name == 'vnc'),
               f'{name}: {len(calls)} system calls')
        odd = sorted(calls ^ told.get(name, set()))
        tap.none([f'{call}: {"not told" if call in calls else "not listed"}'
                  for call in odd], f'{name}: SECURITY.md says what each is for')
    tap.done()


main()
