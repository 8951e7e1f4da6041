# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# tests/lib/place.sh - where a whole family can run, on the in-memory hypervisor;
# sourced by tests in bash (tests/lib/dm.py is for those in python)

# make_place DIR CLOISTER-FAKE BUILD-DIR: the programs as the supervisor finds its
# children's, beside itself; disk.img, and run for a run directory of its own, as
# others may run the same test at the same time.
make_place() {
	local program
	cp "$2" "$1/cloister"
	for program in broker/dispatch/cloister-broker \
			workers/cloister-{platform,disk,net,vga,vnc}; do
		ln -s "$3/$program" "$1/"
	done
	truncate -s 1M "$1/disk.img"
	mkdir "$1/run"
}

# Where cgroup version 2 is mounted, or "none".
cgroup_root() {
	local at
	for at in /sys/fs/cgroup /sys/fs/cgroup/unified; do
		if [ "$(stat -fc %T $at 2>/dev/null)" = cgroup2fs ]; then
			echo $at
			return
		fi
	done
	echo none
}
