/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dev/ide_cmd.c - ATA commands of a disk
 *
 * Runs in the disk worker.  A handler starts the command; what is not in the
 * table aborts.  Source: ATA/ATAPI-7, clause 6.
 */
#include "base/log.h"
#include "dev/ide_core.h"

#define EXT		0x01u	/* 48-bit address, 16-bit count */
#define MULTI		0x02u	/* blocks of SET MULTIPLE MODE */

struct command {
	void (*run)(struct ide_chan *c, unsigned int flags);
	unsigned int flags;
};

/* ---- addresses ---- */

static uint32_t sector_count(struct ide_chan *c, unsigned int flags)
{
	const struct ide_unit_regs *u = ide_sel(c);
	uint32_t n = u->tf[TF_COUNT];

	if (!(flags & EXT))
		return n ? n : 256;
	n |= (uint32_t)u->hob[TF_COUNT] << 8;
	return n ? n : 65536;
}

/* False: the geometry has no such sector. */
static bool first_sector(struct ide_chan *c, unsigned int flags, uint64_t *lba)
{
	const struct ide_unit_regs *u = ide_sel(c);
	uint64_t v = u->tf[TF_LBA_LOW] | (uint64_t)u->tf[TF_LBA_MID] << 8 |
		(uint64_t)u->tf[TF_LBA_HIGH] << 16;
	uint32_t head = c->r.device & ATA_DEV_HEAD;

	if (flags & EXT) {
		v |= (uint64_t)u->hob[TF_LBA_LOW] << 24 |
			(uint64_t)u->hob[TF_LBA_MID] << 32 |
			(uint64_t)u->hob[TF_LBA_HIGH] << 40;
	} else if (c->r.device & ATA_DEV_LBA) {
		v |= (uint64_t)head << 24;
	} else {
		uint32_t sector = u->tf[TF_LBA_LOW];

		if (sector == 0 || sector > u->sectors || head >= u->heads)
			return false;
		v = ((v >> 8) * u->heads + head) * u->sectors + sector - 1;
	}
	*lba = v;
	return true;
}

/* Sets the transfer up.  False: aborted. */
static bool aim(struct ide_chan *c, unsigned int flags)
{
	uint64_t total = ide_sectors(ide_blk(c)), lba;
	uint32_t count = sector_count(c, flags);

	if (!first_sector(c, flags, &lba) || lba > total || count > total - lba) {
		ide_abort(c);
		return false;
	}
	c->r.lba = lba;
	c->r.left = count;
	c->r.per_block = flags & MULTI ? ide_sel(c)->multiple : 1;
	c->r.prd = (struct ide_prd){ 0 };
	if (c->r.per_block == 0) {	/* READ MULTIPLE while disabled */
		ide_abort(c);
		return false;
	}
	return true;
}

static bool may_write(struct ide_chan *c)
{
	if (ide_blk(c)->read_only)
		ide_abort(c);
	return !ide_blk(c)->read_only;
}

/* ---- data ---- */

static void read_pio(struct ide_chan *c, unsigned int flags)
{
	if (aim(c, flags))
		ide_owe(c, PHASE_READ);
}

static void write_pio(struct ide_chan *c, unsigned int flags)
{
	if (may_write(c) && aim(c, flags))
		ide_expect_block(c);
}

static void read_dma(struct ide_chan *c, unsigned int flags)
{
	if (aim(c, flags))
		ide_dma(c, DMA_TO_GUEST);
}

static void write_dma(struct ide_chan *c, unsigned int flags)
{
	if (may_write(c) && aim(c, flags))
		ide_dma(c, DMA_FROM_GUEST);
}

/* There is no medium to go bad under the host's eyes: a range check. */
static void verify(struct ide_chan *c, unsigned int flags)
{
	if (!aim(c, flags))
		return;
	c->r.left = 0;
	ide_done(c);
}

static void flush(struct ide_chan *c, unsigned int flags)
{
	(void)flags;
	c->r.left = 0;
	c->r.prd = (struct ide_prd){ 0 };
	ide_owe(c, PHASE_FLUSH);
}

static void data_set_management(struct ide_chan *c, unsigned int flags)
{
	uint32_t count = sector_count(c, flags);

	if (!ide_blk(c)->can_discard || ide_sel(c)->tf[TF_FEATURE] != 0x01 ||
	    count > IDE_TRIM_SECTORS) {
		ide_abort(c);
		return;
	}
	if (!may_write(c))
		return;
	c->r.left = count;
	c->r.prd = (struct ide_prd){ 0 };
	ide_dma(c, DMA_TRIM_LIST);
}

/* ---- the rest ---- */

static void nothing(struct ide_chan *c, unsigned int flags)
{
	(void)flags;
	ide_done(c);
}

static void identify(struct ide_chan *c, unsigned int flags)
{
	(void)flags;
	ide_identify(c);
}

static void smart(struct ide_chan *c, unsigned int flags)
{
	(void)flags;
	ide_smart(c);
}

static void diagnose(struct ide_chan *c, unsigned int flags)
{
	(void)flags;
	c->r.phase = PHASE_IDLE;
	ide_diagnose(c);
	ide_raise(c);
}

static void init_params(struct ide_chan *c, unsigned int flags)
{
	struct ide_unit_regs *u = ide_sel(c);

	(void)flags;
	if (u->tf[TF_COUNT] == 0) {	/* no sector would have an address */
		ide_abort(c);
		return;
	}
	u->sectors = u->tf[TF_COUNT];
	u->heads = (uint8_t)((c->r.device & ATA_DEV_HEAD) + 1);
	ide_done(c);
}

