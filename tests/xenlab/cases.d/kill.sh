# SPDX-License-Identifier: GPL-2.0-or-later
# case: every process is killed and stopped in turn while the guest writes, reads back and sends
# options: --guest-append xen_emul_unplug=never --nic e1000
# before: head -c 24000300 /dev/urandom >/var/lib/lab/second.img
# cfg: disk=['format=raw,vdev=hda,target=/dev/vdb', 'format=raw,vdev=hdb,target=/var/lib/lab/second.img']
# cfg: device_model_args=["-cloister", "restart-limit=100/1"]
. lab-case
. lab-net

# KILLS=N to go on for longer than two of each kind for each process.
rounds=${KILLS:-2}
image=/var/lib/lab/second.img
sectors=46876

dev=$(ask "grep -lx $sectors /sys/block/sd?/size | cut -d/ -f4")
[ "$dev" ]
dev=/dev/$dev
lease
ask 'dd if=/dev/urandom of=/rnd bs=64k count=8 status=none; mount -t tmpfs none /tmp'

# Writes past the page cache, reads back from the disk, compares; 12 MB round.
say 'i=0; while [ ! -e /tmp/stop ]; do dd if=/rnd of='"$dev"' bs=64k seek=$((i % 22 * 8)) oflag=direct conv=notrunc status=none 2>>/tmp/bad; dd if='"$dev"' bs=64k skip=$((i % 22 * 8)) count=8 iflag=direct status=none 2>>/tmp/bad | cmp - /rnd >>/tmp/bad 2>&1; i=$((i + 1)); echo $i >/tmp/rounds; done & echo wri""ting' writing
# A stream of bytes that the other end adds up, again and again.
ask 'md5sum </rnd | cut -c1-32 >/tmp/want'
say 'while [ ! -e /tmp/stop ]; do nc 10.77.0.1 5001 </rnd >/tmp/got; cmp /tmp/got /tmp/want >>/tmp/badnet 2>&1; echo x >>/tmp/sent; done & echo sen""ding' sending

names='platform disk0 vga net0 vnc broker'
for n in $(seq "$rounds"); do
	for sig in KILL STOP; do
		for name in $names; do
			lab-kill $sig "$name"
		done
	done
done

ask 'touch /tmp/stop; wait; echo ended' 200
same "$(ask 'cat /tmp/bad | wc -c')" 0 'bytes of complaints about the disk'
same "$(ask 'cat /tmp/badnet | wc -c')" 0 'bytes of complaints about the network'
disk=$(ask 'cat /tmp/rounds') streams=$(ask 'wc -l </tmp/sent')
echo "disk rounds: $disk; streams: $streams"
[ "$disk" -gt 0 ]
[ "$streams" -gt 0 ]
same "$(ask 'dmesg | grep -c "ata[0-9].*\(error\|exception\|failed\)"')" 0 \
	'complaints of the ATA driver'
reaches 5
guest=$(ask "sync; echo 3 >/proc/sys/vm/drop_caches; md5sum <$dev | cut -c1-32" 400)
guest-send 'poweroff'
gone
clean
same "$guest" "$({ cat "$image"; head -c $((sectors * 512 - 24000300)) /dev/zero; } | md5sum | cut -c1-32)" \
	'image after power-off'
cloisterctl list || true
