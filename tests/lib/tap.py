# SPDX-License-Identifier: GPL-2.0-or-later
"""Test Anything Protocol, for tests in python."""

import os
import sys

NOTES_MAX = 30      # lines


class Tap:
    def __init__(self):
        self.count = self.failed = 0

    def ok(self, good, what, *notes):
        """Notes, which may be lists of lines, are for when it is not good."""
        self.count += 1
        self.failed += not good
        print(f"{'' if good else 'not '}ok {self.count} - {what}", flush=True)
        if not good:
            self.tell(*notes)
        return good

    def none(self, complaints, what):
        return self.ok(not complaints, what, complaints)

    def skip(self, why, what=''):
        self.count += 1
        print(f"ok {self.count}{' - ' if what else ''}{what} # SKIP {why}", flush=True)

    def needs_root(self):
        """Before the first check: who is not root ends here, skipped."""
        if os.geteuid():
            print('1..0 # SKIP needs root')
            sys.exit(0)

    def tell(self, *notes):
        for note in notes:
            many = isinstance(note, (list, tuple))
            lines = [str(n) for n in note] if many else str(note).splitlines()
            for line in lines if many else lines[:NOTES_MAX]:
                print('#', line[:500])

    def done(self):
        print(f'1..{self.count}')
        sys.exit(self.failed != 0)
