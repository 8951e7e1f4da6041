/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/integ/family_child.c - stands in for the broker and every worker
 *
 * Started by test_family through the real supervisor code.  The directory it
 * is started from says how it behaves; it does nothing for a guest.
 */
#include <dirent.h>
#include <fcntl.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "abi/ctl_msg.h"
#include "abi/fds.h"
#include "base/log.h"

#define FLOOD	500

static const char *name, *way;

static void say(enum ctl_kind kind, uint64_t arg)
{
	struct ctl_msg m = { .kind = kind, .arg = arg };

	if (write(FD_CTL, &m, sizeof(m)) != (ssize_t)sizeof(m))
		_exit(3);
}

static enum ctl_kind listen_for(void)
{
	struct ctl_msg m;
	ssize_t r;

	fcntl(FD_CTL, F_SETFL, 0);
	r = read(FD_CTL, &m, sizeof(m));
	if (r != (ssize_t)sizeof(m))
		_exit(4);
	return (enum ctl_kind)m.kind;
}

static unsigned long long value_of(int argc, char **argv, const char *option, int base)
{
	for (int i = 1; i + 1 < argc; i++)
		if (strcmp(argv[i], option) == 0)
			return strtoull(argv[i + 1], NULL, base);
	return 0;
}

static void check_fds(int argc, char **argv)
{
	unsigned long long promised = value_of(argc, argv, "--fds", 16) | 7, have = 0;
	DIR *d = opendir("/proc/self/fd");
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.' && atoi(e->d_name) != dirfd(d))
			have |= 1ull << atoi(e->d_name);
	if (d)
		closedir(d);
	if (have != promised)
		log_err("fds wrong: have=%llx promised=%llx", have, promised);
	else
		log_info("fds right");
}

static void check_place(void)
{
	char cwd[64];
	struct stat null, std;

	log_info("place: pid=%d cwd=%s env=%s", getpid(), getcwd(cwd, sizeof(cwd)),
		 clearenv() == 0 && !getenv("PATH") ? "empty" : "full");
	if (stat("/dev/null", &null) == 0 && fstat(2, &std) == 0 &&
	    null.st_rdev == std.st_rdev)
		log_info("stderr is null");
}

static bool is(const char *who, const char *how)
{
	return strcmp(name, who) == 0 && strcmp(way, how) == 0;
}

int main(int argc, char **argv)
{
	char path[300];

	if (argc < 3)
		return 2;
	snprintf(path, sizeof(path), "%s", argv[0]);
	way = basename(dirname(path));
	name = argv[2];
	log_init(FD_LOG, name, LOG_L_DEBUG);
	if (is("disk0", "exit"))
		return 42;
	check_fds(argc, argv);
	check_place();
	if (is("platform", "babble"))
		say(CTL_UNPLUG, 1);
	if (strcmp(name, "broker") == 0 && listen_for() != CTL_START)
		return 5;
	say(CTL_READY, 12);
	if (is("disk0", "filter"))
		kill(getpid(), SIGSYS);	/* pid 1 of its namespace: ignored */
	if (is("disk0", "filter"))
		__builtin_trap();
	for (int i = 0; i < FLOOD && is("broker", "flood"); i++) {
		say(CTL_UNPLUG, 1);
		say(CTL_SLEEP, 0);
	}
	if (is("broker", "lie"))
		say(CTL_LIED, 1);
	while (listen_for() != CTL_STOP || is("broker", "deaf"))
		;
	if (strcmp(name, "broker") == 0)
		say(CTL_STOPPED, 0);
	return 0;
}
