/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/integ/played.h - three workers that the test plays, and what a guest
 *                        can do with them
 *
 * Everything a guest does here is counted on both sides: a request that is
 * lost, doubled or overtaken shows in the worker that gets it, a wrong answer
 * in the guest.  Only the broker is real, and may die at any instant.
 */
#ifndef TESTS_INTEG_PLAYED_H
#define TESTS_INTEG_PLAYED_H

#include "fakefamily.h"

/* Starts the family around three threads. */
bool played_start(struct fakefamily *f, const char *hang_opt);
/* Ends the threads, then the family; as fakefamily_stop(). */
bool played_stop(void);
/* From now on a worker in @out_of requests dies, too, between committing it and
   saying so; its successor goes on at once.  0: none does. */
void played_workers_die(unsigned int out_of);
unsigned int played_worker_deaths(void);
/* What went wrong so far, or NULL. */
const char *played_wrong(void);
/* Everything posted or buffered has arrived. */
bool played_is_complete(void);

/* Things to do, by vCPU @vcpu; each kind by one vCPU at a time. */
enum played_act {
	PLAYED_WRITE, PLAYED_READ, PLAYED_POST, PLAYED_BUFFER, PLAYED_INS,
	PLAYED_OUTS, PLAYED_MAP, PLAYED_VRAM, PLAYED_DIRTY, PLAYED_IRQ,
	PLAYED_ROUTE, PLAYED_INVALIDATE, PLAYED_SHADOW, PLAYED_UNPLUG,
	PLAYED_SLEEP,
	PLAYED_ACTS
};
void played_do(unsigned int vcpu, enum played_act act);

#endif /* TESTS_INTEG_PLAYED_H */
