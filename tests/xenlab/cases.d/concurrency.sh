# SPDX-License-Identifier: GPL-2.0-or-later
# case: flushes that take a second hold up neither other devices nor status polls
# options: --vcpus 2 --guest-append 'xen_emul_unplug=never'
# cfg: disk=['format=raw,vdev=hda,access=rw,backendtype=phy,target=/dev/dm-0']
# before: modprobe dm-delay
# before: size=$(blockdev --getsz /dev/vdb)
# before: dmsetup create slow --noudevsync --table "0 $size delay /dev/vdb 0 0 /dev/vdb 0 0 /dev/vdb 0 0"
. lab-case

# Flushes wait this long from now on; reads and writes do not.
flush_delay()
{
	dmsetup suspend --noudevsync slow
	dmsetup load slow --table "0 $(blockdev --getsz /dev/vdb) delay \
		/dev/vdb 0 0 /dev/vdb 0 0 /dev/vdb 0 $1"
	dmsetup resume --noudevsync slow
}

# portbench on the second vCPU; its lines go to a file.
measure()
{
	guest-send 'taskset 2 portbench 2000'
	guest-expect 'portbench: done' 300
	tail -c 4000 /run/xenlab/serial.log | tr -d '\r' |
		grep '^portbench: .*median' | tail -8 >"/out/ports-$1.txt"
	same "$(wc -l <"/out/ports-$1.txt")" 8 'ports measured'
}

same "$(ask 'nproc')" 2 'processors'
measure idle
flush_delay 1000
guest-send 'n=0; while [ $n -lt 100000 ]; do n=$((n+1)); taskset 1 dd if=/dev/zero of=/junk bs=4k count=1 conv=fsync; echo $n >/tmp/flushes; done >/dev/null 2>&1 &'
sleep 5
start=$EPOCHSECONDS before=$(ask 'cat /tmp/flushes')
measure flushing
after=$(ask 'cat /tmp/flushes') seconds=$((EPOCHSECONDS - start))
echo "$((after - before)) flushes in $seconds s"
# One after the other, a second or more each; else this measures nothing.
[ $((after - before)) -ge 1 ]
[ $((after - before)) -le $((seconds + 1)) ]
python3 - <<'EOF'
import re
def read(name):
    with open(f'/out/ports-{name}.txt', encoding='ascii') as file:
        return {words[1]: dict((key, float(value)) for key, value in
                               (word.split('=') for word in words[2:]))
                for words in map(str.split, file)}
idle, busy, bad = read('idle'), read('flushing'), 0
for port, now in busy.items():
    was = idle[port]
    print(f'{port:14} median {was["median"]/1e3:7.1f} -> '
          f'{now["median"]/1e3:7.1f} us, p99 {was["p99"]/1e3:8.1f} -> '
          f'{now["p99"]/1e3:8.1f}, max {was["max"]/1e6:6.1f} -> '
          f'{now["max"]/1e6:6.1f} ms')
    # A flush holds for 1000 ms; the median of a lab on shared processors
    # moves by a third at most.
    bad += now['max'] > 500e6 or now['median'] > 2 * was['median']
raise SystemExit(bad)
EOF
