/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dev/ps2_mouse.c - PS/2 mouse with wheel, as seen from its plug
 *
 * Runs in platform, behind dev/i8042.c.  Turns an absolute pointer into
 * relative movement.  Movement that finds no room in the queue adds up; button
 * changes are never merged.
 *
 * Source: IBM PS/2 Hardware Interface Technical Reference, mouse; Microsoft's
 * IntelliMouse knock (sample rates 200 100 80, then 200 200 80).
 */
#include "dev/ps2_mouse.h"

#include <stddef.h>

enum mouse_cmd {
	SCALE_1_1 = 0xe6, SCALE_2_1 = 0xe7, SET_RESOLUTION = 0xe8,
	GET_STATUS = 0xe9, SET_STREAM = 0xea, POLL = 0xeb, RESET_WRAP = 0xec,
	SET_WRAP = 0xee, SET_REMOTE = 0xf0, IDENTIFY = 0xf2, SET_RATE = 0xf3,
	ENABLE = 0xf4, DISABLE = 0xf5, DEFAULTS = 0xf6, RESET = 0xff,
};

enum mouse_status { MOUSE_SCALE_2_1 = 0x10, MOUSE_ENABLED = 0x20,
		    MOUSE_REMOTE = 0x40 };
enum packet0 { PKT_ALWAYS = 0x08, PKT_X_SIGN = 0x10, PKT_Y_SIGN = 0x20 };

#define TYPE_WHEEL	3u
#define TYPE_5BUTTONS	4u
#define KNOCK_200_200	0x12u

#define MOVE_MAX	127		/* one packet's */
#define WHEEL_MAX	7
#define BACKLOG_MAX	4096		/* pixels kept for a slow guest */
#define PICTURE_MAX	4096u

static int clamp(int v, int max)
{
	return v > max ? max : v < -max ? -max : v;
}

static unsigned int packet_len(const struct ps2_mouse *m)
{
	return m->type ? 4 : 3;
}

/* One packet of what waits, into @f, which has room. */
static void put_packet(struct ps2_mouse *m, struct fifo16 *f)
{
	int dx = clamp(m->dx, MOVE_MAX), dy = clamp(m->dy, MOVE_MAX);
	int dz = clamp(m->dz, WHEEL_MAX);

	fifo16_push(f, (uint8_t)(PKT_ALWAYS | (dx < 0 ? PKT_X_SIGN : 0) |
				 (dy < 0 ? PKT_Y_SIGN : 0) | (m->buttons & 7)));
	fifo16_push(f, (uint8_t)dx);
	fifo16_push(f, (uint8_t)dy);
	if (m->type == TYPE_WHEEL)
		fifo16_push(f, (uint8_t)dz);
	else if (m->type == TYPE_5BUTTONS)
		fifo16_push(f, (uint8_t)dz & 0x0f);
	m->dx = (int16_t)(m->dx - dx);
	m->dy = (int16_t)(m->dy - dy);
	m->dz = (int16_t)(m->type ? m->dz - dz : 0);
	m->told = m->buttons;
}

static void forget(struct ps2_mouse *m)
{
	m->dx = m->dy = m->dz = 0;
	m->told = m->buttons;
}

static bool streams(const struct ps2_mouse *m)
{
	return (m->status & (MOUSE_ENABLED | MOUSE_REMOTE)) == MOUSE_ENABLED &&
		!m->wrap;
}

void ps2_mouse_flush(struct ps2_mouse *m)
{
	while (streams(m) && fifo16_room(&m->port.event) >= packet_len(m) &&
	       (m->dx || m->dy || m->dz || m->buttons != m->told))
		put_packet(m, &m->port.event);
}

static uint8_t packet_buttons(uint32_t buttons)
{
	return (uint8_t)((buttons & INPUT_BTN_LEFT ? 1 : 0) |
			 (buttons & INPUT_BTN_RIGHT ? 2 : 0) |
			 (buttons & INPUT_BTN_MIDDLE ? 4 : 0));
}

static uint32_t picture_size(uint32_t v)
{
	return v < 1 ? 1 : v > PICTURE_MAX ? PICTURE_MAX : v;
}

/* Adds the way from the last place; a new picture size has no last place. */
static void move_to(struct ps2_mouse *m, const struct input_pointer *p)
{
	uint32_t w = picture_size(p->width), h = picture_size(p->height);
	uint16_t x = (uint16_t)((p->x & 0x7fff) * w >> 15);
	uint16_t y = (uint16_t)((p->y & 0x7fff) * h >> 15);

	if (m->placed && m->width == w && m->height == h) {
		m->dx = (int16_t)clamp(m->dx + x - m->at_x, BACKLOG_MAX);
		m->dy = (int16_t)clamp(m->dy - y + m->at_y, BACKLOG_MAX);
	}
	m->placed = 1;
	m->at_x = x;
	m->at_y = y;
	m->width = (uint16_t)w;
	m->height = (uint16_t)h;
}

bool ps2_mouse_pointer(struct ps2_mouse *m, const struct input_pointer *p)
{
	uint8_t buttons = packet_buttons(p->buttons);
	uint32_t pressed = p->buttons & ~(uint32_t)m->wheels;

	if (buttons != m->buttons && m->buttons != m->told)
		return false;
	move_to(m, p);
	m->buttons = buttons;
	m->wheels = (uint8_t)(p->buttons &
			      (INPUT_BTN_WHEEL_UP | INPUT_BTN_WHEEL_DOWN));
	m->dz = (int16_t)clamp(m->dz - !!(pressed & INPUT_BTN_WHEEL_UP) +
			       !!(pressed & INPUT_BTN_WHEEL_DOWN), BACKLOG_MAX);
	if (!m->type)
		m->dz = 0;
	if (streams(m))
		ps2_mouse_flush(m);
	else if (!(m->status & MOUSE_REMOTE))
		forget(m);
	return true;
}

