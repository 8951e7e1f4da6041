#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""cloisterctl and a supervisor as a whole, on the in-memory hypervisor.

usage: ctl_whole.py CLOISTERCTL CLOISTER-FAKE BUILD-DIR
"""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'lib'))

import domid
from dm import make_image, make_place
from tap import Tap

CTL, FAKE, BUILD = (os.path.abspath(p) for p in sys.argv[1:4])
DOMID = domid.claim()
tap = Tap()
ok = tap.ok


def ctl(*args):
    return subprocess.run([CTL, '--run-dir', f'{DIR}/run', *args], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=60, check=False)


def start(**env):
    """The supervisor, once it serves; it finds its programs beside itself."""
    log = open(f'{DIR}/log', 'w+', encoding='utf-8')
    process = subprocess.Popen(
        [f'{DIR}/cloister', '-xen-domid', str(DOMID), '-name', 'whole', '-machine', 'xenfv',
         '-m', '64', '-device', 'VGA', '-serial', 'null', '-drive',
         f'file={DIR}/disk.img,if=ide,index=0,format=raw', '-cloister',
         f'run-dir={DIR}/run,crash-dir=off'], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        env={**os.environ, **env})
    deadline = time.time() + 30
    while ctl('status', 'whole').returncode and process.poll() is None and \
            time.time() < deadline:
        time.sleep(0.1)
    log.seek(0)
    return process, log.read()


def check_sheets():
    r = ctl('explain', 'whole', '--json')
    s = json.loads(r.stdout) if r.returncode == 0 else {'processes': []}
    sheets = {p['name']: p for p in s['processes']}
    if not ok(set(sheets) == {'supervisor', 'broker', 'platform', 'disk0', 'vga'},
              'explain: all processes', r):
        return
    cells = {n: p['evidence'] for n, p in sheets.items() if n != 'supervisor'}
    uids = {e['ids']['uid'] for e in cells.values()}
    ok(len(uids) == 4 and 0 not in uids and
       all(e['ids']['uid'] == sheets[n]['uid'] for n, e in cells.items()),
       'a uid each, the one the supervisor says', uids)
    own = {n: {k for k, v in e['namespaces'].items() if v['own']} for n, e in cells.items()}
    ok(all(o >= {'ipc', 'mnt', 'net', 'pid', 'uts'} for o in own.values()),
       'namespaces of their own', own)
    ok(all(e['capabilities']['effective'] == e['capabilities']['bounding'] == '0' * 16 and
           e['no_new_privs'] == 1 and e['root'] == {'own': True, 'entries': 0}
           for e in cells.values()), 'no capabilities, an empty root')
    ok(all(f['means'] for e in cells.values() for f in e['fds']),
       'every descriptor has a meaning',
       [(n, f) for n, e in cells.items() for f in e['fds'] if not f['means']])
    groups = {n: p['evidence']['cgroup'] for n, p in sheets.items()}
    ok(all(isinstance(g, dict) or 'cgroup' not in sheets[n] or g.endswith(f'/{n}')
           for n, g in groups.items()), 'in the cgroups the supervisor says', groups)


def check_limit():
    for setting in ('pids.max=64', 'memory.high=1G'):
        r = ctl('limit', 'whole', 'disk0', setting)
        ok((r.returncode == 0 and not r.stderr) or
           (r.returncode == 1 and re.search('not available|no cgroup', r.stderr)),
           f'limit {setting}: set, or said why not', r)
    for process, setting, said in (('disk0', 'memory.max=banana', 'banana'),
                                   ('nobody', 'pids.max=10', 'nobody'),
                                   ('disk0', 'frob.max=1', 'frob.max')):
        r = ctl('limit', 'whole', process, setting)
        ok(r.returncode == 1 and said in r.stderr, f'limit {process} {setting}: refused', r)


def main():
    make_place(DIR, FAKE, BUILD)
    make_image(f'{DIR}/disk.img', 2048)
    process, log = start()
    try:
        r = ctl('list')
        if not ok(r.returncode == 0 and re.search(rf'^{DOMID} +whole +running', r.stdout, re.M),
                  'a supervisor is listed', r, log):
            return
        check_sheets()
        check_limit()
        r = ctl('metrics', 'whole')
        ok(r.returncode == 0 and 'worker="disk0"' in r.stdout and r.stdout.endswith('# EOF\n'),
           'metrics', r)
        r = ctl('trace', 'whole', 'disk0', '--json')
        ok(r.returncode == 0 and json.loads(r.stdout) == [], 'trace: a guest that does nothing', r)
        r = ctl('status', 'whole')
        ok(f'{DIR}/disk.img' in r.stdout, 'status', r)
        process.kill()
        process.wait()
        ok(ctl('status', 'whole').returncode == 3 and os.path.exists(f'{DIR}/run/{DOMID}'),
           'killed: it is no guest any more')
        # The toolstack may be a unit that systemd wants to hear of.
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
            systemd.bind(f'{DIR}/notify')
            process, log = start(NOTIFY_SOCKET=f'{DIR}/notify')
            ok(ctl('status', 'whole').returncode == 0, 'a successor takes its place', log)
            process.send_signal(signal.SIGTERM)
            ok(process.wait(20) == 0 and os.listdir(f'{DIR}/run') == [],
               'and leaves nothing behind')
            try:
                said = systemd.recv(1000, socket.MSG_DONTWAIT)
            except BlockingIOError:
                said = b''
            ok(not said, 'what systemd wants of the toolstack is not for us to say', said)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        shutil.rmtree(DIR, ignore_errors=True)
        print(f'1..{tap.count}')


tap.needs_root()
DIR = tempfile.mkdtemp(prefix='ctl-whole-')
main()
sys.exit(tap.failed != 0)
