/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dev/ide.c - an ATA channel's registers: selection, status, interrupt, reset
 *
 * Runs in the disk worker.  What commands do is in ide_cmd.c, how data moves
 * in ide_xfer.c.
 */
#include "dev/ide.h"

#include <string.h>

#include "base/bug.h"
#include "base/le.h"
#include "bus/irq.h"
#include "dev/ide_core.h"

static bool has_drives(const struct ide_chan *c)
{
	return c->blk[0] || c->blk[1];
}

/*
 * Does anything answer for the selected drive?  A missing slave beside a
 * master is silent; a missing master beside a slave is not: it shows a status
 * and aborts every command, as guests know it from this chipset's emulations.
 */
static bool is_silent(const struct ide_chan *c)
{
	return !has_drives(c) || (ide_unit(c) == 1 && !c->blk[1]);
}

static bool is_busy(struct ide_chan *c)
{
	return ide_sel(c)->status & (ATA_BSY | ATA_DRQ);
}

/* ---- interrupt ---- */

void ide_raise(struct ide_chan *c)
{
	/* With nIEN set the event is lost, not kept for later. */
	if (c->r.devctl & ATA_NIEN)
		return;
	c->r.intrq = 1;
	if (c->bm) {
		c->bm->status |= BM_INT;
		bus_touch(c->bus, c->bm_id);
	}
	irq_isa(c->bus, c->irq_line, true);
}

void ide_lower(struct ide_chan *c)
{
	c->r.intrq = 0;
	irq_isa(c->bus, c->irq_line, false);
}

/* ---- reset ---- */

static void show_signature(struct ide_chan *c, unsigned int unit)
{
	struct ide_unit_regs *u = &c->r.unit[unit];

	u->tf[TF_COUNT] = 1;
	u->tf[TF_LBA_LOW] = 1;
	u->tf[TF_LBA_MID] = c->blk[unit] ? 0x00 : 0xff;
	u->tf[TF_LBA_HIGH] = u->tf[TF_LBA_MID];
	memset(u->hob, 0, sizeof(u->hob));
	u->error = 0x01;		/* diagnostic code: passed */
	u->status = ATA_DRDY | ATA_DSC;
}

void ide_diagnose(struct ide_chan *c)
{
	for (unsigned int unit = 0; unit < IDE_UNITS; unit++)
		show_signature(c, unit);
	c->r.device &= ATA_DEV_LBA;
	c->r.device |= ATA_DEV_ONES;
}

/* SRST is not kept: it is over when the write is answered. */
void ide_set_devctl(struct ide_chan *c, uint8_t val)
{
	c->r.devctl = val & (ATA_HOB | ATA_NIEN);
	if (c->r.devctl & ATA_NIEN)
		ide_lower(c);
	if (!(val & ATA_SRST) || !has_drives(c))
		return;
	ide_cancel(c);
	for (unsigned int unit = 0; unit < IDE_UNITS; unit++)
		c->r.unit[unit].multiple = IDE_MULTIPLE_MAX;
	ide_diagnose(c);
	ide_raise(c);
}

void ide_reset(struct ide_chan *c)
{
	bug_on(c->io_busy);
	memset(&c->r, 0, sizeof(c->r));
	for (unsigned int unit = 0; unit < IDE_UNITS; unit++) {
		struct ide_unit_regs *u = &c->r.unit[unit];

		u->multiple = IDE_MULTIPLE_MAX;
		u->heads = 16;
		u->sectors = 63;
		u->write_cache = 1;
		u->smart_on = 1;
		u->xfer_mode = 0x45;	/* UDMA 5 */
	}
	ide_diagnose(c);
	ide_lower(c);
	bus_touch(c->bus, c->id);
}

/* ---- the command block ---- */

static uint32_t error_read(void *dev, const struct reg *r)
{
	struct ide_chan *c = dev;

	(void)r;
	if (is_silent(c))
		return 0;
	if (c->r.devctl & ATA_HOB)
		return ide_sel(c)->hob[TF_FEATURE];
	return ide_sel(c)->error;
}

static uint32_t tf_read(void *dev, const struct reg *r)
{
	struct ide_chan *c = dev;

	if (!has_drives(c))
		return 0;
	if (c->r.devctl & ATA_HOB)
		return ide_sel(c)->hob[r->off];
	return ide_sel(c)->tf[r->off];
}

