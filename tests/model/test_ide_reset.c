/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/model/test_ide_reset.c - resets, absent drives, unplug, pause
 */
#include "tests/model/ide_guest.h"

static uint8_t page[512];

static void test_power_on(void)
{
	machine(0x1);
	is_hex(in8(&rig, ST), OK_STATUS, "ready");
	is_hex(in8(&rig, 0x1f1), 0x01, "diagnostic passed");
	is_hex(in8(&rig, 0x1f2), 0x01, "signature: count");
	is_hex(in8(&rig, 0x1f3), 0x01, "signature: LBA low");
	is_hex(in8(&rig, 0x1f4) | in8(&rig, 0x1f5), 0x00, "signature: a disk");
	is_hex(in8(&rig, 0x1f6), 0xa0, "master");
	is_hex(cfg_read(&rig, DEVFN, 0x00, 4), 0x70108086, "PCI ids");
	is_hex(cfg_read(&rig, DEVFN, 0x08, 4), 0x01018000, "class, prog-if");
	is_hex(cfg_read(&rig, DEVFN, 0x2c, 4), 0x11001af4, "subsystem");
	is_hex(cfg_read(&rig, DEVFN, 0x06, 2), 0x0280, "PCI status");
	is_hex(cfg_read(&rig, DEVFN, 0x3d, 1), 0x00, "no interrupt pin");
	cfg_write(&rig, DEVFN, 0x20, 4, 0xffffffff);
	is_hex(cfg_read(&rig, DEVFN, 0x20, 4), 0xfffffff1, "BAR4: 16 ports");
	cfg_write(&rig, DEVFN, 0x40, 4, 0x80008000);
	is_hex(cfg_read(&rig, DEVFN, 0x40, 4), 0x80008000, "IDETIM is storage");
}

static void test_soft_reset(void)
{
	machine(0x3);
	ata28(0x20, 0, 2);
	read_block(page, 100);
	in8(&rig, ST);
	out8(&rig, 0x3f6, 0x04);
	is_hex(in8(&rig, ALT), OK_STATUS, "SRST ends the command");
	ok(rig.isa[14], "with an interrupt");
	is_hex(in8(&rig, 0x1f2) | in8(&rig, 0x1f3) << 8, 0x0101, "signature");
	out8(&rig, 0x3f6, 0x00);
	is_hex(in16(&rig, 0x1f0), 0, "no data is left");
	out8(&rig, 0x1f6, 0xb0);
	is_hex(in8(&rig, ST), OK_STATUS, "the slave too");
	out8(&rig, 0x3f6, 0x0e);
	ok(!rig.isa[14], "no interrupt with nIEN");
	out8(&rig, 0x3f6, 0x0a);
	is_hex(in8(&rig, ST), OK_STATUS, "as firmware does it");
	out8(&rig, 0x3f6, 0x08);
	ok(!rig.isa[14], "nor later: the event is lost");
}

/* Nothing of the old command may happen once the reset was answered. */
static void test_soft_reset_waits(void)
{
	machine(0x1);
	memset(rig.ram + 0x8000, 0, 512);
	put_prd(0, 0x8000, 512, true);
	disk[0].hold = true;
	bm_start(true);
	ata28(0xc8, 3, 1);
	out8(&rig, 0x3f6, 0x04);
	ok(rig.waits, "SRST waits for the host's I/O");
	is_hex(rig.ram[0x8000], 0, "which has not happened yet");
	memblk_release(&disk[0]);
	rig_settle(&rig);
	ok(!rig.waits, "then it is answered");
	is_hex(in8(&rig, ALT), OK_STATUS, "and done");
	is_hex(in8(&rig, BM + 2) & 0x01, 0, "the bus master has stopped");
	is_hex(rig.mapped_frames, 0, "nothing is mapped");
	ok(!memblk_release(&disk[0]), "nothing is in flight");
}

static void test_diagnostic(void)
{
	machine(0x3);
	task(0xf5, 9, 9, 0x999999);
	command(0x90);
	is_hex(in8(&rig, ST), OK_STATUS, "EXECUTE DEVICE DIAGNOSTIC");
	is_hex(in8(&rig, 0x1f1), 0x01, "passed");
	is_hex(in8(&rig, 0x1f6) & 0x1f, 0x00, "selects the master");
	is_hex(in8(&rig, 0x1f5), 0x00, "signature");
}

