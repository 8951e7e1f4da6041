# SPDX-License-Identifier: GPL-2.0-or-later
# case: rtl8139 in its older mode, under 8139too: DHCP, ping, TCP both ways, link
# options: --guest-append xen_emul_unplug=never --nic rtl8139 --timeout 1800
# before: mkdir -p /mnt; mount /dev/vdb2 /mnt; lab-8139too /mnt/8139too.ko; umount /mnt
. lab-case
. lab-net

ask 'rmmod 8139cp; rmmod 8139too; insmod /8139too.ko; sleep 2'
works_with 8139too
guest-send 'poweroff'
gone
clean
