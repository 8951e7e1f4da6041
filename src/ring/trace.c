/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ring/trace.c - reads the trace ring that the broker writes
 *
 * Runs in the supervisor and in cloisterctl; trace_map() and
 * trace_writer_init() in the broker, too, before it is confined.
 */
#include "ring/trace.h"

#include <assert.h>
#include <sys/mman.h>

#include "abi/chan.h"
#include "base/log.h"
#include "ring/memfd.h"

struct trace *trace_map(int fd, bool writable)
{
	struct trace *t = memfd_map(fd, sizeof(*t), writable);

	if (!t)
		return NULL;
	if (t->magic == TRACE_MAGIC && t->version == TRACE_VERSION)
		return t;
	log_err("not a trace ring: fd=%d", fd);
	munmap(t, sizeof(*t));
	return NULL;
}

void trace_writer_init(struct trace_writer *w, struct trace *t)
{
	w->t = t;
	w->head = t ? atomic_load_explicit(&t->head, memory_order_relaxed) : 0;
}

/* ---- writer ---- */

static bool is_long(const struct trace_rec *rec)
{
	return (rec->addr | rec->value) >> 32 || rec->count != 1;
}

static void put_slot(struct trace *t, uint64_t at, uint64_t low, uint64_t high)
{
	_Atomic uint64_t *to = t->slot[at % TRACE_SLOTS];

	atomic_store_explicit(&to[0], low, memory_order_relaxed);
	atomic_store_explicit(&to[1], high, memory_order_relaxed);
}

void trace_put(struct trace_writer *w, const struct trace_rec *rec)
{
	uint64_t tag = (uint64_t)__builtin_ctz(rec->size) |
		(uint64_t)rec->flags << TRACE_FLAGS_AT |
		(uint64_t)rec->kind << TRACE_KIND_AT |
		(uint64_t)rec->space << TRACE_SPACE_AT | TRACE_USED |
		rec->ticks >> TRACE_TICKS_SHIFT << TRACE_TICKS_AT;

	if (!w->t)
		return;
	/* The head that made the old record too old is out before the new one
	   is: pairs with the fence in trace_read(). */
	atomic_thread_fence(memory_order_release);
	if (is_long(rec)) {
		put_slot(w->t, w->head++, (rec->addr & UINT32_MAX) | rec->value << 32,
			 tag | TRACE_LONG);
		put_slot(w->t, w->head++, rec->addr >> 32 |
			 rec->value >> 32 << 32, TRACE_MORE | TRACE_USED |
			 (uint64_t)rec->count << 32);
	} else {
		put_slot(w->t, w->head++, rec->addr | rec->value << 32, tag);
	}
	atomic_store_explicit(&w->t->head, w->head, memory_order_release);
}

/* ---- reader ---- */

static uint64_t load_head(const struct trace *t)
{
	return atomic_load_explicit(&t->head, memory_order_acquire);
}

/* The oldest slot that nobody is writing over while head is @head. */
static uint64_t oldest(uint64_t head)
{
	const uint64_t whole = TRACE_SLOTS - TRACE_SLOTS_A_RECORD;

	return head < whole ? 0 : head - whole;
}

void trace_reader_init(struct trace_reader *r, const struct trace *t,
		       bool from_oldest)
{
	uint64_t head = load_head(t);

	*r = (struct trace_reader){ .t = t,
		.next = from_oldest ? oldest(head) : head };
}

static void copy_slot(const struct trace *t, uint64_t at, uint64_t word[TRACE_SLOT_WORDS])
{
	const _Atomic uint64_t *from = t->slot[at % TRACE_SLOTS];

	for (unsigned int i = 0; i < TRACE_SLOT_WORDS; i++)
		word[i] = atomic_load_explicit(&from[i], memory_order_relaxed);
}

/*
 * The record whose first slot is @at: how many slots it has.  0: they do not
 * make one.  -1: they are the second half of one.
 */
static int copy_rec(const struct trace *t, uint64_t at, uint64_t head,
		    struct trace_rec *rec)
{
	uint64_t word[TRACE_SLOT_WORDS], more[TRACE_SLOT_WORDS];

	copy_slot(t, at, word);
	if (!(word[1] & TRACE_USED))
		return 0;
	if (word[1] & TRACE_MORE)
		return -1;
	*rec = (struct trace_rec){ .addr = word[0] & UINT32_MAX,
		.value = word[0] >> 32, .count = 1,
		.size = (uint8_t)(1u << (word[1] & 3)),
		.flags = word[1] >> TRACE_FLAGS_AT & TRACE_FLAGS,
		.kind = word[1] >> TRACE_KIND_AT & 3,
		.space = word[1] >> TRACE_SPACE_AT & 3,
		.ticks = word[1] >> TRACE_TICKS_AT << TRACE_TICKS_SHIFT };
	if (rec->space >= CHAN_SPACE_COUNT)
		return 0;
	if (!(word[1] & TRACE_LONG))
		return 1;
	if (at + 1 >= head)
		return 0;
	copy_slot(t, at + 1, more);
	rec->addr |= more[0] << 32;
	rec->value |= more[0] >> 32 << 32;
	rec->count = (uint32_t)(more[1] >> 32);
	return (more[1] & (TRACE_USED | TRACE_MORE)) == (TRACE_USED | TRACE_MORE) &&
		rec->count ? 2 : 0;
}

static_assert(TRACE_KIND_COUNT == 4, "two bits, and each value means something");

/* Moves on to what is still whole, if that is behind us already. */
static void skip_lost(struct trace_reader *r, uint64_t head)
{
	uint64_t from = oldest(head);

	if (r->next >= from)
		return;
	r->lost += from - r->next;
	r->next = from;
}

unsigned int trace_read(struct trace_reader *r, struct trace_rec *out,
			unsigned int max)
{
	uint64_t head = load_head(r->t);
	unsigned int n = 0;

	/* An honest head never runs back: nothing is new until it is past us. */
	if (head <= r->next)
		return 0;
	skip_lost(r, head);
	while (n < max && r->next < head) {
		uint64_t now;
		int slots = copy_rec(r->t, r->next, head, &out[n]);

		/* Was it whole?  Pairs with the fence in trace_put(). */
		atomic_thread_fence(memory_order_acquire);
		now = load_head(r->t);
		if (now >= r->next && oldest(now) > r->next) {
			/* Behind again; the rest comes with the next call. */
			skip_lost(r, now);
			break;
		}
		if (slots > 0) {
			n++;
			r->next += (unsigned int)slots;
		} else {
			/* What begins in front of us is lost, not bad. */
			*(slots < 0 ? &r->lost : &r->bad) += 1;
			r->next++;
		}
	}
	return n;
}

uint64_t trace_age_ns(const struct trace *t, const struct trace_rec *rec,
		      uint64_t now_ticks)
{
	uint32_t per_ms = atomic_load_explicit(&t->ticks_per_ms,
					       memory_order_relaxed);
	uint64_t ticks = now_ticks - rec->ticks;

	if (!per_ms || now_ticks < rec->ticks)
		return 0;
	/* Nobody's clock runs that slowly: the writer lied. */
	if (ticks / per_ms > INT64_MAX / 1000000u - 1)
		return INT64_MAX;
	/* In two steps: the product does not fit after half an hour. */
	return ticks / per_ms * 1000000u + ticks % per_ms * 1000000u / per_ms;
}
