/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ring/chan.h - the two rings of a channel, from either side
 *
 * Requests: the worker takes requests in order and moves req_head only when a
 * request is COMMITTED: device state, shadow words, interrupt levels and the
 * answer are published.  Until then the broker does not reuse the slot, so a
 * successor of the worker finds the request and does it again, and a successor
 * of the broker knows from head and tail what is done.  A request's sequence
 * number is its index; both run freely over 32 bits.  An ANS_DONE is in the ring
 * before the request is committed, and visible after.
 *
 * Answers: the broker moves ans_head when it has acted on an answer.
 *
 * Trust.  Our own index lives in private memory; the shared copy is for the
 * peer (and for our successor) and is never read back.  The peer's index is
 * checked on every use: -EPROTO means the peer lies.  A message is copied out
 * before it is looked at.
 *
 * Ordering.  Named pairs; nothing else is ordered.
 *
 *	A  worker's commit (release head)   ->  broker's reuse of the slot, and
 *	   broker's reads of shadow words, mirrors and data slots (acquire head)
 *	B  broker's write of slot and data (release tail) -> worker's read
 *	C  producer: publish, then look at the peer's asleep word;
 *	   consumer: set asleep, then look at the peer's index.
 *	   Store-then-load on both sides needs a full fence on both sides.
 *	D  worker's write of an answer (release ans_tail) -> broker's read;
 *	   also: the shadow words that belong to it come first, so whoever an
 *	   interrupt makes look finds what it is about.
 *	E  broker's reads of answers (release ans_head) -> worker's reuse
 *	F  broker: put what a word says may wait, then look at the word again;
 *	   worker: take the word back, then (C) look at the ring before it
 *	   sleeps.  A full fence on both sides; the worker's is C's.
 */
#ifndef RING_CHAN_H
#define RING_CHAN_H

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include "abi/chan.h"

/* The broker's end of one worker's channel. */
struct chan_broker {
	struct chan *c;
	uint32_t tail;		/* requests we wrote */
	uint32_t ans;		/* answers we acted on */
	uint32_t data_tail;	/* data slots handed out, runs freely */
	uint32_t data_head;	/* data slots known to be free again */
	uint32_t freed_at;	/* head up to which data_head is counted */
	bool req_has_data[CHAN_REQS];
};

/* The worker's end. */
struct chan_worker {
	struct chan *c;
	uint32_t head;		/* requests committed */
	uint32_t tail;		/* answers written */
};

/* Take over where the last holder of this end stopped (0 at first). */
void chan_broker_init(struct chan_broker *b, struct chan *c);
void chan_worker_init(struct chan_worker *w, struct chan *c);
/*
 * The broker's end, from what a dead broker recorded (abi/broker_state.h): it
 * had written requests before @tail and acknowledged answers before @ans, or
 * one more of each.  False: the shared words say something else, so the worker
 * wrote to them; @b is as after chan_broker_init().
 */
bool chan_broker_adopt(struct chan_broker *b, struct chan *c, uint32_t tail,
		       uint32_t ans);
/*
 * For whoever replaces a worker that lied or was failed (CTL_LIED, CTL_FAILED),
 * between its end and its successor's start: puts its words right.  Nothing is in either ring any more.
 */
void chan_repair(struct chan *c);
/*
 * The predecessor's committed state (abi/state.h) says that requests before
 * @seq are contained, and answers before @ans_tail: go on from there.  False:
 * that cannot be, and nothing was done; go on from the ring as
 * chan_worker_init() found it.  Publishes nothing: shadow words come first.
 */
bool chan_worker_adopt(struct chan_worker *w, uint32_t seq, uint32_t ans_tail);
/* What the predecessor did not come to publish. */
void chan_worker_publish(struct chan_worker *w);

/* ---- broker ---- */

/* Requests sent but not committed; -EPROTO if the worker's head is impossible. */
static inline int chan_pending(const struct chan_broker *b, uint32_t *count)
{
	uint32_t n = b->tail - atomic_load_explicit(&b->c->req_head,
						    memory_order_acquire); /* A */
	if (n > CHAN_REQS)
		return -EPROTO;
	*count = n;
	return 0;
}

/* Is everything before @seq committed?  (A lying worker may say so.) */
static inline bool chan_committed(const struct chan_broker *b, uint32_t seq)
{
	uint32_t head = atomic_load_explicit(&b->c->req_head,
					     memory_order_acquire); /* A */
	return (int32_t)(head - seq) >= 0;
}

