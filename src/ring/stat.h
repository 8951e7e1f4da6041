/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ring/stat.h - the memory of abi/stat.h: map it, count in it
 */
#ifndef RING_STAT_H
#define RING_STAT_H

#include <stdbool.h>

#include "base/stat.h"

/*
 * Maps @fd (borrowed), a sealed memfd of the right size, and checks its
 * header.  NULL and a line in the log if it is something else.  Unmapped by
 * munmap(page, sizeof(struct stat_page)).
 */
struct stat_page *stat_map(int fd, bool writable);

/*
 * Start-up of a confined process that holds @fds (a bit per descriptor): counts
 * in FD_STATS from now on, if it has one.  The page, or NULL: nobody counts.
 */
struct stat_page *stat_begin(uint64_t fds);

#endif /* RING_STAT_H */
