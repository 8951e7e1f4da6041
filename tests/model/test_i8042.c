/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/model/test_i8042.c - keyboard controller, keyboard and mouse
 */
#include "dev/i8042.h"
#include "tap.h"
#include "tests/lib/busrig.h"

static struct rig rig;
static struct i8042 ctl;
static unsigned int readies;

static void ready(void *back)
{
	(void)back;
	readies++;
}

static void fresh(void)
{
	rig_init(&rig, 0);
	ctl = (struct i8042){ 0 };
	i8042_init(&ctl, &rig.bus);
	ctl.sink.ready = ready;
	readies = 0;
	rig_close(&rig);
}

static void cmd(uint8_t v)
{
	out8(&rig, 0x64, v);
}

static void data(uint8_t v)
{
	out8(&rig, 0x60, v);
}

static uint8_t status(void)
{
	return in8(&rig, 0x64);
}

static bool key(uint32_t code, bool down)
{
	bool took = ctl.sink.key(ctl.sink.dev, code, down);

	rig_settle(&rig);
	return took;
}

static bool point(uint32_t x, uint32_t y, uint32_t buttons)
{
	bool took = ctl.sink.pointer(ctl.sink.dev, &(struct input_pointer){
		.x = x, .y = y, .width = 640, .height = 480,
		.buttons = buttons });

	rig_settle(&rig);
	return took;
}

/* Everything in the output buffer is @want, then it is empty. */
static void expect(const uint8_t *want, unsigned int len, const char *what)
{
	unsigned int got = 0;
	bool same = true;

	while ((status() & 0x01) && got < 64) {
		uint8_t v = in8(&rig, 0x60);

		if (got >= len || v != want[got]) {
			printf("# byte %u is 0x%02x\n", got, v);
			same = false;
		}
		got++;
	}
	ok(same && got == len, "%s", what);
	if (got != len)
		printf("# %u bytes, want %u\n", got, len);
}
#define EXPECT(what, ...) do { const uint8_t want_[] = { __VA_ARGS__ };	\
	expect(want_, sizeof(want_), what); } while (0)

static void flush(void)
{
	for (unsigned int i = 0; i < 64 && (status() & 1); i++)
		in8(&rig, 0x60);
}

static void test_reset(void)
{
	fresh();
	is_hex(status(), 0x18, "status after reset");
	cmd(0x20);
	EXPECT("mode after reset", 0x03);
	cmd(0xd0);
	EXPECT("output port after reset", 0xcf);
	is_hex(in8(&rig, 0x60), 0xcf, "an empty buffer gives the last byte");
}

/* src/hw/ps2port.c of SeaBIOS */
static void test_seabios(void)
{
	fresh();
	cmd(0xad);
	cmd(0xa7);
	is_hex(status() & 1, 0, "SeaBIOS: flushed");
	cmd(0xaa);
	EXPECT("SeaBIOS: controller self-test", 0x55);
	is_hex(status() & 4, 4, "and status says so");
	cmd(0xab);
	EXPECT("SeaBIOS: keyboard interface test", 0x00);
	cmd(0x60);
	data(0x30);
	data(0xff);
	EXPECT("SeaBIOS: keyboard reset", 0xfa, 0xaa);
	data(0xf5);
	EXPECT("SeaBIOS: keyboard off", 0xfa);
	data(0xf0);
	EXPECT("SeaBIOS: set scan code set", 0xfa);
	data(0x02);
	EXPECT("SeaBIOS: to 2", 0xfa);
	cmd(0x60);
	data(0x61);
	data(0xf4);
	ok(rig.isa[1], "SeaBIOS: keyboard on, acknowledged with IRQ 1");
	EXPECT("SeaBIOS: by an ACK", 0xfa);
	ok(!rig.isa[1], "and the line is low again");
	key(0x1e, true);
	key(0x1e, false);
	EXPECT("A pressed and released, translated to set 1", 0x1e, 0x9e);
}

