/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/lib/fakexen.c - what Xen does: memory, event channels, slots, ring
 *
 * Runs in the test.  One thread besides the vCPUs, the pump, reads what the
 * broker sends (notifications, channels to look at again), since that has to
 * go on while every vCPU is busy with something else.
 */
#include "fakexen.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "abi/fds.h"
#include "base/clock.h"
#include "patience.h"

/* ---- faults ---- */

void fakexen_fault(struct fakeguest *g, const char *fmt, ...)
{
	va_list ap;

	pthread_mutex_lock(&g->lock);
	if (!g->faulted) {
		va_start(ap, fmt);
		vsnprintf(g->fault, sizeof(g->fault), fmt, ap);
		va_end(ap);
		__atomic_store_n(&g->faulted, true, __ATOMIC_RELEASE);
	}
	pthread_mutex_unlock(&g->lock);
}

const char *fakeguest_fault(struct fakeguest *g)
{
	return __atomic_load_n(&g->faulted, __ATOMIC_ACQUIRE) ? g->fault : NULL;
}

/* ---- event channels ---- */

/* If it is pending and may be delivered, exactly one of us delivers it. */
static void deliver(struct fakeguest *g, unsigned int port)
{
	uint32_t word = FAKE_PORT0 + port;
	uint32_t old = atomic_load(&g->m->port[port]);

	do {
		if (!(old & FAKE_PORT_PENDING) || !(old & FAKE_PORT_BOUND) ||
		    (old & FAKE_PORT_MASKED))
			return;
	} while (!atomic_compare_exchange_weak(&g->m->port[port], &old,
			(old & ~FAKE_PORT_PENDING) | FAKE_PORT_MASKED));
	if (send(g->evt_fd, &word, sizeof(word), MSG_DONTWAIT | MSG_NOSIGNAL) !=
	    (ssize_t)sizeof(word))
		fakexen_fault(g, "event channel %u cannot be delivered: %s", port,
			      strerror(errno));
}

static void raise_port(struct fakeguest *g, unsigned int port)
{
	uint32_t was = atomic_fetch_or(&g->m->port[port], FAKE_PORT_PENDING);

	if (!(was & FAKE_PORT_MASKED))
		deliver(g, port);
}

static void *pump(void *arg)
{
	static const uint64_t one = 1;
	struct fakeguest *g = arg;
	uint32_t word[64];
	ssize_t r;

	while ((r = read(g->evt_fd, word, sizeof(word))) > 0) {
		for (ssize_t i = 0; i < r / (ssize_t)sizeof(word[0]); i++) {
			uint32_t port = (word[i] & ~FAKE_NOTIFY) - FAKE_PORT0;

			if (port >= FAKE_PORTS)
				fakexen_fault(g, "broker names port %u", port);
			else if (!(word[i] & FAKE_NOTIFY))
				deliver(g, port);
			else if (port < g->conf.vcpus &&
				 write(g->vcpu[port].wake_fd, &one, sizeof(one)) < 0)
				fakexen_fault(g, "vCPU %u cannot be woken", port);
		}
	}
	return NULL;
}

/* ---- ranges ---- */

/* Last byte up to which the server claims from @first on; false: not at all. */
static bool claimed_from(struct fakeguest *g, unsigned int space, uint64_t first,
			 uint64_t *last)
{
	for (unsigned int i = 0; i < FAKE_RANGES; i++) {
		struct fake_range *r = &g->m->range[space][i];
		uint32_t gen = atomic_load(&r->gen);
		uint64_t from = atomic_load(&r->first), to = atomic_load(&r->last);

		if ((gen & 1) && atomic_load(&r->gen) == gen &&
		    from <= first && first <= to) {
			*last = to;
			return true;
		}
	}
	return false;
}

bool fakeguest_claims(struct fakeguest *g, unsigned int space, uint64_t first,
		      uint64_t last)
{
	uint64_t to;

	if (!atomic_load(&g->m->enabled) || !atomic_load(&g->m->server))
		return false;
	/* Adjacent ranges are one, as in Xen's range sets. */
	for (uint64_t at = first; claimed_from(g, space, at, &to); at = to + 1)
		if (to >= last)
			return true;
	return false;
}

