/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dev/i8042.h - keyboard controller at ports 0x60 and 0x64, with a keyboard
 *               and a mouse plugged in
 */
#ifndef DEV_I8042_H
#define DEV_I8042_H

#include <stdbool.h>
#include <stdint.h>

#include "bus/bus.h"
#include "bus/input.h"
#include "bus/timer.h"
#include "dev/ps2_kbd.h"
#include "dev/ps2_mouse.h"

struct i8042_regs {		/* committed */
	uint8_t mode;		/* command byte */
	uint8_t status;
	uint8_t outport;
	uint8_t last;		/* byte read last, read again when empty */
	uint8_t expects;	/* command whose data byte is next, or 0 */
	uint8_t source;		/* who fills the output buffer, enum source */
	uint8_t replies;	/* bit 0: kbd_reply is waiting, 1: aux_reply */
	uint8_t kbd_reply, aux_reply;
	struct ps2_kbd kbd;
	struct ps2_mouse mouse;
};

struct i8042 {
	struct i8042_regs r;
	struct bus *bus;
	bus_dev_id id;
	struct input_sink sink;		/* for a back end */
	struct bus_timer patience;	/* while the back end waits for room */
	bool held;			/* it waits */
	bool read_since;		/* the guest reads meanwhile */
	bool stalled;			/* the guest does not: drop */
	bool restored;			/* the registers are a predecessor's */
};

extern const struct reg_file i8042_data_regs, i8042_status_regs;

/* @s is zeroed. */
void i8042_init(struct i8042 *s, struct bus *b);

#endif /* DEV_I8042_H */
