# SPDX-License-Identifier: GPL-2.0-or-later
"""Builds what the lab boots: Xen, dom0's kernel, ramdisk and root disk, and
the default guest's disk.

Used by `xenlab setup` and, when the cache has no matching image, by the
other commands.  Everything lands in one folder of the cache whose name is a
hash of all inputs; a folder that exists is complete.  Needs no root: package
archives are unpacked, never configured, and disks are made by mkfs -d and
mtools.  It does not install anything on the host.
"""

import contextlib
import fcntl
import glob
import gzip
import hashlib
import os
import re
import shutil
import subprocess
import tempfile

import apt

HERE = os.path.dirname(os.path.abspath(__file__))

# What shapes the image.  The scripts that run in dom0 are not here: they are
# shared into it afresh by every run.
INPUTS = ['image.py', 'apt.py', 'dom0/packages', 'dom0/init',
          'guest/initramfs-init', 'guest/root-init', 'guest/syslinux.cfg',
          'guest/portbench.c', 'guest/diskbench.c',
          'guest/stallbench.c', 'guest/beat.c', 'vnctool.c']

# Left out of dom0: drivers no lab machine has, and documents.
EXCLUDE = ['/usr/share/doc/*', '/usr/share/man/*', '/usr/share/locale/*',
           '/usr/share/info/*', '/usr/share/i18n/*', '/usr/share/perl*',
           '/usr/share/lintian/*', '/usr/lib/udev/hwdb.d/*',
           '/lib/udev/hwdb.d/*', '/lib/modules/*/kernel/sound/*',
           '/boot/System.map*',
           '/usr/lib/debug/*'] + [
    f'/lib/modules/*/kernel/drivers/{name}/*' for name in (
        'media', 'infiniband', 'iio', 'staging', 'hwmon', 'comedi', 'mtd',
        'platform', 'usb', 'net/wireless', 'hid', 'gpu/drm/amd',
        'gpu/drm/i915', 'gpu/drm/nouveau', 'gpu/drm/radeon',
        'gpu/drm/gma500', 'mfd', 'leds', 'regulator', 'rtc', 'isdn',
        'bluetooth', 'edac', 'nvme', 'target', 'thunderbolt', 'w1',
        'watchdog', 'power', 'mmc', 'memstick', 'firewire', 'net/can',
        'net/usb', 'net/ethernet/mellanox', 'net/ethernet/broadcom',
        'net/ethernet/chelsio', 'net/ethernet/qlogic',
        'net/ethernet/intel/i40e', 'net/ethernet/intel/ice',
        'net/ethernet/cavium', 'net/ethernet/sfc', 'net/ethernet/netronome',
        'scsi/qla2xxx', 'scsi/lpfc', 'scsi/bfa')]

# Makes an unpacked package one that dpkg in dom0 knows as installed: what
# depends on it can be installed there, and may not bring a file of its.
REGISTER = '''
cd "$1/var/lib/dpkg"
for deb in ../../cache/apt/archives/*.deb; do
	name=$(dpkg-deb --field "$deb" Package)
	[ "$(dpkg-deb --field "$deb" Multi-Arch)" != same ] ||
		name=$name:$(dpkg-deb --field "$deb" Architecture)
	dpkg-deb --fsys-tarfile "$deb" | tar -tf - |
		sed -e 's|^[.]/*||' -e 's|/$||' -e 's|^|/|' -e 's|^/$|/.|' \
		>"info/$name.list"
	dpkg-deb --field "$deb" >>status
	printf 'Status: install ok installed\n\n' >>status
done
'''

DOM0_MODULES = ['virtio_pci', 'virtio_blk', 'crc32c_generic', 'ext4']
GUEST_MODULES = ['crc32c_generic', 'xen-blkfront', 'ata_piix', 'ata_generic',
                 'sd_mod', 'sr_mod', 'ext4', 'psmouse', 'evdev',
                 'xen-kbdfront', 'xen-netfront', '8139cp', '8139too',
                 'e1000', 'af_packet', 'button']

DOM0_DISK_MIB = 16384          # sparse; room for disks copied into dom0
GUEST_MIB = 160
GUEST_FAT_MIB = 40


class ImageError(Exception):
    """The image could not be built; the message says why."""


def host_packages():
    """Names in the packages file."""
    return _names(os.path.join(HERE, 'packages'))


def missing_packages():
    """Those of them that are not installed."""
    missing = []
    for name in host_packages():
        try:
            status = subprocess.run(
                ['dpkg-query', '-W', '-f', '${db:Status-Status}', name],
                capture_output=True, text=True).stdout
        except OSError:
            return []
        if status != 'installed':
            missing.append(name)
    return missing


