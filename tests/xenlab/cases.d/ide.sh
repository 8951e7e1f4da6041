# SPDX-License-Identifier: GPL-2.0-or-later
# case: root on the emulated disk, whole-disk checksum, reboot, power-off
# options: --guest-append xen_emul_unplug=never
. lab-case

same "$(ask 'grep -c " / ext4 rw" /proc/mounts')" 1 'root is mounted'
ask 'echo kept >/marker; sync'
ask 'mount -o remount,ro /; sync; echo 3 >/proc/sys/vm/drop_caches'
guest=$(ask 'md5sum </dev/sda' 400)
same "$guest" "$(md5sum </dev/vdb)" 'checksum of the disk'
guest-send 'reboot'
guest-expect 'user space up' 600
same "$(ask 'cat /marker')" kept 'file after reboot'
now=$(xl domid "$NAME")
guest-send 'poweroff'
gone
clean
DOMID=$now clean
