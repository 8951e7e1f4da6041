/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/model/test_ide_dma.c - bus-master transfers
 */
#include "tests/model/ide_guest.h"

#define BUF	0x10000u

static void test_read(void)
{
	machine(0x1);
	put_prd(0, BUF + 6, 1024 - 6, false);
	put_prd(1, BUF + 0x2ffe, 6, true);
	bm_start(true);
	is_hex(in8(&rig, BM + 2), 0x01, "START shows as ACTIVE");
	ata28(0xc8, 11, 2);
	ok(!memcmp(rig.ram + BUF + 6, image[0] + 11 * 512, 1018) &&
	   !memcmp(rig.ram + BUF + 0x2ffe, image[0] + 11 * 512 + 1018, 6),
	   "READ DMA follows the table, across a page");
	is_hex(in8(&rig, BM + 2), 0x04, "ACTIVE is gone, INT is set");
	ok(rig.isa[14], "interrupt");
	is_hex(in8(&rig, ST), OK_STATUS, "done");
	is_hex(in8(&rig, BM + 2), 0x04, "reading status leaves INT");
	out8(&rig, BM + 2, 0x04);
	is_hex(in8(&rig, BM + 2), 0x00, "writing 1 clears it");
	is_hex(rig.mapped_frames, 0, "no frame stays mapped");
}

static void test_write(void)
{
	machine(0x1);
	memset(rig.ram + BUF, 0x3c, 4096);
	put_prd(0, BUF, 4096, true);
	ata28(0xca, 20, 8);
	is_hex(in8(&rig, ALT), 0x58, "waits for the bus master");
	bm_start(false);
	ok(!memcmp(image[0] + 20 * 512, rig.ram + BUF, 4096), "WRITE DMA");
	is_hex(in8(&rig, ST), OK_STATUS, "done");
	is_hex(disk[0].writes, 1, "in one piece");
	out8(&rig, BM, 0);
	ata_feature(0xef, 0x82, 0);
	in8(&rig, ST);
	bm_start(false);
	ata28(0xca, 20, 8);
	is_hex(disk[0].unflushed, 0, "stable with the write cache off");
	is_hex(in8(&rig, BM + 2), 0x04, "and only then done");
}

static void test_big(void)
{
	bool same;

	machine(0x1);
	for (unsigned int i = 0; i < 24; i++)	/* 1.5 MiB, 64 KiB each */
		put_prd(i, 0x80000 + i * 0x10000, 0, i == 23);
	bm_start(true);
	ata48(0x25, 16, 3072);
	same = !memcmp(rig.ram + 0x80000, image[0] + 16 * 512, 3072 * 512);
	ok(same, "READ DMA EXT of 3072 sectors");
	is_hex(in8(&rig, BM + 2), 0x04, "done");
	ok(disk[0].reads > 1, "in several pieces");
	is_hex(in8(&rig, ST), OK_STATUS, "status");
}

/* Pieces of two bytes: 256 of them are a sector. */
static void test_small_pieces(void)
{
	bool same = true;

	machine(0x1);
	for (unsigned int i = 0; i < 512; i++)
		put_prd(i, BUF + i * 0x100, 2, i == 511);
	bm_start(true);
	ata28(0xc8, 1, 2);
	for (unsigned int i = 0; i < 512; i++)
		same = same && !memcmp(rig.ram + BUF + i * 0x100,
				       image[0] + 512 + i * 2, 2);
	ok(same, "512 pieces of two bytes");
	is_hex(in8(&rig, BM + 2), 0x04, "done");
}

static void test_table_longer(void)
{
	machine(0x1);
	put_prd(0, BUF, 512, false);
	put_prd(1, BUF + 512, 512, true);
	bm_start(true);
	ata28(0xc8, 1, 1);
	is_hex(in8(&rig, BM + 2), 0x05, "a longer table: INT, and ACTIVE stays");
	is_hex(in8(&rig, ST), OK_STATUS, "the command is done");
	out8(&rig, BM, 0x08);
	is_hex(in8(&rig, BM + 2), 0x04, "clearing START clears ACTIVE");
}

static void test_table_shorter(void)
{
	machine(0x1);
	put_prd(0, BUF, 512, true);
	bm_start(true);
	ata28(0xc8, 1, 2);
	is_hex(in8(&rig, BM + 2), 0x00, "a shorter table: ACTIVE is gone, no INT");
	is_hex(rig.isa_rises[14], 0, "and no interrupt");
	is_hex(in8(&rig, ALT), OK_STATUS, "the drive is idle");
	ok(!memcmp(rig.ram + BUF, image[0] + 512, 512), "what fits has come");
}

static void test_not_master(void)
{
	machine(0x1);
	cfg_write(&rig, DEVFN, 0x04, 2, 0x0001);
	put_prd(0, BUF, 512, true);
	bm_start(true);
	ata28(0xc8, 1, 1);
	is_hex(rig.dma_writes, 0, "no bus mastering without the command bit");
	is_hex(in8(&rig, BM + 2), 0x06, "bus master error");
	is_hex(in8(&rig, ST), 0x41, "the command aborts");
}

