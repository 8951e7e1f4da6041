/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ring/chan.c - writing into a channel; the reading side is in the header
 *
 * Runs in the broker and in every worker with devices.  Ordering letters:
 * ring/chan.h.
 */
#include "ring/chan.h"

/*
 * Data slots are handed out in ring order and come back in ring order, so two
 * free-running counters describe them.
 */
static int free_data(struct chan_broker *b)
{
	uint32_t head = atomic_load_explicit(&b->c->req_head,
					     memory_order_acquire); /* A */

	/* From the head we saw last to our tail: neither backwards nor past. */
	if (head - b->freed_at > b->tail - b->freed_at)
		return -EPROTO;
	for (; b->freed_at != head; b->freed_at++)
		if (b->req_has_data[b->freed_at % CHAN_REQS])
			b->data_head++;
	return 0;
}

void chan_broker_init(struct chan_broker *b, struct chan *c)
{
	memset(b, 0, sizeof(*b));
	b->c = c;
	b->tail = atomic_load_explicit(&c->req_tail, memory_order_relaxed);
	b->ans = atomic_load_explicit(&c->ans_head, memory_order_relaxed);
	b->freed_at = atomic_load_explicit(&c->req_head, memory_order_relaxed);
	if (b->tail - b->freed_at > CHAN_REQS)
		b->freed_at = b->tail;	/* a lie, found when it is looked at */
}

#define LOOK_BACK	256u

/* As the broker wrote it; the worker may have spoiled it. */
static bool has_data(const struct chan *c, uint32_t seq, uint32_t *slot)
{
	const struct io_msg *m = &c->req[seq % CHAN_REQS];
	uint8_t kind = m->kind, flags = m->flags;

	*slot = m->slot % CHAN_DATA_SLOTS;
	return kind == IO_BATCH || (kind == IO_ACCESS && (flags & IO_DATA));
}

/*
 * Data slots in use are those of the requests from head to tail.  Slots go
 * round, so the next one is the one after the last, even if that came back:
 * its answer may still have to be looked at.
 */
static void find_data(struct chan_broker *b)
{
	uint32_t pending = b->tail - b->freed_at;
	uint32_t slot, used = 0, next = 0;
	bool found = false;

	/* Not the whole ring: to read pages that nobody wrote makes them. */
	for (uint32_t n = 1; n <= pending + LOOK_BACK && n <= CHAN_REQS; n++) {
		uint32_t seq = b->tail - n;
		bool in_use = n <= pending;

		if (found && !in_use)
			break;
		if (!has_data(b->c, seq, &slot))
			continue;
		if (!found)
			next = slot + 1;
		found = true;
		if (!in_use || used == CHAN_DATA_SLOTS)
			continue;
		b->req_has_data[seq % CHAN_REQS] = true;
		used++;
	}
	b->data_tail = next + CHAN_DATA_SLOTS;
	b->data_head = b->data_tail - used;
}

bool chan_broker_adopt(struct chan_broker *b, struct chan *c, uint32_t tail,
		       uint32_t ans)
{
	uint32_t head = atomic_load_explicit(&c->req_head, memory_order_acquire);

	chan_broker_init(b, c);
	if (b->tail - tail > 1 || b->ans - ans > 1 || b->tail - head > CHAN_REQS)
		return false;
	b->freed_at = head;
	find_data(b);
	return true;
}

void chan_repair(struct chan *c)
{
	uint32_t tail = atomic_load_explicit(&c->req_tail, memory_order_relaxed);
	uint32_t ans = atomic_load_explicit(&c->ans_head, memory_order_relaxed);

	atomic_store_explicit(&c->req_head, tail, memory_order_relaxed);
	atomic_store_explicit(&c->ans_tail, ans, memory_order_relaxed);
	atomic_store_explicit(&c->worker_asleep, 0, memory_order_relaxed);
	atomic_store_explicit(&c->ready, 0, memory_order_release);
}

void chan_worker_init(struct chan_worker *w, struct chan *c)
{
	w->c = c;
	w->head = atomic_load_explicit(&c->req_head, memory_order_relaxed);
	w->tail = atomic_load_explicit(&c->ans_tail, memory_order_relaxed);
}

bool chan_worker_adopt(struct chan_worker *w, uint32_t seq, uint32_t ans_tail)
{
	uint32_t sent = atomic_load_explicit(&w->c->req_tail,
					     memory_order_acquire) - w->head;
	uint32_t done = seq - w->head;
	uint32_t said = ans_tail - w->tail;
	uint32_t used = ans_tail - atomic_load_explicit(&w->c->ans_head,
							memory_order_acquire);

	/* A head moves by one with each flip, so it is behind by one at most;
	   answers may be ahead, if the ring was full in the middle of an event
	   that will now be done again. */
	if (sent > CHAN_REQS || done > 1 || done > sent)
		return false;
	if ((int32_t)said > 0 && used > CHAN_ANSWERS)
		return false;
	if ((int32_t)said > 0)
		w->tail = ans_tail;
	w->head = seq;
	return true;
}

void chan_worker_publish(struct chan_worker *w)
{
	chan_answer_publish(w);
	atomic_store_explicit(&w->c->req_head, w->head, memory_order_release); /* A */
}

int chan_data_get(struct chan_broker *b, uint16_t *slot)
{
	int rc = 0;

	if (b->data_tail - b->data_head == CHAN_DATA_SLOTS)
		rc = free_data(b);
	if (rc)
		return rc;
	if (b->data_tail - b->data_head == CHAN_DATA_SLOTS)
		return -EAGAIN;
	*slot = (uint16_t)(b->data_tail % CHAN_DATA_SLOTS);
	return 0;
}

int chan_put(struct chan_broker *b, struct io_msg *m, bool has_data)
{
	uint32_t used;
	int rc = chan_pending(b, &used);

	if (rc)
		return rc;
	if (used == CHAN_REQS)
		return -EAGAIN;
	/* A slot is about to be reused: count what it freed first. */
	if (b->tail - b->freed_at == CHAN_REQS) {
		rc = free_data(b);
		if (rc)
			return rc;
	}
	m->seq = b->tail;
	b->req_has_data[b->tail % CHAN_REQS] = has_data;
	if (has_data)
		b->data_tail++;
	memcpy(&b->c->req[b->tail % CHAN_REQS], m, sizeof(*m));
	atomic_store_explicit(&b->c->req_tail, ++b->tail,
			      memory_order_release); /* B */
	return 0;
}

int chan_answer_write(struct chan_worker *w, const struct io_msg *m)
{
	uint32_t used = w->tail - atomic_load_explicit(&w->c->ans_head,
						       memory_order_acquire); /* E */
	if (used > CHAN_ANSWERS)
		return -EPROTO;
	if (used == CHAN_ANSWERS)
		return -EAGAIN;
	memcpy(&w->c->ans[w->tail++ % CHAN_ANSWERS], m, sizeof(*m));
	return 0;
}

int chan_answer_put(struct chan_worker *w, const struct io_msg *m)
{
	int rc = chan_answer_write(w, m);

	if (rc == 0)
		chan_answer_publish(w);
	return rc;
}
