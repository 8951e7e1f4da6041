# SPDX-License-Identifier: GPL-2.0-or-later
"""A domain ID that no other test here has, for as long as this process lives:
tests run side by side, and processes and cgroups go by it."""

import os
import socket

FIRST, COUNT = 32000, 700       # Xen's own begin at 32752 (DOMID_FIRST_RESERVED)
_held = []                      # the name of a socket ends with its process


def claim():
    for i in range(COUNT):
        domid = FIRST + (os.getpid() + i) % COUNT
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            sock.bind(f'\0cloister-test-domid-{domid}')
        except OSError:
            sock.close()
            continue
        _held.append(sock)
        return domid
    raise RuntimeError('every domain ID is taken')
