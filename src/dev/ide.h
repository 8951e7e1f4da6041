/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dev/ide.h - one ATA channel with up to two disks
 *
 * Sources: ATA/ATAPI-7 (task file, PIO and DMA protocols), and for what it
 * leaves open what guests have met on PIIX machines.  Runs in the disk worker.
 * No packet devices.
 *
 * Life of a command.  A write to the command register runs its handler
 * (ide_cmd.c), which ends it, or shows the guest a block of data, or says in
 * @phase what the host owes us.  Nothing waits there: when the bus settles,
 * ide_run() (ide_xfer.c) submits what is owed, and the completion takes the
 * command on.  The phase and the position are committed state, the submission
 * is not, so a successor of this worker submits again what was in flight.  An
 * access that waits for the host (a reset, a stop) has changed nothing until it
 * is answered: a successor gets it again.
 *
 *	PHASE_IDLE	 no command, or it waits for nobody
 *	PHASE_PIO_IN	 the guest reads [at, block_end) of the buffer; DRQ
 *	PHASE_PIO_OUT	 the guest writes it; DRQ
 *	PHASE_DMA_WAIT	 the bus master has not been started; DRQ
 *	PHASE_READ .. 	 the host works; BSY
 *
 * Only the selected drive can be busy, and it cannot be deselected meanwhile,
 * so a channel has one transfer.
 */
#ifndef DEV_IDE_H
#define DEV_IDE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "bus/blk.h"
#include "bus/bus.h"
#include "bus/dma.h"
#include "bus/reg.h"

#define IDE_UNITS		2u
#define IDE_CHANNELS		2u
#define IDE_DRIVES		(IDE_UNITS * IDE_CHANNELS)
#define IDE_SECTOR_BYTES	512u
#define IDE_HALF_SECTORS	64u	/* sectors one half of the buffer holds */
#define IDE_HALF_BYTES		(IDE_HALF_SECTORS * IDE_SECTOR_BYTES)
#define IDE_MULTIPLE_MAX	16u
#define IDE_SERIAL_BYTES	20u
#define IDE_SELFTESTS		21u	/* entries of the SMART self-test log */
#define IDE_SEGS		256u	/* 256 pieces of 2 bytes are a sector */

/* Status register */
#define ATA_BSY		0x80u
#define ATA_DRDY	0x40u
#define ATA_DF		0x20u
#define ATA_DSC		0x10u
#define ATA_DRQ		0x08u
#define ATA_ERR		0x01u
/* Error register */
#define ATA_UNC		0x40u
#define ATA_ABRT	0x04u
/* Device control register */
#define ATA_HOB		0x80u
#define ATA_SRST	0x04u
#define ATA_NIEN	0x02u
/* Device register */
#define ATA_DEV_ONES	0xa0u	/* always read as ones */
#define ATA_DEV_LBA	0x40u
#define ATA_DEV_UNIT	0x10u
#define ATA_DEV_HEAD	0x0fu

/* Task-file registers, by offset in the command block */
enum ide_tf {
	TF_DATA, TF_FEATURE, TF_COUNT, TF_LBA_LOW, TF_LBA_MID, TF_LBA_HIGH,
	TF_DEVICE, TF_STATUS, TF_LEN
};
#define TF_KEPT	(TF_LBA_HIGH + 1u)	/* the ones each drive keeps */

enum ide_phase {
	PHASE_IDLE, PHASE_PIO_IN, PHASE_PIO_OUT, PHASE_DMA_WAIT,
	/* The host works. */
	PHASE_READ, PHASE_WRITE, PHASE_FLUSH, PHASE_DMA, PHASE_TRIM,
};

/* What a DMA command does with the data. */
enum ide_dma_use { DMA_TO_GUEST, DMA_FROM_GUEST, DMA_TRIM_LIST };

/* Who waits until the host I/O in flight has ended. */
enum ide_wait { WAIT_NONE, WAIT_RESET, WAIT_STOP };

