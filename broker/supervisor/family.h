/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/family.h - the life of the children: start, messages, death
 *
 * One family per supervisor.  libevent drives it.
 */
#ifndef SUPERVISOR_FAMILY_H
#define SUPERVISOR_FAMILY_H

#include <event2/event.h>
#include <sys/types.h>

#include "abi/ctl_msg.h"
#include "supervisor/roster.h"

/* What the family tells main.c; all run from the event loop. */
struct family_ops {
	void (*ready)(void);		/* broker serves: the guest may run */
	void (*broken)(void);		/* a child is lost: end everything */
	int (*sleep)(void);		/* guest entered S3; 0 or -errno */
	void (*powered_off)(unsigned int reason);	/* enum io_shutdown */
	void (*rested)(uint64_t arg);	/* CTL_PAUSED, its @arg; may be NULL */
	void (*logged)(bool on);	/* CTL_LOGGED; may be NULL */
};

/* A child that is not READY in time after this is lost. */
void family_begin(struct event_base *base, struct roster *r,
		  const struct family_ops *ops);

/*
 * Starts one child, between spawn_namespaces_enter() and _leave().  0 or -errno.
 * vnc may be started late: the guest does not wait for it.
 */
int family_start(enum member m);

/* What is counted about a child: STAT_IN_ABOUT of abi/stat.def. */
const struct stat_block *family_about(enum member m);

/* What is known of a child. */
struct family_view {
	pid_t pid;		/* 0: never started, or gone */
	bool ready;		/* confined and serving */
	int64_t began_ns;	/* CLOCK_MONOTONIC */
	unsigned int syscalls;	/* in its filter, as it said; 0 before READY */
};
struct family_view family_look(enum member m);

/* A word to the broker, as abi/ctl_msg.h has it.  0 or -errno. */
int family_tell_broker(enum ctl_kind kind, uint64_t arg);

/* CTL_PASSWORD to vnc.  0 or -errno. */
int family_set_password(const char *password);

/*
 * Ends all: the broker answers what is pending and takes the ioreq server
 * down, the workers finish writes in flight; who has not ended after its share
 * of a second is killed.  Returns when all are reaped.
 */
void family_stop(void);

#endif /* SUPERVISOR_FAMILY_H */
