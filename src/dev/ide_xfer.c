/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dev/ide_xfer.c - an ATA channel's data: PIO blocks, bus-master DMA, and the
 *                  host I/O behind both
 *
 * Runs in the disk worker.  The phase says what is owed (dev/ide.h);
 * ide_run() submits it and on_done() takes the command on.  A transfer goes in
 * chunks, so memory and the time in one event are bounded whatever the guest
 * asks for.
 *
 * The buffer has two halves.  A read from disk goes into the half that is not
 * in use, so the last request can be repeated after a crash: its bytes are
 * still there.
 */
#include <errno.h>
#include <string.h>

#include "base/bug.h"
#include "base/le.h"
#include "base/log.h"
#include "bus/pci.h"
#include "dev/ide_core.h"

#define CHUNK_BYTES	(1024u * 1024u)	/* of one DMA submission */
#define CHUNK_FRAMES	DMA_MAP_FRAMES
#define PRD_EOT		0x80000000u
#define PAGE_BYTES	4096u

_Static_assert(IDE_MULTIPLE_MAX <= IDE_HALF_SECTORS &&
	       IDE_HALF_SECTORS % IDE_MULTIPLE_MAX == 0,
	       "blocks do not straddle the halves");

/* ---- ends of a command ---- */

void ide_done_quiet(struct ide_chan *c)
{
	struct ide_unit_regs *u = ide_sel(c);

	c->r.phase = PHASE_IDLE;
	u->status = ATA_DRDY | ATA_DSC;
	u->error = 0;
}

void ide_done(struct ide_chan *c)
{
	ide_done_quiet(c);
	ide_raise(c);
}

void ide_fail(struct ide_chan *c, uint8_t status, uint8_t error)
{
	struct ide_unit_regs *u = ide_sel(c);

	c->r.phase = PHASE_IDLE;
	u->status = (uint8_t)(ATA_DRDY | ATA_ERR | status);
	u->error = error;
	ide_raise(c);
}

void ide_abort(struct ide_chan *c)
{
	ide_fail(c, 0, ATA_ABRT);
}

static void bm_change(struct ide_chan *c, uint8_t clear, uint8_t set)
{
	c->bm->status = (uint8_t)((c->bm->status & ~clear) | set);
	bus_touch(c->bus, c->bm_id);
}

void ide_cancel(struct ide_chan *c)
{
	if (c->r.phase != PHASE_IDLE)
		bm_change(c, BM_ACTIVE, 0);
	c->r.phase = PHASE_IDLE;
	c->r.left = 0;
	c->r.at = c->r.block_end = c->r.buf_end = 0;
}

/* The disk let us down at the first sector still owed. */
static void fail_host(struct ide_chan *c, bool was_write)
{
	struct ide_unit_regs *u = ide_sel(c);

	u->tf[TF_LBA_LOW] = (uint8_t)c->r.lba;
	u->tf[TF_LBA_MID] = (uint8_t)(c->r.lba >> 8);
	u->tf[TF_LBA_HIGH] = (uint8_t)(c->r.lba >> 16);
	ide_cancel(c);
	if (was_write)
		ide_fail(c, ATA_DF, ATA_ABRT);
	else
		ide_fail(c, 0, ATA_UNC);
}

void ide_owe(struct ide_chan *c, enum ide_phase phase)
{
	c->r.phase = (uint8_t)phase;
	ide_sel(c)->status = ATA_BSY;
}

/* ---- PIO: the guest's side ---- */

static uint32_t block_bytes(const struct ide_chan *c)
{
	return c->r.per_block * IDE_SECTOR_BYTES;
}

static void offer_block(struct ide_chan *c)
{
	uint32_t end = c->r.at + block_bytes(c);

	c->r.block_end = end < c->r.buf_end ? end : c->r.buf_end;
	c->r.phase = PHASE_PIO_IN;
	ide_sel(c)->status = ATA_DRDY | ATA_DSC | ATA_DRQ;
	ide_raise(c);
}

uint8_t *ide_data_page(struct ide_chan *c)
{
	c->r.half ^= 1;
	return memset(ide_half(c), 0, IDE_SECTOR_BYTES);
}

