/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/model/test_piix4_pm.c - power management and the ACPI blocks
 */
#include "bus/pci.h"
#include "dev/cmos.h"
#include "dev/piix4_pm.h"
#include "tap.h"
#include "tests/lib/busrig.h"

#define PM	PCI_DEVFN(1, 3)

static struct rig rig;
static struct piix4_pm pm;
static struct cmos cmos;

static void fresh(unsigned int vcpus)
{
	rig_init(&rig, 0);
	pm = (struct piix4_pm){ 0 };
	cmos = (struct cmos){ 0 };
	cmos_init(&cmos, &rig.bus, &(struct cmos_conf){ .vcpus = vcpus });
	piix4_pm_init(&pm, &rig.bus, &cmos, vcpus, 1);
	rig_close(&rig);
}

/* tools/firmware/hvmloader/pci.c, class 0x0680 */
static void hvmloader_sets_up(void)
{
	cfg_write(&rig, PM, 0x20, 2, 0x0000);
	cfg_write(&rig, PM, 0xd2, 2, 0x0000);
	cfg_write(&rig, PM, 0x22, 2, 0x0000);
	cfg_write(&rig, PM, 0x3c, 2, 0x0009);
	cfg_write(&rig, PM, 0x3d, 2, 0x0001);
	cfg_write(&rig, PM, 0x40, 4, 0xb001);
	cfg_write(&rig, PM, 0x80, 1, 0x01);
}

static void test_config(void)
{
	fresh(1);
	is_hex(cfg_read(&rig, PM, 0x00, 4), 0x71138086, "ids");
	is_hex(cfg_read(&rig, PM, 0x08, 4), 0x06800003, "class and revision");
	is_hex(cfg_read(&rig, PM, 0x2c, 4), 0x11001af4, "subsystem");
	is_hex(cfg_read(&rig, PM, 0x06, 2), 0x0280, "status");
	is_hex(cfg_read(&rig, PM, 0x3c, 2), 0x0100, "interrupt pin A");
	is_hex(cfg_read(&rig, PM, 0x40, 4), 0x00000001, "PMBA");
	is_hex(cfg_read(&rig, PM, 0x90, 4), 0x0000b101, "SMBBA");
	is_hex(cfg_read(&rig, PM, 0x5b, 1), 0x02, "SMM is off");
	is_hex(cfg_read(&rig, PM, 0x67, 1), 0x08, "COM1 is there, COM2 is not");
	hvmloader_sets_up();
	is_hex(cfg_read(&rig, PM, 0x3c, 2), 0x0109, "line 9, pin A");
	is_hex(cfg_read(&rig, PM, 0xd2, 1), 0x00, "SMBus off");
	is_hex(rig_mirror(&rig, pm.pci.win, 0x3c), 0x09,
	       "the mirror has it too");
}

static void test_window(void)
{
	fresh(1);
	is_hex(in16(&rig, 0xb004), 0xffff, "nothing before it is set up");
	hvmloader_sets_up();
	is_hex(rig_said(&rig, ANS_MAP), 1, "the window is announced once");
	is_hex(rig_said_last(&rig, ANS_MAP)->addr, 0xb004, "at PM1a_CNT");
	is_hex(in16(&rig, 0xb004), 0, "SCI_EN is clear");
	is_hex(in16(&rig, 0xb000), 0xffff, "Xen's half is not ours");
	is_hex(in32(&rig, 0xb004), UINT32_MAX, "nor is what follows");
	cfg_write(&rig, PM, 0x40, 4, 0x0060);
	is_hex(rig_said(&rig, ANS_UNMAP), 1, "moved elsewhere: gone");
	is_hex(rig_said(&rig, ANS_MAP), 1, "and not laid over other ports");
	cfg_write(&rig, PM, 0x40, 4, 0xb001);
	cfg_write(&rig, PM, 0x80, 1, 0x00);
	is_hex(in16(&rig, 0xb004), 0xffff, "PMIOSE off: gone");
}

