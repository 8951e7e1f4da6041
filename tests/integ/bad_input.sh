#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# tests/integ/bad_input.sh - command lines nobody should write: each ends with
# one line that names the option and the value, and with the right status
#
# usage: bad_input.sh CLOISTER
cloister=$(realpath "$1") || exit 1
n=0 failed=0
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1

# fails STATUS TEXT ARGUMENT...: the only line is "cloister: TEXT..."
fails() {
	want=$1 text="cloister: $2"
	shift 2
	timeout 20 "$cloister" "$@" >out 2>err </dev/null
	status=$?
	n=$((n + 1))
	case $(cat err) in
	"$text"*)
		if [ $status = "$want" ] && [ "$(wc -l <err)" = 1 ] && [ ! -s out ]; then
			echo "ok $n - $text"
			return
		fi ;;
	esac
	echo "not ok $n - $text"
	echo "# status $status"
	sed 's/^/# /' err
	failed=1
}

# refused "OPTION VALUE: reason" ARGUMENT...: added to what is a whole guest
refused() {
	text=$1
	shift
	fails 1 "refused: $text" -xen-domid 7 -machine xenfv -m 64 "$@"
}

# probe TEXT ARGUMENT...: sockets are opened even where there is no Xen
probe() {
	text=$1
	shift
	fails 1 "cannot listen for QMP: $text" -machine none "$@" -mon chardev=q
}

nines=$(printf '9%.0s' $(seq 300))
long=$(printf 'y%.0s' $(seq 5000))

fails 2 'option missing: -xen-domid N; see --help' -machine xenfv -m 64
fails 2 'option missing: -machine xenfv; see --help' -xen-domid 7 -m 64
fails 2 'option missing: -m MIB; see --help' -xen-domid 7 -machine xenfv
fails 2 'argument missing: -kernel wants FILE; see --help' -kernel
fails 2 'unknown option: extra; see --help' extra
fails 2 'unknown option: -; see --help' -
fails 2 'unknown option: ; see --help' ''
fails 2 'unknown option: -x??[31m; see --help' "$(printf -- '-x\n\033[31m')"

refused '-xen-domid "": empty' -xen-domid ''
refused "-xen-domid -1: not a domain's number" -xen-domid -1
refused "-xen-domid 7x: not a domain's number" -xen-domid 7x
refused "-xen-domid 32752: not a domain's number" -xen-domid 32752
refused '-xen-domid 999999' -xen-domid "$nines"
refused '-xen-domid 8: contradicts -xen-domid 7' -xen-domid 8
refused '-m "": empty' -m ''
refused '-m -5: a number of MiB' -m -5
refused '-m 1T: a number of MiB' -m 1T
refused '-m 99999999G: not 1 to 16777216 MiB' -m 99999999G
refused '-m 999999' -m "$nines"
refused '-machine "": empty' -machine ''
refused '-machine pc: contradicts -machine xenfv' -machine pc
refused '-machine none: contradicts -machine xenfv' -machine none
refused '-machine max-ram-below-4g=1: ' -machine xenfv,max-ram-below-4g=1
refused '-smp "": empty' -smp ''
refused '-smp 0: ' -smp 0
refused '-smp 2,maxcpus=1: more vCPUs than maxcpus' -smp 2,maxcpus=1
refused '-smp maxcpus=: empty' -smp 2,maxcpus=
refused '-boot order=: empty' -boot order=
refused '-boot once=d: ' -boot once=d
refused '-boot order=cdacdacda: ' -boot order=cdacdacda
refused '-name "": empty' -name ''
refused '-display gtk: only none' -display gtk

refused '-drive file=: empty' -drive file=,if=ide,index=0
refused '-drive index=: empty' -drive file=/x,if=ide,index=
refused '-drive index=-1: ' -drive file=/x,if=ide,index=-1
refused '-drive index=4: ' -drive file=/x,if=ide,index=4
refused '-drive readonly=maybe: on or off' \
	-drive file=/x,if=ide,index=0,readonly=maybe
