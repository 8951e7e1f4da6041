/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ctl/client.c - a control socket, seen from cloisterctl
 *
 * Runs in cloisterctl.  Whoever answers is not believed: an answer is bounded
 * in time and size, and is JSON of the right shape or none.
 */
#include "ctl/client.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "abi/control.h"
#include "base/clock.h"
#include "base/fdpass.h"
#include "ctl/text.h"

#define ANSWER_LIMIT_MS	5000
#define ANSWER_LEAST_MS	200
#define ANSWER_MAX	(4u * 1024u * 1024u)
#define READ_BYTES	65536u

void client_close(struct client *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}

/* Nobody else may play a supervisor: root, or whoever we are. */
static enum ctl_exit check_peer(struct client *c, char *why, size_t why_len)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(c->fd, SOL_SOCKET, SO_PEERCRED, &peer, &len)) {
		snprintf(why, why_len, "who listens is not to be found out");
		return CTL_FAILED;
	}
	c->pid = peer.pid;
	if (peer.uid == 0 || peer.uid == geteuid())
		return CTL_OK;
	snprintf(why, why_len, "the socket is uid %u's, not a supervisor's", peer.uid);
	return CTL_FAILED;
}

static enum ctl_exit tell_errno(int cause, const char *dir, uint32_t domid,
				char *why, size_t why_len)
{
	const char *what = strerrordesc_np(cause);

	snprintf(why, why_len, "%.100s/%u/" CONTROL_SOCKET ": %s", dir, domid,
		 cause == EAGAIN ? "too many clients" :
		 cause == EACCES ? "only root may talk to it" : what ? what : "?");
	switch (cause) {
	case ENOENT:
	case ENOTDIR:
	case ELOOP:
	case ECONNREFUSED:
	case ENOTSOCK:
		return CTL_NO_GUEST;
	case EACCES:
	case EPERM:
		return CTL_NO_RIGHTS;
	default:
		return CTL_FAILED;
	}
}

enum ctl_exit client_open(const char *dir, uint32_t domid, struct client *c,
			  char *why, size_t why_len)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	char path[300];
	int at, rc = 0;

	*c = (struct client){ .fd = -1, .domid = domid };
	snprintf(path, sizeof(path), "%.250s/%u", dir, domid);
	at = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (at < 0)
		return tell_errno(errno, dir, domid, why, why_len);
	/* The directory's path may be longer than an address has room for. */
	snprintf(sa.sun_path, sizeof(sa.sun_path), "/proc/self/fd/%d/" CONTROL_SOCKET,
		 at);
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&sa, sizeof(sa)))
		rc = errno;
	close(at);
	if (!rc) {
		enum ctl_exit status = check_peer(c, why, why_len);

		if (status)
			client_close(c);
		return status;
	}
	client_close(c);
	return tell_errno(rc, dir, domid, why, why_len);
}

/* ---- one question ---- */

struct answer {
	char *text;
	size_t len, room;
	int fd;			/* came along; -1 */
};

/* One is enough, and the last one counts. */
static void keep_fd(struct answer *a, struct msghdr *m)
{
	int fd;

	if (!fdpass_take(m, &fd, 1))
		return;
	if (a->fd >= 0)
		close(a->fd);
	a->fd = fd;
}

/* NULL, or what went wrong. */
static const char *read_some(struct client *c, struct answer *a)
{
	char control[CMSG_SPACE(4 * sizeof(int))];
	struct iovec iov;
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control) };
	ssize_t r;

	if (a->room - a->len < READ_BYTES) {
		char *text = realloc(a->text, a->room + 2 * READ_BYTES);

		if (!text)
			return "out of memory";
		a->text = text;
		a->room += 2 * READ_BYTES;
	}
	iov = (struct iovec){ a->text + a->len, READ_BYTES };
	r = recvmsg(c->fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (r < 0)
		return errno == EAGAIN || errno == EINTR ? NULL : "the connection broke";
	if (r == 0)
		return "the other side hung up";
	keep_fd(a, &m);
	a->len += (size_t)r;
	return a->len > ANSWER_MAX ? "the answer is too long" : NULL;
}

