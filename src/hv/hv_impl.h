/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hv/hv_impl.h - what stands behind hv/hv.h
 *
 * Private to src/hv.  hv.c checks arguments and hands on to one table;
 * hv_xen.c and hv_fake.c each provide one.  Contracts: hv/hv.h.
 */
#ifndef HV_HV_IMPL_H
#define HV_HV_IMPL_H

#include "hv/hv.h"

struct hv_ops {
	void (*restrict_all)(struct hv *hv);
	uint64_t (*own_fds)(const struct hv *hv);
	int (*map)(struct hv *hv, const uint64_t *gfn, unsigned int frames,
		   bool writable, struct hv_map *map, void **page, int *err);
	void (*unmap)(struct hv *hv, struct hv_map *map, void **page);
	void *(*map_run)(struct hv *hv, uint64_t gfn, uint32_t frames);

	int (*ioreq_create)(struct hv *hv, bool destroy_stale);
	int (*ioreq_adopt)(struct hv *hv, unsigned int id);
	unsigned int (*ioreq_id)(const struct hv *hv);
	struct xen_ioreq_page *(*ioreq_page)(struct hv *hv);
	struct xen_bufioreq_page *(*bufioreq_page)(struct hv *hv);
	int (*ioreq_enable)(struct hv *hv, unsigned int vcpus);
	int (*ioreq_disable)(struct hv *hv);
	void (*ioreq_destroy)(struct hv *hv);

	unsigned int (*ev_take)(struct hv *hv, unsigned int *ev, unsigned int max);
	void (*ev_unmask)(struct hv *hv, bool buffered);
	void (*notify)(struct hv *hv, unsigned int vcpu);

	int (*range_map)(struct hv *hv, unsigned int space, uint64_t first,
			 uint64_t last);
	int (*range_unmap)(struct hv *hv, unsigned int space, uint64_t first,
			   uint64_t last);
	int (*isa_irq)(struct hv *hv, unsigned int line, bool level);
	int (*pci_intx)(struct hv *hv, unsigned int dev, unsigned int pin,
			bool level);
	int (*msi)(struct hv *hv, uint64_t addr, uint32_t data);
	int (*link_route)(struct hv *hv, unsigned int link, unsigned int line);
	int (*mem_type)(struct hv *hv, uint64_t gfn, uint32_t frames,
			bool read_only);
	int (*shutdown)(struct hv *hv, unsigned int reason);
	int (*relocate)(struct hv *hv, uint64_t from_gfn, uint64_t to_gfn,
			uint32_t frames);
	int (*pin_wb)(struct hv *hv, uint64_t gfn, uint32_t frames, bool on);
	int (*track_dirty)(struct hv *hv, uint64_t gfn, uint32_t frames,
			   void *bits);
	int (*modified)(struct hv *hv, uint64_t gfn, uint32_t frames);
	int (*nr_vcpus)(struct hv *hv, unsigned int *vcpus);
};

/* First member of each implementation's struct. */
struct hv {
	const struct hv_ops *ops;
	uint32_t domid;
	enum hv_use use;
	bool guest_is_process;
};

/* Space numbers of hv_range_map(), equal to enum chan_space and to Xen's. */
enum { SPACE_PORT, SPACE_MEMORY, SPACE_PCI, SPACE_COUNT };

/* One process uses one of them, once. */
struct hv *hv_xen_open(uint32_t domid, enum hv_use use);
struct hv *hv_fake_open(uint32_t domid, enum hv_use use);

#endif /* HV_HV_IMPL_H */
