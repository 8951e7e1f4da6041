# SPDX-License-Identifier: GPL-2.0-or-later
# case: saved, restored and migrated to this very host, with the disk busy
# options: --guest-append xen_emul_unplug=never --nic e1000 --memory 160
# before: head -c 24000300 /dev/urandom >/var/lib/lab/second.img
# cfg: disk=['format=raw,vdev=hda,target=/dev/vdb', 'format=raw,vdev=hdb,target=/var/lib/lab/second.img']
. lab-case
. lab-net
. lab-busy

file=/var/lib/lab/guest.save
trap 'rm -f "$file"' EXIT

# The guest lives on: its shell and what it was doing.
lives_on()
{
	DOMID=$(xl domid "$NAME")
	same "$(ask 'echo again')" again "guest after $1"
	goes_round "$1"
	reaches 5
}

# What the kernel has to say would come in the middle of an answer.
ask 'dmesg -n 1'
dev=$(second_disk)
[ "$dev" ]
lease
is_busy "/dev/$dev" 22 8

time xl save "$NAME" "$file"
gone 1
ls -l "$file"
time xl restore "$file"
lives_on 'xl restore'
rm "$file"

time xl migrate -s lab-here "$NAME" localhost
lives_on 'xl migrate'

stops
is_in_the_image "$dev"
