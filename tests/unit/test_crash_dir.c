/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/test_crash_dir.c - the directory of crash reports: whose, how full
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "supervisor/crash_dir.h"
#include "tap.h"

static char dir[] = "/tmp/test_crash_dir.XXXXXX";
static char path[80];
static int fd;

static bool exists(const char *name)
{
	return faccessat(fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* A report that is @age_s old. */
static void put(const char *name, int age_s)
{
	struct timespec t[2] = { { time(NULL) - age_s, 0 }, { time(NULL) - age_s, 0 } };
	int file = openat(fd, name, O_CREAT | O_WRONLY, 0600);

	futimens(file, t);
	close(file);
}

static void test_open(void)
{
	struct stat st;

	snprintf(path, sizeof(path), "%s/cloister/crash", dir);
	fd = crash_dir_open(path);
	ok(fd >= 0, "it is made, and the one above it");
	ok(fstat(fd, &st) == 0 && (st.st_mode & 0777) == 0700, "for its owner alone");
	chmod(path, 0770);
	is_hex((uint64_t)-crash_dir_open(path), EPERM, "not one that a group may write to");
	chmod(path, 0702);
	is_hex((uint64_t)-crash_dir_open(path), EPERM, "or everybody");
	chmod(path, 0755);
	close(fd);
	fd = crash_dir_open(path);
	ok(fd >= 0, "the administrator may let others look");
	snprintf(path, sizeof(path), "%s/link", dir);
	ok(symlink("cloister/crash", path) == 0 && crash_dir_open(path) < 0, "not a link");
	snprintf(path, sizeof(path), "%s/no/such/place", dir);
	is_hex((uint64_t)-crash_dir_open(path), ENOENT, "one directory above, no more");
}

static void test_names(void)
{
	char name[8];

	crash_dir_name(name, sizeof(name), "web-1_x");
	is_str(name, "web-1_x", "a plain name stays");
	crash_dir_name(name, sizeof(name), "../\n.x");
	is_str(name, "_____x", "nothing that means something to a file system");
	crash_dir_name(name, sizeof(name), "a-very-long-name");
	is_str(name, "a-very-", "cut to fit");
}

static void test_tidy(void)
{
	char name[40];

	for (int i = 0; i < 6; i++) {
		snprintf(name, sizeof(name), "web1.disk0.%d.crash", i);
		put(name, 1000 - i);
		snprintf(name, sizeof(name), "web10.disk0.%d.crash", i);
		put(name, 2000 - i);
	}
	put("web1.disk0.notes", 9000);
	put("web1.crash.new", 9000);
	put(".web1.crash", 9000);
	crash_dir_tidy(fd, "web1", 4, 100);
	ok(!exists("web1.disk0.0.crash") && !exists("web1.disk0.2.crash") &&
	   exists("web1.disk0.3.crash") && exists("web1.disk0.5.crash"),
	   "a guest's oldest go, and fewer than the limit are left");
	ok(exists("web10.disk0.0.crash"), "another guest's stay, whatever its name");
	crash_dir_tidy(fd, "nobody", 4, 8);
	ok(!exists("web10.disk0.0.crash") && !exists("web10.disk0.1.crash") &&
	   exists("web10.disk0.2.crash") && exists("web1.disk0.3.crash"),
	   "then the oldest of all");
	ok(exists("web1.disk0.notes") && exists("web1.crash.new") && exists(".web1.crash"),
	   "and nothing that is no report");
	put("other.net0.1.crash", -500);
	crash_dir_tidy(fd, "web1", 100, 2);
	ok(exists("other.net0.1.crash") && !exists("web1.disk0.5.crash"), "the newest stays");
}

int main(void)
{
	char cmd[64];

	umask(022);
	if (!mkdtemp(dir))
		return 1;
	test_open();
	test_names();
	test_tidy();
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return system(cmd) ? 1 : tap_done();
}
