/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/test_hv_fake.c - the in-memory hypervisor behaves like Xen
 *
 * This process is broker (hv/hv.h) and guest (fakeguest.h) at once.  What is
 * claimed here of Xen is in its ioreq.c, its range sets and the event-channel
 * driver of Linux.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>

#include "base/clock.h"
#include "fakeguest.h"
#include "hv/hv.h"
#include "patience.h"
#include "tap.h"

#define TRIPS	5000u

static struct fakeguest *g;
static struct hv *hv;

static void fresh(unsigned int vcpus)
{
	if (g)
		fakeguest_free(g);
	g = fakeguest_new(&(struct fakeguest_conf){ .vcpus = vcpus,
		.low_bytes = 2 << 20, .high_bytes = 1 << 20,
		.vram_gfn = 0xff000, .vram_frames = 64 });
	fakeguest_take_fds(g);
	hv = hv_open("fake", 7, HV_BROKER);
}

#define RING	(UINT64_C(1) << 63)	/* the buffered ring's channel */

/* Takes channels until none comes for @ms; bit per event. */
static uint64_t take(int ms)
{
	struct pollfd p = { .fd = hv_ev_fd(hv), .events = POLLIN };
	unsigned int ev[XEN_IOREQ_SLOTS + 1];
	uint64_t got = 0;

	while (poll(&p, 1, ms) > 0) {
		unsigned int n = hv_ev_take(hv, ev, XEN_IOREQ_SLOTS + 1);

		for (unsigned int i = 0; i < n; i++)
			got |= UINT64_C(1) << (ev[i] == HV_EV_BUFIOREQ ? 63 : ev[i]);
	}
	return got;
}

/* The same, where @want has to come: a busy machine may be late. */
static uint64_t take_for(uint64_t want)
{
	uint64_t got = 0;

	for (unsigned int i = 0; i < 150 && (got & want) != want; i++)
		got |= take(20);
	return got;
}

static void set_state(unsigned int vcpu, uint8_t state)
{
	struct xen_ioreq *s = &hv_ioreq_page(hv)->slot[vcpu];

	__atomic_store_n(&s->flags, (uint8_t)((s->flags & ~XEN_IOREQ_STATE) | state),
			 __ATOMIC_RELEASE);
}

static void answer(unsigned int vcpu, uint64_t data)
{
	hv_ioreq_page(hv)->slot[vcpu].data = data;
	set_state(vcpu, XEN_IORESP_READY);
	hv_notify(hv, vcpu);
}

static void up(unsigned int vcpus)
{
	fresh(vcpus);
	hv_ioreq_create(hv, true);
	hv_ioreq_enable(hv, vcpus);
	hv_range_map(hv, 0, 0x100, 0x1ff);
	take_for(((UINT64_C(1) << vcpus) - 1) | RING);
	hv_ev_unmask(hv, true);
}

static const struct xen_ioreq in_byte = {
	.addr = 0x101, .count = 1, .size = 1, .flags = XEN_IOREQ_READ,
};

static void test_server(void)
{
	unsigned int vcpus = 0;

	fresh(3);
	ok(hv_nr_vcpus(hv, &vcpus) == 0 && vcpus == 3, "number of vCPUs");
	is_hex(hv_own_fds(hv), 0, "no descriptor of its own");
	is_hex(hv_range_map(hv, 0, 1, 2), (uint64_t)-ENOENT, "no server: no range");
	is_hex(hv_ioreq_create(hv, true), 0, "create");
	is_hex(hv_ioreq_page(hv)->slot[0].evtchn, 0, "no ports before it is enabled");
	is_hex(fakeguest_in(g, 0, 0x101, 1), 0xff, "nor any access");
	is_hex(hv_ioreq_enable(hv, 4), (uint64_t)-EINVAL, "a vCPU too many");
	is_hex(hv_ioreq_enable(hv, 3), 0, "enable");
	is_hex(take_for(7 | RING), 7 | RING, "binding: every channel pending once");
	hv_ev_unmask(hv, true);
	is_hex(take(20), 0, "and once only");
	ok(hv_ioreq_create(hv, false) == -EEXIST, "a predecessor's server is in the way");
	ok(hv_ioreq_create(hv, true) == 0 && g->m->servers_destroyed == 1,
	   "unless it may go");
	hv_restrict(hv);
	is_hex(g->m->restricted, 1, "restricted");
}

