/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dev/i8042.c - keyboard controller, with a keyboard and a mouse plugged in
 *
 * Runs in platform.  One output buffer, filled from four sources in order:
 * the controller's own replies (for the keyboard's and for the mouse's side),
 * the keyboard, the mouse.  A device's byte that is in the buffer stays there
 * while its interface is disabled, because interrupt handlers disable first
 * and read then; only a controller reply goes before it.
 *
 * Source: IBM PS/2 Hardware Interface Technical Reference, 8042 controller.
 */
#include "dev/i8042.h"

#include "bus/irq.h"
#include "bus/reg.h"
#include "bus/restore.h"

#define STATE_LAYOUT	1u

enum status_bits {
	ST_OBF = 0x01, ST_SELFTEST = 0x04, ST_CMD = 0x08, ST_UNLOCKED = 0x10,
	ST_AUX = 0x20,
};
enum mode_bits {
	MODE_KBD_IRQ = 0x01, MODE_AUX_IRQ = 0x02, MODE_KBD_OFF = 0x10,
	MODE_AUX_OFF = 0x20, MODE_TRANSLATE = 0x40, MODE_SELFTEST = 0x04,
};
enum outport_bits {
	OUT_NOT_RESET = 0x01, OUT_A20 = 0x02, OUT_OBF = 0x10, OUT_AUX = 0x20,
	OUT_FIXED = 0xcc,
};
enum ctl_cmd {
	READ_MODE = 0x20, WRITE_MODE = 0x60, AUX_OFF = 0xa7, AUX_ON = 0xa8,
	AUX_TEST = 0xa9, SELF_TEST = 0xaa, KBD_TEST = 0xab, KBD_OFF = 0xad,
	KBD_ON = 0xae, READ_INPORT = 0xc0, READ_OUTPORT = 0xd0,
	WRITE_OUTPORT = 0xd1, WRITE_KBD_OBUF = 0xd2, WRITE_AUX_OBUF = 0xd3,
	WRITE_AUX = 0xd4, A20_ON = 0xdd, A20_OFF = 0xdf, PULSE = 0xf0,
};
enum source { SRC_NONE, SRC_KBD_REPLY, SRC_AUX_REPLY, SRC_KBD, SRC_AUX };
#define REPLY_KBD	0x01u
#define REPLY_AUX	0x02u

#define KBD_LINE	1u
#define AUX_LINE	12u

/* How long a full queue may hold input back before it counts as unread, and
   the pause before more is put into an emptied one: a driver that flushes
   until empty must come to an end. */
#define PATIENCE_NS	INT64_C(500000000)
#define REFILL_NS	INT64_C(2000000)

/* ---- output buffer ---- */

static enum source pick_source(const struct i8042_regs *r)
{
	bool kbd = ps2_port_has(&r->kbd.port);
	bool aux = ps2_port_has(&r->mouse.port);

	if (r->replies & REPLY_KBD)
		return SRC_KBD_REPLY;
	if (r->replies & REPLY_AUX)
		return SRC_AUX_REPLY;
	if ((r->source == SRC_KBD && kbd) || (r->source == SRC_AUX && aux))
		return r->source;
	if (kbd && !(r->mode & MODE_KBD_OFF))
		return SRC_KBD;
	if (aux && !(r->mode & MODE_AUX_OFF))
		return SRC_AUX;
	return SRC_NONE;
}

static bool is_aux(uint8_t source)
{
	return source == SRC_AUX_REPLY || source == SRC_AUX;
}

/* After anything changed: output buffer, status, interrupt lines. */
static void update(struct i8042 *s)
{
	struct i8042_regs *r = &s->r;
	bool full, aux;

	r->source = pick_source(r);
	full = r->source != SRC_NONE;
	aux = is_aux(r->source);
	r->status &= (uint8_t)~(ST_OBF | ST_AUX);
	r->status |= (uint8_t)((full ? ST_OBF : 0) | (aux ? ST_AUX : 0));
	irq_isa(s->bus, KBD_LINE, full && !aux && (r->mode & MODE_KBD_IRQ) &&
		!(r->mode & MODE_KBD_OFF));
	irq_isa(s->bus, AUX_LINE, aux && (r->mode & MODE_AUX_IRQ));
}

