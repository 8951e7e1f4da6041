/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/test_guest_mem.c - where RAM is, copies, and dma on top
 *
 * The model is a byte array without holes: what is RAM must come and go byte
 * for byte, all else reads as ones and swallows writes.
 */
#include <errno.h>

#include "base/stat.h"
#include "bus/bus.h"
#include "bus/dma.h"
#include "fakeguest.h"
#include "hv/hv.h"
#include "mem/guest.h"
#include "mem/mapcache.h"
#include "runtime/dma_guest.h"
#include "tap.h"

#define LOW_BYTES	(2u << 20)
#define HIGH_BYTES	(1u << 20)
#define GIB4		(UINT64_C(1) << 32)

static struct fakeguest *g;
static struct hv *hv;
static struct mapcache cache;
static const struct guest_ram ram = { LOW_BYTES, HIGH_BYTES };
static uint8_t buf[DMA_COPY_MAX];

/* ---- layout ---- */

static void test_layout(void)
{
	static const struct { uint64_t gpa; bool is; } at[] = {
		{ 0, true }, { 0x9ffff, true }, { 0xa0000, false },
		{ 0xbffff, false }, { 0xc0000, true }, { LOW_BYTES - 1, true },
		{ LOW_BYTES, false }, { 0xfec00000, false }, { GIB4 - 1, false },
		{ GIB4, true }, { GIB4 + HIGH_BYTES - 1, true },
		{ GIB4 + HIGH_BYTES, false }, { UINT64_MAX, false },
	};
	const struct guest_ram odd = { 4096 * 5 + 100, 0 };
	unsigned int wrong = 0;

	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++)
		wrong += guest_is_ram(&ram, at[i].gpa >> 12) != at[i].is;
	ok(!wrong, "borders of RAM");
	ok(guest_is_ram(&odd, 4) && !guest_is_ram(&odd, 5), "whole frames only");
	ok(!guest_is_ram(&ram, GUEST_NO_GFN), "no frame is no RAM");
	is_hex(guest_gfn(UINT64_MAX - 10, 11), GUEST_NO_GFN, "a sum that wraps");
	is_hex(guest_gfn(UINT64_MAX - 10, 10), UINT64_MAX >> 12, "and one that does not");
}

/* ---- copies ---- */

/* One copy out, compared with the guest's view byte by byte. */
static bool reads_right(uint64_t gpa, size_t len, bool want_all)
{
	bool all = guest_copy(&cache, gpa, buf, len, false), good = true;

	for (size_t i = 0; i < len; i++) {
		uint64_t at;
		const uint8_t *p = __builtin_add_overflow(gpa, i, &at) ? NULL :
			fakeguest_ram(g, at);

		good &= buf[i] == (p ? *p : 0xff);
	}
	return good && all == want_all;
}

static void test_copy(void)
{
	mapcache_init(&cache, hv, &ram, 64);
	for (uint64_t a = 0; a < LOW_BYTES; a++)
		if (fakeguest_ram(g, a))
			*fakeguest_ram(g, a) = (uint8_t)(a * 7 + (a >> 12));
	for (uint64_t a = 0; a < HIGH_BYTES; a++)
		*fakeguest_ram(g, GIB4 + a) = (uint8_t)(a * 5 + 1);
	ok(reads_right(0x1003, 7, true), "within a page");
	ok(reads_right(0x1ffd, 9, true), "over a page end");
	ok(reads_right(0x5001, DMA_COPY_MAX, true), "more than the cache takes at once");
	ok(reads_right(0x9f800, 0x1000, false), "into the hole");
	ok(reads_right(0x9fff0, 0x20020, false), "over the hole");
	ok(reads_right(LOW_BYTES - 3, 8, false), "out of low RAM");
	ok(reads_right(GIB4 - 3, 8, false), "into high RAM");
	ok(reads_right(UINT64_MAX - 2, 8, false), "beyond the end of all addresses");
	ok(reads_right(0x100000000000, 8, false), "nowhere");
	memset(buf, 0x77, 8);
	ok(!guest_copy(&cache, UINT64_MAX - 3, buf, 8, true) &&
	   *fakeguest_ram(g, 0) == 0, "a write that wraps does not reach address 0");
	ok(!guest_copy(&cache, LOW_BYTES - 4, buf, 8, true) &&
	   *fakeguest_ram(g, LOW_BYTES - 1) == 0x77, "the RAM part of a write");
	ok(guest_copy(&cache, 0x2ffe, buf, 4, true) &&
	   *fakeguest_ram(g, 0x3001) == 0x77 && *fakeguest_ram(g, 0x3002) != 0x77,
	   "exactly the bytes asked for");
	is_hex(cache.pinned, 0, "no pin is left");
	mapcache_invalidate(&cache);
}

/* ---- dma ---- */

static struct {
	uint64_t gfn[64], frames[64];
	unsigned int modified, invalidated;
} told;
static const struct bus_dma_ops *dma;
static struct dma_map map1, map2;
static struct iovec iov[600];

static void modified(void *ctx, uint64_t gfn, uint64_t frames)
{
	unsigned int i = told.modified++ % 64;

	(void)ctx;
	told.gfn[i] = gfn;
	told.frames[i] = frames;
}

static void invalidated(void *ctx)
{
	(void)ctx;
	told.invalidated++;
}

