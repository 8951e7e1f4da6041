/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/family.c - the life of the children: start, messages, death
 *
 * Runs in the supervisor.  Order of life: all workers with devices say READY,
 * the broker is told to START, says READY, and from then on the guest is
 * served; vnc comes when it comes.  In this version a child that dies takes the
 * family with it; the line says why.
 */
#include "supervisor/family.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "abi/ctl_msg.h"
#include "base/clock.h"
#include "base/log.h"
#include "supervisor/cgroup.h"
#include "supervisor/crash.h"
#include "supervisor/logsink.h"

#define START_LIMIT_S	30
#define BROKER_STOP_MS	500
#define WORKERS_STOP_MS	250
#define CTL_BUDGET	32	/* messages a child gets handled at a time */
#define LOG_BUFFER_BYTES (64 * 1024)

#define S_STARTING	0x1u
#define S_RUNNING	0x2u
#define S_STOPPING	0x4u
#define S_ANY		0x7u

struct child {
	pid_t pid;		/* 0: never started or reaped */
	int pidfd, ctl, log;	/* -1 if closed */
	bool ready;
	unsigned int syscalls;	/* of its filter, as it said */
	int64_t began_ns;
	struct logsink sink;
	struct event *on_exit, *on_ctl, *on_log;
};

static struct {
	struct event_base *base;
	struct roster *roster;
	const struct family_ops *ops;
	struct event *start_timer;
	unsigned int state;	/* S_* */
	struct child child[MEMBER_COUNT];
	struct stat_block about[MEMBER_COUNT];
} fam;

/* ---- talking ---- */

static void drop_event(struct event **ev)
{
	if (*ev)
		event_free(*ev);
	*ev = NULL;
}

static int tell(enum member m, enum ctl_kind kind, const char *text)
{
	struct child *c = &fam.child[m];
	struct ctl_msg msg = { .kind = kind };

	if (c->ctl < 0)
		return -ENOTCONN;
	snprintf(msg.text, sizeof(msg.text), "%s", text);
	return send(c->ctl, &msg, sizeof(msg), MSG_DONTWAIT | MSG_NOSIGNAL) < 0
		? -errno : 0;
}

static void lose(void)
{
	if (fam.state != S_STOPPING) {
		fam.state = S_STOPPING;
		fam.ops->broken();
	}
}

static bool devices_ready(void)
{
	for (enum member m = 0; m < MEMBER_COUNT; m++)
		if (roster_channel(m) >= 0 && roster_has(fam.roster, m) &&
		    !fam.child[m].ready)
			return false;
	return true;
}

static bool all_ready(void)
{
	return devices_ready() && fam.child[MEMBER_BROKER].ready &&
		(!roster_has(fam.roster, MEMBER_VNC) || fam.child[MEMBER_VNC].ready);
}

static void on_ready(enum member m, const struct ctl_msg *msg)
{
	struct child *c = &fam.child[m];
	int rc;

	if (m == MEMBER_BROKER && !devices_ready()) {
		log_err("broker is ready before its workers");
		lose();
		return;
	}
	c->ready = true;
	c->syscalls = (unsigned int)(msg->arg & UINT16_MAX);
	log_info("confined: name=%s pid=%d syscalls=%llu after_us=%lld",
		  roster_name(m), c->pid, (unsigned long long)msg->arg,
		  (long long)((clock_now_ns() - c->began_ns) / NS_PER_US));
	if (all_ready())
		drop_event(&fam.start_timer);
	if (m == MEMBER_BROKER) {
		fam.state = S_RUNNING;
		fam.ops->ready();
	} else if (roster_channel(m) >= 0 && devices_ready()) {
		rc = tell(MEMBER_BROKER, CTL_START, "");
		if (rc) {
			log_errno(-rc, "cannot talk to child: name=broker");
			lose();
		}
	}
}

/* The child may ask for it, and not listen, as often as it likes. */
static void tell_done(enum member m)
{
	static struct log_limit limit;
	int rc = tell(m, CTL_DONE, "");

	if (rc && log_allow(&limit))
		log_errno(-rc, "cannot talk to child: name=%s", roster_name(m));
}

