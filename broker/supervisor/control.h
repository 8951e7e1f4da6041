/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/control.h - the control socket that cloisterctl talks to
 *
 * abi/control.h has the protocol, control_cmd.def the commands.
 */
#ifndef SUPERVISOR_CONTROL_H
#define SUPERVISOR_CONTROL_H

#include <event2/event.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "supervisor/json_conn.h"
#include "supervisor/qmp.h"

#define CONTROL_CLIENTS	16u

/* One process of the family; the texts are the host's and stay. */
struct control_process {
	const char *name, *role;	/* "disk0", "disk" */
	const char *state;		/* family_state_name[] */
	pid_t pid;			/* 0: does not run */
	uint32_t uid;
	int64_t began_ns;		/* CLOCK_MONOTONIC */
	unsigned int syscalls;		/* in its filter, as it said; 0: not yet */
};

/* What commands ask of the rest of the supervisor.  Calls may be NULL; then
   the command says that this is not to be had. */
struct control_host {
	const struct qmp_host *guest;	/* conf, run state, VNC, serial ports */
	int64_t began_ns;		/* of this supervisor, CLOCK_MONOTONIC */
	int64_t family_began_ns;	/* 0: as that */
	int plan;			/* memfd: struct plan; -1 */
	/* Process @i, the supervisor not among them; false: no more. */
	bool (*process)(unsigned int i, struct control_process *p);
	/* {"NAME": number, ...} of process @name, the caller's; NULL: none. */
	json_t *(*counters)(const char *name);
	/* The OpenMetrics text, to be freed; NULL: none. */
	char *(*metrics)(void);
	/* "" if there is none. */
	const char *(*cgroup)(void);
	/* Sets a limit of a process's cgroup.  0, or -errno and @why; -EINVAL,
	   -ENOENT and -EOPNOTSUPP if it is the caller's fault. */
	int (*limit)(const char *process, const char *key, const char *value,
		     char *why, size_t why_len);
	/* Replaces process @name.  0, or -errno and @why; -ENOENT: there is none
	   of that name, and @why has the names. */
	int (*restart)(const char *name, char *why, size_t why_len);
	/* Borrowed memfds of worker @name: struct trace, struct chan; or -1. */
	int (*trace)(const char *name);
	int (*channel)(const char *name);
};

/*
 * Listens in run_dir.  @host is borrowed and may change between calls.
 * 0, or -errno and there is no control socket.
 */
int control_begin(struct event_base *base, const struct control_host *host);

/* Closes all.  The socket's name is run_dir's to remove. */
void control_end(void);

/* Takes over a connected socket, for tests.  0, or -errno and it is the
   caller's still. */
int control_add_client(struct event_base *base, int fd);

/* ---- between control.c and control_cmd.c ---- */

extern const struct control_host *control_host;

/* A command's outcome, besides the value: why it failed, or what goes along. */
struct control_reply {
	const char *class;	/* "Failed", "Usage", "NoSuchProcess", ... */
	char desc[300];
	int fd;			/* borrowed; -1: none */
};

/* A value for "return", the caller's; NULL: see @r->class and @r->desc. */
json_t *control_cmd_run(const char *name, json_t *args, struct control_reply *r);

#endif /* SUPERVISOR_CONTROL_H */
