/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * broker/dispatch/buffered.c - passes Xen's buffered writes on in batches
 *
 * Runs in the broker.  An entry stays in Xen's ring until it is in the
 * worker's, and the state says which are on their way: a successor neither
 * loses nor repeats one.
 */
#include <errno.h>

#include "dispatch/broker.h"
#include "dispatch/bufioreq.h"

/* NULL: there is none, now or ever. */
static struct peer *batch_peer(void)
{
	for (unsigned int i = 0; i < broker.plan->worker_count; i++) {
		struct peer *p = &broker.peer[i];

		if ((p->alive || p->rec->trust == TRUST_LIED) &&
		    (p->plan->verbs & PLAN_MAY_BATCH))
			return p;
	}
	return NULL;
}

/* Copies entries to @out until it is full or the ring over.  *slots: of the
   ring, also those that are for nobody. */
static uint32_t fill_batch(struct io_write *out, uint32_t *slots)
{
	struct bufioreq e;
	uint32_t n = 0;
	int taken;

	*slots = 0;
	/* An 8-byte entry becomes two. */
	while (n + 2 <= IO_BATCH_MAX && *slots + 2 < XEN_BUFIOREQ_SLOTS &&
	       (taken = bufioreq_look(broker.buf, *slots, &e)) > 0) {
		*slots += (uint32_t)taken;
		if (e.type != XEN_IOREQ_TYPE_COPY)
			continue;	/* TIMEOFFSET: Xen and libxl keep it */
		out[n++] = (struct io_write){
			.addr = e.addr, .size = e.size < 8 ? e.size : 4,
			.data = (uint32_t)e.data };
		if (e.size == 8)
			out[n++] = (struct io_write){
				.addr = e.addr + 4, .size = 4,
				.data = (uint32_t)(e.data >> 32) };
	}
	return n;
}

bool buffered_is_full_enough(void)
{
	return bufioreq_level(broker.buf) >= BUF_BATCH_LEVEL &&
		!broker.buf_stuck && !pause_is_on();
}

/* 0, or -errno of peer_send(): the entries are still there. */
static int send_batch(struct peer *p, struct io_msg *m, uint32_t slots)
{
	struct broker_state *st = broker.st;
	int rc;

	st->batch_seq = p->ch.tail;
	st->batch_peer = (uint8_t)(p - broker.peer);
	st->batch_from = (uint16_t)bufioreq_first(broker.buf);
	STATE_SET(st->batch_slots, (uint16_t)slots);
	rc = peer_send(p, m, OWNER_NONE, 0, SEND_LAZY);
	if (rc == 0)
		bufioreq_drop(broker.buf, slots);
	STATE_SET(st->batch_slots, (uint16_t)0);
	return rc;
}

void buffered_adopt(void)
{
	struct broker_state *st = broker.st;

	if (st->batch_slots && st->batch_peer < broker.plan->worker_count &&
	    peer_sent(&broker.peer[st->batch_peer], st->batch_seq) &&
	    bufioreq_first(broker.buf) == st->batch_from &&
	    st->batch_slots <= bufioreq_level(broker.buf))
		bufioreq_drop(broker.buf, st->batch_slots);
	STATE_SET(st->batch_slots, (uint16_t)0);
}

/* Nobody has the window: let the writes go.  False: there are none. */
static bool drop_batch(void)
{
	static struct io_write none[IO_BATCH_MAX];
	uint32_t slots;

	fill_batch(none, &slots);
	bufioreq_drop(broker.buf, slots);
	return slots != 0;
}

/* True: there may be more. */
static bool pass_on(struct peer *p)
{
	struct io_msg m = { .kind = IO_BATCH, .flags = IO_POSTED,
			    .win = IO_NO_WIN };
	uint32_t slots;
	/* Room first: what is copied has to be sent. */
	int rc = peer_room(p);

	if (rc == 0)
		rc = peer_data_get(p, &m.slot);
	if (rc == -EAGAIN && !broker.buf_stuck)
		account_peer(p, STAT_RING_FULL);
	broker.buf_stuck = rc == -EAGAIN;
	if (rc)
		return rc != -EAGAIN;
	m.count = fill_batch((struct io_write *)p->ch.c->data[m.slot], &slots);
	if (m.count == 0) {
		bufioreq_drop(broker.buf, slots);
		return slots != 0;
	}
	if (send_batch(p, &m, slots)) {
		peer_lied(p, "request ring head");
		return true;
	}
	stat_add(STAT_BATCHES, 1);
	stat_add(STAT_BUFFERED, m.count);
	return true;
}

void buffered_drain(void)
{
	broker.buf_parked = false;
	while (!pause_is_on() && bufioreq_level(broker.buf)) {
		struct peer *p = batch_peer();

		if (p && !p->alive) {
			/* They wait in Xen's ring for its successor. */
			broker.buf_stuck = broker.buf_parked = true;
			return;
		}
		if (!(p ? pass_on(p) : drop_batch()))
			return;
	}
	broker.buf_stuck = false;
}
