#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""cloisterctl and its completions in odd company: no descriptors, a full disk,
supervisors that are stopped, guests whose names are commands.

No guest runs: scripted sockets stand for the supervisors.

usage: ctl_odd.py CLOISTERCTL COMPLETION-DIR
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading

sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'lib'))

from tap import Tap

CTL, SHELLS = (os.path.abspath(p) for p in sys.argv[1:3])
DIR = tempfile.mkdtemp(prefix='ctl-odd-')
RUN = os.path.join(DIR, 'run')
tap = Tap()
ok = tap.ok


class Supervisor(threading.Thread):
    """Answers "status" and "explain" of one guest; stopped: nothing."""

    def __init__(self, domid, name, stopped=False, **more):
        super().__init__(daemon=True)
        self.said = {'version': '1', 'domid': domid, 'name': name, 'state': 'running',
                     'age_s': 1.5, 'pid': 1, 'processes': [], 'devices': [],
                     'claims': {}, **more}
        self.stopped = stopped
        self.heard = b''
        self.dir = f'{RUN}/{domid}'
        os.mkdir(self.dir)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(f'{self.dir}/control.sock')
        self.listener.listen(8)
        self.start()

    def run(self):
        while True:
            try:
                s, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(s,), daemon=True).start()

    def serve(self, s):
        with s:
            while True:
                try:
                    data = s.recv(65536)
                    self.heard += data
                    if not data:
                        return
                    if not self.stopped:
                        s.sendall(json.dumps({'return': self.said}).encode() + b'\r\n')
                except OSError:
                    return

    def end(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        shutil.rmtree(self.dir)


def ctl(*args, **more):
    return subprocess.run([CTL, '--run-dir', RUN, *args], stdin=subprocess.DEVNULL,
                          capture_output=True, timeout=60, check=False, **more)


def check_closed():
    """What we open must not become what we print to."""
    s = Supervisor(66, 'alpha', devices=[{'kind': 'disk', 'name': 'hda', 'worker': 'disk0',
                                          'source': 'x' * 5000}] * 60)

    def close_all():
        for fd in range(3):
            os.close(fd)
    r = subprocess.run([CTL, '--run-dir', RUN, 'status', '66'], preexec_fn=close_all,
                       timeout=60, check=False)
    ok(s.heard == b'{"execute":"status"}\n',
       'without standard descriptors: the socket gets the question, and nothing else',
       len(s.heard), s.heard[:200])
    ok(r.returncode == 1, 'and that nothing could be written is a failure', r)
    s.end()


def main():
    os.mkdir(RUN)
    try:
        check_closed()
    finally:
        shutil.rmtree(DIR, ignore_errors=True)


main()
tap.done()
