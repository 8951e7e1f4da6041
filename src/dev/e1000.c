/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dev/e1000.c - 82540EM: PCI function, windows, reset, unplug
 *
 * Runs in the net worker.  Registers are the other files'; here is where the
 * guest finds them: BAR0, or through two ports of BAR1, which Linux uses for
 * the reset because the chip could not answer a memory write then.
 */
#include "dev/e1000.h"

#include <string.h>

#include "base/bug.h"
#include "base/log.h"
#include "bus/irq.h"
#include "dev/e1000_core.h"
#include "dev/ether_crc.h"

#define MMIO_BYTES	(128u * 1024u)
#define IO_PORTS	64u
#define IOADDR		0u
#define IODATA		4u

bool e1000_is_on(const struct e1000 *d)
{
	return !d->r.gone && pci_is_master(&d->func);
}

/* ---- BAR1 ---- */

static bool is_data(const struct e1000 *d, uint32_t off, unsigned int size)
{
	return off >= IODATA && off + size <= IODATA + 4 &&
		d->r.ioaddr <= MMIO_BYTES - 4;
}

static uint32_t io_read(void *dev, uint32_t off, unsigned int size)
{
	struct e1000 *d = dev;

	if (off == IOADDR && size == 4)
		return d->r.ioaddr;
	if (is_data(d, off, size))
		return e1000_reg_read(d, d->r.ioaddr + off - IODATA, size);
	return 0;
}

static void io_write(void *dev, uint32_t off, unsigned int size, uint32_t val)
{
	struct e1000 *d = dev;

	if (off == IOADDR && size == 4)
		d->r.ioaddr = val;
	else if (is_data(d, off, size))
		e1000_reg_write(d, d->r.ioaddr + off - IODATA, size, val);
}

static const struct bus_win_ops io_ops = { .read = io_read, .write = io_write };

/* ---- reset ---- */

void e1000_reset(struct e1000 *d)
{
	e1000_reset_regs(d);
	memset(d->t.ra, 0, sizeof(d->t.ra));
	memset(d->t.mta, 0, sizeof(d->t.mta));
	memset(d->t.vfta, 0, sizeof(d->t.vfta));
	e1000_eeprom_load(d);
	e1000_tx_reset(d);
	e1000_link_show(d);
	e1000_irq_reset(d);
	e1000_rx_ready(d);
}

/* ---- unplug ---- */

static void hide(struct e1000 *d)
{
	for (unsigned int i = 0; i < d->win_count; i++)
		bus_unmap(d->bus, d->win[i]);
	bus_unmap(d->bus, d->func.win);
}

/* A successor's, before anybody sees them. */
void e1000_hide_gone(void *dev)
{
	struct e1000 *d = dev;

	if (d->r.gone)
		hide(d);
}

/* Also for a successor, which finds in the committed state that it is so. */
void e1000_let_go(struct e1000 *d)
{
	d->closed = true;
	e1000_irq_stop(d);
	hide(d);
	d->nic->ops->close(d->nic);
}

static void unplug(void *dev, uint32_t mask)
{
	struct e1000 *d = dev;

	if (!(mask & UNPLUG_NICS) || d->r.gone)
		return;
	log_info("network card unplugged: device=%u", d->func.devfn >> 3);
	d->r.gone = 1;
	e1000_irq_update(d);
	e1000_let_go(d);
}

static void settle(void *dev)
{
	e1000_tx_settle(dev);
}

static void committed(void *dev)
{
	struct e1000 *d = dev;

	nic_back_write(&d->back);
}

static void turn(void *dev)
{
	e1000_rx_turn(dev);
	e1000_tx_turn(dev);
}

static const struct bus_dev_ops dev_ops = {
	.unplug = unplug, .settle = settle, .committed = committed,
	.turn = turn, .resume = e1000_resume, .state = &e1000_state,
};
static const struct bus_dev_ops tables_ops = { .state = &e1000_tables_state };

/* ---- building ---- */

/* The command register stops and allows everything. */
static void command_written(void *dev, uint32_t off, unsigned int size)
{
	struct e1000 *d = dev;

	if (off >= PCI_COMMAND + 2 || off + size <= PCI_COMMAND)
		return;
	bus_touch(d->bus, d->id);
	e1000_irq_update(d);
	e1000_tx_run(d);
	e1000_rx_ready(d);
}

static void add_win(struct e1000 *d, unsigned int bar, enum pci_bar_kind kind,
		    const char *name, uint32_t bytes, const struct reg_file *regs,
		    const struct bus_win_ops *ops)
{
	unsigned int win = bus_add_win(d->bus, d->id, name,
		kind == PCI_BAR_IO ? CHAN_PIO : CHAN_MMIO, bytes, regs, ops);

	d->win[d->win_count++] = win;
	pci_add_bar(&d->func, bar, kind, bytes, win);
}

static void add_windows(struct e1000 *d)
{
	add_win(d, 0, PCI_BAR_MEM, "e1000 registers", MMIO_BYTES,
		&e1000_reg_file, &e1000_array_ops);
	add_win(d, 1, PCI_BAR_IO, "e1000 ports", IO_PORTS, NULL, &io_ops);
	if (d->rom.image)
		d->win[d->win_count++] = pci_rom_add(d->bus, &d->func, &d->rom,
			"e1000 rom", PCI_ROM_BYTES_MIN);
}

void e1000_init(struct e1000 *d, struct bus *b, unsigned int devfn,
		struct nic *nic, const uint8_t *rom, size_t rom_bytes)
{
	static const struct pci_ids ids = {
		.vendor = 0x8086, .device = 0x100e, .revision = 3,
		.class_device = 0x0200, .int_pin = 1,
	};

	bug_on(rom_bytes > E1000_ROM_MAX);
	ether_crc_init();
	d->bus = b;
	d->nic = nic;
	nic_turn_begin(&d->turn);
	d->rom = (struct pci_rom){ rom, (uint32_t)rom_bytes, 0xff };
	d->id = bus_add_dev(b, "e1000", d, &dev_ops, &d->r, sizeof(d->r));
	d->tables_id = bus_add_dev(b, "e1000 tables", d, &tables_ops, &d->t,
				   sizeof(d->t));
	d->tx = bus_add_buf(b, 2 * sizeof(d->tx[0]));
	nic_back_init(&d->back, b, &d->r.back);
	d->func.dev = d;
	d->func.written = command_written;
	d->func.restored = e1000_hide_gone;
	pci_add(b, &d->func, "e1000 pci", devfn, &ids);
	add_windows(d);
	e1000_irq_init(d);
	e1000_eeprom_init(d);
	e1000_phy_reset(d);
	e1000_reset(d);
	nic->dev = d;
	nic->receive = e1000_receive;
	nic->received = e1000_received;
	nic->send_ready = e1000_send_ready;
	nic->link_changed = e1000_link_changed;
}
