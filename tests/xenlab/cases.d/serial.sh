# SPDX-License-Identifier: GPL-2.0-or-later
# case: the serial console goes to a file
# options: --guest-append xen_emul_unplug=never
# cfg: serial="file:/out/serial-file.txt"
. lab-case

grep -q 'guest: user space up' /out/serial-file.txt
