/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dev/stdvga.h - the standard VGA, PCI 1234:1111
 *
 * IBM VGA registers, the Bochs VBE registers (vbe.h), a window at 0xa0000
 * (vga_mem.c), a linear framebuffer in BAR 0 that the guest writes without
 * our help, a register mirror in BAR 2 and the VGA BIOS in the ROM BAR.
 *
 * VRAM holds the four planes interleaved: byte of plane p at address a is
 * vram[a * 4 + p].  The guest writes it while we read: every byte is fetched
 * once, and no address is believed to lie inside before it was compared.
 */
#ifndef DEV_STDVGA_H
#define DEV_STDVGA_H

#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>

#include "abi/chan.h"
#include "bus/disp.h"
#include "bus/pci.h"
#include "bus/pci_rom.h"
#include "bus/reg.h"
#include "dev/vbe.h"

#define VGA_VRAM_MIN	(1u << 20)
#define VGA_ROM_BYTES	0x10000u
#define VGA_PAGE_BYTES	4096u
#define VGA_LINE_BYTES	0x4000u		/* widest visible line in VRAM */
#define VGA_CELLS	0x4000u		/* cells of the largest text screen */

enum {
	VGA_SR = 8, VGA_GR = 16, VGA_CR = 256, VGA_AR = 21,	/* registers */
	VGA_COLOURS = 256,
};

struct vga_regs {		/* committed */
	alignas(8) struct vbe_regs vbe;
	uint8_t msr, fcr, st01, pel_mask;
	uint8_t sr_index, gr_index, cr_index, ar_index;
	uint8_t ar_is_data;	/* next write of 0x3c0 is data, not index */
	uint8_t dac_state, dac_read, dac_write, dac_sub;
	uint8_t dac_part[3];	/* of the colour being written */
	uint8_t sr[VGA_SR], gr[VGA_GR], cr[VGA_CR], ar[VGA_AR];
	uint8_t dac[VGA_COLOURS][3];
};

struct vga_latch {		/* committed */
	alignas(8) uint32_t planes;	/* byte p: what plane p held at the last read */
};

enum vga_kind { VGA_BLANK, VGA_TEXT, VGA_PLANAR, VGA_CGA, VGA_BYTES,
		VGA_15, VGA_16, VGA_24, VGA_32 };

/* All that decides how VRAM becomes a picture.  Compared as bytes: a picture
   whose view did not change needs painting only where VRAM did. */
struct vga_view {
	uint32_t kind;			/* enum vga_kind */
	uint32_t width, height;		/* of the picture; cropped to the host's */
	uint32_t src_width;		/* pixels before doubling */
	uint32_t doubled;		/* each pixel twice */
	uint32_t start, pitch;		/* bytes of VRAM */
	uint32_t line_compare;		/* last line before address 0; ~0 none */
	uint32_t rows_a_line;		/* scan lines an address row has */
	uint32_t row_shift;		/* and each shown 1 << this often */
	uint32_t row_bits;		/* CR17 bits 0-1, 6: address swizzles */
	uint32_t plane_mask;
	/* text */
	uint32_t cols, rows, cell_width, cell_height;
	uint32_t font[2];		/* offset of the map in plane 2 */
	uint32_t blink, line_graphics;
	uint32_t underline;		/* row of a cell */
	uint32_t palette[VGA_COLOURS];
};

struct stdvga {
	struct pci_func pci;
	struct vga_regs r;
	struct vga_latch latch;
	struct bus *bus;
	bus_dev_id id, mem_id;
	uint8_t *vram;
	uint32_t vram_bytes;		/* power of two */
	struct pci_rom rom;
	struct disp *disp;
	/* Scanning; a successor starts afresh. */
	struct vga_view shown;
	bool paint_all;
	uint32_t asked;			/* scans since an unanswered dirty query */
	uint8_t dirty[CHAN_VRAM_FRAMES_MAX / 8];	/* bit per page of VRAM */
	uint32_t cell[VGA_CELLS];	/* what is painted there */
	uint8_t line[VGA_LINE_BYTES + 8];
};

struct stdvga_cfg {
	unsigned int devfn;
	uint8_t *vram;			/* stays */
	uint32_t vram_bytes;		/* power of two, >= VGA_VRAM_MIN */
	const uint8_t *rom;		/* stays; NULL: no ROM BAR */
	uint32_t rom_bytes;
	struct disp *disp;		/* stays */
};

/* @v is zeroed. */
void stdvga_init(struct stdvga *v, struct bus *b, const struct stdvga_cfg *cfg);
/* The host wants a fresh picture.  Ends with disp->scanned(), perhaps later. */
void stdvga_scan(struct stdvga *v);

extern const struct reg_file vga_ports;		/* 0x3b0-0x3df */
#define VGA_PORT_BASE	0x3b0u
#define VGA_PORT_COUNT	0x30u

/* vga_mem.c */
extern const struct bus_win_ops vga_mem_ops;	/* 0xa0000-0xbffff */
#define VGA_MEM_BASE	0xa0000u
#define VGA_MEM_BYTES	0x20000u
/* Bits of a plane mask to a byte each: 0x5 gives 0x00ff00ff. */
uint32_t vga_expand_planes(uint8_t mask);

/* One page of VRAM was written through us. */
static inline void vga_mark_dirty(struct stdvga *v, uint32_t at)
{
	uint32_t page = at / VGA_PAGE_BYTES;

	v->dirty[page / 8] = (uint8_t)(v->dirty[page / 8] | 1u << page % 8);
}

#endif /* DEV_STDVGA_H */
