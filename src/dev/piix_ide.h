/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dev/piix_ide.h - PIIX3 IDE function: PCI header, bus master, two ATA channels
 *
 * Source: Intel 82371FB/82371SB data sheet (290550), 3.4 and 3.5.  Legacy mode
 * only: fixed ports, ISA interrupts 14 and 15.  Runs in the disk worker.
 */
#ifndef DEV_PIIX_IDE_H
#define DEV_PIIX_IDE_H

#include "bus/pci.h"
#include "dev/ide.h"

/* Committed */
struct piix_ide_regs {
	struct ide_bm bm[IDE_CHANNELS];
	uint32_t gone;			/* bit per drive that was unplugged */
	uint32_t rsvd;
};

struct piix_ide {
	struct piix_ide_regs r;
	struct ide_chan chan[IDE_CHANNELS];
	struct pci_func func;
	struct bus *bus;
	bus_dev_id id;
	/* Unplug or pause in progress; not committed, the request is repeated. */
	uint32_t leaving;		/* bit per drive */
	uint32_t to_flush;		/* not flushed yet */
	bool pausing;
	unsigned int flushing;		/* drive */
	struct blk_req req;		/* its flush */
	struct blk *unwanted[IDE_DRIVES]; /* taken over, unplugged before */
};

extern const struct reg_file piix_ide_bm_regs;

/* Adds both channels, the bus master and the PCI function at @devfn. */
void piix_ide_init(struct piix_ide *p, struct bus *b, unsigned int devfn);
/* @drive 0-3: primary master, primary slave, secondary master, ... */
void piix_ide_attach(struct piix_ide *p, unsigned int drive, struct blk *blk,
		     const char *serial);

#endif /* DEV_PIIX_IDE_H */
