# SPDX-License-Identifier: GPL-2.0-or-later
# case: iPXE in the card's ROM boots the guest's kernel over TFTP
# options: --guest-append xen_emul_unplug=never --nic rtl8139
# cfg: boot="n"
# before: mkdir -p /run/tftp /mnt; modprobe vfat; mount -o ro /dev/vdb1 /mnt
# before: cp /mnt/vmlinuz /mnt/initrd.gz /run/tftp; umount /mnt
# before: printf '#!ipxe\nkernel vmlinuz console=ttyS0,115200 netbooted xen_emul_unplug=never initrd=initrd.gz\ninitrd initrd.gz\nboot\n' >/run/tftp/boot.ipxe
. lab-case
. lab-net

cat /out/netd.log
same "$(ask 'grep -c netbooted /proc/cmdline')" 1 'booted over the network'
grep 'file=vmlinuz .*done=True' /out/netd.log
lease
reaches 5
guest-send 'poweroff'
gone
clean
