/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/integ/net_frame.h - frames that say who they are
 *
 * Length and every byte follow from a number that is in the frame, so who gets
 * one knows which it is, and whether it is whole.  To everybody, of the type for
 * experiments.
 */
#ifndef TESTS_INTEG_NET_FRAME_H
#define TESTS_INTEG_NET_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NET_FRAME_MIN	60u
#define NET_FRAME_MAX	1460u
#define NET_FRAME_TYPE	0x88b5u

/* Who sends it; last byte of the source address. */
enum net_frame_from { NET_FRAME_GUEST = 1, NET_FRAME_HOST };

/* The frame of that number into @p, which has room for NET_FRAME_MAX bytes.
   How long it is: NET_FRAME_MIN to NET_FRAME_MAX - 1. */
size_t net_frame_make(uint8_t *p, uint32_t seq, enum net_frame_from from);
/* Is it one of that sender's, and whole?  @seq: its number; of what is too short
   to have one, UINT32_MAX. */
bool net_frame_is_right(const uint8_t *p, size_t len,
			enum net_frame_from from, uint32_t *seq);

#endif /* TESTS_INTEG_NET_FRAME_H */
