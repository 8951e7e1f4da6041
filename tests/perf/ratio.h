/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/perf/ratio.h - what something costs, as a ratio to a neighbour in the
 *                      same run, and how much of that is noise
 *
 * Three families: one that has it, two that do not.  All three are measured in
 * turn, again and again; the second without tells what two that are alike differ
 * by.
 */
#ifndef TESTS_PERF_RATIO_H
#define TESTS_PERF_RATIO_H

#include <stdint.h>

#define RATIO_MAX	960u		/* turns that one can hold */

enum ratio_family { RATIO_WITH, RATIO_WITHOUT, RATIO_AGAIN, RATIO_FAMILIES };

/* Begins as zeros. */
struct ratio {
	unsigned int count;
	int64_t median[RATIO_FAMILIES][RATIO_MAX];	/* ns */
	double cost[RATIO_MAX], noise[RATIO_MAX];
};

/* Of that many, at least one; sorts them. */
int64_t ratio_median(int64_t *took_ns, unsigned int count);
/* One turn: the median of each family.  At most RATIO_MAX of them. */
void ratio_add(struct ratio *r, const int64_t median_ns[RATIO_FAMILIES]);
/* The heads of ratio_print()'s columns; @what is the first's. */
void ratio_print_head(int width, const char *what, const char *without, const char *with);
/* A row: name, medians without and with, cost and noise with their quartiles, in
   per cent.  Nothing if there were no turns.  Sorts; no more turns after it. */
void ratio_print(struct ratio *r, int width, const char *name);

#endif /* TESTS_PERF_RATIO_H */
