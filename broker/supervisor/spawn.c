/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/spawn.c - starts one child: namespaces, descriptors, exec
 *
 * Runs in the supervisor, and for a moment in the child.  A child begins in
 * pid and UTS namespaces of its own and in the guest's network and IPC
 * namespaces; the rest of its confinement is its own doing
 * (runtime/sandbox.h).  Exec'd, not only forked: a fresh address layout, and
 * nothing of ours in its memory.
 *
 * Until the exec the child runs in our memory, on a stack of its own, while
 * we wait (CLONE_VM, CLONE_VFORK): copying page tables, and a fault for every
 * page that either side then writes, was a tenth of the start of a guest's
 * family in a PV dom0.
 */
#include "supervisor/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bug.h"

#define STEP_CGROUP	"cgroup"
#define FD_SAFE		64	/* above every number a child knows */
#define CHILD_STACK_BYTES (64 * 1024)
#define ARGS_MAX	(22 + SPAWN_OPTS)

static const char *hv_name = "xen";
static void (*give_hv)(struct spawn_spec *s);
static char worker_dir[512];
static char broker_dir[512];
static int own_ns[2] = { -1, -1 }, guest_ns[2] = { -1, -1 };
static const char *const ns_path[2] = { "/proc/self/ns/net", "/proc/self/ns/ipc" };

void spawn_spec_init(struct spawn_spec *s, const char *name, const char *role,
		     uint32_t uid)
{
	*s = (struct spawn_spec){ .name = name, .role = role, .uid = uid,
		.cgroup = -1, .cpu = -1 };
	for (int i = 0; i < SPAWN_FDS; i++)
		s->fd[i] = -1;
}

void spawn_spec_opt(struct spawn_spec *s, const char *fmt, ...)
{
	va_list ap;
	int n;

	bug_on(s->opt_count == SPAWN_OPTS);
	va_start(ap, fmt);
	n = vsnprintf(s->opt[s->opt_count++], SPAWN_OPT_LEN, fmt, ap);
	va_end(ap);
	bug_on(n < 0 || n >= SPAWN_OPT_LEN);
}

/* ---- where the programs are ---- */

static bool has_all(const char *workers, const char *broker)
{
	static const char *const role[] = { "platform", "disk", "net", "vga", "vnc" };
	char path[600];

	snprintf(path, sizeof(path), "%.550s/cloister-broker", broker);
	if (access(path, X_OK))
		return false;
	for (size_t i = 0; i < sizeof(role) / sizeof(role[0]); i++) {
		snprintf(path, sizeof(path), "%.550s/cloister-%s", workers, role[i]);
		if (access(path, X_OK))
			return false;
	}
	return true;
}

int spawn_find_programs(char *why, size_t why_len)
{
	char self[400], workers[500], broker[500];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;
	bool found;

	if (len < 0)
		return -errno;
	self[len] = '\0';
	slash = strrchr(self, '/');
	if (slash)
		*slash = '\0';
	snprintf(workers, sizeof(workers), "%s", self);
	snprintf(broker, sizeof(broker), "%s", self);
	found = has_all(workers, broker);
	if (!found) {
		snprintf(workers, sizeof(workers), "%s/../../workers", self);
		snprintf(broker, sizeof(broker), "%s/../dispatch", self);
		found = has_all(workers, broker);
	}
	if (!found) {
		snprintf(workers, sizeof(workers), "%s", CLOISTER_LIBEXECDIR);
		snprintf(broker, sizeof(broker), "%s", CLOISTER_LIBEXECDIR);
		found = has_all(workers, broker);
	}
	if (!found) {
		snprintf(why, why_len,
			 "programs missing: cloister-broker and its workers are neither in %.100s nor in %s",
			 self, CLOISTER_LIBEXECDIR);
		return -ENOENT;
	}
	snprintf(worker_dir, sizeof(worker_dir), "%s", workers);
	snprintf(broker_dir, sizeof(broker_dir), "%s", broker);
	return 0;
}

