/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/xenlab/attempt.c - one call to Xen through a given descriptor
 *
 * Runs in the lab's dom0, as root.  Uses the kernel's interface and no library
 * of Xen, so that it is the descriptor and nothing else that decides.  Does not
 * judge what comes back: handles.c.
 */
#define __XEN_TOOLS__ 1		/* the header's word for domctl */
#include "xenlab/attempt.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <xen/xen.h>
#include <xen/domctl.h>
#include <xen/event_channel.h>
#include <xen/hvm/dm_op.h>
#include <xen/hvm/hvm_op.h>
#include <xen/hvm/params.h>
#include <xen/memory.h>
#include <xen/sys/evtchn.h>
#include <xen/sys/privcmd.h>
#include <xen/version.h>

#include "policy/inject.h"

#define PAGE		4096u

/* What a call's pointers point to; copied into the caller's memory. */
struct scratch {
	union {
		privcmd_hypercall_t hypercall;
		privcmd_mmap_t mmap;
		privcmd_mmapbatch_t batch;
		privcmd_mmapbatch_v2_t batch_v2;
		privcmd_mmap_resource_t resource;
		privcmd_dm_op_t dm_op;
		domid_t domid;
		struct ioctl_evtchn_bind_virq bind_virq;
		struct ioctl_evtchn_bind_interdomain bind;
		struct ioctl_evtchn_bind_unbound_port bind_unbound;
		struct ioctl_evtchn_unbind unbind;
		struct ioctl_evtchn_notify notify;
		struct ioctl_evtchn_restrict_domid restrict_domid;
	} arg;
	union {
		struct xen_dm_op dm_op;
		struct xen_hvm_param param;
		struct xen_domctl domctl;
		struct evtchn_alloc_unbound alloc;
	} data;
	privcmd_dm_op_buf_t buf;
	privcmd_mmap_entry_t entry;
	xen_pfn_t gfn;
	int err;
};

_Static_assert(sizeof(struct scratch) <= PAGE, "one page");

/* ==== who calls ======================================================== */

bool caller_be_us(struct caller *c)
{
	/* Xen reads it by our address: it has to be there. */
	void *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE |
			  MAP_ANONYMOUS | MAP_LOCKED | MAP_POPULATE, -1, 0);

	*c = (struct caller){ NULL, -1, (uintptr_t)page };
	return page != MAP_FAILED;
}

bool caller_be_victim(struct caller *c, struct victim *v)
{
	uint64_t sp = victim_stack(v);
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/mem", v->pid);
	/* Below what it uses, and below what a leaf function may use. */
	*c = (struct caller){ v, open(path, O_RDWR | O_CLOEXEC),
			      (sp - 2 * PAGE) & ~(uint64_t)(PAGE - 1) };
	return sp && c->memory >= 0;
}

