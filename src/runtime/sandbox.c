/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * runtime/sandbox.c - how a child of the supervisor gives up its rights
 *
 * Runs in the broker and in every worker, once, before the first byte of a
 * guest, a client, an image or a dead worker is looked at (what a dead broker
 * left its successor compares before: broker/dispatch/main.c).  The steps
 * stand in this file in the order in which they are taken (the list is in
 * sandbox.h); each says what it should do and what must not have happened yet.
 * A step that fails ends the process: there is no partial confinement.
 *
 * What is per thread in Linux (mount namespace, securebits, bounding set, no
 * new privileges) is done in stage 1, while there is one thread: I/O threads
 * made in stage 2 inherit it.  What glibc carries to all threads (ids), and
 * what the kernel does (the filter, with TSYNC), comes at the end.
 *
 * It does not make namespaces other than the mount namespace: a process
 * cannot put itself into a new pid namespace, so the supervisor starts it
 * inside pid, ipc, net and uts namespaces.
 */
#include "runtime/sandbox.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <linux/securebits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdalign.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "abi/ctl_msg.h"
#include "abi/fds.h"
#include "base/bug.h"
#include "base/log.h"

#define ARG_BYTES	4096u
#define OPTS		64u
#define THREADS		16u
#define LINK_BYTES	128u
#define STDIO_FDS	UINT64_C(7)		/* 0, 1, 2 */
#define KEPT_WAIT	2u			/* 1: of a supervisor that was started
						   before an upgrade of us */
#define VNC_CLIENT_FDS	20u			/* policy/vnc.policy */
#define VNC_HEAP_BYTES	(96u << 20)		/* libvncserver allocates */

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED	1
/* The leak checker needs ptrace, which is gone by the time it runs. */
const char *__asan_default_options(void);
const char *__asan_default_options(void) { return "detect_leaks=0"; }
#else
#define SANITIZED	0
#endif

/* The one sandbox of this process. */
static struct {
	const char *role;
	char text[ARG_BYTES];		/* our copy of the command line */
	size_t used;
	const char *opt[OPTS];
	uint64_t kept;			/* not 0: we may outlive the supervisor */
	bool own_root;			/* we have a mount namespace to empty */
	bool own_ids;			/* we will change to a->uid, a->gid */
	uint64_t ignored, bounding;	/* signals, capabilities: at the start */
	int status_fd[THREADS];		/* /proc/self/task/N/status */
	unsigned int status_count;
	uint64_t data_bytes;		/* private writable memory so far */
} me;

/* ==== 1 inherit ========================================================
 *
 * Should: believe nothing about how we were started, and fix what is per
 * thread.  Mustn't: open anything that stays open.
 */

