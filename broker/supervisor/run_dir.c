/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/run_dir.c - the guest's directory in /run: sockets, textfile
 *
 * Runs in the supervisor, once the guest is served.  A directory whose lock is
 * free belongs to nobody any more.  Who wants one makes it, locks it and then
 * looks whether it is still there: in between, another supervisor may have
 * taken it for a dead one's and removed it, or be about to.
 */
#include "supervisor/run_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define TRIES		8	/* lost against a supervisor that tidies up */
#define PAUSE_US	2000	/* it has the lock for less than that */
#define DIR_MODE	0755	/* an exporter without rights reads the textfile */
#define NAME_ROOM	12	/* a domid */

static struct {
	int base, own;		/* -1 */
	char name[NAME_ROOM];
	char path[RUN_DIR_BASE_MAX + 1 + NAME_ROOM];
} run = { .base = -1, .own = -1 };

static int open_dir(int at, const char *name)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* Nobody but us may put things there: 0 or -errno. */
static int check_owner(int fd)
{
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	if (st.st_uid != geteuid() && st.st_uid != 0)
		return -EPERM;
	return st.st_mode & (S_IWGRP | S_IWOTH) ? -EPERM : 0;
}

/* A directory of ours, made if it is not there; a descriptor or -errno. */
static int make_dir(int at, const char *name)
{
	int fd, rc;

	if (mkdirat(at, name, DIR_MODE) && errno != EEXIST)
		return -errno;
	fd = open_dir(at, name);
	if (fd < 0)
		return fd;
	rc = check_owner(fd);
	if (rc) {
		close(fd);
		return rc;
	}
	return fd;
}

/* What is in there; @fd stays the caller's.  NULL: it cannot be told. */
static DIR *list_dir(int fd)
{
	int copy = open_dir(fd, ".");
	DIR *d = copy < 0 ? NULL : fdopendir(copy);

	if (!d && copy >= 0)
		close(copy);
	return d;
}

/* Files only, and no deeper: what a family leaves there has no directories. */
static void empty(int fd)
{
	DIR *d = list_dir(fd);
	struct dirent *e;

	if (!d)
		return;
	while ((e = readdir(d)))
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			unlinkat(fd, e->d_name, 0);
	closedir(d);
}

/* 1: locked by us, 0: somebody lives there, -ESTALE: it was removed. */
static int take(int fd)
{
	struct stat st;

	if (flock(fd, LOCK_EX | LOCK_NB))
		return errno == EWOULDBLOCK ? 0 : -errno;
	if (fstat(fd, &st))
		return -errno;
	return st.st_nlink ? 1 : -ESTALE;
}

static bool is_domid(const char *name)
{
	size_t digits = strspn(name, "0123456789");

	return digits && digits < NAME_ROOM && !name[digits];
}

/* What families left that ended without a chance to clean up. */
static void remove_dead(void)
{
	DIR *d = list_dir(run.base);
	struct dirent *e;

	if (!d)
		return;
	while ((e = readdir(d))) {
		int fd;

		if (!is_domid(e->d_name) || strcmp(e->d_name, run.name) == 0)
			continue;
		fd = open_dir(run.base, e->d_name);
		if (fd < 0)
			continue;
		if (check_owner(fd) == 0 && take(fd) == 1) {
			empty(fd);
			unlinkat(run.base, e->d_name, AT_REMOVEDIR);
		}
		close(fd);
	}
	closedir(d);
}

/* Makes and locks run.name; a descriptor or -errno. */
static int claim(void)
{
	int rc = -EAGAIN;

	for (int i = 0; i < TRIES; i++) {
		int fd = make_dir(run.base, run.name);

		if (fd == -ENOENT)
			continue;	/* removed as we opened it */
		if (fd < 0)
			return fd;
		rc = take(fd);
		if (rc == 1)
			return fd;
		close(fd);
		if (rc == 0) {
			/* A family's, or somebody's who removes it. */
			rc = -EBUSY;
			usleep(PAUSE_US);
		} else if (rc != -ESTALE) {
			return rc;
		}
	}
	return rc;
}

