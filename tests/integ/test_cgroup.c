/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/integ/test_cgroup.c - the family's groups in the kernel's hierarchy
 *
 * The supervisor's own code, with processes of the test in the groups.  Needs
 * root and a cgroup v2 hierarchy; what needs a controller skips where version 1
 * has it, and says so.  Everything happens below a group of the test's own.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/clock.h"
#include "patience.h"
#include "supervisor/cgroup.h"
#include "tap.h"

#define DOMID	31999u

static char parent[64], top[200];	/* of the test: below the root; whole */

static bool find_hierarchy(void)
{
	static const char *const at[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };
	struct statfs fs;

	snprintf(parent, sizeof(parent), "cloister-test-%d", (int)getpid());
	for (int i = 0; i < 2; i++) {
		if (statfs(at[i], &fs) || fs.f_type != CGROUP2_SUPER_MAGIC)
			continue;
		snprintf(top, sizeof(top), "%s/%s", at[i], parent);
		return mkdir(top, 0755) == 0;
	}
	return false;
}

static bool has_line(const char *path, const char *want)
{
	char line[300];
	FILE *f = fopen(path, "r");
	bool found = false;

	while (f && !found && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		found = strcmp(line, want) == 0;
	}
	if (f)
		fclose(f);
	return found;
}

/* Is @pid in the group @name of the family? */
static bool is_in(pid_t pid, const char *name)
{
	char path[300], number[20];

	snprintf(path, sizeof(path), "%s/%s/cgroup.procs", cgroup_path(), name);
	snprintf(number, sizeof(number), "%d", (int)pid);
	return has_line(path, number);
}

/* A process born in group @name, that runs @fn. */
static pid_t born_in(const char *name, int (*fn)(void))
{
	int fd = cgroup_make(name);
	struct clone_args a = { .flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD,
		.cgroup = (uint64_t)fd };
	pid_t pid = fd < 0 ? -1 : (pid_t)syscall(SYS_clone3, &a, sizeof(a));

	if (pid == 0)
		_exit(fn());
	if (fd >= 0)
		close(fd);
	return pid;
}

static int wait_for(pid_t pid)
{
	int status = -1;

	waitpid(pid, &status, 0);
	return status;
}

static int do_nothing(void)
{
	while (pause() < 0)
		;
	return 0;
}

/* A tree of processes; the first to be killed must not be the last. */
static int do_fork(void)
{
	for (int i = 0; i < 3; i++)
		fork();
	return do_nothing();
}

static void test_life(void)
{
	char path[300];
	pid_t disk, net;

	ok(cgroup_begin(DOMID, parent), "a family of groups below a parent");
	disk = born_in("disk0", do_nothing);
	net = born_in("net0", do_fork);
	ok(disk > 0 && is_in(disk, "disk0") && !is_in(disk, "net0"),
	   "a process is born in its group");
	cgroup_enter_own();
	ok(is_in(getpid(), "supervisor"), "and we are in ours");
	while (!is_in(net, "net0"))
		sched_yield();
	ok(cgroup_kill("net0") == 0 && WTERMSIG(wait_for(net)) == SIGKILL,
	   "one group is killed as a whole");
	snprintf(path, sizeof(path), "%s/net0/cgroup.events", cgroup_path());
	for (int i = 0; i < PATIENCE_MS && !has_line(path, "populated 0"); i++)
		usleep(1000);
	ok(has_line(path, "populated 0"), "grandchildren too");
	ok(kill(disk, 0) == 0, "and no other");
	ok(cgroup_kill("disk0") == 0 && WTERMSIG(wait_for(disk)) == SIGKILL, "then that");
	snprintf(path, sizeof(path), "%s", cgroup_path());
	cgroup_end();
	ok(access(path, F_OK) != 0, "in the end nothing is left");
	ok(cgroup_path()[0] == '\0', "and nothing is said to be there");
}

/* A supervisor that was killed leaves groups, with limits; a new one's have
   none. */
static void test_leftover(void)
{
	char path[300];
	struct stat before, after;

	cgroup_begin(DOMID, parent);
	close(cgroup_make("disk0"));
	snprintf(path, sizeof(path), "%s/disk0", cgroup_path());
	stat(path, &before);
	cgroup_begin(DOMID, parent);
	ok(access(path, F_OK) != 0, "what a dead family left is removed");
	close(cgroup_make("disk0"));
	ok(stat(path, &after) == 0 && before.st_ino != after.st_ino, "and made anew");
	cgroup_end();
}

/* As after an exec: a family's lock is not its children's. */
static int hold_nothing(void)
{
	close_range(3, ~0u, 0);
	return do_nothing();
}

static int end_well(void)
{
	return 7;
}

