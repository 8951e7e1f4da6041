#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# tests/integ/restart_run.sh - the real processes die, on the in-memory
# hypervisor: each has a successor with the same descriptors, uid and cgroup;
# one that dies too often is failed and brought back; a guest that is being
# destroyed has no successors, and nobody outlives the supervisor
#
# usage: restart_run.sh CLOISTER-FAKE CLOISTERCTL BUILD-DIR
set -u
fake=$(realpath "$1")
ctl=$(realpath "$2")
build=$(realpath "$3")
lib=$(dirname "$0")/../lib
. "$lib/tap.sh"
. "$lib/place.sh"

[ "$(id -u)" = 0 ] || { echo '1..0 # SKIP needs root'; exit 0; }
dir=$(mktemp -d)
parent=cloister-restart-$$
at=$(cgroup_root)
pid=
end() {
	[ -n "$pid" ] && kill -KILL "$pid" 2>/dev/null
	sleep 0.2
	rmdir "$at/$parent"/*/* "$at/$parent"/* "$at/$parent" 2>/dev/null
	rm -rf "$dir"
}
trap end EXIT

make_place "$dir" "$fake" "$build"
printf '[defaults]\nrun-dir = %s\ncrash-dir = off\nrestart-limit = 3/600\n' "$dir/run" >"$dir/settings"

# A card, if there can be a tap.
nic=() net=()
if [ -c /dev/net/tun ]; then
	nic=(--nic "tap=clr$$,mac=00:16:3e:00:00:01") net=(net0)
fi

tap_notes="$dir/log $dir/said"

ask() { timeout 60 "$ctl" --run-dir "$dir/run" "$@" >"$dir/said" 2>&1; }

# until_it SECONDS COMMAND...: 0 once it succeeds
until_it() {
	local left=$(($1 * 20))
	shift
	while [ $left -gt 0 ]; do
		"$@" && return 0
		sleep 0.05
		left=$((left - 1))
	done
	return 1
}

# begin DOMID: 0 when it serves, and can be asked
begin() {
	domid=$1
	: >"$dir/log"
	CLOISTER_FAKE_GONE=$dir/gone "$dir/cloister" serve --domid "$domid" --memory 64 \
		--disk "file=$dir/disk.img" --config "$dir/settings" \
		--vnc "127.0.0.1:$((300 + $$ % 500)),to=5000" "${nic[@]}" \
		--cgroup-parent "/$parent" 2>"$dir/log" </dev/null &
	pid=$!
	until_it 30 ask status "$domid"
}

pid_of() { ask status "$domid"; awk -v who="$1" '$1 == who { print $2; exit }' "$dir/said"; }
state_of() { ask status "$domid"; awk -v who="$1" '$1 == who { print $3; exit }' "$dir/said"; }
is_new() { # PROCESS OLD-PID; both of one answer
	ask status "$domid"
	awk -v who="$1" -v was="$2" '$1 == who && $2 != was && $3 == "running" { new = 1 }
		END { exit !new }' "$dir/said"
}
has_failed() { [ "$(state_of "$1")" = failed ]; }

# sheet PROCESS PID: what stays the same.  Numbers and files of all descriptors
# but the two sockets, and two eventfds that disk makes itself; ids; place.
sheet() {
	local fd name=$1
	shift
	for fd in /proc/"$1"/fd/*; do
		case $name:${fd##*/} in
		*:[34]|disk0:1[78]) ;;
		*) echo "${fd##*/} $(readlink "$fd") $(stat -Lc %d:%i "$fd") $(
			grep -h eventfd-id "/proc/$1/fdinfo/${fd##*/}" 2>/dev/null)" ;;
		esac
	done
	grep -E '^(Uid|Gid|Seccomp|NoNewPrivs|CapEff|CapBnd)' "/proc/$1/status"
	cat "/proc/$1/cgroup"
	tr '\0' ' ' <"/proc/$1/cmdline" | sed 's/ *$//'
	for fd in net ipc; do readlink "/proc/$1/ns/$fd"; done
}

