/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * broker/dispatch/peer.c - a worker's channel
 *
 * Runs in the broker.  A worker is as hostile as a guest: what it announced is
 * copied once and checked against the plan; what it did wrong ends the belief
 * in it until the supervisor has replaced it.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "dispatch/broker.h"
#include "hv/hv.h"

static bool plan_allows(const struct peer *p, unsigned int space,
			uint64_t first, uint64_t last)
{
	for (unsigned int i = 0; i < p->plan->range_count && i < PLAN_RANGES; i++) {
		const struct plan_range *r = &p->plan->range[i];

		if (r->space == space && r->first <= first && last <= r->last &&
		    first <= last)
			return true;
	}
	return false;
}

uint32_t win_offset(const struct peer_win *w, uint64_t addr)
{
	return (uint32_t)(w->space == CHAN_PCI ? addr & 0xffff : addr - w->base);
}

static uint64_t last_of(const struct peer_win *w)
{
	return w->space == CHAN_PCI ? w->base : w->base + w->len - 1;
}

static unsigned int number_of(const struct peer *p)
{
	return (unsigned int)(p - broker.peer);
}

/* ---- windows ---- */

static void record_win(struct peer *p, unsigned int win, enum win_state state)
{
	struct broker_win *r = &p->rec->win[win];
	const struct peer_win *w = &p->win[win];

	r->base = w->base;
	r->len = w->len;
	r->space = w->space;
	STATE_SET(r->state, (uint8_t)state);
}

static int register_win(struct peer *p, unsigned int win)
{
	struct peer_win *w = &p->win[win];
	int rc;

	record_win(p, win, WIN_ADDING);
	rc = route_add(w->space, w->base, last_of(w), number_of(p), win);
	w->mapped = rc == 0;
	record_win(p, win, rc ? WIN_WANTED : WIN_MAPPED);
	return rc;
}

static void remove_win(struct peer *p, unsigned int win)
{
	struct peer_win *w = &p->win[win];

	if (w->mapped) {
		record_win(p, win, WIN_REMOVING);
		route_remove(w->space, number_of(p), win);
	}
	w->mapped = w->wanted = false;
	record_win(p, win, WIN_NOWHERE);
}

/* Registers window @win at @base with Xen, if the plan allows it there. */
static bool place_win(struct peer *p, unsigned int win, uint64_t base)
{
	struct peer_win *w = &p->win[win];

	w->base = base;
	if (!plan_allows(p, w->space, base, last_of(w)))
		return false;
	w->wanted = true;
	/* The guest put one window over another: first come. */
	if (register_win(p, win))
		guest_warn("range not registered: worker=%s space=%u base=0x%llx",
			   p->plan->name, w->space, (unsigned long long)base);
	return true;
}

/* A place became free: perhaps for one that came second. */
static void place_waiting(void)
{
	for (unsigned int i = 0; i < broker.plan->worker_count; i++) {
		struct peer *p = &broker.peer[i];

		for (unsigned int win = 0; p->alive && win < p->win_count; win++)
			if (p->win[win].wanted && !p->win[win].mapped)
				register_win(p, win);
	}
}

/* ---- what a worker announced ---- */

/* As it was announced; checked, not believed. */
struct announced {
	uint32_t wins, rows;
	struct chan_win win[CHAN_WINS];
	struct chan_row row[CHAN_ROWS];
};

static bool check_win(const struct chan_win *w)
{
	if (w->space >= CHAN_SPACE_COUNT || w->len == 0 ||
	    (w->space == CHAN_PCI && w->len != 256))
		return false;
	return !(w->flags & CHAN_WIN_MIRROR) ||
		(w->len <= CHAN_MIRROR_BYTES &&
		 w->mirror <= CHAN_MIRROR_BYTES - w->len);
}

static bool check_row(const struct announced *a, const struct chan_row *r)
{
	return r->win < a->wins && (r->size == 1 || r->size == 2 || r->size == 4) &&
		(uint32_t)r->off + r->size <= a->win[r->win].len;
}

