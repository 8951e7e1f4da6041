/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/lib/busrig.c - a bus without a worker around it, for model tests
 */
#include "tests/lib/busrig.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "bus/restore.h"

#define PAGE	4096u
#define TURNS_MAX 10000u	/* a device that never ends is seen as a long test */

static void host_say(void *ctx, const struct io_msg *m)
{
	struct rig *r = ctx;

	r->said[r->said_count++ % RIG_SAID] = *m;
	if (m->kind == ANS_ISA_IRQ && m->addr < 16) {
		r->isa_rises[m->addr] += m->data && !r->isa[m->addr];
		r->isa[m->addr] = m->data != 0;
	} else if (m->kind == ANS_PCI_INTX && m->addr < sizeof(r->intx)) {
		r->intx[m->addr] = m->data != 0;
	}
}

static void host_wake_at(void *ctx, int64_t deadline_ns)
{
	struct rig *r = ctx;

	r->wake_ns = deadline_ns;
}

static int64_t host_now_ns(void *ctx)
{
	struct rig *r = ctx;

	return r->now_ns;
}

static bool dma_copy(void *ctx, uint64_t gpa, void *buf, size_t len_bytes,
		     bool to_guest)
{
	struct rig *r = ctx;
	size_t in = gpa < r->ram_bytes ? r->ram_bytes - gpa : 0;

	if (in > len_bytes)
		in = len_bytes;
	if (to_guest) {
		memcpy(r->ram + (in ? gpa : 0), buf, in);
		r->dma_writes++;
	} else {
		memcpy(buf, r->ram + (in ? gpa : 0), in);
		memset((uint8_t *)buf + in, 0xff, len_bytes - in);
	}
	return in == len_bytes;
}

static uint8_t sink[PAGE];		/* writes outside RAM */
static const uint8_t ones[PAGE] = { [0 ... PAGE - 1] = 0xff };

/* One page's part of a segment; bytes outside RAM get a page of their own. */
static struct iovec map_page(struct rig *r, uint64_t gpa, size_t len_bytes,
			     bool to_guest)
{
	struct iovec v = { .iov_len = len_bytes };

	if (gpa < r->ram_bytes && r->ram_bytes - gpa >= len_bytes)
		v.iov_base = r->ram + gpa;
	else
		v.iov_base = to_guest ? sink : (void *)(uintptr_t)ones;
	return v;
}

static int dma_map_ram(void *ctx, struct dma_map *m, const struct dma_seg *seg,
		       unsigned int seg_count, bool to_guest,
		       struct iovec *iov, unsigned int iov_max)
{
	struct rig *r = ctx;
	unsigned int n = 0;

	m->to_guest = to_guest;
	m->count = 0;
	r->dma_maps++;
	for (unsigned int i = 0; i < seg_count; i++) {
		uint64_t gpa = seg[i].gpa;
		uint32_t left = seg[i].len_bytes;

		while (left) {
			uint32_t part = PAGE - (uint32_t)(gpa % PAGE);

			if (part > left)
				part = left;
			if (n == iov_max || m->count == DMA_MAP_FRAMES)
				return -EINVAL;
			iov[n++] = map_page(r, gpa, part, to_guest);
			m->gfn[m->count++] = gpa / PAGE;
			gpa += part;
			left -= part;
		}
	}
	r->mapped_frames += m->count;
	r->dma_writes += to_guest;
	return (int)n;
}

static void dma_unmap_ram(void *ctx, struct dma_map *m)
{
	struct rig *r = ctx;

	r->mapped_frames -= m->count;
	m->count = 0;
}

static const struct bus_dma_ops dma_ops = {
	.copy = dma_copy, .map = dma_map_ram, .unmap = dma_unmap_ram,
};

static void *take_zeroed(size_t bytes, size_t align)
{
	void *p = aligned_alloc(align, (bytes + align - 1) / align * align);

	if (!p)
		abort();
	memset(p, 0, bytes);
	return p;
}

static void start_bus(struct rig *r)
{
	r->host = (struct bus_host){
		.ctx = r, .say = host_say, .wake_at = host_wake_at,
		.now_ns = host_now_ns, .dma = r->ram ? &dma_ops : NULL,
	};
	r->wake_ns = INT64_MAX;
	memset(&r->bus, 0, sizeof(r->bus));
	bus_init(&r->bus, &r->host, r->chan, r->state);
}

static void make_chan(struct rig *r)
{
	r->chan = take_zeroed(sizeof(*r->chan), 4096);
	r->chan->magic = CHAN_MAGIC;
	r->chan->version = CHAN_VERSION;
	r->chan->size_bytes = sizeof(*r->chan);
}

