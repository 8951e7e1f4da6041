/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * broker/dispatch/dirty.c - what was written to the guest's memory, for Xen
 *
 * Runs in the broker, while the guest is saved or migrates: Xen does not see
 * what is written through mappings of ours.  Workers with DMA look at a word
 * of their channel with every write (runtime/dma_guest.c), the broker tells of
 * its string operands here.  Video memory, which vga writes to without a
 * thought, counts as written as a whole if vga was sent any write at all.
 */
#include <errno.h>
#include <stdatomic.h>

#include "dispatch/broker.h"
#include "hv/hv.h"
#include "mem/guest.h"

static struct {
	bool on;
	bool telling;			/* CTL_LOGGED is owed */
	uint16_t ask, owe;		/* bit per worker: IO_SYNC */
	uint32_t seq[WORKERS_MAX];	/* of it */
	bool vga_wrote;			/* it may have, since it was last told */
} me;

bool dirty_waits(void)
{
	return me.ask || me.owe;
}

/* It is not woken for every write, and has then still to do it. */
static bool vga_owes(void)
{
	for (unsigned int i = 0; i < broker.plan->worker_count; i++) {
		const struct peer *p = &broker.peer[i];

		if (p->plan->role != PLAN_ABSENT &&
		    (p->plan->verbs & PLAN_MAY_VRAM) &&
		    !chan_committed(&p->ch, p->ch.tail))
			return true;
	}
	return false;
}

void dirty_set(bool on)
{
	me.on = on;
	me.telling = true;
	me.ask = me.owe = 0;
	for (unsigned int i = 0; i < broker.plan->worker_count; i++) {
		struct peer *p = &broker.peer[i];

		if (p->plan->role == PLAN_ABSENT ||
		    !(p->plan->verbs & PLAN_MAY_MODIFIED))
			continue;
		atomic_store_explicit(&p->ch.c->log_dirty, on,
				      memory_order_relaxed);
		/* A write it is in the middle of may not have looked. */
		if (on)
			me.ask |= (uint16_t)(1u << i);
	}
	me.vga_wrote = on && vga_owes();
	dirty_step();
}

void dirty_adopt(void)
{
	for (unsigned int i = 0; i < broker.plan->worker_count; i++) {
		const struct peer *p = &broker.peer[i];

		if (p->plan->role != PLAN_ABSENT &&
		    atomic_load_explicit(&p->ch.c->log_dirty, memory_order_relaxed))
			me.on = me.vga_wrote = true;
	}
}

void dirty_step(void)
{
	for (unsigned int i = 0; me.ask && i < broker.plan->worker_count; i++) {
		struct io_msg m = { .kind = IO_SYNC, .flags = IO_POSTED,
				    .win = IO_NO_WIN };
		uint16_t bit = (uint16_t)(1u << i);
		int rc;

		if (!(me.ask & bit))
			continue;
		rc = peer_send(&broker.peer[i], &m, OWNER_NONE, 0, SEND_EFFECTIVE);
		if (rc == -EAGAIN)
			continue;
		me.ask &= (uint16_t)~bit;
		me.seq[i] = m.seq;
		if (rc == 0)
			me.owe |= bit;
	}
	for (unsigned int i = 0; me.owe && i < broker.plan->worker_count; i++)
		if (!broker.peer[i].alive ||
		    chan_committed(&broker.peer[i].ch, me.seq[i] + 1))
			me.owe &= (uint16_t)~(1u << i);
	if (!me.telling || me.ask || me.owe)
		return;
	me.telling = false;
	tell_supervisor(CTL_LOGGED, me.on, "");
}

void dirty_operand(uint64_t gpa, size_t bytes)
{
	struct guest_ram ram = {
		.low_bytes = broker.plan->ram_below_4g_bytes,
		.high_bytes = broker.plan->ram_above_4g_bytes,
	};

	for (size_t off = 0; me.on && off < bytes; ) {
		uint64_t gfn = guest_gfn(gpa, off);

		if (guest_is_ram(&ram, gfn))
			hv_modified(broker.hv, gfn, 1);
		off += guest_page_rest(gpa + off, bytes - off);
	}
}

void dirty_flush(void)
{
	if (me.on && me.vga_wrote)
		hv_modified(broker.hv, broker.st->vram_gfn, broker.plan->vram_frames);
	me.vga_wrote = false;
}

/* Planes, latches, and modes that clear it: too much to tell by frames. */
void dirty_sent(const struct io_msg *m)
{
	if (m->kind == IO_BATCH ||
	    (m->kind == IO_ACCESS && (m->flags & IO_WRITE)))
		me.vga_wrote = true;
}
