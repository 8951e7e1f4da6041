/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/integ/test_spawn.c - in which cgroup a child starts, and what if in none
 *
 * The supervisor's own code starts a program that only waits: as it is done
 * everywhere, and again under a filter that knows no clone3(), as a unit with
 * RestrictNamespaces= has one.  Needs root and a cgroup v2 hierarchy.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "patience.h"
#include "supervisor/cgroup.h"
#include "supervisor/spawn.h"
#include "tap.h"

#define DOMID	31998u

static char dir[] = "/tmp/test_spawn.XXXXXX";
static char log_text[4096], parent[40];
static int only_cpu = -1;	/* of the child */
static int lines;	/* in log_text, which ends before the first's end */
static const struct spawn_common common = { .domid = DOMID };

static void make_program(void)
{
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "%s/cloister-disk", dir);
	file = fopen(path, "w");
	fputs("#!/bin/sh\nexec /bin/sleep 60\n", file);
	fclose(file);
	chmod(path, 0755);
	spawn_use_programs(dir);
}

/* What our side says meanwhile is in log_text. */
static pid_t spawn_with(struct spawn_spec *s, int *pidfd)
{
	int saved = dup(STDERR_FILENO), file;
	char path[64];
	ssize_t len;
	pid_t pid;

	snprintf(path, sizeof(path), "%s/log", dir);
	file = open(path, O_CREAT | O_TRUNC | O_RDWR, 0600);
	dup2(file, STDERR_FILENO);
	pid = spawn_child(&common, s, pidfd);
	dup2(saved, STDERR_FILENO);
	close(saved);
	len = pread(file, log_text, sizeof(log_text) - 1, 0);
	log_text[len > 0 ? len : 0] = '\0';
	close(file);
	lines = 0;
	for (const char *at = log_text; (at = strchr(at, '\n')); at++)
		lines++;
	log_text[strcspn(log_text, "\n")] = '\0';
	return pid;
}

static pid_t spawn(int cgroup, bool limited, int *pidfd)
{
	struct spawn_spec s;

	spawn_spec_init(&s, "disk0", "disk", 0);
	s.cgroup = cgroup;
	s.limited = limited;
	s.cpu = only_cpu;
	return spawn_with(&s, pidfd);
}

static void end(pid_t pid, int pidfd)
{
	siginfo_t si;

	if (pid <= 0)
		return;
	kill(pid, SIGKILL);
	waitid(P_PID, (id_t)pid, &si, WEXITED);
	close(pidfd);
}

static bool nobody_is_left(void)
{
	siginfo_t si = { 0 };

	return waitid(P_ALL, 0, &si, WEXITED | WNOHANG | WNOWAIT) < 0 && errno == ECHILD;
}

static bool has_own(pid_t pid, const char *ns)
{
	char path[64], ours[64] = "", its[64] = "";

	snprintf(path, sizeof(path), "/proc/self/ns/%s", ns);
	if (readlink(path, ours, sizeof(ours) - 1) < 0)
		return false;
	snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)pid, ns);
	return readlink(path, its, sizeof(its) - 1) > 0 && strcmp(ours, its) != 0;
}

/* Does a line of FILE of @pid have @what at its end? */
static bool file_has(pid_t pid, const char *file, const char *what)
{
	char path[64], line[400];
	bool found = false;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	f = fopen(path, "r");
	while (f && !found && fgets(line, sizeof(line), f)) {
		size_t len = strcspn(line, "\n"), want = strlen(what);

		found = len >= want && strncmp(line + len - want, what, want) == 0;
	}
	if (f)
		fclose(f);
	return found;
}

static void test_born(const char *how)
{
	int group = cgroup_make("disk0"), pidfd = -1;
	char place[64];
	pid_t pid = spawn(group, true, &pidfd);

	snprintf(place, sizeof(place), "/cloister-%u/disk0", DOMID);
	ok(pid > 0 && file_has(pid, "cgroup", place) && !log_text[0],
	   "%s: in its group before its program runs%s%s", how, log_text[0] ? ": " : "",
	   log_text);
	ok(has_own(pid, "pid") && has_own(pid, "uts"), "%s: namespaces of its own", how);
	snprintf(place, sizeof(place), "Cpus_allowed_list:\t%d", only_cpu);
	ok(file_has(pid, "status", place), "%s: on the CPU it is given", how);
	/* The shell before it has a handler. */
	for (int i = 0; i < PATIENCE_MS && !file_has(pid, "comm", "sleep"); i++)
		usleep(1000);
	ok(file_has(pid, "status", "SigBlk:\t0000000000000000") &&
	   file_has(pid, "status", "SigCgt:\t0000000000000000"),
	   "%s: no signal blocked or handled", how);
	end(pid, pidfd);
	close(group);
}

/* As kernels do it, it would be killed before it ran. */
static void test_killed_group(const char *how)
{
	int group = cgroup_make("disk0"), pidfd = -1;
	char place[64];
	pid_t pid;

	cgroup_kill("disk0");
	pid = spawn(group, true, &pidfd);
	snprintf(place, sizeof(place), "/cloister-%u/disk0", DOMID);
	ok(pid > 0 && file_has(pid, "cgroup", place) && !log_text[0],
	   "%s: in a group that was killed: %s", how, log_text);
	for (int i = 0; i < PATIENCE_MS && !file_has(pid, "comm", "sleep"); i++)
		usleep(1000);
	ok(pid > 0 && file_has(pid, "comm", "sleep"), "%s: it lives there", how);
	end(pid, pidfd);
	close(group);
}

