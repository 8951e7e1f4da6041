/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * broker/dispatch/peer.c - a worker's channel
 *
 * Runs in the broker.  A worker is as hostile as a guest: what it announced is
 * copied once and checked against the plan; what it did wrong ends the belief
 * in it for good.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "dispatch/broker.h"

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

static int register_win(struct peer *p, unsigned int win)
{
	struct peer_win *w = &p->win[win];
	int rc = route_add(w->space, w->base, last_of(w),
			   (unsigned int)(p - broker.peer), win);

	w->mapped = rc == 0;
	return rc;
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

static bool import_win(struct peer *p, unsigned int i)
{
	struct peer_win *w = &p->win[i];
	struct chan_win cw;

	memcpy(&cw, &p->ch.c->win[i], sizeof(cw));
	if (cw.space >= CHAN_SPACE_COUNT || cw.len == 0 ||
	    (cw.space == CHAN_PCI && cw.len != 256))
		return false;
	if ((cw.flags & CHAN_WIN_MIRROR) &&
	    (cw.len > CHAN_MIRROR_BYTES ||
	     cw.mirror > CHAN_MIRROR_BYTES - cw.len))
		return false;
	w->len = cw.len;
	w->space = cw.space;
	w->mirror = cw.mirror;
	w->has_mirror = cw.flags & CHAN_WIN_MIRROR;
	w->mapped = w->wanted = false;
	rows_init(&w->rows);
	return !cw.mapped || place_win(p, i, cw.base);
}

static bool import_row(struct peer *p, unsigned int i)
{
	struct chan_row cr;

	memcpy(&cr, &p->ch.c->row[i], sizeof(cr));
	if (cr.win >= p->win_count || (cr.size != 1 && cr.size != 2 && cr.size != 4))
		return false;
	if ((uint32_t)cr.off + cr.size > p->win[cr.win].len)
		return false;
	p->row[i] = (struct peer_row){ .size = cr.size, .flags = cr.flags,
				       .xor = cr.xor };
	return rows_add(&p->win[cr.win].rows, cr.off, (uint8_t)i);
}

bool peer_import(struct peer *p)
{
	struct chan *c = p->ch.c;
	uint32_t wins, rows;

	if (!atomic_load_explicit(&c->ready, memory_order_acquire))
		return false;
	wins = c->win_count;
	rows = c->row_count;
	if (wins > CHAN_WINS || rows > CHAN_ROWS || rows >= NO_ROW)
		return false;
	p->win_count = (uint8_t)wins;
	p->row_count = (uint8_t)rows;
	p->note_row = NO_ROW;
	for (unsigned int i = 0; i < wins; i++)
		if (!import_win(p, i))
			return false;
	for (unsigned int i = 0; i < rows; i++)
		if (!import_row(p, i))
			return false;
	p->effective = p->ch.tail;
	p->alive = true;
	return true;
}

bool peer_move_win(struct peer *p, const struct io_msg *m)
{
	struct peer_win *w;
	bool was;

	if (m->win >= p->win_count)
		return false;
	w = &p->win[m->win];
	was = w->mapped;
	/* A successor says it again; the guest must not find a gap. */
	if (was && m->kind == ANS_MAP && w->base == m->addr)
		return true;
	if (was)
		route_remove(w->space, (unsigned int)(p - broker.peer), m->win);
	w->mapped = w->wanted = false;
	if (m->kind == ANS_MAP && !place_win(p, m->win, m->addr))
		return false;
	if (was)
		place_waiting();
	return true;
}

void peer_lied(struct peer *p, const char *how)
{
	if (!p->alive)
		return;
	p->alive = false;
	account_peer(p, STAT_REFUSED);
	log_err("worker broke the protocol: worker=%s how=\"%s\"",
		p->plan->name, how);
	tell_supervisor(CTL_LIED, (uint64_t)(p - broker.peer), how);
	ioreq_abandon((int)(p - broker.peer));
	answer_abandon((unsigned int)(p - broker.peer));
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
	if (used < CHAN_REQS)
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
	int rc = p->alive ? chan_put(&p->ch, m, has_data) : -EPROTO;

	if (rc == -EPROTO)
		peer_lied(p, "request ring head");
	if (rc) {
		p->kick = true;
		return rc;
	}
	p->owner[m->seq % CHAN_REQS].seq = m->seq;
	p->owner[m->seq % CHAN_REQS].what = (uint8_t)what;
	p->owner[m->seq % CHAN_REQS].vcpu = (uint8_t)vcpu;
	if (!(row_flags & CHAN_ROW_INERT))
		p->effective = p->ch.tail;
	if (!(row_flags & CHAN_ROW_LAZY)) {
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
