/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bus/disp.h - what a display model asks of the host: somewhere to paint
 *
 * A scan is one look at the guest's picture: the model paints what changed,
 * says which lines those were, and ends with scanned().  Behind it is a
 * framebuffer that another process shows (back/fb_shm.h), or an array.
 */
#ifndef BUS_DISP_H
#define BUS_DISP_H

#include <stdint.h>

struct disp {
	uint32_t *pixel;	/* 0x00RRGGBB; write only */
	uint32_t stride;	/* pixels from one line to the next; resize()
				   may change it */
	uint32_t width_max, height_max;	/* larger pictures are cropped */
	/* The picture has another size; everything in it will be painted. */
	void (*resize)(struct disp *d, uint32_t width, uint32_t height);
	/* Lines [y, y + count) were painted. */
	void (*changed)(struct disp *d, uint32_t y, uint32_t count);
	/* The scan is complete, whether something changed or not.  In @blink_ms
	   the picture changes by itself; 0: it does not. */
	void (*scanned)(struct disp *d, uint32_t blink_ms);
};

#endif /* BUS_DISP_H */
