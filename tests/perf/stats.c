/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/perf/stats.c - what counting and recording cost a guest's access
 *
 * Two families on the in-memory hypervisor, the real programs with their
 * filters, one that counts and one that does not, measured in turns in one
 * run: a few hundred accesses of the one, as many of the other, over and over,
 * so that what else the machine does falls on both.  Prints medians in ns, and
 * the median of the ratios between neighbours; never fails on time.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "fakefamily.h"

#define BATCH		400u
#define TURNS_MAX	2000u

enum { WITH, WITHOUT, BOTH };

static struct fakefamily f[BOTH];
static int64_t took[BATCH];
static double ratio[TURNS_MAX];
static int64_t median[BOTH][TURNS_MAX];

static const struct reg {
	const char *name;
	uint16_t port;
	bool write;
} regs[] = {
	{ "shadow: in 1f7", 0x1f7, false }, { "shadow: in 3fd", 0x3fd, false },
	{ "mirror: in cfc", 0xcfc, false }, { "posted: out 1f2", 0x1f2, true },
	{ "hop: in 3ff", 0x3ff, false },
};

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static int by_ratio(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static int64_t measure(struct fakeguest *g, const struct reg *r)
{
	for (unsigned int i = 0; i < BATCH; i++) {
		int64_t t = clock_now_ns();

		if (r->write)
			fakeguest_out(g, 0, r->port, 1, 0x55);
		else
			fakeguest_in(g, 0, r->port, 1);
		took[i] = clock_now_ns() - t;
	}
	qsort(took, BATCH, sizeof(took[0]), by_value);
	return took[BATCH / 2];
}

static void compare(const struct reg *r, unsigned int turns)
{
	for (unsigned int i = 0; i < turns; i++) {
		unsigned int first = i % 2;	/* nobody is always the second */

		median[first][i] = measure(f[first].g, r);
		median[!first][i] = measure(f[!first].g, r);
		ratio[i] = (double)median[WITH][i] / (double)median[WITHOUT][i];
	}
	for (unsigned int w = 0; w < BOTH; w++)
		qsort(median[w], turns, sizeof(median[w][0]), by_value);
	qsort(ratio, turns, sizeof(ratio[0]), by_ratio);
	printf("%-16s %9lld %9lld %+8.2f %% (%+.2f .. %+.2f)\n", r->name,
	       (long long)median[WITHOUT][turns / 2], (long long)median[WITH][turns / 2],
	       (ratio[turns / 2] - 1) * 100, (ratio[turns / 4] - 1) * 100,
	       (ratio[turns * 3 / 4] - 1) * 100);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	unsigned int turns = argc > 1 ? (unsigned int)atoi(argv[1]) : 60;

	if (turns < 4 || turns > TURNS_MAX)
		turns = TURNS_MAX;
	for (unsigned int w = 0; w < BOTH; w++) {
		struct fakefamily_conf c = {
			.guest = { .vcpus = 1, .low_bytes = 32 << 20 },
			.image = { getenv("CLOISTER_PERF_IMAGE") },
			.no_stats = w == WITHOUT, .quiet = true,
		};

		if (!fakefamily_start(&f[w], &c)) {
			printf("family did not start\n");
			return 0;
		}
		f[w].g->spin_ns = 50 * NS_PER_US;
		fakeguest_out(f[w].g, 0, 0xcf8, 4, 0x80000000);
	}
	printf("%-16s %9s %9s %10s  (quartiles)\n", "median ns", "stats=off",
	       "stats=on", "cost");
	for (size_t i = 0; i < sizeof(regs) / sizeof(regs[0]); i++)
		compare(&regs[i], turns);
	for (unsigned int w = 0; w < BOTH; w++)
		fakefamily_stop(&f[w]);
	return 0;
}
