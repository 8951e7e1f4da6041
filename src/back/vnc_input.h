/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * back/vnc_input.h - what clients type and point at, into the input ring
 */
#ifndef BACK_VNC_INPUT_H
#define BACK_VNC_INPUT_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/disp.h"

/* Keys one client holds down: bit per scan code, extended ones from 0x80. */
struct vnc_keys {
	uint32_t down[8];
};

/* @ring mapped writable, stays; @kick_fd borrowed.  What a predecessor died
   with pressed is let go of: its clients are gone. */
void vnc_input_open(struct input_ring *ring, int kick_fd);
void vnc_input_key(struct vnc_keys *keys, uint32_t keysym, bool down);
/* The client is gone: nothing stays pressed. */
void vnc_input_release(struct vnc_keys *keys);
/* @buttons as RFB has them; a position outside the picture is at its edge. */
void vnc_input_pointer(uint32_t x, uint32_t y, uint32_t buttons,
		       uint32_t width, uint32_t height);

#endif /* BACK_VNC_INPUT_H */
