/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dev/piix4_pm.h - power management function 00:01.3 and the ACPI blocks that
 *                  hvmloader's tables promise
 */
#ifndef DEV_PIIX4_PM_H
#define DEV_PIIX4_PM_H

#include <stdint.h>

#include "bus/pci.h"

struct cmos;

#define PM_CPU_WORDS	8u	/* 256 vCPUs */

struct piix4_pm_regs {		/* committed */
	uint16_t pm1a_cnt;
	uint16_t gpe0_sts, gpe0_en;
	uint8_t apmc, apms;
	uint32_t hp_up, hp_down, hp_eject, hp_removable, hp_select;
	uint32_t cpu[PM_CPU_WORDS];	/* bit per vCPU that is online */
};

struct piix4_pm {
	struct piix4_pm_regs r;
	struct pci_func pci;
	struct bus *bus;
	struct cmos *cmos;
	bus_dev_id id;
	unsigned int pm_win;
};

extern const struct reg_file piix4_pm_pm_regs, piix4_pm_apm_regs,
	piix4_pm_gpe_regs, piix4_pm_pcihp_regs, piix4_pm_cpu_regs;

/* @s is zeroed.  @vcpus online; @com bit 0: COM1 is there, bit 1: COM2. */
void piix4_pm_init(struct piix4_pm *s, struct bus *b, struct cmos *cmos,
		   unsigned int vcpus, unsigned int com);

#endif /* DEV_PIIX4_PM_H */
