/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mem/guest.c - copies in and out of guest memory, through the map cache
 */
#include "mem/guest.h"

#include <string.h>

#include "base/bug.h"
#include "mem/mapcache.h"

#define CHUNK_FRAMES	32u

/* Up to CHUNK_FRAMES frames from @gpa + @from on; returns how many bytes. */
static size_t copy_chunk(struct mapcache *c, uint64_t gpa, size_t from,
			 uint8_t *buf, size_t len_bytes, bool to_guest, bool *all)
{
	struct mapcache_page *pin[CHUNK_FRAMES] = { NULL };
	uint64_t gfn[CHUNK_FRAMES] = { 0 };
	size_t off = from, part;
	unsigned int n = 0;

	while (n < CHUNK_FRAMES && off < len_bytes) {
		gfn[n++] = guest_gfn(gpa, off);
		off += guest_page_rest(gpa + off, len_bytes - off);
	}
	/* Frames at hand keep the whole groups they came with, which may leave
	   no room for the others.  One frame always fits: either it is there, or
	   there is the reserve. */
	if (mapcache_pin(c, gfn, n, to_guest, 0, pin)) {
		n = 1;
		bug_on(mapcache_pin(c, gfn, n, to_guest, 0, pin));
	}
	off = from;
	for (unsigned int i = 0; i < n; i++, off += part) {
		uint8_t *page = pin[i] ? mapcache_at(pin[i]) : NULL;

		part = guest_page_rest(gpa + off, len_bytes - off);
		if (page)
			page += (gpa + off) & (GUEST_PAGE_BYTES - 1);
		else
			*all = false;
		if (page && to_guest)
			memcpy(page, buf + off, part);
		else if (page)
			memcpy(buf + off, page, part);
		else if (!to_guest)
			memset(buf + off, 0xff, part);
		if (page)
			mapcache_unpin(c, pin[i]);
	}
	return off - from;
}

bool guest_copy(struct mapcache *c, uint64_t gpa, void *buf, size_t len_bytes,
		bool to_guest)
{
	bool all = true;

	for (size_t done = 0; done < len_bytes; )
		done += copy_chunk(c, gpa, done, buf, len_bytes, to_guest, &all);
	return all;
}