/* The supervisor holds the other end of FD_CTL; a shell does not. */
static void refuse_by_hand(void)
{
	int type = 0, domain = 0;
	socklen_t len = sizeof(int);

	if (getsockopt(FD_CTL, SOL_SOCKET, SO_TYPE, &type, &len) == 0 &&
	    getsockopt(FD_CTL, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 &&
	    type == SOCK_SEQPACKET && domain == AF_UNIX)
		return;
	fprintf(stderr, "cloister-%s: started by cloister, not by hand; "
		"see cloister(8)\n", me.role);
	_exit(2);
}

/* argv is about to become the process title. */
static const char *keep(const char *s)
{
	size_t len = strlen(s) + 1;
	char *to = me.text + me.used;

	if (len > sizeof(me.text) - me.used)
		die(0, "command line is too long");
	memcpy(to, s, len);
	me.used += len;
	return to;
}

static uint64_t parse_number(const char *option, const char *value, int base,
			     uint64_t max)
{
	char *end;
	unsigned long long v;

	errno = 0;
	v = strtoull(value, &end, base);
	if (!*value || *value == '-' || *end || errno || v > max)
		die(0, "%s: bad value \"%s\"", option, value);
	return v;
}

static unsigned int parse_level(const char *value)
{
	static const char *const names[LOG_L_COUNT] = {
		"err", "warn", "info", "debug"
	};

	for (unsigned int i = 0; i < LOG_L_COUNT; i++)
		if (!strcmp(value, names[i]))
			return i;
	return (unsigned int)parse_number("--log", value, 10, LOG_L_COUNT - 1);
}

static void parse_option(struct sandbox_args *a, const char *option,
			 const char *value)
{
	if (!strcmp(option, "--name"))
		a->name = keep(value);
	else if (!strcmp(option, "--hv"))
		a->hv = keep(value);
	else if (!strcmp(option, "--domid"))
		a->domid = (uint32_t)parse_number(option, value, 10, 0x7fef);
	else if (!strcmp(option, "--uid"))
		a->uid = (uint32_t)parse_number(option, value, 10, UINT32_MAX - 1);
	else if (!strcmp(option, "--gid"))
		a->gid = (uint32_t)parse_number(option, value, 10, UINT32_MAX - 1);
	else if (!strcmp(option, "--ram-low"))
		a->ram_below_4g_bytes = parse_number(option, value, 0, UINT32_MAX);
	else if (!strcmp(option, "--ram-high"))
		a->ram_above_4g_bytes = parse_number(option, value, 0, UINT64_MAX);
	else if (!strcmp(option, "--fds"))
		a->fds = parse_number(option, value, 16, UINT64_MAX);
	else if (!strcmp(option, "--kept"))
		me.kept = parse_number(option, value, 10, KEPT_WAIT);
	else if (!strcmp(option, "--log"))
		a->log_level = parse_level(value);
	else
		die(0, "unknown option: %s", option);
}

static void parse_args(struct sandbox_args *a, int argc, char **argv)
{
	*a = (struct sandbox_args){ .name = me.role, .hv = "xen", .opt = me.opt,
				    .log_level = LOG_L_INFO };
	for (int i = 1; i < argc; i++) {
		if (!strncmp(argv[i], "--", 2)) {
			if (i + 1 == argc)
				die(0, "%s: value missing", argv[i]);
			parse_option(a, argv[i], argv[i + 1]);
			i++;
			continue;
		}
		if (!strchr(argv[i], '=') || a->opt_count == OPTS)
			die(0, "unexpected argument: %s", argv[i]);
		me.opt[a->opt_count++] = keep(argv[i]);
	}
	if (strcmp(a->hv, "xen") && strcmp(a->hv, "fake"))
		die(0, "--hv: bad value \"%s\"", a->hv);
	if (!strcmp(a->hv, "xen") && (!a->uid || !a->gid || geteuid()))
		die(0, "on Xen, a child starts as root and becomes somebody else");
}

/* ps shows "cloister: dom7 disk0", and the short name is "disk0". */
static void set_title(const struct sandbox_args *a, int argc, char **argv)
{
	char *first = argv[0], *end = argv[argc - 1] + strlen(argv[argc - 1]) + 1;

	prctl(PR_SET_NAME, a->name);
	memset(first, 0, (size_t)(end - first));
	snprintf(first, (size_t)(end - first), "cloister: dom%u %s", a->domid,
		 a->name);
}

/* Calls @fn with each name that is a number.  Not opendir(): a system call
   less, and no heap, of which most of us need nothing. */
static void list_numbers(const char *path, void (*fn)(void *arg, int number, int dir),
			 void *arg)
{
	alignas(struct dirent64) char list[2048];
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ssize_t len = -1;

	while (dir >= 0 && (len = getdents64(dir, list, sizeof(list))) > 0)
		for (ssize_t at = 0; at < len; ) {
			struct dirent64 *e = (void *)(list + at);

			if (e->d_name[0] != '.')
				fn(arg, atoi(e->d_name), dir);
			at += e->d_reclen;
		}
	if (len < 0)
		die(errno, "%s", path);
	close(dir);
}

static void note_fd(void *mask, int fd, int dir)
{
	if (fd == dir)
		return;
	if (fd > 63)
		die(0, "unexpected descriptor: fd=%d", fd);
	*(uint64_t *)mask |= UINT64_C(1) << fd;
}

/* Bit per open descriptor; dies beyond 63. */
static uint64_t open_fds(void)
{
	uint64_t mask = 0;

	list_numbers("/proc/self/fd", note_fd, &mask);
	return mask;
}

static void check_open(uint64_t want)
{
	uint64_t have = open_fds(), odd = have ^ want;

	if (odd)
		die(0, "descriptors are not as promised: fd=%d %s",
		    __builtin_ctzll(odd),
		    have & odd & -odd ? "is open" : "is missing");
}

/* A row of /proc/self/status, a number to the base of 16.  All, if it is not
   there: root may have more groups than there is room for. */
static uint64_t find_mask(const char *status, const char *key)
{
	const char *at = strstr(status, key);

	return at ? strtoull(at + strlen(key), NULL, 16) : UINT64_MAX;
}

/* What we were started with, of what is reset here: mostly nothing or little,
   and to reset all that might be is 70 system calls. */
static void read_start(void)
{
	int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	char status[4096];
	ssize_t len = fd < 0 ? -1 : read(fd, status, sizeof(status) - 1);

	if (len < 0)
		die(errno, "/proc/self/status");
	close(fd);
	status[len] = '\0';
	me.ignored = find_mask(status, "\nSigIgn:\t");
	me.bounding = find_mask(status, "\nCapBnd:\t");
}

/* The supervisor's signal set-up is not ours.  An exec leaves no handler; those
   there are come from a sanitizer, whose exits are not what tests wait for. */
static void reset_signals(void)
{
	uint64_t reset = SANITIZED ? UINT64_MAX : me.ignored;
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	for (int sig = 1; sig < SIGRTMIN; sig++)
		if (reset >> (sig - 1) & 1)
			signal(sig, SIG_DFL);
	signal(SIGPIPE, SIG_IGN);	/* a peer that left is an errno */
}

static bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	size_t len = strlen(text);
	bool good = fd >= 0 && write(fd, text, len) == (ssize_t)len;

	if (fd >= 0)
		close(fd);
	return good;
}

