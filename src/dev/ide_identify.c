/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dev/ide_identify.c - what a disk says it is (IDENTIFY DEVICE)
 *
 * Runs in the disk worker.  Source: ATA/ATAPI-7, 6.17; word numbers as there.
 */
#include <string.h>

#include "base/le.h"
#include "dev/ide_core.h"

#define LBA28_MAX	0x0fffffffu
#define CYLINDERS_MAX	16383u
#define HEADS		16u
#define SECTORS		63u

struct word {
	uint8_t at;
	uint16_t v;
};

/* The same for every disk. */
static const struct word fixed[] = {
	{ 0, 0x0040 },			/* fixed disk */
	{ 3, HEADS }, { 4, SECTORS * IDE_SECTOR_BYTES },
	{ 5, IDE_SECTOR_BYTES }, { 6, SECTORS },
	{ 20, 3 }, { 21, 512 }, { 22, 4 },	/* obsolete: buffer, ECC bytes */
	{ 47, 0x8000 | IDE_MULTIPLE_MAX },
	{ 48, 1 },			/* 32-bit data port */
	{ 49, 0x0b00 },			/* IORDY, LBA, DMA */
	{ 51, 0x0200 }, { 52, 0x0200 },	/* PIO and DMA cycle timing */
	{ 53, 0x0007 },			/* words 54-58, 64-70, 88 are valid */
	{ 64, 0x0003 },			/* PIO 3 and 4 */
	{ 65, 120 }, { 66, 120 }, { 67, 120 }, { 68, 120 },	/* ns */
	{ 80, 0x00f0 },			/* ATA-4 to ATA-7 */
	{ 81, 0x0016 },
	{ 82, 0x4021 },			/* NOP, write cache, SMART */
	{ 83, 0x7400 },			/* FLUSH CACHE (EXT), 48-bit */
	{ 84, 0x4000 },
	{ 86, 0x3400 },			/* as 83, enabled */
	{ 87, 0x4000 },
	{ 93, 0x6001 },			/* reset result: 80-wire cable, alone
					   enough that SeaBIOS looks for a slave */
	{ 106, 0x6000 },		/* one logical sector a physical one */
};

/* Strings have the first of two characters in the high byte. */
static void put_string(uint8_t *page, unsigned int word, unsigned int words,
		       const char *s)
{
	size_t len = strlen(s);

	for (unsigned int i = 0; i < words * 2; i++)
		page[word * 2 + (i ^ 1)] = (uint8_t)(i < len ? s[i] : ' ');
}

static void put(uint8_t *page, unsigned int word, uint16_t v)
{
	le16_put(page + word * 2, v);
}

static void put_geometry(uint8_t *page, const struct ide_unit_regs *u,
			 uint64_t total)
{
	uint64_t cyls = total / (HEADS * SECTORS);
	uint64_t now = total / (uint64_t)(u->heads * u->sectors);

	if (cyls > CYLINDERS_MAX)
		cyls = CYLINDERS_MAX;
	if (now > CYLINDERS_MAX)
		now = CYLINDERS_MAX;
	put(page, 1, (uint16_t)(cyls ? cyls : 1));
	put(page, 54, (uint16_t)(now ? now : 1));
	put(page, 55, u->heads);
	put(page, 56, u->sectors);
	le32_put(page + 57 * 2, (uint32_t)now * u->heads * u->sectors);
	le32_put(page + 60 * 2,
		 total < LBA28_MAX ? (uint32_t)total : LBA28_MAX);
	le64_put(page + 100 * 2, total);
}

/* Words 62, 63, 88: supported modes, and which one is selected. */
static void put_modes(uint8_t *page, uint8_t mode)
{
	uint16_t selected = (uint16_t)(0x100u << (mode & 7));

	put(page, 62, (uint16_t)(0x07 | (mode >> 3 == 0x10 >> 3 ? selected : 0)));
	put(page, 63, (uint16_t)(0x07 | (mode >> 3 == 0x20 >> 3 ? selected : 0)));
	put(page, 88, (uint16_t)(0x3f | (mode >> 3 == 0x40 >> 3 ? selected : 0)));
}

void ide_identify(struct ide_chan *c)
{
	const struct ide_unit_regs *u = ide_sel(c);
	const struct blk *blk = ide_blk(c);
	uint8_t *page = ide_data_page(c);

	for (unsigned int i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		put(page, fixed[i].at, fixed[i].v);
	put_string(page, 10, 10, c->serial[ide_unit(c)]);
	put_string(page, 23, 4, "1.0");
	put_string(page, 27, 20, "Cloister disk");
	put_geometry(page, u, ide_sectors(blk));
	put_modes(page, u->xfer_mode);
	put(page, 59, (uint16_t)(u->multiple ? 0x0100 | u->multiple : 0));
	put(page, 85, (uint16_t)(0x4000 | (u->smart_on ? 0x01 : 0) |
				 (u->write_cache ? 0x20 : 0)));
	if (blk->can_discard) {
		put(page, 69, 0x4000);	/* trimmed sectors read the same */
		put(page, 105, IDE_TRIM_SECTORS);
		put(page, 169, 0x0001);
	}
	ide_send_page(c);
}