/* drivers/input/serio/i8042.c */
static void test_linux(void)
{
	fresh();
	cmd(0xaa);
	EXPECT("Linux: CTL_TEST", 0x55);
	cmd(0x20);
	EXPECT("Linux: command byte", 0x03);
	cmd(0x60);
	data(0x74);
	cmd(0xd3);
	data(0x5a);
	is_hex(status() & 0x21, 0x21, "Linux: AUX_LOOP comes back as mouse data");
	EXPECT("Linux: unchanged", 0x5a);
	cmd(0xa9);
	EXPECT("Linux: AUX_TEST", 0x00);
	cmd(0xd3);
	data(0xf0);
	EXPECT("Linux: mux probe, first byte", 0xf0);
	cmd(0xd3);
	data(0x56);
	EXPECT("Linux: mux probe, second", 0x56);
	cmd(0xd3);
	data(0xa4);
	EXPECT("Linux: mux probe fails: echoed as is", 0xa4);
	cmd(0xa7);
	cmd(0x20);
	is_hex(in8(&rig, 0x60) & 0x20, 0x20, "Linux: A7 is seen in the mode");
	cmd(0xa8);
	cmd(0x20);
	is_hex(in8(&rig, 0x60) & 0x20, 0x00, "Linux: and A8");
	cmd(0x60);
	data(0x47);
	cmd(0xd3);
	data(0xa5);
	ok(rig.isa[12] && !rig.isa[1], "Linux: AUX IRQ delivery test");
	EXPECT("Linux: its byte", 0xa5);
	ok(!rig.isa[12], "Linux: and the line is low");
	data(0xf2);
	EXPECT("Linux: keyboard id, translated", 0xfa, 0xab, 0x41);
	data(0xed);
	EXPECT("Linux: LEDs", 0xfa);
	data(0x00);
	EXPECT("Linux: LEDs off", 0xfa);
	data(0xf3);
	data(0x00);
	EXPECT("Linux: rate (the first ACK was not read)", 0xfa);
	cmd(0xd4);
	data(0xff);
	EXPECT("Linux: mouse reset", 0xfa, 0xaa, 0x00);
	cmd(0xd4);
	data(0xf2);
	EXPECT("Linux: mouse id", 0xfa, 0x00);
}

static void test_keyboard_commands(void)
{
	fresh();
	data(0xee);
	EXPECT("echo", 0xee);
	data(0xf2);
	EXPECT("id untranslated", 0xfa, 0xab, 0x83);
	data(0x05);
	EXPECT("unknown command", 0xfe);
	data(0xf0);
	data(0x00);
	EXPECT("current set", 0xfa, 0x02);
	cmd(0x60);
	data(0x43);
	data(0xf0);
	data(0x00);
	EXPECT("current set, translated", 0xfa, 0x41);
	cmd(0x60);
	data(0x03);
	data(0xf0);
	data(0x03);
	EXPECT("set 3 is refused", 0xfe);
	data(0xf0);
	data(0x01);
	flush();
	key(0xe048, true);
	key(0xe048, false);
	EXPECT("set 1 from the keyboard itself", 0xe0, 0x48, 0xe0, 0xc8);
}

static void test_codes(void)
{
	fresh();
	key(0x1e, true);
	key(0x1e, false);
	EXPECT("A in set 2", 0x1c, 0xf0, 0x1c);
	key(0xe048, true);
	key(0xe048, false);
	EXPECT("Up in set 2", 0xe0, 0x75, 0xe0, 0xf0, 0x75);
	key(0x41, true);
	EXPECT("F7 in set 2", 0x83);
	key(0xe11d, true);
	key(0xe11d, false);
	EXPECT("Pause in set 2", 0xe1, 0x14, 0x77, 0xe1, 0xf0, 0x14, 0xf0, 0x77);
	key(0xe037, true);
	EXPECT("Print Screen down", 0xe0, 0x12, 0xe0, 0x7c);
	key(0xe037, false);
	EXPECT("Print Screen up", 0xe0, 0xf0, 0x7c, 0xe0, 0xf0, 0x12);
	cmd(0x60);
	data(0x43);
	key(0xe11d, true);
	EXPECT("Pause translated", 0xe1, 0x1d, 0x45, 0xe1, 0x9d, 0xc5);
	key(0xe01d, true);
	key(0xe01d, false);
	EXPECT("right Control translated", 0xe0, 0x1d, 0xe0, 0x9d);
	for (uint32_t c = 1; c < 0x59; c++) {
		bool known = c != 0x55 && c != 0x5a;

		key(c, true);
		key(c, false);
		if (known && (in8(&rig, 0x60) != c ||
			      in8(&rig, 0x60) != (c | 0x80)))
			ok(false, "set-1 code 0x%02x survives the way", c);
		flush();
	}
	ok(true, "set-1 codes 0x01-0x58 survive set 2 and translation");
	key(0, true);
	key(0xffffffff, true);
	key(0xe0ff, true);
	is_hex(status() & 1, 0, "codes that are none are ignored");
}