static void on_unplug(enum member m, const struct ctl_msg *msg)
{
	static struct log_limit limit;

	/* Our copies of images and taps are closed since the workers have them. */
	if (log_allow(&limit))
		log_info("emulated devices unplugged: mask=0x%llx",
			 (unsigned long long)msg->arg);
	tell_done(m);
}

static void on_sleep(enum member m, const struct ctl_msg *msg)
{
	static struct log_limit limit;
	int rc = fam.ops->sleep();

	(void)msg;
	if (!log_allow(&limit))
		;
	else if (rc)
		log_errno(-rc, "cannot suspend the guest");
	else
		log_info("guest suspends: acpi=S3");
	tell_done(m);
}

static void on_shutdown(enum member m, const struct ctl_msg *msg)
{
	(void)m;
	fam.ops->powered_off((unsigned int)msg->arg);
}

static void on_lied(enum member m, const struct ctl_msg *msg)
{
	const char *who = "?";

	(void)m;
	for (enum member i = 0; i < MEMBER_COUNT; i++)
		if (roster_channel(i) >= 0 && (uint64_t)roster_channel(i) == msg->arg)
			who = roster_name(i);
	log_err("worker broke the protocol, the guest is given up: worker=%s", who);
	lose();
}

static void on_paused(enum member m, const struct ctl_msg *msg)
{
	(void)m;
	if (fam.ops->rested)
		fam.ops->rested(msg->arg);
}

static void on_logged(enum member m, const struct ctl_msg *msg)
{
	(void)m;
	if (fam.ops->logged)
		fam.ops->logged(msg->arg != 0);
}

static void on_stopped(enum member m, const struct ctl_msg *msg)
{
	(void)m;
	(void)msg;
}

/* What a child may say, and when. */
static const struct {
	enum ctl_kind kind;
	unsigned int states;
	bool broker_only, once;
	void (*handle)(enum member m, const struct ctl_msg *msg);
} rules[] = {
	{ CTL_READY,	S_STARTING | S_RUNNING, false, true, on_ready },
	{ CTL_UNPLUG,	S_RUNNING,	true,  false, on_unplug },
	{ CTL_SLEEP,	S_RUNNING,	true,  false, on_sleep },
	{ CTL_SHUTDOWN,	S_RUNNING,	true,  false, on_shutdown },
	{ CTL_LIED,	S_ANY,		true,  false, on_lied },
	{ CTL_PAUSED,	S_RUNNING,	true,  false, on_paused },
	{ CTL_LOGGED,	S_RUNNING,	true,  false, on_logged },
	{ CTL_STOPPED,	S_STOPPING,	true,  false, on_stopped },
};

static void handle_message(enum member m, const struct ctl_msg *msg)
{
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		if (rules[i].kind != msg->kind)
			continue;
		if (!(rules[i].states & fam.state) ||
		    (rules[i].broker_only && m != MEMBER_BROKER) ||
		    (rules[i].once && fam.child[m].ready))
			break;
		rules[i].handle(m, msg);
		return;
	}
	if (fam.state == S_STOPPING)
		return;
	log_err("child said what it may not: name=%s kind=%u", roster_name(m), msg->kind);
	lose();
}

static void ctl_readable(evutil_socket_t fd, short what, void *arg)
{
	enum member m = (enum member)(uintptr_t)arg;

	(void)what;
	for (int i = 0; i < CTL_BUDGET; i++) {
		struct ctl_msg msg;
		ssize_t r = recv(fd, &msg, sizeof(msg), MSG_DONTWAIT | MSG_TRUNC);

		if (r < 0)
			return;
		if (r == 0) {
			/* Its death will be told by its pidfd. */
			drop_event(&fam.child[m].on_ctl);
			return;
		}
		if (r != (ssize_t)sizeof(msg))
			msg = (struct ctl_msg){ .kind = CTL_KIND_COUNT };
		handle_message(m, &msg);
	}
}

static void log_readable(evutil_socket_t fd, short what, void *arg)
{
	struct child *c = arg;

	(void)fd;
	(void)what;
	if (!logsink_read(&c->sink))
		drop_event(&c->on_log);
}

