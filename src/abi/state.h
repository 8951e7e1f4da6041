/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * abi/state.h - a worker's device state, as its successor finds it
 *
 * One sealed memfd per worker, kept by the supervisor.  Registers live twice;
 * @flip says which half is committed and changes by one release store after
 * the other half is complete, together with the sequence number of the last
 * request it contains, that request's answer and the interrupt levels.
 * Buffers (sector data and the like) live once, outside the halves, and are
 * rewritten before the flip only where doing the request again gives the same
 * bytes.
 */
#ifndef ABI_STATE_H
#define ABI_STATE_H

#include <assert.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdint.h>

#define STATE_MAGIC	0x31545453u	/* "STT1" */
#define STATE_VERSION	1u
#define STATE_REGS_BYTES 16384u		/* registers of all devices of a worker */
#define STATE_BUFS_BYTES (1024u * 1024u)

struct state_half {
	uint32_t seq;		/* requests before this one are contained */
	uint32_t isa_levels;	/* bit per line this worker drives */
	uint32_t intx_levels[4]; /* bit device * 4 + pin, of bus 0 */
	uint32_t rsvd[2];
	uint64_t answer;	/* value of request seq - 1 */
	alignas(64) uint8_t regs[STATE_REGS_BYTES];
};

struct state {
	uint32_t magic, version;
	uint64_t size_bytes;
	alignas(64) _Atomic uint32_t flip;	/* 0: nothing yet; else half
						   flip & 1 is committed */
	alignas(4096) struct state_half half[2];
	alignas(4096) uint8_t bufs[STATE_BUFS_BYTES];
};

#endif /* ABI_STATE_H */
