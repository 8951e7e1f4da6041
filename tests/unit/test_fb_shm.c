/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/test_fb_shm.c - the picture between two processes
 */
#include <sys/eventfd.h>
#include <unistd.h>

#include "back/fb_shm.h"
#include "ring/memfd.h"
#include "tap.h"

static struct fb *fb;

static bool believes(uint32_t frame, uint32_t width, uint32_t height)
{
	uint32_t w = 0, h = 0;

	fb->frame = frame;
	fb->width = width;
	fb->height = height;
	return fb_shm_get_size(fb, &w, &h) && w == width && h == height;
}

static void test_geometry(void)
{
	ok(!believes(0, 0, 0), "no picture yet");
	ok(believes(2, 720, 400), "an ordinary one");
	ok(believes(2, FB_WIDTH_MAX, FB_HEIGHT_MAX), "the largest one");
	ok(believes(0, 1, 1), "the smallest one");
	ok(!believes(3, 720, 400), "odd: changing now");
	ok(!believes(2, FB_WIDTH_MAX + 1, 400), "too wide");
	ok(!believes(2, 720, FB_HEIGHT_MAX + 1), "too high");
	ok(!believes(2, UINT32_MAX, UINT32_MAX), "absurd");
	ok(!believes(2, 0, 400) && !believes(2, 720, 0), "empty");
}

static void test_painter(void)
{
	int fd = eventfd(0, EFD_NONBLOCK);
	struct disp *d = fb_shm_open(fb, fd);
	uint32_t w, h;
	uint64_t n;

	fb->frame = 7;			/* somebody died in the middle */
	d->resize(d, 800, 600);
	ok(fb_shm_get_size(fb, &w, &h) && w == 800 && h == 600,
	   "a successor makes the frame whole");
	is_hex(fb->frame & 1, 0, "and even");
	d->pixel[d->stride + 2] = 0xabcdef;
	is_hex(fb->pixel[800 + 2], 0xabcdef, "lines are packed");
	d->changed(d, 15, 2);
	is_hex(fb->band[0] + fb->band[1], 0, "bands count when the scan is done");
	d->scanned(d, 40);
	is_hex(fb->blink_ms, 40, "the reader is told when it blinks");
	ok(fb->band[0] == 1 && fb->band[1] == 1 && fb->band[2] == 0,
	   "lines 15 and 16 are in two bands");
	ok(read(fd, &n, sizeof(n)) == (ssize_t)sizeof(n), "the reader is told");
	d->changed(d, 0, 0);
	d->changed(d, FB_HEIGHT_MAX - 1, 50);
	d->scanned(d, 0);
	is_hex(fb->blink_ms, 0, "and when it does no more");
	ok(fb->band[0] == 1 && fb->band[FB_BANDS - 1] == 1,
	   "nothing is nothing, beyond the end is cut");
	close(fd);
}

int main(void)
{
	int fd = memfd_make_fb();

	if (fd < 0)
		return skip_all("no memfd");
	fb = fb_shm_map(fd, true);
	test_geometry();
	test_painter();
	return tap_done();
}