static int64_t call(struct caller *c, long nr, const uint64_t a[6])
{
	int64_t result = 0;
	int rc;

	if (!c->victim) {
		result = syscall(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
		return result == -1 ? -errno : result;
	}
	rc = victim_call(c->victim, nr, a, &result);
	if (rc < 0)
		return -ESRCH;
	return rc ? ATTEMPT_DIED - rc : result;
}

static bool put(struct caller *c, const struct scratch *s)
{
	if (!c->victim) {
		memcpy((void *)(uintptr_t)c->scratch, s, sizeof(*s));
		return true;
	}
	return pwrite(c->memory, s, sizeof(*s), (off_t)c->scratch) ==
		(ssize_t)sizeof(*s);
}

static bool get(struct caller *c, struct scratch *s)
{
	if (!c->victim) {
		memcpy(s, (void *)(uintptr_t)c->scratch, sizeof(*s));
		return true;
	}
	return pread(c->memory, s, sizeof(*s), (off_t)c->scratch) ==
		(ssize_t)sizeof(*s);
}

/* Where a field of the scratch will be. */
static void *there(struct caller *c, size_t offset)
{
	return (void *)(uintptr_t)(c->scratch + offset);
}

static int64_t call_ioctl(struct caller *c, int fd, unsigned long cmd,
			  struct scratch *s)
{
	const uint64_t a[6] = { (uint64_t)fd, cmd,
				c->scratch + offsetof(struct scratch, arg) };
	int64_t result;

	if (!put(c, s))
		return -EFAULT;
	result = call(c, SYS_ioctl, a);
	return result >= 0 && !get(c, s) ? -EFAULT : result;
}

/* ==== privcmd ========================================================== */

int64_t attempt_dm_op(struct caller *c, int fd, const struct target *t)
{
	struct scratch s = {
		.arg.dm_op = { (domid_t)t->domid, 1,
			       there(c, offsetof(struct scratch, buf)) },
		.data.dm_op.op = XEN_DMOP_nr_vcpus,
		.buf = { there(c, offsetof(struct scratch, data)),
			 sizeof(s.data.dm_op) },
	};
	int64_t r = call_ioctl(c, fd, IOCTL_PRIVCMD_DM_OP, &s);

	return r ? r : s.data.dm_op.u.nr_vcpus.vcpus;
}

/* A page of address space on @fd. */
static int64_t map_space(struct caller *c, int fd)
{
	const uint64_t a[6] = { 0, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED,
				(uint64_t)fd, 0 };

	return call(c, SYS_mmap, a);
}

/* Ends what map_space() began; @r is what came between. */
static int64_t unmap_space(struct caller *c, int64_t at, int64_t r,
			   const struct target *t)
{
	const uint64_t a[6] = { (uint64_t)at, PAGE };
	int64_t rc;

	if (r < ATTEMPT_DIED)
		return r;
	if (r >= 0 && t->copy && !c->victim)
		memcpy(t->copy, (void *)(uintptr_t)at, PAGE);
	rc = call(c, SYS_munmap, a);
	return rc < 0 ? rc : r;
}

int64_t attempt_resource(struct caller *c, int fd, const struct target *t)
{
	int64_t at = map_space(c, fd);
	struct scratch s = {
		.arg.resource = {
			(domid_t)t->domid, XENMEM_resource_ioreq_server, t->server,
			XENMEM_resource_ioreq_server_frame_ioreq(0), 1,
			(uint64_t)at,
		},
	};

	if (at < 0)
		return at;
	return unmap_space(c, at, call_ioctl(c, fd, IOCTL_PRIVCMD_MMAP_RESOURCE,
					     &s), t);
}

int64_t attempt_map(struct caller *c, int fd, const struct target *t)
{
	int64_t at = map_space(c, fd), r;
	struct scratch s = {
		.arg.batch_v2 = { 1, (domid_t)t->domid, (uint64_t)at,
				  there(c, offsetof(struct scratch, gfn)),
				  there(c, offsetof(struct scratch, err)) },
		.gfn = t->gfn,
	};

	if (at < 0)
		return at;
	r = call_ioctl(c, fd, IOCTL_PRIVCMD_MMAPBATCH_V2, &s);
	return unmap_space(c, at, r == 0 ? s.err : r, t);
}

int64_t attempt_map_v1(struct caller *c, int fd, const struct target *t)
{
	int64_t at = map_space(c, fd), r;
	struct scratch s = {
		.arg.batch = { 1, (domid_t)t->domid, (uint64_t)at,
			       there(c, offsetof(struct scratch, gfn)) },
		.gfn = t->gfn,
	};

	if (at < 0)
		return at;
	r = call_ioctl(c, fd, IOCTL_PRIVCMD_MMAPBATCH, &s);
	/* An error of the frame is in its upper bits. */
	return unmap_space(c, at, r == 0 && s.gfn != t->gfn ? -EFAULT : r, t);
}

int64_t attempt_map_v0(struct caller *c, int fd, const struct target *t)
{
	int64_t at = map_space(c, fd);
	struct scratch s = {
		.arg.mmap = { 1, (domid_t)t->domid,
			      there(c, offsetof(struct scratch, entry)) },
		.entry = { (uint64_t)at, t->gfn, 1 },
	};

	if (at < 0)
		return at;
	return unmap_space(c, at, call_ioctl(c, fd, IOCTL_PRIVCMD_MMAP, &s), t);
}

int64_t attempt_restrict(struct caller *c, int fd, const struct target *t)
{
	struct scratch s = { .arg.domid = (domid_t)t->domid };

	return call_ioctl(c, fd, IOCTL_PRIVCMD_RESTRICT, &s);
}

int64_t attempt_version(struct caller *c, int fd, const struct target *t)
{
	struct scratch s = {
		.arg.hypercall = { __HYPERVISOR_xen_version,
				   { XENVER_version, 0 } },
	};

	(void)t;
	return call_ioctl(c, fd, IOCTL_PRIVCMD_HYPERCALL, &s);
}

/* The second word of most hypercalls. */
static uint64_t data_at(struct caller *c)
{
	return c->scratch + offsetof(struct scratch, data);
}

int64_t attempt_param(struct caller *c, int fd, const struct target *t)
{
	struct scratch s = {
		.arg.hypercall = { __HYPERVISOR_hvm_op,
				   { HVMOP_get_param, data_at(c) } },
		.data.param = { .domid = (domid_t)t->domid,
				.index = HVM_PARAM_STORE_PFN },
	};

	return call_ioctl(c, fd, IOCTL_PRIVCMD_HYPERCALL, &s);
}

int64_t attempt_domctl(struct caller *c, int fd, const struct target *t)
{
	struct scratch s = {
		.arg.hypercall = { __HYPERVISOR_domctl, { data_at(c) } },
		.data.domctl = { .cmd = XEN_DOMCTL_getdomaininfo,
				 .interface_version = XEN_DOMCTL_INTERFACE_VERSION,
				 .domain = (domid_t)t->domid },
	};
	int64_t r = call_ioctl(c, fd, IOCTL_PRIVCMD_HYPERCALL, &s);

	if (r == 0 && s.data.domctl.u.getdomaininfo.domain != t->domid)
		return -ENODATA;
	return r;
}

int64_t attempt_alloc_port(struct caller *c, int fd, const struct target *t)
{
	struct scratch s = {
		.arg.hypercall = { __HYPERVISOR_event_channel_op,
				   { EVTCHNOP_alloc_unbound, data_at(c) } },
		.data.alloc = { .dom = (domid_t)t->domid, .remote_dom = 0 },
	};
	int64_t r = call_ioctl(c, fd, IOCTL_PRIVCMD_HYPERCALL, &s);

	return r ? r : s.data.alloc.port;
}

/* ==== evtchn =========================================================== */

/* Gives back what a bind returned. */
static int64_t unbind(struct caller *c, int fd, int64_t port)
{
	struct scratch s = { .arg.unbind = { (unsigned int)port } };
	int64_t r;

	if (port <= 0)
		return port;
	r = call_ioctl(c, fd, IOCTL_EVTCHN_UNBIND, &s);
	return r < 0 ? r : port;
}

int64_t attempt_bind(struct caller *c, int fd, const struct target *t)
{
	struct scratch s = { .arg.bind = { t->domid, t->port } };

	return unbind(c, fd, call_ioctl(c, fd, IOCTL_EVTCHN_BIND_INTERDOMAIN, &s));
}

int64_t attempt_bind_unbound(struct caller *c, int fd, const struct target *t)
{
	struct scratch s = { .arg.bind_unbound = { t->domid } };

	return unbind(c, fd, call_ioctl(c, fd, IOCTL_EVTCHN_BIND_UNBOUND_PORT, &s));
}

int64_t attempt_bind_virq(struct caller *c, int fd, const struct target *t)
{
	struct scratch s = { .arg.bind_virq = { VIRQ_TBUF } };

	(void)t;
	return unbind(c, fd, call_ioctl(c, fd, IOCTL_EVTCHN_BIND_VIRQ, &s));
}

int64_t attempt_restrict_evtchn(struct caller *c, int fd, const struct target *t)
{
	struct scratch s = { .arg.restrict_domid = { (domid_t)t->domid } };

	return call_ioctl(c, fd, IOCTL_EVTCHN_RESTRICT_DOMID, &s);
}

int64_t attempt_notify(struct caller *c, int fd, const struct target *t)
{
	struct scratch s = { .arg.notify = { t->port } };

	return call_ioctl(c, fd, IOCTL_EVTCHN_NOTIFY, &s);
}
