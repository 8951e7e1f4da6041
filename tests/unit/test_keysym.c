/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/test_keysym.c - keysyms, and what shift does around them
 */
#include <sys/eventfd.h>
#include <unistd.h>

#include "back/keysym.h"
#include "back/vnc_input.h"
#include "tap.h"

static struct input_ring ring;
static uint32_t taken;
static int kick_fd;

static bool key_is(uint32_t keysym, uint32_t scan, enum keysym_level level)
{
	struct keysym_key k = { 0 };

	return keysym_find(keysym, &k) && k.scan == scan && k.level == level;
}

static void test_table(void)
{
	struct keysym_key k;
	unsigned int found = 0;

	ok(key_is('a', 0x1e, KEYSYM_LOWER), "a");
	ok(key_is('Z', 0x2c, KEYSYM_UPPER), "Z");
	ok(key_is('1', 0x02, KEYSYM_PLAIN), "1");
	ok(key_is('!', 0x02, KEYSYM_SHIFTED), "! is on 1");
	ok(key_is('|', 0x2b, KEYSYM_SHIFTED), "| is on backslash");
	ok(key_is('~', 0x29, KEYSYM_SHIFTED), "~ is on grave");
	ok(key_is('/', 0x35, KEYSYM_PLAIN), "/");
	ok(key_is(' ', 0x39, KEYSYM_ANY), "space");
	ok(key_is(0xff0d, 0x1c, KEYSYM_ANY), "Return");
	ok(key_is(0xff8d, 0xe01c, KEYSYM_ANY), "keypad Enter is extended");
	ok(key_is(0xff52, 0xe048, KEYSYM_ANY), "Up is extended");
	ok(key_is(0xff97, 0x48, KEYSYM_ANY), "keypad Up is not");
	ok(key_is(0xffc9, 0x58, KEYSYM_ANY), "F12");
	ok(key_is(0xff13, 0xe11d, KEYSYM_ANY), "Pause");
	ok(key_is(0xff61, 0xe037, KEYSYM_ANY), "Print");
	ok(key_is(0xfe03, 0xe038, KEYSYM_ANY), "AltGr");
	ok(key_is(0x01000041, 0x1e, KEYSYM_UPPER), "A as Unicode keysym");
	ok(!keysym_find(0xe4, &k), "a-umlaut is on no US key");
	ok(!keysym_find(0x6c1, &k), "nor is Cyrillic");
	ok(!keysym_find(0, &k) && !keysym_find(UINT32_MAX, &k), "nor nonsense");
	for (uint32_t c = 0x20; c < 0x7f; c++)
		found += keysym_find(c, &k);
	is_hex(found, 0x7f - 0x20, "all of ASCII can be typed");
}

/* Events since the last call, as "+2a -2a". */
static const char *typed(void)
{
	static char text[256];
	size_t at = 0;

	text[0] = '\0';
	while (taken != ring.tail) {
		const struct input_event *e = &ring.event[taken++ % INPUT_EVENTS];

		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%c%x",
				       at ? " " : "", e->b ? '+' : '-', e->a);
	}
	ring.head = taken;
	return text;
}

static void test_shift(void)
{
	struct vnc_keys k = { 0 };

	vnc_input_key(&k, 'x', true);
	vnc_input_key(&k, 'x', false);
	is_str(typed(), "+2d -2d", "a letter");
	vnc_input_key(&k, '?', true);
	vnc_input_key(&k, '?', false);
	is_str(typed(), "+2a +35 -2a -35", "a shifted symbol without shift");
	vnc_input_key(&k, 0xffe1, true);
	vnc_input_key(&k, '?', true);
	vnc_input_key(&k, '?', false);
	is_str(typed(), "+2a +35 -35", "with shift held: as it is");
	vnc_input_key(&k, '/', true);
	vnc_input_key(&k, '/', false);
	is_str(typed(), "-2a +35 +2a -35", "a plain symbol with shift held "
	       "(another layout): shift is let go around it");
	vnc_input_key(&k, 'a', true);
	vnc_input_key(&k, 'a', false);
	is_str(typed(), "+1e -1e", "a lower letter with shift: caps lock there, "
	       "as it is");
	vnc_input_key(&k, 0xffe1, false);
	vnc_input_key(&k, 0xffe5, true);
	vnc_input_key(&k, 0xffe5, false);
	typed();
	vnc_input_key(&k, 'Q', true);
	vnc_input_key(&k, 'Q', false);
	is_str(typed(), "+10 -10", "an upper letter after caps lock: as it is");
	vnc_input_key(&k, '!', true);
	vnc_input_key(&k, '!', false);
	is_str(typed(), "+2a +2 -2a -2", "caps lock is no shift for symbols");
	vnc_input_key(&k, 0xffe5, true);
	vnc_input_key(&k, 0xffe5, false);
	typed();
}