static void test_absent(void)
{
	machine(0x1);
	out8(&rig, 0x1f6, 0xb0);
	is_hex(in8(&rig, ST), 0x00, "absent slave: status 0");
	is_hex(in8(&rig, ALT), 0x00, "alternate status 0");
	is_hex(in8(&rig, 0x1f1), 0x00, "error 0");
	out8(&rig, 0x1f2, 0x55);
	out8(&rig, 0x1f3, 0xaa);
	is_hex(in8(&rig, 0x1f2) | in8(&rig, 0x1f3) << 8, 0xaa55,
	       "but the registers are shared");
	command(0xec);
	is_hex(in8(&rig, ST), 0x00, "commands are ignored");
	ok(!rig.isa[14], "without interrupt");
	out8(&rig, 0x176, 0xa0);
	is_hex(in8(&rig, 0x177) | in8(&rig, 0x376), 0x00, "absent channel");
	out8(&rig, 0x172, 0x55);
	is_hex(in8(&rig, 0x172) | in8(&rig, 0x176), 0x00, "reads as 0");
	out8(&rig, 0x177, 0xec);
	out8(&rig, 0x376, 0x04);
	is_hex(in8(&rig, 0x177), 0x00, "whatever is written");
	ok(!rig.isa[15], "no interrupt");
	is_hex(in16(&rig, 0x170), 0x0000, "no data");

	machine(0x2);
	is_hex(in8(&rig, ST), OK_STATUS, "absent master beside a slave: a status");
	is_hex(in8(&rig, 0x1f4) & in8(&rig, 0x1f5), 0xff, "no signature");
	command(0xec);
	is_hex(in8(&rig, ST), 0x41, "and every command aborts");
	task(0xf0, 0, 1, 0);
	command(0x20);
	is_hex(in8(&rig, ST), 0x58, "the slave works");
}

static void test_secondary(void)
{
	machine(0xf);
	out8(&rig, 0x176, 0xf0);
	out8(&rig, 0x172, 1);
	out8(&rig, 0x173, 2);
	out8(&rig, 0x174, 0);
	out8(&rig, 0x175, 0);
	out8(&rig, 0x177, 0x20);
	ok(rig.isa[15] && !rig.isa[14], "the second channel has IRQ 15");
	ins(&rig, 0x170, 2, 256, page);
	ok(!memcmp(page, image[3] + 2 * 512, 512), "and its own slave");
	is_hex(disk[0].reads + disk[1].reads + disk[2].reads, 0, "only it");
}

static void test_nien(void)
{
	machine(0x1);
	out8(&rig, ALT, 0x02);
	ata28(0x10, 0, 0);
	ok(!rig.isa[14], "no interrupt with nIEN");
	is_hex(in8(&rig, BM + 2), 0x00, "nor in the bus master");
	out8(&rig, ALT, 0x00);
	ata28(0x10, 0, 0);
	ok(rig.isa[14], "without it there is");
	is_hex(in8(&rig, BM + 2), 0x04, "both");
	out8(&rig, ALT, 0x02);
	ok(!rig.isa[14], "nIEN releases the line");
}

static void test_unplug(void)
{
	machine(0x7);
	disk[0].hold = true;
	disk[2].hold = true;
	memset(page, 0x42, 512);
	ata28(0x30, 1, 1);
	write_block(page, 512);
	rig_unplug(&rig, UNPLUG_IDE_DISKS);
	ok(rig.waits, "unplug waits for the write");
	is_hex(disk[0].closes, 0, "nothing is closed yet");
	memblk_release(&disk[0]);
	rig_settle(&rig);
	ok(rig.waits && disk[0].held_count == 1, "then for the flush");
	memblk_release(&disk[0]);
	rig_settle(&rig);
	ok(rig.waits && disk[2].held_count == 1, "of every drive");
	memblk_release(&disk[2]);
	rig_settle(&rig);
	ok(!rig.waits, "then it is answered");
	is_hex(image[0][512], 0x42, "the write is in the image");
	is_hex(disk[0].flushes << 8 | disk[1].flushes << 4 | disk[2].flushes,
	       0x111, "all are flushed");
	is_hex(disk[0].closes << 8 | disk[1].closes << 4 | disk[2].closes,
	       0x111, "all are closed");
	is_hex(in8(&rig, ST) | in8(&rig, 0x177), 0x00, "the drives are gone");
	ok(!rig.isa[14] && !rig.isa[15], "the lines are down");
	rig_unplug(&rig, UNPLUG_IDE_DISKS);
	ok(!rig.waits && disk[0].closes == 1, "twice does no harm");
}

static void test_unplug_aux(void)
{
	machine(0xf);
	rig_unplug(&rig, UNPLUG_NICS);
	is_hex(disk[0].closes, 0, "NICs are not ours");
	rig_unplug(&rig, UNPLUG_AUX_IDE_DISKS);
	is_hex(disk[1].closes + disk[2].closes + disk[3].closes, 3,
	       "all but the primary master");
	is_hex(disk[0].closes, 0, "which stays");
	ata28(0x20, 0, 1);
	is_hex(in8(&rig, ST), 0x58, "and works");
	out8(&rig, 0x1f6, 0xf0);
	in8(&rig, ST);
	is_hex(in8(&rig, 0x177), 0x00, "the second channel is empty");
}