/* @cause: why a directory that is no group is none. */
static void test_no_group(const char *how, int cause)
{
	int group = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), pidfd = -1;
	pid_t pid = spawn(group, false, &pidfd);

	ok(pid > 0 && strstr(log_text, "goes without: name=disk0"),
	   "%s: a child without limits goes without its group: %s", how, log_text);
	end(pid, pidfd);
	ok(spawn(group, true, &pidfd) == -cause, "%s: one with limits does not", how);
	ok(strstr(log_text, "has limits, and cannot be in its cgroup: name=disk0") &&
	   lines == 1, "%s: in one line: %s", how, log_text);
	ok(nobody_is_left(), "%s: and nobody is left of it", how);
	ok(spawn(-1, true, &pidfd) == -ENOENT, "%s: nor without any group", how);
	pid = spawn(-1, false, &pidfd);
	ok(pid > 0 && !log_text[0], "%s: who has neither is not told of", how);
	end(pid, pidfd);
	close(group);
}

/* Is @path what the child has there?  "": nothing. */
static bool has_fd(pid_t pid, int fd, const char *path)
{
	char at[64], is[64] = "";

	snprintf(at, sizeof(at), "/proc/%d/fd/%d", (int)pid, fd);
	if (readlink(at, is, sizeof(is) - 1) < 0)
		is[0] = '\0';
	if (strcmp(is, path) == 0)
		return true;
	printf("# fd %d is \"%s\" and not \"%s\"\n", fd, is, path);
	return false;
}

/* Ours lie where others of the child's are to be. */
static void test_places(void)
{
	static const struct { int ours, its; } place[] = {
		{ 41, 40 }, { 42, 41 }, { 40, 42 },	/* a circle */
		{ 44, 44 }, { 44, 46 },			/* where it is, and twice */
		{ 63, 50 }, { 50, 63 }, { 70, 51 },
	};
	struct spawn_spec s;
	int pidfd = -1;
	bool good = true;
	pid_t pid;

	spawn_spec_init(&s, "disk0", "disk", 0);
	for (size_t i = 0; i < sizeof(place) / sizeof(place[0]); i++) {
		char name[12];
		int fd;

		snprintf(name, sizeof(name), "was%d", place[i].ours);
		fd = memfd_create(name, MFD_CLOEXEC);
		dup3(fd, place[i].ours, O_CLOEXEC);
		close(fd);
		s.fd[place[i].its] = place[i].ours;
	}
	/* Nobody said that these be closed, but the child knows nothing of them. */
	dup2(44, 47);
	dup2(44, 80);
	pid = spawn_with(&s, &pidfd);
	for (int i = 0; i < PATIENCE_MS && !file_has(pid, "comm", "sleep"); i++)
		usleep(1000);
	for (size_t i = 0; i < sizeof(place) / sizeof(place[0]); i++) {
		char path[40];

		snprintf(path, sizeof(path), "/memfd:was%d (deleted)", place[i].ours);
		good &= has_fd(pid, place[i].its, path);
	}
	for (int fd = 0; fd <= 2; fd++)
		good &= has_fd(pid, fd, "/dev/null");
	good &= has_fd(pid, 43, "") && has_fd(pid, 47, "") && has_fd(pid, 70, "") &&
		has_fd(pid, 80, "");
	ok(pid > 0 && good, "each descriptor is at its number, and no others are there");
	end(pid, pidfd);
	for (size_t i = 0; i < sizeof(place) / sizeof(place[0]); i++)
		close(place[i].ours);
	close(47);
	close(80);
}

static bool forbid_clone3(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { sizeof(code) / sizeof(code[0]), code };

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
		prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) == 0;
}

int main(void)
{
	const char *cleaning[] = { "cloister-disk", "log" };
	char path[64], top[400];
	cpu_set_t cpus;

	if (geteuid() || !mkdtemp(dir))
		return skip_all("needs root");
	snprintf(parent, sizeof(parent), "cloister-spawn-%d", (int)getpid());
	log_init(-1, "cloister", LOG_L_INFO);
	sched_getaffinity(0, sizeof(cpus), &cpus);
	for (int i = 0; i < CPU_SETSIZE; i++)
		if (CPU_ISSET(i, &cpus))
			only_cpu = i;
	if (cgroup_begin(DOMID, parent)) {
		make_program();
		test_born("clone3()");
		test_killed_group("clone3()");
		test_no_group("clone3()", EBADF);
		test_places();
		ok(forbid_clone3(), "a filter without clone3()");
		test_born("clone()");
		test_killed_group("clone()");
		test_no_group("clone()", ENOENT);
		snprintf(top, sizeof(top), "%s", cgroup_path());
		*strrchr(top, '/') = '\0';
		cgroup_end();
		ok(rmdir(top) == 0, "no group is left");
	} else {
		skip("no cgroup v2 hierarchy to write to");
	}
	for (size_t i = 0; i < sizeof(cleaning) / sizeof(cleaning[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, cleaning[i]);
		unlink(path);
	}
	rmdir(dir);
	return tap_done();
}
