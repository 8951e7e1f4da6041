#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# tests/lint/dev-symbols.sh - device models and the bus reach no system call
#
# usage: dev-symbols.sh libdev.a libbus.a
#
# They may call each other and the functions below.  Anything else is a system
# call, the heap, or a step towards one.
allow='memcpy memmove memset memcmp memchr strcmp strncmp strncpy strlen strnlen strchr
	snprintf log_event log_allow bug_at
	__memcpy_chk __memmove_chk __memset_chk __snprintf_chk
	__stack_chk_fail _GLOBAL_OFFSET_TABLE_'

echo 1..1
bad=$(nm "$@" 2>/dev/null | awk -v allow="$allow" '
	BEGIN { n = split(allow, a, /[ \t\n]+/); for (i = 1; i <= n; i++) ok[a[i]] = 1 }
	$1 == "U" { want[$2] = 1 }
	$2 ~ /^[A-Z]$/ && $2 != "U" { ok[$3] = 1; some = 1 }
	END {
		for (s in want)
			if (!(s in ok) && s !~ /^__(asan|ubsan|tsan|gcov|llvm|sanitizer)_/)
				print s
		if (!some)
			print "(nothing: are these the archives?)"
	}')
if [ -z "$bad" ]; then
	echo "ok 1 - device models and the bus reach no system call"
else
	echo "not ok 1 - device models or the bus call:" $bad
	exit 1
fi
