# SPDX-License-Identifier: GPL-2.0-or-later
"""`xenlab bench`: one guest under QEMU and under Cloister, side by side.

Called by xenlab.  For each number of dom0 vCPUs Xen is booted once and the
guests follow each other, A B A B.  The table gives medians, spreads and
ratios to QEMU of the same boot beside the goals.  A missed goal is printed,
never an error: times under emulation depend on the machine, ratios less so.
"""

import json
import os
import re
import shutil
import statistics
import sys
import tempfile

import guest
import image as images
import outer
import run

PORTS = ['ide-status', 'ide-altstatus', 'uart-lsr', 'vga-0x3da',
         'i8042-status', 'pci-config', 'uart-scratch', 'xen-0x61']

# name in the data, text in the table, unit, goal as a ratio or a value
FIGURES = [(f'inb {port}', f'inb {port}', 'us',
            0.6 if port not in ('uart-scratch', 'xen-0x61') else
            1.0 if port == 'uart-scratch' else None, None)
           for port in PORTS] + [
    ('poweron', 'power-on to user space', 's', 0.8, None),
    ('random4k', '4 KiB direct read, median', 'ms', 0.8, None),
    ('random4k_total', '1,000 4 KiB direct reads', 's', 0.8, None),
    ('seq_direct', '16 MB sequential, direct', 's', 1.0, None),
    ('seq_buffered', '16 MB sequential, buffered', 's', 1.0, None),
    ('pss', 'memory: sum of Pss', 'MB', None, 10),
    ('private_dirty', 'memory: sum of private dirty', 'MB', None, 5),
    ('dm_start', 'device model start to running', 's', 0.4, None),
    ('idle_wakeups', 'idle wake-ups in 20 s', '', None, 2),
    ('dm_cpu', 'device model CPU, power-on to user space', 's', None, None),
    ('dom0_cpu', 'dom0 CPU, power-on to user space', 's', 0.6, None),
    ('threads', 'threads of the device model', '', None, None),
]

# With --nics: both cards in every guest, one used at a time.
NICS = ['rtl8139', 'e1000']        # in the order in which the guest has drivers
FIGURES += [(f'{nic} {what}', f'{nic}: {text}', unit, goal, None)
            for nic in NICS for what, text, unit, goal in (
                ('out', '8 MB from the guest, one TCP stream', 's', 0.67),
                ('in', '8 MB to the guest, one TCP stream', 's', 0.67),
                ('ping', 'ping of 64 bytes, mean', 'ms', 0.7),
                ('ping median', 'ping of 64 bytes, median', 'ms', 0.7),
                ('ping accesses', 'accesses a ping', '', None),
                ('out accesses', 'accesses a frame out', '', None),
                ('in accesses', 'accesses a frame in', '', None))]

# With --kill: process, and what of it a guest waits for (guest/stallbench.c).
CARD = '/sys/class/net/eth0/device/resource0'
KILLED = [('platform', '0x3ff'),        # UART scratch register
          ('disk0', '/dev/sda'),
          ('vga', '0x3c4'),             # sequencer index
          ('net0', CARD + '@0x410'),    # TIPG
          ('broker', '0x3ff')]

OFF = {'noshadow': 'shadow=off', 'noposted': 'posted=off',
       'nopoll': 'poll=off'}