/*
 * Reserve a data slot.  0 and *slot, -EAGAIN if all are in use, -EPROTO.
 * The next chan_put() must be the request that uses it, with @has_data.
 */
int chan_data_get(struct chan_broker *b, uint16_t *slot);

/* Write one request; fills in m->seq.  -EAGAIN if the ring is full. */
int chan_put(struct chan_broker *b, struct io_msg *m, bool has_data);

/* After chan_put(): must FD_KICK be written? */
static inline bool chan_needs_kick(const struct chan_broker *b)
{
	atomic_thread_fence(memory_order_seq_cst); /* C */
	return atomic_load_explicit(&b->c->worker_asleep, memory_order_relaxed);
}

/* Or is it at something?  A guess: it may just have been woken, or lie. */
static inline bool chan_worker_sleeps(const struct chan_broker *b)
{
	return atomic_load_explicit(&b->c->worker_asleep, memory_order_relaxed);
}

/* Next answer, copied.  1, 0 if none, -EPROTO. */
static inline int chan_answer_get(struct chan_broker *b, struct io_msg *m)
{
	uint32_t n = atomic_load_explicit(&b->c->ans_tail,
					  memory_order_acquire) - b->ans; /* D */
	if (n > CHAN_ANSWERS)
		return -EPROTO;
	if (n == 0)
		return 0;
	memcpy(m, &b->c->ans[b->ans % CHAN_ANSWERS], sizeof(*m));
	return 1;
}

/* We acted on the answer that chan_answer_get() returned. */
static inline void chan_answer_done(struct chan_broker *b)
{
	atomic_store_explicit(&b->c->ans_head, ++b->ans, memory_order_release); /* E */
}

static inline bool chan_answers_waiting(const struct chan_broker *b)
{
	return atomic_load_explicit(&b->c->ans_tail, memory_order_acquire) /* D */
		!= b->ans;
}

/* ---- worker ---- */

/* Next request after the committed ones, copied.  1, 0 if none, -EPROTO. */
static inline int chan_req_get(struct chan_worker *w, struct io_msg *m)
{
	uint32_t n = atomic_load_explicit(&w->c->req_tail,
					  memory_order_acquire) - w->head; /* B */
	if (n > CHAN_REQS)
		return -EPROTO;
	if (n == 0)
		return 0;
	memcpy(m, &w->c->req[w->head % CHAN_REQS], sizeof(*m));
	return 1;
}

/* The request that chan_req_get() returned is committed. */
static inline void chan_commit(struct chan_worker *w)
{
	atomic_store_explicit(&w->c->req_head, ++w->head, memory_order_release); /* A */
}

/*
 * Write one answer, which the broker does not see before chan_answer_publish().
 * 0, -EAGAIN if the broker has not drained (publish, then try again), -EPROTO.
 */
int chan_answer_write(struct chan_worker *w, const struct io_msg *m);

/* All answers written so far, at once; after the shadow words they go with. */
static inline void chan_answer_publish(struct chan_worker *w)
{
	atomic_store_explicit(&w->c->ans_tail, w->tail, memory_order_release); /* D */
}

/* Both. */
int chan_answer_put(struct chan_worker *w, const struct io_msg *m);

static inline bool chan_broker_needs_kick(const struct chan_worker *w)
{
	atomic_thread_fence(memory_order_seq_cst); /* C */
	return atomic_load_explicit(&w->c->broker_asleep, memory_order_relaxed);
}

/* Our loop goes round: whoever waits for us sees that we do not hang. */
static inline void chan_worker_beat(struct chan_worker *w)
{
	uint32_t beat = atomic_load_explicit(&w->c->beat, memory_order_relaxed);

	atomic_store_explicit(&w->c->beat, beat + 1, memory_order_relaxed);
}

/* ---- sleeping; the same on both sides with other words ---- */

static inline bool chan_worker_may_sleep(struct chan_worker *w)
{
	atomic_store_explicit(&w->c->worker_asleep, 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_seq_cst); /* C */
	if (atomic_load_explicit(&w->c->req_tail, memory_order_relaxed) == w->head)
		return true;
	atomic_store_explicit(&w->c->worker_asleep, 0, memory_order_relaxed);
	return false;
}

static inline void chan_worker_awake(struct chan_worker *w)
{
	atomic_store_explicit(&w->c->worker_asleep, 0, memory_order_relaxed);
}

static inline void chan_broker_sleeps(struct chan_broker *b, bool asleep)
{
	atomic_store_explicit(&b->c->broker_asleep, asleep, memory_order_relaxed);
}

#endif /* RING_CHAN_H */
