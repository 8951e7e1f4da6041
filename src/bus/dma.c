/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bus/dma.c - guest memory for devices
 *
 * Runs in workers.  Thin: the checks against guest RAM are behind the
 * operations, in mem/.
 */
#include "bus/dma.h"

#include <errno.h>
#include <string.h>

#include "base/bug.h"
#include "bus/bus.h"

bool dma_read(struct bus *b, uint64_t gpa, void *buf, size_t len_bytes)
{
	bug_on(len_bytes > DMA_COPY_MAX);
	if (!b->host->dma) {
		memset(buf, 0xff, len_bytes);
		return false;
	}
	return b->host->dma->copy(b->host->ctx, gpa, buf, len_bytes, false);
}

bool dma_write(struct bus *b, uint64_t gpa, const void *buf, size_t len_bytes)
{
	bug_on(len_bytes > DMA_COPY_MAX);
	if (!b->host->dma)
		return false;
	return b->host->dma->copy(b->host->ctx, gpa, (void *)buf, len_bytes, true);
}

static int map(struct bus *b, struct dma_map *m, const struct dma_seg *seg,
	       unsigned int seg_count, bool to_guest,
	       struct iovec *iov, unsigned int iov_max)
{
	if (!b->host->dma)
		return -EINVAL;
	return b->host->dma->map(b->host->ctx, m, seg, seg_count, to_guest,
				 iov, iov_max);
}

int dma_map(struct bus *b, struct dma_map *m, const struct dma_seg *seg,
	    unsigned int seg_count, bool to_guest,
	    struct iovec *iov, unsigned int iov_max)
{
	m->hint = false;
	return map(b, m, seg, seg_count, to_guest, iov, iov_max);
}

void dma_unmap(struct bus *b, struct dma_map *m)
{
	if (b->host->dma)
		b->host->dma->unmap(b->host->ctx, m);
}

void dma_prefetch(struct bus *b, const struct dma_seg *seg,
		  unsigned int seg_count)
{
	/* Scratch of one call, too large for a stack. */
	static struct dma_map m;
	static struct iovec iov[DMA_MAP_FRAMES];

	m.hint = true;
	if (map(b, &m, seg, seg_count, false, iov, DMA_MAP_FRAMES) >= 0)
		dma_unmap(b, &m);
}
