#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# tests/integ/serve.sh - `cloister serve` and cloister.conf: what they make of a
# guest, and that each mistake is one line with option, or file, line and key
#
# usage: serve.sh CLOISTER SOURCE
cloister=$(realpath "$1") || exit 1
source=$2
. "$(dirname "$0")/../lib/tap.sh"
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1

tap_notes='out err'

run() {
	timeout 20 "$cloister" serve "$@" >out 2>err </dev/null
	status=$?
}

# fails STATUS TEXT ARGUMENT...: the only line is "cloister: TEXT..."
fails() {
	want=$1 text="cloister: $2"
	shift 2
	run "$@"
	case $(cat err) in
	"$text"*) [ $status = "$want" ] && [ "$(wc -l <err)" = 1 ] && [ ! -s out ] ;;
	*) false ;;
	esac
	tell $? "$text"
}

# refused "OPTION VALUE: reason" ARGUMENT...: added to a whole guest
refused() {
	text=$1
	shift
	fails 1 "refused: $text" --domid 7 --memory 64 "$@"
}

# conf TEXT LINE...: a file of these lines is refused with "./t.conf:TEXT"
conf() {
	text=$1
	shift
	printf '%s\n' "$@" >t.conf
	fails 1 "./t.conf:$text" --domid 7 --memory 64 --config ./t.conf --dry-run
}

# has TEXT: the dry run said so
has() {
	grep -qxF -- "$1" out
	tell $? "$1"
}

# ---- the command line ----

run --help
[ $status = 0 ] && grep -q -- '--cgroup-parent PATH' out
tell $? '--help'
run --version
[ $status = 0 ] && grep -q '^cloister [0-9]' out
tell $? '--version'
fails 2 'option missing: --domid N or --name NAME; see --help' --memory 64
fails 2 'option missing: --memory MIB; see --help' --domid 7
fails 2 'unknown option: --frobnicate; see serve --help' --frobnicate
fails 2 'unknown option: --mem; see serve --help' --mem 64
fails 2 'unknown option: -m; see serve --help' -m 64
fails 2 'unknown option: extra; see serve --help' --domid 7 extra
fails 2 'argument missing: --domid; see serve --help' --domid
refused '--domid "": empty' --domid ''
refused '--domid 8: contradicts --domid 7' --domid 8
refused "--domid -1: not a domain's number" --domid -1
fails 1 'refused: --domid 0: domain 0 has no device model' --domid 0 --memory 64
refused '--memory 1T: a number of MiB' --memory 1T
refused '--vcpus 2,maxcpus=1: more vCPUs than maxcpus' --vcpus 2,maxcpus=1
refused '--boot x: ' --boot x
refused '--xen-platform maybe: on or off' --xen-platform maybe
refused '--vga 17: none or a power of two' --vga 17
refused '--disk format=qcow2 (/x): not served' --disk file=/x,format=qcow2
refused '--disk index=0: given twice' --disk file=/x,index=0 --disk file=/y,index=0
refused '--disk if=scsi: ' --disk file=/x,if=scsi
refused '--disk index=4: ' --disk file=/a --disk file=/b --disk file=/c \
	--disk file=/d --disk file=/e
refused '--nic model=e1000: wants tap=' --nic model=e1000
refused '--nic ne2k: no such network card; there are rtl8139' --nic tap=t0,model=ne2k
refused '--nic speed=10: ' --nic tap=t0,speed=10
refused '--nic mac=00:zz' --nic tap=t0,mac=00:zz:00:00:00:00
refused '--vnc localhost: ' --vnc localhost
refused '--serial pipe:/x: not served' --serial pipe:/x
refused '--cgroup-parent /a/../..: a path below' --cgroup-parent /a/../..
refused '--set log=loud: ' --set log=loud
refused '--set metrics=/x/%x.prom: a % is part of' --set metrics=/x/%x.prom
refused '--set metrics=/x/y%: a % is part of' --set metrics=/x/y%
refused '--config x: given twice' --config x --config x
refused '--limit disk: PROCESS.KEY=VALUE expected' --limit disk
refused '--limit floppy.memory.max=64M: no such process' --limit floppy.memory.max=64M
refused '--limit disk.memory.min=64M: no such limit' --limit disk.memory.min=64M
refused '--limit disk.memory.max=-1: bytes with' --limit disk.memory.max=-1
refused '--limit disk.memory.max=4096: less than 1M' --limit disk.memory.max=4096
refused '--limit vnc.cpu.max=0%: not 1%' --limit vnc.cpu.max=0%
refused '--limit disk0.io.max=sda rbps=1M: /PATH' --limit 'disk0.io.max=sda rbps=1M'
refused '--limit net.pids.max=0: not 1' --limit net.pids.max=0

# ---- files ----

fails 1 'cannot read settings: ./none.conf: No such file' --domid 7 --memory 64 \
	--config ./none.conf
fails 1 'cannot read settings: .: not a regular file' --domid 7 --memory 64 --config .
echo >open.conf
chmod 666 open.conf
fails 1 'cannot read settings: ./open.conf: writable by everybody' --domid 7 \
	--memory 64 --config ./open.conf
