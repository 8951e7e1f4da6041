/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/integ/slow_sync.c - a disk whose flush takes its time
 *
 * Preloaded into the programs under test.  It keeps busy instead of sleeping:
 * the disk worker's policy has no sleep, and nothing but fdatasync changes.
 */
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int fdatasync(int fd)
{
	const char *ms = getenv("SLOW_SYNC_MS");
	struct timespec from, now;
	long want = ms ? atol(ms) : 0;

	clock_gettime(CLOCK_MONOTONIC, &from);
	do
		clock_gettime(CLOCK_MONOTONIC, &now);
	while ((now.tv_sec - from.tv_sec) * 1000000000 +
	       now.tv_nsec - from.tv_nsec < want * 1000000);
	return (int)syscall(SYS_fdatasync, fd);
}
