/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ring/trace.c - reads the trace ring that the broker writes
 *
 * Runs in the supervisor and in cloisterctl; trace_map() and
 * trace_writer_init() in the broker, too, before it is confined.
 */
#include "ring/trace.h"

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

static uint64_t load_head(const struct trace *t)
{
	return atomic_load_explicit(&t->head, memory_order_acquire);
}

/* The oldest record that nobody is writing over while head is @head. */
static uint64_t oldest(uint64_t head)
{
	return head < TRACE_RECORDS ? 0 : head - (TRACE_RECORDS - 1);
}

void trace_reader_init(struct trace_reader *r, const struct trace *t,
		       bool from_oldest)
{
	uint64_t head = load_head(t);

	*r = (struct trace_reader){ .t = t,
		.next = from_oldest ? oldest(head) : head };
}

static bool is_sane(const struct trace_rec *rec)
{
	return rec->kind < TRACE_KIND_COUNT && rec->space < CHAN_SPACE_COUNT &&
		(rec->flags & ~TRACE_FLAGS) == 0 && rec->count != 0 &&
		(rec->size == 1 || rec->size == 2 || rec->size == 4 ||
		 rec->size == 8);
}

static void copy_rec(const struct trace *t, uint64_t at, struct trace_rec *rec)
{
	const _Atomic uint64_t *from = t->rec[at % TRACE_RECORDS];
	uint64_t word[TRACE_REC_WORDS];

	for (unsigned int i = 0; i < TRACE_REC_WORDS; i++)
		word[i] = atomic_load_explicit(&from[i], memory_order_relaxed);
	memcpy(rec, word, sizeof(*rec));
}

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

		copy_rec(r->t, r->next, &out[n]);
		/* Was it whole?  Pairs with the fence in trace_put(). */
		atomic_thread_fence(memory_order_acquire);
		now = load_head(r->t);
		if (now >= r->next && oldest(now) > r->next) {
			/* Behind again; the rest comes with the next call. */
			skip_lost(r, now);
			break;
		}
		r->next++;
		if (is_sane(&out[n]))
			n++;
		else
			r->bad++;
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
	/* In two steps: the product does not fit after half an hour. */
	return ticks / per_ms * 1000000u + ticks % per_ms * 1000000u / per_ms;
}
