/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/conf_own.c - settings of a guest's processes, not of its devices
 *
 * Runs in the supervisor, first.  Limits come from the command line as
 * PROCESS.KEY=VALUE and from cloister.conf as KEY = VALUE in [limits.PROCESS];
 * what the values mean is cgroup_limit.c's.
 */
#include <stdio.h>
#include <string.h>

#include "supervisor/cgroup.h"
#include "supervisor/conf.h"
#include "supervisor/roster.h"

#define PARENT_LEN_MAX	256

bool conf_means(const char *who, const char *name)
{
	size_t len = strlen(who);

	return strncmp(who, name, len) == 0 &&
		name[len + strspn(name + len, "0123456789")] == '\0';
}

static bool is_process(const char *who)
{
	if (strcmp(who, "family") == 0 || strcmp(who, "supervisor") == 0)
		return true;
	for (enum member m = 0; m < MEMBER_COUNT; m++)
		if (conf_means(who, roster_name(m)))
			return true;
	return false;
}

enum conf_result conf_limit_of(struct conf *c, const char *process, const char *key,
			       const char *value)
{
	struct conf_limit *l = &c->limit[c->limit_count];
	char why[200], what[100];

	snprintf(what, sizeof(what), "%.16s.%.16s=%.60s", process, key, value);
	if (!is_process(process))
		return conf_refuse(c, OPT_CLOISTER, what,
				   "no such process; there are family, supervisor, "
				   "broker, platform, disk, net, vga, vnc");
	if (cgroup_check_limit(key, value, why, sizeof(why)))
		return conf_refuse(c, OPT_CLOISTER, what, "%s", why);
	if (c->limit_count == CONF_LIMITS)
		return conf_refuse(c, OPT_CLOISTER, what, "more than %d limits",
				   CONF_LIMITS);
	*l = (struct conf_limit){ .process = conf_keep(c, process),
		.key = conf_keep(c, key), .value = conf_keep(c, value) };
	c->limit_count++;
	return CONF_OK;
}

enum conf_result conf_limit(struct conf *c, const char *arg)
{
	char text[600], *key, *value;

	if (strlen(arg) >= sizeof(text))
		return conf_refuse(c, OPT_CLOISTER, arg, "too long");
	snprintf(text, sizeof(text), "%s", arg);
	value = strchr(text, '=');
	if (value)
		*value++ = '\0';
	key = strchr(text, '.');
	if (key)
		*key++ = '\0';
	if (!key || !value)
		return conf_refuse(c, OPT_CLOISTER, arg, "PROCESS.KEY=VALUE expected");
	return conf_limit_of(c, text, key, value);
}

enum conf_result conf_cgroup_parent(struct conf *c, const char *arg)
{
	/* Below the mount, whatever it is: ".." must not lead out of it. */
	if (strlen(arg) > PARENT_LEN_MAX)
		return conf_refuse(c, OPT_CLOISTER, arg, "too long");
	for (const char *at = arg; *at; at += strcspn(at, "/")) {
		at += strspn(at, "/");
		if (at[0] == '.')
			return conf_refuse(c, OPT_CLOISTER, arg,
					   "a path below /sys/fs/cgroup expected");
	}
	c->cgroup_parent = conf_keep(c, arg);
	return CONF_OK;
}

/* "5/60": so many deaths in so many seconds. */
enum conf_result conf_restart_limit(struct conf *c, const char *arg)
{
	unsigned long long n, seconds;
	const char *slash = strchr(arg, '/');
	char count[16];

	snprintf(count, sizeof(count), "%.*s", slash ? (int)(slash - arg) : 0, arg);
	if (!slash || slash - arg >= (int)sizeof(count) ||
	    !opt_number(count, 1, CONF_RESTARTS_MAX, &n) ||
	    !opt_number(slash + 1, 1, CONF_RESTART_MAX_S, &seconds))
		return conf_refuse(c, OPT_CLOISTER, arg, "N/SECONDS expected: 1 to %d in 1 to %d",
				   CONF_RESTARTS_MAX, CONF_RESTART_MAX_S);
	c->restarts = (unsigned int)n;
	c->restart_window_s = (unsigned int)seconds;
	return CONF_OK;
}
