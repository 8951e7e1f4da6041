#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Who may include what: a directory is a process or a permission.

usage: includes.py ROOT
"""

import re
import sys

import tree

# Directory -> directories, or single headers, that it may include.
MAY = {
    'src/abi':           {'abi'},
    'src/base':          {'abi', 'base'},
    'src/ring':          {'abi', 'base', 'ring'},
    'src/bus':           {'abi', 'base', 'bus'},
    'src/dev':           {'abi', 'base', 'bus', 'dev'},
    'src/back':          {'abi', 'base', 'bus', 'back'},
    'src/hv':            {'abi', 'base', 'hv'},
    'src/mem':           {'abi', 'base', 'hv', 'mem'},
    'src/runtime':       {'abi', 'base', 'bus', 'hv', 'mem', 'ring', 'runtime'},
    'workers':           {'abi', 'back', 'base', 'bus', 'dev', 'policy', 'runtime'},
    # No device, no bus: it has a picture and an input ring.
    'workers/vnc':       {'abi', 'back', 'base', 'policy', 'ring', 'runtime/sandbox.h'},
    'broker/dispatch':   {'abi', 'base', 'dispatch', 'hv', 'mem', 'policy', 'ring',
                          'runtime/sandbox.h'},
    'broker/supervisor': {'abi', 'base', 'ring', 'supervisor'},
    # Not part of a family: it asks the models for names, and drives none.
    'broker/ctl':        {'abi', 'base', 'bus', 'ctl', 'dev', 'policy', 'ring',
                          'supervisor/run_dir.h'},
}

# System headers that reach out of the process, and the only places for them.
ONLY = [
    (r'xen.*', {'src/hv', 'broker/supervisor', 'policy'}),
    (r'seccomp\.h', {'policy'}),
    (r'rfb/.*', {'src/back'}),
    (r'(event2/.*|event\.h)', {'broker/supervisor'}),
    (r'jansson\.h', {'broker/supervisor', 'broker/ctl'}),
    (r'n?curses\.h', {'broker/ctl'}),
]

# A device model computes.  struct iovec is bus/blk.h's.
PURE = {'src/abi', 'src/bus', 'src/dev'}
PURE_HEADERS = {
    'assert.h', 'errno.h', 'inttypes.h', 'limits.h', 'stdalign.h',
    'stdarg.h', 'stdatomic.h', 'stdbool.h', 'stddef.h', 'stdint.h', 'stdio.h',
    'stdlib.h', 'string.h', 'sys/uio.h', 'time.h',
}
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]+(["<])([^">]+)[">]', re.M)


def home_of(path):
    if re.match(r'workers/vnc[^/]*$', path):
        return 'workers/vnc'
    parts = path.split('/')
    for n in (2, 1):
        if '/'.join(parts[:n]) in MAY:
            return '/'.join(parts[:n])
    return parts[0]


def complaint(path, home, kind, name):
    name = name.removeprefix('broker/')
    top = name.split('/')[0]
    if kind == '"':
        if re.match(r'policy_\w+\.h$', name):
            top = 'policy'
        elif '/' not in name and not name.endswith('.def'):
            return f'{path}: "{name}" lacks its directory'
        if home in MAY and top not in MAY[home] and name not in MAY[home] \
                and not name.endswith('.def'):
            return f'{path}: {home}/ may not include "{name}"'
        return None
    for pattern, homes in ONLY:
        if re.fullmatch(pattern, name) and home not in homes:
            return f'{path}: <{name}> is for {", ".join(sorted(homes))} only'
    if home in PURE and name not in PURE_HEADERS:
        return f'{path}: {home}/ may not include <{name}>'
    return None


def main():
    root = sys.argv[1]
    tap = tree.Tap()
    bad, seen = [], 0
    for path in tree.files(root, '.c', '.h'):
        home = home_of(path)
        if home not in MAY and home != 'policy':
            continue
        seen += 1
        for kind, name in INCLUDE.findall(tree.text(root, path)):
            said = complaint(path, home, kind, name)
            if said and not (home == 'policy' and kind == '"'):
                bad.append(said)
    tap.none(bad, f'{seen} files include what their directory may')
    tap.done()


main()