void ide_send_page(struct ide_chan *c)
{
	c->r.at = 0;
	c->r.buf_end = IDE_SECTOR_BYTES;
	c->r.left = 0;
	c->r.per_block = 1;
	offer_block(c);
}

/* The guest has read a block. */
static void end_block_in(struct ide_chan *c)
{
	if (c->r.at < c->r.buf_end) {
		offer_block(c);
	} else if (c->r.left) {
		ide_owe(c, PHASE_READ);
	} else {
		ide_sel(c)->tf[TF_COUNT] = 0;
		ide_done_quiet(c);
	}
}

void ide_expect_block(struct ide_chan *c)
{
	uint32_t left = c->r.left * IDE_SECTOR_BYTES;

	c->r.at = 0;
	c->r.block_end = block_bytes(c) < left ? block_bytes(c) : left;
	c->r.phase = PHASE_PIO_OUT;
	ide_sel(c)->status = ATA_DRDY | ATA_DSC | ATA_DRQ;
}

void ide_take(struct ide_chan *c, uint8_t *to, uint32_t len_bytes)
{
	while (len_bytes) {
		uint32_t n = c->r.block_end - c->r.at;

		if (c->r.phase != PHASE_PIO_IN) {
			memset(to, 0, len_bytes);
			return;
		}
		if (n > len_bytes)
			n = len_bytes;
		memcpy(to, ide_half(c) + c->r.at, n);
		c->r.at += n;
		to += n;
		len_bytes -= n;
		if (c->r.at == c->r.block_end)
			end_block_in(c);
	}
}

void ide_put(struct ide_chan *c, const uint8_t *from, uint32_t len_bytes)
{
	while (len_bytes && c->r.phase == PHASE_PIO_OUT) {
		uint32_t n = c->r.block_end - c->r.at;

		if (n > len_bytes)
			n = len_bytes;
		memcpy(ide_half(c) + c->r.at, from, n);
		c->r.at += n;
		from += n;
		len_bytes -= n;
		if (c->r.at == c->r.block_end)
			ide_owe(c, PHASE_WRITE);
	}
}

/* ---- bus master: the guest's side ---- */

static void start_dma(struct ide_chan *c)
{
	bool to_guest = c->r.dma_use == DMA_TO_GUEST;

	if (!pci_is_master(c->func) ||
	    !!(c->bm->cmd & BM_TO_GUEST) != to_guest) {
		guest_warn("ide: transfer refused: bm_cmd=0x%02x master=%d",
			   c->bm->cmd, pci_is_master(c->func));
		bm_change(c, BM_ACTIVE, BM_ERROR);
		ide_abort(c);
		return;
	}
	c->r.prd = (struct ide_prd){ .next = c->bm->prd & ~3u };
	ide_owe(c, PHASE_DMA);
}

void ide_dma(struct ide_chan *c, enum ide_dma_use use)
{
	c->r.dma_use = (uint8_t)use;
	c->r.phase = PHASE_DMA_WAIT;
	ide_sel(c)->status = ATA_DRDY | ATA_DSC | ATA_DRQ;
	if (c->bm->status & BM_ACTIVE)
		start_dma(c);
}

void ide_bm_start(struct ide_chan *c)
{
	bm_change(c, 0, BM_ACTIVE);
	bus_touch(c->bus, c->id);
	if (c->r.phase == PHASE_DMA_WAIT)
		start_dma(c);
}

static void end_bm_stop(struct ide_chan *c)
{
	if (c->r.phase == PHASE_DMA)
		c->r.phase = PHASE_DMA_WAIT;
	bm_change(c, BM_ACTIVE, 0);
}

/* Nothing may move any more once the guest's write has completed. */
void ide_bm_stop(struct ide_chan *c, uint8_t was)
{
	bus_touch(c->bus, c->id);
	if (c->io_busy && c->r.phase == PHASE_DMA) {
		c->wait = WAIT_STOP;
		c->wait_val = c->bm->cmd;
		c->bm->cmd = was;
		c->halt = true;
		bus_defer(c->bus);
		return;
	}
	end_bm_stop(c);
}