static void test_channels(void)
{
	uint64_t data;

	up(2);
	ok(fakeguest_post(g, 1, &in_byte), "a request");
	is_hex(take_for(2), 2, "its channel");
	ok(!fakeguest_wait(g, 1, 1, &data), "waits");
	answer(1, 0x5a);
	ok(fakeguest_wait(g, 1, PATIENCE_MS, &data) && data == 0x5a, "until answered");
	fakeguest_post(g, 1, &in_byte);
	is_hex(take(20), 0, "a channel taken stays quiet");
	fakeguest_post(g, 0, &in_byte);
	is_hex(take_for(1), 1, "the other one does not");
	hv_ev_unmask(hv, true);
	is_hex(take_for(2), 2, "unmasked: what went pending meanwhile comes");
	hv_ev_unmask(hv, true);
	is_hex(take(20), 0, "once");
	answer(0, 1);
	answer(1, 2);
	fakeguest_wait(g, 0, PATIENCE_MS, &data);
	fakeguest_wait(g, 1, PATIENCE_MS, &data);
	ok(!fakeguest_fault(g), "no fault: %s", fakeguest_fault(g));
}

static void test_ranges(void)
{
	up(1);
	is_hex(hv_range_map(hv, 0, 0x1f0, 0x210), (uint64_t)-EEXIST, "overlap");
	is_hex(hv_range_unmap(hv, 0, 0x100, 0x1fe), (uint64_t)-ENOENT, "not a range");
	ok(fakeguest_claims(g, 0, 0x100, 0x1ff) && !fakeguest_claims(g, 0, 0xff, 0x100) &&
	   !fakeguest_claims(g, 0, 0x1ff, 0x200), "an access lies in it or does not");
	hv_range_map(hv, 0, 0x200, 0x20f);
	ok(fakeguest_claims(g, 0, 0x1fe, 0x201), "neighbours are one");
	is_hex(hv_range_unmap(hv, 0, 0x200, 0x20f), 0, "unmap");
	ok(!fakeguest_claims(g, 0, 0x1fe, 0x201), "is at once");
	hv_range_map(hv, 1, 0xf0000000, 0xf0ffffff);
	hv_range_map(hv, 2, 8, 8);
	ok(fakeguest_claims(g, 1, 0xf0000000, 0xf0000003) &&
	   fakeguest_claims(g, 2, 8, 8) && !fakeguest_claims(g, 2, 9, 9),
	   "memory and functions");
	for (unsigned int i = 0; i < 300; i++)
		hv_range_map(hv, 0, 0x1000 + i * 2, 0x1000 + i * 2);
	is_hex(fakeguest_range_count(g, 0), FAKE_RANGES, "no more than Xen takes");
	hv_ioreq_disable(hv);
	ok(!fakeguest_claims(g, 2, 8, 8), "disabled: nothing is claimed");
}

static void test_lines(void)
{
	up(1);
	hv_isa_irq(hv, 14, true);
	ok(fakeguest_isa(g, 14) && !fakeguest_isa(g, 15), "ISA line up");
	hv_isa_irq(hv, 14, false);
	hv_isa_irq(hv, 14, true);
	is_hex(g->m->isa_rises[14], 2, "rising edges");
	hv_pci_intx(hv, 3, 1, true);
	ok(fakeguest_intx(g, 3, 1) && !fakeguest_intx(g, 3, 0), "INTB of device 3");
	hv_msi(hv, 0xfee00000, 0x41);
	ok(g->m->msi[0].addr == 0xfee00000 && g->m->msi[0].data == 0x41, "MSI");
	hv_link_route(hv, 2, 11);
	is_hex(g->m->link[2], 11, "link route");
	hv_mem_type(hv, 0xc0, 0x40, true);
	fakeguest_store(g, 0xc8000, "x", 1);
	is_hex(*fakeguest_ram(g, 0xc8000), 0, "ROM is locked");
	fakeguest_post(g, 0, &in_byte);
	hv_shutdown(hv, 1);
	ok(fakeguest_shutdown_reason(g) == 1 && g->m->shut_down_slots == 1,
	   "shutdown while a vCPU waits");
}

