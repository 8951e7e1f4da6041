/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * broker/dispatch/ioreq.c - takes requests from Xen's page, completes them
 *
 * Runs in the broker.  One small machine per vCPU (enum vcpu_state), so that
 * several are in flight on several workers; a slot is copied once, and only
 * this file writes the page, so that no worker can make Xen see a state that
 * is not legal.
 */
#include <errno.h>
#include <string.h>

#include "base/le.h"
#include "base/log.h"
#include "dispatch/broker.h"
#include "hv/hv.h"

static uint8_t load_flags(unsigned int vcpu)
{
	return __atomic_load_n(&broker.page->slot[vcpu].flags, __ATOMIC_ACQUIRE);
}

static void store_state(unsigned int vcpu, enum xen_ioreq_state state)
{
	uint8_t flags = (uint8_t)(broker.vcpu[vcpu].req.flags & ~XEN_IOREQ_STATE);

	__atomic_store_n(&broker.page->slot[vcpu].flags,
			 (uint8_t)(flags | state), __ATOMIC_RELEASE);
}

static bool is_ready(unsigned int vcpu)
{
	return (load_flags(vcpu) & XEN_IOREQ_STATE) == XEN_IOREQ_READY;
}

static bool is_string(const struct xen_ioreq *r)
{
	return r->flags & XEN_IOREQ_DATA_IS_PTR;
}

static bool is_access(const struct xen_ioreq *r)
{
	return r->type != XEN_IOREQ_TYPE_INVALIDATE &&
		r->type != XEN_IOREQ_TYPE_TIMEOFFSET;
}

static void set_state(struct vcpu *v, enum vcpu_state state)
{
	STATE_SET(v->state, (uint8_t)state);
}

static void read_slot(unsigned int vcpu)
{
	struct vcpu *v = &broker.vcpu[vcpu];

	memcpy(&v->req, &broker.page->slot[vcpu], sizeof(v->req));
	/* Only the value counts for a plain read, however often it is read. */
	if ((v->req.flags & XEN_IOREQ_READ) && !is_string(&v->req))
		v->req.count = 1;
}

static void copy_slot(unsigned int vcpu)
{
	read_slot(vcpu);
	set_state(&broker.vcpu[vcpu], VCPU_TAKEN);
	store_state(vcpu, XEN_IOREQ_INPROCESS);
}

/* ---- completing ---- */

/* @value: what a read without string operand returns. */
void ioreq_complete(unsigned int vcpu, uint64_t value)
{
	struct vcpu *v = &broker.vcpu[vcpu];
	uint64_t ticks;

	if ((v->req.flags & (XEN_IOREQ_READ | XEN_IOREQ_DATA_IS_PTR)) ==
	    XEN_IOREQ_READ)
		broker.page->slot[vcpu].data = value & le_mask(v->req.size);
	store_state(vcpu, XEN_IORESP_READY);
	set_state(v, VCPU_IDLE);
	ticks = broker.stats ? ticks_now() : 0;
	hv_notify(broker.hv, vcpu);
	/* Nobody waits any more. */
	if (broker.stats)
		account_access(v, value, ticks);
}

static bool has_sane_items(const struct xen_ioreq *r)
{
	return (r->size == 1 || r->size == 2 || r->size == 4 || r->size == 8) &&
		r->count != 0 && r->count <= IO_ITEM_BYTES_MAX / r->size;
}

/* Nobody answers this one: all ones, or dropped. */
static void complete_unclaimed(unsigned int vcpu)
{
	const struct xen_ioreq *r = &broker.vcpu[vcpu].req;
	static uint8_t ones[IO_ITEM_BYTES_MAX];

	broker.vcpu[vcpu].how = ANSWERED_UNCLAIMED;
	if ((r->flags & XEN_IOREQ_READ) && (r->flags & XEN_IOREQ_DATA_IS_PTR) &&
	    has_sane_items(r)) {
		memset(ones, 0xff, sizeof(ones));
		guest_string(r, ones, true);
	}
	ioreq_complete(vcpu, UINT64_MAX);
}

