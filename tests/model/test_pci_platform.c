/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/model/test_pci_platform.c - host and ISA bridge, links, reset ports
 */
#include "dev/platform.h"
#include "tap.h"
#include "tests/lib/busrig.h"

static struct rig rig;
static struct platform machine;

static void fresh(bool xen_pci)
{
	struct platform_conf conf = {
		.vcpus = 2, .boot = "cd", .xen_pci = xen_pci,
		.ram_below_4g_bytes = 256u << 20,
	};

	conf.serial[0].present = true;
	conf.serial[2].present = true;
	rig_init(&rig, 0);
	memset(&machine, 0, sizeof(machine));
	platform_init(&machine, &rig.bus, &conf);
	rig_close(&rig);
}

static void test_functions(void)
{
	static const struct {
		unsigned int devfn;
		uint32_t id, class_rev;
		uint8_t header;
	} want[] = {
		{ PCI_DEVFN(0, 0), 0x12378086, 0x06000002, 0x00 },
		{ PCI_DEVFN(1, 0), 0x70008086, 0x06010000, 0x80 },
		{ PCI_DEVFN(1, 3), 0x71138086, 0x06800003, 0x00 },
		{ PCI_DEVFN(2, 0), 0x00015853, 0xff800001, 0x00 },
	};

	fresh(true);
	for (unsigned int i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		unsigned int d = want[i].devfn;

		is_hex(cfg_read(&rig, d, 0, 4), want[i].id, "id");
		is_hex(cfg_read(&rig, d, 8, 4), want[i].class_rev, "class");
		is_hex(cfg_read(&rig, d, 0x0e, 1), want[i].header, "header");
	}
	is_hex(cfg_read(&rig, 0, 0x57, 1), 32, "256 MiB in units of 8");
	is_hex(cfg_read(&rig, 0, 0x72, 1), 0x02, "SMRAM");
	is_hex(cfg_read(&rig, 8, 0x04, 4), 0x02000007, "ISA bridge command");
	is_hex(cfg_read(&rig, 8, 0x4c, 4), 0x0003004d, "ISA bridge 0x4c");
	is_hex(cfg_read(&rig, 8, 0xa8, 1), 0x0f, "ISA bridge 0xa8");
	cfg_write(&rig, 0, 0x00, 4, 0);
	is_hex(cfg_read(&rig, 0, 0x00, 4), 0x12378086, "ids are read-only");
	cfg_write(&rig, 0, 0x59, 1, 0x30);
	is_hex(cfg_read(&rig, 0, 0x59, 1), 0x30, "PAM is storage");
}

static void test_without_xen_pci(void)
{
	fresh(false);
	is_hex(cfg_read(&rig, PCI_DEVFN(2, 0), 0, 4), UINT32_MAX,
	       "xen_platform_pci=0: no function");
	is_hex(in16(&rig, 0x10), 0xffff, "and no fixed ports");
}

static void test_links(void)
{
	fresh(true);
	is_hex(cfg_read(&rig, 8, 0x60, 4), 0x80808080, "links start off");
	for (unsigned int i = 0; i < 4; i++) {
		static const uint8_t irq[] = { 5, 10, 11, 5 };

		cfg_write(&rig, 8, 0x60 + i, 1, irq[i]);
		is_hex(rig_said_last(&rig, ANS_LINK_ROUTE)->addr, i, "link");
		is_hex(rig_said_last(&rig, ANS_LINK_ROUTE)->data, irq[i],
		       "goes to its line");
		is_hex(cfg_read(&rig, 8, 0x60 + i, 1), irq[i], "and reads back");
	}
	is_hex(rig_said(&rig, ANS_LINK_ROUTE), 4, "four changes");
	cfg_write(&rig, 8, 0x62, 2, 0x8b8b);
	is_hex(rig_said(&rig, ANS_LINK_ROUTE), 6, "a word is two links");
	is_hex(rig_said_last(&rig, ANS_LINK_ROUTE)->data, 0, "bit 7: off");
	cfg_write(&rig, 8, 0x5e, 2, 0);
	is_hex(rig_said(&rig, ANS_LINK_ROUTE), 6, "others are not links");
}

/* How Linux finds configuration mechanism 1. */
static void test_confadd(void)
{
	fresh(true);
	out8(&rig, 0xcfb, 0x01);
	out32(&rig, 0xcf8, 0x80000000);
	is_hex(in32(&rig, 0xcf8), 0x80000000, "0xcf8 reads back");
	out32(&rig, 0xcf8, 0x80000600);
	is_hex(rig_said(&rig, ANS_SHUTDOWN), 0,
	       "a dword with 06 in its second byte is no reset");
	is_hex(in32(&rig, 0xcf8), 0x80000600, "and reads back");
	out16(&rig, 0xcf8, 0x0634);
	out16(&rig, 0xcf9, 0x0606);
	out8(&rig, 0xcf8, 0x56);
	is_hex(in32(&rig, 0xcf8), 0x80000600, "narrower writes are ignored");
	is_hex(rig_said(&rig, ANS_SHUTDOWN), 0, "only a byte at 0xcf9 resets");
	is_hex(rig_row_flags(&rig, CHAN_PIO, 0xcf8, 4),
	       CHAN_ROW_POSTED | CHAN_ROW_INERT | CHAN_ROW_LAZY, "the dword is posted");
	is_hex(rig_row_flags(&rig, CHAN_PIO, 0xcf9, 1), 0, "the reset is not");
}

static void test_resets(void)
{
	fresh(true);
	out8(&rig, 0xcf9, 0x02);
	is_hex(in8(&rig, 0xcf9), 0x02, "0xcf9 keeps bit 1");
	is_hex(in32(&rig, 0xcf8), 0, "which is not CONFADD");
	is_hex(rig_said(&rig, ANS_SHUTDOWN), 0, "and does nothing");
	out8(&rig, 0xcf9, 0x06);
	is_hex(rig_said(&rig, ANS_SHUTDOWN), 1, "bit 2 reboots");
	is_hex(rig_said_last(&rig, ANS_SHUTDOWN)->data, IO_SHUTDOWN_REBOOT,
	       "reboots, not powers off");
	is_hex(in8(&rig, 0x92), 0, "0x92 starts at 0");
	out8(&rig, 0x92, 0x02);
	is_hex(in8(&rig, 0x92), 0x02, "A20 is kept");
	is_hex(rig_said(&rig, ANS_SHUTDOWN), 1, "and harmless");
	out8(&rig, 0x92, 0x03);
	is_hex(rig_said(&rig, ANS_SHUTDOWN), 2, "0x92 bit 0 reboots");
	out8(&rig, 0x92, 0x03);
	is_hex(rig_said(&rig, ANS_SHUTDOWN), 2, "on its rising edge");
}

static void test_unclaimed(void)
{
	static const uint16_t port[] = {
		0x00, 0x20, 0x40, 0x5e, 0x5f, 0x61, 0x72, 0x80, 0x88, 0xe9,
		0xf0, 0x1f0, 0x2f8, 0x378, 0x3f0, 0x4d0, 0x510, 0xb000, 0xb008,
		0xcfc,
	};

	fresh(true);
	for (unsigned int i = 0; i < sizeof(port) / sizeof(port[0]); i++)
		ok(rig_win(&rig, CHAN_PIO, port[i], 1) == IO_NO_WIN,
		   "port 0x%x is not claimed", port[i]);
}

int main(void)
{
	test_functions();
	test_without_xen_pci();
	test_links();
	test_confadd();
	test_resets();
	test_unclaimed();
	rig_free(&rig);
	return tap_done();
}