static int give_up(int rc, const char *what, char *why, size_t why_len)
{
	snprintf(why, why_len, "%s: %.150s", what, run.path);
	if (run.base >= 0)
		close(run.base);
	run.base = run.own = -1;
	run.path[0] = '\0';
	return rc;
}

int run_dir_open(const char *base, uint32_t domid, char *why, size_t why_len)
{
	mode_t mask;

	if (!base)
		base = RUN_DIR_DEFAULT;
	snprintf(run.name, sizeof(run.name), "%u", domid);
	/* Before anything is made: nobody would remove it again. */
	snprintf(run.path, sizeof(run.path), "%.*s", RUN_DIR_BASE_MAX, base);
	if (strlen(base) > RUN_DIR_BASE_MAX)
		return give_up(-ENAMETOOLONG, "the path is too long", why, why_len);
	mask = umask(022);
	run.base = make_dir(AT_FDCWD, base);
	if (run.base >= 0)
		run.own = claim();
	umask(mask);
	if (run.base < 0)
		return give_up(run.base, "not a directory of ours", why, why_len);
	snprintf(run.path, sizeof(run.path), "%.*s/%s", RUN_DIR_BASE_MAX, base, run.name);
	if (run.own < 0)
		return give_up(run.own, run.own == -EBUSY ?
			       "another supervisor has it" :
			       "not a directory of ours", why, why_len);
	empty(run.own);
	remove_dead();
	return 0;
}

int run_dir_fd(void)
{
	return run.own;
}

const char *run_dir_path(void)
{
	return run.path;
}

/*
 * Files that are made from now on are @group's; the group until now.  Not
 * chown(): the supervisor's unit has neither the call nor the capability.  A
 * change of credentials takes what prctl() keeps, which is put back.
 */
static gid_t swap_fs_group(gid_t group)
{
	int dumpable = prctl(PR_GET_DUMPABLE), sig = 0;
	gid_t before;

	prctl(PR_GET_PDEATHSIG, &sig);
	before = (gid_t)setfsgid(group);
	if (dumpable == 1)
		prctl(PR_SET_DUMPABLE, 1);
	prctl(PR_SET_PDEATHSIG, sig);
	return before;
}

static gid_t look_fs_group(void)
{
	return (gid_t)setfsgid((gid_t)-1);	/* is never taken */
}

static int bind_private(int fd, const struct sockaddr_un *sa, mode_t mask)
{
	mode_t before = umask(mask);
	int rc = bind(fd, (const struct sockaddr *)sa, sizeof(*sa)) ? -errno : 0;

	umask(before);
	return rc;
}

static int bind_group(int fd, const struct sockaddr_un *sa, gid_t group)
{
	gid_t before = swap_fs_group(group);
	int rc = -EPERM;

	if (look_fs_group() == group)
		rc = bind_private(fd, sa, 0117);
	swap_fs_group(before);
	return rc;
}

/* @group NULL: ours alone. */
static int listen_for(const char *name, const gid_t *group, int backlog)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd, rc;

	if (run.own < 0)
		return -ENOTDIR;
	/* Through the descriptor: no name on the way can lead elsewhere, and
	   the directory's path may be longer than an address. */
	if (snprintf(sa.sun_path, sizeof(sa.sun_path), "/proc/self/fd/%d/%s", run.own,
		     name) >= (int)sizeof(sa.sun_path))
		return -ENAMETOOLONG;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	rc = group ? bind_group(fd, &sa, *group) : bind_private(fd, &sa, 0177);
	if (rc == 0 && listen(fd, backlog))
		rc = -errno;
	if (rc)
		close(fd);
	return rc ? rc : fd;
}

int run_dir_listen(const char *name, int backlog)
{
	return listen_for(name, NULL, backlog);
}

int run_dir_listen_group(const char *name, gid_t group, int backlog)
{
	return listen_for(name, &group, backlog);
}

void run_dir_close(void)
{
	if (run.own < 0)
		return;
	empty(run.own);
	unlinkat(run.base, run.name, AT_REMOVEDIR);
	close(run.own);
	close(run.base);
	run.own = run.base = -1;
	run.path[0] = '\0';
}
