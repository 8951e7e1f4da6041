/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dev/vga_mem.c - the window at 0xa0000: how the processor sees the planes
 *
 * Runs in the vga worker.  Writes arrive in batches, reads one by one, string
 * forms as one request; all of them end in read_byte() or write_byte().  No
 * register changes here but the latch.
 *
 * Four ways to address VRAM: linear and banked (VBE), chain 4 (256 colours),
 * odd/even (text, CGA), planar (16 colours).  Each computes an offset from
 * registers that the guest can set at any time and in any combination, and
 * compares it with the size of VRAM where it is used.
 */
#include "base/le.h"
#include "dev/stdvga.h"

/* Sequencer, graphics controller */
enum {
	SR_PLANES = 2, SR_MEMORY = 4, SR_MEMORY_CHAIN4 = 0x08,
	GR_SET_RESET = 0, GR_SET_ENABLE = 1, GR_COMPARE = 2, GR_ROTATE = 3,
	GR_READ_PLANE = 4, GR_MODE = 5, GR_MISC = 6, GR_DONT_CARE = 7,
	GR_BIT_MASK = 8,
	GR_MODE_READ1 = 0x08, GR_MODE_ODD_EVEN = 0x10,
};

uint32_t vga_expand_planes(uint8_t mask)
{
	return (mask & 1 ? 0x000000ffu : 0) | (mask & 2 ? 0x0000ff00u : 0) |
	       (mask & 4 ? 0x00ff0000u : 0) | (mask & 8 ? 0xff000000u : 0);
}

enum way { WAY_LINEAR, WAY_CHAIN4, WAY_ODD_EVEN, WAY_PLANAR };

/* How the window maps now; computed once an access. */
struct map {
	enum way way;
	uint32_t first, len;	/* bytes of the window that answer */
	uint32_t base;		/* added to the offset from @first */
};

static struct map get_map(const struct stdvga *v)
{
	static const struct { uint32_t first, len; } maps[4] = {
		{ 0, 0x20000 }, { 0, 0x10000 },		/* GR6 bits 2-3 */
		{ 0x10000, 0x8000 }, { 0x18000, 0x8000 },
	};
	unsigned int n = v->r.gr[GR_MISC] >> 2 & 3;
	struct map m = { .first = maps[n].first, .len = maps[n].len };
	struct vbe_mode mode;

	if (vbe_is_on(&v->r.vbe)) {
		vbe_get_mode(&v->r.vbe, v->vram_bytes, &mode);
		m.first = 0;
		m.len = VBE_BANK_BYTES;
		m.base = mode.bank;
		m.way = mode.bpp == 4 ? WAY_PLANAR : WAY_LINEAR;
	} else if (v->r.sr[SR_MEMORY] & SR_MEMORY_CHAIN4) {
		m.way = WAY_CHAIN4;
	} else if (v->r.gr[GR_MODE] & GR_MODE_ODD_EVEN) {
		m.way = WAY_ODD_EVEN;
	} else {
		m.way = WAY_PLANAR;
	}
	return m;
}

static bool find(const struct map *m, uint32_t off, uint32_t *at)
{
	if (off - m->first >= m->len)
		return false;
	*at = off - m->first + m->base;
	return true;
}

/* ---- reading ---- */

static uint8_t read_planar(struct stdvga *v, uint32_t at)
{
	const uint8_t *gr = v->r.gr;
	uint32_t latch, differ;

	if (at >= v->vram_bytes / 4)
		return 0xff;
	latch = le32_get(&v->vram[at * 4]);
	v->latch.planes = latch;
	if (!(gr[GR_MODE] & GR_MODE_READ1))
		return (uint8_t)(latch >> 8 * (gr[GR_READ_PLANE] & 3));
	differ = (latch ^ vga_expand_planes(gr[GR_COMPARE])) &
		vga_expand_planes(gr[GR_DONT_CARE]);
	differ |= differ >> 16;
	differ |= differ >> 8;
	return (uint8_t)~differ;
}

static uint8_t read_byte(struct stdvga *v, const struct map *m, uint32_t off)
{
	uint32_t at;

	if (!find(m, off, &at))
		return 0xff;
	if (m->way == WAY_PLANAR)
		return read_planar(v, at);
	if (m->way == WAY_ODD_EVEN)
		at = (at & ~1u) << 1 | (v->r.gr[GR_READ_PLANE] & 2) | (at & 1);
	return at < v->vram_bytes ? v->vram[at] : 0xff;
}

static uint32_t mem_read(void *dev, uint32_t off, unsigned int size)
{
	struct stdvga *v = dev;
	struct map m = get_map(v);
	uint32_t val = 0;

	for (unsigned int i = 0; i < size; i++)
		val |= (uint32_t)read_byte(v, &m, off + i) << 8 * i;
	return val;
}

