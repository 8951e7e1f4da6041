#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# tests/integ/systemd.sh - cloister@.service under a systemd of its own
#
# Starts systemd as process 1 of new pid, mount, cgroup, ipc, uts and network
# namespaces, on a root of the host's /usr, read-only, and nothing else of the
# host's, and in it a guest on the in-memory hypervisor: the real supervisor,
# broker and workers, and the unit as it is installed but for the path of the
# program.  Needs root, systemd, and cgroup version 2.
#
# usage: systemd.sh CLOISTER-FAKE BUILD-DIR SOURCE FAKE-MACHINE CLOISTERCTL
set -u

cloister=$(realpath "$1")
build=$(realpath "$2")
source=$(realpath "$3")
machine=$(realpath "$4")
ctl=$(realpath "$5")
n=0 failed=0

skip_all()
{
	echo "1..0 # SKIP $1"
	exit 0
}

# ---- outside: namespaces ----

if [ -z "${CLOISTER_TEST_INSIDE-}" ]; then
	[ "$(id -u)" = 0 ] || skip_all 'needs root'
	[ -x /lib/systemd/systemd ] || skip_all 'systemd is not installed'
	ldd "$cloister" | grep -q libasan &&
		skip_all 'a sanitizer wants what the unit takes away'
	for at in /sys/fs/cgroup /sys/fs/cgroup/unified none; do
		[ "$(stat -fc %T $at 2>/dev/null)" = cgroup2fs ] && break
	done
	[ "$at" != none ] || skip_all 'no cgroup version 2'
	group=$at/cloister-systemd-$$
	mkdir "$group" 2>/dev/null || skip_all "cannot make a cgroup in $at"
	root=$(mktemp -d)
	# A volume, as a guest may have one for an image.
	volume=$(mktemp)
	said=$(mktemp)
	truncate -s 1M "$volume"
	loop=$(losetup --find --show "$volume" 2>/dev/null)
	clean_up() {
		[ -n "$loop" ] && losetup --detach "$loop"
		rm -f "$volume" "$said"
		rmdir "$root"
		for _ in $(seq 50); do	# the last of them may still be dying
			find "$group" -depth -type d -exec rmdir {} + 2>/dev/null && break
			sleep 0.1
		done
	}
	trap clean_up EXIT
	# Born in the group, so that it is the root of the new cgroup namespace.
	(
		echo 0 >"$group/cgroup.procs" || exit 9
		CLOISTER_TEST_INSIDE=$root CLOISTER_TEST_VOLUME=$loop exec timeout -k 5 180 \
			unshare --mount --pid --ipc --uts --net --cgroup --fork \
			--kill-child "$0" "$cloister" "$build" "$source" "$machine" "$ctl"
	) | tee "$said"
	status=${PIPESTATUS[0]}
	[ "$status" = 77 ] && skip_all 'these namespaces cannot be had here'
	# A machine that powers off has no status.  What the tests say of it is in
	# their lines, if they came to the last of them.
	grep -q '^1\.\.' "$said" && exit 0
	echo "not ok $(($(grep -cE '^(not )?ok ' "$said") + 1)) - the tests come to their end"
	echo "# status $status"
	exit 1
fi

# ---- inside: a root ----

root=$CLOISTER_TEST_INSIDE
mount --make-rprivate / || exit 77
mount -t tmpfs -o mode=755 root "$root" || exit 77
cd "$root" || exit 1
mkdir -p usr etc/systemd/system etc/cloister/guests run var/lib/cloister var/log tmp \
	root proc sys dev build src
for dir in bin sbin lib lib32 lib64; do
	[ -L "/$dir" ] && cp -a "/$dir" "$dir"
done
mount --rbind -o ro /usr usr && mount -o remount,bind,ro usr || exit 77
mount --bind "$build" build && mount -o remount,bind,ro build
mount -t proc proc proc || exit 77
mount --rbind /sys sys
mount -t cgroup2 cgroup2 sys/fs/cgroup || exit 77
mount -t tmpfs -o mode=755 dev dev
mkdir dev/pts dev/shm
for node in null zero full random urandom tty; do
	touch "dev/$node" && mount --bind "/dev/$node" "dev/$node" || exit 77
done
mkdir dev/net
[ -c /dev/net/tun ] && mknod dev/net/tun c 10 200
volume=$CLOISTER_TEST_VOLUME
if [ -n "$volume" ]; then
	mkdir dev/vg
	touch "dev/${volume##*/}" && mount --bind "$volume" "dev/${volume##*/}" || exit 77
	ln -s "../${volume##*/}" dev/vg/web2
