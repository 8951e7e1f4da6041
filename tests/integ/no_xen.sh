#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# tests/integ/no_xen.sh - `cloister` where there is no Xen: one line, exit 1;
# the probe run of newer toolstacks works all the same
#
# usage: no_xen.sh CLOISTER
cloister=$1
n=0 failed=0
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT

# ok CONDITION TEXT
ok() {
	n=$((n + 1))
	if eval "$1"; then
		echo "ok $n - $2"
	else
		echo "not ok $n - $2"
		sed 's/^/# /' "$dir/err"
		failed=1
	fi
}

run() {
	timeout 20 "$cloister" "$@" >"$dir/out" 2>"$dir/err" </dev/null
	status=$?
}

run --help
ok '[ $status = 0 ] && grep -q xen-domid "$dir/out"' '--help'
run
ok '[ $status = 2 ]' 'no arguments: usage'
run -frobnicate
ok '[ $status = 2 ] && grep -q "^cloister: unknown option: -frobnicate" "$dir/err"' \
	'unknown option: usage'
run -xen-domid 7 -machine xenfv -m 64 -drive file=/x.qcow2,if=ide,index=0,format=qcow2
ok '[ $status = 1 ] && grep -q "^cloister: refused: -drive format=qcow2 (/x.qcow2): " "$dir/err"' \
	'what is not served is refused by name'

if [ -e /dev/xen/privcmd ]; then
	n=$((n + 1))
	echo "ok $n - no Xen # SKIP there is a Xen"
else
	run -xen-domid 7 -machine xenfv -m 64
	ok '[ $status = 1 ] && [ "$(cat "$dir/err")" = "cloister: no Xen here (/dev/xen/privcmd): No such file or directory; try contrib/demo" ]' \
		'no Xen: exactly one line, exit 1'
fi

timeout 20 "$cloister" -S -no-user-config -nodefaults -nographic \
	-machine none,accel=xen \
	-chardev socket,id=libxl-cmd,path="$dir/qmp",server=on,wait=off \
	-mon chardev=libxl-cmd,mode=control 2>"$dir/err" &
pid=$!
python3 - "$dir/qmp" >"$dir/out" <<'PY'
import socket, sys, time
s = socket.socket(socket.AF_UNIX)
for _ in range(100):
    try:
        s.connect(sys.argv[1])
        break
    except OSError:
        time.sleep(0.05)
s.settimeout(10)
s.recv(65536)
for i, name in enumerate(('qmp_capabilities', 'query-command-line-options', 'quit')):
    s.sendall(('{"execute":"%s","id":%d}\r\n' % (name, i)).encode())
    print(s.recv(65536).decode().strip())
PY
wait $pid
status=$?
ok '[ $status = 0 ] && grep -q "^{\"return\":\[\],\"id\":1}" "$dir/out"' \
	'the probe run answers, and quits'
ok '[ ! -e "$dir/qmp" ]' 'and takes its socket with it'
echo "1..$n"
exit $failed
