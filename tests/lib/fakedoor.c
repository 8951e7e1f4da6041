/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/lib/fakedoor.c - where supervisors in other processes get their guest
 *
 * Runs in tests; a thread of its own.
 */
#include "fakedoor.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static struct fakeguest *guest;
static int door;

static void give(int to)
{
	const int fd[3] = { guest->mem_fd, guest->machine_fd, guest->broker_evt_fd };
	union {
		struct cmsghdr h;
		char room[CMSG_SPACE(sizeof(fd))];
	} c = { 0 };
	char byte = 0;
	struct iovec v = { &byte, 1 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = &c,
		.msg_controllen = sizeof(c.room) };

	c.h = (struct cmsghdr){ .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS,
		.cmsg_len = CMSG_LEN(sizeof(fd)) };
	memcpy(CMSG_DATA(&c.h), fd, sizeof(fd));
	if (sendmsg(to, &m, MSG_NOSIGNAL) != 1)
		perror("sendmsg");
}

static void *serve(void *arg)
{
	int to;

	while ((to = accept(door, NULL, NULL)) >= 0) {
		give(to);
		close(to);
	}
	return arg;
}

bool fakedoor_open(struct fakeguest *g, const char *path)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	pthread_t thread;

	guest = g;
	snprintf(sa.sun_path, sizeof(sa.sun_path), "%.100s.new", path);
	door = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (door < 0 || bind(door, (struct sockaddr *)&sa, sizeof(sa)) || listen(door, 8) ||
	    rename(sa.sun_path, path))
		return false;
	errno = pthread_create(&thread, NULL, serve, NULL);
	return errno == 0;
}

void fakedoor_reset(struct fakeguest *g)
{
	atomic_store(&g->m->enabled, 0);
	for (unsigned int s = 0; s < FAKE_SPACES; s++)
		for (unsigned int i = 0; i < FAKE_RANGES; i++)
			if (atomic_load(&g->m->range[s][i].gen) & 1)
				atomic_fetch_add(&g->m->range[s][i].gen, 1);
	for (unsigned int i = 0; i < FAKE_PORTS; i++)
		atomic_store(&g->m->port[i], 0);
	atomic_store(&g->m->server, 0);
}