static void test_direction(void)
{
	machine(0x1);
	put_prd(0, BUF, 512, true);
	bm_start(false);
	ata28(0xc8, 1, 1);
	is_hex(rig.dma_writes, 0, "a read towards the disk does not happen");
	is_hex(in8(&rig, ST), 0x41, "it aborts");
	out8(&rig, BM, 0);
	bm_start(true);
	ata28(0xca, 1, 1);
	is_hex(disk[0].writes, 0, "nor a write towards memory");
}

static void test_stop_waits(void)
{
	machine(0x1);
	put_prd(0, BUF, 512, true);
	disk[0].hold = true;
	bm_start(true);
	ata28(0xc8, 1, 1);
	is_hex(in8(&rig, ALT), BSY, "busy");
	is_hex(in8(&rig, BM + 2), 0x01, "active");
	out8(&rig, BM, 0x08);
	ok(rig.waits, "clearing START waits for the host");
	memblk_release(&disk[0]);
	rig_settle(&rig);
	ok(!rig.waits, "and is answered then");
	is_hex(in8(&rig, BM + 2) & 0x01, 0, "inactive");
	is_hex(rig.mapped_frames, 0, "nothing is mapped");
}

/* Stopped in the middle: the drive waits, and goes on when started again. */
static void test_stop_and_go(void)
{
	machine(0x1);
	begin_long_read();
	out8(&rig, BM, 0x08);
	memblk_release(&disk[0]);
	rig_settle(&rig);
	is_hex(disk[0].held_count, 0, "nothing more is submitted");
	ok(!rig.waits && rig.isa_rises[14] == 0, "stopped");
	is_hex(in8(&rig, ALT) & (BSY | DRQ), BSY, "the command is not over");
	out8(&rig, BM, 0x09);
	is_hex(disk[0].held_count, 1, "started again, it goes on");
	disk[0].hold = false;
	memblk_release(&disk[0]);
	rig_settle(&rig);
	ok(rig.isa[14], "to its end");
}

static void test_widths(void)
{
	machine(0x1);
	is_hex(in16(&rig, BM), 0xffff, "a word of command reads as ones");
	is_hex(in32(&rig, BM), 0xffffffff, "a dword too");
	out16(&rig, BM + 2, 0x6060);
	is_hex(in8(&rig, BM + 2), 0x00, "a word to status is ignored");
	out8(&rig, BM + 2, 0x60);
	is_hex(in8(&rig, BM + 2), 0x60, "a byte sets the capability bits");
	out8(&rig, BM, 0xf8);
	is_hex(in8(&rig, BM), 0x08, "command keeps START and direction");
	out32(&rig, BM + 4, 0x12345677);
	is_hex(in32(&rig, BM + 4), 0x12345674, "PRD pointer is aligned");
	out8(&rig, BM + 5, 0xab);
	is_hex(in16(&rig, BM + 4), 0xab74, "and takes any width");
	is_hex(in8(&rig, BM + 1), 0xff, "the rest is open");
	out32(&rig, BM + 12, 0x1000);
	is_hex(in32(&rig, BM + 12), 0x1000, "the second channel has its own");
}

static void test_trim(void)
{
	uint64_t e[64] = { 100 | UINT64_C(8) << 48, 0, 200 | UINT64_C(1) << 48 };

	machine(0x1);
	put_prd(0, BUF, 512, true);
	memcpy(rig.ram + BUF, e, sizeof(e));
	bm_start(false);
	task(0xe0, 1, 0, 0);
	task(0xe0, 1, 1, 0);
	command(0x06);
	is_hex(in8(&rig, ST), 0x41, "TRIM aborts where the host cannot discard");
	disk[0].blk.can_discard = true;
	task(0xe0, 1, 0, 0);
	task(0xe0, 1, 1, 0);
	command(0x06);
	is_hex(in8(&rig, ST), OK_STATUS, "TRIM");
	is_hex(disk[0].discards, 2, "discards each range that is not empty");
	ok(!image[0][100 * 512 + 1] && !image[0][108 * 512 - 1] &&
	   image[0][108 * 512 + 4], "and only it");
	e[1] = DISK_SECTORS | UINT64_C(1) << 48;
	memcpy(rig.ram + BUF, e, sizeof(e));
	out8(&rig, BM, 0);
	bm_start(false);
	task(0xe0, 1, 1, 0);
	command(0x06);
	is_hex(in8(&rig, ST), 0x41, "a range beyond the end aborts");
	task(0xe0, 1, 9, 0);
	command(0x06);
	is_hex(in8(&rig, ST), 0x41, "so does a longer list than promised");
}

int main(void)
{
	test_read();
	test_write();
	test_big();
	test_small_pieces();
	test_table_longer();
	test_table_shorter();
	test_not_master();
	test_direction();
	test_stop_waits();
	test_stop_and_go();
	test_widths();
	test_trim();
	rig_free(&rig);
	return tap_done();
}
