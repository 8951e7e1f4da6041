/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stallbench NAME PORT[,4]|DISK SECONDS STALLS: how long a guest waits
 *
 * Runs in the lab's default guest while dom0 kills the processes that serve
 * it.  Does one thing again and again, and times it: writes a byte to a port
 * and reads it back; the same with a register of four bytes (PORT,4); or reads
 * 4 KiB of a disk past the page cache.  A card's registers in memory are out of
 * reach: the kernel (CONFIG_IO_STRICT_DEVMEM) maps none that a driver has.
 *
 * Says "stallbench: up" when it begins, and after SECONDS or on SIGTERM
 *
 *	stallbench: NAME n=N errors=N median=NS p99=NS max=NS stalls=NS,NS,...
 *	stallbench: done
 *
 * with the STALLS longest, as many as there were kills.  An error is a value
 * that reads back differently, or a read that fails or differs from the same
 * block's before.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <time.h>
#include <unistd.h>

enum { SAMPLES = 1 << 20, BLOCK = 4096, BLOCKS = 1024 };

static uint64_t sample[SAMPLES];
static uint64_t seen[BLOCKS];		/* sum of a block, once read */
static unsigned errors;
static volatile sig_atomic_t told;

static void on_term(int sig)
{
	(void)sig;
	told = 1;
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void try_port(unsigned short port, unsigned i)
{
	/* Index registers have few values; a scratch register takes them too. */
	unsigned char value = i & 3;

	outb(value, port);
	errors += (inb(port) & 7) != value;
}

static void try_register(unsigned short port, unsigned i)
{
	unsigned value = i & 3;

	outl(value, port);
	errors += inl(port) != value;
}

static void try_disk(int fd, unsigned i)
{
	static _Alignas(BLOCK) uint64_t block[BLOCK / 8];
	unsigned at = i * 769 % BLOCKS;
	uint64_t sum = 1;

	if (pread(fd, block, BLOCK, (off_t)at * BLOCK) != BLOCK) {
		errors++;
		return;
	}
	for (unsigned k = 0; k < BLOCK / 8; k++)
		sum = sum * 31 + block[k];
	errors += seen[at] && seen[at] != sum;
	seen[at] = sum;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void report(const char *name, unsigned n, unsigned stalls)
{
	qsort(sample, n, sizeof(sample[0]), compare);
	printf("stallbench: %s n=%u errors=%u median=%llu p99=%llu max=%llu stalls=",
	       name, n, errors, (unsigned long long)sample[n / 2],
	       (unsigned long long)sample[(uint64_t)n * 99 / 100],
	       (unsigned long long)sample[n - 1]);
	for (unsigned i = 0; i < stalls && i < n; i++)
		printf("%s%llu", i ? "," : "",
		       (unsigned long long)sample[n - 1 - i]);
	printf("\nstallbench: done\n");
}

int main(int argc, char **argv)
{
	unsigned n = 0, port;
	uint64_t until;
	int fd = -1;
	bool wide;

	if (argc != 5) {
		fprintf(stderr, "usage: stallbench NAME PORT[,4]|DISK SECONDS "
			"STALLS\n");
		return 2;
	}
	port = (unsigned)strtoul(argv[2], NULL, 0);
	wide = strchr(argv[2], ',') != NULL;
	if (argv[2][0] == '/')
		fd = open(argv[2], O_RDONLY | O_DIRECT);
	if (argv[2][0] == '/' ? fd < 0 : iopl(3) < 0) {
		fprintf(stderr, "stallbench: %s: %s\n", argv[2], strerror(errno));
		return 1;
	}
	signal(SIGTERM, on_term);
	printf("stallbench: up\n");
	fflush(stdout);
	until = now_ns() + strtoull(argv[3], NULL, 0) * 1000000000u;
	do {
		uint64_t from = now_ns();

		if (fd >= 0)
			try_disk(fd, n);
		else if (wide)
			try_register((unsigned short)port, n);
		else
			try_port((unsigned short)port, n);
		sample[n++] = now_ns() - from;
	} while (n < SAMPLES && !told && now_ns() < until);
	report(argv[1], n, (unsigned)strtoul(argv[4], NULL, 0));
	return errors != 0;
}
