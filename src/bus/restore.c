/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bus/restore.c - register state that somebody else left
 *
 * Runs in workers, once, as soon as they are confined.  Trusts nothing it reads:
 * each device's bytes are copied, checked against its rules, and only then
 * become its registers.
 */
#include "bus/restore.h"

#include <stdalign.h>
#include <stdatomic.h>
#include <string.h>

#include "base/bug.h"
#include "base/le.h"
#include "base/log.h"

static uint64_t item(const struct bus_field *f, const uint8_t *regs, unsigned int i)
{
	return le_get(regs + f->off + (size_t)i * f->size, f->size);
}

static bool is_wrong(const struct bus_field *f, const uint8_t *regs)
{
	for (unsigned int i = 0; i < f->count; i++) {
		uint64_t v = item(f, regs, i);

		if ((f->kind == BUS_FIELD_MAX && v > f->limit) ||
		    (f->kind == BUS_FIELD_BITS && (v & ~f->limit)))
			return true;
	}
	return false;
}

const char *bus_state_wrong(const struct bus_state *st, const void *dev,
			    const void *regs, uint32_t regs_bytes)
{
	for (unsigned int i = 0; i < st->field_count; i++) {
		const struct bus_field *f = &st->field[i];

		bug_on(f->off + (uint32_t)f->size * f->count > regs_bytes);
		if (is_wrong(f, regs))
			return f->name;
	}
	return st->check ? st->check(dev, regs) : NULL;
}

static void shift_times(const struct bus_state *st, uint8_t *regs, int64_t by_ns)
{
	for (unsigned int i = 0; i < st->field_count; i++) {
		const struct bus_field *f = &st->field[i];

		for (unsigned int k = 0; f->kind == BUS_FIELD_TIME && k < f->count; k++) {
			uint8_t *p = regs + f->off + (size_t)k * f->size;
			int64_t at = (int64_t)le_get(p, 8);

			bug_on(f->size != 8);
			/* Far ahead stays there, far back is due. */
			if (at != INT64_MAX &&
			    __builtin_add_overflow(at, by_ns, &at))
				at = by_ns > 0 ? INT64_MAX : 0;
			le_put(p, 8, (uint64_t)at);
		}
	}
}

static const struct state_dev *find_dev(const struct state_dev *dev,
					uint32_t count, const char *name)
{
	for (uint32_t i = 0; i < count; i++)
		if (strncmp(dev[i].name, name, sizeof(dev[i].name)) == 0)
			return &dev[i];
	return NULL;
}

/* NULL: @regs holds the device's bytes, and they may be believed. */
static const char *read_dev(const struct bus *b, unsigned int i,
			    const struct state_half *h,
			    const struct state_dev *left, uint8_t *regs)
{
	const struct bus_state *st = b->dev[i].ops ? b->dev[i].ops->state : NULL;

	if (!left)
		return "name";
	if (left->version != (st ? st->version : 0))
		return "version";
	if (left->regs_bytes != b->dev[i].regs_bytes)
		return "regs_bytes";
	if (left->regs_at > STATE_REGS_BYTES - left->regs_bytes)
		return "regs_at";
	memcpy(regs, h->regs + left->regs_at, left->regs_bytes);
	if (!st)
		return NULL;
	/* Only what the supervisor filled in: whoever went on from that
	   committed times of this clock. */
	if (b->flip == STATE_FLIP_FILLED)
		shift_times(st, regs, b->state->shift_ns);
	return bus_state_wrong(st, b->dev[i].dev, regs, left->regs_bytes);
}

static void note_wrong(struct bus_left *left, const char *dev, const char *field)
{
	if (left->wrong_dev)
		return;
	left->wrong_dev = dev;
	left->wrong_field = field;
}

/* What the table has and we have not. */
static void note_strangers(const struct bus *b, const struct state_dev *dev,
			   uint32_t count, struct bus_left *left)
{
	for (uint32_t i = 0; i < count; i++) {
		unsigned int k = 0;

		while (k < b->dev_count && strncmp(dev[i].name, b->dev[k].name,
						   sizeof(dev[i].name)) != 0)
			k++;
		if (k == b->dev_count)
			note_wrong(left, dev[i].name, "name");
	}
}

static void take_over_dev(struct bus *b, unsigned int i,
			  const struct state_half *h,
			  const struct state_dev *left, struct bus_left *to)
{
	alignas(8) static uint8_t regs[STATE_REGS_BYTES];
	const char *wrong = read_dev(b, i, h, left, regs);
	const struct bus_state *st = b->dev[i].ops ? b->dev[i].ops->state : NULL;

	if (wrong) {
		note_wrong(to, b->dev[i].name, wrong);
		log_warn("device state is not valid, the device is reset: "
			 "device=\"%s\" field=%s", b->dev[i].name, wrong);
		b->dev_was_reset = true;
		return;
	}
	memcpy(b->dev[i].regs, regs, b->dev[i].regs_bytes);
	if (st && st->restored)
		st->restored(b->dev[i].dev);
}

bool bus_take_over(struct bus *b, struct bus_left *left)
{
	static struct state_dev dev[STATE_DEVS];
	uint32_t flip = atomic_load_explicit(&b->state->flip, memory_order_acquire);
	const struct state_half *h = &b->state->half[flip & 1];
	uint32_t count = h->dev_count;

	bug_on(b->closed);
	if (!flip)
		return false;
	if (count > STATE_DEVS)
		count = 0;
	memcpy(dev, h->dev, sizeof(dev));
	b->flip = flip;
	b->isa_levels = h->isa_levels & UINT16_MAX;
	memcpy(b->intx_levels, h->intx_levels, sizeof(b->intx_levels));
	left->seq = h->seq;
	left->ans_tail = h->ans_tail;
	left->wrong_dev = left->wrong_field = NULL;
	for (unsigned int i = 0; i < b->dev_count; i++)
		take_over_dev(b, i, h, find_dev(dev, count, b->dev[i].name), left);
	note_strangers(b, dev, count, left);
	return true;
}

/*
 * The broker read our announcement when the first of us started, and follows
 * ANS_MAP since.  A device that was reset may have windows elsewhere; first all
 * that are gone, since another may lie there now.
 */
static void say_windows(struct bus *b, bool mapped)
{
	for (unsigned int i = 0; i < b->win_count; i++)
		if (b->win[i].mapped == mapped)
			b->host->say(b->host->ctx, &(struct io_msg){
				.kind = mapped ? ANS_MAP : ANS_UNMAP,
				.addr = mapped ? b->win[i].base : 0,
				.win = (uint16_t)i });
}

void bus_resume_devs(struct bus *b)
{
	bug_on(!b->closed);
	if (b->dev_was_reset) {
		say_windows(b, false);
		say_windows(b, true);
	}
	for (unsigned int i = 0; i < b->dev_count; i++)
		if (b->dev[i].ops && b->dev[i].ops->resume) {
			b->dirty |= 1u << i;
			b->dev[i].ops->resume(b->dev[i].dev);
		}
}
