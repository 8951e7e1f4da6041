/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ctl/say.c - how cloisterctl speaks: complaints, JSON
 *
 * Runs in cloisterctl.
 */
#include <stdarg.h>
#include <stdio.h>

#include "ctl/ctl.h"
#include "ctl/text.h"

void ctl_complain(const char *fmt, ...)
{
	char line[600];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	fputs("cloisterctl: ", stderr);
	text_put(stderr, line);
	putc('\n', stderr);
}

void ctl_print_json(json_t *o)
{
	json_dumpf(o, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII);
	putchar('\n');
	json_decref(o);
}

void ctl_print_guests(const struct ctl *ctl, json_t *all)
{
	if (!ctl->arg[0])
		ctl_print_json(json_incref(all));
	else if (json_array_size(all))
		ctl_print_json(json_incref(json_array_get(all, 0)));
}
