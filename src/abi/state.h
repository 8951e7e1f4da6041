/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * abi/state.h - a worker's device state, as its successor finds it
 *
 * One sealed memfd per worker, kept by the supervisor.  Registers live twice;
 * @flip says which half is committed and changes by one release store after
 * the other half is complete.  A half also says which request comes next and
 * how far the answers go: everything the worker says about a request or an
 * event is in the answer ring before the flip, and visible to the broker only
 * after it.  So a request and all that was said about it is done wholly or not
 * at all, whatever instant the worker dies at.
 *
 * Buffers (sector data and the like) live once, outside the halves, and are
 * rewritten before the flip only where doing the request again gives the same
 * bytes.
 *
 * To a successor, and to whoever reads a save file, all of this is hostile:
 * bus/restore.h.
 */
#ifndef ABI_STATE_H
#define ABI_STATE_H

#include <assert.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdint.h>

#define STATE_MAGIC	0x31545453u	/* "STT1" */
#define STATE_VERSION	2u
#define STATE_REGS_BYTES 16384u		/* registers of all devices of a worker */
#define STATE_BUFS_BYTES (1024u * 1024u)
#define STATE_DEVS	24u
#define STATE_FLIP_FILLED 1u	/* by the supervisor, or the very first */

/* Whose registers are where in state_half.regs. */
struct state_dev {
	char name[24];		/* zero-padded */
	uint32_t version;	/* of the layout, struct bus_state */
	uint32_t regs_bytes, regs_at;
	uint32_t rsvd;
};

struct state_half {
	uint32_t seq;		/* requests before this one are contained */
	uint32_t ans_tail;	/* answers before this one are contained */
	uint32_t isa_levels;	/* bit per line this worker drives */
	uint32_t intx_levels[4]; /* bit device * 4 + pin, of bus 0 */
	uint32_t dev_count;
	struct state_dev dev[STATE_DEVS];
	alignas(64) uint8_t regs[STATE_REGS_BYTES];
};

struct state {
	uint32_t magic, version;
	uint64_t size_bytes;
	/* To be added to every time in the registers of flip STATE_FLIP_FILLED:
	   they come from a save file, and CLOCK_MONOTONIC was another then.
	   Supervisor, before start. */
	int64_t shift_ns;
	alignas(64) _Atomic uint32_t flip;	/* 0: nothing yet; else half
						   flip & 1 is committed */
	alignas(4096) struct state_half half[2];
	alignas(4096) uint8_t bufs[STATE_BUFS_BYTES];
};

#endif /* ABI_STATE_H */
