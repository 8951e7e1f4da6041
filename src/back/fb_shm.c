/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * back/fb_shm.c - a display that is memory
 *
 * Runs in vga (painting) and vnc (looking).  Bands are counted up when a scan
 * is complete, after the pixels: a reader that sees the count sees them too.
 */
#include "back/fb_shm.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bug.h"

static struct {
	struct disp disp;
	struct fb *fb;
	int painted_fd;
	bool band[FB_BANDS];		/* painted in this scan */
} me;

struct fb *fb_shm_map(int fd, bool writable)
{
	int prot = PROT_READ | (writable ? PROT_WRITE : 0);
	int seals = fcntl(fd, F_GET_SEALS);
	struct stat st;
	struct fb *fb;

	if (seals < 0 || !(seals & F_SEAL_SHRINK) || fstat(fd, &st) ||
	    st.st_size != (off_t)sizeof(*fb))
		die(0, "not a framebuffer: fd=%d", fd);
	fb = mmap(NULL, sizeof(*fb), prot, MAP_SHARED, fd, 0);
	if (fb == MAP_FAILED)
		die(errno, "cannot map the framebuffer: fd=%d", fd);
	if (fb->magic != FB_MAGIC || fb->version != FB_VERSION ||
	    fb->size_bytes != sizeof(*fb))
		die(0, "not a framebuffer: fd=%d magic=0x%08x version=%u", fd,
		    fb->magic, fb->version);
	return fb;
}

static void resize(struct disp *d, uint32_t width, uint32_t height)
{
	struct fb *fb = me.fb;
	uint32_t frame = atomic_load_explicit(&fb->frame, memory_order_relaxed);

	d->stride = width;
	frame |= 1;	/* a predecessor may have died in here */
	atomic_store_explicit(&fb->frame, frame, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	atomic_store_explicit(&fb->width, width, memory_order_relaxed);
	atomic_store_explicit(&fb->height, height, memory_order_relaxed);
	atomic_store_explicit(&fb->frame, frame + 1, memory_order_release);
}

static void mark_changed(struct disp *d, uint32_t y, uint32_t count)
{
	(void)d;
	for (uint32_t b = y / FB_BAND_LINES;
	     count && b <= (y + count - 1) / FB_BAND_LINES && b < FB_BANDS; b++)
		me.band[b] = true;
}

static void end_scan(struct disp *d, uint32_t blink_ms)
{
	uint64_t one = 1;

	(void)d;
	atomic_store_explicit(&me.fb->blink_ms, blink_ms, memory_order_relaxed);
	for (uint32_t b = 0; b < FB_BANDS; b++)
		if (me.band[b])
			atomic_fetch_add_explicit(&me.fb->band[b], 1,
						  memory_order_release);
	memset(me.band, 0, sizeof(me.band));
	/* Non-blocking; full means that vnc has not looked yet. */
	if (write(me.painted_fd, &one, sizeof(one)) < 0)
		return;
}

struct disp *fb_shm_open(struct fb *fb, int painted_fd)
{
	me.fb = fb;
	me.painted_fd = painted_fd;
	me.disp = (struct disp){
		.pixel = fb->pixel, .stride = FB_WIDTH_MAX,
		.width_max = FB_WIDTH_MAX, .height_max = FB_HEIGHT_MAX,
		.resize = resize, .changed = mark_changed, .scanned = end_scan,
	};
	return &me.disp;
}

bool fb_shm_get_size(const struct fb *fb, uint32_t *width, uint32_t *height)
{
	uint32_t before = atomic_load_explicit(&fb->frame, memory_order_acquire);
	uint32_t w = atomic_load_explicit(&fb->width, memory_order_relaxed);
	uint32_t h = atomic_load_explicit(&fb->height, memory_order_relaxed);

	atomic_thread_fence(memory_order_acquire);
	if (before != atomic_load_explicit(&fb->frame, memory_order_relaxed) ||
	    (before & 1) || w == 0 || h == 0 ||
	    w > FB_WIDTH_MAX || h > FB_HEIGHT_MAX)
		return false;
	*width = w;
	*height = h;
	return true;
}
