/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * back/input_ring.h - keys and pointer from the vnc worker
 */
#ifndef BACK_INPUT_RING_H
#define BACK_INPUT_RING_H

#include <stdint.h>

#include "bus/input.h"

struct bus;

/*
 * Maps the ring at @fd (a sealed memfd, both borrowed) and feeds @sink, woken
 * by @kick_fd.  Before confinement; dies if the memfd is not a ring.
 *
 * What was taken from it is committed with the devices, as a bus device of its
 * own: each event reaches the sink once, whenever the worker dies.  A first
 * start forgets what is in the ring.
 */
void input_ring_open(struct bus *b, int fd, int kick_fd, struct input_sink *sink);
/* From the loop: epoll says @kick_fd is readable. */
void input_ring_readable(void *arg, uint32_t epoll_events);

#endif /* BACK_INPUT_RING_H */
