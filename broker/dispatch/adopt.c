/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * broker/dispatch/adopt.c - goes on where a dead broker stopped
 *
 * Runs in a broker that is started with adopt=1.  What the predecessor left in
 * FD_BROKER_STATE is as hostile as it was itself: all of it is looked at before
 * any of it is used (adopt_find_nonsense()); a worker that wrote to words of
 * the broker's is one that lied.  What each part left half-done, each part
 * knows (peer_adopt(), ioreq_adopt(), answer_adopt(), buffered_adopt()); here
 * is the order in which they do it.
 */
#include <stddef.h>
#include <string.h>

#include "base/log.h"
#include "dispatch/broker.h"
#include "hv/hv.h"

/* ---- is it possible at all? ---- */

static bool is_peer(unsigned int peer)
{
	return peer < broker.plan->worker_count &&
		broker.plan->worker[peer].role != PLAN_ABSENT;
}

static bool are_peers(unsigned int bits)
{
	for (unsigned int i = 0; i < 16; i++)
		if ((bits >> i & 1) && !is_peer(i))
			return false;
	return true;
}

/* A number that a request to @peer may have got, or may be about to get. */
static bool is_recent(unsigned int peer, uint32_t seq)
{
	return broker.st->peer[peer].tail + 1 - seq <= CHAN_REQS + 1;
}

static const char *check_machine(void)
{
	const struct broker_state *st = broker.st;

	if (st->started > 1)
		return "started";
	if (broker.plan->vram_frames && st->started &&
	    (st->vram_gfn == 0 || st->vram_gfn >= VRAM_GFN_END))
		return "vram_gfn";
	if (st->vram_to > VRAM_GFN_END || (st->vram_to && !broker.plan->vram_frames))
		return "vram_to";
	if (st->unplug_peer && !is_peer(st->unplug_peer - 1u))
		return "unplug_peer";
	if (st->unplug_mask > 0xff)
		return "unplug_mask";
	if (!are_peers(st->unplug_ask | st->unplug_owe))
		return "unplug_ask";
	if (!are_peers(st->sleep_peers))
		return "sleep_peers";
	if (st->batch_slots >= XEN_BUFIOREQ_SLOTS ||
	    st->batch_from >= XEN_BUFIOREQ_SLOTS)
		return "batch_slots";
	if (st->batch_slots && (!is_peer(st->batch_peer) ||
				!is_recent(st->batch_peer, st->batch_seq)))
		return "batch_peer";
	return NULL;
}

static const char *check_peer(unsigned int peer)
{
	const struct broker_peer *r = &broker.st->peer[peer];

	if (r->trust >= TRUST_COUNT)
		return "trust";
	if (r->reply >= REPLY_STATE_COUNT)
		return "reply";
	if (r->win_count > CHAN_WINS)
		return "win_count";
	for (unsigned int i = 0; i < r->win_count; i++)
		if (!peer_may_place(&broker.peer[peer], &r->win[i]))
			return "win";
	return NULL;
}

static const char *check_vcpu(unsigned int vcpu)
{
	const struct vcpu *v = &broker.st->vcpu[vcpu];

	switch (v->state) {
	case VCPU_IDLE:
	case VCPU_TAKEN:
		/* Whose it was last may say anything; it is an index. */
		return v->peer < WORKERS_MAX ? NULL : "vcpu.peer";
	case VCPU_SENDING:
		return is_peer(v->peer) ? NULL : "vcpu.peer";
	case VCPU_POSTING:
	case VCPU_WAITING:
		if (!is_peer(v->peer))
			return "vcpu.peer";
		if (v->slot >= CHAN_DATA_SLOTS)
			return "vcpu.slot";
		return is_recent(v->peer, v->seq) ? NULL : "vcpu.seq";
	case VCPU_INVALIDATING:
		if (v->peer >= WORKERS_MAX)
			return "vcpu.peer";
		return are_peers(v->ask | v->owe) ? NULL : "vcpu.ask";
	default:
		return "vcpu.state";
	}
}

const char *adopt_find_nonsense(void)
{
	const char *what = check_machine();

	for (unsigned int i = 0; !what && i < broker.plan->worker_count; i++)
		if (is_peer(i))
			what = check_peer(i);
	for (unsigned int i = 0; !what && i < broker.vcpus; i++)
		what = check_vcpu(i);
	return what;
}

void adopt_forget(void)
{
	struct broker_state *st = broker.st;
	const size_t head = offsetof(struct broker_state, server);

	/* Not those that nobody will use: that would make their pages. */
	memset((uint8_t *)st + head, 0, offsetof(struct broker_state, peer) - head);
	memset(st->peer, 0, broker.plan->worker_count * sizeof(st->peer[0]));
	memset(st->vcpu, 0, broker.vcpus * sizeof(st->vcpu[0]));
	st->vram_gfn = broker.plan->vram_now_gfn ? broker.plan->vram_now_gfn
		: broker.plan->vram_gfn;
	for (unsigned int i = 0; i < broker.plan->worker_count; i++) {
		struct peer *p = &broker.peer[i];

		if (!is_peer(i))
			continue;
		peer_start(p);
		/* Nobody sent anything before the first broker of all. */
		p->forgot = p->ch.tail != 0;
		p->strangers = p->ch.tail;
	}
}

/* ---- going on ---- */

/* Returns a bit per worker that is to be told of as a liar. */
static uint32_t adopt_peers(void)
{
	uint32_t liars = 0;

	for (unsigned int i = 0; i < broker.plan->worker_count; i++) {
		struct peer *p = &broker.peer[i];

		if (!is_peer(i))
			continue;
		p->fits = chan_broker_adopt(&p->ch, p->ch.c, p->rec->tail,
					    p->rec->ans);
		p->rec->tail = p->ch.tail;
		p->rec->ans = p->ch.ans;
		if (!peer_adopt(p))
			liars |= 1u << i;
	}
	peer_settle_all();
	return liars;
}

/* Who was given up, or shall be, answers nobody; once more, if need be. */
static void settle_trust(uint32_t liars)
{
	for (unsigned int i = 0; i < broker.plan->worker_count; i++) {
		struct peer *p = &broker.peer[i];

		if (!is_peer(i))
			continue;
		if (liars >> i & 1)
			peer_lied(p, "does not go with the broker's state");
		else if (p->rec->trust == TRUST_LIED)
			peer_lied_before(p);
		else if (p->rec->trust != TRUST_ALIVE)
			peer_failed(p);
	}
}

void adopt_go_on(void)
{
	uint32_t liars = adopt_peers();

	ioreq_adopt();
	answer_adopt_vram();
	answer_adopt();
	buffered_adopt();
	settle_trust(liars);
	ioreq_go_on();
	/* One may be answered and not have been told. */
	for (unsigned int i = 0; i < broker.vcpus; i++)
		hv_notify(broker.hv, i);
	log_info("the guest is taken over: server=%u", hv_ioreq_id(broker.hv));
}
