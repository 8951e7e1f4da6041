/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * broker/dispatch/route.c - ports, memory and PCI functions -> worker, window
 *
 * Runs in the broker.  One sorted table per space, of the ranges that are
 * registered with Xen right now; what is not here Xen answers by itself.
 */
#include <errno.h>
#include <string.h>

#include "dispatch/broker.h"
#include "hv/hv.h"

/* Index of the first route whose last byte is not before @first. */
static unsigned int lower_bound(unsigned int space, uint64_t first)
{
	unsigned int lo = 0, hi = broker.route_count[space];

	while (lo < hi) {
		unsigned int mid = (lo + hi) / 2;

		if (broker.route[space][mid].last < first)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

const struct route *route_find(unsigned int space, uint64_t first, uint64_t last)
{
	unsigned int i = lower_bound(space, first);
	const struct route *r = &broker.route[space][i];

	if (i == broker.route_count[space] || first < r->first || last > r->last)
		return NULL;
	return r;
}

/* 0 or -errno, as route_add(), but for what Xen says. */
static int find_room(unsigned int space, uint64_t first, uint64_t last)
{
	unsigned int i = lower_bound(space, first);
	unsigned int count = broker.route_count[space];

	if (i < count && broker.route[space][i].first <= last)
		return -EEXIST;
	return count == ROUTES_MAX ? -ENOSPC : 0;
}

static void insert(unsigned int space, uint64_t first, uint64_t last,
		   unsigned int peer, unsigned int win)
{
	struct route *table = broker.route[space];
	unsigned int i = lower_bound(space, first);

	memmove(&table[i + 1], &table[i],
		(broker.route_count[space] - i) * sizeof(*table));
	table[i] = (struct route){ first, last, (uint8_t)peer, (uint8_t)win };
	broker.route_count[space]++;
}

int route_add(unsigned int space, uint64_t first, uint64_t last,
	      unsigned int peer, unsigned int win)
{
	int rc = find_room(space, first, last);

	if (rc == 0)
		rc = hv_range_map(broker.hv, space, first, last);
	if (rc == 0)
		insert(space, first, last, peer, win);
	return rc;
}

bool route_adopt(unsigned int space, uint64_t first, uint64_t last,
		 unsigned int peer, unsigned int win, bool perhaps)
{
	int rc = 0;

	if (find_room(space, first, last))
		return false;
	/* It is there already if it overlaps something: nothing of ours that
	   we know of does. */
	if (perhaps)
		rc = hv_range_map(broker.hv, space, first, last);
	if (rc && rc != -EEXIST)
		return false;
	insert(space, first, last, peer, win);
	return true;
}

void route_remove(unsigned int space, unsigned int peer, unsigned int win)
{
	struct route *table = broker.route[space];

	for (unsigned int i = 0; i < broker.route_count[space]; i++) {
		if (table[i].peer != peer || table[i].win != win)
			continue;
		hv_range_unmap(broker.hv, space, table[i].first, table[i].last);
		broker.route_count[space]--;
		memmove(&table[i], &table[i + 1],
			(broker.route_count[space] - i) * sizeof(*table));
		return;
	}
}
