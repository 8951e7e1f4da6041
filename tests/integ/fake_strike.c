/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/integ/fake_strike.c - a supervisor that dies between two messages
 *
 * Linked into cloister-fake, where --wrap puts it between the supervisor and
 * notify_pass() and recv().  CLOISTER_FAKE_STRIKE names a file; while it is
 * there it holds how many messages are still to be sent to systemd, or got from
 * a child.  The one after those is not sent, or was got and nothing follows of
 * it: the supervisor is killed instead, and the file is gone.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "abi/ctl_msg.h"
#include "supervisor/notify.h"

int __real_notify_pass(const char *text, int fd);
int __wrap_notify_pass(const char *text, int fd);
ssize_t __real_recv(int fd, void *buf, size_t len, int flags);
ssize_t __wrap_recv(int fd, void *buf, size_t len, int flags);

static void count_down(const char *path)
{
	FILE *f = fopen(path, "r+e");
	int left;

	if (!f)
		return;
	if (fscanf(f, "%d", &left) != 1)
		left = 0;
	if (left <= 0) {
		unlink(path);
		raise(SIGKILL);
	}
	rewind(f);
	fprintf(f, "%d \n", left - 1);
	fclose(f);
}

int __wrap_notify_pass(const char *text, int fd)
{
	const char *path = getenv("CLOISTER_FAKE_STRIKE");

	if (path)
		count_down(path);
	return __real_notify_pass(text, fd);
}

ssize_t __wrap_recv(int fd, void *buf, size_t len, int flags)
{
	const char *path = getenv("CLOISTER_FAKE_STRIKE");
	ssize_t got = __real_recv(fd, buf, len, flags);

	if (path && got == (ssize_t)sizeof(struct ctl_msg))
		count_down(path);
	return got;
}
