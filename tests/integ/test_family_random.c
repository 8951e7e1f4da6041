/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/integ/test_family_random.c - a guest that does anything at all
 *
 * The real broker and workers on the in-memory hypervisor.  Four vCPUs do what
 * a random generator says: every range that is claimed, any width, strings in
 * and out of RAM, BARs that move, DMA with random tables, INVALIDATE, requests
 * that Xen would not make.  Every access has to be answered, everybody has to
 * be alive at the end, and the machine has to work after a reset.
 *
 * CLOISTER_TEST_ACCESSES and CLOISTER_TEST_SEED take other numbers,
 * CLOISTER_TEST_FLAGS the plan's PLAN_NO_*.  With the argument "unplug" the
 * guest may unplug its disks, and does.
 */
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "fakefamily.h"
#include "fakeguest.h"
#include "patience.h"
#include "tap.h"

#define VCPUS		4u
#define ACCESSES	200000u
#define RAM_BYTES	(16u << 20)
#define SECTORS		4096u
#define IDE		0x1f0
#define IDE_CONTROL	0x3f6
#define BM_BAR		0xc000u
#define IDE_FUNC	0x09u
#define VGA_FUNC	0x18u
#define LFB		0xf0000000u
#define RANGES_MAX	(FAKE_SPACES * FAKE_RANGES)

static struct fakefamily f;
static struct fakeguest *g;
static char image[2][40] = { "/tmp/cloister-random-XXXXXX",
			     "/tmp/cloister-random-XXXXXX" };
static int serial[2];
static uint32_t seed;
static uint64_t per_vcpu;
static _Atomic uint64_t done;
static _Atomic bool stop;

struct vcpu {
	unsigned int n;
	uint64_t random;
	pthread_t thread;
};

/* ---- chance ---- */

static uint64_t any64(struct vcpu *v)
{
	v->random ^= v->random << 13;
	v->random ^= v->random >> 7;
	v->random ^= v->random << 17;
	return v->random;
}

static uint32_t any(struct vcpu *v, uint32_t below)
{
	return (uint32_t)((any64(v) >> 32) % below);
}

static unsigned int any_size(struct vcpu *v)
{
	return 1u << any(v, 3);
}

/* One value in three is one that devices like to compare with. */
static uint32_t any_val(struct vcpu *v)
{
	static const uint32_t edges[] = { 0, 1, 2, 4, 7, 8, 0x80, 0xff, 0x7fff,
		0xffff, 0x80000000, 0xfffffffe, 0xffffffff, 0xe0, 0x2001 };

	if (any(v, 3))
		return (uint32_t)any64(v);
	return edges[any(v, sizeof(edges) / sizeof(edges[0]))];
}

/* Mostly RAM, sometimes at its end, beyond it, or at the end of everything. */
static uint64_t any_gpa(struct vcpu *v)
{
	switch (any(v, 12)) {
	case 0:
		return RAM_BYTES - any(v, 5000);
	case 1:
		return any64(v);
	case 2:
		return UINT64_MAX - any(v, 5000);
	case 3:
		return any(v, 5000);
	case 4:
		return 0x9f000 + any(v, 0x23000);
	default:
		return any(v, RAM_BYTES);
	}
}

static bool any_range(struct vcpu *v, unsigned int space, uint64_t *at)
{
	for (unsigned int tries = 0; tries < 64; tries++) {
		struct fake_range *r = &g->m->range[space][any(v, 48)];
		uint64_t first = r->first, last = r->last;

		if (!(r->gen & 1) || last < first)
			continue;
		*at = first + any64(v) % (last - first + 2);
		return true;
	}
	return false;
}

/* ---- one access ---- */

static void do_port(struct vcpu *v)
{
	uint64_t port;

	if (!any_range(v, 0, &port))
		return;
	if (any(v, 2))
		fakeguest_in(g, v->n, (uint16_t)port, any_size(v));
	else
		fakeguest_out(g, v->n, (uint16_t)port, any_size(v), any_val(v));
}

static void do_memory(struct vcpu *v)
{
	uint64_t at;

	if (!any_range(v, 1, &at))
		return;
	if (any(v, 2))
		fakeguest_load_mem(g, v->n, at, 1u << any(v, 4));
	else
		fakeguest_store_mem(g, v->n, at, 1u << any(v, 4), any64(v));
}

static void do_vga_writes(struct vcpu *v)
{
	uint64_t at = 0xa0000 + any(v, 0x20000);

	for (unsigned int i = any(v, 64); i--; )
		fakeguest_store_mem(g, v->n, at + i, 1u << any(v, 4), any64(v));
}

