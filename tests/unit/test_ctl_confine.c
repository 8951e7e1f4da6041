/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/test_ctl_confine.c - what `cloisterctl trace` can still do
 */
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "ctl/confine.h"
#include "tap.h"

#if defined(__SANITIZE_ADDRESS__)
#define FILTERED	0
#else
#define FILTERED	1
#endif

static void try_open(void) { open("/dev/null", O_RDONLY); }
static void try_socket(void) { socket(AF_UNIX, SOCK_STREAM, 0); }
static void try_uid(void) { setresuid(0, 0, 0); }
static void try_exec(void) { execl("/bin/true", "true", NULL); }
static void try_fork(void) { fork(); }
static void try_kill(void) { kill(getppid(), 0); }
static void try_read(void) { char c; (void)!read(0, &c, 1); }
static void try_other_fd(void) { (void)!write(5, "x", 1); }
static void try_prctl(void) { prctl(PR_GET_DUMPABLE); }
static void try_code(void)
{
	syscall(SYS_mmap, NULL, 4096, 7, 0x22, -1, 0);
}

static const struct { const char *what; void (*run)(void); } forbidden[] = {
	{ "open", try_open }, { "socket", try_socket }, { "setresuid", try_uid },
	{ "execve", try_exec }, { "fork", try_fork }, { "kill", try_kill },
	{ "read", try_read }, { "write elsewhere", try_other_fd },
	{ "prctl", try_prctl }, { "executable memory", try_code },
};

/* All that the command does. */
static void tell_something(void)
{
	json_t *list = json_array();
	time_t now = time(NULL);
	struct pollfd p = { -1, 0, 0 };
	struct tm tm;

	for (int i = 0; i < 20000; i++)
		json_array_append_new(list, json_pack("{s:s,s:i}", "a", "text", "b", i));
	localtime_r(&now, &tm);
	poll(&p, 1, 1);
	if (fprintf(stdout, "# %d\n", tm.tm_year) > 0)
		json_dumpf(list, stdout, 0);
	fputs("# on standard error\n", stderr);
	json_decref(list);
	_exit(fflush(stdout) == 0 ? 0 : 1);
}

static int run(void (*what)(void))
{
	int status = -1, null;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		null = open("/dev/null", O_RDWR);
		dup2(null, 1);
		if (!confine_self())
			_exit(2);
		what();
		_exit(0);
	}
	waitpid(pid, &status, 0);
	return status;
}

static bool has_line(const char *text, const char *key, const char *value)
{
	const char *at = strstr(text, key);

	at = at ? at + strlen(key) : "";
	return strncmp(at, value, strlen(value)) == 0 && at[strlen(value)] == '\n';
}

/* As the kernel has it, of a process that waits. */
static void test_status(void)
{
	static char text[8192];
	char path[40], byte;
	int pair[2], fd;
	pid_t pid;

	if (pipe(pair))
		return;
	pid = fork();
	if (pid == 0) {
		dup2(pair[1], 1);
		if (confine_self() && write(1, "x", 1) == 1)
			poll(NULL, 0, 10000);
		_exit(1);
	}
	close(pair[1]);
	ok(read(pair[0], &byte, 1) == 1, "it is confined");
	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	fd = open(path, O_RDONLY);
	ok(fd >= 0 && read(fd, text, sizeof(text) - 1) > 0, "and can be looked at");
	close(fd);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	ok(has_line(text, "NoNewPrivs:\t", "1"), "no new privileges");
	ok(has_line(text, "CapEff:\t", "0000000000000000") &&
	   has_line(text, "CapPrm:\t", "0000000000000000") &&
	   has_line(text, "CapInh:\t", "0000000000000000") &&
	   has_line(text, "CapAmb:\t", "0000000000000000"), "no capabilities");
	if (FILTERED)
		ok(has_line(text, "Seccomp:\t", "2"), "a filter");
	if (geteuid() != 0) {
		skip("another uid: needs root");
		return;
	}
	ok(has_line(text, "Uid:\t", "65534\t65534\t65534\t65534") &&
	   has_line(text, "Gid:\t", "65534\t65534\t65534\t65534"), "it is nobody");
	ok(has_line(text, "Groups:\t", " ") || has_line(text, "Groups:\t", ""), "in no group");
	ok(has_line(text, "CapBnd:\t", "0000000000000000"), "and cannot become more");
}

int main(void)
{
	for (size_t i = 0; i < sizeof(forbidden) / sizeof(forbidden[0]); i++) {
		int status = run(forbidden[i].run);

		if (!FILTERED)
			skip("a sanitizer's build has no filter");
		else
			ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS, "%s is the end",
			   forbidden[i].what);
	}
	ok(run(tell_something) == 0, "what it is for, it can");
	test_status();
	return tap_done();
}
