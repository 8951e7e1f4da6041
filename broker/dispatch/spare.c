/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * broker/dispatch/spare.c - answers without the hop
 *
 * Runs in the broker.  The worker's flags say what may be spared (bus/reg.h);
 * this file says when it is safe: everything sent that could change the word
 * is committed, and everything the worker said before it is acted on.
 */
#include "base/le.h"
#include "dispatch/broker.h"

_Static_assert(CHAN_ROWS < ROW_PLACES && CHAN_ROWS <= NO_ROW, "see rows.h");

static uint8_t find_row(const struct peer *p, unsigned int win, uint32_t off,
			unsigned int size)
{
	uint8_t row = rows_find(&p->win[win].rows, off);

	return row == NO_ROW || p->row[row].size != size ? NO_ROW : row;
}

/* Is what the worker published the outcome of all we sent? */
static bool is_settled(struct peer *p)
{
	return chan_committed(&p->ch, p->effective) && !p->held;
}

/*
 * The read's side effect (REG_NOTIFY), delivered late and without waking the
 * worker.  If nothing was sent since the same note, it is still to come or
 * has just been done: once is enough.
 */
static bool send_note(struct peer *p, unsigned int win, uint32_t off,
		      uint8_t row)
{
	struct io_msg m = {
		.kind = IO_READ_NOTE, .size = p->row[row].size,
		.flags = IO_POSTED, .count = 1, .win = (uint16_t)win,
		.addr = p->win[win].base + off, .slot = 0,
	};

	if (p->note_row == row && p->note_seq + 1 == p->ch.tail)
		return true;
	if (peer_send(p, &m, OWNER_NONE, 0, SEND_LAZY))
		return false;
	p->note_row = row;
	p->note_seq = m.seq;
	return true;
}

/* True: the row's word is what all that was sent came to. */
static bool load_word(struct peer *p, uint8_t row, uint64_t *word)
{
	if (!is_settled(p))
		return false;
	*word = atomic_load_explicit(&p->ch.c->shadow[row], memory_order_acquire);
	/* D: the word may be newer than the answers we have acted on. */
	return (*word & CHAN_SHADOW_VALID) && !chan_answers_waiting(&p->ch);
}

/* A dword among many that are mostly zero. */
static bool read_zero(struct peer *p, unsigned int win, uint32_t off,
		      unsigned int size, uint64_t *value)
{
	uint32_t at = off % (4 * CHAN_ZEROS_WORDS);
	uint8_t row = find_row(p, win, off - at, 4);
	uint64_t word;

	if (row == NO_ROW || !(p->row[row].flags & CHAN_ROW_ZEROS) || size != 4 ||
	    at % 4 || !load_word(p, row, &word) || word >> at / 4 & 1)
		return false;
	*value = 0;
	return true;
}

static bool read_shadow(struct peer *p, unsigned int win, uint32_t off,
			unsigned int size, uint64_t *value)
{
	uint8_t row = find_row(p, win, off, size);
	uint64_t word;

	if (row == NO_ROW || !(p->row[row].flags & CHAN_ROW_SHADOW))
		return read_zero(p, win, off, size, value);
	if (!load_word(p, row, &word))
		return false;
	if ((p->row[row].flags & CHAN_ROW_NOTIFY) && !send_note(p, win, off, row))
		return false;
	*value = word & le_mask(size);
	if (p->row[row].xor) {
		*value ^= p->row[row].odd ? p->row[row].xor : 0;
		p->row[row].odd = !p->row[row].odd;
	}
	return true;
}

static bool read_mirror(struct peer *p, unsigned int win, uint32_t off,
			unsigned int size, uint64_t *value)
{
	const struct peer_win *w = &p->win[win];

	if (!w->has_mirror || !is_settled(p) || chan_answers_waiting(&p->ch))
		return false;
	*value = le_get(&p->ch.c->mirror[w->mirror + off], size);
	return true;
}

bool spare_read(struct peer *p, unsigned int win, uint32_t off,
		unsigned int size, uint64_t *value, uint8_t *how)
{
	if (broker.plan->flags & PLAN_NO_SHADOW)
		return false;
	if (chan_answers_waiting(&p->ch))
		answer_take(p);
	if (read_shadow(p, win, off, size, value)) {
		*how = TRACE_SHADOW;
		return true;
	}
	if (read_mirror(p, win, off, size, value)) {
		*how = TRACE_MIRROR;
		return true;
	}
	return false;
}

/* Would the write change nothing but what comes after it? */
static bool is_quiet(struct peer *p, uint8_t row)
{
	uint64_t word;

	if (!(p->row[row].flags & CHAN_ROW_QUIET))
		return false;
	if (chan_answers_waiting(&p->ch))
		answer_take(p);
	return load_word(p, row, &word);
}

/*
 * The worker may have gone to sleep between the look at the word and the put,
 * with a word that says that the write is waited for after all.
 */
void spare_posted(struct peer *p, const struct post *post)
{
	if (!(post->flags & CHAN_ROW_QUIET) || !(post->flags & CHAN_ROW_LAZY))
		return;
	atomic_thread_fence(memory_order_seq_cst); /* F */
	if (atomic_load_explicit(&p->ch.c->shadow[post->row],
				 memory_order_relaxed) & CHAN_SHADOW_VALID)
		return;
	p->effective = p->awaited = p->ch.tail;
	p->kick = true;
}

bool spare_may_post(struct peer *p, unsigned int win, uint32_t off,
		    unsigned int size, struct post *post)
{
	uint8_t row = find_row(p, win, off, size);

	if ((broker.plan->flags & PLAN_NO_POSTED) || row == NO_ROW)
		return false;
	*post = (struct post){ row, p->row[row].flags };
	if (is_quiet(p, row))
		post->flags |= SEND_LAZY;
	else if (!(post->flags & CHAN_ROW_POSTED))
		return false;
	return true;
}
