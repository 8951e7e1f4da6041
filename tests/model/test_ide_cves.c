/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/model/test_ide_cves.c - mistakes that others made in this place
 *
 * One test each, named after the advisory.  Each does what its reproducer
 * does, as far as a controller without packet devices has the registers for
 * it, and shows that the disk and the machine are well afterwards.  Run under
 * sanitizers, they also show that nothing is read or written out of bounds.
 */
#include "tests/model/ide_guest.h"

static uint8_t page[512];

static bool is_alive(void)
{
	out8(&rig, 0x3f6, 0x00);
	ata28(0x20, 5, 1);
	read_block(page, 512);
	return !memcmp(page, image[0] + 5 * 512, 512) &&
		in8(&rig, ST) == OK_STATUS;
}

/* SMART EXECUTE OFFLINE: the log's 22nd entry was written behind its end. */
static void test_cve_2014_2894(void)
{
	machine(0x1);
	for (unsigned int i = 0; i < 100; i++) {
		smart_cmd(0xd4, 0, (uint8_t)(i % 3));
		in8(&rig, ST);
	}
	smart_cmd(0xd5, 1, 0x06);
	read_block(page, 512);
	is_hex(page[508], (100 - 1) % 21 + 1, "CVE-2014-2894: 21 self-tests are kept");
	smart_cmd(0xd4, 0, 3);
	is_hex(in8(&rig, ST), 0x41, "CVE-2014-2894: others abort");
	ok(is_alive(), "CVE-2014-2894: alive");
}

/* A table without one whole sector counted as progress, for ever. */
static void test_cve_2014_9718(void)
{
	machine(0x1);
	put_prd(0, 0x8000, 510, true);
	bm_start(true);
	ata28(0xc8, 0, 4);
	is_hex(in8(&rig, BM + 2), 0x00, "CVE-2014-9718: the transfer ends");
	is_hex(rig.mapped_frames, 0, "CVE-2014-9718: nothing stays mapped");
	out8(&rig, BM, 0);
	memset(page, 0, sizeof(page));
	for (unsigned int i = 0; i < 1100; i++)
		put_prd(i, 0x8000 + i * 2, 2, false);
	bm_start(true);
	ata48(0x25, 0, 0x1000);
	is_hex(in8(&rig, BM + 2), 0x00, "CVE-2014-9718: a table without end ends");
	ok(!memcmp(rig.ram + 0x8000, image[0], 1024) &&
	   !memcmp(rig.ram + 0x8000 + 1024, page, 512),
	   "CVE-2014-9718: after 512 entries");
	ok(is_alive(), "CVE-2014-9718: alive");
}

/* The transfer's end left pointers behind the buffer (packet commands). */
static void test_cve_2015_5154(void)
{
	static uint8_t much[4096];

	machine(0x1);
	ata28(0xa0, 0, 0);
	is_hex(in8(&rig, ST), 0x41, "CVE-2015-5154: PACKET aborts");
	ata28(0xec, 0, 0);
	ins(&rig, 0x1f0, 4, 1024, much);
	ok(much[512] == 0 && much[4095] == 0,
	   "CVE-2015-5154: a block ends where it ends");
	ata28(0x30, 5, 1);
	outs(&rig, 0x1f0, 4, 1024, image[0] + 5 * 512);
	is_hex(in8(&rig, ST), OK_STATUS, "CVE-2015-5154: a written one too");
	ok(is_alive(), "CVE-2015-5154: alive");
}

/* Disk commands on a drive without a disk: division by its zero sectors. */
static void test_cve_2015_6855(void)
{
	machine(0x2);
	ata28(0xf8, 0, 0);
	is_hex(in8(&rig, ST), 0x41, "CVE-2015-6855: READ NATIVE MAX aborts");
	task(0xa0, 0, 1, 1);
	command(0xc8);
	is_hex(in8(&rig, ST), 0x41, "CVE-2015-6855: so does READ DMA");
	machine_sized(0x1, 0);
	ata28(0xf8, 0, 0);
	is_hex(in8(&rig, ST), 0x41, "CVE-2015-6855: an empty disk has no last sector");
	ata28(0x20, 0, 1);
	is_hex(in8(&rig, ST), 0x41, "CVE-2015-6855: nor a first");
	ata28(0xec, 0, 0);
	is_hex(in8(&rig, ST), 0x58, "CVE-2015-6855: but an identity");
}

/* FLUSH CACHE on a drive without a back end. */
static void test_cve_2017_12809(void)
{
	machine(0x2);
	ata28(0xe7, 0, 0);
	is_hex(in8(&rig, ST), 0x41, "CVE-2017-12809: FLUSH CACHE without a disk");
	machine(0x1);
	task(0xb0, 0, 0, 0);
	command(0xe7);
	is_hex(in8(&rig, ST), 0x00, "CVE-2017-12809: or without a drive");
	rig_unplug(&rig, UNPLUG_IDE_DISKS);
	ata28(0xe7, 0, 0);
	is_hex(in8(&rig, ST), 0x00, "CVE-2017-12809: or after unplug");
}