/* The other drives go while the master works: it goes on. */
static void test_unplug_aux_in_dma(void)
{
	machine(0x3);
	begin_long_read();
	rig_unplug(&rig, UNPLUG_AUX_IDE_DISKS);
	ok(rig.waits, "unplug waits for the channel");
	memblk_release(&disk[0]);
	rig_settle(&rig);
	ok(!rig.waits && disk[1].closes == 1 && !disk[0].closes,
	   "the slave is gone");
	is_hex(disk[0].held_count, 1, "the master's transfer goes on");
	memblk_release(&disk[0]);
	rig_settle(&rig);
	ok(rig.isa[14], "to its interrupt");
	is_hex(in8(&rig, ST), OK_STATUS, "and good end");
	/* With the slave selected. */
	machine(0x3);
	out8(&rig, 0x1f6, 0xf0);
	out8(&rig, ST, 0xec);
	rig_unplug(&rig, UNPLUG_AUX_IDE_DISKS);
	is_hex(in8(&rig, ST), 0x00, "a slave that had data has none");
	ata28(0x20, 0, 1);
	is_hex(in8(&rig, ST), 0x58, "the master reads");
}

/* In the middle of a long transfer: the rest is dropped. */
static void test_unplug_in_dma(void)
{
	machine(0x1);
	begin_long_read();
	rig_unplug(&rig, UNPLUG_IDE_DISKS);
	memblk_release(&disk[0]);
	rig_settle(&rig);
	is_hex(disk[0].held_count, 1, "one request");
	ok(disk[0].held[0]->op == BLK_FLUSH, "the flush");
	memblk_release(&disk[0]);
	rig_settle(&rig);
	ok(!rig.waits && rig.mapped_frames == 0, "done, nothing mapped");
	is_hex(in8(&rig, BM + 2), 0x00, "the bus master is reset");
}

static void test_pause(void)
{
	machine(0x1);
	rig_pause(&rig);
	ok(!rig.waits, "idle: pause is answered at once");
	begin_long_read();
	rig_pause(&rig);
	ok(rig.waits, "busy: pause waits");
	memblk_release(&disk[0]);
	rig_settle(&rig);
	ok(rig.waits, "for the whole command");
	memblk_release(&disk[0]);
	rig_settle(&rig);
	ok(rig.waits && rig.isa[14], "then the guest has it");
	is_hex(disk[0].held_count, 1, "one request is left");
	ok(disk[0].held[0]->op == BLK_FLUSH, "the flush");
	memblk_release(&disk[0]);
	rig_settle(&rig);
	ok(!rig.waits, "then all is done");
}

static void write_one(unsigned int drive)
{
	static const uint16_t base[] = { 0x1f0, 0x170 };

	out8(&rig, base[drive / 2] + 6, (uint8_t)(0xe0 | drive % 2 << 4));
	out8(&rig, base[drive / 2] + 2, 1);
	out8(&rig, base[drive / 2] + 7, 0x30);
	for (int i = 0; i < 256; i++)
		out16(&rig, base[drive / 2], 0x1234);
}

/* Who goes on may be on another host, which does not see our page cache. */
static void test_pause_flushes(void)
{
	machine(0xf);
	for (unsigned int i = 0; i < IDE_DRIVES; i++) {
		write_one(i);
		is_hex(disk[i].unflushed, 1, "written, perhaps not stable");
		disk[i].hold = true;
	}
	rig_pause(&rig);
	for (unsigned int i = 0; i < IDE_DRIVES; i++) {
		ok(rig.waits && disk[i].held_count == 1, "pause waits for a flush");
		memblk_release(&disk[i]);
		rig_settle(&rig);
		is_hex(disk[i].unflushed, 0, "stable");
	}
	ok(!rig.waits, "then it is done");
}

/* The host tells of an error once: to us, and the guest has not heard of it. */
static void test_pause_flush_fails(bool dies)
{
	machine(0x5);
	disk[2].fail_rc = -EIO;
	rig_pause(&rig);
	ok(!rig.waits, "a flush that fails ends a pause as well");
	disk[2].fail_rc = 0;
	if (dies) {
		rig_successor(&rig);
		build_devices(0x5);
	}
	ata28(0xe7, 0, 0);
	is_hex(in8(&rig, ST), 0x50, "the other drive's next flush is good");
	out8(&rig, 0x177, 0xe7);
	is_hex(in8(&rig, 0x177) & 0x21, 0x21, "its own says that something was lost");
	out8(&rig, 0x177, 0xe7);
	is_hex(in8(&rig, 0x177), 0x50, "once");
}

int main(void)
{
	test_power_on();
	test_soft_reset();
	test_soft_reset_waits();
	test_diagnostic();
	test_absent();
	test_secondary();
	test_nien();
	test_unplug();
	test_unplug_aux();
	test_unplug_aux_in_dma();
	test_unplug_in_dma();
	test_pause();
	test_pause_flushes();
	test_pause_flush_fails(false);
	test_pause_flush_fails(true);
	rig_free(&rig);
	return tap_done();
}
