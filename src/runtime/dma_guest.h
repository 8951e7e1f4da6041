/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * runtime/dma_guest.h - bus/dma.h on top of mem/
 *
 * One per process.  No allocation after dma_guest_init().
 */
#ifndef RUNTIME_DMA_GUEST_H
#define RUNTIME_DMA_GUEST_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "bus/dma.h"

struct hv;

/*
 * @modified(ctx, gfn, frames): these frames were written (only called while
 * dirty logging is on, see dma_guest_log_dirty()).  @invalidated(ctx): the
 * last pin that dma_guest_invalidate() waited for is gone.
 */
const struct bus_dma_ops *
dma_guest_init(struct hv *hv, uint64_t ram_below_4g_bytes,
	       uint64_t ram_above_4g_bytes,
	       void (*modified)(void *ctx, uint64_t gfn, uint64_t frames),
	       void (*invalidated)(void *ctx), void *ctx);

/*
 * IO_INVALIDATE: drop every unpinned mapping now, mark pinned ones stale.
 * True: nothing is left; false: invalidated() follows when it is.
 */
bool dma_guest_invalidate(void);

/*
 * Dirty logging is on while *@word is not 0; it is looked at with every write,
 * so that a successor goes on where its predecessor was.  It must stay.
 */
void dma_guest_log_dirty(const _Atomic uint32_t *word);

#endif /* RUNTIME_DMA_GUEST_H */
