#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# tests/integ/serve_run.sh - `cloister serve` for real, on the in-memory
# hypervisor: where its groups are, what a limit that cannot be had does, and
# that it runs where there are no groups at all
#
# usage: serve_run.sh CLOISTER-FAKE BUILD-DIR
set -u
fake=$(realpath "$1")
build=$(realpath "$2")
lib=$(dirname "$0")/../lib
. "$lib/tap.sh"
. "$lib/place.sh"

[ "$(id -u)" = 0 ] || { echo '1..0 # SKIP needs root'; exit 0; }
dir=$(mktemp -d)
parent=cloister-run-$$
at=$(cgroup_root)
pid=
end() {
	[ -n "$pid" ] && kill -KILL "$pid" 2>/dev/null
	rm -rf "$dir"
	rmdir "$at/$parent" 2>/dev/null
}
trap end EXIT

make_place "$dir" "$fake" "$build"
printf '[defaults]\nrun-dir = %s\n' "$dir/run" >"$dir/settings"

tap_notes=$dir/log

# begin DOMID ARGUMENT...: 0 when it serves
begin() {
	domid=$1
	shift
	: >"$dir/log"		# the last one is not to be taken for this one
	"$dir/cloister" serve --domid "$domid" --memory 64 --disk "file=$dir/disk.img" \
		--config "$dir/settings" "$@" 2>"$dir/log" </dev/null &
	pid=$!
	for _ in $(seq 300); do
		grep -q '^cloister: serving: ' "$dir/log" && return 0
		kill -0 $pid 2>/dev/null || return 1
		sleep 0.1
	done
	return 1
}

stop() {
	kill -TERM $pid
	wait $pid
	status=$?
	pid=
	return $status
}

if [ "$at" = none ]; then
	skip 'groups: no cgroup version 2 here'
else
	begin 31001 --cgroup-parent "/$parent"
	tell $? 'a family with groups below a parent'
	family=$at/$parent/cloister-31001
	good=0
	for who in broker platform disk0 vga; do
		[ "$(wc -l <"$family/$who/cgroup.procs")" = 1 ] || good=1
	done
	tell $good 'each in its own'
	for _ in $(seq 50); do
		[ "$(cat "$family/supervisor/cgroup.procs")" = "$pid" ] && break
		sleep 0.1
	done
	[ "$(cat "$family/supervisor/cgroup.procs")" = "$pid" ]
	tell $? 'the supervisor too'
	stop
	tell $? 'it ends when it is told to'
	[ ! -e "$family" ]
	tell $? 'and takes its groups along'

	begin 31002 --cgroup-parent "/$parent" --limit disk.memory.max=64M
	status=$?
	if [ $status = 0 ]; then
		[ "$(cat "$at/$parent/cloister-31002/disk0/memory.max")" = 67108864 ]
		tell $? 'a limit is in force before the guest is served'
		stop
	else
		wait $pid
		[ $? = 1 ] && [ "$(grep -c '' "$dir/log")" = 1 ] &&
			grep -q '^cloister: cannot set limit: disk0.memory.max=64M: controller memory is not available in ' "$dir/log"
		tell $? 'a limit that cannot be had: one line, status 1'
		pid=
	fi
	[ ! -e "$at/$parent/cloister-31002" ]
	tell $? 'and no groups stay behind'
fi

"$dir/cloister" serve --name twins --memory 64 --config "$dir/settings" 2>"$dir/log" </dev/null
[ $? = 1 ] && [ "$(cat "$dir/log")" = 'cloister: several domains have this name, one has to be told by --domid: --name twins domids=31000,31001' ]
tell $? 'a name that two domains have: refused, with both numbers'

# Closed from the start, 2 would be the first thing that is opened.
"$dir/cloister" serve --domid 31004 --memory 64 --disk "file=$dir/disk.img" \
	--config "$dir/settings" <&- >&- 2>&- &
pid=$!
for _ in $(seq 100); do
	[ -S "$dir/run/31004/control.sock" ] && break
	sleep 0.1
done
[ "$(readlink /proc/$pid/fd/{0,1,2} | tr '\n' ' ')" = '/dev/null /dev/null /dev/null ' ]
tell $? 'without standard input, output and error it has stand-ins'
stop
tell $? '... and ends well'

# No groups at all: in a mount namespace without them.
if unshare --mount true 2>/dev/null; then
	cat >"$dir/bare" <<-'SH'
	mount --make-rprivate /
	mount -t tmpfs none /sys/fs/cgroup
	exec "$@"
	SH
	mv "$dir/cloister" "$dir/cloister.real"
	cat >"$dir/cloister" <<-SH
	#!/bin/sh
	exec unshare --mount sh "$dir/bare" "$dir/cloister.real" "\$@"
	SH
	chmod +x "$dir/cloister"
	begin 31003 --limit disk.memory.max=64M
	tell $? 'without cgroup version 2 the guest is served'
	[ "$(grep -c 'no accounting and no limits per process' "$dir/log")" = 1 ] &&
		grep -q 'limits are not in force.*count=1' "$dir/log"
	tell $? '... which is said once, and that limits are not in force'
	stop
	tell $? '... and ends well'
else
	skip 'no mount namespaces here'
fi
tap_done
