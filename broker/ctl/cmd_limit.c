/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ctl/cmd_limit.c - cloisterctl limit: the supervisor does it
 *
 * Runs in cloisterctl.
 */
#include <stdio.h>
#include <string.h>

#include "ctl/client.h"
#include "ctl/ctl.h"

static enum ctl_exit check_settings(char *const *arg)
{
	for (; *arg; arg++) {
		const char *equals = strchr(*arg, '=');

		if (equals && equals != *arg && equals[1])
			continue;
		ctl_complain("not KEY=VALUE: %s", *arg);
		return CTL_USAGE;
	}
	return CTL_OK;
}

static bool set_limit(struct guest *g, const char *process, const char *setting)
{
	int key_len = (int)strcspn(setting, "=");
	char key[64];
	json_t *o;

	snprintf(key, sizeof(key), "%.*s", key_len, setting);
	o = client_ask(&g->client, "limit", json_pack("{s:s,s:s,s:s}",
		       "process", process, "key", key, "value", setting + key_len + 1),
		       NULL, g->why, sizeof(g->why));
	if (!o)
		ctl_complain("guest %u: %s", g->client.domid, g->why);
	json_decref(o);
	return o != NULL;
}

/* In order; the first that fails ends it, and those before it stay. */
enum ctl_exit cmd_limit(const struct ctl *ctl)
{
	enum ctl_exit status = check_settings(ctl->arg + 2);
	struct guest_list l;
	int done = 0;

	if (status)
		return status;
	status = guest_list_get(ctl->run_dir, ctl->arg[0], &l);
	for (int i = 2; status == CTL_OK && i < ctl->args; i++) {
		if (set_limit(&l.guest[0], ctl->arg[1], ctl->arg[i]))
			done++;
		else
			status = CTL_FAILED;
	}
	if (ctl->json && l.count)
		ctl_print_json(json_pack("{s:i,s:i}", "set", done,
					 "wanted", ctl->args - 2));
	guest_list_free(&l);
	return status;
}
