/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dev/piix3.c - ISA bridge 00:01.0 (Intel 82371SB), reset control, port 0x92
 *
 * Runs in platform.  Routes the four PCI interrupt links, remembers what was
 * written to 0xcf8 (Xen latches it too and does the routing; ours is only
 * read back), and turns the two classic reset ports into a reboot request.
 */
#include "dev/piix3.h"

#include "bus/reg.h"
#include "bus/restore.h"

#define STATE_LAYOUT	1u

enum piix3_cfg {
	PIRQRCA = 0x60, PIRQRCD = 0x63,
};
#define PIRQRC_DISABLED	0x80u
#define PIRQRC_LINE	0x0fu

#define RCR_LANE	0x0000ff00u	/* 0xcf9 in the dword at 0xcf8 */
#define RCR_HARD	0x02u
#define RCR_RESET	0x04u

#define PORT92_RESET	0x01u		/* bit 1, A20, is always on under Xen */

static uint32_t confadd_read(void *dev, const struct reg *r)
{
	const struct piix3 *s = dev;

	(void)r;
	/* Only a whole dword reads CONFADD; a byte at 0xcf9 reads RCR. */
	if (reg_lanes() == UINT32_MAX)
		return s->r.confadd;
	return (s->r.confadd & ~RCR_LANE) | (uint32_t)s->r.rcr << 8;
}

static void confadd_write(void *dev, const struct reg *r, uint32_t val,
			  uint32_t old)
{
	struct piix3 *s = dev;
	uint8_t rcr = (uint8_t)(val >> 8);

	(void)r;
	(void)old;
	if (reg_lanes() == UINT32_MAX) {
		s->r.confadd = val;
		return;
	}
	/* Like the chip, CONFADD ignores narrower writes. */
	if (reg_lanes() != RCR_LANE)
		return;
	if (rcr & RCR_RESET)
		bus_shutdown(s->bus, IO_SHUTDOWN_REBOOT);
	else
		s->r.rcr = rcr & RCR_HARD;
}

static void port92_write(void *dev, const struct reg *r, uint32_t val,
			 uint32_t old)
{
	struct piix3 *s = dev;

	(void)r;
	if ((val & PORT92_RESET) && !(old & PORT92_RESET))
		bus_shutdown(s->bus, IO_SHUTDOWN_REBOOT);
}

/* clang-format off */
static const struct reg confadd_rows[] = {
	/* Xen acts on the dword before we see it; nothing of ours depends on
	   it but its own read-back, which comes here in order. */
	RX(CONFADD, 0, 4, .read = confadd_read, .write = confadd_write,
			  .flags = REG_POSTED | REG_INERT | REG_LAZY),
};
static const struct reg port92_rows[] = {
	/* A latch: reading it has no effect. */
	R(struct piix3, PORT92, 0, r.port92, .rw = 0xff,
			  .write = port92_write, .flags = REG_SHADOW),
};
/* clang-format on */

const struct reg_file piix3_confadd_regs = REG_FILE(confadd_rows, ~0u);
const struct reg_file piix3_port92_regs = REG_FILE(port92_rows, ~0u);

/*
 * A successor does not say the routes again: Xen has those of our predecessor,
 * and keeps them in its own part of a save file.  Were our registers reset,
 * saying so would take interrupts from a guest that has no reason to route
 * them anew.
 */
static void config_written(void *dev, uint32_t off, unsigned int size)
{
	struct piix3 *s = dev;

	for (uint32_t at = off; at < off + size; at++) {
		uint8_t v;

		if (at < PIRQRCA || at > PIRQRCD)
			continue;
		v = s->pci.r.cfg[at];
		bus_link_route(s->bus, at - PIRQRCA,
			       v & PIRQRC_DISABLED ? 0 : v & PIRQRC_LINE);
	}
}

static void set_reset_bytes(struct pci_func *f)
{
	static const struct { uint8_t at, val; } reset[] = {
		{ 0x04, 0x07 }, { 0x07, 0x02 }, { 0x4c, 0x4d }, { 0x4e, 0x03 },
		{ 0x60, 0x80 }, { 0x61, 0x80 }, { 0x62, 0x80 }, { 0x63, 0x80 },
		{ 0x69, 0x02 }, { 0x70, 0x80 }, { 0x76, 0x0c }, { 0x77, 0x0c },
		{ 0x78, 0x02 }, { 0xa0, 0x08 }, { 0xa8, 0x0f },
	};

	for (unsigned int i = 0; i < sizeof(reset) / sizeof(reset[0]); i++)
		pci_set8(f, reset[i].at, reset[i].val);
}

static const struct bus_field fields[] = {
	BUS_FIELD(struct piix3_regs, rcr, BUS_FIELD_BITS, RCR_HARD),
};
static const struct bus_state state = {
	.version = STATE_LAYOUT, .field = fields,
	.field_count = sizeof(fields) / sizeof(fields[0]),
};
static const struct bus_dev_ops dev_ops = { .state = &state };

void piix3_init(struct piix3 *s, struct bus *b)
{
	bus_dev_id id;

	s->bus = b;
	s->pci.dev = s;
	s->pci.written = config_written;
	pci_add(b, &s->pci, "piix3", PCI_DEVFN(1, 0), &(struct pci_ids){
		.vendor = 0x8086, .device = 0x7000, .class_device = 0x0601,
		.header_type = 0x80 });
	set_reset_bytes(&s->pci);

	id = bus_add_dev(b, "piix3-ports", s, &dev_ops, &s->r, sizeof(s->r));
	reg_reset(&piix3_port92_regs, s);
	bus_map(b, bus_add_win(b, id, "confadd", CHAN_PIO, 4,
			       &piix3_confadd_regs, NULL), 0xcf8);
	bus_map(b, bus_add_win(b, id, "port92", CHAN_PIO, 1,
			       &piix3_port92_regs, NULL), 0x92);
}