static void do_config(struct vcpu *v)
{
	uint64_t devfn;

	if (!any_range(v, 2, &devfn))
		return;
	if (any(v, 3))
		fakeguest_cfg_read(g, v->n, (unsigned int)devfn & 0xff,
				   any(v, 256), any_size(v));
	else
		fakeguest_cfg_write(g, v->n, (unsigned int)devfn & 0xff,
				    any(v, 256), any_size(v), any_val(v));
}

static void do_bar(struct vcpu *v)
{
	static const uint32_t to[] = { 0xc000, 0xc100, 0xd000, 0xfff0, 0xffffffff,
		0, LFB, 0xf1000000, 0xf2000000, 0xfebf0000, 0x00100000, 0xa0000 };
	unsigned int devfn = any(v, 2) ? IDE_FUNC : any(v, 2) ? VGA_FUNC : 0x10;

	if (any(v, 2))
		fakeguest_cfg_write(g, v->n, devfn, 0x10 + any(v, 7) * 4, 4,
				    to[any(v, sizeof(to) / sizeof(to[0]))]);
	else
		fakeguest_cfg_write(g, v->n, devfn, 4, 2, any(v, 4) ? 7 : any(v, 8));
}

static void do_string(struct vcpu *v)
{
	unsigned int count = any(v, 8) ? any(v, 300) + 1 : any(v, 4096) + 1;
	unsigned int size = any_size(v);
	bool down = any(v, 4) == 0;
	uint64_t at;

	switch (any(v, 6)) {
	case 0:
	case 1:
		at = any(v, 2) ? IDE : 0;
		if (at || any_range(v, 0, &at))
			fakeguest_ins(g, v->n, (uint16_t)at, size, count,
				      any_gpa(v), down);
		break;
	case 2:
	case 3:
		at = any(v, 2) ? IDE : 0;
		if (at || any_range(v, 0, &at))
			fakeguest_outs(g, v->n, (uint16_t)at, size, count,
				       any_gpa(v), down);
		break;
	case 4:
		if (any_range(v, 1, &at))
			fakeguest_stos(g, v->n, at, size, count, any64(v), down);
		break;
	default:
		if (any_range(v, 1, &at))
			fakeguest_movs(g, v->n, at, any_gpa(v), any(v, 2), size,
				       count, down);
		break;
	}
}

/* Within what Xen's interface can say, not within what Xen says. */
static void do_nonsense(struct vcpu *v)
{
	static const uint32_t counts[] = { 0, 1, 2, 512, 513, 4096, 4097, UINT32_MAX };
	static const uint8_t types[] = { 0, 1, 2, 0, 1 };
	unsigned int type = types[any(v, sizeof(types))];
	struct xen_ioreq r = {
		.type = (uint8_t)type, .count = counts[any(v, 8)],
		.size = any(v, 3) ? 1u << any(v, 4) : any(v, 20),
		.flags = (uint8_t)(any(v, 8) << 4), .data = any_gpa(v),
	};
	uint64_t data;

	if (!any_range(v, type, &r.addr))
		return;
	if (type == XEN_IOREQ_TYPE_PCI_CONFIG)
		r.addr = r.addr << 32 | any(v, 300);
	if (fakeguest_post(g, v->n, &r) &&
	    !fakeguest_wait(g, v->n, g->timeout_ms, &data))
		stop = true;
}

/* A command that gets somewhere, on either channel. */
static void do_disk(struct vcpu *v)
{
	static const uint8_t commands[] = { 0x20, 0x24, 0x30, 0x34, 0xc4, 0xc5,
		0xc8, 0x25, 0xca, 0x35, 0xe7, 0xec, 0x06, 0xef, 0xc6, 0xb0 };
	uint16_t base = any(v, 2) ? IDE : 0x170;
	uint16_t bm = (uint16_t)(BM_BAR + (base == IDE ? 0 : 8));
	uint32_t prd[8], table = any(v, RAM_BYTES / 4) * 4;

	for (unsigned int i = 0; i < 8; i++)
		prd[i] = i & 1 ? (any(v, 4) ? 0 : 1u << 31) | any(v, 0x20000)
			       : (uint32_t)any_gpa(v);
	fakeguest_store(g, table, prd, sizeof(prd));
	fakeguest_out(g, v->n, (uint16_t)(bm + 4), 4, table);
	fakeguest_out(g, v->n, (uint16_t)(base + 6), 1, any(v, 4) << 4 | 0xc0);
	fakeguest_out(g, v->n, (uint16_t)(base + 2), 1, any(v, 16));
	for (uint16_t i = 3; i < 6; i++)
		fakeguest_out(g, v->n, (uint16_t)(base + i), 1,
			      i < 5 ? any(v, 18) : 0);
	fakeguest_out(g, v->n, (uint16_t)(base + 7), 1,
		      commands[any(v, sizeof(commands))]);
	fakeguest_out(g, v->n, bm, 1, any(v, 2) ? 9 : 1);
	if (any(v, 8) == 0)
		fakeguest_out(g, v->n, base == IDE ? IDE_CONTROL : 0x376, 1,
			      any(v, 2) ? 4 : 0);
	for (unsigned int i = any(v, 8); i--; )
		fakeguest_in(g, v->n, (uint16_t)(base + 7), 1);
}