void ioreq_answered(unsigned int vcpu, unsigned int peer, uint32_t seq,
		    uint64_t value)
{
	struct vcpu *v = &broker.vcpu[vcpu];

	if (v->state != VCPU_WAITING || v->peer != peer || v->seq != seq)
		return;
	if ((v->req.flags & XEN_IOREQ_DATA_IS_PTR) && (v->req.flags & XEN_IOREQ_READ))
		guest_string(&v->req, broker.peer[v->peer].ch.c->data[v->slot], true);
	ioreq_complete(vcpu, value);
}

static void end_invalidate(unsigned int vcpu)
{
	const struct vcpu *v = &broker.vcpu[vcpu];

	if (v->state == VCPU_INVALIDATING && !v->ask && !v->owe)
		ioreq_complete(vcpu, 0);
}

void ioreq_invalidated(unsigned int vcpu, unsigned int peer)
{
	struct vcpu *v = &broker.vcpu[vcpu];

	STATE_SET(v->owe, (uint16_t)(v->owe & ~(1u << peer)));
	end_invalidate(vcpu);
}

/* Whoever has it in hands completes it. */
static bool is_fresh(const struct vcpu *v)
{
	return v->state == VCPU_TAKEN || v->state == VCPU_POSTING;
}

void ioreq_abandon(int peer)
{
	uint16_t keep = (uint16_t)(peer < 0 ? 0u : ~(1u << peer));

	for (unsigned int i = 0; i < broker.vcpus; i++) {
		struct vcpu *v = &broker.vcpu[i];

		/* Not even taken yet: nobody else will. */
		if (peer < 0 && v->state == VCPU_IDLE && is_ready(i)) {
			copy_slot(i);
			complete_unclaimed(i);
		}
		if (v->state == VCPU_INVALIDATING) {
			/* The others may still answer. */
			STATE_SET(v->ask, (uint16_t)(v->ask & keep));
			STATE_SET(v->owe, (uint16_t)(v->owe & keep));
			end_invalidate(i);
		} else if (v->state != VCPU_IDLE &&
			   (peer < 0 || (v->peer == peer && !is_fresh(v)))) {
			complete_unclaimed(i);
		}
	}
}

/* ---- sending ---- */

/* 0, -EAGAIN: try again later, else the peer is gone; whoever was in a state
   for which peer_lied() answers has been answered then. */
static int send_access(unsigned int vcpu)
{
	struct vcpu *v = &broker.vcpu[vcpu];
	struct peer *p = &broker.peer[v->peer];
	const struct xen_ioreq *r = &v->req;
	struct io_msg m = {
		.kind = IO_ACCESS, .size = (uint8_t)r->size, .count = r->count,
		.win = v->win, .addr = r->addr, .data = r->data,
		.flags = (uint8_t)((r->flags & XEN_IOREQ_READ ? 0 : IO_WRITE) |
				   (r->flags & XEN_IOREQ_DF ? IO_DESC : 0)),
	};
	int rc;

	if (r->type == XEN_IOREQ_TYPE_PCI_CONFIG)
		m.addr = r->addr & 0xffff;
	if (is_string(r)) {
		rc = peer_data_get(p, &v->slot);
		if (rc)
			return rc;
		m.slot = v->slot;
		m.data = 0;
		m.flags |= IO_DATA;
		if (m.flags & IO_WRITE)
			guest_string(r, p->ch.c->data[v->slot], false);
	}
	v->how = TRACE_HOP;
	v->seq = p->ch.tail;
	set_state(v, VCPU_WAITING);
	rc = peer_send(p, &m, OWNER_VCPU, vcpu, SEND_EFFECTIVE);
	if (rc == -EAGAIN)
		set_state(v, VCPU_SENDING);
	return rc;
}