class Bench:
    def __init__(self, options, progress):
        self.options = options
        self.progress = progress
        self.out = os.path.abspath(options.out) if options.out else \
            tempfile.mkdtemp(prefix='xenlab-bench.')
        os.makedirs(self.out, exist_ok=True)
        self.scratch = tempfile.mkdtemp(prefix='xenlab-bench.')
        self.data = []
        self.image = images.setup(progress)
        self.variants = options.only.split(',') if options.only else \
            ['qemu', 'cloister', 'noshadow', 'noposted', 'nopoll']
        for name in self.variants:
            if name not in ('qemu', 'cloister') and name not in OFF:
                raise run.RunError(run.USAGE, f'--only {name}: no such '
                                              f'variant')
        self.stage, self.cloister = None, None
        if self.variants != ['qemu']:
            self.stage = os.path.join(self.scratch, 'stage')
            self.cloister = run.stage_cloister(options.builddir, self.stage,
                                               progress)

    def all(self):
        self.slot = run.take_slot(self.progress)
        counts = [int(word) for word in
                  self.options.dom0_vcpus.split(',')]
        for vcpus in counts[:1] if self.options.quick else counts:
            self.one_boot(vcpus)
            self.save()

    def save(self):
        path = os.path.join(self.out, 'summary.json')
        with open(path, 'w', encoding='utf-8') as file:
            json.dump({'figures': summarise(self.data), 'runs': self.data},
                      file, indent=1)
            file.write('\n')

    def one_boot(self, vcpus):
        disk = os.path.join(self.scratch, 'guest.img')
        images.guest_copy(self.image, disk, 'xen_emul_unplug=never')
        drive = outer.Disk(disk)
        folder = os.path.join(self.out, f'dom0-{vcpus}')
        os.makedirs(folder, exist_ok=True)
        for name in ('serial.log', 'dom0.log', 'xl.log'):
            if os.path.exists(os.path.join(folder, name)):
                os.unlink(os.path.join(folder, name))
        machine = outer.Machine(self.image, folder, dom0_vcpus=vcpus,
                                disks=[drive], stage=self.stage,
                                env={'NAME': guest.NAME})
        try:
            for name in self.variants:
                extra = ''
                if name in OFF:
                    extra = (f'device_model_args=["-cloister", '
                             f'"{OFF[name]}"]\n')
                if self.options.nics:
                    extra += guest.nics(NICS)
                machine.write(name + '.cfg', guest.config(
                    [drive], dom0_vcpus=vcpus,
                    device_model='/lab/bin/dm-timed', extra=extra))
            with self.progress.stage(f'Xen up, dom0 with {vcpus} vCPU'):
                machine.start()
            machine.start_command('dm-watch')
            if self.options.nics:
                machine.run('lab-network')
            rounds = 1 if self.options.quick else self.options.rounds
            for number in range(rounds):
                for name in self.variants:
                    if name in OFF and \
                            number < rounds - self.options.off_rounds:
                        continue
                    try:
                        result = self.one(machine, name)
                    except run.RunError as error:
                        self.progress.note(f'{name}: {error}')
                        result = {'error': str(error)}
                        machine.run(f'xl destroy {guest.NAME}; sleep 2')
                    result.update(variant=name, dom0_vcpus=vcpus,
                                  round=number + 1)
                    self.data.append(result)
                    self.save()
        finally:
            machine.stop()

    def one(self, machine, name):
        """One guest from power-on to destroy; its figures."""
        self.progress.begin(f'{name}: boot')
        binary = self.cloister if name != 'qemu' else machine.text(
            'ls /usr/lib/xen-*/bin/qemu-system-i386 '
            '/usr/libexec/xen-qemu-system-i386 2>/dev/null | head -1').strip()
        machine.run(f'echo {binary} >/run/xenlab/dm; rm -f /run/xenlab/tty '
                    f'/run/xenlab/dm-start /run/xenlab/dm-running; '
                    f'cat /dev/vdb >/dev/null; sync')
        start = len(machine.serial)
        answer = machine.run(f'xl create -p /lab/{name}.cfg '
                             f'>>/out/xl.log 2>&1', timeout=150)
        if answer['status']:
            raise run.RunError(run.CREATE, 'xl create failed, see xl.log')
        machine.run('for i in $(seq 50); do [ -e /run/xenlab/tty ] && break; '
                    'sleep 0.1; done')
        result = {'create': answer['t1'] - answer['t0']}
        times = machine.text('cat /run/xenlab/dm-start '
                             '/run/xenlab/dm-running').split()
        if len(times) == 2:
            result['dm_start'] = float(times[1]) - float(times[0])
        before = self.dom0_cpu(machine)
        power_on = machine.run(f'xl unpause {guest.NAME}')['t0']
        text, end = self.expect(machine, start, f'{run.USER_SPACE}|'
                                                f'{run.NO_ROOT}', 900)
        if not text.endswith(run.USER_SPACE):
            raise run.RunError(run.TIMEOUT, 'the guest found no root')
        result['poweron'] = machine.serial_time(end) - power_on
        family = json.loads(machine.text('lab-family'))
        result['dom0_cpu'] = self.dom0_cpu(machine) - before
        result['dm_cpu'] = family['cpu_s']

        self.progress.begin(f'{name}: port reads')
        text, end = self.ask(machine, end, 'portbench',
                             'portbench: done', 300)
        for port, median, p99 in re.findall(
                r'portbench: (\S+) .*median=(\d+) .*p99=(\d+)', text):
            result[f'inb {port}'] = int(median) / 1e3
            result[f'inb {port} p99'] = int(p99) / 1e3
        self.progress.begin(f'{name}: disk')
        text, end = self.ask(machine, end, 'diskbench /dev/sda',
                             'diskbench: done', 400)
        found = re.search(r'random4k .*median=(\d+) p99=(\d+) total=(\d+)',
                          text)
        if found:
            result['random4k'] = int(found.group(1)) / 1e6
            result['random4k_p99'] = int(found.group(2)) / 1e6
            result['random4k_total'] = int(found.group(3)) / 1e9
        for key, word in (('seq_direct', 'seq-direct'),
                          ('seq_buffered', 'seq-buffered')):
            found = re.search(word + r' .*total=(\d+)', text)
            if found:
                result[key] = int(found.group(1)) / 1e9

        if self.options.nics:
            self.progress.begin(f'{name}: network')
            for i, nic in enumerate(NICS):
                end = self.network(machine, end, f'eth{i}', nic, result)

        self.progress.begin(f'{name}: idle')
        _, end = self.ask(machine, end, 'sync; mount -o remount,ro /; sleep '
                          '3; echo re""ady', 'ready', 60)
        family = json.loads(machine.text('lab-family'))
        result['pss'] = family['pss_kib'] / 1024
        result['private_dirty'] = family['private_dirty_kib'] / 1024
        result['private_clean'] = family['private_clean_kib'] / 1024
        result['threads'] = family['threads']
        result['processes'] = family['processes']
        idle = json.loads(machine.text('lab-family --idle 20'))
        result['idle_wakeups'] = sum(idle.values())
        result['idle_by_pid'] = idle
        machine.run(f'cp /var/log/xen/qemu-dm-{guest.NAME}.log '
                    f'/out/dm-{name}.log; xl destroy {guest.NAME}; '
                    'for i in $(seq 30); do [ -z "$(lab-processes)" ] && '
                    'break; sleep 0.2; done', timeout=90)
        self.progress.end()
        return result

    def kill(self):
        """A guest whose processes are killed again and again."""
        self.slot = run.take_slot(self.progress)
        disk = os.path.join(self.scratch, 'guest.img')
        images.guest_copy(self.image, disk, 'xen_emul_unplug=never')
        drive = outer.Disk(disk)
        machine = outer.Machine(self.image, self.out, disks=[drive],
                                stage=self.stage, env={'NAME': guest.NAME})
        machine.write('kill.cfg', guest.config(
            [drive], nic='e1000', device_model=self.cloister,
            extra='device_model_args=["-cloister", "restart-limit=100/1"]\n'))
        rows = []
        try:
            with self.progress.stage('Xen up'):
                machine.start()
            machine.run(f'mkdir -p /etc/cloister; xl create -q /lab/kill.cfg '
                        f'>>/out/xl.log 2>&1', timeout=150)
            _, end = self.expect(machine, 0, run.USER_SPACE, 900)
            for name, target in KILLED:
                row, end = self.kill_one(machine, end, name, target)
                rows.append(row)
        finally:
            machine.stop()
            with open(os.path.join(self.out, 'kill.json'), 'w',
                      encoding='utf-8') as file:
                json.dump(rows, file, indent=1)
            show_kills(rows)

    def kill_one(self, machine, end, name, target):
        count = self.options.kills
        self.progress.begin(f'{name}: {count} kills')
        machine.run(f"guest-send 'stallbench {name} {target} 9999 {count} &'")
        answer = machine.run(f'sleep 3; lab-kill KILL {name} {count} 0.5',
                             timeout=60 + 10 * count)
        if answer['status']:
            raise run.RunError(run.SCRIPT, answer['out'][-300:])
        replaced = [int(ms) for ms in
                    re.findall(r'(\d+) ms', answer['out'])]
        text, end = self.ask(machine, end, 'kill -TERM %1; wait',
                             'stallbench: done', 120)
        found = re.search(r'n=(\d+) errors=(\d+) median=(\d+) .*'
                          r'stalls=([\d,]+)', text)
        self.progress.end()
        return {'process': name, 'kills': count, 'replaced_ms': replaced,
                'accesses': int(found.group(1)),
                'errors': int(found.group(2)),
                'median_ms': int(found.group(3)) / 1e6,
                'stalls_ms': sorted(int(ns) / 1e6 for ns in
                                    found.group(4).split(','))}, end

    def network(self, machine, end, interface, nic, result):
        """One card, alone on the bridge; lab-netd is the other end."""
        def count(what, ways):
            """Accesses since the last call, a frame of one way or a round."""
            now = json.loads(machine.text('lab-accesses'))
            now['frames'] = sum(now['frames'].values())
            if what and now['frames'] > counted['frames']:
                result[f'{nic} {what} accesses'] = ways * \
                    (now['accesses'] - counted['accesses']) / \
                    (now['frames'] - counted['frames'])
            counted.update(now)

        def silently(command, what, ways, seconds):
            """What it prints comes after the counting, as it was typed before:
            a line on the serial console is a thousand accesses."""
            machine.run(f"guest-send 'sleep 3; {command} >/tmp/said; "
                        'echo do""ne; sleep 3; cat /tmp/said; echo pri""nted\'')
            machine.run('sleep 1.5')
            count(None, 0)
            self.expect(machine, end, 'done', seconds)
            count(what, ways)
            return self.expect(machine, end, 'printed', 60)

        def sent(kind):
            line = machine.text('tail -n 1 /out/netd.log')
            found = re.search(kind + r': .*seconds=([\d.]+)', line)
            return float(found.group(1)) if found else None

        _, end = self.ask(machine, end, f'ip link set {interface} up; ip addr '
                          f'add 10.77.0.50/24 dev {interface}; sleep 5; ping '
                          '-c 5 -q 10.77.0.1 | grep -c ", 0%"; echo net""up',
                          'netup', 60)
        counted = {}
        text, end = silently('ping -c 30 -s 56 10.77.0.1', 'ping', 2, 90)
        times = [float(ms) for ms in re.findall(r' time=([\d.]+) ms', text)]
        if times:
            # A guest that did not run for a while makes the mean of most.
            result[f'{nic} ping'] = statistics.mean(times)
            result[f'{nic} ping median'] = statistics.median(times)
        for what, kind, command in (
                ('out', 'sink', 'dd if=/dev/zero bs=64k count=128 2>/dev/null '
                 '| nc 10.77.0.1 5001'),
                ('in', 'source', 'nc 10.77.0.1 5002 </dev/null | wc -c')):
            _, end = silently(command, what, 1, 400)
            seconds = sent(kind)
            if seconds:
                result[f'{nic} {what}'] = seconds
        _, end = self.ask(machine, end, f'ip addr flush dev {interface}; ip '
                          f'link set {interface} down; echo net""down',
                          'netdown', 60)
        return end

    def dom0_cpu(self, machine):
        """CPU seconds dom0 has used since it booted."""
        text = machine.text('xl list')
        found = re.search(r'^Domain-0 .*?([\d.]+)\s*$', text, re.M)
        return float(found.group(1)) if found else 0.0

    def ask(self, machine, start, command, until, seconds):
        """Types a command in the guest and waits for text after start."""
        machine.run(f"guest-send '{command}'")
        return self.expect(machine, start, until, seconds)

    def expect(self, machine, start, regex, seconds):
        pattern = re.compile(regex.encode())

        def check():
            return pattern.search(machine.serial, start)

        found = machine.wait(check, seconds)
        if not found:
            raise run.RunError(run.TIMEOUT, f'no "{regex}" from the guest in '
                                            f'{seconds} s')
        text = bytes(machine.serial[start:found.end()])
        return text.decode('utf-8', 'replace'), found.end()


