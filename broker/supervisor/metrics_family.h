/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/metrics_family.h - the figures of the running family
 */
#ifndef SUPERVISOR_METRICS_FAMILY_H
#define SUPERVISOR_METRICS_FAMILY_H

#include "supervisor/metrics.h"
#include "supervisor/roster.h"

struct event_base;

/*
 * Once the family serves and its cgroups are made: the socket metrics.sock in
 * the run directory, if there is one, and the textfile, if one is configured.
 * What does not work is said; a guest does not depend on it.
 */
void metrics_family_begin(struct event_base *base, const struct roster *r,
			  int64_t began_ns);
/* For whoever wants the text; NULL before metrics_family_begin(). */
struct metrics *metrics_family(void);
/* Before the run directory goes. */
void metrics_family_end(void);

#endif /* SUPERVISOR_METRICS_FAMILY_H */
