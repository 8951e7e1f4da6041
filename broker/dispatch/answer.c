/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * broker/dispatch/answer.c - checks and carries out everything a worker says
 *
 * Runs in the broker.  Answers are taken in order, so what a worker said
 * before an answer takes effect before that answer.  A verb that needs others
 * (unplug, sleep) holds the worker's answers until they are done.
 */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "dispatch/broker.h"
#include "hv/hv.h"
#include "mem/guest.h"

#define VRAM_PARKED	UINT64_MAX
#define NOBODY		0u	/* st->unplug_peer */
#define DMA_FRAMES_MAX	4096u	/* one ANS_MODIFIED; 16 MiB */

static bool may(const struct peer *p, unsigned int verb)
{
	return p->plan->verbs & verb;
}

/* A predecessor may have acted on it, and died before it said so. */
static bool is_repetition(const struct peer *p)
{
	return p->adopted && p->ch.ans == p->first_ans;
}

/* Does nobody know any more who asked? */
static bool is_forgotten(const struct peer *p, uint32_t seq)
{
	return p->forgot && p->strangers - seq - 1 < CHAN_REQS;
}

static void acknowledge(struct peer *p)
{
	chan_answer_done(&p->ch);
	STATE_SET(p->rec->ans, p->ch.ans);
}

static bool done(struct peer *p, const struct io_msg *m)
{
	uint32_t at = m->seq % CHAN_REQS;
	enum owner what = p->owner[at].what;
	unsigned int vcpu = p->owner[at].vcpu;
	unsigned int peer = (unsigned int)(p - broker.peer);

	if (p->owner[at].seq != m->seq || what == OWNER_NONE)
		return is_repetition(p) || is_forgotten(p, m->seq);
	p->owner[at].what = OWNER_NONE;
	switch (what) {
	case OWNER_NONE:
		break;
	case OWNER_VCPU:
		ioreq_answered(vcpu, peer, m->seq, m->data);
		break;
	case OWNER_INVALIDATE:
		ioreq_invalidated(vcpu, peer);
		break;
	case OWNER_UNPLUG:
		answer_abandon(peer);
		break;
	}
	return true;
}

static bool isa_irq(struct peer *p, const struct io_msg *m)
{
	if (m->addr > 15 || m->data > 1 || !(p->plan->isa_lines >> m->addr & 1))
		return false;
	hv_isa_irq(broker.hv, (unsigned int)m->addr, m->data);
	if (m->data)
		account_peer(p, STAT_INTERRUPTS + STAT_ISA);
	return true;
}

static bool pci_intx(struct peer *p, const struct io_msg *m)
{
	unsigned int dev = (unsigned int)(m->addr >> 5);

	if (m->addr > 0x3ff || m->data > 1 || !(p->plan->intx_devs >> dev & 1))
		return false;
	hv_pci_intx(broker.hv, dev, m->addr & 3, m->data);
	if (m->data)
		account_peer(p, STAT_INTERRUPTS + STAT_INTX);
	return true;
}

/*
 * Every worker that has something to unplug lets go of it; then the
 * supervisor closes its copies; then the guest goes on.
 */
static bool unplug(struct peer *p, const struct io_msg *m)
{
	struct broker_state *st = broker.st;
	uint8_t self = (uint8_t)(p - broker.peer + 1);
	uint16_t ask = 0;

	if (!may(p, PLAN_MAY_UNPLUG) || m->data > 0xff)
		return false;
	if (st->unplug_peer != NOBODY)
		return false;
	for (unsigned int i = 0; i < broker.plan->worker_count; i++) {
		const struct peer *q = &broker.peer[i];

		if (q->alive && (q->plan->role == PLAN_DISK ||
				 q->plan->role == PLAN_NET))
			ask |= (uint16_t)(1u << i);
	}
	st->unplug_mask = (uint32_t)m->data;
	st->unplug_ans = p->ch.ans;
	st->unplug_ask = ask;
	st->unplug_owe = 0;
	STATE_SET(st->unplug_peer, self);
	p->held = true;
	if (ask)
		answer_retry();
	else
		tell_supervisor(CTL_UNPLUG, st->unplug_mask, "");
	return true;
}

