/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dev/vga_draw.h - from VRAM to pixels
 *
 * The view (struct vga_view) is worked out anew at every scan from registers
 * that may say anything; the line functions are pure.
 */
#ifndef DEV_VGA_DRAW_H
#define DEV_VGA_DRAW_H

#include "dev/stdvga.h"

/* Paints what changed since the last scan. */
void vga_draw_scan(struct stdvga *v);
/* Does the guest write this picture into VRAM without our seeing it? */
bool vga_draw_is_direct(const struct stdvga *v);
void vga_draw_get_view(const struct stdvga *v, struct vga_view *view);

/* vga_text.c: rows [0, rows) whose cells changed; all if @all.  Milliseconds
   until something on the screen blinks, or 0. */
uint32_t vga_text_paint(struct stdvga *v, const struct vga_view *view, bool all);

/*
 * One line of @width pixels.  @src holds the bytes of VRAM it comes from:
 * width / 8 * 4 for planar and CGA (width a multiple of 8), else width times
 * the pixel's size.
 */
void vga_line_planar(const uint8_t *src, uint32_t width, uint8_t planes,
		     const uint32_t *palette, uint32_t *to);
void vga_line_cga(const uint8_t *src, uint32_t width, uint8_t planes,
		  const uint32_t *palette, uint32_t *to);
void vga_line_bytes(const uint8_t *src, uint32_t width, const uint32_t *palette,
		    uint32_t *to);
void vga_line_15(const uint8_t *src, uint32_t width, uint32_t *to);
void vga_line_16(const uint8_t *src, uint32_t width, uint32_t *to);
void vga_line_24(const uint8_t *src, uint32_t width, uint32_t *to);
void vga_line_32(const uint8_t *src, uint32_t width, uint32_t *to);
/* @width pixels at @to become 2 * @width. */
void vga_line_double(uint32_t *to, uint32_t width);

#endif /* DEV_VGA_DRAW_H */