/* Committed, per drive */
struct ide_unit_regs {
	uint8_t status, error;
	uint8_t tf[TF_KEPT];		/* as the drive shows them */
	uint8_t hob[TF_KEPT];		/* what they were before the last write */
	uint8_t multiple;		/* sectors per block; 0: disabled */
	uint8_t xfer_mode;		/* SET FEATURES 03 */
	uint8_t write_cache;
	uint8_t heads, sectors;		/* INITIALIZE DEVICE PARAMETERS */
	uint8_t smart_on, smart_autosave;
	uint8_t selftests;		/* entries in use */
	uint8_t selftest_last;		/* 1-based; 0: none */
	uint8_t selftest[IDE_SELFTESTS];
	uint8_t unflushed;		/* 1: a flush nobody asked for failed;
					   the next one says so */
	uint8_t rsvd[5];
};

/* Position in a PRD table */
struct ide_prd {
	uint32_t next;			/* address of the next entry */
	uint32_t taken;			/* entries read */
	uint32_t addr, left;		/* what remains of the current one */
	uint32_t last;			/* the current one has EOT */
	uint32_t rsvd;
};

/* Committed, per channel */
struct ide_regs {
	struct ide_unit_regs unit[IDE_UNITS];
	uint8_t device, devctl;
	uint8_t intrq;			/* INTRQ is asserted */
	uint8_t phase;			/* enum ide_phase */
	uint8_t dma_use;		/* enum ide_dma_use */
	uint8_t half;			/* of the buffer, in use */
	uint8_t per_block;		/* sectors */
	uint8_t command;
	uint32_t at, block_end, buf_end;/* bytes in the half */
	uint32_t left;			/* sectors still owed to or by the disk */
	uint64_t lba;			/* of the next of them */
	uint32_t trim_at, trim_end;	/* bytes of the range list, in the half */
	struct ide_prd prd;
};
_Static_assert(sizeof(struct ide_regs) % 8 == 0, "copied in words");
_Static_assert(sizeof(struct ide_regs) <= 512, "cheap to commit");

/* Bus-master registers of a channel; committed by piix_ide.c */
#define BM_START	0x01u
#define BM_TO_GUEST	0x08u
#define BM_ACTIVE	0x01u
#define BM_ERROR	0x02u
#define BM_INT		0x04u
struct ide_bm {
	uint8_t cmd, status;
	uint8_t rsvd[2];
	uint32_t prd;
};

struct pci_func;

struct ide_chan {
	struct ide_regs r;
	struct bus *bus;
	bus_dev_id id;
	unsigned int irq_line;
	struct blk *blk[IDE_UNITS];	/* NULL: no drive */
	char serial[IDE_UNITS][IDE_SERIAL_BYTES + 1];
	uint8_t *buf;			/* two halves; outlives the worker */
	struct ide_bm *bm;		/* with bm_id, set by the owner */
	bus_dev_id bm_id;
	const struct pci_func *func;
	/* Host I/O; not committed. */
	bool io_busy;			/* req is submitted */
	bool halt;			/* submit nothing (more) */
	bool running;			/* inside ide_run() */
	uint8_t wait;			/* enum ide_wait */
	uint8_t wait_val;		/* what is written when it is over */
	void (*progress)(void *owner);	/* after each completion */
	void *owner;
	struct blk_req req;
	struct ide_prd prd_after;	/* position once req is done */
	uint32_t req_sectors;
	struct dma_map map;		/* in use if map.count */
	struct dma_seg seg[IDE_SEGS];
	struct iovec iov[DMA_MAP_FRAMES + IDE_SEGS];
};

extern const struct reg_file ide_task_regs, ide_control_regs;

/* Adds the channel to the bus: windows, state, buffer.  @number 0 or 1. */
void ide_init(struct ide_chan *c, struct bus *b, unsigned int number);
/* Before the bus is closed.  @serial is copied. */
void ide_attach(struct ide_chan *c, unsigned int unit, struct blk *blk,
		const char *serial);
/* The drive is gone for good; no I/O is in flight. */
void ide_remove(struct ide_chan *c, unsigned int unit);
/* Power-on state of registers and drives; no I/O is in flight. */
void ide_reset(struct ide_chan *c);

/*
 * Bus master: START was set or cleared.  The latter may defer the access, and
 * the command register is then as it @was until it is answered.
 */
void ide_bm_start(struct ide_chan *c);
void ide_bm_stop(struct ide_chan *c, uint8_t was);

/* Does the host still owe something? */
bool ide_is_working(const struct ide_chan *c);
/* Submits what is owed, if nothing is in flight. */
void ide_run(struct ide_chan *c);

#endif /* DEV_IDE_H */
