# SPDX-License-Identifier: GPL-2.0-or-later
# case: dm_restrict=1
# options: --guest-append xen_emul_unplug=never
# cfg: dm_restrict=1
. lab-case

lab-family
xl destroy "$DOMID"
gone 20
clean
