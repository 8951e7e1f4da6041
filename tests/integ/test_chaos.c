/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/integ/test_chaos.c - the real broker beside a worker gone mad
 *
 * The disk and vga workers are played by a thread that writes anything
 * anywhere into their channels: indices, answers, shadow words, mirrors, data
 * slots, and the words that are the broker's, while vCPUs use them.  The
 * broker must not mind, platform must work on, and when the broker is stopped
 * every vCPU has an answer.  The same when one of them spoils what all wake the
 * broker with.
 */
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include "base/clock.h"
#include "fakefamily.h"
#include "fakeguest.h"
#include "patience.h"
#include "ring/chan.h"
#include "tap.h"

#define LIVES		12u
#define LIFE_MS		150
#define VCPUS		4u

static struct fakefamily f;
static struct fakeguest *g;
static struct chan *chan[2];
static const enum fakefamily_who played[2] = { FF_DISK, FF_VGA };
static _Atomic bool stop;
static _Atomic uint32_t accesses;
static bool tame;		/* spares the indices: few lies, long lives */

static uint64_t random_state;

static uint32_t any(uint64_t *state, uint32_t below)
{
	*state = *state * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (uint32_t)((*state >> 33) % below);
}

static void announce(struct fakefamily *fam)
{
	static const struct chan_win wins[2][3] = {
		{ { .base = 0x1f0, .len = 8, .space = CHAN_PIO, .mapped = 1,
		    .flags = CHAN_WIN_MIRROR, .mirror = CHAN_MIRROR_BYTES - 8 },
		  { .base = 9, .len = 256, .space = CHAN_PCI, .mapped = 1,
		    .flags = CHAN_WIN_MIRROR },
		  { .len = 16, .space = CHAN_PIO } },
		{ { .base = 0x3b0, .len = 0x30, .space = CHAN_PIO, .mapped = 1 },
		  { .base = 0xa0000, .len = 0x20000, .space = CHAN_MMIO,
		    .mapped = 1 },
		  { .len = 0x1000, .space = CHAN_MMIO } },
	};

	for (unsigned int i = 0; i < 2; i++) {
		struct chan *c = chan[i] = fakefamily_chan(fam, played[i]);

		memcpy(c->win, wins[i], sizeof(wins[i]));
		c->win_count = 3;
		for (uint16_t r = 0; r < 8; r++)
			c->row[r] = (struct chan_row){ .win = 0, .off = r,
				.size = 1, .xor = (uint8_t)r, .flags = (uint8_t)(r * 5) };
		c->row_count = 8;
		c->ready = 1;
	}
}

static void play_fair(struct chan *c, struct chan_worker *w)
{
	struct io_msg m;

	while (chan_req_get(w, &m) == 1) {
		struct io_msg a = { .kind = ANS_DONE, .seq = m.seq, .data = m.addr };

		if (!(m.flags & IO_POSTED))
			chan_answer_put(w, &a);
		chan_commit(w);
		(void)c;
	}
	fakefamily_kick_broker(&f);
}

static void scribble(struct chan *c, uint64_t *r)
{
	_Atomic uint32_t *const words[] = { &c->req_head, &c->ans_tail,
		&c->worker_asleep, &c->ready, &c->req_tail, &c->ans_head,
		&c->broker_asleep };
	uint8_t *bytes = (uint8_t *)c;

	switch (any(r, tame ? 3 : 5)) {
	case 0:
		for (unsigned int i = 0; i < 64; i++)
			bytes[offsetof(struct chan, shadow) +
			      any(r, sizeof(*c) - offsetof(struct chan, shadow))] =
				(uint8_t)any(r, 256);
		break;
	case 1:
		c->shadow[any(r, 8)] = CHAN_SHADOW_VALID | any(r, 256);
		break;
	case 2:
		*words[2 + any(r, 2)] = any(r, 3);
		break;
	case 3:
		*words[any(r, 7)] += any(r, 3) - 1;
		break;
	default:
		if (any(r, 50) == 0)
			*words[any(r, 7)] = any(r, 2) ? any(r, 10000) : UINT32_MAX;
		break;
	}
}

static void *go_mad(void *arg)
{
	struct chan_worker w[2];

	(void)arg;
	for (unsigned int i = 0; i < 2; i++)
		chan_worker_init(&w[i], chan[i]);
	while (!stop) {
		for (unsigned int i = 0; i < 2; i++) {
			if (any(&random_state, 4))
				play_fair(chan[i], &w[i]);
			if (any(&random_state, 3) == 0)
				scribble(chan[i], &random_state);
		}
	}
	return NULL;
}