def _names(path):
    with open(path, encoding='utf-8') as file:
        lines = [line.split('#')[0].strip() for line in file]
    return [line for line in lines if line]


def cache_root():
    base = os.environ.get('CLOISTER_XENLAB_CACHE')
    if base:
        return base
    return os.path.join(os.environ.get('XDG_CACHE_HOME') or
                        os.path.expanduser('~/.cache'), 'cloister-xenlab')


def key():
    """Hash of everything that shapes the image."""
    digest = hashlib.sha256(apt.SUITE.encode())
    for name in INPUTS:
        with open(os.path.join(HERE, name), 'rb') as file:
            data = file.read()
        digest.update(f'{name} {len(data)}\n'.encode() + data)
    return digest.hexdigest()[:16]


class Image:
    """Paths of a finished image."""

    def __init__(self, folder):
        self.folder = folder
        self.xen = os.path.join(folder, 'xen')
        self.kernel = os.path.join(folder, 'vmlinuz')
        self.initrd = os.path.join(folder, 'dom0-initrd.gz')
        self.root = os.path.join(folder, 'dom0.img')
        self.guest = os.path.join(folder, 'guest.img')
        self.vnctool = os.path.join(folder, 'vnctool')


def ready():
    """The image for today's inputs, or None."""
    folder = os.path.join(cache_root(), key())
    return Image(folder) if os.path.isdir(folder) else None


def setup(progress):
    """The image for today's inputs; built if it is not in the cache."""
    image = ready()
    if image:
        return image
    root = cache_root()
    os.makedirs(root, exist_ok=True)
    with open(os.path.join(root, 'lock'), 'w', encoding='utf-8') as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress.note('waiting for another xenlab that builds the image')
            fcntl.flock(lock, fcntl.LOCK_EX)
        image = ready()
        if image:
            return image
        missing = missing_packages()
        if missing:
            raise ImageError('these Debian packages are missing: '
                             + ' '.join(missing))
        for stale in glob.glob(os.path.join(root, 'new.*')):
            shutil.rmtree(stale, ignore_errors=True)
        work = tempfile.mkdtemp(prefix='new.', dir=root)
        try:
            os.chmod(work, 0o755)
            _build(work, progress)
            final = os.path.join(root, key())
            os.rename(work, final)
        finally:
            shutil.rmtree(work, ignore_errors=True)
        return Image(final)


def prune():
    """Removes images of other keys."""
    keep = key()
    for path in glob.glob(os.path.join(cache_root(), '*')):
        if os.path.isdir(path) and os.path.basename(path) != keep:
            shutil.rmtree(path, ignore_errors=True)


def _run(argv, log, **kwargs):
    """Runs one command; its output goes to the build log."""
    log.write(f'+ {" ".join(argv)}\n')
    log.flush()
    env = dict(os.environ, LC_ALL='C.UTF-8', MTOOLS_SKIP_CHECK='1')
    env['PATH'] = env.get('PATH', '') + ':/usr/sbin:/sbin'
    try:
        code = subprocess.run(argv, stdout=log, stderr=subprocess.STDOUT,
                              stdin=subprocess.DEVNULL, env=env,
                              **kwargs).returncode
    except OSError as error:
        raise ImageError(f'{argv[0]}: {error.strerror}') from error
    if code:
        log.flush()
        with open(log.name, encoding='utf-8', errors='replace') as file:
            tail = ''.join([line for line in file
                            if not line.startswith('+ ')][-15:])
        raise ImageError(f'{os.path.basename(argv[0])} failed '
                         f'(exit {code}):\n{tail}')


@contextlib.contextmanager
def _log(work):
    path = os.path.join(work, 'setup.log')
    with open(path, 'w+', encoding='utf-8') as log:
        yield log


def _build(work, progress):
    with _log(work) as log:
        with progress.stage('downloading dom0\'s packages'):
            tar = _unpack_packages(work, log)
        with progress.stage('building dom0\'s disk'):
            tree = os.path.join(work, 'tree')
            os.mkdir(tree)
            _dom0(work, tar, tree, log)
        with progress.stage('building the default guest'):
            _guest(work, tree, log)
            _run(['gcc', '-O2', '-Wall', '-o',
                  os.path.join(work, 'vnctool'),
                  os.path.join(HERE, 'vnctool.c'), '-lvncclient'], log)
        shutil.rmtree(tree)
        os.unlink(tar)