def summarise(data):
    """Median, least and most of each figure, by vCPUs and variant."""
    result = {}
    for vcpus in sorted({one['dom0_vcpus'] for one in data}):
        table = result.setdefault(str(vcpus), {})
        for key, text, unit, goal, limit in FIGURES:
            row = {'text': text, 'unit': unit, 'goal_ratio': goal,
                   'goal_value': limit, 'variants': {}}
            for one in data:
                if one['dom0_vcpus'] == vcpus and key in one:
                    row['variants'].setdefault(one['variant'], []) \
                        .append(one[key])
            for name, values in row['variants'].items():
                row['variants'][name] = {
                    'median': statistics.median(values),
                    'min': min(values), 'max': max(values),
                    'n': len(values)}
            base = row['variants'].get('qemu', {}).get('median')
            for cell in row['variants'].values():
                if base:
                    cell['ratio'] = cell['median'] / base
            table[key] = row
    return result


def show(figures, stream=sys.stdout):
    for vcpus, table in figures.items():
        names = [name for name in
                 ['qemu', 'cloister', 'noshadow', 'noposted', 'nopoll']
                 if any(name in row['variants'] for row in table.values())]
        stream.write(f'\ndom0 with {vcpus} vCPU: median (least-most), and '
                     f'ratio to QEMU\n\n')
        head = f'{"":<42}{"goal":>9}'
        for name in names:
            head += f'{name:>30}' if name in ('qemu', 'cloister') \
                else f'{name:>11}'
        stream.write(head + '\n')
        for row in table.values():
            if not row['variants']:
                continue
            unit = f' [{row["unit"]}]' if row['unit'] else ''
            goal = f'{row["goal_ratio"]:.1f} x' if row['goal_ratio'] else \
                f'<= {row["goal_value"]}' if row['goal_value'] is not None \
                else ''
            line = f'{row["text"] + unit:<42}{goal:>9}'
            for name in names:
                line += cell_text(row, name)
            stream.write(line + '\n')
    stream.flush()


