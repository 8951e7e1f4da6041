/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/cgroup.c - one cgroup (version 2) per process of the family
 *
 * Runs in the supervisor.  The place of the family, and who is in it; limits
 * are cgroup_limit.c's.  Failing here never fails a guest.
 *
 * cpu is not enabled until somebody limits it: it splits the scheduler's queue
 * in two for every level, on the path of each switch between broker and worker,
 * and the time used is told without it.
 */
#include "supervisor/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/log.h"

#define OWN		"supervisor"
#define FAMILY		"cloister-"	/* and a domid */
#define PATH_LEN	512
#define KILL_ROUNDS	32
#define TRIES		8	/* lost against a supervisor that tidies up */
#define LEFT_ROUNDS	200
#define LEFT_PAUSE_US	10000
#define PAUSE_US	1000	/* it has the lock for less than that */

static const char *test_root;
static char root[PATH_LEN];		/* where the hierarchy is mounted */
static char dir[PATH_LEN];		/* of the family; "" while there is none */
static char came_from[PATH_LEN];	/* our group before, or "" */
static bool delegated;			/* came_from is ours to divide */
static bool inside;			/* we are in dir/supervisor */
static int lock = -1;			/* dir; locked as long as we live */

void cgroup_use_root(const char *at)
{
	test_root = at;
}

const char *cgroup_path(void)
{
	return dir;
}

int cgroup_put(const char *at, const char *file, const char *text)
{
	char path[PATH_LEN + 64];
	ssize_t r;
	int fd, rc;

	if (snprintf(path, sizeof(path), "%s/%s", at, file) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = write(fd, text, strlen(text));
	rc = r < 0 ? -errno : 0;
	close(fd);
	return rc;
}

/* At most @len - 1 bytes of a file; false if there are none. */
static bool get(const char *path, char *text, size_t len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t r = fd < 0 ? -1 : read(fd, text, len - 1);

	if (fd >= 0)
		close(fd);
	text[r > 0 ? r : 0] = '\0';
	return r > 0;
}

/* ---- where ---- */

static bool find_root(void)
{
	/* The second is where systemd mounts it beside version 1. */
	static const char *const at[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };
	struct statfs fs;

	if (test_root) {
		snprintf(root, sizeof(root), "%s", test_root);
		return true;
	}
	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		if (statfs(at[i], &fs) || fs.f_type != CGROUP2_SUPER_MAGIC)
			continue;
		snprintf(root, sizeof(root), "%s", at[i]);
		return true;
	}
	return false;
}

/* "0::/path" of /proc/self/cgroup is our place in version 2. */
static void remember_place(void)
{
	char text[4096], *at, *end;

	came_from[0] = '\0';
	if (!get("/proc/self/cgroup", text, sizeof(text)))
		return;
	at = strncmp(text, "0::", 3) == 0 ? text : strstr(text, "\n0::");
	at = at ? strchr(at, '/') : NULL;
	end = at ? strchr(at, '\n') : NULL;
	if (!end || (size_t)(end - at) >= sizeof(came_from) - strlen(root))
		return;
	*end = '\0';
	snprintf(came_from, sizeof(came_from), "%s%s", root, at[1] ? at : "");
}

static bool is_marked(const char *xattr)
{
	char value[4];

	return getxattr(came_from, xattr, value, sizeof(value)) == 1 &&
		value[0] == '1';
}

/*
 * Is the group we were started in ours?  systemd marks what it delegates; but
 * a toolstack in such a unit that starts us has more processes in there than
 * us, and then it is not for us.
 */
static bool is_delegated(void)
{
	char path[PATH_LEN + 16], text[64], *end;

	if (!came_from[0] || strcmp(came_from, root) == 0 ||
	    !(is_marked("trusted.delegate") || is_marked("user.delegate")))
		return false;
	snprintf(path, sizeof(path), "%s/cgroup.procs", came_from);
	return get(path, text, sizeof(text)) &&
		strtol(text, &end, 10) == getpid() && strcmp(end, "\n") == 0;
}

/* mkdir for all of @path below the root.  0 or -errno. */
static int make_all(char *path)
{
	for (char *at = path + strlen(root) + 1; ; at++) {
		char was = *at;

		if (was && was != '/')
			continue;
		*at = '\0';
		if (mkdir(path, 0755) && errno != EEXIST)
			return -errno;
		*at = was;
		if (!was)
			return 0;
	}
}

/* ---- controllers ---- */

void cgroup_enable(const char *controller)
{
	const char *top = delegated ? came_from : root;
	char path[PATH_LEN], text[32];

	if (!dir[0])
		return;
	snprintf(text, sizeof(text), "+%s", controller);
	snprintf(path, sizeof(path), "%s", dir);
	/* From the top down: a group has what its parent hands on. */
	for (char *at = path + strlen(top); ; at++) {
		char was = *at;

		if (was && was != '/')
			continue;
		*at = '\0';
		cgroup_put(path, "cgroup.subtree_control", text);
		*at = was;
		if (!was)
			return;
	}
}

