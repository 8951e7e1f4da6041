/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/lib/slowsync.h - disks whose flushes, and writes, take their time
 */
#ifndef TESTS_LIB_SLOWSYNC_H
#define TESTS_LIB_SLOWSYNC_H

#include <stdbool.h>

/*
 * From now on, fdatasync() of this process's children takes at least @ms.
 * False: this kernel cannot (seccomp user notification, Linux 5.5), nothing
 * has changed.  Call it before the children are started, from the thread that
 * starts them.  Not to be undone; sets no_new_privs.
 */
bool slow_sync_start(unsigned int ms);
/* The same, and so much for pwritev(), if it is not 0. */
bool slow_disk_start(unsigned int for_sync_ms, unsigned int for_write_ms);

#endif /* TESTS_LIB_SLOWSYNC_H */
