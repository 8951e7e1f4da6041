/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ring/broker_state.h - what others than the broker may know of its state
 */
#ifndef RING_BROKER_STATE_H
#define RING_BROKER_STATE_H

#include <stdint.h>

struct broker_state;

/*
 * For the supervisor: FD_BROKER_STATE, mapped read-only for good.  NULL and a
 * log line if it is not what memfd_make_broker_state() makes.
 */
const struct broker_state *broker_state_map(int fd);

/*
 * The guest frame where VRAM is now, for a vga that is started later; @parked
 * (where the plan has it) as long as the broker has not said anything, or if
 * what it says can be no guest frame.
 */
uint64_t broker_state_vram_gfn(const struct broker_state *s, uint64_t parked);

#endif /* RING_BROKER_STATE_H */