static bool mem_read_items(void *dev, uint32_t off, unsigned int size,
			   unsigned int count, void *buf)
{
	struct stdvga *v = dev;
	struct map m = get_map(v);
	uint8_t *to = buf;

	for (uint32_t i = 0; i < size * count; i++)
		to[i] = read_byte(v, &m, off + i);
	return true;
}

/* ---- writing ---- */

static uint8_t rotate(uint8_t val, unsigned int by)
{
	return (uint8_t)(val >> by | val << (8 - by));
}

/* What the four planes get, before plane and bit masks; @bits: bit mask. */
static uint32_t colour_to_write(const struct stdvga *v, uint8_t val, uint8_t *bits)
{
	const uint8_t *gr = v->r.gr;
	uint8_t turned = rotate(val, gr[GR_ROTATE] & 7);
	uint32_t reset = vga_expand_planes(gr[GR_SET_RESET]), set;

	*bits = gr[GR_BIT_MASK];
	switch (gr[GR_MODE] & 3) {
	case 0:
		set = vga_expand_planes(gr[GR_SET_ENABLE]);
		return (turned * 0x01010101u & ~set) | (reset & set);
	case 2:
		return vga_expand_planes(val & 0x0f);
	default:	/* 3; mode 1 does not come here */
		*bits &= turned;
		return reset;
	}
}

static uint32_t combine(const struct stdvga *v, uint32_t val)
{
	switch (v->r.gr[GR_ROTATE] >> 3 & 3) {
	case 1:
		return val & v->latch.planes;
	case 2:
		return val | v->latch.planes;
	case 3:
		return val ^ v->latch.planes;
	default:
		return val;
	}
}

static void write_planar(struct stdvga *v, uint32_t at, uint8_t val)
{
	uint32_t planes = vga_expand_planes(v->r.sr[SR_PLANES]);
	uint32_t now, bits;
	uint8_t mask;

	if (at >= v->vram_bytes / 4)
		return;
	if ((v->r.gr[GR_MODE] & 3) == 1) {
		now = v->latch.planes;
	} else {
		now = combine(v, colour_to_write(v, val, &mask));
		bits = mask * 0x01010101u;
		now = (now & bits) | (v->latch.planes & ~bits);
	}
	now = (now & planes) | (le32_get(&v->vram[at * 4]) & ~planes);
	le32_put(&v->vram[at * 4], now);
	vga_mark_dirty(v, at * 4);
	/* Fonts live in plane 2, under any cell. */
	if ((v->r.sr[SR_PLANES] & 4) && v->shown.kind == VGA_TEXT)
		v->paint_all = true;
}

/* Even addresses reach planes 0 and 2, odd ones 1 and 3. */
static void write_odd_even(struct stdvga *v, uint32_t at, uint8_t val)
{
	uint8_t planes = (uint8_t)(v->r.sr[SR_PLANES] >> (at & 1));
	uint32_t to = (at & ~1u) << 1 | (at & 1);

	if ((to | 3) >= v->vram_bytes)
		return;
	if (planes & 1)
		v->vram[to] = val;
	if (planes & 4)
		v->vram[to + 2] = val;
	vga_mark_dirty(v, to);
}

static void write_byte(struct stdvga *v, const struct map *m, uint32_t off,
		       uint8_t val)
{
	uint32_t at;

	if (!find(m, off, &at))
		return;
	if (m->way == WAY_ODD_EVEN) {
		write_odd_even(v, at, val);
	} else if (m->way == WAY_PLANAR) {
		write_planar(v, at, val);
	} else if (at < v->vram_bytes &&
		   (m->way == WAY_LINEAR || v->r.sr[SR_PLANES] & 1u << (at & 3))) {
		v->vram[at] = val;
		vga_mark_dirty(v, at);
	}
}

static void mem_write(void *dev, uint32_t off, unsigned int size, uint32_t val)
{
	struct stdvga *v = dev;
	struct map m = get_map(v);

	for (unsigned int i = 0; i < size; i++)
		write_byte(v, &m, off + i, (uint8_t)(val >> 8 * i));
}

static bool mem_write_items(void *dev, uint32_t off, unsigned int size,
			    unsigned int count, const void *buf)
{
	struct stdvga *v = dev;
	struct map m = get_map(v);
	const uint8_t *from = buf;

	for (uint32_t i = 0; i < size * count; i++)
		write_byte(v, &m, off + i, from[i]);
	return true;
}

const struct bus_win_ops vga_mem_ops = {
	.read = mem_read, .write = mem_write,
	.read_items = mem_read_items, .write_items = mem_write_items,
};