static void reply(struct i8042 *s, uint8_t v)
{
	s->r.kbd_reply = v;
	s->r.replies |= REPLY_KBD;
}

static void reply_aux(struct i8042 *s, uint8_t v)
{
	s->r.aux_reply = v;
	s->r.replies |= REPLY_AUX;
}

/* The keyboard's next byte, translated if the mode says so: a set-2 break is
   two bytes and becomes one. */
static uint8_t take_key(struct i8042_regs *r)
{
	struct ps2_port *p = &r->kbd.port;
	bool event = !fifo16_count(&p->reply);
	uint8_t v = ps2_port_pop(p);

	if (!(r->mode & MODE_TRANSLATE))
		return v;
	if (event && v == 0xf0 && fifo16_count(&p->event))
		return ps2_kbd_translate(fifo16_pop(&p->event)) | 0x80;
	return ps2_kbd_translate(v);
}

static uint8_t take_byte(struct i8042_regs *r)
{
	switch (r->source) {
	case SRC_KBD_REPLY:
		r->replies &= (uint8_t)~REPLY_KBD;
		return r->kbd_reply;
	case SRC_AUX_REPLY:
		r->replies &= (uint8_t)~REPLY_AUX;
		return r->aux_reply;
	case SRC_KBD:
		return take_key(r);
	case SRC_AUX:
		return ps2_port_pop(&r->mouse.port);
	default:
		return r->last;
	}
}

/* The guest took a byte: it is alive, and there may be room. */
static void note_read(struct i8042 *s)
{
	s->read_since = true;
	s->stalled = false;
	ps2_mouse_flush(&s->r.mouse);
	if (s->held && !ps2_port_has(&s->r.kbd.port) &&
	    !ps2_port_has(&s->r.mouse.port))
		timer_set(s->bus, &s->patience,
			  timer_now_ns(s->bus) + REFILL_NS);
}

static uint32_t data_read(void *dev, const struct reg *reg)
{
	struct i8042 *s = dev;

	(void)reg;
	if (s->r.source == SRC_NONE)
		return s->r.last;
	/* Down and, if more waits, up again: both lines are edges. */
	irq_isa(s->bus, is_aux(s->r.source) ? AUX_LINE : KBD_LINE, false);
	s->r.last = take_byte(&s->r);
	s->r.source = SRC_NONE;
	note_read(s);
	update(s);
	return s->r.last;
}

/* ---- commands ---- */

static void reboot(struct i8042 *s)
{
	bus_shutdown(s->bus, IO_SHUTDOWN_REBOOT);
}

static void write_outport(struct i8042 *s, uint8_t v)
{
	s->r.outport = v;
	if (!(v & OUT_NOT_RESET))
		reboot(s);
}

static uint8_t read_outport(const struct i8042_regs *r)
{
	uint8_t v = r->outport & (uint8_t)~(OUT_OBF | OUT_AUX);

	if (r->status & ST_OBF)
		v |= r->status & ST_AUX ? OUT_AUX : OUT_OBF;
	return v;
}

/* Commands that switch something; false: not one of them. */
static bool do_switch(struct i8042_regs *r, uint8_t v)
{
	switch (v) {
	case AUX_OFF:
		r->mode |= MODE_AUX_OFF;
		return true;
	case AUX_ON:
		r->mode &= (uint8_t)~MODE_AUX_OFF;
		return true;
	case KBD_OFF:
		r->mode |= MODE_KBD_OFF;
		return true;
	case KBD_ON:
		r->mode &= (uint8_t)~MODE_KBD_OFF;
		return true;
	case A20_ON:
		r->outport |= OUT_A20;
		return true;
	case A20_OFF:
		r->outport &= (uint8_t)~OUT_A20;
		return true;
	default:
		return false;
	}
}