static bool copy_announced(const struct peer *p, struct announced *a)
{
	struct chan *c = p->ch.c;

	if (!atomic_load_explicit(&c->ready, memory_order_acquire))
		return false;
	a->wins = c->win_count;
	a->rows = c->row_count;
	if (a->wins > CHAN_WINS || a->rows > CHAN_ROWS || a->rows >= NO_ROW)
		return false;
	memcpy(a->win, c->win, a->wins * sizeof(a->win[0]));
	memcpy(a->row, c->row, a->rows * sizeof(a->row[0]));
	for (unsigned int i = 0; i < a->wins; i++)
		if (!check_win(&a->win[i]))
			return false;
	for (unsigned int i = 0; i < a->rows; i++)
		if (!check_row(a, &a->row[i]))
			return false;
	return true;
}

static bool same_win(const struct peer_win *w, const struct chan_win *cw)
{
	return w->space == cw->space && w->len == cw->len;
}

/* All but where the windows are. */
static bool import_tables(struct peer *p, const struct announced *a)
{
	for (unsigned int i = 0; i < a->wins; i++) {
		p->win[i].mirror = a->win[i].mirror;
		p->win[i].has_mirror = a->win[i].flags & CHAN_WIN_MIRROR;
		rows_init(&p->win[i].rows);
	}
	for (unsigned int i = 0; i < a->rows; i++) {
		const struct chan_row *r = &a->row[i];

		p->row[i] = (struct peer_row){ .size = r->size, .flags = r->flags,
					       .xor = r->xor };
		if (!rows_add(&p->win[r->win].rows, r->off, (uint8_t)i))
			return false;
	}
	p->row_count = (uint8_t)a->rows;
	p->note_row = NO_ROW;
	return true;
}

/* What a predecessor of the worker had elsewhere goes; what stays where it is
   is not touched, for other vCPUs use it. */
static bool import_places(struct peer *p, const struct announced *a)
{
	for (unsigned int i = 0; i < p->win_count; i++)
		if (i >= a->wins || !a->win[i].mapped ||
		    !same_win(&p->win[i], &a->win[i]) ||
		    a->win[i].base != p->win[i].base || !p->win[i].mapped)
			remove_win(p, i);
	p->win_count = (uint8_t)a->wins;
	STATE_SET(p->rec->win_count, p->win_count);
	for (unsigned int i = 0; i < a->wins; i++) {
		p->win[i].space = a->win[i].space;
		p->win[i].len = a->win[i].len;
		if (!p->win[i].mapped)
			record_win(p, i, WIN_NOWHERE);
		if (a->win[i].mapped && !p->win[i].mapped &&
		    !place_win(p, i, a->win[i].base))
			return false;
	}
	return true;
}

/* Requests sent by others than us are as good as any. */
static void believe(struct peer *p)
{
	p->effective = p->awaited = p->ch.tail;
	p->watch = (struct peer_watch){ 0 };
	p->alive = true;
	STATE_SET(p->rec->trust, (uint8_t)TRUST_ALIVE);
}

bool peer_import(struct peer *p)
{
	static struct announced a;

	if (!copy_announced(p, &a) || !import_places(p, &a) ||
	    !import_tables(p, &a))
		return false;
	believe(p);
	return true;
}

/* ---- a predecessor's records ---- */

bool peer_may_place(const struct peer *p, const struct broker_win *r)
{
	struct peer_win w = { .base = r->base, .len = r->len, .space = r->space };

	if (r->state == WIN_NOWHERE)
		return true;
	return r->state < WIN_STATE_COUNT && r->space < CHAN_SPACE_COUNT &&
		r->len && plan_allows(p, r->space, r->base, last_of(&w));
}