/* As send_access(), and nobody is left without an answer. */
static int send_or_end(unsigned int vcpu)
{
	int rc = send_access(vcpu);

	if (rc && rc != -EAGAIN && broker.vcpu[vcpu].state != VCPU_IDLE)
		complete_unclaimed(vcpu);
	return rc;
}

/* A write that may complete at once.  False: it has to be waited for. */
static bool post_write(unsigned int vcpu, uint32_t off)
{
	struct vcpu *v = &broker.vcpu[vcpu];
	struct peer *p = &broker.peer[v->peer];
	const struct xen_ioreq *r = &v->req;
	struct post post;
	struct io_msg m = {
		.kind = IO_ACCESS, .size = (uint8_t)r->size, .count = 1,
		.win = v->win, .addr = r->addr, .data = r->data,
		.flags = IO_WRITE | IO_POSTED,
	};

	if (r->count != 1 || is_string(r) ||
	    !spare_may_post(p, v->win, off, r->size, &post))
		return false;
	v->how = TRACE_POSTED;
	v->seq = p->ch.tail;
	set_state(v, VCPU_POSTING);
	if (peer_send(p, &m, OWNER_NONE, 0, post.flags)) {
		set_state(v, VCPU_TAKEN);
		return false;
	}
	spare_posted(p, &post);
	ioreq_complete(vcpu, 0);
	return true;
}

/* Only vga's requests wait for vga's buffered writes. */
static bool waits_for_buffer(const struct peer *p)
{
	return broker.buf_stuck && (p->plan->verbs & PLAN_MAY_BATCH);
}

static void access_peer(unsigned int vcpu)
{
	struct vcpu *v = &broker.vcpu[vcpu];
	struct peer *p = &broker.peer[v->peer];
	uint32_t off = win_offset(&p->win[v->win], v->req.addr);
	uint64_t value;

	if (!p->alive) {
		/* The supervisor replaces it, or says that it is gone. */
		if (p->rec->trust == TRUST_LIED)
			set_state(v, VCPU_SENDING);
		else
			complete_unclaimed(vcpu);
		return;
	}
	/* What was written to the window before comes before. */
	if (p->plan->verbs & PLAN_MAY_BATCH)
		buffered_drain();
	if (v->req.flags & XEN_IOREQ_READ) {
		if (!is_string(&v->req) &&
		    spare_read(p, v->win, off, v->req.size, &value, &v->how)) {
			ioreq_complete(vcpu, value);
			return;
		}
	} else if (!waits_for_buffer(p) && post_write(vcpu, off)) {
		return;
	}
	if (waits_for_buffer(p)) {
		set_state(v, VCPU_SENDING);
		return;
	}
	if (send_or_end(vcpu) == -EAGAIN) {
		set_state(v, VCPU_SENDING);
		account_peer(p, STAT_RING_FULL);
	}
}

/* ---- taking ---- */

/* First and last byte (or devfn) the access touches.  False: nonsense. */
static bool span_of(const struct xen_ioreq *r, unsigned int *space,
		    uint64_t *first, uint64_t *last)
{
	uint64_t bytes = (uint64_t)r->size * r->count;

	if (!has_sane_items(r))
		return false;
	*first = *last = r->addr;
	switch (r->type) {
	case XEN_IOREQ_TYPE_PIO:
		*space = CHAN_PIO;
		*last += r->size - 1;
		return *last <= 0xffff;
	case XEN_IOREQ_TYPE_COPY:
		*space = CHAN_MMIO;
		if (r->flags & XEN_IOREQ_DF) {
			if (*first < bytes - r->size)
				return false;
			*first -= bytes - r->size;
			*last += r->size - 1;
		} else {
			*last += bytes - 1;
		}
		return *last >= *first;
	case XEN_IOREQ_TYPE_PCI_CONFIG:
		*space = CHAN_PCI;
		*first = *last = r->addr >> 32;
		/* Conventional devices have 256 bytes; beyond: all ones. */
		return (r->addr & UINT32_MAX) + r->size <= 256;
	default:
		return false;
	}
}

