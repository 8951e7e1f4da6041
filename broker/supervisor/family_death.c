/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/family_death.c - who died, was stopped or has to be ended; and why
 *
 * Runs in the supervisor.  A pidfd tells of a death when the last thread of
 * the child is gone, so after family_reap() nothing of it runs, writes or
 * holds a descriptor.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "supervisor/cgroup.h"
#include "supervisor/crash.h"
#include "supervisor/family_core.h"

#define STOP_GRACE_MS	1000	/* a debugger may be about to attach */
#define ENDING_MS	5000	/* then a line says that SIGKILL takes its time */

static const char *signal_name(int sig)
{
	return sigabbrev_np(sig) ? sigabbrev_np(sig) : "?";
}

/* Was it killed for memory?  The group stays, so its count does. */
static bool is_out_of_memory(enum member m, const siginfo_t *si)
{
	struct child *c = &fam.child[m];
	uint64_t kills = cgroup_oom_kills(roster_name(m));
	bool more = kills > c->oom_kills;

	c->oom_kills = kills;
	return more && si->si_code != CLD_EXITED && si->si_status == SIGKILL;
}

static void tell_death(enum member m, const siginfo_t *si)
{
	struct child *c = &fam.child[m];
	bool oom = is_out_of_memory(m, si);
	double after_s = (double)(clock_now_ns() - c->began_ns) / (double)NS_PER_S;

	if (!log_allow(&c->limit))
		return;
	if (c->verdict)
		log_err("child was ended: name=%s pid=%d why=\"%s\" after_s=%.1f",
			roster_name(m), c->pid, c->verdict, after_s);
	else if (!si->si_code)
		log_err("child is gone: name=%s pid=%d after_s=%.1f (of another supervisor: nobody told us how)",
			roster_name(m), c->pid, after_s);
	else if (si->si_code == CLD_EXITED)
		log_err("child ended: name=%s pid=%d status=%d after_s=%.1f",
			roster_name(m), c->pid, si->si_status, after_s);
	else if (si->si_status == SIGSYS)
		log_err("child killed by its filter: name=%s pid=%d sig=SIGSYS after_s=%.1f (forbidden system call)",
			roster_name(m), c->pid, after_s);
	else if (oom)
		log_err("child killed for lack of memory: name=%s pid=%d sig=SIGKILL after_s=%.1f (memory.max of its cgroup)",
			roster_name(m), c->pid, after_s);
	else
		log_err("child killed: name=%s pid=%d sig=SIG%s after_s=%.1f",
			roster_name(m), c->pid, signal_name(si->si_status), after_s);
}

/* Not of what somebody asked for: nobody wonders why, and an upgrade of all
   guests would leave no report of a real death. */
static void note_death(enum member m, const siginfo_t *si)
{
	const struct child *c = &fam.child[m];

	if (c->verdict && strcmp(c->verdict, VERDICT_ASKED) == 0)
		return;
	crash_note(&(struct crash_death){ .roster = fam.roster, .member = m,
		.pid = c->pid, .how = si, .why = c->verdict, .log = &c->sink });
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

bool family_reap(enum member m, bool expected)
{
	struct child *c = &fam.child[m];
	siginfo_t si = { 0 };

	if (!c->pid)
		return true;
	if (c->is_adopted ? !family_is_gone(c) :
	    waitid(P_PIDFD, (id_t)c->pidfd, &si, WEXITED | WNOHANG) == 0 &&
	    si.si_pid == 0)
		return false;
	logsink_read(&c->sink);		/* its last words, before its epitaph */
	family_drop_event(&c->on_exit);
	family_drop_event(&c->on_ctl);
	family_drop_event(&c->on_log);
	if (c->timer)
		event_del(c->timer);
	if (!expected) {
		tell_death(m, &si);
		note_death(m, &si);
	}
	close_fd(&c->pidfd);
	close_fd(&c->ctl);
	close_fd(&c->log);
	family_drop_child(m);
	c->is_adopted = false;
	c->pid = 0;
	c->died_ns = clock_now_ns();
	return true;
}

void family_child_exited(evutil_socket_t fd, short what, void *arg)
{
	enum member m = (enum member)(uintptr_t)arg;

	(void)fd;
	(void)what;
	if (!family_reap(m, fam.state == FAMILY_STOPPING))
		return;
	if (fam.state == FAMILY_STARTING_UP)
		family_lose();
	else if (fam.state == FAMILY_SERVING)
		family_died(m);
	crash_write();
}

/* A unit leaves us no right to signal another uid, but its groups are ours. */
static void end(enum member m)
{
	int rc;

	if (syscall(SYS_pidfd_send_signal, fam.child[m].pidfd, SIGKILL, NULL, 0) == 0)
		return;
	rc = errno == ESRCH ? 0 : cgroup_kill(roster_name(m));
	if (rc)
		log_errno(-rc, "cannot end child: name=%s pid=%d", roster_name(m),
			  fam.child[m].pid);
}

void family_condemn(enum member m, const char *why)
{
	struct child *c = &fam.child[m];

	if (fam.state == FAMILY_STARTING_UP) {
		family_lose();
		return;
	}
	if (fam.state != FAMILY_SERVING || !c->pid || c->phase == PHASE_ENDING)
		return;
	c->phase = PHASE_ENDING;
	c->verdict = why;
	/* Nothing it says any more is of interest. */
	family_drop_event(&c->on_ctl);
	end(m);
	family_set_timer(m, ENDING_MS);
}

/* ---- stopped, but not dead ---- */

/* The kernel's word: "State:\tT (stopped)" and "TracerPid:\t0". */
bool family_is_stopped(const struct child *c, bool *traced)
{
	char path[40], text[2048];
	const char *state, *tracer;
	ssize_t len;
	int fd;

	*traced = false;
	snprintf(path, sizeof(path), "/proc/%d/status", (int)c->pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	len = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (fd >= 0)
		close(fd);
	if (len <= 0)
		return false;
	text[len] = '\0';
	state = strstr(text, "\nState:\t");
	tracer = strstr(text, "\nTracerPid:\t");
	*traced = tracer && tracer[12] != '0';
	return state && (state[8] == 'T' || state[8] == 't');
}

void family_give_grace(enum member m, const char *sig)
{
	struct child *c = &fam.child[m];

	c->seen_stopped = true;
	if (log_allow(&c->limit))
		log_warn("child was stopped: name=%s pid=%d sig=SIG%s",
			 roster_name(m), c->pid, sig);
	family_set_timer(m, STOP_GRACE_MS);
}

/* Some child changed: who died is its pidfd's business. */
void family_sigchld(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	for (enum member m = 0; m < MEMBER_COUNT; m++) {
		struct child *c = &fam.child[m];
		siginfo_t si = { 0 };

		if ((c->phase != PHASE_STARTING && c->phase != PHASE_SERVING) ||
		    fam.state != FAMILY_SERVING || !c->pid ||
		    waitid(P_PIDFD, (id_t)c->pidfd, &si, WSTOPPED | WNOHANG) ||
		    si.si_pid == 0)
			continue;
		family_give_grace(m, signal_name(si.si_status));
	}
}
