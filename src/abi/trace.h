/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * abi/trace.h - the last accesses of a guest to one worker's devices
 *
 * One sealed memfd per worker, made and kept by the supervisor, written by the
 * broker alone, read by whoever the supervisor gives it to.  A ring that runs
 * over: the writer never waits, a reader that falls behind loses records and
 * can tell (ring/trace.h has both sides).  A record is written when the
 * access has been answered, so its value is there; accesses of several vCPUs
 * stand in the order of their answers.
 *
 * Pages that were never written cost nothing.  A guest that runs fills them
 * all, for each of its workers: so a record takes 16 bytes, and only one that
 * does not fit (a string operation, 64 bits of value) takes 32.
 */
#ifndef ABI_TRACE_H
#define ABI_TRACE_H

#include <assert.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdint.h>

#define TRACE_MAGIC	0x31435254u	/* "TRC1" */
#define TRACE_VERSION	2u
#define TRACE_SLOTS	4096u		/* 64 KiB a worker, once they ran full */

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

/* An access, as both sides of ring/trace.h speak of it. */
struct trace_rec {
	uint64_t ticks;		/* time stamp counter when it was answered, a
				   multiple of 1 << TRACE_TICKS_SHIFT */
	uint64_t addr;		/* port, guest physical address, or
				   devfn << 8 | register */
	uint64_t value;		/* read or written; @size bytes of it count */
	uint32_t count;		/* items; 1 unless TRACE_STRING or a rep */
	uint8_t size;		/* bytes an item: 1, 2, 4, 8 */
	uint8_t flags;		/* TRACE_* */
	uint8_t kind;		/* enum trace_kind */
	uint8_t space;		/* enum chan_space, abi/chan.h */
};

/*
 * A slot of the ring, two words:
 *
 *	0	bits 0-31 address, 32-63 value
 *	1	bits 0-1 log2 of the size, 2-4 TRACE_* flags, 5-6 kind, 7-8 space,
 *		9 LONG, 10 MORE, 11 USED, 12-63 ticks >> TRACE_TICKS_SHIFT
 *
 * With LONG the next slot belongs to it and has the high halves of address and
 * value in word 0, and in word 1 MORE, USED and in bits 32-63 the count;
 * otherwise these halves are 0 and the count is 1.  A slot of zeros is none.
 */
#define TRACE_SLOT_WORDS	2u
#define TRACE_SLOTS_A_RECORD	2u	/* at most */
#define TRACE_FLAGS_AT		2
#define TRACE_KIND_AT		5
#define TRACE_SPACE_AT		7
#define TRACE_LONG		(UINT64_C(1) << 9)
#define TRACE_MORE		(UINT64_C(1) << 10)
#define TRACE_USED		(UINT64_C(1) << 11)
#define TRACE_TICKS_AT		12
#define TRACE_TICKS_SHIFT	7	/* some 40 ns; runs for years */

struct trace {
	/* Written once by the supervisor, before anybody starts. */
	uint32_t magic, version;
	uint64_t size_bytes;

	alignas(64)
	_Atomic uint64_t head;		/* slots [.., head) are written; runs
					   freely; slot i is at i % SLOTS */
	_Atomic uint32_t ticks_per_ms;	/* of the time stamp counter; 0: not
					   known yet */
	alignas(4096)
	_Atomic uint64_t slot[TRACE_SLOTS][TRACE_SLOT_WORDS];
};
static_assert((TRACE_SLOTS & (TRACE_SLOTS - 1)) == 0, "power of two");

#endif /* ABI_TRACE_H */
