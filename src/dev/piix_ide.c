/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dev/piix_ide.c - PIIX3 IDE function: PCI header, bus master, unplug
 *
 * Runs in the disk worker.  The bus master's registers are here, its transfers
 * in ide_xfer.c.
 */
#include "dev/piix_ide.h"

#include <string.h>

#include "base/bug.h"
#include "base/log.h"
#include "bus/restore.h"
#include "dev/ide_core.h"

#define BAR_BUS_MASTER	4u
#define BM_PORTS	16u
#define BM_PORTS_CHANNEL 8u
#define BM_CAPABLE	0x60u		/* set by firmware for its drivers */
#define BM_STATUS_BITS	(BM_CAPABLE | BM_ACTIVE | BM_ERROR | BM_INT)
#define STATUS_RESET	0x0280u		/* medium timing, fast back-to-back */

/* ---- bus master registers ---- */

static void bm_cmd_write(void *dev, const struct reg *r, uint32_t val,
			 uint32_t old)
{
	struct piix_ide *p = dev;
	struct ide_chan *c = &p->chan[r->off / BM_PORTS_CHANNEL];

	if ((val & BM_START) && !(old & BM_START))
		ide_bm_start(c);
	else if (!(val & BM_START) && (old & BM_START))
		ide_bm_stop(c, (uint8_t)old);
}

/*
 * BMICx: read back before each change.  Not posted: clearing START waits until
 * the transfer has stopped.  BMISx: polled; not posted: acknowledges.  BMIDTPx:
 * only latched, for START.
 */
#define BM_CMD(ch)	R(struct piix_ide, BMIC##ch, (ch) * 8, r.bm[ch].cmd, \
	.rw = BM_START | BM_TO_GUEST, .write = bm_cmd_write, .flags = REG_SHADOW)
#define BM_STATUS(ch)	R(struct piix_ide, BMIS##ch, (ch) * 8 + 2, \
	r.bm[ch].status, .rw = BM_CAPABLE, .w1c = BM_ERROR | BM_INT, .flags = REG_SHADOW)
#define BM_PRD(ch)	R(struct piix_ide, BMIDTP##ch, (ch) * 8 + 4, r.bm[ch].prd, \
	.rw = ~3u, .flags = REG_POSTED | REG_INERT | REG_LAZY)

static const struct reg bm_rows[] = {
	BM_CMD(0), BM_STATUS(0), BM_PRD(0),
	BM_CMD(1), BM_STATUS(1), BM_PRD(1),
};
const struct reg_file piix_ide_bm_regs = REG_FILE(bm_rows, 0xffffffffu);

/* Command and status answer single bytes only. */
static bool is_dead(uint32_t off, unsigned int size)
{
	return size != 1 && off % BM_PORTS_CHANNEL < 4;
}

static bool bm_read_items(void *dev, uint32_t off, unsigned int size,
			  unsigned int count, void *buf)
{
	(void)dev;
	if (!is_dead(off, size))
		return false;
	memset(buf, 0xff, size * count);
	return true;
}

static bool bm_write_items(void *dev, uint32_t off, unsigned int size,
			   unsigned int count, const void *buf)
{
	(void)dev;
	(void)count;
	(void)buf;
	return is_dead(off, size);
}

static const struct bus_win_ops bm_ops = {
	.read_items = bm_read_items, .write_items = bm_write_items,
};

/* ---- unplug and pause ---- */

static struct blk *drive_blk(struct piix_ide *p, unsigned int drive)
{
	return p->chan[drive / IDE_UNITS].blk[drive % IDE_UNITS];
}

static void let_go(struct piix_ide *p, uint32_t drives)
{
	for (unsigned int drive = 0; drive < IDE_DRIVES; drive++) {
		struct blk *blk = drive_blk(p, drive);

		if (!(drives & (1u << drive)) || !blk)
			continue;
		blk->ops->close(blk);
		ide_remove(&p->chan[drive / IDE_UNITS], drive % IDE_UNITS);
	}
}

