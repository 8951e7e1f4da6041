/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/metrics.h - all figures of a family, as text
 *
 * What the processes count (abi/stat.h) and what the host knows about them
 * (metrics_host.h), under the same labels.  Names, types and meanings:
 * abi/stat.def, cloister-metrics(7).
 */
#ifndef SUPERVISOR_METRICS_H
#define SUPERVISOR_METRICS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "abi/stat.h"

struct evbuffer;

#define METRICS_MEMBERS	20

/* One process.  What it has not is NULL, 0 or -1. */
struct metrics_member {
	const char *worker;		/* label: "disk0" */
	const char *device;		/* label: "rtl8139"; of figures that have
					   no device of their own */
	unsigned int in;		/* STAT_IN_*: which figures are its */
	unsigned int units;		/* bit per drive, or serial port, it has */
	const struct stat_page *page;	/* its counters; hostile */
	const struct stat_block *peer;	/* what the broker counts about it; hostile */
	const struct stat_block *about;	/* what we count about it */
	int cgroup;			/* directory */
	pid_t pid;
	bool is_failed;			/* its device is */
};

struct metrics {
	uint32_t domid;
	const char *name;		/* of the guest; any bytes */
	int64_t began_ns;		/* CLOCK_MONOTONIC */
	/* Brings pid and page of each member up to date; or NULL. */
	void (*refresh)(struct metrics *m);
	unsigned int count;
	struct metrics_member member[METRICS_MEMBERS];
};

enum metrics_format {
	METRICS_OPEN,		/* OpenMetrics 1.0 */
	METRICS_CLASSIC,	/* Prometheus text format 0.0.4: textfiles */
};

/* Content-Type of each. */
extern const char *const metrics_content_type[2];

/*
 * What process @worker counts, and what is counted about it:
 * {"requests": number, ...}, named as in abi/stat.def, added up over labels,
 * without histograms.  The caller's; NULL: no such process, or nobody counts.
 */
json_t *metrics_counters(const struct metrics *m, const char *worker);

/* The text, to be freed; NULL: no memory. */
char *metrics_string(struct metrics *m, enum metrics_format format);

/* All of it, appended to @out.  0, or -ENOMEM and @out is of no use. */
int metrics_text(struct metrics *m, enum metrics_format format,
		 struct evbuffer *out);

#endif /* SUPERVISOR_METRICS_H */
