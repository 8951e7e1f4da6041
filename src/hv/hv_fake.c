/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hv/hv_fake.c - hv/hv.h on the in-memory hypervisor of hv/fake.h
 *
 * In the production binaries, so that tests, fuzzers and benchmarks run those.
 * Reachable only by "--hv fake", which only whoever starts the process can
 * say.  Answers as Xen would, errors included; uses no system call that the
 * policies do not grant for hv_xen.c: mmap, munmap, read and write on the same
 * descriptors.
 */
#include "hv/fake.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "abi/fds.h"
#include "base/bug.h"
#include "base/log.h"
#include "hv/hv_impl.h"

#define ROM_GFN		0xc0u
#define ROM_FRAMES	0x40u
#define HOLE_GFN	0xa0u
#define HOLE_END_GFN	0xc0u
#define TAKEN_MAX	256u
#define SERVERS_MAX	8u		/* as on Xen; there is one at a time */
#define NO_FRAME	UINT64_MAX

static struct {
	struct hv hv;
	struct fake_map *map;
	struct fake_machine *m;		/* NULL in a worker */
	uint32_t taken[TAKEN_MAX];	/* ports, masked until hv_ev_unmask() */
	unsigned int taken_count;
	uint32_t server;		/* ours, as in the machine; 0: none */
} fake;

static void count(enum fake_op op)
{
	uint32_t left = atomic_load_explicit(&fake.m->die_in, memory_order_relaxed);

	if (left) {
		atomic_store(&fake.m->die_in, left - 1);
		if (left == 1)
			__builtin_trap();
	}
	atomic_fetch_add_explicit(&fake.m->op[op], 1, memory_order_relaxed);
}

static int refuse(int err)
{
	count(FAKE_OP_REFUSED);
	return -err;
}

static void restrict_all(struct hv *hv)
{
	(void)hv;
	if (fake.m)
		atomic_store(&fake.m->restricted, 1);
}

static uint64_t own_fds(const struct hv *hv)
{
	(void)hv;
	return 0;
}

/* ---- guest memory ---- */

/* Where a guest frame is in the file. */
static uint64_t file_frame(uint64_t gfn)
{
	const struct fake_map *f = fake.map;

	if (gfn < f->low_frames)
		return gfn >= HOLE_GFN && gfn < HOLE_END_GFN ? NO_FRAME : gfn;
	if (gfn >= FAKE_4G_GFN && gfn - FAKE_4G_GFN < f->high_frames)
		return f->low_frames + (gfn - FAKE_4G_GFN);
	for (unsigned int i = 0; i < FAKE_EXTRAS; i++) {
		uint64_t at = atomic_load(&f->extra[i].gfn);

		if (gfn >= at && gfn - at < f->extra[i].frames)
			return f->extra[i].file_frame + (gfn - at);
	}
	return NO_FRAME;
}

static void *map_file(uint64_t frame, uint64_t frames, int prot)
{
	return mmap(NULL, frames * XEN_PAGE_SIZE, prot, MAP_SHARED, FD_HV_MEM,
		    (off_t)(frame * XEN_PAGE_SIZE));
}

/* As many of the frames as follow each other in the file; returns how many. */
static unsigned int map_stretch(const uint64_t *gfn, unsigned int frames,
				int prot, void **page, int *err)
{
	uint64_t first = file_frame(gfn[0]);
	unsigned int n = 1;
	uint8_t *at;

	if (first == NO_FRAME) {
		page[0] = NULL;
		err[0] = EFAULT;
		return 1;
	}
	while (n < frames && file_frame(gfn[n]) == first + n)
		n++;
	at = map_file(first, n, prot);
	for (unsigned int i = 0; i < n; i++) {
		err[i] = at == MAP_FAILED ? errno : 0;
		page[i] = err[i] ? NULL : at + (size_t)i * XEN_PAGE_SIZE;
	}
	return n;
}

static int map(struct hv *hv, const uint64_t *gfn, unsigned int frames,
	       bool writable, struct hv_map *m, void **page, int *err)
{
	int prot = writable ? PROT_READ | PROT_WRITE : PROT_READ;
	unsigned int good = 0;

	(void)hv;
	for (unsigned int i = 0; i < frames; )
		i += map_stretch(gfn + i, frames - i, prot, page + i, err + i);
	for (unsigned int i = 0; i < frames; i++)
		good += page[i] != NULL;
	*m = (struct hv_map){ NULL, frames };
	return good ? 0 : -EFAULT;
}

