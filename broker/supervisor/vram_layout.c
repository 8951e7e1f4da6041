/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/vram_layout.c - where guest RAM ends and video memory is parked
 *
 * Runs in the supervisor.  Computes only: vram.c, which asks Xen, is another
 * file, so that a test can put something in its place.
 */
#include "supervisor/vram.h"

#define FRAME_SHIFT	12
#define MIB_SHIFT	20
#define FOUR_GIB	(UINT64_C(4) << 30)
#define HOLE_START	UINT64_C(0xf0000000)

void vram_lay_out(uint64_t ram_mib, uint64_t max_low_bytes, unsigned int vram_mib,
		  struct vram_layout *l)
{
	uint64_t ram = ram_mib << MIB_SHIFT;
	uint64_t vram = (uint64_t)vram_mib << MIB_SHIFT;
	uint64_t low = ram < max_low_bytes ? ram : max_low_bytes;
	uint64_t limit = max_low_bytes < HOLE_START ? max_low_bytes : HOLE_START;
	uint64_t at = low + vram <= limit ? low : FOUR_GIB + (ram - low);

	*l = (struct vram_layout){ .ram_low_bytes = low, .ram_high_bytes = ram - low };
	if (vram) {
		l->gfn = at >> FRAME_SHIFT;
		l->frames = (uint32_t)(vram >> FRAME_SHIFT);
	}
}
