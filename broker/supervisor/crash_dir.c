/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/crash_dir.c - the directory of crash reports, and how full it gets
 *
 * Runs in the process that writes a report, supervisor/crash.c.  Supervisors of
 * several guests may be at it at once: what one counts another may just have
 * removed, so the bounds are kept but for a file or two.
 */
#include "supervisor/crash_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "abi/crash.h"

#define NAME_BYTES	160	/* of a report, crash.c makes shorter ones */
#define ENTRIES_MAX	4096	/* looked at */

static int make_dirs(const char *path)
{
	char above[600];
	char *slash;

	if (snprintf(above, sizeof(above), "%s", path) >= (int)sizeof(above))
		return -ENAMETOOLONG;
	slash = strrchr(above, '/');
	if (slash && slash != above) {
		*slash = '\0';
		if (mkdir(above, 0755) && errno != EEXIST)
			return -errno;
	}
	return mkdir(path, 0700) && errno != EEXIST ? -errno : 0;
}

int crash_dir_open(const char *path)
{
	int rc = make_dirs(path);
	struct stat st;
	int fd;

	if (rc)
		return rc;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) == 0 && (st.st_uid == geteuid() || st.st_uid == 0) &&
	    !(st.st_mode & (S_IWGRP | S_IWOTH)))
		return fd;
	close(fd);
	return -EPERM;
}

void crash_dir_name(char *to, size_t room, const char *guest)
{
	size_t n = 0;

	for (; *guest && n + 1 < room; guest++) {
		bool plain = (*guest >= 'a' && *guest <= 'z') || *guest == '-' ||
			(*guest >= 'A' && *guest <= 'Z') ||
			(*guest >= '0' && *guest <= '9');

		to[n++] = plain ? *guest : '_';
	}
	to[n] = '\0';
}

static bool is_report(const char *name)
{
	size_t len = strlen(name), suffix = strlen(CRASH_SUFFIX);

	return len > suffix && len < NAME_BYTES && name[0] != '.' &&
		strcmp(name + len - suffix, CRASH_SUFFIX) == 0;
}

/* How many reports begin with "@guest." ("": all), and the oldest of them. */
static unsigned int count(int dir, const char *guest, char oldest[NAME_BYTES])
{
	int copy = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = copy < 0 ? NULL : fdopendir(copy);
	size_t len = strlen(guest);
	struct timespec first = { 0 };
	unsigned int n = 0;
	struct dirent *e;

	if (!d) {
		if (copy >= 0)
			close(copy);
		return 0;
	}
	for (int i = 0; i < ENTRIES_MAX && (e = readdir(d)); i++) {
		struct stat st;

		if (!is_report(e->d_name) ||
		    (len && (strncmp(e->d_name, guest, len) != 0 || e->d_name[len] != '.')) ||
		    fstatat(dir, e->d_name, &st, AT_SYMLINK_NOFOLLOW))
			continue;
		if (n++ && (st.st_mtim.tv_sec > first.tv_sec ||
			    (st.st_mtim.tv_sec == first.tv_sec &&
			     st.st_mtim.tv_nsec >= first.tv_nsec)))
			continue;
		first = st.st_mtim;
		snprintf(oldest, NAME_BYTES, "%s", e->d_name);
	}
	closedir(d);
	return n;
}

static void remove_until(int dir, const char *guest, unsigned int fewer_than)
{
	char oldest[NAME_BYTES];

	for (int i = 0; i < ENTRIES_MAX; i++)
		if (count(dir, guest, oldest) < fewer_than ||
		    (unlinkat(dir, oldest, 0) && errno != ENOENT))
			return;
}

void crash_dir_tidy(int dir, const char *guest, unsigned int a_guest,
		    unsigned int all)
{
	remove_until(dir, guest, a_guest);
	remove_until(dir, "", all);
}
