/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/test_cgroup.c - limits, and a hierarchy that is a plain directory
 *
 * A directory of files shows what is written where, and what happens where the
 * kernel has no such file; what the kernel makes of it is integ/test_cgroup.c's.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "supervisor/cgroup.h"
#include "supervisor/conf.h"
#include "tap.h"

static char root[] = "/tmp/test_cgroup.XXXXXX";
static char why[240];

/* ---- values ---- */

static void good(const char *key, const char *value)
{
	why[0] = '\0';
	ok(cgroup_check_limit(key, value, why, sizeof(why)) == 0, "%s = %s", key, value);
	if (why[0])
		printf("# %s\n", why);
}

static void bad(const char *key, const char *value)
{
	why[0] = '\0';
	ok(cgroup_check_limit(key, value, why, sizeof(why)) == -EINVAL && why[0],
	   "refused: %s = %s: %s", key, value, why);
}

static void test_good_values(void)
{
	good("cpu.max", "max");
	good("cpu.max", "1%");
	good("cpu.max", "350%");
	good("cpu.max", "1000 1000");
	good("cpu.max", "50000   100000");
	good("cpu.max", "25000");
	good("cpu.weight", "1");
	good("cpu.weight", "10000");
	good("io.weight", "100");
	good("io.max", "8:0 rbps=1");
	good("io.max", "/srv rbps=10M wbps=max riops=100 wiops=1K");
	good("io.max", "images  wiops=5");
	good("memory.max", "max");
	good("memory.max", "1M");
	good("memory.high", "17179869184");
	good("memory.high", "3G");
	good("pids.max", "1");
	good("pids.max", "max");
}

static void test_bad_values(void)
{
	bad("cpu.max", "");
	bad("cpu.max", "0%");
	bad("cpu.max", "-5%");
	bad("cpu.max", "50 %");
	bad("cpu.max", "50%x");
	bad("cpu.max", "1000001%");
	bad("cpu.max", "999 1000");
	bad("cpu.max", "1000 999");
	bad("cpu.max", "1000 1000001");
	bad("cpu.max", "1000 ");
	bad("cpu.max", "99999999999999999999%");
	bad("cpu.weight", "0");
	bad("cpu.weight", "10001");
	bad("io.weight", "10 ");
	bad("io.max", "");
	bad("io.max", "8:0");
	bad("io.max", "8: rbps=1");
	bad("io.max", "sda rbps=1");
	bad("io.max", "8:0 rbps=0");
	bad("io.max", "8:0 rbps=");
	bad("io.max", "8:0 rbps=1Q");
	bad("io.max", "8:0 rbps=1 rbps=2");
	bad("io.max", "8:0 speed=2");
	bad("io.max", "8:0 rbps=18446744073709551615T");
	bad("io.max", "4294967304:0 rbps=1");	/* the kernel reads 8:0 */
	bad("io.max", "8:1048576 rbps=1");
	bad("io.max", "00000000000000000000000000000000000000008:0 rbps=1");
	bad("memory.max", "1048575");
	bad("memory.max", "0");
	bad("memory.max", "-1");
	bad("memory.max", "64MB");
	bad("memory.max", "0x1000000");
	bad("memory.high", "99999999999999999999");
	bad("pids.max", "0");
	bad("pids.max", "4194305");
	bad("memory.min", "64M");
	bad("cgroup.procs", "1");
	bad("../cgroup.procs", "1");
}

/* ---- a hierarchy ---- */

static void put(const char *dir, const char *file, const char *text)
{
	char path[400];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	f = fopen(path, "w");
	if (!f || fputs(text, f) == EOF || fclose(f))
		printf("# cannot write %s\n", path);
}

static const char *get(const char *dir, const char *file)
{
	static char text[300];
	char path[400];
	FILE *f;
	size_t n;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	f = fopen(path, "r");
	n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;
	text[n] = '\0';
	if (f)
		fclose(f);
	return f ? text : "(none)";
}

static char family[300], disk[320];

