/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/model/twins.h - two machines that get the same accesses
 *
 * One lives on, the other's worker dies and is succeeded now and then: what
 * both answer, hold, announce and drive has to be the same.
 */
#ifndef TESTS_MODEL_TWINS_H
#define TESTS_MODEL_TWINS_H

#include "tap.h"
#include "tests/lib/busrig.h"

static uint64_t twins_state;

static inline void twins_seed(unsigned long seed)
{
	twins_state = seed * UINT64_C(0x9e3779b97f4a7c15) | 1;
}

static inline uint32_t twins_rnd(void)
{
	twins_state ^= twins_state << 13;
	twins_state ^= twins_state >> 7;
	twins_state ^= twins_state << 17;
	return (uint32_t)(twins_state >> 16);
}

/* Some access to some window of @r, as a guest may send it; false: the window
   is not mapped.  @data has room for IO_ITEM_BYTES_MAX. */
static inline bool twins_pick(const struct rig *r, struct io_msg *m, uint8_t *data)
{
	static const uint8_t widths[] = { 1, 1, 1, 1, 2, 4, 8 };
	unsigned int win = twins_rnd() % r->bus.win_count;
	const struct bus_win *w = &r->bus.win[win];
	unsigned int size = widths[twins_rnd() % sizeof(widths)];
	unsigned int count = twins_rnd() % 64 ? 1 : 1 + twins_rnd() % 64;

	*m = (struct io_msg){
		.kind = IO_ACCESS, .size = (uint8_t)size, .count = count,
		.win = (uint16_t)win,
		.data = (uint64_t)twins_rnd() << 32 | twins_rnd(),
		.flags = (uint8_t)(twins_rnd() & 1 ? IO_WRITE : 0),
	};
	m->addr = (w->space == CHAN_PCI ? 0 : w->base) + twins_rnd() % w->len;
	if (count > 1)
		m->flags |= IO_DATA;
	for (unsigned int i = 0; i < size * count; i++)
		data[i] = (uint8_t)twins_rnd();
	return w->mapped;
}

static inline uint64_t twins_do(struct rig *r, const struct io_msg *m, uint8_t *data)
{
	uint64_t v = bus_access(&r->bus, m, m->flags & IO_DATA ? data : NULL);

	r->seq++;
	rig_settle(r);
	return v;
}

/* The same access to both; false: they answer differently. */
static inline bool twins_access(struct rig *a, struct rig *b)
{
	static uint8_t da[IO_ITEM_BYTES_MAX], db[IO_ITEM_BYTES_MAX];
	struct io_msg m;
	uint64_t va, vb;

	if (!twins_pick(a, &m, da))
		return true;
	memcpy(db, da, sizeof(db));
	va = twins_do(a, &m, da);
	vb = twins_do(b, &m, db);
	if (va == vb && !memcmp(da, db, m.size * m.count))
		return true;
	printf("# %s+0x%llx size %u: 0x%llx, successor 0x%llx\n",
	       a->bus.win[m.win].name, (unsigned long long)m.addr, m.size,
	       (unsigned long long)va, (unsigned long long)vb);
	return false;
}

static inline bool twins_regs_agree(const struct rig *a, const struct rig *b)
{
	for (unsigned int i = 0; i < a->bus.dev_count; i++) {
		const uint8_t *ra = a->bus.dev[i].regs, *rb = b->bus.dev[i].regs;

		for (uint32_t k = 0; k < a->bus.dev[i].regs_bytes; k++)
			if (ra[k] != rb[k]) {
				printf("# %s: register byte %u: 0x%02x, "
				       "successor 0x%02x\n", a->bus.dev[i].name,
				       k, ra[k], rb[k]);
				return false;
			}
	}
	return true;
}

static inline bool twins_windows_agree(const struct rig *a, const struct rig *b)
{
	for (unsigned int i = 0; i < a->bus.win_count; i++) {
		const struct bus_win *wa = &a->bus.win[i], *wb = &b->bus.win[i];

		if (wa->mapped == wb->mapped && (!wa->mapped || wa->base == wb->base))
			continue;
		printf("# %s is elsewhere\n", wa->name);
		return false;
	}
	return true;
}

static inline bool twins_shared_agree(const struct rig *a, const struct rig *b)
{
	for (unsigned int i = 0; i < a->chan->row_count; i++)
		if (a->chan->shadow[i] != b->chan->shadow[i]) {
			printf("# %s+%u: shadow word differs\n",
			       a->bus.win[a->chan->row[i].win].name,
			       a->chan->row[i].off);
			return false;
		}
	return !memcmp(a->chan->mirror, b->chan->mirror, CHAN_MIRROR_BYTES);
}

static inline bool twins_agree(const struct rig *a, const struct rig *b)
{
	return twins_regs_agree(a, b) && twins_windows_agree(a, b) &&
		twins_shared_agree(a, b) &&
		a->bus.isa_levels == b->bus.isa_levels &&
		!memcmp(a->isa, b->isa, sizeof(a->isa)) &&
		!memcmp(a->isa_rises, b->isa_rises, sizeof(a->isa_rises)) &&
		!memcmp(a->intx, b->intx, sizeof(a->intx));
}

/* ---- state that nobody of ours left ---- */

/* The committed half, and byte @k of a device's registers in it. */
static inline struct state_half *twins_left(struct rig *r)
{
	return &r->state->half[atomic_load(&r->state->flip) & 1];
}

/* Something in the table of devices, or in what is beside it. */
static inline void twins_spoil_table(struct rig *r)
{
	struct state_half *h = twins_left(r);
	uint32_t v = twins_rnd();

	switch (twins_rnd() % 6) {
	case 0:
		h->dev_count = v;
		break;
	case 1:
		h->dev[v % STATE_DEVS].name[v >> 8 & 15] ^= (char)(v >> 16);
		break;
	case 2:
		h->dev[v % STATE_DEVS].version ^= 1u << (v >> 8 & 31);
		break;
	case 3:
		h->dev[v % STATE_DEVS].regs_bytes ^= 1u << (v >> 8 & 31);
		break;
	case 4:
		h->dev[v % STATE_DEVS].regs_at = twins_rnd();
		break;
	default:
		h->isa_levels = v;
		h->intx_levels[v & 3] = twins_rnd();
		break;
	}
}

#endif /* TESTS_MODEL_TWINS_H */
