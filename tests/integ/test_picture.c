/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/integ/test_picture.c - from a guest's store to a pixel
 *
 * The real broker and vga worker, under their filters, on the in-memory
 * hypervisor.  The test is the guest and, as far as the framebuffer goes, the
 * vnc worker: it asks for scans and looks at the shared picture.
 */
#include <poll.h>
#include <unistd.h>

#include "back/fb_shm.h"
#include "base/clock.h"
#include "fakefamily.h"
#include "patience.h"
#include "tap.h"

#define VGA_FUNC	0x18u
#define LFB		0xf0000000u
#define VRAM_FRAMES	4096u

static struct fakefamily f;
static struct fakeguest *g;
static struct fb *fb;

static void out(uint16_t port, unsigned int size, uint32_t v)
{
	fakeguest_out(g, 0, port, size, v);
}

static void index_out(uint16_t port, uint8_t index, uint8_t val)
{
	out(port, 2, (uint32_t)(index | val << 8));
}

static void dispi(uint16_t i, uint16_t v)
{
	out(0x1ce, 2, i);
	out(0x1cf, 2, v);
}

/* Nanoseconds until the scan was done; -1: it was not. */
static int64_t scan(void)
{
	struct pollfd p = { .fd = f.painted_fd, .events = POLLIN };
	int64_t began = clock_now_ns();
	uint64_t n = 1;

	if (write(f.scan_fd, &n, sizeof(n)) < 0 || poll(&p, 1, 3000) <= 0 ||
	    read(f.painted_fd, &n, sizeof(n)) < 0)
		return -1;
	return clock_now_ns() - began;
}

static void size_is(uint32_t width, uint32_t height, const char *what)
{
	uint32_t w = 0, h = 0;

	ok(fb_shm_get_size(fb, &w, &h) && w == width && h == height,
	   "%s (%ux%u)", what, w, h);
}

static uint32_t pixel(uint32_t x, uint32_t y)
{
	return fb->pixel[y * fb->width + x];
}

/* A posted write may still be on its way when the first scan runs. */
static void pixel_is(uint32_t x, uint32_t y, uint32_t want, const char *what)
{
	for (int i = 0; i < PATIENCE_MS && pixel(x, y) != want; i++) {
		usleep(1000);
		scan();
	}
	is_hex(pixel(x, y), want, what);
}

static uint32_t bands_since(uint32_t *before)
{
	uint32_t n = 0;

	for (unsigned int b = 0; b < FB_BANDS; b++) {
		n += fb->band[b] != before[b];
		before[b] = fb->band[b];
	}
	return n;
}

static void colour(uint8_t i, uint8_t red, uint8_t green, uint8_t blue)
{
	fakeguest_in(g, 0, 0x3da, 1);
	out(0x3c0, 1, i);
	out(0x3c0, 1, i);
	out(0x3c0, 1, 0x20);
	out(0x3c8, 1, i);
	out(0x3c9, 1, red);
	out(0x3c9, 1, green);
	out(0x3c9, 1, blue);
}

static void set_text(void)
{
	static const uint8_t crtc[][2] = {
		{ 0x11, 0 }, { 0x01, 79 }, { 0x12, 0x8f }, { 0x07, 0x1f },
		{ 0x09, 0x4f }, { 0x18, 0xff }, { 0x13, 40 }, { 0x17, 0xa3 },
		{ 0x0a, 0x20 },
	};

	out(0x3c2, 1, 0x67);
	for (unsigned int i = 0; i < sizeof(crtc) / 2; i++)
		index_out(0x3d4, crtc[i][0], crtc[i][1]);
	index_out(0x3c4, 2, 3);
	index_out(0x3c4, 4, 2);
	index_out(0x3ce, 5, 0x10);
	index_out(0x3ce, 6, 0x0e);
	colour(7, 42, 42, 42);
	colour(1, 0, 0, 42);
}

