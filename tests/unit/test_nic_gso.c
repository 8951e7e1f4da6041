/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/test_nic_gso.c - checksums and segments, against plain arithmetic
 *
 * Everything the module computes is computed here again, byte by byte, from
 * the RFCs; frames are random, with tags, options and extension headers.
 */
#include "back/nic_gso.h"
#include "framekit.h"
#include "tap.h"

#define ROUNDS	3000u

static uint8_t frame[FRAMEKIT_MAX], before[FRAMEKIT_MAX];

static enum nic_gso kind_of(const struct framekit *k)
{
	return k->v6 ? NIC_GSO_TCPV6 : NIC_GSO_TCPV4;
}

static void random_kit(struct framekit *k)
{
	*k = (struct framekit){
		.v6 = framekit_random() & 1,
		.tags = framekit_random() % 3,
		.ip_extra = framekit_random() % 4 * 8,
		.tcp_options = framekit_random() % 11 * 4,
		.payload_bytes = 1 + framekit_random() % 20000,
		.flags = (uint8_t)framekit_random(),
	};
}

/* One segment is what a host that never heard of offloads would have sent. */
static bool is_segment(const struct framekit *k, const uint8_t *seg, size_t len,
		       size_t mss, uint32_t index, bool last)
{
	size_t header = framekit_header_bytes(k);
	size_t at = index * mss;
	size_t n = k->payload_bytes - at < mss ? k->payload_bytes - at : mss;
	const uint8_t *ip = seg + framekit_ip_at(k), *tcp = seg + framekit_tcp_at(k);
	uint8_t flags = k->flags;

	if (!last)
		flags &= (uint8_t)~0x09;
	if (index)
		flags &= 0x7f;
	return len == header + n &&
	       !memcmp(seg, before, framekit_ip_at(k)) &&
	       !memcmp(seg + header, before + header + at, n) &&
	       framekit_be32(tcp + 4) == framekit_be32(before +
			framekit_tcp_at(k) + 4) + (uint32_t)at &&
	       tcp[13] == flags &&
	       !memcmp(tcp + 8, before + framekit_tcp_at(k) + 8, 5) &&
	       (k->v6 || framekit_be16(ip + 4) == (uint16_t)(framekit_be16(before +
			framekit_ip_at(k) + 4) + index)) &&
	       framekit_is_right(k, seg, len);
}

static bool cut_one(const struct framekit *k, size_t mss)
{
	struct nic_gso_cut c;
	size_t len = framekit_make(k, frame), seg_len = 0, sum = 0;
	uint32_t index = 0;
	uint8_t *seg;

	memcpy(before, frame, len);
	if (!nic_gso_begin(&c, frame, len, kind_of(k), framekit_tcp_at(k), mss))
		return false;
	while ((seg = nic_gso_next(&c, &seg_len))) {
		bool last = sum + mss >= k->payload_bytes;

		if (seg < frame || seg + seg_len > frame + len ||
		    !is_segment(k, seg, seg_len, mss, index, last))
			return false;
		sum += seg_len - framekit_header_bytes(k);
		index++;
	}
	return sum == k->payload_bytes &&
	       index == (k->payload_bytes + mss - 1) / mss;
}

static void test_cut(void)
{
	unsigned int wrong = 0;

	for (unsigned int i = 0; i < ROUNDS; i++) {
		struct framekit k;
		size_t mss;

		random_kit(&k);
		mss = i & 1 ? 1448 : 1 + framekit_random() % 9000;
		if (i % 16 == 2)
			mss = k.payload_bytes % 16000 + 1;
		if (!cut_one(&k, mss) && !wrong++)
			printf("# v6=%d tags=%u extra=%u options=%u payload=%zu mss=%zu\n",
			       k.v6, k.tags, k.ip_extra, k.tcp_options,
			       k.payload_bytes, mss);
	}
	ok(wrong == 0, "%u large frames are cut as a plain host would have", ROUNDS);
	/* Shorter segments than headers: they overlap what went before. */
	ok(cut_one(&(struct framekit){ .payload_bytes = 3000, .tcp_options = 40 }, 1),
	   "even into single bytes");
	ok(cut_one(&(struct framekit){ .payload_bytes = 65000 }, 1448),
	   "as large as IP lets them be");
}

static bool begins(const struct framekit *k, size_t len, enum nic_gso kind,
		   size_t tcp_at, size_t mss)
{
	struct nic_gso_cut c;
	size_t n;

	if (!nic_gso_begin(&c, frame, len, kind, tcp_at, mss))
		return nic_gso_next(&c, &n) != NULL;
	(void)k;
	return true;
}

static void test_refused(void)
{
	const struct framekit k = { .payload_bytes = 3000, .tags = 1 };
	size_t len = framekit_make(&k, frame), tcp = framekit_tcp_at(&k);
	size_t ip = framekit_ip_at(&k), header = framekit_header_bytes(&k);
	unsigned int short_ones = 0;

	ok(begins(&k, len, NIC_GSO_TCPV4, tcp, 1448), "a good frame begins");
	ok(!begins(&k, len, NIC_GSO_TCPV6, tcp, 1448), "not as the other IP");
	ok(!begins(&k, len, NIC_GSO_TCPV4, tcp, 0), "not without a size");
	ok(!begins(&k, len, NIC_GSO_TCPV4, tcp, NIC_FRAME_MAX), "nor too large a size");
	ok(!begins(&k, len, NIC_GSO_TCPV4, tcp + 4, 1448) &&
	   !begins(&k, len, NIC_GSO_TCPV4, tcp - 4, 1448), "TCP is where IP ends");
	ok(!begins(&k, len, NIC_GSO_TCPV4, 65535, 1448), "or outside");
	for (size_t n = 0; n <= header; n++)
		short_ones += begins(&k, n, NIC_GSO_TCPV4, tcp, 1448);
	ok(short_ones == 0, "headers that are not all there");
	frame[tcp + 12] = 0x40;
	ok(!begins(&k, len, NIC_GSO_TCPV4, tcp, 1448), "a TCP header too short for one");
	framekit_make(&k, frame);
	frame[tcp + 12] = 0xf0;
	ok(!begins(&k, tcp + 40, NIC_GSO_TCPV4, tcp, 1448), "or longer than the frame");
	framekit_make(&k, frame);
	frame[ip + 9] = 17;
	ok(!begins(&k, len, NIC_GSO_TCPV4, tcp, 1448), "another protocol");
	framekit_make(&k, frame);
	frame[ip] = 0x44;
	ok(!begins(&k, len, NIC_GSO_TCPV4, tcp, 1448), "an IP header too short for one");
	framekit_make(&(struct framekit){ .payload_bytes = 100, .tags = 2 }, frame);
	memmove(frame + 16, frame + 12, 200);	/* a third tag */
	ok(!begins(&k, 200, NIC_GSO_TCPV4, 14 + 12 + 20, 50), "three tags");
}

