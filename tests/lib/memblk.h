/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/lib/memblk.h - a disk in memory behind bus/blk.h, for model tests
 *
 * Completes inside submit, or, with @hold, when the test says so.  Counts
 * flushes, and which bytes were written since the last one.
 */
#ifndef TESTS_LIB_MEMBLK_H
#define TESTS_LIB_MEMBLK_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "bus/blk.h"

#define MEMBLK_HELD	8u

struct memblk {
	struct blk blk;
	uint8_t *data;			/* @blk.size_bytes of them */
	bool hold;			/* keep requests until memblk_release() */
	int fail_rc;			/* all requests fail with this */
	uint64_t fail_from, fail_to;	/* or those that touch this */
	unsigned int reads, writes, flushes, discards, closes;
	unsigned int unflushed;		/* writes since the last flush */
	unsigned int held_count;
	struct blk_req *held[MEMBLK_HELD];
};

static inline int memblk_do(struct memblk *m, struct blk_req *q)
{
	uint64_t at = q->off_bytes;

	if (m->fail_rc && (m->fail_to == 0 || (at < m->fail_to &&
					       at + q->len_bytes > m->fail_from)))
		return m->fail_rc;
	switch (q->op) {
	case BLK_FLUSH:
		m->flushes++;
		m->unflushed = 0;
		return 0;
	case BLK_DISCARD:
		m->discards++;
		memset(m->data + at, 0, at + q->len_bytes <= m->blk.size_bytes ?
		       q->len_bytes : 0);
		return 0;
	case BLK_READ:
		m->reads++;
		break;
	case BLK_WRITE:
		m->writes++;
		m->unflushed++;
		break;
	}
	for (unsigned int i = 0; i < q->iov_count; i++) {
		uint8_t *p = q->iov[i].iov_base;
		size_t n = q->iov[i].iov_len;
		size_t in = at >= m->blk.size_bytes ? 0 :
			m->blk.size_bytes - at < n ? m->blk.size_bytes - at : n;

		if (q->op == BLK_WRITE) {
			memcpy(m->data + (in ? at : 0), p, in);
		} else {
			memcpy(p, m->data + (in ? at : 0), in);
			memset(p + in, 0, n - in);
		}
		at += n;
	}
	return 0;
}

static inline void memblk_submit(struct blk *blk, struct blk_req *q)
{
	struct memblk *m = (struct memblk *)blk;

	if (m->hold && m->held_count < MEMBLK_HELD)
		m->held[m->held_count++] = q;
	else
		q->done(q, memblk_do(m, q));
}

/* Completes the oldest held request; false if there is none. */
static inline bool memblk_release(struct memblk *m)
{
	struct blk_req *q = m->held[0];

	if (m->held_count == 0)
		return false;
	m->held_count--;
	memmove(m->held, m->held + 1, m->held_count * sizeof(m->held[0]));
	q->done(q, memblk_do(m, q));
	return true;
}

static inline void memblk_close(struct blk *blk)
{
	((struct memblk *)blk)->closes++;
}

static inline struct blk *memblk_init(struct memblk *m, void *data,
				      uint64_t size_bytes)
{
	static const struct blk_ops ops = {
		.submit = memblk_submit, .close = memblk_close,
	};

	*m = (struct memblk){ .data = data };
	m->blk = (struct blk){ .ops = &ops, .size_bytes = size_bytes };
	return &m->blk;
}

#endif /* TESTS_LIB_MEMBLK_H */
