/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mem/mapcache.c - the least recently used mappings of guest frames
 *
 * Runs in the broker and in workers with guest memory.  See mapcache.h for
 * what a group is.  Three lists thread through two arrays: pages of a hash
 * bucket, pages of a group, groups by last use; the free ones of both arrays
 * use the same links.
 */
#include "mem/mapcache.h"

#include <errno.h>

#include "base/bug.h"
#include "base/log.h"
#include "base/stat.h"

#define NONE	UINT16_MAX

static unsigned int bucket_of(uint64_t gfn)
{
	return (unsigned int)((gfn * UINT64_C(0x9e3779b97f4a7c15)) >> 53) %
		MAPCACHE_HASH;
}

/* ---- hash ---- */

static struct mapcache_page *find(struct mapcache *c, uint64_t gfn, bool writable)
{
	for (uint16_t i = c->hash[bucket_of(gfn)]; i != NONE; ) {
		struct mapcache_page *p = &c->page[i];

		if (p->gfn == gfn && p->writable >= writable)
			return p;
		i = p->next_in_hash;
	}
	return NULL;
}

static void hash_in(struct mapcache *c, struct mapcache_page *p)
{
	uint16_t *head = &c->hash[bucket_of(p->gfn)];

	p->next_in_hash = *head;
	p->hashed = true;
	*head = (uint16_t)(p - c->page);
}

static void hash_out(struct mapcache *c, struct mapcache_page *p)
{
	uint16_t *at = &c->hash[bucket_of(p->gfn)];

	if (!p->hashed)
		return;
	while (*at != (uint16_t)(p - c->page))
		at = &c->page[*at].next_in_hash;
	*at = p->next_in_hash;
	p->hashed = false;
}

/* ---- groups by last use ---- */

static void use_link(struct mapcache *c, uint16_t g)
{
	c->group[g].newer = NONE;
	c->group[g].older = c->newest;
	if (c->newest != NONE)
		c->group[c->newest].newer = g;
	else
		c->oldest = g;
	c->newest = g;
}

static void use_unlink(struct mapcache *c, uint16_t g)
{
	struct mapcache_group *m = &c->group[g];

	if (m->newer != NONE)
		c->group[m->newer].older = m->older;
	else
		c->newest = m->older;
	if (m->older != NONE)
		c->group[m->older].newer = m->newer;
	else
		c->oldest = m->newer;
}

static void use(struct mapcache *c, uint16_t g)
{
	if (c->newest == g)
		return;
	use_unlink(c, g);
	use_link(c, g);
}

/* ---- pages, and those that have to stay ---- */

static void change_mapped(struct mapcache *c, int pages)
{
	c->mapped += (uint32_t)pages;
	stat_set(STAT_MAP_PAGES, c->mapped);
	if (c->mapped > stat_get(STAT_MAP_PEAK))
		stat_set(STAT_MAP_PEAK, c->mapped);
}

static void change_pinned(struct mapcache *c, int pages)
{
	c->pinned += (uint32_t)pages;
	stat_set(STAT_MAP_PINNED, c->pinned);
}

static void pin_one(struct mapcache *c, struct mapcache_page *p)
{
	struct mapcache_group *m = &c->group[p->group];

	if (m->pins++ == 0)
		change_pinned(c, (int)m->pages);
	p->pins++;
}

static void unpin_one(struct mapcache *c, struct mapcache_page *p)
{
	struct mapcache_group *m = &c->group[p->group];

	bug_on(p->pins == 0 || m->pins == 0);
	p->pins--;
	if (--m->pins == 0)
		change_pinned(c, -(int)m->pages);
}

/* ---- making and dropping groups ---- */

/* Those that were given back come first: an entry that never was used is not
   even touched, so a start has no faults for them. */
static uint16_t page_take(struct mapcache *c)
{
	uint16_t i = c->free_page;

	if (i == NONE) {
		bug_on(c->pages_used == MAPCACHE_PAGES);
		return (uint16_t)c->pages_used++;
	}
	c->free_page = c->page[i].next_in_hash;
	return i;
}

