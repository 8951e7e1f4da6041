/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * runtime/worker.c - the life of a worker with devices
 *
 * Inherit, build, confine, serve.  One thread (back ends may have their own)
 * and one loop: requests from the channel first, then what devices put off,
 * then, when there is none, timers and back ends.  Between two requests it looks at the channel for a
 * short, measured while before it sleeps.
 */
#include "runtime/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "abi/ctl_msg.h"
#include "abi/fds.h"
#include "base/bug.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/poll.h"
#include "base/stat.h"
#include "bus/restore.h"
#include "ring/chan.h"
#include "ring/memfd.h"
#include "ring/stat.h"
#include "runtime/worker_mem.h"

#define REQUESTS_PER_TURN	64u	/* then timers and back ends get a look */
#define STOP_WAIT_NS		(800 * NS_PER_MS)
#define ANSWER_SPINS		1000u

struct watch {
	int fd;
	void (*fn)(void *arg, uint32_t epoll_events);
	void *arg;
};

/* The one worker of this process. */
static struct {
	struct worker w;
	struct bus bus;
	struct bus_host host;
	struct chan_worker chan;
	const struct worker_mem *mem;	/* NULL: no guest memory */
	uint64_t own;			/* bit per descriptor we opened */
	struct io_msg now;		/* the request being served, if busy */
	bool busy;			/* deferred: now waits for bus_resume() */
	bool said;			/* something is in the answer ring */
	bool stopping;
	bool paused;			/* only the broker and the supervisor
					   are listened to: IO_PAUSE */
	bool resume_owed;		/* it was so when we took over */
	uint64_t aside;			/* bit per descriptor whose event came
					   while we could not look at it */
	struct poll_window poll;
	bool (*hint)(void);		/* worker_hint() */
	unsigned int watch_count;
	struct watch watch[WORKER_WATCHES];
} me;

/* ---- talking to the broker ---- */

/* What was said is published: see that it is looked at. */
static void kick_broker(void)
{
	static const uint64_t one = 1;

	me.said = false;
	if (chan_broker_needs_kick(&me.chan) &&
	    write(FD_BROKER_KICK, &one, sizeof(one)) < 0 && errno != EAGAIN)
		log_errno(errno, "cannot wake the broker");
}

static void read_ctl(void);

/*
 * We are inside a device: of all events only the supervisor's word counts, the
 * others are put aside.  Half-done work goes with us: there is nobody left to
 * tell about it.
 */
static void wait_for_room(void)
{
	struct epoll_event ev[8];
	int n;

	kick_broker();
	chan_worker_beat(&me.chan);
	n = epoll_wait(FD_EPOLL, ev, 8, 1);
	for (int i = 0; i < n; i++) {
		if (ev[i].data.u32 == FD_CTL)
			read_ctl();
		else
			me.aside |= UINT64_C(1) << ev[i].data.u32;
	}
	if (me.stopping)
		_exit(0);
}

/*
 * Seen by the broker when the event is settled and shadow words are out: a
 * guest that an interrupt makes look at a status finds what raised it.
 *
 * The answer ring is full only while the broker is busy or gone: it never
 * waits for us without draining it.
 */
static void say(void *ctx, const struct io_msg *m)
{
	int rc;

	(void)ctx;
	for (unsigned int tries = 0; ; tries++) {
		rc = chan_answer_write(&me.chan, m);
		if (rc != -EAGAIN)
			break;
		chan_answer_publish(&me.chan);
		if (tries < ANSWER_SPINS)
			sched_yield();
		else
			wait_for_room();
	}
	if (rc)
		die(0, "broker broke the protocol: answer ring index");
	me.said = true;
}

static void wake_at(void *ctx, int64_t deadline_ns)
{
	struct itimerspec at = { 0 };

	(void)ctx;
	if (deadline_ns != INT64_MAX) {
		if (deadline_ns < 1)
			deadline_ns = 1;
		at.it_value.tv_sec = deadline_ns / NS_PER_S;
		at.it_value.tv_nsec = deadline_ns % NS_PER_S;
	}
	if (timerfd_settime(FD_TIMER, TFD_TIMER_ABSTIME, &at, NULL))
		log_errno(errno, "cannot set the timer");
}