/* The kernel truncates nothing: what is left of a longer text is the test's. */
static void expect(const char *process, const char *key, const char *value,
		   const char *file, const char *want)
{
	const char *dir = strcmp(process, "family") ? disk : family;
	int rc;

	put(dir, file, "");
	why[0] = '\0';
	rc = cgroup_set_limit(process, key, value, why, sizeof(why));
	if (ok(rc == 0 && strcmp(get(dir, file), want) == 0, "%s.%s=%s", process, key,
	       value))
		return;
	printf("# rc %d, %s, in the file: %s\n", rc, why, get(dir, file));
}

static void test_place(void)
{
	struct stat st;
	int fd;

	cgroup_use_root(root);
	ok(cgroup_begin(7, "/some/where"), "a family below a configured parent");
	snprintf(family, sizeof(family), "%s/some/where/cloister-7", root);
	snprintf(disk, sizeof(disk), "%s/disk0", family);
	is_str(cgroup_path(), family, "it says where");
	fd = cgroup_make("disk0");
	ok(fd >= 0 && stat(disk, &st) == 0 && S_ISDIR(st.st_mode), "a group in it");
	close(fd);
}

static void test_set(void)
{
	expect("disk0", "cpu.max", "50%", "cpu.max", "50000 100000");
	expect("disk0", "cpu.max", "2000 4000", "cpu.max", "2000 4000");
	expect("disk0", "cpu.max", "max", "cpu.max", "max");
	expect("disk0", "cpu.weight", "250", "cpu.weight", "250");
	expect("disk0", "memory.high", "2G", "memory.high", "2147483648");
	expect("disk0", "memory.max", "max", "memory.max", "max");
	expect("disk0", "pids.max", "16", "pids.max", "16");
	expect("disk0", "pids.max", "010", "pids.max", "10");	/* it reads 8 */
	expect("disk0", "io.max", "8:16 rbps=1M wiops=max", "io.max",
	       "8:16 rbps=1048576 wiops=max");
	expect("family", "memory.max", "64M", "memory.max", "67108864");
	put(disk, "io.stat", "");
	expect("disk0", "io.weight", "5000", "io.weight", "5000");
	expect("disk0", "io.weight", "5000", "io.bfq.weight", "1000");
}

static int try(const char *process, const char *key, const char *value)
{
	why[0] = '\0';
	return cgroup_set_limit(process, key, value, why, sizeof(why));
}

static void test_refusals(void)
{
	put(disk, "memory.current", "50000000\n");
	ok(try("disk0", "memory.max", "32M") == -EBUSY &&
	   strstr(why, "50000000 bytes are in use"), "less than is in use: %s", why);
	ok(try("disk0", "memory.max", "64M") == 0, "more than is in use");
	ok(try("disk0", "memory.high", "32M") == 0, "high only slows down");
	ok(try("disk0", "memory.max", "1") == -EINVAL, "no sense: %s", why);
	ok(try("disk9", "pids.max", "1") == -ENOENT, "nobody of that name: %s", why);
	ok(try("", "pids.max", "1") == -ENOENT, "no name: %s", why);
	ok(try("..", "pids.max", "1") == -ENOENT, "no way out: %s", why);
	ok(try("../cloister-7/disk0", "pids.max", "1") == -ENOENT, "nor there: %s", why);
	ok(try("disk0", "io.max", "/no/such rbps=1") == -ENOENT, "no such file: %s", why);
	ok(try("disk0", "io.max", "/proc rbps=1") == -ENODEV, "no device: %s", why);
	snprintf(why, sizeof(why), "%.220s/pids.max", disk);
	unlink(why);
	ok(try("disk0", "pids.max", "1") == -EOPNOTSUPP, "no controller: %s", why);
}

/* The device of a file that is on one, if there is such a place here. */
/* Who must not be born outside of its group. */
static void test_who(void)
{
	cgroup_forget_limits();
	ok(!cgroup_is_limited("disk0"), "nobody has limits");
	put(disk, "memory.current", "50000000\n");
	ok(try("disk0", "memory.max", "32M") < 0 && try("disk0", "cpu.max", "no") < 0 &&
	   !cgroup_is_limited("disk0"), "what was refused is none");
	ok(try("disk0", "cpu.max", "50%") == 0 && cgroup_is_limited("disk0") &&
	   !cgroup_is_limited("disk") && !cgroup_is_limited("vga"), "one has");
	put(family, "cpu.max", "");
	ok(try("family", "cpu.max", "50%") == 0 && cgroup_is_limited("vga"),
	   "the family's are everybody's");
	cgroup_forget_limits();
	ok(!cgroup_is_limited("disk0"), "and forgotten");
}

