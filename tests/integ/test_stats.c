/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/integ/test_stats.c - what the real family counts and records
 *
 * A scripted guest does a known number of known accesses; the counters have to
 * say exactly that, and the recorder what each of them was.
 */
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "abi/chan.h"
#include "base/clock.h"
#include "base/stat.h"
#include "base/ticks.h"
#include "fakefamily.h"
#include "fakeguest.h"
#include "patience.h"
#include "ring/trace.h"
#include "tap.h"

#define IDE		0x1f0
#define IDE_FUNC	0x09u
#define ISA_BRIDGE	0x08u
#define BM		0xc000u
#define PRD_GPA		0x310000u
#define BUF_GPA		0x320000u
#define SCRATCH		0x3ff

static struct fakefamily f;
static struct fakeguest *g;
static char image[] = "/tmp/cloister-stats-XXXXXX";

static uint64_t peer(enum fakefamily_who who, unsigned int slot)
{
	return stat_block_get(&f.stats[FF_BROKER]->block[1 + who], slot);
}

static uint64_t own(enum fakefamily_who who, unsigned int slot)
{
	return stat_block_get(&f.stats[who]->block[0], slot);
}

static uint64_t accesses(enum fakefamily_who who, enum trace_kind kind,
			 enum stat_dir dir)
{
	return peer(who, STAT_ACCESSES + kind * STAT_DIRS + dir);
}

static uint64_t all_accesses(enum fakefamily_who who)
{
	uint64_t n = 0;

	for (unsigned int i = 0; i < STAT_N_KIND_DIR; i++)
		n += peer(who, STAT_ACCESSES + i);
	return n;
}

static uint64_t timed(enum fakefamily_who who, enum stat_path path)
{
	uint64_t n = 0;

	for (unsigned int i = 0; i <= STAT_BUCKETS; i++)
		n += peer(who, STAT_ACCESS_LATENCY + path * STAT_HIST_WORDS + i);
	return n;
}

/* The broker counts when the guest has its answer already. */
static void settle(enum fakefamily_who who, uint64_t total)
{
	for (int i = 0; i < PATIENCE_MS && all_accesses(who) < total; i++)
		usleep(1000);
}

/* Counting comes after the answer: until it has ended. */
static uint64_t settled(enum fakefamily_who who)
{
	uint64_t was, now = all_accesses(who);

	do {
		was = now;
		usleep(50000);
		now = all_accesses(who);
	} while (now != was);
	return now;
}

static void out(uint16_t port, uint32_t v)
{
	fakeguest_out(g, 0, port, 1, v);
}

static bool is_rec(const struct trace_rec *r, enum trace_kind kind, bool write,
		   uint64_t addr, unsigned int size, uint64_t value)
{
	bool same = r->kind == kind && !!(r->flags & TRACE_WRITE) == write &&
		r->addr == addr && r->size == size && r->value == value;

	if (!same)
		printf("# kind %u flags %u addr 0x%llx size %u value 0x%llx\n", r->kind,
		       r->flags, (unsigned long long)r->addr, r->size,
		       (unsigned long long)r->value);
	return same;
}

