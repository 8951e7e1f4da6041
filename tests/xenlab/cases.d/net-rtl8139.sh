# SPDX-License-Identifier: GPL-2.0-or-later
# case: rtl8139: DHCP, ping, TCP both ways, link down and up
# options: --guest-append xen_emul_unplug=never --nic rtl8139
. lab-case
. lab-net

works_with 8139cp
guest-send 'poweroff'
gone
clean
