# SPDX-License-Identifier: GPL-2.0-or-later
# case: both cards at once: 200 MiB each way in one stream, link down and up, floods
# options: --guest-append xen_emul_unplug=never --timeout 7200
# cfg: vif=['mac=00:16:3e:c1:01:60,model=rtl8139,bridge=xenbr0', 'mac=00:16:3e:c1:01:61,model=e1000,bridge=xenbr0']
# before: ip addr add 10.78.0.1/24 dev xenbr0
. lab-case
. lab-net

# interface ADDRESS: which one that card is; they have no order.
interface()
{
	ask "for i in /sys/class/net/eth*; do grep -q $1 \$i/address && basename \$i; done"
}

# streams OUT IN COUNT: to the first address of dom0's, and from the second, at
# once; with these, COUNT have gone each way.
# Either card loses its link for a second, which a stream survives.
streams()
{
	guest-send "nc $1 5001 -e sh /out & nc $2 5003 -e sh /in & sleep 20; for i in $RTL $E1000; do ip link set \$i down; sleep 1; ip link set \$i up; done; wait; echo stre\"\"amed"
	guest-expect streamed 5400
	cat /out/netd.log
	same "$(grep -c "sink: bytes=209715266 md5=$want " /out/netd.log)" "$3" \
		"streams out, the last to $1"
	same "$(grep -c "long: bytes=209715200 md5=$(ask 'cut -c1-32 /sum') " /out/netd.log)" \
		"$3" "streams in, the last from $2"
}

RTL=$(interface c1:01:60)
E1000=$(interface c1:01:61)
ask "echo 1 >/proc/sys/net/ipv4/conf/all/arp_ignore; ip link set $RTL up; ip addr add 10.77.0.60/24 dev $RTL; ip link set $E1000 up; ip addr add 10.78.0.61/24 dev $E1000; sleep 5"
for host in 10.77.0.1 10.78.0.1; do
	same "$(ask "ping -c 5 -q $host | grep -c ', 0% packet loss'")" 1 "$host"
done

# What the guest sends: 8 MiB of noise, 25 times, numbered.
ask 'dd if=/dev/urandom of=/rnd bs=64k count=128 2>/dev/null; echo "for i in \$(seq 25); do echo \$i; dd if=/rnd bs=64k 2>/dev/null; done" >/out; echo "md5sum >/sum" >/in'
want=$(ask 'sh /out | md5sum | cut -c1-32' 900)
[[ $want =~ ^[0-9a-f]{32}$ ]]
streams 10.77.0.1 10.78.0.1 1
streams 10.78.0.1 10.77.0.1 2

# Either end floods the other: what finds no room is lost, and the cards are
# there after it.
gets_iperf3
for host in 10.77.0.1 10.78.0.1; do
	for how in '' -R '-u -b 50M -l 1400' '-u -b 50M -l 18 -R'; do
		guest-send "/usr/bin/iperf3 -c $host -t 10 -i 0 $how >/iperf 2>&1; echo iperf\"\"3 rc=\$?; tail -n 4 /iperf; echo fl\"\"own"
		same "$(guest-expect 'iperf3 rc=[0-9]+' 180 | sed 's/.*rc=//; s/\r//')" \
			0 "iperf3 -c $host $how"
		guest-expect flown
	done
	same "$(ask "ping -A -c 500 -q $host | grep -c ', 0% packet loss'" 200)" \
		1 'a ping as soon as the last is answered, after the floods'
done
guest-send 'poweroff'
gone
clean
