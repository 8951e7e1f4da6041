/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * broker/dispatch/broker.h - what the broker knows
 *
 * Internal to broker/dispatch.  One process, one thread, one static struct
 * broker; nothing is allocated after start.
 *
 *	main.c      start-up, the loop, control messages
 *	ioreq.c     takes requests from Xen's page, completes them
 *	bufioreq.c  takes entries from the buffered ring
 *	route.c     ports, memory and PCI functions -> worker and window
 *	rows.c      offset in a window -> register row
 *	spare.c     answers without the hop: shadow words, mirrors
 *	peer.c      a worker's channel: import of what it announced, sending
 *	answer.c    checks and carries out everything a worker says
 *	guest.c     string operands in guest memory
 *	account.c   counts and records what was answered, and how
 */
#ifndef DISPATCH_BROKER_H
#define DISPATCH_BROKER_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/chan.h"
#include "abi/ctl_msg.h"
#include "abi/fds.h"
#include "abi/plan.h"
#include "abi/xen_ioreq.h"
#include "base/poll.h"
#include "base/ticks.h"
#include "dispatch/rows.h"
#include "ring/chan.h"
#include "ring/stat.h"
#include "ring/trace.h"

struct hv;

/* A window as the worker announced it, checked. */
struct peer_win {
	uint64_t base;
	uint32_t len;
	uint32_t mirror;
	uint8_t space;
	bool wanted;			/* the worker maps it at @base */
	bool mapped;			/* and nothing else is there */
	bool has_mirror;
	struct rows rows;
};

struct peer_row {
	uint8_t size, flags, xor;
	bool odd;		/* every second answer is xored */
};

/* What an outstanding request is for. */
enum owner { OWNER_NONE, OWNER_VCPU, OWNER_INVALIDATE, OWNER_UNPLUG };

/* A worker, as the broker sees it. */
struct peer {
	struct chan_broker ch;
	const struct plan_worker *plan;
	struct stat_block *stat;	/* NULL: nobody counts */
	struct trace_writer trace;
	bool alive;		/* believed; cleared for good when it lies */
	bool held;		/* its answers wait for a verb to be done */
	bool kick;		/* owed a wake-up before we sleep */
	bool reply_due;		/* ANS_DIRTY_QUERY not yet answered */
	uint64_t reply;
	uint32_t effective;	/* requests before this may change shadow words */
	uint32_t note_seq;	/* the last IO_READ_NOTE and its row */
	uint8_t note_row;
	uint8_t row_count, win_count;
	struct peer_row row[CHAN_ROWS];
	struct peer_win win[CHAN_WINS];
	struct {
		uint32_t seq;
		uint8_t what;	/* enum owner */
		uint8_t vcpu;
	} owner[CHAN_REQS];
};

/* Life of a vCPU's slot. */
enum vcpu_state {
	VCPU_IDLE,		/* Xen's; we look for READY */
	VCPU_SENDING,		/* taken, the worker's ring or data was full */
	VCPU_WAITING,		/* sent; ANS_DONE completes it */
	VCPU_INVALIDATING,	/* all workers must answer */
};

/* How a slot was answered, after those of enum trace_kind. */
#define ANSWERED_UNCLAIMED	(TRACE_KIND_COUNT + 0u)
#define ANSWERED_NO_ACCESS	(TRACE_KIND_COUNT + 1u)

struct vcpu {
	enum vcpu_state state;
	uint8_t how;		/* enum trace_kind or ANSWERED_* */
	struct xen_ioreq req;	/* private copy */
	uint8_t peer, win;
	uint16_t slot;		/* data slot, if the operand is a string */
	uint32_t seq;
	uint64_t taken_ticks;	/* time stamp counter when it was seen READY */
	uint16_t ask, owe;	/* VCPU_INVALIDATING: bit per worker that is to
				   be asked, that has to answer */
};

struct route {
	uint64_t first, last;
	uint8_t peer, win;
};
#define ROUTES_MAX	(WORKERS_MAX * CHAN_WINS)

