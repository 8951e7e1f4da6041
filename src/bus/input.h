/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bus/input.h - keys and pointer on their way to a device
 *
 * The device offers a sink; the back end feeds it.  A sink that has no room
 * says so and calls ready() later, so that fast typing waits instead of being
 * lost; a guest that does not read makes the sink take and drop.
 */
#ifndef BUS_INPUT_H
#define BUS_INPUT_H

#include <stdbool.h>
#include <stdint.h>

/* Same values as in struct input_event, abi/disp.h. */
struct input_pointer {
	uint32_t x, y;			/* 0 .. 0x7fff over the picture */
	uint32_t width, height;		/* of the picture, pixels */
	uint32_t buttons;		/* INPUT_BTN_* */
};
#define INPUT_BTN_LEFT		0x01u
#define INPUT_BTN_MIDDLE	0x02u
#define INPUT_BTN_RIGHT		0x04u
#define INPUT_BTN_WHEEL_UP	0x08u
#define INPUT_BTN_WHEEL_DOWN	0x10u

struct input_sink {
	/* @code: set 1, 0xe0xx extended, 0xe11d Pause.  False: not taken, offer
	   it again after ready(). */
	bool (*key)(void *dev, uint32_t code, bool down);
	bool (*pointer)(void *dev, const struct input_pointer *p);
	void *dev;
	/* Set by the back end; the device calls it from a timer. */
	void (*ready)(void *back);
	void *back;
};

#endif /* BUS_INPUT_H */
