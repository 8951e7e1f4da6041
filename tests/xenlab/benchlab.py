# SPDX-License-Identifier: GPL-2.0-or-later
"""What the benches share: files, the installed Cloister, a boot of Xen, a guest
that is asked on its serial console, and a table of variants.

Used by bench.py, killbench.py and savebench.py.  It measures nothing and knows
no device model.
"""

import contextlib
import json
import os
import re
import shutil
import tempfile

import benchtable
import guest
import image as images
import outer
import run


class Lab:
    """One bench from its options to summary.json."""

    def __init__(self, options, progress):
        self.options = options
        self.progress = progress
        self.out = os.path.abspath(options.out) if options.out else \
            tempfile.mkdtemp(prefix='xenlab-bench.')
        os.makedirs(self.out, exist_ok=True)
        self.scratch = tempfile.mkdtemp(prefix='xenlab-bench.')
        self.image = images.setup(progress)
        self.stage, self.cloister = None, None

    def variants(self, known):
        """What --only asks for, else all that are known."""
        wanted = self.options.only.split(',') if self.options.only else known
        for name in wanted:
            if name not in known:
                raise run.RunError(run.USAGE, f'--only {name}: no such '
                                              f'variant')
        return wanted

    def install(self):
        """Makes the build ready for dom0."""
        self.stage = os.path.join(self.scratch, 'stage')
        self.cloister = run.stage_cloister(self.options.builddir, self.stage,
                                           self.progress)

    def drive(self):
        """A private copy of the default guest that keeps its emulated
        devices."""
        disk = os.path.join(self.scratch, 'guest.img')
        images.guest_copy(self.image, disk, 'xen_emul_unplug=never')
        return outer.Disk(disk)

    def machine(self, drive, folder=None, **options):
        """The outer machine, not started yet; old logs are gone."""
        folder = folder or self.out
        os.makedirs(folder, exist_ok=True)
        for name in ('serial.log', 'dom0.log', 'xl.log'):
            if os.path.exists(os.path.join(folder, name)):
                os.unlink(os.path.join(folder, name))
        return outer.Machine(self.image, folder, disks=[drive],
                             stage=self.stage, env={'NAME': guest.NAME},
                             **options)

    @contextlib.contextmanager
    def booted(self, machine, text='Xen up'):
        """Xen and dom0 run; they are gone at the end, however that comes."""
        try:
            with self.progress.stage(text):
                machine.start()
            yield
        finally:
            machine.stop()

    def write_summary(self, data):
        path = os.path.join(self.out, 'summary.json')
        with open(path, 'w', encoding='utf-8') as file:
            json.dump(data, file, indent=1)
            file.write('\n')
        return path

    def close(self):
        shutil.rmtree(self.scratch, ignore_errors=True)

    # -- the guest -------------------------------------------------------

    def create(self, machine, name, how='-q'):
        """The guest of /lab/NAME.cfg: where in the serial console it begins, and
        what the lab said of the command."""
        start = len(machine.serial)
        answer = machine.run(f'xl create {how} /lab/{name}.cfg '
                             '>>/out/xl.log 2>&1', timeout=150)
        if answer['status']:
            raise run.RunError(run.CREATE, 'xl create failed, see xl.log')
        return start, answer

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

    def destroy(self, machine, name):
        """Ends the guest and waits for its processes; keeps their log."""
        machine.run(f'cp /var/log/xen/qemu-dm-{guest.NAME}.log '
                    f'/out/dm-{name}.log; xl destroy {guest.NAME}; '
                    'for i in $(seq 30); do [ -z "$(lab-processes)" ] && '
                    'break; sleep 0.2; done', timeout=90)


class Comparison(Lab):
    """Variants of one guest beside each other: one table, one list of runs."""

    figures = []            # as benchtable.summarise() has them
    known = []              # variants, QEMU first
    each = 'runs'           # what a member of the list is called

    def __init__(self, options, progress):
        super().__init__(options, progress)
        self.data = []
        self.wanted = self.variants(self.known)
        if self.wanted != ['qemu']:
            self.install()

    def save(self):
        return self.write_summary({
            'figures': benchtable.summarise(self.data, self.figures),
            'runs': self.data})

    def report(self):
        """Prints the table, if anything was measured, and where the rest is."""
        if not self.data:
            return
        path = self.save()
        benchtable.show(benchtable.summarise(self.data, self.figures))
        self.remark()
        print(f'All {self.each} are in {path}')

    def remark(self):
        print()
