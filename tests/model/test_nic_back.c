/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/model/test_nic_back.c - a list of what is given back, and deaths around
 *                               it
 *
 * A card that is nothing but its list.  It dies at a chosen place; what is
 * committed by then, and how far the writing came, is what its successor finds.
 */
#include <setjmp.h>

#include "base/le.h"
#include "busrig.h"
#include "dev/nic_back.h"
#include "tap.h"

#define ITEMS	3u
#define AT_GPA	0x1000u

enum place { NOWHERE, BEFORE_WRITING, IN_WRITING, AFTER_RESUME };

static struct {
	struct nic_back back;
	struct nic_back_regs r;
	bus_dev_id id;
	bool was_resumed, said_left;
} card;
static struct rig rig;
static struct bus_dma_ops dma;
static const struct bus_dma_ops *rig_dma;
static enum place dies;
static jmp_buf death;

static void die_at(enum place here)
{
	if (dies == here)
		longjmp(death, 1);
}

static bool copy(void *ctx, uint64_t gpa, void *buf, size_t len, bool to_guest)
{
	if (to_guest && gpa == AT_GPA + 4)
		die_at(IN_WRITING);
	return rig_dma->copy(ctx, gpa, buf, len, to_guest);
}

static void committed(void *dev)
{
	(void)dev;
	die_at(BEFORE_WRITING);
	nic_back_write(&card.back);
}

static void resume(void *dev)
{
	(void)dev;
	card.was_resumed = true;
	card.said_left = nic_back_resume(&card.back);
	die_at(AFTER_RESUME);
}

static const struct bus_dev_ops ops = { .committed = committed, .resume = resume };

static void build(void)
{
	memset(&card, 0, sizeof(card));
	rig_dma = rig.host.dma;
	dma = *rig_dma;
	dma.copy = copy;
	rig.host.dma = &dma;
	card.id = bus_add_dev(&rig.bus, "card", &card, &ops, &card.r, sizeof(card.r));
	nic_back_init(&card.back, &rig.bus, &card.r);
	rig_close(&rig);
}

static void give(uint32_t seed)
{
	bus_touch(&rig.bus, card.id);
	for (uint32_t i = 0; i < ITEMS; i++)
		nic_back_add(&card.back, AT_GPA + i * 4, seed + i, 4);
	rig_settle(&rig);
}

/* It dies @at; or, NOWHERE, it does not. */
static void give_until(uint32_t seed, enum place at)
{
	dies = at;
	if (!setjmp(death))
		give(seed);
	dies = NOWHERE;
}

/* True: it said that there was something left. */
static bool succeed_until(enum place at)
{
	dies = at;
	if (!setjmp(death)) {
		rig_successor(&rig);
		build();
	}
	dies = NOWHERE;
	return card.was_resumed && card.said_left;
}

/* How many of them are there. */
static unsigned int written(uint32_t seed)
{
	unsigned int n = 0;

	for (uint32_t i = 0; i < ITEMS; i++)
		n += le32_get(rig.ram + AT_GPA + i * 4) == seed + i;
	return n;
}

static void begin(void)
{
	dies = NOWHERE;
	rig_init(&rig, 1 << 16);
	build();
}

static void test_undisturbed(void)
{
	begin();
	give(100);
	is_hex(written(100), ITEMS, "given back");
	ok(!succeed_until(NOWHERE) && written(100) == ITEMS,
	   "a successor has nothing to do");
	give(200);
	is_hex(written(200), ITEMS, "and gives back");
	ok(!succeed_until(NOWHERE), "nor has its own");
}

static void test_one_death(enum place at, unsigned int came)
{
	begin();
	give(100);
	give_until(300, at);
	is_hex(written(300), came, "died when so many were written");
	ok(succeed_until(NOWHERE) && written(300) == ITEMS,
	   "a successor writes the rest, and calls the driver again");
	ok(!succeed_until(NOWHERE), "once");
}

/* The driver was called when there was nothing, and the one that wrote it died
   before it called again. */
static void test_two_deaths(enum place at, enum place then)
{
	begin();
	give_until(300, at);
	succeed_until(then);
	ok(succeed_until(AFTER_RESUME) && written(300) == ITEMS,
	   "died at %d, the next at %d: the third calls the driver", at, then);
	ok(succeed_until(NOWHERE), "the fourth, too, since the third died");
	ok(!succeed_until(NOWHERE), "and then it is done");
	give(400);
	ok(written(400) == ITEMS && !succeed_until(NOWHERE), "they go on");
}

/* Before it could commit that, it had more to give back. */
static void test_more(void)
{
	begin();
	give_until(300, BEFORE_WRITING);
	succeed_until(AFTER_RESUME);
	dies = BEFORE_WRITING;
	if (!setjmp(death)) {
		rig_successor(&rig);
		build();
	}
	give_until(500, BEFORE_WRITING);
	ok(succeed_until(NOWHERE) && written(500) == ITEMS, "a list behind a late one");
	ok(!succeed_until(NOWHERE), "once");
}

/* Its memory is as hostile as the rest. */
static void test_garbage(void)
{
	begin();
	give(100);
	atomic_store(&card.back.mem->done, UINT64_MAX);
	ok(succeed_until(NOWHERE) && written(100) == ITEMS,
	   "of another batch: all of it again");
	atomic_store(&card.back.mem->done, (uint64_t)card.r.batch << 32 | 0x7fffffff);
	ok(!succeed_until(NOWHERE), "more than there are: done");
}

int main(void)
{
	test_undisturbed();
	test_one_death(BEFORE_WRITING, 0);
	test_one_death(IN_WRITING, 1);
	test_two_deaths(BEFORE_WRITING, AFTER_RESUME);
	test_two_deaths(IN_WRITING, AFTER_RESUME);
	test_two_deaths(BEFORE_WRITING, IN_WRITING);
	test_more();
	test_garbage();
	rig_free(&rig);
	return tap_done();
}