/* ---- the family's group ---- */

/* Those of a family whose processes are gone; one with a process stays. */
static void remove_groups(int family)
{
	int copy = openat(family, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *e;

	if (!d && copy >= 0)
		close(copy);
	while (d && (e = readdir(d)))
		if (e->d_type == DT_DIR && e->d_name[0] != '.')
			unlinkat(family, e->d_name, AT_REMOVEDIR);
	if (d)
		closedir(d);
}

static void let_go(void)
{
	if (lock >= 0)
		close(lock);
	lock = -1;
}

/* 0; -EBUSY: somebody else has it; -ESTALE: it was removed; or -errno. */
static int hold(void)
{
	int rc, fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat held, there;

	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB))
		rc = errno == EWOULDBLOCK ? -EBUSY : -errno;
	else if (fstat(fd, &held) || stat(dir, &there) || held.st_ino != there.st_ino)
		rc = -ESTALE;
	else
		rc = 0;
	if (rc)
		close(fd);
	else
		lock = fd;
	return rc;
}

/* Makes and locks @dir; others may take it for a dead family's in between. */
static int claim(void)
{
	int rc = -EAGAIN;

	for (int i = 0; i < TRIES; i++) {
		rc = make_all(dir);
		if (rc == 0)
			rc = hold();
		if (rc == -EBUSY)
			usleep(PAUSE_US);
		else if (rc != -ESTALE && rc != -ENOENT)
			break;
	}
	return rc;
}

static int make_family(uint32_t domid, const char *parent)
{
	const char *below = delegated ? "" : parent ? parent : "";
	const char *top = delegated ? came_from : root;
	int len;

	while (*below == '/')
		below++;
	len = snprintf(dir, sizeof(dir), "%s%s%s/" FAMILY "%u", top,
		       below[0] ? "/" : "", below, domid);
	/* Names of groups go behind it. */
	if (len >= (int)sizeof(dir) - 64)
		return -ENAMETOOLONG;
	/* What an earlier one left: its limits are not ours. */
	if (hold() == 0) {
		remove_groups(lock);
		rmdir(dir);
		let_go();
	}
	return claim();
}

static bool is_family(const char *name)
{
	size_t len = sizeof(FAMILY) - 1;

	return strncmp(name, FAMILY, len) == 0 && name[len] &&
		!name[len + strspn(name + len, "0123456789")];
}

void cgroup_remove_dead(void)
{
	char parent[PATH_LEN], *own;
	struct dirent *e;
	DIR *d;

	if (!dir[0])
		return;
	snprintf(parent, sizeof(parent), "%s", dir);
	own = strrchr(parent, '/');
	*own++ = '\0';
	d = opendir(parent);
	while (d && (e = readdir(d))) {
		int fd;

		if (!is_family(e->d_name) || strcmp(e->d_name, own) == 0)
			continue;
		fd = openat(dirfd(d), e->d_name, O_RDONLY | O_DIRECTORY |
			    O_NOFOLLOW | O_CLOEXEC);
		if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0) {
			remove_groups(fd);
			unlinkat(dirfd(d), e->d_name, AT_REMOVEDIR);
		}
		if (fd >= 0)
			close(fd);
	}
	if (d)
		closedir(d);
}

bool cgroup_begin(uint32_t domid, const char *parent)
{
	int rc;

	dir[0] = root[0] = '\0';
	inside = delegated = false;
	let_go();
	cgroup_forget_limits();
	if (!find_root()) {
		log_info("no accounting and no limits per process: "
			 "/sys/fs/cgroup is not cgroup version 2");
		return false;
	}
	remember_place();
	delegated = is_delegated();
	rc = make_family(domid, parent);
	if (rc) {
		log_event(LOG_L_WARN, -rc,
			  "no accounting and no limits per process: cannot make %s", dir);
		dir[0] = '\0';
		return false;
	}
	if (delegated)
		cgroup_enter_own();
	cgroup_enable("memory");
	cgroup_enable("io");
	cgroup_enable("pids");
	return true;
}

bool cgroup_is_there(void)
{
	return root[0] != '\0';
}

