/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/lib/framekit.h - TCP frames, made and checked by plain arithmetic
 *
 * Shares no code with what it judges.
 */
#ifndef TESTS_LIB_FRAMEKIT_H
#define TESTS_LIB_FRAMEKIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAMEKIT_MAX	70000u

struct framekit {
	bool v6;
	unsigned int tags;		/* 802.1Q, 0-2 */
	unsigned int ip_extra;		/* options (IPv4) or hop-by-hop header */
	unsigned int tcp_options;	/* bytes, a multiple of 4 */
	size_t payload_bytes;
	uint8_t flags;			/* of TCP */
};

size_t framekit_ip_at(const struct framekit *k);
size_t framekit_tcp_at(const struct framekit *k);
size_t framekit_header_bytes(const struct framekit *k);

/* A whole frame with right checksums and a random payload; its length. */
size_t framekit_make(const struct framekit *k, uint8_t *frame);
/* Only the pseudo header's sum is where the TCP checksum goes. */
void framekit_leave_partial(const struct framekit *k, uint8_t *frame, size_t len);
/* What a card is asked to do: the checksum that is missing. */
void framekit_finish(uint8_t *frame, size_t len, size_t start, size_t offset);
/* Do IP length, IP checksum and TCP checksum fit this frame of @len? */
bool framekit_is_right(const struct framekit *k, const uint8_t *frame, size_t len);

uint16_t framekit_be16(const uint8_t *p);
uint32_t framekit_be32(const uint8_t *p);
/* Always the same sequence. */
uint32_t framekit_random(void);

#endif /* TESTS_LIB_FRAMEKIT_H */
