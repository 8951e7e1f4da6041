/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/policy/test_sandbox.c - a confined process, seen from outside
 *
 * Starts the binary given (role, binary, options), then looks at it through
 * /proc and makes it try what it must not.  As root everything is tried;
 * without root what a user namespace allows.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "abi/fds.h"
#include "inject.h"
#include "tap.h"

static const char *binary, *role;
static const char *const *opts;
static bool root;

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED	true
#else
#define SANITIZED	false
#endif

static size_t read_proc(pid_t pid, const char *name, char *text, size_t max)
{
	char path[300];
	ssize_t len;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	fd = open(path, O_RDONLY);
	len = fd < 0 ? 0 : read(fd, text, max - 1);
	text[len < 0 ? 0 : len] = '\0';
	if (fd >= 0)
		close(fd);
	return len < 0 ? 0 : (size_t)len;
}

static unsigned int count_entries(pid_t pid, const char *name)
{
	char path[64];
	unsigned int n = 0;
	struct dirent *e;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	dir = opendir(path);
	if (!dir)
		return ~0u;
	while ((e = readdir(dir)))
		n += e->d_name[0] != '.';
	closedir(dir);
	return n;
}

/* One line of a status file says @want after its tab. */
static bool says(const char *status, const char *key, const char *want)
{
	const char *at = strstr(status, key);

	return at && !strncmp(at + strlen(key), want, strlen(want));
}

static void look_at_thread(pid_t pid, const char *tid)
{
	char path[300], s[4096], ids[64];

	snprintf(path, sizeof(path), "task/%s/status", tid);
	read_proc(pid, path, s, sizeof(s));
	snprintf(ids, sizeof(ids), "%u\t%u\t%u\t%u\n", VICTIM_UID, VICTIM_UID,
		 VICTIM_UID, VICTIM_UID);
	ok(says(s, "\nUid:\t", ids) && says(s, "\nGid:\t", ids),
	   "thread %s: identity of its own", tid);
	ok(says(s, "\nGroups:\t", " \n") || says(s, "\nGroups:\t", "\n"),
	   "thread %s: no groups", tid);
	ok(says(s, "\nCapInh:\t", "0000000000000000") &&
	   says(s, "\nCapPrm:\t", "0000000000000000") &&
	   says(s, "\nCapEff:\t", "0000000000000000") &&
	   says(s, "\nCapBnd:\t", "0000000000000000") &&
	   says(s, "\nCapAmb:\t", "0000000000000000"),
	   "thread %s: no capabilities", tid);
	ok(says(s, "\nNoNewPrivs:\t", "1") &&
	   (SANITIZED || says(s, "\nSeccomp:\t", "2")), "thread %s: a filter", tid);
	snprintf(path, sizeof(path), "task/%s/root", tid);
	ok(count_entries(pid, path) == 0, "thread %s: an empty root", tid);
}

static void look_at_threads(pid_t pid)
{
	char path[64];
	struct dirent *e;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	while (dir && (e = readdir(dir)))
		if (e->d_name[0] != '.')
			look_at_thread(pid, e->d_name);
	if (dir)
		closedir(dir);
}

/* A line of /proc/N/limits: soft and hard both @want. */
static bool limit_is(pid_t pid, const char *name, unsigned int want)
{
	char s[4096], format[64];
	const char *at;
	unsigned int soft, hard;

	read_proc(pid, "limits", s, sizeof(s));
	snprintf(format, sizeof(format), "\nMax %s ", name);
	at = strstr(s, format);
	return at && sscanf(at + strlen(format), "%u %u", &soft, &hard) == 2 &&
	       soft == want && hard == want;
}

static void test_from_outside(void)
{
	char title[64], s[4096];
	struct victim v;
	struct stat st;

	if (!ok(victim_start(&v, binary, role, opts, true), "%s confines itself", role))
		return;
	read_proc(v.pid, "cmdline", s, sizeof(s));
	snprintf(title, sizeof(title), "cloister: dom7 %s", role);
	is_str(s, title, "its title says who it is");
	snprintf(s, sizeof(s), "/proc/%d/fd", v.pid);
	ok(stat(s, &st) == 0 && st.st_uid == 0, "nobody but root may look into it");
	look_at_threads(v.pid);
	ok(count_entries(v.pid, "cwd") == 0, "nor is there anything where it stands");
	read_proc(v.pid, "mountinfo", s, sizeof(s));
	ok(strchr(s, '\n') && !strchr(strchr(s, '\n') + 1, '\n') &&
	   strstr(s, " / / ro,nosuid,nodev,noexec"), "one mount, read-only");
	ok(limit_is(v.pid, "core file size", 0) &&
	   limit_is(v.pid, "processes", 0) && limit_is(v.pid, "locked memory", 0) &&
	   limit_is(v.pid, "msgqueue size", 0) && limit_is(v.pid, "file locks", 0),
	   "limits are set");
	is_hex((uint64_t)WEXITSTATUS(victim_end(&v)), 0,
	       "it ends when the supervisor hangs up");
}