/* Unplug: a worker whose ring is full is asked later. */
void answer_retry(void)
{
	struct broker_state *st = broker.st;

	for (unsigned int i = 0; st->unplug_ask && i < broker.plan->worker_count; i++) {
		struct io_msg m = { .kind = IO_UNPLUG, .data = st->unplug_mask,
				    .win = IO_NO_WIN };
		uint16_t bit = (uint16_t)(1u << i);

		if (!(st->unplug_ask & bit))
			continue;
		/* If it owes and was not sent, it is to be asked. */
		st->unplug_seq[i] = broker.peer[i].ch.tail;
		STATE_SET(st->unplug_owe, (uint16_t)(st->unplug_owe | bit));
		if (peer_send(&broker.peer[i], &m, OWNER_UNPLUG, 0, SEND_EFFECTIVE))
			STATE_SET(st->unplug_owe, (uint16_t)(st->unplug_owe & ~bit));
		else
			STATE_SET(st->unplug_ask, (uint16_t)(st->unplug_ask & ~bit));
	}
}

/* It let go of what is to be unplugged, or it will never say so. */
void answer_abandon(unsigned int peer)
{
	struct broker_state *st = broker.st;
	uint16_t bit = (uint16_t)(1u << peer);

	if (!((st->unplug_ask | st->unplug_owe) & bit))
		return;
	STATE_SET(st->unplug_ask, (uint16_t)(st->unplug_ask & ~bit));
	STATE_SET(st->unplug_owe, (uint16_t)(st->unplug_owe & ~bit));
	if (!st->unplug_ask && !st->unplug_owe)
		tell_supervisor(CTL_UNPLUG, st->unplug_mask, "");
}

void answer_ctl_done(void)
{
	for (unsigned int i = 0; i < broker.plan->worker_count; i++)
		broker.peer[i].held = false;
	STATE_SET(broker.st->unplug_peer, (uint8_t)NOBODY);
	STATE_SET(broker.st->sleep_peers, (uint16_t)0);
}

/* Of the workers that owe an answer, who was asked? */
static void adopt_unplug(void)
{
	struct broker_state *st = broker.st;
	struct peer *asks = &broker.peer[st->unplug_peer - 1];

	for (unsigned int i = 0; i < broker.plan->worker_count; i++) {
		uint16_t bit = (uint16_t)(1u << i);
		struct peer *p = &broker.peer[i];
		uint32_t seq = st->unplug_seq[i];

		if (!(st->unplug_owe & bit))
			continue;
		if (peer_sent(p, seq)) {
			st->unplug_ask &= (uint16_t)~bit;
			peer_set_owner(p, seq, OWNER_UNPLUG, 0);
		} else {
			STATE_SET(st->unplug_ask, (uint16_t)(st->unplug_ask | bit));
			STATE_SET(st->unplug_owe, (uint16_t)(st->unplug_owe & ~bit));
		}
	}
	asks->held = true;
	/* Or it would begin once more when this is over. */
	if (asks->ch.ans == st->unplug_ans && chan_answers_waiting(&asks->ch))
		acknowledge(asks);
	if (!st->unplug_ask && !st->unplug_owe)
		tell_supervisor(CTL_UNPLUG, st->unplug_mask, "");
}

/*
 * Told again, since nobody knows whether it was.  The word itself may not be
 * acknowledged: once more when this is over, and a guest that was woken since
 * would fall asleep again.
 */
static void adopt_sleep(struct peer *p)
{
	struct io_msg m;

	p->held = true;
	tell_supervisor(CTL_SLEEP, 0, "");
	if (chan_answer_get(&p->ch, &m) == 1 && m.kind == ANS_SLEEP)
		acknowledge(p);
}

/* What the supervisor may not have been told, or told nobody, is said again. */
void answer_adopt(void)
{
	struct broker_state *st = broker.st;

	if (st->unplug_peer != NOBODY)
		adopt_unplug();
	else
		st->unplug_ask = st->unplug_owe = 0;
	for (unsigned int i = 0; i < broker.plan->worker_count; i++) {
		struct peer *p = &broker.peer[i];

		if (st->sleep_peers >> i & 1)
			adopt_sleep(p);
		if (p->rec->reply == REPLY_SENDING)
			p->rec->reply = peer_sent(p, p->rec->reply_seq) ?
				REPLY_NONE : REPLY_DUE;
		p->reply = 1;		/* all dirty: the bits may be lost */
	}
}

