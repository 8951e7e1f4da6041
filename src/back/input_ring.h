/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * back/input_ring.h - keys and pointer from the vnc worker
 */
#ifndef BACK_INPUT_RING_H
#define BACK_INPUT_RING_H

#include <stdint.h>

#include "bus/input.h"

/* Maps the ring at @fd (a sealed memfd, both borrowed) and feeds @sink, woken
   by @kick_fd.  Before confinement; dies if the memfd is not a ring. */
void input_ring_open(int fd, int kick_fd, struct input_sink *sink);
/* From the loop: epoll says @kick_fd is readable. */
void input_ring_readable(void *arg, uint32_t epoll_events);

#endif /* BACK_INPUT_RING_H */