/* The windows that Xen knows, then those of which we cannot tell. */
static bool adopt_places(struct peer *p)
{
	bool good = true;

	p->win_count = p->rec->win_count;
	for (unsigned int i = 0; i < p->win_count; i++) {
		const struct broker_win *r = &p->rec->win[i];
		struct peer_win *w = &p->win[i];

		w->base = r->base;
		w->len = r->len;
		w->space = r->space;
		w->wanted = r->state == WIN_WANTED || r->state == WIN_ADDING ||
			r->state == WIN_MAPPED;
		w->mapped = r->state == WIN_MAPPED &&
			route_adopt(w->space, w->base, last_of(w), number_of(p),
				    i, false);
		good &= w->mapped == (r->state == WIN_MAPPED);
		if (r->state != WIN_REMOVING)
			continue;
		/* Its verb comes once more and finds it gone. */
		hv_range_unmap(broker.hv, w->space, w->base, last_of(w));
		record_win(p, i, WIN_NOWHERE);
	}
	return good;
}

static void settle_wins(struct peer *p)
{
	for (unsigned int i = 0; i < p->win_count; i++) {
		struct peer_win *w = &p->win[i];

		if (p->rec->win[i].state != WIN_ADDING)
			continue;
		w->mapped = route_adopt(w->space, w->base, last_of(w),
					number_of(p), i, true);
		record_win(p, i, w->mapped ? WIN_MAPPED : WIN_WANTED);
	}
}

void peer_settle_all(void)
{
	for (unsigned int i = 0; i < broker.plan->worker_count; i++)
		settle_wins(&broker.peer[i]);
	place_waiting();
}

/* If nothing was sent since, a note need not be repeated (spare.c). */
static void adopt_note(struct peer *p)
{
	struct io_msg m;

	memcpy(&m, &p->ch.c->req[(p->ch.tail - 1) % CHAN_REQS], sizeof(m));
	if (m.seq != p->ch.tail - 1 || m.kind != IO_READ_NOTE ||
	    m.win >= p->win_count)
		return;
	p->note_seq = m.seq;
	p->note_row = rows_find(&p->win[m.win].rows, win_offset(&p->win[m.win],
								m.addr));
}

bool peer_adopt(struct peer *p)
{
	static struct announced a;
	uint8_t trust = p->rec->trust;
	bool good = adopt_places(p);

	p->first_ans = p->ch.ans;
	p->adopted = true;
	p->all_dirty = true;
	if (trust != TRUST_ALIVE)
		return true;
	/* peer_lied() is for one that was believed. */
	believe(p);
	if (!p->fits || !copy_announced(p, &a) || a.wins != p->win_count)
		return false;
	for (unsigned int i = 0; i < a.wins; i++)
		if (!same_win(&p->win[i], &a.win[i]))
			return false;
	if (!import_tables(p, &a))
		return false;
	p->kick = true;		/* the predecessor may have owed it */
	adopt_note(p);
	return good;
}

void peer_start(struct peer *p)
{
	chan_broker_init(&p->ch, p->ch.c);
	memset(p->owner, 0, sizeof(p->owner));
	p->rec->tail = p->ch.tail;
	p->rec->ans = p->ch.ans;
}

/* ---- one that was given up ---- */

void peer_renewed(struct peer *p)
{
	p->kick = true;
	p->watch = (struct peer_watch){ 0 };
	if (p->alive)
		return;
	peer_start(p);
	/* If the predecessor's requests are done after all. */
	p->forgot = true;
	p->strangers = p->ch.tail;
	p->adopted = false;
	p->rec->reply = REPLY_NONE;
	if (!peer_import(p)) {
		p->alive = true;
		peer_lied(p, "announced nonsense");
		return;
	}
	place_waiting();
	log_info("worker is believed again: worker=%s", p->plan->name);
	pause_renewed(number_of(p));
	ioreq_resend(number_of(p));
}

void peer_failed(struct peer *p)
{
	p->alive = false;
	STATE_SET(p->rec->trust, (uint8_t)TRUST_FAILED);
	log_warn("worker is gone for good: worker=%s", p->plan->name);
	ioreq_abandon((int)number_of(p));
	answer_abandon(number_of(p));
}