/* A checksum that is still to be completed, as a driver leaves it. */
static void test_complete(void)
{
	unsigned int wrong = 0;

	for (unsigned int i = 0; i < ROUNDS; i++) {
		struct framekit k;
		size_t len, at;

		random_kit(&k);
		k.payload_bytes %= 9000;
		len = framekit_make(&k, frame);
		at = framekit_tcp_at(&k);
		framekit_leave_partial(&k, frame, len);
		if (!nic_gso_complete(frame, len, at, 16) ||
		    !framekit_is_right(&k, frame, len))
			wrong++;
	}
	ok(wrong == 0, "%u checksums are completed", ROUNDS);
	memset(frame, 0, 64);
	memset(frame + 50, 0xff, 2);
	ok(nic_gso_complete(frame, 64, 34, 6) && framekit_be16(frame + 40) == 0xffff,
	   "one that is 0 is stored as its other form");
	memset(before, 0x5a, 64);
	memcpy(frame, before, 64);
	ok(!nic_gso_complete(frame, 64, 62, 1) && !nic_gso_complete(frame, 64, 65, 0) &&
	   !nic_gso_complete(frame, 64, 0, 63) &&
	   !nic_gso_complete(frame, 64, 65535, 65535) && !memcmp(frame, before, 64),
	   "one that is not inside is left alone");
	ok(nic_gso_complete(frame, 64, 60, 2), "the last place there is");
}

/* What Linux' e1000 leaves: IP length 0, no IP checksum, no TCP length. */
static void test_fill(void)
{
	unsigned int wrong = 0;
	struct nic_todo todo;
	struct framekit k;

	for (unsigned int i = 0; i < ROUNDS; i++) {
		size_t len, ip, tcp;

		random_kit(&k);
		len = framekit_make(&k, frame);
		ip = framekit_ip_at(&k);
		tcp = framekit_tcp_at(&k);
		memset(frame + tcp + 16, 0xee, 2);
		memset(frame + ip + (k.v6 ? 4 : 2), 0, 2);
		if (!k.v6)
			memset(frame + ip + 10, 0xdd, 2);
		todo = (struct nic_todo){ .csum = true, .gso = kind_of(&k),
			.csum_start = (uint16_t)tcp, .csum_offset = 16,
			.gso_bytes = 1448,
			.header_bytes = (uint16_t)framekit_header_bytes(&k) };
		if (!nic_gso_fill_header(frame, len, &todo) ||
		    !nic_gso_complete(frame, len, tcp, 16) ||
		    !framekit_is_right(&k, frame, len))
			wrong++;
	}
	ok(wrong == 0, "%u headers are filled in", ROUNDS);
	todo.header_bytes -= 4;
	ok(!nic_gso_fill_header(frame, 3000, &todo), "not if they are not all there");
	todo.header_bytes += 4;
	todo.csum_offset = 6;
	ok(!nic_gso_fill_header(frame, 3000, &todo), "nor with another checksum's place");
	todo.csum_offset = 16;
	ok(!nic_gso_fill_header(frame, 70000, &todo), "nor longer than IP can say");
	ok(nic_gso_fill_header(frame, 3000, &todo), "but then");
}

/* Whatever is in a frame and beside it: nothing outside is touched. */
static void test_noise(void)
{
	unsigned int cut = 0;

	for (unsigned int i = 0; i < 20 * ROUNDS; i++) {
		struct framekit k;
		size_t len, n = 0, segments = 0;
		struct nic_gso_cut c;
		uint8_t *copy;

		random_kit(&k);
		k.payload_bytes %= 300;
		len = framekit_make(&k, frame);
		len -= framekit_random() % len;
		/* Exactly as long: a sanitizer sees what is beyond. */
		copy = malloc(len);
		memcpy(copy, frame, len);
		for (unsigned int hits = framekit_random() % 4; hits; hits--)
			copy[framekit_random() % len % 80] ^= (uint8_t)framekit_random();
		if (nic_gso_begin(&c, copy, len, kind_of(&k),
				  framekit_tcp_at(&k) + framekit_random() % 8 / 7,
				  framekit_random() % 500)) {
			cut++;
			while (nic_gso_next(&c, &n))
				segments++;
		}
		nic_gso_complete(copy, len, framekit_random() % 400,
				 framekit_random() % 40);
		free(copy);
		if (segments > 70000)
			ok(false, "no end of segments");
	}
	ok(cut > ROUNDS, "damaged frames do no harm (%u were cut)", cut);
}

int main(void)
{
	test_cut();
	test_refused();
	test_complete();
	test_fill();
	test_noise();
	return tap_done();
}
