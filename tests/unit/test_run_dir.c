/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/test_run_dir.c - the run directory: stale ones, live ones, links
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sys/fsuid.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "supervisor/group.h"
#include "supervisor/run_dir.h"
#include "tap.h"

static char dir[] = "/tmp/test_run_dir.XXXXXX";
static char base[64], why[240];

static const char *in_dir(const char *name)
{
	static char path[80];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static bool exists(const char *name)
{
	struct stat st;

	return lstat(in_dir(name), &st) == 0;
}

static unsigned int mode_of(const char *name)
{
	struct stat st;

	return lstat(in_dir(name), &st) ? 0 : st.st_mode & 07777;
}

static bool can_connect(const char *name)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	bool good;

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", in_dir(name));
	good = connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0;
	close(fd);
	return good;
}

static void make_file(const char *name)
{
	int fd = open(in_dir(name), O_CREAT | O_WRONLY, 0600);

	close(fd);
}

static void test_life(void)
{
	mode_t mask = umask(0);
	int fd;

	is_str(run_dir_path(), "", "nothing at first");
	ok(run_dir_fd() == -1 && run_dir_listen("s", 1) == -ENOTDIR,
	   "and nothing to listen in");
	ok(run_dir_open(base, 7, why, sizeof(why)) == 0, "opened: %s", why);
	is_hex(mode_of("run"), 0755, "the base, whatever the umask is");
	is_hex(mode_of("run/7"), 0755, "the guest's");
	ok(strcmp(run_dir_path(), in_dir("run/7")) == 0, "its path");
	fd = run_dir_listen("control.sock", 4);
	ok(fd >= 0 && can_connect("run/7/control.sock"), "a socket in it");
	is_hex(mode_of("run/7/control.sock"), 0600, "for us alone");
	is_hex((uint64_t)-run_dir_listen("control.sock", 4), EADDRINUSE, "once");
	umask(mask);
	make_file("run/7/metrics.prom");
	run_dir_close();
	ok(!exists("run/7") && exists("run"), "gone with all in it, the base stays");
	close(fd);
	run_dir_close();
	ok(run_dir_fd() == -1, "twice does no harm");
}

/* What a family that was killed leaves: files, and nobody who holds the lock. */
static void test_dead(void)
{
	mkdir(in_dir("run/7"), 0700);
	make_file("run/7/control.sock");
	mkdir(in_dir("run/8"), 0755);
	make_file("run/8/control.sock");
	make_file("run/9");
	mkdir(in_dir("run/other"), 0755);
	ok(run_dir_open(base, 7, why, sizeof(why)) == 0, "a dead family's is taken over");
	ok(!exists("run/7/control.sock"), "emptied");
	ok(!exists("run/8"), "another dead family's is removed");
	ok(exists("run/9") && exists("run/other"), "what is no family's stays");
	run_dir_close();
	unlink(in_dir("run/9"));
	rmdir(in_dir("run/other"));
}

static void test_live(void)
{
	int fd;

	mkdir(in_dir("run/7"), 0755);
	make_file("run/7/control.sock");
	fd = open(in_dir("run/7"), O_RDONLY | O_DIRECTORY);
	flock(fd, LOCK_EX);
	is_hex((uint64_t)-run_dir_open(base, 7, why, sizeof(why)), EBUSY,
	       "a live family's is not taken");
	ok(strstr(why, "another supervisor") && strstr(why, base), "said: %s", why);
	ok(run_dir_open(base, 8, why, sizeof(why)) == 0 &&
	   exists("run/7/control.sock"), "nor is it removed by others");
	run_dir_close();
	close(fd);
	unlink(in_dir("run/7/control.sock"));
	rmdir(in_dir("run/7"));
}

/*
 * Another supervisor that starts at the same time takes what we have made, and
 * not locked yet, for a dead family's.  How long it needs is the scheduler's
 * business, so it may win some times.
 */
