/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ctl/cmd_restart.c - cloisterctl restart: the supervisor does it
 *
 * Runs in cloisterctl.  The supervisor only begins; we look until the
 * successor serves.
 */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "ctl/client.h"
#include "ctl/ctl.h"
#include "ctl/text.h"

#define WAIT_NS		(15 * NS_PER_S)
#define LOOK_NS		(10 * NS_PER_MS)

static const json_t *find_process(const struct guest *g, const char *name)
{
	const json_t *p;
	size_t i;

	json_array_foreach(json_object_get(g->status, "processes"), i, p)
		if (strcmp(text_of(p, "name"), name) == 0)
			return p;
	return NULL;
}

static bool ask(struct guest *g, const char *process)
{
	json_t *o = client_ask(&g->client, "restart",
			       json_pack("{s:s}", "process", process), NULL,
			       g->why, sizeof(g->why));

	if (!o)
		ctl_complain("guest %u: %s", g->client.domid, g->why);
	json_decref(o);
	return o != NULL;
}

static bool has_state(const json_t *process, const char *state)
{
	return process && strcmp(text_of(process, "state"), state) == 0;
}

/* Until it runs with another pid than @before, or it is clear that it will not. */
static bool wait_for(struct guest *g, const char *process, uint64_t before)
{
	const struct timespec pause = { 0, LOOK_NS };
	const int64_t until_ns = clock_now_ns() + WAIT_NS;

	for (;;) {
		const json_t *p;
		uint64_t pid;

		if (!guest_refresh(g)) {
			ctl_complain("guest %u: %s", g->client.domid, g->why);
			return false;
		}
		p = find_process(g, process);
		pid = p ? text_uint(p, "pid") : 0;
		if (has_state(p, "running") && pid != before)
			return true;
		if ((has_state(p, "failed") && !pid) || clock_now_ns() > until_ns) {
			ctl_complain("guest %u: %s has no successor that serves; see the log",
				     g->client.domid, process);
			return false;
		}
		nanosleep(&pause, NULL);
	}
}

enum ctl_exit cmd_restart(const struct ctl *ctl)
{
	const char *process = ctl->arg[1];
	struct guest_list l;
	enum ctl_exit status = guest_list_get(ctl->run_dir, ctl->arg[0], &l);
	struct guest *g = l.guest;
	int64_t began_ns = clock_now_ns();
	uint64_t before = 0;

	if (status == CTL_OK) {
		before = g->status ? text_uint(find_process(g, process), "pid") : 0;
		if (!ask(g, process) || !wait_for(g, process, before))
			status = CTL_FAILED;
	}
	if (status == CTL_OK && ctl->json)
		ctl_print_json(json_pack("{s:s,s:I,s:I,s:f}", "process", process,
			"was_pid", (json_int_t)before,
			"pid", (json_int_t)text_uint(find_process(g, process), "pid"),
			"after_s", (double)(clock_now_ns() - began_ns) / (double)NS_PER_S));
	guest_list_free(&l);
	return status;
}