/* Transfer size and table disagree in every way. */
static void test_cve_2019_20175(void)
{
	static const uint16_t lens[] = { 2, 4, 510, 512, 514, 1022, 1024, 1026,
		2046, 0xfffe, 0 };

	machine(0x1);
	for (unsigned int i = 0; i < sizeof(lens) / sizeof(lens[0]); i++)
		for (unsigned int last = 0; last < 2; last++) {
			put_prd(0, 0x8000, lens[i], last);
			put_prd(1, 0x20000, 2, true);
			bm_start(true);
			ata28(0xc8, 0, 2);
			out8(&rig, BM, 0);
			in8(&rig, ST);
		}
	is_hex(rig.mapped_frames, 0, "CVE-2019-20175: nothing stays mapped");
	ok(is_alive(), "CVE-2019-20175: alive");
}

/* Stopping the bus master where there is no drive. */
static void test_cve_2020_25743(void)
{
	machine(0x1);
	out8(&rig, BM + 8, 0x09);
	out8(&rig, BM + 8, 0x00);
	out8(&rig, 0x1f6, 0xb0);
	out8(&rig, BM, 0x09);
	command(0xc8);
	out8(&rig, BM, 0x00);
	ok(!rig.waits, "CVE-2020-25743: nothing to wait for");
	ok(is_alive(), "CVE-2020-25743: alive");
}

/* A sector address used as "no sector" (packet devices): 48-bit extremes. */
static void test_cve_2020_29443(void)
{
	machine(0x1);
	ata48(0x24, UINT64_C(0xffffffffffff), 1);
	is_hex(in8(&rig, ST), 0x41, "CVE-2020-29443: LBA -1 aborts");
	ata48(0x24, UINT64_C(0xffffffffffff), 0);
	is_hex(in8(&rig, ST), 0x41, "CVE-2020-29443: with a count that wraps");
	ok(is_alive(), "CVE-2020-29443: alive");
}

/* A reset during a DMA write let the rest of it go to sector 0. */
static void test_cve_2023_5088(void)
{
	static uint8_t before[DISK_BYTES];

	machine(0x1);
	for (unsigned int i = 0; i < 32; i++)
		put_prd(i, 0x100000, 0, i == 31);
	memset(rig.ram + 0x100000, 0xee, 0x10000);
	memcpy(before, image[0], sizeof(before));
	disk[0].hold = true;
	bm_start(false);
	ata48(0x35, 0x800, 0x1000);
	out8(&rig, 0x3f6, 0x04);
	ok(rig.waits, "CVE-2023-5088: the reset waits for the write");
	while (memblk_release(&disk[0]))
		rig_settle(&rig);
	ok(!rig.waits, "CVE-2023-5088: and is done then");
	is_hex(disk[0].writes, 1, "CVE-2023-5088: what had not begun never begins");
	ok(!memcmp(image[0], before, 0x800 * 512),
	   "CVE-2023-5088: nothing is written below the first sector");
	disk[0].hold = false;
	ok(is_alive(), "CVE-2023-5088: alive");
}

/* INITIALIZE DEVICE PARAMETERS with no sectors, then CHS. */
static void test_geometry_of_nothing(void)
{
	machine(0x1);
	task(0xaf, 0, 0, 0);
	command(0x91);
	is_hex(in8(&rig, ST), 0x41, "0 sectors a track abort");
	task(0xaf, 0, 255, 0);
	command(0x91);
	is_hex(in8(&rig, ST), OK_STATUS, "255 are fine");
	task(0xaf, 0, 0, 0xffffff);
	command(0x20);
	is_hex(in8(&rig, ST), 0x41, "the last CHS address is beyond the end");
	ok(is_alive(), "alive");
}

/* Tables and buffers that are not there. */
static void test_table_outside_ram(void)
{
	machine(0x1);
	out32(&rig, BM + 4, 0xfffffffc);
	out8(&rig, BM, 0x09);
	ata28(0xc8, 0, 1);
	is_hex(rig.mapped_frames, 0, "a table of ones is followed to nowhere");
	out8(&rig, BM, 0);
	put_prd(0, 0xfffff000, 0, true);
	bm_start(true);
	ata28(0xc8, 0, 128);
	is_hex(rig.mapped_frames, 0, "so is a buffer across 4 GiB");
	ok(is_alive(), "alive");
}

/* Unplug, then the registers that knew the drive. */
static void test_after_unplug(void)
{
	machine(0x1);
	put_prd(0, 0x8000, 512, true);
	rig_unplug(&rig, UNPLUG_IDE_DISKS);
	bm_start(true);
	ata28(0xc8, 0, 1);
	is_hex(in8(&rig, ST), 0x00, "no drive answers after unplug");
	out8(&rig, BM, 0);
	out8(&rig, 0x3f6, 0x04);
	is_hex(in8(&rig, ST), 0x00, "nor after a reset");
	is_hex(disk[0].reads, 0, "the image is not touched");
}

int main(void)
{
	test_cve_2014_2894();
	test_cve_2014_9718();
	test_cve_2015_5154();
	test_cve_2015_6855();
	test_cve_2017_12809();
	test_cve_2019_20175();
	test_cve_2020_25743();
	test_cve_2020_29443();
	test_cve_2023_5088();
	test_geometry_of_nothing();
	test_table_outside_ram();
	test_after_unplug();
	rig_free(&rig);
	return tap_done();
}