static void test_tidied_up(void)
{
	bool good = false;

	for (int i = 0; i < 20 && !good; i++) {
		int go[2], fd;
		pid_t pid;
		char b;

		mkdir(in_dir("run/7"), 0755);
		if (pipe(go) || (pid = fork()) < 0)
			break;
		if (pid == 0) {
			fd = open(in_dir("run/7"), O_RDONLY | O_DIRECTORY);
			flock(fd, LOCK_EX);
			if (write(go[1], "", 1) == 1)
				usleep(1000);
			rmdir(in_dir("run/7"));
			_exit(0);
		}
		if (read(go[0], &b, 1) == 1)
			good = run_dir_open(base, 7, why, sizeof(why)) == 0;
		waitpid(pid, NULL, 0);
		if (good)
			good = exists("run/7");
		run_dir_close();
		close(go[0]);
		close(go[1]);
	}
	ok(good, "who tidies up at the same time is waited for: %s", why);
}

static void test_hostile(void)
{
	char target[sizeof(dir) + 8];

	snprintf(target, sizeof(target), "%s/target", dir);
	mkdir(target, 0755);
	make_file("target/precious");
	ok(symlink(target, in_dir("run/7")) == 0 &&
	   run_dir_open(base, 7, why, sizeof(why)) < 0, "a link for a guest's: %s", why);
	ok(exists("target/precious"), "and what it leads to stays");
	unlink(in_dir("run/7"));
	ok(symlink(target, in_dir("run/8")) == 0 &&
	   run_dir_open(base, 7, why, sizeof(why)) == 0 && exists("target/precious"),
	   "a link among others is left alone");
	run_dir_close();
	unlink(in_dir("run/8"));
	ok(symlink(target, in_dir("link")) == 0 &&
	   run_dir_open(in_dir("link"), 7, why, sizeof(why)) < 0, "a link for the base: %s",
	   why);
	mkdir(in_dir("run/7"), 0755);
	chmod(in_dir("run/7"), 0777);
	is_hex((uint64_t)-run_dir_open(base, 7, why, sizeof(why)), EPERM,
	       "one that others may write to");
	rmdir(in_dir("run/7"));
	chmod(in_dir("run"), 0777);
	is_hex((uint64_t)-run_dir_open(base, 7, why, sizeof(why)), EPERM,
	       "a base that others may write to");
	chmod(in_dir("run"), 0755);
	is_hex((uint64_t)-run_dir_open(in_dir("no/run"), 7, why, sizeof(why)), ENOENT,
	       "no parent");
	if (geteuid()) {
		skip("an owner that is not us: needs root");
		return;
	}
	ok(chown(base, 65534, 65534) == 0, "somebody else's base");
	is_hex((uint64_t)-run_dir_open(base, 7, why, sizeof(why)), EPERM, "is refused");
	ok(chown(base, 0, 0) == 0, "ours again");
}

/* Longer than an address of a socket has room for. */
static void test_long_path(void)
{
	char deep[240];
	int fd;

	snprintf(deep, sizeof(deep), "%s/%0100d", dir, 7);
	ok(run_dir_open(deep, 7, why, sizeof(why)) == 0, "a long path");
	fd = run_dir_listen("control.sock", 1);
	ok(fd >= 0 && access(run_dir_path(), F_OK) == 0, "a socket in it");
	close(fd);
	run_dir_close();
	for (int more = 0; more < 30; more += 29) {
		snprintf(deep, sizeof(deep), "%s/%0*d", dir,
			 RUN_DIR_BASE_MAX - (int)strlen(dir) + more, 7);
		ok(run_dir_open(deep, 7, why, sizeof(why)) == -ENAMETOOLONG,
		   "too long: %s", why);
		ok(access(deep, F_OK) != 0, "and nothing is left of it");
	}
	deep[RUN_DIR_BASE_MAX] = '\0';
	ok(run_dir_open(deep, UINT32_MAX, why, sizeof(why)) == 0 &&
	   strlen(run_dir_path()) == RUN_DIR_BASE_MAX + 11, "the longest: %s", why);
	run_dir_close();
}

/* ---- a group that may connect ---- */

#define READERS	4711u	/* a group that nobody is in */