/* Without root, on the in-memory hypervisor: rights over a world of our own. */
static bool enter_user_namespace(void)
{
	char uids[64], gids[64];
	uid_t uid = getuid();
	gid_t gid = getgid();

	snprintf(uids, sizeof(uids), "%u %u 1", uid, uid);
	snprintf(gids, sizeof(gids), "%u %u 1", gid, gid);
	return unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 &&
	       write_file("/proc/self/setgroups", "deny") &&
	       write_file("/proc/self/uid_map", uids) &&
	       write_file("/proc/self/gid_map", gids);
}

/*
 * Our own mount namespace, private: what we do to it nobody sees.  It is
 * emptied in stage 5; until then files can be opened as before.
 */
static void enter_mount_namespace(const struct sandbox_args *a)
{
	bool fake = !strcmp(a->hv, "fake");
	bool root = geteuid() == 0;

	if (root ? unshare(CLONE_NEWNS) != 0 : !enter_user_namespace()) {
		if (!fake)
			die(errno, "cannot have a mount namespace");
		return;
	}
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		die(errno, "cannot make mounts private");
	me.own_root = true;
	me.own_ids = root && a->uid;
}

/* Uid 0 means nothing, nothing can be gained by exec, and that stays so. */
static void lock_privileges(void)
{
	const unsigned long bits =
		SECBIT_NOROOT | SECBIT_NOROOT_LOCKED |
		SECBIT_NO_SETUID_FIXUP_LOCKED |	/* off: stage 7 relies on it */
		SECBIT_KEEP_CAPS_LOCKED |
		SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED;

	for (unsigned long cap = 0; cap < 64; cap++) {
		if (!(me.bounding >> cap & 1) || prctl(PR_CAPBSET_DROP, cap) == 0)
			continue;
		if (errno == EINVAL)
			break;		/* beyond the last one this kernel knows */
		die(errno, "cannot drop a capability");
	}
	if (prctl(PR_SET_SECUREBITS, bits))
		die(errno, "cannot lock the capability rules");
}

/*
 * A supervisor that dies before all that is known of us is kept leaves somebody
 * whom the next one does not find: it starts another in our place, so we must
 * not have taken that.
 */
