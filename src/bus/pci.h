/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bus/pci.h - a PCI function's configuration space and BARs
 *
 * Source: PCI Local Bus Specification 3.0, chapter 6.  Types 0 only, bus 0.
 * The space is mirrored to the broker, so reads never come here; writes are
 * synchronous.
 */
#ifndef BUS_PCI_H
#define BUS_PCI_H

#include <stdbool.h>
#include <stdint.h>

#include "bus/bus.h"

#define PCI_DEVFN(dev, fn)	((unsigned int)(((dev) << 3) | (fn)))

/* Offsets in configuration space */
enum pci_cfg {
	PCI_VENDOR_ID = 0x00, PCI_DEVICE_ID = 0x02,
	PCI_COMMAND = 0x04, PCI_STATUS = 0x06,
	PCI_REVISION_ID = 0x08, PCI_CLASS_PROG = 0x09, PCI_CLASS_DEVICE = 0x0a,
	PCI_CACHE_LINE_SIZE = 0x0c, PCI_LATENCY_TIMER = 0x0d,
	PCI_HEADER_TYPE = 0x0e, PCI_BASE_ADDRESS_0 = 0x10,
	PCI_SUBSYSTEM_VENDOR_ID = 0x2c, PCI_SUBSYSTEM_ID = 0x2e,
	PCI_ROM_ADDRESS = 0x30, PCI_CAPABILITY_LIST = 0x34,
	PCI_INTERRUPT_LINE = 0x3c, PCI_INTERRUPT_PIN = 0x3d,
};
#define PCI_COMMAND_IO		0x0001u
#define PCI_COMMAND_MEMORY	0x0002u
#define PCI_COMMAND_MASTER	0x0004u
#define PCI_COMMAND_INTX_OFF	0x0400u
#define PCI_HEADER_BYTES	0x40u	/* what the specification defines */
#define PCI_BARS		6u
#define PCI_ROM			6u	/* index of the expansion ROM in pci_func.bar */
#define PCI_UNMAPPED		UINT64_MAX

enum pci_bar_kind { PCI_BAR_NONE, PCI_BAR_IO, PCI_BAR_MEM, PCI_BAR_MEM_PREF, PCI_BAR_ROM };

struct pci_regs {		/* committed */
	uint8_t cfg[256];
	uint64_t bar_at[PCI_BARS + 1];	/* where decoded now, or PCI_UNMAPPED */
};

struct pci_func {
	struct pci_regs r;
	struct bus *bus;
	bus_dev_id id;
	unsigned int win;		/* our CHAN_PCI window */
	uint8_t devfn;
	uint8_t wmask[256];		/* bits the guest may write */
	uint8_t w1c[256];		/* bits it clears by writing 1 */
	struct {
		enum pci_bar_kind kind;
		uint32_t size_bytes;	/* power of two */
		bool has_win;
		unsigned int win;	/* mapped and unmapped with the BAR */
	} bar[PCI_BARS + 1];
	void *dev;
	/* After bytes [off, off+size) were written.  May be NULL. */
	void (*written)(void *dev, uint32_t off, unsigned int size);
	/* A BAR without window moved: @base or PCI_UNMAPPED.  A successor calls
	   it once for each when it resumes, moved or not.  May be NULL. */
	void (*bar_moved)(void *dev, unsigned int bar, uint64_t base);
	/* bus_state.restored() of this function; windows of BARs are placed
	   already.  For windows that other registers place.  May be NULL. */
	void (*restored)(void *dev);
	uint8_t power_on[PCI_HEADER_BYTES];	/* cfg before bus_close() */
};

struct pci_ids {
	uint16_t vendor, device, subsys_vendor, subsys;	/* subsys 0: 1af4:1100 */
	uint16_t class_device;				/* base<<8 | sub */
	uint8_t prog_if, revision, header_type, int_pin;	/* pin 0 none, 1 INTA */
};

/*
 * Sets up a function: ids, generic write masks (command 0x0507, status w1c
 * 0xf900, cache line, interrupt line; all of 0x40-0xff writable), its window.
 * @f is zeroed by the caller, with dev and hooks set; it is a member of the
 * device.  Added as a bus device of its own, named @name.
 *
 * A successor believes another state only if vendor and device are ours.  Bits
 * of the header that no guest could write are those of power-on, whatever was
 * left, and where BARs are is worked out anew.
 */
void pci_add(struct bus *b, struct pci_func *f, const char *name,
	     unsigned int devfn, const struct pci_ids *ids);
/* @win: a window added with bus_add_win(), of the same length and fitting
   space; or, with PCI_NO_WIN, the bar_moved hook is called. */
#define PCI_NO_WIN	UINT32_MAX
void pci_add_bar(struct pci_func *f, unsigned int bar, enum pci_bar_kind kind,
		 uint32_t size_bytes, unsigned int win);
/* Command, status, BARs, interrupt line and cache line to reset values. */
void pci_reset(struct pci_func *f);
/* Read-only or computed bytes: set from the device, then published. */
void pci_set8(struct pci_func *f, unsigned int off, uint8_t v);
void pci_set16(struct pci_func *f, unsigned int off, uint16_t v);
void pci_set32(struct pci_func *f, unsigned int off, uint32_t v);
uint32_t pci_get32(const struct pci_func *f, unsigned int off);
/* May this function do DMA?  (command bit 2) */
bool pci_is_master(const struct pci_func *f);
/* May it assert INTx?  (command bit 10) */
bool pci_may_intx(const struct pci_func *f);

#endif /* BUS_PCI_H */
