#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""At most 20 distinct system calls with any allowing rule, vnc apart.

usage: policy-size.py policy_NAME.list...	(output of mkpolicy --list)
"""

import os
import sys

import tree

LIMIT = 20


def main():
    tap = tree.Tap()
    for path in sys.argv[1:]:
        name = os.path.basename(path).removeprefix('policy_').removesuffix('.list')
        with open(path, encoding='ascii') as f:
            calls = {line.split('\t')[0] for line in f}
        good = 0 < len(calls) <= LIMIT or (name == 'vnc' and calls)
        tap.ok(good, f'{name}: {len(calls)} system calls')
    tap.done()


main()