static void do_command(struct i8042 *s, uint8_t v)
{
	switch (v) {
	case READ_MODE:
		reply(s, s->r.mode);
		break;
	case WRITE_MODE:
	case WRITE_OUTPORT:
	case WRITE_KBD_OBUF:
	case WRITE_AUX_OBUF:
	case WRITE_AUX:
		s->r.expects = v;
		break;
	case SELF_TEST:
		s->r.status |= ST_SELFTEST;
		reply(s, 0x55);
		break;
	case AUX_TEST:
	case KBD_TEST:
		reply(s, 0x00);
		break;
	case READ_INPORT:
		reply(s, 0x80);
		break;
	case READ_OUTPORT:
		reply(s, read_outport(&s->r));
		break;
	default:
		/* F0-FF pulse output lines; line 0 is the CPU's reset. */
		if (v >= PULSE && !(v & OUT_NOT_RESET))
			reboot(s);
		break;
	}
}

static void command_write(void *dev, const struct reg *reg, uint32_t val,
			  uint32_t old)
{
	struct i8042 *s = dev;

	(void)reg;
	(void)old;
	s->r.expects = 0;
	if (!do_switch(&s->r, (uint8_t)val))
		do_command(s, (uint8_t)val);
	update(s);
}

static void data_write(void *dev, const struct reg *reg, uint32_t val,
		       uint32_t old)
{
	struct i8042 *s = dev;
	uint8_t v = (uint8_t)val;
	uint8_t expects = s->r.expects;

	(void)reg;
	(void)old;
	s->r.expects = 0;
	switch (expects) {
	case WRITE_MODE:
		s->r.mode = v;
		break;
	case WRITE_OUTPORT:
		write_outport(s, v);
		break;
	case WRITE_KBD_OBUF:
		reply(s, v);
		break;
	case WRITE_AUX_OBUF:
		reply_aux(s, v);
		break;
	case WRITE_AUX:
		/* Sending to a device turns its interface on. */
		s->r.mode &= (uint8_t)~MODE_AUX_OFF;
		ps2_mouse_write(&s->r.mouse, v);
		break;
	default:
		s->r.mode &= (uint8_t)~MODE_KBD_OFF;
		ps2_kbd_write(&s->r.kbd, v);
		break;
	}
	update(s);
}

/* clang-format off */
static const struct reg data_rows[] = {
	RX(DATA, 0, 1, .read = data_read, .write = data_write),
};
static const struct reg status_rows[] = {
	/* Reading has no effect; guests poll it. */
	R(struct i8042, STATUS, 0, r.status, .reset = ST_CMD | ST_UNLOCKED,
			.write = command_write, .flags = REG_SHADOW),
};
/* clang-format on */
const struct reg_file i8042_data_regs = REG_FILE(data_rows, ~0u);
const struct reg_file i8042_status_regs = REG_FILE(status_rows, ~0u);

/* ---- input ---- */

/* No room.  True: drop it, nobody reads; false: hold it and come back. */
static bool hold(struct i8042 *s)
{
	if (s->stalled)
		return true;
	if (!s->held) {
		s->held = true;
		s->read_since = false;
		timer_set(s->bus, &s->patience,
			  timer_now_ns(s->bus) + PATIENCE_NS);
	}
	return false;
}

static void patience_fire(void *dev)
{
	struct i8042 *s = dev;

	s->stalled = !s->read_since;
	s->held = false;
	if (s->sink.ready)
		s->sink.ready(s->sink.back);
}

static bool sink_key(void *dev, uint32_t code, bool down)
{
	struct i8042 *s = dev;

	if (!ps2_kbd_key(&s->r.kbd, code, down))
		return hold(s);
	bus_touch(s->bus, s->id);
	update(s);
	return true;
}

static bool sink_pointer(void *dev, const struct input_pointer *p)
{
	struct i8042 *s = dev;

	if (!ps2_mouse_pointer(&s->r.mouse, p))
		return hold(s);
	bus_touch(s->bus, s->id);
	update(s);
	return true;
}

/* ---- what a predecessor left ---- */

static bool expects_data(uint8_t command)
{
	return command == WRITE_MODE || command == WRITE_OUTPORT ||
		command == WRITE_KBD_OBUF || command == WRITE_AUX_OBUF ||
		command == WRITE_AUX;
}