static void wait_to_go(void)
{
	struct pollfd ctl = { .fd = FD_CTL, .events = POLLIN };
	struct ctl_msg m;
	ssize_t r;

	do
		poll(&ctl, 1, -1);
	while ((r = recv(FD_CTL, &m, sizeof(m), MSG_DONTWAIT)) < 0 &&
	       (errno == EAGAIN || errno == EINTR));
	if (r <= 0)
		die(0, "the supervisor was gone before we were kept");
	if (r != (ssize_t)sizeof(m) || m.kind != CTL_GO)
		die(0, "something was said before we may go on: kind=%u",
		    r == (ssize_t)sizeof(m) ? m.kind : CTL_NONE);
}

void sandbox_inherit(struct sandbox_args *a, const char *role, int argc, char **argv)
{
	static char subject[32];

	me.role = role;
	snprintf(subject, sizeof(subject), "cloister-%s", role);
	log_init(-1, subject, LOG_L_INFO);
	refuse_by_hand();
	parse_args(a, argc, argv);
	check_open(a->fds | STDIO_FDS);
	log_init(FD_LOG, a->name, a->log_level);
	set_title(a, argc, argv);
	if (me.kept == KEPT_WAIT)
		wait_to_go();
	read_start();
	reset_signals();
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		die(errno, "cannot renounce new privileges");
	enter_mount_namespace(a);
	if (me.own_root)
		lock_privileges();
}

const char *sandbox_opt(const struct sandbox_args *a, const char *key)
{
	size_t len = strlen(key);

	for (unsigned int i = 0; i < a->opt_count; i++)
		if (!strncmp(a->opt[i], key, len) && a->opt[i][len] == '=')
			return a->opt[i] + len + 1;
	return NULL;
}

/* ==== 2 build: the caller ============================================== */

/* ==== 3 restrict: the caller, hv_restrict() ============================ */

/* ==== 4 check ==========================================================
 *
 * Should: see that every number names the kind of thing that the policy
 * believes it names.  Mustn't: have lost /proc yet.
 */

enum kind {
	K_SOCKET, K_MEMFD, K_EVENTFD, K_TIMERFD, K_EPOLL,
	K_IMAGE,		/* file or block device */
	K_BYTES,		/* pty, pipe, socket or file */
	K_FILE,
	K_PRIVCMD, K_EVTCHN,	/* or what the in-memory hypervisor has there */
	K_TAP,			/* or a socket that talks like one */
	K_SPENT,		/* /dev/null, or a handle that cannot do anything */
	K_COUNT
};

/* Descriptors from abi/fds.h; an empty role means all, later rows win. */
static const struct expect {
	const char *role;
	uint8_t first, last;
	enum kind kind;
} expected[] = {
	{ "",		0, 2,				K_BYTES },
	{ "",		FD_LOG, FD_CTL,			K_SOCKET },
	{ "",		FD_EPOLL, FD_EPOLL,		K_EPOLL },
	{ "",		FD_CALM, FD_CALM,		K_EPOLL },
	{ "",		FD_TIMER, FD_TIMER,		K_TIMERFD },
	{ "",		FD_HV_MEM, FD_HV_MEM,		K_PRIVCMD },
	{ "",		FD_STATS, FD_STATS,		K_MEMFD },
	{ "",		FD_CHAN, FD_CHAN,		K_MEMFD },
	{ "",		FD_KICK, FD_BROKER_KICK,	K_EVENTFD },
	{ "",		FD_STATE, FD_STATE,		K_MEMFD },
	{ "platform",	FD_SERIAL0, FD_SERIAL3,		K_BYTES },
	{ "platform",	FD_INPUT, FD_INPUT,		K_MEMFD },
	{ "platform",	FD_INPUT_KICK, FD_INPUT_KICK,	K_EVENTFD },
	{ "disk",	FD_DISK0, FD_DISK3,		K_IMAGE },
	{ "disk",	FD_BLK_DONE, FD_BLK_WORK,	K_EVENTFD },
	{ "net",	FD_NET_TAP, FD_NET_TAP,		K_TAP },
	{ "net",	FD_NET_ROM, FD_NET_ROM,		K_FILE },
	{ "vga",	FD_VGA_FB, FD_VGA_FB,		K_MEMFD },
	{ "vga",	FD_VGA_SCAN, FD_VGA_PAINTED,	K_EVENTFD },
	{ "vga",	FD_VGA_ROM, FD_VGA_ROM,		K_FILE },
	{ "vnc",	FD_VNC_FB, FD_VNC_FB,		K_MEMFD },
	{ "vnc",	FD_VNC_SCAN, FD_VNC_PAINTED,	K_EVENTFD },
	{ "vnc",	FD_VNC_LISTEN, FD_VNC_LISTEN,	K_SOCKET },
	{ "vnc",	FD_VNC_INPUT, FD_VNC_INPUT,	K_MEMFD },
	{ "vnc",	FD_VNC_INPUT_KICK, FD_VNC_INPUT_KICK, K_EVENTFD },
	{ "broker",	FD_ANSWER_KICK, FD_ANSWER_KICK,	K_EVENTFD },
	{ "broker",	FD_EVTCHN, FD_EVTCHN,		K_EVTCHN },
	{ "broker",	FD_DM, FD_DM,			K_PRIVCMD },
	{ "broker",	FD_DM_CALL, FD_DM_BUF,		K_SPENT },
	{ "broker",	FD_PLAN, FD_BROKER_STATE,	K_MEMFD },
	{ "broker",	FD_CHAN0, FD_CHAN_END - 1,	K_MEMFD },
	{ "broker",	FD_KICK0, FD_KICK_END - 1,	K_EVENTFD },
	{ "broker",	FD_TRACE0, FD_TRACE_END - 1,	K_MEMFD },
};