static void test_interrupt_edges(void)
{
	fresh();
	key(0x02, true);
	key(0x03, true);
	is_hex(rig.isa_rises[1], 1, "the first code raises IRQ 1");
	in8(&rig, 0x60);
	is_hex(rig.isa_rises[1], 2, "reading it makes the next edge");
	in8(&rig, 0x60);
	ok(!rig.isa[1], "then it is low");
	cmd(0x60);
	data(0x00);
	key(0x04, true);
	ok(!rig.isa[1], "no interrupt when the mode forbids it");
	is_hex(status() & 1, 1, "but data");
	cmd(0x60);
	data(0x01);
	ok(rig.isa[1], "allowing it interrupts");
}

/* Old INT 9 handlers disable the keyboard first and read then. */
static void test_disable_then_read(void)
{
	fresh();
	key(0x02, true);
	key(0x03, true);
	cmd(0xad);
	is_hex(status() & 1, 1, "the byte stays in the buffer");
	is_hex(in8(&rig, 0x60), 0x16, "and is read");
	is_hex(status() & 1, 0, "the next one waits while disabled");
	cmd(0xae);
	EXPECT("and comes afterwards", 0x1e);
}

static void test_reply_goes_first(void)
{
	fresh();
	key(0x02, true);
	cmd(0x20);
	EXPECT("a controller reply goes before a key", 0x03, 0x16);
}

static void test_queue_is_bounded(void)
{
	unsigned int n = 0, took = 0;

	fresh();
	while (took < 100 && key(0x02, true))
		took++;
	is_hex(took, 16, "16 codes are queued, the 17th is held");
	data(0xee);
	while ((status() & 1) && n < 100) {
		in8(&rig, 0x60);
		n++;
	}
	is_hex(n, 17, "a flush ends: 16 codes and one reply");
	is_hex(readies, 0, "held input does not come at once");
	rig_advance(&rig, 3000000);
	is_hex(readies, 1, "but soon");
	ok(key(0x02, true), "and finds room");
}

static void test_guest_that_never_reads(void)
{
	fresh();
	while (key(0x02, true))
		;
	ok(rig.wake_ns != INT64_MAX, "a full queue is watched");
	rig_advance(&rig, 600000000);
	is_hex(readies, 1, "after a while the back end is let go");
	ok(key(0x02, true) && key(0x03, true), "and its events are dropped");
	ok(ctl.patience.deadline_ns == INT64_MAX, "without a timer");
	is_hex(ctl.r.kbd.port.event.count, 16, "the queue stays as it was");
	in8(&rig, 0x60);
	ok(key(0x04, true), "when the guest reads again");
	flush();
	is_hex(in8(&rig, 0x60), 0x26, "keys arrive again");
}

static void test_resets(void)
{
	fresh();
	rig_said_clear(&rig);
	cmd(0xfe);
	is_hex(rig_said(&rig, ANS_SHUTDOWN), 1, "FE resets");
	is_hex(rig_said_last(&rig, ANS_SHUTDOWN)->data, IO_SHUTDOWN_REBOOT,
	       "as a reboot");
	rig_said_clear(&rig);
	cmd(0xff);
	cmd(0xf1);
	is_hex(rig_said(&rig, ANS_SHUTDOWN), 0, "a pulse without bit 0 does not");
	cmd(0xd1);
	data(0xdf);
	is_hex(rig_said(&rig, ANS_SHUTDOWN), 0, "A20 through D1 does not");
	cmd(0xd1);
	data(0xde);
	is_hex(rig_said(&rig, ANS_SHUTDOWN), 1, "D1 with bit 0 clear does");
}

static void mouse(uint8_t v)
{
	cmd(0xd4);
	data(v);
}

static void mouse_ack(uint8_t v)
{
	mouse(v);
	in8(&rig, 0x60);
}

static void test_mouse(void)
{
	fresh();
	point(100, 100, 0);
	is_hex(status() & 1, 0, "a mouse that is off says nothing");
	mouse_ack(0xf4);
	point(100 + 512, 100 + 683, 0);
	is_hex(status() & 0x21, 0x21, "movement is mouse data");
	ok(rig.isa[12], "and raises IRQ 12");
	EXPECT("10 right, 10 down", 0x28, 0x0a, 0xf6);
	point(100 + 512, 100 + 683, 1);
	EXPECT("left button", 0x09, 0, 0);
	point(100 + 512, 100 + 683, 4);
	EXPECT("right button instead", 0x0a, 0, 0);
	point(0x7fff, 100 + 683, 4);
	EXPECT("a long way takes several packets",
	       0x0a, 127, 0, 0x0a, 127, 0, 0x0a, 127, 0, 0x0a, 127, 0,
	       0x0a, 120, 0);
	point(0x7fff, 100 + 683, 4 | 8);
	is_hex(status() & 1, 0, "no wheel on a plain mouse");
	mouse(0xe9);
	EXPECT("status", 0xfa, 0x21, 0x02, 100);
	mouse(0xf6);
	mouse(0xe9);
	EXPECT("defaults turn it off", 0xfa, 0x01, 0x02, 100);
	mouse(0xe1);
	EXPECT("unknown command", 0xfe);
}