/* Both drives take every write to the task file. */
static void tf_write(void *dev, const struct reg *r, uint32_t val, uint32_t old)
{
	struct ide_chan *c = dev;

	(void)old;
	if (is_busy(c))
		return;
	c->r.devctl &= (uint8_t)~ATA_HOB;
	for (unsigned int unit = 0; unit < IDE_UNITS; unit++) {
		struct ide_unit_regs *u = &c->r.unit[unit];

		u->hob[r->off] = u->tf[r->off];
		u->tf[r->off] = (uint8_t)val;
	}
}

static bool device_shadow(const void *dev, const struct reg *r, uint32_t *val)
{
	const struct ide_chan *c = dev;

	(void)r;
	*val = has_drives(c) ? c->r.device : 0;
	return true;
}

static uint32_t device_read(void *dev, const struct reg *r)
{
	uint32_t val;

	device_shadow(dev, r, &val);
	return val;
}

static void device_write(void *dev, const struct reg *r, uint32_t val,
			 uint32_t old)
{
	struct ide_chan *c = dev;

	(void)r;
	(void)old;
	if (is_busy(c))
		return;
	c->r.devctl &= (uint8_t)~ATA_HOB;
	c->r.device = (uint8_t)(val | ATA_DEV_ONES);
}

static uint8_t status_now(const struct ide_chan *c)
{
	return is_silent(c) ? 0 : c->r.unit[ide_unit(c)].status;
}

static uint32_t status_read(void *dev, const struct reg *r)
{
	struct ide_chan *c = dev;

	(void)r;
	ide_lower(c);
	return status_now(c);
}

static bool status_shadow(const void *dev, const struct reg *r, uint32_t *val)
{
	const struct ide_chan *c = dev;

	(void)r;
	*val = status_now(c);
	return !c->r.intrq;
}

static void command_write(void *dev, const struct reg *r, uint32_t val,
			  uint32_t old)
{
	struct ide_chan *c = dev;

	(void)r;
	(void)old;
	c->r.devctl &= (uint8_t)~ATA_HOB;
	if (is_silent(c) || is_busy(c))
		return;
	ide_lower(c);
	if (!ide_blk(c)) {
		ide_abort(c);
		return;
	}
	ide_exec(c, (uint8_t)val);
}

/* Only latched, for the command that follows; no shadow word depends on it. */
#define LATCHED	.flags = REG_POSTED | REG_INERT | REG_LAZY

static const struct reg task_rows[] = {
	/* TF_DATA: 16 bits wide, see port_read() */
	RX(FEATURE,  TF_FEATURE,  1, .read = error_read, .write = tf_write, LATCHED),
	RX(COUNT,    TF_COUNT,    1, .read = tf_read, .write = tf_write, LATCHED),
	RX(LBA_LOW,  TF_LBA_LOW,  1, .read = tf_read, .write = tf_write, LATCHED),
	RX(LBA_MID,  TF_LBA_MID,  1, .read = tf_read, .write = tf_write, LATCHED),
	RX(LBA_HIGH, TF_LBA_HIGH, 1, .read = tf_read, .write = tf_write, LATCHED),
	/* Posted: all it does is choose what later accesses see, in order. */
	RX(DEVICE,   TF_DEVICE,   1, .read = device_read, .write = device_write,
	   .shadow = device_shadow, .flags = REG_SHADOW | REG_POSTED),
	/* Shadow: polled; a read acknowledges, so not while INTRQ is up.
	   Posted: the guest learns of a command by polling status, which waits
	   for the commit, or by an interrupt.  That a command also drops INTRQ
	   is not seen on an edge-triggered line. */
	RX(STATUS,   TF_STATUS,   1, .read = status_read, .write = command_write,
	   .shadow = status_shadow, .flags = REG_SHADOW | REG_POSTED),
};
const struct reg_file ide_task_regs = REG_FILE(task_rows, 0xffffffffu);

/* ---- the control block ---- */

static bool altstatus_shadow(const void *dev, const struct reg *r, uint32_t *val)
{
	(void)r;
	*val = status_now(dev);
	return true;
}

static uint32_t altstatus_read(void *dev, const struct reg *r)
{
	(void)r;
	return status_now(dev);
}

