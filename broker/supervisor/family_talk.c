/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/family_talk.c - control messages: what a child may say, and when
 *
 * Runs in the supervisor.  A child is not believed more than its place in the
 * family allows; one that says anything else is ended.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "supervisor/family_core.h"
#include "supervisor/store.h"

#define CTL_BUDGET	32	/* messages a child gets handled at a time */

int family_tell(enum member m, enum ctl_kind kind, uint64_t arg, const char *text)
{
	struct child *c = &fam.child[m];
	struct ctl_msg msg = { .kind = kind, .arg = arg };

	if (c->ctl < 0)
		return -ENOTCONN;
	snprintf(msg.text, sizeof(msg.text), "%s", text);
	return send(c->ctl, &msg, sizeof(msg), MSG_DONTWAIT | MSG_NOSIGNAL) < 0
		? -errno : 0;
}


static bool devices_ready(void)
{
	for (enum member m = 0; m < MEMBER_COUNT; m++)
		if (roster_channel(m) >= 0 && roster_has(fam.roster, m) &&
		    !fam.child[m].ready)
			return false;
	return true;
}

/* All devices of the first generation are there: the broker may begin. */
static void start_broker(void)
{
	int rc;

	if (!devices_ready())
		return;
	rc = family_tell(MEMBER_BROKER, CTL_START, 0, "");
	if (rc) {
		log_errno(-rc, "cannot talk to child: name=broker");
		family_lose();
	}
}

static void on_ready(enum member m, const struct ctl_msg *msg)
{
	struct child *c = &fam.child[m];
	bool first = fam.state == FAMILY_STARTING_UP;

	if (m == MEMBER_BROKER && first && !devices_ready()) {
		log_err("broker is ready before its workers");
		family_lose();
		return;
	}
	c->ready = true;
	c->phase = PHASE_SERVING;
	c->syscalls = (unsigned int)(msg->arg & UINT16_MAX);
	family_note(m);
	if (c->timer)
		event_del(c->timer);
	family_look_again(m);
	if (c->number == 0)
		log_info("confined: name=%s pid=%d syscalls=%u after_us=%lld",
			 roster_name(m), c->pid, c->syscalls,
			 (long long)((clock_now_ns() - c->began_ns) / NS_PER_US));
	else
		family_renewed(m);
	if (!first || (m != MEMBER_BROKER && roster_channel(m) < 0))
		return;
	if (m == MEMBER_BROKER) {
		family_drop_event(&fam.start_timer);
		fam.state = FAMILY_SERVING;
		fam.ops->ready();
	} else {
		start_broker();
	}
}

/*
 * What a child said stays in its socket until what follows of it is noted or
 * done: should we die of it, another supervisor reads it again.
 */
static int held_fd = -1;

static void take_message(void)
{
	if (held_fd >= 0)
		(void)recv(held_fd, NULL, 0, MSG_DONTWAIT);
	held_fd = -1;
}

/* Of the broker, which is answered once. */
static void note_question(void)
{
	family_note_owed(true);
	take_message();
}

/* The child may ask for it, and not listen, as often as it likes. */
static void tell_done(enum member m)
{
	static struct log_limit limit;
	int rc = family_tell(m, CTL_DONE, 0, "");

	family_note_owed(false);
	if (rc && log_allow(&limit))
		log_errno(-rc, "cannot talk to child: name=%s", roster_name(m));
}

/*
 * A successor that is not READY has what we had when it was born.  When it is,
 * it has read in its predecessor's state what is unplugged, and let go of it.
 */
void family_finish_unplug(void)
{
	/* One that is just adopting asks again: told twice, it would take the
	   second for the end of whatever comes next. */
	if (!fam.unplug_owed || fam.child[MEMBER_BROKER].phase != PHASE_SERVING)
		return;
	for (enum member m = 0; m < MEMBER_COUNT; m++) {
		enum phase phase = fam.child[m].phase;

		if (roster_holds_host(m) && (phase == PHASE_STARTING ||
		    phase == PHASE_ENDING || phase == PHASE_WAITING))
			return;
	}
	fam.unplug_owed = false;
	tell_done(MEMBER_BROKER);
}

static void on_unplug(enum member m, const struct ctl_msg *msg)
{
	static struct log_limit limit;

	(void)m;
	note_question();
	roster_unplug(fam.roster, (uint32_t)msg->arg);
	roster_forget(fam.roster);
	store_settle();
	if (log_allow(&limit))
		log_info("emulated devices unplugged: mask=0x%llx",
			 (unsigned long long)msg->arg);
	fam.unplug_owed = true;
	family_finish_unplug();
}

