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
static struct trace_rec got[TRACE_SLOTS];
static _Atomic bool written;

/*
 * Whose parts all follow from @i, so that a torn one is noticed.  Of three, the
 * first has more address than fits a slot, and the second more of the others.
 */
static struct trace_rec make(uint64_t i)
{
	struct trace_rec rec = { .ticks = i << TRACE_TICKS_SHIFT, .addr = (uint32_t)i * 3,
		.value = (uint32_t)~i, .count = 1, .size = (uint8_t)(1u << (i & 3)),
		.flags = i & 1 ? TRACE_WRITE : 0, .kind = (uint8_t)(i & 3),
		.space = (uint8_t)(i % CHAN_SPACE_COUNT) };

	if (i % 3 == 0)
		rec.addr |= i * 7 << 32 | 1ull << 63;
	if (i % 3 == 1) {
		rec.count = (uint32_t)i + 2;
		rec.value = ~i;
		rec.flags |= TRACE_STRING | TRACE_DESC;
	}
	return rec;
}

static uint64_t number_of(const struct trace_rec *r)
{
	return r->ticks >> TRACE_TICKS_SHIFT;
}

static unsigned int slots_of(uint64_t i)
{
	return i % 3 == 2 ? 1 : 2;
}

static uint64_t slots_until(uint64_t count)
{
	uint64_t n = 0;

	for (uint64_t i = 0; i < count; i++)
		n += slots_of(i);
	return n;
}

static bool is_made(const struct trace_rec *r)
{
	struct trace_rec want = make(number_of(r));

	return memcmp(&want, r, sizeof(want)) == 0;
}

static void fresh(uint64_t count)
{
	memset((void *)ring->slot, 0, sizeof(ring->slot));
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
	ok(is_made(&got[0]) && is_made(&got[1]) && number_of(&got[0]) == 0 &&
	   number_of(&got[1]) == 1, "the oldest first, short or long");
	is_hex(trace_read(&r, got, 100), 3, "then the others");
	is_hex(trace_read(&r, got, 100), 0, "then nothing");
	trace_put(&w, &rec);
	ok(trace_read(&r, got, 100) == 1 && is_made(&got[0]) && number_of(&got[0]) == 5,
	   "until there is something new");
	trace_reader_init(&r, seen, false);
	is_hex(trace_read(&r, got, 100), 0, "who wants only what is new gets nothing old");
	ok(r.lost == 0 && r.bad == 0, "nothing was lost");
}

static void test_overrun(void)
{
	const uint64_t all = 3 * TRACE_SLOTS;
	struct trace_reader r;
	uint64_t slots = 0;
	bool whole = true;
	unsigned int n;

	fresh(10);
	trace_reader_init(&r, seen, true);
	trace_read(&r, got, 1);
	for (uint64_t i = 10; i < all; i++) {
		struct trace_rec rec = make(i);

		trace_put(&w, &rec);
	}
	n = trace_read(&r, got, TRACE_SLOTS);
	for (unsigned int i = 0; i < n; i++) {
		whole &= is_made(&got[i]) && number_of(&got[i]) == all - n + i;
		slots += slots_of(all - n + i);
	}
	ok(whole && n > TRACE_SLOTS / 2, "who falls behind gets what is left, whole and in order");
	ok(slots >= TRACE_SLOTS - 3 && slots <= TRACE_SLOTS - 2, "as much as there can be");
	is_hex(slots + r.lost + slots_of(0), slots_until(all), "and is told how much is not");
	is_hex(r.bad, 0, "half a record is not bad");
	trace_reader_init(&r, seen, true);
	is_hex(trace_read(&r, got, TRACE_SLOTS), n, "a late reader gets as much");
	ok(r.lost <= 1, "and lost nothing");
	trace_writer_init(&w, ring);
	is_hex(w.head, slots_until(all), "a successor goes on");
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
	uint64_t count = 0, slots = 0, torn = 0, next = 0, back = 0;
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
				back += number_of(&got[i]) < next;
				next = number_of(&got[i]) + 1;
				slots += slots_of(number_of(&got[i]));
			}
			count += n;
		}
	}
	pthread_join(t, NULL);
	/* What was overtaken while it was read comes with another call. */
	for (unsigned int i = 0; i < 10; i++) {
		unsigned int n = trace_read(&r, got, TRACE_SLOTS);

		for (unsigned int k = 0; k < n; k++)
			slots += slots_of(number_of(&got[k]));
		count += n;
	}
	is_hex(torn, 0, "no record is torn");
	is_hex(back, 0, "none comes twice or late");
	is_hex(slots + r.lost + r.bad, slots_until(RUN), "each was read or is counted as lost");
	is_hex(r.bad, 0, "none was bad");
	printf("# read %llu, lost %llu\n", (unsigned long long)count,
	       (unsigned long long)r.lost);
}

