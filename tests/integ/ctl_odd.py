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
import time

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


def check_stopped():
    """One who does not answer is no reason to be silent about the others."""
    guests = [Supervisor(60, 'before'), Supervisor(61, 'stopped', stopped=True),
              Supervisor(62, 'behind')]
    for command in ('status', 'explain'):
        r = ctl(command)
        ok(r.returncode == 1 and b'guest 61: no answer in time' in r.stderr and
           b'guest 60 before' in r.stdout and b'guest 62 behind' in r.stdout,
           f'{command}: of all but one that is stopped, and status 1', r)
        r = ctl(command, '--json')
        told = json.loads(r.stdout or b'[]')
        ok(r.returncode == 1 and [g['domid'] for g in told] == [60, 62],
           f'{command} --json: the same', r)
    r = ctl('status', '61', '--json')
    ok(r.returncode == 1 and not r.stdout, 'of that one alone: nothing', r)
    for g in guests:
        g.end()
    r = ctl('explain', '--json')
    ok(r.returncode == 0 and json.loads(r.stdout) == [], 'explain: no guests: an empty list', r)


def check_many_stopped():
    """However many do not answer, they are waited for at the same time."""
    guests = [Supervisor(50 + i, f'g{i}', stopped=i not in (2, 7)) for i in range(8)]
    began = time.monotonic()
    r = ctl('list', '--json')
    told = json.loads(r.stdout or b'[]')
    took = time.monotonic() - began
    ok(r.returncode == 0 and [g['domid'] for g in told if g['state'] == 'running'] == [52, 57]
       and len(told) == 8, 'two of eight answer: listed, and so are the others', r)
    ok(took < 15, f'and the six are one wait: {took:.1f} s')
    began = time.monotonic()
    r = ctl('status', '57')
    took = time.monotonic() - began
    ok(r.returncode == 0 and took < 4, f'who is told by domid waits for nobody: {took:.1f} s', r)
    for g in guests:
        g.end()


def check_failed():
    """A restart that comes to nothing is told, not waited for."""
    s = Supervisor(66, 'alpha', processes=[{'name': 'disk0', 'role': 'disk', 'pid': 0,
                                            'state': 'failed'}])
    began = time.monotonic()
    r = ctl('restart', 'alpha', 'disk0')
    took = time.monotonic() - began
    ok(r.returncode == 1 and b'disk0 has no successor' in r.stderr and took < 5,
       f'restart: it failed again: {took:.1f} s', r)
    s.said['processes'][0].update(state='restarting')
    threading.Timer(1, s.said['processes'][0].update, (), {'state': 'running', 'pid': 7}).start()
    r = ctl('restart', 'alpha', 'disk0', '--json')
    ok(r.returncode == 0 and json.loads(r.stdout)['pid'] == 7, 'one that comes later is waited for',
       r)
    s.end()


def check_twins():
    """Which one is meant has to be said, of top as of the others."""
    guests = [Supervisor(63, 'twin'), Supervisor(64, 'twin')]
    names = [f'production-database-primary-{i}' for i in (1, 2)]
    more = [Supervisor(58, names[0]), Supervisor(59, names[1])]
    r = ctl('list')
    ok(all(n.encode() in r.stdout for n in names), 'list: long names are whole', r)
    for g in more:
        g.end()
    for args in (('status',), ('top', '--batch', '1')):
        r = ctl(*args, 'twin')
        ok(r.returncode == 1 and b'more than one guest has this name' in r.stderr,
           f'{args}: two guests of one name', r)
    guests[0].stopped = True
    r = ctl('top', '--batch', '1', '63')
    ok(r.returncode == 1 and b'guest 63: no answer in time' in r.stderr,
       'top: of one that is stopped', r)
    for g in guests:
        g.end()


def check_words():
    """Complaints name what is wrong."""
    s = Supervisor(66, 'alpha')
    for args, said in ((('-xh', 'list'), b'unknown option: -x'),
                       (('--frob=1', 'list'), b'unknown option: --frob=1'),
                       (('list', '--frob'), b'unknown option: --frob'),
                       (('list', '--json=1'), b'--json takes no argument'),
                       (('trace', '--co'), b'--count wants N'),
                       (('top', '--batch'), b'--batch wants N'),
                       (('limit', 'alpha', 'disk0', b'memory.max=\xff'),
                        b'not UTF-8: memory.max=\\xff'),
                       (('restart', 'alpha', b'd\xe9'), b'not UTF-8: d\\xe9')):
        r = ctl(*args)
        ok(r.returncode == 2 and said in r.stderr, f'{args!a}: {said!a}', r)
    with open(f'{DIR}/file', 'wb'):
        pass
    for args in (('list',), ('status', 'alpha'), ('metrics', '--json'),
                 ('top', '--batch', '1', '--delay', '0.1')):
        r = ctl('--run-dir', f'{DIR}/file', *args)
        ok(r.returncode == 1 and b'/file: Not a directory' in r.stderr and not r.stdout,
           f'{args}: a run directory that is none', r)
    with open('/dev/full', 'wb') as full:
        for args in (('--help',), ('--version',), ('status',), ('devices', '--json')):
            r = subprocess.run([CTL, '--run-dir', RUN, *args], stdout=full, check=False,
                               stderr=subprocess.PIPE, timeout=60)
            ok(r.returncode == 1 and b'cannot write: No space' in r.stderr,
               f'{args}: on a full disk', r)
    s.end()


