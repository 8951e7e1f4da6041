/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mem/guest.h - where guest RAM is, and copies in and out of it
 *
 * RAM is [0, low) without the hole at 0xa0000-0xbffff, and [4 GiB, 4 GiB +
 * high).  All else reads as ones and swallows writes.  Runs in the broker (for
 * data_is_ptr buffers) and in workers with guest memory.
 */
#ifndef MEM_GUEST_H
#define MEM_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GUEST_PAGE_SHIFT	12
#define GUEST_PAGE_BYTES	4096u

struct guest_ram {
	uint64_t low_bytes, high_bytes;	/* whole frames count */
};

#define GUEST_4G_GFN	(UINT64_C(1) << (32 - GUEST_PAGE_SHIFT))
#define GUEST_NO_GFN	UINT64_MAX	/* is never RAM */

static inline bool guest_is_ram(const struct guest_ram *r, uint64_t gfn)
{
	if (gfn < GUEST_4G_GFN)
		return gfn < r->low_bytes >> GUEST_PAGE_SHIFT &&
			(gfn < 0xa0 || gfn >= 0xc0);
	return gfn - GUEST_4G_GFN < r->high_bytes >> GUEST_PAGE_SHIFT;
}

/* Frame of byte @gpa + @off; GUEST_NO_GFN where the sum wraps. */
static inline uint64_t guest_gfn(uint64_t gpa, uint64_t off)
{
	uint64_t at;

	if (__builtin_add_overflow(gpa, off, &at))
		return GUEST_NO_GFN;
	return at >> GUEST_PAGE_SHIFT;
}

/* Bytes from @gpa to the end of its page, at most @len_bytes. */
static inline size_t guest_page_rest(uint64_t gpa, size_t len_bytes)
{
	size_t rest = GUEST_PAGE_BYTES - (gpa & (GUEST_PAGE_BYTES - 1));

	return rest < len_bytes ? rest : len_bytes;
}

struct mapcache;

/*
 * Copy between @buf and guest memory.  Any address and length.  False: part of
 * it was not RAM (or could not be mapped); that part read as ones or was
 * dropped.
 */
bool guest_copy(struct mapcache *c, uint64_t gpa, void *buf, size_t len_bytes,
		bool to_guest);

#endif /* MEM_GUEST_H */