static void knock(uint8_t a, uint8_t b, uint8_t c)
{
	const uint8_t rate[] = { a, b, c };

	for (unsigned int i = 0; i < 3; i++) {
		mouse_ack(0xf3);
		mouse_ack(rate[i]);
	}
}

static void test_mouse_types(void)
{
	fresh();
	knock(200, 200, 80);
	mouse(0xf2);
	EXPECT("five buttons only after the wheel", 0xfa, 0);
	knock(200, 100, 80);
	mouse(0xf2);
	EXPECT("IntelliMouse", 0xfa, 3);
	mouse_ack(0xf4);
	point(0, 0, 0);
	point(0, 0, 8);
	EXPECT("wheel up", 0x08, 0, 0, 0xff);
	point(0, 0, 0);
	is_hex(status() & 1, 0, "its release is nothing");
	point(0, 0, 16);
	EXPECT("wheel down", 0x08, 0, 0, 0x01);
	knock(200, 200, 80);
	mouse(0xf2);
	EXPECT("IntelliMouse Explorer", 0xfa, 4);
	point(0, 0, 8);
	EXPECT("wheel up in four bits", 0x08, 0, 0, 0x0f);
	mouse(0xff);
	flush();
	mouse(0xf2);
	EXPECT("reset forgets it", 0xfa, 0);
}

static void test_mouse_modes(void)
{
	fresh();
	mouse_ack(0xf0);
	point(0, 0, 0);
	point(512, 0, 1);
	is_hex(status() & 1, 0, "remote mode: silent");
	mouse(0xeb);
	EXPECT("until polled", 0xfa, 0x09, 10, 0);
	mouse_ack(0xee);
	mouse(0xf4);
	EXPECT("wrap mode echoes", 0xf4);
	mouse(0xec);
	EXPECT("until reset", 0xfa);
	mouse_ack(0xe7);
	mouse(0xe9);
	EXPECT("scaling and remote in the status", 0xfa, 0x54, 2, 100);
}

static void test_mouse_backlog(void)
{
	unsigned int bytes = 0;
	int dx = 0;

	fresh();
	mouse_ack(0xf4);
	point(0, 0, 0);
	point(0x7fff, 0, 0);
	point(0, 0, 0);
	point(0x7fff, 0, 0);
	point(0x7fff, 0, 1);
	while ((status() & 1) && bytes < 300) {
		uint8_t b0 = in8(&rig, 0x60), x = in8(&rig, 0x60);

		in8(&rig, 0x60);
		dx += (b0 & 0x10) ? (int)x - 256 : x;
		bytes += 3;
	}
	ok(dx == 639, "movement adds up while nobody reads");
	ok(ctl.r.mouse.told == 1, "and the click comes with it");
	for (unsigned int i = 0; i < 1000; i++)
		if (!point((i & 1) * 0x7fff, 0, i & 1))
			break;
	ok(ctl.held, "clicks that find no room are held, not merged");
}

static void test_shortcuts(void)
{
	uint32_t v;

	fresh();
	ok(rig_shadow(&rig, CHAN_PIO, 0x64, 1, &v) && v == 0x18,
	   "status shadow");
	key(0x02, true);
	ok(rig_shadow(&rig, CHAN_PIO, 0x64, 1, &v) && v == 0x19,
	   "follows input");
	is_hex(rig_row_flags(&rig, CHAN_PIO, 0x60, 1), 0, "data has none");
}

int main(void)
{
	test_reset();
	test_seabios();
	test_linux();
	test_keyboard_commands();
	test_codes();
	test_interrupt_edges();
	test_disable_then_read();
	test_reply_goes_first();
	test_queue_is_bounded();
	test_guest_that_never_reads();
	test_resets();
	test_mouse();
	test_mouse_types();
	test_mouse_modes();
	test_mouse_backlog();
	test_shortcuts();
	rig_free(&rig);
	return tap_done();
}
