/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/qmp.c - the QMP sockets that xl and xentop talk to
 *
 * Runs in the supervisor.  Clients are root's, but may be broken: input is
 * bounded, a client that does not read is dropped, nothing blocks.
 *
 * A command is one JSON object in a stream; newlines do not matter (libxenstat
 * sends none).  json_conn.c has the framing; jansson reads it.
 */
#include "supervisor/qmp.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"

#define LISTENERS	CONF_CHARDEVS
#define BACKLOG		64
#define OUT_MAX		(1024u * 1024u)

struct qmp_host *qmp_host;

static struct {
	struct event_base *base;
	bool ready;
	struct qmp_client client[QMP_CLIENTS];
	struct listener {
		int fd;
		char path[108];		/* "": not ours to remove */
		ino_t inode;
		struct event *on_accept;
	} listener[LISTENERS];
	unsigned int listener_count;
} qmp;

/* ---- replies ---- */

static bool put_parse_error(struct json_conn *conn, const char *what)
{
	char desc[JSON_ERROR_TEXT_LENGTH + 40];

	snprintf(desc, sizeof(desc), "JSON parse error, %s", what);
	return json_conn_put_error(conn, NULL, "GenericError", desc);
}

/* ---- one command ---- */

static bool run_command(struct qmp_client *c, const char *name, json_t *obj,
			bool *held)
{
	struct qmp_error err = { .class = "GenericError" };
	json_t *id = json_object_get(obj, "id");
	json_t *value, *msg;

	if (c->negotiated != (strcmp(name, "qmp_capabilities") != 0)) {
		err.class = "CommandNotFound";
		snprintf(err.desc, sizeof(err.desc), c->negotiated
			 ? "Capabilities negotiation is already complete"
			 : "Expecting capabilities negotiation with 'qmp_capabilities'");
		value = NULL;
	} else {
		value = qmp_cmd_run(c, name, json_object_get(obj, "arguments"), &err);
	}
	*held = !value && err.held;
	if (*held)
		return true;
	if (!value)
		return json_conn_put_error(&c->conn, id, err.class, err.desc);
	msg = json_object();
	json_object_set_new(msg, "return", value);
	if (id)
		json_object_set(msg, "id", id);
	return json_conn_put(&c->conn, msg);
}

/* *held: not done yet. */
static bool handle_object(struct json_conn *conn, const char *text, size_t len,
			  bool *held)
{
	struct qmp_client *c = (struct qmp_client *)conn;
	json_error_t why;
	json_t *obj = json_loadb(text, len, 0, &why);
	const char *name;
	bool good;

	if (!obj)
		return put_parse_error(conn, why.text);
	name = json_string_value(json_object_get(obj, "execute"));
	if (!name)
		good = json_conn_put_error(&c->conn,
					   json_object_get(obj, "id"), "GenericError",
				 "QMP input lacks member 'execute'");
	else if (!qmp.ready && !qmp_cmd_is_early(name))
		good = *held = true;
	else
		good = run_command(c, name, obj, held);
	json_decref(obj);
	return good;
}

/* ---- clients ---- */

static void forget_client(struct json_conn *conn)
{
	struct qmp_client *c = (struct qmp_client *)conn;

	for (unsigned int i = 0; i < QMP_FDS; i++) {
		if (c->set[i].id >= 0)
			close(c->set[i].fd);
		free(c->set[i].opaque);
		c->set[i] = (struct qmp_fdset){ .id = -1 };
	}
}

static const struct json_conn_ops conn_ops = {
	.who = "qmp", .in_max = QMP_INPUT_MAX, .out_max = OUT_MAX,
	.object = handle_object, .bad = put_parse_error, .gone = forget_client,
};

static bool greet(struct qmp_client *c)
{
	/* The version whose answers these are; libxl wants at least 2.11. */
	return json_conn_put(&c->conn, json_pack(
		"{s:{s:{s:{s:i,s:i,s:i},s:s},s:[]}}", "QMP",
		"version", "qemu", "micro", 0, "minor", 2, "major", 7,
		"package", "Cloister " CLOISTER_VERSION, "capabilities"));
}

