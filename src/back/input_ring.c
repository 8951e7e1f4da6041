/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * back/input_ring.c - keys and pointer from the vnc worker
 *
 * Runs in platform.  The consumer of struct input_ring.  The producer faces
 * the network and is not trusted: its index is checked on every use, an event
 * is copied before it is looked at, and one turn takes a bounded number.
 *
 * Ordering.
 *	A  producer's write of an event (release tail) -> our read (acquire)
 *	B  our read of an event (release head) -> producer's reuse of its slot
 *	C  we: set asleep, then look at tail; producer: publish, then look at
 *	   asleep.  A full fence on both sides.
 */
#include "back/input_ring.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "abi/disp.h"
#include "base/bug.h"
#include "base/log.h"
#include "bus/bus.h"
#include "bus/restore.h"

#define STATE_LAYOUT	1u

struct input_regs {		/* committed */
	uint32_t taken;		/* events before this one are in the device */
};

static struct {
	struct input_regs r;
	struct bus *bus;
	bus_dev_id id;
	struct input_ring *ring;
	struct input_sink *sink;
	int kick_fd;
	bool waits;		/* for sink's ready() */
} in;

/* The slots are the producer's again when this is committed, not before: a
   successor may have to take the events once more. */
static void set_taken(uint32_t taken)
{
	in.r.taken = taken;
	bus_touch(in.bus, in.id);
	bus_ask_turn(in.bus, in.id);
}

static void publish_head(void *dev)
{
	(void)dev;
	atomic_store_explicit(&in.ring->head, in.r.taken,
			      memory_order_release); /* B */
}

/* Events waiting.  An impossible index is brought back to empty. */
static uint32_t waiting(void)
{
	uint32_t tail = atomic_load_explicit(&in.ring->tail,
					     memory_order_acquire); /* A */
	uint32_t n = tail - in.r.taken;

	if (n <= INPUT_EVENTS)
		return n;
	guest_warn("input ring index is impossible: head=%u tail=%u",
		   in.r.taken, tail);
	set_taken(tail);
	return 0;
}

/* False: the device has no room, come back later.  Unknown kinds are taken
   and forgotten. */
static bool offer(const struct input_event *e)
{
	switch (e->kind) {
	case INPUT_KEY:
		return in.sink->key(in.sink->dev, e->a, e->b & 1);
	case INPUT_POINTER:
		return in.sink->pointer(in.sink->dev, &(struct input_pointer){
			.x = e->a, .y = e->b, .buttons = e->c,
			.width = e->d >> 16, .height = e->d & 0xffff });
	default:
		return true;
	}
}

/* True: we may sleep, the next event comes with a kick. */
static bool fall_asleep(void)
{
	atomic_store_explicit(&in.ring->asleep, 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_seq_cst); /* C */
	if (waiting() == 0)
		return true;
	atomic_store_explicit(&in.ring->asleep, 0, memory_order_relaxed);
	return false;
}

static void drain(void)
{
	in.waits = false;
	for (unsigned int budget = INPUT_EVENTS; budget; ) {
		struct input_event e;

		if (waiting() == 0) {
			if (fall_asleep())
				return;
			budget--;
			continue;
		}
		e = in.ring->event[in.r.taken % INPUT_EVENTS];
		if (!offer(&e)) {
			in.waits = true;
			return;
		}
		set_taken(in.r.taken + 1);
		budget--;
	}
	/* More than a ring full in one turn: go on at the next kick. */
	atomic_store_explicit(&in.ring->asleep, 1, memory_order_relaxed);
}

static void sink_ready(void *back)
{
	(void)back;
	if (in.waits)
		drain();
}

void input_ring_readable(void *arg, uint32_t epoll_events)
{
	uint64_t count;

	(void)arg;
	(void)epoll_events;
	if (read(in.kick_fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		return;
	/* While the device has no room its ready() goes on, not a kick. */
	if (!in.waits)
		drain();
}

/* A save file's, or nonsense: the ring may be another one.  The published
   index is never ahead of the committed one. */
static const char *check_index(const void *dev, const void *regs)
{
	const struct input_regs *r = regs;
	uint32_t head = atomic_load_explicit(&in.ring->head,
					     memory_order_relaxed);
	uint32_t tail = atomic_load_explicit(&in.ring->tail,
					     memory_order_acquire); /* A */

	(void)dev;
	return tail - head <= INPUT_EVENTS && r->taken - head <= tail - head ?
		NULL : "taken";
}

/* The kick for what waits may have gone to our predecessor. */
static void resume(void *dev)
{
	(void)dev;
	drain();
}

static const struct bus_state input_state = {
	.version = STATE_LAYOUT, .check = check_index,
};
static const struct bus_dev_ops input_ops = {
	.turn = publish_head, .resume = resume, .state = &input_state,
};

void input_ring_open(struct bus *b, int fd, int kick_fd, struct input_sink *sink)
{
	struct stat st;
	void *p;

	if (fstat(fd, &st) < 0 || st.st_size < (off_t)sizeof(*in.ring))
		die(0, "input ring is too small: fd=%d", fd);
	p = mmap(NULL, sizeof(*in.ring), PROT_READ | PROT_WRITE, MAP_SHARED,
		 fd, 0);
	if (p == MAP_FAILED)
		die(errno, "cannot map the input ring: fd=%d", fd);
	in.ring = p;
	if (in.ring->magic != INPUT_MAGIC || in.ring->version != INPUT_VERSION)
		die(0, "not an input ring: fd=%d", fd);
	in.kick_fd = kick_fd;
	in.sink = sink;
	in.waits = false;
	sink->ready = sink_ready;
	in.bus = b;
	in.id = bus_add_dev(b, "input", &in, &input_ops, &in.r, sizeof(in.r));
	atomic_store_explicit(&in.ring->asleep, 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_seq_cst); /* C */
	/* Typed before there was a device; a successor's index replaces this. */
	set_taken(atomic_load_explicit(&in.ring->tail,
				       memory_order_acquire)); /* A */
}