void rig_init(struct rig *r, size_t ram_bytes)
{
	rig_free(r);
	memset(r, 0, sizeof(*r));
	make_chan(r);
	r->state = take_zeroed(sizeof(*r->state), 4096);
	r->state->magic = STATE_MAGIC;
	r->state->version = STATE_VERSION;
	r->state->size_bytes = sizeof(*r->state);
	if (ram_bytes)
		r->ram = take_zeroed(ram_bytes, PAGE);
	r->ram_bytes = ram_bytes;
	r->now_ns = NS_PER_S;
	start_bus(r);
}

void rig_successor(struct rig *r)
{
	free(r->chan);
	make_chan(r);
	r->waits = false;
	r->mapped_frames = 0;
	start_bus(r);
}

void rig_free(struct rig *r)
{
	free(r->chan);
	free(r->state);
	free(r->ram);
	r->chan = NULL;
	r->state = NULL;
	r->ram = NULL;
}

void rig_close(struct rig *r)
{
	struct bus_left left;

	r->took_over = bus_take_over(&r->bus, &left);
	bus_close(&r->bus, r->seq, 0);
	if (!r->took_over)
		return;
	bus_resume_devs(&r->bus);
	rig_settle(r);
}

unsigned int rig_win(struct rig *r, enum chan_space space, uint64_t addr,
		     unsigned int size)
{
	for (unsigned int i = 0; i < r->bus.win_count; i++) {
		const struct bus_win *w = &r->bus.win[i];

		if (w->mapped && w->space == space && addr >= w->base &&
		    addr - w->base + size <= w->len)
			return i;
	}
	return IO_NO_WIN;
}

bool rig_turn(struct rig *r)
{
	if (!bus_turns_wait(&r->bus))
		return false;
	bus_run_turns(&r->bus);
	if (r->bus.dirty)
		bus_settle(&r->bus, r->seq, 0);
	return true;
}

void rig_settle(struct rig *r)
{
	bus_settle(&r->bus, r->seq, 0);
	if (r->waits && r->bus.resumed) {
		r->bus.resumed = false;
		r->waits = bus_is_deferred(&r->bus);
		r->value = r->bus.resume_value;
		r->seq += !r->waits;
		bus_settle(&r->bus, r->seq, 0);
	}
	for (unsigned int n = 0; n < TURNS_MAX && !r->hold_turns; n++)
		if (!rig_turn(r))
			break;
}

/* After anything the broker may ask: the answer, now or once it is there. */
static void end_request(struct rig *r)
{
	if (r->bus.resumed) {
		r->bus.resumed = false;
		r->value = r->bus.resume_value;
	}
	r->waits = bus_is_deferred(&r->bus);
	if (!r->waits)
		r->seq++;
	rig_settle(r);
}

void rig_unplug(struct rig *r, uint32_t mask)
{
	r->value = 0;
	bus_call_unplug(&r->bus, mask);
	end_request(r);
}

void rig_pause(struct rig *r)
{
	r->value = 0;
	bus_call_pause(&r->bus, true);
	end_request(r);
}

void rig_reply(struct rig *r, uint64_t data)
{
	r->value = 0;
	bus_call_reply(&r->bus, data);
	end_request(r);
}

static uint64_t send(struct rig *r, const struct io_msg *m, void *data)
{
	r->value = bus_access(&r->bus, m, data);
	end_request(r);
	return r->value;
}

uint64_t rig_access(struct rig *r, enum chan_space space, uint64_t addr,
		    unsigned int size, unsigned int count, unsigned int io_flags,
		    uint64_t val, void *buf)
{
	unsigned int win = rig_win(r, space, addr, size);
	struct io_msg m = {
		.seq = r->seq, .kind = IO_ACCESS, .size = (uint8_t)size,
		.flags = (uint8_t)(io_flags | (buf ? IO_DATA : 0)),
		.addr = addr, .data = val, .count = count, .win = (uint16_t)win,
	};

	if (win == IO_NO_WIN || r->waits) {
		r->misses++;
		if (buf && !(io_flags & IO_WRITE))
			memset(buf, 0xff, size * count);
		return UINT64_MAX;
	}
	if (buf && (io_flags & IO_WRITE))
		memcpy(r->data, buf, size * count);
	send(r, &m, buf ? r->data : NULL);
	if (buf && !(io_flags & IO_WRITE))
		memcpy(buf, r->data, size * count);
	return r->value;
}

void rig_advance(struct rig *r, int64_t by_ns)
{
	r->now_ns += by_ns;
	bus_run_timers(&r->bus);
	rig_settle(r);
}

static int find_row(struct rig *r, enum chan_space space, uint64_t addr,
		    unsigned int size)
{
	unsigned int win = rig_win(r, space, addr, size);

	if (win == IO_NO_WIN)
		return -1;
	for (unsigned int i = 0; i < r->chan->row_count; i++) {
		const struct chan_row *row = &r->chan->row[i];

		if (row->win == win && row->size == size &&
		    row->off == addr - r->bus.win[win].base)
			return (int)i;
	}
	return -1;
}

