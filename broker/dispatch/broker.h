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
 *	buffered.c  ... and passes them on in batches
 *	route.c     ports, memory and PCI functions -> worker and window
 *	rows.c      offset in a window -> register row
 *	spare.c     answers without the hop: shadow words, mirrors
 *	peer.c      a worker's channel: import of what it announced, sending
 *	answer.c    checks and carries out everything a worker says
 *	guest.c     string operands in guest memory
 *	adopt.c     goes on where a dead broker stopped
 *	watch.c     is a worker that owes something still moving?
 *	account.c   counts and records what was answered, and how
 *	pause.c     brings everybody to rest, for a save file
 *	dirty.c     tells Xen of the frames that were written to
 */
#ifndef DISPATCH_BROKER_H
#define DISPATCH_BROKER_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/broker_state.h"
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

/* Whether it moves while it owes something (watch.c). */
struct peer_watch {
	bool on;		/* head and beat are those of the last look */
	bool told;		/* CTL_HANGS was said */
	uint32_t head, beat;
	int64_t looked_ns;	/* the last look at the clock; 0: none yet */
	int64_t still_ns;	/* how long they were seen not to move */
	int64_t woken_ns;
};

/* A worker, as the broker sees it. */
struct peer {
	struct chan_broker ch;
	struct broker_peer *rec;	/* what a successor will go by */
	const struct plan_worker *plan;
	struct stat_block *stat;	/* NULL: nobody counts */
	struct trace_writer trace;
	bool alive;		/* believed: rec->trust is TRUST_ALIVE */
	bool held;		/* its answers wait for a verb to be done */
	bool kick;		/* owed a wake-up before we sleep */
	bool all_dirty;		/* a predecessor may have taken dirty bits */
	bool fits;		/* chan_broker_adopt() */
	bool adopted;		/* answer @first_ans may be a repetition */
	uint32_t first_ans;
	bool forgot;		/* requests before @strangers may be nobody's */
	uint32_t strangers;
	uint64_t reply;		/* while rec->reply */
	uint32_t effective;	/* requests before this may change shadow words */
	uint32_t awaited;	/* requests before this are waited for */
	struct peer_watch watch;
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

/* How a slot was answered, after those of enum trace_kind. */
#define ANSWERED_UNCLAIMED	(TRACE_KIND_COUNT + 0u)
#define ANSWERED_NO_ACCESS	(TRACE_KIND_COUNT + 1u)

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
	bool buf_stuck;			/* buffered writes wait for room */
	bool buf_parked;		/* ... until vga is replaced */
	bool buf_hot;			/* its channel stays masked for a while */
	int64_t hang_ns;		/* a worker that stands still for so long
					   hangs */
	struct poll_window poll;
	struct stat_page *stats;	/* NULL: nobody counts */
	struct ticks ticks;
	/* In memory that outlives us; the order of stores to it is in
	   abi/broker_state.h. */
	struct broker_state *st;
	struct vcpu *vcpu;		/* st->vcpu */
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
void ioreq_abandon_slots(void);		/* ... whatever we know of them */
void ioreq_resend(unsigned int peer);	/* what waited for its replacement */
bool ioreq_is_stuck(void);		/* nobody wakes us when there is room */
/* A successor: whose the requests in flight are, once peers are adopted; then
   what nobody was asked yet. */
void ioreq_adopt(void);
void ioreq_go_on(void);

/* buffered.c: buffered writes wait for company: nobody sees them before vga is
   asked. */
#define BUF_BATCH_LEVEL	128u
bool buffered_is_full_enough(void);
void buffered_drain(void);
void buffered_adopt(void);		/* a successor: what was on its way */

/* route.c */
const struct route *route_find(unsigned int space, uint64_t first, uint64_t last);
/* 0 or -errno: -EEXIST if it overlaps, else what Xen said. */
int route_add(unsigned int space, uint64_t first, uint64_t last,
	      unsigned int peer, unsigned int win);
void route_remove(unsigned int space, unsigned int peer, unsigned int win);
/* A predecessor has told Xen; or perhaps, if @perhaps.  False: it cannot have. */
bool route_adopt(unsigned int space, uint64_t first, uint64_t last,
		 unsigned int peer, unsigned int win, bool perhaps);

/* spare.c */
/* True: *value, and *how it came about (enum trace_kind). */
bool spare_read(struct peer *p, unsigned int win, uint32_t off,
		unsigned int size, uint64_t *value, uint8_t *how);
struct post {
	uint8_t row;
	uint8_t flags;		/* for peer_send() */
};
/* True: *post is filled in.  May take answers of @p first. */
bool spare_may_post(struct peer *p, unsigned int win, uint32_t off,
		    unsigned int size, struct post *post);
/* Once it is sent, with these flags. */
void spare_posted(struct peer *p, const struct post *post);

/* peer.c */
/* Believes what @p announced, from now on.  False: nonsense announced. */
bool peer_import(struct peer *p);
/*
 * A successor, once chan_broker_adopt() had a look: windows are where the
 * predecessor recorded them; believed if it was.  False: what it announced
 * does not go with that, and peer_lied() is due.  When all are adopted,
 * peer_settle_all() does what was on its way to Xen.
 */
bool peer_adopt(struct peer *p);
void peer_settle_all(void);
/* May it be where the record has it? */
bool peer_may_place(const struct peer *p, const struct broker_win *r);
void peer_start(struct peer *p);	/* at the ring's indices as they are */
void peer_renewed(struct peer *p);	/* a successor has announced itself */
void peer_failed(struct peer *p);	/* there will be none */
/* Was the request that was to get @seq sent? */
static inline bool peer_sent(const struct peer *p, uint32_t seq)
{
	return (int32_t)(p->ch.tail - seq) > 0;
}
/* These three: 0, -EAGAIN (full), or -EPROTO (not believed any more). */
int peer_room(struct peer *p);
int peer_data_get(struct peer *p, uint16_t *slot);
/* Request @seq, which was sent, is for this. */
static inline void peer_set_owner(struct peer *p, uint32_t seq, enum owner what,
				  unsigned int vcpu)
{
	p->owner[seq % CHAN_REQS].seq = seq;
	p->owner[seq % CHAN_REQS].what = (uint8_t)what;
	p->owner[seq % CHAN_REQS].vcpu = (uint8_t)vcpu;
}
/* @row_flags: CHAN_ROW_INERT, CHAN_ROW_LAZY, or neither. */
#define SEND_LAZY	(CHAN_ROW_INERT | CHAN_ROW_LAZY)
#define SEND_EFFECTIVE	0u		/* may change a shadow word */
int peer_send(struct peer *p, struct io_msg *m, enum owner what,
	      unsigned int vcpu, uint8_t row_flags);
void peer_kick_all(void);
/* ANS_MAP and ANS_UNMAP; false if the worker may not. */
bool peer_move_win(struct peer *p, const struct io_msg *m);
void peer_lied(struct peer *p, const char *how);
/* ... and a predecessor found out; the supervisor may not have heard it. */
void peer_lied_before(struct peer *p);
uint32_t win_offset(const struct peer_win *w, uint64_t addr);

/* answer.c */
bool answer_take_all(void);
bool answer_take(struct peer *p);
void answer_ctl_done(void);		/* the supervisor carried out a verb */
void answer_abandon(unsigned int peer);	/* verbs do not wait for it any more */
void answer_retry(void);		/* verbs that found a ring full */
/* A successor: verbs under way, when all peers are adopted. */
void answer_adopt(void);
void answer_adopt_vram(void);

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

/* pause.c: CTL_PAUSE and CTL_RESUME */
void pause_begin(uint16_t ticket);
void pause_end(void);
void pause_adopt(void);			/* what a dead predecessor was in */
void pause_step(void);			/* of each turn */
void pause_renewed(unsigned int peer);	/* is believed again */
bool pause_holds(void);			/* requests are not taken */
bool pause_is_on(void);			/* CTL_PAUSED was said */
bool pause_waits(void);			/* it may go on without any event */

/* dirty.c: CTL_LOG_DIRTY */
void dirty_set(bool on);
void dirty_adopt(void);			/* what a dead predecessor had on */
void dirty_step(void);			/* of each turn */
bool dirty_waits(void);			/* it may go on without any event */
void dirty_operand(uint64_t gpa, size_t bytes);	/* we wrote this, if it is RAM */
void dirty_sent(const struct io_msg *m);	/* ... to a worker with VRAM */
void dirty_flush(void);			/* vga rests: what it may have written */

/* adopt.c */
/* NULL, or which field of the predecessor's state cannot be. */
const char *adopt_find_nonsense(void);
void adopt_forget(void);		/* a state as at the first start */
/* Confined: takes over what is under way, and serves. */
void adopt_go_on(void);

/* watch.c */
/* How long to sleep; -1: nobody owes, or FD_TIMER ends it. */
int watch_timeout_ms(void);
/* FD_TIMER is readable: a look is due. */
void watch_take_timer(void);
/* Wakes and reports who stands still; @slept: for that long, and for nothing. */
void watch_look(bool slept);

/* main.c */
void tell_supervisor(enum ctl_kind kind, uint64_t arg, const char *text);

#endif /* DISPATCH_BROKER_H */