/* A worker whose ring is full is asked later. */
static void ask_invalidate(unsigned int vcpu)
{
	struct vcpu *v = &broker.vcpu[vcpu];

	for (unsigned int i = 0; i < broker.plan->worker_count; i++) {
		struct io_msg m = { .kind = IO_INVALIDATE, .win = IO_NO_WIN };
		uint16_t bit = (uint16_t)(1u << i);

		if (!(v->ask & bit))
			continue;
		/* If it owes and was not sent, it is to be asked. */
		v->asked_seq[i] = broker.peer[i].ch.tail;
		STATE_SET(v->owe, (uint16_t)(v->owe | bit));
		if (peer_send(&broker.peer[i], &m, OWNER_INVALIDATE, vcpu,
			      SEND_EFFECTIVE))
			STATE_SET(v->owe, (uint16_t)(v->owe & ~bit));
		else
			STATE_SET(v->ask, (uint16_t)(v->ask & ~bit));
	}
	end_invalidate(vcpu);
}

static void start_invalidate(unsigned int vcpu)
{
	struct vcpu *v = &broker.vcpu[vcpu];

	guest_invalidate();
	stat_add(STAT_INVALIDATIONS, 1);
	v->ask = v->owe = 0;
	for (unsigned int i = 0; i < broker.plan->worker_count; i++) {
		const struct peer *p = &broker.peer[i];

		if (p->alive && (p->plan->role == PLAN_DISK ||
				 p->plan->role == PLAN_NET))
			v->ask |= (uint16_t)(1u << i);
	}
	set_state(v, VCPU_INVALIDATING);
	ask_invalidate(vcpu);
}

void ioreq_retry(void)
{
	for (unsigned int i = 0; i < broker.vcpus; i++) {
		struct vcpu *v = &broker.vcpu[i];

		if (v->state == VCPU_INVALIDATING && v->ask)
			ask_invalidate(i);
		else if (v->state == VCPU_SENDING &&
			 broker.peer[v->peer].alive &&
			 !waits_for_buffer(&broker.peer[v->peer]))
			send_or_end(i);
	}
}

bool ioreq_is_stuck(void)
{
	if (broker.buf_stuck && !broker.buf_parked)
		return true;
	for (unsigned int i = 0; i < broker.vcpus; i++) {
		const struct vcpu *v = &broker.vcpu[i];

		/* What waits for a replacement is woken by a message. */
		if ((v->state == VCPU_SENDING && broker.peer[v->peer].alive) ||
		    (v->state == VCPU_INVALIDATING && v->ask))
			return true;
	}
	return false;
}

static void dispatch(unsigned int vcpu)
{
	struct vcpu *v = &broker.vcpu[vcpu];
	const struct route *route;
	unsigned int space;
	uint64_t first, last;

	switch (v->req.type) {
	case XEN_IOREQ_TYPE_INVALIDATE:
		start_invalidate(vcpu);
		return;
	case XEN_IOREQ_TYPE_TIMEOFFSET:
		ioreq_complete(vcpu, 0);
		return;
	default:
		break;
	}
	if (!span_of(&v->req, &space, &first, &last)) {
		complete_unclaimed(vcpu);
		return;
	}
	/* Ranges move under requests: what Xen routed here may be gone. */
	route = route_find(space, first, last);
	if (!route) {
		complete_unclaimed(vcpu);
		return;
	}
	v->peer = route->peer;
	v->win = route->win;
	access_peer(vcpu);
}

static void take(unsigned int vcpu)
{
	struct vcpu *v = &broker.vcpu[vcpu];

	v->taken_ticks = account_seen();
	v->how = ANSWERED_NO_ACCESS;
	copy_slot(vcpu);
	dispatch(vcpu);
}