begin 31301
tell $? 'a guest is served'
for who in platform disk0 vga vnc broker "${net[@]}"; do
	was=$(pid_of $who)
	sheet $who "$was" >"$dir/before"
	kill -KILL "$was"
	until_it 10 is_new $who "$was"
	tell $? "$who: killed, and replaced"
	sheet $who "$(pid_of $who)" >"$dir/after"
	[ -s "$dir/before" ] && diff "$dir/before" "$dir/after" >"$dir/said"
	tell $? "$who: the successor has the same descriptors, ids, filter and groups"
	grep -q "child killed: name=$who .*sig=SIGKILL" "$dir/log" &&
		grep -q "child replaced: name=$who " "$dir/log"
	tell $? "$who: said"
done

was=$(pid_of disk0)
ask restart 31301 disk0
tell $? 'cloisterctl restart'
[ -n "$was" ] && [ "$(pid_of disk0)" != "$was" ]
tell $? '... is a new process'
ask restart 31301 disk0 --json && python3 -c 'import json, sys
o = json.load(open(sys.argv[1]))
assert o["process"] == "disk0" and o["pid"] != o["was_pid"] and o["after_s"] < 15' "$dir/said"
tell $? '... and says which, as JSON'
ask restart 31301 disk7
[ $? = 1 ] && grep -q 'disk7: no such process; there are broker platform disk0 .*vga vnc$' "$dir/said"
tell $? '... of nobody: the list of those there are'
ask metrics 31301
grep -q '^cloister_restarts_total{.*worker="disk0".*} 3$' "$dir/said" &&
	grep -q '^cloister_failed{.*worker="disk0".*} 0$' "$dir/said"
tell $? 'restarts are counted'

# Three within ten minutes: earlier ones are forgotten since it was asked for.
for turn in 1 2; do
	was=$(pid_of disk0)
	kill -KILL "$was"
	until_it 10 is_new disk0 "$was"
done
kill -KILL "$(pid_of disk0)"
until_it 20 has_failed disk0
tell $? 'one that dies too often is failed'
ask list && grep -q 'disk0 failed$' "$dir/said"
tell $? '... which list tells'
ask metrics 31301 && grep -q '^cloister_failed{.*worker="disk0".*} 1$' "$dir/said"
tell $? '... and a metric'
[ "$(state_of platform)$(state_of broker)" = runningrunning ]
tell $? '... and the rest goes on'
ask restart 31301 disk0 && [ "$(state_of disk0)" = running ]
tell $? '... until it is brought back'

was=$(pid_of vga)
kill -STOP "$was"
until_it 10 is_new vga "$was"
tell $? 'one that is stopped and stays so is replaced'
grep -q 'child was ended: name=vga .*why="was stopped and not continued"' "$dir/log"
tell $? '... and said'

kill -HUP "$pid"
wait "$pid"
tell $? 'it ends well'
pid=

# As libxl does it: first the directory, then whoever it can find.
begin 31302
: >"$dir/gone"
kill -KILL "$(pid_of disk0)"
until_it 5 grep -q 'told to end: xenstore=removed' "$dir/log"
tell $? 'a guest that is being destroyed has no successors'
wait "$pid"
[ $? = 0 ] && ! grep -q 'child replaced' "$dir/log"
tell $? '... and all end'
pid=
rm "$dir/gone"

begin 31303
all=$(for who in broker platform disk0 vga vnc "${net[@]}"; do pid_of $who; done)
[ "$(echo "$all" | wc -w)" = $((5 + ${#net[@]})) ]
tell $? 'all processes'
kill -STOP "$(pid_of broker)"		# it has to go on by itself
tell $? 'the broker is stopped'
kill -KILL "$pid"
# Nobody may be there to take a status: then it is a zombie.
gone() {
	for p in $all; do
		grep -qs '^State:.[^ZX]' "/proc/$p/status" && return 1
	done
	return 0
}
until_it 1 gone
tell $? 'the supervisor is killed: within a second nobody is left'
pid=
tap_done
