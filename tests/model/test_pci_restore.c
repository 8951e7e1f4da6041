/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/model/test_pci_restore.c - configuration space that somebody else left
 *
 * A card with every kind of BAR: what a successor keeps, what it works out
 * anew, and what it does not believe.
 */
#include "base/le.h"
#include "base/log.h"
#include "bus/pci.h"
#include "bus/pci_rom.h"
#include "tap.h"
#include "tests/lib/busrig.h"

#define DEVFN		PCI_DEVFN(5, 0)
#define IO_AT		0xc100u
#define MEM_AT		0xf2000000u
#define PREF_AT		0xe0000000u

static struct rig rig;
static struct card {
	struct pci_func f;
	struct pci_rom rom;
	unsigned int moved;		/* bar_moved() calls */
	uint64_t at;			/* and what it said last */
	unsigned int restored;
} card;
static uint16_t card_id;

static uint32_t read_ones(void *dev, uint32_t off, unsigned int size)
{
	(void)dev, (void)off, (void)size;
	return 0x11111111;
}

static void write_nothing(void *dev, uint32_t off, unsigned int size, uint32_t v)
{
	(void)dev, (void)off, (void)size, (void)v;
}

static const struct bus_win_ops win_ops = {
	.read = read_ones, .write = write_nothing };

static void note_move(void *dev, unsigned int bar, uint64_t base)
{
	struct card *c = dev;

	c->moved++;
	c->at = base;
	ok(bar == 2, "the hook is for the BAR without window");
}

static void note_restored(void *dev)
{
	struct card *c = dev;

	c->restored++;
	ok(!rig.bus.closed, "restored before the bus is closed");
}

static void build(void)
{
	static const uint8_t image[2048] = { 0x55, 0xaa };
	struct bus *b = &rig.bus;
	struct pci_func *f = &card.f;

	memset(&card, 0, sizeof(card));
	f->dev = &card;
	f->bar_moved = note_move;
	f->restored = note_restored;
	pci_add(b, f, "card", DEVFN, &(struct pci_ids){
		.vendor = 0x1234, .device = card_id, .class_device = 0x0200,
		.int_pin = 1 });
	pci_set16(f, PCI_STATUS, 0x0280);
	pci_add_bar(f, 0, PCI_BAR_IO, 256,
		    bus_add_win(b, f->id, "io", CHAN_PIO, 256, NULL, &win_ops));
	pci_add_bar(f, 1, PCI_BAR_MEM, 4096,
		    bus_add_win(b, f->id, "mem", CHAN_MMIO, 4096, NULL, &win_ops));
	pci_add_bar(f, 2, PCI_BAR_MEM_PREF, 1u << 20, PCI_NO_WIN);
	card.rom = (struct pci_rom){ image, sizeof(image), 0xff };
	pci_rom_add(b, f, &card.rom, "rom", 2048);
	rig_close(&rig);
}

static void start(void)
{
	card_id = 0x5678;
	rig_init(&rig, 0);
	build();
}

static void succeed(void)
{
	rig_said_clear(&rig);
	rig_successor(&rig);
	build();
	ok(rig.took_over, "the successor finds state");
}

/* Where a device's registers are in the committed half. */
static struct pci_regs *left_regs(void)
{
	struct state_half *h = &rig.state->half[atomic_load(&rig.state->flip) & 1];

	for (uint32_t i = 0; i < h->dev_count; i++)
		if (strcmp(h->dev[i].name, "card") == 0)
			return (struct pci_regs *)(void *)
				(h->regs + h->dev[i].regs_at);
	return NULL;
}

static void program(void)
{
	cfg_write(&rig, DEVFN, PCI_BASE_ADDRESS_0, 4, IO_AT);
	cfg_write(&rig, DEVFN, PCI_BASE_ADDRESS_0 + 4, 4, MEM_AT);
	cfg_write(&rig, DEVFN, PCI_BASE_ADDRESS_0 + 8, 4, PREF_AT);
	cfg_write(&rig, DEVFN, PCI_COMMAND, 2, 0x0107);
	cfg_write(&rig, DEVFN, PCI_INTERRUPT_LINE, 1, 11);
	cfg_write(&rig, DEVFN, 0x44, 4, 0xcafef00d);
}

