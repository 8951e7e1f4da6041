# SPDX-License-Identifier: GPL-2.0-or-later
# case: the Debian package: installed, two guests, one's disk capped, removed
# options: --deb "$("$here/package" "$out/$name")" --guest-append xen_emul_unplug=never --memory 192
# before: for n in guest other; do cp --sparse=always /dev/vdb /var/lib/cloister/$n.img; done; sync; echo 3 >/proc/sys/vm/drop_caches
# cfg: disk=['format=raw,vdev=hda,access=rw,target=/var/lib/cloister/guest.img']
. lab-case

first=$DOMID

# ---- what is installed is the package's ----

same "$(dpkg-query -W -f '${db:Status-Status}' cloister)" installed 'package'
wrong=$(dpkg --verify cloister)
same "$wrong" '' 'files that are not as packaged'
staged=$(ls /stage)
same "$staged" '' 'files of a build'
dpkg -L cloister >/tmp/packaged

# ---- a second guest ----

sed -e 's/^name=.*/name="other"/' -e 's/^memory=.*/memory=160/' \
	-e 's|/guest\.img|/other.img|' /lab/xl.cfg >/tmp/other.cfg
xl create /tmp/other.cfg
other=$(xl domid other)
GUEST=$other guest-expect 'guest: user space up' 400
for guest in "$first" "$other"; do
	# What the kernel has to say would come in the middle of an answer.
	GUEST=$guest ask 'dmesg -n 1; mount -t tmpfs none /tmp; dd if=/dev/urandom of=/tmp/rnd bs=64k count=32 status=none'
done
same "$(xl list | awk 'NR > 1 && $2 != 0' | wc -l)" 2 'guests'

# ---- what is told of them ----

cloisterctl list >/out/list.txt
cloisterctl status >/out/status.txt
cloisterctl metrics >/out/metrics.txt
cloisterctl explain >/out/explain.txt
cloisterctl explain --json >/out/explain.json
cat /out/list.txt
for guest in "$first:$NAME" "$other:other"; do
	grep -E "^ *${guest%:*} +${guest#*:} " /out/list.txt
	grep -E "^guest ${guest%:*} ${guest#*:}:" /out/status.txt
	grep -E "^cloister_up\{domid=\"${guest%:*}\",name=\"${guest#*:}\"" /out/metrics.txt
	grep -E "^cloister_memory_bytes\{domid=\"${guest%:*}\",.*worker=\"disk0\"" /out/metrics.txt
done

# What cloisterctl says of each process, against the kernel's files.
python3 - /out/explain.json /tmp/packaged <<'EOF'
import json, os, sys

packaged = open(sys.argv[2], encoding='utf-8').read().split('\n')
wrong = looked = 0

def check(who, what, said, is_so):
    global wrong, looked
    looked += 1
    if said != is_so:
        wrong += 1
        print(f'{who}: {what}: said {said!r}, is {is_so!r}')

for guest in json.load(open(sys.argv[1], encoding='utf-8')):
    for one in guest['processes']:
        at, told = f'/proc/{one["pid"]}', one['evidence']
        who = f'{guest["name"]} {one["name"]}'
        fields = dict(line.split(':', 1)
                      for line in open(at + '/status', encoding='utf-8'))
        modes = {'0': 'off', '1': 'strict', '2': 'filter'}
        check(who, 'uid', told['ids']['uid'], int(fields['Uid'].split()[0]))
        check(who, 'uid of status', one['uid'], int(fields['Uid'].split()[0]))
        check(who, 'no new privs', told['no_new_privs'],
              int(fields['NoNewPrivs']))
        check(who, 'seccomp', told['seccomp']['mode'],
              modes[fields['Seccomp'].strip()])
        check(who, 'cgroup', told['cgroup'],
              open(at + '/cgroup', encoding='utf-8').read().strip()[3:])
        now = set(map(int, os.listdir(at + '/fd')))
        fds = {fd['fd'] for fd in told['fds']}
        if one['role'] == 'supervisor':
            # The connection it was asked on is closed by now.
            now |= fds if len(fds - now) == 1 else set()
        check(who, 'descriptors', sorted(fds), sorted(now))
        check(who, 'program is packaged', True,
              os.readlink(at + '/exe') in packaged)
        if one['role'] != 'supervisor':
            check(who, 'is confined', ['filter', 1],
                  [told['seccomp']['mode'], told['no_new_privs']])
            check(who, 'group', told['cgroup'],
                  f'/cloister-{guest["domid"]}/{one["name"]}')
print(f'explain: {looked} facts looked up, {wrong} wrong')
sys.exit(wrong > 0 or looked < 2 * 6 * 7)
EOF

# ---- one's disk is capped ----

# seconds DOMID COMMAND: by the guest's clock.
seconds()
{
	sync
	echo 3 >/proc/sys/vm/drop_caches
	local times
	times=$(GUEST=$1 ask "read a x </proc/uptime; $2 2>/dev/null; read b x </proc/uptime; echo \$a \$b" 120) ||
		return 1
	awk '{ print $2 - $1 }' <<<"$times"
}

