/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * runtime/worker_mem.c - guest memory for workers that have it
 *
 * Runs in disk, net and vga, at start-up.  Copies and mappings are dma_guest.c's.
 */
#include "runtime/worker_mem.h"

#include "abi/fds.h"
#include "hv/hv.h"
#include "runtime/dma_guest.h"
#include "runtime/worker.h"

static struct hv *hv;
static struct worker_mem mem;

static void restrict_all(void)
{
	hv_restrict(hv);
}

void worker_open_memory(struct worker *w)
{
	hv = hv_open(w->args.hv, w->args.domid, HV_WORKER);
	worker_owns(w, FD_HV_MEM);
	dma_guest_log_dirty(worker_log_dirty());
	mem = (struct worker_mem){
		.dma = dma_guest_init(hv, w->args.ram_below_4g_bytes,
				      w->args.ram_above_4g_bytes,
				      worker_say_modified, worker_invalidated,
				      NULL),
		.invalidate = dma_guest_invalidate,
		.restrict_all = restrict_all,
	};
	worker_set_memory(&mem);
}

void *worker_map_vram(struct worker *w, uint64_t gfn, uint32_t frames)
{
	(void)w;
	return hv_map_run(hv, gfn, frames);
}
