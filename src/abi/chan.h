/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * abi/chan.h - the memory a broker and one worker share
 *
 * One memfd per worker, made by the supervisor, sealed SHRINK|GROW, mapped
 * read-write by both sides, zero but for the header.  It survives either side:
 * a successor reads the indices and goes on (ring/chan.h has the protocol).
 *
 * Each shared word has exactly one writer, named beside it.  B is the broker,
 * W the worker.  Neither side ever reads back a word it owns.
 */
#ifndef ABI_CHAN_H
#define ABI_CHAN_H

#include <assert.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdint.h>

#include "abi/io_msg.h"

#define CHAN_MAGIC	0x314e4843u	/* "CHN1" */
#define CHAN_VERSION	2u

#define CHAN_REQS	4096u	/* replay log and flight recorder too */
#define CHAN_ANSWERS	1024u
#define CHAN_DATA_SLOTS	32u
#define CHAN_DATA_BYTES	4096u
#define CHAN_WINS	40u
#define CHAN_ROWS	96u	/* rows with a flag, over all windows */
#define CHAN_MIRROR_BYTES 4096u	/* config-space mirrors */
#define CHAN_REPLY_BYTES 16384u	/* dirty bits: 128 Ki frames, 512 MiB of VRAM */
#define CHAN_VRAM_FRAMES_MAX (CHAN_REPLY_BYTES * 8u)

#define CHAN_ALIGN	64	/* words of different writers never share a line */

enum chan_space {
	CHAN_PIO,		/* ports */
	CHAN_MMIO,		/* guest physical addresses */
	CHAN_PCI,		/* configuration space; base = devfn */
	CHAN_SPACE_COUNT
};

/*
 * A window: one range a device answers.  The worker announces all of them
 * before it says READY; afterwards only ANS_MAP and ANS_UNMAP change where
 * they are.  The broker copies the table, checks it against what the
 * supervisor's plan allows this worker (abi/plan.h), and never reads it again.
 */
struct chan_win {
	uint64_t base;		/* first port, address or devfn; if mapped */
	uint32_t len;		/* ports or bytes; 256 for CHAN_PCI */
	uint8_t space;		/* enum chan_space */
	uint8_t mapped;		/* at start */
	uint8_t flags;		/* CHAN_WIN_* */
	uint8_t rsvd;
	uint32_t mirror;	/* byte offset in chan.mirror, if CHAN_WIN_MIRROR */
	uint32_t rsvd2;
	char name[24];		/* for logs; not trusted to be terminated */
};
static_assert(sizeof(struct chan_win) == 48, "layout");

#define CHAN_WIN_MIRROR	0x01u	/* reads come from chan.mirror; whatever can
				   change them is a synchronous request */

/* A register row that may spare the hop.  Meaning of flags: bus/reg.h. */
struct chan_row {
	uint16_t win;
	uint16_t off;		/* first byte in the window */
	uint8_t size;		/* bytes: 1, 2, 4; only exact accesses qualify */
	uint8_t flags;		/* CHAN_ROW_* */
	uint8_t xor;		/* applied to every second answer */
	uint8_t rsvd;
};
static_assert(sizeof(struct chan_row) == 8, "layout");

#define CHAN_ROW_SHADOW	0x01u	/* chan.shadow[row] answers reads */
#define CHAN_ROW_NOTIFY	0x02u	/* ... and the worker is told (IO_READ_NOTE) */
#define CHAN_ROW_POSTED	0x04u	/* writes complete at once */
#define CHAN_ROW_INERT	0x08u	/* a write changes no valid shadow word or
				   mirror of this worker */
#define CHAN_ROW_LAZY	0x10u	/* ... and need not wake the worker */
#define CHAN_ROW_QUIET	0x20u	/* all three while chan.shadow[row] is valid,
				   which answers no reads */
#define CHAN_ROW_ZEROS	0x40u	/* chan.shadow[row] has a bit for each of
				   CHAN_ZEROS_WORDS dwords from off on, set: a
				   read is not zero, or has an effect */
#define CHAN_ZEROS_WORDS	32u

/*
 * A shadow word: bits 0-31 the value, bit 32 valid.  One atomic 64-bit word,
 * so value and validity change together.
 */
#define CHAN_SHADOW_VALID	(UINT64_C(1) << 32)

struct chan {
	/* Written once by the supervisor, before either side starts. */
	uint32_t magic, version;
	uint64_t size_bytes;

	/* B -> W */
	alignas(CHAN_ALIGN)
	_Atomic uint32_t req_tail;	/* B: requests [.., tail) are written */
	_Atomic uint32_t ans_head;	/* B: answers [.., head) are done with */
	_Atomic uint32_t broker_asleep;	/* B: 1: write FD_BROKER_KICK after an answer */
	_Atomic uint32_t log_dirty;	/* B: 1: say ANS_MODIFIED of each frame written */
	_Atomic uint32_t paused;	/* B: 1: IO_PAUSE is committed; for a successor.
					   Set by the supervisor, before either side
					   starts, for a guest that is restored */

	/* W -> B */
	alignas(CHAN_ALIGN)
	_Atomic uint32_t req_head;	/* W: requests [.., head) are COMMITTED */
	_Atomic uint32_t ans_tail;	/* W: answers [.., tail) are written */
	_Atomic uint32_t worker_asleep;	/* W: 1: write FD_KICK after a request */
	_Atomic uint32_t ready;		/* W: 1: announced below is complete */
	_Atomic uint32_t beat;		/* W: moves whenever its loop goes round */
	uint32_t win_count, row_count;	/* W: before ready */

	alignas(CHAN_ALIGN)
	_Atomic uint64_t shadow[CHAN_ROWS];		/* W */
	alignas(CHAN_ALIGN)
	struct chan_row row[CHAN_ROWS];			/* W, before ready */
	struct chan_win win[CHAN_WINS];			/* W, before ready */
	alignas(CHAN_ALIGN)
	uint8_t mirror[CHAN_MIRROR_BYTES];		/* W */
	alignas(4096)
	struct io_msg req[CHAN_REQS];			/* B */
	struct io_msg ans[CHAN_ANSWERS];		/* W */
	alignas(4096)
	uint8_t data[CHAN_DATA_SLOTS][CHAN_DATA_BYTES];	/* B fills for a write,
							   W for a read, each
							   until it hands the
							   message over */
	uint8_t reply[CHAN_REPLY_BYTES];		/* B */
};
static_assert((CHAN_REQS & (CHAN_REQS - 1)) == 0, "power of two");
static_assert((CHAN_ANSWERS & (CHAN_ANSWERS - 1)) == 0, "power of two");

#endif /* ABI_CHAN_H */
