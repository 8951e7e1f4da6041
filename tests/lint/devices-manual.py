#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""cloister-devices(7) has every window of every device, and its place.

usage: devices-manual.py ROOT CLOISTERCTL
"""

import json
import re
import subprocess
import sys

import tree

# Cards and displays have the slot that is free.
MOVES = {'rtl8139', 'e1000'}


def place(device, window):
    if window['space'] == 'pci':
        return 'pci function' + ('' if device in MOVES else f" {window['at']:#x}")
    return window['space'] + (f" {window['at']:#x}" if 'at' in window else '')


def main():
    tap = tree.Tap()
    page = tree.text(sys.argv[1], 'man/cloister-devices.7')
    out = subprocess.run([sys.argv[2], '--json', 'devices'], capture_output=True,
                         check=True).stdout
    told = {}
    for section in re.split(r'^\.S[sh] ', page, flags=re.M)[1:]:
        heading = section.split('\n', 1)[0]
        for name in re.findall(r'[\w-]+', heading):
            told[name] = (heading, dict(re.findall(r'^\.It Li (.*)\n(.*)$', section, re.M)))
    sections = {}
    for d in json.loads(out):
        heading, windows = told.get(d['name'], ('', {}))
        has = {w['name']: place(d['name'], w) for w in d['windows']}
        tap.none([f'{n}: is {p}, told {windows.get(n)}' for n, p in has.items()
                  if windows.get(n) != p], f"{d['name']}: its windows are told")
        sections.setdefault(heading, [windows, set()])[1].update(has)
    tap.none([f'{n} of "{h}"' for h, (windows, has) in sections.items()
              for n in windows if n not in has], 'no window is told that is not there')
    tap.done()


main()