def _unpack_packages(work, log):
    """mmdebstrap's tar of all dom0 packages: unpacked and not configured, but
    dpkg is told otherwise."""
    try:
        text = apt.sources()
    except apt.AptError as error:
        raise ImageError(str(error)) from error
    sources = os.path.join(work, 'dom0.sources')
    with open(sources, 'w', encoding='utf-8') as file:
        file.write(text)
    tar = os.path.join(work, 'packages.tar')
    argv = ['mmdebstrap', '--variant=extract', '--architectures=amd64',
            '--aptopt=Apt::Install-Recommends "false"',
            '--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr',
            f'--extract-hook={REGISTER}']
    argv += [f'--aptopt={line}' for line in apt.options()]
    argv += [f'--dpkgopt=path-exclude={path}' for path in EXCLUDE]
    argv += ['--include=' + ','.join(
        _names(os.path.join(HERE, 'dom0/packages')))]
    argv += [apt.SUITE, tar, sources]
    _run(argv, log)
    return tar


def _dom0(work, tar, tree, log):
    """Xen, kernel, ramdisk and root disk out of the tar."""
    own = os.path.join(HERE, 'dom0/init')
    disk = os.path.join(work, 'dom0.img')
    script = f'''
set -e
tar -x -f {tar} -C {tree} --exclude='./dev/*' --no-same-permissions -p
cd {tree}
mkdir -p lab out stage etc/xen var/log/xen var/lib/xen var/run/xen run/lock \
	var/lib/xenstored root home/lab
install -m 755 {own} usr/sbin/xenlab-init
cp usr/share/base-passwd/passwd.master etc/passwd
cp usr/share/base-passwd/group.master etc/group
sed -i 's/^root:\\*:/root::/' etc/passwd
cat >>etc/passwd <<EOF
lab:x:1000:1000::/home/lab:/bin/bash
xen-qemuuser-shared:x:1100:1100::/:/usr/sbin/nologin
xen-qemuuser-reaper:x:1101:1101::/:/usr/sbin/nologin
xen-qemuuser-range-base:x:200000:1100::/:/usr/sbin/nologin
EOF
printf 'lab:x:1000:\\nxen-qemuuser:x:1100:\\nxen-reaper:x:1101:\\n' >>etc/group
printf 'passwd: files\\ngroup: files\\nhosts: files\\n' >etc/nsswitch.conf
printf '127.0.0.1 localhost dom0\\n' >etc/hosts
echo dom0 >etc/hostname
rm etc/dpkg/dpkg.cfg.d/99mmdebstrap	# EXCLUDE is not for what comes later
[ -e etc/mtab ] || ln -s /proc/self/mounts etc/mtab
[ -e usr/bin/awk ] || ln -s mawk usr/bin/awk
[ -e usr/bin/python3 ] || ln -s python3.11 usr/bin/python3
rm -rf var/run && ln -s /run var/run
[ -e var/lock ] || ln -s /run/lock var/lock
ldconfig -r .
depmod -b . $(ls usr/lib/modules)
mkdir -p var/lib/lab
mkfs.ext4 -q -O '^has_journal' -E root_owner=0:0,lazy_itable_init=0 -N 40000 	-d . {disk} {DOM0_DISK_MIB}M
chmod -R u+rwX .
'''
    argv = ['sh', '-c', script]
    if os.geteuid() != 0:
        argv = ['fakeroot'] + argv
    _run(argv, log)

    kernel = glob.glob(os.path.join(tree, 'boot/vmlinuz-*'))
    xen = [path for path in glob.glob(os.path.join(tree, 'boot/xen-*.gz'))]
    if len(kernel) != 1 or len(xen) != 1:
        raise ImageError(f'expected one kernel and one Xen in dom0\'s /boot, '
                         f'found {kernel} {xen}')
    shutil.copy(kernel[0], os.path.join(work, 'vmlinuz'))
    with gzip.open(xen[0]) as source, \
            open(os.path.join(work, 'xen'), 'wb') as target:
        shutil.copyfileobj(source, target)

    ramdisk = os.path.join(work, 'initrd-tree')
    order = _ramdisk_tree(tree, ramdisk, DOM0_MODULES)
    with open(os.path.join(ramdisk, 'init'), 'w', encoding='utf-8') as file:
        file.write('#!/bin/busybox sh\n'
                   'b=/bin/busybox\n'
                   '$b mount -t devtmpfs devtmpfs /dev\n'
                   + ''.join(f'$b insmod {path}\n' for path in order) +
                   'n=0\n'
                   'while [ ! -b /dev/vda ] && [ $n -lt 100 ]; do\n'
                   '\t$b usleep 50000; n=$((n + 1))\n'
                   'done\n'
                   '$b mount -t ext4 /dev/vda /newroot\n'
                   '$b mount -o move /dev /newroot/dev\n'
                   'exec $b switch_root /newroot /usr/sbin/xenlab-init '
                   '</newroot/dev/hvc0 >/newroot/dev/hvc0 2>&1\n')
    os.chmod(os.path.join(ramdisk, 'init'), 0o755)
    _cpio(ramdisk, os.path.join(work, 'dom0-initrd.gz'))
    shutil.rmtree(ramdisk)


