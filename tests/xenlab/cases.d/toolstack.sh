# SPDX-License-Identifier: GPL-2.0-or-later
# case: xl pause, unpause, list -l, trigger power, a NIC's tap in its bridge
# options: --guest-append xen_emul_unplug=never --nic rtl8139
. lab-case

xl list -l "$DOMID" >/out/list-l.json
same "$(python3 -c 'import json
one = json.load(open("/out/list-l.json"))
one = one[0] if isinstance(one, list) else one
print(one["config"]["c_info"]["name"])')" "$NAME" 'name in xl list -l'
same "$(xl list "$NAME" | awk 'END { print $2 }')" "$DOMID" 'xl list'
xl pause "$DOMID"
sleep 2
xl unpause "$DOMID"
same "$(ask 'echo awake')" awake 'guest after unpause'
ip -o link show master xenbr0 | tee /out/bridge.txt
grep -q 'vif[0-9]*\.0-emu' /out/bridge.txt
xl trigger "$DOMID" power
guest-expect 'guest: power button' 60
gone 120
clean