static void unmap(struct hv *hv, struct hv_map *m, void **page)
{
	(void)hv;
	for (unsigned int i = 0; i < m->frames; ) {
		unsigned int n = 1;

		while (page[i] && i + n < m->frames &&
		       page[i + n] == (uint8_t *)page[i] + (size_t)n * XEN_PAGE_SIZE)
			n++;
		if (page[i] && munmap(page[i], (size_t)n * XEN_PAGE_SIZE))
			log_errno(errno, "cannot unmap guest memory: frames=%u", n);
		i += n;
	}
}

static void *map_run(struct hv *hv, uint64_t gfn, uint32_t frames)
{
	uint64_t first = file_frame(gfn);
	void *at = MAP_FAILED;

	(void)hv;
	errno = EFAULT;
	if (first != NO_FRAME && file_frame(gfn + frames - 1) == first + frames - 1)
		at = map_file(first, frames, PROT_READ | PROT_WRITE);
	if (at != MAP_FAILED)
		return at;
	log_errno(errno, "cannot map a run of guest memory: gfn=0x%llx frames=%u",
		  (unsigned long long)gfn, frames);
	return NULL;
}

/* ---- ioreq server ---- */

static void drop_ranges(void)
{
	for (unsigned int s = 0; s < FAKE_SPACES; s++) {
		for (unsigned int i = 0; i < FAKE_RANGES; i++) {
			struct fake_range *r = &fake.m->range[s][i];
			uint32_t gen = atomic_load(&r->gen);

			if (gen & 1)
				atomic_store(&r->gen, gen + 1);
		}
	}
}

static void drop_server(void)
{
	atomic_store(&fake.m->enabled, 0);
	drop_ranges();
	atomic_store(&fake.m->server, 0);
	atomic_fetch_add(&fake.m->servers_destroyed, 1);
}

/* Ours: another device model may have made one since. */
static void ioreq_destroy(struct hv *hv)
{
	(void)hv;
	if (fake.server && atomic_load(&fake.m->server) == fake.server)
		drop_server();
	fake.server = 0;
}

static int ioreq_create(struct hv *hv, bool destroy_stale)
{
	(void)hv;
	if (destroy_stale && atomic_load(&fake.m->server))
		drop_server();
	if (atomic_load(&fake.m->server))
		return refuse(EEXIST);
	memset(&fake.m->ioreq, 0, sizeof(fake.m->ioreq));
	memset(&fake.m->bufioreq, 0, sizeof(fake.m->bufioreq));
	fake.server = atomic_fetch_add(&fake.m->servers_made, 1) % SERVERS_MAX + 1;
	atomic_store(&fake.m->server, fake.server);
	return 0;
}

static int ioreq_adopt(struct hv *hv, unsigned int id)
{
	(void)hv;
	if (atomic_load(&fake.m->server) != id + 1)
		return refuse(ENOENT);
	fake.server = id + 1;
	return 0;
}

static unsigned int ioreq_id(const struct hv *hv)
{
	(void)hv;
	return fake.server - 1;
}

static struct xen_ioreq_page *ioreq_page(struct hv *hv)
{
	(void)hv;
	return &fake.m->ioreq;
}

static struct xen_bufioreq_page *bufioreq_page(struct hv *hv)
{
	(void)hv;
	return &fake.m->bufioreq;
}

static void send_words(const uint32_t *word, unsigned int n)
{
	size_t len = n * sizeof(word[0]);

	if (n && write(FD_EVTCHN, word, len) != (ssize_t)len)
		log_errno(errno, "cannot reach the in-memory hypervisor");
}

/* Binding makes a channel pending once, as on Xen. */
static void bind_ports(unsigned int vcpus)
{
	uint32_t word[FAKE_PORTS];
	unsigned int n = 0;

	for (unsigned int i = 0; i < FAKE_PORTS; i++) {
		if (i >= vcpus && i != HV_EV_BUFIOREQ)
			continue;
		atomic_store(&fake.m->port[i], FAKE_PORT_BOUND | FAKE_PORT_PENDING);
		word[n++] = FAKE_PORT0 + i;
	}
	send_words(word, n);
}

