# SPDX-License-Identifier: GPL-2.0-or-later
# case: the guest unplugs its network card and uses the PV one
# options: --nic rtl8139
. lab-case
. lab-net

same "$(ask 'basename $(readlink /sys/class/net/eth0/device/driver)')" vif driver
same "$(ask 'cat /sys/bus/pci/devices/*/device >/ids && grep -c 0x8139 /ids')" 0 \
	'cards left'
if ip link show "vif$DOMID.0-emu" 2>/dev/null; then
	echo 'case: the tap is still there'
	exit 1
fi
lease
reaches 5
guest-send 'poweroff'
gone
clean
