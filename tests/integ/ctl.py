#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""cloisterctl against two real families at once, and against liars.

usage: ctl.py CLOISTERCTL CTL_GUEST
"""

import json
import os
import pty
import re
import resource
import select
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'lib'))

from tap import Tap

CTL, GUEST = (os.path.abspath(p) for p in sys.argv[1:3])
DIR = tempfile.mkdtemp(prefix='ctl-test-')
RUN = os.path.join(DIR, 'run')
tap = Tap()
ok = tap.ok
skip = tap.skip


def ctl(*args, timeout=60, run=RUN, **more):
    return subprocess.run([CTL, '--run-dir', run, *args], stdin=subprocess.DEVNULL,
                          capture_output=True, timeout=timeout, check=False, **more)


def ctl_json(*args):
    r = ctl('--json', *args)
    try:
        return json.loads(r.stdout)
    except ValueError:
        print('#', r.stdout[:300], r.stderr[:300])
        return {}


class Guest:
    def __init__(self, domid, name):
        self.process = subprocess.Popen([GUEST, RUN, str(domid), name], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def wait_up(self):
        return self.process.stdout.readline() == 'up\n'

    def end(self):
        self.process.stdin.close()
        return self.process.wait(30)


def is_clean(r):
    """No byte that could move a cursor, no crash."""
    said = r.stdout + r.stderr
    bad = [b for b in said if (b < 0x20 and b != 10) or b == 0x7f]
    is_json = '--json' in r.args
    return r.returncode >= 0 and not bad and not re.search(b'\xc2[\x80-\x9f]', said) and \
        not (is_json and any(b > 0x7f for b in said))


def connect(domid):
    s = socket.socket(socket.AF_UNIX)
    s.connect(f'{RUN}/{domid}/control.sock')
    s.settimeout(20)
    return s


# ---- the commands ----

def check_list():
    r = ctl('list')
    lines = r.stdout.decode().splitlines()
    ok(r.returncode == 0 and len(lines) == 3 and 'alpha' in lines[1] and
       'beta' in lines[2] and 'running' in lines[1], 'list: two guests', r)
    guests = ctl_json('list')
    ok([(g['domid'], g['name'], g['processes']) for g in guests] ==
       [(41, 'alpha', 6), (42, 'beta', 6)], 'list --json', guests)
    ok(all(g['memory_bytes'] > 100000 and g['age_s'] > 0 for g in guests),
       'with memory and age')


def check_status(pids):
    s = ctl_json('status', 'beta')
    ok(s.get('domid') == 42 and s['state'] == 'running' and s['pid'] == pids[42],
       'status by name', s)
    ok(ctl_json('status', '42').get('name') == 'beta', 'and by domid')
    ok([g['domid'] for g in ctl_json('status')] == [41, 42], 'and of all')
    names = [p['name'] for p in s['processes']]
    ok(names == ['supervisor', 'platform', 'disk0', 'vga', 'net0', 'broker'],
       'its processes', names)
    ok(all(p['pid'] > 0 and 'cpu_s' in p and p['resident_bytes'] > 0
           for p in s['processes']), 'each with what it uses')
    disk = s['processes'][2]
    ok(disk['counters']['accesses'] > 0 and disk['state'] == 'running' and
       disk['syscalls'] > 5, 'counted', disk)
    ok(any(d['kind'] == 'nic' and d['worker'] == 'net0' for d in s['devices']),
       'its devices')
    text = ctl('status', 'beta').stdout.decode()
    ok('/images/root' in text and 'disk0' in text and 'guest 42 beta' in text,
       'status as a text', text)


def is_true(value):
    return value is True or value == 1


def check_explain():
    s = ctl_json('explain', 'alpha')
    sheets = {p['name']: p['evidence'] for p in s['processes']}
    root = os.geteuid() == 0
    confined = {n: e for n, e in sheets.items() if n != 'supervisor'}
    for name, e in confined.items():
        pid = next(p['pid'] for p in s['processes'] if p['name'] == name)
        with open(f'/proc/{pid}/status', encoding='ascii') as f:
            told = dict(line.rstrip('\n').split(':\t', 1) for line in f if ':\t' in line)
        good = e['no_new_privs'] == int(told['NoNewPrivs']) == 1 and \
            e['capabilities']['effective'] == told['CapEff']
        if e['seccomp']['mode'] != 'off':
            good = good and e['seccomp']['mode'] == 'filter' and \
                e['seccomp']['filters'] == int(told['Seccomp_filters'])
        good = good and e['seccomp']['instructions'] > 20 and \
            0 < e['seccomp']['system_calls'] <= 40
        ok(good, f'explain: {name}: as the kernel has it', e)
    if not root:
        skip('descriptors, root and namespaces of processes need root')
        return
    for name, e in confined.items():
        strange = [f for f in e['fds'] if not f['means']]
        ok(len(e['fds']) > 5 and not strange, f'{name}: each descriptor has a meaning',
           strange)
    ok(all(e['root'] == {'own': True, 'entries': 0} for e in confined.values()),
       'an empty root each', [e['root'] for e in confined.values()])
    ok(all(e['namespaces']['mnt']['own'] for e in confined.values()) and
       not sheets['supervisor']['namespaces']['mnt']['own'],
       'a mount namespace each, but for the supervisor')
    ok(all(e['capabilities']['effective'] == '0' * 16 for e in confined.values()),
       'no capabilities')
    ok(sheets['vga']['guest_memory']['mapped_bytes'] >= 16 << 20 and
       sheets['platform']['guest_memory']['mapped_bytes'] == 0,
       'who has how much guest memory', sheets['vga']['guest_memory'])
    ok(s['claims']['disk0']['isa_lines'] == [14, 15] and
       'guest-memory' in s['claims']['disk0']['verbs'], 'what a worker may claim')
    text = ctl('explain', 'alpha').stdout.decode()
    ok('FD_CHAN: ' in text and 'no new privs' in text and 'own, 0 entries' in text,
       'as a text', text)


def check_trace():
    r = ctl('trace', 'alpha', 'com1')
    lines = r.stdout.decode().splitlines()
    ok(r.returncode == 0 and len(lines) > 10 and
       all(' com1 ' in line for line in lines), 'trace: one device', r)
    ok(any(re.search(r'hop +W1 port +0x3ff +com1 +SCR ', line) for line in lines) and
       any(re.search(r'shadow R1 port +0x3fd +com1 +LSR +0x60', line) for line in lines),
       'by data-sheet names', '\n'.join(lines[:4]))
    r = ctl('trace', 'alpha', 'disk0', '--count', '6')
    lines = r.stdout.decode().splitlines()
    ok(len(lines) == 6 and any(re.search(r'mirror R2 pci .*piix-ide +COMMAND ', line)
                               for line in lines), 'a worker, the last six', r.stdout)
    r = ctl('trace', 'alpha', 'com1', '--follow', '--count', '5', '--json')
    records = [json.loads(line) for line in r.stdout.splitlines()]
    ok(len(records) == 5 and all(a['device'] == 'com1' for a in records),
       '--follow, as JSON', r.stdout)
    values = [a['value'] for a in records if a['register'] == 'SCR']
    ok(len(values) >= 2 and (values[1] - values[0]) % 256 == 1, 'in order', values)
    ok(isinstance(ctl_json('trace', 'alpha', 'ide0', '--count', '3'), list), 'or a list')
    r = ctl('trace', 'alpha', 'e1000')
    ok(r.returncode == 1 and b'no such worker or device: e1000' in r.stderr,
       'a device that is not there', r)
    ok(ctl('trace', 'alpha', 'broker').returncode == 1, 'of the broker nothing is recorded')


def check_rights_of_trace():
    """Who looks at what a guest did has no rights to lose."""
    process = subprocess.Popen([CTL, '--run-dir', RUN, 'trace', 'alpha', 'com1', '--follow'],
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    process.stdout.readline()
    with open(f'/proc/{process.pid}/status', encoding='ascii') as f:
        has = dict(line.rstrip('\n').split(':\t', 1) for line in f if ':\t' in line)
    process.kill()
    process.wait()
    ok(all(has[c] == '0' * 16 for c in ('CapInh', 'CapPrm', 'CapEff', 'CapAmb')) and
       has['NoNewPrivs'] == '1', 'trace: no capabilities, and none to be had', has)
    ok(os.geteuid() or has['Uid'].split() == ['65534'] * 4, 'trace: it is nobody', has['Uid'])


def check_devices():
    every = {d['name']: d for d in ctl_json('devices')}
    ok(len(every) >= 16 and all(d['windows'] and d['sheet'] for d in every.values()),
       'devices', list(every))
    lsr = [r for w in every['com1']['windows'] for r in w['registers']
           if r['name'] == 'LSR']
    ok(lsr == [{'name': 'LSR', 'offset': 5, 'size': 1}], 'with registers', lsr)
    r = ctl('devices', 'com1')
    ok(b'+0x05 1 LSR' in r.stdout and r.returncode == 0, 'one of them', r)
    ok(ctl('devices', 'gameport').returncode == 1, 'that there is not')


def check_families(text):
    """Each family once, with the samples of both guests behind it."""
    lines = text.splitlines()
    names = [line.split()[2] for line in lines if line.startswith('# TYPE ')]
    family, strange, seen = '?', [], set()
    for line in lines[:-1]:
        if line.startswith('#') and line.split()[2] != family:
            family = line.split()[2]
            strange += [line] if family in seen else []
            seen.add(family)
        elif not line.startswith('#') and not line.startswith(family):
            strange.append(line)
    ok(lines[-1] == '# EOF' and text.count('# EOF') == 1 and len(names) == len(set(names)) and
       not strange, 'of all: one text, each family once', names, strange)
    up = [line for line in lines if line.startswith('cloister_up{')]
    ok(any('"alpha"' in u for u in up) and any('"beta"' in u for u in up), 'with both guests')


def check_asked():
    r = ctl('metrics', 'alpha')
    ok(r.returncode == 0 and r.stdout.endswith(b'# EOF\n') and
       b'name="alpha"' in r.stdout and b'name="beta"' not in r.stdout, 'metrics of one', r)
    check_families(ctl('metrics').stdout.decode())
    r = ctl('limit', 'alpha', 'disk0', 'memory.max=64M')
    ok(r.returncode in (0, 1) and is_clean(r), 'limit: done, or why not', r)
    r = ctl('limit', 'alpha', 'disk0', 'memory.max')
    ok(r.returncode == 2 and b'not KEY=VALUE' in r.stderr, 'limit: no value', r)
    r = ctl('restart', 'alpha', 'disk0')
    ok(r.returncode == 1 and b'nobody can be replaced here' in r.stderr,
       'restart: of a supervisor that cannot', r)
    r = ctl('restart', 'alpha')
    ok(r.returncode == 2 and b'restart GUEST PROCESS' in r.stderr, 'restart: of whom?', r)


def check_refusals():
    for args, status, said in (
            (('status', 'gamma'), 3, b'no such guest: gamma'),
            (('status', '77'), 3, b'no such guest: 77'),
            (('trace', '99999', 'com1'), 3, b'no such guest'),
            (('top', '--batch', '1', 'gamma'), 3, b'no such guest'),
            (('frobnicate',), 2, b'no such command: frobnicate'),
            ((), 2, b'a command is missing'),
            (('list', 'x'), 2, b'usage: cloisterctl list'),
            (('trace', 'alpha'), 2, b'usage: cloisterctl trace GUEST DEVICE'),
            (('list', '--frobnicate'), 2, b'unknown option'),
            (('list', '--follow'), 2, b'--follow is not for list'),
            (('top', '--batch', '0'), 2, b'--batch: not a value'),
            (('top', '--batch', '1', '--delay', 'nan'), 2, b'--delay: not a value'),
            (('top', '--sort', 'x'), 2, b'--sort: not a value'),
            (('top',), 2, b'wants --batch'),
            (('status', '\x1b[31m'), 3, b'no such guest: \\x1b[31m')):
        r = ctl(*args)
        ok(r.returncode == status and said in r.stderr and is_clean(r),
           f'refused with {status}: {args!a}', r)
    ok(b'Exit status' in ctl('--help').stdout, '--help')
    with open('/dev/full', 'wb') as full:
        r = subprocess.run([CTL, '--run-dir', RUN, 'list'], stdout=full,
                           stderr=subprocess.PIPE, check=False)
    ok(r.returncode == 1 and b'cannot write' in r.stderr, 'nowhere to write to', r)
    empty = ctl('list', run=os.path.join(DIR, 'none'))
    ok(empty.returncode == 0 and len(empty.stdout.splitlines()) == 1, 'no guests at all')


def check_rights():
    if os.geteuid():
        skip('somebody else: needs root')
        return
    os.chmod(DIR, 0o755)
    mode = os.stat(f'{RUN}/41/control.sock').st_mode
    ok(stat.S_IMODE(mode) == 0o600, 'the socket is for its owner', oct(mode))

    def become_nobody():
        os.setgid(65534)
        os.setuid(65534)
    # The build tree may be where nobody else can look.
    copy = os.path.join(DIR, 'cloisterctl')
    shutil.copy(CTL, copy)
    for args in (('list',), ('status', '41'), ('explain', 'alpha'), ('top', '--batch', '1')):
        r = subprocess.run([copy, '--run-dir', RUN, *args], capture_output=True,
                           preexec_fn=become_nobody, cwd='/', check=False)
        ok(r.returncode == 4 and b'no rights' in r.stderr and is_clean(r),
           f'without rights: {args}', r)
    os.chmod(f'{RUN}/41/control.sock', 0o666)
    r = subprocess.run([copy, '--run-dir', RUN, 'status', '41'], capture_output=True,
                       preexec_fn=become_nobody, cwd='/', check=False)
    os.chmod(f'{RUN}/41/control.sock', 0o600)
    ok(r.returncode == 1 and b'alpha' not in r.stdout, 'the mode is not all: who asks is looked at', r)


def pss_bytes(pid):
    try:
        with open(f'/proc/{pid}/smaps_rollup', encoding='ascii') as f:
            return int(re.search(r'^Pss: +(\d+) kB', f.read(), re.M).group(1)) * 1024
    except (OSError, AttributeError):
        return 0


def check_top():
    r = ctl('top', '--batch', '2', '--delay', '0.3')
    text = r.stdout.decode()
    ok(r.returncode == 0 and text.count('DOMID NAME') == 2 and
       re.search(r'^ +42 beta +disk0 ', text, re.M), 'top --batch', r)
    t = ctl_json('top', '--batch', '1', '--delay', '0.5', '--sort', 'requests', 'alpha')
    rows = t.get('rows', [])
    rates = [r['requests_per_s'] for r in rows]
    disk = [r['requests_per_s'] for r in rows if r['process'] == 'disk0']
    ok(t.get('guests') == 1 and len(rows) == 6 and rates == sorted(rates, reverse=True) and
       0 < disk[0] < 1000, 'requests per second, sorted by them', t)

    shares = [(r['memory_bytes'], pss_bytes(r['pid'])) for r in rows]
    ok(os.geteuid() or all(abs(told - now) < 200000 + now / 10 for told, now in shares),
       'memory is what smaps_rollup says', shares)
    ok(os.geteuid() or any(r['memory_bytes'] != r['resident_bytes'] for r in rows),
       'and not what is resident', rows)

    pid, fd = pty.fork()
    if pid == 0:
        os.environ['TERM'] = 'xterm'
        os.execv(CTL, [CTL, '--run-dir', RUN, 'top', '--delay', '0.2'])
    screen = b''
    deadline = time.time() + 20
    sent = False
    while time.time() < deadline:
        if select.select([fd], [], [], 0.1)[0]:
            try:
                screen += os.read(fd, 65536)
            except OSError:
                break
        if b'disk0' in screen and b'beta' in screen and not sent:
            os.write(fd, b'm')
            sent = True
        if b'memory;' in screen and sent:
            os.write(fd, b'q')
    if time.time() >= deadline:
        os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    os.close(fd)
    ok(status == 0 and b'PROCESS' in screen and b'memory;' in screen,
       'top on a terminal: keys sort and end it', status, screen[-300:])


COMPLETE = r"""
. "$1"
shift
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_cloisterctl
printf '%s\n' "${COMPREPLY[@]}"
"""


def check_completion():
    """bash, asking this cloisterctl."""
    bin_dir = os.path.join(DIR, 'bin')
    os.mkdir(bin_dir)
    with open(os.path.join(bin_dir, 'cloisterctl'), 'w', encoding='ascii') as f:
        f.write(f'#!/bin/sh\nexec {CTL} --run-dir {RUN} "$@"\n')
    os.chmod(os.path.join(bin_dir, 'cloisterctl'), 0o755)
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                          '../../contrib/completion/cloisterctl.bash')
    for words, wanted in (
            ('st', {'status'}),
            ('--f', {'--follow', '--file'}),
            ('top --sort c', {'cpu'}),
            ('status ', {'41', '42', 'alpha', 'beta'}),
            ('--run-dir /x explain al', {'alpha'}),
            ('trace alpha di', {'disk0'}),
            ('trace alpha com', {'com1', 'com2', 'com3', 'com4'}),
            ('limit beta net', {'net0'}),
            ('limit beta g', {''}),
            ('restart beta net', {'net0'}),
            ('devices e10', {'e1000'}),
            ('list ', {''})):
        r = subprocess.run(['bash', '-c', COMPLETE, 'bash', script, 'cloisterctl',
                            *words.split(' ')], capture_output=True, text=True, check=False,
                           env={**os.environ, 'PATH': bin_dir + ':' + os.environ['PATH']})
        got = set(r.stdout.split('\n')[:-1])
        ok(got == wanted, f'completion of "{words}"', r)


# ---- clients that mean no good ----

def ask(s, name='status'):
    s.sendall(json.dumps({'execute': name}).encode() + b'\n')
    data = b''
    while not data.endswith(b'\n'):
        more = s.recv(65536)
        if not more:
            break
        data += more
    return data


def turns():
    s = ctl_json('status', 'alpha')
    return s['processes'][2]['counters']['accesses']


def check_garbage():
    before = turns()
    s = connect(41)
    s.sendall(b'\x00\xff garbage \x1b[2J\r\n]]]}}}')
    ok(b'"error"' in ask(s, 'commands'), 'garbage is answered with an error')
    s.close()
    s = connect(41)
    sent = 0
    try:
        while sent < 10 << 20:
            sent += s.send(b'{"a":"' if not sent else b'x' * 65536)
        ok(False, '10 MB without a newline: still there')
    except OSError:
        ok(sent < 4 << 20, f'10 MB without a newline: cut off after {sent} bytes')
    s.close()
    deaf = connect(41)
    deaf.setblocking(False)
    for _ in range(200000):
        try:
            deaf.send(b'{"execute":"explain"}\n')
        except BlockingIOError:
            time.sleep(0.001)
        except OSError:
            break
    else:
        ok(False, 'a client that never reads is still there')
    began = time.time()
    r = ctl('status', 'alpha')
    ok(r.returncode == 0 and time.time() - began < 5, 'a client that never reads: others are served')
    crowd = [connect(41) for _ in range(40)]
    ok(ctl('status', 'alpha').returncode == 0, 'forty idle clients: others are served')
    for s in crowd:
        s.close()
    deadline = time.time() + 10
    while turns() < before + 20 and time.time() < deadline:
        time.sleep(0.05)
    stalled = ctl_json('status', 'alpha')['processes'][2]['counters']['longest_ms']
    ok(turns() >= before + 20 and stalled < 1000,
       f'and the guest goes on; the longest turn of the loop took {stalled} ms')
    deaf.close()


# ---- a socket that lies to cloisterctl ----

GOOD = {'version': '1', 'domid': 66, 'name': 'liar', 'state': 'running', 'age_s': 1.5,
        'pid': 1, 'processes': [], 'devices': []}


def lying(**what):
    return json.dumps({'return': {**GOOD, **what}}).encode() + b'\r\n'


LIES = [
    ('nothing', b'', 1),
    ('garbage', b'\x1b]0;pwned\x07\xff\xfe\n', 1),
    ('no JSON', b'{"return":}\n', 1),
    ('an array', b'[1,2]\n', 1),
    ('another guest', lying(domid=41), 1),
    ('no domid', b'{"return":{}}\n', 1),
    ('deep nesting', b'[' * 100000 + b'\n', 1),
    ('an error with escapes', b'{"error":{"desc":"\\u001b[31m\\u009b1m"}}\n', 1),
    ('an error that is none', b'{"error":7}\n', 1),
    ('escapes in a name', lying(name='\x1b[2J\x1b]0;x\x07\u202e', state='\x9b31m'), 0),
    ('escapes in metrics', lying(text='# TYPE a gauge\na{x="\x9b31m\x1b[2J\xe9"} 1\n\x9b'), 0),
    ('wrong types', lying(name=7, state=[], age_s='old', devices=[1, [], None],
                          processes=[{'name': 'x', 'pid': 'y', 'counters': 5}]), 0),
    ('wild numbers', lying(age_s=-1e300, processes=[
        {'name': 'a', 'pid': -1}, {'name': 'b', 'pid': 1 << 62},
        {'name': 'c', 'pid': 1, 'counters': {'accesses': -5, 'disk_bytes': 1 << 62}}]), 0),
    ('long texts', lying(name='x' * 500000, processes=[{'name': 'y' * 500000}]), 0),
    ('too many processes', lying(processes=[{'name': 'x'}] * 65), 1),
    ('an endless answer', None, 1),
]


def serve_lie(listener, lie, stop):
    while not stop.is_set():
        if not select.select([listener], [], [], 0.1)[0]:
            continue
        s, _ = listener.accept()
        with s:
            try:
                s.recv(65536)
                if lie is None:
                    for _ in range(2000):
                        s.sendall(b'x' * 65536)
                else:
                    s.sendall(lie)
                    s.settimeout(0.5)
                    while lie and s.recv(65536):
                        s.sendall(lie)
            except OSError:
                pass


def check_liars():
    os.mkdir(f'{RUN}/66')
    path = f'{RUN}/66/control.sock'
    for what, lie, status in LIES:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        listener.listen(8)
        stop = threading.Event()
        thread = threading.Thread(target=serve_lie, args=(listener, lie, stop))
        thread.start()
        results = [ctl(*a) for a in (
            ('status', '66'), ('--json', 'status', '66'), ('list',), ('--json', 'list'),
            ('explain', '66'), ('metrics', '66'), ('trace', '66', 'x'),
            ('trace', '66', 'com1'), ('limit', '66', 'x', 'a=b'),
            ('top', '--batch', '1', '--delay', '0.1', '66'))]
        stop.set()
        thread.join()
        listener.close()
        os.unlink(path)
        ok(all(is_clean(r) for r in results) and results[0].returncode == status and
           results[1].returncode == status, f'a socket that says {what}',
           [r for r in results if not is_clean(r)], results[0])
        ok(results[2].returncode == 0 and b'alpha' in results[2].stdout,
           'and the others are listed', results[2])
    os.rmdir(f'{RUN}/66')


def check_silence():
    """A supervisor that is stopped."""
    os.mkdir(f'{RUN}/67')
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(f'{RUN}/67/control.sock')
    listener.listen(8)
    began = time.time()
    r = ctl('list')
    ok(r.returncode == 0 and b'no answer' in r.stdout and b'beta' in r.stdout and
       time.time() - began < 15, 'one who does not answer: listed as such', r)
    r = ctl('metrics')
    ok(r.returncode == 1 and b'guest 67: ' in r.stderr and b'name="alpha"' in r.stdout and
       b'name="beta"' in r.stdout and r.stdout.endswith(b'# EOF\n'),
       'and does not keep the metrics of the others', r)
    listener.close()
    r = ctl('list')
    ok(r.returncode == 0 and b' 67 ' not in r.stdout, 'a stale socket is passed over', r)
    ok(ctl('status', '67').returncode == 3, 'and is no guest')
    shutil.rmtree(f'{RUN}/67')


def check_wrong_fd():
    """A descriptor that is no trace comes along."""
    os.mkdir(f'{RUN}/68')
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(f'{RUN}/68/control.sock')
    listener.listen(8)
    status = {**GOOD, 'domid': 68, 'processes': [{'name': 'disk0', 'role': 'disk'}]}
    answer = {'worker': 'disk0', 'pci': [{'devfn': 9, 'config': 'zz' * 256}, 7,
                                         {'devfn': -1, 'config': 'ff' * 256},
                                         {'devfn': 9, 'config': 'ff' * 256}]}

    def serve(fds):
        s, _ = listener.accept()
        with s:
            s.recv(65536)
            s.sendall(json.dumps({'return': status}).encode() + b'\n')
            s.recv(65536)
            socket.send_fds(s, [json.dumps({'return': answer}).encode() + b'\n'], fds)
            s.recv(1)

    for what, make in (('/dev/null', lambda: os.open('/dev/null', os.O_RDWR)),
                       ('an empty memfd', lambda: os.memfd_create('x')),
                       ('none', None)):
        fds = [make()] * 3 if make else []
        thread = threading.Thread(target=serve, args=(fds,))
        thread.start()
        r = ctl('trace', '68', 'disk0')
        thread.join()
        ok(r.returncode == 1 and is_clean(r), f'a trace that is {what}', r)
        if fds:
            os.close(fds[0])
    listener.close()
    shutil.rmtree(f'{RUN}/68')


def check_death(beta):
    """A family whose supervisor is killed, and what it leaves."""
    beta.process.send_signal(signal.SIGKILL)
    beta.process.wait()
    r = ctl('list')
    ok(os.path.exists(f'{RUN}/42/control.sock') and b'beta' not in r.stdout and
       r.returncode == 0, 'a killed family is not listed', r)
    ok(ctl('status', 'beta').returncode == 3, 'nor found')
    delta = Guest(43, 'delta')
    ok(delta.wait_up(), 'another one starts')
    ok(not os.path.exists(f'{RUN}/42'), 'and removes what the dead one left')
    ok(delta.end() == 0 and not os.path.exists(f'{RUN}/43'), 'it takes its own along')


def main():
    guests = [Guest(41, 'alpha'), Guest(42, 'beta')]
    try:
        if not ok(all([g.wait_up() for g in guests]), 'two families are up'):
            return
        while turns() < 20:
            time.sleep(0.05)
        check_list()
        check_status({41: guests[0].process.pid, 42: guests[1].process.pid})
        check_explain()
        check_trace()
        check_rights_of_trace()
        check_devices()
        check_asked()
        check_refusals()
        check_rights()
        check_top()
        check_completion()
        check_garbage()
        check_liars()
        check_silence()
        check_wrong_fd()
        check_death(guests[1])
        ok(guests[0].end() == 0, 'and the first one ends as it should')
    finally:
        for g in guests:
            if g.process.poll() is None:
                g.process.kill()
        shutil.rmtree(DIR, ignore_errors=True)
        print(f'1..{tap.count}')


resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
main()
sys.exit(tap.failed != 0)
