/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bus/commit.h - the step of bus_commit() that a successor goes on from
 *
 * Of bus/bus.c and of tests/perf, which measures what it costs.
 */
#ifndef BUS_COMMIT_H
#define BUS_COMMIT_H

#include "bus/bus.h"

/*
 * Bring the half that is not committed up to date - registers of the devices
 * that are dirty now or were at the last commit, line levels, @seq and
 * @ans_tail as bus_commit() has them - and flip.  Leaves b->dirty alone: who is
 * in it has things to publish afterwards.
 */
void bus_commit_state(struct bus *b, uint32_t seq, uint32_t ans_tail);

#endif /* BUS_COMMIT_H */
