# SPDX-License-Identifier: GPL-2.0-or-later
"""The outer machine: QEMU's software emulation with Xen and dom0 in it.

Used by run.py and bench.py.  Starts QEMU on a finished image, talks to the
agent in dom0, and shuts the machine down so that all disks are complete.  It
knows nothing about device models or what a run is for.
"""

import json
import os
import queue
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))

DOM0_MIB = 1024
BOOT_SECONDS = 240
SILENCE_SECONDS = 10


class OuterError(Exception):
    """Xen or dom0 did not do what the lab needs."""


class Disk:
    """A file of the host as dom0 sees it."""

    def __init__(self, path, fmt='raw', readonly=False):
        self.path = os.path.abspath(path)
        self.format = fmt
        self.readonly = readonly
        # A virtio disk is a whole number of sectors and cannot grow: a file
        # with a broken tail, or one of a growing format, is copied into
        # dom0 and back instead.
        self.copied = fmt != 'raw' or os.path.getsize(self.path) % 512 != 0
        self.device = None              # path in dom0, set by Machine


class Machine:
    def __init__(self, image, out, memory=256, dom0_vcpus=1, disks=(),
                 stage=None, files=None, env=None, terminal=False):
        self.image = image
        self.out = os.path.abspath(out)
        self.disks = list(disks)
        self.terminal = terminal
        self.events = queue.Queue()
        self.answers = {}
        self.changed = threading.Condition()
        self.serial = bytearray()
        self.serial_times = []
        self.live = {}
        self.heard = time.monotonic()
        self.next_id = 0
        self.qemu = None
        self.control = None
        self.monitor = None
        self.work = tempfile.mkdtemp(prefix='xenlab.')
        self.argv = self._prepare(memory, dom0_vcpus, stage, files or {},
                                  dict(env or {}))

    def _prepare(self, memory, dom0_vcpus, stage, files, env):
        lab = os.path.join(self.work, 'lab')
        shutil.copytree(os.path.join(HERE, 'dom0'), lab)
        shutil.copy(self.image.vnctool, os.path.join(lab, 'bin/vnctool'))
        shares, argv_disks = [], []
        letter = 'b'
        for number, disk in enumerate(self.disks):
            if disk.copied:
                tag = f'disk{number}'
                shares.append((tag, os.path.dirname(disk.path),
                               disk.readonly))
                name = os.path.basename(disk.path)
                disk.device = f'/var/lib/lab/{tag}/{name}'
                disk.share = f'/files/{tag}/{name}'
            else:
                disk.device = '/dev/vd' + letter
                letter = chr(ord(letter) + 1)
                argv_disks += ['-drive', 'format=raw,if=virtio,cache=unsafe,'
                               + ('readonly=on,' if disk.readonly else '')
                               + 'file=' + disk.path.replace(',', ',,')]
        env['STAGE'] = '1' if stage else ''
        env['SHELL_MODE'] = '1' if self.terminal else ''
        with open(os.path.join(lab, 'shares'), 'w', encoding='utf-8') as file:
            file.write(''.join(tag + '\n' for tag, _, _ in shares))
        with open(os.path.join(lab, 'env'), 'w', encoding='utf-8') as file:
            for name, value in env.items():
                quoted = "'" + str(value).replace("'", "'\\''") + "'"
                file.write(f'{name}={quoted}\n')
        self.lab = lab
        for name, text in files.items():
            self.write(name, text)

        shares = [('lab', lab, True), ('out', self.out, False)] + shares
        if stage:
            shares.append(('stage', stage, True))
        # Each vCPU of dom0 has an emulated CPU to itself, guests share the one
        # behind them (guest.config()).  Where a PV dom0 and an HVM guest take
        # turns on one, the emulator mixes them up every few minutes: guests
        # run into triple faults at addresses of Xen's.
        argv = ['qemu-system-x86_64', '-nodefaults', '-no-reboot',
                '-machine', 'pc', '-accel', 'tcg,thread=multi',
                '-cpu', 'qemu64,+svm,+npt,+nrip-save',
                '-smp', str(dom0_vcpus + 1),
                '-m', str(DOM0_MIB + memory + 768), '-display', 'none',
                '-kernel', self.image.xen, '-append',
                f'console=com1 com1=115200,8n1 dom0_mem={DOM0_MIB}M '
                f'dom0_max_vcpus={dom0_vcpus} dom0_vcpus_pin noreboot=1 '
                f'loglvl=all guest_loglvl=all sync_console=0',
                '-initrd',
                f'{self.image.kernel} console=hvc0 loglevel=5 clocksource=xen,'
                f'{self.image.initrd}',
                '-drive', f'file={self.image.root},format=raw,if=virtio,'
                          f'snapshot=on,cache=unsafe']
        argv += argv_disks
        argv += ['-netdev', 'user,id=net,restrict=on',
                 '-device', 'virtio-net-pci,netdev=net,romfile=',
                 '-device', 'virtio-serial-pci',
                 '-chardev', f'socket,id=ctl,server=on,wait=off,'
                             f'path={self.work}/ctl',
                 '-device', 'virtserialport,chardev=ctl,name=ctl',
                 '-chardev', f'socket,id=mon,server=on,wait=off,'
                             f'path={self.work}/mon',
                 '-mon', 'chardev=mon,mode=control']
        for tag, folder, readonly in shares:
            argv += ['-virtfs', f'local,path={folder.replace(",", ",,")},'
                                f'mount_tag={tag},security_model=none,'
                                f'multidevs=remap'
                                + (',readonly=on' if readonly else '')]
        log = os.path.join(self.out, 'dom0.log').replace(',', ',,')
        if self.terminal:
            argv += ['-chardev', f'stdio,id=con,mux=on,signal=off,'
                                 f'logfile={log}', '-serial', 'chardev:con']
        else:
            argv += ['-serial', f'file:{log}']
        return argv

    def write(self, name, text):
        """A file of the folder that dom0 sees as /lab."""
        path = os.path.join(self.lab, name)
        with open(path, 'w', encoding='utf-8') as file:
            file.write(text)
        os.chmod(path, 0o755)

    # -- life ------------------------------------------------------------

    def start(self):
        """Powers on; returns when the agent in dom0 answers."""
        os.makedirs(self.out, exist_ok=True)
        log = open(os.path.join(self.out, 'outer-qemu.log'), 'wb')
        # Whatever happens to xenlab, QEMU ends with it.
        argv = ['setpriv', '--pdeathsig', 'TERM'] + self.argv
        options = {} if self.terminal else {
            'stdin': subprocess.DEVNULL, 'stdout': log,
            'start_new_session': True}
        self.qemu = subprocess.Popen(argv, stderr=log, **options)
        log.close()
        limit = time.monotonic() + BOOT_SECONDS
        self.control = self._connect('ctl', limit)
        self.monitor = self._connect('mon', limit)
        self.monitor_file = self.monitor.makefile('rw')
        self.monitor_file.readline()
        self._monitor('qmp_capabilities')
        self._spread()
        threading.Thread(target=self._listen, daemon=True).start()
        self.wait_event('hello', limit - time.monotonic(),
                        'Xen or dom0 did not come up')
        for disk in self.disks:
            if disk.copied and not self.terminal:
                self._copy(disk, disk.share, disk.device)

    def _spread(self):
        """A CPU of this machine for each emulated one, if there are as many.

        dom0 and guest take turns, each waking the other; the scheduler takes
        them for a pair that is best kept together.  On one CPU, with another
        idle beside it, each then waits for the other's slice to end: 4 ms at
        a time, 40 ms in a ping.
        """
        cpus = sorted(os.sched_getaffinity(0))
        emulated = self._monitor('query-cpus-fast')['return']
        if len(emulated) <= len(cpus):
            for one in emulated:
                os.sched_setaffinity(one['thread-id'],
                                     {cpus[one['cpu-index']]})

    def _copy(self, disk, source, target):
        source, target = shlex.quote(source), shlex.quote(target)
        answer = self.run(f'mkdir -p "$(dirname {target})" && '
                          f'cat {source} >{target}', timeout=900)
        if answer['status']:
            raise OuterError(f'{disk.path}: copying failed: {answer["out"]}')

    def _connect(self, name, limit):
        while True:
            sock = socket.socket(socket.AF_UNIX)
            try:
                sock.connect(os.path.join(self.work, name))
                return sock
            except OSError:
                sock.close()
            self._check_alive()
            if time.monotonic() > limit:
                raise OuterError('the outer QEMU does not answer')
            time.sleep(0.05)

    def _check_alive(self):
        if self.qemu.poll() is not None:
            with open(os.path.join(self.out, 'outer-qemu.log'),
                      encoding='utf-8', errors='replace') as file:
                text = ''.join(line for line in file
                               if "TCG doesn't support" not in line).strip()
            raise OuterError(f'the outer QEMU ended (status '
                             f'{self.qemu.returncode}): {text or "no word"}; '
                             f'see dom0.log')

    def _listen(self):
        """Takes dom0's messages apart until the machine ends."""
        buffer = b''
        with open(os.path.join(self.out, 'serial.log'), 'ab',
                  buffering=0) as serial:
            while True:
                try:
                    data = self.control.recv(65536)
                except OSError:
                    data = b''
                if not data:
                    break
                buffer += data
                while b'\n' in buffer:
                    line, buffer = buffer.split(b'\n', 1)
                    try:
                        message = json.loads(line)
                    except ValueError:
                        continue
                    self._take(message, serial)
        with self.changed:
            self.control_closed = True
            self.changed.notify_all()
        self.events.put({'ev': 'down'})

    def follow_file(self, name):
        """Takes a file of the output folder for the guest's serial console
        (a guest configured with serial="file:/out/NAME")."""
        def follow():
            path, at = os.path.join(self.out, name), 0
            with open(os.path.join(self.out, 'serial.log'), 'ab',
                      buffering=0) as serial:
                while not self.control_closed:
                    try:
                        with open(path, 'rb') as file:
                            file.seek(at)
                            data = file.read()
                    except OSError:
                        data = b''
                    if data:
                        at += len(data)
                        self._take({'ev': 'serial', 't': time.time(),
                                    'data': data.decode('latin-1')}, serial)
                    time.sleep(0.2)
        threading.Thread(target=follow, daemon=True).start()

    def _take(self, message, serial):
        self.heard = time.monotonic()
        with self.changed:
            if 'id' in message:
                self.answers[message['id']] = message
            elif message['ev'] == 'serial':
                data = message['data'].encode('latin-1')
                serial.write(data)
                self.serial += data
                self.serial_times.append((len(self.serial), message['t']))
            elif message['ev'] == 'domain':
                self.live[message['dom']] = message['is'] == 'up'
            self.changed.notify_all()
        self.events.put(message)

    def wait_event(self, name, seconds, complaint):
        limit = time.monotonic() + seconds
        while True:
            try:
                message = self.events.get(timeout=0.25)
                if message['ev'] == name:
                    return message
            except (queue.Empty, KeyError):
                pass
            self._check_alive()
            if time.monotonic() > limit:
                raise OuterError(f'{complaint} in {seconds:.0f} s; '
                                 f'see dom0.log')

    control_closed = False

    def _monitor(self, command, **arguments):
        self.monitor_file.write(json.dumps(
            {'execute': command, 'arguments': arguments}) + '\n')
        self.monitor_file.flush()
        while True:
            answer = json.loads(self.monitor_file.readline() or '{"error":0}')
            if 'event' not in answer:
                return answer

    def _nudge(self):
        """After a silence, an interrupt for the first processor.

        QEMU's emulation of AMD-V sets bits of a processor's pending work
        without the lock that other threads take: seen with several guest
        vCPUs, a processor slept with interrupts waiting, for ever.  Any new
        one wakes it.
        """
        if time.monotonic() - self.heard > SILENCE_SECONDS:
            self.heard = time.monotonic()
            self._monitor('human-monitor-command',
                          **{'command-line': 'sendkey shift'})

    def forward(self, port, host_port):
        """Makes dom0's TCP port reachable on this host's loopback."""
        answer = self._monitor(
            'human-monitor-command', **{'command-line':
            f'hostfwd_add net tcp:127.0.0.1:{host_port}-10.0.2.15:{port}'})
        if answer.get('return'):
            raise OuterError(answer['return'].strip())

    # -- dom0 ------------------------------------------------------------

    def start_command(self, command, timeout=None):
        """Starts a shell command in dom0; returns its number."""
        with self.changed:
            self.next_id += 1
            number = self.next_id
        text = json.dumps({'id': number, 'cmd': command, 'timeout': timeout})
        try:
            self.control.sendall(text.encode() + b'\n')
        except OSError as error:
            raise OuterError('dom0 is gone') from error
        return number

    def answer(self, number):
        with self.changed:
            return self.answers.get(number)

    def run(self, command, timeout=120):
        """Runs a shell command in dom0; returns the agent's answer."""
        number = self.start_command(command, timeout)
        limit = time.monotonic() + timeout + 30
        with self.changed:
            while number not in self.answers:
                self.changed.wait(0.5)
                self._nudge()
                if self.control_closed:
                    raise OuterError('dom0 went away')
                if time.monotonic() > limit:
                    raise OuterError(f'dom0 does not answer: {command}')
            return self.answers.pop(number)

    def text(self, command, timeout=120):
        return self.run(command, timeout)['out']

    def wait(self, check, seconds):
        """Calls check at each news from dom0 until it returns something."""
        limit = time.monotonic() + seconds
        with self.changed:
            while True:
                result = check()
                if result:
                    return result
                left = limit - time.monotonic()
                if left <= 0:
                    return None
                if self.control_closed or self.qemu.poll() is not None:
                    raise OuterError('dom0 went away; see dom0.log')
                self.changed.wait(min(left, 0.5))
                self._nudge()

    def serial_time(self, offset):
        """dom0's clock when the byte before offset had arrived."""
        for end, when in self.serial_times:
            if end >= offset:
                return when
        return self.serial_times[-1][1] if self.serial_times else 0.0

    def stop(self):
        """Powers off, by dom0 if it can; always leaves no process."""
        try:
            if self.qemu and self.qemu.poll() is None:
                try:
                    if self.control and not self.terminal:
                        for disk in self.disks:
                            if disk.copied and not disk.readonly:
                                self._copy(disk, disk.device, disk.share)
                    if self.control:
                        self.control.sendall(b'{"quit": true}\n')
                        self.qemu.wait(30)
                except (OSError, subprocess.TimeoutExpired):
                    pass
                except OuterError as error:
                    sys.stderr.write(f'xenlab: {error}\n')
                if self.qemu.poll() is None and self.monitor:
                    try:
                        self._monitor('quit')
                        self.qemu.wait(20)
                    except (OSError, ValueError, subprocess.TimeoutExpired):
                        pass
        finally:
            if self.qemu and self.qemu.poll() is None:
                self.qemu.send_signal(signal.SIGTERM)
                try:
                    self.qemu.wait(10)
                except subprocess.TimeoutExpired:
                    self.qemu.kill()
                    self.qemu.wait()
            shutil.rmtree(self.work, ignore_errors=True)