bool peer_move_win(struct peer *p, const struct io_msg *m)
{
	const struct peer_win *w;

	if (m->win >= p->win_count)
		return false;
	w = &p->win[m->win];
	/* Said once more, to a successor. */
	if (m->kind == ANS_MAP && w->mapped && w->base == m->addr)
		return true;
	remove_win(p, m->win);
	if (m->kind == ANS_MAP && !place_win(p, m->win, m->addr))
		return false;
	place_waiting();
	return true;
}

static void give_up(struct peer *p, const char *how)
{
	tell_supervisor(CTL_LIED, number_of(p), how);
	ioreq_abandon((int)number_of(p));
	answer_abandon(number_of(p));
}

void peer_lied(struct peer *p, const char *how)
{
	if (!p->alive)
		return;
	p->alive = false;
	STATE_SET(p->rec->trust, (uint8_t)TRUST_LIED);
	account_peer(p, STAT_REFUSED);
	log_err("worker broke the protocol: worker=%s how=\"%s\"",
		p->plan->name, how);
	give_up(p, how);
}

void peer_lied_before(struct peer *p)
{
	give_up(p, "as told before");
}

/* The place of the next request is one that was committed, but what it answered
   was not yet looked at: its worker waits for a verb. */
static bool is_owed(const struct peer *p)
{
	return p->owner[p->ch.tail % CHAN_REQS].what != OWNER_NONE;
}

int peer_room(struct peer *p)
{
	uint32_t used;

	if (!p->alive)
		return -EPROTO;
	if (chan_pending(&p->ch, &used)) {
		peer_lied(p, "request ring head");
		return -EPROTO;
	}
	if (used < CHAN_REQS && !is_owed(p))
		return 0;
	p->kick = true;		/* it has work; it may sleep */
	return -EAGAIN;
}

int peer_data_get(struct peer *p, uint16_t *slot)
{
	int rc = p->alive ? chan_data_get(&p->ch, slot) : -EPROTO;

	if (rc == -EPROTO)
		peer_lied(p, "request ring head");
	if (rc == -EAGAIN)
		p->kick = true;
	return rc;
}

int peer_send(struct peer *p, struct io_msg *m, enum owner what,
	      unsigned int vcpu, uint8_t row_flags)
{
	bool has_data = (m->flags & IO_DATA) || m->kind == IO_BATCH;
	uint32_t used;
	/* Who is not believed any more answers nobody. */
	int rc = !p->alive ? -EPROTO : is_owed(p) ? -EAGAIN :
		chan_put(&p->ch, m, has_data);

	if (rc == -EPROTO)
		peer_lied(p, "request ring head");
	if (rc) {
		p->kick = true;
		return rc;
	}
	if (p->plan->verbs & PLAN_MAY_VRAM)
		dirty_sent(m);
	STATE_SET(p->rec->tail, p->ch.tail);
	peer_set_owner(p, m->seq, what, vcpu);
	if (!(row_flags & CHAN_ROW_INERT))
		p->effective = p->ch.tail;
	if (!(row_flags & CHAN_ROW_LAZY)) {
		p->awaited = p->ch.tail;
		p->kick = true;
		return 0;
	}
	/* Late delivery is fine, but not for ever: half a ring is enough. */
	if (chan_pending(&p->ch, &used) == 0 &&
	    (used >= CHAN_REQS / 2 ||
	     p->ch.data_tail - p->ch.data_head >= CHAN_DATA_SLOTS / 2))
		p->kick = true;
	return 0;
}

/* After vCPUs were completed: the guest does not wait for our system call. */
void peer_kick_all(void)
{
	static const uint64_t one = 1;

	for (unsigned int i = 0; i < broker.plan->worker_count; i++) {
		struct peer *p = &broker.peer[i];

		if (!p->kick)
			continue;
		p->kick = false;
		if (p->alive && chan_needs_kick(&p->ch) &&
		    write(FD_KICK0 + (int)i, &one, sizeof(one)) < 0 &&
		    errno != EAGAIN)
			log_errno(errno, "cannot wake: worker=%s", p->plan->name);
	}
}
