/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/test_fdpass.c - descriptors with a message: kept, or closed
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fdpass.h"
#include "tap.h"

#define SENT	4

static int pair[2];

/* Sends @count descriptors of ends of pipes; the other ends tell in @read_end
   whether somebody still has them. */
static bool send_fds(unsigned int count, int read_end[SENT])
{
	char control[CMSG_SPACE(SENT * sizeof(int))] = { 0 };
	struct iovec iov = { (char *)(uintptr_t)"x", 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
		.msg_controllen = CMSG_SPACE(count * sizeof(int)) };
	struct cmsghdr *h = CMSG_FIRSTHDR(&m);
	int fd[SENT];
	bool good;

	for (unsigned int i = 0; i < count; i++) {
		int ends[2];

		if (pipe2(ends, O_NONBLOCK))
			return false;
		read_end[i] = ends[0];
		fd[i] = ends[1];
	}
	if (count) {
		h->cmsg_level = SOL_SOCKET;
		h->cmsg_type = SCM_RIGHTS;
		h->cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(h), fd, count * sizeof(int));
	} else {
		m.msg_control = NULL;
		m.msg_controllen = 0;
	}
	good = sendmsg(pair[0], &m, 0) == 1;
	for (unsigned int i = 0; i < count; i++)
		close(fd[i]);
	return good;
}

static unsigned int take(int *fd, unsigned int room)
{
	char control[CMSG_SPACE(SENT * sizeof(int))], b;
	struct iovec iov = { &b, 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
		.msg_controllen = sizeof(control) };

	return recvmsg(pair[1], &m, MSG_CMSG_CLOEXEC) == 1 ? fdpass_take(&m, fd, room) :
		~0u;
}

/* Nobody can write any more. */
static bool is_closed(int read_end)
{
	char b;

	return read(read_end, &b, 1) == 0;
}

static void test_room(unsigned int sent, unsigned int room)
{
	const unsigned int want = sent < room ? sent : room;
	int read_end[SENT], fd[SENT] = { -1, -1, -1, -1 };
	bool good = send_fds(sent, read_end);
	unsigned int n = take(fd, room);

	ok(good && n == want, "%u sent, room for %u: %u taken", sent, room, n);
	for (unsigned int i = 0; i < sent; i++)
		good = good && is_closed(read_end[i]) == (i >= want);
	ok(good, "the first of them, and nobody has the others");
	for (unsigned int i = 0; i < n && i < SENT; i++)
		close(fd[i]);
	for (unsigned int i = 0; i < sent; i++) {
		good = good && is_closed(read_end[i]);
		close(read_end[i]);
	}
	ok(good, "each once");
}

int main(void)
{
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		return 1;
	test_room(0, 2);
	test_room(1, 1);
	test_room(1, 0);
	test_room(4, 4);
	test_room(4, 1);
	return tap_done();
}
