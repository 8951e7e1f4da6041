/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dev/xen_platform.h - Xen platform device 00:02.0 and its fixed ports
 */
#ifndef DEV_XEN_PLATFORM_H
#define DEV_XEN_PLATFORM_H

#include <stdbool.h>
#include <stdint.h>

#include "bus/pci.h"

#define XEN_PLATFORM_LINE_MAX	256u

struct xen_platform_regs {	/* committed */
	uint8_t rom_locked;
	uint8_t unplugged;	/* UNPLUG_* accepted so far */
	uint16_t product;	/* what the guest's drivers say they are */
	uint32_t build;
	uint16_t line_len;
	char line[XEN_PLATFORM_LINE_MAX];	/* of the log port, so far */
};

struct xen_platform {
	struct xen_platform_regs r;
	struct pci_func pci;
	struct bus *bus;
	bool accept_unplug;
};

/* @s is zeroed. */
void xen_platform_init(struct xen_platform *s, struct bus *b,
		       bool accept_unplug);

#endif /* DEV_XEN_PLATFORM_H */
