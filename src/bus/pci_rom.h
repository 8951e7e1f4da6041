/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bus/pci_rom.h - a PCI function's expansion ROM
 *
 * Source: PCI Local Bus Specification 3.0, 6.2.5.2.
 */
#ifndef BUS_PCI_ROM_H
#define BUS_PCI_ROM_H

#include <stdint.h>

struct bus;
struct pci_func;

#define PCI_ROM_BYTES_MIN	2048u	/* the least that a ROM BAR can say */

/* A member of the device; holds nothing that changes. */
struct pci_rom {
	const uint8_t *image;	/* stays */
	uint32_t image_bytes;	/* up to 2^31 */
	uint8_t beyond;		/* what bytes of the BAR behind the image read */
};

/*
 * Adds @r, filled in by the caller, to @f, as a bus device and a window named
 * @name: the power of two that holds the image, at least @bar_bytes (a power
 * of two from PCI_ROM_BYTES_MIN on).  Writes are ignored.  Returns the window.
 */
unsigned int pci_rom_add(struct bus *b, struct pci_func *f, struct pci_rom *r,
			 const char *name, uint32_t bar_bytes);

#endif /* BUS_PCI_ROM_H */