static void test_group_file(void)
{
	static const char text[] = "root:x:0:\n\nnonsense\ncloisters:x:7:\n"
		"cloister:x:4711:prometheus,web\ncloister:x:12:\n";
	gid_t gid = 1;
	int fd = open(in_dir("group"), O_CREAT | O_WRONLY, 0600);

	ok(write(fd, text, sizeof(text) - 1) == sizeof(text) - 1, "a group file");
	close(fd);
	ok(group_find(in_dir("group"), "cloister", &gid) == 0 && gid == READERS,
	   "the group that is called so, the first: %u", gid);
	gid = 1;
	ok(group_find(in_dir("group"), "cloist", &gid) == -ENOENT && gid == 1,
	   "one that is not there");
	ok(group_find(in_dir("no-group"), "cloister", &gid) == -ENOENT && gid == 1,
	   "no file");
	unlink(in_dir("group"));
}

/* In a process that is in @group and owns nothing here. */
static bool can_connect_as(const char *name, gid_t group)
{
	pid_t pid = fork();
	int status = 1;

	if (pid == 0)
		_exit(setgroups(0, NULL) || setgid(group) || setuid(65534) ||
		      !can_connect(name));
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

static void test_group(void)
{
	int sig = 0, fd, other;
	struct stat st = { 0 };

	if (geteuid()) {
		skip("a socket for a group: needs root");
		return;
	}
	chmod(dir, 0755);
	ok(run_dir_open(base, 7, why, sizeof(why)) == 0, "opened: %s", why);
	prctl(PR_SET_PDEATHSIG, SIGUSR1);
	fd = run_dir_listen_group("metrics.sock", READERS, 4);
	other = run_dir_listen("control.sock", 4);
	is_hex(mode_of("run/7/metrics.sock"), 0660, "a socket for a group");
	ok(stat(in_dir("run/7/metrics.sock"), &st) == 0 && st.st_gid == READERS &&
	   st.st_uid == 0, "is the group's, and ours");
	ok(can_connect_as("run/7/metrics.sock", READERS), "who is in it may connect,");
	ok(!can_connect_as("run/7/metrics.sock", READERS + 1), "and nobody else");
	ok(stat(in_dir("run/7/control.sock"), &st) == 0 && st.st_gid == getegid() &&
	   !can_connect_as("run/7/control.sock", READERS), "the next one is ours alone");
	ok(setfsgid(getegid()) == (int)getegid() && prctl(PR_GET_DUMPABLE) == 1 &&
	   prctl(PR_GET_PDEATHSIG, &sig) == 0 && sig == SIGUSR1, "and so are we");
	prctl(PR_SET_PDEATHSIG, 0);
	close(fd);
	close(other);
	run_dir_close();
	chmod(dir, 0700);
}

/* Without CAP_SETGID no group is ours to give. */
static void test_group_refused(void)
{
	pid_t pid = geteuid() ? 0 : fork();
	int status = 1;

	if (geteuid()) {
		skip("a group that is not ours to give: needs root");
		return;
	}
	if (pid == 0) {
		if (chown(dir, 65534, 65534) || setgroups(0, NULL) || setgid(65534) ||
		    setuid(65534) || run_dir_open(base, 8, why, sizeof(why)))
			_exit(2);
		status = run_dir_listen_group("metrics.sock", READERS, 4) != -EPERM ||
			exists("run/8/metrics.sock") ||
			run_dir_listen("metrics.sock", 4) < 0;
		run_dir_close();
		_exit(status);
	}
	ok(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0,
	   "without CAP_SETGID nothing is made: status=%#x", status);
	chown(dir, 0, 0);
}

int main(void)
{
	char cmd[64];

	if (!mkdtemp(dir))
		return 1;
	snprintf(base, sizeof(base), "%s/run", dir);
	test_life();
	test_dead();
	test_live();
	test_tidied_up();
	test_hostile();
	test_long_path();
	test_group_file();
	test_group();
	rmdir(base);
	test_group_refused();
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return system(cmd) ? 1 : tap_done();
}
