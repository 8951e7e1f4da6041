/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ctl/windows.c - what is where in a guest: devices, windows, registers
 *
 * Runs in cloisterctl.  The models are built and asked, and never driven: no
 * access reaches them but the configuration that the guest's own has.
 */
#include "ctl/windows.h"

#include <stdio.h>
#include <string.h>

#include "base/bug.h"
#include "base/clock.h"
#include "base/le.h"
#include "bus/pci.h"
#include "bus/reg.h"
#include "dev/e1000.h"
#include "dev/piix_ide.h"
#include "dev/platform.h"
#include "dev/rtl8139.h"
#include "dev/stdvga.h"

const struct windows_device windows_device[] = {
#define DEVICE(name, kind, bus_devs, sheet) { name, WINDOWS_##kind, bus_devs, sheet },
#include "ctl/ctl_device.def"
#undef DEVICE
};
const unsigned int windows_device_count =
	sizeof(windows_device) / sizeof(windows_device[0]);

const struct windows_device *windows_find_device(const char *name)
{
	for (unsigned int i = 0; i < windows_device_count; i++)
		if (strcmp(windows_device[i].name, name) == 0)
			return &windows_device[i];
	return NULL;
}

/* ---- building ---- */

static void ignore_message(void *ctx, const struct io_msg *m)
{
	(void)ctx;
	(void)m;
}

static void ignore_time(void *ctx, int64_t deadline_ns)
{
	(void)ctx;
	(void)deadline_ns;
}

static int64_t now_ns(void *ctx)
{
	(void)ctx;
	return clock_now_ns();
}

static void ignore_nic(struct nic *n)
{
	(void)n;
}

static int drop_frame(struct nic *n, const struct iovec *iov, unsigned int iov_count,
		      const struct nic_todo *todo)
{
	(void)n;
	(void)iov;
	(void)iov_count;
	(void)todo;
	return 0;
}

static const struct bus_host host = { .say = ignore_message, .wake_at = ignore_time,
	.now_ns = now_ns };
static const struct nic_ops nic_ops = { .send = drop_frame,
	.receive_ready = ignore_nic, .close = ignore_nic };

/* Never looked at again: what the models write there is of no use here. */
static struct chan chan;
static struct state state;
static struct nic nic[2] = { { .ops = &nic_ops }, { .ops = &nic_ops } };
static struct disp disp;
static uint8_t vram[VGA_VRAM_MIN], rom[PCI_ROM_BYTES_MIN];

static struct bus buses[WINDOWS_KIND_COUNT];
static bool built[WINDOWS_KIND_COUNT];

static void build_platform(struct bus *b)
{
	static struct platform platform;
	struct platform_conf conf = { .vcpus = 1, .ram_below_4g_bytes = 1u << 27,
		.boot = "c", .xen_pci = true };

	for (unsigned int i = 0; i < PLATFORM_SERIALS; i++)
		conf.serial[i].present = true;
	platform_init(&platform, b, &conf);
}

static void build_disk(struct bus *b)
{
	static struct piix_ide ide;

	piix_ide_init(&ide, b, PCI_DEVFN(1, 1));
}

static void build_vga(struct bus *b)
{
	static struct stdvga vga;
	const struct stdvga_cfg cfg = { .devfn = PCI_DEVFN(3, 0), .vram = vram,
		.vram_bytes = sizeof(vram), .rom = rom, .rom_bytes = sizeof(rom),
		.disp = &disp };

	stdvga_init(&vga, b, &cfg);
}

static void build_rtl8139(struct bus *b)
{
	static struct rtl8139 card;

	rtl8139_init(&card, b, PCI_DEVFN(4, 0), &nic[0], rom, sizeof(rom));
}

static void build_e1000(struct bus *b)
{
	static struct e1000 card;

	e1000_init(&card, b, PCI_DEVFN(4, 0), &nic[1], rom, sizeof(rom));
}

struct bus *windows_build(enum windows_kind kind)
{
	static void (*const build[WINDOWS_KIND_COUNT])(struct bus *b) = {
		[WINDOWS_PLATFORM] = build_platform, [WINDOWS_DISK] = build_disk,
		[WINDOWS_VGA] = build_vga, [WINDOWS_RTL8139] = build_rtl8139,
		[WINDOWS_E1000] = build_e1000,
	};
	struct bus *b = &buses[kind];

	if (!built[kind]) {
		bus_init(b, &host, &chan, &state);
		build[kind](b);
	}
	built[kind] = true;
	return b;
}