static void set_defaults(struct ps2_mouse *m)
{
	fifo16_clear(&m->port.event);
	m->command = 0;
	m->knock = 0;
	m->status = 0;
	m->wrap = 0;
	m->rate = 100;
	m->resolution = 2;
	forget(m);
}

void ps2_mouse_reset(struct ps2_mouse *m)
{
	fifo16_clear(&m->port.reply);
	set_defaults(m);
	m->type = 0;
}

void ps2_mouse_plug(struct ps2_mouse *m)
{
	ps2_mouse_reset(m);
	ps2_port_reply(&m->port, PS2_BAT_OK);
	ps2_port_reply(&m->port, 0x00);
}

static bool is_far(int16_t way)
{
	return way > BACKLOG_MAX || way < -BACKLOG_MAX;
}

const char *ps2_mouse_check(const struct ps2_mouse *m)
{
	if (m->command && m->command != SET_RATE && m->command != SET_RESOLUTION)
		return "mouse.command";
	if (m->type && m->type != TYPE_WHEEL && m->type != TYPE_5BUTTONS)
		return "mouse.type";
	if (m->knock > 2 && m->knock != KNOCK_200_200)
		return "mouse.knock";
	return is_far(m->dx) || is_far(m->dy) || is_far(m->dz) ? "mouse.dx" : NULL;
}

/* Sample rates in a certain order ask for another protocol. */
static void watch_knock(struct ps2_mouse *m, uint8_t rate)
{
	switch (m->knock) {
	case 1:
		m->knock = rate == 100 ? 2 : rate == 200 ? KNOCK_200_200 : 0;
		break;
	case 2:
		if (rate == 80)
			m->type = TYPE_WHEEL;
		m->knock = rate == 200;
		break;
	case KNOCK_200_200:
		if (rate == 80 && m->type)
			m->type = TYPE_5BUTTONS;
		m->knock = rate == 200 ? KNOCK_200_200 : 0;
		break;
	default:
		m->knock = rate == 200;
		break;
	}
}

static void reply_status(struct ps2_mouse *m)
{
	uint8_t b = m->buttons;

	/* Left and right change places here, as in the data sheet. */
	ps2_port_reply(&m->port, (uint8_t)(m->status | (b & 1) << 2 |
				 (b & 4) >> 1 | (b & 2) >> 1));
	ps2_port_reply(&m->port, m->resolution);
	ps2_port_reply(&m->port, m->rate);
}

static void write_argument(struct ps2_mouse *m, uint8_t command, uint8_t v)
{
	if (command == SET_RATE) {
		m->rate = v;
		watch_knock(m, v);
	} else {
		m->resolution = v & 3;
	}
	ps2_port_reply(&m->port, PS2_ACK);
}

static void do_reset(struct ps2_mouse *m)
{
	ps2_mouse_reset(m);
	ps2_port_reply(&m->port, PS2_ACK);
	ps2_port_reply(&m->port, PS2_BAT_OK);
	ps2_port_reply(&m->port, 0x00);
}

/* The commands that only change how it works.  False: not one of them. */
static bool set_mode(struct ps2_mouse *m, uint8_t v)
{
	switch (v) {
	case SCALE_1_1:
		m->status &= (uint8_t)~MOUSE_SCALE_2_1;
		return true;
	case SCALE_2_1:
		m->status |= MOUSE_SCALE_2_1;
		return true;
	case SET_STREAM:
		m->status &= (uint8_t)~MOUSE_REMOTE;
		return true;
	case SET_REMOTE:
		m->status |= MOUSE_REMOTE;
		return true;
	case SET_WRAP:
		m->wrap = 1;
		return true;
	case RESET_WRAP:
		return true;
	case ENABLE:
		m->status |= MOUSE_ENABLED;
		forget(m);
		return true;
	case DISABLE:
		m->status &= (uint8_t)~MOUSE_ENABLED;
		fifo16_clear(&m->port.event);
		return true;
	case DEFAULTS:
		set_defaults(m);
		return true;
	default:
		return false;
	}
}

static void write_command(struct ps2_mouse *m, uint8_t v)
{
	if (set_mode(m, v)) {
		ps2_port_reply(&m->port, PS2_ACK);
		return;
	}
	switch (v) {
	case SET_RESOLUTION:
	case SET_RATE:
		m->command = v;
		ps2_port_reply(&m->port, PS2_ACK);
		break;
	case GET_STATUS:
		ps2_port_reply(&m->port, PS2_ACK);
		reply_status(m);
		break;
	case POLL:
		ps2_port_reply(&m->port, PS2_ACK);
		put_packet(m, &m->port.reply);
		break;
	case IDENTIFY:
		ps2_port_reply(&m->port, PS2_ACK);
		ps2_port_reply(&m->port, m->type);
		break;
	case RESET:
		do_reset(m);
		break;
	default:
		ps2_port_reply(&m->port, PS2_RESEND);
		break;
	}
}

void ps2_mouse_write(struct ps2_mouse *m, uint8_t v)
{
	uint8_t command = m->command;

	fifo16_clear(&m->port.reply);
	m->command = 0;
	if (m->wrap && v != RESET && v != RESET_WRAP) {
		ps2_port_reply(&m->port, v);
		return;
	}
	m->wrap = 0;
	if (command)
		write_argument(m, command, v);
	else
		write_command(m, v);
}