def show_kills(rows):
    print(f'\n{"killed":<10}{"kills":>6}{"errors":>8}{"access":>10}'
          f'{"stall p50":>11}{"p99":>9}{"max":>9}   (ms; a stall is one of '
          f'the longest accesses, as many as kills)')
    for row in rows:
        stalls = row['stalls_ms']
        at = [stalls[int(len(stalls) * part)] for part in (0.5, 0.99)]
        print(f'{row["process"]:<10}{row["kills"]:>6}{row["errors"]:>8}'
              f'{row["median_ms"]:>10.2f}{at[0]:>11.0f}{at[1]:>9.0f}'
              f'{stalls[-1]:>9.0f}')


def cell_text(row, name):
    cell = row['variants'].get(name)
    wide = name in ('qemu', 'cloister')
    if not cell:
        return ' ' * (30 if wide else 11)
    ratio = f'{cell["ratio"]:.2f} x' if 'ratio' in cell else ''
    if not wide:
        return f'{ratio or number(cell["median"]):>11}'
    text = (f'{number(cell["median"])} ({number(cell["min"])}-'
            f'{number(cell["max"])})')
    if name == 'cloister':
        text += f' {ratio}'
        if missed(row, cell):
            text += ' !'
    return f'{text:>30}'


def missed(row, cell):
    if row['goal_ratio'] and 'ratio' in cell:
        return cell['ratio'] > row['goal_ratio']
    return row['goal_value'] is not None and \
        cell['median'] > row['goal_value']


def number(value):
    if value >= 100:
        return f'{value:.0f}'
    return f'{value:.1f}' if value >= 10 else f'{value:.2f}'


def bench(options, progress):
    one = Bench(options, progress)
    try:
        if options.kill:
            one.kill()
        else:
            one.all()
    except (outer.OuterError, run.RunError) as error:
        progress.note(str(error))
        return run.LAB
    except KeyboardInterrupt:
        progress.note('interrupted')
    finally:
        shutil.rmtree(one.scratch, ignore_errors=True)
        if one.data:
            one.save()
            show(summarise(one.data))
            print(f'\n! = goal missed.  All runs are in '
                  f'{os.path.join(one.out, "summary.json")}')
    return run.OK
