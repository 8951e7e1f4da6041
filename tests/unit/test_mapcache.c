/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/test_mapcache.c - the map cache against a plain array
 *
 * Every frame of the guest carries its own number, so a wrong mapping shows;
 * the model is the list of pins held.  Random operations from a fixed seed
 * (or the one given as argument), then the cases that chance rarely meets.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/stat.h"
#include "fakeguest.h"
#include "hv/hv.h"
#include "mem/mapcache.h"
#include "tap.h"

#define LOW_BYTES	(8u << 20)
#define HIGH_BYTES	(2u << 20)
#define HELD_MAX	400u
#define ROUNDS		20000u

static struct mapcache cache;
static struct stat_block block;
static struct fakeguest *g;
static struct hv *hv;
static const struct guest_ram ram = { LOW_BYTES, HIGH_BYTES };
static uint64_t seed = 1;

static struct held {
	struct mapcache_page *page;
	uint64_t gfn;
	bool writable;
} held[HELD_MAX];
static unsigned int held_count;

static uint32_t chance(uint32_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 16) % n;
}

static uint64_t random_gfn(void)
{
	switch (chance(8)) {
	case 0:
		return GUEST_4G_GFN + chance(HIGH_BYTES / GUEST_PAGE_BYTES + 4);
	case 1:
		return 0x98 + chance(0x30);	/* around the hole */
	case 2:
		return chance(2) ? GUEST_NO_GFN : chance(1 << 20);
	default:
		return chance(LOW_BYTES / GUEST_PAGE_BYTES + 4);
	}
}

static void number_frames(void)
{
	for (uint64_t gfn = 0; gfn < GUEST_4G_GFN + 4096; gfn++) {
		if (gfn == LOW_BYTES / GUEST_PAGE_BYTES)
			gfn = GUEST_4G_GFN;
		if (guest_is_ram(&ram, gfn))
			memcpy(fakeguest_ram(g, gfn << 12), &gfn, sizeof(gfn));
	}
}

static uint64_t number_in(const struct mapcache_page *p)
{
	uint64_t n;

	memcpy(&n, mapcache_at(p), sizeof(n));
	return n;
}

/* Pages of guest memory this process has mapped, but for the test's own. */
static uint32_t really_mapped(void)
{
	FILE *f = fopen("/proc/self/maps", "r");
	unsigned long from, to;
	uint64_t bytes = 0;
	char line[512];

	while (f && fgets(line, sizeof(line), f))
		if (strstr(line, "memfd:fake-guest") &&
		    sscanf(line, "%lx-%lx", &from, &to) == 2)
			bytes += to - from;
	if (f)
		fclose(f);
	/* The test's, and the frame table in hv_fake.c. */
	return (uint32_t)((bytes - g->mem_bytes) / GUEST_PAGE_BYTES) - 1;
}

/* The kernel, not a signal, tells whether a page can be written. */
static bool can_write(const struct mapcache_page *p)
{
	int fd = open("/dev/zero", O_RDONLY);
	ssize_t r = read(fd, mapcache_at(p) + 4000, 8);

	close(fd);
	return r == 8;
}

static void fresh(uint32_t pages)
{
	memset(&block, 0, sizeof(block));
	stat_own = &block;
	mapcache_init(&cache, hv, &ram, pages);
	held_count = 0;
}

static int pin_run(uint64_t gfn, unsigned int n, bool writable,
		   struct mapcache_page **pin)
{
	uint64_t list[MAPCACHE_REQUEST];

	for (unsigned int i = 0; i < n; i++)
		list[i] = gfn + i;
	return mapcache_pin(&cache, list, n, writable, 0, pin);
}

static void unpin_run(struct mapcache_page **pin, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		mapcache_unpin(&cache, pin[i]);
}

/* ---- random operations ---- */

/* NULL, or what is wrong. */
static const char *random_pin(void)
{
	static struct mapcache_page *pin[64];
	unsigned int n = 1 + chance(chance(4) ? 8 : 64);
	bool writable = chance(2);
	uint64_t gfn[64];
	int rc;

	for (unsigned int i = 0; i < n; i++)
		gfn[i] = i && !chance(4) ? gfn[chance(i)] :
			 i && chance(3) ? gfn[i - 1] + 1 : random_gfn();
	if (held_count + n > HELD_MAX)
		return NULL;
	rc = mapcache_pin(&cache, gfn, n, writable, chance(2) * 8, pin);
	if (rc)
		return rc == -ENOMEM ? NULL : "an error nobody promised";
	for (unsigned int i = 0; i < n; i++) {
		if (guest_is_ram(&ram, gfn[i]) != (pin[i] != NULL))
			return "RAM refused, or something else mapped";
		if (!pin[i])
			continue;
		held[held_count++] = (struct held){ pin[i], gfn[i], writable };
		if (number_in(pin[i]) != gfn[i])
			return "wrong frame";
	}
	return NULL;
}