static int ioreq_enable(struct hv *hv, unsigned int vcpus)
{
	(void)hv;
	if (!atomic_load(&fake.m->server) || vcpus > fake.m->vcpus)
		return refuse(EINVAL);
	for (unsigned int i = 0; i < fake.m->vcpus; i++)
		fake.m->ioreq.slot[i].evtchn = FAKE_PORT0 + i;
	atomic_store(&fake.m->enabled, 1);
	bind_ports(vcpus);
	return 0;
}

static int ioreq_disable(struct hv *hv)
{
	(void)hv;
	atomic_store(&fake.m->enabled, 0);
	return 0;
}

/* ---- event channels ---- */

static unsigned int ev_take(struct hv *hv, unsigned int *ev, unsigned int max)
{
	unsigned int n = 0;
	uint32_t word[FAKE_PORTS];
	ssize_t r;

	(void)hv;
	if (max > TAKEN_MAX - fake.taken_count)
		max = TAKEN_MAX - fake.taken_count;
	if (max > FAKE_PORTS)
		max = FAKE_PORTS;
	if (max == 0)
		return 0;
	count(FAKE_OP_EV_READ);
	r = read(FD_EVTCHN, word, max * sizeof(word[0]));
	if (r == 0)
		die(0, "the in-memory hypervisor is gone");
	for (ssize_t i = 0; i < r / (ssize_t)sizeof(word[0]); i++) {
		if (word[i] - FAKE_PORT0 >= FAKE_PORTS)
			continue;
		fake.taken[fake.taken_count++] = word[i];
		ev[n++] = word[i] - FAKE_PORT0;
	}
	return n;
}

static void ev_unmask(struct hv *hv, bool buffered)
{
	uint32_t again[TAKEN_MAX];
	unsigned int n = 0, kept = 0;

	(void)hv;
	if (fake.taken_count == 0)
		return;
	for (unsigned int i = 0; i < fake.taken_count; i++) {
		uint32_t port = fake.taken[i];
		uint32_t was;

		if (!buffered && port - FAKE_PORT0 == HV_EV_BUFIOREQ) {
			fake.taken[kept++] = port;
			continue;
		}
		was = atomic_fetch_and(&fake.m->port[port - FAKE_PORT0],
				       ~FAKE_PORT_MASKED);

		if (was & FAKE_PORT_PENDING)
			again[n++] = port;
	}
	fake.taken_count = kept;
	count(FAKE_OP_EV_WRITE);
	send_words(again, n);
}

/* The guest looks at its slot before it sleeps, and says so before it looks. */
static void notify(struct hv *hv, unsigned int vcpu)
{
	uint32_t word = FAKE_NOTIFY | (FAKE_PORT0 + vcpu);

	(void)hv;
	count(FAKE_OP_NOTIFY);
	atomic_thread_fence(memory_order_seq_cst);
	if (atomic_load_explicit(&fake.m->vcpu_sleeps[vcpu], memory_order_relaxed))
		send_words(&word, 1);
}

/* ---- device-model operations ---- */

static bool overlaps(const struct fake_range *r, uint64_t first, uint64_t last)
{
	return (atomic_load(&r->gen) & 1) && first <= atomic_load(&r->last) &&
	       atomic_load(&r->first) <= last;
}

static int range_map(struct hv *hv, unsigned int space, uint64_t first,
		     uint64_t last)
{
	struct fake_range *free_one = NULL;

	(void)hv;
	count(FAKE_OP_RANGE_MAP);
	if (!atomic_load(&fake.m->server))
		return refuse(ENOENT);
	for (unsigned int i = 0; i < FAKE_RANGES; i++) {
		struct fake_range *r = &fake.m->range[space][i];

		if (overlaps(r, first, last))
			return refuse(EEXIST);
		if (!free_one && !(atomic_load(&r->gen) & 1))
			free_one = r;
	}
	if (!free_one)
		return refuse(ENOSPC);
	atomic_store(&free_one->first, first);
	atomic_store(&free_one->last, last);
	atomic_fetch_add(&free_one->gen, 1);
	return 0;
}

