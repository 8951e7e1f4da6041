/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * broker/dispatch/account.c - counts and records what was answered, and how
 *
 * Runs in the broker, when the guest has its answer already.  Nothing here
 * makes a system call, reads a clock or writes a cache line of another
 * process.
 */
#include <inttypes.h>

#include "base/le.h"
#include "base/log.h"
#include "dispatch/broker.h"

_Static_assert(TRACE_KIND_COUNT == STAT_KINDS, "a counter each");
_Static_assert(CHAN_PIO == 0, "what is no memory and no configuration space");

/* As abi/trace.h has it. */
static uint64_t address_of(const struct xen_ioreq *r)
{
	if (r->type != XEN_IOREQ_TYPE_PCI_CONFIG)
		return r->addr;
	return (r->addr >> 32) << 8 | (r->addr & 0xff);
}

static uint8_t space_of(const struct xen_ioreq *r)
{
	return r->type == XEN_IOREQ_TYPE_COPY ? CHAN_MMIO :
		r->type == XEN_IOREQ_TYPE_PCI_CONFIG ? CHAN_PCI : CHAN_PIO;
}

static void record(struct peer *p, const struct vcpu *v, uint64_t value,
		   uint64_t ticks)
{
	const struct xen_ioreq *r = &v->req;
	bool write = !(r->flags & XEN_IOREQ_READ);
	bool string = r->flags & XEN_IOREQ_DATA_IS_PTR;
	struct trace_rec rec = {
		.ticks = ticks, .addr = address_of(r), .count = r->count,
		.size = (uint8_t)r->size, .kind = v->how, .space = space_of(r),
		.flags = (uint8_t)((write ? TRACE_WRITE : 0) |
				   (string ? TRACE_STRING : 0) |
				   (r->flags & XEN_IOREQ_DF ? TRACE_DESC : 0)),
	};

	rec.value = string ? r->data : (write ? r->data : value) & le_mask(r->size);
	trace_put(&p->trace, &rec);
}

void account_access(const struct vcpu *v, uint64_t value, uint64_t ticks)
{
	const struct xen_ioreq *r = &v->req;
	unsigned int dir = r->flags & XEN_IOREQ_READ ? STAT_READ : STAT_WRITE;
	unsigned int path = v->how == TRACE_HOP ? STAT_HOP : STAT_SPARED;
	struct peer *p = &broker.peer[v->peer];

	if (v->how == ANSWERED_UNCLAIMED)
		stat_add(STAT_UNCLAIMED + dir, 1);
	if (v->how >= TRACE_KIND_COUNT)
		return;
	stat_block_add(p->stat, STAT_ACCESSES + v->how * STAT_DIRS + dir, 1);
	stat_block_add(p->stat, STAT_ACCESS_BYTES + dir, (uint64_t)r->size * r->count);
	stat_block_time(p->stat, STAT_ACCESS_LATENCY + path * STAT_HIST_WORDS,
			ticks_to_ns(&broker.ticks, v->taken_ticks, ticks));
	record(p, v, value, ticks);
}

void account_begin(uint64_t fds)
{
	broker.stats = stat_begin(fds);
	if (!broker.stats)
		return;
	for (unsigned int i = 0; i < broker.plan->worker_count; i++) {
		struct peer *p = &broker.peer[i];

		p->stat = &broker.stats->block[1 + i];
		if (fds >> (FD_TRACE0 + i) & 1)
			trace_writer_init(&p->trace,
					  trace_map(FD_TRACE0 + (int)i, true));
	}
	ticks_begin(&broker.ticks);
}

void account_calibrate(void)
{
	if (!broker.stats)
		return;
	while (!ticks_measure(&broker.ticks))
		sched_yield();
	for (unsigned int i = 0; i < broker.plan->worker_count; i++)
		if (broker.peer[i].trace.t)
			atomic_store_explicit(&broker.peer[i].trace.t->ticks_per_ms,
					      broker.ticks.per_ms,
					      memory_order_relaxed);
}

/* Over all workers, in both directions. */
static uint64_t answered(enum trace_kind kind)
{
	uint64_t n = 0;

	for (unsigned int i = 0; i < broker.plan->worker_count; i++)
		for (unsigned int dir = 0; dir < STAT_DIRS; dir++)
			n += stat_block_get(broker.peer[i].stat, STAT_ACCESSES +
					    kind * STAT_DIRS + dir);
	return n;
}

void account_log(void)
{
	if (!broker.stats)
		return;
	log_info("served: shadow=%" PRIu64 " mirror=%" PRIu64 " posted=%" PRIu64
		 " hops=%" PRIu64 " unclaimed=%" PRIu64 " buffered=%" PRIu64
		 " batches=%" PRIu64 " sleeps=%" PRIu64,
		 answered(TRACE_SHADOW), answered(TRACE_MIRROR),
		 answered(TRACE_POSTED), answered(TRACE_HOP),
		 stat_get(STAT_UNCLAIMED + STAT_READ) +
		 stat_get(STAT_UNCLAIMED + STAT_WRITE),
		 stat_get(STAT_BUFFERED), stat_get(STAT_BATCHES),
		 stat_get(STAT_SLEEPS));
}
