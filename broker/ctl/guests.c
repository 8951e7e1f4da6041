/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ctl/guests.c - which guests there are
 *
 * Runs in cloisterctl.  A directory a guest, named by its domid; a family that
 * died without cleaning up leaves one in which nobody listens.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/client.h"
#include "ctl/text.h"

#define DOMID_MAX	0x7fefu
#define ITEMS_MAX	64u	/* processes, or devices, of a guest */

/* Would this be what a supervisor says of @domid? */
static const char *check_status(const json_t *o, uint32_t domid)
{
	const json_t *processes = json_object_get(o, "processes");
	const json_t *devices = json_object_get(o, "devices");
	const json_t *item;
	size_t i;

	if (!json_is_integer(json_object_get(o, "domid")) ||
	    text_uint(o, "domid") != domid)
		return "it says it is another guest";
	if (!json_is_array(processes) || json_array_size(processes) > ITEMS_MAX ||
	    !json_is_array(devices) || json_array_size(devices) > ITEMS_MAX)
		return "the answer is not what a supervisor says";
	json_array_foreach(processes, i, item)
		if (!text_of(item, "name")[0])
			return "the answer is not what a supervisor says";
	return NULL;
}

static bool ask_status(struct guest *g)
{
	return client_send(&g->client, "status", NULL, g->why, sizeof(g->why));
}

static bool take_status(struct guest *g, int64_t until_ns)
{
	json_t *status = client_receive(&g->client, until_ns, NULL, g->why,
					sizeof(g->why));
	const char *wrong = status ? check_status(status, g->client.domid) : NULL;

	json_decref(g->status);
	g->status = NULL;
	if (wrong) {
		snprintf(g->why, sizeof(g->why), "%s", wrong);
		json_decref(status);
		client_close(&g->client);
		return false;
	}
	g->status = status;
	return status != NULL;
}

bool guest_refresh(struct guest *g)
{
	if (ask_status(g))
		return take_status(g, client_patience_ns());
	json_decref(g->status);
	g->status = NULL;
	return false;
}

static void drop_guest(struct guest *g)
{
	client_close(&g->client);
	json_decref(g->status);
	g->status = NULL;
}

void guest_list_free(struct guest_list *l)
{
	for (size_t i = 0; i < l->count; i++)
		drop_guest(&l->guest[i]);
	free(l->guest);
	*l = (struct guest_list){ 0 };
}

static bool read_domid(const char *s, uint32_t *domid)
{
	size_t digits = strspn(s, "0123456789");

	if (!digits || digits > 5 || s[digits])
		return false;
	*domid = (uint32_t)strtoul(s, NULL, 10);
	return *domid <= DOMID_MAX;
}

static int by_domid(const void *a, const void *b)
{
	const struct guest *x = a, *y = b;

	return x->client.domid < y->client.domid ? -1 : 1;
}

/* Connects to @domid, asks, and adds it, unless nobody listens there. */
static enum ctl_exit add_guest(const char *dir, uint32_t domid, struct guest_list *l)
{
	struct guest *g = &l->guest[l->count];
	enum ctl_exit status;

	*g = (struct guest){ .client = { .fd = -1 } };
	status = client_open(dir, domid, &g->client, g->why, sizeof(g->why));
	if (status == CTL_NO_GUEST || status == CTL_NO_RIGHTS)
		return status;
	if (status == CTL_OK)
		ask_status(g);
	l->count++;
	return CTL_OK;
}

/* All were asked: however many do not answer, they are waited for once. */
static void take_answers(struct guest_list *l)
{
	const int64_t until_ns = client_patience_ns();

	for (size_t i = 0; i < l->count; i++)
		if (l->guest[i].client.fd >= 0)
			take_status(&l->guest[i], until_ns);
}

/* CTL_NO_RIGHTS if that was all that was in the way of some. */
static enum ctl_exit find_all(const char *dir, struct guest_list *l)
{
	enum ctl_exit status = CTL_OK;
	DIR *d = opendir(dir);
	struct dirent *e;

	if (!d && errno != EACCES && errno != ENOENT) {
		snprintf(l->why, sizeof(l->why), "%.200s: %s", dir, strerrordesc_np(errno));
		return CTL_FAILED;
	}
	if (!d)
		return errno == EACCES ? CTL_NO_RIGHTS : CTL_OK;
	while ((e = readdir(d)) && l->count < CLIENT_GUESTS) {
		uint32_t domid;

		if (read_domid(e->d_name, &domid) &&
		    add_guest(dir, domid, l) == CTL_NO_RIGHTS)
			status = CTL_NO_RIGHTS;
	}
	closedir(d);
	take_answers(l);
	qsort(l->guest, l->count, sizeof(l->guest[0]), by_domid);
	return l->count ? CTL_OK : status;
}

/* Keeps those whose name is @name. */
static void keep_named(struct guest_list *l, const char *name)
{
	size_t kept = 0;

	for (size_t i = 0; i < l->count; i++) {
		if (l->guest[i].status &&
		    strcmp(text_of(l->guest[i].status, "name"), name) == 0)
			l->guest[kept++] = l->guest[i];
		else
			drop_guest(&l->guest[i]);
	}
	l->count = kept;
}

static enum ctl_exit find_one(const char *dir, const char *which,
			      struct guest_list *l)
{
	enum ctl_exit status;
	uint32_t domid;

	/* A guest may be called "7": the number goes first. */
	if (read_domid(which, &domid)) {
		status = add_guest(dir, domid, l);
		take_answers(l);
		if (status != CTL_NO_GUEST)
			return status;
	}
	status = find_all(dir, l);
	if (status)
		return status;
	keep_named(l, which);
	if (l->count > 1) {
		snprintf(l->why, sizeof(l->why),
			 "more than one guest has this name, say which domid: %.60s",
			 which);
		return CTL_FAILED;
	}
	return l->count ? CTL_OK : CTL_NO_GUEST;
}

enum ctl_exit guest_list_find(const char *dir, const char *which,
			      struct guest_list *l)
{
	enum ctl_exit status;

	*l = (struct guest_list){ .guest = calloc(CLIENT_GUESTS + 1,
						  sizeof(*l->guest)) };
	if (!l->guest) {
		snprintf(l->why, sizeof(l->why), "out of memory");
		return CTL_FAILED;
	}
	status = which ? find_one(dir, which, l) : find_all(dir, l);
	if (status == CTL_NO_RIGHTS)
		snprintf(l->why, sizeof(l->why),
			 "no rights: the sockets in %.200s are root's", dir);
	else if (status == CTL_NO_GUEST)
		snprintf(l->why, sizeof(l->why), "no such guest: %.60s (looked in %.200s)",
			 which, dir);
	if (status == CTL_OK && which && !l->guest[0].status) {
		snprintf(l->why, sizeof(l->why), "guest %u: %.200s",
			 l->guest[0].client.domid, l->guest[0].why);
		status = CTL_FAILED;
	}
	return status;
}

enum ctl_exit guest_list_get(const char *dir, const char *which,
			     struct guest_list *l)
{
	enum ctl_exit status = guest_list_find(dir, which, l);

	if (status)
		ctl_complain("%s", l->why);
	return status;
}
