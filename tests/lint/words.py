#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Calls and words that do not belong here.

usage: words.py ROOT
"""

import re
import sys

import tree

# C calls -> where, and why not.
CALLS = [
    (r'strcpy|strcat|sprintf|vsprintf|gets|alloca|strtok', r'.',
     'unbounded or surprising'),
    (r'system|popen', r'.', 'a shell'),
    (r'assert|abort', r'(src|broker|workers)/', 'bug_on(): abort() needs calls that '
     'no policy grants'),
    (r'malloc|calloc|realloc|strdup|free', r'(src/(base|ring|bus|dev|back|mem)|'
     r'broker/dispatch|workers/(platform|disk|net|vga)\b)',
     'no heap in a confined process'),
    (r'exit', r'src/(bus|dev|back)/', 'a device model does not end the process'),
    (r'usleep|sleep|nanosleep', r'(src|broker/dispatch|workers)/', 'nothing here waits for time'),
]


def main():
    root = sys.argv[1]
    calls, words, space = [], [], []
    for path in tree.files(root, '.c', '.h'):
        source = tree.text(root, path)
        if path.startswith('tests/'):
            continue
        for n, line in enumerate(tree.code(source).split('\n'), 1):
            for names, where, why in CALLS:
                m = re.search(rf'(?<![\w.>])({names})\(', line)
                if m and re.match(where, path):
                    calls.append(f'{path}:{n}: {m.group(1)}(): {why}')
    for path in tree.files(root, '.c', '.h', '.def', '.policy', '.inc', '.py', '.sh',
                           '.build', '.md'):
        for n, line in enumerate(tree.text(root, path).split('\n'), 1):
            if re.search(r'\b(TODO|FIXME|XXX)\b(?! #\d)', line) and \
                    not path.startswith('tests/lint/'):
                words.append(f'{path}:{n}: without a number: {line.strip()[:60]}')
            if re.search(r'[ \t]+$', line):
                space.append(f'{path}:{n}: blank at the end')
    tap = tree.Tap()
    tap.none(calls, 'no calls that do not belong where they stand')
    tap.none(words, 'no TODO, FIXME or XXX without its number')
    tap.none(space, 'no blanks at the end of a line')
    tap.done()


main()
