/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dev/vbe.h - DISPI, the Bochs VBE registers of the standard VGA
 *
 * Eleven 16-bit registers behind an index.  What they say is made consistent
 * twice: in the registers when the guest writes them, because it reads back
 * what it got, and again in vbe_get_mode(), because that is what addresses
 * are computed from.
 */
#ifndef DEV_VBE_H
#define DEV_VBE_H

#include <stdbool.h>
#include <stdint.h>

enum vbe_reg {
	VBE_ID, VBE_XRES, VBE_YRES, VBE_BPP, VBE_ENABLE, VBE_BANK,
	VBE_VIRT_WIDTH, VBE_VIRT_HEIGHT, VBE_X_OFFSET, VBE_Y_OFFSET,
	VBE_VIDEO_MEMORY_64K,
	VBE_REG_COUNT
};

#define VBE_ID_FIRST	0xb0c0u
#define VBE_ID_LAST	0xb0c5u

#define VBE_ENABLED	0x01u
#define VBE_GETCAPS	0x02u
#define VBE_8BIT_DAC	0x20u
#define VBE_LFB		0x40u
#define VBE_NOCLEAR	0x80u

#define VBE_XRES_MAX	16000u
#define VBE_YRES_MAX	12000u
#define VBE_BANK_BYTES	0x10000u

struct vbe_regs {		/* committed */
	uint16_t index;
	uint16_t reg[VBE_REG_COUNT];
};

/* A mode that lies in VRAM: start + height * pitch <= vram_bytes. */
struct vbe_mode {
	uint32_t width, height;		/* pixels */
	uint32_t bpp;			/* 4, 8, 15, 16, 24, 32 */
	uint32_t pitch, start;		/* bytes of VRAM */
	uint32_t bank;			/* byte offset of the window in VRAM */
};

void vbe_reset(struct vbe_regs *r);
uint16_t vbe_read(const struct vbe_regs *r, uint32_t vram_bytes);
/* Writes the indexed register.  Returns how many bytes of VRAM, from 0, the
   guest asked to have cleared. */
uint32_t vbe_write(struct vbe_regs *r, uint32_t vram_bytes, uint16_t val);
static inline bool vbe_is_on(const struct vbe_regs *r)
{
	return r->reg[VBE_ENABLE] & VBE_ENABLED;
}
void vbe_get_mode(const struct vbe_regs *r, uint32_t vram_bytes,
		  struct vbe_mode *m);

#endif /* DEV_VBE_H */
