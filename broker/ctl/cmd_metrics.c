/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ctl/cmd_metrics.c - cloisterctl metrics: the OpenMetrics text of all guests
 *
 * Runs in cloisterctl.  In one text a family of metrics stands once, with the
 * samples of all guests behind it, so the texts of the guests are taken apart
 * and put together again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/client.h"
#include "ctl/ctl.h"
#include "ctl/text.h"

#define FAMILIES_MAX	512u
#define NAME_ROOM	100

struct family {
	char name[NAME_ROOM];
	size_t guest;			/* whose TYPE, UNIT and HELP it has */
	FILE *to[2];			/* about it, samples */
	char *text[2];
	size_t len[2];
};

static struct {
	struct family family[FAMILIES_MAX];
	size_t count;
} all;

/* NULL: too many, or no memory. */
static struct family *find_family(const char *name, size_t guest)
{
	struct family *f;

	for (size_t i = 0; i < all.count; i++)
		if (strcmp(all.family[i].name, name) == 0)
			return &all.family[i];
	if (all.count == FAMILIES_MAX)
		return NULL;
	f = &all.family[all.count];
	f->guest = guest;
	snprintf(f->name, sizeof(f->name), "%s", name);
	for (int i = 0; i < 2; i++)
		f->to[i] = open_memstream(&f->text[i], &f->len[i]);
	all.count++;
	return f->to[0] && f->to[1] ? f : NULL;
}

/* What a terminal obeys: the controls of ASCII, and U+0080 to U+009F. */
static bool is_control(const char *at, size_t left)
{
	unsigned char c = (unsigned char)at[0], next = left > 1 ? (unsigned char)at[1] : 0;

	return c < 0x20 || c == 0x7f || (c == 0xc2 && next >= 0x80 && next < 0xa0);
}

/* A line, whatever is in it; other UTF-8 in labels is part of the format. */
static void put_line(FILE *to, const char *line, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		bool control = is_control(line + i, len - i);

		putc(control ? '?' : (unsigned char)line[i], to);
		i += control && (unsigned char)line[i] == 0xc2;
	}
	putc('\n', to);
}

/* "# TYPE NAME ...", UNIT or HELP: the name; false: another line. */
static bool read_about(const char *line, size_t len, char name[NAME_ROOM])
{
	char text[NAME_ROOM + 20], what[5];

	snprintf(text, sizeof(text), "%.*s", (int)(len < sizeof(text) ? len :
						   sizeof(text) - 1), line);
	return sscanf(text, "# %4s %99s", what, name) == 2 &&
		(strcmp(what, "TYPE") == 0 || strcmp(what, "UNIT") == 0 ||
		 strcmp(what, "HELP") == 0);
}

/* Sorts the lines of @text to their families. */
static void take_apart(const char *text, size_t guest)
{
	struct family *f = NULL;

	while (*text) {
		size_t len = strcspn(text, "\n");
		char name[NAME_ROOM];

		if (read_about(text, len, name)) {
			f = find_family(name, guest);
			if (f && f->guest == guest)
				put_line(f->to[0], text, len);
		} else if (f && len && text[0] != '#') {
			put_line(f->to[1], text, len);
		}
		text += len + (text[len] == '\n');
	}
}

static void print_together(void)
{
	for (size_t i = 0; i < all.count; i++)
		for (int k = 0; k < 2; k++) {
			struct family *f = &all.family[i];

			if (!f->to[k])
				continue;
			fclose(f->to[k]);
			fputs(f->text[k], stdout);
			free(f->text[k]);
		}
	puts("# EOF");
}

enum ctl_exit cmd_metrics(const struct ctl *ctl)
{
	json_t *list = ctl->json ? json_array() : NULL;
	struct guest_list l;
	enum ctl_exit found = guest_list_get(ctl->run_dir, ctl->arg[0], &l);
	enum ctl_exit status = found;

	/* One that does not answer is no reason to be silent about the others. */
	for (size_t i = 0; found == CTL_OK && i < l.count; i++) {
		struct guest *g = &l.guest[i];
		json_t *o = g->status ? client_ask(&g->client, "metrics", NULL, NULL,
						   g->why, sizeof(g->why)) : NULL;

		if (!o) {
			ctl_complain("guest %u: %s", g->client.domid, g->why);
			status = CTL_FAILED;
		} else if (list) {
			json_array_append_new(list, json_pack("{s:i,s:s}",
				"domid", (int)g->client.domid,
				"text", text_of(o, "text")));
		} else {
			take_apart(text_of(o, "text"), i);
		}
		json_decref(o);
	}
	if (status && (found || ctl->arg[0]))
		json_decref(list);	/* nothing to show */
	else if (list)
		ctl_print_json(list);
	else
		print_together();
	guest_list_free(&l);
	return status;
}
