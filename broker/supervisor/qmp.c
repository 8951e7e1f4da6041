/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/qmp.c - the QMP sockets that xl and xentop talk to
 *
 * Runs in the supervisor.  Clients are root's, but may be broken: input is
 * bounded, a client that does not read is dropped, nothing blocks.
 *
 * A command is one JSON object in a stream; newlines do not matter (libxenstat
 * sends none).  A scanner finds where an object ends; jansson reads it.  Every
 * message of ours ends in CR LF and goes out in one write: libxl splits at that
 * pair, libxenstat takes what arrives at once for one message.
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
#define READ_BYTES	65536u
#define READ_BUDGET	64		/* chunks a wake-up */
#define DEPTH_MAX	64u
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

/* ---- clients ---- */

static void drop_client(struct qmp_client *c)
{
	if (c->fd < 0)
		return;
	if (c->on_read)
		event_free(c->on_read);
	if (c->on_write)
		event_free(c->on_write);
	close(c->fd);
	for (unsigned int i = 0; i < c->pending_count; i++)
		close(c->pending[i].fd);
	for (unsigned int i = 0; i < QMP_FDS; i++) {
		if (c->set[i].id >= 0)
			close(c->set[i].fd);
		free(c->set[i].opaque);
	}
	free(c->in);
	free(c->out);
	*c = (struct qmp_client){ .fd = -1 };
}

/* ---- output ---- */

static void flush_out(struct qmp_client *c)
{
	ssize_t r;

	if (!c->out_len)
		return;
	r = send(c->fd, c->out, c->out_len, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (r < 0 && errno != EAGAIN && errno != EINTR) {
		c->out_len = 0;		/* the reader will see it and drop it */
		return;
	}
	if (r > 0) {
		memmove(c->out, c->out + r, c->out_len - (size_t)r);
		c->out_len -= (size_t)r;
	}
	if (c->out_len)
		event_add(c->on_write, NULL);
}

/* Queues @msg and CR LF; false if the client has stopped reading. */
static bool put_message(struct qmp_client *c, json_t *msg)
{
	char *text = json_dumps(msg, JSON_COMPACT);
	size_t len = text ? strlen(text) : 0;
	char *out;

	json_decref(msg);
	if (!text || c->out_len + len + 2 > OUT_MAX ||
	    !(out = realloc(c->out, c->out_len + len + 2))) {
		free(text);
		return false;
	}
	c->out = out;
	memcpy(out + c->out_len, text, len);
	memcpy(out + c->out_len + len, "\r\n", 2);
	c->out_len += len + 2;
	free(text);
	flush_out(c);
	return true;
}

static bool put_error(struct qmp_client *c, json_t *id, const char *class,
		      const char *desc)
{
	json_t *msg = json_pack("{s:{s:s,s:s}}", "error", "class", class,
				"desc", desc);

	/* A text cut or quoted in the middle of a character. */
	if (!msg)
		msg = json_pack("{s:{s:s,s:s}}", "error", "class", class,
				"desc", "not UTF-8");
	if (msg && id)
		json_object_set(msg, "id", id);
	return msg && put_message(c, msg);
}

/* ---- one command ---- */

int qmp_take_fd(struct qmp_client *c)
{
	int fd;

	if (!c->pending_count)
		return -1;
	fd = c->pending[0].fd;
	c->pending_count--;
	memmove(&c->pending[0], &c->pending[1],
		c->pending_count * sizeof(c->pending[0]));
	return fd;
}

/* Descriptors that came with commands up to stream offset @end, and that
   nobody took. */
static void forget_fds(struct qmp_client *c, uint64_t end)
{
	while (c->pending_count && c->pending[0].end <= end)
		close(qmp_take_fd(c));
}

static bool run_command(struct qmp_client *c, const char *name, json_t *obj)
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
	if (!value)
		return put_error(c, id, err.class, err.desc);
	msg = json_object();
	json_object_set_new(msg, "return", value);
	if (id)
		json_object_set(msg, "id", id);
	return put_message(c, msg);
}

/* One complete object.  False: drop the client.  *held: not done yet. */
static bool handle_object(struct qmp_client *c, const char *text, size_t len,
			  bool *held)
{
	json_error_t why;
	json_t *obj = json_loadb(text, len, 0, &why);
	const char *name;
	bool good;

	*held = false;
	if (!obj) {
		char desc[JSON_ERROR_TEXT_LENGTH + 40];

		snprintf(desc, sizeof(desc), "JSON parse error, %s", why.text);
		return put_error(c, NULL, "GenericError", desc);
	}
	name = json_string_value(json_object_get(obj, "execute"));
	if (!name)
		good = put_error(c, json_object_get(obj, "id"), "GenericError",
				 "QMP input lacks member 'execute'");
	else if (!qmp.ready && !qmp_cmd_is_early(name))
		good = *held = true;
	else
		good = run_command(c, name, obj);
	json_decref(obj);
	return good;
}

/* ---- framing ---- */

/* Takes one byte; true at the end of an object. */
static bool scan_byte(struct qmp_client *c, char b)
{
	if (c->in_string) {
		if (c->escaped)
			c->escaped = false;
		else if (b == '\\')
			c->escaped = true;
		else if (b == '"')
			c->in_string = false;
		return false;
	}
	switch (b) {
	case '"':
		c->in_string = true;
		return false;
	case '{':
	case '[':
		c->depth++;
		return false;
	case '}':
	case ']':
		return --c->depth == 0;
	default:
		return false;
	}
}

/* The first @len bytes of the input are done with. */
static void consume(struct qmp_client *c, size_t len)
{
	memmove(c->in, c->in + len, c->in_len - len);
	c->in_len -= len;
	c->taken += len;
	c->scanned = 0;
}

