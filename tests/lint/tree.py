# SPDX-License-Identifier: GPL-2.0-or-later
"""What the lints share: the project's files, C comments, and TAP."""

import os
import re
import sys

sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'lib'))

from tap import Tap

COMMENT = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'',
                     re.S)


def files(root, *endings):
    """Paths below root, relative, sorted; no hidden and no build directories."""
    found = []
    for path, dirs, names in os.walk(root):
        dirs[:] = [d for d in dirs if not d.startswith('.') and d != '__pycache__'
                   and not os.path.exists(os.path.join(path, d, 'build.ninja'))]
        for name in names:
            if name.endswith(endings):
                found.append(os.path.relpath(os.path.join(path, name), root))
    return sorted(found)


def text(root, path):
    with open(os.path.join(root, path), encoding='utf-8') as f:
        return f.read()


def comments(source):
    """(line, text) of every C comment."""
    for m in COMMENT.finditer(source):
        if m.group().startswith('/'):
            yield source.count('\n', 0, m.start()) + 1, m.group()


def code(source):
    """The source without comments; strings become empty, lines stay."""
    def blank(m):
        if m.group().startswith('/'):
            return ' ' + '\n' * m.group().count('\n')
        return '""' if m.group().startswith('"') else "'0'"
    return COMMENT.sub(blank, source)
