# SPDX-License-Identifier: GPL-2.0-or-later
# case: the kernel unplugs the emulated disk; root comes from blkback in dom0
# options: --backend phy
. lab-case

ask 'cat /proc/cmdline'
root=$(ask 'findfs LABEL=xenlab-root')
echo "root is $root"
ask 'echo kept >/marker; sync'
guest-send 'poweroff'
gone
clean
