/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/test_trace.c - the trace ring: readers who fall behind, and a
 *                           writer that lies
 */
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include "abi/chan.h"
#include "base/ticks.h"
#include "ring/memfd.h"
#include "ring/trace.h"
#include "tap.h"

#define RUN	400000u

static struct trace_writer w;
static struct trace *ring;
static const struct trace *seen;	/* the same, as a reader maps it */
static struct trace_rec got[TRACE_RECORDS];
static _Atomic bool written;

/* Whose parts all follow from @i, so that a torn one is noticed. */
static struct trace_rec make(uint64_t i)
{
	return (struct trace_rec){ .ticks = i, .addr = i * 3, .value = ~i,
		.count = (uint32_t)i + 1, .size = (uint8_t)(1u << (i & 3)),
		.flags = i & 1 ? TRACE_WRITE : 0, .kind = (uint8_t)(i & 3),
		.space = (uint8_t)(i % CHAN_SPACE_COUNT) };
}

static bool is_made(const struct trace_rec *r)
{
	struct trace_rec want = make(r->ticks);

	return memcmp(&want, r, sizeof(want)) == 0;
}

static void fresh(uint64_t count)
{
	memset((void *)ring->rec, 0, sizeof(ring->rec));
	ring->head = 0;
	trace_writer_init(&w, ring);
	for (uint64_t i = 0; i < count; i++) {
		struct trace_rec rec = make(i);

		trace_put(&w, &rec);
	}
}

static void test_order(void)
{
	struct trace_reader r;
	struct trace_rec rec = make(5);

	fresh(5);
	trace_reader_init(&r, seen, true);
	is_hex(trace_read(&r, got, 2), 2, "as many as asked for");
	ok(got[0].ticks == 0 && got[1].ticks == 1, "the oldest first");
	is_hex(trace_read(&r, got, 100), 3, "then the others");
	is_hex(trace_read(&r, got, 100), 0, "then nothing");
	trace_put(&w, &rec);
	ok(trace_read(&r, got, 100) == 1 && is_made(&got[0]) && got[0].ticks == 5,
	   "until there is something new");
	trace_reader_init(&r, seen, false);
	is_hex(trace_read(&r, got, 100), 0, "who wants only what is new gets nothing old");
	ok(r.lost == 0 && r.bad == 0, "nothing was lost");
}

static void test_overrun(void)
{
	struct trace_reader r;
	bool whole = true;
	unsigned int n;

	fresh(10);
	trace_reader_init(&r, seen, true);
	trace_read(&r, got, 1);
	for (uint64_t i = 10; i < 3 * TRACE_RECORDS; i++) {
		struct trace_rec rec = make(i);

		trace_put(&w, &rec);
	}
	n = trace_read(&r, got, TRACE_RECORDS);
	is_hex(n, TRACE_RECORDS - 1, "who falls behind gets what is left");
	is_hex(r.lost, 2 * TRACE_RECORDS, "and is told how much is not");
	for (unsigned int i = 0; i < n; i++)
		whole &= is_made(&got[i]) &&
			got[i].ticks == 2 * TRACE_RECORDS + 1 + i;
	ok(whole, "all of it whole and in order");
	trace_reader_init(&r, seen, true);
	is_hex(trace_read(&r, got, TRACE_RECORDS), TRACE_RECORDS - 1,
	       "a late reader gets as much");
	is_hex(r.lost, 0, "and lost nothing");
	trace_writer_init(&w, ring);
	is_hex(w.head, 3 * TRACE_RECORDS, "a successor goes on");
}

static void *write_all(void *arg)
{
	(void)arg;
	for (uint64_t i = 0; i < RUN; i++) {
		struct trace_rec rec = make(i);

		trace_put(&w, &rec);
	}
	written = true;
	return NULL;
}

/* One that never stops, read by one that is slower. */
static void test_race(void)
{
	uint64_t count = 0, torn = 0, next = 0, back = 0;
	struct trace_reader r;
	pthread_t t;

	fresh(0);
	written = false;
	trace_reader_init(&r, seen, true);
	pthread_create(&t, NULL, write_all, NULL);
	for (bool last = false; !last; ) {
		unsigned int n;

		last = written;
		while ((n = trace_read(&r, got, 64)) > 0) {
			for (unsigned int i = 0; i < n; i++) {
				torn += !is_made(&got[i]);
				back += got[i].ticks < next;
				next = got[i].ticks + 1;
			}
			count += n;
		}
	}
	pthread_join(t, NULL);
	/* What was overtaken while it was read comes with another call. */
	for (unsigned int i = 0; i < 10; i++)
		count += trace_read(&r, got, TRACE_RECORDS);
	is_hex(torn, 0, "no record is torn");
	is_hex(back, 0, "none comes twice or late");
	is_hex(count + r.lost + r.bad, RUN, "each was read or is counted as lost");
	is_hex(r.bad, 0, "none was bad");
	printf("# read %llu, lost %llu\n", (unsigned long long)count,
	       (unsigned long long)r.lost);
}