# In the kernel image, for holes cost nothing; then a file that has to arrive.
reads='dd if=/dev/sda of=/dev/null bs=64k skip=32 count=48 iflag=direct'
writes='dd if=/tmp/rnd of=/junk bs=64k count=32 conv=fsync'

# One row for each measurement: WHEN WHICH WHAT SECONDS.
measure()
{
	local which what
	for _ in 1 2; do
		for what in reads writes; do
			for which in "capped $first" "free $other"; do
				echo "$1 ${which% *} $what $(seconds "${which#* }" "${!what}")"
			done
		done
	done | tee -a /out/speed.txt
}

measure before
cloisterctl limit "$NAME" disk0 'io.max=images rbps=1M wbps=1M'
grep . "/sys/fs/cgroup/cloister-$first/disk0/io.max"
free=$(cat "/sys/fs/cgroup/cloister-$other/disk0/io.max")
same "$free" '' "the other's io.max"
measure after
# And at the same time: one waits for its disk, the other does not notice.
GUEST=$first guest-send "$reads 2>/tmp/while; echo rea\"\"dy"
echo "while free reads $(seconds "$other" "$reads")" | tee -a /out/speed.txt
GUEST=$first guest-expect '^ready' 60
python3 - /out/speed.txt <<'EOF'
import collections, sys

seen = collections.defaultdict(list)
for line in open(sys.argv[1], encoding='ascii'):
    when, which, what, seconds = line.split()
    seen[when, which, what].append(float(seconds))
best = {key: min(values) for key, values in seen.items()}
bad = 0
for what, mib in (('reads', 3), ('writes', 2)):
    capped = [best[when, 'capped', what] for when in ('before', 'after')]
    free = [best[when, 'free', what] for when in ('before', 'after')]
    print(f'{what} of {mib} MiB: capped {capped[0]:.2f} -> {capped[1]:.2f} s, '
          f'free {free[0]:.2f} -> {free[1]:.2f} s')
    # The kernel lets some through at once.
    bad += not (capped[1] > 0.8 * mib and capped[1] > 1.5 * capped[0])
    bad += not free[1] < 1.5 * free[0]
free, now = best['before', 'free', 'reads'], best['while', 'free', 'reads']
print(f'reads while the capped one reads: {free:.2f} -> {now:.2f} s')
sys.exit(bad + (now > 2 * free))
EOF
cloisterctl limit "$NAME" disk0 'io.max=images rbps=max wbps=max'

# ---- one's worker dies ----

# Pids of the other's family.
others()
{
	cat /sys/fs/cgroup/cloister-"$other"/*/cgroup.procs | sort
}

restarts()
{
	cloisterctl metrics "$1" | sed -n 's/^cloister_restarts_total{.*worker="disk0".*} //p'
}

# A guest finds on its disk what it wrote.
right()
{
	same "$(GUEST=$1 ask 'echo 3 >/proc/sys/vm/drop_caches; md5sum </junk')" \
		"$(GUEST=$1 ask 'md5sum </tmp/rnd')" "file of domain $1"
}

all=$(others)
same "$(wc -l <<<"$all")" 6 "the other's processes"
GUEST=$first lab-kill KILL disk0
right "$first"
same "$(others)" "$all" "the other's processes"
same "$(restarts "$first") $(restarts "$other")" '1 0' 'restarts'
same "$(grep -c 'child \(killed\|ended\|is gone\|was \|replaced\)' /var/log/xen/qemu-dm-other.log || true)" 0 \
	"deaths in the other's log"
right "$other"

# ---- the end of it all ----

for guest in "$first:$NAME" "$other:other"; do
	GUEST=${guest%:*} guest-send 'poweroff'
	NAME=${guest#*:} gone
	DOMID=${guest%:*}
done
clean
DOMID=$first clean
same "$(find /sys/fs/cgroup -type d -name 'cloister*')" '' 'groups'
dpkg -r cloister
# Of the package: settings; not of it: images and what is to be looked into.
find / -xdev \( -path '/var/lib/dpkg/*' -o -path '/lab/*' -o -path '/out/*' \) -prune \
	-o -path '*cloister*' -print >/out/left.txt
cat /out/left.txt
same "$(grep -Ev '^/etc/cloister(/cloister\.conf)?$|^/var/lib/cloister(/(guest|other)\.img|/crash(/[^/]*\.crash)?)?$' /out/left.txt || true)" \
	'' 'left behind by dpkg -r'
[ ! -e /run/cloister ]
dpkg -P cloister
same "$(find /etc/cloister /var/lib/cloister | sort | tr '\n' ' ')" \
	'/var/lib/cloister /var/lib/cloister/guest.img /var/lib/cloister/other.img ' \
	'left behind by dpkg -P'
