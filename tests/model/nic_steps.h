/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/model/nic_steps.h - a network card that dies before any of its steps
 *
 * A step is what others can see: a write to guest memory, a frame for the
 * host.  At the step that is chosen the card is left by longjmp(): what is
 * committed by then is what its successor finds, and a request that is not is
 * done again.  While nobody serves it the driver goes on with what memory says.
 *
 * Included behind a card's own guest; that provides the functions declared here
 * without a body.
 */
#ifndef TESTS_MODEL_NIC_STEPS_H
#define TESTS_MODEL_NIC_STEPS_H

#include <setjmp.h>

#include "base/clock.h"
#include "tests/lib/rigcrash.h"

#define STEPS_IDS	96u	/* frames of a run, each way */
#define STEPS_NEVER	UINT32_MAX
#define STEPS_POOL	120u	/* receive buffers, each used once */
#define STEPS_LEN_MAX	1500u	/* of a frame that comes */

/* Adds the card to the rig, closes it. */
static void steps_rebuild(void);
/* The driver, without registers. */
static void steps_driver(void);
/* A new machine, whose driver is set up as @variant of the test. */
static void steps_begin(unsigned int variant);
/* Frames into the ring; where there is no room, fewer. */
static void steps_post(void);
/* Tells the card. */
static void steps_doorbell(void);
/* Time passes; what the card's interrupt is for is served. */
static void steps_serve(void);
/* A card that was looped back is not any more. */
static void steps_unloop(void);
/* A frame arrives from the host. */
static void steps_give(const uint8_t *p, size_t len);
/* Receive buffer @i % STEPS_POOL. */
static uint8_t *steps_pool_at(uint32_t i);

static struct {
	jmp_buf jump;
	uint32_t now, die_at;
	unsigned int deaths, redone;
	bool polls;			/* the driver, without interrupts */
	bool reference;			/* this run says what frames are */
	struct rig *rig;
	struct nicrig *host;
	unsigned int line;		/* in rig.intx */
	const uint8_t *mac;
	uint32_t pool_bytes;		/* of a receive buffer */
	bool looped;			/* the card hears itself */
	bool filling;			/* the host is full now and then */
	const struct bus_dma_ops *dma;
	const struct nic_ops *nic;
	struct bus_dma_ops my_dma;
	struct nic_ops my_nic;
} steps;

/* What a driver of either card knows. */
static struct {
	uint32_t posted, done;		/* frames to send */
	uint32_t given, got, next_in;	/* frames that come */
	uint32_t pool;			/* receive buffers handed out */
	uint8_t retired[STEPS_POOL];	/* given back to the driver */
} steps_drv;

static void steps_one(void)
{
	if (++steps.now == steps.die_at)
		longjmp(steps.jump, 1);
}

static bool steps_copy(void *ctx, uint64_t gpa, void *buf, size_t len,
		       bool to_guest)
{
	if (to_guest)
		steps_one();
	return steps.dma->copy(ctx, gpa, buf, len, to_guest);
}

static int steps_send(struct nic *n, const struct iovec *iov, unsigned int count,
		      const struct nic_todo *todo)
{
	steps_one();
	return steps.nic->send(n, iov, count, todo);
}

/* After rig_init() or rig_successor(). */
static void steps_hook(void)
{
	steps.dma = steps.rig->host.dma;
	steps.my_dma = *steps.dma;
	steps.my_dma.copy = steps_copy;
	steps.rig->host.dma = &steps.my_dma;
	if (steps.host->nic.ops != &steps.my_nic) {
		steps.nic = steps.host->nic.ops;
		steps.my_nic = *steps.nic;
		steps.my_nic.send = steps_send;
		steps.host->nic.ops = &steps.my_nic;
	}
}

static uint32_t steps_committed(void)
{
	const struct state *s = steps.rig->state;

	return s->half[s->flip & 1].seq;
}

/* What the broker has heard is what was committed. */
static void steps_forget(void)
{
	const struct state *s = steps.rig->state;
	unsigned int bit = (steps.line >> 5) * 4 + (steps.line & 3);

	steps.rig->seq = steps_committed();
	steps.rig->intx[steps.line] =
		s->half[s->flip & 1].intx_levels[bit / 32] >> bit % 32 & 1;
}