bool ioreq_take_all(void)
{
	bool any = false;

	if (pause_holds())
		return false;
	for (unsigned int i = 0; i < broker.vcpus; i++)
		if (broker.vcpu[i].state == VCPU_IDLE && is_ready(i)) {
			take(i);
			any = true;
		}
	broker.poll.looked_ticks = 0;	/* what comes now was not seen then */
	return any;
}

bool ioreq_any_ready(void)
{
	if (pause_holds())
		return false;
	for (unsigned int i = 0; i < broker.vcpus; i++)
		if (broker.vcpu[i].state == VCPU_IDLE && is_ready(i))
			return true;
	return false;
}

void ioreq_abandon_slots(void)
{
	for (unsigned int i = 0; i < broker.vcpus; i++) {
		uint8_t state = load_flags(i) & XEN_IOREQ_STATE;

		if (state != XEN_IOREQ_READY && state != XEN_IOREQ_INPROCESS)
			continue;
		copy_slot(i);
		broker.vcpu[i].how = ANSWERED_UNCLAIMED;
		ioreq_complete(i, UINT64_MAX);
	}
}

void ioreq_resend(unsigned int peer)
{
	for (unsigned int i = 0; i < broker.vcpus; i++)
		if (broker.vcpu[i].state == VCPU_SENDING &&
		    broker.vcpu[i].peer == peer)
			dispatch(i);
}

/* ---- after a predecessor ---- */

static void adopt_invalidate(unsigned int vcpu)
{
	struct vcpu *v = &broker.vcpu[vcpu];

	for (unsigned int i = 0; i < broker.plan->worker_count; i++) {
		uint16_t bit = (uint16_t)(1u << i);

		if (!(v->owe & bit))
			continue;
		if (peer_sent(&broker.peer[i], v->asked_seq[i])) {
			STATE_SET(v->ask, (uint16_t)(v->ask & ~bit));
			peer_set_owner(&broker.peer[i], v->asked_seq[i],
				       OWNER_INVALIDATE, vcpu);
		} else {
			STATE_SET(v->ask, (uint16_t)(v->ask | bit));
			STATE_SET(v->owe, (uint16_t)(v->owe & ~bit));
		}
	}
}

/* How far a request came whose slot says INPROCESS. */
static void adopt_vcpu(unsigned int vcpu)
{
	struct vcpu *v = &broker.vcpu[vcpu];
	struct peer *p = &broker.peer[v->peer];

	read_slot(vcpu);
	v->taken_ticks = account_seen();
	v->how = ANSWERED_NO_ACCESS;
	/* Was never sent to anybody; now it is refused like any other. */
	if (is_access(&v->req) && !has_sane_items(&v->req))
		set_state(v, VCPU_TAKEN);
	switch (v->state) {
	case VCPU_POSTING:
		v->how = TRACE_POSTED;
		if (peer_sent(p, v->seq))
			ioreq_complete(vcpu, 0);
		else
			set_state(v, VCPU_TAKEN);
		break;
	case VCPU_WAITING:
		v->how = TRACE_HOP;
		if (peer_sent(p, v->seq))
			peer_set_owner(p, v->seq, OWNER_VCPU, vcpu);
		else
			set_state(v, VCPU_TAKEN);
		break;
	case VCPU_INVALIDATING:
		adopt_invalidate(vcpu);
		break;
	default:
		set_state(v, VCPU_TAKEN);
		break;
	}
}

void ioreq_adopt(void)
{
	for (unsigned int i = 0; i < broker.vcpus; i++) {
		if ((load_flags(i) & XEN_IOREQ_STATE) == XEN_IOREQ_INPROCESS)
			adopt_vcpu(i);
		else
			set_state(&broker.vcpu[i], VCPU_IDLE);
	}
}

void ioreq_go_on(void)
{
	for (unsigned int i = 0; i < broker.vcpus; i++) {
		if (broker.vcpu[i].state == VCPU_TAKEN)
			dispatch(i);
		else
			end_invalidate(i);
	}
}
