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
    listed = set(re.findall(r'^\.It Fl ([^-\s]\S*)', manual, re.M))
    tap.none(sorted(n for n in listed if n.lstrip('-') not in known
                    and not n.startswith('-')),
             'every option in cloister(8) exists')


def same(tap, what, code, manual):
    tap.none([f'{n}: not told' for n in sorted(code - manual)] +
             [f'{n}: does not exist' for n in sorted(manual - code)], what)


def section(manual, title):
    m = re.search(rf'^\.S[sh] {title}\n(.*?)(?=^\.S[sh] )', manual, re.M | re.S)
    return m.group(1) if m else ''


def serve(tap, root):
    """cloister serve, and the settings it shares with cloister.conf(5)."""
    supervisor = os.path.join('broker', 'supervisor')
    options = re.findall(r'^SERVE\(\w+,\s*"([^"]+)",\s*(?:"[^"]*"|NULL),\s*(\w+)',
                         tree.text(root, os.path.join(supervisor, 'serve.def')), re.M)
    page = tree.text(root, os.path.join('man', 'cloister.8'))
    conf = tree.text(root, os.path.join('man', 'cloister.conf.5'))
    same(tap, 'cloister(8) has the options of serve', {n for n, _ in options},
         set(re.findall(r'^\.It Fl -(\S+)', section(page, 'Serve'), re.M)))
    guest = section(conf, 'Section guest').split('without the dashes')[1]
    same(tap, 'cloister.conf(5) has the keys of [guest]',
         {n for n, where in options if where == 'BOTH'},
         set(re.findall(r'[a-z-]+', re.search(r'^\.Ic (.*) \.$', guest, re.M).group(1))))
    own = re.search(r'^OPT\(CLOISTER,.*"our own: ([^"]*)"',
                    tree.text(root, os.path.join(supervisor, 'opt.def')), re.M).group(1)
    same(tap, 'cloister.conf(5) has the keys of [defaults]',
         {w.split('=')[0] for w in own.split()} - {'limit'},
         set(re.findall(r'^\.It Ic (\S+) Li', section(conf, 'Section defaults'), re.M)))
    limits = tree.text(root, os.path.join(supervisor, 'cgroup_limit.c'))
    same(tap, 'cloister.conf(5) has the keys of [limits]',
         set(re.findall(r'^\t\{ "([a-z.]+)",\s+"[a-z]+",\s+on_', limits, re.M)),
         {n for line in re.findall(r'^\.It Ic (.*) Li',
                                   section(conf, 'Sections limits.process'), re.M)
          for n in re.findall(r'[a-z.]+', line)})


def policy(tap, root):
    """cloister-policy(5) has what policy/README.md and mkpolicy know."""
    readme = tree.text(root, os.path.join('policy', 'README.md'))
    page = tree.text(root, os.path.join('man', 'cloister-policy.5'))
    words = set(re.findall(r'^\| `ARG (\S+) ', readme, re.M)) | \
        set(re.findall(r'^\| `(@\w+)` ', readme, re.M)) | {'@include', 'default kill'}
    files = {p for p in os.listdir(os.path.join(root, 'policy'))
             if p.endswith('.policy')}
    tap.none(sorted(w for w in words
                    if not re.search(rf'Ic {re.escape(w)}(?= |$)', page, re.M)) +
             sorted(f for f in files if f not in page),
             f'cloister-policy(5) has the grammar ({len(words)} words) and the files')


def main():
    root = sys.argv[1]
    tap = tree.Tap()
    pages = [p for p in tree.files(os.path.join(root, 'man'), '.1', '.5', '.7', '.8')]
    if not pages:
        print('1..0 # SKIP no manuals yet')
        return
    lint(tap, root, [os.path.join('man', p) for p in pages])
    options(tap, root)
    serve(tap, root)
    policy(tap, root)
    tap.done()


main()
