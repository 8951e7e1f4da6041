/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/json_conn.c - one client that talks JSON over a stream socket
 *
 * Runs in the supervisor.  A scanner finds where an object ends; its owner
 * reads it.  Every message of ours ends in CR LF and goes out in one write if
 * the socket has room: libxl splits at that pair, libxenstat takes what
 * arrives at once for one message.
 */
#include "supervisor/json_conn.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fdpass.h"
#include "base/log.h"

#define READ_BYTES	65536u
#define READ_BUDGET	64		/* chunks a wake-up */
#define DEPTH_MAX	64u
#define OUT_BYTES	4096u

static void free_events(struct json_conn *c)
{
	if (c->on_read)
		event_free(c->on_read);
	if (c->on_write)
		event_free(c->on_write);
	if (c->on_more)
		event_free(c->on_more);
}

void json_conn_end(struct json_conn *c)
{
	const struct json_conn_ops *ops = c->ops;

	if (c->fd < 0 || !ops)
		return;
	free_events(c);
	close(c->fd);
	for (unsigned int i = 0; i < c->pending_count; i++)
		close(c->pending[i].fd);
	if (c->out_fd >= 0)
		close(c->out_fd);
	free(c->in);
	free(c->out);
	*c = (struct json_conn){ .fd = -1, .out_fd = -1 };
	if (ops->gone)
		ops->gone(c);
}

/* ---- output ---- */

/* Sends up to @len bytes, with out_fd if @with_fd. */
static ssize_t send_some(struct json_conn *c, size_t len, bool with_fd)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec iov = { c->out, len };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *h;

	if (with_fd) {
		m.msg_control = control;
		m.msg_controllen = sizeof(control);
		h = CMSG_FIRSTHDR(&m);
		h->cmsg_level = SOL_SOCKET;
		h->cmsg_type = SCM_RIGHTS;
		h->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(h), &c->out_fd, sizeof(int));
	}
	return sendmsg(c->fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void wait_to_write(struct json_conn *c)
{
	const struct timeval limit = { c->ops->write_limit_s, 0 };

	if (!event_pending(c->on_write, EV_WRITE, NULL))
		event_add(c->on_write, limit.tv_sec ? &limit : NULL);
}

static void flush_out(struct json_conn *c)
{
	while (c->out_len) {
		bool with_fd = c->out_fd >= 0 && c->out_fd_at == 0;
		size_t len = c->out_fd >= 0 && !with_fd ? c->out_fd_at : c->out_len;
		ssize_t r = send_some(c, len, with_fd);

		if (r < 0 && errno != EAGAIN && errno != EINTR) {
			c->out_len = 0;	/* the reader will see it and drop it */
			if (c->out_fd >= 0)
				close(c->out_fd);
			c->out_fd = -1;
			return;
		}
		if (r <= 0)
			break;
		if (with_fd) {
			close(c->out_fd);
			c->out_fd = -1;
		}
		memmove(c->out, c->out + r, c->out_len - (size_t)r);
		c->out_len -= (size_t)r;
		if (c->out_fd >= 0)
			c->out_fd_at -= (size_t)r;
	}
	if (c->out_len)
		wait_to_write(c);
}

/* By halves, so that a queue is not copied for each message. */
static bool make_out_room(struct json_conn *c, size_t len)
{
	size_t room = c->out_room;
	char *out;

	if (c->out_len + len > c->ops->out_max)
		return false;
	while (room < c->out_len + len)
		room += room / 2 + OUT_BYTES;
	out = room == c->out_room ? c->out : realloc(c->out, room);
	if (!out)
		return false;
	c->out = out;
	c->out_room = room;
	return true;
}

/* Queues @msg, which is consumed. */
static bool queue(struct json_conn *c, json_t *msg)
{
	char *text = msg ? json_dumps(msg, JSON_COMPACT) : NULL;
	size_t len = text ? strlen(text) : 0;
	bool good = text && make_out_room(c, len + 2);

	json_decref(msg);
	if (good) {
		memcpy(c->out + c->out_len, text, len);
		memcpy(c->out + c->out_len + len, "\r\n", 2);
		c->out_len += len + 2;
	}
	free(text);
	return good;
}

bool json_conn_put(struct json_conn *c, json_t *msg)
{
	if (!queue(c, msg))
		return false;
	flush_out(c);
	return true;
}

bool json_conn_put_error(struct json_conn *c, json_t *id, const char *class,
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
	return json_conn_put(c, msg);
}

bool json_conn_put_fd(struct json_conn *c, json_t *msg, int fd)
{
	size_t at = c->out_len;
	int copy = c->out_fd >= 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0);

	if (copy < 0) {
		json_decref(msg);
		return false;
	}
	if (!queue(c, msg)) {
		close(copy);
		return false;
	}
	c->out_fd = copy;
	c->out_fd_at = at;
	flush_out(c);
	return true;
}

