# SPDX-License-Identifier: GPL-2.0-or-later
# case: cgroups of a family: born inside, limits, whose I/O it is, nothing left
# options: --guest-append xen_emul_unplug=never
# cfg: device_model_args=["-cloister","limit=disk.memory.max=256M,limit=vnc.cpu.max=50%,limit=disk.io.max=images rbps=100M,limit=family.pids.max=64"]
. lab-case

at=/sys/fs/cgroup/cloister-$DOMID
for process in supervisor broker platform disk0 vga vnc; do
	same "$(wc -l <"$at/$process/cgroup.procs")" 1 "one process in $process"
	grep -H . "$at/$process/cgroup.controllers"
done
same "$(cat "$at/disk0/memory.max")" 268435456 'memory of disk0'
same "$(cat "$at/vnc/cpu.max")" '50000 100000' 'cpu of vnc'
same "$(cat "$at/pids.max")" 64 'pids of all'
cat "$at/disk0/io.max"
grep -q 'rbps=104857600' "$at/disk0/io.max"

# 8 MiB from the disk: charged to the worker that read it, and to no other.
ask 'echo 3 >/proc/sys/vm/drop_caches; dd if=/dev/sda of=/dev/null bs=1M count=8 2>/dev/null; echo read'
echo 3 >/proc/sys/vm/drop_caches
ask 'echo 3 >/proc/sys/vm/drop_caches; dd if=/dev/sda of=/dev/null bs=1M count=8 2>/dev/null; echo read'
grep -H . "$at"/*/io.stat || true
read_bytes=$(sed -n 's/.* rbytes=\([0-9]*\).*/\1/p' "$at/disk0/io.stat" | sort -n | tail -1)
[ "${read_bytes:-0}" -ge 8388608 ]
cat "$at/broker/io.stat" "$at/platform/io.stat" >/tmp/io.stat
same "$(grep -o 'rbytes=[1-9][0-9]*' /tmp/io.stat || true)" '' \
	'I/O of broker and platform'

xl destroy "$DOMID"
gone 20
clean
[ ! -e "$at" ]