int cgroup_make(const char *name)
{
	char path[PATH_LEN + 40];

	if (!dir[0])
		return -1;
	snprintf(path, sizeof(path), "%s/%.32s", dir, name);
	if (mkdir(path, 0755) && errno != EEXIST)
		return -1;
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

void cgroup_enter_own(void)
{
	char path[PATH_LEN + 16];
	int fd = inside ? -1 : cgroup_make(OWN);

	if (fd < 0)
		return;
	close(fd);
	snprintf(path, sizeof(path), "%s/" OWN, dir);
	inside = cgroup_put(path, "cgroup.procs", "0") == 0;
}

/* ---- the end ---- */

/* Kernels before 5.14: one by one, until none is left. */
static int kill_each(const char *path)
{
	char procs[PATH_LEN + 64], text[4096];

	snprintf(procs, sizeof(procs), "%s/cgroup.procs", path);
	for (int round = 0; round < KILL_ROUNDS; round++) {
		char *at = text, *end;

		if (!get(procs, text, sizeof(text)))
			return 0;
		for (;; at = end) {
			long pid = strtol(at, &end, 10);

			if (end == at)
				break;
			if (pid > 1 && pid != getpid())
				kill((pid_t)pid, SIGKILL);
		}
	}
	return -EBUSY;
}

int cgroup_kill(const char *name)
{
	char path[PATH_LEN + 40];
	int rc;

	if (!dir[0] || strcmp(name, OWN) == 0)
		return -ENOENT;
	snprintf(path, sizeof(path), "%s/%.32s", dir, name);
	if (access(path, F_OK))
		return -ENOENT;
	rc = cgroup_put(path, "cgroup.kill", "1");
	return rc == -ENOENT ? kill_each(path) : rc;
}

/* Calls @fn for the directories in @path that are a group of a family's, or,
   with @families, a family. */
static unsigned int each_group(const char *path, bool families,
			       unsigned int (*fn)(const char *path))
{
	DIR *d = opendir(path);
	unsigned int n = 0;
	struct dirent *e;

	while (d && (e = readdir(d))) {
		char below[PATH_LEN];

		if (e->d_type != DT_DIR || e->d_name[0] == '.' ||
		    is_family(e->d_name) != families ||
		    snprintf(below, sizeof(below), "%s/%s", path, e->d_name) >=
		    (int)sizeof(below) - 40)
			continue;
		n += fn(below);
	}
	if (d)
		closedir(d);
	return n;
}

/*
 * 1: it is still there.  It goes as a whole: its limits were another family's,
 * and kernels from 6.14 on kill whoever is born in a group that was ever killed.
 */
static unsigned int end_group(const char *path)
{
	char procs[PATH_LEN + 16], text[16];

	/* Under systemd we are in the group of ours. */
	if (strcmp(strrchr(path, '/'), "/" OWN) == 0)
		return 0;
	snprintf(procs, sizeof(procs), "%s/cgroup.procs", path);
	if (get(procs, text, sizeof(text)) &&
	    cgroup_put(path, "cgroup.kill", "1") == -ENOENT)
		kill_each(path);
	return rmdir(path) && errno != ENOENT;
}

static unsigned int kill_family(const char *path)
{
	unsigned int n = 0;

	for (int i = 0; i < LEFT_ROUNDS && (n = each_group(path, false, end_group)); i++)
		usleep(LEFT_PAUSE_US);
	return n;
}

void cgroup_kill_left(void)
{
	if (dir[0] && kill_family(dir))
		log_warn("processes of an earlier supervisor do not go: %s", dir);
}

static unsigned int hand_nothing_on(const char *path)
{
	char file[PATH_LEN + 32], text[256], *save, *word;

	snprintf(file, sizeof(file), "%s/cgroup.subtree_control", path);
	if (!get(file, text, sizeof(text)))
		return 0;
	for (word = strtok_r(text, " \n", &save); word; word = strtok_r(NULL, " \n", &save)) {
		char off[64];

		snprintf(off, sizeof(off), "-%.60s", word);
		cgroup_put(path, "cgroup.subtree_control", off);
	}
	return 1;
}

void cgroup_tear_down(bool keep)
{
	char *end;

	if (!find_root())
		return;
	remember_place();
	end = strrchr(came_from, '/');
	if (!end || strcmp(end, "/.control") != 0)
		return;
	*end = '\0';
	if (!keep) {
		each_group(came_from, true, kill_family);
		return;
	}
	each_group(came_from, true, hand_nothing_on);
	hand_nothing_on(came_from);
}

uint64_t cgroup_oom_kills(const char *name)
{
	char path[PATH_LEN + 64], text[512], *at;

	if (!dir[0])
		return 0;
	snprintf(path, sizeof(path), "%s/%.32s/memory.events", dir, name);
	if (!get(path, text, sizeof(text)))
		return 0;
	at = strstr(text, "\noom_kill ");
	return at ? strtoull(at + strlen("\noom_kill "), NULL, 10) : 0;
}

/*
 * Our own group goes last.  A delegated one has controllers for the groups in
 * it and takes no process back; systemd removes what is left of it with us.
 */
static void leave_own(void)
{
	if (!inside || delegated)
		return;
	if ((!came_from[0] || cgroup_put(came_from, "cgroup.procs", "0")) &&
	    cgroup_put(root, "cgroup.procs", "0"))
		return;
	inside = false;
}

void cgroup_end(void)
{
	if (!dir[0])
		return;
	leave_own();
	remove_groups(lock);
	if (rmdir(dir) && errno != ENOENT && !inside)
		log_event(LOG_L_INFO, errno, "cgroup stays behind: %s", dir);
	let_go();
	dir[0] = '\0';
}
