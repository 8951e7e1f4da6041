#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Files over 800 lines and functions over 80: a question, not a gate.

What is that big may have a second subject.  Prints diagnostics, never fails.

usage: size.py ROOT
"""

import re
import sys

import tree

FILE_LINES = 800
FUNCTION_LINES = 80


def functions(source):
    """(name, lines) by the layout: a brace alone opens and closes at the margin."""
    lines = source.split('\n')
    start = None
    for i, line in enumerate(lines):
        if line == '{':
            start = i
        elif line == '}' and start is not None:
            head = ' '.join(lines[max(0, start - 4):start])
            names = re.findall(r'(\w+)\(', head)
            yield names[-1] if names else '?', i - start - 1
            start = None


def main():
    root = sys.argv[1]
    tap = tree.Tap()
    big = []
    for path in tree.files(root, '.c', '.h'):
        source = tree.text(root, path)
        if source.count('\n') > FILE_LINES:
            big.append(f'{path}: {source.count(chr(10))} lines')
        for name, lines in functions(source):
            if lines > FUNCTION_LINES:
                big.append(f'{path}: {name}(): {lines} lines')
    tap.ok(True, f'{len(big)} files or functions are big')
    tap.tell(big)
    tap.done()


main()
