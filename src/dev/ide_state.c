/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dev/ide_state.c - what an ATA channel believes of committed registers
 *
 * Runs in the disk worker, once.  The rules are what the other files rely on
 * without looking: a position that fits the buffer, a transfer that fits the
 * image, a drive that is there, a status that goes with the phase.  Starts
 * nothing; the buffers need no rule, their bytes are data wherever they go.
 */
#include "bus/restore.h"
#include "dev/ide_core.h"

#define LEFT_MAX	65536u	/* sectors of a 48-bit command */
#define LBA_MAX		0xffffffffffffull
#define PRD_BYTES_MAX	0x10000u
#define XFER_MODE_MAX	0x47u

#define MAX(member, limit)	\
	BUS_FIELD(struct ide_regs, member, BUS_FIELD_MAX, limit)
#define MAXES(member, count, limit) \
	BUS_FIELDS(struct ide_regs, member, count, BUS_FIELD_MAX, limit)
#define BITS(member, limit)	\
	BUS_FIELD(struct ide_regs, member, BUS_FIELD_BITS, limit)

#define UNIT_RULES(n) \
	MAX(unit[n].multiple, IDE_MULTIPLE_MAX), \
	MAX(unit[n].xfer_mode, XFER_MODE_MAX), \
	MAX(unit[n].write_cache, 1), \
	MAX(unit[n].heads, 16), \
	MAX(unit[n].smart_on, 1), \
	MAX(unit[n].smart_autosave, 1), \
	MAX(unit[n].selftests, IDE_SELFTESTS), \
	MAX(unit[n].selftest_last, IDE_SELFTESTS), \
	MAXES(unit[n].selftest[0], IDE_SELFTESTS, 2), \
	MAX(unit[n].unflushed, 1), \
	MAXES(unit[n].rsvd[0], 5, 0)

static const struct bus_field fields[] = {
	UNIT_RULES(0),
	UNIT_RULES(1),
	BITS(devctl, ATA_HOB | ATA_NIEN),
	MAX(intrq, 1),
	MAX(phase, PHASE_TRIM),
	MAX(dma_use, DMA_TRIM_LIST),
	MAX(half, 1),
	MAX(per_block, IDE_MULTIPLE_MAX),
	MAX(at, IDE_HALF_BYTES),
	MAX(block_end, IDE_HALF_BYTES),
	MAX(buf_end, IDE_HALF_BYTES),
	MAX(left, LEFT_MAX),
	MAX(lba, LBA_MAX),
	MAX(trim_at, IDE_TRIM_SECTORS * IDE_SECTOR_BYTES),
	MAX(trim_end, IDE_TRIM_SECTORS * IDE_SECTOR_BYTES),
	BITS(prd.next, ~3u),
	MAX(prd.taken, IDE_PRD_ENTRIES),
	BITS(prd.addr, ~1u),
	MAX(prd.left, PRD_BYTES_MAX),
	MAX(prd.last, 1),
	MAX(prd.rsvd, 0),
};

static const char *check_unit(const struct ide_unit_regs *u)
{
	if (u->multiple & (u->multiple - 1))
		return "unit.multiple";
	if (u->heads == 0)
		return "unit.heads";
	if (u->sectors == 0)
		return "unit.sectors";
	if ((u->selftest_last == 0) != (u->selftests == 0))
		return "unit.selftest_last";
	return NULL;
}

/* Only the selected drive has a command, and shows it. */
static bool fits_status(const struct ide_regs *r)
{
	unsigned int unit = r->device & ATA_DEV_UNIT ? 1 : 0;
	uint8_t mine = r->unit[unit].status & (ATA_BSY | ATA_DRQ);
	uint8_t other = r->unit[!unit].status & (ATA_BSY | ATA_DRQ);

	if (other)
		return false;
	switch ((enum ide_phase)r->phase) {
	case PHASE_IDLE:
		return mine == 0;
	case PHASE_PIO_IN:
	case PHASE_PIO_OUT:
		return mine == ATA_DRQ;
	case PHASE_DMA_WAIT:	/* BSY: it was started and stopped */
		return mine == ATA_DRQ || mine == ATA_BSY;
	case PHASE_READ:
	case PHASE_WRITE:
	case PHASE_FLUSH:
	case PHASE_DMA:
	case PHASE_TRIM:
		return mine == ATA_BSY;
	}
	return false;
}

