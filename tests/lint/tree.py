# SPDX-License-Identifier: GPL-2.0-or-later
"""What the lints share: the project's files, C comments, and TAP."""

import os
import re
import sys

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


class Tap:
    def __init__(self):
        self.count = self.failed = 0

    def ok(self, good, what, complaints=()):
        self.count += 1
        self.failed += not good
        print(f"{'' if good else 'not '}ok {self.count} - {what}")
        for line in complaints:
            print('#', line)

    def none(self, complaints, what):
        self.ok(not complaints, what, complaints)

    def done(self):
        print(f'1..{self.count}')
        sys.exit(self.failed != 0)
