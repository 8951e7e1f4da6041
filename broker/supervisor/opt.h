/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/opt.h - splits an argv the way libxl writes it
 *
 * Options have one dash (two are taken as well), an argument is the next
 * element.  What the options mean is conf.c's business.
 */
#ifndef SUPERVISOR_OPT_H
#define SUPERVISOR_OPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum opt_id {
#define OPT(id, name, arg, kind, text) OPT_##id,
#include "supervisor/opt.def"
#undef OPT
	OPT_COUNT
};

enum opt_kind { OPT_KIND_USE, OPT_KIND_NOOP, OPT_KIND_NO };

struct opt_desc {
	const char *name;
	const char *arg;	/* NULL: takes none */
	enum opt_kind kind;
	const char *text;
};
extern const struct opt_desc opt_table[OPT_COUNT];

struct opt_item {
	enum opt_id id;
	const char *value;	/* borrowed from argv; NULL if it takes none */
};

struct opt_scan {
	int argc, at;
	char *const *argv;
	char why[200];		/* after -1 */
};

/* 1 and *item, 0 at the end, -1 and s->why for what is no option of ours. */
int opt_next(struct opt_scan *s, struct opt_item *item);

void opt_print_help(FILE *to);

/*
 * One "a,b=c,d=e" list, element by element.  ",," is a comma.  An element
 * without "=" has val NULL.
 */
struct opt_keys {
	const char *rest;
	bool too_long;		/* an element did not fit and was cut */
	char *key, *val;
	char buf[4352];
};
void opt_keys_begin(struct opt_keys *k, const char *list);
bool opt_keys_next(struct opt_keys *k);

/* Decimal, or 0x hexadecimal; all of @s; within [min, max]. */
bool opt_number(const char *s, unsigned long long min, unsigned long long max,
		unsigned long long *v);

#endif /* SUPERVISOR_OPT_H */
