# SPDX-License-Identifier: GPL-2.0-or-later
# case: rtl8139: DHCP, ping, TCP both ways, link down and up
# options: --guest-append xen_emul_unplug=never --nic rtl8139
# before: setsid /lab/bin/lab-netd </dev/null >/out/netd.log 2>&1 &
. lab-case
. lab-net

same "$(ask 'basename $(readlink /sys/class/net/eth0/device/driver)')" 8139cp driver
same "$(ask 'cat /sys/class/net/eth0/address')" 00:16:3e:c1:01:57 address
lease
reaches 20
carries
ask 'ip link set eth0 down; sleep 1; ip link set eth0 up; sleep 5'
reaches 5
tap=vif$DOMID.0-emu
ip link set "$tap" down
same "$(ask "ping -c 3 -q 10.77.0.1 | grep -c '100% packet loss'")" 1 'tap down'
ip link set "$tap" up
sleep 3
reaches 5
carries
cat /out/netd.log
guest-send 'poweroff'
gone
clean
