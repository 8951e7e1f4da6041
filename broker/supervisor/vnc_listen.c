/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/vnc_listen.c - where VNC clients connect
 *
 * The supervisor binds; the vnc worker, which can open nothing, accepts.
 * Source: the port search of -vnc as libxl uses it (HOST:D,to=N: ports 5900+D
 * to 5900+D+N, the first that binds).
 */
#include "supervisor/vnc_listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "supervisor/opt.h"

#define VNC_PORT	5900u
#define DISPLAY_MAX	(65535u - VNC_PORT)
#define BACKLOG		16
#define RETRY_MS	50

/* An address in brackets, an IPv6 address without, a name, or nothing. */
static bool take_host(const char *s, size_t len, struct vnc_addr *a)
{
	struct in6_addr ip;
	bool bracketed = len >= 2 && s[0] == '[' && s[len - 1] == ']';

	if (bracketed) {
		s++;
		len -= 2;
	}
	if (len >= sizeof(a->host))
		return false;
	memcpy(a->host, s, len);
	a->host[len] = '\0';
	return bracketed || (!strchr(a->host, ':') && a->host[0] != '[') ||
		inet_pton(AF_INET6, a->host, &ip) == 1;
}

/* "HOST:D".  libxl passes an address with a colon in it as it is, so that the
   display may be missing. */
static bool split_host(const char *s, struct vnc_addr *a, char *why, size_t why_len)
{
	const char *colon = strrchr(s, ':');
	unsigned long long n;

	if (strncmp(s, "unix:", 5) == 0 || !colon) {
		snprintf(why, why_len, "%.80s: HOST:DISPLAY expected", s);
		return false;
	}
	if ((size_t)(colon - s) >= sizeof(a->host)) {
		snprintf(why, why_len, "%.80s...: host name too long", s);
		return false;
	}
	if (!take_host(s, (size_t)(colon - s), a) || s[strlen(s) - 1] == ']') {
		snprintf(why, why_len,
			 "%.80s: an IPv6 address is written [ADDRESS]:DISPLAY", s);
		return false;
	}
	if (!opt_number(colon + 1, 0, DISPLAY_MAX, &n)) {
		snprintf(why, why_len, "%.80s: display is not 0 to %u", s,
			 DISPLAY_MAX);
		return false;
	}
	a->display = (unsigned int)n;
	return true;
}

bool vnc_addr_parse(const char *arg, struct vnc_addr *a, char *why, size_t why_len)
{
	struct opt_keys k;
	unsigned long long n;

	*a = (struct vnc_addr){ 0 };
	opt_keys_begin(&k, arg);
	if (!opt_keys_next(&k) || k.val) {
		snprintf(why, why_len, "%.80s: HOST:DISPLAY expected", arg);
		return false;
	}
	if (!split_host(k.key, a, why, why_len))
		return false;
	while (opt_keys_next(&k)) {
		bool on = !k.val || strcmp(k.val, "on") == 0;

		if (strcmp(k.key, "password") == 0 &&
		    (on || strcmp(k.val, "off") == 0)) {
			a->password = on;
		} else if (strcmp(k.key, "to") == 0 &&
			   opt_number(k.val, 0, DISPLAY_MAX, &n)) {
			a->to = (unsigned int)n;
		} else {
			snprintf(why, why_len, "%.40s%s%.60s: no such key here, "
				 "or not with this value",
				 k.key, k.val ? "=" : "", k.val ? k.val : "");
			return false;
		}
	}
	return true;
}

static int bind_one(const struct addrinfo *ai, unsigned int port)
{
	struct sockaddr_storage sa;
	const int on = 1, off = 0;
	int rc;
	int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	memcpy(&sa, ai->ai_addr, ai->ai_addrlen);
	if (ai->ai_family == AF_INET6)
		((struct sockaddr_in6 *)&sa)->sin6_port = htons((uint16_t)port);
	else
		((struct sockaddr_in *)&sa)->sin_port = htons((uint16_t)port);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	/* "::" means everybody, whatever the host's default. */
	if (ai->ai_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	if (bind(fd, (struct sockaddr *)&sa, ai->ai_addrlen) ||
	    listen(fd, BACKLOG)) {
		rc = -errno;
		close(fd);
		return rc;
	}
	return fd;
}

/* The first port that binds, on the first address that can bind at all. */
static int search(const struct addrinfo *list, const struct vnc_addr *a,
		  struct vnc_listener *l)
{
	int fd = -EADDRNOTAVAIL;

	for (const struct addrinfo *ai = list; ai; ai = ai->ai_next) {
		if (ai->ai_family != AF_INET && ai->ai_family != AF_INET6)
			continue;
		for (unsigned int i = 0; i <= a->to; i++) {
			unsigned int port = VNC_PORT + a->display + i;

			if (port > 65535)
				break;
			fd = bind_one(ai, port);
			if (fd >= 0) {
				l->port = port;
				l->ipv6 = ai->ai_family == AF_INET6;
				return fd;
			}
			if (fd != -EADDRINUSE)
				break;
		}
	}
	return fd;
}

static void name_listener(struct vnc_listener *l)
{
	struct sockaddr_storage sa;
	socklen_t len = sizeof(sa);

	if (getsockname(l->fd, (struct sockaddr *)&sa, &len) ||
	    getnameinfo((struct sockaddr *)&sa, len, l->host, sizeof(l->host),
			NULL, 0, NI_NUMERICHOST))
		snprintf(l->host, sizeof(l->host), "0.0.0.0");
}

int vnc_listen(const struct vnc_addr *a, int patience_ms, struct vnc_listener *l,
	       char *why, size_t why_len)
{
	const struct addrinfo hints = { .ai_flags = AI_PASSIVE,
		.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
	const struct timespec pause = { 0, RETRY_MS * NS_PER_MS };
	const int64_t until_ns = clock_now_ns() + patience_ms * NS_PER_MS;
	struct addrinfo *list = NULL;
	int r = getaddrinfo(a->host[0] ? a->host : NULL, "5900", &hints, &list);

	if (r) {
		snprintf(why, why_len, "%.80s:%u: %s", a->host, a->display,
			 gai_strerror(r));
		return -ENOENT;
	}
	while ((r = search(list, a, l)) == -EADDRINUSE &&
	       clock_now_ns() < until_ns)
		nanosleep(&pause, NULL);
	freeaddrinfo(list);
	if (r < 0) {
		bool ipv6 = strchr(a->host, ':');

		snprintf(why, why_len, "%s%.80s%s:%u: port%s %u%s%.0u: %s",
			 ipv6 ? "[" : "", a->host, ipv6 ? "]" : "",
			 a->display, a->to ? "s" : "",
			 VNC_PORT + a->display, a->to ? " to " : "",
			 a->to ? VNC_PORT + a->display + a->to : 0,
			 strerrordesc_np(-r));
		return r;
	}
	l->fd = r;
	name_listener(l);
	return 0;
}

int vnc_look(struct vnc_listener *l)
{
	struct sockaddr_storage sa;
	socklen_t len = sizeof(sa);

	if (getsockname(l->fd, (struct sockaddr *)&sa, &len))
		return -errno;
	l->ipv6 = sa.ss_family == AF_INET6;
	l->port = ntohs(l->ipv6 ? ((struct sockaddr_in6 *)&sa)->sin6_port :
			((struct sockaddr_in *)&sa)->sin_port);
	name_listener(l);
	return 0;
}
