/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/policy/try_syscall.c - what a filter lets through, call by call
 *
 * Built once per policy (POLICY, POLICY_HEADER), run with the output of
 * "mkpolicy --list".  Every attempt is a forked child that installs the filter
 * as sandbox.c does, with nothing open, and makes one raw call: it has to die
 * of SIGSYS, or, for what is allowed, to come back with any result.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include POLICY_HEADER
#include "abi/fds.h"
#include "tap.h"

#define CALLS		480		/* newer than the newest */
#define FDS		64
#define X32		0x40000000L
#define NO_FD		UINT64_MAX

/* xen/sys/privcmd.h and evtchn.h, from their layouts. */
#define PRIVCMD(nr, size)	_IOC(_IOC_NONE, 'P', (nr), (size))
#define PRIVCMD_HYPERCALL	PRIVCMD(0, 48)
#define PRIVCMD_MMAP		PRIVCMD(2, 16)
#define PRIVCMD_MMAPBATCH	PRIVCMD(3, 24)
#define PRIVCMD_MMAPBATCH_V2	PRIVCMD(4, 32)
#define PRIVCMD_DM_OP		PRIVCMD(5, 16)
#define PRIVCMD_RESTRICT	PRIVCMD(6, 2)
#define PRIVCMD_MMAP_RESOURCE	PRIVCMD(7, 32)
#define EVTCHN(nr, size)	_IOC(_IOC_NONE, 'E', (nr), (size))

static const struct sandbox_policy *const policy = &POLICY;

/* From the list: which calls, and which descriptors of each. */
static bool listed[CALLS], checks_fd[CALLS];
static uint64_t fds_of[CALLS];

/*
 * uretprobe and uprobe: newer kernels let them past every filter, because
 * the tracer of a filtered process needs them; called by anybody else they do
 * nothing or deliver a signal.
 */
static bool is_exempt(long nr)
{
	return nr == 335 || nr == 336;
}

enum outcome { CAME_BACK, DIED_OF_FILTER, DIED_OTHERWISE };

static void close_all(void)
{
	syscall(SYS_close_range, 3u, ~0u, 0);
}

static void install(void)
{
	struct sock_fprog prog = {
		.len = policy->filter_len,
		.filter = (struct sock_filter *)(uintptr_t)policy->filter,
	};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
		    SECCOMP_FILTER_FLAG_TSYNC, &prog))
		syscall(SYS_exit_group, 99);
}

static enum outcome judge(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		return DIED_OTHERWISE;
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
		return DIED_OF_FILTER;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? CAME_BACK :
	       DIED_OTHERWISE;
}

static enum outcome try(long nr, const uint64_t a[6])
{
	pid_t pid = fork();

	if (pid)
		return judge(pid);
	close_all();
	alarm(60);	/* one that sleeps ends as DIED_OTHERWISE */
	install();
	syscall(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
	syscall(SYS_exit_group, 0);
	return DIED_OTHERWISE;
}

static enum outcome try0(long nr)
{
	return try(nr, (const uint64_t[6]){ 0 });
}

static bool read_list(const char *path)
{
	FILE *f = fopen(path, "r");
	char line[1000], name[40], tag[20], fds[800];
	unsigned int nr;

	while (f && fgets(line, sizeof(line), f)) {
		*fds = '\0';
		if (sscanf(line, "%39s %u %19s %799s", name, &nr, tag, fds) < 3 ||
		    nr >= CALLS)
			return false;
		listed[nr] = true;
		for (char *p = strtok(fds, ","); p; p = strtok(NULL, ",")) {
			checks_fd[nr] = true;
			if (atoi(p) >= 0)
				fds_of[nr] |= UINT64_C(1) << atoi(p);
		}
	}
	if (f)
		fclose(f);
	return listed[SYS_exit_group];
}

static void test_unlisted(void)
{
	unsigned int tried = 0, alive = 0;

	for (long nr = 0; nr < CALLS; nr++) {
		if (listed[nr] || is_exempt(nr))
			continue;
		tried++;
		if (try0(nr) == DIED_OF_FILTER)
			continue;
		alive++;
		printf("# not listed, but does not kill: %ld\n", nr);
	}
	ok(alive == 0 && tried > CALLS - 60, "every call that is not listed kills"
	   " (%u tried)", tried);
}

static void test_x32(void)
{
	unsigned int alive = 0;

	for (long nr = 0; nr < CALLS + 100; nr++)
		alive += try0(nr | X32) != DIED_OF_FILTER;
	ok(alive == 0, "so does every x32 call");
}

static void test_int80(void)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		long rc;

		install();
		/* i386: 20 is getpid; x86_64: 20 is writev. */
		__asm__ volatile("int $0x80" : "=a"(rc) : "0"(20L) : "memory");
		syscall(SYS_exit_group, 0);
	}
	waitpid(pid, &status, 0);
	/* SIGSEGV: this kernel has no 32-bit entry at all. */
	ok(WIFSIGNALED(status) &&
	   (WTERMSIG(status) == SIGSYS || WTERMSIG(status) == SIGSEGV),
	   "and the 32-bit way in (signal %d)",
	   WIFSIGNALED(status) ? WTERMSIG(status) : 0);
}