static void devctl_write(void *dev, const struct reg *r, uint32_t val,
			 uint32_t old)
{
	struct ide_chan *c = dev;

	(void)r;
	(void)old;
	if (!(val & ATA_SRST) || !c->io_busy) {
		ide_set_devctl(c, (uint8_t)val);
		return;
	}
	/* Nothing of the old command may reach guest memory or the image once
	   the guest goes on. */
	c->wait = WAIT_RESET;
	c->wait_val = (uint8_t)val;
	c->halt = true;
	bus_defer(c->bus);
}

static const struct reg control_rows[] = {
	/* Shadow: polled, no side effect.  Not posted: masks and resets. */
	RX(DEVCTL, 0, 1, .read = altstatus_read, .write = devctl_write,
	   .shadow = altstatus_shadow, .flags = REG_SHADOW),
};
const struct reg_file ide_control_regs = REG_FILE(control_rows, 0xffffffffu);

/* ---- the data port ---- */

/*
 * 16 bits wide: two words make a 32-bit access, and an 8-bit one moves a whole
 * word and uses its low byte.
 */
static bool port_read(void *dev, uint32_t off, unsigned int size,
		      unsigned int count, void *buf)
{
	struct ide_chan *c = dev;
	uint8_t *to = buf;
	uint8_t word[2];

	if (off != TF_DATA)
		return false;
	if (size > 1) {
		ide_take(c, to, size * count);
		return true;
	}
	for (unsigned int i = 0; i < count; i++) {
		ide_take(c, word, 2);
		to[i] = word[0];
	}
	return true;
}

static bool port_write(void *dev, uint32_t off, unsigned int size,
		       unsigned int count, const void *buf)
{
	struct ide_chan *c = dev;
	const uint8_t *from = buf;

	if (off != TF_DATA)
		return false;
	if (size > 1) {
		ide_put(c, from, size * count);
		return true;
	}
	for (unsigned int i = 0; i < count; i++)
		ide_put(c, (const uint8_t[2]){ from[i], 0 }, 2);
	return true;
}

static const struct bus_win_ops task_ops = {
	.read_items = port_read, .write_items = port_write,
};

/* ---- life ---- */

static void settle(void *dev)
{
	ide_run(dev);
}

static void resume(void *dev)
{
	struct ide_chan *c = dev;

	irq_isa(c->bus, c->irq_line, c->r.intrq);
	c->halt = false;
	ide_run(c);
}

static const struct bus_dev_ops chan_ops = {
	.settle = settle, .resume = resume, .state = &ide_state,
};

void ide_init(struct ide_chan *c, struct bus *b, unsigned int number)
{
	static const struct {
		const char *name, *task, *control;
		uint16_t base, control_base;
		uint8_t irq_line;
	} where[IDE_CHANNELS] = {
		{ "ide0", "ide0 task file", "ide0 control", 0x1f0, 0x3f6, 14 },
		{ "ide1", "ide1 task file", "ide1 control", 0x170, 0x376, 15 },
	};
	unsigned int win;

	bug_on(number >= IDE_CHANNELS);
	c->bus = b;
	c->irq_line = where[number].irq_line;
	c->id = bus_add_dev(b, where[number].name, c, &chan_ops, &c->r,
			    sizeof(c->r));
	c->buf = bus_add_buf(b, 2 * IDE_HALF_BYTES);
	win = bus_add_win(b, c->id, where[number].task, CHAN_PIO, TF_LEN,
			  &ide_task_regs, &task_ops);
	bus_map(b, win, where[number].base);
	win = bus_add_win(b, c->id, where[number].control, CHAN_PIO, 1,
			  &ide_control_regs, NULL);
	bus_map(b, win, where[number].control_base);
	ide_reset(c);
}

void ide_attach(struct ide_chan *c, unsigned int unit, struct blk *blk,
		const char *serial)
{
	bug_on(unit >= IDE_UNITS);
	c->blk[unit] = blk;
	memset(c->serial[unit], 0, sizeof(c->serial[unit]));
	strncpy(c->serial[unit], serial, IDE_SERIAL_BYTES);
	ide_reset(c);
}

void ide_remove(struct ide_chan *c, unsigned int unit)
{
	bug_on(unit >= IDE_UNITS || c->io_busy);
	c->blk[unit] = NULL;
}
