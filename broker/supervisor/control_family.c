/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/control_family.c - the control socket of this supervisor's family
 *
 * Runs in the supervisor.  Joins control.c, which knows no family, with
 * family.c and roster.c, which know no socket.
 */
#include "supervisor/control_family.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "supervisor/cgroup.h"
#include "supervisor/control.h"
#include "supervisor/family.h"
#include "supervisor/limits.h"
#include "supervisor/metrics_family.h"
#include "supervisor/plan.h"
#include "supervisor/run_dir.h"

static const struct roster *roster;
static struct control_host host;

static bool look(unsigned int i, struct control_process *p)
{
	for (enum member m = 0; m < MEMBER_COUNT; m++) {
		struct family_view v;

		if (!roster_has(roster, m) || i-- != 0)
			continue;
		v = family_look(m);
		*p = (struct control_process){ .name = roster_name(m),
			.role = roster_role(m), .pid = v.pid,
			.state = family_state_name[v.state],
			.uid = roster_uid(roster, m), .began_ns = v.began_ns,
			.syscalls = v.syscalls };
		return true;
	}
	return false;
}

/* Number of the worker's channel, or -1. */
static int find_channel(const char *name)
{
	for (enum member m = 0; m < MEMBER_COUNT; m++)
		if (roster_has(roster, m) && strcmp(roster_name(m), name) == 0)
			return roster_channel(m);
	return -1;
}

static int find_chan_fd(const char *name)
{
	int ch = find_channel(name);

	return ch < 0 ? -1 : roster->chan[ch];
}

/* A worker's ring, for somebody who is to read it only. */
static int find_ring(const char *name)
{
	static int read_only[WORKERS_MAX];	/* 0: not made yet */
	int ch = find_channel(name);

	if (ch < 0 || roster->trace[ch] < 0)
		return -1;
	if (read_only[ch] <= 0)
		read_only[ch] = plan_reopen_read_only(roster->trace[ch]);
	return read_only[ch];
}

static json_t *count(const char *name)
{
	return metrics_family() ? metrics_counters(metrics_family(), name) : NULL;
}

static char *tell_metrics(void)
{
	return metrics_family() ? metrics_string(metrics_family(), METRICS_OPEN) : NULL;
}

static int restart(const char *name, char *why, size_t why_len)
{
	size_t used;
	int rc;

	for (enum member m = 0; m < MEMBER_COUNT; m++) {
		if (!roster_has(roster, m) || strcmp(roster_name(m), name) != 0)
			continue;
		rc = family_restart(m);
		if (rc == -EAGAIN)
			snprintf(why, why_len, "the guest is not served now");
		return rc;
	}
	used = (size_t)snprintf(why, why_len, "no such process; there are");
	for (enum member m = 0; m < MEMBER_COUNT && used < why_len; m++)
		if (roster_has(roster, m))
			used += (size_t)snprintf(why + used, why_len - used, " %s",
						 roster_name(m));
	return -ENOENT;
}

void control_family_begin(struct event_base *base, const struct roster *r,
			  const struct qmp_host *guest, int64_t began_ns)
{
	int rc;

	if (run_dir_fd() < 0)
		return;
	roster = r;
	host = (struct control_host){ .guest = guest, .began_ns = began_ns,
		.family_began_ns = family_began_ns(),
		.plan = r->plan, .process = look, .counters = count,
		.metrics = tell_metrics, .cgroup = cgroup_path,
		.limit = limits_set, .restart = restart, .trace = find_ring,
		.channel = find_chan_fd };
	rc = control_begin(base, &host);
	if (rc)
		log_event(LOG_L_WARN, -rc, "no control socket: %s", run_dir_path());
}