/* Between objects: white space is nothing, anything else but '{' is junk, told
   once for all of it.  False: drop the client. */
static bool skip_between(struct qmp_client *c)
{
	size_t n = 0;
	bool good = true;

	while (n < c->in_len && c->in[n] != '{') {
		if (!strchr(" \t\r\n", c->in[n]) || !c->in[n]) {
			if (!c->in_junk)
				good = put_error(c, NULL, "GenericError",
						 "JSON parse error, an object expected");
			c->in_junk = true;
		}
		n++;
	}
	if (n < c->in_len)
		c->in_junk = false;
	consume(c, n);
	return good;
}

/* Works off what has arrived.  False: drop the client. */
static bool parse_input(struct qmp_client *c)
{
	while (!c->held) {
		bool whole = false, held;
		size_t end;

		if (c->depth == 0) {
			if (!skip_between(c))
				return false;
			if (c->in_len == 0)
				return true;
		}
		while (c->scanned < c->in_len && !whole) {
			whole = scan_byte(c, c->in[c->scanned++]);
			if (c->depth > DEPTH_MAX) {
				put_error(c, NULL, "GenericError",
					  "JSON parse error, nested too deeply");
				return false;
			}
		}
		if (!whole)
			return true;
		end = c->scanned;
		if (!handle_object(c, c->in, end, &held))
			return false;
		if (held) {
			/* Scanned again when its time comes. */
			c->held = true;
			c->scanned = 0;
			return true;
		}
		forget_fds(c, c->taken + end);
		consume(c, end);
	}
	return true;
}

static void keep_fds(struct qmp_client *c, struct msghdr *m, uint64_t end)
{
	for (struct cmsghdr *h = CMSG_FIRSTHDR(m); h; h = CMSG_NXTHDR(m, h)) {
		size_t n = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(h) + i * sizeof(int), sizeof(int));
			if (c->pending_count == QMP_FDS) {
				close(fd);
				continue;
			}
			c->pending[c->pending_count].fd = fd;
			c->pending[c->pending_count++].end = end;
		}
	}
}

static bool make_room(struct qmp_client *c)
{
	size_t room = c->in_len + READ_BYTES;
	char *in;

	if (room <= c->in_room)
		return true;
	in = realloc(c->in, room);
	if (!in)
		return false;
	c->in = in;
	c->in_room = room;
	return true;
}

/* 1: read something, 0: nothing there, -1: drop the client. */
static int read_chunk(struct qmp_client *c)
{
	char control[CMSG_SPACE(QMP_FDS * sizeof(int))];
	struct iovec iov;
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control) };
	ssize_t r;

	if (!make_room(c))
		return -1;
	iov = (struct iovec){ c->in + c->in_len, READ_BYTES };
	r = recvmsg(c->fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (r < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (r <= 0)
		return -1;
	c->in_len += (size_t)r;
	keep_fds(c, &m, c->taken + c->in_len);
	if (c->in_len > QMP_INPUT_MAX) {
		log_warn("qmp client dropped: reason=\"a command of more than %u bytes\"",
			 QMP_INPUT_MAX);
		put_error(c, NULL, "GenericError", "JSON parse error, command too long");
		return -1;
	}
	return 1;
}

static void client_readable(evutil_socket_t fd, short what, void *arg)
{
	struct qmp_client *c = arg;

	(void)fd;
	(void)what;
	for (int i = 0; i < READ_BUDGET; i++) {
		int r = read_chunk(c);

		if (r == 0)
			return;
		/* A command may end the client's connection (quit). */
		if (r < 0 || !parse_input(c)) {
			drop_client(c);
			return;
		}
	}
}

static void client_writable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	flush_out(arg);
}

static bool greet(struct qmp_client *c)
{
	/* The version whose answers these are; libxl wants at least 2.11. */
	return put_message(c, json_pack("{s:{s:{s:{s:i,s:i,s:i},s:s},s:[]}}", "QMP",
		"version", "qemu", "micro", 0, "minor", 2, "major", 7,
		"package", "Cloister " CLOISTER_VERSION, "capabilities"));
}

int qmp_add_client(int fd)
{
	struct qmp_client *c = NULL;

	for (unsigned int i = 0; i < QMP_CLIENTS && !c; i++)
		if (qmp.client[i].fd < 0)
			c = &qmp.client[i];
	if (!c)
		return -EMFILE;
	*c = (struct qmp_client){ .fd = fd };
	for (unsigned int i = 0; i < QMP_FDS; i++)
		c->set[i].id = -1;
	c->on_read = event_new(qmp.base, fd, EV_READ | EV_PERSIST, client_readable, c);
	c->on_write = event_new(qmp.base, fd, EV_WRITE, client_writable, c);
	if (!c->on_read || !c->on_write || event_add(c->on_read, NULL)) {
		if (c->on_read)
			event_free(c->on_read);
		if (c->on_write)
			event_free(c->on_write);
		*c = (struct qmp_client){ .fd = -1 };
		return -ENOMEM;
	}
	greet(c);
	return 0;
}

void qmp_set_ready(void)
{
	qmp.ready = true;
	for (unsigned int i = 0; i < QMP_CLIENTS; i++) {
		struct qmp_client *c = &qmp.client[i];

		if (c->fd < 0 || !c->held)
			continue;
		c->held = false;
		if (!parse_input(c))
			drop_client(c);
	}
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
		qmp.client[i] = (struct qmp_client){ .fd = -1 };
}

void qmp_end(void)
{
	for (unsigned int i = 0; i < QMP_CLIENTS; i++)
		drop_client(&qmp.client[i]);
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