/* It died.  So may its successor, sometimes soon. */
static void steps_succeed(void)
{
	do {
		steps.deaths++;
		steps.die_at = steps.deaths % 4 ?
			steps.now + 1 + steps.now * 7 % 23 : STEPS_NEVER;
		steps_forget();
		steps_driver();
	} while (setjmp(steps.jump));
	rig_successor(steps.rig);
	steps_hook();
	steps_rebuild();
}

/* Until it is done, however often the card dies. */
static void steps_request(void (*fn)(uint32_t), uint32_t arg)
{
	volatile uint32_t seq = steps.rig->seq;

	while (setjmp(steps.jump)) {
		steps_succeed();
		if (steps_committed() != seq)
			return;
		steps.redone++;
	}
	fn(arg);
}

/* Once: nobody repeats it. */
static void steps_event(void (*fn)(uint32_t), uint32_t arg)
{
	if (setjmp(steps.jump))
		steps_succeed();
	else
		fn(arg);
}

/* ---- frames ---- */

static struct nicrig_frame steps_want[STEPS_IDS];	/* as sent undisturbed */
static bool steps_sent[STEPS_IDS];
static unsigned int steps_wrong, steps_again;

static void steps_complain(const char *what, uint32_t id)
{
	if (steps_wrong++ < 5)
		printf("# wrong: %s, frame %u, died at step %u\n", what, id,
		       steps.die_at);
}

/* A frame's last bytes say which it is. */
static uint32_t steps_id(const uint8_t *p, size_t len)
{
	return len >= 18 ? le32_get(p + len - 4) : STEPS_IDS;
}

static size_t steps_make(uint8_t *p, uint32_t id, size_t len, const uint8_t *to)
{
	for (size_t i = 0; i < len; i++)
		p[i] = (uint8_t)(id * 31 + i * 5 + (i >> 8));
	memcpy(p, to, 6);
	memcpy(p + 6, "\x02\x00\x00\x00\x00\x01\x88\xb5", 8);
	le32_put(p + len - 4, id);
	return len;
}

static void steps_check_sent(void)
{
	struct nicrig *h = steps.host;

	for (unsigned int i = 0; i < h->sent_count && i < NICRIG_SENT; i++) {
		struct nicrig_frame *f = &h->sent[i];
		uint32_t id = steps_id(f->bytes, f->len_bytes);
		struct nicrig_frame *w = &steps_want[id % STEPS_IDS];

		if (id >= STEPS_IDS || (!steps.reference && !w->bytes)) {
			steps_complain("unknown on the wire", id);
			continue;
		}
		if (steps.reference) {
			free(w->bytes);
			*w = *f;
			f->bytes = NULL;
		} else if (w->len_bytes != f->len_bytes ||
			   memcmp(w->bytes, f->bytes, f->len_bytes) ||
			   memcmp(&w->todo, &f->todo, sizeof(w->todo))) {
			steps_complain("not what was sent", id);
		}
		steps_again += steps_sent[id];
		steps_sent[id] = true;
	}
	nicrig_clear(h);
}

/* What was received: whole, and in order. */
static void steps_check_in(const uint8_t *p, uint32_t len)
{
	uint8_t want[STEPS_LEN_MAX];
	uint32_t id = steps_id(p, len);

	if (id >= STEPS_IDS || len > STEPS_LEN_MAX ||
	    steps_make(want, id, len, steps.mac) != len || memcmp(p, want, len)) {
		steps_complain("received", id);
		return;
	}
	if (!steps.looped && id < steps_drv.next_in)
		steps_complain("received again", id);
	if (steps.looped)
		steps_sent[id] = true;
	steps_drv.next_in = id + 1;
	steps_drv.got++;
}

/* Buffer @i has been read: nobody may write to it now. */
static void steps_retire(uint32_t i)
{
	memset(steps_pool_at(i), 0xdb, steps.pool_bytes);
	steps_drv.retired[i % STEPS_POOL] = 1;
}

/* The next buffer for the card. */
static uint32_t steps_take_buf(void)
{
	uint32_t i = steps_drv.pool++ % STEPS_POOL;

	steps_drv.retired[i] = 0;
	return i;
}

static void steps_give_one(uint32_t id)
{
	static uint8_t p[STEPS_LEN_MAX];

	steps_give(p, steps_make(p, id, 60 + id * 17 % 1400, steps.mac));
}

