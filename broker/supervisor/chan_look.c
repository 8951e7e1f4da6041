/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/chan_look.c - what stands in a worker's channel
 *
 * Runs in the supervisor, when somebody asks or a worker died; never on a
 * guest's path.
 */
#include "supervisor/chan_look.h"

#include <stddef.h>
#include <unistd.h>

#include "abi/state.h"

static bool look(int fd, void *to, size_t len, size_t at)
{
	return fd >= 0 && pread(fd, to, len, (off_t)at) == (ssize_t)len;
}

unsigned int chan_look_functions(int chan, struct chan_look_function *to,
				 unsigned int max)
{
	struct chan_win win[CHAN_WINS];
	unsigned int n = 0;
	uint32_t count;

	if (!look(chan, &count, sizeof(count), offsetof(struct chan, win_count)) ||
	    count > CHAN_WINS || !look(chan, win, sizeof(win), offsetof(struct chan, win)))
		return 0;
	for (uint32_t i = 0; i < count && n < max; i++) {
		if (win[i].space != CHAN_PCI || !(win[i].flags & CHAN_WIN_MIRROR) ||
		    win[i].base > UINT8_MAX ||
		    win[i].mirror > CHAN_MIRROR_BYTES - CHAN_LOOK_CONFIG_BYTES ||
		    !look(chan, to[n].config, CHAN_LOOK_CONFIG_BYTES,
			  offsetof(struct chan, mirror) + win[i].mirror))
			continue;
		to[n++].devfn = (uint8_t)win[i].base;
	}
	return n;
}

/* Requests that the committed state contains; @head if that cannot be known. */
static uint32_t done_until(int state, uint32_t head)
{
	uint32_t flip, seq;

	if (!look(state, &flip, sizeof(flip), offsetof(struct state, flip)) || !flip ||
	    !look(state, &seq, sizeof(seq), offsetof(struct state, half) +
		  (flip & 1) * sizeof(struct state_half) +
		  offsetof(struct state_half, seq)))
		return head;
	/* Committed and not yet published: one at most, ring/chan.h. */
	return seq == head + 1 ? seq : head;
}

void chan_look_request(int chan, int state, struct chan_look_request *r)
{
	uint32_t head, tail;
	struct chan_win win;

	*r = (struct chan_look_request){ .no_window = true };
	if (!look(chan, &head, sizeof(head), offsetof(struct chan, req_head)) ||
	    !look(chan, &tail, sizeof(tail), offsetof(struct chan, req_tail)))
		return;
	if (tail != head)
		head = done_until(state, head);
	if (tail == head || tail - head > CHAN_REQS ||
	    !look(chan, &r->msg, sizeof(r->msg), offsetof(struct chan, req) +
		  head % CHAN_REQS * sizeof(r->msg)))
		return;
	r->waiting = tail - head;
	if (r->msg.win >= CHAN_WINS ||
	    !look(chan, &win, sizeof(win), offsetof(struct chan, win) +
		  r->msg.win * sizeof(win)) || win.space >= CHAN_SPACE_COUNT)
		return;
	r->no_window = false;
	r->space = win.space;
	r->base = win.base;
}