refused '-drive file=/y: ' -drive file=/x,file=/y,if=ide,index=0
refused '-drive if=none: ' -drive file=/x,if=ide,if=none,index=0
refused '-drive serial=abc: ' -drive file=/x,if=ide,index=0,serial=abc
refused '-drive file=yyyy' -drive "file=$long,if=ide,index=0"
# What is cut off could be the readonly=on.
refused '-drive file=/x,if=ide,index=0,readonly=on: the command line is too long' \
	-name "$(head -c 49138 /dev/zero | tr '\0' y)" \
	-drive file=/x,if=ide,index=0,readonly=on
refused '-drive a: if=none, and no -device takes it' -drive file=/x,id=a
refused '-drive a: given twice' -drive id=a -drive id=a
refused '-drive /x: two drives would write to it' \
	-drive file=/x,if=ide,index=0 -drive file=/x,if=ide,index=1
refused '-drive file=/x: wants if=ide or id=' -drive file=/x
refused '-device VGA: a second display adapter' -device VGA -device VGA
refused '-device vgamem_mb=: empty' -device VGA,vgamem_mb=
refused '-device vgamem_mb=1024: ' -device VGA,vgamem_mb=1024
refused '-device ide-cd: bus=ide.0,unit=0 is taken' -drive id=a \
	-drive file=/x,if=ide,index=0 -device ide-cd,drive=a,bus=ide.0,unit=0
refused '-device e1000: netdev=n: no such -netdev' -device e1000,netdev=n
refused '-netdev tap: wants' -netdev tap
refused '-netdev ifname=: empty' -netdev type=tap,id=a,ifname=
refused '-serial file:: not served' -serial file:
refused '-serial pipe:/x: not served' -serial pipe:/x

refused '-vnc "": empty' -vnc ''
refused '-vnc ::: an IPv6 address is written [ADDRESS]:DISPLAY' -vnc ::,to=99
refused '-vnc ::1: an IPv6 address is written [ADDRESS]:DISPLAY' -vnc ::1,to=99
refused '-vnc [::1]: an IPv6 address is written [ADDRESS]:DISPLAY' -vnc '[::1]'
refused '-vnc [::1:0: an IPv6 address is written [ADDRESS]:DISPLAY' -vnc '[::1:0'
refused '-vnc 127.0.0.1:65535: display is not' -vnc 127.0.0.1:65535
refused '-vnc 127.0.0.1:-1: display is not' -vnc 127.0.0.1:-1
refused '-vnc to=: ' -vnc 127.0.0.1:0,to=
refused '-vnc websocket=on: ' -vnc 127.0.0.1:0,websocket=on
refused '-vnc yyyy' -vnc "$long:0"

refused '-chardev socket,id=a: wants' -chardev socket,id=a
refused '-chardev socket,id=a,path=: wants' -chardev socket,id=a,path=
refused '-chardev fd=1: ' -chardev socket,id=a,fd=1
refused '-chardev socket,id=b,path=/q: given twice' \
	-chardev socket,id=a,path=/q -chardev socket,id=b,path=/q
refused '-chardev socket,id=b,fd=9: given twice' \
	-chardev socket,id=a,fd=9 -chardev socket,id=b,fd=9
refused '-chardev a: nothing but -mon uses one' -chardev socket,id=a,path=/q
refused '-mon chardev=q: no such chardev' -mon chardev=q
refused '-cloister log=loud: ' -cloister log=loud

probe '-chardev id=q fd=99: Bad file descriptor' -chardev socket,id=q,fd=99
probe '-chardev id=q path=/no/q: No such file' -chardev socket,id=q,path=/no/q
probe '-chardev id=q path=/yyy' -chardev "socket,id=q,path=/$(printf 'y%.0s' $(seq 150))"
echo precious >file
probe '-chardev id=q path=file: File exists' -chardev socket,id=q,path=file
n=$((n + 1))
if [ "$(cat file)" = precious ]; then
	echo "ok $n - a file in the way of a socket stays"
else
	echo "not ok $n - a file in the way of a socket stays"
	failed=1
fi
echo "1..$n"
exit $failed