static int64_t now_ns(void *ctx)
{
	(void)ctx;
	return clock_now_ns();
}

/* ---- serving ---- */

static void finish(uint64_t value)
{
	uint32_t seq = me.chan.head;

	me.busy = false;
	bus_prepare(&me.bus);
	if (!(me.now.flags & IO_POSTED))
		say(NULL, &(struct io_msg){ .seq = seq, .kind = ANS_DONE,
					    .data = value, .win = IO_NO_WIN });
	bus_commit(&me.bus, seq + 1, me.chan.tail);
	chan_answer_publish(&me.chan);
	chan_commit(&me.chan);
	if (me.said)
		kick_broker();
	/* Nobody waits any more. */
	stat_add(STAT_REQUESTS, 1);
	if (me.now.kind == IO_PAUSE || me.now.kind == IO_RESUME)
		me.paused = me.now.kind == IO_PAUSE;
}

static void do_batch(const struct io_msg *m, const uint8_t *data)
{
	uint32_t count = m->count < IO_BATCH_MAX ? m->count : IO_BATCH_MAX;

	for (uint32_t i = 0; i < count; i++) {
		struct io_write e;

		memcpy(&e, data + i * sizeof(e), sizeof(e));
		bus_batch_write(&me.bus, &e);
	}
}

/* One request; its value, unless the device deferred it. */
static uint64_t do_request(const struct io_msg *m)
{
	uint8_t *data = NULL;

	if ((m->flags & IO_DATA) || m->kind == IO_BATCH) {
		if (m->slot >= CHAN_DATA_SLOTS)
			die(0, "broker broke the protocol: slot=%u", m->slot);
		data = me.chan.c->data[m->slot];
	}
	switch (m->kind) {
	case IO_ACCESS:
		return bus_access(&me.bus, m, data);
	case IO_BATCH:
		do_batch(m, data);
		return 0;
	case IO_READ_NOTE:
		bus_read_note(&me.bus, m);
		return 0;
	case IO_INVALIDATE:
		if (me.mem && !me.mem->invalidate())
			bus_defer(&me.bus);
		return 0;
	case IO_UNPLUG:
		bus_call_unplug(&me.bus, (uint32_t)m->data);
		return 0;
	case IO_REPLY:
		bus_call_reply(&me.bus, m->data);
		return 0;
	case IO_PAUSE:
		/* A new broker's: nothing is in flight, and back ends would not
		   be listened to. */
		if (!me.paused)
			bus_call_pause(&me.bus, true);
		return 0;
	case IO_RESUME:
		if (me.resume_owed)
			bus_resume_devs(&me.bus);
		me.resume_owed = false;
		return 0;
	case IO_SYNC:
		return 0;
	default:
		die(0, "broker broke the protocol: kind=%u", m->kind);
	}
}

/* Publishes what changed; a device may also have resumed, even just now. */
static void settle_events(void)
{
	if (!me.busy || !me.bus.resumed) {
		bus_prepare(&me.bus);
		bus_commit(&me.bus, me.chan.head, me.chan.tail);
	}
	if (me.busy && me.bus.resumed) {
		me.bus.resumed = false;
		finish(me.bus.resume_value);
	} else if (me.said) {
		chan_answer_publish(&me.chan);
		kick_broker();
	}
}

/* Returns how many requests were taken. */
static unsigned int take_requests(void)
{
	unsigned int n = 0;

	while (n < REQUESTS_PER_TURN && !me.busy) {
		uint64_t value;
		int rc = chan_req_get(&me.chan, &me.now);

		if (rc < 0)
			die(0, "broker broke the protocol: request ring index");
		if (rc == 0)
			break;
		n++;
		value = do_request(&me.now);
		if (me.bus.resumed) {
			/* Deferred and resumed within the same call. */
			me.bus.resumed = false;
			value = me.bus.resume_value;
		}
		if (bus_is_deferred(&me.bus)) {
			me.busy = true;
			settle_events();
		} else {
			finish(value);
		}
	}
	return n;
}

