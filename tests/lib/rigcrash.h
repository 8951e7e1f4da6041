/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/lib/rigcrash.h - a worker that dies before it commits
 *
 * What a request or event did to guest memory, to the host and to the buffers
 * that outlive the worker stays; what it did to the registers is lost.
 *
 *	rig_keep(&rig, &kept);
 *	mmio_write(&rig, ...);
 *	rig_lose(&rig, &kept);
 *	rig_successor(&rig);
 */
#ifndef TESTS_LIB_RIGCRASH_H
#define TESTS_LIB_RIGCRASH_H

#include <string.h>

#include "tests/lib/busrig.h"

struct rig_kept {
	struct state_half half[2];
	uint32_t flip, seq;
	bool isa[16], intx[32 * 8 * 4];
};

static inline void rig_keep(const struct rig *r, struct rig_kept *k)
{
	memcpy(k->half, r->state->half, sizeof(k->half));
	k->flip = r->state->flip;
	k->seq = r->seq;
	memcpy(k->isa, r->isa, sizeof(k->isa));
	memcpy(k->intx, r->intx, sizeof(k->intx));
}

/* Also what was said: nobody has heard it. */
static inline void rig_lose(struct rig *r, const struct rig_kept *k)
{
	memcpy(r->state->half, k->half, sizeof(k->half));
	r->state->flip = k->flip;
	r->seq = k->seq;
	memcpy(r->isa, k->isa, sizeof(k->isa));
	memcpy(r->intx, k->intx, sizeof(k->intx));
}

#endif /* TESTS_LIB_RIGCRASH_H */