/* A call the policy has: the victim has to be alive after it. */
static void test_allowed(void)
{
	const uint64_t a[6] = { FD_LOG, 0, 0 };
	struct victim v;
	int64_t result = -1;
	int rc;

	if (!victim_start(&v, binary, role, opts, true) || !victim_attach(&v)) {
		ok(false, "it can be made to call");
		return;
	}
	rc = victim_call(&v, SYS_write, a, &result);
	ok(rc == 0, "it can be made to call (rc %d, result %" PRId64 ")", rc, result);
	kill(v.pid, SIGKILL);
	victim_end(&v);
}

static const struct forbidden {
	const char *what;
	const char *but;	/* roles that may */
	long nr;
	uint64_t a[6];
} forbidden[] = {
	{ "open a file", "", SYS_openat, { (uint64_t)-100 } },
	{ "make a socket", "", SYS_socket, { AF_UNIX, SOCK_STREAM } },
	{ "run a program", "", SYS_execve, { 0 } },
	{ "fork", "", SYS_clone, { SIGCHLD } },
	{ "fork the new way", "", SYS_clone3, { 0 } },
	{ "trace somebody", "", SYS_ptrace, { 0 } },
	{ "kill somebody", "", SYS_kill, { 1, 0 } },
	{ "map executable memory", "", SYS_mmap,
	  { 0, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, FD_HV_MEM } },
	{ "map anonymous memory", "vnc", SYS_mmap,
	  { 0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, UINT64_MAX } },
	{ "map in a chosen place", "", SYS_mmap,
	  { 4096, 4096, PROT_READ, MAP_SHARED | MAP_FIXED, FD_HV_MEM } },
	{ "make a hypercall", "", SYS_ioctl, { FD_HV_MEM, 0x305000 } },
	{ "make a device-model call", "", SYS_ioctl, { FD_HV_MEM, 0x105005 } },
	{ "map the ioreq page", "", SYS_ioctl, { FD_HV_MEM, 0x205007 } },
	{ "write to standard error", "", SYS_write, { 2 } },
	{ "write to its channel as a file", "vnc", SYS_write, { FD_CHAN } },
	{ "take a descriptor", "", SYS_recvmsg, { FD_CTL } },
	{ "lift its limits", "", SYS_prlimit64, { 0, RLIMIT_NOFILE } },
	{ "set up io_uring", "", SYS_io_uring_setup, { 1 } },
	{ "look into a process", "", SYS_process_vm_readv, { 1 } },
	{ "open a namespace", "", SYS_unshare, { 0x10000000 } },
	{ "duplicate a descriptor", "", SYS_dup, { FD_CTL } },
};

static void test_forbidden(void)
{
	for (size_t i = 0; i < sizeof(forbidden) / sizeof(forbidden[0]); i++) {
		const struct forbidden *f = &forbidden[i];
		int64_t result = 0;
		struct victim v;
		int rc = -1;

		if (strstr(f->but, role))
			continue;
		if (victim_start(&v, binary, role, opts, true) && victim_attach(&v))
			rc = victim_call(&v, f->nr, f->a, &result);
		ok(rc == SIGSYS, "it dies if it tries to %s", f->what);
		if (rc != SIGSYS)
			printf("# rc %d, result %" PRId64 "\n", rc, result);
		/* A dead one was waited for already. */
		if (rc != SIGSYS)
			kill(v.pid, SIGKILL);
		close(v.ctl);
		close(v.log);
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
	}
}

static void test_broken_promises(void)
{
	static const char *const promises[] = { "extra", "missing", "type", "beyond" };

	for (size_t i = 0; i < sizeof(promises) / sizeof(promises[0]); i++) {
		char opt[40];
		const char *const list[] = { opt, NULL };
		struct victim v;
		int status;

		snprintf(opt, sizeof(opt), "break=%s", promises[i]);
		ok(!victim_start(&v, binary, role, list, root),
		   "descriptors not as promised (%s): no start", promises[i]);
		status = victim_end(&v);
		ok(WIFEXITED(status) && WEXITSTATUS(status) == 1, "and it ends at once");
	}
}

static void test_by_hand(void)
{
	char text[200] = "", want[200];
	int pipes[2], status;
	pid_t pid;
	ssize_t len;

	if (pipe(pipes) || (pid = fork()) < 0)
		return;
	if (pid == 0) {
		dup2(pipes[1], 2);
		syscall(SYS_close_range, 3u, ~0u, 0);
		execl(binary, binary, (char *)NULL);
		_exit(127);
	}
	close(pipes[1]);
	len = read(pipes[0], text, sizeof(text) - 1);
	close(pipes[0]);
	waitpid(pid, &status, 0);
	snprintf(want, sizeof(want), "cloister-%s: started by cloister, not by "
		 "hand; see cloister(8)\n", role);
	ok(len > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 2,
	   "by hand it does not start: usage error");
	is_str(text, want, "and says why");
}

