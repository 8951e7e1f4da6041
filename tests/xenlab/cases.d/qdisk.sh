# SPDX-License-Identifier: GPL-2.0-or-later
# case: the same with a qdisk back end, which the device model serves or declines
# options: --backend qdisk
. lab-case

write_and_go