/* Up to a newline, which ends a message.  NULL, or what went wrong. */
static const char *read_answer(struct client *c, struct answer *a, int64_t until_ns)
{
	/* Who was asked long ago has had his time, and what he said is there. */
	const int64_t least_ns = clock_now_ns() + ANSWER_LEAST_MS * NS_PER_MS;
	size_t seen = 0;

	if (until_ns < least_ns)
		until_ns = least_ns;

	for (;;) {
		int64_t left_ns = until_ns - clock_now_ns();
		struct pollfd p = { c->fd, POLLIN, 0 };
		const char *wrong;

		if (left_ns <= 0)
			return "no answer in time";
		if (poll(&p, 1, (int)(left_ns / NS_PER_MS) + 1) <= 0)
			continue;
		wrong = read_some(c, a);
		if (wrong)
			return wrong;
		if (memchr(a->text + seen, '\n', a->len - seen))
			return NULL;
		seen = a->len;
	}
}

/* The command as one line; NULL if there is no memory for it. */
static char *compose(const char *command, json_t *args)
{
	json_t *o = json_pack("{s:s}", "execute", command);
	char *text, *line = NULL;
	size_t len;

	if (args)
		json_object_set_new(o, "arguments", args);
	text = json_dumps(o, JSON_COMPACT);
	json_decref(o);
	len = text ? strlen(text) : 0;
	line = text ? realloc(text, len + 2) : NULL;
	if (!line) {
		free(text);
		return NULL;
	}
	memcpy(line + len, "\n", 2);
	return line;
}

static json_t *take_value(const struct answer *a, char *why, size_t why_len)
{
	json_error_t wrong;
	json_t *o = json_loadb(a->text, a->len, JSON_DISABLE_EOF_CHECK, &wrong);
	json_t *value = json_incref(json_object_get(o, "return"));
	const json_t *error = json_object_get(o, "error");

	if (!value && json_is_object(error))
		snprintf(why, why_len, "%s", text_of(error, "desc"));
	else if (!value)
		snprintf(why, why_len, "the answer is not what a supervisor says");
	json_decref(o);
	return value;
}

int64_t client_patience_ns(void)
{
	return clock_now_ns() + ANSWER_LIMIT_MS * NS_PER_MS;
}

bool client_send(struct client *c, const char *command, json_t *args, char *why,
		 size_t why_len)
{
	char *line = compose(command, args);
	const char *wrong = !line ? "out of memory" :
		c->fd < 0 ? "not connected" :
		send(c->fd, line, strlen(line), MSG_NOSIGNAL) != (ssize_t)strlen(line) ?
		"the connection broke" : NULL;

	free(line);
	if (!wrong)
		return true;
	snprintf(why, why_len, "%s", wrong);
	client_close(c);
	return false;
}

json_t *client_receive(struct client *c, int64_t until_ns, int *fd, char *why,
		       size_t why_len)
{
	struct answer a = { .fd = -1 };
	const char *wrong = read_answer(c, &a, until_ns);
	json_t *value = NULL;

	if (wrong) {
		/* What comes later would be taken for the next answer. */
		snprintf(why, why_len, "%s", wrong);
		client_close(c);
	} else {
		value = take_value(&a, why, why_len);
	}
	if (fd)
		*fd = value ? a.fd : -1;
	if (a.fd >= 0 && !(fd && value))
		close(a.fd);
	free(a.text);
	return value;
}

json_t *client_ask(struct client *c, const char *command, json_t *args, int *fd,
		   char *why, size_t why_len)
{
	if (fd)
		*fd = -1;
	if (!client_send(c, command, args, why, why_len))
		return NULL;
	return client_receive(c, client_patience_ns(), fd, why, why_len);
}
