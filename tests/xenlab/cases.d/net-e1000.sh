# SPDX-License-Identifier: GPL-2.0-or-later
# case: e1000: DHCP, ping, TCP both ways, link down and up
# options: --guest-append xen_emul_unplug=never --nic e1000
. lab-case
. lab-net

works_with e1000
guest-send 'poweroff'
gone
clean
