/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/integ/cloister_fake.c - `cloister` on the in-memory hypervisor
 *
 * The supervisor's own main() and everything it is made of, but for vram.c and
 * xs.c, which ask Xen: this stands in for them.  The guest is in our process
 * and does nothing, unless CLOISTER_FAKE_WRITES names a file (fake_writer.h); the
 * broker and the workers are the real ones.  Its memory is CLOISTER_FAKE_MIB
 * (64), and that has to be what the command line says.  With
 * CLOISTER_FAKE_MACHINE the guest is another process, which outlives us
 * (fake_machine.c), and that names its socket.  CLOISTER_FAKE_SLEEPS names a
 * file to which each ACPI sleep state that the domain is set to is added.
 * CLOISTER_FAKE_CGROUP is a directory to be taken for the cgroup hierarchy.
 * CLOISTER_FAKE_STRIKE: fake_strike.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fdpass.h"

#include "fake_writer.h"
#include "fakeguest.h"
#include "supervisor/cgroup.h"
#include "supervisor/spawn.h"
#include "supervisor/vram.h"
#include "supervisor/xs.h"

#define DEFAULT_MIB	64ull
#define VRAM_FRAMES	4096u	/* 16 MiB */
#define FAKE_DOMID	31000u

static struct fakeguest *guest;
static int mem_fd, machine_fd, evt_fd;
static int null_fd = -1, xs_fd = -1;

static void give(struct spawn_spec *s)
{
	if (strcmp(s->role, "broker") == 0) {
		s->fd[FD_HV_MEM] = mem_fd;
		s->fd[FD_EVTCHN] = evt_fd;
		s->fd[FD_DM_CALL] = s->fd[FD_DM_BUF] = null_fd;
		s->fd[FD_DM] = machine_fd;
	} else if (strcmp(s->role, "platform") != 0 && strcmp(s->role, "vnc") != 0) {
		s->fd[FD_HV_MEM] = mem_fd;
	}
}

static int find_machine(const char *path)
{
	char room[CMSG_SPACE(3 * sizeof(int))], byte;
	struct iovec v = { &byte, 1 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = room,
		.msg_controllen = sizeof(room) };
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int at = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), fd[3], rc = 0;

	strncpy(sa.sun_path, path, sizeof(sa.sun_path) - 1);
	if (at < 0 || connect(at, (struct sockaddr *)&sa, sizeof(sa)) ||
	    recvmsg(at, &m, MSG_CMSG_CLOEXEC) != 1)
		rc = -errno;
	else if (fdpass_take(&m, fd, 3) != 3)
		rc = -EPROTO;
	if (at >= 0)
		close(at);
	if (rc)
		return rc;
	mem_fd = fcntl(fd[0], F_DUPFD_CLOEXEC, FAKEGUEST_FDS);
	machine_fd = fcntl(fd[1], F_DUPFD_CLOEXEC, FAKEGUEST_FDS);
	evt_fd = fcntl(fd[2], F_DUPFD_CLOEXEC, FAKEGUEST_FDS);
	for (int i = 0; i < 3; i++)
		close(fd[i]);
	return 0;
}

static void make_machine(uint32_t domid)
{
	const char *mib = getenv("CLOISTER_FAKE_MIB");
	unsigned long long bytes = (mib ? strtoull(mib, NULL, 10) : DEFAULT_MIB) << 20;

	guest = fakeguest_new(&(struct fakeguest_conf){ .domid = domid,
		.low_bytes = bytes, .vram_gfn = bytes >> 12,
		.vram_frames = VRAM_FRAMES });
	mem_fd = guest->mem_fd;
	machine_fd = guest->machine_fd;
	evt_fd = guest->broker_evt_fd;
}

/* ---- in place of vram.c ---- */

int vram_open(uint32_t domid, char *why, size_t why_len)
{
	const char *machine = getenv("CLOISTER_FAKE_MACHINE");
	const char *writes = getenv("CLOISTER_FAKE_WRITES");
	int rc = machine ? find_machine(machine) : 0;

	if (rc) {
		snprintf(why, why_len, "no machine at %.100s", machine);
		return rc;
	}
	if (!machine)
		make_machine(domid);
	null_fd = fcntl(open("/dev/null", O_RDWR | O_CLOEXEC), F_DUPFD_CLOEXEC,
			FAKEGUEST_FDS);
	spawn_use_hv("fake", give);
	if (getenv("CLOISTER_FAKE_CGROUP"))
		cgroup_use_root(getenv("CLOISTER_FAKE_CGROUP"));
	if (null_fd >= 0 && guest && writes && fake_writer_begin(guest, writes))
		return -EIO;
	return null_fd < 0 ? -errno : 0;
}

void vram_close(void)
{
}

int vram_populate(const struct vram_layout *l)
{
	(void)l;
	return 0;
}

bool vram_domain_lives(void)
{
	return true;
}

int vram_set_sleep_state(unsigned int s)
{
	const char *path = getenv("CLOISTER_FAKE_SLEEPS");
	FILE *f = path ? fopen(path, "a") : NULL;

	if (!f)
		return 0;
	fprintf(f, "%u\n", s);
	return fclose(f) ? -errno : 0;
}

/* ---- in place of xs.c ---- */

int xs_find_domains(const char *name, uint32_t *domid, unsigned int room)
{
	const unsigned int count = strcmp(name, "nobody") == 0 ? 0 :
		strcmp(name, "twins") == 0 ? 2 : 1;

	for (unsigned int i = 0; i < count && i < room; i++)
		domid[i] = FAKE_DOMID + i;
	return (int)count;
}

int xs_store_open(uint32_t domid)
{
	(void)domid;
	xs_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return xs_fd < 0 ? -errno : 0;
}

void xs_store_close(void)
{
}

bool xs_store_has_qdisk(void)
{
	return false;
}

int xs_store_say_running(void)
{
	return 0;
}

int xs_store_watch(void)
{
	return 0;
}

/* As libxl does it before it kills: a file of that name is our directory gone. */
bool xs_store_is_wanted(void)
{
	const char *gone = getenv("CLOISTER_FAKE_GONE");

	return !gone || access(gone, F_OK);
}

int xs_store_fd(void)
{
	return xs_fd;
}

unsigned int xs_store_poll(void)
{
	return 0;
}
