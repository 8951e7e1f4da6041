/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/lib/framekit.c - TCP frames, made and checked by plain arithmetic
 *
 * Runs in tests.  Slow and obvious: one byte after the other.
 */
#include "framekit.h"

#include <string.h>

uint16_t framekit_be16(const uint8_t *p)
{
	return (uint16_t)(p[0] * 256u + p[1]);
}

uint32_t framekit_be32(const uint8_t *p)
{
	return framekit_be16(p) * 65536u + framekit_be16(p + 2);
}

uint32_t framekit_random(void)
{
	static uint64_t x = 0x9e3779b97f4a7c15;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return (uint32_t)(x >> 16);
}

static void put16(uint8_t *p, size_t v)
{
	p[0] = (uint8_t)(v / 256);
	p[1] = (uint8_t)v;
}

size_t framekit_ip_at(const struct framekit *k)
{
	return 14 + k->tags * 4;
}

size_t framekit_tcp_at(const struct framekit *k)
{
	return framekit_ip_at(k) + (k->v6 ? 40 : 20) + k->ip_extra;
}

size_t framekit_header_bytes(const struct framekit *k)
{
	return framekit_tcp_at(k) + 20 + k->tcp_options;
}

static uint64_t add(uint64_t sum, const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		sum += i % 2 ? p[i] : p[i] * 256u;
	return sum;
}

static uint16_t end_around(uint64_t sum)
{
	while (sum > 0xffff)
		sum = sum / 65536 + sum % 65536;
	return (uint16_t)sum;
}

static uint64_t pseudo(const struct framekit *k, const uint8_t *ip, size_t tcp_bytes)
{
	/* length in four bytes, zeros, protocol */
	const uint8_t rest[8] = { 0, (uint8_t)(tcp_bytes / 65536),
		(uint8_t)(tcp_bytes / 256), (uint8_t)tcp_bytes, 0, 0, 0, 6 };

	return add(add(0, ip + (k->v6 ? 8 : 12), k->v6 ? 32 : 8), rest, 8);
}

static void make_ip(const struct framekit *k, uint8_t *ip, size_t ip_bytes)
{
	for (int i = 0; i < 40 + 24; i++)
		ip[i] = (uint8_t)framekit_random();
	if (k->v6) {
		ip[0] = 0x60;
		put16(ip + 4, ip_bytes - 40);
		ip[6] = k->ip_extra ? 0 : 6;
		if (k->ip_extra) {
			ip[40] = 6;
			ip[41] = (uint8_t)(k->ip_extra / 8 - 1);
		}
		return;
	}
	ip[0] = (uint8_t)(0x45 + k->ip_extra / 4);
	put16(ip + 2, ip_bytes);
	ip[6] = 0x40;
	ip[7] = 0;
	ip[8] = 64;
	ip[9] = 6;
	put16(ip + 10, 0);
	put16(ip + 10, 0xffff - end_around(add(0, ip, 20 + k->ip_extra)));
}

size_t framekit_make(const struct framekit *k, uint8_t *frame)
{
	size_t ip = framekit_ip_at(k), tcp = framekit_tcp_at(k);
	size_t len = framekit_header_bytes(k) + k->payload_bytes;

	for (size_t i = 0; i < len; i++)
		frame[i] = (uint8_t)framekit_random();
	frame[0] = 2;
	for (unsigned int i = 0; i < k->tags; i++)
		put16(frame + 12 + i * 4, i + 1 < k->tags ? 0x88a8 : 0x8100);
	put16(frame + ip - 2, k->v6 ? 0x86dd : 0x0800);
	make_ip(k, frame + ip, len - ip);
	for (size_t i = tcp; i < len; i++)
		frame[i] = (uint8_t)framekit_random();
	frame[tcp + 12] = (uint8_t)((20 + k->tcp_options) / 4 * 16);
	frame[tcp + 13] = k->flags;
	put16(frame + tcp + 16, 0);
	put16(frame + tcp + 16, 0xffff - end_around(
		pseudo(k, frame + ip, len - tcp) + add(0, frame + tcp, len - tcp)));
	return len;
}

void framekit_leave_partial(const struct framekit *k, uint8_t *frame, size_t len)
{
	size_t ip = framekit_ip_at(k), tcp = framekit_tcp_at(k);

	put16(frame + tcp + 16, end_around(pseudo(k, frame + ip, len - tcp)));
}

void framekit_finish(uint8_t *frame, size_t len, size_t start, size_t offset)
{
	put16(frame + start + offset,
	      0xffff - end_around(add(0, frame + start, len - start)));
}

bool framekit_is_right(const struct framekit *k, const uint8_t *frame, size_t len)
{
	size_t at = framekit_ip_at(k), tcp = framekit_tcp_at(k);
	const uint8_t *ip = frame + at;

	if (len < framekit_header_bytes(k))
		return false;
	if (k->v6 ? framekit_be16(ip + 4) != len - at - 40 :
	    framekit_be16(ip + 2) != len - at ||
	    end_around(add(0, ip, 20 + k->ip_extra)) != 0xffff)
		return false;
	return end_around(pseudo(k, ip, len - tcp) +
			  add(0, frame + tcp, len - tcp)) == 0xffff;
}