struct broker {
	struct hv *hv;
	const struct plan *plan;
	struct xen_ioreq_page *page;
	struct xen_bufioreq_page *buf;
	unsigned int vcpus;
	bool started, stopping;
	bool kicked;			/* FD_ANSWER_KICK has to be emptied */
	uint16_t unplug_ask, unplug_owe; /* bit per worker, as in struct vcpu */
	uint32_t unplug_mask;
	int unplug_peer;		/* who asked; -1: nobody */
	bool shut_down;			/* the supervisor was told */
	bool buf_stuck;			/* buffered writes wait for room */
	bool buf_hot;			/* its channel stays masked for a while */
	uint64_t vram_gfn;		/* where VRAM is now */
	bool vram_pinned;		/* as write-back, there */
	struct poll_window poll;
	struct stat_page *stats;	/* NULL: nobody counts */
	struct ticks ticks;
	struct vcpu vcpu[XEN_IOREQ_SLOTS];
	struct peer peer[WORKERS_MAX];
	unsigned int route_count[CHAN_SPACE_COUNT];
	struct route route[CHAN_SPACE_COUNT][ROUTES_MAX];
};

extern struct broker broker;

/* ioreq.c */
bool ioreq_take_all(void);		/* true: something was taken */
bool ioreq_any_ready(void);
void ioreq_retry(void);			/* what found a ring full */
/* Worker @peer answered the request @seq that it got for this vCPU. */
void ioreq_answered(unsigned int vcpu, unsigned int peer, uint32_t seq,
		    uint64_t value);
void ioreq_invalidated(unsigned int vcpu, unsigned int peer);
void ioreq_complete(unsigned int vcpu, uint64_t value);
void ioreq_abandon(int peer);		/* -1: all; what waits reads as ones */
/* Buffered writes wait for company: nobody sees them before vga is asked. */
#define BUF_BATCH_LEVEL	128u
bool ioreq_buffer_is_full_enough(void);
void ioreq_drain_buffered(void);

/* route.c */
const struct route *route_find(unsigned int space, uint64_t first, uint64_t last);
/* 0 or -errno: -EEXIST if it overlaps, else what Xen said. */
int route_add(unsigned int space, uint64_t first, uint64_t last,
	      unsigned int peer, unsigned int win);
void route_remove(unsigned int space, unsigned int peer, unsigned int win);

/* spare.c */
/* True: *value, and *how it came about (enum trace_kind). */
bool spare_read(struct peer *p, unsigned int win, uint32_t off,
		unsigned int size, uint64_t *value, uint8_t *how);
bool spare_may_post(const struct peer *p, unsigned int win, uint32_t off,
		    unsigned int size, uint8_t *flags);

/* peer.c */
bool peer_import(struct peer *p);	/* false: nonsense announced */
/* These three: 0, -EAGAIN (full), or -EPROTO (not believed any more). */
int peer_room(struct peer *p);
int peer_data_get(struct peer *p, uint16_t *slot);
/* @row_flags: CHAN_ROW_INERT, CHAN_ROW_LAZY, or neither. */
#define SEND_LAZY	(CHAN_ROW_INERT | CHAN_ROW_LAZY)
#define SEND_EFFECTIVE	0u		/* may change a shadow word */
int peer_send(struct peer *p, struct io_msg *m, enum owner what,
	      unsigned int vcpu, uint8_t row_flags);
void peer_kick_all(void);
/* ANS_MAP and ANS_UNMAP; false if the worker may not. */
bool peer_move_win(struct peer *p, const struct io_msg *m);
void peer_lied(struct peer *p, const char *how);
uint32_t win_offset(const struct peer_win *w, uint64_t addr);

/* answer.c */
bool answer_take_all(void);
bool answer_take(struct peer *p);
void answer_ctl_done(void);		/* the supervisor carried out a verb */
void answer_abandon(unsigned int peer);	/* verbs do not wait for it any more */
void answer_retry(void);		/* verbs that found a ring full */

/* guest.c */
void guest_start(void);
void guest_string(const struct xen_ioreq *r, uint8_t *items, bool to_guest);
void guest_invalidate(void);

/* account.c */
void account_begin(uint64_t fds);	/* counts in FD_STATS, if we have it */
void account_calibrate(void);		/* a while later, before serving */
/* The access in @v has been answered at @ticks; @value: what a read got.  Only
   while somebody counts. */
void account_access(const struct vcpu *v, uint64_t value, uint64_t ticks);
void account_log(void);			/* one line about all of it */
/* Now, or when the loop found something just before: reading the counter once
   more would be half of what counting costs.  0: nobody counts. */
static inline uint64_t account_seen(void)
{
	if (!broker.stats)
		return 0;
	return broker.poll.looked_ticks ? broker.poll.looked_ticks : ticks_now();
}
static inline void account_peer(struct peer *p, unsigned int slot)
{
	if (p->stat)
		stat_block_add(p->stat, slot, 1);
}

/* main.c */
void tell_supervisor(enum ctl_kind kind, uint64_t arg, const char *text);

#endif /* DISPATCH_BROKER_H */