/* The sectors still owed, at least @least of them, are on the disk. */
static const char *check_range(const struct blk *blk, const struct ide_regs *r,
			       uint32_t least)
{
	uint64_t total = ide_sectors(blk);

	if (r->left < least)
		return "left";
	if (r->lba > total || r->left > total - r->lba)
		return "lba";
	return NULL;
}

static const char *check_write(const struct blk *blk, const struct ide_regs *r,
			       uint32_t least)
{
	return blk->read_only ? "phase" : check_range(blk, r, least);
}

/* What the guest moves next is whole sectors of the half in use. */
static const char *check_block(const struct ide_regs *r)
{
	if (r->at == r->block_end || r->at % 2)
		return "at";
	if (r->block_end % IDE_SECTOR_BYTES)
		return "block_end";
	return r->per_block ? NULL : "per_block";
}

static const char *check_pio_in(const struct blk *blk, const struct ide_regs *r)
{
	const char *wrong = check_block(r);

	if (wrong)
		return wrong;
	if (r->block_end > r->buf_end || r->buf_end % IDE_SECTOR_BYTES)
		return "buf_end";
	return r->left ? check_range(blk, r, 1) : NULL;
}

static const char *check_pio_out(const struct blk *blk, const struct ide_regs *r)
{
	const char *wrong = r->phase == PHASE_PIO_OUT ? check_block(r) : NULL;

	if (wrong)
		return wrong;
	if (r->block_end == 0 || r->block_end % IDE_SECTOR_BYTES)
		return "block_end";
	if (r->per_block == 0)
		return "per_block";
	return check_write(blk, r, r->block_end / IDE_SECTOR_BYTES);
}

/* The cache is off and there is more to write, or this is the end. */
static const char *check_flush(const struct blk *blk, const struct ide_regs *r)
{
	if (r->left == 0)
		return NULL;
	return r->per_block ? check_write(blk, r, 1) : "per_block";
}

static const char *check_dma(const struct blk *blk, const struct ide_regs *r)
{
	switch ((enum ide_dma_use)r->dma_use) {
	case DMA_TO_GUEST:
		return check_range(blk, r, 1);
	case DMA_FROM_GUEST:
		return check_write(blk, r, 1);
	case DMA_TRIM_LIST:
		if (!blk->can_discard || blk->read_only)
			return "dma_use";
		return r->left && r->left <= IDE_TRIM_SECTORS ? NULL : "left";
	}
	return "dma_use";
}

static const char *check_trim(const struct blk *blk, const struct ide_regs *r)
{
	if (!blk->can_discard || blk->read_only)
		return "phase";
	if (r->trim_at > r->trim_end || r->trim_at % IDE_TRIM_ENTRY_BYTES)
		return "trim_at";
	return r->trim_end % IDE_TRIM_ENTRY_BYTES ? "trim_end" : NULL;
}

static const char *check_phase(const struct blk *blk, const struct ide_regs *r)
{
	if (r->phase != PHASE_IDLE && !blk)
		return "phase";
	switch ((enum ide_phase)r->phase) {
	case PHASE_IDLE:
		break;
	case PHASE_PIO_IN:
		return check_pio_in(blk, r);
	case PHASE_READ:
		return r->per_block ? check_range(blk, r, 1) : "per_block";
	case PHASE_PIO_OUT:
	case PHASE_WRITE:
		return check_pio_out(blk, r);
	case PHASE_FLUSH:
		return check_flush(blk, r);
	case PHASE_DMA_WAIT:
	case PHASE_DMA:
		return check_dma(blk, r);
	case PHASE_TRIM:
		return check_trim(blk, r);
	}
	return NULL;
}

static const char *check(const void *dev, const void *regs)
{
	const struct ide_chan *c = dev;
	const struct ide_regs *r = regs;

	for (unsigned int unit = 0; unit < IDE_UNITS; unit++) {
		const char *wrong = check_unit(&r->unit[unit]);

		if (wrong)
			return wrong;
	}
	if ((r->device & ATA_DEV_ONES) != ATA_DEV_ONES)
		return "device";
	if (r->intrq && (r->devctl & ATA_NIEN))
		return "intrq";
	if (r->at > r->block_end)
		return "at";
	if (!fits_status(r))
		return "unit.status";
	return check_phase(c->blk[r->device & ATA_DEV_UNIT ? 1 : 0], r);
}

/* What is owed is not submitted before ops->resume. */
static void restored(void *dev)
{
	struct ide_chan *c = dev;

	c->halt = true;
}

const struct bus_state ide_state = {
	.version = 1, .field = fields,
	.field_count = sizeof(fields) / sizeof(fields[0]),
	.check = check, .restored = restored,
};