def _modules(tree):
    """(folder, {name: path}, {path: [needed paths]}) of the one kernel."""
    base = glob.glob(os.path.join(tree, 'usr/lib/modules/*'))[0]
    names, needs = {}, {}
    with open(os.path.join(base, 'modules.dep'), encoding='utf-8') as file:
        for line in file:
            path, rest = line.split(':', 1)
            needs[path] = rest.split()
            name = re.sub(r'\.ko.*', '', os.path.basename(path))
            names[name.replace('-', '_')] = path
    return base, names, needs


def _ramdisk_tree(tree, target, wanted):
    """busybox and the wanted modules; returns their paths in load order."""
    for name in ('bin', 'dev', 'proc', 'sys', 'newroot', 'modules', 'tmp'):
        os.makedirs(os.path.join(target, name), exist_ok=True)
    shutil.copy(os.path.join(tree, 'usr/bin/busybox'),
                os.path.join(target, 'bin/busybox'))
    base, names, needs = _modules(tree)
    order = []

    def add(path):
        for need in reversed(needs[path]):
            if need not in order:
                add(need)
        if path not in order:
            order.append(path)

    for name in wanted:
        path = names.get(name.replace('-', '_'))
        if path:                        # else built in
            add(path)
    out = []
    for path in order:
        name = os.path.basename(path)
        shutil.copy(os.path.join(base, path),
                    os.path.join(target, 'modules', name))
        out.append('/modules/' + name)
    return out


def _script(path, text):
    with open(path, 'w', encoding='utf-8') as file:
        file.write('#!/bin/sh\n' + text)
    os.chmod(path, 0o755)


def _cpio(tree, target):
    """A compressed initial ramdisk of tree, everything owned by root."""
    names = []
    for folder, folders, files in os.walk(tree):
        folders.sort()
        for name in sorted(folders + files):
            names.append(os.path.relpath(os.path.join(folder, name), tree))
    data = subprocess.run(['cpio', '--quiet', '-o', '-H', 'newc',
                           '-R', '+0:+0'], cwd=tree, check=True,
                          input='\n'.join(names).encode() + b'\n',
                          stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL).stdout
    with gzip.GzipFile(target, 'wb', compresslevel=6, mtime=0) as file:
        file.write(data)


