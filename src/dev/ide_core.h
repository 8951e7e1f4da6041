/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dev/ide_core.h - what the files of the ATA channel share
 */
#ifndef DEV_IDE_CORE_H
#define DEV_IDE_CORE_H

#include "dev/ide.h"

#define IDE_PRD_ENTRIES		512u	/* a table is 4 KiB at most */
#define IDE_TRIM_ENTRY_BYTES	8u
#define IDE_TRIM_SECTORS	8u	/* of a range list; IDENTIFY word 105 */

static inline unsigned int ide_unit(const struct ide_chan *c)
{
	return c->r.device & ATA_DEV_UNIT ? 1 : 0;
}

/* The selected drive's registers and image. */
static inline struct ide_unit_regs *ide_sel(struct ide_chan *c)
{
	return &c->r.unit[ide_unit(c)];
}

static inline struct blk *ide_blk(const struct ide_chan *c)
{
	return c->blk[ide_unit(c)];
}

static inline uint64_t ide_sectors(const struct blk *blk)
{
	return blk->size_bytes / IDE_SECTOR_BYTES +
		(blk->size_bytes % IDE_SECTOR_BYTES != 0);
}

static inline uint8_t *ide_half(const struct ide_chan *c)
{
	return c->buf + c->r.half * IDE_HALF_BYTES;
}

/* ide.c */
void ide_raise(struct ide_chan *c);	/* INTRQ, unless nIEN */
void ide_lower(struct ide_chan *c);
void ide_set_devctl(struct ide_chan *c, uint8_t val);	/* SRST resets */
void ide_diagnose(struct ide_chan *c);	/* EXECUTE DEVICE DIAGNOSTIC */

/* ide_state.c */
extern const struct bus_state ide_state;

/* ide_cmd.c */
void ide_exec(struct ide_chan *c, uint8_t op);

/* ide_xfer.c: ways to go on from a command handler */
void ide_done(struct ide_chan *c);	/* success, INTRQ */
void ide_done_quiet(struct ide_chan *c);
void ide_fail(struct ide_chan *c, uint8_t status, uint8_t error);
void ide_abort(struct ide_chan *c);
uint8_t *ide_data_page(struct ide_chan *c);	/* zeroed sector to fill, then: */
void ide_send_page(struct ide_chan *c);		/* the guest reads it */
void ide_owe(struct ide_chan *c, enum ide_phase phase);	/* BSY */
void ide_expect_block(struct ide_chan *c);	/* the guest writes a block */
void ide_dma(struct ide_chan *c, enum ide_dma_use use);	/* wait for START */
/* The data port; @len_bytes is even. */
void ide_take(struct ide_chan *c, uint8_t *to, uint32_t len_bytes);
void ide_put(struct ide_chan *c, const uint8_t *from, uint32_t len_bytes);
void ide_cancel(struct ide_chan *c);	/* forget the command */

/* ide_identify.c, ide_smart.c */
void ide_identify(struct ide_chan *c);
void ide_smart(struct ide_chan *c);

#endif /* DEV_IDE_CORE_H */
