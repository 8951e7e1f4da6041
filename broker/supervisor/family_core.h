/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/family_core.h - what the family's files share
 *
 * Internal to family*.c; runs in the supervisor.
 *
 *	family.c        start, look, end
 *	family_talk.c   messages from children and to them
 *	family_death.c  who died, was stopped, or has to be ended; and why
 *	family_adopt.c  the family of a supervisor that died
 *	family_renew.c  successors: when, how many, and what if there is none
 *
 * Life of a child:
 *
 *	NONE -> STARTING -> SERVING -> (dead) -> WAITING -> STARTING ...
 *	          |            |                   |
 *	          '-> ENDING <-'  SIGKILL is sent   '-> GONE: no successor
 *
 * A successor starts only when its predecessor is reaped, with all its
 * threads: until then one of them may still be writing to an image.
 */
#ifndef SUPERVISOR_FAMILY_CORE_H
#define SUPERVISOR_FAMILY_CORE_H

#include "abi/ctl_msg.h"
#include "base/log.h"
#include "supervisor/family.h"
#include "supervisor/logsink.h"

#define FAMILY_STARTING_UP	0x1u
#define FAMILY_SERVING		0x2u
#define FAMILY_STOPPING		0x4u
#define FAMILY_ANY		0x7u

enum phase { PHASE_NONE, PHASE_STARTING, PHASE_SERVING, PHASE_ENDING, PHASE_WAITING,
	     PHASE_GONE };

/* When the last few deaths were. */
struct tally {
	int64_t at_ns[CONF_RESTARTS_MAX];
	unsigned int count;
};

#define VERDICT_ASKED	"restart asked for"

struct child {
	enum phase phase;
	pid_t pid;		/* 0: never started or reaped */
	int pidfd, ctl, log;	/* -1 if closed */
	bool ready;		/* this one, or the last there was */
	unsigned int syscalls;	/* of its filter, as it said */
	int64_t began_ns;
	unsigned int number;	/* how many there were before it */
	const char *verdict;	/* why we ended it; NULL: we did not */
	bool has_lied;		/* about its rings, says the broker */
	bool is_adopted;	/* not our child: no status, and no stops told */
	bool seen_stopped;	/* by us; its grace is running */
	bool by_hand;		/* ended because somebody asked for that */
	bool is_crippled;	/* its device is failed, and so are successors' */
	int64_t died_ns;
	int64_t limit_ns;	/* READY until then */
	unsigned int false_starts; /* in a row: died before READY */
	uint64_t oom_kills;	/* in its cgroup, as last seen */
	struct tally tally;
	struct log_limit limit;
	struct logsink sink;	/* its window of lines goes on in a successor */
	struct event *on_exit, *on_ctl, *on_log;
	struct event *timer;	/* what for: child_timed_out() */
};

struct family {
	struct event_base *base;
	struct roster *roster;
	const struct family_ops *ops;
	struct event *start_timer;
	struct event *on_sigchld;
	unsigned int state;	/* FAMILY_STARTING_UP, ... */
	bool unplug_owed;	/* CTL_DONE for a CTL_UNPLUG */
	int64_t began_ns;	/* of an adopted one, to a second */
	char password[sizeof(((struct ctl_msg *)0)->text)];
	bool has_password;
	struct child child[MEMBER_COUNT];
	struct stat_block about[MEMBER_COUNT];
};
extern struct family fam;

/* family.c */
void family_drop_event(struct event **ev);
void family_lose(void);			/* the end of all, once */
/* One child, as family_start().  -errno: nothing is left of it. */
int family_spawn(enum member m);
void family_set_timer(enum member m, int ms);	/* the one it has */
void family_look_again(enum member m);	/* later, if nobody tells of its stops */
/* Watches one that runs; its pidfd and its beginning are there already. */
void family_begin_child(enum member m, pid_t pid, int ctl, int log);
/* It does nothing before.  Only when what is known of it is kept. */
void family_let_go(enum member m);

/* family_adopt.c */
void family_note(enum member m);	/* for a successor of ours */
void family_note_password(void);
void family_note_owed(bool owes);	/* a CTL_DONE */
void family_keep_child(enum member m);
void family_drop_child(enum member m);
void family_disown(void);		/* nobody is to adopt it */
bool family_is_gone(const struct child *c);	/* of one that is adopted */

/* family_talk.c */
int family_tell(enum member m, enum ctl_kind kind, uint64_t arg, const char *text);
void family_ctl_readable(evutil_socket_t fd, short what, void *arg);
/* CTL_DONE for an unplug, once nobody can hold what is unplugged. */
void family_finish_unplug(void);
/* The broker, if there is one, hears that @m has a successor, or none. */
void family_brief_broker(enum member m);

/* family_death.c */
void family_child_exited(evutil_socket_t fd, short what, void *arg);
void family_sigchld(evutil_socket_t fd, short what, void *arg);
/* Takes the status of a child that ended; true if it had.  @expected: nothing
   is said about it. */
bool family_reap(enum member m, bool expected);
/* Ends a child: SIGKILL, and a successor when it is gone.  @why stays. */
void family_condemn(enum member m, const char *why);
/* Stopped by somebody, who does not trace it? */
bool family_is_stopped(const struct child *c, bool *traced);
/* Said, and looked at once more in a second. */
void family_give_grace(enum member m, const char *sig);

/* family_renew.c */
/* A child was reaped while the guest is served. */
void family_died(enum member m);
/* A successor said READY. */
void family_renewed(enum member m);
void family_renew_now(enum member m);
/* All that a broker has to know of workers. */
void family_brief_successor(void);
void family_forgive(enum member m);	/* forgets deaths and failures */
bool tally_add(struct tally *t, int64_t now_ns, unsigned int most, int64_t window_ns);

#endif /* SUPERVISOR_FAMILY_CORE_H */
