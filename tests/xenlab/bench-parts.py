#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What `xenlab bench` makes of what it hears, without the lab.

Files as `xl save` writes them, in small; datagrams with a silence; a report of
the guest's.  That the lab's programs hear right is seen in the lab.

usage: bench-parts.py
"""

import importlib.machinery
import importlib.util
import contextlib
import io
import json
import os
import struct
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, '../lib'), HERE]

import bench                # noqa: E402  the path comes first
import benchlab             # noqa: E402
import benchtable           # noqa: E402
import killbench            # noqa: E402
import run                  # noqa: E402
import savebench            # noqa: E402
from tap import Tap         # noqa: E402


def script(name):
    """A program of dom0's as a module."""
    path = os.path.join(HERE, 'dom0/bin', name)
    loader = importlib.machinery.SourceFileLoader(name.replace('-', '_'), path)
    spec = importlib.util.spec_from_loader(loader.name, loader)
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


def record(kind, body=b''):
    return struct.pack('=II', kind, len(body)) + body + \
        bytes(-len(body) % 8)


def save_file(state, tail=b''):
    """xl's header, some memory, a device model's state."""
    config = b'{"c_info": "LibxlFmt"}'
    return b''.join((
        struct.pack('=32sIIII', b'Xen saved domain, xl format\n \0 \r',
                    0x01020304, 3, 0, len(config)), config,
        struct.pack('>8sII', b'LibxlFmt', 2, 0),
        record(1),
        struct.pack('>8sIIHHI', b'\xff' * 8, 0x58454e46, 3, 0, 0, 0),
        struct.pack('=IHHII', 2, 12, 0, 4, 17),
        record(1, bytes(4099)), record(0x10), record(0),
        record(2, struct.pack('=II', 2, 0) + b'physmap\0'),
        record(3, struct.pack('=II', 2, 0) + state),
        record(0), tail))


def check_files(tap):
    reader = script('lab-savefile')

    def measured(data):
        with tempfile.TemporaryFile() as file:
            file.write(data)
            file.seek(0)
            try:
                return reader.measure(file)
            except reader.Bad as error:
                return str(error)

    state = b'QEVM' + bytes(1001)
    good = save_file(state)
    tap.ok(measured(good) == (len(state), state[:8]),
           "the device model's part of a save file", measured(good))
    tap.ok(measured(save_file(b'')) == (0, b''), 'an empty one')
    short = [n for n in range(0, len(good), 7)
             if not isinstance(measured(good[:n]), str)]
    tap.none(short, 'a file that ends too early is not believed')
    tap.ok(isinstance(measured(save_file(state, b'\0' * 8)), str),
           'nor one that goes on after its end')
    tap.ok(isinstance(measured(good.replace(b'\xff' * 8, b'\xfe' * 8)), str),
           'nor one without memory where memory has to be')


def check_silence(tap):
    gap = script('lab-downtime').longest_gap
    beats = [(0, 100), (9, 109), (10, 110), (12, 110.5), (12.1, 110.6),
             (13, 111.4)]
    tap.ok(gap(beats, 9.5) == (2, 1.5), 'the longest silence since it began',
           gap(beats, 9.5))
    tap.ok(gap(beats, 0.5) == (9, 0), 'also one that it began in',
           gap(beats, 0.5))


def check_stalls(tap):
    report = killbench.read_report(
        'guest# stallbench: vga n=6255 errors=1 median=651360 p99=7709056 '
        'max=169898574 stalls=169898574,149493633,130000000\r\n'
        'stallbench: done')
    tap.ok((report['accesses'], report['errors'], report['median_ms']) ==
           (6255, 1, 0.65136), "a guest's report", report)
    tap.ok((report['stall_p50_ms'], report['stall_max_ms']) ==
           (149.493633, 169.898574), 'its stalls', report)
    tap.ok([killbench.percentile(range(1, 201), part)
            for part in (0.5, 0.99, 1)] == [100, 198, 200], 'percentiles')
    row = {**report, 'process': 'vga', 'kills': 3, 'replaced_ms': [1, 2, 9],
           'complaints': 0}
    lines = [killbench.table([{**row, **other}]).splitlines()[-1] for other in
             ({}, {'errors': 0}, {'errors': 0, 'complaints': 1},
              {'errors': 0, 'stall_p99_ms': 1501})]
    tap.ok([line.endswith('!') for line in lines] ==
           [True, False, True, True], 'a missed goal is marked', lines)


