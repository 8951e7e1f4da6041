/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dev/piix3.h - ISA bridge 00:01.0, reset control and port 0x92
 */
#ifndef DEV_PIIX3_H
#define DEV_PIIX3_H

#include <stdint.h>

#include "bus/pci.h"

struct piix3_regs {		/* committed */
	uint32_t confadd;	/* last dword written to 0xcf8 */
	uint8_t rcr;		/* 0xcf9 */
	uint8_t port92;
};

struct piix3 {
	struct piix3_regs r;
	struct pci_func pci;
	struct bus *bus;
};

extern const struct reg_file piix3_confadd_regs, piix3_port92_regs;

/* @s is zeroed. */
void piix3_init(struct piix3 *s, struct bus *b);

#endif /* DEV_PIIX3_H */
