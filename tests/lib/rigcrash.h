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

/* A byte that is more likely to be wrong than any. */
static inline uint8_t rig_odd_byte(uint32_t rnd)
{
	static const uint8_t odd[] = { 0x00, 0x01, 0x7f, 0x80, 0xff, 0x40 };

	return rnd & 0x100 ? (uint8_t)rnd : odd[rnd % sizeof(odd)];
}

/*
 * Makes committed state hostile: some bytes of any device's registers or of
 * the buffers, now and then all of a device, or what says where they are.
 * Lines stay: they are what the broker has heard.
 */
static inline void rig_spoil(struct rig *r, uint32_t (*rnd)(void))
{
	struct state_half *h = &r->state->half[r->state->flip & 1];
	struct state_dev *d = &h->dev[rnd() % r->bus.dev_count];
	uint32_t n = 1u << rnd() % 6;

	switch (rnd() % 16) {
	case 0:
		for (uint32_t i = 0; i < d->regs_bytes; i++)
			h->regs[d->regs_at + i] = (uint8_t)rnd();
		return;
	case 1:
		((uint8_t *)d)[rnd() % sizeof(*d)] = rig_odd_byte(rnd());
		return;
	case 2:
		h->dev_count = rnd() % 8 ? rnd() % 8 : rnd();
		return;
	default:
		break;
	}
	for (; n && d->regs_bytes; n--) {
		uint32_t at = d->regs_at + rnd() % d->regs_bytes;

		h->regs[at % STATE_REGS_BYTES] = rig_odd_byte(rnd());
		r->state->bufs[rnd() % r->bus.bufs_used] = rig_odd_byte(rnd());
	}
}

#endif /* TESTS_LIB_RIGCRASH_H */
