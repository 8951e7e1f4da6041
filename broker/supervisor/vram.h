/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/vram.h - what only an unrestricted hypercall can do for a guest
 *
 * Video memory, HVM parameters, and the question whether the domain lives.
 * libxenctrl, because no stable library has these.
 */
#ifndef SUPERVISOR_VRAM_H
#define SUPERVISOR_VRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Guest RAM as libxl and hvmloader lay it out. */
struct vram_layout {
	uint64_t ram_low_bytes, ram_high_bytes;
	uint64_t gfn;		/* where VRAM is parked; 0: none */
	uint64_t now_gfn;	/* a restored guest: where it is; 0: parked */
	uint32_t frames;
};
void vram_lay_out(uint64_t ram_mib, uint64_t max_low_bytes, unsigned int vram_mib,
		  struct vram_layout *l);

/*
 * Opens the hypercall interface and looks for the domain.  0; or -errno and
 * @why: the whole line, for "no Xen here" as for "no such domain".
 */
int vram_open(uint32_t domid, char *why, size_t why_len);
void vram_close(void);

/* Puts memory at the parking place.  0 or -errno. */
int vram_populate(const struct vram_layout *l);

/* Is the domain there and not dying? */
bool vram_domain_lives(void);

/* HVM_PARAM_ACPI_S_STATE: 3 suspends, 0 wakes.  0 or -errno. */
int vram_set_sleep_state(unsigned int s);

#endif /* SUPERVISOR_VRAM_H */
