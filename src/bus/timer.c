/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bus/timer.c - device deadlines
 *
 * Runs in workers.  A handful of timers, scanned; the host is told the
 * earliest when the bus settles.
 */
#include "bus/timer.h"

#include "base/bug.h"
#include "bus/bus.h"

void timer_add(struct bus *b, struct bus_timer *t, void (*fire)(void *), void *dev)
{
	bug_on(b->closed || b->timer_count >= BUS_TIMERS);
	*t = (struct bus_timer){ INT64_MAX, fire, dev };
	b->timer[b->timer_count++] = t;
}

void timer_set(struct bus *b, struct bus_timer *t, int64_t deadline_ns)
{
	(void)b;
	t->deadline_ns = deadline_ns;
}

void timer_off(struct bus *b, struct bus_timer *t)
{
	(void)b;
	t->deadline_ns = INT64_MAX;
}

int64_t timer_now_ns(struct bus *b)
{
	return b->host->now_ns(b->host->ctx);
}

void bus_run_timers(struct bus *b)
{
	int64_t now = timer_now_ns(b);

	/* What the host was told has passed; settle tells it anew. */
	b->wake_ns = INT64_MAX;
	for (unsigned int i = 0; i < b->timer_count; i++) {
		struct bus_timer *t = b->timer[i];

		if (t->deadline_ns > now)
			continue;
		t->deadline_ns = INT64_MAX;
		t->fire(t->dev);
	}
}
