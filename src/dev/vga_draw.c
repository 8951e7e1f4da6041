/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dev/vga_draw.c - the picture: what the registers mean, and which lines of it
 *                  have to be painted again
 *
 * Runs in the vga worker, when the host asks for a scan.  Everything derived
 * from registers is bounded here, at use: addresses wrap inside VRAM byte by
 * byte (its size is a power of two), pictures are cropped to what the host
 * can show.
 *
 * What needs painting: everything when the view is another than last time,
 * else the lines that touch a page of VRAM that was written.  Text compares
 * cells instead (vga_text.c).
 */
#include "dev/vga_draw.h"

#include <string.h>

#include "base/log.h"

/* CRT controller */
enum {
	CR_HDISP = 1, CR_OVERFLOW = 7, CR_MAX_SCAN = 9, CR_START_HIGH = 12,
	CR_START_LOW = 13, CR_VDISP = 18, CR_OFFSET = 19, CR_UNDERLINE = 20,
	CR_MODE = 23, CR_LINE_COMPARE = 24,
};
#define BLANK_WIDTH	720u		/* before the first mode is set */
#define BLANK_HEIGHT	400u
#define AR_INDEX_ON	0x20u
#define AR_MODE		0x10u
#define AR_PLANES	0x12u
#define AR_PAGE		0x14u
#define SR1_HALF_CLOCK	0x08u
#define SR1_8_DOTS	0x01u
#define MODE_ROW_SCAN	0x03u		/* CR17: off: row scan is an address bit */
#define MODE_BYTE	0x40u

