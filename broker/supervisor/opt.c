/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/opt.c - splits an argv the way libxl writes it
 *
 * Runs in the supervisor, before anything else.  Knows the shape of options,
 * not their meaning.
 */
#include "supervisor/opt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const struct opt_desc opt_table[OPT_COUNT] = {
#define OPT(id, n, a, k, t) [OPT_##id] = { n, a, OPT_KIND_##k, t },
#include "supervisor/opt.def"
#undef OPT
};

static int find(const char *word)
{
	if (word[0] != '-' || !word[1])
		return -1;
	word += word[1] == '-' ? 2 : 1;
	for (int i = 0; i < OPT_COUNT; i++)
		if (strcmp(opt_table[i].name, word) == 0)
			return i;
	return strcmp(word, "M") == 0 ? OPT_MACHINE : -1;
}

int opt_next(struct opt_scan *s, struct opt_item *item)
{
	int id;

	if (s->at >= s->argc)
		return 0;
	id = find(s->argv[s->at]);
	if (id < 0) {
		snprintf(s->why, sizeof(s->why), "unknown option: %.100s",
			 s->argv[s->at]);
		return -1;
	}
	item->id = (enum opt_id)id;
	item->value = NULL;
	s->at++;
	if (!opt_table[id].arg)
		return 1;
	if (s->at >= s->argc) {
		snprintf(s->why, sizeof(s->why),
			 "argument missing: -%s wants %s", opt_table[id].name,
			 opt_table[id].arg);
		return -1;
	}
	item->value = s->argv[s->at++];
	return 1;
}

static void print_kind(FILE *to, enum opt_kind kind, const char *heading)
{
	fprintf(to, "\n%s\n", heading);
	for (int i = 0; i < OPT_COUNT; i++) {
		const struct opt_desc *o = &opt_table[i];

		if (o->kind == kind)
			fprintf(to, "  -%s%s%s\n\t%s\n", o->name,
				o->arg ? " " : "", o->arg ? o->arg : "", o->text);
	}
}

void opt_print_help(FILE *to)
{
	fprintf(to,
		"usage: cloister -xen-domid N -machine xenfv -m MIB [OPTION]...\n"
		"Device model of a Xen HVM guest, one confined process per device.\n"
		"xl starts it: device_model_override=\"/usr/libexec/cloister/cloister\".\n");
	print_kind(to, OPT_KIND_USE, "Options:");
	print_kind(to, OPT_KIND_NOOP, "Accepted, nothing to do:");
	print_kind(to, OPT_KIND_NO, "Refused:");
}

void opt_keys_begin(struct opt_keys *k, const char *list)
{
	*k = (struct opt_keys){ .rest = list };
}

bool opt_keys_next(struct opt_keys *k)
{
	size_t len = 0;
	const char *s = k->rest;

	if (!s || !*s)
		return false;
	k->too_long = false;
	for (; *s; s++) {
		if (*s == ',') {
			if (s[1] != ',')
				break;
			s++;
		}
		if (len < sizeof(k->buf) - 1)
			k->buf[len++] = *s;
		else
			k->too_long = true;
	}
	k->buf[len] = '\0';
	k->rest = *s ? s + 1 : NULL;
	k->key = k->buf;
	k->val = strchr(k->buf, '=');
	if (k->val)
		*k->val++ = '\0';
	return true;
}

bool opt_number(const char *s, unsigned long long min, unsigned long long max,
		unsigned long long *v)
{
	char *end;

	if (!s || *s < '0' || *s > '9')
		return false;
	errno = 0;
	*v = strtoull(s, &end, s[0] == '0' && (s[1] == 'x' || s[1] == 'X') ? 16 : 10);
	return !errno && !*end && *v >= min && *v <= max;
}