static void random_unpin(void)
{
	unsigned int i;

	if (!held_count)
		return;
	i = chance(held_count);
	mapcache_unpin(&cache, held[i].page);
	held[i] = held[--held_count];
}

static const char *check(void)
{
	if (cache.mapped > cache.max_pages ||
	    cache.pinned > cache.mapped ||
	    stat_get(STAT_MAP_PEAK) > cache.max_pages)
		return "more pages than allowed";
	if (held_count == 0 && (cache.pinned || mapcache_is_stale(&cache)))
		return "pins that nobody holds";
	for (unsigned int i = 0; i < held_count; i++)
		if (number_in(held[i].page) != held[i].gfn)
			return "a pinned page changed";
	return NULL;
}

static void test_random(uint32_t pages)
{
	const char *wrong = NULL;
	unsigned int i;

	fresh(pages);
	for (i = 0; i < ROUNDS && !wrong; i++) {
		switch (chance(40)) {
		case 0:
			if (mapcache_invalidate(&cache) != (held_count == 0))
				wrong = "invalidate says the wrong thing";
			break;
		case 1:
			while (held_count)
				random_unpin();
			break;
		default:
			if (chance(2))
				wrong = random_pin();
			else
				random_unpin();
			break;
		}
		if (!wrong && i % 16 == 0)
			wrong = check();
		if (!wrong && i % 512 == 0 && really_mapped() != cache.mapped)
			wrong = "gauge and kernel disagree";
	}
	ok(!wrong, "%u random operations, %u pages: %s (at %u)", ROUNDS, pages,
	   wrong ? wrong : "as the model", i);
	while (held_count)
		random_unpin();
	ok(mapcache_invalidate(&cache) && really_mapped() == 0 &&
	   cache.mapped == 0, "nothing is left mapped");
}

/* ---- by hand ---- */

static void test_rights(void)
{
	struct mapcache_page *ro[2], *rw[2], *again[2];

	fresh(64);
	ok(pin_run(16, 2, false, ro) == 0 && !can_write(ro[0]),
	   "to be read only: mapped read-only");
	ok(pin_run(16, 2, true, rw) == 0 && rw[0] != ro[0] && can_write(rw[0]),
	   "to be written: a mapping of its own");
	is_hex(cache.mapped, 4, "both are there");
	ok(pin_run(16, 2, false, again) == 0 && cache.mapped == 4,
	   "either serves a read");
	unpin_run(ro, 2);
	unpin_run(rw, 2);
	unpin_run(again, 2);
	mapcache_invalidate(&cache);
}

static void test_lru(void)
{
	struct mapcache_page *pin[32];
	uint64_t misses;

	fresh(64);
	pin_run(0, 24, false, pin);
	unpin_run(pin, 24);
	pin_run(32, 24, false, pin);
	unpin_run(pin, 24);
	pin_run(3, 1, false, pin);		/* the first group is younger now */
	unpin_run(pin, 1);
	pin_run(64, 20, false, pin);
	unpin_run(pin, 20);
	is_hex(stat_get(STAT_MAP_EVICTED), 24, "a group goes as the whole it came");
	misses = stat_get(STAT_MAP_MISSES);
	pin_run(0, 24, false, pin);
	unpin_run(pin, 24);
	is_hex(stat_get(STAT_MAP_MISSES), misses, "not the one used last");
	pin_run(32, 1, false, pin);
	unpin_run(pin, 1);
	is_hex(stat_get(STAT_MAP_MISSES), misses + 1, "but the oldest");
	mapcache_invalidate(&cache);
}

static void test_bound(void)
{
	struct mapcache_page *all[64], *more[8];

	fresh(64);
	ok(pin_run(0, 64, true, all) == 0, "as many as allowed");
	is_hex(pin_run(100, 1, true, more), (uint64_t)-ENOMEM, "not one more");
	is_hex(pin_run(63, 2, true, more), (uint64_t)-ENOMEM,
	       "nor half of a request");
	is_hex(all[63]->pins, 1, "which leaves no pin behind");
	unpin_run(all, 64);
	ok(mapcache_pin(&cache, &(uint64_t){ 0 }, 1, true, 1, more) == -ENOMEM,
	   "a reserve is left, also where a hit would hold its whole group");
	ok(pin_run(100, 1, true, more) == 0, "without pins there is room again");
	unpin_run(more, 1);
	mapcache_invalidate(&cache);
}