static void do_one(struct vcpu *v)
{
	switch (any(v, 32)) {
	default:
		do_port(v);
		break;
	case 0: case 1: case 2:
		do_memory(v);
		break;
	case 3:
		do_vga_writes(v);
		break;
	case 4: case 5: case 6:
		do_config(v);
		break;
	case 7:
		do_bar(v);
		break;
	case 8: case 9:
		do_string(v);
		break;
	case 10:
		do_nonsense(v);
		break;
	case 11: case 12:
		do_disk(v);
		break;
	case 13:
		if (any(v, 8) == 0)
			fakeguest_invalidate(g, v->n);
		fakeguest_hypercall(g, v->n);
		break;
	}
}

static void *run(void *arg)
{
	struct vcpu *v = arg;

	for (uint64_t i = 0; i < per_vcpu && !stop && !fakeguest_fault(g); i++) {
		do_one(v);
		done++;
	}
	return NULL;
}

/* ---- the rest of the world ---- */

/* Somebody looks at the picture and types on the console. */
static void *outside(void *arg)
{
	uint8_t buf[256];
	uint64_t n = 1;

	(void)arg;
	while (!stop) {
		ssize_t r = write(f.scan_fd, &n, sizeof(n));

		r = read(f.painted_fd, buf, sizeof(n));
		r = send(serial[0], "xyzzy\r", 6, MSG_DONTWAIT);
		while ((r = recv(serial[0], buf, sizeof(buf), MSG_DONTWAIT)) > 0)
			;
		usleep(15000);
	}
	return NULL;
}

static int count_fds(pid_t pid)
{
	char path[40];
	DIR *d;
	int n = 0;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	d = opendir(path);
	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n;
}

/* ---- the end ---- */

static bool wait_ready(uint8_t bits)
{
	for (int64_t until = clock_now_ns() + PATIENCE_NS;
	     clock_now_ns() < until; sched_yield()) {
		uint32_t s = fakeguest_in(g, 0, IDE_CONTROL, 1);

		if (!(s & 0x80) && (s & bits) == bits)
			return true;
	}
	return false;
}

static bool identify(uint16_t *id)
{
	fakeguest_out(g, 0, IDE_CONTROL, 1, 4);
	fakeguest_out(g, 0, IDE_CONTROL, 1, 2);
	if (!wait_ready(0x40))
		return false;
	fakeguest_out(g, 0, IDE + 6, 1, 0xe0);
	fakeguest_out(g, 0, IDE + 7, 1, 0xec);
	if (!wait_ready(0x08))
		return false;
	for (unsigned int i = 0; i < 256; i++)
		id[i] = (uint16_t)fakeguest_in(g, 0, IDE, 2);
	return true;
}

static void set_up(void)
{
	fakeguest_cfg_write(g, 0, IDE_FUNC, 0x20, 4, BM_BAR);
	fakeguest_cfg_write(g, 0, IDE_FUNC, 4, 2, 5);
	fakeguest_cfg_write(g, 0, IDE_FUNC, 0x40, 4, 0x80008000);
	fakeguest_cfg_write(g, 0, VGA_FUNC, 0x10, 4, LFB);
	fakeguest_cfg_write(g, 0, VGA_FUNC, 0x18, 4, 0xf1000000);
	fakeguest_cfg_write(g, 0, VGA_FUNC, 4, 2, 3);
	fakeguest_cfg_write(g, 0, 0x10, 0x10, 4, 0xc100);
	fakeguest_cfg_write(g, 0, 0x10, 0x14, 4, 0xf2000000);
	fakeguest_cfg_write(g, 0, 0x10, 4, 2, 3);
}