unsigned int fakeguest_range_count(struct fakeguest *g, unsigned int space)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < FAKE_RANGES; i++)
		n += atomic_load(&g->m->range[space][i].gen) & 1;
	return n;
}

bool fakexen_claims(struct fakeguest *g, const struct xen_ioreq *r)
{
	uint64_t bytes = (uint64_t)r->size * r->count;

	switch (r->type) {
	case XEN_IOREQ_TYPE_PIO:
		return fakeguest_claims(g, FAKE_SPACE_PORT, r->addr,
					r->addr + r->size - 1);
	case XEN_IOREQ_TYPE_COPY:
		if (r->flags & XEN_IOREQ_DF)
			return fakeguest_claims(g, FAKE_SPACE_MEMORY,
						r->addr - bytes + r->size,
						r->addr + r->size - 1);
		return fakeguest_claims(g, FAKE_SPACE_MEMORY, r->addr,
					r->addr + bytes - 1);
	case XEN_IOREQ_TYPE_PCI_CONFIG:
		return fakeguest_claims(g, FAKE_SPACE_PCI, r->addr >> 32,
					r->addr >> 32);
	default:
		return false;
	}
}

/* ---- slots ---- */

bool fakexen_send(struct fakeguest *g, unsigned int vcpu, const struct xen_ioreq *r)
{
	struct xen_ioreq *slot = &g->m->ioreq.slot[vcpu];
	struct fakeguest_vcpu *v = &g->vcpu[vcpu];
	uint8_t state = __atomic_load_n(&slot->flags, __ATOMIC_ACQUIRE) &
			XEN_IOREQ_STATE;

	if (v->pending) {
		fakexen_fault(g, "test: vCPU %u is waiting already", vcpu);
		return false;
	}
	if (state != XEN_IOREQ_NONE) {
		fakexen_fault(g, "device model set bad state %u: vCPU %u", state, vcpu);
		return false;
	}
	if (slot->evtchn != FAKE_PORT0 + vcpu) {
		fakexen_fault(g, "device model set bad event channel %u: vCPU %u",
			      slot->evtchn, vcpu);
		return false;
	}
	v->sent = *r;
	v->sent.evtchn = slot->evtchn;
	v->sent.flags &= (uint8_t)~XEN_IOREQ_STATE;
	*slot = v->sent;
	v->pending = true;
	v->seen = XEN_IOREQ_READY;
	__atomic_store_n(&slot->flags, v->sent.flags | XEN_IOREQ_READY,
			 __ATOMIC_RELEASE);
	raise_port(g, vcpu);
	return true;
}

bool fakeguest_post(struct fakeguest *g, unsigned int vcpu,
		    const struct xen_ioreq *r)
{
	if (fakeguest_fault(g))
		return false;
	if (!fakexen_claims(g, r)) {
		__atomic_fetch_add(&g->unclaimed, 1, __ATOMIC_RELAXED);
		return false;
	}
	return fakexen_send(g, vcpu, r);
}

/* The broker may write the state, and the value of a plain read. */
static void check_slot(struct fakeguest *g, unsigned int vcpu)
{
	const struct xen_ioreq *slot = &g->m->ioreq.slot[vcpu];
	const struct xen_ioreq *sent = &g->vcpu[vcpu].sent;

	if (slot->addr != sent->addr || slot->count != sent->count ||
	    slot->size != sent->size || slot->evtchn != sent->evtchn ||
	    slot->type != sent->type ||
	    (slot->flags & ~XEN_IOREQ_STATE) != sent->flags)
		fakexen_fault(g, "device model changed the request: vCPU %u", vcpu);
}

/* What Xen does when it looks at the slot of a waiting vCPU.  True: done. */
static bool look(struct fakeguest *g, unsigned int vcpu, uint64_t *data)
{
	struct xen_ioreq *slot = &g->m->ioreq.slot[vcpu];
	struct fakeguest_vcpu *v = &g->vcpu[vcpu];
	uint8_t state = __atomic_load_n(&slot->flags, __ATOMIC_ACQUIRE) &
			XEN_IOREQ_STATE;

	if (state == v->seen)
		return false;
	*data = UINT64_MAX;
	if (state > XEN_IORESP_READY || (state != XEN_IOREQ_NONE && state < v->seen))
		fakexen_fault(g, "weird state transition %u -> %u: vCPU %u", v->seen,
			      state, vcpu);
	v->seen = state;
	if (state == XEN_IOREQ_INPROCESS)
		return false;
	if (state == XEN_IORESP_READY) {
		check_slot(g, vcpu);
		*data = slot->data;
		__atomic_store_n(&slot->flags, v->sent.flags, __ATOMIC_RELEASE);
	}
	v->pending = false;
	__atomic_fetch_add(&g->round_trips, 1, __ATOMIC_RELAXED);
	return true;
}

