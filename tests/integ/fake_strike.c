/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/integ/fake_strike.c - a supervisor that dies between two messages
 *
 * Linked into cloister-fake, where --wrap puts it between the supervisor and
 * notify_pass().  CLOISTER_FAKE_STRIKE names a file; while it is there it holds
 * how many messages systemd is still to get.  The one after those is not sent:
 * the supervisor is killed instead, and the file is gone.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "supervisor/notify.h"

int __real_notify_pass(const char *text, int fd);
int __wrap_notify_pass(const char *text, int fd);

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
