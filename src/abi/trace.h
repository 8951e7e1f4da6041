/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * abi/trace.h - the last accesses of a guest to one worker's devices
 *
 * One sealed memfd per worker, made and kept by the supervisor, written by the
 * broker alone, read by whoever the supervisor gives it to.  A ring that runs
 * over: the writer never waits, a reader that falls behind loses records and
 * can tell (ring/trace.h has the reading side).  A record is written when the
 * access has been answered, so its value is there; accesses of several vCPUs
 * stand in the order of their answers.
 */
#ifndef ABI_TRACE_H
#define ABI_TRACE_H

#include <assert.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdint.h>

#define TRACE_MAGIC	0x31435254u	/* "TRC1" */
#define TRACE_VERSION	1u
#define TRACE_RECORDS	512u		/* five pages a worker, once they ran full */

/* How an access was answered. */
enum trace_kind {
	TRACE_SHADOW,		/* by the broker, from a shadow word */
	TRACE_MIRROR,		/* ... from the mirror of configuration space */
	TRACE_POSTED,		/* completed at once, delivered in order */
	TRACE_HOP,		/* by the worker */
	TRACE_KIND_COUNT
};

/* trace_rec.flags */
#define TRACE_WRITE	0x01u	/* the guest wrote; else it read */
#define TRACE_STRING	0x02u	/* ins, outs, movs: @value is the guest physical
				   address of the operand */
#define TRACE_DESC	0x04u	/* ... whose items descend */
#define TRACE_FLAGS	0x07u

struct trace_rec {
	uint64_t ticks;		/* time stamp counter when it was answered */
	uint64_t addr;		/* port, guest physical address, or
				   devfn << 8 | register */
	uint64_t value;		/* read or written; @size bytes of it count */
	uint32_t count;		/* items; 1 unless TRACE_STRING or a rep */
	uint8_t size;		/* bytes an item: 1, 2, 4, 8 */
	uint8_t flags;		/* TRACE_* */
	uint8_t kind;		/* enum trace_kind */
	uint8_t space;		/* enum chan_space, abi/chan.h */
};
static_assert(sizeof(struct trace_rec) == 32, "two records a cache line");
#define TRACE_REC_WORDS	(sizeof(struct trace_rec) / sizeof(uint64_t))

struct trace {
	/* Written once by the supervisor, before anybody starts. */
	uint32_t magic, version;
	uint64_t size_bytes;

	alignas(64)
	_Atomic uint64_t head;		/* records [.., head) are written; runs
					   freely; record i is at i % RECORDS */
	_Atomic uint32_t ticks_per_ms;	/* of the time stamp counter; 0: not
					   known yet */
	alignas(4096)
	_Atomic uint64_t rec[TRACE_RECORDS][TRACE_REC_WORDS];
};
static_assert((TRACE_RECORDS & (TRACE_RECORDS - 1)) == 0, "power of two");

#endif /* ABI_TRACE_H */