/* The whole transfer is done; ACTIVE stays if the table has more. */
static void end_dma(struct ide_chan *c)
{
	if (c->r.prd.left == 0 && c->r.prd.last)
		bm_change(c, BM_ACTIVE, 0);
	ide_sel(c)->tf[TF_COUNT] = 0;
	ide_done(c);
}

/* The table ended before the transfer: no interrupt, the guest times out. */
static void end_short_dma(struct ide_chan *c)
{
	guest_warn("ide: PRD table too short: missing_sectors=%u", c->r.left);
	bm_change(c, BM_ACTIVE, 0);
	c->r.left = 0;
	ide_done_quiet(c);
}

/* ---- PRD tables ---- */

static bool next_prd(struct ide_chan *c, struct ide_prd *p)
{
	uint8_t entry[8];
	uint32_t len;

	if (p->last || p->taken == IDE_PRD_ENTRIES)
		return false;
	dma_read(c->bus, p->next, entry, sizeof(entry));
	p->next += sizeof(entry);
	p->taken++;
	p->addr = le32_get(entry) & ~1u;
	len = le32_get(entry + 4);
	p->last = !!(len & PRD_EOT);
	p->left = len & 0xfffe ? len & 0xfffe : 0x10000;
	return true;
}

static uint32_t frames_of(uint32_t addr, uint32_t len_bytes)
{
	return (addr % PAGE_BYTES + len_bytes + PAGE_BYTES - 1) / PAGE_BYTES;
}

/*
 * Collect up to @want bytes of pieces from *@p on, which moves.  Returns the
 * bytes found; @segs the number of pieces in c->seg.
 */
static uint32_t gather(struct ide_chan *c, struct ide_prd *p, uint32_t want,
		       unsigned int *segs)
{
	uint32_t bytes = 0, frames = 0;
	unsigned int n = 0;

	while (bytes < want && n < IDE_SEGS && frames < CHUNK_FRAMES) {
		uint32_t take, room;

		if (p->left == 0 && !next_prd(c, p))
			break;
		take = p->left < want - bytes ? p->left : want - bytes;
		room = (CHUNK_FRAMES - frames) * PAGE_BYTES -
			p->addr % PAGE_BYTES;
		if (take > room)
			take = room;
		c->seg[n++] = (struct dma_seg){ p->addr, take };
		frames += frames_of(p->addr, take);
		p->addr += take;
		p->left -= take;
		bytes += take;
	}
	*segs = n;
	return bytes;
}

/*
 * The next chunk in whole sectors.  The table is guest memory and may change
 * while we look: what counts is what the last look found.
 */
static uint32_t gather_sectors(struct ide_chan *c, uint32_t want,
			       unsigned int *segs)
{
	for (unsigned int look = 0; want && look < 2; look++) {
		uint32_t bytes;

		c->prd_after = c->r.prd;
		bytes = gather(c, &c->prd_after, want, segs);
		if (bytes % IDE_SECTOR_BYTES == 0)
			return bytes;
		want = bytes - bytes % IDE_SECTOR_BYTES;
	}
	return 0;
}

/* ---- the host's side ---- */

bool ide_is_working(const struct ide_chan *c)
{
	return c->io_busy || c->r.phase >= PHASE_READ;
}

static void submit(struct ide_chan *c, enum blk_op op, uint64_t off_bytes,
		   uint64_t len_bytes, unsigned int iov_count)
{
	struct blk *blk = ide_blk(c);

	c->req.op = op;
	c->req.off_bytes = off_bytes;
	c->req.len_bytes = len_bytes;
	c->req.iov = c->iov;
	c->req.iov_count = iov_count;
	c->io_busy = true;
	blk->ops->submit(blk, &c->req);
}

static void submit_read(struct ide_chan *c)
{
	uint32_t n = c->r.left < IDE_HALF_SECTORS ? c->r.left : IDE_HALF_SECTORS;

	c->req_sectors = n;
	c->iov[0].iov_base = c->buf + (c->r.half ^ 1) * IDE_HALF_BYTES;
	c->iov[0].iov_len = n * IDE_SECTOR_BYTES;
	submit(c, BLK_READ, c->r.lba * IDE_SECTOR_BYTES, c->iov[0].iov_len, 1);
}

