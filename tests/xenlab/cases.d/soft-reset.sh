# SPDX-License-Identifier: GPL-2.0-or-later
# case: soft reset, twice, of a guest that goes on, with the disk busy
# options: --guest-append "xen_nopv xen_emul_unplug=never nowatchdog" --nic e1000 --memory 160
# before: head -c 24000300 /dev/urandom >/var/lib/lab/second.img
# cfg: disk=['format=raw,vdev=hda,target=/dev/vdb', 'format=raw,vdev=hdb,target=/var/lib/lab/second.img']
# cfg: on_soft_reset="soft-reset"
#
# A kernel that uses Xen's PV interfaces loses them by a soft reset and has to
# start anew; this one does not know that it is Xen's guest, so that it goes on
# where it was, and can tell what it finds changed.  It is away for long: libxl
# waits ten seconds for back ends of PV disks that have no front end to go, and
# runs its scripts.  Nothing but the guest's own clocks may have noticed.
. lab-case
. lab-net
. lab-busy

log=/var/log/xen/xl-$NAME.log
port=$(xenstore-read "/local/domain/$DOMID/console/vnc-port")

shot()
{
	vnctool "127.0.0.1:$port" shot "$1"
}

# Two pictures that differ in a blinking cursor at most.
alike()
{
	python3 - "$@" <<-'END'
	import sys
	one, two = (open(path, 'rb').read() for path in sys.argv[1:])
	differ = sum(a != b for a, b in zip(one, two))
	print(f'{sys.argv[1:]}: {differ} of {len(one)} bytes differ')
	sys.exit(len(one) != len(two) or differ > 9 * 16 * 3)
	END
}

# Nobody of the old device model is left, the new one serves, the guest runs.
is_reset()
{
	local now
	now=$(lab-processes)
	[ "$(wc -w <<<"$now")" = "$(wc -w <<<"$1")" ] || return 1
	[ -z "$(comm -12 <(sort <<<"$1") <(sort <<<"$now"))" ] || return 1
	[ "$(xenstore-read "/local/domain/0/device-model/$DOMID/state")" = running ] &&
		[ -e "/run/xenlab/tty-$DOMID" ] &&
		xl list "$DOMID" |
		awk 'NR == 2 { runs = $5 !~ /[psc]/ } END { exit !runs }'
} 2>/dev/null

reset_softly()
{
	local was began=${EPOCHREALTIME/./} end=$((EPOCHSECONDS + 180))
	was=$(lab-processes)
	lab-softreset "$DOMID"
	until is_reset "$was"; do
		if [ "$EPOCHSECONDS" -gt "$end" ]; then
			cat "$log"
			return 1
		fi
		sleep 0.2
	done
	echo "soft reset: $(((${EPOCHREALTIME/./} - began) / 1000)) ms"
	same "$(xl domid "$NAME")" "$DOMID" domain
	same "$(grep -c 'shutdown reason code 5 is soft-reset' "$log")" "$1" \
		'soft resets that xl knows of'
}

goes_on()
{
	# Its own shell with what was in it: it was not booted.
	same "$(ask 'echo $mark $$ $(cat /proc/sys/kernel/random/boot_id)')" \
		"$mark" "guest after $1"
	goes_round "$1"
	reaches 5
	shot "/out/screen$2-after.ppm"
	alike "/out/screen$2.ppm" "/out/screen$2-after.ppm"
}

# What the kernel has to say would come in the middle of an answer.
ask 'dmesg -n 1'
# Its 30 s are over when it comes back, whether the drive has answered or not.
ask 'echo 300 | tee /sys/block/sd?/device/timeout >/dev/null'
same "$(ask 'cat /sys/hypervisor/type || echo none')" none \
	'the hypervisor that it knows of'
dev=$(second_disk)
[ "$dev" ]
lease
is_busy "/dev/$dev" 22 8
say 'read mark rest </proc/uptime; echo mar""ked' marked
mark=$(ask 'echo $mark $$ $(cat /proc/sys/kernel/random/boot_id)')
goes_round 'its start'

for n in 1 2; do
	ask "echo before $n >/dev/tty1"
	sleep 1
	shot "/out/screen$n.ppm"
	reset_softly "$n"
	goes_on "soft reset $n" "$n"
	ask "for i in \$(seq 20); do echo after soft reset $n; done >/dev/tty1"
	shot "/out/screen$n-later.ppm"
	lit "/out/screen$n-after.ppm" "/out/screen$n-later.ppm"
done

stops
is_in_the_image "$dev"
