/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/integ/test_headers.c - shared memory and control messages that are not
 *                              as promised
 *
 * The real programs: whoever finds the wrong magic, version, size or seal ends
 * with one line and status 1 before it serves anybody.  Control messages that
 * make no sense change nothing.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "abi/state.h"
#include "fakefamily.h"
#include "fakeguest.h"
#include "patience.h"
#include "ring/chan.h"
#include "ring/memfd.h"
#include "tap.h"

static struct fakefamily f;

static struct plan *map_plan(void)
{
	return memfd_map(f.plan_fd, sizeof(struct plan), 1);
}

static void chan_magic(struct fakefamily *fam)
{
	fakefamily_chan(fam, FF_DISK)->magic ^= 1;
}

static void chan_version(struct fakefamily *fam)
{
	fakefamily_chan(fam, FF_DISK)->version++;
}

static void replace(int *fd, int with)
{
	close(*fd);
	*fd = fcntl(with, F_DUPFD_CLOEXEC, FAKEGUEST_FDS);
	close(with);
}

static void chan_size(struct fakefamily *fam)
{
	replace(&fam->chan_fd[FF_DISK], memfd_make("short", 4096));
}

static void chan_unsealed(struct fakefamily *fam)
{
	int fd = memfd_create("loose", MFD_ALLOW_SEALING | MFD_CLOEXEC);

	if (ftruncate(fd, sizeof(struct chan)))
		perror("ftruncate");
	replace(&fam->chan_fd[FF_DISK], fd);
}

static void chan_tail(struct fakefamily *fam)
{
	fakefamily_chan(fam, FF_DISK)->req_tail = CHAN_REQS + 1;
}

static void state_magic(struct fakefamily *fam)
{
	struct state *s = memfd_map(fam->state_fd[FF_DISK], sizeof(*s), 1);

	s->magic = 0;
}

static void plan_magic(struct fakefamily *fam)
{
	(void)fam;
	map_plan()->magic = 0;
}

static void plan_version(struct fakefamily *fam)
{
	(void)fam;
	map_plan()->version = 9;
}

static void plan_workers(struct fakefamily *fam)
{
	(void)fam;
	map_plan()->worker_count = WORKERS_MAX + 1;
}

static void plan_no_vcpus(struct fakefamily *fam)
{
	(void)fam;
	map_plan()->vcpus = 0;
}

static void plan_many_vcpus(struct fakefamily *fam)
{
	(void)fam;
	map_plan()->vcpus = XEN_IOREQ_SLOTS + 1;
}

static const struct {
	const char *name;
	void (*spoil)(struct fakefamily *f);
	enum fakefamily_who who;
	const char *line;
} cases[] = {
	{ "channel's magic", chan_magic, FF_DISK, "disk0: channel is not as" },
	{ "channel's version", chan_version, FF_DISK, "disk0: channel is not as" },
	{ "channel's size", chan_size, FF_DISK, "disk0: shared memory is not as" },
	{ "channel's seals", chan_unsealed, FF_DISK, "disk0: shared memory is not as" },
	{ "channel's tail", chan_tail, FF_DISK, "disk0: broker broke the protocol" },
	{ "channel, for the broker", chan_magic, FF_BROKER, "broker: channel is not" },
	{ "state's magic", state_magic, FF_DISK, "disk0: state memory is not as" },
	{ "plan's magic", plan_magic, FF_BROKER, "broker: plan is not as" },
	{ "plan's version", plan_version, FF_BROKER, "broker: plan is not as" },
	{ "plan's workers", plan_workers, FF_BROKER, "broker: plan is not as" },
	{ "no vCPU", plan_no_vcpus, FF_BROKER, "broker: plan is not as" },
	{ "too many vCPUs", plan_many_vcpus, FF_BROKER, "broker: plan is not as" },
};

static void test_header(unsigned int n)
{
	struct fakefamily_conf conf = {
		.guest = { .low_bytes = 1 << 20 }, .no_vga = true, .quiet = true,
		.spoil = cases[n].spoil,
	};
	int status = 0;

	fakefamily_start(&f, &conf);
	for (int i = 0; i < PATIENCE_MS && fakefamily_runs(&f, cases[n].who); i++)
		usleep(1000);
	status = f.member[cases[n].who].status;
	ok(!f.member[cases[n].who].pid && WIFEXITED(status) &&
	   WEXITSTATUS(status) == 1 && fakefamily_logs(&f, cases[n].line),
	   "%s: one line, status 1", cases[n].name);
	fakefamily_stop(&f);
}

/* The supervisor is believed, but a slip of it must not hurt the guest. */
static void test_control(void)
{
	struct fakefamily_conf conf = {
		.guest = { .low_bytes = 1 << 20 }, .no_vga = true, .quiet = true };

	if (!ok(fakefamily_start(&f, &conf), "the family is up"))
		return;
	for (unsigned int kind = 0; kind < CTL_KIND_COUNT + 3; kind++) {
		if (kind == CTL_STOP)
			continue;
		for (int w = 0; w < FF_COUNT; w++)
			if (f.member[w].pid)
				fakefamily_tell(&f, w, kind, UINT64_MAX);
	}
	fakeguest_out(f.g, 0, 0x3ff, 1, 0x5a);
	is_hex(fakeguest_in(f.g, 0, 0x3ff, 1), 0x5a, "any message: it serves");
	usleep(20000);
	ok(fakefamily_runs(&f, FF_BROKER) && fakefamily_runs(&f, FF_DISK) &&
	   fakefamily_runs(&f, FF_PLATFORM), "all are there");
	send(f.member[FF_DISK].ctl_fd, "short", 5, MSG_NOSIGNAL);
	usleep(20000);
	ok(fakefamily_runs(&f, FF_DISK), "a worker takes no notice of a short one");
	ok(!fakeguest_fault(f.g), "no fault");
	ok(fakefamily_stop(&f), "all end by themselves");
}

int main(void)
{
	struct fakefamily_conf conf = { .no_vga = true };
	const char *why = fakefamily_missing(&conf);

	if (why)
		return skip_all(why);
	for (unsigned int n = 0; n < sizeof(cases) / sizeof(cases[0]); n++)
		test_header(n);
	test_control();
	return tap_done();
}
