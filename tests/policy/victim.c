/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/policy/victim.c - starts a confined process, as the supervisor would
 *
 * Runs in the test, on the in-memory hypervisor.  What is done to the process
 * then is inject.c's and the test's.
 */
#include "inject.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "abi/ctl_msg.h"
#include "abi/fds.h"
#include "abi/log_msg.h"
#include "abi/plan.h"
#include "abi/state.h"
#include "hv/fake.h"
#include "patience.h"
#include "ring/memfd.h"

#define HIGH_FD		100	/* where descriptors wait for their number */
#define RAM_FRAMES	256u
#define VRAM_FRAMES	256u	/* "vram=4096,256" */
#define VRAM_GFN	4096u
#define MAP_OFF		((off_t)(RAM_FRAMES + VRAM_FRAMES) * (off_t)XEN_PAGE_SIZE)

/* What will be at each number; -1: nothing. */
static int planned[64];

static void plan_fd(int number, int fd)
{
	int high = fcntl(fd, F_DUPFD, HIGH_FD);

	if (fd < 0 || high < 0) {
		printf("Bail out! descriptor %d: %s\n", number, strerror(errno));
		exit(1);
	}
	close(fd);
	planned[number] = high;
}

static int plan_socket(int number)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return -1;
	plan_fd(number, pair[1]);
	fcntl(planned[number], F_SETFL, O_NONBLOCK);
	return pair[0];
}

static int make_memory(void)
{
	int fd = memfd_create("guest", MFD_ALLOW_SEALING);
	struct fake_map *map;

	if (fd < 0 || ftruncate(fd, MAP_OFF + (off_t)XEN_PAGE_SIZE))
		return -1;
	map = mmap(NULL, XEN_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		   MAP_OFF);
	if (map == MAP_FAILED)
		return -1;
	map->magic = FAKE_MAP_MAGIC;
	map->version = FAKE_VERSION;
	map->low_frames = RAM_FRAMES;
	map->extra[0].gfn = VRAM_GFN;
	map->extra[0].file_frame = RAM_FRAMES;
	map->extra[0].frames = VRAM_FRAMES;
	munmap(map, XEN_PAGE_SIZE);
	return fd;
}

static int make_file(off_t size)
{
	char name[] = "/tmp/cloister-test.XXXXXX";
	int fd = mkstemp(name);

	unlink(name);
	return ftruncate(fd, size) ? -1 : fd;
}

static int make_listener(void)
{
	struct sockaddr_in any = { .sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	return bind(fd, (struct sockaddr *)&any, sizeof(any)) ||
	       listen(fd, 4) ? -1 : fd;
}

/* Our end stays open until the test ends. */
static void plan_tap(void)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0) {
		plan_fd(FD_NET_TAP, pair[1]);
		fcntl(planned[FD_NET_TAP], F_SETFL, O_NONBLOCK);
	}
}

static bool leave_state;

void victim_leave_state(bool left)
{
	leave_state = left;
}

static int make_state(void)
{
	const uint32_t flip = STATE_FLIP_FILLED;
	int fd = memfd_make_state();

	if (leave_state &&
	    pwrite(fd, &flip, sizeof(flip), offsetof(struct state, flip)) !=
	    (ssize_t)sizeof(flip))
		return -1;
	return fd;
}

static void plan_worker(void)
{
	plan_fd(FD_CHAN, memfd_make_chan());
	plan_fd(FD_KICK, eventfd(0, EFD_NONBLOCK));
	plan_fd(FD_BROKER_KICK, eventfd(0, EFD_NONBLOCK));
	plan_fd(FD_STATE, make_state());
}

/* A guest with one vCPU and no worker. */
static int make_broker_plan(void)
{
	int fd = memfd_make("plan", sizeof(struct plan));
	struct plan *plan = memfd_map(fd, sizeof(*plan), 1);

	if (!plan)
		return -1;
	plan->magic = PLAN_MAGIC;
	plan->version = PLAN_VERSION;
	plan->domid = 7;
	plan->vcpus = 1;
	plan->ram_below_4g_bytes = RAM_FRAMES * (uint64_t)XEN_PAGE_SIZE;
	munmap(plan, sizeof(*plan));
	return fd;
}

static int make_machine(void)
{
	int fd = memfd_make("machine", sizeof(struct fake_machine));
	struct fake_machine *m = memfd_map(fd, sizeof(*m), 1);

	if (!m)
		return -1;
	m->magic = FAKE_MAGIC;
	m->version = FAKE_VERSION;
	m->size_bytes = sizeof(*m);
	m->domid = 7;
	m->vcpus = 1;
	munmap(m, sizeof(*m));
	return fd;
}

/* Our ends of its sockets stay open until the test ends. */
static void plan_broker(void)
{
	int pair[2];

	plan_fd(FD_HV_MEM, make_memory());
	plan_fd(FD_ANSWER_KICK, eventfd(0, EFD_NONBLOCK));
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0)
		plan_fd(FD_EVTCHN, pair[1]);
	plan_fd(FD_DM, make_machine());
	plan_fd(FD_DM_CALL, open("/dev/null", O_RDWR));
	plan_fd(FD_DM_BUF, open("/dev/null", O_RDWR));
	plan_fd(FD_PLAN, make_broker_plan());
	plan_fd(FD_BROKER_STATE, memfd_make_broker_state());
}

