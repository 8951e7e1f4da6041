/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/metrics_serve.h - figures for whoever connects, and as a file
 */
#ifndef SUPERVISOR_METRICS_SERVE_H
#define SUPERVISOR_METRICS_SERVE_H

#include "supervisor/metrics.h"

struct event_base;

#define METRICS_CLIENTS		16	/* one more: the oldest goes */
#define METRICS_CLIENT_MS	10000	/* then it is let go, read or not */
#define METRICS_BARE_MS		50	/* says nothing for so long: wants text */

/*
 * Serves @m on @listen_fd, a listening stream socket that does not block, ours
 * from now on.  A client that sends an HTTP GET gets a response, one that sends
 * nothing OpenMetrics text.  Nobody is waited for.  0 or -errno.
 */
int metrics_serve_begin(struct event_base *base, struct metrics *m, int listen_fd);
void metrics_serve_end(void);

#define METRICS_FILE_ROOM 1024	/* for its path */

/*
 * Writes @m to the file @path (borrowed), now and then each @every_s seconds:
 * whole or not at all.  What keeps it from that is said in the log, once until
 * it changes.  0 or -errno.
 */
int metrics_file_begin(struct event_base *base, struct metrics *m,
		       const char *path, unsigned int every_s);
/* Removes the file. */
void metrics_file_end(void);

#endif /* SUPERVISOR_METRICS_SERVE_H */
