/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * runtime/dma_guest.c - bus/dma.h on top of mem/
 *
 * Runs in workers with guest memory.  Every byte a device or its back end
 * moves goes through here, so this is also where frames written are told while
 * dirty logging is on.  Bytes that are not RAM are read from a page of ones
 * and written to a page nobody reads.
 */
#include "runtime/dma_guest.h"

#include <errno.h>
#include <string.h>

#include "base/stat.h"
#include "mem/guest.h"
#include "mem/mapcache.h"

#define SEG_BYTES_MAX	65536u

/* One per process. */
static struct {
	struct mapcache cache;
	const _Atomic uint32_t *log_dirty;
	bool draining;			/* invalidated() is owed */
	void (*modified)(void *ctx, uint64_t gfn, uint64_t frames);
	void (*invalidated)(void *ctx);
	void *ctx;
	uint8_t sink[GUEST_PAGE_BYTES];
	uint8_t ones[GUEST_PAGE_BYTES];
} me;

/* ---- dirty logging ---- */

/* After the write: whoever turned it on before that hears of it. */
static bool is_logging(void)
{
	return me.log_dirty &&
		atomic_load_explicit(me.log_dirty, memory_order_relaxed);
}

/* A run of frames that were written; grows until something does not fit. */
struct run {
	uint64_t gfn, frames;
};

static void run_flush(struct run *r)
{
	if (r->frames)
		me.modified(me.ctx, r->gfn, r->frames);
	r->frames = 0;
}

static void run_add(struct run *r, uint64_t gfn)
{
	if (r->frames && gfn - r->gfn < r->frames)
		return;
	if (r->frames && gfn == r->gfn + r->frames) {
		r->frames++;
		return;
	}
	run_flush(r);
	*r = (struct run){ gfn, 1 };
}

static void log_copy(uint64_t gpa, size_t len_bytes)
{
	struct run r = { 0 };

	for (size_t off = 0; off < len_bytes; ) {
		uint64_t gfn = guest_gfn(gpa, off);

		if (guest_is_ram(&me.cache.ram, gfn))
			run_add(&r, gfn);
		off += guest_page_rest(gpa + off, len_bytes - off);
	}
	run_flush(&r);
}

static void log_map(const struct dma_map *m)
{
	struct run r = { 0 };

	for (unsigned int i = 0; i < m->count; i++)
		if (m->pin[i])
			run_add(&r, m->gfn[i]);
	run_flush(&r);
}

/* ---- struct bus_dma_ops ---- */

static void count_bytes(uint64_t bytes, bool to_guest)
{
	stat_add(STAT_DMA_BYTES + (to_guest ? STAT_WRITE : STAT_READ), bytes);
}

static bool copy(void *ctx, uint64_t gpa, void *buf, size_t len_bytes,
		 bool to_guest)
{
	bool all = guest_copy(&me.cache, gpa, buf, len_bytes, to_guest);

	(void)ctx;
	count_bytes(len_bytes, to_guest);
	if (to_guest && is_logging())
		log_copy(gpa, len_bytes);
	return all;
}

/* Frames of all pieces, in order, into m->gfn.  -EINVAL: too many. */
static int list_frames(struct dma_map *m, const struct dma_seg *seg,
		       unsigned int seg_count)
{
	m->count = 0;
	for (unsigned int s = 0; s < seg_count; s++) {
		if (seg[s].len_bytes > SEG_BYTES_MAX)
			return -EINVAL;
		for (uint32_t off = 0; off < seg[s].len_bytes; ) {
			if (m->count == DMA_MAP_FRAMES)
				return -EINVAL;
			m->gfn[m->count++] = guest_gfn(seg[s].gpa, off);
			off += (uint32_t)guest_page_rest(seg[s].gpa + off,
							 seg[s].len_bytes - off);
		}
	}
	return 0;
}

