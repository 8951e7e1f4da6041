#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""cloister-metrics(7) has each figure of stat.def, as it is, and no other.

usage: metrics-manual.py ROOT
       metrics-manual.py --print ROOT	the list as it has to stand in the page
"""

import re
import sys
import textwrap

import tree

ROW = re.compile(r'^(STAT|FIGURE)\((\w+), "(\w+)", (\w+), (\w+), (\w+),(?: (\w+),)?'
                 r'\s*"((?:[^"\\]|\\.)*)"\)', re.M)

# Labels besides domid, name, worker and device; device where it is a part.
SETS = {
    'NONE': '', 'DIR': 'direction', 'KIND_DIR': 'kind, direction', 'PATH': 'path',
    'IRQ': 'line', 'DRIVE_OP': 'device, operation', 'DRIVE_DIR': 'device, direction',
    'WIRE': 'direction', 'PORT': 'device', 'PORT_WIRE': 'device, direction',
    'MODE': 'mode', 'BLOCK_DIR': 'disk, direction', 'PRESSURE': 'resource, share',
}
WHERE = {
    'PEER': 'of each worker, by the broker', 'ABOUT': 'of each process, by the supervisor',
    'BROKER': 'of the broker', 'WORKER': 'of each worker',
    'SERVES': 'of the broker and each worker', 'ALL': 'of each confined process',
    'DMA': 'of disk and net', 'MAPS': 'of broker, disk and net', 'DISK': 'of disk',
    'NET': 'of net', 'PLATFORM': 'of platform', 'VGA': 'of vga', 'VNC': 'of vnc',
    '': 'of each process, by the host',
}


def rows(root):
    return [m.groups() for m in ROW.finditer(tree.text(root, 'src/abi/stat.def'))]


def entry(row):
    _, _, name, kind, _, labels, where, text = row
    suffix = '_total' if kind == 'COUNTER' else ''
    of = 'of the family' if name == 'uptime_seconds' else WHERE[where or '']
    about = f'{kind.lower()} {of}'
    if SETS[labels]:
        about += f'; {SETS[labels]}'
    lines = [f'.It Ic cloister_{name}{suffix}', f'.Pq {about}', '.br']
    return lines + textwrap.wrap(text, 78)


def main():
    printing = sys.argv[1] == '--print'
    root = sys.argv[-1]
    want = [line for row in rows(root) for line in entry(row)]
    if printing:
        print('\n'.join(want))
        return
    tap = tree.Tap()
    count = len(re.findall(r'^(?:STAT|FIGURE)\(', tree.text(root, 'src/abi/stat.def'), re.M))
    tap.ok(len(rows(root)) == count > 40, 'each row of stat.def is understood')
    page = tree.text(root, 'man/cloister-metrics.7')
    m = re.search(r'^\.\\" figures:.*\n(?:\.Bl.*\n)((?:.*\n)*?)\.El\n', page, re.M)
    have = m.group(1).split('\n')[:-1] if m else []
    odd = [f'missing: {line}' for line in want if line not in have]
    odd += [f'not in stat.def: {line}' for line in have if line not in want]
    tap.none(odd, 'cloister-metrics(7) has the figures of stat.def')
    tap.ok(have == want, 'in their order')
    tap.done()


main()
