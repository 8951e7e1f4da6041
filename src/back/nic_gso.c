/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * back/nic_gso.c - checksums and segments of frames, in software
 *
 * Runs in the net worker.  Pure functions: no descriptor, no clock.  Sources:
 * RFC 1071 (checksum), RFC 791 and 8200 (IP), RFC 9293 (TCP), IEEE 802.1Q and
 * 802.1ad (tags).  Knows IPv6 extension headers only as distance between the
 * IP and the TCP header; does not do UDP segments, which are not asked for.
 */
#include "back/nic_gso.h"

#include <string.h>

#define ETH_TYPE_AT	12u
#define TYPE_IPV4	0x0800u
#define TYPE_IPV6	0x86ddu
#define TYPE_VLAN	0x8100u
#define TYPE_QINQ	0x88a8u
#define TAG_BYTES	4u
#define TAGS_MAX	2u

#define IPV4_BYTES	20u
#define IPV4_LENGTH	2u
#define IPV4_ID		4u
#define IPV4_PROTOCOL	9u
#define IPV4_CSUM	10u
#define IPV4_ADDRESSES	12u		/* source, destination: 8 bytes */
#define IPV6_BYTES	40u
#define IPV6_LENGTH	4u
#define IPV6_ADDRESSES	8u		/* 32 bytes */
#define PROTOCOL_TCP	6u

#define TCP_BYTES	20u
#define TCP_SEQ		4u
#define TCP_DATA_OFFSET	12u
#define TCP_FLAGS	13u
#define TCP_CSUM	16u
#define TCP_FIN		0x01u
#define TCP_PSH		0x08u
#define TCP_CWR		0x80u