static void set_multiple(struct ide_chan *c, unsigned int flags)
{
	struct ide_unit_regs *u = ide_sel(c);
	uint8_t n = u->tf[TF_COUNT];

	(void)flags;
	if (n > IDE_MULTIPLE_MAX || (n & (n - 1)) != 0) {
		ide_abort(c);
		return;
	}
	u->multiple = n;
	ide_done(c);
}

static void check_power(struct ide_chan *c, unsigned int flags)
{
	(void)flags;
	ide_sel(c)->tf[TF_COUNT] = 0xff;	/* active or idle */
	ide_done(c);
}

static void native_max(struct ide_chan *c, unsigned int flags)
{
	struct ide_unit_regs *u = ide_sel(c);
	uint64_t max = ide_sectors(ide_blk(c));

	if (max-- == 0) {
		ide_abort(c);
		return;
	}
	if (!(flags & EXT)) {
		if (max > 0x0fffffff)
			max = 0x0fffffff;
		c->r.device = (uint8_t)((c->r.device & ~ATA_DEV_HEAD) |
					(max >> 24 & ATA_DEV_HEAD));
	}
	u->tf[TF_LBA_LOW] = (uint8_t)max;
	u->tf[TF_LBA_MID] = (uint8_t)(max >> 8);
	u->tf[TF_LBA_HIGH] = (uint8_t)(max >> 16);
	if (flags & EXT) {
		u->hob[TF_LBA_LOW] = (uint8_t)(max >> 24);
		u->hob[TF_LBA_MID] = (uint8_t)(max >> 32);
		u->hob[TF_LBA_HIGH] = (uint8_t)(max >> 40);
	}
	ide_done(c);
}

/* SET FEATURES 03.  False: no such mode. */
static bool set_xfer_mode(struct ide_unit_regs *u)
{
	uint8_t mode = u->tf[TF_COUNT];

	switch (mode >> 3) {
	case 0x00 >> 3:			/* PIO default */
		if (mode > 1)
			return false;
		break;
	case 0x08 >> 3:			/* PIO with flow control */
	case 0x10 >> 3:			/* single-word DMA */
	case 0x20 >> 3:			/* multi-word DMA */
	case 0x40 >> 3:			/* Ultra DMA */
		break;
	default:
		return false;
	}
	u->xfer_mode = mode;
	return true;
}

static void set_features(struct ide_chan *c, unsigned int flags)
{
	struct ide_unit_regs *u = ide_sel(c);

	switch (u->tf[TF_FEATURE]) {
	case 0x02:			/* write cache on */
		u->write_cache = 1;
		break;
	case 0x82:			/* off: what it holds is written first */
		u->write_cache = 0;
		flush(c, flags);
		return;
	case 0x03:
		if (set_xfer_mode(u))
			break;
		ide_abort(c);
		return;
	case 0x05: case 0x85:		/* advanced power management */
	case 0x42: case 0xc2:		/* acoustic management */
	case 0xaa: case 0x55:		/* look-ahead */
	case 0x66: case 0xcc:		/* what a soft reset reverts */
	case 0x67: case 0x69: case 0x96: case 0x9a:
		break;			/* accepted, nothing to do */
	default:
		ide_abort(c);
		return;
	}
	ide_done(c);
}

static const struct command commands[256] = {
	[0x06] = { data_set_management, EXT },
	[0x10] = { nothing, 0 },		/* RECALIBRATE */
	[0x20] = { read_pio, 0 },
	[0x21] = { read_pio, 0 },
	[0x24] = { read_pio, EXT },
	[0x25] = { read_dma, EXT },
	[0x27] = { native_max, EXT },
	[0x29] = { read_pio, EXT | MULTI },
	[0x30] = { write_pio, 0 },
	[0x31] = { write_pio, 0 },
	[0x34] = { write_pio, EXT },
	[0x35] = { write_dma, EXT },
	[0x39] = { write_pio, EXT | MULTI },
	[0x3c] = { write_pio, 0 },		/* WRITE VERIFY */
	[0x40] = { verify, 0 },
	[0x41] = { verify, 0 },
	[0x42] = { verify, EXT },
	[0x70] = { nothing, 0 },		/* SEEK */
	[0x90] = { diagnose, 0 },
	[0x91] = { init_params, 0 },
	[0x94] = { nothing, 0 },		/* power modes: we are always up */
	[0x95] = { nothing, 0 },
	[0x96] = { nothing, 0 },
	[0x97] = { nothing, 0 },
	[0x98] = { check_power, 0 },
	[0x99] = { nothing, 0 },
	[0xb0] = { smart, 0 },
	[0xc4] = { read_pio, MULTI },
	[0xc5] = { write_pio, MULTI },
	[0xc6] = { set_multiple, 0 },
	[0xc8] = { read_dma, 0 },
	[0xc9] = { read_dma, 0 },
	[0xca] = { write_dma, 0 },
	[0xcb] = { write_dma, 0 },
	[0xe0] = { nothing, 0 },
	[0xe1] = { nothing, 0 },
	[0xe2] = { nothing, 0 },
	[0xe3] = { nothing, 0 },
	[0xe5] = { check_power, 0 },
	[0xe6] = { nothing, 0 },
	[0xe7] = { flush, 0 },
	[0xea] = { flush, EXT },
	[0xec] = { identify, 0 },
	[0xef] = { set_features, 0 },
	[0xf5] = { nothing, 0 },		/* SECURITY FREEZE LOCK */
	[0xf8] = { native_max, 0 },
};

void ide_exec(struct ide_chan *c, uint8_t op)
{
	const struct command *cmd = &commands[op];

	c->r.command = op;
	if (cmd->run)
		cmd->run(c, cmd->flags);
	else
		ide_abort(c);
}
