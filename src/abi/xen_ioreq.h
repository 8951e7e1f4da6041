/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * abi/xen_ioreq.h - Xen's ioreq and buffered-ioreq pages, without bit-fields
 *
 * Source: xen/include/public/hvm/ioreq.h.  tests/unit/test_abi compares with
 * that header where it is installed.  Types only, no functions.
 */
#ifndef ABI_XEN_IOREQ_H
#define ABI_XEN_IOREQ_H

#include <assert.h>
#include <stdint.h>

#define XEN_PAGE_SIZE		4096u
#define XEN_PAGE_SHIFT		12

/* One vCPU's slot.  Written by Xen while NONE or IORESP_READY, by us else. */
struct xen_ioreq {
	uint64_t addr;		/* port, guest physical address, SBDF<<32|reg */
	uint64_t data;		/* value, or guest physical address of values */
	uint32_t count;		/* items */
	uint32_t size;		/* bytes an item: 1, 2, 4, 8 */
	uint32_t evtchn;	/* guest-side event channel of this vCPU */
	uint16_t pad;
	uint8_t flags;		/* XEN_IOREQ_* */
	uint8_t type;		/* XEN_IOREQ_TYPE_* */
};

#define XEN_IOREQ_STATE		0x0f
#define XEN_IOREQ_DATA_IS_PTR	0x10
#define XEN_IOREQ_READ		0x20	/* set: the guest reads */
#define XEN_IOREQ_DF		0x40	/* set: items descend */

enum xen_ioreq_state {
	XEN_IOREQ_NONE = 0,		/* idle; Xen may fill the slot */
	XEN_IOREQ_READY = 1,		/* Xen filled it; ours to take */
	XEN_IOREQ_INPROCESS = 2,	/* we took it */
	XEN_IORESP_READY = 3,		/* we answered; Xen makes it NONE */
};

enum xen_ioreq_type {
	XEN_IOREQ_TYPE_PIO = 0,
	XEN_IOREQ_TYPE_COPY = 1,	/* MMIO */
	XEN_IOREQ_TYPE_PCI_CONFIG = 2,
	XEN_IOREQ_TYPE_TIMEOFFSET = 7,
	XEN_IOREQ_TYPE_INVALIDATE = 8,
};

#define XEN_IOREQ_SLOTS		128u	/* vCPUs a page serves */

struct xen_ioreq_page {
	struct xen_ioreq slot[XEN_IOREQ_SLOTS];
};

#define XEN_BUFIOREQ_ATOMIC	2	/* mode: Xen rebases the pair by cmpxchg */
#define XEN_BUFIOREQ_SLOTS	511u

struct xen_bufioreq {
	uint32_t bits;		/* type:8, pad:1, dir:1, size:2, addr:20 */
	uint32_t data;
};

#define XEN_BUFIOREQ_TYPE(b)	((b) & 0xffu)
#define XEN_BUFIOREQ_READ(b)	(((b) >> 9) & 1u)
#define XEN_BUFIOREQ_SIZE(b)	(((b) >> 10) & 3u)	/* log2 bytes */
#define XEN_BUFIOREQ_ADDR(b)	((b) >> 12)

union xen_bufioreq_ptrs {
	uint64_t both;
	struct {
		uint32_t rd;	/* ours; Xen rebases it, so only ever add */
		uint32_t wr;	/* Xen's */
	};
};

struct xen_bufioreq_page {
	union xen_bufioreq_ptrs ptrs;
	struct xen_bufioreq slot[XEN_BUFIOREQ_SLOTS];
};

static_assert(sizeof(struct xen_ioreq) == 32, "one ioreq in 32 bytes");
static_assert(sizeof(struct xen_ioreq_page) == XEN_PAGE_SIZE, "one page");
static_assert(sizeof(struct xen_bufioreq_page) == XEN_PAGE_SIZE, "one page");

#endif /* ABI_XEN_IOREQ_H */