/* Its processes are still there: they go, and their groups with them. */
static void test_left_alive(void)
{
	char path[300];
	struct stat before, after = { 0 };
	pid_t disk;
	int status;

	cgroup_begin(DOMID, parent);
	disk = born_in("disk0", hold_nothing);
	snprintf(path, sizeof(path), "%s/disk0", cgroup_path());
	stat(path, &before);
	while (!cgroup_begin(DOMID, parent))
		usleep(1000);
	ok(access(path, F_OK) == 0, "a dead family whose disk worker is still there");
	cgroup_kill_left();
	ok(waitpid(disk, &status, WNOHANG) == disk && WIFSIGNALED(status) &&
	   WTERMSIG(status) == SIGKILL, "it is killed");
	ok(access(path, F_OK) != 0, "its group, and what was limited there, is gone");
	for (int i = 0; i < 3; i++) {
		status = wait_for(born_in("disk0", end_well));
		ok(WIFEXITED(status) && WEXITSTATUS(status) == 7,
		   "who is born in a new one lives: status=%x", (unsigned int)status);
	}
	ok(stat(path, &after) == 0 && before.st_ino != after.st_ino, "... a new one");
	cgroup_end();
}

/* Has a family of its own, nobody in its groups yet, and lives. */
static pid_t begin_other(uint32_t domid)
{
	int ready[2];
	pid_t pid;
	char b;

	if (pipe(ready))
		return -1;
	pid = fork();
	if (pid == 0) {
		cgroup_begin(domid, parent);
		close(cgroup_make("disk0"));
		_exit(write(ready[1], "", 1) == 1 ? do_nothing() : 1);
	}
	close(ready[1]);
	if (pid > 0 && read(ready[0], &b, 1) != 1)
		pid = -1;
	close(ready[0]);
	return pid;
}

/* A domid does not come again: who was killed has others to tidy up. */
static void test_dead(void)
{
	pid_t pid = begin_other(DOMID + 2);
	char other[300], group[310];

	cgroup_begin(DOMID, parent);
	snprintf(other, sizeof(other), "%s/cloister-%u", top, DOMID + 2);
	snprintf(group, sizeof(group), "%s/disk0", other);
	cgroup_remove_dead();
	ok(pid > 0 && access(group, F_OK) == 0, "a family that lives keeps empty groups");
	cgroup_end();
	ok(!cgroup_begin(DOMID + 2, parent), "nor does a second one get its groups");
	ok(access(group, F_OK) == 0, "or takes any away");
	kill(pid, SIGKILL);
	wait_for(pid);
	ok(access(group, F_OK) == 0, "killed: they are still there");
	cgroup_begin(DOMID, parent);
	close(cgroup_make("vga"));
	cgroup_remove_dead();
	ok(access(other, F_OK) != 0, "until another family is served");
	snprintf(group, sizeof(group), "%s/vga", cgroup_path());
	ok(access(group, F_OK) == 0, "which keeps its own");
	cgroup_end();
}

/* ---- as a unit of systemd's ---- */

static int put_self(const char *dir)
{
	return cgroup_put(dir, "cgroup.procs", "0");
}

/* In a group that is marked as ours, alone or with somebody. */
static int live_in_unit(const char *unit, bool alone)
{
	char want[300], at[340];
	pid_t other = 0;
	bool good;

	if (put_self(unit))
		return 10;
	if (!alone) {
		other = fork();
		if (other == 0)
			do_nothing();
	}
	if (!cgroup_begin(DOMID + 1, parent))
		return 11;
	snprintf(want, sizeof(want), "%s/cloister-%u", alone ? unit : top, DOMID + 1);
	good = strcmp(cgroup_path(), want) == 0;
	snprintf(at, sizeof(at), "%s/supervisor/cgroup.procs", want);
	snprintf(want, sizeof(want), "%d", (int)getpid());
	good = good && has_line(at, want) == alone;
	cgroup_enter_own();
	good = good && has_line(at, want);
	cgroup_end();
	if (other) {
		kill(other, SIGKILL);
		wait_for(other);
	}
	return good ? 0 : 12;
}

static void test_delegation(void)
{
	char unit[260], own[300];
	pid_t pid;
	int status;

	for (int alone = 0; alone < 2; alone++) {
		/* One that was divided takes no processes any more. */
		snprintf(unit, sizeof(unit), "%s/guest%d.service", top, alone);
		mkdir(unit, 0755);
		if (setxattr(unit, "trusted.delegate", "1", 1, 0) &&
		    setxattr(unit, "user.delegate", "1", 1, 0)) {
			skip("no extended attributes on groups here");
			rmdir(unit);
			return;
		}
		pid = fork();
		if (pid == 0)
			_exit(live_in_unit(unit, alone));
		status = wait_for(pid);
		ok(status == 0, alone ? "a delegated group is divided, and we go to a leaf" :
		   "one with others in it is not ours: the parent it is");
		if (status)
			printf("# status 0x%x\n", (unsigned int)status);
		if (!alone)
			rmdir(unit);
	}
	/* What systemd removes, with the unit. */
	snprintf(own, sizeof(own), "%s/cloister-%u/supervisor", unit, DOMID + 1);
	ok(rmdir(own) == 0, "our leaf stays until we are gone");
	own[strlen(own) - strlen("/supervisor")] = '\0';
	rmdir(own);
	rmdir(unit);
}

/* ---- what a limit does ---- */

