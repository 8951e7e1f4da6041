/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/test_abi.c - our restatement of Xen's layouts against Xen's own
 */
#include <stddef.h>
#include <stdint.h>

#define __XEN_TOOLS__ 1		/* the device-model parts of the headers */
#include <xen/xen.h>
#include <xen/hvm/dm_op.h>
#include <xen/hvm/hvm_op.h>
#include <xen/hvm/ioreq.h>
#include <xen/memory.h>
#include <xen/sched.h>

#include "abi/chan.h"
#include "abi/io_msg.h"
#include "abi/xen_ioreq.h"
#include "hv/hv_impl.h"
#include "tap.h"

#define SAME_FIELD(ours, our, theirs, their)					\
	ok(offsetof(struct ours, our) == offsetof(theirs, their) &&		\
	   sizeof(((struct ours *)0)->our) == sizeof(((theirs *)0)->their),	\
	   #ours "." #our " is where Xen has it")

#define SAME(ours, theirs) is_hex((uint64_t)(ours), (uint64_t)(theirs), #theirs)

/* Bit-fields have no offset: set one, look where it went. */
static uint8_t flags_of(ioreq_t r)
{
	struct xen_ioreq x;

	memcpy(&x, &r, sizeof(x));
	return x.flags;
}

static uint32_t bits_of(buf_ioreq_t b)
{
	struct xen_bufioreq x;

	memcpy(&x, &b, sizeof(x));
	return x.bits;
}

static void test_ioreq(void)
{
	SAME(sizeof(struct xen_ioreq), sizeof(ioreq_t));
	SAME_FIELD(xen_ioreq, addr, ioreq_t, addr);
	SAME_FIELD(xen_ioreq, data, ioreq_t, data);
	SAME_FIELD(xen_ioreq, count, ioreq_t, count);
	SAME_FIELD(xen_ioreq, size, ioreq_t, size);
	SAME_FIELD(xen_ioreq, evtchn, ioreq_t, vp_eport);
	SAME_FIELD(xen_ioreq, type, ioreq_t, type);
	SAME(XEN_IOREQ_STATE, flags_of((ioreq_t){ .state = 0xf }));
	SAME(XEN_IOREQ_DATA_IS_PTR, flags_of((ioreq_t){ .data_is_ptr = 1 }));
	SAME(XEN_IOREQ_READ, flags_of((ioreq_t){ .dir = IOREQ_READ }));
	SAME(XEN_IOREQ_DF, flags_of((ioreq_t){ .df = 1 }));
	SAME(XEN_IOREQ_NONE, STATE_IOREQ_NONE);
	SAME(XEN_IOREQ_READY, STATE_IOREQ_READY);
	SAME(XEN_IOREQ_INPROCESS, STATE_IOREQ_INPROCESS);
	SAME(XEN_IORESP_READY, STATE_IORESP_READY);
	SAME(XEN_IOREQ_TYPE_PIO, IOREQ_TYPE_PIO);
	SAME(XEN_IOREQ_TYPE_COPY, IOREQ_TYPE_COPY);
	SAME(XEN_IOREQ_TYPE_PCI_CONFIG, IOREQ_TYPE_PCI_CONFIG);
	SAME(XEN_IOREQ_TYPE_TIMEOFFSET, IOREQ_TYPE_TIMEOFFSET);
	SAME(XEN_IOREQ_TYPE_INVALIDATE, IOREQ_TYPE_INVALIDATE);
}

static void test_bufioreq(void)
{
	SAME(sizeof(struct xen_bufioreq), sizeof(buf_ioreq_t));
	SAME_FIELD(xen_bufioreq, data, buf_ioreq_t, data);
	SAME(XEN_BUFIOREQ_SLOTS, IOREQ_BUFFER_SLOT_NUM);
	SAME(sizeof(struct xen_bufioreq_page), sizeof(buffered_iopage_t));
	SAME(offsetof(struct xen_bufioreq_page, slot),
	     offsetof(buffered_iopage_t, buf_ioreq));
	SAME(offsetof(union xen_bufioreq_ptrs, rd),
	     offsetof(buffered_iopage_t, read_pointer));
	SAME(offsetof(union xen_bufioreq_ptrs, wr),
	     offsetof(buffered_iopage_t, write_pointer));
	SAME(XEN_BUFIOREQ_TYPE(bits_of((buf_ioreq_t){ .type = 7 })), 7);
	SAME(XEN_BUFIOREQ_READ(bits_of((buf_ioreq_t){ .dir = 1 })), 1);
	SAME(XEN_BUFIOREQ_SIZE(bits_of((buf_ioreq_t){ .size = 3 })), 3);
	SAME(XEN_BUFIOREQ_ADDR(bits_of((buf_ioreq_t){ .addr = 0xfffff })), 0xfffff);
	SAME(XEN_BUFIOREQ_ADDR(bits_of((buf_ioreq_t){ .type = 0xff, .pad = 1,
						      .dir = 1, .size = 3 })), 0);
	SAME(XEN_BUFIOREQ_ATOMIC, HVM_IOREQSRV_BUFIOREQ_ATOMIC);
}

/* Numbers that our spaces and reasons share with Xen's without conversion. */
static void test_numbers(void)
{
	SAME(SPACE_PORT, XEN_DMOP_IO_RANGE_PORT);
	SAME(SPACE_MEMORY, XEN_DMOP_IO_RANGE_MEMORY);
	SAME(SPACE_PCI, XEN_DMOP_IO_RANGE_PCI);
	SAME(CHAN_PIO, XEN_DMOP_IO_RANGE_PORT);
	SAME(CHAN_MMIO, XEN_DMOP_IO_RANGE_MEMORY);
	SAME(CHAN_PCI, XEN_DMOP_IO_RANGE_PCI);
	SAME(IO_SHUTDOWN_POWEROFF, SHUTDOWN_poweroff);
	SAME(IO_SHUTDOWN_REBOOT, SHUTDOWN_reboot);
	/* The order in which map_pages() takes both with one call. */
	SAME(XENMEM_resource_ioreq_server_frame_bufioreq, 0);
	SAME(XENMEM_resource_ioreq_server_frame_ioreq(0), 1);
	/* As they show up in traces of IOCTL_PRIVCMD_DM_OP. */
	SAME(XEN_DMOP_create_ioreq_server, 1);
	SAME(XEN_DMOP_set_isa_irq_level, 9);
	SAME(XEN_DMOP_remote_shutdown, 16);
	SAME(XEN_DMOP_nr_vcpus, 20);
}

int main(void)
{
	test_ioreq();
	test_bufioreq();
	test_numbers();
	return tap_done();
}