static void test_hop(void)
{
	uint64_t reads = accesses(FF_PLATFORM, TRACE_HOP, STAT_READ);
	uint64_t writes = accesses(FF_PLATFORM, TRACE_HOP, STAT_WRITE);
	uint64_t posted = accesses(FF_PLATFORM, TRACE_POSTED, STAT_WRITE);
	uint64_t all = all_accesses(FF_PLATFORM), served = own(FF_PLATFORM, STAT_REQUESTS);
	uint64_t bytes = peer(FF_PLATFORM, STAT_ACCESS_BYTES + STAT_READ);
	struct trace_reader r;
	struct trace_rec rec[200];
	unsigned int n;
	bool right = true;

	trace_reader_init(&r, f.trace[FF_PLATFORM], false);
	out(SCRATCH, 0x5a);
	for (int i = 0; i < 100; i++)
		fakeguest_in(g, 0, SCRATCH, 1);
	settle(FF_PLATFORM, all + 101);
	is_hex(accesses(FF_PLATFORM, TRACE_HOP, STAT_READ) - reads, 100, "100 reads through the hop");
	is_hex(accesses(FF_PLATFORM, TRACE_HOP, STAT_WRITE) - writes +
	       accesses(FF_PLATFORM, TRACE_POSTED, STAT_WRITE) - posted, 1, "and a write");
	is_hex(peer(FF_PLATFORM, STAT_ACCESS_BYTES + STAT_READ) - bytes, 100, "of a byte each");
	is_hex(own(FF_PLATFORM, STAT_REQUESTS) - served, 101, "the worker served them all");
	n = trace_read(&r, rec, 200);
	is_hex(n, 101, "all are recorded");
	for (unsigned int i = 1; i < n; i++)
		right &= is_rec(&rec[i], TRACE_HOP, false, SCRATCH, 1, 0x5a) &&
			rec[i].space == CHAN_PIO && rec[i].count == 1 &&
			rec[i].ticks >= rec[i - 1].ticks;
	ok(right && n && (rec[0].flags & TRACE_WRITE) && rec[0].value == 0x5a,
	   "with what they were, in order");
	ok(trace_age_ns(f.trace[FF_PLATFORM], &rec[0], ticks_now()) < 10 * (uint64_t)NS_PER_S &&
	   trace_age_ns(f.trace[FF_PLATFORM], &rec[0], ticks_now()) > 0, "and when");
}

static void test_spared(void)
{
	uint64_t shadow = accesses(FF_DISK, TRACE_SHADOW, STAT_READ);
	uint64_t posted = accesses(FF_DISK, TRACE_POSTED, STAT_WRITE);
	uint64_t hops = accesses(FF_DISK, TRACE_HOP, STAT_READ), all = all_accesses(FF_DISK);
	uint64_t mirror = accesses(FF_PLATFORM, TRACE_MIRROR, STAT_READ);
	uint64_t other = all_accesses(FF_PLATFORM);
	struct trace_reader r, p;
	struct trace_rec rec;

	trace_reader_init(&r, f.trace[FF_DISK], false);
	for (int i = 0; i < 50; i++)
		fakeguest_in(g, 0, IDE + 7, 1);
	for (int i = 0; i < 30; i++)
		out(IDE + 2, 0x11);
	settle(FF_DISK, all + 80);
	is_hex(accesses(FF_DISK, TRACE_SHADOW, STAT_READ) - shadow, 50, "50 shadow reads");
	is_hex(accesses(FF_DISK, TRACE_POSTED, STAT_WRITE) - posted, 30, "30 posted writes");
	is_hex(accesses(FF_DISK, TRACE_HOP, STAT_READ), hops, "and not one hop");
	ok(trace_read(&r, &rec, 1) == 1 &&
	   is_rec(&rec, TRACE_SHADOW, false, IDE + 7, 1, rec.value), "recorded as shadow");
	trace_reader_init(&p, f.trace[FF_PLATFORM], false);
	for (int i = 0; i < 20; i++)
		fakeguest_cfg_read(g, 0, ISA_BRIDGE, 0, 4);
	settle(FF_PLATFORM, other + 40);	/* 0xcf8 comes by, too */
	is_hex(accesses(FF_PLATFORM, TRACE_MIRROR, STAT_READ) - mirror, 20, "20 mirrored words");
	while (trace_read(&p, &rec, 1) == 1 && rec.kind != TRACE_MIRROR)
		;
	ok(is_rec(&rec, TRACE_MIRROR, false, ISA_BRIDGE << 8, 4, 0x70008086) &&
	   rec.space == CHAN_PCI, "recorded as device, function and register");
}

