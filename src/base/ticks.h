/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * base/ticks.h - times short things with the time stamp counter
 *
 * Reading the clock can be a system call in a PV dom0, and is dearer than the
 * counter everywhere.  What the counter is worth is measured once, at start-up,
 * against the clock.
 */
#ifndef BASE_TICKS_H
#define BASE_TICKS_H

#include <stdbool.h>
#include <stdint.h>
#include <x86intrin.h>

#include "base/clock.h"

#define TICKS_MEASURE_NS	(4 * NS_PER_MS)
#define TICKS_CLOSE_NS		NS_PER_US	/* off by 0.1 % at most */
#define TICKS_TRIES		32u

struct ticks {
	uint64_t since_ticks;
	int64_t since_ns;
	uint64_t ns_per_tick;	/* times 2^32; 0: not known yet */
	uint32_t per_ms;
};

static inline uint64_t ticks_now(void)
{
	return __rdtsc();
}

/*
 * Both at one moment.  Somebody else may get the CPU between two readings, for
 * longer than what is measured: the closest of a few counts.
 */
static inline void ticks_read_both(uint64_t *ticks, int64_t *ns)
{
	int64_t best = INT64_MAX;

	*ticks = 0;
	*ns = 0;
	for (unsigned int i = 0; i < TICKS_TRIES && best > TICKS_CLOSE_NS; i++) {
		int64_t before = clock_now_ns();
		uint64_t now = ticks_now();
		int64_t gap = clock_now_ns() - before;

		if (gap >= best)
			continue;
		best = gap;
		*ticks = now;
		*ns = before + gap / 2;
	}
}

static inline void ticks_begin(struct ticks *t)
{
	*t = (struct ticks){ 0 };
	ticks_read_both(&t->since_ticks, &t->since_ns);
}

/* False: too early after ticks_begin(), ask again. */
static inline bool ticks_measure(struct ticks *t)
{
	uint64_t ticks;
	int64_t ns;

	ticks_read_both(&ticks, &ns);
	ticks -= t->since_ticks;
	ns -= t->since_ns;
	if (ns < TICKS_MEASURE_NS)
		return false;
	/* A counter that stands still or runs backwards measures nothing. */
	if (ticks == 0 || ticks > (UINT64_MAX >> 24))
		return true;
	t->ns_per_tick = (uint64_t)(((unsigned __int128)ns << 32) / ticks);
	t->per_ms = (uint32_t)((double)ticks * (double)NS_PER_MS / (double)ns);
	return true;
}

/* 0 for what is negative: counters of two CPUs may differ a little. */
static inline uint64_t ticks_to_ns(const struct ticks *t, uint64_t from, uint64_t to)
{
	if (to < from)
		return 0;
	return (uint64_t)(((unsigned __int128)(to - from) * t->ns_per_tick) >> 32);
}

#endif /* BASE_TICKS_H */
