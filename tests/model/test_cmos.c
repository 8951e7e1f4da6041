/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/model/test_cmos.c - the CMOS bytes that Xen leaves to us
 */
#include "dev/cmos.h"
#include "tap.h"
#include "tests/lib/busrig.h"

static struct rig rig;
static struct cmos cmos;

static void fresh(const char *boot, uint64_t below, uint64_t above)
{
	rig_init(&rig, 0);
	cmos = (struct cmos){ 0 };
	cmos_init(&cmos, &rig.bus, &(struct cmos_conf){
		.ram_below_4g_bytes = below, .ram_above_4g_bytes = above,
		.vcpus = 2, .boot = boot });
	rig_close(&rig);
}

static uint8_t get(uint8_t index)
{
	out8(&rig, 0x70, index);
	return in8(&rig, 0x71);
}

static void put(uint8_t index, uint8_t v)
{
	out8(&rig, 0x70, index);
	out8(&rig, 0x71, v);
}

static void test_fixed(void)
{
	fresh("c", 256u << 20, 0);
	is_hex(get(0x0e), 0, "diagnostics");
	is_hex(get(0x0f), 0, "shutdown status: cold boot");
	is_hex(get(0x10), 0, "no floppy");
	is_hex(get(0x14), 0x06, "equipment");
	is_hex(get(0x32), 0x20, "century");
	is_hex(get(0x5f), 1, "vCPUs less one");
	is_hex(get(0x8f), 0, "the NMI bit is no part of the index");
	is_hex(in8(&rig, 0x70), 0xff, "the index is write-only");
}

static void test_memory(void)
{
	fresh("c", 256u << 20, UINT64_C(5) << 30);
	is_hex(get(0x15) | get(0x16) << 8, 640, "base KiB");
	is_hex(get(0x17) | get(0x18) << 8, 65535, "extended KiB, at most");
	is_hex(get(0x30) | get(0x31) << 8, 65535, "again");
	is_hex(get(0x34) | get(0x35) << 8, 240 * 16, "above 16 MiB");
	is_hex(get(0x5b) | get(0x5c) << 8 | get(0x5d) << 16, 5 * 16384,
	       "above 4 GiB");
	fresh("c", 8u << 20, 0);
	is_hex(get(0x17) | get(0x18) << 8, 7 * 1024, "7 MiB extended");
	is_hex(get(0x34) | get(0x35) << 8, 0, "nothing above 16 MiB");
	fresh("c", 0, 0);
	is_hex(get(0x17) | get(0x18) << 8, 0, "no memory at all");
}

static void test_boot_order(void)
{
	fresh("cda", 0, 0);
	is_hex(get(0x3d), 0x32, "cda: disk, then CD");
	is_hex(get(0x38), 0x10, "then floppy");
	fresh("n", 0, 0);
	is_hex(get(0x3d), 0x04, "n: network");
	is_hex(get(0x38), 0x00, "and nothing else");
	fresh("xcxdxnxa", 0, 0);
	is_hex(get(0x3d), 0x32, "unknown letters are skipped");
	is_hex(get(0x38), 0x40, "and the fourth is dropped");
	fresh(NULL, 0, 0);
	is_hex(get(0x3d), 0x00, "no order");
}

static void test_disks(void)
{
	fresh("c", 0, 0);
	is_hex(get(0x12) | get(0x39) | get(0x19) | get(0x1b), 0, "no disk");
	rig_init(&rig, 0);
	cmos = (struct cmos){ 0 };
	cmos_init(&cmos, &rig.bus, &(struct cmos_conf){
		.disk_cyls = { 1024, 16383, 0, 1025 } });
	rig_close(&rig);
	is_hex(get(0x39), 0x44, "above 504 MiB the firmware translates, drive by drive");
	is_hex(get(0x12), 0xff, "two drives with a type");
	is_hex(get(0x19) | get(0x1a) << 8, 0x2f2f, "47, the user's");
	is_hex(get(0x1b) | get(0x1c) << 8, 1024, "cylinders of the first");
	is_hex(get(0x1d), 16, "heads");
	is_hex(get(0x20), 0xc8, "control byte");
	is_hex(get(0x21) | get(0x22) << 8, 1024, "landing zone");
	is_hex(get(0x23), 63, "sectors");
	is_hex(get(0x24) | get(0x25) << 8, 16383, "cylinders of the second");
	is_hex(get(0x2c), 63, "its sectors");
	is_hex(get(0x2d), 0, "no further");
}

static void test_storage(void)
{
	fresh("c", 0, 0);
	put(0x0f, 0x0a);
	is_hex(get(0x0f), 0x0a, "a byte is kept");
	put(0x7f, 0x77);
	is_hex(get(0x7f), 0x77, "the last one too");
	put(0x0d, 0x55);
	is_hex(get(0x0d), 0xff, "indexes below 14 are Xen's");
	is_hex(cmos.r.data[0x0d], 0, "and not stored");
	cmos_set(&cmos, 0x0f, 0xfe);
	is_hex(get(0x0f), 0xfe, "another device can set one");
	is_hex(rig_row_flags(&rig, CHAN_PIO, 0x70, 1),
	       CHAN_ROW_POSTED | CHAN_ROW_INERT | CHAN_ROW_LAZY, "the index is posted");
	is_hex(rig_row_flags(&rig, CHAN_PIO, 0x71, 1), 0, "the data is not");
}

int main(void)
{
	test_fixed();
	test_memory();
	test_boot_order();
	test_disks();
	test_storage();
	rig_free(&rig);
	return tap_done();
}
