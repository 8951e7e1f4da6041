/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ring/trace.h - the trace ring of abi/trace.h, from both sides
 *
 * The writer is the broker, the only one; the readers are the supervisor and
 * cloisterctl.  To a reader the writer is hostile: only records that make
 * sense come out, whatever is in the memory, and each call ends.
 */
#ifndef RING_TRACE_H
#define RING_TRACE_H

#include <stdbool.h>

#include "abi/trace.h"

/* ---- writer: the broker ---- */

/* Its own index is private: what is in the memory is never read back. */
struct trace_writer {
	struct trace *t;		/* NULL: nothing is recorded */
	uint64_t head;
};

/* @t as trace_map() gave it, or NULL.  Goes on where a predecessor ended. */
void trace_writer_init(struct trace_writer *w, struct trace *t);

/* @rec as abi/trace.h has it: every field in its range. */
void trace_put(struct trace_writer *w, const struct trace_rec *rec);

/* ---- reader ---- */

struct trace_reader {
	const struct trace *t;
	uint64_t next;		/* slot that comes next */
	uint64_t lost;		/* slots overwritten before we came, so far */
	uint64_t bad;		/* slots that made no sense, so far */
};

/*
 * Maps @fd (borrowed), a sealed memfd of the right size, and checks its
 * header.  NULL and a line in the log if it is something else.  Unmapped by
 * munmap(t, sizeof(struct trace)).
 */
struct trace *trace_map(int fd, bool writable);

/* @from_oldest: from what is still there; else from what comes next. */
void trace_reader_init(struct trace_reader *r, const struct trace *t,
		       bool from_oldest);

/*
 * Up to @max next records, oldest first, checked: kind, space, size and flags
 * are among those of abi/trace.h, count is not 0.  Returns how many, 0 if
 * there is nothing new.  r->lost and r->bad go up by what was left out: in
 * slots, of which a record has one or two.
 * At most TRACE_SLOTS are looked at; never waits.
 */
unsigned int trace_read(struct trace_reader *r, struct trace_rec *out,
			unsigned int max);

/*
 * How long before @now_ticks (of the time stamp counter) the record was
 * written, in ns, INT64_MAX at most; 0 if the writer does not know its counter's
 * frequency yet.
 */
uint64_t trace_age_ns(const struct trace *t, const struct trace_rec *rec,
		      uint64_t now_ticks);

#endif /* RING_TRACE_H */
