# SPDX-License-Identifier: GPL-2.0-or-later
# case: iPXE in the e1000's ROM boots the guest's kernel over HTTP
# options: --guest-append xen_emul_unplug=never --nic e1000
# cfg: boot="n"
# before: mkdir -p /run/tftp /mnt; modprobe vfat; mount -o ro /dev/vdb1 /mnt
# before: cp /mnt/vmlinuz /mnt/initrd.gz /run/tftp; umount /mnt
# before: printf '#!ipxe\nkernel vmlinuz console=ttyS0,115200 netbooted xen_emul_unplug=never initrd=initrd.gz\ninitrd initrd.gz\nboot\n' >/run/tftp/boot.ipxe
# before: echo http://10.77.0.1/boot.ipxe >/run/tftp/bootfile
. lab-case
. lab-net

cat /out/netd.log
same "$(ask 'grep -c netbooted /proc/cmdline')" 1 'booted over the network'
if grep tftp: /out/netd.log; then
	echo 'case: TFTP was used'
	exit 1
fi
same "$(ask 'basename $(readlink /sys/class/net/eth0/device/driver)')" e1000 \
	driver
lease
reaches 5
guest-send 'poweroff'
gone
clean
