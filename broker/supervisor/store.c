/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/store.c - descriptors that systemd keeps for our successor
 *
 * Runs in the supervisor.  Names and numbers only: what is worth keeping is in
 * roster_fds.c and family_adopt.c.
 */
#include "supervisor/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "supervisor/notify.h"

#define FIRST_FD	3
#define FDS_LEFT_MAX	256	/* FileDescriptorStoreMax= of the unit */
#define SETTLE_MS	1000

static struct {
	char name[FD_NAME_ROOM];
	int fd;			/* -1: claimed */
} left[FDS_LEFT_MAX];
static unsigned int left_count;
static bool is_open;

static unsigned int read_count(void)
{
	const char *n = getenv("LISTEN_FDS"), *pid = getenv("LISTEN_PID");
	unsigned long count = n ? strtoul(n, NULL, 10) : 0;

	if (!pid || strtol(pid, NULL, 10) != getpid())
		return 0;
	return count > FDS_LEFT_MAX ? FDS_LEFT_MAX : (unsigned int)count;
}

unsigned int store_take(void)
{
	const char *at = getenv("LISTEN_FDNAMES");
	unsigned int count = read_count();

	left_count = 0;
	is_open = false;
	for (unsigned int i = 0; i < count; i++) {
		size_t len = at ? strcspn(at, ":") : 0;
		int fd = FIRST_FD + (int)i;

		if (fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 && len && len < FD_NAME_ROOM) {
			snprintf(left[left_count].name, FD_NAME_ROOM, "%.*s", (int)len, at);
			left[left_count++].fd = fd;
		} else {
			close(fd);
		}
		at = at && at[len] ? at + len + 1 : NULL;
	}
	return FIRST_FD + count;
}

bool store_has_any(void)
{
	for (unsigned int i = 0; i < left_count; i++)
		if (left[i].fd >= 0)
			return true;
	return false;
}

int store_claim(const char *name)
{
	for (unsigned int i = 0; i < left_count; i++) {
		int fd = left[i].fd;

		if (fd < 0 || strcmp(left[i].name, name) != 0)
			continue;
		left[i].fd = -1;
		return fd;
	}
	return -1;
}

void store_close_rest(void)
{
	for (unsigned int i = 0; i < left_count; i++) {
		if (left[i].fd >= 0)
			close(left[i].fd);
		left[i].fd = -1;
	}
}

static void tell(const char *what, const char *name, int fd)
{
	static struct log_limit limit;
	char text[FD_NAME_ROOM + 64];
	int rc;

	/* Without FDPOLL=0 a dead child's socket would go by itself. */
	snprintf(text, sizeof(text), "%s=1\nFDNAME=%s%s", what, name,
		 fd >= 0 ? "\nFDPOLL=0" : "");
	rc = notify_pass(text, fd);
	if (!rc)
		return;
	/* Nobody takes them: do not wait for each. */
	is_open = false;
	if (log_allow(&limit))
		log_errno(-rc, "nothing more is kept for a successor: name=%s", name);
}

void store_discard(void)
{
	store_close_rest();
	for (unsigned int i = 0; i < left_count; i++)
		tell("FDSTOREREMOVE", left[i].name, -1);
	left_count = 0;
}

void store_open(void)
{
	is_open = notify_is_heard();
}

void store_drop(const char *name)
{
	if (is_open)
		tell("FDSTOREREMOVE", name, -1);
}

void store_put(const char *name, int fd)
{
	if (!is_open)
		return;
	store_drop(name);
	tell("FDSTORE", name, fd);
}

void store_settle(void)
{
	int rc = is_open ? notify_wait_taken(SETTLE_MS) : 0;

	if (rc)
		log_event(LOG_L_WARN, -rc, "systemd takes its time with descriptors");
}