static int range_unmap(struct hv *hv, unsigned int space, uint64_t first,
		       uint64_t last)
{
	(void)hv;
	count(FAKE_OP_RANGE_UNMAP);
	for (unsigned int i = 0; i < FAKE_RANGES; i++) {
		struct fake_range *r = &fake.m->range[space][i];

		if ((atomic_load(&r->gen) & 1) && atomic_load(&r->first) == first &&
		    atomic_load(&r->last) == last) {
			atomic_fetch_add(&r->gen, 1);
			return 0;
		}
	}
	return refuse(ENOENT);
}

static int isa_irq(struct hv *hv, unsigned int line, bool level)
{
	uint32_t bit = 1u << line, was;

	(void)hv;
	count(FAKE_OP_ISA);
	was = level ? atomic_fetch_or(&fake.m->isa_level, bit)
		    : atomic_fetch_and(&fake.m->isa_level, ~bit);
	atomic_fetch_add(&fake.m->isa_sets[line], 1);
	if (level && !(was & bit))
		atomic_fetch_add(&fake.m->isa_rises[line], 1);
	return 0;
}

static int pci_intx(struct hv *hv, unsigned int dev, unsigned int pin, bool level)
{
	uint32_t bit = 1u << pin, was;

	(void)hv;
	count(FAKE_OP_INTX);
	was = level ? atomic_fetch_or(&fake.m->intx_level[dev], bit)
		    : atomic_fetch_and(&fake.m->intx_level[dev], ~bit);
	if (level && !(was & bit))
		atomic_fetch_add(&fake.m->intx_rises[dev], 1);
	return 0;
}

static int msi(struct hv *hv, uint64_t addr, uint32_t data)
{
	uint64_t n = atomic_load(&fake.m->op[FAKE_OP_MSI]);

	(void)hv;
	atomic_store(&fake.m->msi[n % FAKE_MSIS].addr, addr);
	atomic_store(&fake.m->msi[n % FAKE_MSIS].data, data);
	count(FAKE_OP_MSI);
	return 0;
}

static int link_route(struct hv *hv, unsigned int link, unsigned int line)
{
	(void)hv;
	count(FAKE_OP_LINK);
	atomic_store(&fake.m->link[link], line);
	return 0;
}

static int mem_type(struct hv *hv, uint64_t gfn, uint32_t frames, bool read_only)
{
	(void)hv;
	count(FAKE_OP_MEM_TYPE);
	if (gfn != ROM_GFN || frames != ROM_FRAMES)
		return refuse(EINVAL);
	atomic_store(&fake.m->rom_locked, read_only);
	return 0;
}

static int shut_down(struct hv *hv, unsigned int reason)
{
	uint32_t waiting = 0;

	(void)hv;
	count(FAKE_OP_SHUTDOWN);
	for (unsigned int i = 0; i < fake.m->vcpus; i++) {
		uint8_t flags = __atomic_load_n(&fake.m->ioreq.slot[i].flags,
						__ATOMIC_RELAXED);

		flags &= XEN_IOREQ_STATE;
		waiting += flags == XEN_IOREQ_READY || flags == XEN_IOREQ_INPROCESS;
	}
	atomic_store(&fake.m->shut_down_slots, waiting);
	atomic_store(&fake.m->shut_down, reason + 1);
	return 0;
}

static int relocate(struct hv *hv, uint64_t from_gfn, uint64_t to_gfn,
		    uint32_t frames)
{
	(void)hv;
	count(FAKE_OP_RELOCATE);
	for (unsigned int i = 0; i < FAKE_EXTRAS; i++) {
		if (fake.map->extra[i].frames != frames ||
		    atomic_load(&fake.map->extra[i].gfn) != from_gfn)
			continue;
		atomic_store(&fake.map->extra[i].gfn, to_gfn);
		atomic_store(&fake.m->invalidate_due, 1);
		return 0;
	}
	return refuse(EINVAL);
}

static int pin_wb(struct hv *hv, uint64_t gfn, uint32_t frames, bool on)
{
	(void)hv;
	count(FAKE_OP_PIN_WB);
	if (!on && (atomic_load(&fake.m->pin_gfn) != gfn ||
		    atomic_load(&fake.m->pin_frames) != frames))
		return refuse(ENOENT);
	atomic_store(&fake.m->pin_gfn, on ? gfn : 0);
	atomic_store(&fake.m->pin_frames, on ? frames : 0);
	return 0;
}