static uint16_t group_take(struct mapcache *c)
{
	uint16_t g = c->free_group;

	if (g == NONE) {
		bug_on(c->groups_used == MAPCACHE_PAGES);
		return (uint16_t)c->groups_used++;
	}
	c->free_group = c->group[g].newer;
	return g;
}

static void page_free(struct mapcache *c, uint16_t i)
{
	c->page[i] = (struct mapcache_page){ .next_in_hash = c->free_page };
	c->free_page = i;
}

static void group_free(struct mapcache *c, uint16_t g)
{
	c->group[g] = (struct mapcache_group){ .newer = c->free_group };
	c->free_group = g;
}

/* Unmap and forget a group without pins. */
static void drop(struct mapcache *c, uint16_t g)
{
	struct mapcache_group *m = &c->group[g];
	unsigned int n = 0;

	bug_on(!m->live || m->pins != 0);
	for (uint16_t i = m->first; i != NONE; ) {
		uint16_t next = c->page[i].next_in_group;

		c->addr[n++] = c->page[i].at;
		hash_out(c, &c->page[i]);
		page_free(c, i);
		i = next;
	}
	hv_unmap(c->hv, &m->map, c->addr);
	change_mapped(c, -(int)m->pages);
	if (m->stale)
		c->stale_groups--;
	use_unlink(c, g);
	group_free(c, g);
}

/* Evict until @count more pages fit.  The caller checked that they can. */
static void make_room(struct mapcache *c, uint32_t count)
{
	uint16_t g = c->oldest;

	while (c->mapped + count > c->max_pages) {
		uint16_t next;

		bug_on(g == NONE);
		next = c->group[g].newer;
		if (c->group[g].pins == 0) {
			stat_add(STAT_MAP_EVICTED, c->group[g].pages);
			drop(c, g);
		}
		g = next;
	}
}

/* A page for @gfn at the end of the group: found by others from now on. */
static struct mapcache_page *add_page(struct mapcache *c, uint16_t g,
				      uint64_t gfn, bool writable)
{
	struct mapcache_group *m = &c->group[g];
	uint16_t i = page_take(c);
	struct mapcache_page *p = &c->page[i];

	*p = (struct mapcache_page){ .gfn = gfn, .group = g, .writable = writable,
				     .next_in_group = NONE };
	if (m->pages)
		c->page[c->fresh[m->pages - 1]].next_in_group = i;
	else
		m->first = i;
	c->fresh[m->pages] = i;
	c->gfn[m->pages++] = gfn;
	hash_in(c, p);
	return p;
}

/*
 * Undo a group whose frames could not be mapped at all.  Its pages are pinned
 * by the request that made it, and nobody else.
 */
static void abandon(struct mapcache *c, uint16_t g)
{
	for (uint32_t i = 0; i < c->group[g].pages; i++) {
		hash_out(c, &c->page[c->fresh[i]]);
		page_free(c, c->fresh[i]);
	}
	group_free(c, g);
}

/* Map the frames of a new group.  0, or nothing is left of it. */
static int map_group(struct mapcache *c, uint16_t g, bool writable)
{
	struct mapcache_group *m = &c->group[g];
	int rc = hv_map(c->hv, c->gfn, m->pages, writable, &m->map, c->addr, c->err);

	if (rc) {
		if (rc != -EFAULT)
			guest_warn("cannot map guest memory: frames=%u errno=%d",
				   m->pages, -rc);
		abandon(c, g);
		return rc;
	}
	m->live = true;
	use_link(c, g);
	change_mapped(c, (int)m->pages);
	change_pinned(c, (int)m->pages);
	for (uint32_t i = 0; i < m->pages; i++) {
		struct mapcache_page *p = &c->page[c->fresh[i]];

		p->at = c->addr[i];
		if (!p->at)
			hash_out(c, p);
	}
	return 0;
}

static uint16_t new_group(struct mapcache *c)
{
	uint16_t g = group_take(c);

	c->group[g] = (struct mapcache_group){ .first = NONE, .newer = NONE,
					       .older = NONE };
	return g;
}

/* ---- the interface ---- */

