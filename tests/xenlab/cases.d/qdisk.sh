# SPDX-License-Identifier: GPL-2.0-or-later
# case: the same with a qdisk back end, which the device model serves or declines
# options: --backend qdisk
. lab-case

ask 'cat /proc/cmdline'
root=$(ask 'findfs LABEL=xenlab-root')
echo "root is $root"
ask 'echo kept >/marker; sync'
guest-send 'poweroff'
gone
clean
