/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dev/ps2_kbd.c - PS/2 keyboard, as seen from its plug
 *
 * Runs in platform, behind dev/i8042.c.  Sends scan code set 2, or 1 if told
 * so; set 3 is refused as by many real ones.  No typematic: whoever holds the
 * key repeats it.
 *
 * Source: IBM PS/2 Hardware Interface Technical Reference, keyboard.
 */
#include "dev/ps2_kbd.h"

#include <string.h>

enum kbd_cmd {
	SET_LEDS = 0xed, ECHO = 0xee, SCAN_SET = 0xf0, IDENTIFY = 0xf2,
	SET_RATE = 0xf3, ENABLE = 0xf4, DISABLE = 0xf5, DEFAULTS = 0xf6,
	ALL_MAKE_BREAK = 0xfa, KEY_MAKE = 0xfc, RESET = 0xff,
};

#define BREAK_SET2	0xf0u
#define BREAK_SET1	0x80u
#define CODE_PAUSE	0xe11du
#define CODE_PRINT	0xe037u
#define EVENT_MAX	8u		/* bytes: Pause */

#define RATE_DEFAULT	0x2bu		/* 10.9 a second after 500 ms */

/* IBM PS/2 technical reference: set 2 to set 1, 0x00-0x84 (0xff: error). */
/* clang-format off */
static const uint8_t to_set1[0x85] = {
	0xff, 0x43, 0x41, 0x3f, 0x3d, 0x3b, 0x3c, 0x58,
	0x64, 0x44, 0x42, 0x40, 0x3e, 0x0f, 0x29, 0x59,
	0x65, 0x38, 0x2a, 0x70, 0x1d, 0x10, 0x02, 0x5a,
	0x66, 0x71, 0x2c, 0x1f, 0x1e, 0x11, 0x03, 0x5b,
	0x67, 0x2e, 0x2d, 0x20, 0x12, 0x05, 0x04, 0x5c,
	0x68, 0x39, 0x2f, 0x21, 0x14, 0x13, 0x06, 0x5d,
	0x69, 0x31, 0x30, 0x23, 0x22, 0x15, 0x07, 0x5e,
	0x6a, 0x72, 0x32, 0x24, 0x16, 0x08, 0x09, 0x5f,
	0x6b, 0x33, 0x25, 0x17, 0x18, 0x0b, 0x0a, 0x60,
	0x6c, 0x34, 0x35, 0x26, 0x27, 0x19, 0x0c, 0x61,
	0x6d, 0x73, 0x28, 0x74, 0x1a, 0x0d, 0x62, 0x6e,
	0x3a, 0x36, 0x1c, 0x1b, 0x75, 0x2b, 0x63, 0x76,
	0x55, 0x56, 0x77, 0x78, 0x79, 0x7a, 0x0e, 0x7b,
	0x7c, 0x4f, 0x7d, 0x4b, 0x47, 0x7e, 0x7f, 0x6f,
	0x52, 0x53, 0x50, 0x4c, 0x4d, 0x48, 0x01, 0x45,
	0x57, 0x4e, 0x51, 0x4a, 0x37, 0x49, 0x46, 0x54,
	0x80, 0x81, 0x82, 0x41, 0x54,
};
/* clang-format on */

uint8_t ps2_kbd_translate(uint8_t set2)
{
	return set2 < sizeof(to_set1) ? to_set1[set2] : set2;
}

/* From the top: F7 and SysRq are 0x83 and 0x84 on the wire. */
static uint8_t to_set2(uint8_t set1)
{
	for (unsigned int i = sizeof(to_set1); i-- > 0; )
		if (to_set1[i] == set1)
			return (uint8_t)i;
	return 0;
}

struct bytes {
	uint8_t v[EVENT_MAX];
	unsigned int len;
};

static void add(struct bytes *b, uint8_t v)
{
	if (b->len < EVENT_MAX)
		b->v[b->len++] = v;
}

/* One make or break of a key that has a single code. */
static void add_key(struct bytes *b, uint8_t set, bool extended, uint8_t code,
		    bool down)
{
	if (extended)
		add(b, 0xe0);
	if (set == 1) {
		add(b, (uint8_t)(code | (down ? 0 : BREAK_SET1)));
		return;
	}
	if (!down)
		add(b, BREAK_SET2);
	add(b, to_set2(code));
}