static void test_stale(void)
{
	struct mapcache_page *old[4], *new[4];

	fresh(64);
	pin_run(0, 4, true, old);
	ok(!mapcache_invalidate(&cache), "invalidate: pins keep some");
	is_hex(number_in(old[2]), 2, "they can still be used");
	pin_run(0, 4, true, new);
	ok(new[0] != old[0], "nobody finds them any more");
	unpin_run(old, 3);
	ok(mapcache_is_stale(&cache) && cache.mapped == 8, "until the last pin");
	mapcache_unpin(&cache, old[3]);
	ok(!mapcache_is_stale(&cache) && cache.mapped == 4 &&
	   really_mapped() == 4, "which takes them with it");
	unpin_run(new, 4);
	mapcache_invalidate(&cache);
}

/* The hypervisor has less memory than the layout says. */
static void test_frames_that_do_not_map(void)
{
	static const struct guest_ram more = { LOW_BYTES + (64 << 12), HIGH_BYTES };
	uint64_t first = LOW_BYTES >> 12, mixed[4] = { first, 5, first + 1, 6 };
	struct mapcache_page *pin[4];

	memset(&block, 0, sizeof(block));
	mapcache_init(&cache, hv, &more, 64);
	ok(pin_run(first, 2, true, pin) == 0 && !pin[0] && !pin[1],
	   "no frame maps: none is there");
	is_hex(cache.mapped, 0, "and nothing is kept");
	mapcache_pin(&cache, mixed, 4, true, 0, pin);
	ok(!pin[0] && !pin[2] && pin[1] && number_in(pin[1]) == 5 &&
	   pin[3] && number_in(pin[3]) == 6, "some do: those are there");
	is_hex(stat_get(STAT_MAP_DENIED), 4, "the others are counted");
	mapcache_unpin(&cache, pin[1]);
	mapcache_unpin(&cache, pin[3]);
	ok(mapcache_invalidate(&cache) && really_mapped() == 0, "all go");
}

/* @n frames from @gfn on, and @one, as one group of which nothing is pinned. */
static void make_group(uint64_t gfn, unsigned int n, uint64_t one)
{
	static struct mapcache_page *pin[MAPCACHE_REQUEST];
	uint64_t list[MAPCACHE_REQUEST];

	for (unsigned int i = 0; i < n; i++)
		list[i] = gfn + i;
	list[n++] = one;
	if (mapcache_pin(&cache, list, n, false, MAPCACHE_RESERVE, pin))
		return;
	unpin_run(pin, n);
}

/*
 * A copy whose first pages are in two groups, as large as there are: neither
 * may go while it is at them, and both fill the cache.
 */
static void test_copy_of_large_groups(void)
{
	static uint8_t buf[17 * GUEST_PAGE_BYTES];
	uint64_t number;
	bool all;
	unsigned int right = 0;

	fresh(MAPCACHE_PAGES);
	make_group(0x200, MAPCACHE_REQUEST - 1, 0x600);
	make_group(0x400, MAPCACHE_REQUEST - 2, 0x601);
	is_hex(cache.mapped, MAPCACHE_PAGES - 1, "two groups fill the cache");
	all = guest_copy(&cache, 0x600 << 12, buf, sizeof(buf), false);
	for (unsigned int i = 0; i < 17; i++) {
		memcpy(&number, buf + i * GUEST_PAGE_BYTES, sizeof(number));
		right += number == 0x600 + i;
	}
	ok(all && right == 17, "a copy that begins in both is whole");
	ok(cache.pinned == 0 && cache.mapped <= MAPCACHE_PAGES,
	   "and leaves nothing behind");
}

int main(int argc, char **argv)
{
	if (argc > 1)
		seed = strtoull(argv[1], NULL, 0);
	printf("# seed %llu\n", (unsigned long long)seed);
	g = fakeguest_new(&(struct fakeguest_conf){ .low_bytes = LOW_BYTES,
						    .high_bytes = HIGH_BYTES });
	fakeguest_take_fds(g);
	hv = hv_open("fake", 7, HV_WORKER);
	number_frames();
	test_random(64);
	test_random(300);
	test_random(MAPCACHE_PAGES);
	test_rights();
	test_lru();
	test_bound();
	test_stale();
	test_frames_that_do_not_map();
	test_copy_of_large_groups();
	fakeguest_free(g);
	return tap_done();
}
