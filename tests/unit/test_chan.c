/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/test_chan.c - the channel between broker and worker
 *
 * Committed heads, data slots, wake-ups without loss, and peers that lie.
 */
#include <pthread.h>
#include <sched.h>

#include "ring/chan.h"
#include "tap.h"

static struct chan chan;
static struct chan_broker b;
static struct chan_worker w;

static void fresh(void)
{
	memset(&chan, 0, sizeof(chan));
	chan_broker_init(&b, &chan);
	chan_worker_init(&w, &chan);
}

static void test_head_moves_at_commit(void)
{
	struct io_msg m = { .kind = IO_ACCESS, .addr = 0x1f7 }, got;
	uint32_t pending = 0;

	fresh();
	ok(chan_put(&b, &m, false) == 0, "put");
	ok(chan_req_get(&w, &got) == 1 && got.addr == 0x1f7, "taken");
	ok(chan_req_get(&w, &got) == 1 && got.addr == 0x1f7,
	   "taking again before commit gives the same request");
	ok(chan_pending(&b, &pending) == 0 && pending == 1,
	   "the broker still counts it as pending");
	ok(!chan_committed(&b, m.seq + 1), "and not as committed");
	chan_commit(&w);
	ok(chan_pending(&b, &pending) == 0 && pending == 0, "commit frees it");
	ok(chan_committed(&b, m.seq + 1), "now it is committed");
	ok(chan_req_get(&w, &got) == 0, "nothing left");
}

static void test_successors_go_on(void)
{
	struct io_msg m = { .kind = IO_ACCESS }, got;
	struct chan_worker w2;
	struct chan_broker b2;

	uint16_t slot;

	fresh();
	for (m.addr = 0; m.addr < 3; m.addr++)
		chan_put(&b, &m, false);
	chan_req_get(&w, &got);
	chan_commit(&w);
	chan_req_get(&w, &got);		/* taken, then the worker dies */
	chan_worker_init(&w2, &chan);
	ok(chan_req_get(&w2, &got) == 1 && got.addr == 1,
	   "a new worker finds the request that was not committed");
	chan_broker_init(&b2, &chan);
	m.addr = 99;
	ok(chan_put(&b2, &m, false) == 0 && m.seq == 3,
	   "a new broker goes on with the next sequence number");
	b2.data_tail += CHAN_DATA_SLOTS;
	ok(chan_data_get(&b2, &slot) == -EAGAIN,
	   "and what is still under way is no lie");
}

static void test_full_ring(void)
{
	struct io_msg m = { .kind = IO_ACCESS }, got;
	bool all = true;

	fresh();
	for (unsigned int i = 0; i < CHAN_REQS; i++)
		all &= chan_put(&b, &m, false) == 0;
	ok(all, "the ring takes CHAN_REQS requests");
	ok(chan_put(&b, &m, false) == -EAGAIN, "and not one more");
	chan_req_get(&w, &got);
	ok(chan_put(&b, &m, false) == -EAGAIN, "taking makes no room");
	chan_commit(&w);
	ok(chan_put(&b, &m, false) == 0, "committing does");
}

static void test_data_slots(void)
{
	struct io_msg m = { .kind = IO_ACCESS, .flags = IO_DATA }, got;
	struct io_msg plain = { .kind = IO_ACCESS };
	uint16_t slot = 0;
	bool distinct = true, used[CHAN_DATA_SLOTS] = { false };

	fresh();
	for (unsigned int i = 0; i < CHAN_DATA_SLOTS; i++) {
		distinct &= chan_data_get(&b, &slot) == 0 && !used[slot];
		used[slot] = true;
		chan_put(&b, &m, true);
		chan_put(&b, &plain, false);
	}
	ok(distinct, "all data slots are handed out once");
	ok(chan_data_get(&b, &slot) == -EAGAIN, "then none is left");
	chan_req_get(&w, &got);
	chan_commit(&w);
	ok(chan_data_get(&b, &slot) == 0 && slot == 0,
	   "a committed request gives its slot back, in order");
	ok(chan_put(&b, &m, true) == 0, "used again");
	chan_req_get(&w, &got);
	chan_commit(&w);
	ok(chan_data_get(&b, &slot) == -EAGAIN,
	   "a request without data frees none");
}

/* Slot bookkeeping stays right when ring slots are reused many times over. */
static void test_data_slots_wrap(void)
{
	struct io_msg m = { .kind = IO_ACCESS }, got;
	uint16_t slot = 0, want = 0;
	bool good = true;

	fresh();
	for (unsigned int i = 0; i < 3 * CHAN_REQS; i++) {
		bool data = i % 3 == 0;

		if (data) {
			good &= chan_data_get(&b, &slot) == 0 && slot == want;
			want = (uint16_t)((want + 1) % CHAN_DATA_SLOTS);
		}
		good &= chan_put(&b, &m, data) == 0;
		good &= chan_req_get(&w, &got) == 1;
		chan_commit(&w);
	}
	ok(good, "12,288 requests, a third with data: slots in order");
}

