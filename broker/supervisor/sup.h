/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/sup.h - what a supervisor has, and does, however it came to its
 *                    family: by a start (start.h), or by adoption (adopt.h)
 *
 * For main.c, start.c and adopt.c, which say in which order.  What can fail
 * logs why and says false; what it had opened then stays open until main() ends
 * all, so nobody goes on from there.
 */
#ifndef SUPERVISOR_SUP_H
#define SUPERVISOR_SUP_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "supervisor/conf.h"
#include "supervisor/family.h"
#include "supervisor/qmp.h"
#include "supervisor/roster.h"
#include "supervisor/vram.h"

/* One per process; the modules that are given parts of it keep pointers. */
struct sup {
	struct conf conf;		/* main.c fills it in, before any step */
	struct vram_layout layout;
	struct roster_host host;
	struct roster roster;
	struct qmp_host qmp;
	struct event_base *base;
	int64_t began_ns;		/* CLOCK_MONOTONIC */
	bool broken;			/* ended by what we cannot mend */
};
extern struct sup sup;

/* A list of these ends with a row without a name. */
struct step {
	const char *name;		/* for the log */
	bool (*run)(void);
};
/* In order, up to the first that fails. */
bool sup_run_steps(const struct step *steps);

/* ---- steps of both ---- */

/* The loop, the signals that end it, and QMP without a socket: before the rest
   of this file. */
bool sup_begin_events(void);
bool sup_reach_xen(void);
/* Begins to listen; nobody is answered before sup_say_serving(). */
bool sup_open_qmp(void);
/* Also decides @roster.decline_unplug. */
bool sup_open_xenstore(void);

/* ---- parts of such steps ---- */

/*
 * What the family tells, for family_begin() and family_take_children().  @ready
 * as in family.h; NULL for a family that serves already.  Call it once: what it gives
 * is the same object each time.
 */
const struct family_ops *sup_family_ops(void (*ready)(void));
/* What is read from @fd, a tap that has no card, goes nowhere; it stays the
   caller's.  False: no memory, and not logged. */
bool sup_drain_tap(int fd);
/* For QMP's answers, when @host is filled in. */
void sup_tell_serials(void);
void sup_tell_vnc(void);
/* Tells xl that the guest runs; a failure is logged, and that is all. */
void sup_say_running(void);
/* The guest is served: tells the log, QMP and systemd. */
void sup_say_serving(void);
/* What a guest need not wait for: the watch of xenstore (without which we end),
   the control socket, our own cgroup, metrics. */
void sup_begin_rest(void);

/* ---- ends; both return, and the loop does, later ---- */

void sup_end(void);
/* As sup_end(), and the exit status says that it failed. */
void sup_break(void);

#endif /* SUPERVISOR_SUP_H */
