/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dev/rtl8139_csum.c - checksums and large sends of the RTL8139C+
 *
 * Runs in the net worker.  The IP header's checksum is filled in here; those
 * of TCP and UDP, and the cutting of large sends, are left to the host.  Every
 * length in the frame is the guest's and compared before it is used; what does
 * not add up is sent as it is.
 */
#include <string.h>

#include "dev/rtl8139_core.h"

#define ETHERTYPE_IPV4	0x0800u
#define IP_MIN		20u
#define IP_MAX		65535u
#define IP_FRAGMENT	0x3fffu		/* more to come, or not the first */
#define PROTO_TCP	6u
#define PROTO_UDP	17u
#define TCP_MIN		20u
#define UDP_MIN		8u
#define TCP_CSUM	16u		/* offset in the header */
#define UDP_CSUM	6u

struct ip {
	uint8_t *at;
	uint32_t header_bytes, total_bytes;	/* total 0: it lies */
	uint8_t proto;
	bool fragment;
};

static bool find_ip(uint8_t *frame, size_t len_bytes, struct ip *ip)
{
	uint8_t *p = frame + NIC_HEADER_BYTES;
	size_t room;

	if (len_bytes < NIC_HEADER_BYTES + IP_MIN ||
	    be16_get(frame + 12) != ETHERTYPE_IPV4 || p[0] >> 4 != 4)
		return false;
	room = len_bytes - NIC_HEADER_BYTES;
	ip->at = p;
	ip->header_bytes = (p[0] & 15u) * 4;
	if (ip->header_bytes < IP_MIN || ip->header_bytes > room)
		return false;
	ip->total_bytes = be16_get(p + 2);
	if (ip->total_bytes < ip->header_bytes || ip->total_bytes > room)
		ip->total_bytes = 0;
	ip->proto = p[9];
	ip->fragment = be16_get(p + 6) & IP_FRAGMENT;
	return true;
}

static uint64_t sum(const uint8_t *p, size_t len_bytes, uint64_t s)
{
	for (; len_bytes > 1; p += 2, len_bytes -= 2)
		s += be16_get(p);
	return len_bytes ? s + ((uint64_t)p[0] << 8) : s;
}

static uint16_t fold(uint64_t s)
{
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return (uint16_t)s;
}

static void fill_ip_csum(struct ip *ip)
{
	be16_put(ip->at + 10, 0);
	be16_put(ip->at + 10, (uint16_t)~fold(sum(ip->at, ip->header_bytes, 0)));
}

/* A UDP checksum of 0 would mean that there is none. */
static void fill_csum(uint8_t *start, size_t len_bytes, size_t offset, bool udp)
{
	uint16_t v = (uint16_t)~fold(sum(start, len_bytes, 0));

	be16_put(start + offset, udp && !v ? 0xffff : v);
}

/*
 * TCP's or UDP's checksum: the pseudo header's sum now, the rest later.  Bytes
 * behind the IP packet, which a driver put there to make a short frame long
 * enough, are not part of it; the host would add them up.
 */
static void ask_csum(struct ip *ip, uint32_t room, struct nic_todo *todo)
{
	bool udp = ip->proto == PROTO_UDP;
	uint32_t offset = udp ? UDP_CSUM : TCP_CSUM;
	uint32_t bytes = ip->total_bytes - ip->header_bytes;
	uint8_t *start = ip->at + ip->header_bytes;

	be16_put(start + offset, fold(sum(ip->at + 12, 8, ip->proto + bytes)));
	if (ip->total_bytes != room) {
		fill_csum(start, bytes, offset, udp);
		return;
	}
	todo->csum = true;
	todo->csum_start = (uint16_t)(NIC_HEADER_BYTES + ip->header_bytes);
	todo->csum_offset = (uint16_t)offset;
}

static bool has_header(const struct ip *ip, uint8_t proto, uint32_t min_bytes)
{
	return ip->proto == proto && !ip->fragment && ip->total_bytes &&
	       ip->total_bytes - ip->header_bytes >= min_bytes;
}

static void ask_segments(struct ip *ip, uint32_t room, uint32_t mss,
			 struct nic_todo *todo)
{
	uint32_t tcp_bytes;

	/* The chip counts: the header's own length may be anything. */
	if (room > IP_MAX)
		return;
	ip->total_bytes = room;
	if (!has_header(ip, PROTO_TCP, TCP_MIN))
		return;
	tcp_bytes = (ip->at[ip->header_bytes + 12] >> 4) * 4u;
	if (tcp_bytes < TCP_MIN || tcp_bytes > room - ip->header_bytes)
		return;
	be16_put(ip->at + 2, (uint16_t)room);
	fill_ip_csum(ip);
	ask_csum(ip, room, todo);
	if (room - ip->header_bytes - tcp_bytes <= mss)
		return;
	todo->gso = NIC_GSO_TCPV4;
	todo->gso_bytes = (uint16_t)mss;
	todo->header_bytes = (uint16_t)(NIC_HEADER_BYTES + ip->header_bytes +
					tcp_bytes);
}

void rtl8139_offload(uint8_t *frame, size_t len_bytes, uint32_t dw0,
		     struct nic_todo *todo)
{
	uint32_t room = (uint32_t)(len_bytes - NIC_HEADER_BYTES);
	struct ip ip;

	if (!(dw0 & (TX_LGSEN | TX_IPCS | TX_TCPCS | TX_UDPCS)) ||
	    !find_ip(frame, len_bytes, &ip))
		return;
	if (dw0 & TX_LGSEN) {
		if (TX_MSS(dw0))
			ask_segments(&ip, room, TX_MSS(dw0), todo);
		return;
	}
	if (dw0 & TX_IPCS)
		fill_ip_csum(&ip);
	if (((dw0 & TX_TCPCS) && has_header(&ip, PROTO_TCP, TCP_MIN)) ||
	    ((dw0 & TX_UDPCS) && has_header(&ip, PROTO_UDP, UDP_MIN)))
		ask_csum(&ip, room, todo);
}

bool rtl8139_finish(uint8_t *frame, size_t len_bytes,
		    const struct nic_todo *todo)
{
	if (todo->gso != NIC_GSO_NONE)
		return false;
	if (todo->csum)
		fill_csum(frame + todo->csum_start, len_bytes - todo->csum_start,
			  todo->csum_offset, todo->csum_offset == UDP_CSUM);
	return true;
}

uint32_t rtl8139_protocol(const uint8_t *frame, size_t len_bytes)
{
	struct ip ip;

	/* Only looked at.  The host's word is not about IP's header: drivers
	   take it for good, too, if we name a protocol. */
	if (!find_ip((uint8_t *)(uintptr_t)frame, len_bytes, &ip) ||
	    fold(sum(ip.at, ip.header_bytes, 0)) != 0xffff)
		return 0;
	if (has_header(&ip, PROTO_TCP, TCP_MIN))
		return RX_PID_TCP;
	if (has_header(&ip, PROTO_UDP, UDP_MIN))
		return RX_PID_UDP;
	return 0;
}
