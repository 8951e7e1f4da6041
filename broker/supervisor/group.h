/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/group.h - a group of this host, by its name
 */
#ifndef SUPERVISOR_GROUP_H
#define SUPERVISOR_GROUP_H

#include <sys/types.h>

#define GROUP_FILE	"/etc/group"

/*
 * What @file, in the form of group(5), says of @name: 0 and *@gid, -ENOENT: no
 * such group, or -errno of opening @file.  Only what stands in the file counts:
 * no directory service is asked.
 */
int group_find(const char *file, const char *name, gid_t *gid);

#endif /* SUPERVISOR_GROUP_H */