static void test_vram(void)
{
	uint64_t bits = 0, gfn = 0xf0000;
	struct hv_map map;
	void *page[1];
	int err[1];
	uint8_t *run;

	up(1);
	run = hv_map_run(hv, 0xff000, 64);
	run[5] = 0x99;
	ok(hv_relocate(hv, 0xff001, gfn, 64) == -EINVAL, "only as a whole");
	is_hex(hv_relocate(hv, 0xff000, gfn, 64), 0, "VRAM moves");
	ok(!fakeguest_ram(g, 0xff000000) && *fakeguest_ram(g, 0xf0000005) == 0x99,
	   "with what is in it, and stays mapped");
	ok(hv_map(hv, &gfn, 1, false, &map, page, err) == 0 &&
	   ((uint8_t *)page[0])[5] == 0x99, "its frames map at the new place");
	hv_unmap(hv, &map, page);
	is_hex(g->m->invalidate_due, 1, "which owes an INVALIDATE");
	hv_track_dirty(hv, gfn, 64, &bits);
	is_hex(bits, UINT64_MAX, "first look: all dirty");
	hv_track_dirty(hv, gfn, 64, &bits);
	is_hex(bits, 0, "then none");
	fakeguest_store(g, 0xf0002ffe, "abcd", 4);
	hv_track_dirty(hv, gfn, 64, &bits);
	is_hex(bits, 0xc, "then what was written");
	is_hex(hv_pin_wb(hv, gfn, 64, true), 0, "pin");
	is_hex(hv_pin_wb(hv, gfn, 32, false), (uint64_t)-ENOENT, "unpin what is not");
	is_hex(hv_pin_wb(hv, gfn, 64, false), 0, "unpin");
}

static void test_maps(void)
{
	const uint64_t gfn[5] = { 3, 4, 0xa5, 0x100000, 1 };
	struct hv_map map;
	void *page[5];
	int err[5];

	up(1);
	for (unsigned int i = 0; i < 5; i++)
		if (fakeguest_ram(g, gfn[i] << 12))
			*fakeguest_ram(g, gfn[i] << 12) = (uint8_t)(0x40 + i);
	is_hex(hv_map(hv, gfn, 5, true, &map, page, err), 0, "scattered frames");
	ok(err[2] == EFAULT && !page[2], "the hole is not mapped");
	ok(*(uint8_t *)page[0] == 0x40 && *(uint8_t *)page[1] == 0x41 &&
	   *(uint8_t *)page[3] == 0x43 && *(uint8_t *)page[4] == 0x44,
	   "low and high");
	hv_unmap(hv, &map, page);
	is_hex(hv_map(hv, gfn + 2, 1, true, &map, page, err), (uint64_t)-EFAULT,
	       "nothing at all");
}

/* ---- a broker that breaks the rules ---- */

static void break_state(uint8_t first, uint8_t then, const char *what)
{
	uint64_t data;

	up(1);
	fakeguest_post(g, 0, &in_byte);
	set_state(0, first);
	fakeguest_wait(g, 0, 1, &data);
	set_state(0, then);
	fakeguest_wait(g, 0, 1, &data);
	ok(fakeguest_fault(g) != NULL, "%s: %s", what, fakeguest_fault(g));
}

static void test_faults(void)
{
	uint64_t data;

	break_state(XEN_IOREQ_INPROCESS, 7, "unknown state");
	break_state(XEN_IOREQ_INPROCESS, XEN_IOREQ_READY, "backwards");
	up(1);
	fakeguest_post(g, 0, &in_byte);
	set_state(0, XEN_IOREQ_NONE);
	ok(fakeguest_wait(g, 0, 100, &data) && data == UINT64_MAX &&
	   !fakeguest_fault(g), "back to NONE: ones, and no harm");
	fakeguest_post(g, 0, &in_byte);
	hv_ioreq_page(hv)->slot[0].addr++;
	answer(0, 0);
	fakeguest_wait(g, 0, 100, &data);
	ok(fakeguest_fault(g) != NULL, "changed request: %s", fakeguest_fault(g));
	up(1);
	set_state(0, XEN_IOREQ_READY);
	ok(!fakeguest_post(g, 0, &in_byte) && fakeguest_fault(g),
	   "slot not idle: %s", fakeguest_fault(g));
	up(1);
	hv_ioreq_page(hv)->slot[0].evtchn = 1;
	ok(!fakeguest_post(g, 0, &in_byte) && fakeguest_fault(g),
	   "other channel: %s", fakeguest_fault(g));
}

/* ---- the buffered ring ---- */

