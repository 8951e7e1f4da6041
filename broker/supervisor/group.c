/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/group.c - a group of this host, by its name
 *
 * Runs in the supervisor.  Not getgrnam(): that loads what nsswitch.conf names
 * into a process that is root, and may wait for a server while a guest does.
 */
#include "supervisor/group.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>

int group_find(const char *file, const char *name, gid_t *gid)
{
	FILE *f = fopen(file, "re");
	const struct group *g;

	if (!f)
		return -errno;
	while ((g = fgetgrent(f)))
		if (strcmp(g->gr_name, name) == 0)
			break;
	if (g)
		*gid = g->gr_gid;
	fclose(f);
	return g ? 0 : -ENOENT;
}
