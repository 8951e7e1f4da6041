/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * abi/broker_state.h - what a broker's successor needs to go on
 *
 * One sealed memfd, kept by the supervisor (FD_BROKER_STATE), written by the
 * broker alone while it serves; not a copy, but where these things live.  The
 * broker may be killed between any two stores, so their order is the design:
 *
 *	- A vCPU's record counts only while Xen's slot is INPROCESS; the slot
 *	  becomes that after the record says TAKEN, and stops being that before
 *	  the record is touched again.
 *	- Before a request is put into a ring, whoever it is for says so with
 *	  the sequence number that it will get.  It was sent if and only if
 *	  that number is before the ring's tail.
 *	- What Xen has to do (ranges, moving VRAM) is announced before and
 *	  settled after: found in between, it is done again or looked at.
 *	- An answer is acted on, then acknowledged: the first one that is not
 *	  acknowledged may be a repetition.
 *
 * To a successor all of this is hostile: broker/dispatch/adopt.c.
 */
#ifndef ABI_BROKER_STATE_H
#define ABI_BROKER_STATE_H

#include <assert.h>
#include <stdalign.h>
#include <stdint.h>

#include "abi/chan.h"
#include "abi/fds.h"
#include "abi/xen_ioreq.h"

#define BROKER_STATE_MAGIC	0x31534b42u	/* "BKS1" */
#define BROKER_STATE_VERSION	1u

#define VRAM_GFN_END	(UINT64_C(1) << 36)	/* frames a guest can have */

/* Life of a vCPU's slot. */
enum vcpu_state {
	VCPU_IDLE,		/* Xen's; we look for READY */
	VCPU_TAKEN,		/* nothing was said about it to anybody */
	VCPU_SENDING,		/* the worker's ring or data was full, or it is
				   to be replaced */
	VCPU_POSTING,		/* is being sent; complete once it is */
	VCPU_WAITING,		/* is being or was sent; ANS_DONE completes it */
	VCPU_INVALIDATING,	/* all workers must answer */
	VCPU_STATE_COUNT
};

struct vcpu {
	alignas(64) struct xen_ioreq req;	/* private copy */
	uint64_t taken_ticks;	/* time stamp counter when it was seen READY */
	uint32_t seq;		/* VCPU_POSTING, VCPU_WAITING */
	uint16_t slot;		/* data slot, if the operand is a string */
	uint16_t ask, owe;	/* VCPU_INVALIDATING: bit per worker that is to
				   be asked, that has to answer */
	uint8_t state;		/* enum vcpu_state */
	uint8_t how;		/* enum trace_kind or ANSWERED_* */
	uint8_t peer, win;
	uint8_t rsvd[2];
	uint32_t asked_seq[WORKERS_MAX];	/* of those that owe */
};
static_assert(sizeof(struct vcpu) == 128, "two cache lines");

/* Where a window is, and what Xen knows of it. */
enum win_state {
	WIN_NOWHERE,
	WIN_WANTED,		/* the worker has it at @base, Xen does not know */
	WIN_ADDING,		/* ... and is being told */
	WIN_MAPPED,
	WIN_REMOVING,
	WIN_STATE_COUNT
};

struct broker_win {
	uint64_t base;
	uint32_t len;
	uint8_t space;		/* enum chan_space */
	uint8_t state;		/* enum win_state */
	uint8_t rsvd[2];
};
static_assert(sizeof(struct broker_win) == 16, "layout");

enum peer_trust {
	TRUST_NONE,		/* not yet imported */
	TRUST_ALIVE,
	TRUST_LIED,		/* what comes for it waits */
	TRUST_FAILED,		/* what comes for it is answered by ones */
	TRUST_COUNT
};

enum reply_state { REPLY_NONE, REPLY_DUE, REPLY_SENDING, REPLY_STATE_COUNT };

struct broker_peer {
	/* The copies that the worker sees may be ahead of these by one. */
	alignas(64) uint32_t tail;	/* requests we wrote */
	uint32_t ans;			/* answers we acknowledged */
	uint32_t reply_seq;		/* REPLY_SENDING */
	uint8_t reply;			/* enum reply_state */
	uint8_t trust;			/* enum peer_trust */
	uint8_t win_count;
	uint8_t rsvd;
	struct broker_win win[CHAN_WINS];
};

struct broker_state {
	/* Written once by the supervisor, before anybody starts. */
	uint32_t magic, version;
	uint64_t size_bytes;

	alignas(64)
	uint32_t server;	/* 0: none, else its number + 1 */
	uint32_t started;	/* workers were believed, ranges registered */
	uint64_t vram_gfn;	/* where VRAM is; 0: nowhere, or not yet known */
	uint64_t vram_to;	/* 0, or where it is being moved to, + 1 */
	uint8_t vram_pinned;	/* perhaps pinned as write-back, there */
	uint8_t shut_down;	/* the supervisor was told */
	uint8_t unplug_peer;	/* 0: nobody asked, else worker + 1 */
	uint8_t rsvd;
	uint16_t sleep_peers;	/* bit per worker that waits for CTL_SLEEP */
	uint16_t unplug_ask, unplug_owe; /* bit per worker, as in struct vcpu */
	uint16_t rsvd2;
	uint32_t unplug_mask;
	uint32_t unplug_ans;	/* which answer of unplug_peer asked for it */
	uint32_t unplug_seq[WORKERS_MAX];
	/* Buffered writes on their way from Xen's ring to a worker's. */
	uint32_t batch_seq;
	uint16_t batch_from;	/* read index before, modulo XEN_BUFIOREQ_SLOTS */
	uint16_t batch_slots;	/* 0: none; below XEN_BUFIOREQ_SLOTS */
	uint8_t batch_peer;
	uint8_t rsvd3[7];

	struct broker_peer peer[WORKERS_MAX];	/* index = channel number */
	struct vcpu vcpu[XEN_IOREQ_SLOTS];
};

/*
 * A store that counts: all before it in program order are done when it is.
 * Release is enough, and free: a killed process's stores are seen in order.
 */
#define STATE_SET(field, value) \
	__atomic_store_n(&(field), (value), __ATOMIC_RELEASE)

#endif /* ABI_BROKER_STATE_H */