/* Position of the descriptor; its other arguments make a legal call. */
static unsigned int fd_arg(long nr)
{
	return nr == SYS_mmap ? 4 : 0;
}

/* Arguments with which the policies allow the call, but for the descriptor. */
static void legal_args(long nr, uint64_t a[6])
{
	memset(a, 0, 6 * sizeof(a[0]));
	switch (nr) {
	case SYS_mmap:
		a[1] = 4096;
		a[2] = PROT_READ | PROT_WRITE;
		a[3] = MAP_SHARED;
		break;
	case SYS_ioctl:
		a[1] = PRIVCMD_MMAPBATCH_V2;
		break;
	case SYS_preadv2:
		a[5] = RWF_NOWAIT;
		break;
	case SYS_fallocate:
		a[1] = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
		break;
	case SYS_recvfrom:
		a[3] = MSG_DONTWAIT;
		break;
	case SYS_accept4:
		a[3] = SOCK_CLOEXEC | SOCK_NONBLOCK;
		break;
	case SYS_epoll_ctl:
		a[1] = EPOLL_CTL_MOD;
		a[2] = FD_NET_TAP;
		break;
	}
}

static void test_descriptors(void)
{
	for (long nr = 0; nr < CALLS; nr++) {
		uint64_t a[6];
		unsigned int wrong = 0;

		/* Pairs of descriptor and command are tried below. */
		if (!listed[nr] || !checks_fd[nr] || nr == SYS_ioctl ||
		    nr == SYS_fcntl || nr == SYS_setsockopt)
			continue;
		legal_args(nr, a);
		for (int fd = -1; fd < FDS; fd++) {
			bool may = fd >= 0 && (fds_of[nr] >> fd & 1);

			/* Anonymous memory, where a policy has it. */
			if (nr == SYS_mmap && fd == -1)
				continue;
			a[fd_arg(nr)] = (uint64_t)fd;
			if (nr == SYS_mmap && fds_of[nr] == 0)
				continue;
			if ((try(nr, a) == DIED_OF_FILTER) == !may)
				continue;
			wrong++;
			printf("# call %ld, fd %d: %s\n", nr, fd,
			       may ? "kills" : "does not kill");
		}
		ok(wrong == 0, "call %ld works on its own descriptors alone", nr);
	}
}

