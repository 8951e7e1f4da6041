#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What mkpolicy accepts, and what it refuses with which words.

usage: mkpolicy.py MKPOLICY FDS_H
"""

import os
import subprocess
import sys
import tempfile

sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'lib'))

from tap import Tap

KILL = 'default kill\n'
REFUSED = [
    ('no default', 'exit_group # end\n', '"default kill" is missing'),
    ('another default', 'default allow\n', 'the only default'),
    ('a rule without a reason', KILL + 'exit_group\n', 'needs its reason'),
    ('an empty reason', KILL + 'exit_group #\n', 'needs its reason'),
    ('a call nobody thought about', KILL + 'openat # x y\n', 'not a call a policy may list'),
    ('execve', KILL + 'execve # run things\n', 'not a call a policy may list'),
    ('ioctl without a command', KILL + 'ioctl fd == FD_HV_MEM # memory\n',
     'without a condition on "cmd"'),
    ('ioctl on any descriptor', KILL + 'ioctl cmd == 1 # memory\n',
     'without a condition on "fd"'),
    ('mmap without prot', KILL + 'mmap fd == FD_HV_MEM flags == MAP_SHARED # memory\n',
     'without a condition on "prot"'),
    ('read from anything', KILL + 'read # all\n', 'without a condition on "fd"'),
    ('an unknown descriptor', KILL + 'read fd == FD_NOPE # x y\n', 'unknown name "FD_NOPE"'),
    ('an unknown constant', KILL + 'mmap fd == 7 prot == PROT_EXEC flags == MAP_SHARED # x\n',
     'unknown name "PROT_EXEC"'),
    ('an unknown argument', KILL + 'read file == FD_CTL # x y\n', 'no argument "file"'),
    ('a pointer', KILL + 'read fd == FD_CTL buf == 0 # x y\n', 'no argument "buf"'),
    ('an argument twice', KILL + 'read fd == FD_CTL fd == FD_LOG # x y\n', 'checked twice'),
    ('no operator', KILL + 'read fd FD_CTL # x y\n', 'expected =='),
    ('two values for ==', KILL + 'read fd == FD_CTL FD_LOG # x y\n', 'takes one value'),
    ('no value', KILL + 'read fd in # x y\n', 'takes a value'),
    ('a range backwards', KILL + 'read fd in FD_DISK3..FD_DISK0 # x y\n', 'bad range'),
    ('an endless range', KILL + 'read fd in 0..4000 # x y\n', 'bad range'),
    ('an unknown mark', KILL + 'exit_group @maybe # end\n', 'unknown mark'),
    ('words after a mark', KILL + 'exit_group @lab now # end\n', 'after the mark'),
    ('the same rule twice', KILL + 'read fd == FD_CTL # one\nread fd == FD_CTL # two\n',
     'already there'),
    ('a rule that eats the others',
     KILL + 'getrandom flags == 0 # one\ngetrandom # two\n', 'has no conditions'),
    ('an include that is missing', KILL + '@include nope.inc\n', 'nope.inc'),
    ('an include in an include', KILL + '@include nested.inc\n', 'includes nothing'),
    ('no end of line', KILL + 'exit_group # end', 'no end of line'),
]
GOOD = KILL + ('@include one.inc\n'
               'read fd in FD_DISK0..FD_DISK3 # a range\n'
               'write fd in FD_KICK0..<FD_KICK_END # half open\n'
               'mmap fd == FD_HV_MEM prot subset PROT_READ|PROT_WRITE '
               'flags == MAP_SHARED @lab # memory\n')
LIST = ['exit_group\t231\t-\t', 'read\t0\t-\t13,14,15,16',
        'write\t1\t-\t' + ','.join(str(n) for n in range(32, 48)), 'mmap\t9\t@lab\t7']

tap = Tap()
ok = tap.ok


def run(mkpolicy, fds, where, text, *options):
    path = os.path.join(where, 'x.policy')
    with open(path, 'w', encoding='ascii') as f:
        f.write(text)
    return subprocess.run([mkpolicy, *options, fds, path], capture_output=True,
                          text=True, check=False)


def main():
    mkpolicy, fds = sys.argv[1:]
    with tempfile.TemporaryDirectory() as where:
        for name, body in (('one.inc', 'exit_group # end\n'),
                           ('nested.inc', '@include one.inc\n')):
            with open(os.path.join(where, name), 'w', encoding='ascii') as f:
                f.write(body)
        out = os.path.join(where, 'policy_x.h')
        for what, text, words in REFUSED:
            r = run(mkpolicy, fds, where, text, '-o', out)
            ok(r.returncode == 1 and words in r.stderr, f'refused: {what}', r.stderr)
        r = run(mkpolicy, fds, where, GOOD, '--list')
        ok(r.stdout.split('\n')[:-1] == LIST, 'accepted, and listed as written',
           r.stdout + r.stderr)
        r = run(mkpolicy, fds, where, GOOD, '-o', out)
        with open(out, encoding='ascii') as f:
            header = f.read()
        ok(r.returncode == 0 and '.syscalls = 4' in header and '0x7fff0000' in header
           and '0x80000000' in header, 'compiled: allows, and kills the process', header)
        r = run(mkpolicy, fds, where, GOOD, '--log', '-o', out)
        with open(out, encoding='ascii') as f:
            header = f.read()
        ok(r.returncode == 0 and '0x7ffc0000' in header and '(log only)' in header,
           'with --log: logs, and says so', header)
    tap.done()


main()
