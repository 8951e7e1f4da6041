# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
#
# tests/lib/tap.sh - Test Anything Protocol, for tests in sh, which source this
#
# A test sets tap_notes to the files that are shown with what went wrong; those
# that are not there are passed over.

tap_count=0 tap_failed=0 tap_notes=

# tell STATUS TEXT: 0 is good
tell() {
	tap_count=$((tap_count + 1))
	if [ "$1" = 0 ]; then
		echo "ok $tap_count - $2"
	else
		echo "not ok $tap_count - $2"
		# shellcheck disable=SC2086  # a list of words
		sed 's/^/# /' $tap_notes 2>/dev/null
		tap_failed=1
	fi
}

# skip WHY
skip() {
	tap_count=$((tap_count + 1))
	echo "ok $tap_count # SKIP $1"
}

# The last thing a test does.
tap_done() {
	echo "1..$tap_count"
	exit $tap_failed
}
