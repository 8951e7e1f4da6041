/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/limits.c - the configured limits of a guest's processes
 *
 * Runs in the supervisor, before the children.  Who asks for a limit must not
 * get a guest without it: what the kernel refuses ends the start.
 */
#include "supervisor/limits.h"

#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "supervisor/cgroup.h"

static bool set_one(const struct conf_limit *l, const char *name)
{
	char why[240];
	int fd = strcmp(name, "family") ? cgroup_make(name) : -1;

	if (fd >= 0)
		close(fd);
	if (cgroup_set_limit(name, l->key, l->value, why, sizeof(why)) == 0)
		return true;
	log_err("cannot set limit: %s.%s=%.80s: %s", name, l->key, l->value, why);
	return false;
}

static bool apply(const struct roster *r, const struct conf_limit *l)
{
	bool good = true;

	if (strcmp(l->process, "family") == 0 || strcmp(l->process, "supervisor") == 0)
		return set_one(l, l->process);
	for (enum member m = 0; good && m < MEMBER_COUNT; m++)
		if (roster_has(r, m) && conf_means(l->process, roster_name(m)))
			good = set_one(l, roster_name(m));
	return good;
}

bool limits_apply(const struct roster *r)
{
	static const char *image[CONF_DRIVES];
	const struct conf *c = r->conf;

	for (int i = 0; i < CONF_DRIVES; i++)
		image[i] = c->drive[i].is_cdrom ? NULL : c->drive[i].path;
	cgroup_use_images(image, CONF_DRIVES);
	if (c->limit_count && !cgroup_path()[0] && cgroup_is_there()) {
		log_err("cannot set limits, there is no cgroup for them: count=%u",
			c->limit_count);
		return false;
	}
	if (c->limit_count && !cgroup_path()[0]) {
		log_warn("limits are not in force, there is no cgroup for them: count=%u",
			 c->limit_count);
		return true;
	}
	for (unsigned int i = 0; i < c->limit_count; i++)
		if (!apply(r, &c->limit[i]))
			return false;
	return true;
}
