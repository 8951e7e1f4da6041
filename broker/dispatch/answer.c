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

#define VRAM_PARKED	UINT64_MAX
#define DMA_FRAMES_MAX	4096u	/* one ANS_MODIFIED; 16 MiB */

static bool may(const struct peer *p, unsigned int verb)
{
	return p->plan->verbs & verb;
}

static bool done(struct peer *p, const struct io_msg *m)
{
	uint32_t at = m->seq % CHAN_REQS;
	enum owner what = p->owner[at].what;
	unsigned int vcpu = p->owner[at].vcpu;
	unsigned int peer = (unsigned int)(p - broker.peer);

	if (p->owner[at].seq != m->seq || what == OWNER_NONE)
		return false;
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
	if (!may(p, PLAN_MAY_UNPLUG) || broker.unplug_peer >= 0 || m->data > 0xff)
		return false;
	broker.unplug_peer = (int)(p - broker.peer);
	broker.unplug_mask = (uint32_t)m->data;
	p->held = true;
	for (unsigned int i = 0; i < broker.plan->worker_count; i++) {
		const struct peer *q = &broker.peer[i];

		if (q->alive && (q->plan->role == PLAN_DISK ||
				 q->plan->role == PLAN_NET))
			broker.unplug_ask |= (uint16_t)(1u << i);
	}
	if (broker.unplug_ask)
		answer_retry();
	else
		tell_supervisor(CTL_UNPLUG, broker.unplug_mask, "");
	return true;
}

/* Unplug: a worker whose ring is full is asked later. */
void answer_retry(void)
{
	for (unsigned int i = 0; i < broker.plan->worker_count; i++) {
		struct io_msg m = { .kind = IO_UNPLUG, .data = broker.unplug_mask,
				    .win = IO_NO_WIN };
		uint16_t bit = (uint16_t)(1u << i);

		if ((broker.unplug_ask & bit) &&
		    peer_send(&broker.peer[i], &m, OWNER_UNPLUG, 0,
			      SEND_EFFECTIVE) == 0) {
			broker.unplug_ask &= (uint16_t)~bit;
			broker.unplug_owe |= bit;
		}
	}
}

/* It let go of what is to be unplugged, or it will never say so. */
void answer_abandon(unsigned int peer)
{
	uint16_t bit = (uint16_t)(1u << peer);

	if (!((broker.unplug_ask | broker.unplug_owe) & bit))
		return;
	broker.unplug_ask &= (uint16_t)~bit;
	broker.unplug_owe &= (uint16_t)~bit;
	if (!broker.unplug_ask && !broker.unplug_owe)
		tell_supervisor(CTL_UNPLUG, broker.unplug_mask, "");
}

void answer_ctl_done(void)
{
	for (unsigned int i = 0; i < broker.plan->worker_count; i++)
		broker.peer[i].held = false;
	broker.unplug_peer = -1;
}

static bool shut_down(struct peer *p, const struct io_msg *m)
{
	if (!may(p, PLAN_MAY_POWER) || m->data > IO_SHUTDOWN_REBOOT)
		return false;
	/* First this, then the answer: otherwise the vCPU runs on and the
	   domain never shuts down. */
	hv_shutdown(broker.hv, (unsigned int)m->data);
	/* Once: its socket must not be full when something else is to be said. */
	if (!broker.shut_down)
		tell_supervisor(CTL_SHUTDOWN, m->data, "");
	broker.shut_down = true;
	return true;
}

static bool go_to_sleep(struct peer *p)
{
	if (!may(p, PLAN_MAY_POWER))
		return false;
	p->held = true;
	tell_supervisor(CTL_SLEEP, 0, "");
	return true;
}

/* The BAR is the guest's to put anywhere; what fails only harms itself. */
static bool vram_move(struct peer *p, const struct io_msg *m)
{
	uint32_t frames = broker.plan->vram_frames;
	uint64_t to = m->addr == VRAM_PARKED ? broker.plan->vram_gfn : m->addr;
	int rc;

	if (!may(p, PLAN_MAY_VRAM) || !frames || to >= (UINT64_C(1) << 36))
		return false;
	if (to == broker.vram_gfn)
		return true;
	hv_track_dirty(broker.hv, broker.vram_gfn, 0, NULL);
	rc = hv_relocate(broker.hv, broker.vram_gfn, to, frames);
	if (rc) {
		guest_warn("VRAM not moved: to_gfn=0x%llx errno=%d",
			   (unsigned long long)to, -rc);
		return true;
	}
	/* Xen has room for few pinned ranges. */
	if (broker.vram_pinned)
		hv_pin_wb(broker.hv, broker.vram_gfn, frames, false);
	broker.vram_gfn = to;
	/* Guests map it uncached; the frames are RAM that we cache too. */
	broker.vram_pinned = m->addr != VRAM_PARKED &&
		hv_pin_wb(broker.hv, to, frames, true) == 0;
	return true;
}

static bool send_reply(struct peer *p)
{
	struct io_msg m = { .kind = IO_REPLY, .data = p->reply,
			    .flags = IO_POSTED, .win = IO_NO_WIN };

	p->reply_due = peer_send(p, &m, OWNER_NONE, 0, SEND_EFFECTIVE) != 0;
	return !p->reply_due;
}

static bool dirty_query(struct peer *p)
{
	uint32_t frames = broker.plan->vram_frames;
	static uint8_t bits[CHAN_REPLY_BYTES];

	if (!may(p, PLAN_MAY_VRAM) || !frames || frames > CHAN_VRAM_FRAMES_MAX)
		return false;
	/* It may ask again before its ring has room: one reply for both. */
	if (p->reply_due)
		return true;
	memset(bits, 0, (frames + 7) / 8);
	p->reply = hv_track_dirty(broker.hv, broker.vram_gfn, frames, bits) != 0;
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
		chan_answer_done(&p->ch);
	}
	if (p->reply_due && p->alive)
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
