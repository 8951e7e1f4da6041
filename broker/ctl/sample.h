/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ctl/sample.h - what the processes of all guests use, from one look to the
 *                next
 */
#ifndef CTL_SAMPLE_H
#define CTL_SAMPLE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "ctl/ctl.h"

struct sample_row {
	uint32_t domid;
	pid_t pid;
	char guest[40], process[20];	/* quoted */
	uint64_t cpu_ms, requests, io_bytes;
	uint64_t resident_bytes, map_pages;
	uint64_t memory_bytes;		/* its share of it; resident_bytes where
					   that is not to be read */
	int64_t memory_ns;		/* when that was read; 0: never */
	/* Since the look before; 0 in the first. */
	double cpu_percent, requests_per_s, io_per_s;
};

struct sample {
	int64_t taken_ns;
	double interval_s;		/* since the look before; 0: none */
	unsigned int guests, silent;	/* silent: they do not answer */
	double cpu_percent;		/* of all */
	size_t count;
	struct sample_row *row;
	char why[200];			/* unless it was CTL_OK; not quoted */
};

/*
 * Looks at all guests, or at @which.  @before, which may be NULL, is the look
 * before.  What is wrong is in why and not complained of; the sample is then
 * empty.  Freed with sample_free().
 */
enum ctl_exit sample_take(const char *dir, const char *which,
			  const struct sample *before, struct sample *s);
void sample_free(struct sample *s);

void sample_sort(struct sample *s, enum ctl_sort by);

#endif /* CTL_SAMPLE_H */
