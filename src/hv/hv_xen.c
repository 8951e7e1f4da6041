/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hv/hv_xen.c - hv/hv.h on Xen's stable libraries
 *
 * Runs in the broker (everything) and in workers (foreign memory only).  Does
 * not interpret requests.
 *
 * Descriptors.  The libraries open their devices themselves, so the numbers of
 * abi/fds.h come from the order of opening: foreign memory, event channels,
 * then libxendevicemodel, which opens libxencall (privcmd, then the hypercall
 * buffer device) before its own privcmd.  Lower free numbers are plugged with
 * /dev/null meanwhile.  Every number is checked afterwards.
 *
 * System calls after hv_restrict(), for the policies:
 *	hv_map		mmap, ioctl(IOCTL_PRIVCMD_MMAPBATCH_V2); where the guest's
 *			memory is paged out by xenpaging also clock_nanosleep
 *	hv_unmap	munmap
 *	hv_ev_take	read, hv_ev_unmask: write, hv_notify: ioctl(EVTCHN_NOTIFY)
 *	all others	ioctl(IOCTL_PRIVCMD_DM_OP); the library callocs two small
 *			buffers and frees them again, which warm_up() makes sure
 *			the heap has room for
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <xendevicemodel.h>
#include <xenevtchn.h>
#include <xenforeignmemory.h>
#include <xentoolcore.h>
#include <xentoollog.h>
#include <xen/memory.h>

#include "abi/fds.h"
#include "base/bug.h"
#include "base/log.h"
#include "hv/hv_impl.h"

#define PRIVCMD		"/dev/xen/privcmd"
#define PRIVCMD_OLD	"/proc/xen/privcmd"
#define EVTCHN		"/dev/xen/evtchn"
#define HYPERCALL	"/dev/xen/hypercall"

#define SERVERS_MAX	8u			/* ioreq servers a domain can have */
#define PORTS_MAX	(XEN_IOREQ_SLOTS + 1)	/* and the buffered ring's */

static struct xen {
	struct hv hv;
	uint64_t own;
	xenforeignmemory_handle *fm;
	xenevtchn_handle *ev;
	xendevicemodel_handle *dm;
	bool has_server;
	ioservid_t id;
	evtchn_port_t buf_remote;	/* guest's end of the ring's channel */
	struct xen_bufioreq_page *buf;
	struct xen_ioreq_page *page;
	/* Local ports; index HV_EV_BUFIOREQ is the ring's. */
	evtchn_port_t port[PORTS_MAX];
	bool bound[PORTS_MAX];
	unsigned int vcpus;
	evtchn_port_t taken[PORTS_MAX];	/* masked until hv_ev_unmask() */
	unsigned int taken_count;
} xen;

/* ---- opening ---- */

static bool quiet = true;	/* the libraries' own lines: not while we probe */

static void log_library(struct xentoollog_logger *l, xentoollog_level level,
			int errnoval, const char *context, const char *format,
			va_list ap)
{
	char text[160];

	(void)l;
	if (quiet || level < XTL_WARN)
		return;
	vsnprintf(text, sizeof(text), format, ap);
	guest_warn("xen library: from=%s text=\"%s\" errno=%d",
		   context ? context : "?", text, errnoval);
}

static void keep_logger(struct xentoollog_logger *l)
{
	(void)l;	/* static */
}

static struct xentoollog_logger logger = { log_library, NULL, keep_logger };

/* The next open() of anybody gets @fd; plug_free() undoes it. */
static uint64_t plug_below(int fd)
{
	uint64_t plugs = 0;

	for (;;) {
		int n = open("/dev/null", O_RDWR | O_CLOEXEC);

		if (n < 0)
			die(errno, "cannot open /dev/null");
		if (n >= fd) {
			close(n);
			if (n > fd)
				die(0, "descriptor is in use already: fd=%d", fd);
			return plugs;
		}
		plugs |= UINT64_C(1) << n;
	}
}

static void plug_free(uint64_t plugs)
{
	for (int n = 0; plugs; n++, plugs >>= 1)
		if (plugs & 1)
			close(n);
}

_Noreturn static void die_no_xen(const char *path, int cause)
{
	die(0, "no Xen here (%s): %s; try contrib/demo", path, strerror(cause));
}