static void plan_role(const char *role)
{
	plan_fd(FD_STATS, memfd_make_stats());
	if (!strcmp(role, "broker")) {
		plan_broker();
		return;
	}
	if (strcmp(role, "vnc"))
		plan_worker();
	if (!strcmp(role, "platform")) {
		plan_fd(FD_INPUT, memfd_make_input());
		plan_fd(FD_INPUT_KICK, eventfd(0, EFD_NONBLOCK));
	} else if (!strcmp(role, "disk")) {
		plan_fd(FD_HV_MEM, make_memory());
		plan_fd(FD_DISK0, make_file(1 << 20));
	} else if (!strcmp(role, "net")) {
		plan_fd(FD_HV_MEM, make_memory());
		plan_tap();
		plan_fd(FD_NET_ROM, make_file(65536));
	} else if (!strcmp(role, "vga")) {
		plan_fd(FD_HV_MEM, make_memory());
		plan_fd(FD_VGA_FB, memfd_make_fb());
		plan_fd(FD_VGA_SCAN, eventfd(0, EFD_NONBLOCK));
		plan_fd(FD_VGA_PAINTED, eventfd(0, EFD_NONBLOCK));
		plan_fd(FD_VGA_ROM, make_file(65536));
	} else if (!strcmp(role, "vnc")) {
		plan_fd(FD_VNC_FB, memfd_make_fb());
		plan_fd(FD_VNC_SCAN, eventfd(0, EFD_NONBLOCK));
		plan_fd(FD_VNC_PAINTED, eventfd(0, EFD_NONBLOCK));
		plan_fd(FD_VNC_LISTEN, make_listener());
		plan_fd(FD_VNC_INPUT, memfd_make_input());
		plan_fd(FD_VNC_INPUT_KICK, eventfd(0, EFD_NONBLOCK));
	}
}

_Noreturn static void become(const char *binary, char **argv)
{
	static const gid_t groups[] = { 4, 27 };
	int null = open("/dev/null", O_RDWR);

	if (geteuid() == 0)
		setgroups(2, groups);	/* something to lose */
	dup2(null, 0);
	dup2(null, 1);	/* not the TAP stream */
	for (int fd = 3; fd < 64; fd++) {
		close(fd);
		if (planned[fd] >= 0)
			dup2(planned[fd], fd);
	}
	syscall(SYS_close_range, 64u, ~0u, 0);
	execv(binary, argv);
	_exit(127);
}

/* As the supervisor does: first process of its own pid namespace. */
static pid_t fork_inside(void)
{
	struct clone_args a = {
		.flags = CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWNET | CLONE_NEWIPC,
		.exit_signal = SIGCHLD,
	};

	return (pid_t)syscall(SYS_clone3, &a, sizeof(a));
}

static void start_process(struct victim *v, const char *binary, const char *role,
			  const char *const *opts, bool as_root)
{
	char fds[20], id[20], ram[20];
	const char *argv[40] = {
		binary, "--name", role, "--hv", "fake",
		"--domid", "7", "--uid", id, "--gid", id, "--ram-low", ram,
		"--ram-high", "0", "--fds", fds, "--log", "debug",
	};
	unsigned int n = 19;

	snprintf(fds, sizeof(fds), "%" PRIx64, v->fds);
	snprintf(id, sizeof(id), "%u", as_root ? VICTIM_UID : 0);
	snprintf(ram, sizeof(ram), "%u", RAM_FRAMES * (unsigned int)XEN_PAGE_SIZE);
	while (opts && *opts && n < 39)
		argv[n++] = *opts++;
	v->pid = as_root ? fork_inside() : fork();
	if (v->pid == 0)
		become(binary, (char **)argv);
}

static bool wait_ready(struct victim *v)
{
	struct pollfd p = { .fd = v->ctl, .events = POLLIN };
	struct ctl_msg m = { .kind = CTL_START };	/* only the broker cares */

	if (write(v->ctl, &m, sizeof(m)) != (ssize_t)sizeof(m) || poll(&p, 1, PATIENCE_MS) != 1 ||
	    read(v->ctl, &m, sizeof(m)) != (ssize_t)sizeof(m))
		return false;
	return m.kind == CTL_READY;
}

bool victim_start(struct victim *v, const char *binary, const char *role,
		  const char *const *opts, bool as_root)
{
	bool ready;

	for (int fd = 0; fd < 64; fd++)
		planned[fd] = -1;
	*v = (struct victim){ 0 };
	v->ctl = plan_socket(FD_CTL);
	v->log = plan_socket(FD_LOG);
	fcntl(v->log, F_SETFL, O_NONBLOCK);
	plan_role(role);
	for (int fd = 0; fd < 64; fd++)
		if (planned[fd] >= 0)
			v->fds |= UINT64_C(1) << fd;
	start_process(v, binary, role, opts, as_root);
	for (int fd = 0; fd < 64; fd++)
		if (planned[fd] >= 0)
			close(planned[fd]);
	ready = wait_ready(v);
	victim_log(v);
	return ready;
}

void victim_log(struct victim *v)
{
	struct log_msg m;

	while (read(v->log, &m, sizeof(m)) >= 2)
		printf("# victim: %.*s\n", m.len, m.text);
}

int victim_end(struct victim *v)
{
	int status = -1;

	close(v->ctl);
	for (int tries = 0; tries < 300; tries++) {
		if (waitpid(v->pid, &status, WNOHANG) == v->pid)
			break;
		status = -1;
		usleep(10000);
	}
	if (status == -1) {
		kill(v->pid, SIGKILL);
		waitpid(v->pid, NULL, 0);
	}
	victim_log(v);
	close(v->log);
	return status;
}
