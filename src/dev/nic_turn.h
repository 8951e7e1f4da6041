/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dev/nic_turn.h - how much a card sends before others get a look
 *
 * A doorbell may stand for a ring of frames.  A card sends so much of it as
 * is left of this turn of the worker's loop, and goes on in the next one
 * (bus_ask_turn()): requests, timers and the wire are served between.
 */
#ifndef DEV_NIC_TURN_H
#define DEV_NIC_TURN_H

#include <stdbool.h>
#include <stdint.h>

#define NIC_TURN_DESCS	128u		/* each may be a page to be mapped */
#define NIC_TURN_BYTES	(256u * 1024u)	/* four of the largest frames */

struct nic_turn {
	uint32_t descs, bytes;		/* what is left */
};

static inline void nic_turn_begin(struct nic_turn *t)
{
	*t = (struct nic_turn){ NIC_TURN_DESCS, NIC_TURN_BYTES };
}

static inline bool nic_turn_is_over(const struct nic_turn *t)
{
	return !t->descs || !t->bytes;
}

/* One frame or descriptor may take more than there is: it is the last. */
static inline void nic_turn_take(struct nic_turn *t, uint32_t descs,
				 uint32_t bytes)
{
	t->descs -= descs < t->descs ? descs : t->descs;
	t->bytes -= bytes < t->bytes ? bytes : t->bytes;
}

#endif /* DEV_NIC_TURN_H */
