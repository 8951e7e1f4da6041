/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/policy/probe.c - the smallest process that confines itself
 *
 * A stand-in for a disk worker in the tests of runtime/sandbox.c: it has an
 * I/O thread before confinement, as that worker has, and serves nothing.
 * "break=" tells it to break one of the promises that sandbox_enter() checks.
 */
#include <pthread.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "abi/ctl_msg.h"
#include "abi/fds.h"
#include "base/bug.h"
#include "base/log.h"
#include "policy_disk.h"
#include "runtime/sandbox.h"

#define BIT(fd)	(UINT64_C(1) << (fd))

/* Sleeps in a call that the policy allows, as an I/O thread does. */
static void *io_thread(void *arg)
{
	uint64_t count;

	while (read(FD_BLK_WORK, &count, sizeof(count)) > 0)
		;
	return arg;
}

static void break_promise(const char *what)
{
	if (!what)
		return;
	if (!strcmp(what, "extra"))
		dup2(FD_LOG, 40);
	else if (!strcmp(what, "missing"))
		close(FD_STATE);
	else if (!strcmp(what, "type"))
		dup2(FD_KICK, FD_CHAN);
	else if (!strcmp(what, "beyond"))
		dup2(FD_LOG, 70);
}

int main(int argc, char **argv)
{
	struct ctl_msg m = { .kind = CTL_READY, .arg = policy_disk.syscalls };
	struct epoll_event ev = { .events = EPOLLIN };
	struct sandbox_args a;
	pthread_t thread;
	uint64_t own = BIT(FD_EPOLL) | BIT(FD_TIMER) | BIT(FD_BLK_DONE) |
		       BIT(FD_BLK_WORK);

	sandbox_inherit(&a, "disk", argc, argv);
	bug_on(epoll_create1(EPOLL_CLOEXEC) != FD_EPOLL);
	bug_on(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC) != FD_TIMER);
	bug_on(dup2(eventfd(0, 0), FD_BLK_DONE) != FD_BLK_DONE);
	bug_on(dup2(eventfd(0, 0), FD_BLK_WORK) != FD_BLK_WORK);
	for (int fd = FD_DISK1; fd <= FD_DISK3; fd++)
		close(fd);
	bug_on(epoll_ctl(FD_EPOLL, EPOLL_CTL_ADD, FD_CTL, &ev) != 0);
	bug_on(pthread_create(&thread, NULL, io_thread, NULL) != 0);
	break_promise(sandbox_opt(&a, "break"));

	sandbox_enter(&a, own, &policy_disk);

	log_info("confined");
	if (write(FD_CTL, &m, sizeof(m)) != (ssize_t)sizeof(m))
		return 1;
	while (epoll_wait(FD_EPOLL, &ev, 1, -1) >= 0)
		if (read(FD_CTL, &m, sizeof(m)) <= 0)
			break;
	return 0;
}
