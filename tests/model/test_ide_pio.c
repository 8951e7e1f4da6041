/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/model/test_ide_pio.c - data through the port, block by block
 */
#include "tests/model/ide_guest.h"

static uint8_t page[4096];

static void test_read_two_sectors(void)
{
	machine(0x1);
	ata28(0x20, 7, 2);
	is_hex(in8(&rig, ALT), 0x58, "DRQ");
	is_hex(rig.isa_rises[14], 1, "an interrupt for the first block");
	is_hex(in8(&rig, ST), 0x58, "status acknowledges");
	ok(!rig.isa[14], "the line is down");
	read_block(page, 512);
	ok(!memcmp(page, image[0] + 7 * 512, 512), "first sector");
	is_hex(rig.isa_rises[14], 2, "an interrupt for the second block");
	in8(&rig, ST);
	read_block(page, 512);
	ok(!memcmp(page, image[0] + 8 * 512, 512), "second sector");
	is_hex(in8(&rig, ALT), OK_STATUS, "done");
	is_hex(rig.isa_rises[14], 2, "and no interrupt after the last block");
	is_hex(disk[0].reads, 1, "one host read for both");
}

/* 256 sectors need several fills of the buffer. */
static void test_read_256(void)
{
	bool same = true;

	machine(0x1);
	ata28(0x20, 100, 0);
	for (unsigned int i = 0; i < 256; i++) {
		read_block(page, 512);
		same = same && !memcmp(page, image[0] + (100 + i) * 512, 512);
	}
	ok(same, "count 0 is 256 sectors");
	is_hex(in8(&rig, ST), OK_STATUS, "done");
	is_hex(rig.isa_rises[14], 1, "unacknowledged, the line rose once");
	is_hex(disk[0].reads, 4, "four host reads");
}

static void test_widths(void)
{
	uint8_t one[512], four[512];

	machine(0x1);
	ata28(0x20, 3, 2);
	for (unsigned int i = 0; i < 128; i++) {
		uint32_t v = in32(&rig, 0x1f0);

		memcpy(four + i * 4, &v, 4);
	}
	ok(!memcmp(four, image[0] + 3 * 512, 512), "32 bits are two words");
	for (unsigned int i = 0; i < 256; i++)
		one[i] = in8(&rig, 0x1f0);
	for (unsigned int i = 0; i < 256; i++)
		four[i] = image[0][4 * 512 + 2 * i];
	ok(!memcmp(one, four, 256), "8 bits are the low byte of a word");
	is_hex(in8(&rig, ST), OK_STATUS, "both sectors are used up");
	is_hex(in16(&rig, 0x1f0), 0, "without DRQ the port reads as 0");
}

static void test_multiple(void)
{
	machine(0x1);
	ata28(0xc4, 0, 20);
	is_hex(rig.isa_rises[14], 1, "READ MULTIPLE: 16 sectors by default");
	in8(&rig, ST);
	for (unsigned int i = 0; i < 16; i++) {
		is_hex(rig.isa[14], 0, "no interrupt within a block");
		read_block(page, 512);
	}
	ok(rig.isa[14], "the next block is announced");
	in8(&rig, ST);
	ins(&rig, 0x1f0, 4, 512, page);
	ok(!memcmp(page, image[0] + 16 * 512, 2048), "its four sectors at once");
	is_hex(in8(&rig, ST), OK_STATUS, "done");

	ata_feature(0xc6, 0, 4);
	is_hex(in8(&rig, ST), OK_STATUS, "SET MULTIPLE 4");
	ata_feature(0xc6, 0, 5);
	is_hex(in8(&rig, ST), 0x41, "SET MULTIPLE 5 aborts");
	ata_feature(0xc6, 0, 32);
	is_hex(in8(&rig, ST), 0x41, "SET MULTIPLE 32 aborts");
	ata_feature(0xc6, 0, 0);
	ata28(0xc4, 0, 1);
	is_hex(in8(&rig, ST), 0x41, "READ MULTIPLE aborts while disabled");
	is_hex(in8(&rig, 0x1f1), 0x04, "with ABRT");
}

static void test_write(void)
{
	machine(0x1);
	memset(page, 0xa5, sizeof(page));
	ata28(0x30, 9, 2);
	is_hex(in8(&rig, ALT), 0x58, "DRQ for the first block");
	is_hex(rig.isa_rises[14], 0, "without an interrupt");
	disk[0].hold = true;
	write_block(page, 512);
	is_hex(in8(&rig, ALT), BSY, "BSY while it is written");
	memblk_release(&disk[0]);
	rig_settle(&rig);
	is_hex(in8(&rig, ALT), 0x58, "DRQ for the second");
	ok(rig.isa[14], "with an interrupt");
	in8(&rig, ST);
	disk[0].hold = false;
	write_block(page, 512);
	is_hex(in8(&rig, ALT), OK_STATUS, "done");
	ok(rig.isa[14], "with an interrupt");
	ok(!memcmp(image[0] + 9 * 512, page, 1024), "both are in the image");
	fill_image(1);
	ok(image[0][8 * 512] != 0xa5 && image[0][11 * 512 + 1] != 0xa5,
	   "and nothing else");
	is_hex(disk[0].flushes, 0, "no flush with the write cache on");
}

