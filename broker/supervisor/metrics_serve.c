/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/metrics_serve.c - figures for whoever connects
 *
 * Runs in the supervisor.  HTTP is as little as a scraper needs: one request a
 * connection, GET or HEAD.  A client has a place, some time and one answer;
 * what it does with them stops nobody.
 */
#include "supervisor/metrics_serve.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

#define REQUEST_BYTES	8192	/* head of a request, at most */

enum phase { PHASE_FREE, PHASE_ASKING, PHASE_ANSWERED, PHASE_SHUT };

struct client {
	enum phase phase;
	struct bufferevent *bev;
	struct event *timer;
	int64_t began_ns;
};

static struct {
	struct event_base *base;
	struct metrics *m;
	struct event *on_accept;
	int fd;
	struct client client[METRICS_CLIENTS];
} srv = { .fd = -1 };

static void let_go(struct client *c)
{
	if (c->bev)
		bufferevent_free(c->bev);
	if (c->timer)
		event_free(c->timer);
	*c = (struct client){ 0 };
}

/* ---- answers ---- */

/* Once it is on its way: no more from us, the rest is the client's time. */
static void shut_if_sent(struct client *c)
{
	if (c->phase != PHASE_ANSWERED ||
	    evbuffer_get_length(bufferevent_get_output(c->bev)))
		return;
	c->phase = PHASE_SHUT;
	shutdown(bufferevent_getfd(c->bev), SHUT_WR);
}

static void answer(struct client *c, struct evbuffer *all)
{
	c->phase = PHASE_ANSWERED;
	if (!all || bufferevent_write_buffer(c->bev, all))
		let_go(c);
}

static void answer_bare(struct client *c)
{
	struct evbuffer *text = evbuffer_new();

	if (text && metrics_text(srv.m, METRICS_OPEN, text) == 0)
		answer(c, text);
	else
		let_go(c);
	if (text)
		evbuffer_free(text);
}

static void answer_http(struct client *c, const char *status, const char *type,
			struct evbuffer *body, bool head_only)
{
	struct evbuffer *all = evbuffer_new();

	if (!all || evbuffer_add_printf(all, "HTTP/1.1 %s\r\nContent-Type: %s\r\n"
			"Content-Length: %zu\r\nConnection: close\r\n\r\n", status,
			type, evbuffer_get_length(body)) < 0 ||
	    (!head_only && evbuffer_add_buffer(all, body)))
		let_go(c);
	else
		answer(c, all);
	if (all)
		evbuffer_free(all);
}

/* @status may have header fields behind it. */
static void refuse(struct client *c, const char *status)
{
	struct evbuffer *body = evbuffer_new();

	if (body && evbuffer_add_printf(body, "%.*s\n",
			(int)strcspn(status, "\r"), status) >= 0)
		answer_http(c, status, "text/plain", body, false);
	else
		let_go(c);
	if (body)
		evbuffer_free(body);
}

/* ---- requests ---- */

/* @head: terminated, all of the request's head. */
static void handle(struct client *c, const char *head)
{
	bool head_only = strncmp(head, "HEAD ", 5) == 0;
	const char *path = head_only ? head + 5 : head + 4;
	enum metrics_format format = METRICS_CLASSIC;
	struct evbuffer *body;

	if (!head_only && strncmp(head, "GET ", 4) != 0) {
		refuse(c, "405 Method Not Allowed\r\nAllow: GET, HEAD");
		return;
	}
	if (strncmp(path, "/ ", 2) != 0 && strncmp(path, "/metrics ", 9) != 0 &&
	    strncmp(path, "/metrics?", 9) != 0) {
		refuse(c, "404 Not Found");
		return;
	}
	/* It says so in its Accept; nobody writes that anywhere else. */
	if (strcasestr(head, "application/openmetrics-text"))
		format = METRICS_OPEN;
	body = evbuffer_new();
	if (body && metrics_text(srv.m, format, body) == 0)
		answer_http(c, "200 OK", metrics_content_type[format], body, head_only);
	else
		let_go(c);
	if (body)
		evbuffer_free(body);
}

static bool is_whole(const char *head)
{
	return strstr(head, "\r\n\r\n") || strstr(head, "\n\n");
}