static bool sleep_and_look(struct fakeguest *g, unsigned int vcpu,
			   int64_t until_ns, uint64_t *data)
{
	struct pollfd p = { .fd = g->vcpu[vcpu].wake_fd, .events = POLLIN };
	bool done = false;
	uint64_t count;

	atomic_store_explicit(&g->m->vcpu_sleeps[vcpu], 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_seq_cst);	/* with notify() */
	while (!(done = look(g, vcpu, data))) {
		int64_t left = until_ns - clock_now_ns();

		if (left <= 0 || fakeguest_fault(g))
			break;
		if (poll(&p, 1, (int)(left / NS_PER_MS) + 1) > 0 &&
		    read(p.fd, &count, sizeof(count)) < 0)
			break;
	}
	atomic_store_explicit(&g->m->vcpu_sleeps[vcpu], 0, memory_order_relaxed);
	return done;
}

bool fakeguest_wait(struct fakeguest *g, unsigned int vcpu, int timeout_ms,
		    uint64_t *data)
{
	int64_t now = clock_now_ns(), spin_until = now + g->spin_ns;
	int64_t until = now + timeout_ms * NS_PER_MS;

	*data = UINT64_MAX;
	if (!g->vcpu[vcpu].pending)
		return true;
	do {
		for (int i = 0; i < 50; i++)
			if (look(g, vcpu, data))
				return true;
		sched_yield();
	} while (clock_now_ns() < spin_until);
	return sleep_and_look(g, vcpu, until, data);
}

/* ---- the buffered ring ---- */

/* Keeps the indices small: subtracts whole rounds from both at once. */
static void rebase(struct xen_bufioreq_page *p)
{
	union xen_bufioreq_ptrs old = {
		.both = __atomic_load_n(&p->ptrs.both, __ATOMIC_RELAXED)
	};

	while (old.rd >= XEN_BUFIOREQ_SLOTS) {
		uint32_t whole = old.rd - old.rd % XEN_BUFIOREQ_SLOTS;
		union xen_bufioreq_ptrs new = old;

		new.rd -= whole;
		new.wr -= whole;
		if (__atomic_compare_exchange_n(&p->ptrs.both, &old.both, new.both,
						false, __ATOMIC_ACQ_REL,
						__ATOMIC_RELAXED))
			break;
	}
}

static bool put_entries(struct fakeguest *g, uint32_t bits, uint64_t data,
			unsigned int count)
{
	struct xen_bufioreq_page *p = &g->m->bufioreq;
	union xen_bufioreq_ptrs at = {
		.both = __atomic_load_n(&p->ptrs.both, __ATOMIC_ACQUIRE)
	};

	if (at.wr - at.rd > XEN_BUFIOREQ_SLOTS) {
		pthread_mutex_unlock(&g->lock);
		fakexen_fault(g, "buffered ring: read index ran past the end");
		pthread_mutex_lock(&g->lock);
		return false;
	}
	if (at.wr - at.rd >= XEN_BUFIOREQ_SLOTS - (count - 1)) {
		g->ring_full++;
		return false;
	}
	for (unsigned int i = 0; i < count; i++)
		p->slot[(at.wr + i) % XEN_BUFIOREQ_SLOTS] = (struct xen_bufioreq){
			.bits = bits, .data = (uint32_t)(data >> (32 * i)) };
	__atomic_fetch_add(&p->ptrs.wr, count, __ATOMIC_RELEASE);
	rebase(p);
	g->buffered++;
	return true;
}

bool fakexen_buffer(struct fakeguest *g, unsigned int type, uint64_t addr,
		    unsigned int size, uint64_t data)
{
	uint32_t log2 = size == 8 ? 3 : size == 4 ? 2 : size - 1;
	uint32_t bits = type | log2 << 10 | (uint32_t)(addr & 0xfffff) << 12;
	bool put;

	if (fakeguest_fault(g) || !atomic_load(&g->m->enabled))
		return false;
	pthread_mutex_lock(&g->lock);
	put = put_entries(g, bits, data, size == 8 ? 2 : 1);
	pthread_mutex_unlock(&g->lock);
	if (put)
		raise_port(g, XEN_IOREQ_SLOTS);
	return put;
}

