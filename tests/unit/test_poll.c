/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/test_poll.c - how long a process looks before it sleeps
 *
 * Sleeps are pretended: their begin is set back on the time stamp counter, by
 * so much that what passes meanwhile does not matter.
 */
#include "base/poll.h"

#include "tap.h"

#define TICKS_PER_MS	1000000u	/* pretended, too */
#define LONG_NS		(50 * NS_PER_MS)

static struct poll_window fresh(void)
{
	return (struct poll_window){ .on = true, .max_ns = 800 * NS_PER_US,
				     .ticks_per_ms = TICKS_PER_MS };
}

static void sleep_for(struct poll_window *p, int64_t ns, bool worth)
{
	uint64_t ticks = (uint64_t)(ns * TICKS_PER_MS / NS_PER_MS);

	poll_window_slept(p, __rdtsc() - ticks, worth);
}

static void test_grow(void)
{
	struct poll_window p = fresh();

	sleep_for(&p, 100 * NS_PER_US, true);
	ok(p.ns >= 200 * NS_PER_US && p.ns < 800 * NS_PER_US,
	   "after one short sleep the next of that kind is looked at: %lld ns",
	   (long long)p.ns);
	sleep_for(&p, 500 * NS_PER_US, true);
	is_hex((uint64_t)p.ns, 800 * NS_PER_US, "but no longer than allowed");
	p = fresh();
	sleep_for(&p, 0, true);
	ok(p.ns >= POLL_START_NS, "nor too short to see anything");
	p.ns = 100 * NS_PER_US;
	sleep_for(&p, 0, true);
	ok(p.ns == 200 * NS_PER_US, "a window that was just too short doubles");
	sleep_for(&p, 0, false);
	ok(p.ns == 200 * NS_PER_US, "who was woken by something else learns nothing");
}

static void test_shrink(void)
{
	struct poll_window p = fresh();
	unsigned int n = 0;

	p.ns = p.max_ns;
	sleep_for(&p, LONG_NS, true);
	ok(p.ns == p.max_ns / 2, "a long sleep takes half of it");
	sleep_for(&p, 100 * NS_PER_US, true);
	is_hex((uint64_t)p.ns, (uint64_t)p.max_ns, "a short one gives that back");
	for (; p.ns && n < 100; n++)
		sleep_for(&p, LONG_NS, n % 2);
	ok(n > 2 && n < 10, "some long ones take all: %u", n);
	p.on = false;
	sleep_for(&p, 100 * NS_PER_US, true);
	ok(p.ns == 0, "off is off");
}

static bool never(void *arg)
{
	++*(unsigned int *)arg;
	return false;
}

static void test_idle(void)
{
	struct poll_window p = fresh();
	unsigned int looks = 0;

	ok(!poll_window_spin(&p, true, never, &looks) && looks == 1,
	   "without a window one look is all");
}

int main(void)
{
	test_grow();
	test_shrink();
	test_idle();
	return tap_done();
}
