/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/perf/hop.c - what one access costs on the in-memory hypervisor
 *
 * The real broker and workers with the real filters, one vCPU, this machine's
 * CPUs.  Prints medians in ns for the registers that guests poll, with shadow
 * words, posted writes and polling switched off one by one.  Never fails on
 * time; "ratio" is to the row above it with everything switched off.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "fakefamily.h"

#define ROUNDS	20000u

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static struct fakefamily f;
static int64_t took[ROUNDS];

static int64_t median_in(uint16_t port, unsigned int rounds)
{
	for (unsigned int i = 0; i < rounds; i++) {
		int64_t t = clock_now_ns();

		fakeguest_in(f.g, 0, port, 1);
		took[i] = clock_now_ns() - t;
	}
	qsort(took, rounds, sizeof(took[0]), by_value);
	return took[rounds / 2];
}

static int64_t median_out(uint16_t port, unsigned int rounds)
{
	for (unsigned int i = 0; i < rounds; i++) {
		int64_t t = clock_now_ns();

		fakeguest_out(f.g, 0, port, 1, 0x55);
		took[i] = clock_now_ns() - t;
	}
	qsort(took, rounds, sizeof(took[0]), by_value);
	return took[rounds / 2];
}

static void measure(const char *label, uint32_t flags, unsigned int rounds)
{
	struct fakefamily_conf c = {
		.guest = { .vcpus = 1, .low_bytes = 32 << 20 },
		.image = { getenv("CLOISTER_PERF_IMAGE") },
		.plan_flags = flags, .quiet = true,
	};

	if (flags & PLAN_NO_POLL)
		for (unsigned int i = 0; i < FF_BROKER; i++)
			c.opt[i][0] = "poll=off";
	if (!fakefamily_start(&f, &c)) {
		printf("%-24s family did not start\n", label);
		return;
	}
	f.g->spin_ns = 50 * NS_PER_US;
	fakeguest_out(f.g, 0, 0xcf8, 4, 0x80000000);
	printf("%-24s %9lld %9lld %9lld %9lld %9lld %9lld\n", label,
	       (long long)median_in(0x1f7, rounds),
	       (long long)median_in(0x3fd, rounds),
	       (long long)median_in(0x64, rounds),
	       (long long)median_in(0xcfc, rounds),
	       (long long)median_in(0x3ff, rounds),
	       (long long)median_out(0x1f2, rounds));
	fflush(stdout);
	fakefamily_stop(&f);
}

int main(int argc, char **argv)
{
	unsigned int rounds = argc > 1 ? (unsigned int)atoi(argv[1]) : 5000;

	if (rounds == 0 || rounds > ROUNDS)
		rounds = ROUNDS;
	printf("%-24s %9s %9s %9s %9s %9s %9s\n", "median ns", "ide 1f7",
	       "lsr 3fd", "kbd 64", "pci cfc", "scr 3ff", "out 1f2");
	measure("all", 0, rounds);
	measure("shadow=off", PLAN_NO_SHADOW, rounds);
	measure("posted=off", PLAN_NO_POSTED, rounds);
	measure("poll=off", PLAN_NO_POLL, rounds);
	measure("all off", PLAN_NO_SHADOW | PLAN_NO_POSTED | PLAN_NO_POLL, rounds);
	return 0;
}
