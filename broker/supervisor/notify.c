/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/notify.c - tells systemd how we are (sd_notify(3))
 *
 * Runs in the supervisor.  Not libsystemd: the protocol is one datagram, and
 * the library with its own four costs the start of every guest some
 * milliseconds, under xl too, where nobody listens.
 */
#include "supervisor/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"

#define USEC_PER_SEC	1000000ull
#define WATCHDOG_MAX_US	(86400 * USEC_PER_SEC)

static struct sockaddr_un to;	/* sun_path "": nobody listens */
static socklen_t to_len;
static unsigned long long watchdog_us;
static struct event *feed;

/* 0: none, or it is for another process. */
static unsigned long long read_watchdog(void)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	unsigned long long n = usec ? strtoull(usec, NULL, 10) : 0;

	if (pid && strtol(pid, NULL, 10) != getpid())
		return 0;
	return n > WATCHDOG_MAX_US ? WATCHDOG_MAX_US : n;
}

void notify_begin(void)
{
	const char *path = getenv("NOTIFY_SOCKET");
	size_t len = path ? strlen(path) : 0;

	to_len = 0;
	if (len < 2 || len >= sizeof(to.sun_path) || (path[0] != '/' && path[0] != '@'))
		return;
	to = (struct sockaddr_un){ .sun_family = AF_UNIX };
	memcpy(to.sun_path, path, len);
	if (path[0] == '@')
		to.sun_path[0] = '\0';	/* no name in the file system */
	to_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
	watchdog_us = read_watchdog();
}

void notify_say(const char *fmt, ...)
{
	static struct log_limit limit;
	char text[240];
	va_list ap;
	int fd;

	if (!to_len)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	/* A socket each time: no descriptor to keep out of the children. */
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || sendto(fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT,
			     (struct sockaddr *)&to, to_len) < 0)
		if (log_allow(&limit))
			log_event(LOG_L_WARN, errno, "cannot tell systemd");
	if (fd >= 0)
		close(fd);
}

bool notify_is_heard(void)
{
	return to_len != 0;
}

int notify_pass(const char *text, int fd)
{
	const struct timeval patience = { 1, 0 };
	union {
		struct cmsghdr h;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec v = { (void *)(uintptr_t)text, strlen(text) };
	struct msghdr m = { .msg_name = &to, .msg_namelen = to_len, .msg_iov = &v,
		.msg_iovlen = 1 };
	int at, rc = 0;

	if (!to_len)
		return -ENOTCONN;
	if (fd >= 0) {
		m.msg_control = &control;
		m.msg_controllen = sizeof(control.room);
		control.h = (struct cmsghdr){ .cmsg_level = SOL_SOCKET,
			.cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int)) };
		memcpy(CMSG_DATA(&control.h), &fd, sizeof(fd));
	}
	at = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (at < 0)
		return -errno;
	if (setsockopt(at, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) ||
	    sendmsg(at, &m, MSG_NOSIGNAL) < 0)
		rc = -errno;
	close(at);
	return rc;
}

/* The other end of a pipe is closed when it is this message's turn. */
int notify_wait_taken(int limit_ms)
{
	int end[2], rc;

	if (!to_len)
		return -ENOTCONN;
	if (pipe2(end, O_CLOEXEC))
		return -errno;
	rc = notify_pass("BARRIER=1", end[1]);
	close(end[1]);
	if (rc == 0) {
		struct pollfd p = { .fd = end[0] };

		rc = poll(&p, 1, limit_ms) == 1 ? 0 : -ETIMEDOUT;
	}
	close(end[0]);
	return rc;
}

static void on_time(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	notify_say("WATCHDOG=1");
}

void notify_watch(struct event_base *base)
{
	unsigned long long half = watchdog_us / 2;
	const struct timeval period = { (time_t)(half / USEC_PER_SEC),
		(suseconds_t)(half % USEC_PER_SEC) };
	if (!to_len || !half)
		return;
	feed = event_new(base, -1, EV_PERSIST, on_time, NULL);
	if (!feed || event_add(feed, &period))
		log_err("cannot feed the watchdog");
}

void notify_end(void)
{
	notify_say("STOPPING=1\nSTATUS=ending");
	if (feed)
		event_free(feed);
	feed = NULL;
}
