# SPDX-License-Identifier: GPL-2.0-or-later
# case: every process is killed and stopped in turn while the guest writes, reads back and sends
# options: --guest-append xen_emul_unplug=never --nic e1000
# before: head -c 24000300 /dev/urandom >/var/lib/lab/second.img
# cfg: disk=['format=raw,vdev=hda,target=/dev/vdb', 'format=raw,vdev=hdb,target=/var/lib/lab/second.img']
# cfg: device_model_args=["-cloister", "restart-limit=100/1"]
. lab-case
. lab-net
. lab-busy

# KILLS=N to go on for longer than two of each kind for each process.
kills=${KILLS:-2}

dev=$(second_disk)
[ "$dev" ]
lease
is_busy "/dev/$dev" 22 8
# A stream of bytes that the other end adds up, again and again.
ask 'md5sum </rnd | cut -c1-32 >/tmp/want'
say 'while [ ! -e /tmp/stop ]; do nc 10.77.0.1 5001 </rnd >/tmp/got; cmp /tmp/got /tmp/want >>/tmp/badnet 2>&1; echo x >>/tmp/sent; done & echo sen""ding' sending

names='platform disk0 vga net0 vnc broker'
for n in $(seq "$kills"); do
	for sig in KILL STOP; do
		for name in $names; do
			lab-kill $sig "$name"
		done
	done
done

stops
same "$(ask 'cat /tmp/badnet | wc -c')" 0 'bytes of complaints about the network'
disk=$(rounds) streams=$(ask 'wc -l </tmp/sent')
echo "disk rounds: $disk; streams: $streams"
[ "$streams" -gt 0 ]
reaches 5
is_in_the_image "$dev"
cloisterctl list || true
