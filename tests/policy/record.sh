#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# tests/policy/record.sh - runs something, notes which system calls the
# confined processes made, for used.py
#
# usage: record.sh RECORD COMMAND...
#
# Adds to RECORD (used-recorded.txt, beside this file, is the one that the test
# reads) and keeps what is in there.  Needs strace; slow.  In the lab,
# `tests/xenlab/cases --record RECORD CASE` adds what only a real Xen shows.
set -eu
record=$1
shift
here=$(dirname "$0")
trace=$(mktemp) new=$(mktemp)
trap 'rm -f "$trace" "$new"' EXIT
rc=0
strace -f --decode-pids=pidns -o "$trace" "$@" || rc=$?
[ -e "$record" ] || echo '# NAME CALL [FD], made by record.sh' > "$record"
"$here/used.py" --record -- "$record" "$trace" > "$new"
{ sed -n '/^#/p' "$record"; cat "$new"; } > "$trace"
cat "$trace" > "$record"
exit "$rc"
