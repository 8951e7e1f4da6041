/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/integ/test_order.c - what a vCPU wrote is what it reads
 *
 * Posted writes, shadow words and mirrors of the whole real family, looked at
 * from four vCPUs.  Each has registers that nobody else writes, in workers that
 * all of them keep busy: with buffered writes, resets that wait for the image,
 * windows that move.  A read gives the last value written, however it is
 * answered.
 */
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include "base/clock.h"
#include "fakefamily.h"
#include "fakeguest.h"
#include "tap.h"

#define VCPUS	4u
#define ROUNDS	8000u		/* at most, if there is time for them */
#define ROUNDS_MIN 200u
#define TIME_NS	(12 * NS_PER_S)
#define SECTORS	4096u
#define CFG	0x10000u		/* or'ed: devfn << 8 and register */

static struct fakefamily f;
static struct fakeguest *g;
static char image[] = "/tmp/cloister-order-XXXXXX";
static _Atomic uint32_t wrong, checked;
static int64_t until_ns;

struct mine {
	uint32_t at;
	uint8_t mask, ones;	/* bits that can be written; that read as 1 */
};

/* By vCPU. */
static const struct mine mine[VCPUS][4] = {
	{ { 0x3c6, 0xff, 0 }, { 0x3ff, 0xff, 0 }, { CFG | 0x083c, 0xff, 0 },
	  { 0x3d4, 0x3f, 0 } },
	{ { 0x3c4, 0x07, 0 }, { CFG | 0x093c, 0xff, 0 }, { CFG | 0x0840, 0xff, 0 },
	  { 0x3fb, 0x1f, 0 } },
	{ { 0x3ce, 0x0f, 0 }, { CFG | 0x183c, 0xff, 0 }, { CFG | 0x0944, 0xff, 0 },
	  { 0x1ce, 0x0f, 0 } },
	{ { 0x176, 0x5f, 0xa0 }, { CFG | 0x103c, 0xff, 0 }, { CFG | 0x0b3c, 0xff, 0 },
	  { CFG | 0x100c, 0xff, 0 } },
};

static uint64_t one(unsigned int vcpu, uint32_t at, bool read, uint64_t val)
{
	struct xen_ioreq r = { .addr = at, .size = at == 0x1ce ? 2 : 1, .count = 1,
			       .flags = read ? XEN_IOREQ_READ : 0, .data = val };
	uint64_t data = 0;

	if (at & CFG) {
		r.type = XEN_IOREQ_TYPE_PCI_CONFIG;
		r.addr = (uint64_t)(at >> 8 & 0xff) << 32 | (at & 0xff);
	}
	if (!fakeguest_post(g, vcpu, &r) ||
	    !fakeguest_wait(g, vcpu, g->timeout_ms, &data)) {
		wrong++;
		return 0;
	}
	return data & (at == 0x1ce ? 0xffff : 0xff);
}

/* Work for the same workers, with nobody's registers. */
static void disturb(unsigned int vcpu, uint32_t n)
{
	switch ((n * 7 + vcpu) % 11) {
	case 0:
		for (uint32_t i = 0; i < 20; i++)
			fakeguest_store_mem(g, vcpu, 0xa0000 + n % 0x8000 + i, 1, n);
		break;
	case 1:
		one(vcpu, 0x3da, true, 0);
		break;
	case 2:
		for (uint32_t i = 0; i < 10; i++)
			one(vcpu, 0x3c8, false, i);
		break;
	case 3:		/* a read of the image, which a reset then waits for */
		one(vcpu, 0x1f6, false, 0xe0);
		one(vcpu, 0x1f2, false, 8);
		one(vcpu, 0x1f7, false, 0x20);
		if (vcpu == 3 && n % 3 == 0)
			one(vcpu, 0x3f6, false, 4);
		one(vcpu, 0x3f6, false, 0);
		break;
	case 4:		/* BAR 0 of the platform device moves */
		if (vcpu == 3)
			fakeguest_cfg_write(g, vcpu, 0x10, 0x10, 4,
					    0xc000 + n % 16 * 0x100);
		break;
	case 5:
		if (n % 64 == 0)
			fakeguest_invalidate(g, vcpu);
		break;
	case 6:
		one(vcpu, 0x1f7, true, 0);
		one(vcpu, 0x3f6, true, 0);
		break;
	default:
		break;
	}
}

static void check(unsigned int vcpu, const struct mine *m, uint32_t val)
{
	uint64_t want = (val & m->mask) | m->ones, got;

	one(vcpu, m->at, false, want);
	if (val % 3 == 0)
		disturb(vcpu, val);
	for (unsigned int again = 0; again < 1 + val % 2; again++) {
		got = one(vcpu, m->at, true, 0);
		checked++;
		if (got != want && wrong++ < 5)
			printf("# vCPU %u, 0x%x: got 0x%llx, want 0x%llx\n", vcpu,
			       m->at, (unsigned long long)got,
			       (unsigned long long)want);
	}
}

static void *run(void *arg)
{
	unsigned int vcpu = (unsigned int)(uintptr_t)arg;

	for (uint32_t n = 0; n < ROUNDS && !fakeguest_fault(g); n++) {
		if (n >= ROUNDS_MIN && clock_now_ns() >= until_ns)
			break;
		check(vcpu, &mine[vcpu][n % 4], n * 2654435761u >> 7);
		disturb(vcpu, n);
	}
	return NULL;
}

static void test_order(uint32_t flags, const char *name)
{
	struct fakefamily_conf conf = {
		.guest = { .vcpus = VCPUS, .low_bytes = 16 << 20 },
		.image = { image, NULL, image }, .read_only = { true, false, true },
		.wide_plan = true, .quiet = true, .plan_flags = flags,
	};
	pthread_t t[VCPUS];

	if (!ok(fakefamily_start(&f, &conf), "the family is up"))
		return;
	g = f.g;
	wrong = checked = 0;
	fakeguest_out(g, 0, 0x3c2, 1, 0x67);	/* 0x3d4, not 0x3b4 */
	until_ns = clock_now_ns() + TIME_NS;
	for (uintptr_t i = 0; i < VCPUS; i++)
		pthread_create(&t[i], NULL, run, (void *)i);
	for (unsigned int i = 0; i < VCPUS; i++)
		pthread_join(t[i], NULL);
	ok(checked >= VCPUS * ROUNDS_MIN || fakeguest_fault(g), "%s: each vCPU had its turns",
	   name);
	ok(!wrong, "%s: %u wrong of %u reads", name, wrong, checked);
	ok(!fakeguest_fault(g) && !f.lies, "%s: no fault, no lie", name);
	ok(fakefamily_stop(&f), "all end by themselves");
}

int main(void)
{
	struct fakefamily_conf conf = { .quiet = true };
	const char *why = fakefamily_missing(&conf);

	if (why)
		return skip_all(why);
	if (!fakefamily_make_image(image, SECTORS))
		return 1;
	test_order(0, "as it ships");
	test_order(PLAN_NO_POLL, "without polling");
	test_order(PLAN_NO_SHADOW, "without shadow words");
	unlink(image);
	return tap_done();
}
