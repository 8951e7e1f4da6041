# SPDX-License-Identifier: GPL-2.0-or-later
"""`xenlab run` and `xenlab shell`: one guest on a real Xen.

Called by xenlab.  Composes the guest, starts the outer machine, creates the
guest with xl, waits for its text, runs the dom0 script, takes the picture,
destroys the guest, looks for anything left behind, and writes summary.json.
"""

import fcntl
import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time

import guest
import image as images
import outer
import rfb

HERE = os.path.dirname(os.path.abspath(__file__))

OK, TIMEOUT, USAGE, LAB, CREATE, SCRIPT, GONE, LEFT, PICTURE = range(9)

USER_SPACE = r'guest: user space up'
NO_ROOT = r'guest: no root found'
KERNEL = re.compile(rb'Linux version|\[ {0,4}0\.000000\]')


class RunError(Exception):
    """The run cannot go on; carries the exit status."""

    def __init__(self, status, text):
        super().__init__(text)
        self.status = status


def stage_cloister(builddir, folder, progress):
    """Installs a finished build into folder; returns the path in dom0."""
    if not os.path.isdir(os.path.join(builddir, 'meson-info')):
        raise RunError(LAB, f'{builddir} is not a meson build of Cloister; '
                            f'build it first or name it with --builddir')
    with progress.stage('installing Cloister'):
        done = subprocess.run(
            ['meson', 'install', '--no-rebuild', '--quiet', '-C', builddir],
            env=dict(os.environ, DESTDIR=folder), capture_output=True,
            text=True)
    if done.returncode:
        raise RunError(LAB, f'meson install of {builddir} failed:\n'
                            f'{done.stdout}{done.stderr}')
    for base, _, names in os.walk(folder):
        if 'cloister' in names and base.endswith('libexec/cloister'):
            return os.path.join('/', os.path.relpath(base, folder),
                                'cloister')
    raise RunError(LAB, f'{builddir} installs no libexec/cloister/cloister')


# Built with Cloister, for scripts in dom0; not installed.
TOOLS = ['tests/xenlab/handles']


def stage_tools(builddir, folder):
    """Copies what such a build has of TOOLS."""
    for name in TOOLS:
        path = os.path.join(builddir, name)
        if os.path.exists(path):
            shutil.copy(path, folder)


def parse_disk(text, readonly=False):
    path, fmt = text, 'raw'
    match = re.match(r'(.*),(raw|qcow2|qcow|vhd|vmdk|qed)$', text)
    if match:
        path, fmt = match.groups()
    if not os.path.isfile(path):
        raise RunError(USAGE, f'--disk {path}: no such file')
    return outer.Disk(path, fmt, readonly)


def take_slot(progress):
    """Waits until this machine has processors to spare for one more lab.

    Two labs on two processors take four times as long each, because every
    access of a guest needs two of them in turn.  Returns the held lock.
    """
    if os.environ.get('XENLAB_NOWAIT'):
        return None
    count = max(1, len(os.sched_getaffinity(0)) // 2)
    paths = [os.path.join(images.cache_root(), f'slot{number}')
             for number in range(count)]
    said = False
    while True:
        for path in paths:
            lock = open(path, 'w', encoding='utf-8')
            # Where there is one slot the kernel keeps the line in order.
            wait = 0 if said and count == 1 else fcntl.LOCK_NB
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | wait)
                if said:
                    progress.end()
                return lock
            except BlockingIOError:
                lock.close()
        if not said:
            progress.begin('waiting for another lab on this machine '
                           '(XENLAB_NOWAIT=1 does not wait)')
            said = True
        elif count > 1:
            time.sleep(0.5)


def free_port():
    with socket.socket() as sock:
        sock.bind(('127.0.0.1', 0))
        return sock.getsockname()[1]


