/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dev/nic_back.c - giving descriptors back to a driver, exactly once
 *
 * Runs in the net worker, inside a network card.  Knows no descriptor, only
 * bytes and where they go.
 */
#include "dev/nic_back.h"

#include "base/bug.h"
#include "base/le.h"
#include "bus/bus.h"
#include "bus/dma.h"

void nic_back_init(struct nic_back *k, struct bus *b, struct nic_back_regs *r)
{
	k->bus = b;
	k->r = r;
	k->mem = bus_add_buf(b, sizeof(*k->mem));
	k->count = 0;
	k->late = false;
}

/* The list that is committed is written by now, so its memory is free. */
void nic_back_add(struct nic_back *k, uint64_t gpa, uint32_t val, uint32_t size)
{
	bug_on(k->count >= NIC_BACK_MAX);
	if (!k->count)
		k->r->batch++;
	k->mem->item[k->count] = (struct nic_back_item){ gpa, val, size };
	k->r->count = ++k->count;
}

static void note_done(struct nic_back *k, uint32_t done)
{
	atomic_store_explicit(&k->mem->done, (uint64_t)k->r->batch << 32 | done |
			      (k->late ? NIC_BACK_LATE : 0), memory_order_release);
}

static void write_from(struct nic_back *k, uint32_t first)
{

	for (uint32_t i = first; i < k->r->count; i++) {
		struct nic_back_item item = k->mem->item[i];
		uint8_t raw[4];

		le32_put(raw, item.val);
		dma_write(k->bus, item.gpa, raw, item.size < 4 ? item.size : 4);
		note_done(k, i + 1);
	}
}

void nic_back_write(struct nic_back *k)
{
	bool was_late = k->late;

	k->late = false;
	if (k->count)
		write_from(k, 0);
	else if (was_late)
		note_done(k, k->r->count);
	k->count = 0;
}

/*
 * The predecessor wrote these, but whether the broker heard that the frames
 * were modified is not known.  A mapping that is let go says it, too.
 */
static void say_modified(struct nic_back *k, uint32_t count)
{
	static struct dma_map m;
	struct iovec iov[2];

	for (uint32_t i = 0; i < count; i++) {
		struct dma_seg seg = { k->mem->item[i].gpa, 1 };

		if (dma_map(k->bus, &m, &seg, 1, true, iov, 2) >= 0)
			dma_unmap(k->bus, &m);
	}
}

bool nic_back_resume(struct nic_back *k)
{
	uint64_t done = atomic_load_explicit(&k->mem->done,
					     memory_order_acquire);
	bool is_mine = done >> 32 == k->r->batch;
	uint32_t first = is_mine ? (uint32_t)done & ~NIC_BACK_LATE : 0;

	if (first > k->r->count)
		first = k->r->count;
	k->late = first < k->r->count || (is_mine && (done & NIC_BACK_LATE));
	say_modified(k, first);
	/* Before the first of them; and batches may be counted from 0 again, if
	   the registers were reset. */
	note_done(k, first);
	write_from(k, first);
	return k->late;
}
