/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * broker/dispatch/watch.c - is a worker that owes something still moving?
 *
 * Runs in the broker, when it slept for nothing or now and then while it is
 * busy; reads the clock only if a worker's ring did not move between two looks.
 * Moving is not getting on: a worker that waits for a slow disk goes round its
 * loop when it is woken, and that is all we ask for.
 *
 * To sleep with a time limit is to set a timer and to take it back: some 3 % of
 * what an access takes where every one of them sleeps.  So a busy broker sets
 * one for many sleeps.  One that sleeps seldom has the limit: it is woken for
 * nothing only if somebody owes something for that long.
 */
#include <errno.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "abi/fds.h"

#include "base/clock.h"
#include "base/log.h"
#include "dispatch/broker.h"

#define WAKE_NS		NS_PER_S	/* between two wake-ups of a worker */
#define LOOKS		4		/* at least, before a worker hangs */
#define SLEEPS_WORTH_TIMER 16u		/* with a limit; of one period */

static struct {
	bool set;
	unsigned int sleeps;	/* since it was set, or was not */
} timer;

static bool owes(const struct peer *p)
{
	return p->alive && !chan_committed(&p->ch, p->awaited);
}

static int64_t wake_ns(void)
{
	int64_t ns = broker.hang_ns / LOOKS;

	return ns < WAKE_NS ? ns : WAKE_NS;
}

/* In whole ms, as epoll has it. */
static int64_t sleep_ns(void)
{
	return (wake_ns() / NS_PER_MS + 1) * NS_PER_MS;
}

static bool set_timer(void)
{
	const int64_t ns = sleep_ns();
	const struct itimerspec in = { .it_value = { ns / NS_PER_S, ns % NS_PER_S } };

	timer.sleeps = 0;
	timer.set = timerfd_settime(FD_TIMER, 0, &in, NULL) == 0;
	if (!timer.set)
		log_errno(errno, "cannot set the timer");
	return timer.set;
}

void watch_take_timer(void)
{
	uint64_t count;

	if (read(FD_TIMER, &count, sizeof(count)) < 0 && errno != EAGAIN)
		log_errno(errno, "cannot read: fd=%d", FD_TIMER);
	timer.set = false;
	/* Else the next sleep sets it again. */
	if (timer.sleeps < SLEEPS_WORTH_TIMER)
		timer.sleeps = 0;
}

static bool somebody_owes(void)
{
	for (unsigned int i = 0; i < broker.plan->worker_count; i++)
		if (owes(&broker.peer[i]) && !broker.peer[i].watch.told)
			return true;
	return false;
}

int watch_timeout_ms(void)
{
	if (!somebody_owes())
		return -1;
	timer.sleeps++;
	if (timer.set || (timer.sleeps > SLEEPS_WORTH_TIMER && set_timer()))
		return -1;
	return (int)(sleep_ns() / NS_PER_MS);
}

/* Also if it does not say that it sleeps: it may wait for its back end. */
static void wake(const struct peer *p)
{
	static const uint64_t one = 1;
	unsigned int i = (unsigned int)(p - broker.peer);

	if (write(FD_KICK0 + (int)i, &one, sizeof(one)) < 0 && errno != EAGAIN)
		log_errno(errno, "cannot wake: worker=%s", p->plan->name);
}

static void report(struct peer *p, int64_t still_ns)
{
	p->watch.told = true;
	log_err("worker does not move: worker=%s request=%u for_ms=%lld",
		p->plan->name, atomic_load_explicit(&p->ch.c->req_head,
						    memory_order_relaxed),
		(long long)(still_ns / NS_PER_MS));
	tell_supervisor(CTL_HANGS, (uint64_t)(p - broker.peer), "");
}

/*
 * It did not move since the last look.  A look counts for as long as we meant
 * to sleep: if it comes much later we did not run ourselves, and the worker,
 * on the same machine or in the same cgroup, may not have run either.
 */
static void time_it(struct peer *p, int64_t now_ns)
{
	struct peer_watch *w = &p->watch;
	int64_t since_ns = now_ns - w->looked_ns;
	bool first = w->looked_ns == 0;

	w->looked_ns = now_ns;
	if (first) {
		w->woken_ns = now_ns;
		wake(p);
		return;
	}
	w->still_ns += since_ns < sleep_ns() ? since_ns : sleep_ns();
	if (w->still_ns >= broker.hang_ns) {
		if (!w->told)
			report(p, w->still_ns);
	} else if (now_ns - w->woken_ns >= wake_ns()) {
		w->woken_ns = now_ns;
		wake(p);
	}
}

void watch_look(bool slept)
{
	int64_t now_ns = 0;

	for (unsigned int i = 0; i < broker.plan->worker_count; i++) {
		struct peer *p = &broker.peer[i];
		struct peer_watch *w = &p->watch;
		uint32_t head, beat;

		if (!owes(p)) {
			w->on = false;
			continue;
		}
		head = atomic_load_explicit(&p->ch.c->req_head,
					    memory_order_relaxed);
		beat = atomic_load_explicit(&p->ch.c->beat, memory_order_relaxed);
		if (!w->on || head != w->head || beat != w->beat) {
			*w = (struct peer_watch){ .on = true, .head = head,
						  .beat = beat };
			/* Else the next look does, if there has to be one. */
			if (!slept)
				continue;
		}
		if (now_ns == 0)
			now_ns = clock_now_ns();
		time_it(p, now_ns);
	}
}
