#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# tests/lint/unit.sh - cloister@.service: systemd knows all that is in it, and
# what a supervisor can give up it does; cloister.sysusers makes the group that
# the supervisor looks for
#
# usage: unit.sh SOURCE
set -u
source=$(realpath "$1")/contrib/systemd
. "$(dirname "$0")/../lib/tap.sh"

command -v systemd-analyze >/dev/null || { echo '1..0 # SKIP systemd is not installed'; exit 0; }
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
tap_notes=$dir/out
# The program and its manual are not installed here.
sed '/^Documentation=/d' "$source/cloister.slice" >"$dir/cloister.slice"
sed -e 's/^\(Exec[A-Za-z]*\)=.usr.libexec.cloister.cloister/\1=\/bin\/true/' \
	-e '/^Documentation=/d' "$source/cloister@.service" >"$dir/cloister@.service"
cp "$dir/cloister@.service" "$dir/cloister@guest.service"
cd "$dir" || exit 1

systemd-analyze verify ./cloister@guest.service ./cloister.slice >out 2>&1
[ $? = 0 ] && ! grep -q 'cloister' out
tell $? 'systemd-analyze verify has nothing to say'

# The overall figure, times ten.
level() {
	systemd-analyze security --offline=true --no-pager "$@" ./cloister@guest.service \
		>out 2>&1
	sed -n 's/.*Overall exposure level[^:]*: \([0-9]*\)\.\([0-9]\) .*/\1\2/p' out
}
all=$(level)
[ -n "$all" ] && [ "$all" -le 28 ]
tell $? "all that root could give up: $all of 100"
kept=$(level --security-policy="$source/security-policy.json")
[ -n "$kept" ] && [ "$kept" = 00 ]
tell $? "without what is kept, with its reason: $kept of 100"

# Each line that is left has its figure and its reason at the head of the unit.
level >/dev/null
sed -n 's/^✗.* \([0-9]\.[0-9]\)$/\1/p' out | awk '{ sum += $1 * 10 } END { print sum }' >left
sed -n 's/^#	\([0-9]\.[0-9]\) [A-Z].*/\1/p' "$source/cloister@.service" |
	awk '{ sum += $1 * 10 } END { print sum }' >told
cat left told >out
if systemd-analyze --version | grep -q '^systemd 252 '; then
	grep -q '[1-9]' left && cmp -s left told
	tell $? "... and each part of that is told: $(cat told) of $(cat left) tenths"
else
	skip 'other versions of systemd-analyze have other figures'
fi

python3 - "$source/security-policy.json" >out 2>&1 <<'PY'
import json, sys
for name, item in json.load(open(sys.argv[1])).items():
    assert item['weight'] == 0 and item['description_bad'].startswith('Kept: '), name
    assert len(item['description_bad']) > 8, name
PY
tell $? 'what is left out of the figure has a reason'
mkdir -p root/etc
systemd-sysusers --root="$dir/root" "$source/cloister.sysusers" >out 2>&1
made=$(sed 's/:.*//' root/etc/group 2>>out)
[ -n "$made" ] && [ ! -s root/etc/passwd ] &&
	grep -q "^#define GROUP[[:space:]]*\"$made\"" \
		"$source/../../broker/supervisor/metrics_family.c"
tell $? "systemd-sysusers makes a group and no user: $made"
tap_done