static void put_raw(uint64_t at, const struct trace_rec *rec)
{
	memcpy((void *)ring->rec[at % TRACE_RECORDS], rec, sizeof(*rec));
}

/* Records that no broker of ours writes. */
static void test_bad_records(void)
{
	static const struct trace_rec bad[] = {
		{ .size = 3, .count = 1 }, { .size = 0, .count = 1 },
		{ .size = 16, .count = 1 }, { .size = 1, .count = 0 },
		{ .size = 1, .count = 1, .kind = TRACE_KIND_COUNT },
		{ .size = 1, .count = 1, .kind = 255 },
		{ .size = 1, .count = 1, .space = CHAN_SPACE_COUNT },
		{ .size = 1, .count = 1, .flags = 0x80 },
	};
	const unsigned int n = sizeof(bad) / sizeof(bad[0]);
	struct trace_rec good = make(7);
	struct trace_reader r;

	fresh(0);
	trace_reader_init(&r, seen, true);
	for (unsigned int i = 0; i < n; i++)
		put_raw(i, &bad[i]);
	put_raw(n, &good);
	ring->head = n + 1;
	ok(trace_read(&r, got, 10) == 1 && is_made(&got[0]),
	   "of nonsense only what makes sense comes out");
	is_hex(r.bad, n, "the rest is counted");
}

static void test_bad_heads(void)
{
	static const uint64_t head[] = { UINT64_MAX, UINT64_MAX - TRACE_RECORDS,
		1ull << 63, TRACE_RECORDS, 1, 0, UINT64_MAX };
	struct trace_reader r;
	bool bounded = true;

	fresh(100);
	trace_reader_init(&r, seen, true);
	for (size_t i = 0; i < sizeof(head) / sizeof(head[0]); i++) {
		ring->head = head[i];
		bounded &= trace_read(&r, got, TRACE_RECORDS) <= TRACE_RECORDS;
	}
	ok(bounded, "a head that jumps costs a ring full at most");
	fresh(100);
	trace_reader_init(&r, seen, true);
	trace_read(&r, got, 100);
	ring->head = 50;
	is_hex(trace_read(&r, got, 100), 0, "one that runs back brings nothing");
	ring->head = 101;
	is_hex(trace_read(&r, got, 100), 0, "nor is a record of zeros one");
	is_hex(r.bad, 1, "but counted");
}

static void test_age(void)
{
	struct trace_rec rec = { .ticks = 1000 };

	ring->ticks_per_ms = 0;
	is_hex(trace_age_ns(seen, &rec, 5000), 0, "no frequency, no age");
	ring->ticks_per_ms = 2000000;	/* 2 GHz */
	is_hex(trace_age_ns(seen, &rec, 5000), 2000, "4000 ticks are 2 us");
	is_hex(trace_age_ns(seen, &rec, 1000 + 2000000000ull * 86400),
	       86400ull * 1000000000u, "a day");
	is_hex(trace_age_ns(seen, &rec, 999), 0, "the future has no age");
}

int main(void)
{
	int fd = memfd_make_trace(), other = memfd_make_state();
	struct trace_rec rec = make(1);

	ring = trace_map(fd, true);
	seen = trace_map(fd, false);
	ok(ring && seen, "it maps for its writer and for a reader");
	if (!ring || !seen)
		return tap_done();
	ok(!trace_map(other, false), "other memory is refused");
	test_order();
	test_overrun();
	test_race();
	test_bad_records();
	test_bad_heads();
	test_age();
	trace_writer_init(&w, NULL);
	trace_put(&w, &rec);
	ok(w.head == 0, "without a ring nothing is recorded");
	munmap(ring, sizeof(*ring));
	munmap((void *)(uintptr_t)seen, sizeof(*seen));
	close(fd);
	close(other);
	return tap_done();
}