def _guest(work, tree, log):
    """The default guest: syslinux, Debian's kernel, busybox on ext4."""
    ramdisk = os.path.join(work, 'guest-initrd')
    order = _ramdisk_tree(tree, ramdisk, GUEST_MODULES)
    with open(os.path.join(ramdisk, 'modules.list'), 'w',
              encoding='utf-8') as file:
        file.write('\n'.join(order) + '\n')
    shutil.copy(os.path.join(HERE, 'guest/initramfs-init'),
                os.path.join(ramdisk, 'init'))
    os.chmod(os.path.join(ramdisk, 'init'), 0o755)

    root = os.path.join(work, 'guest-root')
    for name in ('bin', 'sbin', 'dev', 'proc', 'sys', 'tmp', 'run', 'etc',
                 'root', 'mnt', 'usr/bin', 'usr/sbin'):
        os.makedirs(os.path.join(root, name))
    busybox = os.path.join(root, 'bin/busybox')
    shutil.copy(os.path.join(tree, 'usr/bin/busybox'), busybox)
    for name in subprocess.run([busybox, '--list'], check=True,
                               capture_output=True,
                               text=True).stdout.split():
        if name != 'busybox':
            os.symlink('/bin/busybox', os.path.join(root, 'bin', name))
    for name in ('init', 'poweroff', 'reboot', 'halt'):
        os.unlink(os.path.join(root, 'bin', name))
    for name in ('poweroff', 'reboot'):
        _script(os.path.join(root, 'sbin', name),
                f'sync\nbusybox mount -o remount,ro / 2>/dev/null\n'
                f'exec busybox {name} -f\n')
    os.makedirs(os.path.join(root, 'etc/acpi/PWRF'))
    _script(os.path.join(root, 'etc/acpi/PWRF/00000080'),
            'echo "guest: power button" >/dev/console\n/sbin/poweroff\n')
    shutil.copy(os.path.join(HERE, 'guest/root-init'),
                os.path.join(root, 'sbin/init'))
    os.chmod(os.path.join(root, 'sbin/init'), 0o755)
    for name in ('portbench', 'diskbench', 'stallbench', 'beat'):
        _run(['gcc', '-O2', '-Wall', '-static', '-o',
              os.path.join(root, 'bin', name),
              os.path.join(HERE, 'guest', name + '.c')], log)
    with open(os.path.join(root, 'etc/passwd'), 'w') as file:
        file.write('root::0:0::/root:/bin/sh\n')
    with open(os.path.join(root, 'etc/group'), 'w') as file:
        file.write('root:x:0:\n')

    initrd = os.path.join(work, 'guest-initrd.gz')
    _cpio(ramdisk, initrd)
    fat = os.path.join(work, 'fat.img')
    ext = os.path.join(work, 'ext.img')
    _truncate(fat, GUEST_FAT_MIB << 20)
    _run(['mkfs.vfat', '-F', '16', '-n', 'BOOT', fat], log)
    for source, name in ((os.path.join(work, 'vmlinuz'), 'vmlinuz'),
                         (initrd, 'initrd.gz'),
                         (os.path.join(HERE, 'guest/syslinux.cfg'),
                          'syslinux.cfg')):
        _run(['mcopy', '-i', fat, source, '::' + name], log)
    _run(['syslinux', '--install', fat], log)
    rest = GUEST_MIB - GUEST_FAT_MIB - 1
    _run(['mkfs.ext4', '-q', '-E', 'root_owner=0:0', '-O', '^64bit', '-L',
          'xenlab-root', '-d', root, ext, f'{rest}M'], log)

    disk = os.path.join(work, 'guest.img')
    _truncate(disk, GUEST_MIB << 20)
    table = (f'label: dos\nlabel-id: 0x434c4f49\n'
             f'start=1MiB, size={GUEST_FAT_MIB}MiB, type=e, bootable\n'
             f'start={1 + GUEST_FAT_MIB}MiB, type=83\n')
    subprocess.run(['/sbin/sfdisk', '-q', disk], input=table, text=True,
                   check=True, stdout=log, stderr=log)
    mbr = _first(['/usr/lib/SYSLINUX/mbr.bin',
                  '/usr/lib/syslinux/mbr/mbr.bin',
                  '/usr/lib/syslinux/mbr.bin'])
    with open(disk, 'r+b') as target:
        with open(mbr, 'rb') as source:
            target.write(source.read(440))
    _copy_at(fat, disk, 1 << 20)
    _copy_at(ext, disk, (1 + GUEST_FAT_MIB) << 20)
    for path in (fat, ext, initrd):
        os.unlink(path)
    shutil.rmtree(ramdisk)
    shutil.rmtree(root)


def _first(paths):
    for path in paths:
        if os.path.exists(path):
            return path
    raise ImageError(f'none of these exists: {" ".join(paths)}')


def _truncate(path, size):
    with open(path, 'wb') as file:
        file.truncate(size)


def _copy_at(source, target, offset):
    """Copies a small image into a disk and keeps holes."""
    with open(source, 'rb') as reader, open(target, 'r+b') as writer:
        while True:
            block = reader.read(1 << 20)
            if not block:
                break
            if block.count(0) != len(block):
                writer.seek(offset)
                writer.write(block)
            offset += len(block)


def guest_copy(image, target, append):
    """A private copy of the default guest whose kernel command line has
    append added; no root, no mount."""
    subprocess.run(['cp', '--reflink=auto', '--sparse=always', image.guest,
                    target], check=True)
    if not append:
        return
    with open(os.path.join(HERE, 'guest/syslinux.cfg'),
              encoding='utf-8') as file:
        text = re.sub(r'(?m)^(\s*append .*)$',
                      lambda match: match.group(1) + ' ' + append,
                      file.read(), flags=re.I)
    with tempfile.NamedTemporaryFile('w', suffix='.cfg') as file:
        file.write(text)
        file.flush()
        subprocess.run(['mcopy', '-o', '-i', f'{target}@@1M', file.name,
                        '::syslinux.cfg'], check=True,
                       env=dict(os.environ, MTOOLS_SKIP_CHECK='1'))
