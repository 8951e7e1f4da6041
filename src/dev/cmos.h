/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dev/cmos.h - the CMOS bytes that Xen leaves to the device model
 */
#ifndef DEV_CMOS_H
#define DEV_CMOS_H

#include <stdint.h>

#include "bus/bus.h"

#define CMOS_SHUTDOWN_STATUS	0x0fu
#define CMOS_SHUTDOWN_S3	0xfeu	/* firmware resumes instead of booting */
#define CMOS_DISKS		4u

struct cmos_regs {		/* committed */
	uint8_t index;
	uint8_t data[128];	/* 0-13 are Xen's and never reached */
};

struct cmos {
	struct cmos_regs r;
	struct bus *bus;
	bus_dev_id id;
};

struct cmos_conf {
	uint64_t ram_below_4g_bytes, ram_above_4g_bytes;
	unsigned int vcpus;
	const char *boot;	/* letters a, c, d, n in order; others and what
				   follows the third are ignored */
	/* IDE hard disks: cylinders of 16 heads and 63 sectors; 0: none */
	uint16_t disk_cyls[CMOS_DISKS];
};

extern const struct reg_file cmos_regs;

/* @s is zeroed. */
void cmos_init(struct cmos *s, struct bus *b, const struct cmos_conf *conf);
/* From another device: byte @index, 14-127. */
void cmos_set(struct cmos *s, unsigned int index, uint8_t v);

#endif /* DEV_CMOS_H */