static void test_without_root(void)
{
	struct victim v;
	struct stat st;
	char path[64];

	ok(victim_start(&v, binary, role, opts, false),
	   "it starts for tests without an identity of its own");
	snprintf(path, sizeof(path), "/proc/%d/fd", v.pid);
	ok(stat(path, &st) == 0 && st.st_uid == 0, "is not dumpable even so");
	is_hex((uint64_t)WEXITSTATUS(victim_end(&v)), 0, "and ends");
}

/* @pid is dead, and not waited for: what it was when it died. */
static bool read_zombie(pid_t pid, char *s, size_t max)
{
	for (int tries = 0; tries < 300; tries++) {
		read_proc(pid, "status", s, max);
		if (says(s, "\nState:\t", "Z"))
			return true;
		usleep(10000);
	}
	return false;
}

/*
 * State that somebody left, with "state=restored": a worker that does not like
 * it ends at once, and so tells what it was when it looked.
 */
static void test_hostile_state(void)
{
	const char *list[40] = { "state=restored" };
	char s[4096], ids[64];
	struct victim v;
	int status;

	for (unsigned int i = 0; opts[i] && i < 38; i++)
		list[i + 1] = opts[i];
	victim_leave_state(true);
	ok(!victim_start(&v, binary, role, list, root),
	   "state that makes no sense: no start");
	victim_leave_state(false);
	ok(read_zombie(v.pid, s, sizeof(s)), "it has ended");
	ok(SANITIZED || says(s, "\nSeccomp:\t", "2"),
	   "it was under its filter when it looked at that");
	snprintf(ids, sizeof(ids), "%u\t%u\t", VICTIM_UID, VICTIM_UID);
	ok(!root || (says(s, "\nUid:\t", ids) &&
		     says(s, "\nCapEff:\t", "0000000000000000")),
	   "and nobody of importance");
	status = victim_end(&v);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 1, "and said so");
}

/* A supervisor that starts one child, and a keeper that holds the sockets. */
_Noreturn static void be_supervisor(int pids)
{
	struct victim v;
	pid_t pid[2];

	if (!victim_start(&v, binary, role, opts, root))
		_exit(1);
	pid[0] = v.pid;
	pid[1] = fork();
	if (pid[1] == 0) {
		if (strcmp(role, "broker") == 0)
			close(v.ctl);
		alarm(20);
		pause();
		_exit(0);
	}
	if (write(pids, pid, sizeof(pid)) != sizeof(pid))
		_exit(1);
	pause();
	_exit(0);
}

/*
 * A worker's sockets stay open, so it is the death of the parent that ends it.
 * The broker has to see its socket end: it answers the guest first, and ends
 * well.
 */
static void test_death_of_supervisor(void)
{
	pid_t pid[2], supervisor;
	int pids[2], status = 0, tries;

	prctl(PR_SET_CHILD_SUBREAPER, 1);
	fflush(stdout);
	if (pipe(pids) || (supervisor = fork()) < 0)
		return;
	if (supervisor == 0)
		be_supervisor(pids[1]);
	close(pids[1]);
	if (!ok(read(pids[0], pid, sizeof(pid)) == sizeof(pid), "a supervisor starts it"))
		return;
	kill(supervisor, SIGKILL);
	for (tries = 0; tries < 300; tries++) {
		if (waitpid(pid[0], &status, WNOHANG) == pid[0])
			break;
		usleep(10000);
	}
	if (strcmp(role, "broker") == 0)
		ok(tries < 300 && WIFEXITED(status) && WEXITSTATUS(status) == 0,
		   "it ends when the supervisor dies");
	else
		ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL,
		   "it dies when the supervisor dies");
	if (tries == 300)
		kill(pid[0], SIGKILL);
	kill(pid[1], SIGKILL);
	close(pids[0]);
	while (waitpid(-1, NULL, 0) > 0)
		;
}

int main(int argc, char **argv)
{
	if (argc < 3)
		return skip_all("usage: test_sandbox ROLE BINARY [key=value...]");
	role = argv[1];
	binary = argv[2];
	opts = (const char *const *)argv + 3;
	root = geteuid() == 0;
	test_by_hand();
	test_without_root();
	test_death_of_supervisor();
	if (strstr(binary, "probe"))
		test_broken_promises();
	else if (strcmp(role, "vnc") && strcmp(role, "broker"))
		test_hostile_state();
	if (!root) {
		skip("NOT ROOT: identity, capabilities, root and injected calls "
		     "are not tested");
		return tap_done();
	}
	test_from_outside();
	if (SANITIZED) {
		skip("no filter in a sanitizer build");
		return tap_done();
	}
	test_allowed();
	test_forbidden();
	return tap_done();
}
