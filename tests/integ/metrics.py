#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The exporter against the programs it is for.

promtool reads the textfile; a real Prometheus scrapes the socket of a real
family and answers each query of the Grafana dashboard.  A client that never
reads is there all the time.

usage: metrics.py RIG DASHBOARD STAT_DEF
"""

import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'lib'))

from tap import Tap

WAIT_S = 60
CLIENT_S = 10           # metrics_serve.h: METRICS_CLIENT_MS

CGROUP = {
    'cpu.stat': 'usage_usec 30\nuser_usec 20\nsystem_usec 10\nthrottled_usec 5\n',
    'io.stat': '8:0 rbytes=4096 wbytes=0 rios=1 wios=0 dbytes=0 dios=0\n',
    'memory.current': '1048576\n', 'memory.peak': '2097152\n', 'pids.current': '1\n',
    'cpu.pressure': 'some avg10=0.00 avg60=0.00 avg300=0.00 total=7\n',
    'io.pressure': 'some avg10=0.00 avg60=0.00 avg300=0.00 total=7\n'
                   'full avg10=0.00 avg60=0.00 avg300=0.00 total=7\n',
    'memory.pressure': 'some avg10=0.00 avg60=0.00 avg300=0.00 total=7\n',
}

# What stands for Grafana's variables.
VARIABLES = {
    '$__rate_interval': '10s', '$__interval': '1s', '$__range': '10s',
    '$guest': '.*', '$worker': '.*',
}

tap = Tap()
ok = tap.ok
skip = tap.skip


def unix_client(path):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(10)
    s.connect(path)
    return s


def read_all(s):
    data = b''
    while True:
        part = s.recv(65536)
        if not part:
            return data.decode()
        data += part


class Proxy(threading.Thread):
    """TCP on this machine to the UNIX socket, as socat would do it."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.path = path
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.port = self.listener.getsockname()[1]

    def run(self):
        while True:
            client, _ = self.listener.accept()
            threading.Thread(target=self.carry, args=(client,), daemon=True).start()

    def carry(self, client):
        with client, unix_client(self.path) as server:
            while True:
                request = client.recv(65536)
                if not request:
                    return
                server.sendall(request)
                if b'\r\n\r\n' in request:
                    break
            while True:
                part = server.recv(65536)
                if not part:
                    return
                client.sendall(part)


def free_port():
    with socket.create_server(('127.0.0.1', 0)) as s:
        return s.getsockname()[1]


def test_file(path):
    promtool = shutil.which('promtool')
    if not promtool:
        skip('promtool (package prometheus) is not installed', 'promtool check metrics')
        return
    with open(path, encoding='utf-8') as f:
        r = subprocess.run([promtool, 'check', 'metrics'], stdin=f, text=True,
                           capture_output=True, check=False)
    ok(r.returncode == 0 and not r.stdout.strip() and not r.stderr.strip(),
       'promtool check metrics has nothing to say about the textfile',
       (r.stdout + r.stderr).split('\n'))


def test_clients(path):
    text = read_all(unix_client(path))
    ok(text.endswith('# EOF\n') and 'cloister_accesses_total{' in text,
       'a bare connection gets all of it')
    conn = http.client.HTTPConnection('localhost')
    conn.sock = unix_client(path)
    conn.request('GET', '/metrics', headers={'Accept': 'application/openmetrics-text'})
    r = conn.getresponse()
    body = r.read().decode()
    ok(r.status == 200 and body.endswith('# EOF\n') and
       r.getheader('Content-Type').startswith('application/openmetrics-text'),
       'so does an HTTP client')
    return text


def test_names(text, stat_def):
    known = dict(re.findall(r'^(?:STAT|FIGURE)\(\w+, "(\w+)", (\w+)', stat_def, re.M))
    told = dict(re.findall(r'^# TYPE cloister_(\w+) (\w+)$', text, re.M))
    wrong = [n for n, t in known.items() if told.get(n) != t.lower()]
    ok(not wrong and len(told) == len(known), 'each figure of stat.def is there',
       wrong + sorted(set(told) - set(known)))


