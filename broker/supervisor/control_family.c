/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/control_family.c - the control socket of this supervisor's family
 *
 * Runs in the supervisor.  Joins control.c, which knows no family, with
 * family.c and roster.c, which know no socket.
 */
#include "supervisor/control_family.h"

#include <string.h>

#include "base/log.h"
#include "supervisor/control.h"
#include "supervisor/family.h"
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
			.state = !v.pid ? "ended" : v.ready ? "running" : "starting",
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

void control_family_begin(struct event_base *base, const struct roster *r,
			  const struct qmp_host *guest, int64_t began_ns)
{
	int rc;

	if (run_dir_fd() < 0)
		return;
	roster = r;
	host = (struct control_host){ .guest = guest, .began_ns = began_ns,
		.plan = r->plan, .process = look, .channel = find_chan_fd };
	rc = control_begin(base, &host);
	if (rc)
		log_event(LOG_L_WARN, -rc, "no control socket: %s", run_dir_path());
}