static void one_access(unsigned int vcpu, uint64_t *r)
{
	static const uint64_t at[] = { 0x1f0, 0x1f1, 0x1f3, 0x1f7, 0x3b0, 0x3b2,
				       0x3b4, 0x3da };
	struct xen_ioreq q = { .addr = at[any(r, 8)], .size = 1, .count = 1,
		.type = XEN_IOREQ_TYPE_PIO, .data = any(r, 256),
		.flags = any(r, 2) ? XEN_IOREQ_READ : 0 };
	uint64_t data;

	if (any(r, 6) == 0) {
		q.type = XEN_IOREQ_TYPE_PCI_CONFIG;
		q.addr = 9ull << 32 | any(r, 256);
	} else if (any(r, 4) == 0) {
		q.count = any(r, 2000) + 1;
		q.data = any(r, 1 << 24);
		q.flags |= XEN_IOREQ_DATA_IS_PTR | (any(r, 2) ? XEN_IOREQ_DF : 0);
	} else if (any(r, 4) == 0) {
		q.type = XEN_IOREQ_TYPE_COPY;
		q.addr = 0xa0000 + any(r, 0x1f000);
	} else if (any(r, 8) == 0) {
		fakeguest_store_mem(g, vcpu, 0xa0000 + any(r, 0x1f000), 1, 1);
		return;
	}
	fakeguest_post(g, vcpu, &q);
	while (!stop && !fakeguest_wait(g, vcpu, 20, &data))
		;
	accesses++;
}

static void *run(void *arg)
{
	unsigned int vcpu = (unsigned int)(uintptr_t)arg;
	uint64_t r = random_state + vcpu;

	while (!stop)
		one_access(vcpu, &r);
	return NULL;
}

static bool platform_works(void)
{
	for (uint32_t i = 0; i < 16; i++) {
		fakeguest_out(g, 3, 0x3ff, 1, i);
		if (fakeguest_in(g, 3, 0x3ff, 1) != i)
			return false;
	}
	return true;
}

static void live(unsigned int n)
{
	struct fakefamily_conf conf = {
		.guest = { .vcpus = VCPUS, .low_bytes = 16 << 20 },
		.played = { [FF_DISK] = true, [FF_VGA] = true },
		.announce = announce, .wide_plan = true, .quiet = true,
	};
	pthread_t t[VCPUS];
	bool good = true, answered = true;
	uint64_t data;

	if (!fakefamily_start(&f, &conf)) {
		ok(false, "the family is up");
		return;
	}
	g = f.g;
	tame = n & 1;
	random_state = n * 7919;
	stop = false;
	accesses = 0;
	pthread_create(&t[3], NULL, go_mad, NULL);
	for (uintptr_t i = 0; i < 3; i++)
		pthread_create(&t[i], NULL, run, (void *)i);
	for (int64_t until = clock_now_ns() + LIFE_MS * NS_PER_MS;
	     good && clock_now_ns() < until; )
		good = platform_works();
	stop = true;
	for (unsigned int i = 0; i < VCPUS; i++)
		pthread_join(t[i], NULL);
	ok(good, "life %u: platform works beside it", n);
	printf("# %u accesses, %u lies\n", accesses, f.lies);
	ok(f.lies <= 2 && fakefamily_runs(&f, FF_BROKER),
	   "each is a liar once at most, the broker is there");
	fakefamily_tell(&f, FF_BROKER, CTL_STOP, 0);
	for (unsigned int i = 0; i < 3; i++)
		answered &= fakeguest_wait(g, i, PATIENCE_MS, &data);
	ok(answered, "all are answered at the end");
	ok(!fakeguest_fault(g), "no fault%s%s", fakeguest_fault(g) ? ": " : "",
	   fakeguest_fault(g) ? fakeguest_fault(g) : "");
	ok(fakefamily_stop(&f), "it ends by itself");
}

/* Others may add to it at the same time. */
static bool fill_kick(void)
{
	const uint64_t full = UINT64_MAX - 1;
	uint64_t count;

	for (int i = 0; i < 1000; i++) {
		(void)!read(f.answer_kick_fd, &count, sizeof(count));
		if (write(f.answer_kick_fd, &full, sizeof(full)) ==
		    (ssize_t)sizeof(full))
			return true;
	}
	return false;
}

/* An eventfd that is full takes no more: nobody's write would wake the broker,
   which here sleeps whenever it waits. */
static void test_full_kick(void)
{
	struct fakefamily_conf conf = {
		.guest = { .vcpus = VCPUS, .low_bytes = 16 << 20 },
		.played = { [FF_DISK] = true, [FF_VGA] = true },
		.announce = announce, .wide_plan = true, .quiet = true,
		.plan_flags = PLAN_NO_POLL | PLAN_NO_SHADOW | PLAN_NO_POSTED,
	};
	bool filled = true, good = true;

	if (!fakefamily_start(&f, &conf)) {
		ok(false, "the family is up");
		return;
	}
	g = f.g;
	for (int i = 0; filled && good && i < 10; i++) {
		filled = fill_kick();
		usleep(i % 2 * 2000);	/* asleep again, or not yet */
		fakeguest_out(g, 3, 0x3ff, 1, (uint32_t)i);
		good = !fakeguest_fault(g);
	}
	ok(filled && good, "one fills the eventfd of all: others go on");
	ok(good && platform_works(), "and on");
	ok(fakefamily_stop(&f), "it ends by itself");
}

int main(void)
{
	struct fakefamily_conf conf = {
		.played = { [FF_DISK] = true, [FF_VGA] = true } };
	const char *why = fakefamily_missing(&conf);

	if (why)
		return skip_all(why);
	for (unsigned int n = 1; n <= LIVES; n++)
		live(n);
	test_full_kick();
	return tap_done();
}
