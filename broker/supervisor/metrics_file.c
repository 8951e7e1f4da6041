/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/metrics_file.c - figures as a file, for textfile collectors
 *
 * Runs in the supervisor.  A new file is written beside the old one and takes
 * its name, so that a reader never sees half of one; what cannot be written
 * leaves the old one.
 */
#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "supervisor/metrics_serve.h"

#define FILE_MODE	0644	/* collectors have no rights */

static struct {
	struct metrics *m;
	struct event *timer;
	char path[METRICS_FILE_ROOM], fresh[METRICS_FILE_ROOM + 8];
	int said;		/* errno of the last attempt */
} out;

static int write_all(int fd, struct evbuffer *text)
{
	while (evbuffer_get_length(text)) {
		int r = evbuffer_write(text, fd);

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return r < 0 ? -errno : -ENOSPC;
	}
	return 0;
}

static int write_fresh(struct evbuffer *text)
{
	int fd, rc;

	/* Nobody else's, not even by a link. */
	unlink(out.fresh);
	fd = open(out.fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		  FILE_MODE);
	if (fd < 0)
		return -errno;
	rc = write_all(fd, text);
	if (close(fd) && rc == 0)
		rc = -errno;
	if (rc == 0 && rename(out.fresh, out.path))
		rc = -errno;
	if (rc)
		unlink(out.fresh);
	return rc;
}

static void on_time(evutil_socket_t fd, short what, void *arg)
{
	struct evbuffer *text = evbuffer_new();
	int rc = text ? metrics_text(out.m, METRICS_CLASSIC, text) : -ENOMEM;

	(void)fd;
	(void)what;
	(void)arg;
	if (rc == 0)
		rc = write_fresh(text);
	if (text)
		evbuffer_free(text);
	if (-rc == out.said)
		return;
	out.said = -rc;
	if (rc)
		log_event(LOG_L_WARN, -rc, "cannot write metrics: file=%.200s", out.path);
	else
		log_info("metrics are written again: file=%.200s", out.path);
}

int metrics_file_begin(struct event_base *base, struct metrics *m,
		       const char *path, unsigned int every_s)
{
	const struct timeval every = { every_s, 0 };

	if (snprintf(out.path, sizeof(out.path), "%s", path) >= (int)sizeof(out.path)) {
		out.path[0] = '\0';	/* half a name is another file's */
		return -ENAMETOOLONG;
	}
	snprintf(out.fresh, sizeof(out.fresh), "%s.new", path);
	out.m = m;
	out.said = 0;
	out.timer = event_new(base, -1, EV_PERSIST, on_time, NULL);
	if (!out.timer || event_add(out.timer, &every)) {
		metrics_file_end();
		return -ENOMEM;
	}
	on_time(-1, 0, NULL);
	return 0;
}

void metrics_file_end(void)
{
	if (out.timer)
		event_free(out.timer);
	out.timer = NULL;
	if (out.path[0])
		unlink(out.path);
	out.path[0] = '\0';
}