void spawn_use_programs(const char *dir)
{
	snprintf(worker_dir, sizeof(worker_dir), "%s", dir);
	snprintf(broker_dir, sizeof(broker_dir), "%s", dir);
}

void spawn_use_hv(const char *name, void (*give)(struct spawn_spec *s))
{
	hv_name = name;
	give_hv = give;
}

/* ---- namespaces ---- */

static int open_namespaces(int fd[2])
{
	for (int i = 0; i < 2; i++) {
		if (fd[i] >= 0)
			continue;
		fd[i] = open(ns_path[i], O_RDONLY | O_CLOEXEC);
		if (fd[i] < 0)
			return -errno;
	}
	return 0;
}

static int set_namespaces(const int fd[2])
{
	return setns(fd[0], CLONE_NEWNET) || setns(fd[1], CLONE_NEWIPC) ? -errno : 0;
}

int spawn_namespaces_enter(void)
{
	int rc;

	rc = open_namespaces(own_ns);
	if (rc)
		return rc;
	if (guest_ns[0] >= 0 && guest_ns[1] >= 0)
		return set_namespaces(guest_ns);
	if (unshare(CLONE_NEWNET | CLONE_NEWIPC))
		return -errno;
	return open_namespaces(guest_ns);
}

int spawn_namespaces_leave(void)
{
	return set_namespaces(own_ns);
}

int *spawn_namespace(unsigned int i)
{
	return &guest_ns[i];
}

/* ---- the child's side, in our memory ---- */

/* The child leaves these functions by exec or _exit(): what a sanitizer notes
   about their frames would stay in our memory, for the next child to trip. */
#define OF_CHILD __attribute__((no_sanitize_address))

/* What the child is to do, and how far it came. */
struct errand {
	const struct spawn_spec *spec;
	const char *path;
	char *const *argv;
	bool by_hand;		/* it was made without clone3() */
	bool began;		/* it ran */
	const char *failed;	/* step; NULL: none */
	int cause;
};

OF_CHILD _Noreturn static void fail_child(struct errand *e, const char *step)
{
	e->cause = errno;
	e->failed = step;
	_exit(127);
}

/* Who is still to be put elsewhere goes out of the way of number @to. */
OF_CHILD static void clear_number(struct errand *e, int at[SPAWN_FDS], int to)
{
	int away = -1;

	for (int i = to + 1; i < SPAWN_FDS; i++) {
		if (at[i] != to)
			continue;
		if (away < 0)
			away = fcntl(to, F_DUPFD_CLOEXEC, FD_SAFE);
		if (away < 0)
			fail_child(e, "descriptors");
		at[i] = away;
	}
}

/* All but the numbers that were given out. */
OF_CHILD static void close_others(struct errand *e, const int at[SPAWN_FDS])
{
	unsigned int from = 0;

	for (unsigned int i = 0; i < SPAWN_FDS; i++) {
		if (at[i] < 0)
			continue;
		if (i > from && close_range(from, i - 1, 0))
			fail_child(e, "descriptors");
		from = i + 1;
	}
	if (close_range(from, ~0u, 0))
		fail_child(e, "descriptors");
}

/* Puts each descriptor at its number, in their order.  Sources and targets
   overlap. */
OF_CHILD static void place_fds(struct errand *e)
{
	int at[SPAWN_FDS];
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0)
		fail_child(e, "/dev/null");
	for (int i = 0; i < SPAWN_FDS; i++)
		at[i] = i <= STDERR_FILENO ? null : e->spec->fd[i];
	for (int i = 0; i < SPAWN_FDS; i++) {
		if (at[i] < 0)
			continue;
		clear_number(e, at, i);
		/* It has to stay open when we exec. */
		if (at[i] == i ? fcntl(i, F_SETFD, 0) : dup2(at[i], i) != i)
			fail_child(e, "descriptors");
	}
	close_others(e, at);
}