static const char *check(const void *dev, const void *regs)
{
	const struct i8042_regs *r = regs;
	const char *wrong = ps2_kbd_check(&r->kbd);

	(void)dev;
	if (r->expects && !expects_data(r->expects))
		return "expects";
	return wrong ? wrong : ps2_mouse_check(&r->mouse);
}

static void restored(void *dev)
{
	((struct i8042 *)dev)->restored = true;
}

/*
 * Drivers set the controller up once and know hot-plugging only of what is
 * behind it.  So, reset under a running guest, it is as firmware leaves it, and
 * keyboard and mouse say that they are new: their drivers set them up again.
 */
static void plug_in(struct i8042 *s)
{
	s->r.mode = MODE_KBD_IRQ | MODE_AUX_IRQ | MODE_SELFTEST | MODE_TRANSLATE;
	s->r.status |= ST_SELFTEST;
	ps2_kbd_plug(&s->r.kbd);
	ps2_mouse_plug(&s->r.mouse);
}

/* The back end offers again what waits for room. */
static void resume(void *dev)
{
	struct i8042 *s = dev;

	if (!s->restored)
		plug_in(s);
	update(s);
}

#define MAX_RULE(fld, max) BUS_FIELD(struct i8042_regs, fld, BUS_FIELD_MAX, max)
#define BITS_RULE(fld, bits) BUS_FIELD(struct i8042_regs, fld, BUS_FIELD_BITS, bits)
#define FIFO_RULES(fifo) \
	MAX_RULE(fifo.head, FIFO16_SIZE - 1), MAX_RULE(fifo.count, FIFO16_SIZE)
/* clang-format off */
static const struct bus_field fields[] = {
	BITS_RULE(status, ST_OBF | ST_SELFTEST | ST_CMD | ST_UNLOCKED | ST_AUX),
	MAX_RULE(source, SRC_AUX),
	BITS_RULE(replies, REPLY_KBD | REPLY_AUX),
	FIFO_RULES(kbd.port.reply), FIFO_RULES(kbd.port.event),
	MAX_RULE(kbd.scanning, 1), MAX_RULE(kbd.set, 2),
	MAX_RULE(kbd.leds, 7), MAX_RULE(kbd.rate, 0x7f),
	FIFO_RULES(mouse.port.reply), FIFO_RULES(mouse.port.event),
	BITS_RULE(mouse.status, 0x70), MAX_RULE(mouse.wrap, 1),
	MAX_RULE(mouse.resolution, 3),
	MAX_RULE(mouse.buttons, 7), MAX_RULE(mouse.told, 7),
	BITS_RULE(mouse.wheels, INPUT_BTN_WHEEL_UP | INPUT_BTN_WHEEL_DOWN),
	MAX_RULE(mouse.placed, 1),
	MAX_RULE(mouse.at_x, 4096), MAX_RULE(mouse.at_y, 4096),
	MAX_RULE(mouse.width, 4096), MAX_RULE(mouse.height, 4096),
};
/* clang-format on */
static const struct bus_state state = {
	.version = STATE_LAYOUT, .field = fields,
	.field_count = sizeof(fields) / sizeof(fields[0]),
	.check = check, .restored = restored,
};
static const struct bus_dev_ops dev_ops = { .resume = resume, .state = &state };

void i8042_init(struct i8042 *s, struct bus *b)
{
	s->bus = b;
	s->sink.key = sink_key;
	s->sink.pointer = sink_pointer;
	s->sink.dev = s;
	reg_reset(&i8042_status_regs, s);
	s->r.mode = MODE_KBD_IRQ | MODE_AUX_IRQ;
	s->r.outport = OUT_FIXED | OUT_A20 | OUT_NOT_RESET;
	ps2_kbd_reset(&s->r.kbd);
	ps2_mouse_reset(&s->r.mouse);
	s->id = bus_add_dev(b, "i8042", s, &dev_ops, &s->r, sizeof(s->r));
	timer_add(b, &s->patience, patience_fire, s);
	bus_map(b, bus_add_win(b, s->id, "i8042-data", CHAN_PIO, 1,
			       &i8042_data_regs, NULL), 0x60);
	bus_map(b, bus_add_win(b, s->id, "i8042-status", CHAN_PIO, 1,
			       &i8042_status_regs, NULL), 0x64);
}
