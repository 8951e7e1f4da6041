/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * base/poll.h - look at shared memory for a while before sleeping
 *
 * Used by broker and workers between two requests.  The window adapts as
 * KVM's halt polling does: it grows while sleeps turn out short, and shrinks
 * when they are long, to nothing, so an idle process does not look at all.
 *
 * With one CPU, sched_yield() between looks is the switch to whoever is to
 * write what we look for.  It is one as long as the other used less of the CPU
 * than we (the kernel is fair): so of a pair that takes turns only the one
 * that looks longer can look at all, the broker; a worker sleeps at once
 * (poll_window_init()).  And where yields do not switch, because the worker has
 * used more than we have, only our sleep gives it the CPU at once.
 *
 * With two, a pair that looks would be all of a dom0, and where the guest
 * shares them too, it would wait for the pair to be done waiting: again only
 * the broker looks.  Where we wait for the guest and not for a process of this
 * dom0, a yield now and then is for the others' sake only.
 *
 * How long it can get depends on the machine: it is worth what a sleep and a
 * wake-up cost, and they are made of system calls.  A guest that comes by
 * every millisecond must not keep a real CPU busy, while under emulation a
 * millisecond is forty calls.
 *
 * The window is measured with the time stamp counter: in a PV dom0 reading
 * the clock can be a system call, dearer than the look itself.  A counter
 * that jumps only makes one window longer (bounded in looks) or shorter.
 */
#ifndef BASE_POLL_H
#define BASE_POLL_H

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <x86intrin.h>

#include "base/clock.h"

#define POLL_START_NS	(20 * NS_PER_US)
#define POLL_MAX_NS	(1000 * NS_PER_US)
#define POLL_MAX_CALLS	150	/* system calls that the window is worth */
#define POLL_BROKER_CPUS	1
#define POLL_WORKER_CPUS	3	/* see above */
#define POLL_LOOKS_MAX	100000u		/* whatever the counter says */
#define POLL_GUEST_YIELD_NS	(200 * NS_PER_US)	/* between two yields */
#define POLL_NEIGHBOUR_YIELD_NS	(5 * NS_PER_US)	/* ... with more CPUs */
#define POLL_FUTILE_YIELDS	10	/* in a row, that gave the CPU to nobody */
#define POLL_FUTILE_CALLS	4	/* system calls that such a one takes at most */

struct poll_window {
	int64_t ns;		/* how long to look; 0: not at all */
	int64_t max_ns;
	bool on;
	bool one_cpu;
	int64_t call_ns;	/* what a system call costs */
	uint64_t ticks_per_ms;	/* of the time stamp counter; 0: not known yet */
	uint64_t since_ticks;	/* both clocks when we began to compare them */
	int64_t since_ns;
	uint64_t looked_ticks;	/* the counter just before the look that found
				   something; 0: it was not read for that one */
};

/* The cheapest system call there is, at its best. */
static inline int64_t poll_window_call_ns(void)
{
	int64_t best = INT64_MAX;

	for (unsigned int i = 0; i < 8; i++) {
		int64_t from = clock_now_ns(), took;

		(void)syscall(SYS_getppid);
		took = clock_now_ns() - from;
		if (took < best)
			best = took;
	}
	return best;
}

/*
 * Start-up only: asks how many CPUs there are and what a system call costs.
 * @least_cpus: with fewer, do not look.
 */
static inline void poll_window_init(struct poll_window *p, bool on,
				    int least_cpus)
{
	cpu_set_t set;
	int cpus;

	CPU_ZERO(&set);
	cpus = sched_getaffinity(0, sizeof(set), &set) ? 1 : CPU_COUNT(&set);
	*p = (struct poll_window){ .on = on && cpus >= least_cpus,
				   .one_cpu = cpus == 1 };
	if (!p->on)
		return;
	p->call_ns = poll_window_call_ns();
	p->max_ns = p->call_ns * POLL_MAX_CALLS;
	if (p->max_ns < POLL_START_NS)
		p->max_ns = POLL_START_NS;
	if (p->max_ns > POLL_MAX_NS)
		p->max_ns = POLL_MAX_NS;
}