/* What clone3() does on the way, and clone() does not. */
OF_CHILD static void settle_in(struct errand *e)
{
	const struct sigaction by_default = { .sa_handler = SIG_DFL };
	int procs;

	for (int sig = 1; sig < NSIG; sig++)
		sigaction(sig, &by_default, NULL);	/* two are glibc's own */
	if (e->spec->cgroup < 0)
		return;
	procs = openat(e->spec->cgroup, "cgroup.procs", O_WRONLY | O_CLOEXEC);
	if (procs < 0 || write(procs, "0", 1) != 1)
		fail_child(e, STEP_CGROUP);
}

/* Signals are blocked and have no handlers; the program forgets which of them
   we ignore (runtime/sandbox.c). */
OF_CHILD static int run_child(void *arg)
{
	char *const no_env[] = { NULL };
	struct errand *e = arg;
	cpu_set_t cpus;
	sigset_t none;

	e->began = true;
	if (e->by_hand)
		settle_in(e);
	place_fds(e);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (e->spec->cpu >= 0) {
		CPU_ZERO(&cpus);
		CPU_SET((size_t)e->spec->cpu, &cpus);
		(void)sched_setaffinity(0, sizeof(cpus), &cpus);
	}
	if (chdir("/"))
		fail_child(e, "chdir");
	execve(e->path, e->argv, no_env);
	fail_child(e, "exec");
}

/* ---- ours ---- */

static uint64_t number_mask(const struct spawn_spec *s)
{
	uint64_t mask = 0;

	for (int i = 0; i < SPAWN_FDS; i++)
		if (s->fd[i] >= 0)
			mask |= UINT64_C(1) << i;
	return mask;
}

/*
 * The system call, which glibc does not wrap: the child calls @fn, which does
 * not return, on the stack that @a names.
 */
static long clone_and_call(struct clone_args *a, int (*fn)(void *), void *arg)
{
	long rc;

	__asm__ volatile("syscall\n\t"
			 "test %%rax, %%rax\n\t"
			 "jnz 1f\n\t"
			 "mov %[arg], %%rdi\n\t"
			 "mov %[fn], %%rax\n\t"
			 "xor %%ebp, %%ebp\n\t"	/* may hold either */
			 "call *%%rax\n\t"
			 "ud2\n"
			 "1:"
			 : "=a"(rc)
			 : "0"((long)SYS_clone3), "D"(a), "S"(sizeof(*a)),
			   [fn] "r"(fn), [arg] "r"(arg)
			 : "rcx", "r11", "memory", "cc");
	return rc;
}

/* The child is born in its cgroup.  pid or -errno. */
static pid_t bear(struct errand *e, int *pidfd, char *stack, int flags)
{
	struct clone_args a = {
		.flags = (uint64_t)flags | CLONE_CLEAR_SIGHAND,
		.pidfd = (uintptr_t)pidfd,
		.exit_signal = SIGCHLD,
		.stack = (uintptr_t)stack,
		.stack_size = CHILD_STACK_BYTES,
	};

	if (e->spec->cgroup >= 0) {
		a.flags |= CLONE_INTO_CGROUP;
		a.cgroup = (uint64_t)e->spec->cgroup;
	}
	e->by_hand = false;
	return (pid_t)clone_and_call(&a, run_child, e);
}

/*
 * The older call, whose flags a filter can look at: systemd's
 * RestrictNamespaces= leaves only this one.  Moving may have to wait for all
 * CPUs.
 */
static pid_t bear_by_hand(struct errand *e, int *pidfd, char *stack, int flags)
{
	pid_t pid;

	e->by_hand = true;
	pid = clone(run_child, stack + CHILD_STACK_BYTES, flags | SIGCHLD, e, pidfd);
	return pid < 0 ? -errno : pid;
}

static void take_status(int *pidfd)
{
	siginfo_t si;

	waitid(P_PIDFD, (id_t)*pidfd, &si, WEXITED);
	close(*pidfd);
	*pidfd = -1;
}

