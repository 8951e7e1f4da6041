/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ctl/cmd_ask.c - cloisterctl metrics, limit: the supervisor does it
 *
 * Runs in cloisterctl.
 */
#include <stdio.h>
#include <string.h>

#include "ctl/client.h"
#include "ctl/ctl.h"
#include "ctl/text.h"

/* Metrics of several guests in a row are one text: only the last may have the
   line that ends it.  A text of several lines is quoted line by line. */
static void print_metrics(const char *text, bool is_last)
{
	while (*text) {
		size_t len = strcspn(text, "\n");
		bool is_end = len == 5 && strncmp(text, "# EOF", 5) == 0;

		if (!is_end || is_last) {
			for (size_t i = 0; i < len; i++) {
				/* UTF-8 in labels is part of the format. */
				unsigned char c = (unsigned char)text[i];

				putchar(c < 0x20 || c == 0x7f ? '?' : c);
			}
			putchar('\n');
		}
		text += len + (text[len] == '\n');
	}
}

enum ctl_exit cmd_metrics(const struct ctl *ctl)
{
	json_t *all = ctl->json ? json_array() : NULL;
	struct guest_list l;
	enum ctl_exit status = guest_list_get(ctl->run_dir, ctl->arg[0], &l);

	for (size_t i = 0; status == CTL_OK && i < l.count; i++) {
		struct guest *g = &l.guest[i];
		json_t *o = client_ask(&g->client, "metrics", NULL, NULL, g->why,
				       sizeof(g->why));

		if (!o) {
			ctl_complain("guest %u: %s", g->client.domid, g->why);
			status = CTL_FAILED;
		} else if (all) {
			json_array_append_new(all, json_pack("{s:i,s:s}",
				"domid", (int)g->client.domid,
				"text", text_of(o, "text")));
		} else {
			print_metrics(text_of(o, "text"), i + 1 == l.count);
		}
		json_decref(o);
	}
	if (status == CTL_OK && all)
		ctl_print_json(all);
	else
		json_decref(all);
	guest_list_free(&l);
	return status;
}

/* ---- limit ---- */

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
