# SPDX-License-Identifier: GPL-2.0-or-later
# case: the kernel unplugs the emulated disk; root comes from blkback in dom0
# options: --backend phy
. lab-case

write_and_go
