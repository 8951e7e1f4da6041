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

#define TICKS_MEASURE_NS	(4 * NS_PER_MS)	/* off by 0.1 % at most */

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

static inline void ticks_begin(struct ticks *t)
{
	*t = (struct ticks){ .since_ticks = ticks_now(), .since_ns = clock_now_ns() };
}

/* False: too early after ticks_begin(), ask again. */
static inline bool ticks_measure(struct ticks *t)
{
	uint64_t ticks = ticks_now() - t->since_ticks;
	int64_t ns = clock_now_ns() - t->since_ns;

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
