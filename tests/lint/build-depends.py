#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The Debian package is built with the libraries of tests/packages.

usage: build-depends.py ROOT
"""

import re
import sys

import tree

IN_EVERY_BUILD = {'libc6-dev'}		# build-essential

root = sys.argv[1]
wanted = set(re.findall(r'^(\w*lib[\w.+-]*-dev)\b', tree.text(root, 'tests/packages'), re.M))
wanted -= IN_EVERY_BUILD
field = re.search(r'^Build-Depends:(.*(?:\n .*)*)',
                  tree.text(root, 'contrib/debian/control'), re.M)
given = set(re.findall(r'\w*lib[\w.+-]*-dev', field.group(1)))
tap = tree.Tap()
tap.ok(wanted and wanted <= given, 'Build-Depends has the libraries of tests/packages',
       sorted(wanted - given))
tap.ok(given <= wanted, 'and no others', sorted(given - wanted))
tap.done()