/* ---- lives ---- */

static void steps_pass(uint32_t us) { rig_advance(steps.rig, us * NS_PER_US); }

static void steps_drain(uint32_t v)
{
	(void)v;
	nicrig_drain(steps.host);
	rig_settle(steps.rig);
}

/* Sends and receives; @rounds, then until nothing is left. */
static void steps_run(unsigned int rounds)
{
	for (unsigned int r = 0; r < rounds + 200; r++) {
		if (steps.filling && r % 3 == 1)
			steps.host->full = true;
		if (r < rounds)
			steps_post();
		steps_doorbell();
		for (unsigned int i = 0; i < 2 && r < rounds && !steps.looped &&
		     steps_drv.given < STEPS_IDS - 2; i++)
			steps_event(steps_give_one, steps_drv.given++);
		if (steps.host->full) {
			steps.host->full = false;
			steps_event(steps_drain, 0);
		}
		steps_serve();
		steps_check_sent();
		if (r >= rounds && steps_drv.done == steps_drv.posted)
			break;
	}
}

static void steps_check_retired(void)
{
	for (uint32_t i = 0; i < STEPS_POOL; i++)
		for (uint32_t k = 0;
		     steps_drv.retired[i] && k < steps.pool_bytes; k++)
			if (steps_pool_at(i)[k] != 0xdb) {
				steps_complain("written to a buffer given back", i);
				break;
			}
}

/* Nothing is missing, and the card still works. */
static void steps_check_end(void)
{
	uint32_t got;

	steps.die_at = STEPS_NEVER;
	for (int i = 0; i < 4; i++)
		steps_serve();
	if (steps_drv.done != steps_drv.posted)
		steps_complain("still in the ring", steps_drv.done);
	for (uint32_t i = 0; i < steps_drv.posted; i++)
		if (!steps_sent[i] && !steps.looped)
			steps_complain("never sent", i);
	got = steps_drv.got;
	steps_drv.next_in = 0;
	if (steps.looped)
		steps_unloop();
	steps.looped = false;
	steps_give_one(STEPS_IDS - 2);
	steps_give_one(STEPS_IDS - 1);
	for (int i = 0; i < 4; i++)
		steps_serve();
	if (steps_drv.got != got + 2)
		steps_complain("not received in the end", steps_drv.got - got);
	steps_check_retired();
}

/* @die_in: that step of it, 0: none.  The number of its steps. */
static uint32_t steps_live(unsigned int variant, unsigned int rounds, uint32_t die_in)
{
	uint32_t count;

	steps.die_at = STEPS_NEVER;
	steps.now = 0;
	steps.deaths = 0;
	memset(&steps_drv, 0, sizeof(steps_drv));
	memset(steps_sent, 0, sizeof(steps_sent));
	steps_begin(variant);
	if (die_in)
		steps.die_at = steps.now + die_in;
	steps_run(rounds);
	count = steps.now;
	steps_check_end();
	return count;
}

static void steps_drop_frames(void)
{
	for (unsigned int i = 0; i < STEPS_IDS; i++) {
		free(steps_want[i].bytes);
		steps_want[i].bytes = NULL;
	}
}

static void steps_test_variant(const char *name, unsigned int v, uint32_t at_least)
{
	uint32_t count, deaths = 0;

	steps_drop_frames();
	steps.polls = false;
	steps.reference = true;
	steps_live(v, 40, 0);
	steps.reference = false;
	count = steps_live(v, 6, 0);
	ok(steps_wrong == 0 && count > at_least, "%s: %u steps", name, count);
	for (uint32_t at = 1; at <= 2 * count; at++) {
		steps.polls = at > count;
		steps_live(v, 6, (at - 1) % count + 1);
		deaths += steps.deaths;
	}
	ok(steps_wrong == 0, "died before each of them, %u deaths", deaths);
}

/* All of it; @at_least: steps that a variant has. */
static void steps_test(const char *const name[], unsigned int variants,
		       uint32_t at_least)
{
	for (unsigned int v = 0; v < variants; v++)
		steps_test_variant(name[v], v, at_least);
	ok(steps_again > 50 && steps.redone > 50,
	   "%u frames went out again, %u requests were done again",
	   steps_again, steps.redone);
	steps_drop_frames();
}

#endif /* TESTS_MODEL_NIC_STEPS_H */
