/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/integ/machine_door.c - where supervisors find a machine
 *
 * Runs in the process that plays hypervisor and guest.
 */
#include "machine_door.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static struct {
	struct fakeguest *g;
	int listen_fd;
} door;

static void give(int to)
{
	const int fd[3] = { door.g->mem_fd, door.g->machine_fd,
		door.g->broker_evt_fd };
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

	while ((to = accept(door.listen_fd, NULL, NULL)) >= 0) {
		give(to);
		close(to);
	}
	return arg;
}

bool machine_door_open(struct fakeguest *g, const char *path)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	pthread_t thread;

	door.g = g;
	door.listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	snprintf(sa.sun_path, sizeof(sa.sun_path), "%.100s.new", path);
	return door.listen_fd >= 0 &&
		bind(door.listen_fd, (struct sockaddr *)&sa, sizeof(sa)) == 0 &&
		listen(door.listen_fd, 8) == 0 && rename(sa.sun_path, path) == 0 &&
		pthread_create(&thread, NULL, serve, NULL) == 0;
}

void machine_door_reset(struct fakeguest *g)
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