static void test_works_still(const uint16_t *before)
{
	uint16_t id[256] = { 0 };
	bool good = true;

	fakeguest_invalidate(g, 0);
	if (!f.conf.decline_unplug)
		ok(f.unplugs && !identify(id), "the disks are unplugged");
	else if (ok(identify(id), "IDENTIFY after a reset"))
		ok(!memcmp(id + 10, before + 10, 80), "is the same disk");
	fakeguest_out(g, 0, 0x3fb, 1, 3);
	for (uint32_t i = 0; i < 256; i++) {
		fakeguest_out(g, 0, 0x3ff, 1, i);
		good &= fakeguest_in(g, 0, 0x3ff, 1) == i;
	}
	ok(good, "the serial port's scratch register");
	set_up();
	is_hex(fakeguest_cfg_read(g, 0, IDE_FUNC, 0, 4), 0x70108086, "IDE function");
	is_hex(fakeguest_cfg_read(g, 0, IDE_FUNC, 0x20, 4), BM_BAR | 1, "its BAR");
	is_hex(fakeguest_cfg_read(g, 0, VGA_FUNC, 0, 4), 0x11111234, "VGA function");
	fakeguest_out(g, 0, BM_BAR + 2, 1, 6);
	is_hex(fakeguest_in(g, 0, BM_BAR + 2, 1) & 6, 0, "bus master status");
}

static void test_random(void)
{
	static struct vcpu vcpu[VCPUS];
	pthread_t world;
	uint16_t id[256] = { 0 };
	int fds[FF_COUNT];
	int64_t began;

	set_up();
	ok(identify(id), "IDENTIFY before");
	for (int w = 0; w < FF_COUNT; w++)
		fds[w] = count_fds(f.member[w].pid);
	if (!f.conf.decline_unplug)
		fds[FF_DISK] -= 3;	/* the images */
	began = clock_now_ns();
	pthread_create(&world, NULL, outside, NULL);
	for (unsigned int n = 0; n < VCPUS; n++) {
		vcpu[n].n = n;
		vcpu[n].random = (seed + n * 1000003u) * UINT64_C(0x9e3779b97f4a7c15) | 1;
		pthread_create(&vcpu[n].thread, NULL, run, &vcpu[n]);
	}
	for (unsigned int n = 0; n < VCPUS; n++)
		pthread_join(vcpu[n].thread, NULL);
	stop = true;
	pthread_join(world, NULL);
	printf("# %llu of %llu steps, %llu round trips, seed %u, %d ms\n",
	       (unsigned long long)done, (unsigned long long)per_vcpu * VCPUS,
	       (unsigned long long)g->round_trips, seed,
	       (int)((clock_now_ns() - began) / NS_PER_MS));
	printf("# %u shutdowns, %u sleeps, %u unplugs asked\n", f.shutdowns,
	       f.sleeps, f.unplugs);
	ok(done == per_vcpu * VCPUS && !fakeguest_fault(g), "all are answered: %s",
	   fakeguest_fault(g) ? fakeguest_fault(g) : "no fault");
	for (int w = 0; w < FF_COUNT; w++)
		ok(w == FF_NET ? !f.conf.nic : fakefamily_runs(&f, w) &&
		   count_fds(f.member[w].pid) == fds[w],
		   "process %d is there, with the right number of descriptors", w);
	if (!fakeguest_fault(g))
		test_works_still(id);
	ok(f.lies == 0, "nobody lied: %s", f.lie);
	ok(f.shutdowns <= 1, "the supervisor was told of %u shutdowns", f.shutdowns);
}

static uint64_t number_of(const char *name, uint64_t otherwise)
{
	const char *v = getenv(name);

	return v ? strtoull(v, NULL, 0) : otherwise;
}

int main(int argc, char **argv)
{
	struct fakefamily_conf conf = {
		.guest = { .vcpus = VCPUS, .low_bytes = RAM_BYTES },
		.image = { image[0], image[1], image[1] },
		.read_only = { false, true, true },
		/* Without disks there would be less to break. */
		.decline_unplug = argc < 2, .wide_plan = true, .quiet = true,
		.plan_flags = (uint32_t)number_of("CLOISTER_TEST_FLAGS", 0),
	};
	const char *why = fakefamily_missing(&conf);

	(void)argv;
	if (why)
		return skip_all(why);
	if (!fakefamily_make_image(image[0], SECTORS) ||
	    !fakefamily_make_image(image[1], SECTORS))
		return 1;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, serial))
		return 1;
	conf.serial0 = fcntl(serial[1], F_DUPFD_CLOEXEC, FAKEGUEST_FDS);
	seed = (uint32_t)number_of("CLOISTER_TEST_SEED", 20);
	per_vcpu = number_of("CLOISTER_TEST_ACCESSES", ACCESSES) / VCPUS;
	if (ok(fakefamily_start(&f, &conf), "the family is up")) {
		g = f.g;
		test_random();
	}
	ok(fakefamily_stop(&f), "all end by themselves");
	unlink(image[0]);
	unlink(image[1]);
	return tap_done();
}
