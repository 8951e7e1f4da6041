/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/test_stat.c - counters, histograms, the clock they use, and the
 *                          page they are in
 */
#include <sys/mman.h>
#include <unistd.h>

static int slow_yield(void);
#include <sched.h>
#define sched_yield slow_yield
#include "base/poll.h"
#undef sched_yield
#include "base/ticks.h"
#include "ring/memfd.h"
#include "ring/stat.h"
#include "tap.h"

static void test_layout(void)
{
	static const struct { unsigned int first, last; } all[] = {
#define STAT(id, name, type, unit, set, where, help)			\
		{ STAT_##id, STAT_##id##_LAST },
#define FIGURE(id, name, type, unit, set, help)
#include "abi/stat.def"
#undef STAT
#undef FIGURE
	};
	unsigned int next = 0;
	bool dense = true;

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		dense &= all[i].first == next && all[i].last >= all[i].first;
		next = all[i].last + 1;
	}
	ok(dense && next == STAT_WORDS, "figures lie one after the other");
	is_hex(STAT_ACCESS_LATENCY_LAST + 1 - STAT_ACCESS_LATENCY,
	       2 * STAT_HIST_WORDS, "a histogram for each path");
	is_hex(offsetof(struct stat_page, block) % 64, 0, "blocks begin a cache line");
	is_hex(sizeof(struct stat_block) % 64, 0, "and end one");
}

static void test_buckets(void)
{
	bool right = true;

	is_hex(stat_bucket(0), 0, "nothing at all is in the first bucket");
	is_hex(stat_bucket(STAT_BUCKET_NS), 0, "its bound, too");
	is_hex(stat_bucket(STAT_BUCKET_NS + 1), 1, "one more is not");
	for (unsigned int i = 0; i < STAT_BUCKETS; i++)
		right &= stat_bucket(STAT_BUCKET_NS << i) == i &&
			stat_bucket((STAT_BUCKET_NS << i) + 1) == i + 1;
	ok(right, "so for all of them");
	is_hex(stat_bucket(UINT64_MAX), STAT_BUCKETS, "for ever is in the last");
}

static void test_counting(void)
{
	static struct stat_block block;

	stat_own = NULL;
	stat_add(STAT_REQUESTS, 5);
	stat_set(STAT_MAP_PAGES, 5);
	is_hex(stat_get(STAT_REQUESTS), 0, "while nobody counts, nothing is counted");
	stat_own = &block;
	stat_add(STAT_REQUESTS, 5);
	stat_add(STAT_REQUESTS, 2);
	stat_set(STAT_MAP_PAGES, 9);
	stat_set(STAT_MAP_PAGES, 4);
	is_hex(stat_get(STAT_REQUESTS), 7, "a counter adds up");
	is_hex(stat_get(STAT_MAP_PAGES), 4, "a gauge is what was last");
	stat_block_time(&block, STAT_ACCESS_LATENCY, 300);
	stat_block_time(&block, STAT_ACCESS_LATENCY, 400);
	is_hex(stat_get(STAT_ACCESS_LATENCY + 1), 2, "a histogram counts in its bucket");
	is_hex(stat_get(STAT_ACCESS_LATENCY + STAT_SUM), 700, "and sums up");
	stat_own = NULL;
}

static void test_page(void)
{
	int fd = memfd_make_stats(), other = memfd_make_state();
	struct stat_page *w = stat_map(fd, true), *r = stat_map(fd, false);

	ok(w && r, "a page maps for its writer and for a reader");
	if (!w || !r)
		return;
	stat_block_add(&w->block[3], STAT_REFUSED, 1);
	is_hex(stat_block_get(&r->block[3], STAT_REFUSED), 1, "who sees what is counted");
	ok(!stat_map(other, false), "memory of another size is refused");
	w->magic++;
	ok(!stat_map(fd, false), "another magic, too");
	munmap(w, sizeof(*w));
	munmap(r, sizeof(*r));
	close(fd);
	close(other);
	ok(stat_begin(0) == NULL && !stat_own, "without a descriptor nobody counts");
}

static void test_ticks(void)
{
	struct ticks t;
	uint64_t from, ns;
	int64_t began, took;

	ticks_begin(&t);
	ok(!ticks_measure(&t) && t.ns_per_tick == 0, "too early to tell");
	while (!ticks_measure(&t))
		;
	ok(t.ns_per_tick && t.per_ms, "then it can");
	began = clock_now_ns();
	from = ticks_now();
	usleep(20000);
	ns = ticks_to_ns(&t, from, ticks_now());
	took = clock_now_ns() - began;
	ok(ns > (uint64_t)took * 9 / 10 && ns < (uint64_t)took * 11 / 10,
	   "the counter and the clock agree");
	printf("# %llu ns, %lld ns\n", (unsigned long long)ns, (long long)took);
	is_hex(ticks_to_ns(&t, 5, 4), 0, "what ends before it began took no time");
	ns = ticks_to_ns(&t, 0, (uint64_t)t.per_ms * 1000 * 3600 * 24);
	ok(ns > 86300 * (uint64_t)NS_PER_S && ns < 86500 * (uint64_t)NS_PER_S,
	   "a day does not overflow");
}

/* Somebody else has the CPU; when we have it again, there is work. */
static struct {
	unsigned int looks;
	uint64_t back_ticks;
} other;

static int slow_yield(void)
{
	usleep(2000);
	other.back_ticks = ticks_now();
	return 0;
}

static bool is_second_look(void *arg)
{
	(void)arg;
	return ++other.looks == 2;
}

/* How long an access waited begins no earlier than somebody could see it. */
static void test_looked(void)
{
	struct poll_window p = { .ns = NS_PER_MS, .on = true, .one_cpu = true,
				 .ticks_per_ms = 1000000 };

	ok(poll_window_spin(&p, true, is_second_look, NULL), "the second look finds it");
	ok(p.looked_ticks && p.looked_ticks >= other.back_ticks,
	   "which was after the others had the CPU");
}

int main(void)
{
	test_layout();
	test_buckets();
	test_counting();
	test_page();
	test_ticks();
	test_looked();
	return tap_done();
}
