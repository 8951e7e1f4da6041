/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dev/vga_text.c - text modes: cells, glyphs, cursor
 *
 * Runs in the vga worker.  A cell of the screen is four bytes of VRAM:
 * character, attribute, and two of plane 2 and 3 that belong to fonts.  What
 * is painted in each cell is remembered; a scan compares and paints the
 * difference.  Start address, cursor, line compare and what blinks only change
 * cells, so they are not part of the view.
 *
 * Nothing here ticks: a scan shows what the present moment hides, and says when
 * that will be another.  Who looks at the screen asks again then.
 */
#include "base/clock.h"
#include "base/le.h"
#include "bus/timer.h"
#include "dev/vga_draw.h"

enum {
	CR_CURSOR_FIRST = 10, CR_CURSOR_LAST = 11, CR_START_HIGH = 12,
	CR_START_LOW = 13, CR_CURSOR_HIGH = 14, CR_CURSOR_LOW = 15,
};
#define CURSOR_OFF	0x20u
#define GLYPH_BYTES	32u
#define PHASE_NS	(250 * NS_PER_MS)	/* about 16 frames */
#define PHASE_CURSOR	1u	/* hidden every other phase */
#define PHASE_BLINK	2u	/* half as often */
#define ATTR_BLINK	0x80u
#define ATTR_NO_ULINE	0x76u	/* all 0, bit 0 set: underlined */
#define UNDERLINE_OFF	31u

/* A cell as painted: character, attribute, and the cursor's first and last
   line if it is there (first 63: not).  Bit 27: without its character.  Bit 31:
   painted at all. */
#define CELL_PAINTED	0x80000000u
#define CELL_HIDDEN	(1u << 27)
#define CELL_NO_CURSOR	(63u << 16)

/* Where this scan takes its cells from. */
struct source {
	uint32_t start;		/* byte of VRAM of the first cell */
	uint32_t split_row;	/* row that starts at byte 0 */
	uint32_t cursor;	/* byte of VRAM of the cell it is on */
	uint32_t cursor_bits;	/* in a painted cell */
	uint32_t hidden;	/* in one that blinks */
	bool has_cursor;	/* if it is on the screen */
};

static struct source get_source(const struct stdvga *v, const struct vga_view *w,
				uint32_t phase)
{
	const uint8_t *cr = v->r.cr;
	uint32_t first = cr[CR_CURSOR_FIRST] & 31u, last = cr[CR_CURSOR_LAST] & 31u;
	struct source s = { .cursor_bits = CELL_NO_CURSOR };

	s.start = ((uint32_t)cr[CR_START_HIGH] << 8 | cr[CR_START_LOW]) * 4;
	s.cursor = ((uint32_t)cr[CR_CURSOR_HIGH] << 8 | cr[CR_CURSOR_LOW]) * 4;
	s.split_row = w->line_compare / w->cell_height + 1;
	s.has_cursor = !(cr[CR_CURSOR_FIRST] & CURSOR_OFF) && first <= last;
	if (s.has_cursor && !(phase & PHASE_CURSOR))
		s.cursor_bits = first << 16 | last << 22;
	s.hidden = phase & PHASE_BLINK ? CELL_HIDDEN : 0;
	return s;
}

static uint8_t glyph_row(const struct stdvga *v, uint32_t font, uint8_t ch,
			 uint32_t row)
{
	uint32_t at = (font + ch * GLYPH_BYTES + row % GLYPH_BYTES) * 4 + 2;

	return v->vram[at & (v->vram_bytes - 1)];
}

/* Nine dots at most; @bits from bit 8 down. */
static void paint_dots(uint32_t *to, uint32_t bits, uint32_t dots,
		       uint32_t doubled, uint32_t fore, uint32_t back)
{
	for (uint32_t i = 0; i < dots; i++) {
		uint32_t c = bits >> (8 - i) & 1 ? fore : back;

		*to++ = c;
		if (doubled)
			*to++ = c;
	}
}

static void paint_cell(struct stdvga *v, const struct vga_view *w,
		       uint32_t x, uint32_t y, uint32_t cell)
{
	uint8_t ch = (uint8_t)cell, attr = (uint8_t)(cell >> 8);
	uint32_t first = cell >> 16 & 63, last = cell >> 22 & 31;
	uint32_t dots = w->cell_width >> w->doubled;
	uint32_t fore = w->palette[attr & 15];
	uint32_t back = w->palette[attr >> 4 & (w->blink ? 7 : 15)];
	bool joins = w->line_graphics && ch >= 0xc0 && ch <= 0xdf;
	bool lined = (attr & ATTR_NO_ULINE) == 0 && attr & 1 &&
		w->underline != UNDERLINE_OFF;

	for (uint32_t line = 0; line < w->cell_height; line++) {
		uint32_t row = line >> w->row_shift;
		uint32_t bits = (uint32_t)glyph_row(v, w->font[attr >> 3 & 1],
						    ch, row) << 1;

		if (joins)
			bits |= bits >> 1 & 1;
		if (lined && row == w->underline)
			bits = 0x1ff;
		if (cell & CELL_HIDDEN)
			bits = 0;
		if (row >= first && row <= last)
			bits = 0x1ff;
		paint_dots(v->disp->pixel + (size_t)(y + line) * v->disp->stride + x,
			   bits, dots, w->doubled, fore, back);
	}
}

static bool paint_row(struct stdvga *v, const struct vga_view *w,
		      const struct source *s, uint32_t row, bool all, bool *blinks)
{
	uint32_t at = row < s->split_row ? s->start + row * w->pitch :
		(row - s->split_row) * w->pitch;
	uint32_t *painted = v->cell + row * w->cols;
	bool changed = false;

	for (uint32_t col = 0; col < w->cols; col++, at += 4) {
		uint32_t cell = CELL_PAINTED |
			le16_get(&v->vram[at & (v->vram_bytes - 4)]);

		cell |= at == s->cursor ? s->cursor_bits : CELL_NO_CURSOR;
		if (w->blink && cell >> 8 & ATTR_BLINK) {
			cell |= s->hidden;
			*blinks = true;
		}
		*blinks |= at == s->cursor && s->has_cursor;
		if (!all && painted[col] == cell)
			continue;
		painted[col] = cell;
		paint_cell(v, w, col * w->cell_width, row * w->cell_height, cell);
		changed = true;
	}
	return changed;
}

uint32_t vga_text_paint(struct stdvga *v, const struct vga_view *w, bool all)
{
	int64_t now_ns = timer_now_ns(v->bus);
	struct source s = get_source(v, w, (uint32_t)(now_ns / PHASE_NS));
	bool blinks = false;

	for (uint32_t row = 0; row < w->rows; row++)
		if (paint_row(v, w, &s, row, all, &blinks))
			v->disp->changed(v->disp, row * w->cell_height,
					 w->cell_height);
	return blinks ? (uint32_t)((PHASE_NS - now_ns % PHASE_NS) / NS_PER_MS) + 1 : 0;
}