static void test_peers_that_lie(void)
{
	struct io_msg m = { .kind = IO_ACCESS }, got;
	uint16_t slot;
	uint32_t n;

	fresh();
	atomic_store(&chan.req_head, 5);
	ok(chan_put(&b, &m, false) == -EPROTO, "a head beyond our tail");
	ok(chan_pending(&b, &n) == -EPROTO, "is seen by all: pending");
	for (unsigned int i = 0; i < CHAN_DATA_SLOTS; i++)
		b.data_tail++;
	ok(chan_data_get(&b, &slot) == -EPROTO, "and data slots");
	fresh();
	for (unsigned int i = 0; i < 2 * CHAN_DATA_SLOTS; i++) {
		chan_data_get(&b, &slot);
		chan_put(&b, &m, true);
		chan_commit(&w);
	}
	atomic_store(&chan.req_head, 3);
	ok(chan_data_get(&b, &slot) == -EPROTO, "a head that runs backwards");
	fresh();
	atomic_store(&chan.ans_tail, CHAN_ANSWERS + 1);
	ok(chan_answer_get(&b, &got) == -EPROTO, "too many answers");
	fresh();
	atomic_store(&chan.req_tail, CHAN_REQS + 1);
	ok(chan_req_get(&w, &got) == -EPROTO, "too many requests");
	fresh();
	atomic_store(&chan.ans_head, 7);
	ok(chan_answer_put(&w, &m) == -EPROTO, "answers taken that never were");
}

static void test_answers(void)
{
	struct io_msg m = { .kind = ANS_DONE }, got;
	bool all = true;

	fresh();
	ok(chan_answer_write(&w, &m) == 0 && !chan_answers_waiting(&b),
	   "an answer is not seen when it is written");
	chan_answer_publish(&w);
	ok(chan_answers_waiting(&b), "but when it is published");
	fresh();
	for (unsigned int i = 0; i < CHAN_ANSWERS; i++) {
		m.data = i;
		all &= chan_answer_put(&w, &m) == 0;
	}
	ok(all && chan_answer_put(&w, &m) == -EAGAIN, "the answer ring fills");
	ok(chan_answers_waiting(&b), "answers wait");
	ok(chan_answer_get(&b, &got) == 1 && got.data == 0, "in order");
	ok(chan_answer_put(&w, &m) == -EAGAIN, "not free before acted on");
	chan_answer_done(&b);
	ok(chan_answer_put(&w, &m) == 0, "free after");
}

static void test_sleep(void)
{
	struct io_msg m = { .kind = IO_ACCESS };

	fresh();
	ok(!chan_needs_kick(&b), "an awake worker needs no kick");
	ok(chan_worker_may_sleep(&w), "nothing to do: may sleep");
	chan_put(&b, &m, false);
	ok(chan_needs_kick(&b), "a sleeping one does");
	chan_worker_awake(&w);
	ok(!chan_worker_may_sleep(&w), "with a request waiting it may not sleep");
	ok(!chan_needs_kick(&b), "and says so");
}

/* Two threads, sleeping through a futex-less flag: none may miss the other. */
#define STRESS	200000u
static _Atomic uint32_t kicks;

static void *stress_worker(void *arg)
{
	struct io_msg m;
	uint64_t sum = 0;

	(void)arg;
	for (uint32_t n = 0; n < STRESS; ) {
		if (chan_req_get(&w, &m) == 1) {
			struct io_msg a = { .kind = ANS_DONE, .seq = m.seq,
					    .data = m.data + 1 };

			sum += m.data;
			while (chan_answer_put(&w, &a))
				sched_yield();
			chan_commit(&w);
			n++;
		} else if (chan_worker_may_sleep(&w)) {
			uint32_t seen = atomic_load(&kicks);

			while (atomic_load(&kicks) == seen &&
			       atomic_load(&chan.req_tail) == w.head)
				sched_yield();
			chan_worker_awake(&w);
		}
	}
	return (void *)(uintptr_t)sum;
}

static void test_stress(void)
{
	pthread_t t;
	void *sum;
	uint64_t want = 0;
	uint32_t answered = 0;
	bool good = true;

	fresh();
	pthread_create(&t, NULL, stress_worker, NULL);
	for (uint32_t n = 0; answered < STRESS; ) {
		struct io_msg m = { .kind = IO_ACCESS, .data = n * 7u }, a;

		if (n < STRESS && chan_put(&b, &m, false) == 0) {
			want += n * 7u;
			n++;
			if (chan_needs_kick(&b))
				atomic_fetch_add(&kicks, 1);
		}
		while (chan_answer_get(&b, &a) == 1) {
			good &= a.seq == answered && a.data == answered * 7u + 1;
			answered++;
			chan_answer_done(&b);
		}
	}
	pthread_join(t, &sum);
	ok(good, "200,000 requests between two threads: answers in order");
	ok((uintptr_t)sum == want, "and nothing lost or doubled");
}

int main(void)
{
	test_head_moves_at_commit();
	test_successors_go_on();
	test_full_ring();
	test_data_slots();
	test_data_slots_wrap();
	test_peers_that_lie();
	test_answers();
	test_sleep();
	test_stress();
	return tap_done();
}
