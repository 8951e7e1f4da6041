#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Functions and constants that a comment names exist.

Only names that look like ours are looked up: the part before the first
underscore has to be the beginning of some function, or constant, that we
define.  "hv_map()" is checked, "pivot_root()" is not.

usage: comment-names.py ROOT
"""

import re
import sys

import tree

# Prefixes that foreign names share with ours.
FOREIGN = {'PR', 'SCMP', 'XEN', 'HVM', 'IOCTL', 'XENMEM', 'SECCOMP', 'EPOLL', 'CLONE',
           'O', 'SO', 'SOCK', 'MAP', 'PROT', 'CLOCK', 'F', 'MS', 'CAP', 'RLIMIT', 'MFD',
           'BM', 'set', 'is', 'has', 'get', 'sched', 'read', 'write', 'take', 'fd', 'RFB'}
WORD = re.compile(r'\b[A-Za-z_]\w*\b')
CALL = re.compile(r'(?<![\w/.-])([a-z][a-z0-9]*_[a-z0-9_]+)\(')
CONST = re.compile(r'(?<![\w*/-])([A-Z][A-Z0-9]*_[A-Z0-9_]*[A-Z0-9])\b(?!\*)')


def main():
    root = sys.argv[1]
    names, sources = set(), {}
    for path in tree.files(root, '.c', '.h', '.def', '.inc', '.policy', '.build', '.py'):
        sources[path] = tree.text(root, path)
        body = tree.code(sources[path]) if path.endswith(('.c', '.h', '.def')) \
            else sources[path]
        names.update(WORD.findall(body))
    # Names pasted together by a macro are not there in one piece.
    pasted = {w for w in names if w.endswith('_')}
    ours = {n.split('_')[0] for p, s in sources.items() if p.endswith('.h')
            for n in re.findall(r'\b([a-z]\w*_\w+)\(|^#define[ \t]+([A-Z]\w*_\w+)|'
                                r'^\t([A-Z][A-Z0-9]*_\w+)\b', tree.code(s), re.M)
            for n in n if n}
    bad = []
    for path, source in sources.items():
        if not path.endswith(('.c', '.h')):
            continue
        for line, comment in tree.comments(source):
            for name in CALL.findall(comment) + CONST.findall(comment):
                prefix = name.split('_')[0]
                if prefix not in ours or prefix in FOREIGN or name in names:
                    continue
                if any(name.startswith(p) for p in pasted):
                    continue
                bad.append(f'{path}:{line}: no such name: {name}')
    tap = tree.Tap()
    tap.none(bad, 'names in comments exist')
    tap.done()


main()