static inline uint64_t poll_window_ticks(const struct poll_window *p, int64_t ns)
{
	return (uint64_t)ns * p->ticks_per_ms / NS_PER_MS;
}

/*
 * True as soon as @ready says so; false when the window is over.  @neighbour:
 * we wait for another process of this machine.
 */
static inline bool poll_window_spin(struct poll_window *p, bool neighbour,
				    bool (*ready)(void *arg), void *arg)
{
	uint64_t start, now, span, gap, futile, yielded, looks;
	unsigned int futile_left = POLL_FUTILE_YIELDS;

	p->looked_ticks = 0;
	if (ready(arg))
		return true;
	if (p->ns == 0 || p->ticks_per_ms == 0)
		return false;
	span = poll_window_ticks(p, p->ns);
	gap = !neighbour ? poll_window_ticks(p, POLL_GUEST_YIELD_NS) :
		p->one_cpu ? 0 : poll_window_ticks(p, POLL_NEIGHBOUR_YIELD_NS);
	futile = poll_window_ticks(p, p->call_ns * POLL_FUTILE_CALLS);
	start = yielded = now = __rdtsc();
	/* Whoever else there is, with one CPU, goes first. */
	if (p->one_cpu)
		yielded -= gap;
	for (unsigned int i = 0; i < POLL_LOOKS_MAX; i++) {
		/* No PAUSE between: to a hypervisor under us it is a reason to
		   take the CPU away, at the price of the whole window. */
		looks = now;
		if (now - yielded >= gap) {
			sched_yield();
			yielded = now;
			/* Others may have had the CPU for long: what they did
			   in it was not seen then. */
			looks = __rdtsc();
			if (!neighbour || !p->one_cpu || looks - now > futile)
				futile_left = POLL_FUTILE_YIELDS;
			else if (--futile_left == 0)
				return ready(arg);
		}
		if (ready(arg)) {
			p->looked_ticks = looks;
			return true;
		}
		now = __rdtsc();
		if (now - start >= span)
			break;
	}
	return false;
}

/* Time stamp for poll_window_slept(); free when polling is off. */
static inline uint64_t poll_window_now(struct poll_window *p)
{
	if (!p->on)
		return 0;
	if (p->since_ns == 0) {
		p->since_ns = clock_now_ns();
		p->since_ticks = __rdtsc();
	}
	return __rdtsc();
}

/* The two clocks side by side for a while tell the counter's frequency. */
static inline void poll_window_calibrate(struct poll_window *p)
{
	int64_t ns = clock_now_ns() - p->since_ns;

	if (ns >= 2 * NS_PER_MS)
		p->ticks_per_ms = (uint64_t)((double)(__rdtsc() - p->since_ticks) *
					     (double)NS_PER_MS / (double)ns);
}

static inline int64_t poll_window_wider(const struct poll_window *p, int64_t slept)
{
	int64_t ns = 2 * (slept > p->ns ? slept : p->ns);

	if (ns < POLL_START_NS)
		ns = POLL_START_NS;
	return ns < p->max_ns ? ns : p->max_ns;
}

/*
 * We slept from @since until now; @worth: what woke us is what we look for.
 *
 * One short sleep tells how long it takes: twice that is looked at from the next
 * on.  A guest that does something once a second does not get far otherwise:
 * what it does is over before a window that doubles has grown.  For the same
 * reason a long sleep takes only half of the window; some in a row take all.
 */
static inline void poll_window_slept(struct poll_window *p, uint64_t since, bool worth)
{
	uint64_t ticks;
	int64_t slept;

	if (!p->on)
		return;
	if (p->ticks_per_ms == 0)
		poll_window_calibrate(p);
	if (p->ticks_per_ms == 0)
		return;
	ticks = __rdtsc() - since;
	/* A counter that ran backwards looks like a very long sleep. */
	slept = ticks / p->ticks_per_ms >= POLL_MAX_NS / NS_PER_MS ? POLL_MAX_NS :
		(int64_t)(ticks * (uint64_t)NS_PER_MS / p->ticks_per_ms);
	if (slept >= p->max_ns)
		p->ns = p->ns / 2 < POLL_START_NS ? 0 : p->ns / 2;
	else if (worth)
		p->ns = poll_window_wider(p, slept);
}

#endif /* BASE_POLL_H */