conf '1: neither [SECTION] nor KEY = VALUE' nonsense
conf '2: neither [SECTION] nor KEY = VALUE' '[defaults]' '[unended'
conf '1: something after [SECTION]' '[limits.disk] memory.max = 64M'
conf '2: something after [SECTION]' '' '	[defaults]# no remark'
conf '2: log: log=loud' '[defaults]	; a remark' 'log = loud'
conf '2: [floppy]: no such section' '[floppy]' 'log = info'
conf '1: []: no such section' 'log = info'
conf '3: colour: colour=red: no such key' '[defaults]' '# a remark' 'colour = red'
conf '2: log: log=loud: ' '[defaults]' 'log = loud'
conf '2: log: empty' '[defaults]' 'log ='
conf '2: limit: no such key in [defaults]' '[defaults]' 'limit = disk.memory.max=64M'
conf '2: memory.max: floppy.memory.max=64M: no such process' '[limits.floppy]' \
	'memory.max = 64M'
conf '2: memory.max: disk.memory.max=64Q: bytes with' '[limits.disk]' 'memory.max = 64Q'
conf '2: memory.max: disk.memory.max=99999999T: bytes with' '[limits.disk]' \
	'memory.max = 99999999T'
conf '4: io.max: disk.io.max=/x rbps=1M rbps=2M: rbps=, wbps=' '[limits.disk]' '' \
	'memory.max = 64M' 'io.max = /x rbps=1M rbps=2M'
conf '2: domid: no such key in [guest]' '[guest]' 'domid = 8'
conf '2: disk: file=: empty' '[guest]' 'disk = file='
conf '3: vcpus: 0: ' '[guest]' 'disk = file=/x' 'vcpus = 0'
conf '2: the line is too long' '[defaults]' "log = $(head -c 5000 /dev/zero | tr '\0' i)"
conf '66: memory.max: disk.memory.max=64M: more than 64 limits' '[limits.disk]' \
	$(yes memory.max=64M | head -70)
printf '[defaults]\nlog = in\0fo\n' >t.conf
fails 1 './t.conf:2: a zero byte' --domid 7 --memory 64 --config ./t.conf

conf "2: metrics: metrics=/x/%q.prom: a % is part of" '[defaults]' 'metrics = /x/%q.prom'
fails 1 "refused: metrics=/x/%n.prom: %n: the guest has no name" --domid 7 --memory 64 \
	--set metrics=/x/%n.prom
fails 1 "refused: metrics=/x/%n.prom: %n: the guest's name is not one for a file" \
	--domid 7 --name ../../etc/passwd --memory 64 --set metrics=/x/%n.prom

# ---- what comes of it ----

cat >guest.conf <<'CONF'
[defaults]
log = debug
shadow = off
cgroup-parent = /machines

[guest]
memory = 96
vcpus = 2,maxcpus=4
; a remark
disk = file=/srv/a,,b.img,readonly=on ; and another
disk = file=/dev/vg/data
nic = tap=vif7.0,model=rtl8139,mac=00:16:3e:01:02:03
vnc = 127.0.0.1:3,password=on
serial = pty
vga = 32

[limits.disk]
memory.max = 256M
io.max = images rbps=10M
CONF
before=$(ls -a)
run --domid 7 --name web1 --config ./guest.conf --dry-run --limit vnc.cpu.max=50% \
	--memory 128 --disk file=/x,index=3 --set 'metrics=/x/%d-%n%%.prom'
[ $status = 0 ] && [ ! -s err ] && [ "$(ls -a)" = "$before" ]
tell $? 'a dry run leaves nothing behind'
has 'guest: domid=7 name=web1'
has 'ram: mib=128 low_bytes=134217728 high_bytes=0'
has 'vcpus: plugged=2 max=4'
has 'device: IDE 0 file=/srv/a,b.img mode=ro'
has 'device: IDE 1 file=/dev/vg/data mode=rw'
has 'device: IDE 3 file=/x mode=rw'
has 'device: rtl8139 slot=4 tap=vif7.0 mac=00:16:3e:01:02:03 rom=efi-rtl8139.rom'
has 'device: stdvga slot=3 mib=32'
has 'device: VNC host=127.0.0.1 display=3 password=on'
has 'device: COM1 pty '
has 'process: disk0 program=cloister-disk cgroup=disk0 uid=1879048306'
[ "$(grep -c '^	fd [0-9]*: image of the ' out)" = 3 ]
tell $? 'three images for the disk worker'
has 'process: net0 program=cloister-net cgroup=net0 uid=1879048307'
has 'cgroup: parent=/machines'
has 'metrics: file=/x/7-web1%.prom every_s=15'
has 'limit: disk.memory.max=256M'
has 'limit: disk.io.max=images rbps=10M'
has 'limit: vnc.cpu.max=50%'
! grep -q '?' out
tell $? 'every descriptor has a meaning'
run --name web1 --memory 64 --vga none --dry-run
[ $status = 0 ] && ! grep -q 'stdvga\|process: v' out
tell $? 'no display: nobody for it'
"$cloister" -xen-domid 7 -machine xenfv -m 64 \
	-cloister cgroup-parent=/m,limit=floppy.memory.max=1M >out 2>err
[ $? = 1 ] && grep -q '^cloister: refused: -cloister floppy.memory.max=1M: no such process' err
tell $? "limits in xl's device_model_args"

# The files that are installed are right.
run --domid 7 --memory 64 --config "$source/contrib/conf/cloister.conf" --dry-run
[ $status = 0 ]
tell $? 'the installed cloister.conf'
sed 's/^# \([a-z.-]* = \|\[\)/\1/' "$source/contrib/conf/cloister.conf" >t.conf
run --domid 7 --memory 64 --config ./t.conf --dry-run
[ $status = 0 ] && [ "$(grep -c ^limit: out)" = 5 ]
tell $? '... and with all its examples in force'
run --name web1 --config "$source/contrib/conf/example-guest.conf" --dry-run
[ $status = 0 ] && grep -q '^device: e1000 ' out
tell $? 'the example of a guest'
tap_done