static void submit_write(struct ide_chan *c)
{
	c->req_sectors = c->r.block_end / IDE_SECTOR_BYTES;
	c->iov[0].iov_base = ide_half(c);
	c->iov[0].iov_len = c->r.block_end;
	submit(c, BLK_WRITE, c->r.lba * IDE_SECTOR_BYTES, c->r.block_end, 1);
}

/* The range list of DATA SET MANAGEMENT: small, copied. */
static void fetch_trim_list(struct ide_chan *c)
{
	uint32_t want = c->r.left * IDE_SECTOR_BYTES, at = 0;
	unsigned int segs;

	if (gather_sectors(c, want, &segs) != want) {
		end_short_dma(c);
		return;
	}
	for (unsigned int i = 0; i < segs; i++) {
		dma_read(c->bus, c->seg[i].gpa, ide_half(c) + at,
			 c->seg[i].len_bytes);
		at += c->seg[i].len_bytes;
	}
	c->r.prd = c->prd_after;
	c->r.trim_at = 0;
	c->r.trim_end = want;
	c->r.left = 0;
	ide_owe(c, PHASE_TRIM);
}

/*
 * Map and submit as much as fits: the map cache may be full of the other
 * channel's pins.
 */
static void submit_dma(struct ide_chan *c)
{
	bool to_guest = c->r.dma_use == DMA_TO_GUEST;
	uint32_t want = c->r.left < CHUNK_BYTES / IDE_SECTOR_BYTES ?
		c->r.left * IDE_SECTOR_BYTES : CHUNK_BYTES;
	unsigned int segs = 0;
	int n = -ENOMEM;

	if (c->r.dma_use == DMA_TRIM_LIST) {
		fetch_trim_list(c);
		return;
	}
	while (n < 0 && want) {
		want = gather_sectors(c, want, &segs);
		if (want == 0) {
			end_short_dma(c);
			return;
		}
		n = dma_map(c->bus, &c->map, c->seg, segs, to_guest, c->iov,
			    sizeof(c->iov) / sizeof(c->iov[0]));
		if (n < 0)
			want = want / 2 - want / 2 % IDE_SECTOR_BYTES;
	}
	if (n < 0) {
		guest_warn("ide: cannot map guest memory");
		fail_host(c, !to_guest);
		return;
	}
	for (c->req_sectors = 0; segs; segs--)
		c->req_sectors += c->seg[segs - 1].len_bytes;
	c->req_sectors /= IDE_SECTOR_BYTES;
	submit(c, to_guest ? BLK_READ : BLK_WRITE,
	       c->r.lba * IDE_SECTOR_BYTES,
	       (uint64_t)c->req_sectors * IDE_SECTOR_BYTES, (unsigned int)n);
}

/* One range at a time: 16 bits of length, 48 of address. */
static void submit_trim(struct ide_chan *c)
{
	uint64_t total = ide_sectors(ide_blk(c));

	while (c->r.trim_at < c->r.trim_end) {
		uint64_t entry = le64_get(ide_half(c) + c->r.trim_at);
		uint64_t lba = entry & 0xffffffffffffull, count = entry >> 48;

		if (count == 0) {
			c->r.trim_at += IDE_TRIM_ENTRY_BYTES;
			continue;
		}
		if (lba > total || count > total - lba) {
			bm_change(c, BM_ACTIVE, 0);
			ide_abort(c);
			return;
		}
		submit(c, BLK_DISCARD, lba * IDE_SECTOR_BYTES,
		       count * IDE_SECTOR_BYTES, 0);
		return;
	}
	end_dma(c);
}