class Session:
    """One outer machine and the guest in it."""

    def __init__(self, options, progress, terminal=False):
        self.options = options
        self.progress = progress
        self.scratch = tempfile.mkdtemp(prefix='xenlab-run.')
        self.out = os.path.abspath(options.out) if options.out else \
            tempfile.mkdtemp(prefix='xenlab-out.')
        self.summary = {'dm': options.dm, 'exit': None, 'expect': None}
        self.machine = None
        self.vnc_host_port = None
        os.makedirs(self.out, exist_ok=True)
        for name in ('serial.log', 'dom0.log', 'xl.log', 'dm.log',
                     'dom0-run.log', 'summary.json', 'state.log'):
            try:
                os.unlink(os.path.join(self.out, name))
            except OSError:
                pass
        self.prepare(terminal)

    def prepare(self, terminal):
        options = self.options
        image = images.setup(self.progress)
        self.image = image
        device_model, stage = None, None
        if options.deb is not None:
            device_model = guest.CLOISTER
        elif options.dm == 'cloister':
            stage = os.path.join(self.scratch, 'stage')
            device_model = stage_cloister(options.builddir, stage,
                                          self.progress)
        disks = [parse_disk(text) for text in options.disk]
        self.default_guest = not disks and not options.cdrom
        if self.default_guest:
            path = os.path.join(self.scratch, 'guest.img')
            images.guest_copy(image, path, options.guest_append)
            disks = [outer.Disk(path)]
        elif options.guest_append:
            raise RunError(USAGE, '--guest-append only works with the '
                                  'default guest')
        if len(disks) > 4:
            raise RunError(USAGE, 'at most four --disk')
        cdrom = None
        if options.cdrom:
            cdrom = parse_disk(options.cdrom, readonly=True)
        extra = ''
        for path in options.cfg:
            with open(path, encoding='utf-8') as file:
                extra += file.read() + '\n'
        self.cfg_vncpasswd = _find(extra, 'vncpasswd')
        memory = int(_find(extra, 'maxmem') or _find(extra, 'memory') or
                     options.memory)
        name = _find(extra, 'name') or guest.NAME
        self.name = name
        self.expect = options.expect
        if self.expect is None and self.default_guest:
            self.expect = USER_SPACE
        self.machine = outer.Machine(
            image, self.out, memory=memory, dom0_vcpus=options.dom0_vcpus,
            disks=disks + ([cdrom] if cdrom else []), stage=stage,
            env={'NAME': name}, terminal=terminal)
        stage_tools(options.builddir, os.path.join(self.machine.lab, 'bin'))
        text = guest.config(disks, cdrom, options.backend, options.nic,
                            options.memory, options.vcpus,
                            options.dom0_vcpus, device_model, extra)
        self.machine.write('xl.cfg', text)
        if options.deb is not None:
            shutil.copy(options.deb,
                        os.path.join(self.machine.lab, 'cloister.deb'))
        self.has_network = re.search(r'(?m)^vif\s*=\s*\[\s*[^\]\s]', text)
        found = re.match(r'file:/out/(.+)', _find(extra, 'serial') or '')
        if found:
            self.machine.follow_file(found.group(1))
        with open(os.path.join(self.out, 'xl.cfg'), 'w',
                  encoding='utf-8') as file:
            file.write(text)
        for name in ('dom0_run', 'dom0_before'):
            path = getattr(options, name)
            if path:
                with open(path, encoding='utf-8') as file:
                    self.machine.write(name.replace('_', '-'), file.read())

    # -- steps -----------------------------------------------------------

    def boot(self):
        if not self.options.keep:
            self.slot = take_slot(self.progress)
        self.progress.begin('Xen up')
        self.machine.start()
        self.progress.end()
        if self.options.deb is not None:
            self.install_package()
        elif self.options.dm == 'cloister':
            self.machine.run('mkdir -p /etc/cloister')
        if self.has_network:
            self.machine.run('lab-network')
        if self.options.dom0_before:
            answer = self.machine.run('cd /out && /lab/dom0-before')
            if answer['status']:
                raise RunError(LAB, f'the script before xl create failed:\n'
                                    f'{answer["out"]}')

    def install_package(self):
        answer = self.machine.run('dpkg -i /lab/cloister.deb >/out/dpkg.log '
                                  '2>&1; status=$?; tail /out/dpkg.log; '
                                  'exit $status')
        if answer['status']:
            raise RunError(LAB, f'dpkg -i failed:\n{answer["out"]}')

    def create(self):
        machine = self.machine
        self.progress.begin('guest created')
        machine.start_command(f'tail -n +1 -F /var/log/xen/qemu-dm-'
                              f'{self.name}.log 2>/dev/null >>/out/dm.log')
        answer = machine.run('xl -vvv create -p /lab/xl.cfg >>/out/xl.log 2>&1',
                             timeout=150)
        self.summary['create_seconds'] = round(answer['t1'] - answer['t0'], 2)
        if answer['status']:
            self.progress.end(' failed')
            raise RunError(CREATE, 'xl create failed (status '
                           f'{answer["status"]})\n{self.create_story()}')
        domid = machine.text(f'xl domid {self.name}').strip()
        if not domid.isdigit():
            raise RunError(CREATE, f'xl create left no domain: {domid}')
        self.domid = int(domid)
        machine.wait(lambda: self.domid in machine.live, 20)
        machine.run(f'n=0; while [ $n -lt 30 ] && ! [ -e /run/xenlab/tty ] && '
                    f'xenstore-exists /local/domain/{domid}/serial/0/tty; do '
                    f'sleep 0.2; n=$((n+1)); done')
        self.progress.begin('guest firmware')
        answer = machine.run(f'xl unpause {domid}')
        self.power_on = answer['t0']
        if answer['status']:
            raise RunError(CREATE, f'xl unpause: {answer["out"]}')

    def create_story(self):
        """xl's own words and the end of the device model's log."""
        with open(os.path.join(self.out, 'xl.log'), encoding='utf-8',
                  errors='replace') as file:
            lines = [line for line in file.read().splitlines()
                     if re.search(r'error|fail|invalid|unable|cannot', line,
                                  re.I) and ': debug:' not in line
                     and ': detail:' not in line]
        text = [f'  xl: {line}' for line in lines[-12:]]
        log = self.machine.text(f'tail -n 12 /var/log/xen/qemu-dm-'
                                f'{self.name}.log 2>/dev/null')
        text += [f'  device model: {line}' for line in log.splitlines()]
        return '\n'.join(text)

    def await_text(self):
        """Waits for the expected text; returns OK, TIMEOUT or GONE."""
        machine, options = self.machine, self.options
        pattern = re.compile(self.expect.encode(), re.M) if self.expect \
            else None
        nothing_else = not (options.dom0_run or options.keep or
                            options.screenshot)
        if pattern is None and not nothing_else:
            return OK
        state = {'gone': None, 'kernel': False}

        def check():
            if not state['kernel']:
                found = KERNEL.search(machine.serial)
                if found:
                    state['kernel'] = True
                    self.summary['kernel_seconds'] = round(
                        machine.serial_time(found.end()) - self.power_on, 2)
                    self.progress.begin('guest kernel')
            if self.progress.tty and machine.serial:
                last = bytes(machine.serial[-200:]).split(b'\n')[-1]
                self.progress.say(last.decode('ascii', 'replace')
                                  .strip()[:60])
            if pattern:
                found = pattern.search(machine.serial)
                if found:
                    self.summary['expect_seconds'] = round(
                        machine.serial_time(found.end()) - self.power_on, 2)
                    return ('seen',)
            if any(machine.live.values()):
                state['gone'] = None
            elif state['gone'] is None:
                state['gone'] = time.monotonic()
            elif time.monotonic() - state['gone'] > 10:
                return ('gone',)
            return None

        result = machine.wait(check, options.timeout)
        self.family()
        if result == ('seen',):
            self.progress.end()
            what = 'user space' if self.expect == USER_SPACE \
                else 'expected text'
            self.progress.note(f'{what} {self.summary["expect_seconds"]} s '
                               f'after power-on')
            return OK
        if result == ('gone',):
            self.progress.end(': the guest is gone')
            return OK if pattern is None else GONE
        self.progress.end(' timed out')
        return TIMEOUT

    def family(self):
        """Notes the device model's processes while the guest runs."""
        try:
            self.summary['device_model'] = json.loads(
                self.machine.text('lab-family', 60))
        except ValueError:
            pass

    def script(self):
        machine = self.machine
        domid = machine.text(f'xl domid {self.name}').strip()
        with self.progress.stage('dom0 script'):
            answer = machine.run(
                f'stat -c %s /run/xenlab/serial.log >/run/xenlab/expect.at; '
                f'cd /out && export DOMID={domid} OUT=/out NAME={self.name} '
                f'DM={self.options.dm}; /lab/dom0-run >dom0-run.log 2>&1',
                timeout=self.options.timeout)
        self.summary['dom0_run'] = answer['status']
        if answer['status']:
            self.progress.note(f'the dom0 script failed with status '
                               f'{answer["status"]}')
            return SCRIPT
        return OK

    def vnc(self):
        """The guest's VNC port on this host, forwarded on first use."""
        if self.vnc_host_port is None:
            text = self.machine.text(
                f'domid=$(xl domid {self.name}) && xenstore-read '
                f'/local/domain/$domid/console/vnc-port').strip()
            if not text.isdigit():
                raise RunError(PICTURE, f'the guest has no VNC port: {text}')
            port = self.options.vnc or free_port()
            self.machine.forward(int(text), port)
            self.vnc_host_port = port
        return self.vnc_host_port

    def picture(self, path):
        try:
            size = rfb.screenshot(self.image, self.vnc(), path,
                                  self.cfg_vncpasswd)
        except (rfb.RfbError, RunError) as error:
            self.progress.note(f'no screenshot: {error}')
            return PICTURE
        self.summary['screen'] = list(size)
        self.progress.note(f'screenshot of {size[0]}x{size[1]} in {path}')
        return OK

    def keep(self):
        """Leaves the guest to the user until it ends or Ctrl-C."""
        self.progress.note('the guest keeps running; Ctrl-C ends it' + (
            f'; VNC at 127.0.0.1:{self.vnc_host_port}'
            if self.vnc_host_port else ''))
        try:
            while self.machine.wait(
                    lambda: not any(self.machine.live.values()),
                    3600) is None:
                pass
        except KeyboardInterrupt:
            pass

    def dump_state(self):
        """What dom0 looks like, for the person who has to find out."""
        self.machine.run(
            '{ xl list -l; xl list; xl vcpu-list; ps -eo pid,ppid,user,stat,'
            'wchan:20,args; xenstore-ls -f /local/domain/0/device-model; '
            'xenstore-ls -f /local/domain/0/backend; '
            'for p in $(lab-processes); do echo "== $p"; '
            'cat /proc/$p/status /proc/$p/stack; done; xl dmesg | tail -80; '
            'dmesg | tail -40; } >/out/state.log 2>&1', timeout=90)

    def destroy(self):
        """xl destroy, then what is left of the guest and its processes."""
        machine = self.machine
        with self.progress.stage('guest destroyed'):
            machine.run(f'domid=$(xl domid {self.name} 2>/dev/null) && '
                        f'xl destroy {self.name} >>/out/xl.log 2>&1',
                        timeout=90)
            check = machine.run(
                'n=0; while :; do p=$(lab-processes | tr "\\n" " "); '
                'd=$(xl list | awk "NR > 1 && \\$2 != 0"); '
                '[ -z "$p$d" ] && break; [ $n -ge 20 ] && break; '
                'n=$((n+1)); sleep 0.5; done; '
                'for i in $p; do echo "process $i $(tr "\\0" " " '
                '</proc/$i/cmdline)"; done; [ -n "$d" ] && echo "domain $d"; '
                'cat /var/log/xen/xl-' + self.name + '.log >>/out/xl.log '
                '2>/dev/null; true')
        left = check['out'].strip()
        self.summary['left_behind'] = left.splitlines()
        if left:
            self.progress.note(f'left behind after xl destroy:\n{left}')

    def crashes(self):
        """Xen's own words about a guest that fell over."""
        try:
            with open(os.path.join(self.out, 'dom0.log'), encoding='utf-8',
                      errors='replace') as file:
                lines = [line.strip() for line in file
                         if re.search(r'Triple fault|domain_crash|'
                                      r'Domain \d+ \(vcpu#\d+\) crashed',
                                      line)]
        except OSError:
            return []
        if lines:
            self.progress.note('Xen says: ' + lines[0])
        return lines

    def close(self):
        if self.machine:
            with self.progress.stage('powered off'):
                self.machine.stop()
        shutil.rmtree(self.scratch, ignore_errors=True)

    def write_summary(self, status):
        self.summary['guest_crashes'] = self.crashes()
        self.summary['exit'] = status
        self.summary['expect'] = self.expect
        self.summary['stages'] = self.progress.times
        with open(os.path.join(self.out, 'summary.json'), 'w',
                  encoding='utf-8') as file:
            json.dump(self.summary, file, indent=1)
            file.write('\n')