static uint8_t *byte_at(const struct dma_map *m, unsigned int i, uint64_t gpa)
{
	uint8_t *page = m->to_guest ? me.sink : me.ones;

	if (m->pin[i])
		page = mapcache_at(m->pin[i]);
	return page + (gpa & (GUEST_PAGE_BYTES - 1));
}

/* Entries of one piece; *@frame is its first in @m.  -EINVAL: no room. */
static int fill_iov(const struct dma_map *m, const struct dma_seg *seg,
		    unsigned int *frame, struct iovec *iov, unsigned int iov_max)
{
	unsigned int n = 0;
	uint32_t part;

	if (iov_max == 0)
		return -EINVAL;
	iov[n++] = (struct iovec){ me.sink, 0 };
	for (uint32_t off = 0; off < seg->len_bytes; off += part) {
		uint8_t *at = byte_at(m, (*frame)++, seg->gpa + off);
		struct iovec *last = &iov[n - 1];

		part = (uint32_t)guest_page_rest(seg->gpa + off,
						 seg->len_bytes - off);
		if (last->iov_len == 0) {
			*last = (struct iovec){ at, part };
		} else if ((uint8_t *)last->iov_base + last->iov_len == at) {
			last->iov_len += part;
		} else {
			if (n == iov_max)
				return -EINVAL;
			iov[n++] = (struct iovec){ at, part };
		}
	}
	return (int)n;
}

static void unpin_all(struct dma_map *m)
{
	for (unsigned int i = 0; i < m->count; i++)
		if (m->pin[i])
			mapcache_unpin(&me.cache, m->pin[i]);
	m->count = 0;
	if (me.draining && !mapcache_is_stale(&me.cache)) {
		me.draining = false;
		me.invalidated(me.ctx);
	}
}

static int map(void *ctx, struct dma_map *m, const struct dma_seg *seg,
	       unsigned int seg_count, bool to_guest,
	       struct iovec *iov, unsigned int iov_max)
{
	unsigned int used = 0, frame = 0;
	int rc;

	(void)ctx;
	m->to_guest = to_guest;
	rc = list_frames(m, seg, seg_count);
	if (rc == 0 && m->count)
		rc = mapcache_pin(&me.cache, m->gfn, m->count, to_guest,
				  MAPCACHE_RESERVE,
				  (struct mapcache_page **)m->pin);
	if (rc) {
		m->count = 0;
		return rc;
	}
	for (unsigned int s = 0; s < seg_count; s++) {
		if (!m->hint)
			count_bytes(seg[s].len_bytes, to_guest);
		rc = fill_iov(m, &seg[s], &frame, iov + used, iov_max - used);
		if (rc < 0) {
			unpin_all(m);
			return rc;
		}
		used += (unsigned int)rc;
	}
	return (int)used;
}

static void unmap(void *ctx, struct dma_map *m)
{
	(void)ctx;
	if (m->to_guest && is_logging())
		log_map(m);
	unpin_all(m);
}

static const struct bus_dma_ops ops = { copy, map, unmap };

/* ---- the worker's side ---- */

const struct bus_dma_ops *
dma_guest_init(struct hv *hv, uint64_t ram_below_4g_bytes,
	       uint64_t ram_above_4g_bytes,
	       void (*modified)(void *ctx, uint64_t gfn, uint64_t frames),
	       void (*invalidated)(void *ctx), void *ctx)
{
	struct guest_ram ram = { ram_below_4g_bytes, ram_above_4g_bytes };

	_Static_assert(DMA_MAP_FRAMES <= MAPCACHE_REQUEST, "one request");
	mapcache_init(&me.cache, hv, &ram, MAPCACHE_PAGES);
	me.modified = modified;
	me.invalidated = invalidated;
	me.ctx = ctx;
	memset(me.ones, 0xff, sizeof(me.ones));
	return &ops;
}

bool dma_guest_invalidate(void)
{
	me.draining = !mapcache_invalidate(&me.cache);
	return !me.draining;
}

void dma_guest_log_dirty(const _Atomic uint32_t *word)
{
	me.log_dirty = word;
}
