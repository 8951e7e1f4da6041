# SPDX-License-Identifier: GPL-2.0-or-later
# case: Xen handles of live processes reach no other domain; forced calls kill
# options: --guest-append xen_emul_unplug=never --nic e1000
. lab-case

bad=
: >/out/handles.txt
tty=$(cat /run/xenlab/tty)	# of the guest that stays: others come and go

# process DOMID NAME: its pid.  The pattern does not match itself.
process()
{
	grep -lsxz "cloister[:] dom$1 $2" /proc/[0-9]*/cmdline |
		sed 's|/proc/||; s|/.*||' | grep .
}

# What `handles` says goes to a file, what is wrong with it here.
tell()
{
	echo "# handles $*" | tee -a /out/handles.txt
	handles "$@" >/tmp/tap || bad="$bad $1-$2"
	cat /tmp/tap >>/out/handles.txt
	grep -cE '^ok' /tmp/tap || true
	grep -E '^(not ok|# wanted|Bail out)' /tmp/tap || true
}

# A second guest that never runs; its processes may die.
create_other()
{
	sed -e 's/^name=.*/name="other"/' -e 's/^memory=.*/memory=64/' \
		-e 's/^disk=.*/disk=[]/' /lab/xl.cfg >/tmp/other.cfg
	xl create -p /tmp/other.cfg
	other=$(xl domid other)
	echo "the other guest is domain $other"
}

# Who died has successors; then nothing of the other guest is left.
end_other()
{
	for _ in $(seq 60); do
		[ "$(grep -c 'child replaced' /var/log/xen/qemu-dm-other.log)" -ge "$1" ] && break
		sleep 0.5
	done
	same "$(grep -c 'child replaced' /var/log/xen/qemu-dm-other.log)" "$1" \
		'processes replaced'
	xl destroy other
	for _ in $(seq 60); do
		process "$other" '.*' >/dev/null || break
		sleep 0.5
	done
	if process "$other" '.*'; then
		return 1
	fi
	NAME=other gone 1
	no_nodes "$other"
}

# force ROLE:NAME:CALL...: each process of the other guest dies of its call.  The
# supervisor would replace it at once: it sleeps meanwhile.
force()
{
	local supervisor victim role name call
	supervisor=$(process "$other" other)
	kill -STOP "$supervisor"
	for victim in "$@"; do
		IFS=: read -r role name call <<<"$victim"
		tell force "$role" "$(process "$other" "$name")" "$other" \
			"$DOMID" "$call"
	done
	kill -CONT "$supervisor"
	end_other $#
	grep 'killed by its filter' /var/log/xen/qemu-dm-other.log
}

create_other
for one in broker:broker disk:disk0 net:net0 vga:vga \
		platform:platform vnc:vnc; do
	tell look "${one%:*}" "$(process "$DOMID" "${one#*:}")" "$DOMID" "$other"
done
force disk:disk0:dm-op net:net0:dm-op vga:vga:dm-op \
	platform:platform:hypercall vnc:vnc:hypercall broker:broker:hypercall
create_other
force disk:disk0:resource net:net0:resource vga:vga:map broker:broker:resource
create_other
force disk:disk0:hypercall net:net0:hypercall vga:vga:hypercall broker:broker:dm-hypercall
create_other
force disk:disk0:domctl net:net0:domctl vga:vga:domctl broker:broker:bind
echo "$tty" >/run/xenlab/tty
same "$(ask 'echo well')" well 'the guest that was looked at'
same "$bad" '' 'handles'
