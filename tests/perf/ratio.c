/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/perf/ratio.c - medians, ratios and their quartiles
 *
 * Part of the benchmarks that compare families; measures nothing itself.
 */
#include "ratio.h"

#include <stdio.h>
#include <stdlib.h>

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

int64_t ratio_median(int64_t *took_ns, unsigned int count)
{
	qsort(took_ns, count, sizeof(took_ns[0]), by_value);
	return took_ns[count / 2];
}

void ratio_add(struct ratio *r, const int64_t median_ns[RATIO_FAMILIES])
{
	for (unsigned int i = 0; i < RATIO_FAMILIES; i++)
		r->median[i][r->count] = median_ns[i];
	r->cost[r->count] = (double)median_ns[RATIO_WITH] /
		(double)median_ns[RATIO_WITHOUT];
	r->noise[r->count] = (double)median_ns[RATIO_AGAIN] /
		(double)median_ns[RATIO_WITHOUT];
	r->count++;
}

void ratio_print_head(int width, const char *what, const char *without, const char *with)
{
	printf("%-*s %9s %9s %9s %17s  %9s\n", width, what, without, with, "cost",
	       "(quartiles)", "noise");
}

static double percent(const double *sorted, unsigned int count, unsigned int quarter)
{
	return (sorted[(count - 1) * quarter / 4] - 1) * 100;
}

void ratio_print(struct ratio *r, int width, const char *name)
{
	unsigned int n = r->count;

	if (n == 0)
		return;
	qsort(r->cost, n, sizeof(double), by_ratio);
	qsort(r->noise, n, sizeof(double), by_ratio);
	printf("%-*s %9lld %9lld %+7.2f %% (%+.2f .. %+.2f)  %+7.2f %% (%+.2f .. %+.2f)\n",
	       width, name, (long long)ratio_median(r->median[RATIO_WITHOUT], n),
	       (long long)ratio_median(r->median[RATIO_WITH], n),
	       percent(r->cost, n, 2), percent(r->cost, n, 1), percent(r->cost, n, 3),
	       percent(r->noise, n, 2), percent(r->noise, n, 1),
	       percent(r->noise, n, 3));
}