static uint32_t min(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* ---- colours ---- */

static uint32_t dac_colour(const struct vga_regs *r, uint8_t index)
{
	const uint8_t *c = r->dac[index & r->pel_mask];
	uint32_t rgb = (uint32_t)c[0] << 16 | (uint32_t)c[1] << 8 | c[2];

	if (vbe_is_on(&r->vbe) && (r->vbe.reg[VBE_ENABLE] & VBE_8BIT_DAC))
		return rgb;
	rgb &= 0x3f3f3f;
	return rgb << 2 | (rgb >> 4 & 0x030303);
}

/* The 16 colours of text and planar modes go through the palette. */
static uint8_t attr_colour(const struct vga_regs *r, unsigned int i)
{
	uint8_t c = r->ar[i] & 0x3f, page = r->ar[AR_PAGE];

	if (r->ar[AR_MODE] & 0x80)
		return (uint8_t)((page & 0x0f) << 4 | (c & 0x0f));
	return (uint8_t)((page & 0x0c) << 4 | c);
}

static void get_palette(const struct vga_regs *r, struct vga_view *w)
{
	bool direct = w->kind == VGA_BYTES;

	if (w->kind >= VGA_15 || w->kind == VGA_BLANK)
		return;
	for (unsigned int i = 0; i < (direct ? VGA_COLOURS : 16u); i++)
		w->palette[i] = dac_colour(r, direct ? (uint8_t)i :
					   attr_colour(r, i));
}

/* ---- the view ---- */

static void get_vbe_view(const struct stdvga *v, struct vga_view *w)
{
	struct vbe_mode m;

	vbe_get_mode(&v->r.vbe, v->vram_bytes, &m);
	w->kind = m.bpp == 4 ? VGA_PLANAR : m.bpp == 8 ? VGA_BYTES :
		  m.bpp == 15 ? VGA_15 : m.bpp == 16 ? VGA_16 :
		  m.bpp == 24 ? VGA_24 : VGA_32;
	w->width = m.width;
	w->height = m.height;
	w->start = m.start;
	w->pitch = m.pitch;
	w->line_compare = UINT32_MAX;
	w->rows_a_line = 1;
	w->row_bits = MODE_ROW_SCAN;
	w->plane_mask = 15;
}

static void get_crtc(const struct vga_regs *r, struct vga_view *w)
{
	const uint8_t *cr = r->cr;
	uint8_t over = cr[CR_OVERFLOW];

	w->width = (cr[CR_HDISP] + 1u) * 8;
	w->height = (cr[CR_VDISP] | (over & 0x02u) << 7 | (over & 0x40u) << 3) + 1u;
	w->line_compare = cr[CR_LINE_COMPARE] | (over & 0x10u) << 4 |
		(cr[CR_MAX_SCAN] & 0x40u) << 3;
	w->rows_a_line = (cr[CR_MAX_SCAN] & 0x1fu) + 1;
	w->row_shift = cr[CR_MAX_SCAN] >> 7;
	w->pitch = (uint32_t)cr[CR_OFFSET] << 3;
}

static void get_text_view(const struct vga_regs *r, struct vga_view *w)
{
	uint8_t maps = r->sr[3], mode = r->ar[AR_MODE];

	w->kind = VGA_TEXT;
	w->doubled = (r->sr[1] & SR1_HALF_CLOCK) != 0;
	w->cell_width = (r->sr[1] & SR1_8_DOTS ? 8u : 9u) << w->doubled;
	w->cell_height = w->rows_a_line << w->row_shift;
	w->cols = w->width / 8;
	w->rows = w->height / w->cell_height;
	if (w->rows == 0)
		w->rows = 1;
	w->width = w->cols * w->cell_width;
	w->height = w->rows * w->cell_height;
	w->font[0] = ((maps >> 4 & 1u) | (maps << 1 & 6u)) * 0x2000;
	w->font[1] = ((maps >> 5 & 1u) | (maps >> 1 & 6u)) * 0x2000;
	w->blink = mode >> 3 & 1;
	w->line_graphics = mode >> 2 & 1;
	w->underline = r->cr[CR_UNDERLINE] & 31;
}

static void get_graphics_view(const struct vga_regs *r, struct vga_view *w)
{
	w->start = ((uint32_t)r->cr[CR_START_HIGH] << 8 | r->cr[CR_START_LOW]) * 4;
	w->row_bits = r->cr[CR_MODE] & (MODE_ROW_SCAN | MODE_BYTE);
	w->plane_mask = r->ar[AR_PLANES] & 15;
	w->doubled = (r->sr[1] & SR1_HALF_CLOCK) != 0;
	switch (r->gr[5] >> 5 & 3) {
	case 0:
		w->kind = VGA_PLANAR;
		break;
	case 1:
		w->kind = VGA_CGA;
		break;
	default:	/* two clocks a pixel */
		w->kind = VGA_BYTES;
		w->width /= 2;
		w->doubled = 1;
		break;
	}
	w->width <<= w->doubled;
}

/* A picture larger than the host's is cut at its right and lower edge. */
static void crop(const struct stdvga *v, struct vga_view *w)
{
	uint32_t x = v->disp->width_max, y = v->disp->height_max;

	if (w->width > x || w->height > y)
		guest_warn("picture cropped: width=%u height=%u shown=%ux%u",
			   w->width, w->height, min(w->width, x),
			   min(w->height, y));
	if (w->kind == VGA_TEXT) {
		w->cols = min(w->cols, x / w->cell_width);
		w->rows = min(min(w->rows, y / w->cell_height),
			      VGA_CELLS / (w->cols ? w->cols : 1));
		w->width = w->cols * w->cell_width;
		w->height = w->rows * w->cell_height;
		return;
	}
	w->src_width = min(w->width, x) >> w->doubled & ~7u;
	w->width = w->src_width << w->doubled;
	w->height = min(w->height, y);
}

void vga_draw_get_view(const struct stdvga *v, struct vga_view *w)
{
	const struct vga_regs *r = &v->r;

	memset(w, 0, sizeof(*w));
	if (!(r->ar_index & AR_INDEX_ON)) {	/* black, of the same size */
		w->width = v->shown.width ? v->shown.width : BLANK_WIDTH;
		w->height = v->shown.height ? v->shown.height : BLANK_HEIGHT;
		return;
	}
	if (vbe_is_on(&r->vbe)) {
		get_vbe_view(v, w);
	} else {
		get_crtc(r, w);
		if (r->gr[6] & 1)
			get_graphics_view(r, w);
		else
			get_text_view(r, w);
	}
	crop(v, w);
	get_palette(r, w);
}

bool vga_draw_is_direct(const struct stdvga *v)
{
	return vbe_is_on(&v->r.vbe) && (v->r.ar_index & AR_INDEX_ON);
}

/* ---- graphics ---- */

static uint32_t line_bytes(const struct vga_view *w)
{
	switch ((enum vga_kind)w->kind) {
	case VGA_PLANAR: case VGA_CGA:
		return w->src_width / 2;
	case VGA_BYTES:
		return w->src_width;
	case VGA_15: case VGA_16:
		return w->src_width * 2;
	case VGA_24:
		return w->src_width * 3;
	case VGA_32:
		return w->src_width * 4;
	case VGA_BLANK: case VGA_TEXT:
		break;
	}
	return 0;
}

static bool pages_are_dirty(const struct stdvga *v, uint32_t at, uint32_t len)
{
	uint32_t mask = v->vram_bytes - 1;
	uint32_t pages = ((at & (VGA_PAGE_BYTES - 1)) + len + VGA_PAGE_BYTES - 1) /
		VGA_PAGE_BYTES;

	for (uint32_t i = 0; i < pages; i++) {
		uint32_t page = ((at + i * VGA_PAGE_BYTES) & mask) / VGA_PAGE_BYTES;

		if (v->dirty[page / 8] & 1u << page % 8)
			return true;
	}
	return false;
}

static void fetch(struct stdvga *v, uint32_t at, uint32_t len)
{
	uint32_t mask = v->vram_bytes - 1, first;

	at &= mask;
	len = min(len, VGA_LINE_BYTES);
	first = min(len, v->vram_bytes - at);
	memcpy(v->line, v->vram + at, first);
	memcpy(v->line + first, v->vram, len - first);
}

static void paint_line(struct stdvga *v, const struct vga_view *w, uint32_t y)
{
	uint32_t *to = v->disp->pixel + (size_t)y * v->disp->stride;
	uint8_t planes = (uint8_t)w->plane_mask;

	switch ((enum vga_kind)w->kind) {
	case VGA_PLANAR:
		vga_line_planar(v->line, w->src_width, planes, w->palette, to);
		break;
	case VGA_CGA:
		vga_line_cga(v->line, w->src_width, planes, w->palette, to);
		break;
	case VGA_BYTES:
		vga_line_bytes(v->line, w->src_width, w->palette, to);
		break;
	case VGA_15:
		vga_line_15(v->line, w->src_width, to);
		break;
	case VGA_16:
		vga_line_16(v->line, w->src_width, to);
		break;
	case VGA_24:
		vga_line_24(v->line, w->src_width, to);
		break;
	case VGA_32:
		vga_line_32(v->line, w->src_width, to);
		break;
	case VGA_BLANK: case VGA_TEXT:
		break;
	}
	if (w->doubled)
		vga_line_double(to, w->src_width);
}

/* CGA and Hercules put bits of the row scan into the address. */
static uint32_t swizzle(const struct vga_view *w, uint32_t at, uint32_t row)
{
	unsigned int bit = 14 + (w->row_bits & MODE_BYTE ? 1 : 0);

	if (!(w->row_bits & 1))
		at = (at & ~(1u << bit)) | (row & 1) << bit;
	if (!(w->row_bits & 2))
		at = (at & ~(1u << (bit + 1))) | (row >> 1 & 1) << (bit + 1);
	return at;
}

static void paint_graphics(struct stdvga *v, const struct vga_view *w, bool all)
{
	uint32_t at = w->start, row = 0, len = line_bytes(w);

	for (uint32_t y = 0; y < w->height; y++) {
		uint32_t from = swizzle(w, at, row >> w->row_shift);

		if (all || pages_are_dirty(v, from, len)) {
			fetch(v, from, len);
			paint_line(v, w, y);
			v->disp->changed(v->disp, y, 1);
		}
		if (++row == w->rows_a_line << w->row_shift) {
			row = 0;
			at += w->pitch;
		}
		if (y == w->line_compare) {
			row = 0;
			at = 0;
		}
	}
}

static void paint_black(struct stdvga *v, const struct vga_view *w)
{
	for (uint32_t y = 0; y < w->height; y++)
		memset(v->disp->pixel + (size_t)y * v->disp->stride, 0,
		       w->width * sizeof(uint32_t));
	v->disp->changed(v->disp, 0, w->height);
}

/* ---- a scan ---- */

void vga_draw_scan(struct stdvga *v)
{
	struct vga_view now;
	uint32_t blink_ms = 0;
	bool all;

	vga_draw_get_view(v, &now);
	all = v->paint_all || memcmp(&now, &v->shown, sizeof(now));
	if (now.width != v->shown.width || now.height != v->shown.height)
		v->disp->resize(v->disp, now.width, now.height);
	memcpy(&v->shown, &now, sizeof(now));
	v->paint_all = false;

	if (now.kind == VGA_TEXT)
		blink_ms = vga_text_paint(v, &now, all);
	else if (now.kind != VGA_BLANK)
		paint_graphics(v, &now, all);
	else if (all)
		paint_black(v, &now);
	memset(v->dirty, 0, (v->vram_bytes / VGA_PAGE_BYTES + 7) / 8);
	v->disp->scanned(v->disp, blink_ms);
}