void mapcache_init(struct mapcache *c, struct hv *hv,
		   const struct guest_ram *ram, uint32_t max_pages)
{
	bug_on(max_pages > MAPCACHE_PAGES || max_pages <= MAPCACHE_RESERVE);
	c->hv = hv;
	c->ram = *ram;
	c->max_pages = max_pages;
	c->stale_groups = c->mapped = c->pinned = 0;
	c->pages_used = c->groups_used = 0;
	change_mapped(c, 0);	/* a predecessor's are gone */
	change_pinned(c, 0);
	c->free_page = c->free_group = c->newest = c->oldest = NONE;
	for (unsigned int i = 0; i < MAPCACHE_HASH; i++)
		c->hash[i] = NONE;
}

/* Pin what is there already; returns how many frames have to be mapped. */
static uint32_t pin_hits(struct mapcache *c, const uint64_t *gfn,
			 unsigned int count, bool writable,
			 struct mapcache_page **pin)
{
	uint32_t misses = 0;

	for (unsigned int i = 0; i < count; i++) {
		pin[i] = NULL;
		if (!guest_is_ram(&c->ram, gfn[i])) {
			stat_add(STAT_MAP_DENIED, 1);
			continue;
		}
		pin[i] = find(c, gfn[i], writable);
		if (!pin[i]) {
			misses++;
			continue;
		}
		stat_add(STAT_MAP_HITS, 1);
		use(c, pin[i]->group);
		pin_one(c, pin[i]);
	}
	return misses;
}

/* Map the rest as one group, each frame once, and pin it. */
static void pin_misses(struct mapcache *c, const uint64_t *gfn,
		       unsigned int count, bool writable,
		       struct mapcache_page **pin)
{
	uint16_t g = new_group(c);
	int rc;

	for (unsigned int i = 0; i < count; i++) {
		if (pin[i] || !guest_is_ram(&c->ram, gfn[i]))
			continue;
		stat_add(STAT_MAP_MISSES, 1);
		pin[i] = find(c, gfn[i], writable);
		if (!pin[i])
			pin[i] = add_page(c, g, gfn[i], writable);
		pin[i]->pins++;
		c->group[g].pins++;
	}
	/* From here on these are counted like any other group's. */
	rc = map_group(c, g, writable);
	for (unsigned int i = 0; i < count; i++) {
		if (!pin[i] || pin[i]->at)
			continue;
		stat_add(STAT_MAP_DENIED, 1);
		if (rc == 0)
			unpin_one(c, pin[i]);
		pin[i] = NULL;
	}
}

int mapcache_pin(struct mapcache *c, const uint64_t *gfn, unsigned int count,
		 bool writable, uint32_t reserve, struct mapcache_page **pin)
{
	uint32_t misses;

	bug_on(count > MAPCACHE_REQUEST);
	misses = pin_hits(c, gfn, count, writable, pin);
	if (c->pinned + misses + reserve > c->max_pages) {
		for (unsigned int i = 0; i < count; i++) {
			if (pin[i])
				mapcache_unpin(c, pin[i]);
			pin[i] = NULL;
		}
		return -ENOMEM;
	}
	if (misses) {
		make_room(c, misses);
		pin_misses(c, gfn, count, writable, pin);
	}
	return 0;
}

void mapcache_unpin(struct mapcache *c, struct mapcache_page *page)
{
	uint16_t g = page->group;

	unpin_one(c, page);
	if (c->group[g].stale && c->group[g].pins == 0)
		drop(c, g);
}

static void make_stale(struct mapcache *c, uint16_t g)
{
	struct mapcache_group *m = &c->group[g];

	if (m->stale)
		return;
	m->stale = true;
	c->stale_groups++;
	for (uint16_t i = m->first; i != NONE; i = c->page[i].next_in_group)
		hash_out(c, &c->page[i]);
}

bool mapcache_invalidate(struct mapcache *c)
{
	for (uint16_t g = c->oldest; g != NONE; ) {
		uint16_t next = c->group[g].newer;

		if (!c->group[g].stale)
			stat_add(STAT_MAP_INVALIDATED, c->group[g].pages);
		if (c->group[g].pins)
			make_stale(c, g);
		else
			drop(c, g);
		g = next;
	}
	return !mapcache_is_stale(c);
}
