/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/lib/loopback.h - TCP sockets that listen on a port nobody has
 */
#ifndef TESTS_LIB_LOOPBACK_H
#define TESTS_LIB_LOOPBACK_H

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

/* On 127.0.0.1; -1 and errno. */
static int loopback_listen(int *port)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) ||
	    listen(fd, 16) || getsockname(fd, (struct sockaddr *)&at, &len))
		return -1;
	*port = ntohs(at.sin_port);
	return fd;
}

/* On [::], for IPv4 too; -1: there is no IPv6 here. */
static int loopback_listen_ipv6(int *port)
{
	struct sockaddr_in6 at = { .sin6_family = AF_INET6 };
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET6, SOCK_STREAM, 0), off = 0;

	at.sin6_addr = in6addr_loopback;
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)))
		return -1;
	close(fd);
	fd = socket(AF_INET6, SOCK_STREAM, 0);
	at.sin6_addr = in6addr_any;
	setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) || listen(fd, 16) ||
	    getsockname(fd, (struct sockaddr *)&at, &len))
		return -1;
	*port = ntohs(at.sin6_port);
	return fd;
}

#endif /* TESTS_LIB_LOOPBACK_H */
