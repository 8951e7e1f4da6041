/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/integ/net_frame.c - frames that say who they are
 *
 * Part of the tests that send and receive in masses.
 */
#include "net_frame.h"

#include <string.h>

#include "base/le.h"

#define HEAD	18u		/* Ethernet's, then the number */

size_t net_frame_make(uint8_t *p, uint32_t seq, enum net_frame_from from)
{
	size_t len = NET_FRAME_MIN + seq * 37 % (NET_FRAME_MAX - NET_FRAME_MIN);

	memset(p, 0xff, 6);
	memcpy(p + 6, "\x02\x00\x00\x00\x00\x00\x88\xb5", 8);
	p[11] = (uint8_t)from;
	le32_put(p + 14, seq);
	for (size_t i = HEAD; i < len; i++)
		p[i] = (uint8_t)(seq * 11 + i * 7 + (seq >> 8));
	return len;
}

bool net_frame_is_right(const uint8_t *p, size_t len,
			enum net_frame_from from, uint32_t *seq)
{
	uint8_t want[NET_FRAME_MAX];

	*seq = UINT32_MAX;
	if (len < HEAD)
		return false;
	*seq = le32_get(p + 14);
	return net_frame_make(want, *seq, from) == len &&
		!memcmp(p, want, len);
}
