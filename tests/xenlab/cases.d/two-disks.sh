# SPDX-License-Identifier: GPL-2.0-or-later
# case: a second disk that ends within a sector: what the guest writes is there
# options: --guest-append xen_emul_unplug=never
# before: head -c 24000300 /dev/urandom >/var/lib/lab/second.img
# cfg: disk=['format=raw,vdev=hda,target=/dev/vdb', 'format=raw,vdev=hdb,target=/var/lib/lab/second.img']
. lab-case

image=/var/lib/lab/second.img
bytes=24000300 sectors=46876

# The image as the guest has to see it: its last sector ends in zeros.
padded()
{
	{ cat "$image"; head -c $((sectors * 512 - bytes)) /dev/zero; } | md5sum
}

# What the disk itself says, not the guest's page cache.
fresh()
{
	ask "sync; echo 3 >/proc/sys/vm/drop_caches; $1" 400
}

part()
{
	tail -c "+$(($1 + 1))" "$image" | head -c "$2" | md5sum
}

# Linux numbers the two as they answer; the size says which this is.
dev=$(ask "grep -lx $sectors /sys/block/sd?/size | cut -d/ -f4")
[ "$dev" ]
dev=/dev/$dev

same "$(fresh "md5sum <$dev")" "$(padded)" 'disk as it was'

# A file system on the first half.
ask 'dd if=/dev/urandom of=/rnd bs=1024 count=2048 status=none'
want=$(ask 'md5sum </rnd')
ask "mke2fs -b 1024 $dev 11000 >/dev/null; mount -t ext4 $dev /mnt"
ask 'cp /rnd /mnt/file; umount /mnt'
same "$(fresh "mount -t ext4 $dev /mnt; md5sum </mnt/file; umount /mnt")" \
	"$want" 'file in a file system'

# Behind it, direct from an odd sector on, and through the page cache at bytes
# that share their sectors and pages with others.
ask "dd if=/rnd of=$dev bs=64k seek=13000192 oflag=direct,seek_bytes conv=notrunc status=none"
ask "dd if=/rnd of=$dev bs=1000 seek=16000 conv=notrunc status=none; sync"
same "$(part 13000192 2097152)" "$want" 'direct writes'
same "$(part 16000000 2097152)" "$want" 'buffered writes'

# The last three sectors: the image takes what fits and does not grow.
ask "dd if=/rnd of=$dev bs=512 count=3 seek=$((sectors - 3)) oflag=direct conv=notrunc status=none"
last=$(((sectors - 3) * 512))
same "$(part "$last" 1536)" "$(ask "head -c $((bytes - last)) /rnd | md5sum")" \
	'the end of the image'
same "$(stat -c %s "$image")" "$bytes" 'size of the image'

guest=$(fresh "md5sum <$dev")
same "$guest" "$(padded)" 'disk as it is'
guest-send 'poweroff'
gone
clean
same "$guest" "$(padded)" 'image after power-off'
