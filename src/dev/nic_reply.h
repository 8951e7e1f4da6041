/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dev/nic_reply.h - can the interrupt for what was sent wait for the reply?
 *
 * A small frame, and no other after it, is mostly a question.  Its interrupt
 * would keep the guest busy just when the answer comes, and that needs one
 * anyway.  So it waits, if the last answer came soon: the driver has the rest of
 * its ring for what it wants to send next.  Where nobody answers, it does not
 * wait.
 */
#ifndef DEV_NIC_REPLY_H
#define DEV_NIC_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "bus/timer.h"

#define NIC_REPLY_BYTES		256u	/* a question */
#define NIC_REPLY_MAX_NS	(4 * NS_PER_MS)

/* All 0 at first.  A successor starts afresh. */
struct nic_reply {
	uint32_t frames, bytes;	/* sent since the driver was told */
	int64_t sent_ns;	/* when the first of them was */
	int64_t took_ns;	/* the last answer; 0: there was none */
	bool awaited;		/* none since sent_ns */
};

static inline void nic_reply_sent(struct nic_reply *r, size_t len_bytes,
				  struct bus *b)
{
	r->bytes += (uint32_t)len_bytes;
	if (r->frames++)
		return;
	if (r->awaited)
		r->took_ns = 0;
	r->awaited = true;
	r->sent_ns = timer_now_ns(b);
}

/* A frame came, and the driver got it. */
static inline void nic_reply_came(struct nic_reply *r, struct bus *b)
{
	if (!r->awaited)
		return;
	r->awaited = false;
	r->took_ns = timer_now_ns(b) - r->sent_ns;
}

/* Until then, CLOCK_MONOTONIC, the driver need not be told; 0: now. */
static inline int64_t nic_reply_until_ns(const struct nic_reply *r)
{
	int64_t wait = r->took_ns * 4;

	if (!r->awaited || r->frames != 1 || r->bytes > NIC_REPLY_BYTES ||
	    !r->took_ns || r->took_ns > NIC_REPLY_MAX_NS)
		return 0;
	return r->sent_ns + (wait < NIC_REPLY_MAX_NS ? wait : NIC_REPLY_MAX_NS);
}

static inline void nic_reply_told(struct nic_reply *r)
{
	r->frames = r->bytes = 0;
}

#endif /* DEV_NIC_REPLY_H */
