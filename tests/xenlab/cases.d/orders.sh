# SPDX-License-Identifier: GPL-2.0-or-later
# case: xl reboot and xl shutdown, carried out by the guest
# options: --guest-append xen_emul_unplug=never
. lab-case

xl reboot "$NAME"
guest-expect 'user space up' 600
same "$(ask 'echo again')" again 'guest after reboot'
[ "$(lab-processes | wc -l)" -gt 0 ]
now=$(xl domid "$NAME")
[ "$now" != "$DOMID" ]
xl shutdown "$NAME"
gone 120
clean
DOMID=$now clean
