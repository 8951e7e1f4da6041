/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/qmp.h - the QMP sockets that xl and xentop talk to
 *
 * Connections and replies here and in qmp.c, framing in json_conn.c; what
 * commands do is in qmp_cmd.c.
 */
#ifndef SUPERVISOR_QMP_H
#define SUPERVISOR_QMP_H

#include <event2/event.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "abi/stat.h"
#include "supervisor/conf.h"
#include "supervisor/json_conn.h"

#define QMP_CLIENTS	16u
#define QMP_INPUT_MAX	(1024u * 1024u)	/* bytes of a command */
#define QMP_FDS		8u	/* descriptors a client may have here */

enum qmp_status {
	QMP_STATUS_PRELAUNCH, QMP_STATUS_RUNNING, QMP_STATUS_PAUSED,
	QMP_STATUS_SUSPENDED, QMP_STATUS_SHUTDOWN,
};

/* What commands ask of the rest of the supervisor.  Calls may be NULL. */
struct qmp_host {
	const struct conf *conf;
	enum qmp_status status;
	const char *vnc_host;		/* as bound */
	unsigned int vnc_port;
	bool vnc_ipv6;
	const char *serial_name[CONF_SERIALS];	/* "pty:/dev/pts/3", "" absent */
	const struct stat_page *disk_stats;	/* NULL: nobody counts */
	int (*set_password)(const char *password);	/* 0 or -errno */
	void (*cont)(void);
	/*
	 * stop, xen-set-global-dirty-log and xen-save-devices-state: 0; or
	 * -EINPROGRESS, and the same again after qmp_go_on(); or another
	 * -errno and @why.
	 */
	int (*stop)(char *why, size_t why_len);
	int (*log_dirty)(bool on, char *why, size_t why_len);
	/* To @path, or to @fd (borrowed) if it is NULL. */
	int (*save)(int fd, const char *path, char *why, size_t why_len);
	bool suspended;			/* restored in ACPI S3: cont leaves it there */
	int (*wakeup)(void);		/* from S3; 0 or -errno */
	void (*quit)(void);
};

/* @host is borrowed and may change between calls. */
void qmp_begin(struct event_base *base, struct qmp_host *host);

/*
 * Listens on @path (a stale socket there is removed), or on the inherited @fd
 * if @path is NULL.  0 or -errno.
 */
int qmp_listen(const char *path, int fd);

/* Takes over a connected socket.  0, or -errno and it is still the caller's. */
int qmp_add_client(int fd);

/*
 * Until this is called, commands other than a few harmless ones wait for it:
 * libxl takes the first answer to query-status as readiness.
 */
void qmp_set_ready(void);

/* Commands that said -EINPROGRESS are tried again. */
void qmp_go_on(void);

/* Closes all, removes our sockets from the file system. */
void qmp_end(void);

/* ---- between qmp.c and qmp_cmd.c ---- */

struct qmp_fdset {
	int id;			/* -1: free */
	int fd;
	char *opaque;
};

struct qmp_client {
	struct json_conn conn;	/* first: a connection is its client */
	bool negotiated;
	struct qmp_fdset set[QMP_FDS];
};

extern struct qmp_host *qmp_host;

/*
 * A command's outcome: a value for "return" (owned by the caller), or NULL and
 * the error's class and text.
 */
struct qmp_error {
	const char *class;
	char desc[300];
	bool held;		/* neither: it comes again */
};
json_t *qmp_cmd_run(struct qmp_client *c, const char *name, json_t *args,
		    struct qmp_error *err);
/* May @name run before qmp_set_ready()? */
bool qmp_cmd_is_early(const char *name);
#endif /* SUPERVISOR_QMP_H */
