/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * base/poll.h - look at shared memory for a while before sleeping
 *
 * Used by broker and workers between two requests.  The window adapts as
 * KVM's halt polling does: it grows while sleeps turn out short, and shrinks
 * to nothing once one was long, so an idle process does not look at all.
 * sched_yield() between looks: where broker and worker share a CPU, that is
 * the switch to the other.
 */
#ifndef BASE_POLL_H
#define BASE_POLL_H

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

#define POLL_START_NS	(20 * NS_PER_US)
#define POLL_MAX_NS	(400 * NS_PER_US)

struct poll_window {
	int64_t ns;		/* how long to look; 0: not at all */
	bool on;
};

static inline void poll_window_init(struct poll_window *p, bool on)
{
	*p = (struct poll_window){ .on = on };
}

/* True as soon as @ready says so; false when the window is over. */
static inline bool poll_window_spin(struct poll_window *p,
				    bool (*ready)(void *arg), void *arg)
{
	int64_t until;

	if (ready(arg))
		return true;
	if (p->ns == 0)
		return false;
	until = clock_now_ns() + p->ns;
	do {
		sched_yield();
		if (ready(arg))
			return true;
	} while (clock_now_ns() < until);
	return false;
}

/* Time stamp for poll_window_slept(); free when polling is off. */
static inline int64_t poll_window_now(const struct poll_window *p)
{
	return p->on ? clock_now_ns() : 0;
}

/* We slept from @since until now; @worth: what woke us is what we look for. */
static inline void poll_window_slept(struct poll_window *p, int64_t since, bool worth)
{
	int64_t slept;

	if (!p->on)
		return;
	slept = clock_now_ns() - since;
	if (slept >= POLL_MAX_NS)
		p->ns = 0;
	else if (worth && p->ns == 0)
		p->ns = POLL_START_NS;
	else if (worth && p->ns < POLL_MAX_NS)
		p->ns = p->ns * 2 < POLL_MAX_NS ? p->ns * 2 : POLL_MAX_NS;
}

#endif /* BASE_POLL_H */
