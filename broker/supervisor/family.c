/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/family.c - the life of the children: how it begins and ends
 *
 * Runs in the supervisor.  Order of a start: all workers with devices say
 * READY, the broker is told to START, says READY, and from then on the guest is
 * served; vnc comes when it comes.  What happens in between is in
 * family_talk.c, family_death.c and family_renew.c.
 */
#include "supervisor/family.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "supervisor/cgroup.h"
#include "supervisor/family_core.h"
#include "supervisor/notify.h"

#define START_LIMIT_S	30	/* for all, before the guest is served */
#define RENEW_LIMIT_MS	10000	/* for one */
#define BROKER_STOP_MS	500
#define WORKERS_STOP_MS	250
#define KILLED_MS	1000	/* a busy host takes its time */
#define LOOK_MS		2000	/* at those that are not our children */
#define LOG_BUFFER_BYTES (64 * 1024)

struct family fam;
static int patience_ms = RENEW_LIMIT_MS;

const char *const family_state_name[FAMILY_STATES] = {
	"absent", "starting", "running", "restarting", "failed", "ended",
};

void family_drop_event(struct event **ev)
{
	if (*ev)
		event_free(*ev);
	*ev = NULL;
}

void family_lose(void)
{
	if (fam.state != FAMILY_STOPPING) {
		fam.state = FAMILY_STOPPING;
		fam.ops->broken();
	}
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* ---- time ---- */

static void start_too_slow(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	for (enum member m = 0; m < MEMBER_COUNT; m++)
		if (roster_has(fam.roster, m) && !fam.child[m].ready)
			log_err("child is not ready: name=%s after_s=%d",
				roster_name(m), START_LIMIT_S);
	family_lose();
}

/*
 * Of an adopted one no signal tells that it was stopped, and no descriptor: it
 * is looked at.  That wakes us, so not often.
 */
void family_look_again(enum member m)
{
	fam.child[m].seen_stopped = false;
	if (fam.child[m].is_adopted)
		family_set_timer(m, LOOK_MS);
}

/* Runs since the guest is served: is it stopped, or too slow? */
static void check_running(enum member m)
{
	struct child *c = &fam.child[m];
	int64_t left_ns = c->limit_ns - clock_now_ns();
	bool traced, stopped = family_is_stopped(c, &traced);

	if (stopped && traced)
		/* A debugger's stops are its own business, and silent. */
		family_set_timer(m, RENEW_LIMIT_MS);
	else if (stopped && c->is_adopted && !c->seen_stopped)
		family_give_grace(m, "STOP");
	else if (stopped)
		family_condemn(m, "was stopped and not continued");
	else if (c->phase == PHASE_STARTING && left_ns <= 0)
		family_condemn(m, "is not ready in time");
	else if (c->phase == PHASE_STARTING)
		family_set_timer(m, (int)(left_ns / NS_PER_MS) + 1);
	else
		family_look_again(m);
}

static void child_timed_out(evutil_socket_t fd, short what, void *arg)
{
	enum member m = (enum member)(uintptr_t)arg;
	struct child *c = &fam.child[m];

	(void)fd;
	(void)what;
	if (fam.state != FAMILY_SERVING)
		return;
	switch (c->phase) {
	case PHASE_WAITING:
		family_renew_now(m);
		break;
	case PHASE_STARTING:
	case PHASE_SERVING:
		check_running(m);
		break;
	case PHASE_ENDING:
		log_warn("child is killed and does not go, its successor waits: name=%s pid=%d",
			 roster_name(m), c->pid);
		break;
	case PHASE_NONE:
	case PHASE_GONE:
		break;
	}
}

void family_set_timer(enum member m, int ms)
{
	const struct timeval in = { ms / 1000, ms % 1000 * 1000 };
	struct child *c = &fam.child[m];

	if (!c->timer)
		c->timer = evtimer_new(fam.base, child_timed_out, (void *)(uintptr_t)m);
	if (!c->timer || evtimer_add(c->timer, &in))
		log_err("no timer: name=%s", roster_name(m));
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
	fam.state = FAMILY_STARTING_UP;
	fam.began_ns = clock_now_ns();
	for (enum member m = 0; m < MEMBER_COUNT; m++)
		fam.child[m].pidfd = fam.child[m].ctl = fam.child[m].log = -1;
	fam.start_timer = evtimer_new(base, start_too_slow, NULL);
	if (fam.start_timer)
		evtimer_add(fam.start_timer, &limit);
	fam.on_sigchld = evsignal_new(base, SIGCHLD, family_sigchld, NULL);
	if (!fam.on_sigchld || event_add(fam.on_sigchld, NULL))
		log_warn("children that are stopped will not be noticed");
}

static void log_readable(evutil_socket_t fd, short what, void *arg)
{
	struct child *c = arg;

	(void)fd;
	(void)what;
	if (!logsink_read(&c->sink))
		family_drop_event(&c->on_log);
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

/* What sets this one apart from those before it. */
static void fill_spec(enum member m, struct spawn_spec *spec)
{
	const struct child *c = &fam.child[m];

	roster_spec(fam.roster, m, spec);
	if (m == MEMBER_BROKER && c->number)
		spawn_spec_opt(spec, "adopt=1");
	if (c->is_crippled)
		roster_cripple(fam.roster, m, spec);
}

void family_begin_child(enum member m, pid_t pid, int ctl, int log)
{
	struct child *c = &fam.child[m];

	c->pid = pid;
	c->phase = PHASE_STARTING;
	c->ready = false;
	c->syscalls = 0;
	c->ctl = ctl;
	c->log = log;
	c->sink.fd = log;
	c->sink.out = STDERR_FILENO;
	c->sink.subject = roster_name(m);
	c->sink.up_to = fam.roster->conf->log_level;
	c->sink.about = &fam.about[m];
	c->on_log = watch(c->log, log_readable, c);
	c->on_ctl = watch(c->ctl, family_ctl_readable, (void *)(uintptr_t)m);
	c->on_exit = watch(c->pidfd, family_child_exited, (void *)(uintptr_t)m);
	c->limit_ns = c->began_ns + patience_ms * NS_PER_MS;
	if (fam.state == FAMILY_SERVING)
		family_set_timer(m, patience_ms);
}

void family_let_go(enum member m)
{
	int rc = notify_is_heard() ? family_tell(m, CTL_GO, 0, "") : 0;

	if (rc)
		log_errno(-rc, "cannot talk to child: name=%s", roster_name(m));
	/* Set before there was anybody to hear it. */
	if (m == MEMBER_VNC && fam.child[m].number == 0 && fam.has_password)
		family_tell(m, CTL_PASSWORD, 0, fam.password);
}

int family_spawn(enum member m)
{
	struct child *c = &fam.child[m];
	const struct spawn_common common = {
		.domid = fam.roster->conf->domid,
		.ram_low_bytes = fam.roster->layout->ram_low_bytes,
		.ram_high_bytes = fam.roster->layout->ram_high_bytes,
		.log_level = fam.roster->conf->log_level,
		.kept = notify_is_heard(),
	};
	struct spawn_spec spec;
	int ctl[2] = { -1, -1 }, log[2] = { -1, -1 };
	int rc;

	fill_spec(m, &spec);
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
	family_begin_child(m, rc, ctl[0], log[0]);
	family_keep_child(m);
	family_let_go(m);
	return 0;
}

void family_use_patience(int ms)
{
	patience_ms = ms;
}

int family_start(enum member m)
{
	return family_spawn(m);
}

const struct stat_block *family_about(enum member m)
{
	return &fam.about[m];
}

static enum family_state state_of(const struct child *c)
{
	switch (c->phase) {
	case PHASE_NONE:
		return FAMILY_ABSENT;
	case PHASE_SERVING:
		return !c->pid ? FAMILY_ENDED : c->is_crippled ? FAMILY_FAILED :
			FAMILY_RUNNING;
	case PHASE_STARTING:
		return !c->pid ? FAMILY_ENDED : c->number ? FAMILY_RESTARTING :
			FAMILY_STARTING;
	case PHASE_ENDING:
	case PHASE_WAITING:
		return FAMILY_RESTARTING;
	case PHASE_GONE:
		return FAMILY_FAILED;
	}
	return FAMILY_ABSENT;
}

struct family_view family_look(enum member m)
{
	const struct child *c = &fam.child[m];

	return (struct family_view){ .state = state_of(c), .pid = c->pid,
		.ready = c->pid && c->phase == PHASE_SERVING,
		.began_ns = c->began_ns, .syscalls = c->syscalls };
}

bool family_is_settled(void)
{
	for (enum member m = 0; m < MEMBER_COUNT; m++) {
		enum phase phase = fam.child[m].phase;

		if (roster_channel(m) >= 0 && roster_has(fam.roster, m) &&
		    phase != PHASE_SERVING && phase != PHASE_GONE)
			return false;
	}
	return true;
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

			if (!(mask >> m & 1) || family_reap(m, true))
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
	fam.state = FAMILY_STOPPING;
	family_disown();
	family_drop_event(&fam.start_timer);
	family_drop_event(&fam.on_sigchld);
	for (enum member m = 0; m < MEMBER_COUNT; m++)
		family_drop_event(&fam.child[m].timer);
	/* Before it started serving there is nothing to answer. */
	if (family_tell(MEMBER_BROKER, CTL_STOP, 0, "") == 0)
		wait_for(broker, BROKER_STOP_MS);
	for (enum member m = 0; m < MEMBER_COUNT; m++)
		if (m != MEMBER_BROKER && fam.child[m].pid)
			family_tell(m, CTL_STOP, 0, "");
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
	wait_for(all, KILLED_MS);
}
