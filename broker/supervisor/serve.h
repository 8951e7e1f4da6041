/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/serve.h - `cloister serve`: a command line for people and systemd
 */
#ifndef SUPERVISOR_SERVE_H
#define SUPERVISOR_SERVE_H

#include <stdio.h>

#include "supervisor/conf.h"

/*
 * As conf_parse(), for the words after "cloister": argv[0] is "serve".  Reads
 * @file, which need not be there, and that of --config.
 */
enum conf_result serve_parse(struct conf *c, const char *file, int argc, char **argv);

void serve_print_help(FILE *to);

/* What has to be one at a time, and is settled at the end. */
struct serve_late {
	const char *machine;	/* NULL: the default */
	const char *vga;
};

/*
 * One option as a file has it; c->said names the place.  CONF_USAGE: a file may
 * have no such key.
 */
enum conf_result serve_take(struct conf *c, struct serve_late *late, const char *name,
			    const char *value);

#endif /* SUPERVISOR_SERVE_H */
