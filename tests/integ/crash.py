#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Crash reports: written, read by cloisterctl, and done again.

usage: crash.py CLOISTERCTL CRASH_RIG REPLAY CLOISTER-FAKE BUILD-DIR
"""

import glob
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'lib'))

import domid
from dm import make_image, make_place
from tap import Tap

CTL, RIG, REPLAY, FAKE, BUILD = (os.path.abspath(p) for p in sys.argv[1:6])
DOMID = domid.claim()
tap = Tap()
ok = tap.ok


def run(*args):
    return subprocess.run(args, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=100, check=False)


def trace(path, *args):
    return run(CTL, 'trace', '--file', path, *args)


def text_of(path):
    with open(path, encoding='ascii') as f:
        return f.read()


def edited(path, name, edit):
    """A copy of the report with @edit done to its text."""
    new = f'{DIR}/{name}'
    with open(new, 'w', encoding='ascii') as f:
        f.write(edit(text_of(path)))
    return new


def wait_for(pattern, number):
    """What is written beside the supervisor comes when it comes."""
    deadline = time.time() + 20
    while time.time() < deadline:
        paths = sorted(glob.glob(pattern))
        if len(paths) >= number:
            return paths
        time.sleep(0.05)
    return sorted(glob.glob(pattern))


def check_rig():
    r = run(RIG, REPORTS, f'{DIR}/image')
    ok(r.returncode == 0 and 'guest: right\ndeaths: right\n' in r.stdout,
       'a guest, and its workers die', r.stdout, r.stderr)
    ok('held: 0\n' in r.stdout, 'who writes them holds no image', r.stdout)
    print('# a successor waits for', re.search(r'longest_us: (\d+)', r.stdout).group(1),
          'us at most')
    disk = wait_for(f'{REPORTS}/web_1.disk0.*.crash', 1)
    platform = wait_for(f'{REPORTS}/web_1.platform.*.crash', 3)
    if not ok(len(disk) == 1 and len(platform) == 3, 'six deaths, four reports',
              os.listdir(REPORTS), r.stderr):
        return None, None
    ok(r.stderr.count('crash report: name=') == 4 and
       r.stderr.count('no more crash reports for now') == 1, 'and the log says so', r.stderr)
    ok(os.stat(disk[0]).st_mode & 0o777 == 0o600 and
       os.stat(REPORTS).st_mode & 0o777 == 0o700, 'for root alone')
    ok(not glob.glob(f'{REPORTS}/.*'), 'nothing unfinished is left')
    # Somebody made a file where the directory should be.
    r = run(RIG, f'{DIR}/image/crash', f'{DIR}/other-image')
    ok(r.returncode == 0 and r.stderr.count('no crash report: name=') == 4 and
       'Not a directory' in r.stderr, 'nowhere to write: said, and the rest goes on', r.stderr)
    return disk[0], platform[0]


def check_text(disk, platform):
    text = text_of(disk)
    ok(re.match(r'cloister-crash 1\ntime: 20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z\n'
                r'version: .+\ndomid: 7\nguest: web\.1\nworker: disk0\nrole: disk\n'
                r'pid: \d+\nended: signal SIGKILL\nwaiting: 1\n', text) and
       text.endswith('\nend\n'), 'its head', text[:400])
    ok(re.search(r'^request: \d+ access W1 port 0x1f7 0x20 1 -$', text, re.M),
       'the command it was at', text[:400])
    ok('\nlog: disk0: last words\n' in text, 'its last words')
    ok(re.search(r'^pci: 9 8680', text, re.M), 'its PCI function')
    ok(re.search(r'^access \d+ \w+ R2 port 0x1f0 0x200800 256 string$', text, re.M) and
       '\nbefore: 0\n' in text, 'greppable accesses')
    text = text_of(platform)
    ok('\nended: signal SIGSEGV\n' in text and '\nrequest:' not in text and
       '\nwaiting:' not in text, 'one that was at nothing', text[:400])


def check_trace(disk, platform):
    r = trace(disk)
    lines = r.stdout.splitlines()
    ok(r.returncode == 0 and not r.stderr, 'cloisterctl trace --file', r)
    ok(any(re.fullmatch(r'request: access \d+ W1 0x1f7 ide0 COMMAND 0x20', line) or
           re.fullmatch(r'request: access \d+ W1 0x1f7 ide0 \S+ 0x20', line) for line in lines),
       'the request by name', r.stdout[:600])
    ok(any(re.search(r' W1 port +0x1f2 +ide0 +\S+ +0x02$', line) for line in lines) and
       any(re.search(r' 256 items at guest address 0x200800$', line) for line in lines) and
       any(re.search(r'R1 port +0xc002 +piix-ide ', line) for line in lines),
       'accesses by name, where the guest put things', '\n'.join(lines[-30:]))
    times = [line[:15] for line in lines if re.match(r'\d\d:\d\d:\d\d\.\d{6}', line)]
    ok(len(times) > 256 and times == sorted(times), 'with times, in order', len(times))
    o = json.loads(trace(disk, '--json').stdout)
    ok(o['worker'] == 'disk0' and o['ended'] == 'signal SIGKILL' and
       o['request']['access']['device'] == 'ide0' and
       o['request']['access']['value'] == 0x20 and len(o['accesses']) == len(times) and
       o['log'][-1] == 'disk0: last words', '--json', str(o)[:600])
    o = json.loads(trace(disk, 'piix-ide', '--json', '--count', '2').stdout)
    ok(len(o['accesses']) == 2 and {a['device'] for a in o['accesses']} == {'piix-ide'},
       'of one device, the last two', str(o)[:600])
    r = trace(platform, 'com1')
    ok(r.returncode == 0 and len(re.findall(r' SCR ', r.stdout)) == 401, 'the other one')


def check_refused(disk):
    for args, status, said in (
            (('trace', '--file', disk, 'com1'), 1, 'no such device: com1'),
            (('trace', '--file', disk, 'ide0', 'x'), 2, 'usage: '),
            (('trace', '--file', disk, '--follow'), 2, 'usage: '),
            (('trace', '--file', ''), 2, '--file'),
            (('list', '--file', disk), 2, '--file is not for list'),
            (('trace', '--file', DIR), 1, 'not a regular file'),
            (('trace', '--file', f'{DIR}/none'), 1, 'No such file'),
            (('trace', '--file', f'{DIR}/image'), 1, 'line 1: ')):
        r = run(CTL, *args)
        ok(r.returncode == status and said in r.stderr, f'refused: {said}', r)
    big = edited(disk, 'big', lambda t: t + 'x' * 2000000)
    ok('too large' in trace(big).stderr, 'too large')
    cut = edited(disk, 'cut', lambda t: t[:len(t) * 2 // 3])
    r = trace(cut)
    ok(r.returncode == 1 and re.search(r': line \d+: ', r.stderr) and 'ide0' in r.stdout,
       'one that is cut: what there is, and that it is not all', r.stderr)
    newer = edited(disk, 'newer', lambda t: t.replace('crash 1', 'crash 2', 1))
    r = trace(newer)
    ok(r.returncode == 1 and not r.stdout and 'version 2' in r.stderr, 'a newer one', r)


def check_replay(disk, platform):
    image = f'{DIR}/image'
    for name, path in (('disk0', disk), ('platform', platform)):
        r = run(REPLAY, path, image)
        ok(r.returncode == 0 and ', 0 differ' in r.stdout, f'{name}: done again, the same', r)

    def doctor(before, after):
        def edit(text):
            new, n = re.subn(before, after, text, count=1, flags=re.M)
            return new if n else 'nothing to edit'
        return edit
    for what, path, before, after, said in (
            ('a sector count', disk, r'^(access .* R1 port 0x1f2) 0x2 ', r'\1 0x3 ',
             r'line \d+: R1 0x1f2 ide0 \S+ was 0x3, now 0x2'),
            ('a word of a sector', disk, r'^(access .* R2 port 0x1f0) 0x909 ', r'\1 0x90a ',
             r'line \d+: R2 0x1f0 ide0 \S+ was 0x90a, now 0x909'),
            ('a status', disk, r'^((?:access.*\n)*access .* R1 port 0x1f7) 0x[0-9a-f]+ ', r'\1 0xff ',
             r'line \d+: R1 0x1f7 ide0 \S+ was 0xff, now 0x'),
            ('a scratch register', platform, r'^(access .* R1 port 0x3ff) 0x11 ', r'\1 0x12 ',
             r'line \d+: R1 0x3ff com1 SCR was 0x12, now 0x11'),
            ('a write', platform, r'^(access .* W1 port 0x3ff) 0x11 ', r'\1 0x13 ',
             r'line \d+: R1 0x3ff com1 SCR was 0x11, now 0x13')):
        r = run(REPLAY, edited(path, 'doctored', doctor(before, after)), image)
        ok(r.returncode == 1 and re.search(said, r.stdout) and ', 1 differ' in r.stdout,
           f'{what} that was changed is found', r)
    def forget(text):
        new, n = re.subn(r'^access .* pci .*\n', '', text, flags=re.M)
        total = int(re.search(r'^accesses: (\d+)$', text, re.M).group(1))
        return new.replace('before: 0\n', 'before: 9\n').replace(
            f'accesses: {total}\n', f'accesses: {total - n}\n')
    r = run(REPLAY, edited(disk, 'late', forget), image)
    ok(r.returncode == 0 and 'the first 9 are not in the report' in r.stdout,
       'one whose beginning was overwritten: its functions are put where they were', r)
    r = run(REPLAY, disk)
    ok(r.returncode == 1, 'nor is another image the same', r)
    nobody = edited(platform, 'nobody', doctor(r'^(access .* R1 port) 0x3ff ', r'\1 0x5ff '))
    r = run(REPLAY, nobody, image)
    ok(r.returncode == 1 and 'nobody answers now' in r.stdout, 'nor is a place of nobody', r)


def check_asked(status):
    """Restarts that somebody asked for, as for an upgrade, use up no reports."""
    for _ in range(5):
        r = run(CTL, '--run-dir', f'{DIR}/run', 'restart', 'whole', 'disk0')
        if not ok(r.returncode == 0, 'disk0 is replaced', r):
            return
    os.kill([p['pid'] for p in status['processes'] if p['name'] == 'platform'][0],
            signal.SIGKILL)
    paths = wait_for(f'{DIR}/whole/whole.platform.*.crash', 1)
    ok(len(paths) == 1 and len(wait_for(f'{DIR}/whole/*.crash', 2)) == 2,
       'a restart that was asked for has no report, and takes none of those that die',
       os.listdir(f'{DIR}/whole'))


def check_whole():
    """The supervisor as it ships: a worker of its own is killed."""
    if os.geteuid():
        ok(True, 'a whole family # SKIP needs root')
        return
    make_place(DIR, FAKE, BUILD)
    make_image(f'{DIR}/disk.img', 2048)
    with open(f'{DIR}/log', 'w+', encoding='utf-8') as log:
        process = subprocess.Popen(
            [f'{DIR}/cloister', '-xen-domid', str(DOMID), '-name', 'whole', '-machine', 'xenfv',
             '-m', '64', '-serial', 'null', '-drive',
             f'file={DIR}/disk.img,if=ide,index=0,format=raw', '-cloister',
             f'run-dir={DIR}/run,crash-dir={DIR}/whole'], stdin=subprocess.DEVNULL,
            stdout=log, stderr=log)
        deadline, status = time.time() + 30, None
        while time.time() < deadline and process.poll() is None:
            r = run(CTL, '--run-dir', f'{DIR}/run', '--json', 'status', 'whole')
            status = json.loads(r.stdout) if r.returncode == 0 else None
            if status:
                break
            time.sleep(0.1)
        try:
            pid = [p['pid'] for p in status['processes'] if p['name'] == 'disk0'][0] \
                if status else 0
            if not ok(pid, 'a whole family is up', text_of(f'{DIR}/log')):
                return
            os.kill(pid, signal.SIGKILL)
            paths = wait_for(f'{DIR}/whole/whole.disk0.*.crash', 1)
            log.flush()
            if ok(len(paths) == 1, 'its disk0 dies, and there is a report',
                  text_of(f'{DIR}/log')):
                o = json.loads(trace(paths[0], '--json').stdout)
                ok(o['ended'] == 'signal SIGKILL' and o['pid'] == pid and
                   o['domid'] == DOMID and o['request'] is None,
                   'of what it was at: nothing', str(o)[:500])
            check_asked(status)
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


def main():
    try:
        disk, platform = check_rig()
        if disk:
            check_text(disk, platform)
            check_trace(disk, platform)
            check_refused(disk)
            check_replay(disk, platform)
        check_whole()
    finally:
        shutil.rmtree(DIR, ignore_errors=True)
        print(f'1..{tap.count}')


DIR = tempfile.mkdtemp(prefix='crash-')
REPORTS = f'{DIR}/lib/crash'
main()
sys.exit(tap.failed != 0)
