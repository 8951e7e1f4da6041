/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hv/hv.h - the only way to a hypervisor
 *
 * Two implementations with the same behaviour: hv_xen.c (the Xen libraries)
 * and hv_fake.c (an in-memory hypervisor over memfds and a socket, for tests;
 * hv/fake.h has its layout).  Both are in the production binaries, so tests
 * run those.  A worker uses only the map calls; the broker everything.
 *
 * All functions return 0 or -errno unless they say otherwise.  None allocates
 * after hv_restrict().
 */
#ifndef HV_HV_H
#define HV_HV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/xen_ioreq.h"

struct hv;

enum hv_use {
	HV_WORKER,	/* maps guest frames */
	HV_BROKER,	/* ioreq server, event channels, device-model calls, maps */
};

/*
 * Opens the handles at the numbers of abi/fds.h (it relies on the lowest free
 * number being handed out, and dies if one lands elsewhere).  @kind "xen" or
 * "fake".  With "fake" the descriptors are inherited at the same numbers.
 * Start-up only; dies with a clear line where there is no Xen:
 * "no Xen here (/dev/xen/privcmd): No such file or directory; try contrib/demo".
 */
struct hv *hv_open(const char *kind, uint32_t domid, enum hv_use use);

/* xentoolcore_restrict_all(): from here on every handle reaches only @domid. */
void hv_restrict(struct hv *hv);

/* Bit per descriptor that hv_open() opened itself; 0 with "fake". */
uint64_t hv_own_fds(const struct hv *hv);

/* ---- guest memory (worker, broker) ---- */

#define HV_MAP_FRAMES	512u

/* One mapping of up to HV_MAP_FRAMES frames; goes as the whole it came. */
struct hv_map {
	void *base;		/* NULL: not contiguous, see page[] (fake) */
	unsigned int frames;
};

/*
 * Maps @frames guest frames.  err[i] is 0 or an errno for frame i; page[i] is
 * its address or NULL.  Returns 0 if at least one could be mapped.  One mmap
 * and one ioctl on Xen.
 */
int hv_map(struct hv *hv, const uint64_t *gfn, unsigned int frames, bool writable,
	   struct hv_map *map, void **page, int *err);
/* @page as filled by hv_map(). */
void hv_unmap(struct hv *hv, struct hv_map *map, void **page);

/*
 * Maps [gfn, gfn + frames) writable at consecutive addresses, for good.
 * Start-up only (before hv_restrict() or after, but before the filter).
 * NULL and a log line if any frame cannot be mapped.
 */
void *hv_map_run(struct hv *hv, uint64_t gfn, uint32_t frames);

/* ---- ioreq server (broker) ---- */

/*
 * Creates the server with an atomic buffered ring, maps both pages (as a
 * resource), but does not enable it.  Destroys servers that a dead predecessor
 * of this domain left behind, if @destroy_stale.
 */
int hv_ioreq_create(struct hv *hv, bool destroy_stale);
/*
 * A successor of a dead broker: take the server @id over as it is, with its
 * ranges, and map its pages.  Then hv_ioreq_enable() binds the channels again
 * (each is pending once after that: look at every slot).
 */
int hv_ioreq_adopt(struct hv *hv, unsigned int id);
/* The number Xen gave our server. */
unsigned int hv_ioreq_id(const struct hv *hv);
struct xen_ioreq_page *hv_ioreq_page(struct hv *hv);
struct xen_bufioreq_page *hv_bufioreq_page(struct hv *hv);
/* Enables it and binds the event channels of vCPUs 0..@vcpus-1 and of the
   buffered ring.  Needs to happen before hv_restrict() only if the binding
   does (evtchn restricted to the domain still may). */
int hv_ioreq_enable(struct hv *hv, unsigned int vcpus);
int hv_ioreq_disable(struct hv *hv);
void hv_ioreq_destroy(struct hv *hv);

/* ---- event channels (broker) ---- */

#define HV_EV_BUFIOREQ	XEN_IOREQ_SLOTS	/* in place of a vCPU number */

/* Readable when an unmasked channel is pending. */
int hv_ev_fd(const struct hv *hv);
/* Is the guest a process of this machine, which needs a CPU that we look
   from?  (In memory; Xen runs a guest beside us.) */
bool hv_guest_is_process(const struct hv *hv);
/*
 * Takes pending channels without blocking: ev[] gets vCPU numbers or
 * HV_EV_BUFIOREQ.  A channel taken stays masked (it cannot make the fd
 * readable) until hv_ev_unmask().  Returns how many.
 */
unsigned int hv_ev_take(struct hv *hv, unsigned int *ev, unsigned int max);
/* Unmask the channels taken; one that went pending meanwhile makes the fd
   readable at once.  Call before sleeping.  Without @buffered that of the
   buffered ring stays masked (and taken). */
void hv_ev_unmask(struct hv *hv, bool buffered);
/* Tell Xen that the vCPU's slot was answered. */
void hv_notify(struct hv *hv, unsigned int vcpu);

/* ---- device-model operations (broker) ---- */

/* Ranges are inclusive.  @space: enum chan_space of abi/chan.h as a number:
   0 ports, 1 memory, 2 PCI (first = last = devfn on bus 0). */
int hv_range_map(struct hv *hv, unsigned int space, uint64_t first, uint64_t last);
int hv_range_unmap(struct hv *hv, unsigned int space, uint64_t first, uint64_t last);
int hv_isa_irq(struct hv *hv, unsigned int line, bool level);
int hv_pci_intx(struct hv *hv, unsigned int dev, unsigned int pin, bool level);
int hv_msi(struct hv *hv, uint64_t addr, uint32_t data);
int hv_link_route(struct hv *hv, unsigned int link, unsigned int line);
int hv_mem_type(struct hv *hv, uint64_t gfn, uint32_t frames, bool read_only);
int hv_shutdown(struct hv *hv, unsigned int reason);
int hv_relocate(struct hv *hv, uint64_t from_gfn, uint64_t to_gfn, uint32_t frames);
/* Pin [gfn, gfn+frames) as write-back, or drop the pinning. */
int hv_pin_wb(struct hv *hv, uint64_t gfn, uint32_t frames, bool on);
/* Dirty bits since the last call for [gfn, gfn+frames); frames 0: stop. */
int hv_track_dirty(struct hv *hv, uint64_t gfn, uint32_t frames, void *bits);
int hv_modified(struct hv *hv, uint64_t gfn, uint32_t frames);
/* Number of vCPUs (maximum) of the domain. */
int hv_nr_vcpus(struct hv *hv, unsigned int *vcpus);

#endif /* HV_HV_H */