static bool starts(const char *s, const char *with)
{
	return strncmp(s, with, strlen(with)) == 0;
}

static bool is_socket(const char *link)
{
	return starts(link, "socket:[");	/* a path starts with a slash */
}

/* For what has a path, of which the link says nothing. */
static mode_t mode_of(int fd)
{
	struct stat st;

	if (fstat(fd, &st))
		die(errno, "cannot look at a descriptor: fd=%d", fd);
	return st.st_mode;
}

static bool is_kind(enum kind kind, const char *link, int fd, bool fake)
{
	mode_t mode;

	switch (kind) {
	case K_SOCKET:
		return is_socket(link);
	case K_MEMFD:
		return starts(link, "/memfd:");
	case K_EVENTFD:
		return starts(link, "anon_inode:[eventfd]");
	case K_TIMERFD:
		return starts(link, "anon_inode:[timerfd]");
	case K_EPOLL:
		return starts(link, "anon_inode:[eventpoll]");
	case K_IMAGE:
		mode = mode_of(fd);
		return S_ISREG(mode) || S_ISBLK(mode);
	case K_BYTES:
		mode = mode_of(fd);
		return S_ISCHR(mode) || S_ISFIFO(mode) || S_ISSOCK(mode) ||
		       S_ISREG(mode);
	case K_FILE:
		return S_ISREG(mode_of(fd));
	case K_PRIVCMD:
		return fake ? is_socket(link) || starts(link, "/memfd:") :
		       !strcmp(link, "/dev/xen/privcmd") ||
		       !strcmp(link, "/proc/xen/privcmd");
	case K_EVTCHN:
		return fake ? is_socket(link) || starts(link, "anon_inode:[eventfd]") :
		       !strcmp(link, "/dev/xen/evtchn");
	case K_TAP:
		return (fake && is_socket(link)) || !strcmp(link, "/dev/net/tun");
	case K_SPENT:
		return !strcmp(link, "/dev/null") ||
		       !strcmp(link, "/dev/xen/hypercall");
	case K_COUNT:
		break;
	}
	return false;
}

static void check_kind(const struct sandbox_args *a, int fd)
{
	char path[32], link[LINK_BYTES] = "";
	const struct expect *e = NULL;

	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
		if (fd >= expected[i].first && fd <= expected[i].last &&
		    (!*expected[i].role || !strcmp(expected[i].role, me.role)))
			e = &expected[i];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (readlink(path, link, sizeof(link) - 1) < 0)
		die(errno, "cannot look at a descriptor: fd=%d", fd);
	if (!e || !is_kind(e->kind, link, fd, !strcmp(a->hv, "fake")))
		die(0, "descriptor is not what its number promises: fd=%d is=\"%s\"",
		    fd, link);
}