bool windows_kind_of(const char *role, const char *model, enum windows_kind *kind)
{
	static const struct { const char *role, *model; enum windows_kind kind; } all[] = {
		{ "platform", NULL, WINDOWS_PLATFORM }, { "disk", NULL, WINDOWS_DISK },
		{ "vga", NULL, WINDOWS_VGA }, { "net", "rtl8139", WINDOWS_RTL8139 },
		{ "net", "e1000", WINDOWS_E1000 },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (strcmp(all[i].role, role) == 0 &&
		    (!all[i].model || strcmp(all[i].model, model) == 0)) {
			*kind = all[i].kind;
			return true;
		}
	return false;
}

/* Is @name one of "a|b|c"? */
static bool is_listed(const char *list, const char *name)
{
	size_t len = strlen(name);

	for (const char *at = list;; at++) {
		if (strncmp(at, name, len) == 0 && (!at[len] || at[len] == '|'))
			return true;
		at = strchr(at, '|');
		if (!at)
			return false;
	}
}

const struct windows_device *windows_owner(enum windows_kind kind,
					   const struct bus *b, unsigned int win)
{
	const char *name = b->dev[b->win[win].id].name;

	for (unsigned int i = 0; i < windows_device_count; i++)
		if (windows_device[i].kind == kind &&
		    is_listed(windows_device[i].bus_devs, name))
			return &windows_device[i];
	return NULL;
}

/* ---- where they are ---- */

static struct bus_win *find_function(struct bus *b, unsigned int devfn)
{
	struct bus_win *found = NULL;
	unsigned int functions = 0;

	for (unsigned int i = 0; i < b->win_count; i++) {
		if (b->win[i].space != CHAN_PCI)
			continue;
		if (b->win[i].base == devfn)
			return &b->win[i];
		found = &b->win[i];
		functions++;
	}
	/* A card's slot is the supervisor's choice. */
	if (functions != 1)
		return NULL;
	found->base = devfn;
	return found;
}

void windows_configure(struct bus *b, unsigned int devfn, const uint8_t cfg[256])
{
	struct bus_win *w = find_function(b, devfn);

	/* As the guest wrote it, BARs before the command that switches them
	   on; the model's own masks say which bits stay. */
	for (uint32_t off = PCI_BASE_ADDRESS_0; w && off < 256; off += 4)
		w->ops->write(w->dev, off, 4, le32_get(cfg + off));
	if (w)
		w->ops->write(w->dev, PCI_COMMAND, 2, le16_get(cfg + PCI_COMMAND));
}

int windows_find(const struct bus *b, enum chan_space space, uint64_t addr,
		 uint32_t *off)
{
	uint64_t at = space == CHAN_PCI ? addr >> 8 : addr;

	for (unsigned int i = 0; i < b->win_count; i++) {
		const struct bus_win *w = &b->win[i];

		if (w->space != (uint8_t)space || !w->mapped || at < w->base)
			continue;
		if (space == CHAN_PCI ? at != w->base : at - w->base >= w->len)
			continue;
		*off = (uint32_t)(space == CHAN_PCI ? addr & 0xff : at - w->base);
		return (int)i;
	}
	return -1;
}

/* ---- what they are called ---- */

struct place {
	const char *win;		/* NULL: any configuration space */
	uint16_t off, bytes;
	const char *name;
};

/* What is no row of a table: PCI 3.0 chapter 6, and windows that the models
   decode themselves. */
static const struct place places[] = {
	{ NULL, 0x00, 2, "VENDOR_ID" },		{ NULL, 0x02, 2, "DEVICE_ID" },
	{ NULL, 0x04, 2, "COMMAND" },		{ NULL, 0x06, 2, "STATUS" },
	{ NULL, 0x08, 1, "REVISION_ID" },	{ NULL, 0x09, 1, "PROG_IF" },
	{ NULL, 0x0a, 2, "CLASS" },		{ NULL, 0x0c, 1, "CACHE_LINE_SIZE" },
	{ NULL, 0x0d, 1, "LATENCY_TIMER" },	{ NULL, 0x0e, 1, "HEADER_TYPE" },
	{ NULL, 0x0f, 1, "BIST" },		{ NULL, 0x10, 4, "BAR0" },
	{ NULL, 0x14, 4, "BAR1" },		{ NULL, 0x18, 4, "BAR2" },
	{ NULL, 0x1c, 4, "BAR3" },		{ NULL, 0x20, 4, "BAR4" },
	{ NULL, 0x24, 4, "BAR5" },		{ NULL, 0x28, 4, "CARDBUS_CIS" },
	{ NULL, 0x2c, 2, "SUBSYSTEM_VENDOR_ID" }, { NULL, 0x2e, 2, "SUBSYSTEM_ID" },
	{ NULL, 0x30, 4, "ROM_ADDRESS" },	{ NULL, 0x34, 1, "CAPABILITIES" },
	{ NULL, 0x3c, 1, "INTERRUPT_LINE" },	{ NULL, 0x3d, 1, "INTERRUPT_PIN" },
	{ NULL, 0x3e, 1, "MIN_GNT" },		{ NULL, 0x3f, 1, "MAX_LAT" },
	{ "dispi", 0, 1, "DISPI_INDEX" },	{ "dispi", 1, 2, "DISPI_DATA" },
	{ "xen-fixed", 0, 2, "UNPLUG" },	{ "xen-fixed", 2, 2, "PRODUCT" },
	{ "e1000 ports", 0, 4, "IOADDR" },	{ "e1000 ports", 4, 4, "IODATA" },
	{ "e1000 registers", 0x4000, 0x100, "STATISTICS" },
	{ "e1000 registers", 0x5200, 0x200, "MTA" },
	{ "e1000 registers", 0x5400, 0x80, "RA" },
	{ "e1000 registers", 0x5600, 0x200, "VFTA" },
};

static void put_name(char *name, size_t room, const char *what, uint32_t inside)
{
	if (inside)
		snprintf(name, room, "%s+%u", what, inside);
	else
		snprintf(name, room, "%s", what);
}

static bool find_place(const struct bus_win *w, uint32_t off, char *name, size_t room)
{
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		const struct place *p = &places[i];

		if (p->win ? strcmp(p->win, w->name) != 0 : w->space != CHAN_PCI)
			continue;
		if (off < p->off || off - p->off >= p->bytes)
			continue;
		put_name(name, room, p->name, off - p->off);
		return true;
	}
	return false;
}

void windows_register(const struct bus *b, unsigned int win, uint32_t off,
		      char *name, size_t room)
{
	const struct bus_win *w = &b->win[win];

	for (unsigned int i = 0; w->regs && i < w->regs->count; i++) {
		const struct reg *r = &w->regs->reg[i];

		if (off < r->off || off - r->off >= r->size)
			continue;
		put_name(name, room, r->name, off - r->off);
		return;
	}
	if (!find_place(w, off, name, room))
		snprintf(name, room, "+0x%x", off);
}
