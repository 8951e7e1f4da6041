/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/model/test_xen_platform.c - unplug protocol, ROM lock, log port
 */
#include "bus/pci.h"
#include "dev/xen_platform.h"
#include "tap.h"
#include "tests/lib/busrig.h"

#define DEV	PCI_DEVFN(2, 0)

static struct rig rig;
static struct xen_platform xen;

static void fresh(bool accept)
{
	rig_init(&rig, 0);
	xen = (struct xen_platform){ 0 };
	xen_platform_init(&xen, &rig.bus, accept);
	rig_close(&rig);
}

static void test_config(void)
{
	fresh(true);
	is_hex(cfg_read(&rig, DEV, 0x00, 4), 0x00015853, "ids");
	is_hex(cfg_read(&rig, DEV, 0x08, 4), 0xff800001, "class and revision");
	is_hex(cfg_read(&rig, DEV, 0x2c, 4), 0x00015853, "subsystem");
	is_hex(cfg_read(&rig, DEV, 0x04, 2), 0x0003, "command");
	is_hex(cfg_read(&rig, DEV, 0x3d, 1), 1, "INTA");
	cfg_write(&rig, DEV, 0x04, 2, 0);
	cfg_write(&rig, DEV, 0x10, 4, UINT32_MAX);
	is_hex(cfg_read(&rig, DEV, 0x10, 4), 0xffffff01, "BAR0: 256 ports");
	cfg_write(&rig, DEV, 0x14, 4, UINT32_MAX);
	is_hex(cfg_read(&rig, DEV, 0x14, 4), 0xff000008,
	       "BAR1: 16 MiB, prefetchable");
}

/* arch/x86/xen/platform-pci-unplug.c */
static void test_linux(void)
{
	fresh(true);
	is_hex(in16(&rig, 0x10), 0x49d2, "Linux: magic");
	is_hex(in8(&rig, 0x12), 1, "Linux: protocol");
	out16(&rig, 0x12, 3);
	out32(&rig, 0x10, 1);
	is_hex(in16(&rig, 0x10), 0x49d2, "Linux: not blacklisted");
	is_hex(xen.r.product, 3, "product is known");
	is_hex(xen.r.build, 1, "build is known");
	is_hex(rig_said(&rig, ANS_UNPLUG), 0, "nothing is unplugged yet");
	out16(&rig, 0x10, 0x0003);
	is_hex(rig_said(&rig, ANS_UNPLUG), 1, "Linux: unplug");
	is_hex(rig_said_last(&rig, ANS_UNPLUG)->data, 3, "disks and NICs");
	out16(&rig, 0x10, 0x0003);
	out16(&rig, 0x10, 0x0004);
	is_hex(rig_said(&rig, ANS_UNPLUG), 1, "what is gone is not asked again");
	fresh(true);
	out16(&rig, 0x10, 0x0004);
	is_hex(rig_said_last(&rig, ANS_UNPLUG)->data, 4, "auxiliary alone");
	out16(&rig, 0x10, 0x0005);
	is_hex(rig_said_last(&rig, ANS_UNPLUG)->data, 1,
	       "all disks includes the auxiliary ones");
	rig_said_clear(&rig);
	out16(&rig, 0x10, 0xfff8);
	is_hex(rig_said(&rig, ANS_UNPLUG), 0, "unknown bits are ignored");
	out8(&rig, 0x10, 0);
	out32(&rig, 0x10, 0xffffffff);
	is_hex(rig_said(&rig, ANS_UNPLUG), 0, "so are other widths");
}

static void test_decline(void)
{
	fresh(false);
	is_hex(in16(&rig, 0x10), 0xd249, "declined: another magic");
	out16(&rig, 0x10, 0x0003);
	is_hex(rig_said(&rig, ANS_UNPLUG), 0, "and the mask is ignored");
	is_hex(xen.r.unplugged, 0, "for good");
}

static void test_widths(void)
{
	fresh(true);
	is_hex(in8(&rig, 0x11), 0xff, "other bytes");
	is_hex(in16(&rig, 0x12), 0xffff, "other words");
	is_hex(in32(&rig, 0x10), UINT32_MAX, "dwords");
	is_hex(in8(&rig, 0x1f), 0xff, "last port");
	is_hex(in16(&rig, 0x1f), 0xffff, "straddling the end");
}

static void test_rom_lock(void)
{
	fresh(true);
	is_hex(in8(&rig, 0x10), 0, "unlocked");
	out8(&rig, 0x10, 1);
	is_hex(rig_said(&rig, ANS_ROM_LOCK), 1, "lock");
	is_hex(rig_said_last(&rig, ANS_ROM_LOCK)->data, 1, "is passed on");
	is_hex(in8(&rig, 0x10), 1, "reads back");
	out8(&rig, 0x10, 0xff);
	is_hex(rig_said(&rig, ANS_ROM_LOCK), 1, "only when it changes");
	out8(&rig, 0x10, 0);
	is_hex(rig_said_last(&rig, ANS_ROM_LOCK)->data, 0, "unlock");
}

static void fresh_with_bars(void)
{
	fresh(true);
	cfg_write(&rig, DEV, 0x10, 4, 0xc100);
	cfg_write(&rig, DEV, 0x14, 4, 0xf1000000);
}

static void test_bars(void)
{
	fresh_with_bars();
	is_hex(in8(&rig, 0xc100), 0, "BAR0: flags");
	is_hex(in8(&rig, 0xc101), 0xff, "BAR0: the rest");
	out8(&rig, 0xc104, 1);
	is_hex(rig_said_last(&rig, ANS_UNPLUG)->data, 3, "BAR0+4: all");
	fresh_with_bars();
	out8(&rig, 0xc108, 1);
	is_hex(rig_said_last(&rig, ANS_UNPLUG)->data, 1, "BAR0+8: disks");
	out8(&rig, 0xc108, 2);
	is_hex(rig_said_last(&rig, ANS_UNPLUG)->data, 2, "BAR0+8: NICs");
	is_hex(mmio_read(&rig, 0xf1000000, 4), 0, "BAR1 reads 0");
	mmio_write(&rig, 0xf1fffffc, 4, 0x12345678);
	is_hex(mmio_read(&rig, 0xf1fffffc, 4), 0, "and keeps nothing");
	cfg_write(&rig, DEV, 0x04, 2, 0);
	is_hex(in8(&rig, 0xc100), 0xff, "decode off: gone");
	is_hex(in16(&rig, 0x10), 0x49d2, "the fixed ports stay");
}

static void test_log_is_bounded(void)
{
	fresh(true);
	out8(&rig, 0x12, 'h');
	out8(&rig, 0x12, 0x1b);
	out8(&rig, 0x12, 0xff);
	out8(&rig, 0x12, 'i');
	is_hex(xen.r.line_len, 2, "control characters are dropped");
	out8(&rig, 0x12, '\n');
	is_hex(xen.r.line_len, 0, "a line ends");
	for (unsigned int i = 0; i < 100000; i++) {
		out8(&rig, 0x12, 'x');
		if (xen.r.line_len > XEN_PLATFORM_LINE_MAX)
			break;
	}
	ok(xen.r.line_len < XEN_PLATFORM_LINE_MAX, "a line has an end");
	xen.r.line_len = 0xffff;
	out8(&rig, 0x12, 'x');
	is_hex(xen.r.line_len, 1, "garbage in the state does no harm");
}

int main(void)
{
	test_config();
	test_linux();
	test_decline();
	test_widths();
	test_rom_lock();
	test_bars();
	test_log_is_bounded();
	rig_free(&rig);
	return tap_done();
}