static void put_raw(uint64_t at, uint64_t low, uint64_t high)
{
	ring->slot[at % TRACE_SLOTS][0] = low;
	ring->slot[at % TRACE_SLOTS][1] = high;
}

/* Slots that no broker of ours writes. */
static void test_bad_slots(void)
{
	const uint64_t long_one = TRACE_USED | TRACE_LONG;
	const uint64_t more = TRACE_USED | TRACE_MORE;
	struct trace_rec good = make(7);
	struct trace_reader r;

	fresh(0);
	trace_reader_init(&r, seen, true);
	put_raw(0, 0, 0);
	put_raw(1, ~0ull, ~0ull & ~TRACE_USED);
	put_raw(2, 5, TRACE_USED | 3u << TRACE_SPACE_AT);	/* no such space */
	put_raw(3, 5, long_one);		/* its second half: */
	put_raw(4, 5, TRACE_USED);		/* another record */
	put_raw(5, 5, long_one);
	put_raw(6, 5, more);			/* of no items at all */
	ring->head = 7;
	trace_writer_init(&w, ring);
	trace_put(&w, &good);
	ok(trace_read(&r, got, 10) == 2 && got[0].addr == 5 && is_made(&got[1]),
	   "of nonsense only what makes sense comes out");
	is_hex(r.bad, 5, "the rest is counted");
	is_hex(r.lost, 1, "and halves without a first one");
	fresh(0);
	trace_reader_init(&r, seen, true);
	put_raw(0, 5, long_one);
	ring->head = 1;
	ok(trace_read(&r, got, 10) == 0 && r.bad == 1, "half a record at the end");
}

static void test_bad_heads(void)
{
	static const uint64_t head[] = { UINT64_MAX, UINT64_MAX - TRACE_SLOTS,
		1ull << 63, TRACE_SLOTS, 1, 0, UINT64_MAX };
	struct trace_reader r;
	bool bounded = true;

	fresh(100);
	trace_reader_init(&r, seen, true);
	for (size_t i = 0; i < sizeof(head) / sizeof(head[0]); i++) {
		ring->head = head[i];
		bounded &= trace_read(&r, got, TRACE_SLOTS) <= TRACE_SLOTS;
	}
	ok(bounded, "a head that jumps costs a ring full at most");
	fresh(100);
	trace_reader_init(&r, seen, true);
	trace_read(&r, got, 100);
	ring->head = 50;
	is_hex(trace_read(&r, got, 100), 0, "one that runs back brings nothing");
	ring->head = r.next + 1;
	is_hex(trace_read(&r, got, 100), 0, "nor is a record of zeros one");
	is_hex(r.bad, 1, "but it is counted");
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
	ring->ticks_per_ms = 1;
	is_hex(trace_age_ns(seen, &rec, UINT64_MAX), INT64_MAX,
	       "a clock that lies: no more than a report can have");
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
	test_bad_slots();
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
