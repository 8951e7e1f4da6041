/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bus/dma.h - the only way a device touches guest memory
 *
 * Addresses and lengths may come straight from the guest: everything is
 * checked here.  Bytes that are not guest RAM read as all ones, writes to them
 * vanish.  Every frame written is recorded (ANS_MODIFIED while dirty logging is on), so
 * dirty logging is complete by construction.
 */
#ifndef BUS_DMA_H
#define BUS_DMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct bus;

/*
 * Copy.  @len_bytes up to DMA_COPY_MAX.  False: part of it was not RAM (that
 * part read as ones / was dropped).
 */
#define DMA_COPY_MAX	(256u * 1024u)
bool dma_read(struct bus *b, uint64_t gpa, void *buf, size_t len_bytes);
bool dma_write(struct bus *b, uint64_t gpa, const void *buf, size_t len_bytes);

/*
 * Map for I/O that a back end does itself.  The frames stay pinned until
 * dma_unmap().  @seg: @seg_count pieces of guest memory, each up to 64 KiB.
 * Fills @iov (room for @iov_max) with at least one entry per piece and one per
 * page at worst; bytes that are not RAM point into a sink that is discarded
 * (to_guest) or reads as ones.  Returns entries used, or -EINVAL if they do
 * not fit or -ENOMEM if too much is pinned already (the caller splits or
 * retries after a completion).
 */
struct dma_seg {
	uint64_t gpa;
	uint32_t len_bytes;
};
#define DMA_MAP_FRAMES	512u		/* frames one dma_map() may cover */
struct dma_map {
	bool to_guest;
	bool hint;			/* nobody is given its bytes: the copies
					   that follow are counted */
	unsigned int count;		/* pinned frames */
	void *pin[DMA_MAP_FRAMES];	/* the map cache's handles */
	uint64_t gfn[DMA_MAP_FRAMES];
};
int dma_map(struct bus *b, struct dma_map *m, const struct dma_seg *seg,
	    unsigned int seg_count, bool to_guest,
	    struct iovec *iov, unsigned int iov_max);
/* Back end is done.  With to_guest, all frames count as written. */
void dma_unmap(struct bus *b, struct dma_map *m);

/*
 * What dma_read() is going to be asked for next, piece by piece: frames that
 * are not at hand yet are fetched together, by one call instead of one each.
 * Only a hint; pieces longer than 64 KiB, or too many, are left to the copies.
 */
void dma_prefetch(struct bus *b, const struct dma_seg *seg,
		  unsigned int seg_count);

/* Behind it: mem/ in a worker, an array in a test. */
struct bus_dma_ops {
	bool (*copy)(void *ctx, uint64_t gpa, void *buf, size_t len_bytes,
		     bool to_guest);
	int (*map)(void *ctx, struct dma_map *m, const struct dma_seg *seg,
		   unsigned int seg_count, bool to_guest,
		   struct iovec *iov, unsigned int iov_max);
	void (*unmap)(void *ctx, struct dma_map *m);
};

#endif /* BUS_DMA_H */
