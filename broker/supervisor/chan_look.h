/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/chan_look.h - what stands in a worker's channel
 *
 * Read as it is, with pread(): nothing is mapped, nothing believed, and every
 * number is checked before it is used as one.
 */
#ifndef SUPERVISOR_CHAN_LOOK_H
#define SUPERVISOR_CHAN_LOOK_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/chan.h"

#define CHAN_LOOK_CONFIG_BYTES	256u

struct chan_look_function {
	uint8_t devfn;
	uint8_t config[CHAN_LOOK_CONFIG_BYTES];
};

/* Up to @max PCI functions of a worker, as its mirrors have their configuration
   space; how many. */
unsigned int chan_look_functions(int chan, struct chan_look_function *to,
				 unsigned int max);

struct chan_look_request {
	uint32_t waiting;	/* requests sent and not committed; 0: none */
	struct io_msg msg;	/* the first of them */
	uint8_t space;		/* of its window, enum chan_space; or */
	bool no_window;		/* ... it has none that makes sense */
	uint64_t base;		/* where the window was at start */
};

/* What the worker is at.  @state: its state memfd, or -1. */
void chan_look_request(int chan, int state, struct chan_look_request *r);

#endif /* SUPERVISOR_CHAN_LOOK_H */