static char why[240];

/* Sets it, or says why not and skips. */
static bool limit(const char *name, const char *key, const char *value)
{
	char text[300];
	int rc = cgroup_set_limit(name, key, value, why, sizeof(why));

	if (rc == -EOPNOTSUPP) {
		snprintf(text, sizeof(text), "%s: %s", key, why);
		skip(text);
		return false;
	}
	ok(rc == 0, "%s.%s=%s %s", name, key, value, rc ? why : "");
	return rc == 0;
}

static int use_memory(void)
{
	size_t len = 64u << 20;
	char *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		       -1, 0);

	for (size_t i = 0; i < len; i += 4096)
		p[i] = 1;
	return 0;
}

static int use_pids(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return pid < 0 && errno == EAGAIN ? 0 : 1;
}

static int use_cpu(void)
{
	const int64_t until = clock_now_ns() + NS_PER_S;
	struct rusage ru;

	while (clock_now_ns() < until)
		;
	getrusage(RUSAGE_SELF, &ru);
	return (int)((ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) * 100 +
		     (ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) / 10000);
}

#define IO_BYTES (4u << 20)

static char io_path[200];

/* As the disk worker: into the page cache, and a flush. */
static int use_disk(void)
{
	static char block[65536];
	int fd = open(io_path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	for (unsigned int i = 0; i < IO_BYTES / sizeof(block); i++)
		if (write(fd, block, sizeof(block)) != (ssize_t)sizeof(block))
			return 1;
	return fdatasync(fd) ? 2 : 0;
}

/* Bytes written by a group, to whatever device it wrote most. */
static unsigned long long written(const char *name)
{
	char path[300], line[300];
	unsigned long long most = 0, n;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s/io.stat", cgroup_path(), name);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f)) {
		const char *at = strstr(line, "wbytes=");

		n = at ? strtoull(at + 7, NULL, 10) : 0;
		most = n > most ? n : most;
	}
	if (f)
		fclose(f);
	return most;
}

/* A directory on a block device; NULL: there is none. */
static const char *find_disk_place(void)
{
	static const char *const place[] = { "/var/tmp", "/tmp", "/root" };
	const char *given = getenv("CLOISTER_TEST_DISK");
	struct stat st;

	for (size_t i = 0; !given && i < 3; i++)
		if (stat(place[i], &st) == 0 && major(st.st_dev))
			given = place[i];
	return given;
}

static void test_disk(void)
{
	const char *place = find_disk_place();
	char value[200];
	int64_t began;

	if (!place) {
		skip("no directory on a block device");
		return;
	}
	snprintf(value, sizeof(value), "%.100s wbps=2M", place);
	if (!limit("disk0", "io.max", value))
		return;
	snprintf(io_path, sizeof(io_path), "%.100s/test_cgroup.%d", place, (int)getpid());
	began = clock_now_ns();
	ok(wait_for(born_in("disk0", use_disk)) == 0, "a process writes to a file");
	began = clock_now_ns() - began;
	unlink(io_path);
	ok(began > NS_PER_S, "io.max: 4 MiB at 2 MiB/s took %lld ms",
	   (long long)(began / NS_PER_MS));
	ok(written("disk0") >= IO_BYTES && written("vga") < IO_BYTES,
	   "what it wrote is charged to its group: %llu bytes", written("disk0"));
}

static void test_limits(void)
{
	int status;

	cgroup_begin(DOMID, parent);
	close(cgroup_make("vga"));
	close(cgroup_make("vnc"));
	close(cgroup_make("disk0"));
	if (limit("vga", "memory.max", "16M")) {
		limit("vga", "memory.high", "max");
		status = wait_for(born_in("vga", use_memory));
		ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL,
		   "who takes more than memory.max is ended");
		ok(cgroup_oom_kills("vga") == 1 && cgroup_oom_kills("vnc") == 0,
		   "and the group tells why");
		limit("vga", "memory.max", "max");
		ok(wait_for(born_in("vga", use_memory)) == 0, "and without it is not");
	}
	if (limit("vnc", "pids.max", "1"))
		ok(wait_for(born_in("vnc", use_pids)) == 0, "pids.max: one, and no child");
	if (limit("vnc", "cpu.max", "20%")) {
		status = wait_for(born_in("vnc", use_cpu));
		ok(WEXITSTATUS(status) < 40, "cpu.max 20%%: %d %% of a second",
		   WEXITSTATUS(status));
		limit("family", "cpu.max", "max");
		limit("vnc", "cpu.weight", "50");
	}
	ok(cgroup_set_limit("disk0", "io.max", "99999:0 rbps=1M", why, sizeof(why)) < 0,
	   "a device that is none: %s", why);
	test_disk();
	cgroup_end();
}

int main(void)
{
	if (geteuid() || !find_hierarchy())
		return skip_all("needs root and a cgroup v2 hierarchy to write to");
	test_life();
	test_leftover();
	test_left_alive();
	test_dead();
	test_delegation();
	test_limits();
	ok(rmdir(top) == 0, "the test's own group is empty");
	return tap_done();
}
