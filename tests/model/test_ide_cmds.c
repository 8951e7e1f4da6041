/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/model/test_ide_cmds.c - commands without sector data: what the disk
 *                               says about itself, and settings
 */
#include "base/le.h"
#include "tests/model/ide_guest.h"

static uint8_t page[512];

static uint16_t word(unsigned int n)
{
	return le16_get(page + 2 * n);
}

static void identify(void)
{
	ata28(0xec, 0, 0);
	read_block(page, 512);
}

static void text(unsigned int from, unsigned int words, char *s)
{
	for (unsigned int i = 0; i < words * 2; i++)
		s[i] = (char)page[2 * from + (i ^ 1)];
	s[words * 2] = 0;
}

static void test_identify(void)
{
	char s[41];

	machine(0x3);
	ata28(0xec, 0, 0);
	is_hex(in8(&rig, ST), 0x58, "IDENTIFY offers a block");
	read_block(page, 512);
	is_hex(in8(&rig, ST), OK_STATUS, "one");
	text(27, 20, s);
	is_str(s, "Cloister disk                           ", "model");
	text(10, 10, s);
	is_str(s, "CL00001             ", "serial number");
	is_hex(word(0), 0x0040, "fixed disk");
	is_hex(word(49) & 0x0300, 0x0300, "LBA and DMA");
	is_hex(word(60) | (uint32_t)word(61) << 16, DISK_SECTORS, "LBA28 sectors");
	is_hex(le64_get(page + 200), DISK_SECTORS, "LBA48 sectors");
	is_hex(word(83) & 0xc400, 0x4400, "48-bit commands");
	ok((word(93) & 0xdf61) != 0x4041, "firmware looks for a slave");
	is_hex(word(59), 0x0110, "multiple: 16");
	is_hex(word(63), 0x0007, "no multi-word mode is selected");
	is_hex(word(88), 0x203f, "Ultra DMA 5 is");
	is_hex(word(85) & 0x21, 0x21, "write cache and SMART are on");
	is_hex(word(1), DISK_SECTORS / (16 * 63), "cylinders");
	is_hex(word(169), 0, "no TRIM unless the host can");
	task(0xf0, 0, 0, 0);
	command(0xec);
	read_block(page, 512);
	text(10, 10, s);
	is_str(s, "CL00002             ", "the slave has its own serial number");
}

/* 1 TiB: more than 28 bits can count. */
static void test_identify_big(void)
{
	machine_sized(0x1, UINT64_C(1) << 40);
	identify();
	is_hex(word(60) | (uint32_t)word(61) << 16, 0x0fffffff, "LBA28 saturates");
	is_hex(le64_get(page + 200), UINT64_C(1) << 31, "LBA48 does not");
	is_hex(word(1), 16383, "cylinders saturate");
	ata28(0xf8, 0, 0);
	is_hex(in8(&rig, 0x1f3) | in8(&rig, 0x1f4) << 8 | in8(&rig, 0x1f5) << 16 |
	       (in8(&rig, 0x1f6) & 0xf) << 24, 0x0fffffff, "READ NATIVE MAX");
	ata48(0x27, 0, 0);
	is_hex(in8(&rig, 0x1f3) | in8(&rig, 0x1f4) << 8 | in8(&rig, 0x1f5) << 16,
	       0xffffff, "READ NATIVE MAX EXT, low half");
	out8(&rig, ALT, 0x80);
	is_hex(in8(&rig, 0x1f3) | in8(&rig, 0x1f4) << 8 | in8(&rig, 0x1f5) << 16,
	       0x00007f, "and high half behind HOB");
	out8(&rig, ALT, 0x00);
}

static void test_features(void)
{
	machine(0x1);
	ata_feature(0xef, 0x03, 0x22);
	is_hex(in8(&rig, ST), OK_STATUS, "transfer mode MWDMA 2");
	identify();
	is_hex(word(63), 0x0407, "is selected");
	is_hex(word(88), 0x003f, "instead of Ultra DMA");
	ata_feature(0xef, 0x03, 0x0c);
	is_hex(in8(&rig, ST), OK_STATUS, "PIO 4");
	ata_feature(0xef, 0x03, 0x30);
	is_hex(in8(&rig, ST), 0x41, "no such transfer mode");
	ata_feature(0xef, 0x66, 0);
	is_hex(in8(&rig, ST), OK_STATUS, "66 is accepted");
	ata_feature(0xef, 0x10, 0);
	is_hex(in8(&rig, ST), 0x41, "SATA features abort");
	ata_feature(0xef, 0x82, 0);
	in8(&rig, ST);
	identify();
	is_hex(word(85) & 0x20, 0, "write cache shows off");
	task(0xa3, 0, 10, 0);
	command(0x91);
	in8(&rig, ST);
	identify();
	is_hex(word(55) << 8 | word(56), 4 << 8 | 10, "current heads and sectors");
	is_hex(word(54), DISK_SECTORS / 40, "and cylinders");
}