static void on_read(struct bufferevent *bev, void *arg)
{
	struct evbuffer *in = bufferevent_get_input(bev);
	struct client *c = arg;
	char head[REQUEST_BYTES + 1];
	ev_ssize_t len;

	if (c->phase != PHASE_ASKING) {
		evbuffer_drain(in, evbuffer_get_length(in));
		return;
	}
	len = evbuffer_copyout(in, head, REQUEST_BYTES);
	head[len > 0 ? len : 0] = '\0';
	if (is_whole(head))
		handle(c, head);
	else if (len >= REQUEST_BYTES)
		refuse(c, "431 Request Header Fields Too Large");
}

static void on_written(struct bufferevent *bev, void *arg)
{
	(void)bev;
	shut_if_sent(arg);
}

static void on_end(struct bufferevent *bev, short what, void *arg)
{
	struct client *c = arg;

	/* Half closed before a word: it reads still. */
	if ((what & BEV_EVENT_EOF) && c->phase == PHASE_ASKING &&
	    !evbuffer_get_length(bufferevent_get_input(bev))) {
		answer_bare(c);
		return;
	}
	if ((what & BEV_EVENT_EOF) && c->phase == PHASE_ANSWERED)
		return;		/* what is left is still sent */
	let_go(c);
}

static void set_timer(struct client *c, int64_t ms)
{
	const struct timeval tv = { ms / 1000, ms % 1000 * 1000 };

	if (evtimer_add(c->timer, &tv))
		let_go(c);
}

/* First: it says nothing.  Then: its time is over. */
static void on_time(evutil_socket_t fd, short what, void *arg)
{
	struct client *c = arg;
	int64_t age_ms = (clock_now_ns() - c->began_ns) / NS_PER_MS;

	(void)fd;
	(void)what;
	if (age_ms >= METRICS_CLIENT_MS) {
		let_go(c);
		return;
	}
	if (c->phase == PHASE_ASKING &&
	    !evbuffer_get_length(bufferevent_get_input(c->bev)))
		answer_bare(c);
	if (c->phase != PHASE_FREE)
		set_timer(c, METRICS_CLIENT_MS - age_ms);
}

/* ---- clients ---- */

static struct client *find_place(void)
{
	struct client *oldest = &srv.client[0];

	for (unsigned int i = 0; i < METRICS_CLIENTS; i++) {
		struct client *c = &srv.client[i];

		if (c->phase == PHASE_FREE)
			return c;
		if (c->began_ns < oldest->began_ns)
			oldest = c;
	}
	let_go(oldest);
	return oldest;
}

static void add_client(int fd)
{
	struct client *c = find_place();

	c->phase = PHASE_ASKING;
	c->began_ns = clock_now_ns();
	c->bev = bufferevent_socket_new(srv.base, fd, BEV_OPT_CLOSE_ON_FREE);
	c->timer = evtimer_new(srv.base, on_time, c);
	if (!c->bev || !c->timer) {
		if (!c->bev)
			close(fd);
		let_go(c);
		return;
	}
	bufferevent_setcb(c->bev, on_read, on_written, on_end, c);
	bufferevent_setwatermark(c->bev, EV_READ, 0, REQUEST_BYTES);
	if (bufferevent_enable(c->bev, EV_READ | EV_WRITE))
		let_go(c);
	else
		set_timer(c, METRICS_BARE_MS);
}

static void on_accept(evutil_socket_t fd, short what, void *arg)
{
	int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)what;
	(void)arg;
	if (client >= 0)
		add_client(client);
}

int metrics_serve_begin(struct event_base *base, struct metrics *m, int listen_fd)
{
	srv.base = base;
	srv.m = m;
	srv.fd = listen_fd;
	srv.on_accept = event_new(base, listen_fd, EV_READ | EV_PERSIST, on_accept,
				  NULL);
	if (srv.on_accept && event_add(srv.on_accept, NULL) == 0)
		return 0;
	metrics_serve_end();
	return -ENOMEM;
}

void metrics_serve_end(void)
{
	for (unsigned int i = 0; i < METRICS_CLIENTS; i++)
		let_go(&srv.client[i]);
	if (srv.on_accept)
		event_free(srv.on_accept);
	if (srv.fd >= 0)
		close(srv.fd);
	srv.on_accept = NULL;
	srv.fd = -1;
}
