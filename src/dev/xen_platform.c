/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dev/xen_platform.c - Xen platform device 00:02.0 (5853:0001)
 *
 * Runs in platform.  The unplug protocol at ports 0x10-0x13 (and its older
 * form in BAR0), the ROM lock, the guest's log port, and a BAR1 whose only use
 * is its address: the guest's PV code maps shared frames there.  Its interrupt
 * is Xen's business.
 *
 * Source: Xen, docs/misc/hvm-emulated-unplug.pandoc.
 */
#include "dev/xen_platform.h"

#include "abi/io_msg.h"
#include "base/log.h"
#include "bus/restore.h"

#define STATE_LAYOUT	1u

#define FIXED_PORT	0x10
#define FIXED_LEN	16
#define BAR0_BYTES	256
#define BAR1_BYTES	(16u << 20)

/* Registers depend on the width; offsets in the fixed ports. */
enum fixed_off {
	FLAGS = 0,		/* byte */
	MAGIC = 0,		/* word, read */
	UNPLUG = 0,		/* word, write */
	BUILD = 0,		/* dword, write */
	VERSION = 2,		/* byte, read */
	LOG = 2,		/* byte, write */
	PRODUCT = 2,		/* word, write */
};
enum bar0_off { BAR0_FLAGS = 0, BAR0_UNPLUG_ALL = 4, BAR0_UNPLUG = 8 };

#define FLAG_ROM_LOCKED	0x01u
#define PROTOCOL	1u
#define MAGIC_OK	0x49d2u
#define MAGIC_DECLINED	0xd249u	/* "these drivers may not unplug" */
#define UNPLUG_KNOWN	(UNPLUG_IDE_DISKS | UNPLUG_NICS | UNPLUG_AUX_IDE_DISKS)

static void unplug(struct xen_platform *s, uint32_t mask)
{
	static struct log_limit limit;

	mask &= UNPLUG_KNOWN;
	if (mask & UNPLUG_IDE_DISKS)
		mask &= ~UNPLUG_AUX_IDE_DISKS;
	/* What is gone stays gone; some guests repeat it after a resume. */
	mask &= ~(uint32_t)s->r.unplugged;
	if (!mask)
		return;
	if (log_allow(&limit))
		log_info("guest unplugs devices: mask=0x%x product=0x%04x "
			 "accepted=%s", mask, s->r.product,
			 s->accept_unplug ? "yes" : "no");
	if (!s->accept_unplug)
		return;
	s->r.unplugged |= (uint8_t)mask;
	if (mask & UNPLUG_IDE_DISKS)
		s->r.unplugged |= UNPLUG_AUX_IDE_DISKS;
	bus_unplug(s->bus, mask);
}

static void set_flags(struct xen_platform *s, uint8_t v)
{
	uint8_t locked = v & FLAG_ROM_LOCKED;

	if (locked == s->r.rom_locked)
		return;
	s->r.rom_locked = locked;
	bus_rom_lock(s->bus, locked);
}

/* The host's log is not a terminal for the guest. */
static bool is_printable(uint8_t c)
{
	return c >= 0x20 && c <= 0x7e;
}

static void log_char(struct xen_platform *s, uint8_t c)
{
	static struct log_limit limit;

	if (s->r.line_len > XEN_PLATFORM_LINE_MAX - 1)
		s->r.line_len = 0;
	if (c != '\n') {
		if (!is_printable(c))
			return;
		s->r.line[s->r.line_len++] = (char)c;
		if (s->r.line_len < XEN_PLATFORM_LINE_MAX)
			return;
	}
	if (s->r.line_len && log_allow(&limit))
		log_info("guest says: text=\"%.*s\"", (int)s->r.line_len,
			 s->r.line);
	s->r.line_len = 0;
}

static uint32_t fixed_read(void *dev, uint32_t off, unsigned int size)
{
	const struct xen_platform *s = dev;

	if (size == 1 && off == FLAGS)
		return s->r.rom_locked;
	if (size == 1 && off == VERSION)
		return PROTOCOL;
	if (size == 2 && off == MAGIC)
		return s->accept_unplug ? MAGIC_OK : MAGIC_DECLINED;
	return UINT32_MAX;
}

static void fixed_write(void *dev, uint32_t off, unsigned int size, uint32_t val)
{
	struct xen_platform *s = dev;

	if (size == 1 && off == FLAGS)
		set_flags(s, (uint8_t)val);
	else if (size == 1 && off == LOG)
		log_char(s, (uint8_t)val);
	else if (size == 2 && off == UNPLUG)
		unplug(s, val);
	else if (size == 2 && off == PRODUCT)
		s->r.product = (uint16_t)val;
	else if (size == 4 && off == BUILD)
		s->r.build = val;
}

