/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * broker/dispatch/guest.c - string operands in guest memory
 *
 * Runs in the broker, for ins, outs and movs: Xen gives the address of the
 * operand, the data area of the channel carries the items in access order.
 */
#include <string.h>

#include "dispatch/broker.h"
#include "mem/guest.h"
#include "mem/mapcache.h"

#define BROKER_PAGES	128u	/* operands are one or two pages at a time */

static struct mapcache cache;

void guest_start(void)
{
	struct guest_ram ram = {
		.low_bytes = broker.plan->ram_below_4g_bytes,
		.high_bytes = broker.plan->ram_above_4g_bytes,
	};

	mapcache_init(&cache, broker.hv, &ram, BROKER_PAGES);
}

/* Items swap places, their bytes do not. */
static void reverse_items(uint8_t *items, uint32_t size, uint32_t count)
{
	for (uint32_t i = 0, k = count - 1; i < k; i++, k--) {
		uint8_t tmp[8];

		memcpy(tmp, items + i * size, size);
		memcpy(items + i * size, items + k * size, size);
		memcpy(items + k * size, tmp, size);
	}
}

static void copy_operand(uint64_t gpa, uint8_t *items, size_t bytes, bool to_guest)
{
	guest_copy(&cache, gpa, items, bytes, to_guest);
	if (to_guest)
		dirty_operand(gpa, bytes);
}

/*
 * @items: up to IO_ITEM_BYTES_MAX bytes, packed in access order; clobbered.
 * The caller checked size and count.
 */
void guest_string(const struct xen_ioreq *r, uint8_t *items, bool to_guest)
{
	size_t bytes = (size_t)r->size * r->count;
	uint64_t first = r->data;

	if (!(r->flags & XEN_IOREQ_DF)) {
		copy_operand(first, items, bytes, to_guest);
		return;
	}
	/* Descending: item i lies at data - i * size. */
	first -= bytes - r->size;
	if (to_guest)
		reverse_items(items, r->size, r->count);
	copy_operand(first, items, bytes, to_guest);
	if (!to_guest)
		reverse_items(items, r->size, r->count);
}

void guest_invalidate(void)
{
	/* Nothing is pinned between two copies, so all of it goes. */
	mapcache_invalidate(&cache);
}
