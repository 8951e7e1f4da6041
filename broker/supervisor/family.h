/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/family.h - the life of the children: start, messages, death,
 *                       replacement
 *
 * One family per supervisor.  libevent drives it.
 *
 * Before the guest is served, a child that dies ends the start.  From then on
 * it is replaced, with the same descriptors, uid, filter and cgroup.  One that
 * dies too often (conf.restarts in conf.restart_window_s): a disk or net worker
 * has successors whose device is failed, in the way guests understand; if those
 * die as often, and of other workers at once, the broker answers in its place;
 * vnc is missed by nobody; without broker the family ends.
 */
#ifndef SUPERVISOR_FAMILY_H
#define SUPERVISOR_FAMILY_H

#include <event2/event.h>
#include <sys/types.h>

#include "abi/ctl_msg.h"
#include "supervisor/roster.h"

/* What the family tells sup.c; all run from the event loop. */
struct family_ops {
	void (*ready)(void);		/* broker serves: the guest may run; never
					   called after family_take_children() */
	void (*broken)(void);		/* nothing can be done: end everything */
	int (*sleep)(void);		/* guest entered S3; 0 or -errno */
	void (*powered_off)(unsigned int reason);	/* enum io_shutdown */
	/*
	 * Asked before anybody gets a successor: is there still a guest to
	 * serve?  False: said, and we end; nobody is started any more.  NULL:
	 * there is.
	 */
	bool (*wanted)(void);
	void (*rested)(uint64_t arg);	/* CTL_PAUSED, its @arg; may be NULL */
	void (*logged)(bool on);	/* CTL_LOGGED; may be NULL */
	/* A successor of @m serves, or there will be none; may be NULL. */
	void (*settled)(enum member m);
};

/* A child that is not READY in time after this is lost. */
void family_begin(struct event_base *base, struct roster *r,
		  const struct family_ops *ops);

/* ---- what outlives us: supervisor/store.h ---- */

/* Keeps all of the family for a successor, now and as it changes. */
void family_keep(void);
/*
 * Did another supervisor leave a family that served a guest?  False and @why
 * not empty: it did, and we cannot understand it.  False and empty: what is in
 * the store, if anything, is of a family that ended.
 */
bool family_was_left(char *why, size_t why_len);
/*
 * In place of family_begin() and family_start(): those that are there are ours
 * to watch and to end.  Nobody is told anything, or started.
 */
void family_take_children(struct event_base *base, struct roster *r,
			  const struct family_ops *ops);
/* The roster is complete: whoever is missing gets a successor. */
void family_go_on(void);

/*
 * Starts one child, between spawn_namespaces_enter() and _leave().  0 or -errno.
 * vnc may be started late: the guest does not wait for it.
 */
int family_start(enum member m);

/* For tests: a successor has to be READY in this time, instead of ten seconds. */
void family_use_patience(int ms);

/* What is counted about a child: STAT_IN_ABOUT of abi/stat.def. */
const struct stat_block *family_about(enum member m);

enum family_state {
	FAMILY_ABSENT,		/* was not started */
	FAMILY_STARTING,
	FAMILY_RUNNING,
	FAMILY_RESTARTING,	/* died, or is about to; a successor comes */
	FAMILY_FAILED,		/* its device is failed: there is no successor,
				   or one that says so to the guest */
	FAMILY_ENDED,		/* dead, while all end */
	FAMILY_STATES
};
/* "running" */
extern const char *const family_state_name[FAMILY_STATES];

/* What is known of a child. */
struct family_view {
	enum family_state state;
	pid_t pid;		/* 0: not there */
	bool ready;		/* confined and serving */
	int64_t began_ns;	/* CLOCK_MONOTONIC */
	unsigned int syscalls;	/* in its filter, as it said; 0 before READY */
};
struct family_view family_look(enum member m);

/* CLOCK_MONOTONIC, to a second: when the family began, whichever supervisor it
   had then. */
int64_t family_began_ns(void);

/* Does every worker with a channel serve, or is gone for good?  Its state is not
   written to by somebody who is just taking over. */
bool family_is_settled(void);

/* A word to the broker, as abi/ctl_msg.h has it.  0 or -errno. */
int family_tell_broker(enum ctl_kind kind, uint64_t arg);

/* CTL_PASSWORD to vnc, and to its successors.  0 or -errno: nobody will ever
   hear it. */
int family_set_password(const char *password);

/*
 * Replaces a child now, as `cloisterctl restart` wants it: earlier deaths are
 * forgotten, and a failed device is whole again.  Returns before there is a
 * successor.  0; -ENOENT: it is not in the family; -EAGAIN: the guest is not
 * served yet, or not any more.
 */
int family_restart(enum member m);

/*
 * Ends all: the broker answers what is pending and takes the ioreq server
 * down, the workers finish writes in flight; who has not ended after its share
 * of a second is killed.  Returns when all are reaped.
 */
void family_stop(void);

#endif /* SUPERVISOR_FAMILY_H */