def check_table(tap):
    figures = [('save', 'xl save', 's', None, None),
               ('none', 'never measured', 's', None, None)]
    table = benchtable.summarise(
        [{'variant': name, 'dom0_vcpus': 1, 'save': value}
         for name, value in (('qemu', 4), ('qemu', 8), ('qemu', 100),
                             ('cloister', 6), ('cloister', 2))] +
        [{'variant': 'cloister', 'dom0_vcpus': 1, 'error': 'gone'}], figures)
    cell = table['1']['save']['variants']['cloister']
    tap.ok((cell['median'], cell['ratio'], cell['n']) == (4, 0.5, 2),
           'medians and ratios', cell)
    out = io.StringIO()
    benchtable.show(table, out)
    tap.ok('0.50 x' in out.getvalue() and 'never' not in out.getvalue(),
           'the table has what was measured', out.getvalue())


class FakeMachine:
    """Notes what it is asked for; each command ends as @status says."""

    def __init__(self, status=0):
        self.done, self.status, self.serial = [], status, bytearray(b'1234')

    def start(self):
        self.done.append('start')

    def stop(self):
        self.done.append('stop')

    def run(self, command, timeout=None):
        self.done.append(command)
        return {'status': self.status}


class FakeProgress:
    def stage(self, _text):
        return contextlib.nullcontext()


def a_bench(kind, out='', data=()):
    """One that has no lab."""
    one = object.__new__(kind)
    one.progress, one.out, one.data = FakeProgress(), out, list(data)
    return one


def check_boots(tap):
    one = a_bench(killbench.KillBench)
    machine = FakeMachine()
    with one.booted(machine):
        start, _ = one.create(machine, 'kill', '-p')
    tap.ok(start == 4 and machine.done[0] == 'start' and machine.done[-1] == 'stop' and
           machine.done[1].startswith('xl create -p /lab/kill.cfg '),
           'Xen up, a guest, Xen down', machine.done)
    machine = FakeMachine(status=1)
    try:
        with one.booted(machine):
            one.create(machine, 'kill')
        said = 'nothing'
    except run.RunError as error:
        said = str(error)
    tap.ok('xl create failed' in said and machine.done[-1] == 'stop',
           'a guest that is not created ends it', said, machine.done)


def check_reports(tap):
    runs = [{'variant': name, 'dom0_vcpus': 1, **figures}
            for name, figures in (('qemu', {'poweron': 4, 'save': 4}),
                                  ('cloister', {'poweron': 2, 'save': 2}),
                                  ('cloister', {'error': 'gone'}))]
    for kind, key, ends in ((bench.Bench, 'poweron', '! = goal missed.  All runs are in '),
                            (savebench.SaveBench, 'save',
                             'cloister: gone\n\nAll rounds are in ')):
        with tempfile.TemporaryDirectory() as out:
            said = io.StringIO()
            with contextlib.redirect_stdout(said):
                a_bench(kind, out).report()
                nothing = said.getvalue()
                a_bench(kind, out, runs).report()
            with open(f'{out}/summary.json', encoding='utf-8') as file:
                summary = json.load(file)
            cell = summary['figures']['1'][key]['variants']['cloister']
            tap.ok(nothing == '' and '0.50 x' in said.getvalue() and
                   said.getvalue().endswith(f'\n\n{ends}{out}/summary.json\n') and
                   summary['runs'] == runs and cell['ratio'] == 0.5,
                   f'{kind.__name__}: table and file', said.getvalue(), summary)
    tap.ok(issubclass(bench.Bench, benchlab.Comparison) and
           bench.Bench.known[:2] == savebench.SaveBench.known == ['qemu', 'cloister'],
           'QEMU comes first')


def main():
    tap = Tap()
    check_boots(tap)
    check_reports(tap)
    check_files(tap)
    check_silence(tap)
    check_stalls(tap)
    check_table(tap)
    tap.done()


main()