def _find(text, key):
    found = re.findall(rf'(?m)^\s*{key}\s*=\s*(.*?)\s*$', text)
    return found[-1].strip('"\'') if found else None


def run(options, progress):
    session = Session(options, progress)
    status = LAB
    try:
        try:
            session.boot()
            session.create()
            if options.vnc:
                try:
                    session.vnc()
                except RunError as error:
                    progress.note(str(error))
            status = session.await_text()
            if status == OK and options.dom0_run:
                status = session.script()
            if options.screenshot:
                bad = session.picture(options.screenshot)
                status = status or bad
            if options.keep and status in (OK, TIMEOUT):
                session.keep()
            if status in (TIMEOUT, SCRIPT, GONE):
                session.dump_state()
        except RunError as error:
            status = error.status
            progress.note(str(error))
            session.dump_state()
        if session.machine and session.machine.control:
            session.destroy()
            if options.check_clean and status == OK and \
                    session.summary['left_behind']:
                status = LEFT
    except outer.OuterError as error:
        status = LAB
        progress.end(' failed')
        progress.note(str(error))
    except KeyboardInterrupt:
        status = 130
        progress.end(' interrupted')
    finally:
        session.close()
        session.write_summary(status)
    progress.note(f'artefacts in {session.out}')
    return status


def shell(options, progress):
    session = Session(options, progress, terminal=True)
    saved = subprocess.run(['stty', '-g'], capture_output=True,
                           text=True).stdout.strip()
    try:
        subprocess.run(['stty', 'raw', '-echo'])
        try:
            session.machine.start()
            session.machine.qemu.wait()
        finally:
            subprocess.run(['stty', saved] if saved else ['stty', 'sane'])
    except outer.OuterError as error:
        if session.machine.qemu and session.machine.qemu.poll() != 0:
            progress.note(str(error))
            return LAB
    finally:
        session.close()
    return OK