static pid_t clone_child(struct errand *e, int *pidfd)
{
	const int flags = CLONE_PIDFD | CLONE_NEWPID | CLONE_NEWUTS | CLONE_VM |
		CLONE_VFORK;
	static alignas(16) char stack[CHILD_STACK_BYTES];
	static bool no_clone3;
	sigset_t all, ours;
	pid_t pid = -ENOSYS;

	e->failed = NULL;
	e->began = false;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &ours);
	if (!no_clone3)
		pid = bear(e, pidfd, stack, flags);
	no_clone3 = pid == -ENOSYS;
	/* Linux 6.14 and later kill at birth whoever comes from a group that
	   was never killed (cgroup.kill) into one that was, or the reverse. */
	if (pid > 0 && !e->began && e->spec->cgroup >= 0) {
		take_status(pidfd);
		pid = -ENOSYS;
	}
	if (pid == -ENOSYS)
		pid = bear_by_hand(e, pidfd, stack, flags);
	sigprocmask(SIG_SETMASK, &ours, NULL);
	return pid;
}

/* It came to nothing: says why, takes its status. */
static pid_t give_up(const struct errand *e, int *pidfd)
{
	log_errno(e->cause, "cannot start child: name=%s step=%s path=%s",
		  e->spec->name, e->failed, e->path);
	take_status(pidfd);
	return -e->cause;
}

/* Whether it is -EAGAIN (pids.max of those above) or -EPERM (no namespaces),
   the cgroup is not what was wrong. */
static bool is_cgroups_fault(const struct errand *e, pid_t pid)
{
	if (e->spec->cgroup < 0)
		return false;
	return pid < 0 ? pid != -EAGAIN && pid != -EPERM :
		e->failed && strcmp(e->failed, STEP_CGROUP) == 0;
}

/* As clone_child(), with a cgroup that cannot be entered given up in @s, which
   is e->spec, if there are no limits to lose with it. */
static pid_t make_child(struct errand *e, struct spawn_spec *s, int *pidfd)
{
	int cause = ENOENT;

	if (s->cgroup >= 0 || !s->limited) {
		pid_t pid = clone_child(e, pidfd);

		if (!is_cgroups_fault(e, pid))
			return pid;
		cause = pid < 0 ? -pid : e->cause;
		if (pid > 0)
			take_status(pidfd);
	}
	if (s->limited) {
		log_errno(cause, "child has limits, and cannot be in its cgroup: name=%s",
			  s->name);
		return -cause;
	}
	log_event(LOG_L_WARN, cause, "child cannot be in its cgroup, and goes without: "
		  "name=%s", s->name);
	s->cgroup = -1;
	return clone_child(e, pidfd);
}

pid_t spawn_child(const struct spawn_common *c, const struct spawn_spec *s,
		  int *pidfd)
{
	char path[600], domid[12], uid[12], low[24], high[24], fds[20], level[4];
	const char *argv[ARGS_MAX + 1] = {
		path, "--name", s->name, "--hv", hv_name, "--domid", domid,
		"--uid", uid, "--gid", uid, "--ram-low", low, "--ram-high", high,
		"--fds", fds, "--log", level, "--kept", c->kept ? "2" : "0",
	};
	struct spawn_spec given = *s;
	struct errand e = { .spec = &given, .path = path };
	unsigned int argc = 21;
	pid_t pid;

	if (give_hv)
		give_hv(&given);
	s = &given;
	snprintf(path, sizeof(path), "%s/cloister-%s", strcmp(s->role, "broker")
		 ? worker_dir : broker_dir, s->role);
	snprintf(domid, sizeof(domid), "%u", c->domid);
	snprintf(uid, sizeof(uid), "%u", s->uid);
	snprintf(low, sizeof(low), "%llu", (unsigned long long)c->ram_low_bytes);
	snprintf(high, sizeof(high), "%llu", (unsigned long long)c->ram_high_bytes);
	snprintf(fds, sizeof(fds), "%llx", (unsigned long long)number_mask(s));
	snprintf(level, sizeof(level), "%d", (int)c->log_level);
	for (unsigned int i = 0; i < s->opt_count; i++)
		argv[argc++] = s->opt[i];
	bug_on(argc > ARGS_MAX);

	e.argv = (char *const *)(uintptr_t)argv;
	pid = make_child(&e, &given, pidfd);
	return pid > 0 && e.failed ? give_up(&e, pidfd) : pid;
}