void worker_catch_up(struct worker *w)
{
	uint32_t tail = atomic_load_explicit(&me.chan.c->req_tail,
					     memory_order_relaxed);

	(void)w;
	for (unsigned int n = 0; n < CHAN_REQS && me.chan.head != tail; n++)
		if (!take_requests())
			return;
}

static void read_ctl(void)
{
	struct ctl_msg m;
	ssize_t r = read(FD_CTL, &m, sizeof(m));

	if (r == 0 || (r == (ssize_t)sizeof(m) && m.kind == CTL_STOP)) {
		me.stopping = true;
		/* No fsync: the page cache outlives us. */
		bus_call_pause(&me.bus, false);
	}
}

/* False: it was only the broker's, about requests, which the loop takes. */
static bool handle_event(const struct epoll_event *ev)
{
	uint64_t count;

	switch (ev->data.u32) {
	case FD_KICK:
		return false;	/* edge-triggered: nothing to read */
	case FD_CTL:
		read_ctl();
		break;
	case FD_TIMER:
		if (read(FD_TIMER, &count, sizeof(count)) > 0)
			bus_run_timers(&me.bus);
		break;
	default:
		for (unsigned int i = 0; i < me.watch_count; i++)
			if (me.watch[i].fd == (int)ev->data.u32)
				me.watch[i].fn(me.watch[i].arg, ev->events);
		break;
	}
	return true;
}

/* As handle_event(); since epoll told us we may have come to rest. */
static bool take_event(const struct epoll_event *ev)
{
	if (!me.paused || ev->data.u32 == FD_CTL)
		return handle_event(ev);
	if (ev->data.u32 != FD_KICK)
		me.aside |= UINT64_C(1) << ev->data.u32;
	return false;
}

static int wait_events(int timeout_ms)
{
	struct epoll_event ev[8];
	uint64_t aside = me.paused ? 0 : me.aside;
	int n = epoll_wait(me.paused ? FD_CALM : FD_EPOLL, ev, 8,
			   aside ? 0 : timeout_ms);
	bool changed = false;

	me.aside &= ~aside;
	/* What the guest wrote before comes before: it may be a mask that we
	   were not even woken for. */
	if (aside || n > (n > 0 && ev[0].data.u32 == FD_KICK))
		take_requests();
	for (uint64_t left = aside; left; left &= left - 1)
		changed |= take_event(&(struct epoll_event){
			.events = EPOLLIN,
			.data.u32 = (uint32_t)__builtin_ctzll(left) });
	for (int i = 0; i < n; i++)
		changed |= take_event(&ev[i]);
	if (changed)
		settle_events();
	return n;
}

static bool request_waits(void)
{
	return atomic_load_explicit(&me.chan.c->req_tail,
				    memory_order_relaxed) != me.chan.head;
}

static bool work_waits(void *arg)
{
	(void)arg;
	return request_waits() || (!me.paused && me.hint && me.hint());
}

/* What devices put off, after events had a look.  True: there is more. */
static bool run_turns(void)
{
	if (me.paused || !bus_turns_wait(&me.bus))
		return false;
	wait_events(0);
	take_requests();	/* before anything is signalled */
	if (me.paused)
		return false;
	bus_run_turns(&me.bus);
	/* Mostly a device only wanted to know that a turn is over. */
	if (me.bus.dirty || me.said || me.bus.resumed)
		settle_events();
	return bus_turns_wait(&me.bus);
}