/* A sector through the data port, as one request. */
static void test_string(void)
{
	uint64_t bytes, irqs = peer(FF_DISK, STAT_INTERRUPTS + STAT_ISA), all;
	struct trace_reader r;
	struct trace_rec rec[8];
	unsigned int n;

	out(IDE + 6, 0xe0);
	out(IDE + 7, 0xec);
	for (int i = 0; i < PATIENCE_MS && (fakeguest_in(g, 0, IDE + 7, 1) & 0x88) != 0x08; i++)
		usleep(1000);
	ok(fakeguest_until_isa(g, 14, false, PATIENCE_MS), "IDENTIFY");
	is_hex(peer(FF_DISK, STAT_INTERRUPTS + STAT_ISA) - irqs, 1, "raised its line once");
	all = settled(FF_DISK);
	bytes = peer(FF_DISK, STAT_ACCESS_BYTES + STAT_READ);
	trace_reader_init(&r, f.trace[FF_DISK], false);
	fakeguest_ins(g, 0, IDE, 2, 256, BUF_GPA, false);
	settle(FF_DISK, all + 1);
	is_hex(all_accesses(FF_DISK) - all, 1, "rep insw of a sector is one access");
	is_hex(peer(FF_DISK, STAT_ACCESS_BYTES + STAT_READ) - bytes, 512, "of 512 bytes");
	n = trace_read(&r, rec, 8);
	ok(n == 1 && rec[0].count == 256 && (rec[0].flags & TRACE_STRING) &&
	   rec[0].value == BUF_GPA && rec[0].size == 2, "recorded with its operand");
	ok(own(FF_BROKER, STAT_MAP_PAGES) >= 1 && own(FF_BROKER, STAT_MAP_MISSES) >= 1,
	   "for which the broker mapped a page");
}

static void test_dma(void)
{
	uint32_t prd[2] = { BUF_GPA, 4096 | 0x80000000u };
	uint64_t bytes = own(FF_DISK, STAT_DMA_BYTES + STAT_WRITE);
	uint64_t read = own(FF_DISK, STAT_DISK_BYTES + STAT_READ);

	fakeguest_cfg_write(g, 0, IDE_FUNC, 0x20, 4, BM);
	fakeguest_cfg_write(g, 0, IDE_FUNC, 0x04, 2, 5);
	fakeguest_store(g, PRD_GPA, prd, sizeof(prd));
	fakeguest_out(g, 0, BM + 4, 4, PRD_GPA);
	out(BM + 2, 0x06);
	out(IDE + 6, 0xe0);
	out(IDE + 2, 8);
	out(IDE + 3, 0);
	out(IDE + 4, 0);
	out(IDE + 5, 0);
	out(IDE + 7, 0xc8);
	out(BM, 0x09);
	ok(fakeguest_until_isa(g, 14, true, PATIENCE_MS), "READ DMA");
	out(BM, 0);
	fakeguest_in(g, 0, IDE + 7, 1);
	is_hex(own(FF_DISK, STAT_DMA_BYTES + STAT_WRITE) - bytes, 4096, "4096 bytes into the guest");
	is_hex(own(FF_DISK, STAT_DISK_BYTES + STAT_READ) - read, 4096, "as many from the image");
	ok(own(FF_DISK, STAT_MAP_PAGES) >= 1 &&
	   own(FF_DISK, STAT_MAP_PEAK) >= own(FF_DISK, STAT_MAP_PAGES), "through mapped pages");
	fakeguest_invalidate(g, 0);
	is_hex(own(FF_DISK, STAT_MAP_PAGES), 0, "which INVALIDATE takes away");
	ok(own(FF_DISK, STAT_MAP_INVALIDATED) >= 1 &&
	   own(FF_BROKER, STAT_INVALIDATIONS) >= 1, "and both count");
}

static void test_histograms(void)
{
	for (enum fakefamily_who w = FF_PLATFORM; w <= FF_DISK; w++) {
		uint64_t spared = 0, hops = 0;

		for (unsigned int dir = 0; dir < STAT_DIRS; dir++) {
			spared += accesses(w, TRACE_SHADOW, dir) +
				accesses(w, TRACE_MIRROR, dir) +
				accesses(w, TRACE_POSTED, dir);
			hops += accesses(w, TRACE_HOP, dir);
		}
		ok(spared && hops && timed(w, STAT_SPARED) == spared &&
		   timed(w, STAT_HOP) == hops, "each access is timed once");
	}
	ok(peer(FF_PLATFORM, STAT_ACCESS_LATENCY + STAT_HOP * STAT_HIST_WORDS + STAT_SUM) /
	   timed(FF_PLATFORM, STAT_HOP) < 100 * (uint64_t)NS_PER_MS &&
	   peer(FF_PLATFORM, STAT_ACCESS_LATENCY + STAT_HOP * STAT_HIST_WORDS + STAT_SUM) /
	   timed(FF_PLATFORM, STAT_HOP) > 100, "a hop takes a believable time");
}

