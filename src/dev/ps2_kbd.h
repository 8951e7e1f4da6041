/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dev/ps2_kbd.h - PS/2 keyboard, as seen from its plug
 */
#ifndef DEV_PS2_KBD_H
#define DEV_PS2_KBD_H

#include <stdbool.h>
#include <stdint.h>

#include "dev/ps2_port.h"

struct ps2_kbd {		/* all of it committed, inside i8042_regs */
	struct ps2_port port;
	uint8_t command;	/* waits for its argument, or 0 */
	uint8_t scanning;	/* may send keys */
	uint8_t set;		/* scan code set, 1 or 2 */
	uint8_t leds, rate;
};

void ps2_kbd_reset(struct ps2_kbd *k);
/* A byte from the controller. */
void ps2_kbd_write(struct ps2_kbd *k, uint8_t v);
/* As if plugged in just now: it says that it is there. */
void ps2_kbd_plug(struct ps2_kbd *k);
/* NULL, or the field that no keyboard of ours can have left.  Ranges of single
   fields are the controller's to check. */
const char *ps2_kbd_check(const struct ps2_kbd *k);
/* @code as in bus/input.h.  False: no room, nothing queued.  A keyboard that
   is not scanning takes and forgets. */
bool ps2_kbd_key(struct ps2_kbd *k, uint32_t code, bool down);
/* What the controller makes of a set-2 byte when it translates to set 1. */
uint8_t ps2_kbd_translate(uint8_t set2);

#endif /* DEV_PS2_KBD_H */
