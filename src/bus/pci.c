/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bus/pci.c - configuration space and BARs of a function
 *
 * Runs in workers.  Reads are answered by the broker from the mirror; what
 * arrives here are writes, and reads when mirrors are switched off.
 */
#include "bus/pci.h"

#include <string.h>

#include "base/bug.h"
#include "base/le.h"
#include "bus/restore.h"

#define STATE_LAYOUT		1u
#define COMMAND_WRITABLE	0x0507u	/* IO, MEM, MASTER, SERR, INTx disable */
#define STATUS_W1C		0xf900u
#define ROM_ENABLE		0x1u
#define BAR_IO			0x1u
#define BAR_PREFETCH		0x8u

static unsigned int bar_off(unsigned int bar)
{
	return bar == PCI_ROM ? PCI_ROM_ADDRESS : PCI_BASE_ADDRESS_0 + 4 * bar;
}

/* Where the BAR decodes with the present registers, or PCI_UNMAPPED. */
static uint64_t bar_decodes_at(const struct pci_func *f, unsigned int bar)
{
	uint16_t cmd = le16_get(&f->r.cfg[PCI_COMMAND]);
	uint32_t v = le32_get(&f->r.cfg[bar_off(bar)]);
	uint32_t size = f->bar[bar].size_bytes;
	uint32_t at = v & ~(size - 1);
	uint64_t last = (uint64_t)at + size - 1;

	switch (f->bar[bar].kind) {
	case PCI_BAR_NONE:
		return PCI_UNMAPPED;
	case PCI_BAR_IO:
		if (!(cmd & PCI_COMMAND_IO) || at == 0 || last > 0xffff)
			return PCI_UNMAPPED;
		return at;
	case PCI_BAR_ROM:
		if (!(v & ROM_ENABLE))
			return PCI_UNMAPPED;
		/* fall through */
	case PCI_BAR_MEM:
	case PCI_BAR_MEM_PREF:
		/* A sizing write (~0) would end at the last byte of 4 GiB. */
		if (!(cmd & PCI_COMMAND_MEMORY) || at == 0 || last >= UINT32_MAX)
			return PCI_UNMAPPED;
		return at;
	}
	return PCI_UNMAPPED;
}

static void place_bars(struct pci_func *f)
{
	for (unsigned int i = 0; i <= PCI_BARS; i++) {
		uint64_t at = bar_decodes_at(f, i);

		if (at == f->r.bar_at[i])
			continue;
		f->r.bar_at[i] = at;
		if (!f->bar[i].has_win) {
			if (f->bar_moved)
				f->bar_moved(f->dev, i, at);
		} else if (at == PCI_UNMAPPED) {
			bus_unmap(f->bus, f->bar[i].win);
		} else {
			bus_map(f->bus, f->bar[i].win, at);
		}
	}
}

static uint32_t cfg_read(void *dev, uint32_t off, unsigned int size)
{
	struct pci_func *f = dev;

	return (uint32_t)le_get(&f->r.cfg[off], size);
}

static void cfg_write(void *dev, uint32_t off, unsigned int size, uint32_t val)
{
	struct pci_func *f = dev;

	for (unsigned int i = 0; i < size; i++) {
		uint8_t v = (uint8_t)(val >> (8 * i));
		uint8_t *c = &f->r.cfg[off + i];

		*c = (uint8_t)((*c & ~f->wmask[off + i]) | (v & f->wmask[off + i]));
		*c = (uint8_t)(*c & ~(v & f->w1c[off + i]));
	}
	place_bars(f);
	if (f->written)
		f->written(f->dev, off, size);
}

/* ---- what a predecessor left ---- */

static const char *check_ids(const void *dev, const void *regs)
{
	const struct pci_func *f = dev;
	const struct pci_regs *r = regs;

	if (memcmp(&r->cfg[PCI_VENDOR_ID], &f->power_on[PCI_VENDOR_ID], 2))
		return "cfg[VENDOR_ID]";
	if (memcmp(&r->cfg[PCI_DEVICE_ID], &f->power_on[PCI_DEVICE_ID], 2))
		return "cfg[DEVICE_ID]";
	return NULL;
}

static void place_windows(void *dev)
{
	struct pci_func *f = dev;

	for (unsigned int i = 0; i < PCI_HEADER_BYTES; i++) {
		uint8_t changes = f->wmask[i] | f->w1c[i];

		f->r.cfg[i] = (uint8_t)((f->r.cfg[i] & changes) |
					(f->power_on[i] & ~changes));
	}
	for (unsigned int i = 0; i <= PCI_BARS; i++) {
		uint64_t at = bar_decodes_at(f, i);

		f->r.bar_at[i] = at;
		if (f->bar[i].has_win && at != PCI_UNMAPPED)
			bus_map(f->bus, f->bar[i].win, at);
	}
	if (f->restored)
		f->restored(f->dev);
}

/* Saying again where something is costs nothing; after a restore nobody else
   has said it. */
static void tell_bars(void *dev)
{
	struct pci_func *f = dev;

	for (unsigned int i = 0; i <= PCI_BARS; i++)
		if (f->bar[i].kind != PCI_BAR_NONE && !f->bar[i].has_win &&
		    f->bar_moved)
			f->bar_moved(f->dev, i, f->r.bar_at[i]);
}

