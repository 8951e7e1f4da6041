/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * back/blk_raw.h - raw images and block devices on open descriptors
 *
 * Reads that the page cache can answer complete inside submit
 * (preadv2(RWF_NOWAIT)); everything else goes to I/O threads of this worker,
 * so that a slow disk never stops the register interface.  Buffered: privcmd
 * mappings cannot take direct I/O.
 */
#ifndef BACK_BLK_RAW_H
#define BACK_BLK_RAW_H

#include "bus/blk.h"

#define BLK_RAW_DRIVES	4u

/* Starts the I/O threads (before confinement, so that the filter covers them)
   and makes FD_BLK_DONE and FD_BLK_WORK. */
void blk_raw_start(void);
/* Drive @unit on descriptor @fd.  NULL and a log line if it is unusable. */
struct blk *blk_raw_open(unsigned int unit, int fd, bool read_only);
/* A drive of that size that fails all requests. */
struct blk *blk_raw_fail(unsigned int unit, uint64_t size_bytes, bool read_only);
/* From the loop, when FD_BLK_DONE is readable: runs done() of what finished. */
void blk_raw_complete(void *arg, uint32_t epoll_events);

/* Has something finished?  No system call: for worker_hint(). */
bool blk_raw_ready(void);

#endif /* BACK_BLK_RAW_H */
