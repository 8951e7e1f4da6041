/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dev/i440fx.c - host bridge 00:00.0 (Intel 82441FX)
 *
 * Runs in platform.  Identity and storage only: under Xen 0xc0000-0xfffff is
 * plain RAM whatever the PAM registers say, and there is no SMM.
 */
#include "dev/i440fx.h"

enum i440fx_cfg {
	RAM_SIZE = 0x57,	/* in 8 MiB units, as firmware used to leave it */
	SMRAM = 0x72,
};

#define RAM_UNIT_BYTES	(UINT64_C(8) << 20)

void i440fx_init(struct i440fx *s, struct bus *b, uint64_t ram_bytes)
{
	uint64_t units = ram_bytes / RAM_UNIT_BYTES;

	pci_add(b, &s->pci, "i440fx", PCI_DEVFN(0, 0), &(struct pci_ids){
		.vendor = 0x8086, .device = 0x1237, .revision = 0x02,
		.class_device = 0x0600 });
	pci_set8(&s->pci, RAM_SIZE, (uint8_t)(units > 255 ? 255 : units));
	pci_set8(&s->pci, SMRAM, 0x02);
}
