/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * broker/dispatch/pause.c - brings everybody to rest, and back
 *
 * Runs in the broker, when the supervisor wants to save the guest.  The
 * toolstack has paused the vCPUs by then; whatever comes from Xen all the same
 * waits.  First what is in flight ends, then every worker is asked to rest,
 * and when that and every answer is carried out the state of all is what
 * a successor can go on from.  A worker that has to be replaced meanwhile is
 * waited for like any other.
 */
#include <stdatomic.h>

#include "dispatch/broker.h"

#define TICKET_SHIFT	48

static struct {
	enum { PAUSE_OFF, PAUSE_ENDING, PAUSE_ASKING, PAUSE_ON } stage;
	uint16_t ticket;
	uint16_t ask, owe;		/* bit per worker: IO_PAUSE */
	uint16_t wake;			/* ... IO_RESUME is still to be sent */
	uint32_t seq[WORKERS_MAX];	/* of the last IO_PAUSE */
} me;

static void set_paused(struct peer *p, uint32_t on)
{
	atomic_store_explicit(&p->ch.c->paused, on, memory_order_relaxed);
}

static bool is_paused(const struct peer *p)
{
	return atomic_load_explicit(&p->ch.c->paused, memory_order_relaxed);
}

bool pause_holds(void)
{
	return me.stage != PAUSE_OFF;
}

bool pause_is_on(void)
{
	return me.stage == PAUSE_ON;
}

bool pause_waits(void)
{
	return me.stage == PAUSE_ENDING || me.stage == PAUSE_ASKING || me.wake;
}

static void say_paused(void)
{
	tell_supervisor(CTL_PAUSED, (uint64_t)me.ticket << TICKET_SHIFT |
			broker.st->vram_gfn, "");
}

void pause_begin(uint16_t ticket)
{
	me.ticket = ticket;
	if (me.stage == PAUSE_OFF)
		me.stage = PAUSE_ENDING;
	else if (me.stage == PAUSE_ON)
		say_paused();
}

/* The supervisor has heard of it from our predecessor, and ignores a ticket
   that is not its own. */
void pause_adopt(void)
{
	for (unsigned int i = 0; i < broker.plan->worker_count; i++) {
		const struct peer *p = &broker.peer[i];

		if (p->plan->role != PLAN_ABSENT && is_paused(p))
			me.stage = PAUSE_ENDING;
	}
}

/* Nobody waits for anybody, as far as requests go. */
static bool has_ended(void)
{
	if (broker.st->unplug_peer || broker.st->unplug_ask || broker.st->unplug_owe ||
	    me.wake)
		return false;
	for (unsigned int i = 0; i < broker.vcpus; i++)
		if (broker.vcpu[i].state != VCPU_IDLE)
			return false;
	for (unsigned int i = 0; i < broker.plan->worker_count; i++)
		if (broker.peer[i].held)
			return false;
	buffered_drain();
	return !broker.buf_stuck;
}

/* Nobody has to answer: that it is committed says it all, to a successor of
   ours as well. */
static void ask_all(void)
{
	for (unsigned int i = 0; i < broker.plan->worker_count; i++) {
		struct io_msg m = { .kind = IO_PAUSE, .flags = IO_POSTED,
				    .win = IO_NO_WIN };
		uint16_t bit = (uint16_t)(1u << i);

		if (!(me.ask & bit) ||
		    peer_send(&broker.peer[i], &m, OWNER_NONE, 0, SEND_EFFECTIVE))
			continue;
		me.ask &= (uint16_t)~bit;
		me.owe |= bit;
		me.seq[i] = m.seq;
	}
}

static void look_at_all(void)
{
	for (unsigned int i = 0; i < broker.plan->worker_count; i++) {
		struct peer *p = &broker.peer[i];

		if (!(me.owe >> i & 1) || !chan_committed(&p->ch, me.seq[i] + 1))
			continue;
		me.owe &= (uint16_t)~(1u << i);
		set_paused(p, 1);
	}
}

/* Who is not believed any more is not asked, and owes nothing. */
static uint16_t alive_peers(void)
{
	uint16_t mask = 0;

	for (unsigned int i = 0; i < broker.plan->worker_count; i++)
		if (broker.peer[i].alive)
			mask |= (uint16_t)(1u << i);
	return mask;
}

static bool is_settled(void)
{
	for (unsigned int i = 0; i < broker.plan->worker_count; i++) {
		const struct peer *p = &broker.peer[i];

		if (p->alive && (p->rec->reply || chan_answers_waiting(&p->ch) ||
				 !chan_committed(&p->ch, p->ch.tail)))
			return false;
	}
	return true;
}

static void wake_peers(void)
{
	uint16_t alive = alive_peers();

	for (unsigned int i = 0; i < broker.plan->worker_count; i++) {
		struct io_msg m = { .kind = IO_RESUME, .flags = IO_POSTED,
				    .win = IO_NO_WIN };

		if (!((me.wake & alive) >> i & 1))
			continue;
		set_paused(&broker.peer[i], 0);
		if (peer_send(&broker.peer[i], &m, OWNER_NONE, 0,
			      SEND_EFFECTIVE) == 0)
			me.wake &= (uint16_t)~(1u << i);
	}
	me.wake &= alive;
}

/* A liar's successor is no more at rest than that was; but it may have found that
   that rested. */
void pause_renewed(unsigned int peer)
{
	if (me.stage == PAUSE_OFF && is_paused(&broker.peer[peer])) {
		me.wake |= (uint16_t)(1u << peer);
		wake_peers();	/* before anything else is asked of it */
	}
	if (me.stage != PAUSE_ASKING && me.stage != PAUSE_ON)
		return;
	me.stage = PAUSE_ASKING;
	me.ask |= (uint16_t)(1u << peer);
	me.owe &= (uint16_t)~(1u << peer);
}

void pause_step(void)
{
	uint16_t alive;

	if (me.wake)
		wake_peers();
	if (me.stage == PAUSE_ENDING && has_ended()) {
		me.stage = PAUSE_ASKING;
		me.ask = alive_peers();
		me.owe = 0;
	}
	if (me.stage != PAUSE_ASKING)
		return;
	ask_all();
	look_at_all();
	alive = alive_peers();
	if (((me.ask | me.owe) & alive) || !is_settled())
		return;
	me.stage = PAUSE_ON;
	dirty_flush();
	say_paused();
}

/* All of them, whatever we know: a predecessor may have asked some and died
   before it could write that down.  Who was not asked does not mind. */
void pause_end(void)
{
	me.stage = PAUSE_OFF;
	me.wake = alive_peers();
	wake_peers();
}
