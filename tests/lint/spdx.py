#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Every file says its licence and what it is; header guards name the file.

usage: spdx.py ROOT
"""

import os
import re
import sys

import tree

LICENCE = 'SPDX-License-Identifier: GPL-2.0-or-later'


def is_script(root, path):
    if '.' in os.path.basename(path):
        return False
    with open(os.path.join(root, path), 'rb') as f:
        return f.read(2) == b'#!'


def top_comment(path, source):
    """Complaint about a C file's first comment, or None."""
    m = re.match(r'/\* SPDX[^\n]*\*/\n/\*\n \* (\S+) - \S', source)
    if not m:
        return 'no "file - what it is" under the licence line'
    if not path.endswith(m.group(1)):
        return f'calls itself {m.group(1)}'
    return None


def guard(path, source):
    for short in (re.sub(r'^(src|broker)/', '', path), path):
        want = re.sub(r'[^A-Za-z0-9]', '_', short).upper()
        if f'#ifndef {want}\n#define {want}\n' in source:
            return None
    return f'the guard is not {want}'


def main():
    root = sys.argv[1]
    tap = tree.Tap()
    licence, top, guards = [], [], []
    for path in tree.files(root, ''):
        if not (path.endswith(('.c', '.h', '.def', '.policy', '.inc', '.py', '.sh'))
                or is_script(root, path)):
            continue
        source = tree.text(root, path)
        if LICENCE not in '\n'.join(source.split('\n')[:3]):
            licence.append(path)
        # The lab's tools run inside its machines, away from the project.
        if path.endswith(('.c', '.h')) and not path.startswith('tests/xenlab/'):
            said = top_comment(path, source)
            if said:
                top.append(f'{path}: {said}')
        if path.endswith('.h') and path.split('/')[0] in ('src', 'broker', 'workers'):
            said = guard(path, source)
            if said:
                guards.append(f'{path}: {said}')
    tap.none(licence, 'a licence line in the first three lines')
    tap.none(top, 'C files say what they are')
    tap.none(guards, 'header guards name their file')
    tap.done()


main()
