/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ctl/proc.c - what the kernel says of a process
 *
 * Runs in cloisterctl.
 */
#include "ctl/proc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int proc_read(pid_t pid, const char *file, char *text, size_t room)
{
	char path[80];
	size_t len = 0;
	int fd, rc = 0;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	while (len + 1 < room) {
		ssize_t r = read(fd, text + len, room - 1 - len);

		if (r < 0)
			rc = -errno;
		if (r <= 0)
			break;
		len += (size_t)r;
	}
	close(fd);
	text[len] = '\0';
	return rc ? rc : (int)len;
}

int proc_link(pid_t pid, const char *file, char *to, size_t room)
{
	char path[80];
	ssize_t r;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	r = readlink(path, to, room - 1);
	to[r < 0 ? 0 : r] = '\0';
	return r < 0 ? -errno : (int)r;
}

bool proc_field(const char *status, const char *key, char *value, size_t room)
{
	size_t len = strlen(key);

	for (const char *at = status; at; at = strchr(at, '\n')) {
		at += *at == '\n';
		if (strncmp(at, key, len) != 0 || at[len] != ':')
			continue;
		at += len + 1;
		at += strspn(at, " \t");
		snprintf(value, room, "%.*s", (int)strcspn(at, "\n"), at);
		return true;
	}
	return false;
}

/* proc(5): the name is in parentheses, and may have some itself. */
bool proc_use(pid_t pid, struct proc_use *u)
{
	static long tick, page;
	char text[1024], *at;
	unsigned long user, system;
	long resident, threads;
	int parent;

	*u = (struct proc_use){ 0 };
	if (!tick) {
		tick = sysconf(_SC_CLK_TCK);
		page = sysconf(_SC_PAGESIZE);
	}
	if (pid <= 0 || proc_read(pid, "stat", text, sizeof(text)) <= 0)
		return false;
	at = strrchr(text, ')');
	if (!at || sscanf(at + 1, " %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu "
			  "%*d %*d %*d %*d %ld %*d %*u %*u %ld", &parent, &user,
			  &system, &threads, &resident) != 5)
		return false;
	*u = (struct proc_use){ .parent = parent,
		.cpu_ms = (uint64_t)(user + system) * 1000 / (uint64_t)tick,
		.resident_bytes = (uint64_t)resident * (uint64_t)page,
		.threads = (unsigned int)threads };
	return true;
}

/* Does the kernel say that @supervisor holds a pidfd of @pid?  One that adopted
   a family is not its parent. */
static bool is_watched(pid_t pid, pid_t supervisor)
{
	char path[64], name[300], text[1024], value[32];
	bool found = false;
	struct dirent *e;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/fdinfo", (int)supervisor);
	d = opendir(path);
	while (d && !found && (e = readdir(d))) {
		snprintf(name, sizeof(name), "fdinfo/%s", e->d_name);
		found = proc_read(supervisor, name, text, sizeof(text)) > 0 &&
			proc_field(text, "Pid", value, sizeof(value)) &&
			strtol(value, NULL, 10) == pid;
	}
	if (d)
		closedir(d);
	return found;
}

bool proc_is_family(pid_t pid, pid_t supervisor, struct proc_use *u)
{
	return proc_use(pid, u) && supervisor > 0 &&
		(pid == supervisor || u->parent == supervisor ||
		 is_watched(pid, supervisor));
}

uint64_t proc_pss_bytes(pid_t pid)
{
	char text[2048], value[64];

	if (proc_read(pid, "smaps_rollup", text, sizeof(text)) <= 0 ||
	    !proc_field(text, "Pss", value, sizeof(value)))
		return 0;
	return strtoull(value, NULL, 10) * 1024;
}
