/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/xs.c - the xenstore nodes that libxl and the guest look at
 *
 * Runs in the supervisor.  Values that the guest can write (front ends) are
 * never read here.  vkbd: libxl makes a keyboard back end in state 1 for every
 * guest, after "running"; Linux waits 30 s for a front end whose back end
 * stays there, and gives it up at once when it is Closed.
 */
#include "supervisor/xs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xenstore.h>

#include "base/log.h"

#define STATE_CLOSED	"6"	/* enum xenbus_state */
#define TRIES		16	/* of a transaction that others disturb */

static struct xs_handle *store;
static uint32_t dom;
static bool dir_seen;
static char dir[64], qdisk_dir[64], vkbd_dir[64];

static bool exists(const char *path)
{
	unsigned int n;
	char **list = xs_directory(store, XBT_NULL, path, &n);

	/* Any other error is a broken connection, not a missing node. */
	if (!list)
		return errno != ENOENT;
	free(list);
	return true;
}

void xs_store_close(void)
{
	if (store)
		xs_close(store);
	store = NULL;
}

/* A node is @want; absent and unreadable are "no". */
static bool node_is(const char *path, const char *want)
{
	char *v = xs_read(store, XBT_NULL, path, NULL);
	bool same = v && strcmp(v, want) == 0;

	free(v);
	return same;
}

int xs_find_domains(const char *name, uint32_t *domid, unsigned int room)
{
	unsigned int n = 0, found = 0;
	char **id, path[80];
	int rc = 0;

	store = xs_open(0);
	if (!store)
		return errno ? -errno : -ENOTCONN;
	id = xs_directory(store, XBT_NULL, "/local/domain", &n);
	if (!id && errno != ENOENT)
		rc = errno ? -errno : -EIO;
	for (unsigned int i = 0; id && i < n; i++) {
		snprintf(path, sizeof(path), "/local/domain/%.12s/name", id[i]);
		if (strcmp(id[i], "0") == 0 || !node_is(path, name))
			continue;
		if (found < room)
			domid[found] = (uint32_t)strtoul(id[i], NULL, 10);
		found++;
	}
	free(id);
	xs_store_close();
	return rc ? rc : (int)found;
}

int xs_store_open(uint32_t domid)
{
	store = xs_open(0);
	if (!store)
		return errno ? -errno : -ENOENT;
	dom = domid;
	snprintf(dir, sizeof(dir), "/local/domain/0/device-model/%u", dom);
	snprintf(qdisk_dir, sizeof(qdisk_dir), "/local/domain/0/backend/qdisk/%u", dom);
	snprintf(vkbd_dir, sizeof(vkbd_dir), "/local/domain/0/backend/vkbd/%u", dom);
	dir_seen = exists(dir);
	return 0;
}

bool xs_store_has_qdisk(void)
{
	unsigned int n = 0;
	char **id, path[160];
	bool found = false;

	if (!store)
		return false;
	id = xs_directory(store, XBT_NULL, qdisk_dir, &n);
	for (unsigned int i = 0; id && i < n && !found; i++) {
		snprintf(path, sizeof(path), "%s/%.40s/device-type", qdisk_dir, id[i]);
		found = node_is(path, "disk");
	}
	free(id);
	return found;
}

/*
 * Writes @path only while @there exists: a bare write would bring back what
 * libxl has just removed, and nobody would remove it again.
 */
static int write_if(const char *there, const char *path, const char *value)
{
	for (int i = 0; i < TRIES; i++) {
		xs_transaction_t t = xs_transaction_start(store);
		unsigned int len;
		void *v;
		int rc = 0;

		if (t == XBT_NULL)
			return -errno;
		v = xs_read(store, t, there, &len);
		if (!v || !xs_write(store, t, path, value,
				    (unsigned int)strlen(value)))
			rc = -errno;
		free(v);
		if (xs_transaction_end(store, t, rc != 0) || rc)
			return rc;
		if (errno != EAGAIN)
			return -errno;
	}
	return -EAGAIN;
}

int xs_store_say_running(void)
{
	char path[80];
	int rc = 0;

	if (!store)
		return -ENOTCONN;
	snprintf(path, sizeof(path), "%s/state", dir);
	if (dir_seen)
		rc = write_if(dir, path, "running");
	else if (!xs_write(store, XBT_NULL, path, "running", strlen("running")))
		rc = -errno;
	dir_seen |= rc == 0;
	return rc;
}

int xs_store_watch(void)
{
	if (!store)
		return -ENOTCONN;
	if (!xs_watch(store, dir, "dir") || !xs_watch(store, "@releaseDomain", "domain") ||
	    !xs_watch(store, vkbd_dir, "vkbd"))
		return -errno;
	return 0;
}

bool xs_store_is_wanted(void)
{
	return !store || !dir_seen || exists(dir);
}

int xs_store_fd(void)
{
	return store ? xs_fileno(store) : -1;
}

/* Something under the vkbd back ends changed. */
static void close_vkbds(void)
{
	unsigned int n = 0;
	char **id = xs_directory(store, XBT_NULL, vkbd_dir, &n);
	char path[160];

	for (unsigned int i = 0; id && i < n; i++) {
		char *state;

		snprintf(path, sizeof(path), "%s/%.40s/state", vkbd_dir, id[i]);
		state = xs_read(store, XBT_NULL, path, NULL);
		/* No state: libxl is still writing, or has just removed it. */
		if (state && strcmp(state, STATE_CLOSED) != 0)
			write_if(path, path, STATE_CLOSED);
		free(state);
	}
	free(id);
}

unsigned int xs_store_poll(void)
{
	unsigned int events = 0;
	bool vkbd = false, check_dir = false;
	char **w;

	if (!store)
		return 0;
	while ((w = xs_check_watch(store)) != NULL) {
		const char *token = w[XS_WATCH_TOKEN];

		check_dir |= strcmp(token, "dir") == 0;
		vkbd |= strcmp(token, "vkbd") == 0;
		if (strcmp(token, "domain") == 0)
			events |= XS_EVENT_DOMAIN;
		free(w);
	}
	if (check_dir && dir_seen && !exists(dir))
		events |= XS_EVENT_DIR_GONE;
	if (vkbd)
		close_vkbds();
	return events;
}
