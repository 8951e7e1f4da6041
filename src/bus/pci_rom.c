/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bus/pci_rom.c - a PCI function's expansion ROM
 *
 * Runs in workers.  Shows bytes; where they come from is the caller's.
 */
#include "bus/pci_rom.h"

#include <string.h>

#include "base/bug.h"
#include "bus/bus.h"
#include "bus/pci.h"

static bool read_items(void *dev, uint32_t off, unsigned int size,
		       unsigned int count, void *buf)
{
	const struct pci_rom *r = dev;
	uint32_t len = size * count;
	uint32_t have = off < r->image_bytes ? r->image_bytes - off : 0;

	if (have > len)
		have = len;
	if (have)
		memcpy(buf, r->image + off, have);
	memset((uint8_t *)buf + have, r->beyond, len - have);
	return true;
}

static uint32_t read_one(void *dev, uint32_t off, unsigned int size)
{
	uint32_t val = 0;

	read_items(dev, off, size, 1, &val);
	return val;
}

static void ignore_write(void *dev, uint32_t off, unsigned int size, uint32_t val)
{
	(void)dev, (void)off, (void)size, (void)val;
}

static const struct bus_win_ops ops = {
	.read = read_one, .write = ignore_write, .read_items = read_items,
};

unsigned int pci_rom_add(struct bus *b, struct pci_func *f, struct pci_rom *r,
			 const char *name, uint32_t bar_bytes)
{
	/* Nothing of it changes, so nothing is committed. */
	bus_dev_id id = bus_add_dev(b, name, r, NULL, r, 0);
	unsigned int win;

	bug_on(r->image_bytes > UINT32_C(1) << 31);
	while (bar_bytes < r->image_bytes)
		bar_bytes *= 2;
	win = bus_add_win(b, id, name, CHAN_MMIO, bar_bytes, NULL, &ops);
	pci_add_bar(f, PCI_ROM, PCI_BAR_ROM, bar_bytes, win);
	return win;
}