static void test_text(void)
{
	uint32_t before[FB_BANDS];

	set_text();
	ok(scan() >= 0, "a scan is answered");
	size_is(720, 400, "text mode");
	bands_since(before);
	fakeguest_store_mem(g, 0, 0xb8000 + (24 * 80 + 79) * 2, 2, 0x1720);
	pixel_is(719, 399, 0x0000aa, "a cell is written, in its background colour");
	is_hex(bands_since(before), 1, "in one band");
	usleep(20000);		/* vga sleeps, and these do not wake it */
	out(0x3c8, 1, 1);
	out(0x3c9, 1, 0);
	out(0x3c9, 1, 42);
	out(0x3c9, 1, 0);
	scan();
	is_hex(pixel(719, 399), 0x00aa00, "the next scan shows a new colour");
	colour(1, 0, 0, 42);
	fakeguest_stos(g, 0, 0xb8000, 2, 80, 0x1720, false);
	pixel_is(0, 0, 0x0000aa, "rep stosw too");
}

static void put(uint32_t x, uint32_t y, uint32_t v)
{
	fakeguest_store(g, LFB + (y * 1024 + x) * 4, &v, sizeof(v));
}

static void test_lfb(void)
{
	uint32_t before[FB_BANDS];
	int64_t took;

	fakeguest_cfg_write(g, 0, VGA_FUNC, 0x10, 4, LFB);
	fakeguest_cfg_write(g, 0, VGA_FUNC, 0x04, 2, 3);
	dispi(1, 1024);
	dispi(2, 768);
	dispi(3, 32);
	dispi(4, 0x41);
	ok(scan() >= 0, "VBE mode");
	size_is(1024, 768, "its size");
	scan();		/* the first query says that all is dirty */
	bands_since(before);
	took = scan();
	is_hex(bands_since(before), 0, "nothing was written: nothing changes");
	printf("# an idle scan of 1024x768 takes %lld us\n",
	       (long long)(took / NS_PER_US));
	put(1023, 767, 0x123456);
	put(5, 300, 0xabcdef);
	pixel_is(1023, 767, 0x123456, "stores into BAR 0 appear");
	is_hex(pixel(5, 300), 0xabcdef, "both");
	is_hex(bands_since(before), 2, "in two bands");
}

/* VRAM is write-back where the BAR is, and nowhere else. */
static void test_pinned(void)
{
	uint64_t ops = fakeguest_ops(g, FAKE_OP_PIN_WB);

	is_hex(g->m->pin_gfn, LFB >> 12, "VRAM is pinned where it is");
	for (uint32_t i = 1; i <= 4; i++)
		fakeguest_cfg_write(g, 0, VGA_FUNC, 0x10, 4, LFB + (i << 24));
	is_hex(g->m->pin_gfn, (LFB >> 12) + 0x4000, "and follows its BAR");
	fakeguest_cfg_write(g, 0, VGA_FUNC, 0x04, 2, 0);
	is_hex(g->m->pin_frames, 0, "parked, it is not");
	is_hex(fakeguest_ops(g, FAKE_OP_PIN_WB) - ops, 9,
	       "each pin is taken back");
}

int main(void)
{
	struct fakefamily_conf conf = {
		.guest = { .vcpus = 1, .low_bytes = 16 << 20,
			   .vram_gfn = 0xff000, .vram_frames = VRAM_FRAMES },
		.no_disk = true,
	};
	const char *why = fakefamily_missing(&conf);

	if (why)
		return skip_all(why);
	if (ok(fakefamily_start(&f, &conf), "the family is up")) {
		g = f.g;
		fb = fb_shm_map(f.fb_fd, false);
		test_text();
		test_lfb();
		test_pinned();
		ok(!fakeguest_fault(g), "no fault");
		ok(f.lies == 0, "nobody lied: %s", f.lie);
	}
	ok(fakefamily_stop(&f), "all end by themselves");
	return tap_done();
}
