/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * abi/stat.h - where a process counts what it does
 *
 * One sealed memfd per process (FD_STATS), made and kept by the supervisor, so
 * that counters go on when the process is replaced; the process is its only
 * writer, the supervisor maps it read-only and believes nothing but that a
 * word is a number.  What is counted is in stat.def; base/stat.h counts.
 *
 * A block has room for every STAT of the list: which of them mean something
 * depends on whose block it is.  Block 0 of a page is about its process; the
 * broker has one more for each worker.
 */
#ifndef ABI_STAT_H
#define ABI_STAT_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdint.h>

#include "abi/fds.h"

#define STAT_MAGIC	0x31415453u	/* "STA1" */
#define STAT_VERSION	1u

/* Labels a figure has besides domid, name, worker and device. */
enum stat_set {
	STAT_SET_NONE,
	STAT_SET_DIR,		/* direction="read|write" */
	STAT_SET_KIND_DIR,	/* kind="shadow|mirror|posted|hop", direction= */
	STAT_SET_PATH,		/* path="spared|hop" */
	STAT_SET_IRQ,		/* line="isa|intx" */
	STAT_SET_DRIVE_OP,	/* device="ide0-hd0".., operation="read|write|flush|discard" */
	STAT_SET_DRIVE_DIR,	/* device=, direction= */
	STAT_SET_WIRE,		/* direction="send|receive" */
	STAT_SET_PORT,		/* device="serial0".. */
	STAT_SET_PORT_WIRE,	/* device=, direction="send|receive" */
	/* Of FIGUREs only. */
	STAT_SET_MODE,		/* mode="user|system" */
	STAT_SET_BLOCK_DIR,	/* disk="8:0", direction="read|write|discard" */
	STAT_SET_PRESSURE,	/* resource="cpu|io|memory", share="some|full" */
	STAT_SET_COUNT
};

/* How many numbers each set of labels makes, the second label fastest. */
#define STAT_DIRS	2u	/* read, write */
#define STAT_KINDS	4u	/* enum trace_kind */
#define STAT_DRIVES	4u
#define STAT_OPS	4u	/* enum stat_op */
#define STAT_PORTS	4u
#define STAT_N_NONE	1u
#define STAT_N_DIR	STAT_DIRS
#define STAT_N_KIND_DIR	(STAT_KINDS * STAT_DIRS)
#define STAT_N_PATH	2u
#define STAT_N_IRQ	2u
#define STAT_N_DRIVE_OP	(STAT_DRIVES * STAT_OPS)
#define STAT_N_DRIVE_DIR (STAT_DRIVES * STAT_DIRS)
#define STAT_N_WIRE	2u
#define STAT_N_PORT	STAT_PORTS
#define STAT_N_PORT_WIRE (STAT_PORTS * 2u)

enum stat_dir { STAT_READ, STAT_WRITE };
enum stat_path { STAT_SPARED, STAT_HOP };
enum stat_irq { STAT_ISA, STAT_INTX };
enum stat_op { STAT_OP_READ, STAT_OP_WRITE, STAT_OP_FLUSH, STAT_OP_DISCARD };
enum stat_wire { STAT_SEND, STAT_RECEIVE };

/*
 * A histogram of ns: word i counts what is at most STAT_BUCKET_NS << i and more
 * than the one before; the last one the rest; after them the sum in ns.
 */
#define STAT_BUCKETS	24u		/* with an upper bound: 256 ns to 2.1 s */
#define STAT_BUCKET_SHIFT 8u
#define STAT_BUCKET_NS	(UINT64_C(1) << STAT_BUCKET_SHIFT)
#define STAT_SUM	(STAT_BUCKETS + 1u)
#define STAT_HIST_WORDS	(STAT_BUCKETS + 2u)

#define STAT_W_COUNTER		1u
#define STAT_W_GAUGE		1u
#define STAT_W_HISTOGRAM	STAT_HIST_WORDS

/* First word of each figure in a block. */
enum stat_slot {
#define STAT(id, name, type, unit, set, where, help)			\
	STAT_##id, STAT_##id##_LAST = STAT_##id +			\
		(int)(STAT_N_##set * STAT_W_##type) - 1,
#define FIGURE(id, name, type, unit, set, help)
#include "abi/stat.def"
#undef STAT
#undef FIGURE
	STAT_WORDS
};

/* Whose figure it is. */
#define STAT_IN_PEER		0x001u	/* block 1 + i of the broker's page */
#define STAT_IN_ABOUT		0x002u	/* a block of the supervisor's own */
#define STAT_IN_BROKER		0x004u	/* block 0 of the page of this process */
#define STAT_IN_PLATFORM	0x008u
#define STAT_IN_DISK		0x010u
#define STAT_IN_NET		0x020u
#define STAT_IN_VGA		0x040u
#define STAT_IN_VNC		0x080u
#define STAT_IN_WORKER	(STAT_IN_PLATFORM | STAT_IN_DISK | STAT_IN_NET | STAT_IN_VGA)
#define STAT_IN_SERVES	(STAT_IN_WORKER | STAT_IN_BROKER)
#define STAT_IN_DMA	(STAT_IN_DISK | STAT_IN_NET)
#define STAT_IN_MAPS	(STAT_IN_DMA | STAT_IN_BROKER)
#define STAT_IN_ALL	(STAT_IN_SERVES | STAT_IN_VNC)

struct stat_block {
	alignas(64) _Atomic uint64_t word[STAT_WORDS];
};

struct stat_page {
	/* Written once by the supervisor, before the process starts. */
	uint32_t magic, version;
	uint64_t size_bytes;

	struct stat_block block[1 + WORKERS_MAX];
};

#endif /* ABI_STAT_H */
