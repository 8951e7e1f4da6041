#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# tests/lint/headers.sh - every header compiles alone
#
# usage: headers.sh ROOT BUILD CC...
root=$1 build=$2
shift 2
n=0 failed=0
for h in $(cd "$root" && find src broker workers -name '*.h' | sort); do
	n=$((n + 1))
	if out=$("$@" -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -fsyntax-only \
		 -I"$root/src" -I"$root/broker" -I"$root" -I"$build" \
		 -x c -include "$root/$h" /dev/null 2>&1) && [ -z "$out" ]; then
		echo "ok $n - $h"
	else
		echo "not ok $n - $h"
		echo "$out" | sed 's/^/# /' | head -5
		failed=1
	fi
done
if [ $n = 0 ]; then		# 1..0 would say that there was something to skip
	n=1 failed=1
	echo "not ok 1 - there are headers in $root"
fi
echo "1..$n"
exit $failed
