/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dev/ide_smart.c - a disk's opinion of its own health (SMART)
 *
 * Runs in the disk worker.  Everything is fine, always: the host watches the
 * real disks.  Guests and their tools probe for the answers.  Source:
 * ATA/ATAPI-5, 8.41.
 */
#include <string.h>

#include "base/le.h"
#include "dev/ide_core.h"

#define KEY_MID		0x4fu
#define KEY_HIGH	0xc2u
#define SELFTEST_BYTES	24u	/* a log entry */

enum smart_op {
	SMART_READ_DATA = 0xd0,
	SMART_READ_THRESHOLDS = 0xd1,
	SMART_AUTOSAVE = 0xd2,
	SMART_EXECUTE_OFFLINE = 0xd4,
	SMART_READ_LOG = 0xd5,
	SMART_ENABLE = 0xd8,
	SMART_DISABLE = 0xd9,
	SMART_STATUS = 0xda,
};

static const struct attribute {
	uint8_t id, flags, value, threshold, raw;
} attributes[] = {
	{ 0x01, 0x03, 100, 6, 0 },	/* read error rate */
	{ 0x03, 0x03, 100, 0, 16 },	/* spin-up time */
	{ 0x04, 0x02, 100, 20, 100 },	/* starts and stops */
	{ 0x05, 0x03, 100, 36, 0 },	/* reallocated sectors */
	{ 0x09, 0x03, 100, 0, 1 },	/* hours powered on */
	{ 0x0c, 0x03, 100, 0, 0 },	/* power cycles */
};
#define ATTRIBUTES	(sizeof(attributes) / sizeof(attributes[0]))
#define ATTRIBUTE_BYTES	12u

static void send_with_checksum(struct ide_chan *c, uint8_t *page)
{
	uint8_t sum = 0;

	for (unsigned int i = 0; i < IDE_SECTOR_BYTES - 1; i++)
		sum = (uint8_t)(sum + page[i]);
	page[IDE_SECTOR_BYTES - 1] = (uint8_t)-sum;
	ide_send_page(c);
}

static void read_data(struct ide_chan *c)
{
	uint8_t *page = ide_data_page(c);

	le16_put(page, 1);			/* structure version */
	for (unsigned int i = 0; i < ATTRIBUTES; i++) {
		uint8_t *a = page + 2 + i * ATTRIBUTE_BYTES;

		a[0] = attributes[i].id;
		a[1] = attributes[i].flags;
		a[3] = a[4] = attributes[i].value;
		a[5] = attributes[i].raw;
	}
	page[362] = (uint8_t)(0x02 | (ide_sel(c)->smart_autosave ? 0x80 : 0));
	le16_put(page + 364, 288);		/* seconds of off-line collection */
	page[367] = 0x19;			/* off-line, self-tests */
	le16_put(page + 368, 0x0003);		/* saves attributes */
	page[370] = 0x01;			/* has an error log */
	page[372] = 2;				/* minutes of a short self-test */
	page[373] = 54;				/* and of an extended one */
	send_with_checksum(c, page);
}

static void read_thresholds(struct ide_chan *c)
{
	uint8_t *page = ide_data_page(c);

	le16_put(page, 1);
	for (unsigned int i = 0; i < ATTRIBUTES; i++) {
		page[2 + i * ATTRIBUTE_BYTES] = attributes[i].id;
		page[3 + i * ATTRIBUTE_BYTES] = attributes[i].threshold;
	}
	send_with_checksum(c, page);
}

/* At most IDE_SELFTESTS entries are kept; then the oldest goes. */
static void execute_offline(struct ide_chan *c)
{
	struct ide_unit_regs *u = ide_sel(c);
	uint8_t test = u->tf[TF_LBA_LOW];

	if (test > 2) {
		ide_abort(c);
		return;
	}
	u->selftest_last = (uint8_t)(u->selftest_last % IDE_SELFTESTS + 1);
	u->selftest[u->selftest_last - 1] = test;
	if (u->selftests < IDE_SELFTESTS)
		u->selftests++;
	ide_done(c);
}

static void read_log(struct ide_chan *c)
{
	const struct ide_unit_regs *u = ide_sel(c);
	uint8_t log = u->tf[TF_LBA_LOW], *page;

	if (log != 0x01 && log != 0x06) {
		ide_abort(c);
		return;
	}
	page = ide_data_page(c);
	page[0] = 1;				/* version; no errors */
	for (unsigned int i = 0; log == 0x06 && i < u->selftests; i++) {
		uint8_t *e = page + 2 + i * SELFTEST_BYTES;

		e[0] = u->selftest[i];		/* completed without error */
		le16_put(e + 2, 1);		/* in the first hour */
	}
	if (log == 0x06)
		page[508] = u->selftest_last;
	send_with_checksum(c, page);
}

static void autosave(struct ide_chan *c)
{
	struct ide_unit_regs *u = ide_sel(c);

	if (u->tf[TF_COUNT] != 0x00 && u->tf[TF_COUNT] != 0xf1) {
		ide_abort(c);
		return;
	}
	u->smart_autosave = u->tf[TF_COUNT] == 0xf1;
	ide_done(c);
}

void ide_smart(struct ide_chan *c)
{
	struct ide_unit_regs *u = ide_sel(c);
	uint8_t op = u->tf[TF_FEATURE];

	if (u->tf[TF_LBA_MID] != KEY_MID || u->tf[TF_LBA_HIGH] != KEY_HIGH ||
	    (!u->smart_on && op != SMART_ENABLE)) {
		ide_abort(c);
		return;
	}
	switch (op) {
	case SMART_READ_DATA:
		read_data(c);
		break;
	case SMART_READ_THRESHOLDS:
		read_thresholds(c);
		break;
	case SMART_AUTOSAVE:
		autosave(c);
		break;
	case SMART_EXECUTE_OFFLINE:
		execute_offline(c);
		break;
	case SMART_READ_LOG:
		read_log(c);
		break;
	case SMART_ENABLE:
	case SMART_DISABLE:
		u->smart_on = op == SMART_ENABLE;
		ide_done(c);
		break;
	case SMART_STATUS:		/* the key comes back: no threshold met */
		ide_done(c);
		break;
	default:
		ide_abort(c);
		break;
	}
}
