# SPDX-License-Identifier: GPL-2.0-or-later
"""`xenlab bench --save`: how long a guest is away for save, restore, migrate.

Called by bench.py.  In one boot of Xen a guest under QEMU and then one under
Cloister; each is saved and restored, and migrated to this very host, again and
again, while it sends datagrams to dom0 (guest/beat.c, dom0/bin/lab-downtime).
The table has wall times of xl's commands, the silence on the network, the time
in which the guest's own clock stood still, and how large the device model's
state in the save file is.  That nothing is lost is cases.d/save.sh.
"""

import json

import benchlab
import guest
import run

FILE = '/var/lib/lab/guest.save'        # dom0's disk; 9p takes no guest's page
MEMORY_MIB = 160
PORT, BEAT_MS = 5003, 50

FIGURES = [(key, text, unit, None, None) for key, text, unit in (
    ('save', 'xl save', 's'),
    ('restore', 'xl restore', 's'),
    ('save_gap', 'save and restore: network silent', 's'),
    ('save_still', "save and restore: guest's clock still", 's'),
    ('migrate', 'xl migrate to this host', 's'),
    ('migrate_gap', 'migrate: network silent', 's'),
    ('migrate_still', "migrate: guest's clock still", 's'),
    ('state_kb', "device model's state in the file", 'KB'),
    ('file_mb', 'save file', 'MB'))]


class SaveBench(benchlab.Comparison):
    figures = FIGURES
    known = ['qemu', 'cloister']
    each = 'rounds'

    def all(self):
        self.slot = run.take_slot(self.progress)
        drive = self.drive()
        # A guest that is migrated is there twice.
        machine = self.machine(drive, memory=2 * MEMORY_MIB)
        for name in self.wanted:
            machine.write(name + '.cfg', guest.config(
                [drive], nic='e1000', memory=MEMORY_MIB,
                device_model=self.cloister if name == 'cloister' else None))
        with self.booted(machine):
            machine.run('mkdir -p /etc/cloister')
            for name in self.wanted:
                try:
                    self.one(machine, name)
                except run.RunError as error:
                    self.progress.end(' failed')
                    self.progress.note(f'{name}: {error}')
                    self.data.append({'variant': name, 'dom0_vcpus': 1,
                                      'error': str(error)})
                self.destroy(machine, name)
                self.save()

    def one(self, machine, name):
        """All rounds of one variant."""
        self.progress.begin(f'{name}: boot')
        start, _ = self.create(machine, name)
        _, end = self.expect(machine, start, run.USER_SPACE, 900)
        self.ask(machine, end, 'dmesg -n 1; ip link set eth0 up; ip addr add '
                 '10.77.0.50/24 dev eth0; until ping -c 1 -W 2 -q 10.77.0.1; '
                 f'do :; done; beat 10.77.0.1 {PORT} {BEAT_MS} &',
                 'beat: up', 90)
        for number in range(self.options.rounds):
            result = {'variant': name, 'dom0_vcpus': 1, 'round': number + 1}
            self.data.append(result)
            self.progress.begin(f'{name}: save and restore, {number + 1}')
            self.measure(machine, result, 'save', f'lab-downtime save {FILE}')
            self.measure_file(machine, result)
            self.progress.begin(f'{name}: migrate, {number + 1}')
            self.measure(machine, result, 'migrate', 'lab-downtime migrate')
            self.progress.end()
            self.save()

    def measure(self, machine, result, what, command):
        answer = machine.run(command, timeout=900)
        if answer['status']:
            raise run.RunError(run.SCRIPT, answer['out'].strip())
        times = json.loads(answer['out'])
        for key in ('gap', 'still'):
            times[f'{what}_{key}'] = times.pop(key)
        result.update(times)

    def measure_file(self, machine, result):
        answer = machine.run(f'lab-savefile {FILE}')
        if answer['status']:
            self.progress.note(answer['out'].strip())
        else:
            sizes = json.loads(answer['out'])
            result.update(state_kb=sizes['state_bytes'] / 1e3,
                          file_mb=sizes['file_bytes'] / 1e6,
                          state_magic=sizes['state_magic'])
        # Nothing of one round is written back in the next.
        machine.run(f'rm -f {FILE}; sync')

    def remark(self):
        for one in self.data:
            if 'error' in one:
                print(f'\n{one["variant"]}: {one["error"]}')
        print()