# ---- completions ----

BASH = r"""
. "$SHELLS/cloisterctl.bash"
COMP_WORDS=(cloisterctl "$@") COMP_CWORD=$#
_cloisterctl
# What is offered is put on the command line, and Enter is pressed.
for word in "${COMPREPLY[@]}"; do
	eval "printf '%s\\n' $word"
done
"""
FISH = r"""
source $SHELLS/cloisterctl.fish
complete -C "cloisterctl $argv"
"""
# The parts that ask cloisterctl; the rest is the shell's own.
ZSH = r"""
_arguments() { : }
source $SHELLS/_cloisterctl
_wanted() { print -rl -- ${(P)argv[-1]} }
_alternative() { for each; do ${each##*:}; done }
words=($@)
case $#:$1 in
	2:*)		_cloisterctl_guests ;;
	3:trace)	_cloisterctl_traced ;;
	3:*)		_cloisterctl_processes ;;
esac
"""
RUNS = {'bash': ['bash', '--norc', '-c', BASH, 'bash'],
        'fish': ['fish', '--no-config', '-c', FISH],
        'zsh': ['zsh', '-f', '-c', ZSH, 'zsh']}

# No shell knows what these mean when they are told by domid.
PLAIN = 'web1'
NAMES = ['$(touch${IFS}pwned)', '`touch pwned`', 'a b', "it's", '*', '~root', '-n',
         'x;touch pwned', 'a-name-of-more-than-24-characters']
ESCAPED = ['back\\slash', 'quo"te', 'n\u00e4me', 'bell\x07']


def complete(shell, *words):
    """What @shell offers for the last of @words, and whether a name was obeyed."""
    args = [' '.join(words)] if shell == 'fish' else list(words)
    r = subprocess.run([*RUNS[shell], *args], stdin=subprocess.DEVNULL, text=True,
                       capture_output=True, timeout=60, check=False, cwd=f'{DIR}/bin',
                       env={**os.environ, 'PATH': f'{DIR}/bin:{os.environ["PATH"]}',
                            'HOME': DIR, 'SHELLS': SHELLS})
    obeyed = os.path.exists(f'{DIR}/bin/pwned')
    if obeyed:
        os.unlink(f'{DIR}/bin/pwned')
    return {line.split('\t')[0] for line in r.stdout.splitlines()}, obeyed, r


def check_completion():
    guests = [Supervisor(70 + i, name, processes=[
        {'name': n, 'role': 'disk', 'pid': 0, 'state': 'failed'} for n in ('disk0', 'net1')])
        for i, name in enumerate([PLAIN, *NAMES, *ESCAPED])]
    os.mkdir(f'{DIR}/bin')
    with open(f'{DIR}/bin/cloisterctl', 'w', encoding='ascii') as f:
        f.write(f'#!/bin/sh\nexec {CTL} --run-dir {RUN} "$@"\n')
    os.chmod(f'{DIR}/bin/cloisterctl', 0o755)
    numbers = {str(70 + i) for i in range(len(guests))}
    for shell in RUNS:
        if not shutil.which(shell):
            tap.skip(f'{shell} is not installed', f'completion of {shell}')
            continue
        got, obeyed, r = complete(shell, 'status', '')
        ok(not obeyed, f'{shell}: no guest\'s name is a command', r)
        ok(got - numbers == {PLAIN, *NAMES}, f'{shell}: names as they are, and whole',
           got ^ {PLAIN, *NAMES}, r.stderr)
        for command in ('limit', 'restart'):
            got, _, r = complete(shell, command, PLAIN, '')
            ok(got == {'disk0', 'net1'}, f'{shell}: {command}: processes', got, r.stderr)
        got, _, r = complete(shell, 'trace', PLAIN, '')
        ok({'disk0', 'net1', 'com1', 'e1000'} <= got and PLAIN not in got,
           f'{shell}: trace: processes and devices', got, r.stderr)
    for g in guests:
        g.end()


def main():
    os.mkdir(RUN)
    try:
        check_closed()
        check_stopped()
        check_many_stopped()
        check_failed()
        check_twins()
        check_words()
        check_completion()
    finally:
        shutil.rmtree(DIR, ignore_errors=True)


main()
tap.done()
