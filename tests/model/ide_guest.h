/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/model/ide_guest.h - a machine with disks, and a small driver for it
 *
 * The driver does what a guest's would, one register at a time.
 */
#ifndef TESTS_MODEL_IDE_GUEST_H
#define TESTS_MODEL_IDE_GUEST_H

#include "dev/piix_ide.h"
#include "tests/lib/busrig.h"
#include "tests/lib/memblk.h"
#include "tests/lib/tap.h"

#define RAM_BYTES	(4u << 20)
#define DISK_BYTES	(4u << 20)
#define DISK_SECTORS	(DISK_BYTES / 512u)
#define DEVFN		PCI_DEVFN(1, 1)
#define BM		0xc000u
#define PRDT		0x1000u		/* where the tests put PRD tables */

#define ST		0x1f7u
#define ALT		0x3f6u
#define BSY		0x80u
#define DRQ		0x08u
#define ERR		0x01u
#define OK_STATUS	0x50u		/* DRDY | DSC */

static struct rig rig;
static struct piix_ide ide;
static struct memblk disk[IDE_DRIVES];
static uint8_t image[IDE_DRIVES][DISK_BYTES];

/* A pattern that differs for every sector and drive. */
__attribute__((unused))
static void fill_image(unsigned int drive)
{
	for (uint32_t i = 0; i < DISK_BYTES; i += 4) {
		uint32_t v = (i / 512) * 0x9e3779b1u + i + drive * 0x01010101u;

		memcpy(&image[drive][i], &v, 4);
	}
}

__attribute__((unused))
static void build_devices(unsigned int drives)
{
	memset(&ide, 0, sizeof(ide));
	piix_ide_init(&ide, &rig.bus, DEVFN);
	for (unsigned int i = 0; i < IDE_DRIVES; i++) {
		char serial[IDE_SERIAL_BYTES + 1];

		if (!(drives & (1u << i)))
			continue;
		snprintf(serial, sizeof(serial), "CL%05u", i + 1);
		piix_ide_attach(&ide, i, &disk[i].blk, serial);
	}
	rig_close(&rig);
}

/* @drives: bit per drive.  Bus master at BM, mastering and I/O on. */
__attribute__((unused))
static void machine_sized(unsigned int drives, uint64_t size_bytes)
{
	rig_init(&rig, RAM_BYTES);
	for (unsigned int i = 0; i < IDE_DRIVES; i++) {
		memblk_init(&disk[i], image[i], size_bytes);
		if (drives & (1u << i))
			fill_image(i);
	}
	build_devices(drives);
	cfg_write(&rig, DEVFN, 0x20, 4, BM);
	cfg_write(&rig, DEVFN, 0x04, 2, 0x0005);
}

__attribute__((unused))
static void machine(unsigned int drives)
{
	machine_sized(drives, DISK_BYTES);
}

/* Task file of the primary channel.  @dev: device register. */
__attribute__((unused))
static void task(uint8_t dev, uint8_t feature, uint8_t count, uint32_t lba)
{
	out8(&rig, 0x1f6, dev);
	out8(&rig, 0x1f1, feature);
	out8(&rig, 0x1f2, count);
	out8(&rig, 0x1f3, (uint8_t)lba);
	out8(&rig, 0x1f4, (uint8_t)(lba >> 8));
	out8(&rig, 0x1f5, (uint8_t)(lba >> 16));
}

__attribute__((unused))
static void command(uint8_t op)
{
	out8(&rig, ST, op);
}

/* 28-bit command to the master. */
__attribute__((unused))
static void ata28(uint8_t op, uint32_t lba, uint8_t count)
{
	task((uint8_t)(0xe0 | (lba >> 24 & 0xf)), 0, count, lba);
	command(op);
}

/* 48-bit command to the master. */
__attribute__((unused))
static void ata48(uint8_t op, uint64_t lba, uint16_t count)
{
	task(0xe0, 0, (uint8_t)(count >> 8), (uint32_t)(lba >> 24));
	task(0xe0, 0, (uint8_t)count, (uint32_t)lba);
	command(op);
}

__attribute__((unused))
static void ata_feature(uint8_t op, uint8_t feature, uint8_t count)
{
	task(0xe0, feature, count, 0);
	command(op);
}

__attribute__((unused))
static void smart_cmd(uint8_t feature, uint8_t count, uint8_t low)
{
	task(0xe0, feature, count, 0xc24f00u | low);
	command(0xb0);
}

__attribute__((unused))
static void read_block(void *to, unsigned int bytes)
{
	ins(&rig, 0x1f0, 2, bytes / 2, to);
}

__attribute__((unused))
static void write_block(const void *from, unsigned int bytes)
{
	outs(&rig, 0x1f0, 2, bytes / 2, from);
}

__attribute__((unused))
static void put_prd(unsigned int i, uint32_t addr, uint32_t len, bool last)
{
	uint32_t e[2] = { addr, (len & 0xffff) | (last ? 0x80000000u : 0) };

	memcpy(rig.ram + PRDT + i * 8, e, 8);
}

/* Table is in place: acknowledge, point, direction, start. */
__attribute__((unused))
static void bm_start(bool to_guest)
{
	out8(&rig, BM + 2, 0x06);
	out32(&rig, BM + 4, PRDT);
	out8(&rig, BM, to_guest ? 0x08 : 0x00);
	out8(&rig, BM, to_guest ? 0x09 : 0x01);
}

/* READ DMA EXT of 2 MiB, more than one request: the image holds the first. */
__attribute__((unused))
static void begin_long_read(void)
{
	for (unsigned int i = 0; i < 32; i++)
		put_prd(i, 0x100000, 0, i == 31);
	disk[0].hold = true;
	bm_start(true);
	ata48(0x25, 0, 4096);
}

#endif /* TESTS_MODEL_IDE_GUEST_H */
