/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hv/fake.h - the in-memory hypervisor: two memfds and a socket
 *
 * One process plays Xen and the guest (tests/lib/fakeguest.h); broker and
 * workers open "fake" instead of "xen" and find at the usual numbers:
 *
 *	FD_HV_MEM	guest memory: low RAM, high RAM, extra frames (VRAM), then
 *			one page struct fake_map that says where each of them is
 *			in the guest.  Broker and workers.
 *	FD_DM		struct fake_machine.  Broker.
 *	FD_EVTCHN	stream socket that carries 32-bit words.  Broker.
 *
 * Words to the broker are ports that went pending, as read() of
 * /dev/xen/evtchn has them.  Words from the broker: a port to look at again
 * (unmasked while pending), or FAKE_NOTIFY | port.
 *
 * A port is pending, masked, both or neither.  Whoever sets pending on one that
 * is not masked masks it, clears pending and sends the word, in one
 * compare-and-swap: exactly one word per delivery, whatever dies in between.
 *
 * Nothing here is locked: the broker may be killed between any two stores.
 * Everything the broker writes and the guest reads is one atomic word, or
 * guarded by one (struct fake_range).
 */
#ifndef HV_FAKE_H
#define HV_FAKE_H

#include <assert.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdint.h>

#include "abi/xen_ioreq.h"

#define FAKE_MAP_MAGIC	0x3150414du	/* "MAP1" */
#define FAKE_MAGIC	0x31434146u	/* "FAC1" */
#define FAKE_VERSION	1u

#define FAKE_4G_GFN	(UINT64_C(1) << (32 - XEN_PAGE_SHIFT))
#define FAKE_EXTRAS	4u		/* runs of frames outside RAM */

/* Last page of guest memory. */
struct fake_map {
	uint32_t magic, version;
	uint64_t low_frames, high_frames;	/* file frames 0.., then high */
	struct {
		_Atomic uint64_t gfn;		/* moved by hv_relocate() */
		uint64_t file_frame;
		uint64_t frames;
	} extra[FAKE_EXTRAS];
};
static_assert(sizeof(struct fake_map) <= XEN_PAGE_SIZE, "one page");

#define FAKE_RANGES	256u		/* Xen's limit, per space */
#define FAKE_SPACES	3u

/* @gen odd: registered.  A reader believes first and last if gen was odd and
   the same before and after. */
struct fake_range {
	_Atomic uint32_t gen;
	uint32_t rsvd;
	_Atomic uint64_t first, last;
};

#define FAKE_PORTS	(XEN_IOREQ_SLOTS + 1)	/* vCPUs, buffered ring */
#define FAKE_PORT0	5u		/* port of vCPU 0; 5 as 0 is invalid */
#define FAKE_PORT_PENDING	0x1u
#define FAKE_PORT_MASKED	0x2u
#define FAKE_PORT_BOUND		0x4u
#define FAKE_NOTIFY	0x80000000u

#define FAKE_MSIS	256u
#define FAKE_DIRTY_FRAMES (128u * 1024u)

/* What the broker did, counted. */
enum fake_op {
	FAKE_OP_RANGE_MAP, FAKE_OP_RANGE_UNMAP, FAKE_OP_ISA, FAKE_OP_INTX,
	FAKE_OP_MSI, FAKE_OP_LINK, FAKE_OP_MEM_TYPE, FAKE_OP_SHUTDOWN,
	FAKE_OP_RELOCATE, FAKE_OP_PIN_WB, FAKE_OP_DIRTY, FAKE_OP_MODIFIED,
	FAKE_OP_NOTIFY, FAKE_OP_EV_READ, FAKE_OP_EV_WRITE,
	FAKE_OP_REFUSED,		/* answered with an error */
	FAKE_OP_COUNT
};

struct fake_machine {
	uint32_t magic, version;
	uint64_t size_bytes;
	uint32_t domid, vcpus;

	/* Written by the broker through hv/hv_fake.c. */
	alignas(64) _Atomic uint32_t server;	/* 0: none, else id + 1 */
	_Atomic uint32_t enabled;
	_Atomic uint32_t restricted;
	_Atomic uint32_t servers_made, servers_destroyed;
	_Atomic uint32_t invalidate_due;	/* the next hypercall sends one */
	_Atomic uint32_t shut_down;		/* 0: no, else reason + 1 */
	_Atomic uint32_t shut_down_slots;	/* vCPUs not yet answered then */
	_Atomic uint64_t op[FAKE_OP_COUNT];
	_Atomic uint32_t die_in;		/* 0: never; the operation before
						   which the broker dies, from
						   1; set by the test */

	_Atomic uint32_t isa_level;		/* bit per line */
	_Atomic uint32_t isa_rises[16], isa_sets[16];
	_Atomic uint32_t intx_level[32];	/* [device], bit per pin */
	_Atomic uint32_t intx_rises[32];
	_Atomic uint32_t link[4];		/* ISA line or 0 */
	struct {
		_Atomic uint64_t addr;
		_Atomic uint32_t data;
	} msi[FAKE_MSIS];			/* [i % FAKE_MSIS], i < op[MSI] */
	_Atomic uint32_t rom_locked;		/* frames 0xc0-0xff */
	_Atomic uint64_t pin_gfn, pin_frames;	/* write-back; frames 0: none */
	_Atomic uint64_t dirty_gfn, dirty_frames; /* tracked; 0: off */
	_Atomic uint64_t modified_frames;	/* told by hv_modified() */
	_Atomic uint64_t modified_gfn;		/* ... first frame, last time */
	struct fake_range range[FAKE_SPACES][FAKE_RANGES];

	/* Both sides, by compare-and-swap. */
	alignas(64) _Atomic uint32_t port[FAKE_PORTS];

	/* Guest side. */
	alignas(64) _Atomic uint32_t vcpu_sleeps[XEN_IOREQ_SLOTS];
	_Atomic uint8_t dirty[FAKE_DIRTY_FRAMES / 8];	/* by tracked index;
						broker takes by exchange */

	alignas(4096) struct xen_ioreq_page ioreq;
	struct xen_bufioreq_page bufioreq;
};

#endif /* HV_FAKE_H */