static void on_sleep(enum member m, const struct ctl_msg *msg)
{
	static struct log_limit limit;
	int rc;

	(void)msg;
	note_question();
	rc = fam.ops->sleep();
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

/* @text as the broker sent it; it is as little trusted as its workers. */
static const char *quote(const char *text, char to[sizeof(((struct ctl_msg *)0)->text)])
{
	size_t i;

	for (i = 0; i + 1 < sizeof(((struct ctl_msg *)0)->text) && text[i]; i++)
		to[i] = isprint((unsigned char)text[i]) ? text[i] : '?';
	to[i] = '\0';
	return to;
}

/*
 * Of a child that may already be on its way out, or its successor on its way
 * in.  A lie is told once, until the broker hears of a successor: whoever comes
 * next needs rings that are put right, and one that found them spoilt has to
 * go.  To hang is over with one that is replaced anyway.
 */
static void take_accusation(enum member m, bool lied, const char *how)
{
	struct child *c = &fam.child[m];
	bool serves = c->phase == PHASE_SERVING;

	if (c->phase == PHASE_GONE || (!lied && !serves))
		return;
	if (log_allow(&c->limit))
		log_err("%s: worker=%s pid=%d how=\"%s\"",
			lied ? "worker broke the protocol" : "worker hangs",
			roster_name(m), c->pid, how);
	c->has_lied |= lied;
	family_note(m);
	if (serves || c->phase == PHASE_STARTING)
		family_condemn(m, lied ? "lied" : "hangs");
}

/* The broker's word about worker @msg->arg. */
static void on_accused(enum member m, const struct ctl_msg *msg)
{
	bool lied = msg->kind == CTL_LIED;
	char how[sizeof(msg->text)];

	for (enum member i = 0; i < MEMBER_COUNT; i++) {
		if (roster_channel(i) < 0 || !roster_has(fam.roster, i) ||
		    (uint64_t)roster_channel(i) != msg->arg)
			continue;
		take_accusation(i, lied, quote(msg->text, how));
		return;
	}
	log_err("broker accuses nobody: kind=%u arg=%llu", msg->kind,
		(unsigned long long)msg->arg);
	family_condemn(m, "said what it may not");
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
	{ CTL_READY,	FAMILY_STARTING_UP | FAMILY_SERVING, false, true, on_ready },
	{ CTL_UNPLUG,	FAMILY_SERVING,	true,  false, on_unplug },
	{ CTL_SLEEP,	FAMILY_SERVING,	true,  false, on_sleep },
	{ CTL_SHUTDOWN,	FAMILY_SERVING,	true,  false, on_shutdown },
	{ CTL_LIED,	FAMILY_STARTING_UP | FAMILY_SERVING, true,  false, on_accused },
	{ CTL_HANGS,	FAMILY_SERVING,	true,  false, on_accused },
	{ CTL_PAUSED,	FAMILY_SERVING,	true,  false, on_paused },
	{ CTL_LOGGED,	FAMILY_SERVING,	true,  false, on_logged },
	{ CTL_STOPPED,	FAMILY_ANY,	true,  false, on_stopped },
};

static void handle_message(enum member m, const struct ctl_msg *msg)
{
	struct child *c = &fam.child[m];

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		if (rules[i].kind != msg->kind)
			continue;
		if (!(rules[i].states & fam.state) ||
		    (rules[i].broker_only && m != MEMBER_BROKER))
			break;
		if (rules[i].once && c->ready) {
			/* The one before us noted it, and died. */
			if (c->is_adopted)
				return;
			break;
		}
		rules[i].handle(m, msg);
		return;
	}
	if (fam.state == FAMILY_STOPPING)
		return;
	if (log_allow(&c->limit))
		log_err("child said what it may not: name=%s kind=%u",
			roster_name(m), msg->kind);
	family_condemn(m, "said what it may not");
}

void family_ctl_readable(evutil_socket_t fd, short what, void *arg)
{
	enum member m = (enum member)(uintptr_t)arg;

	(void)what;
	for (int i = 0; i < CTL_BUDGET && fam.child[m].on_ctl; i++) {
		struct ctl_msg msg;
		ssize_t r = recv(fd, &msg, sizeof(msg), MSG_DONTWAIT | MSG_TRUNC |
				 MSG_PEEK);

		if (r < 0)
			return;
		if (r == 0) {
			/* Its death will be told by its pidfd. */
			family_drop_event(&fam.child[m].on_ctl);
			return;
		}
		if (r != (ssize_t)sizeof(msg))
			msg = (struct ctl_msg){ .kind = CTL_KIND_COUNT };
		held_fd = fd;
		handle_message(m, &msg);
		/* Not if that was its end: somebody else's could have the number. */
		if (fam.child[m].ctl == fd)
			take_message();
		held_fd = -1;
	}
}

/*
 * Of a worker with a channel.  A broker that is not there, or has not said
 * READY, is told everything when it has.
 */
void family_brief_broker(enum member m)
{
	const struct child *c = &fam.child[m];
	bool gone = c->phase == PHASE_GONE;
	int ch = roster_channel(m), rc;

	if (ch < 0 || fam.child[MEMBER_BROKER].phase != PHASE_SERVING ||
	    (!gone && c->phase != PHASE_SERVING))
		return;
	rc = family_tell(MEMBER_BROKER, gone ? CTL_FAILED : CTL_RENEWED, (uint64_t)ch, "");
	if (rc) {
		/* It has room for hundreds: this one will never be heard. */
		log_errno(-rc, "cannot talk to child: name=broker");
		family_condemn(MEMBER_BROKER, "does not listen");
	}
}

int family_set_password(const char *password)
{
	int rc;

	/* Cut to what fits: VNC looks at eight characters. */
	snprintf(fam.password, sizeof(fam.password), "%s", password);
	fam.has_password = true;
	family_note_password();
	rc = family_tell(MEMBER_VNC, CTL_PASSWORD, 0, password);
	/* One that is not there yet, or dead, known or not: the next one hears it. */
	return fam.child[MEMBER_VNC].phase == PHASE_GONE || rc == -EAGAIN ? rc : 0;
}

int family_tell_broker(enum ctl_kind kind, uint64_t arg)
{
	return family_tell(MEMBER_BROKER, kind, arg, "");
}
