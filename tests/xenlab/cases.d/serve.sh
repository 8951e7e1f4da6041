# SPDX-License-Identifier: GPL-2.0-or-later
# case: a guest's unit: supervisors are killed and the guest adopted, upgraded, stopped
# options: --deb "$("$here/package" "$out/$name")" --guest-append xen_emul_unplug=never
# cfg: device_model_override="/lab/bin/dm-unit"
# before: cat >/etc/cloister/guests/guest.conf <<-EOF
# before: 	[guest]
# before: 	memory = 240
# before: 	disk = file=/dev/vdb
# before: 	serial = pty
# before: 	vnc = 127.0.0.1:0
# before: 	qmp = /run/cloister/guest.qmp
# before: 	EOF
# before: mkdir -p /etc/systemd/system/cloister@guest.service.d
# before: cat >/etc/systemd/system/cloister@guest.service.d/guest.conf <<-EOF
# before: 	[Service]
# before: 	BindPaths=/dev/vdb
# before: 	DeviceAllow=/dev/vdb rw
# before: 	StandardError=append:/out/unit.log
# before: 	EOF
# before: lab-systemd start
. lab-case
. lab-busy

unit=cloister@$NAME.service
group=/sys/fs/cgroup/systemd/cloister.slice/$unit

show()
{
	lab-systemd systemctl show -P "$1" "$unit"
}

# "NAME PID" of all but the supervisor; nothing while nobody answers.
members()
{
	lab-systemd cloisterctl status "$DOMID" --json 2>/dev/null | python3 -c '
import json, sys
text = sys.stdin.read()
for one in json.loads(text)["processes"] if text else []:
    if one["role"] != "supervisor" and one["state"] == "running":
        print(one["name"], one["pid"])'
}

pid_of()
{
	members | sed -n "s/^$1 //p"
}

# until_is SECONDS COMMAND...
until_is()
{
	local end=$((EPOCHSECONDS + $1))
	shift
	until "$@"; do
		[ "$EPOCHSECONDS" -lt "$end" ] || return 1
		sleep 0.2
	done
}

has_new_supervisor()
{
	local now
	now=$(show MainPID)
	[ "$now" != 0 ] && [ "$now" != "$1" ] && [ -n "$(members)" ]
}

# kill_supervisor [NAME]: and the process NAME with it, while nobody could see it.
kill_supervisor()
{
	local was victim
	was=$(show MainPID) victim=${1:+$(pid_of "$1")}
	# shellcheck disable=SC2086
	lab-systemd kill -KILL "$was" $victim
	until_is 30 has_new_supervisor "$was"
	echo "supervisor $was -> $(show MainPID)"
}

has_successor()
{
	local now
	now=$(pid_of "$1")
	[ -n "$now" ] && [ "$now" != "$2" ]
}

# ---- it is served as its unit says ----

grep -e '-m 240 ' /out/dm-unit.txt
lab-systemd systemctl status "$unit" >/out/status.txt || true
cat /out/status.txt
grep -q "Status: \"serving: domid=$DOMID name=$NAME\"" /out/status.txt
same "$(show ActiveState) $(show SubState)" 'active running' state
same "$(show ControlGroup)" "/cloister.slice/$unit" 'control group'
for process in supervisor broker platform disk0 vga vnc; do
	same "$(wc -l <"$group/cloister-$DOMID/$process/cgroup.procs")" 1 \
		"one process in $process"
done
lab-systemd grep -E '^(Seccomp|NoNewPrivs|CapBnd):' "/proc/$(show MainPID)/status"
all=$(members)
same "$(wc -l <<<"$all")" 5 'processes'
same "$(cat "$group/cgroup.subtree_control")" 'io memory pids' 'controllers'

# What the kernel has to say would come in the middle of an answer.
ask 'dmesg -n 1'
is_busy /junk 8 4
goes_round 'the start'

# ---- supervisors die ----

lab-systemd cloisterctl limit "$DOMID" disk0 pids.max=70
for _ in 1 2; do
	kill_supervisor
	same "$(members)" "$all" 'processes that were adopted'
	goes_round 'an adoption'
done
grep -c "adopted: domid=$DOMID processes=5" /out/unit.log
same "$(cat "$group/cloister-$DOMID/disk0/pids.max")" 70 \
	'a limit that was set meanwhile'
kill_supervisor disk0
until_is 30 has_successor disk0 "$(sed -n 's/^disk0 //p' <<<"$all")"
same "$(members | grep -v disk0)" "$(grep -v disk0 <<<"$all")" 'the others'
goes_round 'an adoption without disk0'
for process in broker disk0 vga platform vnc; do
	GUEST=$DOMID lab-kill KILL "$process"
done
goes_round 'deaths of the adopted'

# ---- an upgrade, as cloister(8) has it ----

all=$(members) was=$(show MainPID)
same "$(wc -l <<<"$all")" 5 'processes before the upgrade'
lab-systemd dpkg -i /lab/cloister.deb >/out/upgrade.log 2>&1
same "$(show MainPID) $(members)" "$was $all" 'processes after dpkg -i'
lab-systemd systemctl kill --kill-whom=main --signal=KILL "$unit"
until_is 30 has_new_supervisor "$was"
for process in broker platform disk0 vga vnc; do
	lab-systemd cloisterctl restart "$NAME" "$process"
done
goes_round 'an upgrade'
now=$(members)
same "$(wc -l <<<"$now")" 5 'processes after the upgrade'
same "$(sort <<<"$now" | join - <(sort <<<"$all") | awk '$2 == $3')" '' \
	'processes of before'
pids=$(lab-processes)
[ "$pids" ]
same "$(for pid in $pids; do readlink "/proc/$pid/exe"; done |
	grep deleted || true)" '' 'programs of before'

stops

# ---- stopped ----

lab-systemd systemctl stop "$unit"
same "$(show ActiveState) $(show Result)" 'inactive success' 'after a stop'
same "$(show NFileDescriptorStore)" 0 'descriptors in the store'
no_processes
until_is 10 test ! -e "$group"
xl destroy "$DOMID"
gone 20
clean
