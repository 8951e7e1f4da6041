/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dev/i440fx.h - host bridge 00:00.0
 */
#ifndef DEV_I440FX_H
#define DEV_I440FX_H

#include <stdint.h>

#include "bus/pci.h"

struct i440fx {
	struct pci_func pci;
};

/* @s is zeroed.  @ram_bytes: all of the guest's RAM. */
void i440fx_init(struct i440fx *s, struct bus *b, uint64_t ram_bytes);

#endif /* DEV_I440FX_H */