static uint8_t sum(void)
{
	uint8_t s = 0;

	for (unsigned int i = 0; i < 512; i++)
		s = (uint8_t)(s + page[i]);
	return s;
}

static void test_smart(void)
{
	machine(0x1);
	smart_cmd(0xda, 0, 0);
	is_hex(in8(&rig, ST), OK_STATUS, "SMART RETURN STATUS");
	is_hex(in8(&rig, 0x1f4) | in8(&rig, 0x1f5) << 8, 0xc24f, "is fine");
	smart_cmd(0xd0, 0, 0);
	read_block(page, 512);
	is_hex(word(0), 1, "SMART READ DATA: version");
	is_hex(sum(), 0, "checksum");
	smart_cmd(0xd1, 0, 0);
	read_block(page, 512);
	is_hex(sum(), 0, "SMART READ THRESHOLDS: checksum");
	smart_cmd(0xd5, 1, 0x01);
	read_block(page, 512);
	is_hex(sum(), 0, "error log: checksum");
	smart_cmd(0xd5, 1, 0x07);
	is_hex(in8(&rig, ST), 0x41, "no other log");
	smart_cmd(0xd2, 0xf1, 0);
	is_hex(in8(&rig, ST), OK_STATUS, "autosave on");
	smart_cmd(0xd2, 0x11, 0);
	is_hex(in8(&rig, ST), 0x41, "autosave nonsense");
	smart_cmd(0xd9, 0, 0);
	is_hex(in8(&rig, ST), OK_STATUS, "SMART off");
	smart_cmd(0xda, 0, 0);
	is_hex(in8(&rig, ST), 0x41, "then it aborts");
	smart_cmd(0xd8, 0, 0);
	is_hex(in8(&rig, ST), OK_STATUS, "SMART on");
	task(0xe0, 0xda, 0, 0);
	command(0xb0);
	is_hex(in8(&rig, ST), 0x41, "without the key it aborts");
}

static void test_plain(void)
{
	static const uint8_t good[] = { 0x10, 0x40, 0x41, 0x42, 0x70, 0x94, 0x95,
		0x96, 0x97, 0x99, 0xe0, 0xe1, 0xe2, 0xe3, 0xe6, 0xe7, 0xea, 0xf5 };
	static const uint8_t bad[] = { 0x00, 0x03, 0x08, 0x0e, 0x37, 0x87, 0xa0,
		0xa1, 0xb1, 0xc0, 0xf1, 0xf2, 0xf3, 0xf4, 0xf6, 0xff };

	machine(0x1);
	for (unsigned int i = 0; i < sizeof(good); i++) {
		ata48(good[i], 0, 1);
		ok(in8(&rig, ALT) == OK_STATUS && rig.isa[14],
		   "command 0x%02x succeeds with an interrupt", good[i]);
		in8(&rig, ST);
	}
	for (unsigned int i = 0; i < sizeof(bad); i++) {
		ata28(bad[i], 0, 1);
		ok(in8(&rig, 0x1f1) == 0x04 && rig.isa[14],
		   "command 0x%02x aborts with an interrupt", bad[i]);
		is_hex(in8(&rig, ST), 0x41, "status");
	}
	ata28(0xe5, 0, 0);
	is_hex(in8(&rig, 0x1f2), 0xff, "CHECK POWER MODE: active");
	ata28(0x40, DISK_SECTORS, 1);
	is_hex(in8(&rig, ST), 0x41, "READ VERIFY beyond the end");
	is_hex(disk[0].flushes, 2, "FLUSH CACHE and EXT reached the host");
}

static void test_hob(void)
{
	machine(0x3);
	out8(&rig, 0x1f2, 0x11);
	out8(&rig, 0x1f2, 0x22);
	is_hex(in8(&rig, 0x1f2), 0x22, "last value");
	out8(&rig, ALT, 0x80);
	is_hex(in8(&rig, 0x1f2), 0x11, "HOB shows the one before");
	out8(&rig, 0x1f3, 0x33);
	is_hex(in8(&rig, 0x1f2), 0x22, "a write clears HOB");
	out8(&rig, 0x1f6, 0xf0);
	is_hex(in8(&rig, 0x1f3), 0x33, "both drives take writes");
	is_hex(in8(&rig, 0x1f6), 0xf0, "device register");
	out8(&rig, 0x1f6, 0x00);
	is_hex(in8(&rig, 0x1f6), 0xa0, "bits 7 and 5 read as ones");
}

int main(void)
{
	test_identify();
	test_identify_big();
	test_features();
	test_smart();
	test_plain();
	test_hob();
	rig_free(&rig);
	return tap_done();
}