static void test_held(void)
{
	struct vnc_keys a = { 0 }, b = { 0 };

	vnc_input_key(&a, 'k', false);
	is_str(typed(), "", "a key that is not down does not go up");
	vnc_input_key(&a, 'k', true);
	vnc_input_key(&a, 'k', true);
	vnc_input_key(&b, 'k', false);
	is_str(typed(), "+25 +25", "it repeats; another client cannot let it go");
	vnc_input_key(&a, 0xff13, true);
	vnc_input_key(&a, 0xffe4, true);
	typed();
	vnc_input_release(&a);
	is_str(typed(), "-25 -e01d -e11d", "who leaves lets all of its keys go");
	vnc_input_release(&a);
	is_str(typed(), "", "once");
}

/* vnc died with keys and a button pressed; its clients come back with none. */
static void test_successor(void)
{
	struct vnc_keys k = { 0 };
	struct input_event *e;

	vnc_input_key(&k, 0xffe3, true);
	vnc_input_key(&k, 0xff52, true);
	vnc_input_key(&k, 'n', true);
	vnc_input_key(&k, 'n', false);
	vnc_input_key(&k, 0xffe5, true);
	vnc_input_key(&k, 0xffe5, false);
	vnc_input_pointer(30, 40, 5, 800, 600);
	typed();
	vnc_input_open(&ring, kick_fd);
	e = &ring.event[(ring.tail - 1) % INPUT_EVENTS];
	ok(e->kind == INPUT_POINTER && e->c == 0 &&
	   e->d == (800u << 16 | 600), "the button is let go of");
	ok(e->a == 30 * 0x7fff / 799 && e->b == 40 * 0x7fff / 599,
	   "where the pointer was");
	ring.tail--;		/* typed() knows keys only */
	is_str(typed(), "-1d -e048", "and the keys that were down");
	ring.tail = ++taken;
	vnc_input_open(&ring, kick_fd);
	is_str(typed(), "", "once");
	k = (struct vnc_keys){ 0 };
	vnc_input_key(&k, 'Q', true);
	vnc_input_key(&k, 'Q', false);
	is_str(typed(), "+10 -10", "caps lock is still known to be on");
	vnc_input_key(&k, 0xffe5, true);
	vnc_input_key(&k, 0xffe5, false);
	typed();
}

static void test_ring(void)
{
	struct vnc_keys k = { 0 };
	struct input_event *e;
	uint64_t n;

	ring.asleep = 1;
	vnc_input_pointer(0, 599, 0xff, 800, 600);
	e = &ring.event[(ring.tail - 1) % INPUT_EVENTS];
	ok(e->kind == INPUT_POINTER && e->a == 0 && e->b == 0x7fff &&
	   e->c == 31 && e->d == (800u << 16 | 600), "pointer is scaled");
	ok(read(kick_fd, &n, sizeof(n)) == (ssize_t)sizeof(n), "a sleeper is woken");
	vnc_input_pointer(70000, 3, 0, 800, 1);
	e = &ring.event[(ring.tail - 1) % INPUT_EVENTS];
	ok(e->a == 0x7fff && e->b == 0, "outside is the edge; one line is line 0");
	taken = ring.head = ring.tail;
	ring.asleep = 0;
	while (read(kick_fd, &n, sizeof(n)) > 0)
		;
	for (unsigned int i = 0; i < 1000; i++)
		vnc_input_key(&k, 'z', true);
	is_hex(ring.tail - ring.head, INPUT_EVENTS, "full: the rest is dropped");
	ok(read(kick_fd, &n, sizeof(n)) < 0, "nobody asleep: nobody is woken");
	ring.head = ring.tail + 7;
	vnc_input_key(&k, 'z', true);
	ok(ring.tail == ring.head - 7, "an impossible head is as good as full");
}

int main(void)
{
	kick_fd = eventfd(0, EFD_NONBLOCK);
	vnc_input_open(&ring, kick_fd);
	test_table();
	test_shift();
	test_held();
	test_successor();
	test_ring();
	return tap_done();
}