/* ---- death ---- */

static void tell_death(enum member m, const siginfo_t *si)
{
	pid_t pid = fam.child[m].pid;

	if (si->si_code == CLD_EXITED)
		log_err("child ended: name=%s pid=%d status=%d", roster_name(m), pid,
			si->si_status);
	else if (si->si_status == SIGSYS)
		log_err("child killed by its filter: name=%s pid=%d sig=SIGSYS (forbidden system call)",
			roster_name(m), pid);
	else
		log_err("child killed: name=%s pid=%d sig=SIG%s", roster_name(m), pid,
			sigabbrev_np(si->si_status) ? sigabbrev_np(si->si_status) : "?");
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* Takes the status of a child that ended; true if it had. */
static bool reap(enum member m, bool expected)
{
	struct child *c = &fam.child[m];
	siginfo_t si = { 0 };

	if (!c->pid)
		return true;
	if (waitid(P_PIDFD, (id_t)c->pidfd, &si, WEXITED | WNOHANG) == 0 &&
	    si.si_pid == 0)
		return false;
	logsink_read(&c->sink);		/* its last words, before its epitaph */
	drop_event(&c->on_exit);
	drop_event(&c->on_ctl);
	drop_event(&c->on_log);
	if (!expected) {
		tell_death(m, &si);
		crash_report(&(struct crash_death){ .roster = fam.roster, .member = m,
			.pid = c->pid, .how = &si, .log = &c->sink });
	}
	close_fd(&c->pidfd);
	close_fd(&c->ctl);
	close_fd(&c->log);
	c->pid = 0;
	return true;
}

static void child_exited(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	if (reap((enum member)(uintptr_t)arg, fam.state == S_STOPPING))
		lose();
}

static void start_too_slow(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	for (enum member m = 0; m < MEMBER_COUNT; m++)
		if (roster_has(fam.roster, m) && !fam.child[m].ready)
			log_err("child is not ready: name=%s after_s=%d",
				roster_name(m), START_LIMIT_S);
	lose();
}

/* ---- life ---- */

void family_begin(struct event_base *base, struct roster *r,
		  const struct family_ops *ops)
{
	const struct timeval limit = { START_LIMIT_S, 0 };

	memset(&fam, 0, sizeof(fam));
	fam.base = base;
	fam.roster = r;
	fam.ops = ops;
	fam.state = S_STARTING;
	for (enum member m = 0; m < MEMBER_COUNT; m++)
		fam.child[m].pidfd = fam.child[m].ctl = fam.child[m].log = -1;
	fam.start_timer = evtimer_new(base, start_too_slow, NULL);
	if (fam.start_timer)
		evtimer_add(fam.start_timer, &limit);
}

static struct event *watch(int fd, event_callback_fn fn, void *arg)
{
	struct event *ev = event_new(fam.base, fd, EV_READ | EV_PERSIST, fn, arg);

	if (!ev || event_add(ev, NULL))
		log_err("cannot watch a child: fd=%d", fd);
	return ev;
}

static int make_pair(int pair[2], int buffer_bytes)
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair))
		return -errno;
	if (buffer_bytes)
		setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &buffer_bytes,
			   sizeof(buffer_bytes));
	return 0;
}

int family_start(enum member m)
{
	struct child *c = &fam.child[m];
	const struct spawn_common common = {
		.domid = fam.roster->conf->domid,
		.ram_low_bytes = fam.roster->layout->ram_low_bytes,
		.ram_high_bytes = fam.roster->layout->ram_high_bytes,
		.log_level = fam.roster->conf->log_level,
	};
	struct spawn_spec spec;
	int ctl[2] = { -1, -1 }, log[2] = { -1, -1 };
	int rc;

	roster_spec(fam.roster, m, &spec);
	c->began_ns = clock_now_ns();
	rc = make_pair(ctl, 0);
	if (rc == 0)
		rc = make_pair(log, LOG_BUFFER_BYTES);
	if (rc == 0) {
		spec.fd[FD_CTL] = ctl[1];
		spec.fd[FD_LOG] = log[1];
		spec.cgroup = cgroup_make(spec.name);
		spec.limited = cgroup_is_limited(spec.name);
		rc = spawn_child(&common, &spec, &c->pidfd);
		close_fd(&spec.cgroup);
	}
	close_fd(&ctl[1]);
	close_fd(&log[1]);
	if (rc < 0) {
		close_fd(&ctl[0]);
		close_fd(&log[0]);
		return rc;
	}
	c->pid = rc;
	c->ctl = ctl[0];
	c->log = log[0];
	c->sink = (struct logsink){ .fd = log[0], .out = STDERR_FILENO,
		.subject = roster_name(m), .up_to = common.log_level,
		.about = &fam.about[m] };
	c->on_log = watch(c->log, log_readable, c);
	c->on_ctl = watch(c->ctl, ctl_readable, (void *)(uintptr_t)m);
	c->on_exit = watch(c->pidfd, child_exited, (void *)(uintptr_t)m);
	return 0;
}