static void test_write_cache_off(void)
{
	machine(0x1);
	ata_feature(0xef, 0x82, 0);
	is_hex(disk[0].flushes, 1, "switching the cache off flushes");
	is_hex(in8(&rig, ST), OK_STATUS, "and succeeds");
	memset(page, 0x5a, 512);
	ata28(0x30, 1, 1);
	write_block(page, 512);
	is_hex(disk[0].unflushed, 0, "a write is stable");
	ok(rig.isa[14], "by its interrupt");
	in8(&rig, ST);
	ata28(0x30, 1, 2);
	write_block(page, 512);
	disk[0].hold = true;
	write_block(page, 512);
	is_hex(disk[0].held_count, 1, "written");
	in8(&rig, ST);
	memblk_release(&disk[0]);
	rig_settle(&rig);
	ok(!rig.isa[14], "no interrupt before the flush");
	is_hex(in8(&rig, ALT), BSY, "still busy");
	memblk_release(&disk[0]);
	rig_settle(&rig);
	ok(rig.isa[14] && disk[0].unflushed == 0, "but after it");
	ata_feature(0xef, 0x02, 0);
	disk[0].hold = false;
	in8(&rig, ST);
	ata28(0x30, 1, 1);
	write_block(page, 512);
	is_hex(disk[0].unflushed, 1, "switched on, writes are not flushed");
}

static void test_addresses(void)
{
	machine(0x1);
	ata28(0x20, DISK_SECTORS - 1, 1);
	is_hex(in8(&rig, ST), 0x58, "the last sector");
	read_block(page, 512);
	ok(!memcmp(page, image[0] + DISK_BYTES - 512, 512), "is the last");
	ata28(0x20, DISK_SECTORS - 1, 2);
	is_hex(in8(&rig, ST), 0x41, "one more aborts");
	ata28(0x20, DISK_SECTORS, 1);
	is_hex(in8(&rig, ST), 0x41, "so does the one behind");
	ata48(0x24, 5, 3);
	is_hex(in8(&rig, ST), 0x58, "READ SECTORS EXT");
	read_block(page, 1536);
	ok(!memcmp(page, image[0] + 5 * 512, 1536), "LBA48, three sectors");
	ata48(0x24, UINT64_C(0x800000000005), 3);
	is_hex(in8(&rig, ST), 0x41, "the upper address bits count");
	/* CHS 1/2/3 with 16 heads and 63 sectors */
	task(0xa2, 0, 1, 3 | 1 << 8);
	command(0x20);
	read_block(page, 512);
	ok(!memcmp(page, image[0] + ((1 * 16 + 2) * 63 + 2) * 512, 512), "CHS");
	task(0xa0, 0, 1, 0);
	command(0x20);
	is_hex(in8(&rig, ST), 0x41, "CHS sector 0 does not exist");
	task(0xa3, 0, 10, 0);
	command(0x91);
	task(0xa2, 0, 1, 3 | 1 << 8);
	command(0x20);
	read_block(page, 512);
	ok(!memcmp(page, image[0] + ((1 * 4 + 2) * 10 + 2) * 512, 512),
	   "CHS in the geometry of INITIALIZE DEVICE PARAMETERS");
}

static void test_unaligned_image(void)
{
	machine_sized(0x1, 1000);
	image[0][1001] = 0x77;
	ata28(0x20, 1, 1);
	read_block(page, 512);
	ok(!memcmp(page, image[0] + 512, 488) && !page[488] && !page[511] &&
	   !page[489], "the tail of an odd image is padded with zeros");
	ata28(0x20, 2, 1);
	is_hex(in8(&rig, ST), 0x41, "and that sector is the last");
	memset(page, 0xee, 512);
	ata28(0x30, 1, 1);
	write_block(page, 512);
	ok(image[0][999] == 0xee && image[0][1001] == 0x77,
	   "a write ends with the image");
}

static void test_host_errors(void)
{
	machine(0x1);
	disk[0].fail_rc = -EIO;
	ata28(0x20, 0x123, 1);
	is_hex(in8(&rig, ST), 0x41, "a failing read is an error");
	is_hex(in8(&rig, 0x1f1), 0x40, "uncorrectable");
	is_hex(in8(&rig, 0x1f3) | in8(&rig, 0x1f4) << 8, 0x123, "at its sector");
	ata28(0x30, 0, 1);
	write_block(page, 512);
	is_hex(in8(&rig, ST), 0x61, "a failing write is a device fault");
	ata28(0xe7, 0, 0);
	is_hex(in8(&rig, ST), 0x61, "so is a failing flush");
	disk[0].fail_rc = 0;
	ata28(0x20, 0, 1);
	is_hex(in8(&rig, ST), 0x58, "the next command works");
}

static void test_busy_ignores_writes(void)
{
	machine(0x1);
	ata28(0x20, 1, 1);
	out8(&rig, 0x1f2, 0x99);
	out8(&rig, 0x1f6, 0xf0);
	command(0xec);
	read_block(page, 512);
	ok(!memcmp(page, image[0] + 512, 512), "a command in DRQ is ignored");
	is_hex(in8(&rig, 0x1f6), 0xe0, "so is a selection");
	machine(0x1);
	ata28(0x20, 1, 1);
	out16(&rig, 0x1f0, 0x1234);
	read_block(page, 512);
	ok(!memcmp(page, image[0] + 512, 512), "writes do not move a read");
	ata28(0x30, 1, 1);
	is_hex(in16(&rig, 0x1f0), 0, "reads do not move a write");
	write_block(page, 512);
	is_hex(in8(&rig, ST), OK_STATUS, "256 words are enough");
}

static void test_read_only(void)
{
	machine(0x1);
	disk[0].blk.read_only = true;
	ata28(0x30, 1, 1);
	is_hex(in8(&rig, ST), 0x41, "a read-only disk aborts writes");
	ata28(0xca, 1, 1);
	is_hex(in8(&rig, ST), 0x41, "by DMA too");
}

int main(void)
{
	test_read_two_sectors();
	test_read_256();
	test_widths();
	test_multiple();
	test_write();
	test_write_cache_off();
	test_addresses();
	test_unaligned_image();
	test_host_errors();
	test_busy_ignores_writes();
	test_read_only();
	rig_free(&rig);
	return tap_done();
}
