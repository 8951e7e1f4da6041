#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""cloisterctl: its tables, completions, manual and descriptor names agree.

usage: ctl-words.py ROOT
"""

import re
import shutil
import subprocess
import sys

import tree

SHELLS = {'bash': 'contrib/completion/cloisterctl.bash',
          'zsh': 'contrib/completion/_cloisterctl',
          'fish': 'contrib/completion/cloisterctl.fish'}
ROOT = sys.argv[1]


def rows(path, macro):
    return re.findall(rf'^{macro}\((.*?)\)$', tree.text(ROOT, path), re.M | re.S)


COMMANDS = [re.match(r'"(\w+)"', r).group(1) for r in rows('broker/ctl/ctl_cmd.def', 'CMD')]
OPTIONS = {m.group(1): m.group(2) for m in
           (re.match(r'\w+,\s*"([\w-]+)",\s*(?:NULL|"(\w+)")', r)
            for r in rows('broker/ctl/ctl_opt.def', 'OPT'))}
DEVICES = [re.match(r'"([\w-]+)"', r).group(1)
           for r in rows('broker/ctl/ctl_device.def', 'DEVICE')]


def completed(shell, text):
    """(commands, options) that the completion offers."""
    if shell == 'bash':
        commands = re.search(r'commands="([^"]*)"', text).group(1).split()
        options = re.search(r'options="([^"]*)"', text).group(1).split()
    elif shell == 'zsh':
        listed = re.search(r'commands=\((.*?)\n\t\)', text, re.S).group(1)
        commands = re.findall(r"^\t\t['\"](\w+):", listed, re.M)
        options = re.findall(r"'(--[\w-]+)\[", text)
    else:
        commands = re.findall(r'__cloisterctl_no_command -a (\w+)', text)
        options = ['--' + o for o in re.findall(r' -l ([\w-]+)', text)]
    return commands, options


def completions(tap):
    for shell, path in SHELLS.items():
        commands, options = completed(shell, tree.text(ROOT, path))
        tap.none(sorted(set(commands) ^ set(COMMANDS)), f'{shell}: each command, no other')
        tap.none(sorted(set(options) ^ {'--' + o for o in OPTIONS}),
                 f'{shell}: each option, no other')
        if not shutil.which(shell):
            tap.ok(True, f'{shell} -n # SKIP {shell} is not installed')
            continue
        r = subprocess.run([shell, '-n', path], cwd=ROOT, capture_output=True,
                           text=True, check=False)
        tap.none((r.stdout + r.stderr).splitlines() if r.returncode else [],
                 f'{shell} -n {path}')


def manual(tap):
    page = tree.text(ROOT, 'man/cloisterctl.8')
    told = re.findall(r'^\.It Ic (\w+)', page, re.M)
    tap.none(sorted(set(told) ^ set(COMMANDS)), 'cloisterctl(8): each command, no other')
    told = re.findall(r'^\.It Fl Fl ([\w-]+)', page, re.M)
    tap.none(sorted(set(told) ^ set(OPTIONS)), 'cloisterctl(8): each option, no other')


def descriptors(tap):
    """Each number of abi/fds.h has its use in fd_use.def, and no other has."""
    enums = tree.code(tree.text(ROOT, 'src/abi/fds.h'))
    known = set(re.findall(r'^\t(FD_\w+) = \d+', enums, re.M))
    known = {n for n in known if not re.match(r'FD_DEV\d|FD_\w+_END$', n)}
    named = set(re.findall(r'^FD_(?:ONE|MANY)\((?:"[a-z ]*"|FD_\w+), (FD_\w+)',
                           tree.text(ROOT, 'src/abi/fd_use.def'), re.M))
    tap.none(sorted(known ^ named), 'fd_use.def: each descriptor of abi/fds.h, no other')


def devices(tap):
    page = tree.text(ROOT, 'man/cloister-devices.7')
    told = re.findall(r'^\.Ss (.*)', page, re.M)
    told = [name for line in told for name in re.findall(r'[\w-]+', line)]
    tap.none(sorted(set(told) ^ set(DEVICES)),
             'cloister-devices(7): each device, no other')


def main():
    tap = tree.Tap()
    tap.ok(len(COMMANDS) >= 8 and len(OPTIONS) >= 9 and len(DEVICES) >= 16,
           f'{len(COMMANDS)} commands, {len(OPTIONS)} options, {len(DEVICES)} devices')
    completions(tap)
    manual(tap)
    descriptors(tap)
    devices(tap)
    tap.done()


main()