fi
ip link set lo up || exit 77
mount -t devpts -o newinstance,ptmxmode=666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
mount -t tmpfs run run
printf 'root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n' >etc/passwd
printf 'root:x:0:\n' >etc/group
systemd-sysusers --root=. "$source/contrib/systemd/cloister.sysusers" || exit 1
echo 0123456789abcdef0123456789abcdef >etc/machine-id
: >etc/ld.so.conf
cp -a /etc/ld.so.cache /etc/alternatives etc/ 2>/dev/null
cp "$source/contrib/systemd/cloister.slice" etc/systemd/system/

# The supervisor finds its children's programs beside itself.
mkdir -p opt/cloister
cp "$cloister" opt/cloister/cloister
cp "$machine" opt/cloister/fake_machine
cp "$ctl" opt/cloister/cloisterctl
for program in broker/dispatch/cloister-broker workers/cloister-{platform,disk,net,vga,vnc}; do
	ln -s "/build/$program" opt/cloister/
done

# The unit as it is, but for Xen and the program.
sed -e "s|^\(Exec[A-Za-z]*\)=/usr/libexec/cloister|\1=/opt/cloister|" \
	-e '/^ConditionPathExists=/d' -e 's/^WatchdogSec=.*/WatchdogSec=4/' \
	"$source/contrib/systemd/cloister@.service" >etc/systemd/system/cloister@.service
cat >etc/systemd/system/test.target <<'UNIT'
[Unit]
Description=Nothing else
UNIT
truncate -s 1M var/lib/cloister/web1.img
cat >etc/cloister/guests/web1.conf <<'CONF'
[guest]
memory = 64
disk = file=/var/lib/cloister/web1.img
vga = 16
serial = pty
vnc = 127.0.0.1:0

[defaults]
log = debug
CONF
members='broker platform disk0 vga vnc'
if [ -c dev/net/tun ]; then
	sed -i 's/^serial = .*/&\nnic = tap=t0/' etc/cloister/guests/web1.conf
	members="$members net0"
fi
sed 's/memory = 64/memory = lots/' etc/cloister/guests/web1.conf >etc/cloister/guests/bad.conf
sed '/^disk/d' etc/cloister/guests/web1.conf >etc/cloister/guests/nobody.conf
sed -e 's|file=/var/.*|file=/dev/vg/web2|' -e '/^nic/d' etc/cloister/guests/web1.conf \
	>etc/cloister/guests/web2.conf

# A root of its own, not only a chroot: what a process sees as the path of a
# descriptor from another mount namespace starts there.
mkdir old && pivot_root . old && umount -l /old || exit 77
cd / || exit 1
root=

# ---- a second process drives the test; this one becomes systemd ----