static bool shut_down(struct peer *p, const struct io_msg *m)
{
	if (!may(p, PLAN_MAY_POWER) || m->data > IO_SHUTDOWN_REBOOT)
		return false;
	/* First this, then the answer: otherwise the vCPU runs on and the
	   domain never shuts down. */
	hv_shutdown(broker.hv, (unsigned int)m->data);
	/* Once: its socket must not be full when something else is to be said. */
	if (!broker.st->shut_down)
		tell_supervisor(CTL_SHUTDOWN, m->data, "");
	STATE_SET(broker.st->shut_down, (uint8_t)1);
	return true;
}

static bool go_to_sleep(struct peer *p)
{
	if (!may(p, PLAN_MAY_POWER))
		return false;
	STATE_SET(broker.st->sleep_peers, (uint16_t)(broker.st->sleep_peers |
						     1u << (p - broker.peer)));
	p->held = true;
	tell_supervisor(CTL_SLEEP, 0, "");
	return true;
}

/* VRAM is at @to, where nobody has pinned it yet. */
static void moved(uint64_t to)
{
	struct broker_state *st = broker.st;

	/* Xen has room for few pinned ranges. */
	if (st->vram_pinned)
		hv_pin_wb(broker.hv, st->vram_gfn, broker.plan->vram_frames, false);
	STATE_SET(st->vram_pinned, (uint8_t)0);
	STATE_SET(st->vram_gfn, to);
	STATE_SET(st->vram_to, 0u);
}

/*
 * Whatever is at its new place Xen throws away: RAM must not be.  Nor could such
 * a guest be restored (supervisor/load.c).
 */
static bool would_replace_ram(uint64_t gfn, uint32_t frames)
{
	const struct plan *p = broker.plan;
	uint64_t high_end = GUEST_4G_GFN + (p->ram_above_4g_bytes >> GUEST_PAGE_SHIFT);

	return gfn < p->ram_below_4g_bytes >> GUEST_PAGE_SHIFT ||
		(gfn + frames > GUEST_4G_GFN && gfn < high_end);
}

/* The BAR is the guest's to put anywhere; what fails only harms itself. */
static bool vram_move(struct peer *p, const struct io_msg *m)
{
	uint32_t frames = broker.plan->vram_frames;
	struct broker_state *st = broker.st;
	uint64_t to = m->addr == VRAM_PARKED ? broker.plan->vram_gfn : m->addr;
	int rc;

	if (!may(p, PLAN_MAY_VRAM) || !frames || to >= VRAM_GFN_END)
		return false;
	if (would_replace_ram(to, frames)) {
		guest_warn("VRAM not moved, RAM is there: to_gfn=0x%llx",
			   (unsigned long long)to);
		return true;
	}
	if (to != st->vram_gfn) {
		hv_track_dirty(broker.hv, st->vram_gfn, 0, NULL);
		STATE_SET(st->vram_to, to + 1);
		rc = hv_relocate(broker.hv, st->vram_gfn, to, frames);
		if (rc) {
			STATE_SET(st->vram_to, 0u);
			guest_warn("VRAM not moved: to_gfn=0x%llx errno=%d",
				   (unsigned long long)to, -rc);
			return true;
		}
		moved(to);
	}
	if (m->addr == VRAM_PARKED || (st->vram_pinned && !is_repetition(p)))
		return true;
	/* Guests map it uncached; the frames are RAM that we cache too. */
	STATE_SET(st->vram_pinned, (uint8_t)1);
	if (hv_pin_wb(broker.hv, to, frames, true))
		STATE_SET(st->vram_pinned, (uint8_t)0);
	return true;
}

/*
 * A frame of the old place that is not of the new one tells: what moved is
 * not there any more.  If nothing moved, the verb does it when it comes again.
 */
void answer_adopt_vram(void)
{
	struct broker_state *st = broker.st;
	uint64_t frames = broker.plan->vram_frames, to = st->vram_to - 1;
	uint64_t probe = to > st->vram_gfn ? st->vram_gfn :
		st->vram_gfn + frames - 1;
	struct hv_map map;
	void *page;
	int err;

	if (!st->vram_to)
		return;
	if (hv_map(broker.hv, &probe, 1, false, &map, &page, &err) == 0)
		hv_unmap(broker.hv, &map, &page);
	else
		moved(to);
	STATE_SET(st->vram_to, 0u);
}

