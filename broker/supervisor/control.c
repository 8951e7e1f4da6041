/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/control.c - the control socket that cloisterctl talks to
 *
 * Runs in the supervisor.  Clients are root's, but may be broken: framing and
 * bounds are json_conn.c's.  Whoever connects when all places are taken gets
 * that of the client who has been silent for the longest, so that nobody who
 * hangs keeps others out.
 */
#include "supervisor/control.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "abi/control.h"
#include "base/clock.h"
#include "base/log.h"
#include "supervisor/run_dir.h"

#define BACKLOG		16
#define IN_MAX		(64u * 1024u)
#define OUT_MAX		(2u * 1024u * 1024u)
#define WRITE_LIMIT_S	10u
#define TURN_MAX	16u

const struct control_host *control_host;

struct client {
	struct json_conn conn;	/* first: a connection is its client */
	int64_t spoke_ns;
};

static struct {
	struct event_base *base;
	struct event *on_accept;
	int fd;
	bool clean;		/* the clients below are initialised */
	struct client client[CONTROL_CLIENTS];
} ctl = { .fd = -1 };

/* ---- one request ---- */

static bool on_bad(struct json_conn *c, const char *desc)
{
	return json_conn_put_error(c, NULL, "Usage", desc);
}

static bool run_command(struct json_conn *c, json_t *request)
{
	const char *name = json_string_value(json_object_get(request, "execute"));
	json_t *id = json_object_get(request, "id");
	struct control_reply reply = { .class = "Failed", .fd = -1 };
	json_t *value, *msg;

	if (!name)
		return json_conn_put_error(c, id, "Usage", "no member \"execute\"");
	value = control_cmd_run(name, json_object_get(request, "arguments"), &reply);
	if (!value)
		return json_conn_put_error(c, id, reply.class, reply.desc);
	msg = json_object();
	json_object_set_new(msg, "return", value);
	if (id)
		json_object_set(msg, "id", id);
	return reply.fd < 0 ? json_conn_put(c, msg)
		: json_conn_put_fd(c, msg, reply.fd);
}

static bool on_object(struct json_conn *c, const char *text, size_t len,
		      bool *held)
{
	json_error_t why;
	json_t *request = json_loadb(text, len, 0, &why);
	bool good;

	(void)held;
	((struct client *)c)->spoke_ns = clock_now_ns();
	if (!request)
		return json_conn_put_error(c, NULL, "Usage", why.text);
	good = run_command(c, request);
	json_decref(request);
	return good;
}

static const struct json_conn_ops conn_ops = {
	.who = "control", .in_max = IN_MAX, .out_max = OUT_MAX,
	.write_limit_s = WRITE_LIMIT_S, .turn_max = TURN_MAX,
	.object = on_object, .bad = on_bad,
};

/* ---- clients ---- */

static void init_clients(void)
{
	for (unsigned int i = 0; !ctl.clean && i < CONTROL_CLIENTS; i++)
		ctl.client[i].conn = (struct json_conn){ .fd = -1 };
	ctl.clean = true;
}

/* A free place, or that of the most silent. */
static struct client *find_place(void)
{
	struct client *oldest = &ctl.client[0];

	for (unsigned int i = 0; i < CONTROL_CLIENTS; i++) {
		struct client *c = &ctl.client[i];

		if (c->conn.fd < 0)
			return c;
		if (c->spoke_ns < oldest->spoke_ns)
			oldest = c;
	}
	guest_warn("control client dropped: reason=\"more than %u, and silent\"",
		   CONTROL_CLIENTS);
	json_conn_end(&oldest->conn);
	return oldest;
}

int control_add_client(struct event_base *base, int fd)
{
	struct client *c;

	init_clients();
	c = find_place();
	c->spoke_ns = clock_now_ns();
	return json_conn_begin(&c->conn, base, fd, &conn_ops);
}

/* The socket's mode says it already; a descriptor may have been passed on. */
static bool may_talk(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len))
		return false;
	if (peer.uid == 0 || peer.uid == geteuid())
		return true;
	guest_warn("control client refused: uid=%u pid=%d", peer.uid, peer.pid);
	return false;
}

static void acceptable(evutil_socket_t fd, short what, void *arg)
{
	(void)what;
	(void)arg;
	for (unsigned int i = 0; i < CONTROL_CLIENTS; i++) {
		int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (client < 0)
			return;
		if (!may_talk(client) || control_add_client(ctl.base, client))
			close(client);
	}
}

/* ---- life ---- */

int control_begin(struct event_base *base, const struct control_host *host)
{
	init_clients();
	control_host = host;
	ctl.base = base;
	ctl.fd = run_dir_listen(CONTROL_SOCKET, BACKLOG);
	if (ctl.fd < 0)
		return ctl.fd;
	ctl.on_accept = event_new(base, ctl.fd, EV_READ | EV_PERSIST, acceptable, NULL);
	if (ctl.on_accept && event_add(ctl.on_accept, NULL) == 0)
		return 0;
	control_end();
	return -ENOMEM;
}

void control_end(void)
{
	for (unsigned int i = 0; ctl.clean && i < CONTROL_CLIENTS; i++)
		json_conn_end(&ctl.client[i].conn);
	if (ctl.on_accept)
		event_free(ctl.on_accept);
	ctl.on_accept = NULL;
	if (ctl.fd >= 0)
		close(ctl.fd);
	ctl.fd = -1;
}
