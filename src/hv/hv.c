/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hv/hv.c - picks the hypervisor and hands every call on to it
 *
 * Runs in the broker and in workers with guest memory.  Arguments that would
 * be a mistake of ours are caught here, once for both implementations; what
 * comes from a guest or a worker was checked by the caller.
 */
#include "hv/hv.h"

#include <string.h>

#include "abi/fds.h"
#include "base/bug.h"
#include "hv/hv_impl.h"

struct hv *hv_open(const char *kind, uint32_t domid, enum hv_use use)
{
	if (strcmp(kind, "xen") == 0)
		return hv_xen_open(domid, use);
	if (strcmp(kind, "fake") == 0)
		return hv_fake_open(domid, use);
	die(0, "unknown hypervisor: hv=%s", kind);
}

void hv_restrict(struct hv *hv)
{
	hv->ops->restrict_all(hv);
}

uint64_t hv_own_fds(const struct hv *hv)
{
	return hv->ops->own_fds(hv);
}

int hv_map(struct hv *hv, const uint64_t *gfn, unsigned int frames, bool writable,
	   struct hv_map *map, void **page, int *err)
{
	bug_on(frames == 0 || frames > HV_MAP_FRAMES);
	return hv->ops->map(hv, gfn, frames, writable, map, page, err);
}

void hv_unmap(struct hv *hv, struct hv_map *map, void **page)
{
	hv->ops->unmap(hv, map, page);
	*map = (struct hv_map){ 0 };
}

void *hv_map_run(struct hv *hv, uint64_t gfn, uint32_t frames)
{
	bug_on(frames == 0);
	return hv->ops->map_run(hv, gfn, frames);
}

int hv_ioreq_create(struct hv *hv, bool destroy_stale)
{
	bug_on(hv->use != HV_BROKER);
	return hv->ops->ioreq_create(hv, destroy_stale);
}

int hv_ioreq_adopt(struct hv *hv, unsigned int id)
{
	bug_on(hv->use != HV_BROKER);
	return hv->ops->ioreq_adopt(hv, id);
}

unsigned int hv_ioreq_id(const struct hv *hv)
{
	return hv->ops->ioreq_id(hv);
}

struct xen_ioreq_page *hv_ioreq_page(struct hv *hv)
{
	return hv->ops->ioreq_page(hv);
}

struct xen_bufioreq_page *hv_bufioreq_page(struct hv *hv)
{
	return hv->ops->bufioreq_page(hv);
}

int hv_ioreq_enable(struct hv *hv, unsigned int vcpus)
{
	bug_on(vcpus == 0 || vcpus > XEN_IOREQ_SLOTS);
	return hv->ops->ioreq_enable(hv, vcpus);
}

int hv_ioreq_disable(struct hv *hv)
{
	return hv->ops->ioreq_disable(hv);
}

void hv_ioreq_destroy(struct hv *hv)
{
	hv->ops->ioreq_destroy(hv);
}

int hv_ev_fd(const struct hv *hv)
{
	bug_on(hv->use != HV_BROKER);
	return FD_EVTCHN;
}

bool hv_guest_is_process(const struct hv *hv)
{
	return hv->guest_is_process;
}

unsigned int hv_ev_take(struct hv *hv, unsigned int *ev, unsigned int max)
{
	return hv->ops->ev_take(hv, ev, max);
}

void hv_ev_unmask(struct hv *hv, bool buffered)
{
	hv->ops->ev_unmask(hv, buffered);
}

void hv_notify(struct hv *hv, unsigned int vcpu)
{
	bug_on(vcpu >= XEN_IOREQ_SLOTS);
	hv->ops->notify(hv, vcpu);
}

int hv_range_map(struct hv *hv, unsigned int space, uint64_t first, uint64_t last)
{
	bug_on(space >= SPACE_COUNT || first > last);
	return hv->ops->range_map(hv, space, first, last);
}

int hv_range_unmap(struct hv *hv, unsigned int space, uint64_t first, uint64_t last)
{
	bug_on(space >= SPACE_COUNT || first > last);
	return hv->ops->range_unmap(hv, space, first, last);
}

int hv_isa_irq(struct hv *hv, unsigned int line, bool level)
{
	bug_on(line > 15);
	return hv->ops->isa_irq(hv, line, level);
}

int hv_pci_intx(struct hv *hv, unsigned int dev, unsigned int pin, bool level)
{
	bug_on(dev > 31 || pin > 3);
	return hv->ops->pci_intx(hv, dev, pin, level);
}

int hv_msi(struct hv *hv, uint64_t addr, uint32_t data)
{
	return hv->ops->msi(hv, addr, data);
}

int hv_link_route(struct hv *hv, unsigned int link, unsigned int line)
{
	bug_on(link > 3 || line > 15);
	return hv->ops->link_route(hv, link, line);
}

int hv_mem_type(struct hv *hv, uint64_t gfn, uint32_t frames, bool read_only)
{
	return hv->ops->mem_type(hv, gfn, frames, read_only);
}

int hv_shutdown(struct hv *hv, unsigned int reason)
{
	return hv->ops->shutdown(hv, reason);
}

int hv_relocate(struct hv *hv, uint64_t from_gfn, uint64_t to_gfn, uint32_t frames)
{
	return hv->ops->relocate(hv, from_gfn, to_gfn, frames);
}

int hv_pin_wb(struct hv *hv, uint64_t gfn, uint32_t frames, bool on)
{
	bug_on(frames == 0);
	return hv->ops->pin_wb(hv, gfn, frames, on);
}

int hv_track_dirty(struct hv *hv, uint64_t gfn, uint32_t frames, void *bits)
{
	return hv->ops->track_dirty(hv, gfn, frames, bits);
}

int hv_modified(struct hv *hv, uint64_t gfn, uint32_t frames)
{
	return hv->ops->modified(hv, gfn, frames);
}

int hv_nr_vcpus(struct hv *hv, unsigned int *vcpus)
{
	return hv->ops->nr_vcpus(hv, vcpus);
}
