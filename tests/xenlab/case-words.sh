#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# tests/xenlab/case-words.sh - the words of dom0/bin/lab-case, and that what
# cases.d asserts with them can fail
#
# Without the lab: guest-expect, xl, xenstore-ls and lab-processes are programs
# here that say what the test wants them to.
#
# usage: case-words.sh
set -u
here=$(dirname "$(readlink -f "$0")")
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
. "$here/../lib/tap.sh"
tap_notes=$dir/out

# program NAME: says what file NAME has; without that file it fails.
program()
{
	printf '#!/bin/sh\nexec cat %s\n' "$dir/say/$1" >"$dir/$1"
	chmod +x "$dir/$1"
}

mkdir "$dir/say"
for name in guest-send guest-expect xenstore-ls lab-processes; do
	program "$name"
done
# "xl domid" and "xl list" differ.
printf '#!/bin/sh\nexec cat "%s/say/xl-$1"\n' "$dir" >"$dir/xl"
printf '#!/bin/sh\n' >"$dir/sleep"
chmod +x "$dir/xl" "$dir/sleep"
export PATH=$dir:$PATH NAME=guest DOMID=7

# say NAME TEXT; without TEXT the program fails.
say()
{
	rm -f "$dir/say/$1"
	[ $# = 1 ] || printf '%s' "$2" >"$dir/say/$1"
}

# run_case SCRIPT: its status, as of one in cases.d.
run_case()
{
	printf '. %s/dom0/bin/lab-case\n%s\n' "$here" "$1" >"$dir/case.sh"
	bash "$dir/case.sh" >"$dir/out" 2>&1
}

# passes SCRIPT TEXT
passes()
{
	run_case "$1"
	tell $? "$2"
}

# stops SCRIPT TEXT: somewhere in these lines, and not behind them.
stops()
{
	run_case "$1
echo went on"
	[ $? != 0 ] && ! grep -q 'went on' "$dir/out"
	tell $? "$2"
}

say guest-send ''
say guest-expect $'$ answer=one two\r\n'
passes 'same "$(ask words)" "one two" words' 'an answer of the guest'
stops 'same "$(ask words)" one words' '... that is not what was wanted'
say guest-expect $'answer=\r\n'
passes 'same "$(ask words)" "" words' 'an empty one'
say guest-expect
stops 'ask words' 'a guest that does not answer'
stops 'same "$(ask words)" "" words' '... is not one that says nothing'
stops 'same "$(ask words)" "$(ask words)" words' '... nor twice the same'
stops 'x=$(ask words)' '... nor a variable'

say xl-list 'Domain-0'
say xl-domid
passes 'gone 3' 'a guest that is gone'
say xl-domid 7
stops 'gone 3' 'one that is not'
say xl-domid
say xl-list
stops 'gone 3' 'an xl that fails, whatever is asked'

say lab-processes ''
say xenstore-ls '/local/domain/0/device-model/17/state = "running"'
passes 'clean' 'nothing is left; another guest may be there'
say xenstore-ls '/local/domain/0/device-model/7/state = "running"'
stops 'clean' 'a node of xenstore is left'
say xenstore-ls
stops 'clean' 'an xenstore that does not answer'
say xenstore-ls ''
say lab-processes '812'
stops 'clean' 'a process is left'
say lab-processes
stops 'clean' 'nobody can tell whether one is'

# Under set -e a command after "!" never ends a script.
grep -nE '^[[:space:]]*!([[:space:]]|$)' "$here"/cases.d/*.sh "$here"/dom0/bin/lab-{case,net} \
	>"$dir/out"
[ $? = 1 ]
tell $? 'no case asserts by "!"'
tap_done
