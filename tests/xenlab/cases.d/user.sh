# SPDX-License-Identifier: GPL-2.0-or-later
# case: device_model_user; xl destroy kills a uid and says nothing
# options: --guest-append xen_emul_unplug=never
# cfg: device_model_user="lab"
. lab-case

lab-family
xl destroy "$DOMID"
gone 20
clean
