/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * runtime/worker_mem.h - between worker.c and worker_mem.c
 *
 * Internal to runtime/: what the loop needs of guest memory, so that a worker
 * without it is not linked with a hypervisor.
 */
#ifndef RUNTIME_WORKER_MEM_H
#define RUNTIME_WORKER_MEM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "bus/dma.h"

struct worker_mem {
	const struct bus_dma_ops *dma;
	bool (*invalidate)(void);	/* as dma_guest_invalidate() */
	void (*restrict_all)(void);	/* Xen handles reach one domain only */
};

/* worker.c: take note of it; @mem must stay. */
void worker_set_memory(const struct worker_mem *mem);
/* worker.c: callbacks of runtime/dma_guest.h. */
void worker_say_modified(void *ctx, uint64_t gfn, uint64_t frames);
void worker_invalidated(void *ctx);
/* The broker's word: 1 while frames written are to be told. */
const _Atomic uint32_t *worker_log_dirty(void);

#endif /* RUNTIME_WORKER_MEM_H */