/* Descriptor @fd has to be @path (or @other). */
static void check_fd(int fd, const char *path, const char *other)
{
	char link[32], is[64];
	ssize_t len;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, is, sizeof(is) - 1);
	if (len < 0)
		die(errno, "Xen handle is not at its number: fd=%d want=%s", fd, path);
	is[len] = '\0';
	if (strcmp(is, path) != 0 && (!other || strcmp(is, other) != 0))
		die(0, "Xen handle is not at its number: fd=%d want=%s is=%s",
		    fd, path, is);
	xen.own |= UINT64_C(1) << fd;
}

static void open_memory(void)
{
	uint64_t plugs = plug_below(FD_HV_MEM);

	errno = 0;
	xen.fm = xenforeignmemory_open(&logger, 0);
	if (!xen.fm)
		die_no_xen(PRIVCMD, errno ? errno : ENOENT);
	plug_free(plugs);
	check_fd(FD_HV_MEM, PRIVCMD, PRIVCMD_OLD);
}

static void open_evtchn(void)
{
	uint64_t plugs = plug_below(FD_EVTCHN);
	int flags;

	xen.ev = xenevtchn_open(&logger, 0);
	if (!xen.ev)
		die_no_xen(EVTCHN, errno);
	plug_free(plugs);
	check_fd(FD_EVTCHN, EVTCHN, NULL);
	if (xenevtchn_fd(xen.ev) != FD_EVTCHN)
		die(0, "event channels are not at their number: fd=%d",
		    xenevtchn_fd(xen.ev));
	flags = fcntl(FD_EVTCHN, F_GETFL);
	if (flags < 0 || fcntl(FD_EVTCHN, F_SETFL, flags | O_NONBLOCK))
		die(errno, "event channels cannot be non-blocking");
}

/*
 * A kernel before 5.1 has no hypercall buffer device.  The library then does
 * without, and everything after it would move up: /dev/null takes its place.
 */
static void open_devicemodel(void)
{
	bool has_buf = access(HYPERCALL, F_OK) == 0;
	uint64_t plugs = plug_below(has_buf ? FD_DM_CALL : FD_DM_BUF);

	xen.dm = xendevicemodel_open(&logger, 0);
	if (!xen.dm)
		die_no_xen(PRIVCMD, errno);
	if (!has_buf)
		plugs &= ~(UINT64_C(1) << FD_DM_CALL);
	plug_free(plugs);
	check_fd(FD_DM_CALL, has_buf ? PRIVCMD : "/dev/null", PRIVCMD_OLD);
	check_fd(FD_DM_BUF, has_buf ? HYPERCALL : PRIVCMD, PRIVCMD_OLD);
	check_fd(FD_DM, PRIVCMD, NULL);
}

/* Touches the heap as every later call of the library will. */
static void warm_up(void)
{
	unsigned int vcpus;

	if (xendevicemodel_nr_vcpus(xen.dm, (domid_t)xen.hv.domid, &vcpus))
		die(errno, "no such domain, or not a guest with a device model: domid=%u",
		    xen.hv.domid);
}

static void restrict_all(struct hv *hv)
{
	if (xentoolcore_restrict_all((domid_t)hv->domid))
		die(errno, "cannot restrict the Xen handles: domid=%u", hv->domid);
}

static uint64_t own_fds(const struct hv *hv)
{
	(void)hv;
	return xen.own;
}

/* ---- guest memory ---- */

static int map(struct hv *hv, const uint64_t *gfn, unsigned int frames,
	       bool writable, struct hv_map *m, void **page, int *err)
{
	int prot = writable ? PROT_READ | PROT_WRITE : PROT_READ;
	unsigned int good = 0;
	uint8_t *base;

	_Static_assert(sizeof(xen_pfn_t) == sizeof(uint64_t), "64-bit frames");
	base = xenforeignmemory_map2(xen.fm, hv->domid, NULL, prot, 0, frames,
				     (const xen_pfn_t *)gfn, err);
	if (!base)
		return -errno;
	for (unsigned int i = 0; i < frames; i++) {
		err[i] = err[i] < 0 ? -err[i] : err[i];
		page[i] = err[i] ? NULL : base + (size_t)i * XEN_PAGE_SIZE;
		good += err[i] == 0;
	}
	if (good == 0) {
		xenforeignmemory_unmap(xen.fm, base, frames);
		return -EFAULT;
	}
	*m = (struct hv_map){ base, frames };
	return 0;
}

