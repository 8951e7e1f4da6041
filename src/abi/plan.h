/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * abi/plan.h - what each worker of a guest may claim
 *
 * The supervisor fills it from the command line and gives it to the broker in
 * a sealed memfd (FD_PLAN) before either starts; the broker believes
 * nothing a worker says that the plan does not allow.  Written once, read
 * only.
 */
#ifndef ABI_PLAN_H
#define ABI_PLAN_H

#include <stdint.h>

#include "abi/fds.h"

#define PLAN_MAGIC	0x314e4c50u	/* "PLN1" */
#define PLAN_VERSION	1u
#define PLAN_RANGES	24u

enum plan_role {
	PLAN_ABSENT,
	PLAN_PLATFORM,
	PLAN_DISK,
	PLAN_NET,
	PLAN_VGA,
	PLAN_ROLE_COUNT
};

/* Verbs a worker may use (besides interrupts, MAP and UNMAP). */
#define PLAN_MAY_LINK_ROUTE	0x01u
#define PLAN_MAY_UNPLUG		0x02u	/* ask for it */
#define PLAN_MAY_ROM_LOCK	0x04u
#define PLAN_MAY_POWER		0x08u	/* ANS_SHUTDOWN, ANS_SLEEP */
#define PLAN_MAY_VRAM		0x10u	/* ANS_VRAM_MOVE, ANS_DIRTY_QUERY */
#define PLAN_MAY_MODIFIED	0x20u
#define PLAN_MAY_BATCH		0x40u	/* gets the buffered VGA writes */

/* A range a window of this worker may lie in. */
struct plan_range {
	uint64_t first, last;	/* inclusive; ports, addresses, devfns */
	uint8_t space;		/* enum chan_space */
	uint8_t rsvd[7];
};

struct plan_worker {
	uint8_t role;		/* enum plan_role */
	uint8_t range_count;
	uint8_t verbs;		/* PLAN_MAY_* */
	uint8_t rsvd;
	uint16_t isa_lines;	/* bit per ISA interrupt */
	uint16_t rsvd2;
	uint32_t intx_devs;	/* bit per PCI device number on bus 0 */
	uint32_t rsvd3;
	char name[16];		/* "platform", "disk0", ... terminated */
	struct plan_range range[PLAN_RANGES];
};

struct plan {
	uint32_t magic, version;
	uint32_t domid;
	uint32_t vcpus;			/* event channels to bind, 1-128 */
	uint64_t ram_below_4g_bytes;	/* guest RAM [0, this) but for the hole
					   at 0xa0000-0xbffff */
	uint64_t ram_above_4g_bytes;	/* guest RAM [4 GiB, 4 GiB + this) */
	uint64_t vram_gfn;		/* where VRAM is parked; 0: no VRAM */
	uint32_t vram_frames;
	uint32_t flags;			/* PLAN_NO_* */
	uint32_t worker_count;
	uint32_t rsvd;
	uint64_t vram_now_gfn;		/* a restored guest: where it is at start;
					   0: parked */
	struct plan_worker worker[WORKERS_MAX];	/* index = channel number */
};

/* Switches for tests and for the benchmark's table. */
#define PLAN_NO_SHADOW	0x01u
#define PLAN_NO_POSTED	0x02u
#define PLAN_NO_POLL	0x04u

#endif /* ABI_PLAN_H */