static void test_map(void)
{
	const struct dma_seg seg[] = { { 0x4100, 0x1f00 }, { 0x8000, 0 },
				       { LOW_BYTES - 0x800, 0x1000 } };
	int n = dma->map(NULL, &map1, seg, 3, true, iov, 600);
	size_t bytes = 0;

	for (int i = 0; i < n; i++)
		bytes += iov[i].iov_len;
	ok(n >= 4 && bytes == 0x2f00, "pieces, a piece of nothing, a piece beyond RAM");
	memset(iov[0].iov_base, 0x11, 1);
	is_hex(*fakeguest_ram(g, 0x4100), 0x11, "the first byte is the guest's");
	memset(iov[n - 1].iov_base, 0x22, iov[n - 1].iov_len);
	ok(true, "and the sink can be written");
	dma->unmap(NULL, &map1);
	n = dma->map(NULL, &map1, &seg[2], 1, false, iov, 600);
	is_hex(((uint8_t *)iov[n - 1].iov_base)[5], 0xff, "what is not RAM reads as ones");
	dma->unmap(NULL, &map1);
	is_hex(told.modified, 0, "nobody asked what was written");
}

static void test_map_limits(void)
{
	struct dma_seg big[33], one = { 0x10000, 65536 }, over = { 0, 65537 };

	for (unsigned int i = 0; i < 33; i++)
		big[i] = (struct dma_seg){ 0, 65536 };
	is_hex(dma->map(NULL, &map1, &over, 1, true, iov, 600), -EINVAL,
	       "a piece over 64 KiB");
	is_hex(dma->map(NULL, &map1, big, 33, true, iov, 600), -EINVAL,
	       "more than 512 frames");
	is_hex(dma->map(NULL, &map1, &one, 1, true, iov, 0), -EINVAL, "no room");
	is_hex(map1.count, 0, "nothing stays pinned");
	ok(dma->map(NULL, &map1, big, 32, true, iov, 600) > 0 && map1.count == 512,
	   "32 times the same 64 KiB: repeats are one mapping");
	dma->unmap(NULL, &map1);
}

static void test_dirty(void)
{
	static _Atomic uint32_t word = 1;
	const struct dma_seg seg[] = { { 0x4100, 0x1f00 }, { 0x6000, 0x1000 },
				       { 0x20000, 4 }, { 0x20010, 4 } };

	dma_guest_log_dirty(&word);
	memset(&told, 0, sizeof(told));
	dma->copy(NULL, 0x7ffe, buf, 4, true);
	ok(told.modified == 1 && told.gfn[0] == 7 && told.frames[0] == 2,
	   "a copy over a page end: two frames");
	dma->copy(NULL, 0x7ffe, buf, 4, false);
	is_hex(told.modified, 1, "a read is nothing");
	dma->copy(NULL, 0x9fffe, buf, 4, true);
	ok(told.modified == 2 && told.gfn[1] == 0x9f && told.frames[1] == 1,
	   "only RAM counts");
	memset(&told, 0, sizeof(told));
	dma->map(NULL, &map1, seg, 4, true, iov, 600);
	is_hex(told.modified, 0, "a map is told when it is done");
	dma->unmap(NULL, &map1);
	ok(told.modified == 2 && told.gfn[0] == 4 && told.frames[0] == 3 &&
	   told.gfn[1] == 0x20 && told.frames[1] == 1, "as runs of frames");
	word = 0;
	dma->copy(NULL, 0x7ffe, buf, 4, true);
	is_hex(told.modified, 2, "and no more when it is off");
	dma_guest_log_dirty(NULL);
}

static void test_counts(void)
{
	static struct stat_block block;
	const struct bus_host host = { .dma = dma };
	struct bus b = { .host = &host };
	const struct dma_seg seg[] = { { 0x30000, 1500 }, { 0x32000, 500 } };

	stat_own = &block;
	dma_prefetch(&b, seg, 2);
	ok(stat_get(STAT_MAP_MISSES) == 2 && !stat_get(STAT_DMA_BYTES + STAT_READ),
	   "what is only brought near is nobody's yet");
	dma_read(&b, seg[0].gpa, buf, seg[0].len_bytes);
	dma_read(&b, seg[1].gpa, buf, seg[1].len_bytes);
	is_hex(stat_get(STAT_DMA_BYTES + STAT_READ), 2000, "a byte is counted once");
	dma_map(&b, &map1, seg, 2, true, iov, 600);
	dma_unmap(&b, &map1);
	is_hex(stat_get(STAT_DMA_BYTES + STAT_WRITE), 2000, "and so is one that is mapped");
	stat_own = NULL;
}

static void test_invalidate(void)
{
	const struct dma_seg seg = { 0x4000, 0x2000 };

	memset(&told, 0, sizeof(told));
	ok(dma_guest_invalidate(), "nothing pinned: done at once");
	dma->map(NULL, &map1, &seg, 1, true, iov, 600);
	ok(!dma_guest_invalidate(), "in flight: later");
	dma->map(NULL, &map2, &seg, 1, true, iov, 600);
	dma->unmap(NULL, &map2);
	is_hex(told.invalidated, 0, "what came after does not count");
	dma->unmap(NULL, &map1);
	is_hex(told.invalidated, 1, "what was before does");
}

int main(void)
{
	g = fakeguest_new(&(struct fakeguest_conf){ .low_bytes = LOW_BYTES,
						    .high_bytes = HIGH_BYTES });
	fakeguest_take_fds(g);
	hv = hv_open("fake", 7, HV_WORKER);
	test_layout();
	test_copy();
	dma = dma_guest_init(hv, LOW_BYTES, HIGH_BYTES, modified, invalidated, NULL);
	test_map();
	test_map_limits();
	test_dirty();
	test_counts();
	test_invalidate();
	fakeguest_free(g);
	return tap_done();
}