static bool send_reply(struct peer *p)
{
	struct io_msg m = { .kind = IO_REPLY, .data = p->reply,
			    .flags = IO_POSTED, .win = IO_NO_WIN };

	int rc;

	p->rec->reply_seq = p->ch.tail;
	STATE_SET(p->rec->reply, (uint8_t)REPLY_SENDING);
	rc = peer_send(p, &m, OWNER_NONE, 0, SEND_EFFECTIVE);
	STATE_SET(p->rec->reply, (uint8_t)(rc ? REPLY_DUE : REPLY_NONE));
	return rc == 0;
}

static bool dirty_query(struct peer *p)
{
	uint32_t frames = broker.plan->vram_frames;
	static uint8_t bits[CHAN_REPLY_BYTES];

	if (!may(p, PLAN_MAY_VRAM) || !frames || frames > CHAN_VRAM_FRAMES_MAX)
		return false;
	/* It may ask again before its ring has room: one reply for both. */
	if (p->rec->reply)
		return true;
	memset(bits, 0, (frames + 7) / 8);
	p->reply = hv_track_dirty(broker.hv, broker.st->vram_gfn, frames, bits) ||
		p->all_dirty;
	p->all_dirty = false;
	memcpy(p->ch.c->reply, bits, (frames + 7) / 8);
	send_reply(p);
	return true;
}

static bool modified(struct peer *p, const struct io_msg *m)
{
	if (!may(p, PLAN_MAY_MODIFIED) || m->data > DMA_FRAMES_MAX)
		return false;
	hv_modified(broker.hv, m->addr, (uint32_t)m->data);
	return true;
}

/* False: the worker may not say this. */
static bool act(struct peer *p, const struct io_msg *m)
{
	switch (m->kind) {
	case ANS_DONE:
		return done(p, m);
	case ANS_ISA_IRQ:
		return isa_irq(p, m);
	case ANS_PCI_INTX:
		return pci_intx(p, m);
	case ANS_MAP:
	case ANS_UNMAP:
		return peer_move_win(p, m);
	case ANS_LINK_ROUTE:
		if (!may(p, PLAN_MAY_LINK_ROUTE) || m->addr > 3 || m->data > 15)
			return false;
		hv_link_route(broker.hv, (unsigned int)m->addr,
			      (unsigned int)m->data);
		return true;
	case ANS_UNPLUG:
		return unplug(p, m);
	case ANS_ROM_LOCK:
		if (!may(p, PLAN_MAY_ROM_LOCK) || m->data > 1)
			return false;
		hv_mem_type(broker.hv, 0xc0, 0x40, m->data);
		return true;
	case ANS_SHUTDOWN:
		return shut_down(p, m);
	case ANS_SLEEP:
		return go_to_sleep(p);
	case ANS_VRAM_MOVE:
		return vram_move(p, m);
	case ANS_DIRTY_QUERY:
		return dirty_query(p);
	case ANS_MODIFIED:
		return modified(p, m);
	default:
		return false;	/* MSI: no device of ours has it */
	}
}

bool answer_take(struct peer *p)
{
	struct io_msg m;
	bool any = false;

	/* At most a ring full, so that a chatty worker starves nobody. */
	for (unsigned int n = 0; n < CHAN_ANSWERS && p->alive && !p->held; n++) {
		int rc = chan_answer_get(&p->ch, &m);

		if (rc == 0)
			break;
		if (rc < 0) {
			peer_lied(p, "answer ring tail");
			break;
		}
		any = true;
		if (!act(p, &m)) {
			char how[40];

			snprintf(how, sizeof(how), "kind=%u addr=0x%llx", m.kind,
				 (unsigned long long)m.addr);
			peer_lied(p, how);
			break;
		}
		acknowledge(p);
	}
	if (p->rec->reply && p->alive)
		any |= send_reply(p);
	return any;
}

bool answer_take_all(void)
{
	bool any = false;

	for (unsigned int i = 0; i < broker.plan->worker_count; i++)
		any |= answer_take(&broker.peer[i]);
	return any;
}