/* Counters belong to the guest, not to the process. */
static void test_survival(void)
{
	uint64_t served = own(FF_PLATFORM, STAT_REQUESTS);

	ok(fakefamily_kill(&f, FF_PLATFORM, SIGKILL) &&
	   own(FF_PLATFORM, STAT_REQUESTS) == served, "they outlive a worker");
	ok(fakefamily_respawn(&f, FF_PLATFORM), "who is replaced");
	fakeguest_in(g, 0, SCRATCH, 1);
	for (int i = 0; i < PATIENCE_MS && own(FF_PLATFORM, STAT_REQUESTS) == served; i++)
		usleep(1000);
	ok(own(FF_PLATFORM, STAT_REQUESTS) > served, "and go on");
	is_hex(peer(FF_PLATFORM, STAT_REFUSED), 0, "nobody lied");
}

/* Of memory that is there; a page of counters is there from the start. */
static uint64_t held_bytes(int fd)
{
	struct stat st;

	return fstat(fd, &st) ? UINT64_MAX : (uint64_t)st.st_blocks * 512;
}

/* A family has 10 MB, and what is only looked at now and then few of them. */
static void test_memory(void)
{
	uint64_t total = all_accesses(FF_PLATFORM) + 5000;

	for (int i = 0; i < 5000; i++)
		fakeguest_in(g, 0, SCRATCH, 1);
	settle(FF_PLATFORM, total);
	ok(held_bytes(f.trace_fd[FF_PLATFORM]) <= 68 << 10, "a full ring is 68 KiB");
	ok(held_bytes(f.stat_fd[FF_BROKER]) <= 8 << 10 &&
	   held_bytes(f.stat_fd[FF_PLATFORM]) <= 4 << 10, "counters: two pages, one page");
}

static void test_buffered(void)
{
	uint64_t writes = own(FF_BROKER, STAT_BUFFERED);

	for (unsigned int i = 0; i < 40; i++)
		fakeguest_store_mem(g, 0, 0xa0000 + i, 1, i);
	fakeguest_in(g, 0, 0x3cc, 1);
	is_hex(own(FF_BROKER, STAT_BUFFERED) - writes, 40, "40 buffered writes");
	ok(own(FF_BROKER, STAT_BATCHES) >= 1, "in batches");
}

static void test_off(struct fakefamily_conf *conf)
{
	conf->no_stats = true;
	ok(fakefamily_start(&f, conf), "with nobody counting");
	g = f.g;
	out(SCRATCH, 0x77);
	is_hex(fakeguest_in(g, 0, SCRATCH, 1), 0x77, "the guest is served as well");
	fakeguest_in(g, 0, IDE + 7, 1);
	ok(!f.stats[FF_BROKER] && !f.trace[FF_DISK], "there is nothing to look at");
	ok(fakefamily_stop(&f), "all end well");
}

int main(void)
{
	struct fakefamily_conf conf = {
		.guest = { .vcpus = 1, .low_bytes = 32 << 20 }, .image = { image },
	};
	const char *why = fakefamily_missing(&conf);

	if (why)
		return skip_all(why);
	if (!fakefamily_make_image(image, 2048))
		return 1;
	if (ok(fakefamily_start(&f, &conf), "the family starts")) {
		g = f.g;
		test_hop();
		test_spared();
		test_string();
		test_dma();
		test_buffered();
		test_histograms();
		test_memory();
		test_survival();
		ok(!fakeguest_fault(g), "Xen is content: %s",
		   fakeguest_fault(g) ? fakeguest_fault(g) : "");
	}
	ok(fakefamily_stop(&f), "all end well");
	test_off(&conf);
	unlink(image);
	return tap_done();
}
