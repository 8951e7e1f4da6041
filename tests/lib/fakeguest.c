/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/lib/fakeguest.c - the guest: instructions, and how Xen cuts them up
 *
 * Runs in the test.  What Xen emulates itself (interrupt controllers, timer,
 * clock, power-management timer) reads as 0 here and never reaches the broker,
 * as on Xen.
 */
#include "fakeguest.h"

#include <sched.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/le.h"
#include "fakexen.h"

#define CF8		0xcf8u
#define CFC		0xcfcu
#define CF8_ENABLED	0x80000000u
#define RTC_BYTES	14u		/* CMOS bytes that are Xen's */
#define VGA_FIRST	0xa0000u
#define VGA_LAST	0xbffffu
#define REPS_MAX	4096u

/* ---- memory ---- */

uint8_t *fakeguest_ram(struct fakeguest *g, uint64_t gpa)
{
	uint64_t gfn = gpa >> XEN_PAGE_SHIFT, off = gpa & (XEN_PAGE_SIZE - 1);

	if (gfn < g->map->low_frames)
		return gpa >= VGA_FIRST && gpa <= VGA_LAST ? NULL : g->mem + gpa;
	if (gfn >= FAKE_4G_GFN && gfn - FAKE_4G_GFN < g->map->high_frames)
		return g->mem + (g->map->low_frames + gfn - FAKE_4G_GFN) *
				XEN_PAGE_SIZE + off;
	for (unsigned int i = 0; i < FAKE_EXTRAS; i++) {
		uint64_t at = atomic_load(&g->map->extra[i].gfn);

		if (gfn >= at && gfn - at < g->map->extra[i].frames)
			return g->mem + (g->map->extra[i].file_frame + gfn - at) *
					XEN_PAGE_SIZE + off;
	}
	return NULL;
}

static void mark_dirty(struct fakeguest *g, uint64_t gpa)
{
	uint64_t n = (gpa >> XEN_PAGE_SHIFT) - atomic_load(&g->m->dirty_gfn);

	if (n < atomic_load(&g->m->dirty_frames))
		atomic_fetch_or(&g->m->dirty[n / 8], (uint8_t)(1u << n % 8));
}

uint64_t fakeguest_vram_gfn(struct fakeguest *g)
{
	return atomic_load(&g->map->extra[0].gfn);
}

void fakeguest_store(struct fakeguest *g, uint64_t gpa, const void *buf, size_t len)
{
	for (size_t done = 0; done < len; ) {
		uint64_t at = gpa + done;
		size_t part = XEN_PAGE_SIZE - (at & (XEN_PAGE_SIZE - 1));
		uint8_t *to = fakeguest_ram(g, at);
		bool locked = atomic_load(&g->m->rom_locked) &&
			      at >= 0xc0000 && at <= 0xfffff;

		if (part > len - done)
			part = len - done;
		if (to && !locked) {
			memcpy(to, (const uint8_t *)buf + done, part);
			mark_dirty(g, at);
		}
		done += part;
	}
}

static void fetch(struct fakeguest *g, uint64_t gpa, void *buf, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		const uint8_t *from = fakeguest_ram(g, gpa + i);

		((uint8_t *)buf)[i] = from ? *from : 0xff;
	}
}

/* ---- one request ---- */

/* Value of a read; all ones where nobody answers. */
static uint64_t carry_out(struct fakeguest *g, unsigned int vcpu,
			  const struct xen_ioreq *r)
{
	uint64_t data;

	if (!fakeguest_post(g, vcpu, r))
		return UINT64_MAX;
	if (!fakeguest_wait(g, vcpu, g->timeout_ms, &data))
		fakexen_fault(g, "no answer: vCPU %u type %u addr 0x%llx size %u",
			      vcpu, r->type, (unsigned long long)r->addr, r->size);
	return data;
}

static uint64_t plain(struct fakeguest *g, unsigned int vcpu, uint8_t type,
		      uint64_t addr, unsigned int size, bool read, uint64_t val)
{
	struct xen_ioreq r = { .addr = addr, .data = read ? 0 : val, .count = 1,
			       .size = size, .type = type,
			       .flags = read ? XEN_IOREQ_READ : 0 };

	return carry_out(g, vcpu, &r) & le_mask(size);
}

/* ---- ports ---- */

/* Emulated by Xen 4.17 itself. */
static bool is_xens(uint32_t port)
{
	return port == 0x20 || port == 0x21 || port == 0xa0 || port == 0xa1 ||
	       (port >= 0x40 && port <= 0x43) || port == 0x61 || port == 0xe9 ||
	       port == 0x4d0 || port == 0x4d1 ||
	       (port >= 0xb000 && port <= 0xb003) ||
	       (port >= 0xb008 && port <= 0xb00b);
}

/* The clock's bytes are Xen's, the rest of CMOS is not. */
static bool is_xens_cmos(struct fakeguest *g, uint16_t port, bool read, uint32_t val)
{
	if (port == 0x70 && !read) {
		atomic_store(&g->cmos_index, val & 0x7f);
		return (val & 0xff) < RTC_BYTES;
	}
	return port == 0x71 && atomic_load(&g->cmos_index) < RTC_BYTES;
}

