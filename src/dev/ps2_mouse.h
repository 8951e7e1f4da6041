/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dev/ps2_mouse.h - PS/2 mouse with wheel, as seen from its plug
 */
#ifndef DEV_PS2_MOUSE_H
#define DEV_PS2_MOUSE_H

#include <stdbool.h>
#include <stdint.h>

#include "bus/input.h"
#include "dev/ps2_port.h"

struct ps2_mouse {		/* all of it committed, inside i8042_regs */
	struct ps2_port port;
	uint8_t command;	/* waits for its argument, or 0 */
	uint8_t type;		/* id: 0 plain, 3 wheel, 4 five buttons */
	uint8_t knock;		/* sample rates seen of a sequence that asks for
				   another type: 0-2, or 0x12 for 200 200 */
	uint8_t status;		/* MOUSE_* bits of the status byte */
	uint8_t wrap;		/* echo everything */
	uint8_t rate, resolution;
	uint8_t buttons;	/* as in a packet: 1 left, 2 right, 4 middle */
	uint8_t told;		/* buttons in the last packet */
	uint8_t wheels;		/* INPUT_BTN_WHEEL_* held in the last event */
	uint8_t placed;		/* at_x and at_y are known */
	int16_t dx, dy, dz;	/* not yet told; dy counts up */
	uint16_t at_x, at_y;	/* pointer, pixels */
	uint16_t width, height;	/* of the picture it is on */
};

void ps2_mouse_reset(struct ps2_mouse *m);
/* A byte from the controller. */
void ps2_mouse_write(struct ps2_mouse *m, uint8_t v);
/* As if plugged in just now: it says that it is there. */
void ps2_mouse_plug(struct ps2_mouse *m);
/* NULL, or the field that no mouse of ours can have left.  Ranges of single
   fields are the controller's to check. */
const char *ps2_mouse_check(const struct ps2_mouse *m);
/* False: a click is still waiting to be told; offer this one again. */
bool ps2_mouse_pointer(struct ps2_mouse *m, const struct input_pointer *p);
/* Queue what waits, as far as there is room. */
void ps2_mouse_flush(struct ps2_mouse *m);

#endif /* DEV_PS2_MOUSE_H */