/* ---- making the machine ---- */

_Noreturn static void give_up(const char *what)
{
	perror(what);
	exit(99);
}

/* Out of the way of the fixed numbers of abi/fds.h. */
static int move_up(int fd)
{
	int up = fcntl(fd, F_DUPFD_CLOEXEC, FAKEGUEST_FDS);

	if (fd < 0 || up < 0)
		give_up("descriptor");
	close(fd);
	return up;
}

static void *make_shared(const char *name, size_t bytes, int *fd)
{
	void *p;

	*fd = move_up(memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
	if (ftruncate(*fd, (off_t)bytes))
		give_up(name);
	p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
	if (p == MAP_FAILED)
		give_up(name);
	return p;
}

static void make_memory(struct fakeguest *g)
{
	uint64_t low = g->conf.low_bytes / XEN_PAGE_SIZE;
	uint64_t high = g->conf.high_bytes / XEN_PAGE_SIZE;
	uint64_t all = low + high + g->conf.vram_frames;

	g->mem_bytes = (size_t)(all + 1) * XEN_PAGE_SIZE;
	g->mem = make_shared("fake-guest", g->mem_bytes, &g->mem_fd);
	g->map = (void *)(g->mem + all * XEN_PAGE_SIZE);
	g->map->magic = FAKE_MAP_MAGIC;
	g->map->version = FAKE_VERSION;
	g->map->low_frames = low;
	g->map->high_frames = high;
	g->map->extra[0].file_frame = low + high;
	g->map->extra[0].frames = g->conf.vram_frames;
	atomic_store(&g->map->extra[0].gfn, g->conf.vram_gfn);
}

static void make_machine(struct fakeguest *g)
{
	g->m = make_shared("fake-machine", sizeof(*g->m), &g->machine_fd);
	g->m->magic = FAKE_MAGIC;
	g->m->version = FAKE_VERSION;
	g->m->size_bytes = sizeof(*g->m);
	g->m->domid = g->conf.domid;
	g->m->vcpus = g->conf.vcpus;
}

struct fakeguest *fakeguest_new(const struct fakeguest_conf *conf)
{
	struct fakeguest *g = calloc(1, sizeof(*g));
	int pair[2];

	if (!g || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		give_up("fakeguest");
	g->conf = *conf;
	if (!g->conf.domid)
		g->conf.domid = 7;
	if (!g->conf.vcpus)
		g->conf.vcpus = 1;
	if (!g->conf.low_bytes)
		g->conf.low_bytes = 16u << 20;
	g->timeout_ms = PATIENCE_MS;
	g->spin_ns = 20 * NS_PER_US;
	g->evt_fd = move_up(pair[0]);
	g->broker_evt_fd = move_up(pair[1]);
	pthread_mutex_init(&g->lock, NULL);
	make_memory(g);
	make_machine(g);
	for (unsigned int i = 0; i < g->conf.vcpus; i++)
		g->vcpu[i].wake_fd = move_up(eventfd(0, EFD_CLOEXEC));
	if (pthread_create(&g->pump, NULL, pump, g))
		give_up("pthread_create");
	return g;
}

void fakeguest_take_fds(struct fakeguest *g)
{
	if (dup2(g->mem_fd, FD_HV_MEM) < 0 || dup2(g->machine_fd, FD_DM) < 0 ||
	    dup2(g->broker_evt_fd, FD_EVTCHN) < 0)
		give_up("dup2");
}

void fakeguest_free(struct fakeguest *g)
{
	shutdown(g->evt_fd, SHUT_RDWR);
	pthread_join(g->pump, NULL);
	for (unsigned int i = 0; i < g->conf.vcpus; i++)
		close(g->vcpu[i].wake_fd);
	close(g->evt_fd);
	close(g->broker_evt_fd);
	munmap(g->mem, g->mem_bytes);
	munmap(g->m, sizeof(*g->m));
	close(g->mem_fd);
	close(g->machine_fd);
	free(g);
}
