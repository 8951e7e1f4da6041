# SPDX-License-Identifier: GPL-2.0-or-later
"""The guest's xl.cfg.

Used by run.py and bench.py.  Turns the lab's options into configuration
lines; a line of the user's own replaces the lab's line of the same key.  It
does not check what xl will check.
"""

import re

NAME = 'guest'
CLOISTER = '/usr/libexec/cloister/cloister'
MAC = '00:16:3e:c1:01:57'
DRIVES = ['hda', 'hdb', 'hdc', 'hdd', 'sda', 'sdb', 'sdc', 'sdd']


def disk_line(disk, vdev, backend, cdrom=False):
    """One entry of disk=[]; disk.device is its path in dom0."""
    words = [f'format={disk.format}', f'vdev={vdev}',
             'access=' + ('ro' if disk.readonly else 'rw')]
    if cdrom:
        words.append('devtype=cdrom')
    elif backend == 'qdisk' or disk.format != 'raw':
        words.append('backendtype=qdisk')
    else:
        words.append('backendtype=phy')
    words.append('target=' + disk.device)
    return ','.join(words)


def config(disks, cdrom=None, backend='phy', nic='none', memory=256, vcpus=1,
           dom0_vcpus=1, device_model=None, extra='', name=NAME):
    """Text of xl.cfg.  device_model None means stock QEMU.  Guests have the
    emulated CPU behind those of dom0 (outer.py) to themselves."""
    drives = list(DRIVES)
    lines = []
    if cdrom:
        drives.remove('hdc')
    for disk in disks:
        lines.append(disk_line(disk, drives.pop(0), backend))
    if cdrom:
        lines.append(disk_line(cdrom, 'hdc', backend, cdrom=True))
    vif = [] if nic == 'none' else [
        f'mac={MAC},model={nic},bridge=xenbr0']
    boot = 'c' if disks and not cdrom else 'dc' if not disks else 'cd'
    keys = {
        'name': f'"{name}"',
        'type': '"hvm"',
        'memory': str(memory),
        'vcpus': str(vcpus),
        'cpus': f'"{dom0_vcpus}"',
        'disk': _list(lines),
        'vif': _list(vif),
        'boot': f'"{boot}"',
        'serial': '"pty"',
        'vga': '"stdvga"',
        'videoram': '16',
        'vnc': '1',
        'vnclisten': '"0.0.0.0"',
    }
    if device_model:
        keys['device_model_override'] = f'"{device_model}"'
    theirs = set(re.findall(r'(?m)^\s*([a-z_0-9]+)\s*=', extra))
    text = ''.join(f'{key}={value}\n' for key, value in keys.items()
                   if key not in theirs)
    return text + extra + ('' if extra.endswith('\n') else '\n')


def nics(models):
    """The line that gives a guest one card of each model."""
    return 'vif=' + _list([
        f'mac={MAC[:-2]}{0x60 + i:02x},model={model},bridge=xenbr0'
        for i, model in enumerate(models)]) + '\n'


def _list(items):
    return '[' + ', '.join(f"'{item}'" for item in items) + ']'
