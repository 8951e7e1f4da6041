/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mem/mapcache.h - guest frames mapped into this process, a bounded number
 *
 * One request's frames are mapped together, by one mmap and one ioctl: a
 * group.  A group goes as the whole it came (a partial munmap of a foreign
 * mapping is not safe on every dom0), the least recently used first, and never
 * while one of its pages is pinned.
 *
 * Invalidation (the guest gave memory back): groups without a pin go at once;
 * the others are stale: nobody finds them any more, and they go when their
 * last pin does.
 *
 * Pages are mapped read-only unless they are to be written.  A frame can be
 * there twice, once each way, until the older one ages out.
 *
 * One thread.  No heap: everything is in the struct, which is to be static.
 * What it does is counted in base/stat.h's STAT_MAP_*; one per process does.
 */
#ifndef MEM_MAPCACHE_H
#define MEM_MAPCACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hv/hv.h"
#include "mem/guest.h"

#define MAPCACHE_PAGES	 1024u	/* never more mapped pages than this */
#define MAPCACHE_REQUEST HV_MAP_FRAMES	/* frames of one mapcache_pin() */
#define MAPCACHE_RESERVE 32u	/* pages that long pins leave to short copies */
#define MAPCACHE_HASH	 2048u

struct mapcache_page {
	uint64_t gfn;
	uint8_t *at;			/* NULL: being mapped, or it failed */
	uint32_t pins;
	uint16_t group;
	uint16_t next_in_group;		/* in the order of mapping */
	uint16_t next_in_hash;		/* or in the list of free ones */
	bool writable;
	bool hashed;
};

struct mapcache_group {
	struct hv_map map;
	uint32_t pages;			/* also those that could not be mapped */
	uint32_t pins;			/* over all its pages */
	uint16_t first;			/* page */
	uint16_t newer, older;		/* by last use; or free list */
	bool live, stale;
};

struct mapcache {
	struct hv *hv;
	struct guest_ram ram;
	uint32_t max_pages;
	uint32_t stale_groups;
	uint32_t mapped, pinned;	/* pages now; in groups that have to stay */
	uint16_t free_page, free_group;	/* used before */
	uint32_t pages_used, groups_used; /* so far; the rest was never touched */
	uint16_t newest, oldest;	/* groups */
	uint16_t hash[MAPCACHE_HASH];
	struct mapcache_page page[MAPCACHE_PAGES];
	struct mapcache_group group[MAPCACHE_PAGES];
	/* Arguments of hv_map() and hv_unmap(). */
	uint64_t gfn[MAPCACHE_REQUEST];
	void *addr[MAPCACHE_REQUEST];
	int err[MAPCACHE_REQUEST];
	uint16_t fresh[MAPCACHE_REQUEST];
};

/* @max_pages up to MAPCACHE_PAGES and more than MAPCACHE_RESERVE. */
void mapcache_init(struct mapcache *c, struct hv *hv,
		   const struct guest_ram *ram, uint32_t max_pages);

/*
 * Pin @count frames, up to MAPCACHE_REQUEST, in any order, repeats allowed:
 * pin[i] is the page of gfn[i], to be given back by mapcache_unpin(), or NULL
 * where that is not RAM or cannot be mapped.  -ENOMEM, nothing pinned: it would
 * leave fewer than @reserve pages that are not pinned.
 */
int mapcache_pin(struct mapcache *c, const uint64_t *gfn, unsigned int count,
		 bool writable, uint32_t reserve, struct mapcache_page **pin);
void mapcache_unpin(struct mapcache *c, struct mapcache_page *page);

/* First byte of a pinned page. */
static inline uint8_t *mapcache_at(const struct mapcache_page *page)
{
	return page->at;
}

/* True: nothing from before is mapped any more; false: pins keep some, see
   mapcache_is_stale(). */
bool mapcache_invalidate(struct mapcache *c);
static inline bool mapcache_is_stale(const struct mapcache *c)
{
	return c->stale_groups != 0;
}

#endif /* MEM_MAPCACHE_H */
