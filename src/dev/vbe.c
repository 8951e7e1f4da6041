/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dev/vbe.c - DISPI, the Bochs VBE registers of the standard VGA
 *
 * Runs in the vga worker.  Registers and arithmetic only; touches no VRAM.
 */
#include "dev/vbe.h"

#include <string.h>

void vbe_reset(struct vbe_regs *r)
{
	memset(r, 0, sizeof(*r));
	r->reg[VBE_ID] = VBE_ID_LAST;
}

static uint32_t storage_bits(uint32_t bpp)
{
	return bpp == 15 ? 16 : bpp;
}

static uint32_t clamp(uint32_t v, uint32_t low, uint32_t high)
{
	return v < low ? low : v > high ? high : v;
}

static uint32_t known_bpp(uint32_t bpp)
{
	switch (bpp) {
	case 4: case 8: case 15: case 16: case 24: case 32:
		return bpp;
	default:
		return 8;
	}
}

static uint32_t pitch_bytes(const struct vbe_regs *r)
{
	return r->reg[VBE_VIRT_WIDTH] * storage_bits(r->reg[VBE_BPP]) / 8;
}

static uint64_t start_bytes(const struct vbe_regs *r)
{
	return (uint64_t)r->reg[VBE_X_OFFSET] *
		storage_bits(r->reg[VBE_BPP]) / 8 +
		(uint64_t)r->reg[VBE_Y_OFFSET] * pitch_bytes(r);
}

/* Whatever the registers hold, afterwards they describe a picture in VRAM. */
static void fix(struct vbe_regs *r, uint32_t vram_bytes)
{
	uint16_t *g = r->reg;
	uint32_t lines, picture;

	g[VBE_BPP] = (uint16_t)known_bpp(g[VBE_BPP]);
	g[VBE_XRES] = (uint16_t)clamp(g[VBE_XRES] & ~7u, 8, VBE_XRES_MAX);
	g[VBE_VIRT_WIDTH] = (uint16_t)clamp(g[VBE_VIRT_WIDTH] & ~7u,
					    g[VBE_XRES], VBE_XRES_MAX);
	lines = clamp(vram_bytes / pitch_bytes(r), 1, UINT16_MAX);
	g[VBE_VIRT_HEIGHT] = (uint16_t)lines;
	g[VBE_YRES] = (uint16_t)clamp(g[VBE_YRES], 1,
				      lines < VBE_YRES_MAX ? lines : VBE_YRES_MAX);
	picture = g[VBE_YRES] * pitch_bytes(r);
	if (start_bytes(r) + picture > vram_bytes)
		g[VBE_Y_OFFSET] = 0;
	if (start_bytes(r) + picture > vram_bytes)
		g[VBE_X_OFFSET] = 0;
}

static uint32_t bank_mask(uint32_t vram_bytes)
{
	return vram_bytes / VBE_BANK_BYTES - 1;
}

void vbe_get_mode(const struct vbe_regs *r, uint32_t vram_bytes,
		  struct vbe_mode *m)
{
	struct vbe_regs f = *r;

	fix(&f, vram_bytes);
	m->width = f.reg[VBE_XRES];
	m->height = f.reg[VBE_YRES];
	m->bpp = f.reg[VBE_BPP];
	m->pitch = pitch_bytes(&f);
	m->start = (uint32_t)start_bytes(&f);
	m->bank = (f.reg[VBE_BANK] & bank_mask(vram_bytes)) * VBE_BANK_BYTES;
}

uint16_t vbe_read(const struct vbe_regs *r, uint32_t vram_bytes)
{
	bool caps = r->reg[VBE_ENABLE] & VBE_GETCAPS;

	switch (r->index) {
	case VBE_XRES:
		return caps ? VBE_XRES_MAX : r->reg[VBE_XRES];
	case VBE_YRES:
		return caps ? VBE_YRES_MAX : r->reg[VBE_YRES];
	case VBE_BPP:
		return caps ? 32 : r->reg[VBE_BPP];
	case VBE_VIDEO_MEMORY_64K:
		return (uint16_t)(vram_bytes / VBE_BANK_BYTES);
	default:
		return r->index < VBE_REG_COUNT ? r->reg[r->index] : 0;
	}
}

static uint32_t write_enable(struct vbe_regs *r, uint32_t vram_bytes,
			     uint16_t val)
{
	bool turned_on = (val & VBE_ENABLED) && !vbe_is_on(r);

	r->reg[VBE_ENABLE] = val;
	if (!(val & VBE_ENABLED)) {
		r->reg[VBE_BANK] = 0;
		return 0;
	}
	if (!turned_on)
		return 0;
	r->reg[VBE_BANK] = 0;
	r->reg[VBE_VIRT_WIDTH] = 0;
	r->reg[VBE_X_OFFSET] = 0;
	r->reg[VBE_Y_OFFSET] = 0;
	fix(r, vram_bytes);
	return val & VBE_NOCLEAR ? 0 : r->reg[VBE_YRES] * pitch_bytes(r);
}

uint32_t vbe_write(struct vbe_regs *r, uint32_t vram_bytes, uint16_t val)
{
	switch (r->index) {
	case VBE_ID:
		if (val >= VBE_ID_FIRST && val <= VBE_ID_LAST)
			r->reg[VBE_ID] = val;
		return 0;
	case VBE_XRES: case VBE_YRES: case VBE_BPP: case VBE_VIRT_WIDTH:
	case VBE_X_OFFSET: case VBE_Y_OFFSET:
		r->reg[r->index] = val;
		if (vbe_is_on(r))
			fix(r, vram_bytes);
		return 0;
	case VBE_BANK:
		r->reg[VBE_BANK] = val & (uint16_t)bank_mask(vram_bytes);
		return 0;
	case VBE_ENABLE:
		return write_enable(r, vram_bytes, val);
	default:
		return 0;	/* read-only or not there */
	}
}