/* ---- descriptors that come with objects ---- */

int json_conn_take_fd(struct json_conn *c)
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

/* Descriptors that came with objects up to stream offset @end, and that
   nobody took. */
static void forget_fds(struct json_conn *c, uint64_t end)
{
	while (c->pending_count && c->pending[0].end <= end)
		close(json_conn_take_fd(c));
}

static void keep_fds(struct json_conn *c, struct msghdr *m, uint64_t end)
{
	int fd[JSON_CONN_FDS];
	unsigned int n = fdpass_take(m, fd, JSON_CONN_FDS - c->pending_count);

	for (unsigned int i = 0; i < n; i++) {
		c->pending[c->pending_count].fd = fd[i];
		c->pending[c->pending_count++].end = end;
	}
}

/* ---- framing ---- */

/* Takes one byte; true at the end of an object. */
static bool scan_byte(struct json_conn *c, char b)
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
static void consume(struct json_conn *c, size_t len)
{
	memmove(c->in, c->in + len, c->in_len - len);
	c->in_len -= len;
	c->taken += len;
	c->scanned = 0;
}

/* Between objects: white space is nothing, anything else but '{' is junk, told
   once for all of it.  False: drop the client. */
static bool skip_between(struct json_conn *c)
{
	size_t n = 0;
	bool good = true;

	while (n < c->in_len && c->in[n] != '{') {
		if (!strchr(" \t\r\n", c->in[n]) || !c->in[n]) {
			if (!c->in_junk)
				good = c->ops->bad(c, "an object expected");
			c->in_junk = true;
		}
		n++;
	}
	if (n < c->in_len)
		c->in_junk = false;
	consume(c, n);
	return good;
}

/* Goes on when the others have had their turn. */
static void wait_for_turn(struct json_conn *c)
{
	static const struct timeval at_once = { 0, 0 };

	c->more = true;
	event_add(c->on_more, &at_once);
}

/* Works off what has arrived.  False: drop the client. */
static bool parse_input(struct json_conn *c)
{
	unsigned int done = 0;

	while (!c->held) {
		bool whole = false, held = false;
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
				c->ops->bad(c, "nested too deeply");
				return false;
			}
		}
		if (!whole)
			return true;
		if (c->ops->turn_max && done++ == c->ops->turn_max) {
			/* Scanned again, from its start. */
			c->scanned = 0;
			wait_for_turn(c);
			return true;
		}
		end = c->scanned;
		if (!c->ops->object(c, c->in, end, &held))
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

void json_conn_go_on(struct json_conn *c)
{
	if (c->fd < 0 || !c->held)
		return;
	c->held = false;
	if (!parse_input(c))
		json_conn_end(c);
}

/* ---- input ---- */

static bool make_room(struct json_conn *c)
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
static int read_chunk(struct json_conn *c)
{
	char control[CMSG_SPACE(JSON_CONN_FDS * sizeof(int))];
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
	return 1;
}

/* What is left after parsing is one object's beginning, or waits its turn. */
static bool check_length(struct json_conn *c)
{
	if (c->more || c->in_len <= c->ops->in_max)
		return true;
	guest_warn("%s client dropped: reason=\"a command of more than %zu bytes\"",
		   c->ops->who, c->ops->in_max);
	c->ops->bad(c, "command too long");
	return false;
}

static void client_readable(evutil_socket_t fd, short what, void *arg)
{
	struct json_conn *c = arg;

	(void)fd;
	(void)what;
	for (int i = 0; i < READ_BUDGET; i++) {
		int r = c->more ? 1 : read_chunk(c);

		if (r == 0)
			return;
		c->more = false;
		/* A command may end the client's connection (quit). */
		if (r < 0 || !parse_input(c) || !check_length(c)) {
			json_conn_end(c);
			return;
		}
		if (c->more)
			return;
	}
}

static void client_writable(evutil_socket_t fd, short what, void *arg)
{
	struct json_conn *c = arg;

	(void)fd;
	if (what & EV_TIMEOUT) {
		guest_warn("%s client dropped: reason=\"does not read\"", c->ops->who);
		json_conn_end(c);
		return;
	}
	flush_out(c);
}

int json_conn_begin(struct json_conn *c, struct event_base *base, int fd,
		    const struct json_conn_ops *ops)
{
	*c = (struct json_conn){ .fd = fd, .ops = ops, .out_fd = -1 };
	c->on_read = event_new(base, fd, EV_READ | EV_PERSIST, client_readable, c);
	c->on_write = event_new(base, fd, EV_WRITE, client_writable, c);
	c->on_more = evtimer_new(base, client_readable, c);
	if (c->on_read && c->on_write && c->on_more && event_add(c->on_read, NULL) == 0)
		return 0;
	free_events(c);
	*c = (struct json_conn){ .fd = -1, .out_fd = -1 };
	return -ENOMEM;
}