static void test_buffered(void)
{
	struct xen_bufioreq_page *p;

	up(1);
	p = hv_bufioreq_page(hv);
	hv_range_map(hv, 1, 0xa0000, 0xbffff);
	fakeguest_store_mem(g, 0, 0xb8000, 2, 0x0741);
	is_hex(take_for(RING), RING, "a VGA write: the ring's channel");
	ok(p->ptrs.wr == 1 && XEN_BUFIOREQ_ADDR(p->slot[0].bits) == 0xb8000 &&
	   XEN_BUFIOREQ_SIZE(p->slot[0].bits) == 1 && p->slot[0].data == 0x0741,
	   "its entry");
	fakeguest_timeoffset(g, 0, -3);
	ok(p->ptrs.wr == 3 && XEN_BUFIOREQ_SIZE(p->slot[1].bits) == 3 &&
	   p->slot[1].data == (uint32_t)-3 && p->slot[2].data == UINT32_MAX,
	   "eight bytes take two");
	p->ptrs.rd = XEN_BUFIOREQ_SLOTS + 3;
	p->ptrs.wr = XEN_BUFIOREQ_SLOTS + 3;
	fakeguest_store_mem(g, 0, 0xb8002, 1, 1);
	ok(p->ptrs.rd == 3 && p->ptrs.wr == 4, "both indices rebased together");
	for (unsigned int i = 1; i < XEN_BUFIOREQ_SLOTS; i++)
		fakeguest_store_mem(g, 0, 0xb8000, 1, i);
	is_hex(p->ptrs.wr - p->ptrs.rd, XEN_BUFIOREQ_SLOTS, "full");
	g->timeout_ms = 1;
	fakeguest_store_mem(g, 0, 0xb8000, 1, 1);
	is_hex(hv_ioreq_page(hv)->slot[0].addr, 0xb8000, "then through the slot");
}

/* ---- a successor ---- */

static void test_adopt(void)
{
	uint64_t data;

	up(2);
	fakeguest_post(g, 0, &in_byte);
	take(20);
	hv = hv_open("fake", 7, HV_BROKER);
	is_hex(hv_ioreq_adopt(hv, 1), (uint64_t)-ENOENT, "not that server");
	is_hex(hv_ioreq_adopt(hv, 0), 0, "the predecessor's server");
	hv_ioreq_enable(hv, 2);
	is_hex(take_for(3 | RING), 3 | RING, "every channel pending once more");
	is_hex(hv_ioreq_page(hv)->slot[0].flags & XEN_IOREQ_STATE, XEN_IOREQ_READY,
	       "its request still waits");
	answer(0, 9);
	ok(fakeguest_wait(g, 0, PATIENCE_MS, &data) && data == 9 && !fakeguest_fault(g),
	   "and is answered");
	ok(fakeguest_claims(g, 0, 0x100, 0x100), "ranges are kept");
}

/* ---- several vCPUs at once ---- */

static _Atomic unsigned int wrong_values;

static void *run_vcpu(void *arg)
{
	unsigned int vcpu = (unsigned int)(uintptr_t)arg;

	for (unsigned int i = 0; i < TRIPS; i++) {
		uint32_t want = (0x101 + vcpu) ^ 0x55;

		if (fakeguest_in(g, vcpu, (uint16_t)(0x101 + vcpu), 1) !=
		    (want & 0xff))
			wrong_values++;
	}
	return NULL;
}

static void echo(unsigned int vcpu)
{
	struct xen_ioreq *s = &hv_ioreq_page(hv)->slot[vcpu];

	if ((__atomic_load_n(&s->flags, __ATOMIC_ACQUIRE) & XEN_IOREQ_STATE) !=
	    XEN_IOREQ_READY)
		return;
	set_state(vcpu, XEN_IOREQ_INPROCESS);
	answer(vcpu, (s->addr ^ 0x55) & 0xff);
}

static void test_concurrent(void)
{
	struct pollfd p = { .fd = FAKEGUEST_FDS, .events = POLLIN };
	unsigned int ev[XEN_IOREQ_SLOTS + 1];
	pthread_t vcpu[3];
	int64_t start;

	up(3);
	g->spin_ns = 0;			/* sleep, every time */
	p.fd = hv_ev_fd(hv);
	start = clock_now_ns();
	for (uintptr_t i = 0; i < 3; i++)
		pthread_create(&vcpu[i], NULL, run_vcpu, (void *)i);
	while (__atomic_load_n(&g->round_trips, __ATOMIC_RELAXED) < 3 * TRIPS) {
		hv_ev_unmask(hv, true);
		if (poll(&p, 1, 2000) <= 0)
			break;
		hv_ev_take(hv, ev, XEN_IOREQ_SLOTS + 1);
		for (unsigned int i = 0; i < 3; i++)
			echo(i);
	}
	for (unsigned int i = 0; i < 3; i++)
		pthread_join(vcpu[i], NULL);
	ok(wrong_values == 0 && !fakeguest_fault(g), "%u round trips of 3 vCPUs",
	   3 * TRIPS);
	printf("# %u us each\n", (unsigned int)((clock_now_ns() - start) / 1000 /
						 (3 * TRIPS)));
}

int main(void)
{
	test_server();
	test_channels();
	test_ranges();
	test_lines();
	test_vram();
	test_maps();
	test_faults();
	test_buffered();
	test_adopt();
	test_concurrent();
	fakeguest_free(g);
	return tap_done();
}