/* A master that stays goes on with what it does. */
static void end_channel(struct piix_ide *p, unsigned int i)
{
	struct ide_chan *c = &p->chan[i];

	if (!c->blk[0]) {
		memset(&p->r.bm[i], 0, sizeof(p->r.bm[i]));
		ide_reset(c);
	} else if (c->r.device & ATA_DEV_UNIT) {
		ide_cancel(c);
		ide_done_quiet(c);	/* or it could not be deselected */
		ide_lower(c);
	}
	c->halt = false;
	bus_touch(c->bus, c->id);
}

static void end_unplug(struct piix_ide *p)
{
	log_info("disks unplugged: drives=0x%x", p->leaving);
	let_go(p, p->leaving);
	p->r.gone |= p->leaving;
	p->leaving = 0;
	for (unsigned int i = 0; i < IDE_CHANNELS; i++)
		end_channel(p, i);
	bus_touch(p->bus, p->id);
	bus_resume(p->bus, 0);
}

static void unplug_step(struct piix_ide *p);
static void pause_step(struct piix_ide *p);

/* The back end has logged it; of one that leaves nobody asks any more. */
static void flushed(struct blk_req *req, int rc)
{
	struct piix_ide *p = req->dev;
	struct ide_chan *c = &p->chan[p->flushing / IDE_UNITS];

	if (p->leaving) {
		unplug_step(p);
		return;
	}
	if (rc) {
		c->r.unit[p->flushing % IDE_UNITS].unflushed = 1;
		bus_touch(c->bus, c->id);
	}
	pause_step(p);
}

static void flush_next(struct piix_ide *p)
{
	struct blk *blk;

	p->flushing = (unsigned int)__builtin_ctz(p->to_flush);
	p->to_flush &= p->to_flush - 1;
	blk = drive_blk(p, p->flushing);
	p->req = (struct blk_req){ .op = BLK_FLUSH, .done = flushed, .dev = p };
	blk->ops->submit(blk, &p->req);
}

/* Quiet channels, then flushed images, one after the other, then the end. */
static void unplug_step(struct piix_ide *p)
{
	for (unsigned int i = 0; i < IDE_CHANNELS; i++)
		if (p->chan[i].io_busy)
			return;
	if (p->to_flush)
		flush_next(p);
	else
		end_unplug(p);
}

static bool is_paused(const struct piix_ide *p)
{
	for (unsigned int i = 0; i < IDE_CHANNELS; i++)
		if (ide_is_working(&p->chan[i]))
			return false;
	return true;
}

static uint32_t drives_of(struct piix_ide *p)
{
	uint32_t drives = 0;

	for (unsigned int drive = 0; drive < IDE_DRIVES; drive++)
		if (drive_blk(p, drive))
			drives |= 1u << drive;
	return drives;
}

/* As unplug_step(); a guest that goes on may do so on another host. */
static void pause_step(struct piix_ide *p)
{
	if (!is_paused(p))
		return;
	if (p->to_flush) {
		flush_next(p);
	} else {
		p->pausing = false;
		bus_resume(p->bus, 0);
	}
}

/* A channel's host I/O ended. */
static void on_progress(void *owner)
{
	struct piix_ide *p = owner;

	if (p->leaving)
		unplug_step(p);
	else if (p->pausing)
		pause_step(p);
}

static void unplug(void *dev, uint32_t mask)
{
	struct piix_ide *p = dev;
	uint32_t drives = mask & UNPLUG_IDE_DISKS ? 0xf :
			  mask & UNPLUG_AUX_IDE_DISKS ? 0xe : 0;

	drives &= drives_of(p);
	if (!drives)
		return;
	p->leaving = drives;
	p->to_flush = drives;
	for (unsigned int i = 0; i < IDE_CHANNELS; i++)
		p->chan[i].halt = true;
	bus_defer(p->bus);
	unplug_step(p);
}

/* Commands under way end first; the guest does not run. */
static void pause_io(void *dev, bool stable)
{
	struct piix_ide *p = dev;
	bool was_pausing = p->pausing;

	for (unsigned int i = 0; i < IDE_CHANNELS; i++)
		ide_run(&p->chan[i]);
	if (p->leaving || (is_paused(p) && !stable && !was_pausing))
		return;
	p->to_flush = stable ? drives_of(p) : 0;
	p->pausing = true;
	bus_defer(p->bus);
	if (!was_pausing)
		pause_step(p);
}