/* Nothing to do: look a while, then sleep. */
static void idle(void)
{
	uint64_t slept_at;

	if (!me.busy && poll_window_spin(&me.poll, true, work_waits, NULL)) {
		/* Hinted at, but its event is still to come: let it. */
		if (!request_waits() && wait_events(0) == 0)
			sched_yield();
		return;
	}
	if (me.busy) {
		/* Deferred: only a back end or a timer gets us on. */
		wait_events(-1);
		return;
	}
	if (!chan_worker_may_sleep(&me.chan))
		return;
	slept_at = poll_window_now(&me.poll);
	stat_add(STAT_SLEEPS, 1);
	wait_events(-1);
	chan_worker_awake(&me.chan);
	poll_window_slept(&me.poll, slept_at, request_waits());
}

int worker_serve(struct worker *w)
{
	unsigned int taken = 0;
	int64_t until;

	(void)w;
	while (!me.stopping) {
		unsigned int n;

		chan_worker_beat(&me.chan);
		n = take_requests();
		taken += n;
		if (run_turns())
			taken = 0;
		else if (n == 0)
			idle();
		if (taken >= REQUESTS_PER_TURN) {
			/* A busy guest must not starve timers and back ends. */
			taken = 0;
			wait_events(0);
		}
	}
	/* Finish the writes in flight. */
	until = clock_now_ns() + STOP_WAIT_NS;
	while (bus_is_deferred(&me.bus) && clock_now_ns() < until)
		wait_events(10);
	return 0;
}

/* ---- building ---- */

static void add_epoll_to(int epoll, int fd, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.u32 = (uint32_t)fd };

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &ev))
		die(errno, "cannot watch: fd=%d", fd);
}

static void add_epoll(int fd, uint32_t events)
{
	add_epoll_to(FD_EPOLL, fd, events);
}

/* What can be waited at without the device's descriptors, which stay readable
   while nobody reads them. */
static void make_calm_epoll(void)
{
	int fd = epoll_create1(EPOLL_CLOEXEC);

	if (fd < 0 || dup3(fd, FD_CALM, O_CLOEXEC) != FD_CALM)
		die(errno, "epoll is not at its number");
	close(fd);
	worker_owns(&me.w, FD_CALM);
	add_epoll_to(FD_CALM, FD_KICK, EPOLLIN | EPOLLET);
	add_epoll_to(FD_CALM, FD_CTL, EPOLLIN);
}

static void make_loop(void)
{
	if (epoll_create1(EPOLL_CLOEXEC) != FD_EPOLL)
		die(errno, "epoll is not at its number");
	if (timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK) != FD_TIMER)
		die(errno, "timer is not at its number");
	worker_owns(&me.w, FD_EPOLL);
	worker_owns(&me.w, FD_TIMER);
	add_epoll(FD_KICK, EPOLLIN | EPOLLET);
	add_epoll(FD_CTL, EPOLLIN);
	add_epoll(FD_TIMER, EPOLLIN);
	make_calm_epoll();
}

static void map_channel(void)
{
	struct chan *c = memfd_map(FD_CHAN, sizeof(*c), 1);
	struct state *s = memfd_map(FD_STATE, sizeof(*s), 1);

	if (!c || c->magic != CHAN_MAGIC || c->version != CHAN_VERSION)
		die(0, "channel is not as promised");
	if (!s || s->magic != STATE_MAGIC || s->version != STATE_VERSION)
		die(0, "state memory is not as promised");
	chan_worker_init(&me.chan, c);
	bus_init(&me.bus, &me.host, c, s);
}

void worker_set_memory(const struct worker_mem *mem)
{
	me.mem = mem;
	me.host.dma = mem->dma;
}

void worker_say_modified(void *ctx, uint64_t gfn, uint64_t frames)
{
	say(ctx, &(struct io_msg){ .kind = ANS_MODIFIED, .addr = gfn,
				   .data = frames, .win = IO_NO_WIN });
}

const _Atomic uint32_t *worker_log_dirty(void)
{
	return &me.chan.c->log_dirty;
}

/* The last pin on memory that an INVALIDATE took away is gone. */
void worker_invalidated(void *ctx)
{
	(void)ctx;
	bus_resume(&me.bus, 0);
}

struct worker *worker_begin(const char *role, int argc, char **argv)
{
	const char *poll;

