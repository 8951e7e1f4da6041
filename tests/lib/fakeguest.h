/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/lib/fakeguest.h - Xen and a guest in the test's own process
 *
 * The other side of hv/fake.h: makes guest memory and the machine, plays Xen
 * (selection of ranges, ioreq slots, the buffered ring, event channels) and
 * the guest's vCPUs.  A vCPU is whichever thread calls with its number; each
 * number by one thread at a time, different numbers at once.
 *
 * Xen is strict here: whatever would crash a real domain, be logged by a real
 * hypervisor, or leave a vCPU without an answer is a fault.  The first one is
 * kept as text; after it, accesses read as ones.
 *
 *	struct fakeguest *g = fakeguest_new(&(struct fakeguest_conf){
 *		.vcpus = 2, .low_bytes = 16 << 20 });
 *	... a broker gets g->mem_fd, g->machine_fd, g->broker_evt_fd ...
 *	is_hex(fakeguest_in(g, 0, 0x3ff, 1), 0x5a, "scratch");
 *	ok(!fakeguest_fault(g), "%s", fakeguest_fault(g));
 */
#ifndef TESTS_LIB_FAKEGUEST_H
#define TESTS_LIB_FAKEGUEST_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/xen_ioreq.h"
#include "hv/fake.h"

#define FAKEGUEST_FDS	100	/* our descriptors are this or higher */

struct fakeguest_conf {
	uint32_t domid;			/* 0: 7 */
	unsigned int vcpus;		/* 0: 1 */
	uint64_t low_bytes, high_bytes;	/* guest RAM; 0: 16 MiB and none */
	uint64_t vram_gfn, vram_frames;	/* 0: none */
};

struct fakeguest_vcpu {
	bool pending;			/* posted, not yet answered */
	uint8_t seen;			/* last state of the slot */
	int wake_fd;			/* eventfd: notified while asleep */
	struct xen_ioreq sent;
};

struct fakeguest {
	struct fakeguest_conf conf;
	int mem_fd, machine_fd;		/* for FD_HV_MEM, FD_DM */
	int broker_evt_fd;		/* for FD_EVTCHN */
	struct fake_machine *m;		/* look, do not touch */
	int timeout_ms;			/* of every wait; PATIENCE_MS */
	int64_t spin_ns;		/* look this long before sleeping */
	uint64_t round_trips, unclaimed, buffered, ring_full;

	/* Private. */
	struct fake_map *map;
	uint8_t *mem;			/* all of mem_fd */
	size_t mem_bytes;
	int evt_fd;
	pthread_t pump;
	pthread_mutex_t lock;		/* buffered ring, fault text */
	char fault[160];
	bool faulted;
	_Atomic uint32_t cf8;
	_Atomic uint32_t cmos_index;
	struct fakeguest_vcpu vcpu[XEN_IOREQ_SLOTS];
};

/* Ends the program if the machine cannot be made. */
struct fakeguest *fakeguest_new(const struct fakeguest_conf *conf);
void fakeguest_free(struct fakeguest *g);
/* For a test that is the broker itself: put the descriptors where
   hv_open("fake") looks for them. */
void fakeguest_take_fds(struct fakeguest *g);

/* NULL, or what Xen would have crashed the domain for (a timeout counts). */
const char *fakeguest_fault(struct fakeguest *g);

/* ---- memory ---- */

/* Guest memory at @gpa, or NULL.  Consecutive up to the end of its run. */
uint8_t *fakeguest_ram(struct fakeguest *g, uint64_t gpa);
/* Where VRAM is now; whoever starts may not believe it for long. */
uint64_t fakeguest_vram_gfn(struct fakeguest *g);
/* As the guest stores: marks tracked frames dirty. */
void fakeguest_store(struct fakeguest *g, uint64_t gpa, const void *buf, size_t len);

/* ---- one access, as Xen carries it out ---- */

uint32_t fakeguest_in(struct fakeguest *g, unsigned int vcpu, uint16_t port,
		      unsigned int size);
void fakeguest_out(struct fakeguest *g, unsigned int vcpu, uint16_t port,
		   unsigned int size, uint32_t val);
/* rep ins and outs: @count items at @gpa, descending if @down.  Cut at page
   ends as Xen does. */
void fakeguest_ins(struct fakeguest *g, unsigned int vcpu, uint16_t port,
		   unsigned int size, unsigned int count, uint64_t gpa, bool down);
void fakeguest_outs(struct fakeguest *g, unsigned int vcpu, uint16_t port,
		    unsigned int size, unsigned int count, uint64_t gpa, bool down);
/* Configuration space through 0xcf8 and 0xcfc. */
uint32_t fakeguest_cfg_read(struct fakeguest *g, unsigned int vcpu,
			    unsigned int devfn, unsigned int reg, unsigned int size);
void fakeguest_cfg_write(struct fakeguest *g, unsigned int vcpu,
			 unsigned int devfn, unsigned int reg, unsigned int size,
			 uint32_t val);
/* Memory: RAM directly, single writes to 0xa0000-0xbffff through the buffered
   ring, all else through the slot. */
uint64_t fakeguest_load_mem(struct fakeguest *g, unsigned int vcpu, uint64_t gpa,
			    unsigned int size);
void fakeguest_store_mem(struct fakeguest *g, unsigned int vcpu, uint64_t gpa,
			 unsigned int size, uint64_t val);
/* rep stos to, rep movs from and to a memory window. */
void fakeguest_stos(struct fakeguest *g, unsigned int vcpu, uint64_t gpa,
		    unsigned int size, unsigned int count, uint64_t val, bool down);
void fakeguest_movs(struct fakeguest *g, unsigned int vcpu, uint64_t window_gpa,
		    uint64_t ram_gpa, bool to_window, unsigned int size,
		    unsigned int count, bool down);
/* The guest set its clock: an 8-byte entry of the buffered ring. */
void fakeguest_timeoffset(struct fakeguest *g, unsigned int vcpu, int64_t delta_s);
/* Any hypercall: sends INVALIDATE if memory moved since the last one. */
void fakeguest_hypercall(struct fakeguest *g, unsigned int vcpu);
void fakeguest_invalidate(struct fakeguest *g, unsigned int vcpu);

/* ---- the two halves of an access ---- */

/* False: nobody claims it.  No cutting, no cf8, no latch. */
bool fakeguest_post(struct fakeguest *g, unsigned int vcpu,
		    const struct xen_ioreq *r);
/* True: answered, *data is what a read gives.  False after @timeout_ms; it may
   be called again. */
bool fakeguest_wait(struct fakeguest *g, unsigned int vcpu, int timeout_ms,
		    uint64_t *data);

/* ---- what the broker did ---- */

bool fakeguest_claims(struct fakeguest *g, unsigned int space, uint64_t first,
		      uint64_t last);
unsigned int fakeguest_range_count(struct fakeguest *g, unsigned int space);
bool fakeguest_isa(struct fakeguest *g, unsigned int line);
bool fakeguest_intx(struct fakeguest *g, unsigned int dev, unsigned int pin);
/* -1, or the reason. */
int fakeguest_shutdown_reason(struct fakeguest *g);
uint64_t fakeguest_ops(struct fakeguest *g, enum fake_op op);
/* Wait until the line has this level. */
bool fakeguest_until_isa(struct fakeguest *g, unsigned int line, bool level,
			 int timeout_ms);

#endif /* TESTS_LIB_FAKEGUEST_H */