static void start_owed(struct ide_chan *c)
{
	switch ((enum ide_phase)c->r.phase) {
	case PHASE_READ:
		submit_read(c);
		break;
	case PHASE_WRITE:
		submit_write(c);
		break;
	case PHASE_FLUSH:
		submit(c, BLK_FLUSH, 0, 0, 0);
		break;
	case PHASE_DMA:
		submit_dma(c);
		break;
	case PHASE_TRIM:
		submit_trim(c);
		break;
	case PHASE_IDLE:
	case PHASE_PIO_IN:
	case PHASE_PIO_OUT:
	case PHASE_DMA_WAIT:
		break;
	}
}

/* ---- completions ---- */

/* Written, and stable if it has to be. */
static void end_write(struct ide_chan *c)
{
	if (c->r.left) {
		ide_expect_block(c);
		ide_raise(c);
	} else if (c->r.prd.taken) {
		end_dma(c);
	} else {
		ide_done(c);
	}
}

static void advance(struct ide_chan *c)
{
	c->r.lba += c->req_sectors;
	c->r.left -= c->req_sectors;
}

/* With the write cache off, writes are stable before their interrupt. */
static void end_write_chunk(struct ide_chan *c)
{
	if (ide_sel(c)->write_cache)
		end_write(c);
	else
		ide_owe(c, PHASE_FLUSH);
}

static void go_on(struct ide_chan *c)
{
	switch ((enum ide_phase)c->r.phase) {
	case PHASE_READ:
		advance(c);
		c->r.half ^= 1;
		c->r.at = 0;
		c->r.buf_end = c->req_sectors * IDE_SECTOR_BYTES;
		offer_block(c);
		break;
	case PHASE_WRITE:
		advance(c);
		end_write_chunk(c);
		break;
	case PHASE_FLUSH:
		end_write(c);
		break;
	case PHASE_DMA:
		advance(c);
		c->r.prd = c->prd_after;
		if (c->r.left)
			break;
		if (c->r.dma_use == DMA_FROM_GUEST)
			end_write_chunk(c);
		else
			end_dma(c);
		break;
	case PHASE_TRIM:
		c->r.trim_at += IDE_TRIM_ENTRY_BYTES;
		break;
	case PHASE_IDLE:
	case PHASE_PIO_IN:
	case PHASE_PIO_OUT:
	case PHASE_DMA_WAIT:
		break;
	}
}

/* Someone waited for the host to be quiet. */
static void end_wait(struct ide_chan *c)
{
	enum ide_wait wait = c->wait;

	if (wait == WAIT_NONE)
		return;
	c->wait = WAIT_NONE;
	c->halt = false;
	if (wait == WAIT_RESET) {
		ide_set_devctl(c, c->wait_val);
	} else {
		c->bm->cmd = c->wait_val;
		end_bm_stop(c);
	}
	bus_resume(c->bus, 0);
}

/* The host tells of an error once, and then it was told to us. */
static int add_untold(struct ide_chan *c, enum blk_op op, int rc)
{
	struct ide_unit_regs *u = ide_sel(c);

	if (op != BLK_FLUSH || !u->unflushed)
		return rc;
	u->unflushed = 0;
	return rc ? rc : -EIO;
}

static void on_done(struct blk_req *req, int rc)
{
	struct ide_chan *c = req->dev;
	bool was_write = req->op != BLK_READ;

	bug_on(!c->io_busy);
	c->io_busy = false;
	if (c->map.count)
		dma_unmap(c->bus, &c->map);
	bus_touch(c->bus, c->id);
	if (c->wait == WAIT_RESET)
		;		/* whatever it was, it is over */
	else if (add_untold(c, req->op, rc) == 0)
		go_on(c);
	else
		fail_host(c, was_write);
	end_wait(c);
	ide_run(c);
	if (c->progress)
		c->progress(c->owner);
}

void ide_run(struct ide_chan *c)
{
	if (c->running)
		return;		/* on_done() from within a submit */
	c->running = true;
	c->req.done = on_done;
	c->req.dev = c;
	/* A first chunk may be done at once, from the page cache; the others
	   must leave the worker to the guest in between. */
	c->req.background = false;
	while (!c->io_busy && !c->halt && c->r.phase >= PHASE_READ) {
		start_owed(c);
		c->req.background = true;
	}
	c->running = false;
}
