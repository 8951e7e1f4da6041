/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/test_vnc_filter.c - what may pass to libvncserver
 */
#include "back/vnc_filter.h"
#include "tap.h"

static size_t size;

static enum vnc_verdict look(const char *msg, size_t len)
{
	size = 0;
	return vnc_filter(VNC_NORMAL, (const uint8_t *)msg, len, &size);
}

static void test_lengths(void)
{
	static const struct { const char *name; uint8_t type; size_t size; } row[] = {
		{ "pixel format", 0, 20 }, { "update request", 3, 10 },
		{ "key", 4, 8 }, { "pointer", 5, 6 },
	};
	uint8_t msg[32] = { 0, 0, 0, 0, 32, 24, 0, 1, 0, 255, 0, 255, 0, 255,
		16, 8, 0 };

	for (unsigned int i = 0; i < 4; i++) {
		bool waits = true;

		msg[0] = row[i].type;
		for (size_t len = 1; len < row[i].size; len++)
			waits &= vnc_filter(VNC_NORMAL, msg, len, &size) == VNC_WAIT &&
				size == row[i].size;
		ok(waits, "%s: waits for all of it", row[i].name);
		ok(vnc_filter(VNC_NORMAL, msg, row[i].size, &size) == VNC_PASS,
		   "%s: then passes", row[i].name);
	}
	is_hex(look("\2\0\0\1", 4), VNC_WAIT, "one encoding, none there yet");
	is_hex(size, 8, "eight bytes");
	is_hex(look("\2\0\0\1\0\0\0\0", 8), VNC_PASS, "then passes");
	is_hex(look("\2\0\1\1", 4), VNC_REFUSE, "257 encodings are refused");
}

static void test_phases(void)
{
	uint8_t b[16] = { 0 };

	ok(vnc_filter(VNC_VERSION, b, 11, &size) == VNC_WAIT && size == 12 &&
	   vnc_filter(VNC_VERSION, b, 12, &size) == VNC_PASS, "version: 12");
	ok(vnc_filter(VNC_AUTH, b, 15, &size) == VNC_WAIT && size == 16 &&
	   vnc_filter(VNC_AUTH, b, 16, &size) == VNC_PASS, "answer: 16");
	is_hex(vnc_filter(VNC_SECURITY, b, 1, &size), VNC_PASS, "type: 1");
	is_hex(vnc_filter(VNC_INIT, b, 1, &size), VNC_PASS, "init: 1");
}

static void test_skipped(void)
{
	is_hex(look("\6\0\0\0\0\0\0\5", 8), VNC_SKIP, "cut text is skipped");
	is_hex(size, 13, "with its header");
	is_hex(look("\6\0\0\0\0\x10\0\0", 8), VNC_SKIP, "1 MiB of it too");
	is_hex(look("\6\0\0\0\0\x10\0\1", 8), VNC_REFUSE, "not more");
	is_hex(look("\6\0\0\0\xff\xff\xff\xf0", 8), VNC_SKIP,
	       "extended clipboard (CVE-2022-3165): its length is negative");
	is_hex(size, 24, "and counts");
	is_hex(look("\6\0\0\0\x80\0\0\0", 8), VNC_REFUSE, "the most negative one");
	is_hex(look("\xfb\0\4\0\3\0\2\0", 8), VNC_SKIP, "SetDesktopSize");
	is_hex(size, 8 + 32, "with its screens");
}

static void test_refused(void)
{
	static const uint8_t known[] = { 0, 2, 3, 4, 5, 6, 251 };
	uint8_t fmt[20] = { 0, 0, 0, 0, 16, 16, 0, 1, 0, 31, 0, 63, 0, 31, 11, 5, 0 };
	bool all = true;

	for (unsigned int t = 0; t < 256; t++) {
		uint8_t b[20] = { (uint8_t)t };

		if (!memchr(known, (int)t, sizeof(known)))
			all &= vnc_filter(VNC_NORMAL, b, 20, &size) == VNC_REFUSE;
	}
	ok(all, "249 other kinds are refused");
	is_hex(vnc_filter(VNC_NORMAL, fmt, 20, &size), VNC_PASS, "565 passes");
	fmt[14] = 12;
	is_hex(vnc_filter(VNC_NORMAL, fmt, 20, &size), VNC_REFUSE,
	       "a colour beyond the pixel does not");
	fmt[14] = 11;
	fmt[7] = 0;
	is_hex(vnc_filter(VNC_NORMAL, fmt, 20, &size), VNC_REFUSE,
	       "nor colour maps");
	fmt[7] = 1;
	fmt[5] = 0;
	is_hex(vnc_filter(VNC_NORMAL, fmt, 20, &size), VNC_REFUSE, "nor depth 0");
}

int main(void)
{
	test_lengths();
	test_phases();
	test_skipped();
	test_refused();
	return tap_done();
}