/* An access to 0xcfc-0xcff with the latch enabled goes to a function. */
static bool to_config(struct fakeguest *g, uint16_t port, uint64_t *addr)
{
	uint32_t cf8 = atomic_load(&g->cf8);

	if ((port & ~3u) != CFC || !(cf8 & CF8_ENABLED))
		return false;
	*addr = (uint64_t)(cf8 >> 8 & 0xffff) << 32 | (cf8 & 0xfc) | (port & 3);
	return true;
}

static uint32_t port_access(struct fakeguest *g, unsigned int vcpu, uint16_t port,
			    unsigned int size, bool read, uint32_t val)
{
	uint64_t addr;

	if (is_xens(port) || is_xens_cmos(g, port, read, val))
		return 0;
	if (port == CF8 && size == 4 && !read)
		atomic_store(&g->cf8, val);
	if (to_config(g, port, &addr))
		return (uint32_t)plain(g, vcpu, XEN_IOREQ_TYPE_PCI_CONFIG, addr,
				       size, read, val);
	return (uint32_t)plain(g, vcpu, XEN_IOREQ_TYPE_PIO, port, size, read, val);
}

uint32_t fakeguest_in(struct fakeguest *g, unsigned int vcpu, uint16_t port,
		      unsigned int size)
{
	return port_access(g, vcpu, port, size, true, 0);
}

void fakeguest_out(struct fakeguest *g, unsigned int vcpu, uint16_t port,
		   unsigned int size, uint32_t val)
{
	port_access(g, vcpu, port, size, false, val);
}

uint32_t fakeguest_cfg_read(struct fakeguest *g, unsigned int vcpu,
			    unsigned int devfn, unsigned int reg, unsigned int size)
{
	fakeguest_out(g, vcpu, CF8, 4, CF8_ENABLED | devfn << 8 | (reg & 0xfc));
	return fakeguest_in(g, vcpu, (uint16_t)(CFC + (reg & 3)), size);
}

void fakeguest_cfg_write(struct fakeguest *g, unsigned int vcpu,
			 unsigned int devfn, unsigned int reg, unsigned int size,
			 uint32_t val)
{
	fakeguest_out(g, vcpu, CF8, 4, CF8_ENABLED | devfn << 8 | (reg & 0xfc));
	fakeguest_out(g, vcpu, (uint16_t)(CFC + (reg & 3)), size, val);
}

/* ---- strings ---- */

/* Items from @gpa on that lie in its page; 1 if the first one leaves it. */
static unsigned int items_in_page(uint64_t gpa, unsigned int size,
				  unsigned int count, bool down)
{
	unsigned int off = (unsigned int)(gpa & (XEN_PAGE_SIZE - 1));
	unsigned int n = down ? off / size + 1 : (XEN_PAGE_SIZE - off) / size;

	if (off + size > XEN_PAGE_SIZE || n == 0)
		return 1;
	return n < count ? n : count;
}

static void unclaimed_string(struct fakeguest *g, const struct xen_ioreq *r)
{
	uint64_t ones = UINT64_MAX;

	if (!(r->flags & XEN_IOREQ_READ))
		return;
	for (uint32_t i = 0; i < r->count; i++) {
		uint64_t step = (uint64_t)i * r->size;

		fakeguest_store(g, r->flags & XEN_IOREQ_DF ? r->data - step
							   : r->data + step,
				&ones, r->size);
	}
}

/* One string operation between @addr (a port, or a window) and RAM. */
static void string(struct fakeguest *g, unsigned int vcpu, uint8_t type,
		   uint64_t addr, uint64_t gpa, bool read, unsigned int size,
		   unsigned int count, bool down)
{
	while (count) {
		unsigned int n = items_in_page(gpa, size, count, down);
		struct xen_ioreq r = { .addr = addr, .data = gpa, .size = size,
				       .type = type,
				       .flags = XEN_IOREQ_DATA_IS_PTR };
		uint64_t step;

		if (type == XEN_IOREQ_TYPE_COPY)
			n = items_in_page(addr, size, n, down);
		if (n > REPS_MAX)
			n = REPS_MAX;
		r.count = n;
		r.flags |= (uint8_t)((read ? XEN_IOREQ_READ : 0) |
				     (down ? XEN_IOREQ_DF : 0));
		if (fakexen_claims(g, &r))
			carry_out(g, vcpu, &r);
		else
			unclaimed_string(g, &r);
		step = (uint64_t)n * size;
		gpa = down ? gpa - step : gpa + step;
		if (type == XEN_IOREQ_TYPE_COPY)
			addr = down ? addr - step : addr + step;
		count -= n;
	}
}

void fakeguest_ins(struct fakeguest *g, unsigned int vcpu, uint16_t port,
		   unsigned int size, unsigned int count, uint64_t gpa, bool down)
{
	string(g, vcpu, XEN_IOREQ_TYPE_PIO, port, gpa, true, size, count, down);
}

