/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * diskbench: latency and throughput of the guest's emulated disk.
 *
 * Runs in the lab's default guest (`xenlab bench` types its name) on a whole
 * disk, read-only.  Prints:
 *
 *	diskbench: random4k n=1000 median=NS p99=NS total=NS
 *	diskbench: seq-direct bytes=16777216 total=NS
 *	diskbench: seq-buffered bytes=16777216 total=NS
 *
 * It does not write, and does not check what it reads.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
	RANDOM_COUNT = 1000,
	RANDOM_SIZE = 4096,
	SEQ_BYTES = 16 << 20,
	SEQ_SIZE = 64 << 10,
	AREA = 128 << 20,		/* of the disk that is read */
};

static uint64_t samples[RANDOM_COUNT];

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void fail(const char *what)
{
	fprintf(stderr, "diskbench: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void random_reads(int fd, void *buffer)
{
	uint32_t seed = 12345;
	uint64_t total = now_ns();

	for (int i = 0; i < RANDOM_COUNT; i++) {
		uint64_t start;
		off_t at;

		seed = seed * 1664525u + 1013904223u;
		at = (off_t)(seed >> 8) % (AREA / RANDOM_SIZE) * RANDOM_SIZE;
		start = now_ns();
		if (pread(fd, buffer, RANDOM_SIZE, at) != RANDOM_SIZE)
			fail("4 KiB read");
		samples[i] = now_ns() - start;
	}
	total = now_ns() - total;
	qsort(samples, RANDOM_COUNT, sizeof(samples[0]), compare);
	printf("diskbench: random4k n=%d median=%llu p99=%llu total=%llu\n",
	       RANDOM_COUNT, (unsigned long long)samples[RANDOM_COUNT / 2],
	       (unsigned long long)samples[RANDOM_COUNT * 99 / 100],
	       (unsigned long long)total);
}

static void sequential(int fd, void *buffer, const char *name, off_t from)
{
	uint64_t total = now_ns();

	for (off_t at = 0; at < SEQ_BYTES; at += SEQ_SIZE) {
		if (pread(fd, buffer, SEQ_SIZE, from + at) != SEQ_SIZE)
			fail(name);
	}
	total = now_ns() - total;
	printf("diskbench: %s bytes=%d total=%llu\n", name, SEQ_BYTES,
	       (unsigned long long)total);
}

int main(int argc, char **argv)
{
	const char *disk = argc > 1 ? argv[1] : "/dev/sda";
	void *buffer;
	int fd;

	if (posix_memalign(&buffer, 4096, SEQ_SIZE) != 0)
		return 1;
	fd = open(disk, O_RDONLY | O_DIRECT);
	if (fd < 0)
		fail(disk);
	random_reads(fd, buffer);
	sequential(fd, buffer, "seq-direct", 32 << 20);
	close(fd);
	fd = open(disk, O_RDONLY);
	if (fd < 0)
		fail(disk);
	(void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	sequential(fd, buffer, "seq-buffered", 64 << 20);
	printf("diskbench: done\n");
	return 0;
}
