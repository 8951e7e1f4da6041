/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/integ/soak_wire.h - a driver and its peer that check every frame
 */
#ifndef TESTS_INTEG_SOAK_WIRE_H
#define TESTS_INTEG_SOAK_WIRE_H

#include <stdatomic.h>
#include <stdbool.h>

#include "fakeguest.h"

/* Each written by one thread. */
struct soak_wire {
	_Atomic unsigned int posted, left;	/* the guest sent; is not done */
	_Atomic unsigned int out_good, out_twice, out_wrong;
	_Atomic unsigned int overrun;	/* came, but the peer had no room */
	_Atomic unsigned int given, in_good, in_wrong, in_disorder;
};
extern struct soak_wire soak_wire;

/* The card at PCI device @slot gets a driver, on vCPU 0.  Once. */
void soak_wire_begin(struct fakeguest *g, const char *model, unsigned int slot);
/* Takes the interface @name for the peer's, and up.  False: errno.  An earlier
   one is read to its end. */
bool soak_wire_connect(const char *name);
/* One look at the rings: some frames out and in; nothing new with @ending. */
void soak_wire_drive(bool ending);
/* The peer's side of the same. */
void soak_wire_peer(bool ending);
/* Of the frames that were posted, those that never came.  When all is over. */
unsigned int soak_wire_missing(void);

#endif /* TESTS_INTEG_SOAK_WIRE_H */