/* What no policy may allow.  @but: roles that may, "" for none. */
static const struct wrong {
	const char *what;
	const char *but;
	long nr;
	uint64_t a[6];
} wrongs[] = {
	{ "executable memory", "", SYS_mmap,
	  { 0, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, FD_HV_MEM } },
	{ "write and execute", "", SYS_mmap,
	  { 0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_SHARED, FD_HV_MEM } },
	{ "anonymous executable memory", "", SYS_mmap,
	  { 0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, NO_FD } },
	{ "mapping at a chosen place", "", SYS_mmap,
	  { 4096, 4096, PROT_READ, MAP_SHARED | MAP_FIXED, FD_HV_MEM } },
	{ "anonymous mapping at a chosen place", "", SYS_mmap,
	  { 4096, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, NO_FD } },
	{ "private mapping of the hypervisor", "", SYS_mmap,
	  { 0, 4096, PROT_READ, MAP_PRIVATE, FD_HV_MEM } },
	{ "mapping another descriptor", "", SYS_mmap,
	  { 0, 4096, PROT_READ, MAP_SHARED, FD_CHAN } },
	{ "anonymous memory", "vnc trace", SYS_mmap,
	  { 0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, NO_FD } },
	{ "prot bits above 32", "", SYS_mmap,
	  { 0, 4096, PROT_READ | UINT64_C(1) << 32, MAP_SHARED, FD_HV_MEM } },
	{ "a hypercall", "", SYS_ioctl, { FD_HV_MEM, PRIVCMD_HYPERCALL } },
	{ "a hypercall through the device-model handle", "", SYS_ioctl,
	  { FD_DM, PRIVCMD_HYPERCALL } },
	{ "mapping machine frames", "", SYS_ioctl, { FD_HV_MEM, PRIVCMD_MMAP } },
	{ "the old batch call", "", SYS_ioctl, { FD_HV_MEM, PRIVCMD_MMAPBATCH } },
	{ "lifting a restriction", "", SYS_ioctl, { FD_HV_MEM, PRIVCMD_RESTRICT } },
	{ "the ioreq page", "", SYS_ioctl, { FD_HV_MEM, PRIVCMD_MMAP_RESOURCE } },
	{ "the ioreq page through the other handle", "", SYS_ioctl,
	  { FD_DM, PRIVCMD_MMAP_RESOURCE } },
	{ "device-model calls through the memory handle", "", SYS_ioctl,
	  { FD_HV_MEM, PRIVCMD_DM_OP } },
	{ "device-model calls", "broker", SYS_ioctl, { FD_DM, PRIVCMD_DM_OP } },
	{ "guest memory through the device-model handle", "", SYS_ioctl,
	  { FD_DM, PRIVCMD_MMAPBATCH_V2 } },
	{ "guest memory", "disk net broker", SYS_ioctl,
	  { FD_HV_MEM, PRIVCMD_MMAPBATCH_V2 } },
	{ "ringing an event channel", "broker", SYS_ioctl,
	  { FD_EVTCHN, EVTCHN(4, 4) } },
	{ "binding a VIRQ", "", SYS_ioctl, { FD_EVTCHN, EVTCHN(0, 4) } },
	{ "binding a domain's channel", "", SYS_ioctl, { FD_EVTCHN, EVTCHN(1, 8) } },
	{ "binding an unbound channel", "", SYS_ioctl, { FD_EVTCHN, EVTCHN(2, 4) } },
	{ "typing on the console", "", SYS_ioctl, { FD_DEV0, TIOCSTI } },
	{ "changing a block device", "", SYS_ioctl, { FD_DEV0, 0x1277 /* BLKDISCARD */ } },
	{ "plain preadv2", "", SYS_preadv2, { FD_DISK0 } },
	{ "allocating without punching", "", SYS_fallocate, { FD_DISK0 } },
	{ "zeroing ranges", "", SYS_fallocate, { FD_DISK0, FALLOC_FL_ZERO_RANGE } },
	{ "closing the log", "", SYS_close, { FD_LOG } },
	{ "closing the control socket", "", SYS_close, { FD_CTL } },
	{ "shared futexes", "", SYS_futex, { 0, FUTEX_WAKE } },
	{ "waiting for a futex", "", SYS_futex, { 0, FUTEX_WAIT_PRIVATE } },
	{ "priority inheritance", "", SYS_futex, { 0, FUTEX_LOCK_PI_PRIVATE } },
	{ "requeueing waiters", "", SYS_futex, { 0, FUTEX_CMP_REQUEUE_PRIVATE } },
	{ "a clock that measures us", "", SYS_clock_gettime, { CLOCK_PROCESS_CPUTIME_ID } },
	{ "waiting for more", "", SYS_epoll_ctl, { FD_LOG, EPOLL_CTL_ADD } },
	{ "duplicating by fcntl", "", SYS_fcntl, { FD_CTL, F_DUPFD } },
	{ "changing a memfd's seals", "", SYS_fcntl, { FD_CHAN, F_ADD_SEALS } },
	{ "making memory executable", "", SYS_mprotect, { 0, 4096, PROT_EXEC } },
	{ "a Unix socket", "", SYS_socket, { 1, 1 } },
	{ "a packet socket", "", SYS_socket, { 17, 3 } },
	{ "raising a limit", "", SYS_prlimit64, { 0, RLIMIT_NOFILE, 1 } },
	{ "limits of another process", "", SYS_prlimit64, { 1, RLIMIT_NOFILE } },
	{ "other socket options", "", SYS_setsockopt, { 18, SOL_SOCKET, SO_MARK } },
	{ "making the tap another", "", SYS_ioctl, { FD_NET_TAP, 0x400454ca /* TUNSETIFF */ } },
	{ "waiting for something new", "", SYS_epoll_ctl,
	  { FD_EPOLL, EPOLL_CTL_ADD, FD_NET_TAP } },
	{ "waiting for the log", "", SYS_epoll_ctl, { FD_EPOLL, EPOLL_CTL_MOD, FD_LOG } },
	{ "deaf to the supervisor", "", SYS_epoll_ctl, { FD_EPOLL, EPOLL_CTL_DEL, FD_CTL } },
	{ "writing to the tap's ROM", "", SYS_writev, { FD_NET_ROM } },
	{ "handing over descriptors", "", SYS_sendmsg, { FD_CTL } },
	{ "taking descriptors", "", SYS_recvmsg, { FD_CTL } },
};

static void test_wrongs(void)
{
	for (size_t i = 0; i < sizeof(wrongs) / sizeof(wrongs[0]); i++) {
		const struct wrong *w = &wrongs[i];
		bool may = strstr(w->but, policy->name) != NULL;
		bool died = try(w->nr, w->a) == DIED_OF_FILTER;

		ok(died == !may, "%s %s", w->what, may ? "is allowed" : "kills");
	}
}

int main(int argc, char **argv)
{
	if (argc != 2 || !read_list(argv[1])) {
		ok(false, "the list of the policy can be read");
		return tap_done();
	}
	/* Without this, the other tests would really carry out the calls. */
	if (!ok(try0(SYS_getppid) == DIED_OF_FILTER, "the filter kills at all") ||
	    !ok(try0(SYS_exit_group) == CAME_BACK, "and lets a process end"))
		return tap_done();
	test_unlisted();
	test_x32();
	test_int80();
	test_descriptors();
	test_wrongs();
	return tap_done();
}