/* ---- taking over ---- */

#define BM(n, member, limit) \
	BUS_FIELD(struct piix_ide_regs, bm[n].member, BUS_FIELD_BITS, limit)

static const struct bus_field fields[] = {
	BM(0, cmd, BM_START | BM_TO_GUEST), BM(1, cmd, BM_START | BM_TO_GUEST),
	BM(0, status, BM_STATUS_BITS), BM(1, status, BM_STATUS_BITS),
	BM(0, prd, ~3u), BM(1, prd, ~3u),
	BM(0, rsvd[0], 0), BM(0, rsvd[1], 0),
	BM(1, rsvd[0], 0), BM(1, rsvd[1], 0),
	BUS_FIELD(struct piix_ide_regs, gone, BUS_FIELD_BITS,
		  (1u << IDE_DRIVES) - 1),
	BUS_FIELD(struct piix_ide_regs, rsvd, BUS_FIELD_MAX, 0),
};

static const char *check(const void *dev, const void *regs)
{
	const struct piix_ide_regs *r = regs;

	(void)dev;
	for (unsigned int i = 0; i < IDE_CHANNELS; i++)
		if ((r->bm[i].status & BM_ACTIVE) && !(r->bm[i].cmd & BM_START))
			return "bm.status";
	return NULL;
}

/*
 * A drive that was unplugged is not there, even if we were given its image:
 * the predecessor may have died before anybody knew.  The descriptor has to
 * stay until we are confined.
 */
static void restored(void *dev)
{
	struct piix_ide *p = dev;

	for (unsigned int drive = 0; drive < IDE_DRIVES; drive++) {
		if (!(p->r.gone & (1u << drive)))
			continue;
		p->unwanted[drive] = drive_blk(p, drive);
		ide_remove(&p->chan[drive / IDE_UNITS], drive % IDE_UNITS);
	}
}

static void resume(void *dev)
{
	struct piix_ide *p = dev;

	for (unsigned int drive = 0; drive < IDE_DRIVES; drive++)
		if (p->unwanted[drive])
			p->unwanted[drive]->ops->close(p->unwanted[drive]);
	memset(p->unwanted, 0, sizeof(p->unwanted));
}

static const struct bus_state piix_ide_state = {
	.version = 1, .field = fields,
	.field_count = sizeof(fields) / sizeof(fields[0]),
	.check = check, .restored = restored,
};

static const struct bus_dev_ops piix_ide_ops = {
	.unplug = unplug, .pause = pause_io, .resume = resume,
	.state = &piix_ide_state,
};

/* ---- life ---- */

void piix_ide_init(struct piix_ide *p, struct bus *b, unsigned int devfn)
{
	static const struct pci_ids ids = {
		.vendor = 0x8086, .device = 0x7010, .class_device = 0x0101,
		.prog_if = 0x80,	/* bus master, legacy mode only */
	};
	unsigned int win;

	p->bus = b;
	p->id = bus_add_dev(b, "piix-ide", p, &piix_ide_ops, &p->r, sizeof(p->r));
	win = bus_add_win(b, p->id, "ide bus master", CHAN_PIO, BM_PORTS,
			  &piix_ide_bm_regs, &bm_ops);
	p->func.dev = p;
	pci_add(b, &p->func, "piix-ide pci", devfn, &ids);
	pci_set16(&p->func, PCI_STATUS, STATUS_RESET);
	pci_add_bar(&p->func, BAR_BUS_MASTER, PCI_BAR_IO, BM_PORTS, win);
	for (unsigned int i = 0; i < IDE_CHANNELS; i++) {
		struct ide_chan *c = &p->chan[i];

		c->bm = &p->r.bm[i];
		c->bm_id = p->id;
		c->func = &p->func;
		c->progress = on_progress;
		c->owner = p;
		ide_init(c, b, i);
	}
}

void piix_ide_attach(struct piix_ide *p, unsigned int drive, struct blk *blk,
		     const char *serial)
{
	bug_on(drive >= IDE_DRIVES);
	ide_attach(&p->chan[drive / IDE_UNITS], drive % IDE_UNITS, blk, serial);
}
