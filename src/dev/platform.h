/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dev/platform.h - the machine's small devices, put together
 */
#ifndef DEV_PLATFORM_H
#define DEV_PLATFORM_H

#include <stdbool.h>
#include <stdint.h>

#include "bus/chr.h"
#include "dev/cmos.h"
#include "dev/i440fx.h"
#include "dev/i8042.h"
#include "dev/piix3.h"
#include "dev/piix4_pm.h"
#include "dev/uart16550.h"
#include "dev/xen_platform.h"

#define PLATFORM_SERIALS	4u

struct platform_conf {
	unsigned int vcpus;			/* online at start */
	uint64_t ram_below_4g_bytes, ram_above_4g_bytes;
	const char *boot;			/* "cda" */
	uint16_t disk_cyls[CMOS_DISKS];		/* as struct cmos_conf has it */
	bool xen_pci;				/* Xen platform device is there */
	bool accept_unplug;
	struct {
		bool present;
		struct chr *chr;		/* NULL: output is discarded */
	} serial[PLATFORM_SERIALS];
};

struct platform {
	struct i440fx host;
	struct piix3 isa;
	struct piix4_pm pm;
	struct xen_platform xen;
	struct cmos cmos;
	struct i8042 i8042;
	struct uart serial[PLATFORM_SERIALS];
};

/* @p is zeroed. */
void platform_init(struct platform *p, struct bus *b,
		   const struct platform_conf *conf);

#endif /* DEV_PLATFORM_H */
