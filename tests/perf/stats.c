/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/perf/stats.c - what counting and recording cost a guest's access
 *
 * Three families on the in-memory hypervisor, the real programs with their
 * filters: one that counts and two that do not, measured in turns in one run.
 * A few hundred accesses of each, over and over, in changing order, so that
 * what else the machine does falls on all; several lives of the families, as
 * where their memory happens to lie makes a difference, too.  Prints medians
 * in ns, and of the ratios to the neighbour that does not count: its quartiles,
 * and the same between the two that do not ("noise").  Never fails on time.
 *
 * A spared access is the hardest case: nothing else happens in it.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "fakefamily.h"
#include "ratio.h"

#define BATCH		400u
#define TURNS		24u		/* of each life */
#define LIVES_MAX	(RATIO_MAX / TURNS)
#define NAME_WIDTH	16

static const struct reg {
	const char *name;
	uint16_t port;
	bool write;
} regs[] = {
	{ "shadow: in 1f7", 0x1f7, false }, { "shadow: in 3fd", 0x3fd, false },
	{ "mirror: in cfc", 0xcfc, false }, { "posted: out 1f2", 0x1f2, true },
	{ "hop: in 3ff", 0x3ff, false },
};
#define REGS (sizeof(regs) / sizeof(regs[0]))

static struct fakefamily f[RATIO_FAMILIES];
static int64_t took[BATCH];
static struct ratio results[REGS];

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
	return ratio_median(took, BATCH);
}

/* @turn: who is first differs. */
static void compare(unsigned int reg, unsigned int turn)
{
	int64_t got[RATIO_FAMILIES];

	for (unsigned int i = 0; i < RATIO_FAMILIES; i++) {
		unsigned int who = (turn + i) % RATIO_FAMILIES;

		got[who] = measure(f[who].g, &regs[reg]);
	}
	ratio_add(&results[reg], got);
}

/* @life: who is started first differs. */
static bool live(unsigned int life)
{
	bool good = true;

	for (unsigned int i = 0; i < RATIO_FAMILIES; i++) {
		unsigned int who = (life + i) % RATIO_FAMILIES;
		struct fakefamily_conf c = {
			.guest = { .vcpus = 1, .low_bytes = 32 << 20 },
			.image = { getenv("CLOISTER_PERF_IMAGE") },
			.no_stats = who != RATIO_WITH, .quiet = true,
		};

		good &= fakefamily_start(&f[who], &c);
		if (!good)
			return false;
		f[who].g->spin_ns = 50 * NS_PER_US;
		fakeguest_out(f[who].g, 0, 0xcf8, 4, 0x80000000);
	}
	for (unsigned int t = 0; t < TURNS; t++)
		for (unsigned int r = 0; r < REGS; r++)
			compare(r, life * TURNS + t);
	for (unsigned int i = 0; i < RATIO_FAMILIES; i++)
		fakefamily_stop(&f[i]);
	return true;
}

int main(int argc, char **argv)
{
	unsigned int lives = argc > 1 ? (unsigned int)atoi(argv[1]) : 6;

	if (lives < 1 || lives > LIVES_MAX)
		lives = LIVES_MAX;
	for (unsigned int i = 0; i < lives; i++)
		if (!live(i)) {
			printf("family did not start\n");
			return 0;
		}
	ratio_print_head(NAME_WIDTH, "median ns", "stats=off", "stats=on");
	for (unsigned int r = 0; r < REGS; r++)
		ratio_print(&results[r], NAME_WIDTH, regs[r].name);
	return 0;
}
