#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Manuals: mandoc has nothing to say, and the options are the program's.

usage: manual.py ROOT
"""

import os
import re
import shutil
import subprocess
import sys

import tree

# Style remarks about things that are as we want them.
QUIET = re.compile(r'referenced manual not found|possible typo in section name|'
                   r'lower case character in document title')


def lint(tap, root, pages):
    if not shutil.which('mandoc'):
        tap.ok(True, 'mandoc -Tlint # SKIP mandoc is not installed')
        return
    for page in pages:
        r = subprocess.run(['mandoc', '-Tlint', '-Wwarning', page], cwd=root,
                           capture_output=True, text=True, check=False)
        said = [line for line in r.stdout.split('\n')
                if line and not QUIET.search(line)]
        tap.none(said, f'mandoc -Tlint {page}')


def options(tap, root):
    defs = os.path.join('broker', 'supervisor', 'opt.def')
    page = os.path.join('man', 'cloister.8')
    if not all(os.path.exists(os.path.join(root, f)) for f in (defs, page)):
        tap.ok(True, 'options # SKIP opt.def or cloister.8 is not there')
        return
    known = dict(re.findall(r'^OPT\(\w+,\s*"([^"]+)",\s*(?:"[^"]*"|NULL),\s*(\w+)',
                            tree.text(root, defs), re.M))
    manual = tree.text(root, page)
    told = set(re.findall(r'^\.It Fl (\S+)', manual, re.M))
    told |= set(re.findall(r'\bFl (\S+)', manual)) & set(known)
    tap.none([n for n, kind in known.items() if kind == 'USE' and n not in told],
             'every option that does something is in cloister(8)')
    listed = set(re.findall(r'^\.It Fl (\S+)', manual, re.M))
    tap.none(sorted(n for n in listed if n.lstrip('-') not in known
                    and not n.startswith('-')),
             'every option in cloister(8) exists')


def main():
    root = sys.argv[1]
    tap = tree.Tap()
    pages = [p for p in tree.files(os.path.join(root, 'man'), '.1', '.5', '.7', '.8')]
    if not pages:
        print('1..0 # SKIP no manuals yet')
        return
    lint(tap, root, [os.path.join('man', p) for p in pages])
    options(tap, root)
    tap.done()


main()
