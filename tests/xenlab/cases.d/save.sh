# SPDX-License-Identifier: GPL-2.0-or-later
# case: saved, restored and migrated to this very host, with the disk busy
# options: --guest-append xen_emul_unplug=never --nic e1000 --memory 160
# before: head -c 24000300 /dev/urandom >/var/lib/lab/second.img
# cfg: disk=['format=raw,vdev=hda,target=/dev/vdb', 'format=raw,vdev=hdb,target=/var/lib/lab/second.img']
. lab-case
. lab-net

file=/var/lib/lab/guest.save sectors=46876
trap 'rm -f "$file"' EXIT

# The guest lives on: its shell and what it was doing.
lives_on()
{
	DOMID=$(xl domid "$NAME")
	same "$(ask 'echo again')" again "guest after $1"
	before=$(ask 'cat /tmp/rounds')
	sleep 5
	[ "$(ask 'cat /tmp/rounds')" -gt "$before" ]
	same "$(ask 'cat /tmp/bad | wc -c')" 0 "complaints after $1"
	reaches 5
}

# What the kernel has to say would come in the middle of an answer.
ask 'dmesg -n 1'
dev=/dev/$(ask "grep -lx $sectors /sys/block/sd?/size | cut -d/ -f4")
lease
ask 'mount -t tmpfs none /tmp; dd if=/dev/urandom of=/rnd bs=64k count=8 status=none; echo 0 >/tmp/rounds'
say 'i=0; while [ ! -e /tmp/stop ]; do dd if=/rnd of='"$dev"' bs=64k seek=$((i % 22 * 8)) oflag=direct conv=notrunc status=none 2>>/tmp/bad; dd if='"$dev"' bs=64k skip=$((i % 22 * 8)) count=8 iflag=direct status=none 2>>/tmp/bad | cmp - /rnd >>/tmp/bad 2>&1; i=$((i + 1)); echo $i >/tmp/rounds; done & echo wri""ting' writing

time xl save "$NAME" "$file"
gone 1
ls -l "$file"
time xl restore "$file"
lives_on 'xl restore'
rm "$file"

time xl migrate -s lab-here "$NAME" localhost
lives_on 'xl migrate'

ask 'touch /tmp/stop; wait; echo ended' 200
same "$(ask 'dmesg | grep -c "ata[0-9].*\(error\|exception\|failed\)"')" 0 \
	'complaints of the ATA driver'
guest=$(ask "sync; echo 3 >/proc/sys/vm/drop_caches; md5sum <$dev | cut -c1-32" 400)
guest-send 'poweroff'
gone
clean
same "$guest" "$({ cat /var/lib/lab/second.img; head -c $((sectors * 512 - 24000300)) /dev/zero; } | md5sum | cut -c1-32)" \
	'image after power-off'