	sandbox_inherit(&me.w.args, role, argc, argv);
	me.host = (struct bus_host){ .say = say, .wake_at = wake_at,
				     .now_ns = now_ns };
	make_loop();
	map_channel();
	stat_begin(me.w.args.fds);
	poll = sandbox_opt(&me.w.args, "poll");
	poll_window_init(&me.poll, !poll || strcmp(poll, "off") != 0,
			 POLL_WORKER_CPUS);
	me.w.bus = &me.bus;
	return &me.w;
}

void worker_watch(struct worker *w, int fd, uint32_t epoll_events,
		  void (*fn)(void *arg, uint32_t epoll_events), void *arg)
{
	(void)w;
	bug_on(me.watch_count >= WORKER_WATCHES);
	me.watch[me.watch_count++] = (struct watch){ fd, fn, arg };
	add_epoll(fd, epoll_events);
}

void worker_watch_change(struct worker *w, int fd, uint32_t epoll_events)
{
	struct epoll_event ev = { .events = epoll_events, .data.u32 = (uint32_t)fd };

	(void)w;
	if (epoll_ctl(FD_EPOLL, EPOLL_CTL_MOD, fd, &ev))
		log_errno(errno, "cannot change watch: fd=%d", fd);
}

void worker_watch_end(struct worker *w, int fd)
{
	(void)w;
	if (epoll_ctl(FD_EPOLL, EPOLL_CTL_DEL, fd, NULL))
		log_errno(errno, "cannot end watch: fd=%d", fd);
}

void worker_hint(struct worker *w, bool (*ready)(void))
{
	(void)w;
	me.hint = ready;
}

void worker_owns(struct worker *w, int fd)
{
	(void)w;
	me.own |= UINT64_C(1) << fd;
}

/*
 * The predecessor rested.  The broker's word for that comes after the commit
 * of IO_PAUSE: if either died in between, the ring still tells.
 */
static bool was_paused(void)
{
	const struct chan *c = me.chan.c;
	struct io_msg last;

	memcpy(&last, &c->req[(me.chan.head - 1) % CHAN_REQS], sizeof(last));
	return atomic_load_explicit(&c->paused, memory_order_relaxed) ||
		(last.kind == IO_PAUSE && last.seq == me.chan.head - 1);
}

void worker_confine(struct worker *w, const struct sandbox_policy *policy)
{
	struct ctl_msg ready = { .kind = CTL_READY, .arg = policy->syscalls };
	const char *state = sandbox_opt(&w->args, "state");
	struct bus_left left = { 0 };
	bool took_over;

	if (me.mem)
		me.mem->restrict_all();
	sandbox_enter(&w->args, me.own, policy);
	/* Whoever left that may have been taken over: not a byte of it before. */
	took_over = bus_take_over(&me.bus, &left);
	/* A save file is taken whole or not at all; nothing has happened yet. */
	if (state && left.wrong_dev)
		die(0, "save file refused: section=%s/%.24s field=%s", w->args.name,
		    left.wrong_dev, left.wrong_field);
	if (took_over && !chan_worker_adopt(&me.chan, left.seq, left.ans_tail))
		log_warn("committed state does not fit the ring: seq=%u head=%u",
			 left.seq, me.chan.head);
	me.paused = was_paused();
	bus_close(&me.bus, me.chan.head, me.chan.tail);
	chan_worker_publish(&me.chan);
	/* To go on is to send frames and to read what came from outside.  A
	   device that was reset has nothing to go on with, but much to say, and
	   our own successor would not know of it. */
	me.resume_owed = took_over && me.paused && !me.bus.dev_was_reset;
	if (took_over && !me.resume_owed) {
		bus_resume_devs(&me.bus);
		settle_events();
	}
	atomic_store_explicit(&me.chan.c->ready, 1, memory_order_release);
	if (write(FD_CTL, &ready, sizeof(ready)) != (ssize_t)sizeof(ready))
		die(errno, "cannot report to the supervisor");
}