static void unmap(struct hv *hv, struct hv_map *m, void **page)
{
	(void)hv;
	(void)page;
	if (xenforeignmemory_unmap(xen.fm, m->base, m->frames))
		log_errno(errno, "cannot unmap guest memory: frames=%u", m->frames);
}

static void *map_run(struct hv *hv, uint64_t gfn, uint32_t frames)
{
	static xen_pfn_t list[HV_MAP_FRAMES];
	static int err[HV_MAP_FRAMES];
	uint8_t *at = NULL;

	/* Address space first, so that batches become one run. */
	at = mmap(NULL, (size_t)frames * XEN_PAGE_SIZE, PROT_NONE,
		  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (at == MAP_FAILED) {
		log_errno(errno, "cannot map a run of guest memory: frames=%u", frames);
		return NULL;
	}
	for (uint32_t done = 0; done < frames; ) {
		uint32_t n = frames - done < HV_MAP_FRAMES ? frames - done
							   : HV_MAP_FRAMES;

		for (uint32_t i = 0; i < n; i++)
			list[i] = gfn + done + i;
		if (!xenforeignmemory_map2(xen.fm, hv->domid,
					   at + (size_t)done * XEN_PAGE_SIZE,
					   PROT_READ | PROT_WRITE, MAP_FIXED,
					   n, list, err))
			goto fail;
		for (uint32_t i = 0; i < n; i++) {
			errno = -err[i];
			if (err[i])
				goto fail;
		}
		done += n;
	}
	return at;
fail:
	log_errno(errno, "cannot map a run of guest memory: gfn=0x%llx frames=%u",
		  (unsigned long long)gfn, frames);
	munmap(at, (size_t)frames * XEN_PAGE_SIZE);
	return NULL;
}

/* ---- ioreq server ---- */

static int rc_of(int r)
{
	return r ? -errno : 0;
}

static domid_t dom(const struct hv *hv)
{
	return (domid_t)hv->domid;
}

static void destroy_stale_servers(struct hv *hv)
{
	for (unsigned int id = 0; id < SERVERS_MAX; id++)
		if (xendevicemodel_destroy_ioreq_server(xen.dm, dom(hv),
							(ioservid_t)id) == 0)
			log_info("stale ioreq server destroyed: id=%u", id);
}

/* Pages as a resource, which keeps them out of the guest's reach. */
static int map_pages(struct hv *hv)
{
	uint8_t *pages = NULL;

	/* Frame 0 is the buffered ring, frame 1 the slots. */
	if (!xenforeignmemory_map_resource(xen.fm, dom(hv),
			XENMEM_resource_ioreq_server, xen.id,
			XENMEM_resource_ioreq_server_frame_bufioreq, 2,
			(void **)&pages, PROT_READ | PROT_WRITE, 0))
		return -errno;
	xen.buf = (void *)pages;
	xen.page = (void *)(pages + XEN_PAGE_SIZE);
	/* Without asking for frame numbers, which would exclude the resource. */
	return rc_of(xendevicemodel_get_ioreq_server_info(xen.dm, dom(hv), xen.id,
							  NULL, NULL,
							  &xen.buf_remote));
}

static int ioreq_create(struct hv *hv, bool destroy_stale)
{
	int rc;

	if (destroy_stale)
		destroy_stale_servers(hv);
	if (xendevicemodel_create_ioreq_server(xen.dm, dom(hv),
			XEN_BUFIOREQ_ATOMIC, &xen.id))
		return -errno;
	xen.has_server = true;
	rc = map_pages(hv);
	if (rc) {
		xendevicemodel_destroy_ioreq_server(xen.dm, dom(hv), xen.id);
		xen.has_server = false;
	}
	return rc;
}

static int ioreq_adopt(struct hv *hv, unsigned int id)
{
	xen.id = (ioservid_t)id;
	xen.has_server = true;
	return map_pages(hv);
}

static unsigned int ioreq_id(const struct hv *hv)
{
	(void)hv;
	return xen.id;
}

static struct xen_ioreq_page *ioreq_page(struct hv *hv)
{
	(void)hv;
	return xen.page;
}

static struct xen_bufioreq_page *bufioreq_page(struct hv *hv)
{
	(void)hv;
	return xen.buf;
}

static int bind_port(struct hv *hv, unsigned int ev, evtchn_port_t remote)
{
	xenevtchn_port_or_error_t port;

	if (xen.bound[ev])
		return 0;
	port = xenevtchn_bind_interdomain(xen.ev, hv->domid, remote);
	if (port < 0)
		return -errno;
	xen.port[ev] = (evtchn_port_t)port;
	xen.bound[ev] = true;
	return 0;
}

static int ioreq_enable(struct hv *hv, unsigned int vcpus)
{
	/* Only enabling writes the guest's port numbers into the slots. */
	int rc = rc_of(xendevicemodel_set_ioreq_server_state(xen.dm, dom(hv),
							     xen.id, 1));

	if (rc)
		return rc;
	xen.vcpus = vcpus;
	for (unsigned int i = 0; i < vcpus; i++) {
		rc = bind_port(hv, i, xen.page->slot[i].evtchn);
		if (rc)
			return rc;
	}
	return bind_port(hv, HV_EV_BUFIOREQ, xen.buf_remote);
}

static int ioreq_disable(struct hv *hv)
{
	return rc_of(xendevicemodel_set_ioreq_server_state(xen.dm, dom(hv),
							   xen.id, 0));
}

static void ioreq_destroy(struct hv *hv)
{
	if (!xen.has_server)
		return;
	xen.has_server = false;
	if (xendevicemodel_set_ioreq_server_state(xen.dm, dom(hv), xen.id, 0) ||
	    xendevicemodel_destroy_ioreq_server(xen.dm, dom(hv), xen.id))
		log_errno(errno, "cannot destroy the ioreq server: id=%u", xen.id);
}

/* ---- event channels ---- */

/* The event of a local port, or -1. */
static int event_of(evtchn_port_t port)
{
	for (unsigned int i = 0; i < xen.vcpus; i++)
		if (xen.bound[i] && xen.port[i] == port)
			return (int)i;
	if (xen.bound[HV_EV_BUFIOREQ] && xen.port[HV_EV_BUFIOREQ] == port)
		return HV_EV_BUFIOREQ;
	return -1;
}

static unsigned int ev_take(struct hv *hv, unsigned int *ev, unsigned int max)
{
	unsigned int room = PORTS_MAX - xen.taken_count, n = 0;
	evtchn_port_t port[PORTS_MAX];
	ssize_t r;

	(void)hv;
	if (max > room)
		max = room;
	if (max == 0)
		return 0;
	r = read(FD_EVTCHN, port, max * sizeof(port[0]));
	if (r < 0 && errno != EAGAIN && errno != EINTR)
		log_errno(errno, "cannot read event channels");
	for (ssize_t i = 0; i < r / (ssize_t)sizeof(port[0]); i++) {
		int e = event_of(port[i]);

		if (e < 0)
			continue;
		xen.taken[xen.taken_count++] = port[i];
		ev[n++] = (unsigned int)e;
	}
	return n;
}

static void ev_unmask(struct hv *hv, bool buffered)
{
	evtchn_port_t port[PORTS_MAX];
	unsigned int n = 0, kept = 0;
	size_t len;

	(void)hv;
	for (unsigned int i = 0; i < xen.taken_count; i++)
		if (buffered || event_of(xen.taken[i]) != HV_EV_BUFIOREQ)
			port[n++] = xen.taken[i];
		else
			xen.taken[kept++] = xen.taken[i];
	xen.taken_count = kept;
	len = n * sizeof(port[0]);
	if (len && write(FD_EVTCHN, port, len) != (ssize_t)len)
		log_errno(errno, "cannot unmask event channels: count=%u", n);
}

static void notify(struct hv *hv, unsigned int vcpu)
{
	(void)hv;
	if (xenevtchn_notify(xen.ev, xen.port[vcpu]))
		log_errno(errno, "cannot notify: vcpu=%u", vcpu);
}

/* ---- device-model operations ---- */

static int range_map(struct hv *hv, unsigned int space, uint64_t first,
		     uint64_t last)
{
	if (space == SPACE_PCI)
		return rc_of(xendevicemodel_map_pcidev_to_ioreq_server(xen.dm,
				dom(hv), xen.id, 0, 0, (uint8_t)(first >> 3),
				(uint8_t)(first & 7)));
	return rc_of(xendevicemodel_map_io_range_to_ioreq_server(xen.dm, dom(hv),
			xen.id, space == SPACE_MEMORY, first, last));
}

static int range_unmap(struct hv *hv, unsigned int space, uint64_t first,
		       uint64_t last)
{
	if (space == SPACE_PCI)
		return rc_of(xendevicemodel_unmap_pcidev_from_ioreq_server(xen.dm,
				dom(hv), xen.id, 0, 0, (uint8_t)(first >> 3),
				(uint8_t)(first & 7)));
	return rc_of(xendevicemodel_unmap_io_range_from_ioreq_server(xen.dm,
			dom(hv), xen.id, space == SPACE_MEMORY, first, last));
}

static int isa_irq(struct hv *hv, unsigned int line, bool level)
{
	return rc_of(xendevicemodel_set_isa_irq_level(xen.dm, dom(hv),
						      (uint8_t)line, level));
}

static int pci_intx(struct hv *hv, unsigned int dev, unsigned int pin, bool level)
{
	return rc_of(xendevicemodel_set_pci_intx_level(xen.dm, dom(hv), 0, 0,
						       (uint8_t)dev,
						       (uint8_t)pin, level));
}

static int msi(struct hv *hv, uint64_t addr, uint32_t data)
{
	return rc_of(xendevicemodel_inject_msi(xen.dm, dom(hv), addr, data));
}

static int link_route(struct hv *hv, unsigned int link, unsigned int line)
{
	return rc_of(xendevicemodel_set_pci_link_route(xen.dm, dom(hv),
						       (uint8_t)link,
						       (uint8_t)line));
}

static int mem_type(struct hv *hv, uint64_t gfn, uint32_t frames, bool read_only)
{
	return rc_of(xendevicemodel_set_mem_type(xen.dm, dom(hv),
			read_only ? HVMMEM_ram_ro : HVMMEM_ram_rw, gfn, frames));
}

static int shut_down(struct hv *hv, unsigned int reason)
{
	return rc_of(xendevicemodel_shutdown(xen.dm, dom(hv), reason));
}

static int relocate(struct hv *hv, uint64_t from_gfn, uint64_t to_gfn,
		    uint32_t frames)
{
	return rc_of(xendevicemodel_relocate_memory(xen.dm, dom(hv), frames,
						    from_gfn, to_gfn));
}

static int pin_wb(struct hv *hv, uint64_t gfn, uint32_t frames, bool on)
{
	return rc_of(xendevicemodel_pin_memory_cacheattr(xen.dm, dom(hv), gfn,
			gfn + frames - 1, on ? XEN_DMOP_MEM_CACHEATTR_WB
					     : XEN_DMOP_DELETE_MEM_CACHEATTR));
}

static int track_dirty(struct hv *hv, uint64_t gfn, uint32_t frames, void *bits)
{
	return rc_of(xendevicemodel_track_dirty_vram(xen.dm, dom(hv), gfn, frames,
						     bits));
}

static int modified(struct hv *hv, uint64_t gfn, uint32_t frames)
{
	return rc_of(xendevicemodel_modified_memory(xen.dm, dom(hv), gfn, frames));
}

static int nr_vcpus(struct hv *hv, unsigned int *vcpus)
{
	return rc_of(xendevicemodel_nr_vcpus(xen.dm, dom(hv), vcpus));
}

static const struct hv_ops xen_ops = {
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

struct hv *hv_xen_open(uint32_t domid, enum hv_use use)
{
	xen.hv = (struct hv){ &xen_ops, domid, use, false };
	open_memory();
	if (use == HV_BROKER) {
		open_evtchn();
		open_devicemodel();
		warm_up();
	}
	quiet = false;
	return &xen.hv;
}
