/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/plan.h - fills in struct plan: what each worker may claim
 */
#ifndef SUPERVISOR_PLAN_H
#define SUPERVISOR_PLAN_H

#include "abi/plan.h"
#include "supervisor/conf.h"
#include "supervisor/vram.h"

/* Channel numbers: the index in plan.worker. */
enum plan_channel {
	PLAN_CHAN_PLATFORM, PLAN_CHAN_DISK0, PLAN_CHAN_VGA,
	PLAN_CHAN_NET0,			/* one for each struct conf_nic */
	PLAN_CHAN_END = PLAN_CHAN_NET0 + CONF_NICS
};

void plan_fill(struct plan *p, const struct conf *c, const struct vram_layout *l);

/* PCI device number of the display: the first slot that is free. */
unsigned int plan_vga_slot(const struct conf *c);
/* ... and of network card @nic: those after it, in order. */
unsigned int plan_nic_slot(const struct conf *c, unsigned int nic);

/* A sealed memfd with @p in it, open for reading only; or -errno. */
int plan_make_fd(const struct plan *p);

/* A second descriptor for the same memory that cannot write; or -errno. */
int plan_reopen_read_only(int fd);

#endif /* SUPERVISOR_PLAN_H */
