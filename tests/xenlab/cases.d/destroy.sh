# SPDX-License-Identifier: GPL-2.0-or-later
# case: xl destroy in the middle of disk reads and writes
# options: --guest-append xen_emul_unplug=never
. lab-case

guest-send 'while :; do dd if=/dev/zero of=/junk bs=64k count=64; sync; done >/dev/null 2>&1 &'
guest-send 'while :; do dd if=/dev/sda of=/dev/null bs=4k count=4096; done >/dev/null 2>&1 &'
sleep 5
xl destroy "$DOMID"
gone 20
clean
same "$(xl list | awk 'NR > 1 { print $2 }')" 0 'domains'
