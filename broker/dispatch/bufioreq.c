/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * broker/dispatch/bufioreq.c - Xen's buffered ring, from the consumer's side
 *
 * Runs in the broker.  The server is created with BUFIOREQ_ATOMIC: Xen rebases
 * both indices together with a 64-bit compare-and-exchange, so the pair is
 * loaded at once and the read index is added to, never stored.
 */
#include "dispatch/bufioreq.h"

#include <errno.h>

static union xen_bufioreq_ptrs load_ptrs(const struct xen_bufioreq_page *p)
{
	return (union xen_bufioreq_ptrs){
		.both = __atomic_load_n(&p->ptrs.both, __ATOMIC_ACQUIRE)
	};
}

uint32_t bufioreq_level(const struct xen_bufioreq_page *p)
{
	union xen_bufioreq_ptrs at = load_ptrs(p);

	return at.wr - at.rd;
}

int bufioreq_look(const struct xen_bufioreq_page *p, uint32_t skip,
		  struct bufioreq *e)
{
	union xen_bufioreq_ptrs at = load_ptrs(p);
	uint32_t used = at.wr - at.rd;
	struct xen_bufioreq slot;

	if (used > XEN_BUFIOREQ_SLOTS)
		return -EPROTO;
	if (used <= skip)
		return 0;
	slot = p->slot[(at.rd + skip) % XEN_BUFIOREQ_SLOTS];
	e->type = XEN_BUFIOREQ_TYPE(slot.bits);
	e->addr = XEN_BUFIOREQ_ADDR(slot.bits);
	e->size = (uint8_t)(1u << XEN_BUFIOREQ_SIZE(slot.bits));
	e->data = slot.data;
	if (e->size < 8)
		return 1;
	/* The upper half is in the next slot; Xen wrote both before it moved
	   the write index. */
	if (used - skip < 2)
		return -EPROTO;
	slot = p->slot[(at.rd + skip + 1) % XEN_BUFIOREQ_SLOTS];
	e->data |= (uint64_t)slot.data << 32;
	return 2;
}

/* Add, never store: Xen may have rebased since the indices were loaded. */
void bufioreq_drop(struct xen_bufioreq_page *p, uint32_t slots)
{
	__atomic_fetch_add(&p->ptrs.rd, slots, __ATOMIC_RELEASE);
}

uint32_t bufioreq_first(const struct xen_bufioreq_page *p)
{
	return load_ptrs(p).rd % XEN_BUFIOREQ_SLOTS;
}

int bufioreq_get(struct xen_bufioreq_page *p, struct bufioreq *e)
{
	int slots = bufioreq_look(p, 0, e);

	if (slots <= 0)
		return slots;
	bufioreq_drop(p, (uint32_t)slots);
	return 1;
}
