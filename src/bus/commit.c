/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bus/commit.c - device state, copied for a successor and flipped
 *
 * Runs in workers, once per request and event.  Reads nothing back that is in
 * shared memory.  A function and a file of its own, so that tests/perf/commit
 * can have a running worker without it.
 */
#include "bus/commit.h"

#include <stdatomic.h>
#include <string.h>

#include "bus/restore.h"

/* Each half has its own: another version of us may have written the other. */
static void write_table(const struct bus *b, struct state_half *h)
{
	h->dev_count = b->dev_count;
	for (unsigned int i = 0; i < b->dev_count; i++) {
		const struct bus_dev_ops *ops = b->dev[i].ops;

		h->dev[i] = (struct state_dev){
			.version = ops && ops->state ? ops->state->version : 0,
			.regs_bytes = b->dev[i].regs_bytes,
			.regs_at = b->dev[i].regs_at };
		strncpy(h->dev[i].name, b->dev[i].name,
			sizeof(h->dev[i].name) - 1);
	}
}

void bus_commit_state(struct bus *b, uint32_t seq, uint32_t ans_tail)
{
	uint32_t next = b->flip + 1 ? b->flip + 1 : 2;
	struct state_half *h = &b->state->half[next & 1];

	if (b->tables_due) {
		b->tables_due--;
		write_table(b, h);
	}
	for (uint32_t left = b->dirty | b->dirty_before; left; left &= left - 1) {
		unsigned int i = (unsigned int)__builtin_ctz(left);

		memcpy(h->regs + b->dev[i].regs_at, b->dev[i].regs,
		       b->dev[i].regs_bytes);
	}
	h->seq = seq;
	h->ans_tail = ans_tail;
	h->isa_levels = b->isa_levels;
	memcpy(h->intx_levels, b->intx_levels, sizeof(h->intx_levels));
	atomic_store_explicit(&b->state->flip, next, memory_order_release);
	b->flip = next;
	b->dirty_before = b->dirty;
}
