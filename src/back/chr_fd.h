/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * back/chr_fd.h - a serial port's other end: pty master or file
 */
#ifndef BACK_CHR_FD_H
#define BACK_CHR_FD_H

#include <stdbool.h>

#include "bus/chr.h"

#define CHR_FDS		4u

struct bus;

/*
 * @fd is borrowed, non-blocking.  Output that does not fit is dropped.
 *
 * If the worker dies, output of the request it was at may come twice and none
 * is lost; input that the device has not taken yet is committed, as a bus
 * device of its own, and only what was read since the last commit is lost.
 */
struct chr *chr_fd_open(struct bus *b, unsigned int port, int fd);
/* Can input come from it (and can epoll watch it)?  Not from a file.  Before
   confinement. */
bool chr_fd_has_input(const struct chr *c);
/* From the loop: epoll says @fd of @chr is readable.  arg: struct chr.  To be
   watched with EPOLLIN | EPOLLET: while the device has no room nothing is
   read, and what was left is read when it asks again. */
void chr_fd_readable(void *arg, uint32_t epoll_events);

#endif /* BACK_CHR_FD_H */
