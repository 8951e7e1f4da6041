# SPDX-License-Identifier: GPL-2.0-or-later
"""libxl's side of QMP: one command at a time, descriptors beside it."""

import array
import json
import os
import socket


class Qmp:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(60)
        self.socket.connect(path)
        self.rest = b''
        self.number = 2020372736
        self.read()
        self.run('qmp_capabilities')

    def read(self):
        """The next answer; events are passed over."""
        while True:
            while b'\r\n' not in self.rest:
                got = self.socket.recv(65536)
                if not got:
                    raise EOFError('the device model hung up')
                self.rest += got
            line, self.rest = self.rest.split(b'\r\n', 1)
            answer = json.loads(line)
            if 'event' not in answer:
                return answer

    def send(self, name, fd=None, **arguments):
        self.number += 1
        text = json.dumps({'execute': name, 'arguments': arguments, 'id': self.number})
        beside = [] if fd is None else [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                                         array.array('i', [fd]))]
        self.socket.sendmsg([text.encode() + b'\r\n'], beside)

    def run(self, name, fd=None, **arguments):
        self.send(name, fd, **arguments)
        return self.read()

    def status(self):
        return self.run('query-status')['return']['status']

    def good(self, name, fd=None, **arguments):
        return self.run(name, fd, **arguments).get('return') == {}

    def save(self, path, live=False):
        """As libxl does: an open file, not truncated, by descriptor."""
        fd = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
        number = self.run('add-fd', fd)['return']['fdset-id']
        os.close(fd)
        reply = self.run('xen-save-devices-state', live=live,
                         filename=f'/dev/fdset/{number}')
        self.run('remove-fd', **{'fdset-id': number})
        return reply