static uint16_t be16_get(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t be32_get(const uint8_t *p)
{
	return (uint32_t)be16_get(p) << 16 | be16_get(p + 2);
}

static void be16_put(uint8_t *p, size_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void be32_put(uint8_t *p, uint32_t v)
{
	be16_put(p, v >> 16);
	be16_put(p + 2, v & 0xffff);
}

/* ---- sums ---- */

static uint64_t fold(uint64_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/*
 * One's complement sum, 16 bits wide, in network order.  It does not mind the
 * order of bytes as long as it is the same on both ways, nor words of 32 bits
 * (RFC 1071, 2).
 */
static uint64_t add_up(const uint8_t *p, size_t len)
{
	uint64_t sum = 0;
	uint32_t word;
	uint16_t last = 0;

	for (; len >= sizeof(word); p += sizeof(word), len -= sizeof(word)) {
		memcpy(&word, p, sizeof(word));
		sum += word;
	}
	if (len >= 2) {
		memcpy(&last, p, 2);
		sum += last;
		last = 0;
		p += 2;
		len -= 2;
	}
	if (len) {
		memcpy(&last, p, 1);
		sum += last;
	}
	return __builtin_bswap16((uint16_t)fold(sum));
}

static uint16_t checksum(const uint8_t *p, size_t len)
{
	return (uint16_t)~fold(add_up(p, len));
}

bool nic_gso_complete(uint8_t *frame, size_t len_bytes, size_t start,
		      size_t offset)
{
	uint16_t sum;

	if (start > len_bytes || offset > len_bytes - start ||
	    len_bytes - start - offset < 2)
		return false;
	sum = checksum(frame + start, len_bytes - start);
	/* For UDP, 0 would say that there is none; to others both are 0. */
	be16_put(frame + start + offset, sum ? sum : 0xffff);
	return true;
}

/* ---- headers ---- */

/* Where IP begins, behind the tags; 0: it is another protocol. */
static size_t find_ip(const uint8_t *frame, size_t len, enum nic_gso kind)
{
	size_t at = ETH_TYPE_AT;
	unsigned int tags = 0;

	while (at + 2 <= len) {
		uint16_t type = be16_get(frame + at);

		if (type == (kind == NIC_GSO_TCPV4 ? TYPE_IPV4 : TYPE_IPV6))
			return at + 2;
		if ((type != TYPE_VLAN && type != TYPE_QINQ) ||
		    tags++ == TAGS_MAX)
			break;
		at += TAG_BYTES;
	}
	return 0;
}

/* Is there IP of @kind at @ip_at, and does it end at or before @tcp_at? */
static bool is_ip(const uint8_t *frame, size_t ip_at, size_t tcp_at,
		  enum nic_gso kind)
{
	const uint8_t *ip = frame + ip_at;

	if (kind == NIC_GSO_TCPV6)
		return tcp_at >= ip_at + IPV6_BYTES && ip[0] >> 4 == 6;
	return tcp_at >= ip_at + IPV4_BYTES && ip[0] >> 4 == 4 &&
	       ip_at + (ip[0] & 0xfu) * 4 == tcp_at &&
	       ip[IPV4_PROTOCOL] == PROTOCOL_TCP;
}

/*
 * Where IP begins in headers that end with TCP's at @tcp_at, or 0.  All of the
 * TCP header is within @len, and *@header_bytes is where it ends.
 */
static size_t parse(const uint8_t *frame, size_t len, enum nic_gso kind,
		    size_t tcp_at, size_t *header_bytes)
{
	size_t ip_at, tcp_bytes;

	if (tcp_at > len || len - tcp_at < TCP_BYTES)
		return 0;
	ip_at = find_ip(frame, tcp_at, kind);
	if (!ip_at || !is_ip(frame, ip_at, tcp_at, kind))
		return 0;
	tcp_bytes = (frame[tcp_at + TCP_DATA_OFFSET] >> 4) * 4u;
	if (tcp_bytes < TCP_BYTES || tcp_bytes > len - tcp_at)
		return 0;
	*header_bytes = tcp_at + tcp_bytes;
	return ip_at;
}

/* Lengths, and IPv4's checksum, of a frame of @frame_bytes. */
static void fill_ip(uint8_t *ip, size_t ip_bytes, enum nic_gso kind)
{
	if (kind == NIC_GSO_TCPV6) {
		be16_put(ip + IPV6_LENGTH, ip_bytes - IPV6_BYTES);
		return;
	}
	be16_put(ip + IPV4_LENGTH, ip_bytes);
	be16_put(ip + IPV4_CSUM, 0);
	be16_put(ip + IPV4_CSUM, checksum(ip, (ip[0] & 0xfu) * 4));
}

/* Sum of the addresses, the protocol, and @tcp_bytes. */
static uint64_t add_pseudo(const uint8_t *ip, enum nic_gso kind, size_t tcp_bytes)
{
	uint64_t sum = kind == NIC_GSO_TCPV6 ? add_up(ip + IPV6_ADDRESSES, 32) :
		       add_up(ip + IPV4_ADDRESSES, 8);

	return fold(sum + PROTOCOL_TCP + (tcp_bytes & 0xffff) + (tcp_bytes >> 16));
}

bool nic_gso_fill_header(uint8_t *header, size_t frame_bytes,
			 const struct nic_todo *todo)
{
	size_t tcp_at = todo->csum_start, header_bytes = 0, ip_at;

	ip_at = parse(header, todo->header_bytes, todo->gso, tcp_at,
		      &header_bytes);
	if (!ip_at || header_bytes != todo->header_bytes ||
	    todo->csum_offset != TCP_CSUM || frame_bytes - ip_at > UINT16_MAX)
		return false;
	fill_ip(header + ip_at, frame_bytes - ip_at, todo->gso);
	be16_put(header + tcp_at + TCP_CSUM,
		 add_pseudo(header + ip_at, todo->gso, frame_bytes - tcp_at));
	return true;
}

/* ---- cutting ---- */

bool nic_gso_begin(struct nic_gso_cut *c, uint8_t *frame, size_t len_bytes,
		   enum nic_gso kind, size_t tcp_at, size_t segment_bytes)
{
	size_t header_bytes = 0;
	size_t ip_at = parse(frame, len_bytes, kind, tcp_at, &header_bytes);

	c->left_bytes = 0;
	if (!ip_at || header_bytes > NIC_GSO_HEADER_MAX || segment_bytes == 0 ||
	    segment_bytes > NIC_FRAME_MAX - NIC_GSO_HEADER_MAX ||
	    header_bytes == len_bytes)
		return false;
	memcpy(c->header, frame, header_bytes);
	c->header_bytes = header_bytes;
	c->ip_at = ip_at;
	c->tcp_at = tcp_at;
	c->kind = kind;
	c->segment_bytes = segment_bytes;
	c->payload = frame + header_bytes;
	c->left_bytes = len_bytes - header_bytes;
	c->index = 0;
	return true;
}

/* What differs from segment to segment, but for the checksums. */
static void number(const struct nic_gso_cut *c, uint8_t *seg, bool last)
{
	const uint8_t *was = c->header;
	uint8_t *tcp = seg + c->tcp_at;

	if (c->kind == NIC_GSO_TCPV4)
		be16_put(seg + c->ip_at + IPV4_ID,
			 (be16_get(was + c->ip_at + IPV4_ID) + c->index) & 0xffff);
	be32_put(tcp + TCP_SEQ, be32_get(was + c->tcp_at + TCP_SEQ) +
		 c->index * (uint32_t)c->segment_bytes);
	if (!last)
		tcp[TCP_FLAGS] &= (uint8_t)~(TCP_FIN | TCP_PSH);
	if (c->index)
		tcp[TCP_FLAGS] &= (uint8_t)~TCP_CWR;	/* said once */
}

uint8_t *nic_gso_next(struct nic_gso_cut *c, size_t *len_bytes)
{
	size_t n = c->left_bytes < c->segment_bytes ? c->left_bytes :
		   c->segment_bytes;
	size_t len = c->header_bytes + n, tcp_bytes = len - c->tcp_at;
	uint8_t *seg = c->payload - c->header_bytes;
	uint64_t sum;

	if (n == 0)
		return NULL;
	memcpy(seg, c->header, c->header_bytes);
	number(c, seg, n == c->left_bytes);
	fill_ip(seg + c->ip_at, len - c->ip_at, c->kind);
	be16_put(seg + c->tcp_at + TCP_CSUM, 0);
	sum = add_pseudo(seg + c->ip_at, c->kind, tcp_bytes) +
	      add_up(seg + c->tcp_at, tcp_bytes);
	be16_put(seg + c->tcp_at + TCP_CSUM, (uint16_t)~fold(sum));
	c->payload += n;
	c->left_bytes -= n;
	c->index++;
	*len_bytes = len;
	return seg;
}
