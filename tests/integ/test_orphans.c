/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/integ/test_orphans.c - the supervisor is killed with an access pending
 *
 * A process between us and the real family plays supervisor and guest.  A
 * worker of its is stopped, so that an access waits for it; then the process
 * is killed.  Nobody but the broker can answer now, and it has to, before it
 * ends: a vCPU whose slot stays as it is hangs in Xen.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "abi/xen_ioreq.h"
#include "base/clock.h"
#include "fakefamily.h"
#include "hv/fake.h"
#include "tap.h"

#define VCPU		1u	/* whose access is pending */
#define COM1_SCRATCH	0x3ff	/* no shadow word: it takes the worker */

struct note {
	pid_t pid[FF_COUNT];
	int machine_fd, evt_fd;		/* as that process has them */
};

/* Ends only by being killed. */
_Noreturn static void play_supervisor(int to, bool stop_broker)
{
	static struct fakefamily f;
	const struct fakefamily_conf conf = { .no_disk = true, .quiet = true,
		.guest.vcpus = 2 };
	const struct xen_ioreq r = { .addr = COM1_SCRATCH, .count = 1, .size = 1,
		.type = XEN_IOREQ_TYPE_PIO, .flags = XEN_IOREQ_READ };
	struct note n = { .machine_fd = -1 };
	uint64_t data;

	if (!fakefamily_start(&f, &conf))
		_exit(1);
	kill(f.member[FF_PLATFORM].pid, SIGSTOP);
	if (!fakeguest_post(f.g, VCPU, &r) || fakeguest_wait(f.g, VCPU, 100, &data))
		_exit(2);
	if (stop_broker)
		kill(f.member[FF_BROKER].pid, SIGSTOP);
	for (int i = 0; i < FF_COUNT; i++)
		n.pid[i] = f.member[i].pid;
	n.machine_fd = f.g->machine_fd;
	n.evt_fd = f.g->evt_fd;
	if (write(to, &n, sizeof(n)) != (ssize_t)sizeof(n))
		_exit(3);
	for (;;)
		pause();
}

/* A descriptor of @pid's, as ours; -1. */
static int take_fd(pid_t pid, int fd)
{
	int of = (int)syscall(SYS_pidfd_open, pid, 0);
	int got = of < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, of, fd, 0);

	if (of >= 0)
		close(of);
	return got;
}

static struct fake_machine *map_machine(int fd)
{
	void *m = mmap(NULL, sizeof(struct fake_machine), PROT_READ, MAP_SHARED, fd, 0);

	return m == MAP_FAILED ? NULL : m;
}

static unsigned int state_of(const struct fake_machine *m, unsigned int vcpu)
{
	const volatile struct xen_ioreq *slot = &m->ioreq.slot[vcpu];

	return slot->flags & XEN_IOREQ_STATE;
}

/* All are our children by then: who killed them, or what they said; -1: they
   live, or were none of ours. */
static int reap_in_time(pid_t pid, int64_t until_ns)
{
	int status = -1;
	pid_t got;

	while ((got = waitpid(pid, &status, WNOHANG)) == 0) {
		if (clock_now_ns() > until_ns)
			return -1;
		usleep(2000);
	}
	return got == pid ? status : -1;
}

static void try(bool stop_broker, const char *way)
{
	struct fake_machine *m;
	int pair[2], broker, machine, events;
	bool all = true;
	struct note n;
	int64_t began_ns;
	pid_t pid;

	if (pipe(pair))
		return;
	pid = fork();
	if (pid == 0)
		play_supervisor(pair[1], stop_broker);
	close(pair[1]);
	if (!ok(read(pair[0], &n, sizeof(n)) == (ssize_t)sizeof(n), "%s: a family is up", way))
		return;
	close(pair[0]);
	/* Xen does not die with a process of dom0's. */
	machine = take_fd(pid, n.machine_fd);
	events = take_fd(pid, n.evt_fd);
	m = map_machine(machine);
	if (!ok(events >= 0 && m && state_of(m, VCPU) == XEN_IOREQ_INPROCESS && m->server,
		"%s: an access is pending", way))
		return;
	began_ns = clock_now_ns();
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	broker = reap_in_time(n.pid[FF_BROKER], began_ns + NS_PER_S);
	ok(broker == 0, "%s: the broker ends by itself (status 0x%x)", way, (unsigned int)broker);
	ok(state_of(m, VCPU) == XEN_IORESP_READY &&
	   (m->ioreq.slot[VCPU].data & 0xff) == 0xff,
	   "%s: the access is answered, by ones", way);
	ok(m->server == 0 && m->servers_destroyed == 1, "%s: the server is gone", way);
	/* The kernel closes the supervisor's end before it kills for it. */
	for (int i = 0; i < FF_BROKER; i++) {
		int status = n.pid[i] > 0 ?
			reap_in_time(n.pid[i], began_ns + NS_PER_S) : 0;

		all &= status == SIGKILL || status == 0;
	}
	ok(all, "%s: and so are the workers (%lld ms)", way,
	   (long long)((clock_now_ns() - began_ns) / NS_PER_MS));
	munmap(m, sizeof(*m));
	close(machine);
	close(events);
}

int main(void)
{
	const struct fakefamily_conf conf = { .no_disk = true };
	const char *why = fakefamily_missing(&conf);

	if (why)
		return skip_all(why);
	if (prctl(PR_SET_CHILD_SUBREAPER, 1))
		return skip_all("orphans cannot be ours here");
	try(false, "killed");
	try(true, "killed, the broker stopped");
	return tap_done();
}