static void check_fds(const struct sandbox_args *a, uint64_t own)
{
	uint64_t all = a->fds | own | STDIO_FDS;

	check_open(all);
	for (int fd = 0; fd < 64; fd++)
		if (all >> fd & 1)
			check_kind(a, fd);
}

/* ==== 5 namespaces =====================================================
 *
 * Should: take the last path to a file away.  Mustn't: have changed identity
 * yet (mounting needs root).
 */

static void open_status(void *arg, int tid, int dir)
{
	char path[32];
	int fd;

	(void)arg;
	snprintf(path, sizeof(path), "%d/status", tid);
	fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || me.status_count == THREADS)
		die(errno, "cannot look at our threads");
	me.status_fd[me.status_count++] = fd;
}

/* Opened while /proc is there, read in stage 7: the text is made on reading. */
static void open_thread_status(void)
{
	list_numbers("/proc/self/task", open_status, NULL);
}

/* Sixth field of statm: pages of private writable memory and stack. */
static void read_data_size(void)
{
	int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	char text[128], *at = text;
	ssize_t len = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (len < 0)
		die(errno, "/proc/self/statm");
	close(fd);
	text[len] = '\0';
	for (unsigned int field = 1; field < 6 && at; field++)
		at = strchr(at + 1, ' ');
	if (!at)
		die(0, "/proc/self/statm is not as expected");
	me.data_bytes = strtoull(at, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE);
}

/*
 * pivot_root() moves every thread of this mount namespace whose root was the
 * old one.  It cannot leave an initial ramfs (EINVAL): there, the new root is
 * moved over the old and we change into it.
 */
static void empty_root(void)
{
	const unsigned long flags = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC;

	if (mount("none", "/proc", "tmpfs", flags, "size=4k,nr_inodes=1,mode=0555") ||
	    chdir("/proc"))
		die(errno, "cannot mount an empty root");
	if (syscall(SYS_pivot_root, ".", ".") == 0) {
		if (umount2(".", MNT_DETACH))
			die(errno, "cannot let go of the old root");
	} else if (errno != EINVAL || mount(".", "/", NULL, MS_MOVE, NULL) ||
		   chroot(".")) {
		die(errno, "cannot change root");
	}
	if (chdir("/"))
		die(errno, "cannot change directory");
	if (access("/proc", F_OK) == 0 || errno != ENOENT)
		die(0, "the new root is not empty");
}

/* ==== 6 limits =========================================================
 *
 * Should: bound what is left.  Mustn't: bound what stage 7 still needs.
 */

static void limit(int resource, uint64_t value)
{
	struct rlimit r = { value, value };

	if (setrlimit((__rlimit_resource_t)resource, &r))
		die(errno, "cannot set a limit: resource=%d", resource);
}

static void set_limits(uint64_t all_fds)
{
	bool vnc = !strcmp(me.role, "vnc");
	uint64_t fds = 64 - (uint64_t)__builtin_clzll(all_fds);

	limit(RLIMIT_CORE, 0);		/* guest memory does not go to a file */
	limit(RLIMIT_NOFILE, vnc ? fds + VNC_CLIENT_FDS : fds);
	limit(RLIMIT_NPROC, 0);		/* threads exist by now */
	limit(RLIMIT_MEMLOCK, 0);
	limit(RLIMIT_MSGQUEUE, 0);
	limit(RLIMIT_LOCKS, 0);
	if (strcmp(me.role, "disk") && strcmp(me.role, "platform"))
		limit(RLIMIT_FSIZE, 0);	/* images grow, and so do serial logs */
	if (!SANITIZED)
		limit(RLIMIT_DATA, me.data_bytes + (vnc ? VNC_HEAP_BYTES : 0));
}

/* ==== 7 identity =======================================================
 *
 * Should: become somebody with no rights, in every thread, and see that it is
 * so.  Mustn't: need anything privileged after this.
 */

static void change_ids(const struct sandbox_args *a)
{
	/* glibc carries these to all threads, and the change from 0 clears
	   each thread's capabilities. */
	if (setgroups(0, NULL) || setresgid(a->gid, a->gid, a->gid) ||
	    setresuid(a->uid, a->uid, a->uid))
		die(errno, "cannot change identity: uid=%u gid=%u", a->uid, a->gid);
	/* One thread tries; what the others are is read in check_threads(). */
	if (syscall(SYS_setuid, 0) == 0 || syscall(SYS_setgid, 0) == 0)
		die(0, "root could be regained");
}