int qmp_add_client(int fd)
{
	struct qmp_client *c = NULL;
	int rc;

	for (unsigned int i = 0; i < QMP_CLIENTS && !c; i++)
		if (qmp.client[i].conn.fd < 0)
			c = &qmp.client[i];
	if (!c)
		return -EMFILE;
	c->negotiated = false;
	for (unsigned int i = 0; i < QMP_FDS; i++)
		c->set[i] = (struct qmp_fdset){ .id = -1 };
	rc = json_conn_begin(&c->conn, qmp.base, fd, &conn_ops);
	if (rc)
		return rc;
	greet(c);
	return 0;
}

void qmp_set_ready(void)
{
	qmp.ready = true;
	qmp_go_on();
}

void qmp_go_on(void)
{
	for (unsigned int i = 0; i < QMP_CLIENTS; i++)
		json_conn_go_on(&qmp.client[i].conn);
}

/* ---- listening ---- */

static void acceptable(evutil_socket_t fd, short what, void *arg)
{
	(void)what;
	(void)arg;
	for (unsigned int i = 0; i < QMP_CLIENTS; i++) {
		int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (client < 0)
			return;
		if (qmp_add_client(client)) {
			guest_warn("qmp client refused: reason=\"more than %u\"",
				   QMP_CLIENTS);
			close(client);
		}
	}
}

static int bind_path(const char *path)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	struct stat st;
	mode_t mask;
	int fd, rc = 0;

	if (strlen(path) >= sizeof(sa.sun_path))
		return -ENAMETOOLONG;
	memcpy(sa.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	mask = umask(077);
	/* What a predecessor left; nothing else that happens to be there. */
	if (lstat(path, &st) == 0 && !S_ISSOCK(st.st_mode))
		rc = -EEXIST;
	else if (unlink(path) && errno != ENOENT)
		rc = -errno;
	else if (bind(fd, (struct sockaddr *)&sa, sizeof(sa)))
		rc = -errno;
	umask(mask);
	if (rc) {
		close(fd);
		return rc;
	}
	return fd;
}

int qmp_listen(const char *path, int fd)
{
	struct listener *l = &qmp.listener[qmp.listener_count];
	socklen_t len = sizeof(int);
	struct stat st;
	int type;

	if (qmp.listener_count == LISTENERS)
		return -EMFILE;
	if (!path && getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len))
		return -errno;
	*l = (struct listener){ .fd = fd };
	if (path) {
		l->fd = bind_path(path);
		if (l->fd < 0)
			return l->fd;
		snprintf(l->path, sizeof(l->path), "%s", path);
		l->inode = stat(path, &st) ? 0 : st.st_ino;
	}
	if (evutil_make_socket_nonblocking(l->fd) || listen(l->fd, BACKLOG))
		return errno ? -errno : -EINVAL;
	l->on_accept = event_new(qmp.base, l->fd, EV_READ | EV_PERSIST, acceptable, l);
	if (!l->on_accept || event_add(l->on_accept, NULL))
		return -ENOMEM;
	qmp.listener_count++;
	return 0;
}

void qmp_begin(struct event_base *base, struct qmp_host *host)
{
	qmp.base = base;
	qmp_host = host;
	qmp.ready = false;
	qmp.listener_count = 0;
	for (unsigned int i = 0; i < QMP_CLIENTS; i++)
		qmp.client[i] = (struct qmp_client){ .conn = { .fd = -1 } };
}

void qmp_end(void)
{
	for (unsigned int i = 0; i < QMP_CLIENTS; i++)
		json_conn_end(&qmp.client[i].conn);
	for (unsigned int i = 0; i < qmp.listener_count; i++) {
		struct listener *l = &qmp.listener[i];
		struct stat st;

		if (l->on_accept)
			event_free(l->on_accept);
		close(l->fd);
		/* A successor may have bound the same path already. */
		if (l->path[0] && stat(l->path, &st) == 0 && st.st_ino == l->inode)
			unlink(l->path);
	}
	qmp.listener_count = 0;
}
