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
#include "abi/io_msg.h"
#include "base/log.h"

#define FLOOD	500
#define ADOPTS_US	400000	/* its workers are there before it is */
#define DISK_CHANNEL	1	/* supervisor/plan.h */
#define NET_CHANNEL	3

static const char *name, *way;

static void say(enum ctl_kind kind, uint64_t arg)
{
	struct ctl_msg m = { .kind = kind, .arg = arg };

	if (write(FD_CTL, &m, sizeof(m)) != (ssize_t)sizeof(m))
		_exit(3);
}

static struct ctl_msg hear(void)
{
	struct ctl_msg m;

	fcntl(FD_CTL, F_SETFL, 0);
	if (read(FD_CTL, &m, sizeof(m)) != (ssize_t)sizeof(m))
		_exit(4);
	return m;
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

static bool has_opt(int argc, char **argv, const char *opt)
{
	for (int i = 1; i < argc; i++)
		if (strncmp(argv[i], opt, strlen(opt)) == 0)
			return true;
	return false;
}

static unsigned long long mix(unsigned long long hash, const char *text)
{
	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * 0x100000001b3ull;	/* FNV-1a */
	return hash;
}

/* All eventfds are one file to stat(); this tells them apart. */
static void find_eventfd(int fd, char line[80])
{
	char path[40];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "r");
	while (f && fgets(line, 80, f))
		if (strncmp(line, "eventfd-id:", 11) == 0)
			break;
		else
			line[0] = '\0';
	if (f)
		fclose(f);
}

/* Which open files are at which numbers, but for our own two sockets. */
static unsigned long long hash_fds(void)
{
	unsigned long long hash = 0xcbf29ce484222325ull;

	for (int fd = FD_CTL + 1; fd < 64; fd++) {
		char path[40], text[200], link[100] = "", event[80] = "";
		struct stat st;

		if (fstat(fd, &st))
			continue;
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		(void)!readlink(path, link, sizeof(link) - 1);
		find_eventfd(fd, event);
		snprintf(text, sizeof(text), "%d %lx %lx %s %.30s;", fd,
			 (unsigned long)st.st_dev, (unsigned long)st.st_ino, link, event);
		hash = mix(hash, text);
	}
	return hash;
}

/* How many of our name there were in this directory, with us. */
static unsigned int count_lives(const char *dir)
{
	char path[300];
	struct stat st;
	int fd;

	snprintf(path, sizeof(path), "%s/%s.lives", dir, name);
	fd = open(path, O_CREAT | O_APPEND | O_WRONLY | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, "|", 1) != 1 || fstat(fd, &st))
		_exit(6);
	close(fd);
	return (unsigned int)st.st_size;
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

/* Those that have no luck: where they die, if they do. */
static void maybe_die_early(unsigned int life, bool failed)
{
	if (is("disk0", "exit"))
		_exit(42);
	if (is("disk0", "stillborn") && life > 1 && !failed)
		_exit(9);
}

static void maybe_die(unsigned int life, bool failed)
{
	if (life == 2 && is("disk0", "filter"))
		__builtin_trap();
	if (life > 1 && (is("disk0", "doomed") || is("platform", "platform") ||
			 is("vnc", "vnc") || is("broker", "nobroker") ||
			 (is("disk0", "fall") && !failed)))
		_exit(8);
}

static void play_broker(unsigned int life)
{
	for (int i = 0; i < FLOOD && is("broker", "flood"); i++) {
		say(CTL_UNPLUG, 0);
		say(CTL_SLEEP, 0);
	}
	if (life == 1 && is("broker", "lie"))
		say(CTL_LIED, DISK_CHANNEL);
	if (life == 1 && is("broker", "late")) {
		usleep(ADOPTS_US / 2);
		say(CTL_LIED, DISK_CHANNEL);
	}
	if (life == 1 && is("broker", "hang"))
		say(CTL_HANGS, DISK_CHANNEL);
	if (life == 1 && is("broker", "race")) {
		say(CTL_LIED, DISK_CHANNEL);
		say(CTL_UNPLUG, UNPLUG_AUX_IDE_DISKS);
	}
	if (life == 1 && is("broker", "twice")) {
		say(CTL_LIED, DISK_CHANNEL);
		say(CTL_UNPLUG, UNPLUG_AUX_IDE_DISKS);
		_exit(8);
	}
	if (life == 1 && is("broker", "slander"))
		say(CTL_LIED, 99);
	if (life == 1 && is("broker", "unplug"))
		say(CTL_UNPLUG, UNPLUG_IDE_DISKS | UNPLUG_NICS);
}

static const char *name_of(uint32_t kind)
{
	switch (kind) {
	case CTL_DONE:		return "done";
	case CTL_START:		return "start";
	case CTL_PASSWORD:	return "password";
	case CTL_RENEWED:	return "renewed";
	case CTL_FAILED:	return "failed";
	case CTL_PAUSE:		return "pause";
	case CTL_RESUME:	return "resume";
	case CTL_LOG_DIRTY:	return "log-dirty";
	default:		return "?";
	}
}

/* Until we are told to end. */
static void listen_on(void)
{
	for (;;) {
		struct ctl_msg m = hear();

		if (m.kind == CTL_STOP && !is("broker", "deaf"))
			return;
		log_info("told: %s arg=%llu text=%s", name_of(m.kind),
			 (unsigned long long)m.arg, m.text);
		if (m.kind == CTL_PAUSE)
			say(CTL_PAUSED, m.arg << 48);
		if (m.kind == CTL_LOG_DIRTY)
			say(CTL_LOGGED, m.arg);
		if (m.kind == CTL_DONE && is("broker", "unplug")) {
			say(CTL_LIED, DISK_CHANNEL);
			say(CTL_LIED, NET_CHANNEL);
		}
	}
}

int main(int argc, char **argv)
{
	char path[300], *dir;
	unsigned int life;
	bool failed;

	if (argc < 3)
		return 2;
	snprintf(path, sizeof(path), "%s", argv[0]);
	dir = dirname(path);
	name = argv[2];
	life = count_lives(dir);
	way = basename(dir);
	failed = has_opt(argc, argv, "failed=1");
	log_init(FD_LOG, name, LOG_L_DEBUG);
	maybe_die_early(life, failed);
	check_fds(argc, argv);
	check_place();
	log_info("life: number=%u failed=%d adopt=%d drive0=%d holds=%016llx", life,
		 failed, has_opt(argc, argv, "adopt=1"),
		 has_opt(argc, argv, "drive0="), hash_fds());
	if (is("platform", "babble"))
		say(CTL_UNPLUG, 1);
	if (strcmp(name, "broker") == 0 && !has_opt(argc, argv, "adopt=1") &&
	    hear().kind != CTL_START)
		return 5;
	if (life == 2 && is("disk0", "mute"))
		pause();
	if (life == 2 && is("disk0", "late"))
		usleep(ADOPTS_US);
	if (life == 2 && is("broker", "twice")) {
		usleep(ADOPTS_US);
		say(CTL_UNPLUG, UNPLUG_AUX_IDE_DISKS);
	}
	say(CTL_READY, 12);
	maybe_die(life, failed);
	if (strcmp(name, "broker") == 0)
		play_broker(life);
	if (life > 1 && is("platform", "chatter"))
		say(CTL_SHUTDOWN, 0);
	listen_on();
	if (strcmp(name, "broker") == 0)
		say(CTL_STOPPED, 0);
	return 0;
}