static void test_goes_on(void)
{
	uint8_t before[256];

	start();
	program();
	memcpy(before, card.f.r.cfg, sizeof(before));
	succeed();
	ok(!memcmp(before, card.f.r.cfg, sizeof(before)),
	   "all of configuration space is as it was");
	is_hex(in32(&rig, IO_AT), 0x11111111, "the port BAR answers there");
	is_hex(mmio_read(&rig, MEM_AT, 4), 0x11111111, "the memory BAR, too");
	is_hex(card.moved, 1, "a BAR without window is told once");
	is_hex(card.at, PREF_AT, "where it is");
	is_hex(card.restored, 1, "the function is told");
	is_hex(rig_said(&rig, ANS_MAP) + rig_said(&rig, ANS_UNMAP), 0,
	       "the broker knows the places");
	cfg_write(&rig, DEVFN, PCI_BASE_ADDRESS_0, 4, IO_AT + 0x1000);
	is_hex(in32(&rig, IO_AT + 0x1000), 0x11111111, "and it can be moved");
	is_hex(rig_win(&rig, CHAN_PIO, IO_AT, 4), IO_NO_WIN, "away from there");
}

/* What a guest could not have written is not believed. */
static void test_read_only(void)
{
	struct pci_regs *left;

	start();
	program();
	left = left_regs();
	left->cfg[PCI_CLASS_DEVICE + 1] = 0x06;
	left->cfg[PCI_HEADER_TYPE] = 0x80;
	left->cfg[PCI_INTERRUPT_PIN] = 4;
	left->cfg[PCI_BASE_ADDRESS_0] |= 0xfe;	/* below its size */
	le32_put(&left->cfg[PCI_BASE_ADDRESS_0 + 20], 0xd0000000);
	le16_put(&left->cfg[PCI_COMMAND], 0xffff);
	le16_put(&left->cfg[PCI_STATUS], 0xfdff);
	for (unsigned int i = 0; i <= PCI_BARS; i++)
		left->bar_at[i] = 0x1234;
	succeed();
	is_hex(cfg_read(&rig, DEVFN, PCI_CLASS_DEVICE, 2), 0x0200, "class");
	is_hex(cfg_read(&rig, DEVFN, PCI_HEADER_TYPE, 1), 0, "header type");
	is_hex(cfg_read(&rig, DEVFN, PCI_INTERRUPT_PIN, 1), 1, "pin");
	is_hex(cfg_read(&rig, DEVFN, PCI_BASE_ADDRESS_0, 4), IO_AT | 1,
	       "low bits of a BAR");
	is_hex(cfg_read(&rig, DEVFN, PCI_BASE_ADDRESS_0 + 20, 4), 0,
	       "a BAR that is not there");
	is_hex(cfg_read(&rig, DEVFN, PCI_COMMAND, 2), 0x0507, "command");
	is_hex(cfg_read(&rig, DEVFN, PCI_STATUS, 2), 0xf900 | 0x0280, "status");
	is_hex(cfg_read(&rig, DEVFN, 0x44, 4), 0xcafef00d, "the rest is kept");
	is_hex(card.f.r.bar_at[0], IO_AT, "places are worked out anew");
	is_hex(in32(&rig, IO_AT), 0x11111111, "and answer");
}

/* Another card's state: ours is reset, and the broker is told all places. */
static void test_another_device(void)
{
	start();
	program();
	card_id = 0x9abc;
	succeed();
	is_hex(cfg_read(&rig, DEVFN, 0, 4), 0x9abc1234, "our ids");
	is_hex(cfg_read(&rig, DEVFN, PCI_COMMAND, 2), 0, "reset");
	is_hex(card.restored, 0, "nothing was restored");
	is_hex(card.at, PCI_UNMAPPED, "its BAR without window is nowhere");
	is_hex(rig_said(&rig, ANS_UNMAP), 3, "three windows are gone");
	is_hex(rig_said(&rig, ANS_MAP), 1, "configuration space is there");
	is_hex(rig_win(&rig, CHAN_PIO, IO_AT, 4), IO_NO_WIN, "none is left");
	program();
	is_hex(in32(&rig, IO_AT), 0x11111111, "a guest can set it up again");
}

/* A place no BAR can have. */
static void test_impossible_places(void)
{
	struct pci_regs *left;

	start();
	program();
	left = left_regs();
	le32_put(&left->cfg[PCI_BASE_ADDRESS_0], 0x00ffff01);
	le32_put(&left->cfg[PCI_BASE_ADDRESS_0 + 4], 0xfffff000);
	le32_put(&left->cfg[PCI_BASE_ADDRESS_0 + 8], 0);
	succeed();
	is_hex(card.f.r.bar_at[0], PCI_UNMAPPED, "ports beyond the last");
	is_hex(card.f.r.bar_at[1], PCI_UNMAPPED, "the end of 4 GiB");
	is_hex(card.at, PCI_UNMAPPED, "address 0");
}

int main(void)
{
	log_init(-1, "test", LOG_L_ERR);
	test_goes_on();
	test_read_only();
	test_another_device();
	test_impossible_places();
	rig_free(&rig);
	return tap_done();
}