const struct stat_block *family_about(enum member m)
{
	return &fam.about[m];
}

struct family_view family_look(enum member m)
{
	const struct child *c = &fam.child[m];

	return (struct family_view){ .pid = c->pid, .ready = c->ready,
		.began_ns = c->began_ns, .syscalls = c->syscalls };
}

int family_tell_broker(enum ctl_kind kind, uint64_t arg)
{
	const struct ctl_msg msg = { .kind = kind, .arg = arg };
	int fd = fam.child[MEMBER_BROKER].ctl;

	if (fd < 0)
		return -ENOTCONN;
	return send(fd, &msg, sizeof(msg), MSG_DONTWAIT | MSG_NOSIGNAL) < 0
		? -errno : 0;
}

int family_set_password(const char *password)
{
	/* Cut to what fits: VNC looks at eight characters. */
	return tell(MEMBER_VNC, CTL_PASSWORD, password);
}

/* ---- the end ---- */

/* Waits until none of @mask is left, or @limit_ms passed. */
static void wait_for(unsigned int mask, int limit_ms)
{
	const int64_t until_ns = clock_now_ns() + limit_ms * NS_PER_MS;

	for (;;) {
		struct pollfd p[MEMBER_COUNT * 2];
		nfds_t n = 0;
		int64_t left_ns = until_ns - clock_now_ns();

		for (enum member m = 0; m < MEMBER_COUNT; m++) {
			struct child *c = &fam.child[m];

			if (!(mask >> m & 1) || reap(m, true))
				continue;
			logsink_read(&c->sink);
			p[n++] = (struct pollfd){ .fd = c->pidfd, .events = POLLIN };
		}
		if (n == 0 || left_ns <= 0)
			return;
		/* Log lines are read on the way, so a full socket holds up
		   nobody for longer than this. */
		poll(p, n, (int)(left_ns < 20 * NS_PER_MS ?
				 left_ns / NS_PER_MS + 1 : 20));
	}
}

void family_stop(void)
{
	const unsigned int broker = 1u << MEMBER_BROKER;
	const unsigned int all = (1u << MEMBER_COUNT) - 1;

	if (!fam.base)
		return;
	fam.state = S_STOPPING;
	drop_event(&fam.start_timer);
	/* Before it started serving there is nothing to answer. */
	if (tell(MEMBER_BROKER, CTL_STOP, "") == 0)
		wait_for(broker, BROKER_STOP_MS);
	for (enum member m = 0; m < MEMBER_COUNT; m++)
		if (m != MEMBER_BROKER && fam.child[m].pid)
			tell(m, CTL_STOP, "");
	wait_for(all & ~broker, WORKERS_STOP_MS);
	for (enum member m = 0; m < MEMBER_COUNT; m++) {
		if (!fam.child[m].pid)
			continue;
		log_warn("child did not end in time, killed: name=%s", roster_name(m));
		syscall(SYS_pidfd_send_signal, fam.child[m].pidfd, SIGKILL, NULL, 0);
	}
	/* All that is in its group, should there be more than we know of. */
	for (enum member m = 0; m < MEMBER_COUNT; m++)
		if (fam.child[m].pid)
			cgroup_kill(roster_name(m));
	wait_for(all, WORKERS_STOP_MS);
}