bool rig_shadow(struct rig *r, enum chan_space space, uint64_t addr,
		unsigned int size, uint32_t *val)
{
	return (rig_row_flags(r, space, addr, size) & CHAN_ROW_SHADOW) &&
		rig_word(r, space, addr, size, val);
}

bool rig_word(struct rig *r, enum chan_space space, uint64_t addr,
	      unsigned int size, uint32_t *val)
{
	int i = find_row(r, space, addr, size);
	uint64_t word = i < 0 ? 0 : atomic_load(&r->chan->shadow[i]);

	*val = (uint32_t)word;
	return word & CHAN_SHADOW_VALID;
}

unsigned int rig_row_flags(struct rig *r, enum chan_space space, uint64_t addr,
			   unsigned int size)
{
	int i = find_row(r, space, addr, size);

	return i < 0 ? 0 : r->chan->row[i].flags;
}

uint8_t rig_mirror(struct rig *r, unsigned int win, uint32_t off)
{
	return r->chan->mirror[r->chan->win[win].mirror + off];
}

unsigned int rig_said(const struct rig *r, enum ans_kind kind)
{
	unsigned int n = 0;
	unsigned int count = r->said_count < RIG_SAID ? r->said_count : RIG_SAID;

	for (unsigned int i = 0; i < count; i++)
		n += r->said[i].kind == kind;
	return n;
}

const struct io_msg *rig_said_last(const struct rig *r, enum ans_kind kind)
{
	unsigned int count = r->said_count < RIG_SAID ? r->said_count : RIG_SAID;

	for (unsigned int i = 1; i <= count; i++) {
		const struct io_msg *m =
			&r->said[(r->said_count - i) % RIG_SAID];

		if (m->kind == kind)
			return m;
	}
	return NULL;
}

void rig_said_clear(struct rig *r)
{
	r->said_count = 0;
}

uint8_t in8(struct rig *r, uint16_t port)
{
	return (uint8_t)rig_access(r, CHAN_PIO, port, 1, 1, 0, 0, NULL);
}

uint16_t in16(struct rig *r, uint16_t port)
{
	return (uint16_t)rig_access(r, CHAN_PIO, port, 2, 1, 0, 0, NULL);
}

uint32_t in32(struct rig *r, uint16_t port)
{
	return (uint32_t)rig_access(r, CHAN_PIO, port, 4, 1, 0, 0, NULL);
}

void out8(struct rig *r, uint16_t port, uint8_t v)
{
	rig_access(r, CHAN_PIO, port, 1, 1, IO_WRITE, v, NULL);
}

void out16(struct rig *r, uint16_t port, uint16_t v)
{
	rig_access(r, CHAN_PIO, port, 2, 1, IO_WRITE, v, NULL);
}

void out32(struct rig *r, uint16_t port, uint32_t v)
{
	rig_access(r, CHAN_PIO, port, 4, 1, IO_WRITE, v, NULL);
}

void ins(struct rig *r, uint16_t port, unsigned int size, unsigned int count,
	 void *buf)
{
	rig_access(r, CHAN_PIO, port, size, count, 0, 0, buf);
}

void outs(struct rig *r, uint16_t port, unsigned int size, unsigned int count,
	  const void *buf)
{
	rig_access(r, CHAN_PIO, port, size, count, IO_WRITE, 0,
		   (void *)(uintptr_t)buf);
}

uint32_t mmio_read(struct rig *r, uint64_t addr, unsigned int size)
{
	return (uint32_t)rig_access(r, CHAN_MMIO, addr, size, 1, 0, 0, NULL);
}

void mmio_write(struct rig *r, uint64_t addr, unsigned int size, uint32_t v)
{
	rig_access(r, CHAN_MMIO, addr, size, 1, IO_WRITE, v, NULL);
}

/* A PCI window's base is its devfn; the access names the register. */
static uint32_t access_cfg(struct rig *r, unsigned int devfn, unsigned int off,
			   unsigned int size, unsigned int flags, uint32_t v)
{
	for (unsigned int i = 0; i < r->bus.win_count; i++) {
		const struct bus_win *w = &r->bus.win[i];
		struct io_msg m = {
			.seq = r->seq, .kind = IO_ACCESS, .size = (uint8_t)size,
			.flags = (uint8_t)flags, .addr = off, .data = v,
			.count = 1, .win = (uint16_t)i,
		};

		if (w->mapped && w->space == CHAN_PCI && w->base == devfn)
			return (uint32_t)send(r, &m, NULL);
	}
	r->misses++;
	return UINT32_MAX;
}

uint32_t cfg_read(struct rig *r, unsigned int devfn, unsigned int off,
		  unsigned int size)
{
	return access_cfg(r, devfn, off, size, 0, 0);
}

void cfg_write(struct rig *r, unsigned int devfn, unsigned int off,
	       unsigned int size, uint32_t v)
{
	access_cfg(r, devfn, off, size, IO_WRITE, v);
}