void fakeguest_outs(struct fakeguest *g, unsigned int vcpu, uint16_t port,
		    unsigned int size, unsigned int count, uint64_t gpa, bool down)
{
	string(g, vcpu, XEN_IOREQ_TYPE_PIO, port, gpa, false, size, count, down);
}

void fakeguest_movs(struct fakeguest *g, unsigned int vcpu, uint64_t window_gpa,
		    uint64_t ram_gpa, bool to_window, unsigned int size,
		    unsigned int count, bool down)
{
	string(g, vcpu, XEN_IOREQ_TYPE_COPY, window_gpa, ram_gpa, !to_window, size,
	       count, down);
}

/* ---- memory windows ---- */

static bool in_vga(uint64_t gpa, unsigned int size)
{
	return gpa >= VGA_FIRST && gpa + size - 1 <= VGA_LAST;
}

uint64_t fakeguest_load_mem(struct fakeguest *g, unsigned int vcpu, uint64_t gpa,
			    unsigned int size)
{
	uint64_t val = 0;

	if (!fakeguest_ram(g, gpa))
		return plain(g, vcpu, XEN_IOREQ_TYPE_COPY, gpa, size, true, 0);
	fetch(g, gpa, &val, size);
	return val;
}

void fakeguest_store_mem(struct fakeguest *g, unsigned int vcpu, uint64_t gpa,
			 unsigned int size, uint64_t val)
{
	if (fakeguest_ram(g, gpa)) {
		fakeguest_store(g, gpa, &val, size);
		return;
	}
	if (in_vga(gpa, size) &&
	    fakexen_buffer(g, XEN_IOREQ_TYPE_COPY, gpa, size, val))
		return;
	plain(g, vcpu, XEN_IOREQ_TYPE_COPY, gpa, size, false, val);
}

void fakeguest_stos(struct fakeguest *g, unsigned int vcpu, uint64_t gpa,
		    unsigned int size, unsigned int count, uint64_t val, bool down)
{
	while (count) {
		unsigned int n = items_in_page(gpa, size, count, down);
		struct xen_ioreq r = { .addr = gpa, .data = val, .count = n,
				       .size = size, .type = XEN_IOREQ_TYPE_COPY,
				       .flags = down ? XEN_IOREQ_DF : 0 };

		carry_out(g, vcpu, &r);
		gpa = down ? gpa - (uint64_t)n * size : gpa + (uint64_t)n * size;
		count -= n;
	}
}

void fakeguest_timeoffset(struct fakeguest *g, unsigned int vcpu, int64_t delta_s)
{
	struct xen_ioreq r = { .data = (uint64_t)delta_s, .count = 1, .size = 8,
			       .type = XEN_IOREQ_TYPE_TIMEOFFSET };
	uint64_t data;

	if (fakexen_buffer(g, r.type, 0, 8, (uint64_t)delta_s))
		return;
	if (fakexen_send(g, vcpu, &r))
		fakeguest_wait(g, vcpu, g->timeout_ms, &data);
}

/* ---- hypercalls ---- */

void fakeguest_invalidate(struct fakeguest *g, unsigned int vcpu)
{
	struct xen_ioreq r = { .data = UINT64_MAX, .count = 1, .size = 4,
			       .type = XEN_IOREQ_TYPE_INVALIDATE };
	uint64_t data;

	atomic_store(&g->m->invalidate_due, 0);
	if (!atomic_load(&g->m->enabled) || fakeguest_fault(g) ||
	    !fakexen_send(g, vcpu, &r))
		return;
	if (!fakeguest_wait(g, vcpu, g->timeout_ms, &data))
		fakexen_fault(g, "no answer to INVALIDATE: vCPU %u", vcpu);
}

void fakeguest_hypercall(struct fakeguest *g, unsigned int vcpu)
{
	if (atomic_load(&g->m->invalidate_due))
		fakeguest_invalidate(g, vcpu);
}

/* ---- what the broker did ---- */

bool fakeguest_isa(struct fakeguest *g, unsigned int line)
{
	return atomic_load(&g->m->isa_level) >> line & 1;
}

bool fakeguest_intx(struct fakeguest *g, unsigned int dev, unsigned int pin)
{
	return atomic_load(&g->m->intx_level[dev]) >> pin & 1;
}

int fakeguest_shutdown_reason(struct fakeguest *g)
{
	return (int)atomic_load(&g->m->shut_down) - 1;
}

uint64_t fakeguest_ops(struct fakeguest *g, enum fake_op op)
{
	return atomic_load(&g->m->op[op]);
}

bool fakeguest_until_isa(struct fakeguest *g, unsigned int line, bool level,
			 int timeout_ms)
{
	int64_t until = clock_now_ns() + timeout_ms * NS_PER_MS;

	while (fakeguest_isa(g, line) != level) {
		struct timespec nap = { 0, 200 * NS_PER_US };

		if (clock_now_ns() > until)
			return false;
		nanosleep(&nap, NULL);
	}
	return true;
}