static void drop_capabilities(void)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3
	};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { { 0 } };

	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) ||
	    syscall(SYS_capset, &head, none))
		die(errno, "cannot drop capabilities");
}

/* Does @status, the text of /proc/.../status, tell of a right left? */
static const char *find_right(const char *status, const struct sandbox_args *a)
{
	static const char *const caps[] = {
		"\nCapInh:\t", "\nCapPrm:\t", "\nCapEff:\t", "\nCapAmb:\t",
		"\nCapBnd:\t"
	};
	char ids[100];

	for (size_t i = 0; i < sizeof(caps) / sizeof(caps[0]); i++) {
		const char *at = strstr(status, caps[i]);

		if (at && strtoull(at + strlen(caps[i]), NULL, 16))
			return caps[i] + 1;
	}
	snprintf(ids, sizeof(ids), "\nUid:\t%u\t%u\t%u\t%u\n", a->uid, a->uid,
		 a->uid, a->uid);
	if (!strstr(status, ids))
		return "Uid:";
	snprintf(ids, sizeof(ids), "\nGid:\t%u\t%u\t%u\t%u\n", a->gid, a->gid,
		 a->gid, a->gid);
	if (!strstr(status, ids))
		return "Gid:";
	return NULL;
}

static void check_threads(const struct sandbox_args *a)
{
	for (unsigned int i = 0; i < me.status_count; i++) {
		char status[4096];
		ssize_t len = pread(me.status_fd[i], status, sizeof(status) - 1, 0);
		const char *left;

		if (len <= 0)
			die(errno, "cannot look at our threads");
		status[len] = '\0';
		left = me.own_ids ? find_right(status, a) : NULL;
		if (left)
			die(0, "a thread kept rights: thread=%u what=%s", i, left);
		close(me.status_fd[i]);
	}
}

/*
 * Setting ids cleared the death signal; ask for it, then look whether the
 * supervisor died before we asked.
 *
 * The broker ends by end of file on FD_CTL: it has vCPUs to answer first, or
 * they hang in Xen.  Should it be stopped at that moment, it has to go on.  So
 * do all where somebody keeps the other ends for a new supervisor: when nobody
 * does any more, FD_CTL tells.
 */
static void die_with_parent(void)
{
	struct pollfd ctl = { .fd = FD_CTL, .events = 0 };
	int sig = me.kept || !strcmp(me.role, "broker") ? SIGCONT : SIGKILL;

	if (prctl(PR_SET_DUMPABLE, 0) || prctl(PR_SET_PDEATHSIG, sig))
		die(errno, "cannot tie our life to the supervisor's");
	if (poll(&ctl, 1, 0) == 1 && ctl.revents & POLLHUP)
		die(0, "the supervisor is gone");
}

/* ==== 8 filter =========================================================
 *
 * Should: leave policy/NAME.policy and nothing else, in every thread.
 */

static void install_filter(const struct sandbox_policy *policy)
{
	struct sock_fprog prog = {
		.len = policy->filter_len,
		.filter = (struct sock_filter *)(uintptr_t)policy->filter,
	};

	/* The sanitizers' allocator needs calls that no policy grants. */
	if (SANITIZED) {
		log_warn("no filter: built with a sanitizer");
		return;
	}
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
		    SECCOMP_FILTER_FLAG_TSYNC, &prog) != 0)
		die(errno, "cannot install the filter: policy=%s", policy->name);
}

void sandbox_enter(const struct sandbox_args *a, uint64_t own,
		   const struct sandbox_policy *policy)
{
	check_fds(a, own);
	open_thread_status();
	read_data_size();
	if (me.own_root)
		empty_root();
	else
		log_info("no namespace and identity of our own: not root");
	set_limits(a->fds | own | STDIO_FDS);
	if (me.own_ids)
		change_ids(a);
	if (me.own_root)
		drop_capabilities();
	check_threads(a);
	die_with_parent();
	install_filter(policy);
}
