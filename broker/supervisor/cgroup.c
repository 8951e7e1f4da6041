/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/cgroup.c - one cgroup (version 2) per process of the family
 *
 * Runs in the supervisor.  Accounting only: failing here never fails a guest.
 */
#include "supervisor/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/log.h"

#define ROOT	"/sys/fs/cgroup"

static char dir[64];		/* "" while there is none */
static char came_from[512];	/* our cgroup.procs before, or "" */

static bool put(const char *at, const char *file, const char *text)
{
	char path[640];
	int fd;
	bool good;

	snprintf(path, sizeof(path), "%s/%s", at, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	good = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	if (fd >= 0)
		close(fd);
	return good;
}

/* One by one: a missing controller must not keep the others away. */
static void enable_controllers(void)
{
	static const char *const all[] = { "+cpu", "+memory", "+io", "+pids" };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		put(dir, "cgroup.subtree_control", all[i]);
}

void cgroup_begin(uint32_t domid)
{
	struct statfs fs;

	if (statfs(ROOT, &fs) || fs.f_type != CGROUP2_SUPER_MAGIC) {
		log_info("no accounting per process: " ROOT " is not cgroup version 2");
		return;
	}
	snprintf(dir, sizeof(dir), ROOT "/cloister-%u", domid);
	if (mkdir(dir, 0755) && errno != EEXIST) {
		log_event(LOG_L_INFO, errno, "no accounting per process: cannot make %s", dir);
		dir[0] = '\0';
		return;
	}
	enable_controllers();
}

int cgroup_make(const char *name)
{
	char path[128];

	if (!dir[0])
		return -1;
	snprintf(path, sizeof(path), "%s/%.32s", dir, name);
	if (mkdir(path, 0755) && errno != EEXIST)
		return -1;
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* "0::/path" of /proc/self/cgroup is our place in version 2. */
static void remember_place(void)
{
	char text[4096], *at, *end;
	int fd = open("/proc/self/cgroup", O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	if (len <= 0)
		return;
	text[len] = '\0';
	at = strncmp(text, "0::", 3) == 0 ? text : strstr(text, "\n0::");
	if (!at)
		return;
	at = strchr(at, '/');
	end = at ? strchr(at, '\n') : NULL;
	if (end && (size_t)(end - at) < sizeof(came_from) - sizeof(ROOT))
		snprintf(came_from, sizeof(came_from), ROOT "%.*s", (int)(end - at), at);
}

void cgroup_enter_own(void)
{
	char path[128];
	int fd = cgroup_make("supervisor");

	if (fd < 0)
		return;
	close(fd);
	remember_place();
	snprintf(path, sizeof(path), "%s/supervisor", dir);
	if (!came_from[0] || !put(path, "cgroup.procs", "0"))
		came_from[0] = '\0';
}

void cgroup_end(void)
{
	DIR *d;
	struct dirent *e;

	if (!dir[0])
		return;
	if (came_from[0] && !put(came_from, "cgroup.procs", "0"))
		put(ROOT, "cgroup.procs", "0");
	d = opendir(dir);
	while (d && (e = readdir(d)))
		if (e->d_type == DT_DIR && e->d_name[0] != '.')
			unlinkat(dirfd(d), e->d_name, AT_REMOVEDIR);
	if (d)
		closedir(d);
	if (rmdir(dir) && errno != ENOENT)
		log_event(LOG_L_INFO, errno, "cgroup stays behind: %s", dir);
	dir[0] = '\0';
}
