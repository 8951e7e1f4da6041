/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/test_ctl_windows.c - names of devices, windows and registers
 */
#include "abi/chan.h"
#include "base/le.h"
#include "bus/pci.h"
#include "bus/reg.h"
#include "ctl/windows.h"
#include "tap.h"

static uint8_t cfg[256];

static const char *name_at(const struct bus *b, enum chan_space space, uint64_t addr)
{
	static char name[60];
	char reg[40];
	uint32_t off;
	int win = windows_find(b, space, addr, &off);

	if (win < 0)
		return "nothing";
	windows_register(b, (unsigned int)win, off, reg, sizeof(reg));
	snprintf(name, sizeof(name), "%s %s", b->win[win].name, reg);
	return name;
}

/* Every window has its device, every device a window. */
static void test_table(void)
{
	unsigned int of[32] = { 0 }, orphans = 0;

	for (enum windows_kind k = 0; k < WINDOWS_KIND_COUNT; k++) {
		const struct bus *b = windows_build(k);

		for (unsigned int i = 0; i < b->win_count; i++) {
			const struct windows_device *d = windows_owner(k, b, i);

			if (d) {
				of[d - windows_device]++;
				continue;
			}
			printf("# nobody's: %s of %s\n", b->win[i].name,
			       b->dev[b->win[i].id].name);
			orphans++;
		}
	}
	ok(orphans == 0, "every window belongs to a device of ctl_device.def");
	for (unsigned int i = 0; i < windows_device_count; i++)
		ok(of[i] > 0, "%s has windows: %u", windows_device[i].name, of[i]);
	ok(windows_find_device("com1") && !windows_find_device("com9"), "found by name");
}

static void test_fixed(void)
{
	const struct bus *b = windows_build(WINDOWS_PLATFORM);
	const struct bus *disk = windows_build(WINDOWS_DISK);
	const struct bus *vga = windows_build(WINDOWS_VGA);

	is_str(name_at(b, CHAN_PIO, 0x3fd), "com1 LSR", "a register of COM1");
	is_str(name_at(b, CHAN_PIO, 0x2fc), "com2 MCR", "a register of COM2");
	is_str(name_at(b, CHAN_PIO, 0x10), "xen-fixed UNPLUG", "the unplug port");
	is_str(name_at(b, CHAN_PIO, 0xcf8), "confadd CONFADD", "0xcf8");
	is_str(name_at(b, CHAN_PIO, 0x3e7), "nothing", "nothing's");
	is_str(name_at(b, CHAN_PCI, 0x0804), "piix3 COMMAND", "configuration space");
	is_str(name_at(b, CHAN_PCI, 0x0807), "piix3 STATUS+1", "in its middle");
	is_str(name_at(b, CHAN_PCI, 0x0860), "piix3 +0x60", "what is not named");
	is_str(name_at(b, CHAN_PCI, 0x0f00), "nothing", "no such function");
	is_str(name_at(disk, CHAN_PIO, 0x1ce), "nothing", "another worker's");
	is_str(name_at(vga, CHAN_PIO, 0x1cf), "dispi DISPI_DATA", "VBE");
	ok(strncmp(name_at(vga, CHAN_MMIO, 0xa0010), "vga window ", 11) == 0,
	   "video memory");
}

/* Where the guest put it, by its configuration space. */
static void test_moving(void)
{
	struct bus *b = windows_build(WINDOWS_DISK);
	struct bus *card = windows_build(WINDOWS_E1000);

	is_str(name_at(b, CHAN_PIO, 0xc002), "nothing", "not there yet");
	le32_put(cfg + 0x20, 0xc001);
	le16_put(cfg + PCI_COMMAND, PCI_COMMAND_IO);
	windows_configure(b, PCI_DEVFN(1, 1), cfg);
	ok(strncmp(name_at(b, CHAN_PIO, 0xc002), "ide bus master ", 15) == 0,
	   "the bus master: %s", name_at(b, CHAN_PIO, 0xc002));
	windows_configure(b, PCI_DEVFN(7, 0), cfg);	/* one function: it moved */
	ok(strncmp(name_at(b, CHAN_PCI, PCI_DEVFN(7, 0) << 8), "piix-ide pci", 12) == 0,
	   "a function whose slot is another");

	memset(cfg, 0, sizeof(cfg));
	le32_put(cfg + 0x10, 0xf3020000);
	le32_put(cfg + 0x14, 0xc101);
	le16_put(cfg + PCI_COMMAND, PCI_COMMAND_IO | PCI_COMMAND_MEMORY);
	windows_configure(card, PCI_DEVFN(5, 0), cfg);
	is_str(name_at(card, CHAN_MMIO, 0xf3023818), "e1000 registers TDT",
	       "a card's register");
	is_str(name_at(card, CHAN_MMIO, 0xf3025204), "e1000 registers MTA+4", "an array");
	is_str(name_at(card, CHAN_PIO, 0xc104), "e1000 ports IODATA", "its ports");
	is_str(name_at(card, CHAN_PCI, PCI_DEVFN(5, 0) << 8 | 0x10), "e1000 pci BAR0",
	       "in its slot");
	memset(cfg, 0xff, sizeof(cfg));
	windows_configure(card, 5, cfg);
	for (enum windows_kind k = 0; k < WINDOWS_KIND_COUNT; k++)
		for (unsigned int fn = 0; fn < 256; fn++)
			windows_configure(windows_build(k), fn, cfg);
	ok(true, "nonsense does no harm");
}

static void test_kinds(void)
{
	enum windows_kind k;

	ok(windows_kind_of("disk", "", &k) && k == WINDOWS_DISK, "disk");
	ok(windows_kind_of("net", "e1000", &k) && k == WINDOWS_E1000, "net, by its card");
	ok(!windows_kind_of("net", "", &k) && !windows_kind_of("vnc", "", &k) &&
	   !windows_kind_of("", "", &k), "the others have no devices");
}

int main(void)
{
	test_table();
	test_fixed();
	test_kinds();
	test_moving();
	return tap_done();
}