/* Pause sends make and break at once and nothing when released. */
static void add_pause(struct bytes *b, uint8_t set, bool down)
{
	static const uint8_t set1[] = { 0xe1, 0x1d, 0x45, 0xe1, 0x9d, 0xc5 };
	static const uint8_t set2[] = { 0xe1, 0x14, 0x77, 0xe1,
					0xf0, 0x14, 0xf0, 0x77 };

	if (!down)
		return;
	b->len = set == 1 ? sizeof(set1) : sizeof(set2);
	memcpy(b->v, set == 1 ? set1 : set2, b->len);
}

/* Print Screen comes with a left shift of its own. */
static void add_print(struct bytes *b, uint8_t set, bool down)
{
	add_key(b, set, true, down ? 0x2a : 0x37, down);
	add_key(b, set, true, down ? 0x37 : 0x2a, down);
}

bool ps2_kbd_key(struct ps2_kbd *k, uint32_t code, bool down)
{
	struct bytes b = { .len = 0 };

	if (!k->scanning)
		return true;
	if (code == CODE_PAUSE)
		add_pause(&b, k->set, down);
	else if (code == CODE_PRINT)
		add_print(&b, k->set, down);
	else if ((code & 0xff80) == 0xe000 || (code && code < 0x80))
		add_key(&b, k->set, code > 0xff, code & 0x7f, down);
	if (b.len > fifo16_room(&k->port.event))
		return false;
	for (unsigned int i = 0; i < b.len; i++)
		fifo16_push(&k->port.event, b.v[i]);
	return true;
}

static void set_defaults(struct ps2_kbd *k)
{
	fifo16_clear(&k->port.event);
	k->command = 0;
	k->set = 2;
	k->rate = RATE_DEFAULT;
}

void ps2_kbd_reset(struct ps2_kbd *k)
{
	ps2_port_clear(&k->port);
	set_defaults(k);
	k->scanning = 1;
	k->leds = 0;
}

void ps2_kbd_plug(struct ps2_kbd *k)
{
	ps2_kbd_reset(k);
	ps2_port_reply(&k->port, PS2_BAT_OK);
}

const char *ps2_kbd_check(const struct ps2_kbd *k)
{
	if (k->command && k->command != SET_LEDS && k->command != SCAN_SET &&
	    k->command != SET_RATE && k->command != KEY_MAKE)
		return "kbd.command";
	return k->set ? NULL : "kbd.set";
}

/* The argument of a command that takes one. */
static void write_argument(struct ps2_kbd *k, uint8_t command, uint8_t v)
{
	switch (command) {
	case SET_LEDS:
		k->leds = v & 7;
		break;
	case SET_RATE:
		k->rate = v & 0x7f;
		break;
	case SCAN_SET:
		if (v > 2) {
			ps2_port_reply(&k->port, PS2_RESEND);
			return;
		}
		ps2_port_reply(&k->port, PS2_ACK);
		if (v)
			k->set = v;
		else
			ps2_port_reply(&k->port, k->set);
		return;
	default:
		break;
	}
	ps2_port_reply(&k->port, PS2_ACK);
}

static void write_command(struct ps2_kbd *k, uint8_t v)
{
	switch (v) {
	case 0x00:
	case ALL_MAKE_BREAK:
		break;
	case SET_LEDS:
	case SCAN_SET:
	case SET_RATE:
	case KEY_MAKE:
		k->command = v;
		break;
	case ECHO:
		ps2_port_reply(&k->port, ECHO);
		return;
	case IDENTIFY:
		ps2_port_reply(&k->port, PS2_ACK);
		ps2_port_reply(&k->port, 0xab);
		ps2_port_reply(&k->port, 0x83);
		return;
	case ENABLE:
		fifo16_clear(&k->port.event);
		k->scanning = 1;
		break;
	case DISABLE:
		set_defaults(k);
		k->scanning = 0;
		break;
	case DEFAULTS:
		set_defaults(k);
		k->scanning = 1;
		break;
	case RESET:
		ps2_kbd_reset(k);
		ps2_port_reply(&k->port, PS2_ACK);
		ps2_port_reply(&k->port, PS2_BAT_OK);
		return;
	default:
		ps2_port_reply(&k->port, PS2_RESEND);
		return;
	}
	ps2_port_reply(&k->port, PS2_ACK);
}

void ps2_kbd_write(struct ps2_kbd *k, uint8_t v)
{
	uint8_t command = k->command;

	fifo16_clear(&k->port.reply);
	k->command = 0;
	/* A command in place of an argument cancels the one that waits. */
	if (command && v < SET_LEDS)
		write_argument(k, command, v);
	else
		write_command(k, v);
}