static int track_dirty(struct hv *hv, uint64_t gfn, uint32_t frames, void *bits)
{
	bool fresh = atomic_load(&fake.m->dirty_gfn) != gfn ||
		     atomic_load(&fake.m->dirty_frames) != frames;
	uint8_t *out = bits;

	(void)hv;
	count(FAKE_OP_DIRTY);
	if (frames > FAKE_DIRTY_FRAMES)
		return refuse(EINVAL);
	atomic_store(&fake.m->dirty_gfn, gfn);
	atomic_store(&fake.m->dirty_frames, frames);
	for (uint32_t i = 0; i < (frames + 7) / 8; i++) {
		uint8_t was = atomic_exchange(&fake.m->dirty[i], 0);

		/* A range that was not tracked is all dirty. */
		out[i] = fresh ? 0xff : was;
	}
	return 0;
}

static int modified(struct hv *hv, uint64_t gfn, uint32_t frames)
{
	(void)hv;
	count(FAKE_OP_MODIFIED);
	atomic_store(&fake.m->modified_gfn, gfn);
	atomic_fetch_add(&fake.m->modified_frames, frames);
	return 0;
}

static int nr_vcpus(struct hv *hv, unsigned int *vcpus)
{
	(void)hv;
	*vcpus = fake.m->vcpus;
	return 0;
}

static const struct hv_ops fake_ops = {
	.restrict_all = restrict_all,	.own_fds = own_fds,
	.map = map,			.unmap = unmap,
	.map_run = map_run,
	.ioreq_create = ioreq_create,	.ioreq_adopt = ioreq_adopt,
	.ioreq_id = ioreq_id,
	.ioreq_page = ioreq_page,	.bufioreq_page = bufioreq_page,
	.ioreq_enable = ioreq_enable,	.ioreq_disable = ioreq_disable,
	.ioreq_destroy = ioreq_destroy,
	.ev_take = ev_take,		.ev_unmask = ev_unmask,
	.notify = notify,
	.range_map = range_map,		.range_unmap = range_unmap,
	.isa_irq = isa_irq,		.pci_intx = pci_intx,
	.msi = msi,			.link_route = link_route,
	.mem_type = mem_type,		.shutdown = shut_down,
	.relocate = relocate,		.pin_wb = pin_wb,
	.track_dirty = track_dirty,	.modified = modified,
	.nr_vcpus = nr_vcpus,
};

/* ---- opening ---- */

static void open_memory(enum hv_use use)
{
	int prot = use == HV_BROKER ? PROT_READ | PROT_WRITE : PROT_READ;
	struct stat st;
	void *p;

	if (fstat(FD_HV_MEM, &st) || st.st_size < (off_t)XEN_PAGE_SIZE)
		die(0, "no in-memory hypervisor here: fd=%d", FD_HV_MEM);
	p = mmap(NULL, XEN_PAGE_SIZE, prot, MAP_SHARED, FD_HV_MEM,
		 st.st_size - (off_t)XEN_PAGE_SIZE);
	if (p == MAP_FAILED)
		die(errno, "cannot map the frame table of the in-memory hypervisor");
	fake.map = p;
	if (fake.map->magic != FAKE_MAP_MAGIC || fake.map->version != FAKE_VERSION)
		die(0, "guest memory is not of the in-memory hypervisor");
}

static void open_machine(void)
{
	int flags = fcntl(FD_EVTCHN, F_GETFL);
	void *p = mmap(NULL, sizeof(struct fake_machine), PROT_READ | PROT_WRITE,
		       MAP_SHARED, FD_DM, 0);

	if (p == MAP_FAILED)
		die(errno, "cannot map the in-memory hypervisor: fd=%d", FD_DM);
	fake.m = p;
	if (fake.m->magic != FAKE_MAGIC || fake.m->version != FAKE_VERSION ||
	    fake.m->domid != fake.hv.domid)
		die(0, "in-memory hypervisor is not as promised: domid=%u",
		    fake.hv.domid);
	if (flags < 0 || fcntl(FD_EVTCHN, F_SETFL, flags | O_NONBLOCK))
		die(errno, "event channels cannot be non-blocking");
}

struct hv *hv_fake_open(uint32_t domid, enum hv_use use)
{
	memset(&fake, 0, sizeof(fake));
	fake.hv = (struct hv){ &fake_ops, domid, use, true };
	open_memory(use);
	if (use == HV_BROKER)
		open_machine();
	return &fake.hv;
}