static void test_images(void)
{
	static const char *const place[] = { ".", "/tmp", "/var", "/etc", "/usr" };
	const char *image[2] = { NULL, NULL };
	char want[80];
	struct stat st = { 0 };

	for (size_t i = 0; i < 5 && !image[1]; i++)
		if (stat(place[i], &st) == 0 && major(st.st_dev))
			image[1] = place[i];
	if (!image[1]) {
		skip("no file here is on a block device");
		return;
	}
	cgroup_use_images(image, 2);
	put(disk, "io.max", "");
	snprintf(want, sizeof(want), "%u:", major(st.st_dev));
	ok(try("disk0", "io.max", "images wbps=1K") == 0 &&
	   strncmp(get(disk, "io.max"), want, strlen(want)) == 0 &&
	   strstr(get(disk, "io.max"), " wbps=1024"), "images: %s", get(disk, "io.max"));
	image[0] = image[1];
	image[1] = "/proc";
	cgroup_use_images(image, 2);
	put(disk, "io.max", "as it was");
	ok(try("disk0", "io.max", "images wbps=2K") == -ENODEV &&
	   strcmp(get(disk, "io.max"), "as it was") == 0,
	   "the second one cannot be: nor is the first: %s", why);
	cgroup_use_images(NULL, 0);
	ok(try("disk0", "io.max", "images wbps=1K") == 0, "no images, nothing to limit");
}

/* As kernels before 5.14 have it: no cgroup.kill. */
static void test_kill_one_by_one(void)
{
	int status = 0;
	char text[20];
	pid_t pid = fork();

	if (pid == 0)
		for (;;)
			pause();
	snprintf(text, sizeof(text), "%d\n%d\n", (int)pid, (int)getpid());
	put(disk, "cgroup.procs", text);
	ok(cgroup_kill("disk0") == -EBUSY, "a group that stays full is given up");
	ok(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) &&
	   WTERMSIG(status) == SIGKILL, "its processes are killed, and we are not");
	put(disk, "cgroup.procs", "");
	ok(cgroup_kill("disk0") == 0, "an empty one is done");
	ok(cgroup_kill("supervisor") == -ENOENT, "ourselves we do not kill");
	put(disk, "cgroup.kill", "");
	ok(cgroup_kill("disk0") == 0 && strcmp(get(disk, "cgroup.kill"), "1") == 0,
	   "with cgroup.kill: one write");
	ok(cgroup_oom_kills("disk0") == 0, "nobody tells of memory: no kills");
	put(disk, "memory.events", "low 1\nhigh 2\nmax 3\noom 4\noom_kill 5\n"
	    "oom_group_kill 6\n");
	ok(cgroup_oom_kills("disk0") == 5, "killed for memory");
}

static void test_names(void)
{
	ok(conf_means("disk", "disk0") && conf_means("disk0", "disk0") &&
	   conf_means("net", "net7") && conf_means("vnc", "vnc"), "who is meant");
	ok(!conf_means("net1", "net7") && !conf_means("d", "disk0") &&
	   !conf_means("", "disk0") && !conf_means("disk00", "disk0"), "who is not");
}

static void test_no_place(void)
{
	put(root, "file", "");
	ok(!cgroup_begin(7, "file"), "a parent that cannot be: said, and no more");
	is_str(cgroup_path(), "", "there is none then");
	ok(cgroup_make("disk0") == -1, "and no groups");
	ok(try("disk0", "pids.max", "1") == -EOPNOTSUPP, "nor limits: %s", why);
	cgroup_enter_own();
	cgroup_end();
}

static int drop(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

int main(void)
{
	test_good_values();
	test_bad_values();
	test_names();
	if (!mkdtemp(root))
		return skip_all("no temporary directory");
	test_place();
	test_set();
	test_who();
	test_refusals();
	test_images();
	test_kill_one_by_one();
	test_no_place();
	nftw(root, drop, 8, FTW_DEPTH | FTW_PHYS);
	return tap_done();
}