exec 5>&1
(
	sctl() { systemctl --no-pager "$@"; }
	tell() {
		n=$((n + 1))
		if [ "$1" = 0 ]; then
			echo "ok $n - $2" >&5
		else
			echo "not ok $n - $2" >&5
			[ $failed = 1 ] && return
			failed=1
			for file in status journal; do
				[ -s "$root/tmp/$file" ] && sed "s/^/# /" "$root/tmp/$file" >&5
			done
		fi
	}
	show() { sctl show -P "$1" "$unit"; }
	note() { sctl status "$unit" >"$root/tmp/status" 2>&1; }
	group() { echo "$root/sys/fs/cgroup$(show ControlGroup)"; }
	until_state() {
		for _ in $(seq 250); do
			[ "$(show ActiveState)" = "$1" ] && return 0
			sleep 0.1
		done
		return 1
	}

	for _ in $(seq 200); do
		[ -S "$root/run/systemd/private" ] && sctl is-active -q test.target && break
		sleep 0.1
	done
	sctl is-active -q test.target
	tell $? 'systemd is up'

	unit=cloister@web1.service
	sctl start $unit
	tell $? 'systemctl start returns when the guest is served'
	note
	grep -q 'Status: "serving: domid=31000 name=web1"' "$root/tmp/status"
	tell $? 'systemctl status says so'
	[ "$(show ControlGroup)" = /cloister.slice/$unit ]
	tell $? 'it is in its slice'
	at=$(group)
	pid=$(show MainPID)
	[ -n "$(cat "$at/cloister-31000/supervisor/cgroup.procs")" ] &&
		[ -z "$(cat "$at/cgroup.procs")" ]
	tell $? 'the supervisor moved itself to a leaf of the delegated cgroup'
	good=0
	for who in $members; do
		[ "$(wc -l <"$at/cloister-31000/$who/cgroup.procs")" = 1 ] || good=1
	done
	tell $good 'each process is in a group of its own'
	[ "$(cat "$at"/cloister-31000/*/cgroup.procs | wc -l)" = $(($(wc -w <<<"$members") + 1)) ]
	tell $? 'and that is all of them'
	socket=$root/run/cloister/31000/metrics.sock
	[ "$(stat -c '%G %a' "$socket")" = 'cloister 660' ] &&
		[ "$(stat -c '%G %a' "${socket%/*}/control.sock")" = 'root 600' ]
	tell $? 'members of the group cloister may read metrics, and no more'
	# setgid, setuid, setpcap, net_admin, sys_admin
	grep -q '^CapBnd:	00000000002011c0$' "/proc/$pid/status" &&
		grep -q '^Seccomp:	2$' "/proc/$pid/status" &&
		grep -q '^NoNewPrivs:	1$' "/proc/$pid/status"
	tell $? 'the supervisor has what the unit leaves it'
	ls "$root/proc/$pid/root/dev" >"$root/tmp/dev" && grep -qx null "$root/tmp/dev" &&
		! grep -Evx \
		'(full|null|random|tty|urandom|zero)|(char|fd|net|ptmx|pts|shm|std.*)|hugepages|log|mqueue' \
		"$root/tmp/dev" >"$root/tmp/status"
	tell $? 'its /dev has what the unit names, and nothing of the host'
	inside() { nsenter --target "$pid" --mount "$@" 2>>"$root/tmp/status"; }
	inside mkdir "$at/ours" && inside rmdir "$at/ours" &&
		! inside mkdir "${at%/*}/others" && ! inside mkdir /sys/fs/cgroup/others
	tell $? 'cgroups are its own to make, below its own and nowhere else'
	inside test -r "/proc/$pid/cgroup" && ! inside test -e /proc/meminfo
	tell $? '/proc has processes and no more'
	sleep 7
	[ "$(show ActiveState)" = active ] && [ "$(show MainPID)" = "$pid" ]
	tell $? 'the watchdog is fed'

	sctl stop $unit && until_state inactive
	tell $? 'systemctl stop'
	[ "$(show Result)" = success ] && [ ! -d "$at" ]
	tell $? '... ends well and leaves no group behind'
	note

	sctl start $unit
	pid=$(show MainPID)
	sctl restart $unit && [ "$(show ActiveState)" = active ] &&
		[ "$(show MainPID)" != "$pid" ]
	tell $? 'systemctl restart'

	sctl stop $unit

	# A guest that goes on when supervisors come and go.
	mkdir -p "$root/etc/systemd/system/$unit.d"
	printf '[Service]\nEnvironment=CLOISTER_FAKE_MACHINE=/run/machine\n' \
		>"$root/etc/systemd/system/$unit.d/machine.conf"
	sctl daemon-reload
	/opt/cloister/fake_machine /run/machine /tmp/guest 31000 &
	machine_pid=$!
	for _ in $(seq 100); do
		[ -S /run/machine ] && break
		sleep 0.1
	done
	# wrong rounds, rounds, longest in us, fault
	rounds() { awk '{ print $2 }' /tmp/guest; }
	moves() {
		local was
		was=$(rounds)
		for _ in $(seq 250); do
			[ "$(rounds)" -gt $((was + 3)) ] && break
			sleep 0.1
		done
		[ "$(awk '{ print $1, NF }' /tmp/guest)" = '0 3' ] &&
			[ "$(rounds)" -gt $((was + 3)) ]
	}
	is_adopted() {		# by another than $pid
		for _ in $(seq 250); do
			[ "$(show MainPID)" != "$pid" ] && [ "$(show MainPID)" != 0 ] &&
				[ "$(show SubState)" = running ] &&
				timeout 5 /opt/cloister/cloisterctl status 31000 >/tmp/status && return 0
			sleep 0.1
		done
		note
		return 1
	}
	family() { for who in $members; do cat "$at/cloister-31000/$who/cgroup.procs"; done; }

	sctl start $unit
	moves
	tell $? 'a guest reads what it wrote'
	at=$(group)
	pid=$(show MainPID)
	all=$(family)
	kill -KILL "$pid"
	is_adopted
	tell $? 'a killed supervisor has a successor, which answers'
	[ "$(family)" = "$all" ] && [ "$(wc -w <<<"$all")" = "$(wc -w <<<"$members")" ]
	tell $? '... the others are the same processes, each in its group'
	moves
	tell $? '... and the guest goes on'
	was=$(cat "$at/cloister-31000/disk0/cgroup.procs")
	kill -KILL "$was"
	for _ in $(seq 100); do
		now=$(cat "$at/cloister-31000/disk0/cgroup.procs")
		[ -n "$now" ] && [ "$now" != "$was" ] && break
		sleep 0.1
	done
	[ -n "$now" ] && [ "$now" != "$was" ] && moves
	tell $? '... and a worker that is killed then is replaced'

	# Twice: of the supervisor before, and its own.  It may signal neither.
	for who in vga vga broker; do
		timeout 30 /opt/cloister/cloisterctl restart 31000 $who \
			>"$root/tmp/status" 2>&1
		tell $? "... and one that is to be replaced: $who"
	done
	moves
	tell $? '... and the guest goes on'

	pid=$(show MainPID)
	all=$(family)
	kill -STOP "$pid"
	is_adopted && [ "$(family)" = "$all" ] && [ "$(wc -w <<<"$all")" = "$(wc -w <<<"$members")" ]
	tell $? 'one that does not turn is ended by the watchdog, and replaced'
	moves
	tell $? '... and the guest goes on'
	all="$all $(show MainPID)"
	sctl stop $unit && until_state inactive
	[ ! -d "$at" ]
	tell $? 'a stop ends all that was adopted and leaves no group behind'
	left=0
	for who in $all; do
		[ -d "/proc/$who" ] && left=1
	done
	tell $left '... and no process'

	kill $machine_pid
	rm -f /run/machine
	/opt/cloister/fake_machine /run/machine /tmp/guest 31000 &
	sleep 1
	sctl start $unit
	at=$(group)
	sed -i 's/^memory = 64/vcpus = 2\n&/' /etc/cloister/guests/web1.conf
	kill -KILL "$(show MainPID)"
	until_state failed
	[ "$(show Result)" = exit-code ]
	tell $? 'settings that changed meanwhile: the family is not adopted'
	for _ in $(seq 50); do
		[ -d "$at" ] || break
		sleep 0.1
	done
	[ ! -d "$at" ]
	tell $? '... and gone with it'
	sctl reset-failed $unit

	unit=cloister@web2.service
	if [ -n "$volume" ]; then
		sctl start $unit 2>"$root/tmp/status"
		[ "$(show ExecMainStatus)" = 1 ]
		tell $? 'an image that is a volume of the host: it is not there'
		mkdir -p "$root/etc/systemd/system/$unit.d"
		# As the head of the unit has it.
		sed -n 's|^#	\(\[Service\]\)|\1|p; s|^#	\([A-Z][A-Za-z]*=/dev/vg/web\)1|\12|p' \
			"$root/etc/systemd/system/cloister@.service" \
			>"$root/etc/systemd/system/$unit.d/volume.conf"
		sctl daemon-reload
		sctl reset-failed $unit
		sctl start $unit 2>"$root/tmp/status"
		tell $? '... unless a drop-in names it'
		note
		[ "$(readlink "/proc/$(cat "$(group)"/cloister-*/disk0/cgroup.procs)/fd/13")" \
			= /dev/vg/web2 ]
		tell $? '... and then the disk worker has it'
		sctl stop $unit
	else
		n=$((n + 1))
		echo "ok $n # SKIP no loop device for a volume" >&5
	fi

	unit=cloister@bad.service
	! sctl start $unit 2>"$root/tmp/status"
	tell $? 'a mistake in the configuration: the start fails'
	[ "$(show ExecMainStatus)" = 1 ]
	tell $? '... with status 1'
	unit=cloister@nobody.service
	! sctl start $unit 2>"$root/tmp/status"
	tell $? 'no domain of that name: the start fails'
	echo "1..$n" >&5
	echo $failed >"$root/tmp/failed"
	sctl poweroff --force --force
	sleep 5
	kill -KILL 1
) </dev/null >"$root/tmp/driver" 2>&1 &
export container=other LANG=C
unset CLOISTER_TEST_INSIDE NOTIFY_SOCKET
exec /lib/systemd/systemd --system --unit=test.target \
	--log-target=console --log-level=warning --show-status=false </dev/null >&2
