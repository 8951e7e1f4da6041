# SPDX-License-Identifier: GPL-2.0-or-later
"""`xenlab bench`: one guest under QEMU and under Cloister, side by side.

Called by xenlab.  For each number of dom0 vCPUs Xen is booted once and the
guests follow each other, A B A B.  The table gives medians, spreads and
ratios to QEMU of the same boot beside the goals.  A missed goal is printed,
never an error: times under emulation depend on the machine, ratios less so.
Deaths and save files have benches of their own: killbench.py, savebench.py.
"""

import json
import os
import re
import statistics

import benchlab
import guest
import killbench
import outer
import run
import savebench

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
STREAM_MB = 16                     # what iperf3 is to carry
FIGURES += [(f'{nic} {what}', f'{nic}: {text}', unit, goal, None)
            for nic in NICS for what, text, unit, goal in (
                ('out', f'{STREAM_MB} MB from the guest, one TCP stream', 's', 0.67),
                ('in', f'{STREAM_MB} MB to the guest, one TCP stream', 's', 0.67),
                ('ping', 'ping of 64 bytes, mean', 'ms', 0.7),
                ('ping median', 'ping of 64 bytes, median', 'ms', 0.7),
                ('ping accesses', 'accesses a ping', '', None),
                ('out accesses', 'accesses a frame out', '', None),
                ('in accesses', 'accesses a frame in', '', None))]

OFF = {'noshadow': 'shadow=off', 'noposted': 'posted=off',
       'nopoll': 'poll=off'}


class Bench(benchlab.Comparison):
    figures = FIGURES
    known = ['qemu', 'cloister', *OFF]

    def all(self):
        self.slot = run.take_slot(self.progress)
        counts = [int(word) for word in
                  self.options.dom0_vcpus.split(',')]
        for vcpus in counts[:1] if self.options.quick else counts:
            self.one_boot(vcpus)
            self.save()

    def remark(self):
        print('\n! = goal missed.  ', end='')

    def one_boot(self, vcpus):
        drive = self.drive()
        machine = self.machine(drive, os.path.join(self.out, f'dom0-{vcpus}'),
                               dom0_vcpus=vcpus)
        for name in self.wanted:
            extra = ''
            if name in OFF:
                extra = (f'device_model_args=["-cloister", '
                         f'"{OFF[name]}"]\n')
            if self.options.nics:
                extra += guest.nics(NICS)
            machine.write(name + '.cfg', guest.config(
                [drive], dom0_vcpus=vcpus,
                device_model='/lab/bin/dm-timed', extra=extra))
        with self.booted(machine, f'Xen up, dom0 with {vcpus} vCPU'):
            machine.start_command('dm-watch')
            if self.options.nics:
                machine.run('lab-network')
            rounds = 1 if self.options.quick else self.options.rounds
            for number in range(rounds):
                for name in self.wanted:
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

    def one(self, machine, name):
        """One guest from power-on to destroy; its figures."""
        self.progress.begin(f'{name}: boot')
        binary = self.cloister if name != 'qemu' else machine.text(
            'ls /usr/lib/xen-*/bin/qemu-system-i386 '
            '/usr/libexec/xen-qemu-system-i386 2>/dev/null | head -1').strip()
        machine.run(f'echo {binary} >/run/xenlab/dm; rm -f /run/xenlab/tty '
                    f'/run/xenlab/dm-start /run/xenlab/dm-running; '
                    f'cat /dev/vdb >/dev/null; sync')
        start, answer = self.create(machine, name, '-p')
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
        self.destroy(machine, name)
        self.progress.end()
        return result

    def network(self, machine, end, interface, nic, result):
        """One card, alone on the bridge; dom0 is the other end."""
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

        _, end = self.ask(machine, end, f'ip link set {interface} up; ip addr '
                          f'add 10.77.0.50/24 dev {interface}; sleep 5; ping '
                          '-c 5 -q 10.77.0.1 | grep -c ", 0%"; '
                          '[ -x /usr/bin/iperf3 ] || wget -q -O - '
                          'http://10.77.0.1/iperf3.tar | tar -xf - -C /; sync; '
                          'echo net""up', 'netup', 200)
        counted = {}
        text, end = silently('ping -c 30 -s 56 10.77.0.1', 'ping', 2, 90)
        times = [float(ms) for ms in re.findall(r' time=([\d.]+) ms', text)]
        if times:
            # A guest that did not run for a while makes the mean of most.
            result[f'{nic} ping'] = statistics.mean(times)
            result[f'{nic} ping median'] = statistics.median(times)
        for what, how in (('out', ''), ('in', ' -R')):
            text, end = silently(f'/usr/bin/iperf3 -c 10.77.0.1 -n {STREAM_MB}M -i 0'
                                 f'{how}', what, 1, 400)
            found = re.search(r'([\d.]+) +sec .* receiver', text)
            if found:
                result[f'{nic} {what}'] = float(found.group(1))
        _, end = self.ask(machine, end, f'ip addr flush dev {interface}; ip '
                          f'link set {interface} down; echo net""down',
                          'netdown', 60)
        return end

    def dom0_cpu(self, machine):
        """CPU seconds dom0 has used since it booted."""
        text = machine.text('xl list')
        found = re.search(r'^Domain-0 .*?([\d.]+)\s*$', text, re.M)
        return float(found.group(1)) if found else 0.0


def bench(options, progress):
    kind = killbench.KillBench if options.kill else \
        savebench.SaveBench if options.save else Bench
    one = kind(options, progress)
    status = run.OK
    try:
        one.all()
    except (outer.OuterError, run.RunError) as error:
        progress.note(str(error))
        status = run.LAB
    except KeyboardInterrupt:
        progress.note('interrupted')
    finally:
        one.close()
        one.report()
    return status