static uint32_t bar0_read(void *dev, uint32_t off, unsigned int size)
{
	const struct xen_platform *s = dev;

	return size == 1 && off == BAR0_FLAGS ? s->r.rom_locked : UINT32_MAX;
}

static void bar0_write(void *dev, uint32_t off, unsigned int size, uint32_t val)
{
	struct xen_platform *s = dev;

	if (off == BAR0_FLAGS && size == 1)
		set_flags(s, (uint8_t)val);
	else if (off == BAR0_UNPLUG_ALL && val == 1)
		unplug(s, UNPLUG_IDE_DISKS | UNPLUG_NICS);
	else if (off == BAR0_UNPLUG && val == 1)
		unplug(s, UNPLUG_IDE_DISKS);
	else if (off == BAR0_UNPLUG && val == 2)
		unplug(s, UNPLUG_NICS);
	else if (off == BAR0_UNPLUG)
		log_char(s, (uint8_t)val);
}

static uint32_t bar1_read(void *dev, uint32_t off, unsigned int size)
{
	(void)dev;
	(void)off;
	(void)size;
	return 0;
}

static void bar1_write(void *dev, uint32_t off, unsigned int size, uint32_t val)
{
	(void)dev;
	(void)off;
	(void)size;
	(void)val;
}

static const struct bus_win_ops fixed_ops = {
	.read = fixed_read, .write = fixed_write };
static const struct bus_win_ops bar0_ops = {
	.read = bar0_read, .write = bar0_write };
static const struct bus_win_ops bar1_ops = {
	.read = bar1_read, .write = bar1_write };

static const char *check_line(const void *dev, const void *regs)
{
	const struct xen_platform_regs *r = regs;

	(void)dev;
	for (unsigned int i = 0; i < r->line_len; i++)
		if (!is_printable((uint8_t)r->line[i]))
			return "line";
	return NULL;
}

/*
 * Our predecessor said it, and it was done; but Xen keeps no page types in a
 * save file.  An unplug is not repeated: who is gone has that in its own state,
 * and we should have to wait for all of them.
 */
static void repeat_lock(void *dev)
{
	struct xen_platform *s = dev;

	bus_rom_lock(s->bus, s->r.rom_locked);
}

static const struct bus_field fields[] = {
	BUS_FIELD(struct xen_platform_regs, rom_locked, BUS_FIELD_MAX, 1),
	BUS_FIELD(struct xen_platform_regs, unplugged, BUS_FIELD_BITS,
		  UNPLUG_KNOWN),
	BUS_FIELD(struct xen_platform_regs, line_len, BUS_FIELD_MAX,
		  XEN_PLATFORM_LINE_MAX - 1),
};
static const struct bus_state state = {
	.version = STATE_LAYOUT, .field = fields,
	.field_count = sizeof(fields) / sizeof(fields[0]), .check = check_line,
};
static const struct bus_dev_ops dev_ops = {
	.resume = repeat_lock, .state = &state };

void xen_platform_init(struct xen_platform *s, struct bus *b,
		       bool accept_unplug)
{
	bus_dev_id id;

	s->bus = b;
	s->accept_unplug = accept_unplug;
	pci_add(b, &s->pci, "xen-platform", PCI_DEVFN(2, 0), &(struct pci_ids){
		.vendor = 0x5853, .device = 0x0001,
		.subsys_vendor = 0x5853, .subsys = 0x0001, .revision = 0x01,
		.class_device = 0xff80, .int_pin = 1 });
	id = bus_add_dev(b, "xen-platform-ports", s, &dev_ops, &s->r, sizeof(s->r));
	bus_map(b, bus_add_win(b, id, "xen-fixed", CHAN_PIO, FIXED_LEN, NULL,
			       &fixed_ops), FIXED_PORT);
	pci_add_bar(&s->pci, 0, PCI_BAR_IO, BAR0_BYTES,
		    bus_add_win(b, id, "xen-bar0", CHAN_PIO, BAR0_BYTES, NULL,
				&bar0_ops));
	pci_add_bar(&s->pci, 1, PCI_BAR_MEM_PREF, BAR1_BYTES,
		    bus_add_win(b, id, "xen-bar1", CHAN_MMIO, BAR1_BYTES, NULL,
				&bar1_ops));
	pci_set16(&s->pci, PCI_COMMAND, PCI_COMMAND_IO | PCI_COMMAND_MEMORY);
}
