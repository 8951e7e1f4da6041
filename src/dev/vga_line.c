/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dev/vga_line.c - one line of pixels, from each of the formats VRAM can have
 *
 * Runs in the vga worker.  Pure functions over private copies.
 */
#include "base/le.h"
#include "dev/vga_draw.h"

void vga_line_planar(const uint8_t *src, uint32_t width, uint8_t planes,
		     const uint32_t *palette, uint32_t *to)
{
	for (uint32_t x = 0; x + 8 <= width; x += 8, src += 4)
		for (unsigned int bit = 0; bit < 8; bit++) {
			unsigned int by = 7 - bit;
			unsigned int c = (src[0] >> by & 1) |
				(src[1] >> by & 1) << 1 |
				(src[2] >> by & 1) << 2 |
				(src[3] >> by & 1) << 3;

			to[x + bit] = palette[c & planes & 15];
		}
}

/* Four pixels from a byte each of two planes: @low bits 0-1, @high 2-3. */
static void cga_quad(uint8_t low, uint8_t high, uint8_t planes,
		     const uint32_t *palette, uint32_t *to)
{
	for (unsigned int i = 0; i < 4; i++) {
		unsigned int by = 6 - 2 * i;
		unsigned int c = (low >> by & 3) | (high >> by & 3) << 2;

		to[i] = palette[c & planes & 15];
	}
}

void vga_line_cga(const uint8_t *src, uint32_t width, uint8_t planes,
		  const uint32_t *palette, uint32_t *to)
{
	for (uint32_t x = 0; x + 8 <= width; x += 8, src += 4) {
		cga_quad(src[0], src[2], planes, palette, to + x);
		cga_quad(src[1], src[3], planes, palette, to + x + 4);
	}
}

void vga_line_bytes(const uint8_t *src, uint32_t width, const uint32_t *palette,
		    uint32_t *to)
{
	for (uint32_t x = 0; x < width; x++)
		to[x] = palette[src[x]];
}

/* 5 and 6 bits to 8, so that full is full. */
static uint32_t from5(uint32_t v)
{
	v &= 31;
	return v << 3 | v >> 2;
}

static uint32_t from6(uint32_t v)
{
	v &= 63;
	return v << 2 | v >> 4;
}

void vga_line_15(const uint8_t *src, uint32_t width, uint32_t *to)
{
	for (uint32_t x = 0; x < width; x++) {
		uint32_t v = le16_get(src + 2 * x);

		to[x] = from5(v >> 10) << 16 | from5(v >> 5) << 8 | from5(v);
	}
}

void vga_line_16(const uint8_t *src, uint32_t width, uint32_t *to)
{
	for (uint32_t x = 0; x < width; x++) {
		uint32_t v = le16_get(src + 2 * x);

		to[x] = from5(v >> 11) << 16 | from6(v >> 5) << 8 | from5(v);
	}
}

void vga_line_24(const uint8_t *src, uint32_t width, uint32_t *to)
{
	for (uint32_t x = 0; x < width; x++, src += 3)
		to[x] = (uint32_t)src[2] << 16 | (uint32_t)src[1] << 8 | src[0];
}

void vga_line_32(const uint8_t *src, uint32_t width, uint32_t *to)
{
	for (uint32_t x = 0; x < width; x++)
		to[x] = le32_get(src + 4 * x) & 0xffffff;
}

void vga_line_double(uint32_t *to, uint32_t width)
{
	for (uint32_t x = width; x-- > 0; )
		to[2 * x] = to[2 * x + 1] = to[x];
}