static void test_acpi_enable(void)
{
	fresh(1);
	hvmloader_sets_up();
	is_hex(in8(&rig, 0xb004) & 1, 0, "hvmloader: SCI_EN is clear");
	out8(&rig, 0xb2, 0xf1);
	is_hex(in8(&rig, 0xb004) & 1, 1, "hvmloader: 0xf1 sets it");
	is_hex(in16(&rig, 0xb2), 0x00f1, "APM reads back");
	out8(&rig, 0xb3, 0x5a);
	is_hex(in8(&rig, 0xb3), 0x5a, "both bytes");
	out8(&rig, 0xb2, 0x77);
	is_hex(in8(&rig, 0xb004) & 1, 1, "other values do nothing");
	out8(&rig, 0xb2, 0xf0);
	is_hex(in8(&rig, 0xb004) & 1, 0, "0xf0 clears it");
}

static void test_sleep(void)
{
	fresh(1);
	hvmloader_sets_up();
	rig_said_clear(&rig);
	out16(&rig, 0xb004, 0x1c01);
	is_hex(rig_said(&rig, ANS_SHUTDOWN), 0, "SLP_TYP alone does nothing");
	out16(&rig, 0xb004, 0x3c01);
	is_hex(rig_said(&rig, ANS_SHUTDOWN) + rig_said(&rig, ANS_SLEEP), 0,
	       "nor does an unknown type");
	is_hex(in16(&rig, 0xb004), 0x1c01, "SLP_EN reads 0");
	out16(&rig, 0xb004, 0x2001);
	is_hex(rig_said(&rig, ANS_SHUTDOWN), 1, "type 0: S5");
	is_hex(rig_said_last(&rig, ANS_SHUTDOWN)->data, IO_SHUTDOWN_POWEROFF,
	       "is power-off");
	out16(&rig, 0xb004, 0x2801);
	is_hex(rig_said(&rig, ANS_SHUTDOWN), 2, "type 2: S4 too");
	out8(&rig, 0xb004, 0x01);
	is_hex(rig_said(&rig, ANS_SHUTDOWN), 2, "the low byte alone does not");
	out8(&rig, 0xb005, 0x20);
	is_hex(rig_said(&rig, ANS_SHUTDOWN), 3, "the high byte alone does");
	out8(&rig, 0xb005, 0x24);
	is_hex(rig_said(&rig, ANS_SLEEP), 1, "type 1: S3");
	out8(&rig, 0x70, 0x0f);
	is_hex(in8(&rig, 0x71), 0xfe, "and firmware will resume");
}

static void test_gpe(void)
{
	fresh(1);
	is_hex(in32(&rig, 0xafe0), 0, "GPE0 starts quiet");
	out16(&rig, 0xafe2, 0x0006);
	is_hex(in32(&rig, 0xafe0), 0x00060000, "enable reads back");
	is_hex(rig_said(&rig, ANS_ISA_IRQ), 0, "SCI is left alone");
	pm.r.gpe0_sts = 0x0004;
	out8(&rig, 0xafe2, 0x06);
	ok(rig.isa[9], "an enabled event raises SCI");
	out8(&rig, 0xafe0, 0x04);
	ok(!rig.isa[9], "clearing its status lowers it");
	is_hex(rig_said(&rig, ANS_ISA_IRQ), 2, "two changes, no more");
}

static void test_hotplug_blocks(void)
{
	fresh(3);
	out32(&rig, 0xae08, UINT32_MAX);
	out32(&rig, 0xae10, UINT32_MAX);
	for (uint16_t p = 0xae00; p < 0xae14; p = (uint16_t)(p + 4))
		is_hex(in32(&rig, p), 0, "no PCI hot-plug, nothing removable");
	is_hex(in8(&rig, 0xaf00), 0x07, "three vCPUs online");
	is_hex(in32(&rig, 0xaf1c), 0, "no others");
	out8(&rig, 0xaf00, 0xff);
	is_hex(in8(&rig, 0xaf00), 0x07, "read-only");
	fresh(128);
	is_hex(in32(&rig, 0xaf0c), UINT32_MAX, "128 vCPUs fill 16 bytes");
	is_hex(in8(&rig, 0xaf10), 0, "exactly");
}

int main(void)
{
	test_config();
	test_window();
	test_acpi_enable();
	test_sleep();
	test_gpe();
	test_hotplug_blocks();
	rig_free(&rig);
	return tap_done();
}