class Prometheus:
    def __init__(self, where, target):
        self.port = free_port()
        config = os.path.join(where, 'prometheus.yml')
        with open(config, 'w', encoding='ascii') as f:
            f.write('global:\n  scrape_interval: 2s\n  scrape_timeout: 2s\n'
                    'scrape_configs:\n- job_name: cloister\n  static_configs:\n'
                    f"  - targets: ['127.0.0.1:{target}']\n")
        self.log = open(os.path.join(where, 'prometheus.log'), 'w+', encoding='utf-8')
        self.process = subprocess.Popen(
            ['prometheus', f'--config.file={config}',
             f'--storage.tsdb.path={where}/tsdb',
             f'--web.listen-address=127.0.0.1:{self.port}'],
            stdout=self.log, stderr=self.log)

    def query(self, expr):
        data = urllib.parse.urlencode({'query': expr}).encode()
        try:
            with urllib.request.urlopen(f'http://127.0.0.1:{self.port}/api/v1/query',
                                        data, timeout=10) as r:
                return json.load(r)['data']['result'], ''
        except urllib.error.HTTPError as e:
            return None, e.read().decode()
        except OSError as e:
            return None, str(e)

    def wait(self, expr):
        until = time.monotonic() + WAIT_S
        while time.monotonic() < until and self.process.poll() is None:
            result, _ = self.query(expr)
            if result:
                return True
            time.sleep(0.3)
        return False

    def errors(self):
        with urllib.request.urlopen(f'http://127.0.0.1:{self.port}/api/v1/targets',
                                    timeout=10) as r:
            return [t['lastError'] for t in json.load(r)['data']['activeTargets']
                    if t['lastError'] or t['health'] != 'up']

    def end(self):
        self.process.terminate()
        self.process.wait()
        self.log.seek(0)
        return self.log.read().split('\n')[-30:]


def queries(dashboard):
    """(panel, query) of each, and of each variable."""
    for panel in dashboard['panels']:
        for target in panel.get('targets', []):
            yield panel['title'], target['expr']
    for variable in dashboard['templating']['list']:
        m = re.fullmatch(r'label_values\((.*), (\w+)\)', str(variable.get('query', '')))
        if m:
            yield f"variable {variable['name']}", f'count by ({m.group(2)}) ({m.group(1)})'


def test_prometheus(where, path, dashboard):
    if not shutil.which('prometheus'):
        skip('prometheus is not installed', 'a real Prometheus scrapes it')
        return
    proxy = Proxy(path)
    proxy.start()
    p = Prometheus(where, proxy.port)
    try:
        if not ok(p.wait('count_over_time(cloister_accesses_total[20s]) >= 4'),
                  'a real Prometheus scrapes it', p.errors()):
            return
        ok(not p.errors(), 'without an error', p.errors())
        up, _ = p.query('min_over_time(up[20s])')
        ok(up and up[0]['value'][1] == '1', 'each time')
        busy, _ = p.query('sum(rate(cloister_accesses_total{kind="hop"}[10s]))')
        ok(busy and float(busy[0]['value'][1]) > 0, 'and sees the guest at work')
        for panel, expr in queries(dashboard):
            for name, value in VARIABLES.items():
                expr = expr.replace(name, value)
            result, error = p.query(expr)
            ok(bool(result), f'"{panel}" has an answer', [expr, error])
            if '$' in expr:
                ok(False, f'"{panel}": a variable nobody knows', [expr])
    finally:
        said = p.end()
        if tap.failed:
            for line in said:
                print('#', line)


def main():
    rig, dashboard, stat_def = sys.argv[1:]
    with open(dashboard, encoding='utf-8') as f:
        dashboard = json.load(f)
    with open(stat_def, encoding='utf-8') as f:
        stat_def = f.read()
    with tempfile.TemporaryDirectory() as where:
        os.mkdir(f'{where}/cgroup')
        for name, content in CGROUP.items():
            with open(f'{where}/cgroup/{name}', 'w', encoding='ascii') as f:
                f.write(content)
        p = subprocess.Popen([rig, where], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, text=True)
        try:
            for line in p.stdout:
                if line == 'ready\n':
                    break
                print('#', line.rstrip())
            path = f'{where}/metrics.sock'
            if not ok(os.path.exists(path), 'the family runs'):
                return
            deaf, since = unix_client(path), time.monotonic()
            time.sleep(1)
            test_file(f'{where}/metrics.prom')
            test_names(test_clients(path), stat_def)
            test_prometheus(where, path, dashboard)
            time.sleep(max(0, since + CLIENT_S + 1 - time.monotonic()))
            try:
                deaf.send(b'still here?')
                gone = False
            except OSError:
                gone = True
            ok(gone and p.poll() is None, 'who never reads is let go after a while')
        finally:
            p.stdin.close()
            ok(p.wait(20) == 0, 'the rig ends well')


main()
tap.done()
