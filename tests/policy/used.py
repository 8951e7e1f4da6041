#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Rules of the policies that no recorded run has used: they should go.

usage: used.py [--record] LIST... [-- RECORD...]

LIST is the output of mkpolicy --list for one policy, named policy_NAME.list.
RECORD is either

	output of "strace -f -o FILE", in which a process belongs to the program it
	executed (cloister-NAME; cloisterctl is "trace") and counts from its
	seccomp() call on, or
	lines "NAME CALL [FD]", such as used-recorded.txt, made with --record.

With --record, prints such lines instead of judging.  A call fails when no run
has used it, unless all of its rules are marked @fallback (policy/README.md), and
so does a rule marked @lab when no run has used its descriptor; any other
descriptor that a used call was never seen with is only remarked on.
"""

import os
import re
import sys

sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'lib'))

from tap import Tap

LINE = re.compile(r'^(?:\[pid +)?(\d+)\]? +(?:[\d:.]+ +)?(\w+)\(([^,)<]*)')
RESUMED = re.compile(r'^(?:\[pid +)?(\d+)\]? +(?:[\d:.]+ +)?<\.\.\. (clone3?|execve) resumed>')

# A child in a namespace of its own knows other numbers than strace.
PID = re.compile(r" = (\d+)(?: /\* (\d+) in strace's PID NS \*/)?$")


def read_lists(paths):
    """{policy: [(call, mark, fds)]}"""
    policies = {}
    for path in paths:
        name = os.path.basename(path).removeprefix('policy_').removesuffix('.list')
        with open(path, encoding='ascii') as f:
            rows = [line.rstrip('\n').split('\t') for line in f]
        policies[name] = [(call, mark, {int(n) for n in fds.split(',') if n})
                          for call, _, mark, fds in rows]
    return policies


class Process:
    def __init__(self, role=None, confined=False):
        self.role, self.confined, self.makes_thread = role, confined, False


def fd_of(call, args):
    """First argument as a number; mmap's is its fifth."""
    if call == 'mmap':
        return None
    m = re.match(r'\d+', args.strip())
    return int(m.group()) if m else None


def read_strace(lines, used):
    threads = {}
    for line in lines:
        m = LINE.match(line)
        if not m:
            m = RESUMED.match(line)
            if m and m.group(2) != 'execve':
                adopt(threads, int(m.group(1)), line)
            continue
        pid, call, args = int(m.group(1)), m.group(2), m.group(3)
        p = threads.setdefault(pid, Process())
        if call in ('clone', 'clone3'):
            adopt(threads, pid, line)
        if call == 'execve':
            m = re.search(r'cloister(-\w+|ctl)"', line)
            if m:
                threads[pid] = Process('trace' if m.group(1) == 'ctl' else m.group(1)[1:])
        elif call == 'seccomp' and 'SET_MODE_FILTER' in line:
            p.confined = True
        elif p.role and p.confined:
            used.add((p.role, call, fd_of(call, args)))


def adopt(threads, pid, line):
    """A thread belongs to whom its maker belongs to, state and all."""
    p = threads.setdefault(pid, Process())
    if 'clone' in line and 'flags=' in line:
        p.makes_thread = 'CLONE_THREAD' in line
    m = PID.search(line)
    if m and p.makes_thread:
        threads[int(m.group(2) or m.group(1))] = p


def read_record(path, used):
    with open(path, encoding='utf-8', errors='replace') as f:
        lines = f.read().split('\n')
    if any(re.match(r'(\[pid +)?\d+\]? ', line) for line in lines):
        read_strace(lines, used)
        return
    for line in lines:
        words = line.split('#')[0].split()
        if len(words) >= 2:
            used.add((words[0], words[1], int(words[2]) if len(words) > 2 else None))


def judge(policies, used):
    tap = Tap()
    for name, rules in sorted(policies.items()):
        seen = {(call, fd) for policy, call, fd in used if policy == name}
        calls = {call for call, _ in seen}
        if not calls:
            tap.skip('no recorded run', name)
            continue
        unused = sorted({call for call, _, _ in rules if call not in calls and any(
            mark != '@fallback' for c, mark, _ in rules if c == call)})
        unused += [f'{call} {fd}' for call, mark, fds in rules if mark == '@lab'
                   for fd in sorted(fds) if (call, fd) not in seen]
        tap.none(unused, f'{name}: every call is used')
        for call, mark, fds in rules:
            missing = sorted(fd for fd in fds if (call, fd) not in seen)
            if call in calls and call != 'mmap' and missing and mark == '-' \
                    and len(fds) <= 6:
                tap.tell(f'{name}: {call} was not seen with fd {missing}')
    tap.done()


def main():
    args = sys.argv[1:]
    record = '--record' in args
    args = [a for a in args if a != '--record']
    cut = args.index('--') if '--' in args else len(args)
    used = set()
    for path in args[cut + 1:]:
        if os.path.exists(path):
            read_record(path, used)
    if record:
        for policy, call, fd in sorted(used, key=str):
            print(policy, call, '' if fd is None else fd)
        return False
    return judge(read_lists(args[:cut]), used)


sys.exit(main())