static const struct bus_state cfg_state = {
	.version = STATE_LAYOUT, .check = check_ids, .restored = place_windows,
};
static const struct bus_dev_ops cfg_dev_ops = {
	.resume = tell_bars, .state = &cfg_state,
};

/* ---- building ---- */

static const struct bus_win_ops cfg_ops = { .read = cfg_read, .write = cfg_write };

/* While the device is built; later changes are what happens to it. */
static void keep_power_on(struct pci_func *f)
{
	if (!f->bus->closed)
		memcpy(f->power_on, f->r.cfg, sizeof(f->power_on));
}

void pci_add(struct bus *b, struct pci_func *f, const char *name,
	     unsigned int devfn, const struct pci_ids *ids)
{
	uint8_t *c = f->r.cfg;

	f->bus = b;
	f->devfn = (uint8_t)devfn;
	f->id = bus_add_dev(b, name, f, &cfg_dev_ops, &f->r, sizeof(f->r));
	f->win = bus_add_win(b, f->id, name, CHAN_PCI, 256, NULL, &cfg_ops);
	b->win[f->win].mirror_of = c;
	bus_map(b, f->win, devfn);

	le16_put(&c[PCI_VENDOR_ID], ids->vendor);
	le16_put(&c[PCI_DEVICE_ID], ids->device);
	c[PCI_REVISION_ID] = ids->revision;
	c[PCI_CLASS_PROG] = ids->prog_if;
	le16_put(&c[PCI_CLASS_DEVICE], ids->class_device);
	c[PCI_HEADER_TYPE] = ids->header_type;
	le16_put(&c[PCI_SUBSYSTEM_VENDOR_ID],
		 ids->subsys_vendor ? ids->subsys_vendor : 0x1af4);
	le16_put(&c[PCI_SUBSYSTEM_ID], ids->subsys_vendor ? ids->subsys : 0x1100);
	c[PCI_INTERRUPT_PIN] = ids->int_pin;

	le16_put(&f->wmask[PCI_COMMAND], COMMAND_WRITABLE);
	le16_put(&f->w1c[PCI_STATUS], STATUS_W1C);
	f->wmask[PCI_CACHE_LINE_SIZE] = 0xff;
	f->wmask[PCI_INTERRUPT_LINE] = 0xff;
	memset(&f->wmask[0x40], 0xff, 256 - 0x40);
	for (unsigned int i = 0; i <= PCI_BARS; i++)
		f->r.bar_at[i] = PCI_UNMAPPED;
	keep_power_on(f);
}

void pci_add_bar(struct pci_func *f, unsigned int bar, enum pci_bar_kind kind,
		 uint32_t size_bytes, unsigned int win)
{
	uint32_t fixed = kind == PCI_BAR_IO ? BAR_IO :
			 kind == PCI_BAR_MEM_PREF ? BAR_PREFETCH : 0;

	bug_on(bar > PCI_BARS || size_bytes < 4 ||
	       (size_bytes & (size_bytes - 1)) != 0);
	f->bar[bar].kind = kind;
	f->bar[bar].size_bytes = size_bytes;
	f->bar[bar].has_win = win != PCI_NO_WIN;
	f->bar[bar].win = f->bar[bar].has_win ? win : 0;
	le32_put(&f->r.cfg[bar_off(bar)], fixed);
	le32_put(&f->wmask[bar_off(bar)],
		 ~(size_bytes - 1) | (kind == PCI_BAR_ROM ? ROM_ENABLE : 0));
	keep_power_on(f);
}

void pci_reset(struct pci_func *f)
{
	le16_put(&f->r.cfg[PCI_COMMAND], 0);
	f->r.cfg[PCI_CACHE_LINE_SIZE] = 0;
	f->r.cfg[PCI_INTERRUPT_LINE] = 0;
	for (unsigned int i = 0; i <= PCI_BARS; i++) {
		uint32_t keep = ~le32_get(&f->wmask[bar_off(i)]);

		if (f->bar[i].kind != PCI_BAR_NONE)
			le32_put(&f->r.cfg[bar_off(i)],
				 le32_get(&f->r.cfg[bar_off(i)]) & keep);
	}
	place_bars(f);
	bus_touch(f->bus, f->id);
}

void pci_set8(struct pci_func *f, unsigned int off, uint8_t v)
{
	bug_on(off > 255);
	f->r.cfg[off] = v;
	keep_power_on(f);
	bus_touch(f->bus, f->id);
}

void pci_set16(struct pci_func *f, unsigned int off, uint16_t v)
{
	bug_on(off > 254);
	le16_put(&f->r.cfg[off], v);
	keep_power_on(f);
	bus_touch(f->bus, f->id);
}

void pci_set32(struct pci_func *f, unsigned int off, uint32_t v)
{
	bug_on(off > 252);
	le32_put(&f->r.cfg[off], v);
	keep_power_on(f);
	bus_touch(f->bus, f->id);
}

uint32_t pci_get32(const struct pci_func *f, unsigned int off)
{
	bug_on(off > 252);
	return le32_get(&f->r.cfg[off]);
}

bool pci_is_master(const struct pci_func *f)
{
	return le16_get(&f->r.cfg[PCI_COMMAND]) & PCI_COMMAND_MASTER;
}

bool pci_may_intx(const struct pci_func *f)
{
	return !(le16_get(&f->r.cfg[PCI_COMMAND]) & PCI_COMMAND_INTX_OFF);
}
