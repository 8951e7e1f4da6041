/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/test_ide.c - register tables and committed state of the IDE
 *                         controller
 */
#include "tests/model/ide_guest.h"

static uint8_t page[512];

static void test_tables(void)
{
	is_str(reg_check(&ide_task_regs) ? "bad" : "sane", "sane", "task file rows");
	is_str(reg_check(&ide_control_regs) ? "bad" : "sane", "sane", "control rows");
	is_str(reg_check(&piix_ide_bm_regs) ? "bad" : "sane", "sane",
	       "bus master rows");
	ok(sizeof(struct ide_regs) * 2 + sizeof(struct piix_ide_regs) <= 2048,
	   "registers of both channels are at most 2 KiB");
	ok(sizeof(struct piix_ide_regs) % 8 == 0, "and copied in words");
}

/* What may be answered or completed without the worker. */
static void test_spared_hops(void)
{
	machine(0x1);
	is_hex(rig_row_flags(&rig, CHAN_PIO, 0x1f7, 1),
	       CHAN_ROW_SHADOW | CHAN_ROW_POSTED, "status and command");
	is_hex(rig_row_flags(&rig, CHAN_PIO, 0x3f6, 1), CHAN_ROW_SHADOW,
	       "alternate status; device control is synchronous");
	is_hex(rig_row_flags(&rig, CHAN_PIO, 0x1f2, 1),
	       CHAN_ROW_POSTED | CHAN_ROW_INERT | CHAN_ROW_LAZY, "sector count is only latched");
	is_hex(rig_row_flags(&rig, CHAN_PIO, 0x1f0, 1), 0, "the data port");
	is_hex(rig_row_flags(&rig, CHAN_PIO, BM, 1), CHAN_ROW_SHADOW,
	       "stopping the bus master is synchronous");
	is_hex(rig_row_flags(&rig, CHAN_PIO, BM + 2, 1), CHAN_ROW_SHADOW,
	       "acknowledging its interrupt is synchronous");
	is_hex(rig_row_flags(&rig, CHAN_PIO, BM + 4, 4),
	       CHAN_ROW_POSTED | CHAN_ROW_INERT | CHAN_ROW_LAZY, "PRD pointer");
}

static void test_status_shadow(void)
{
	uint32_t v = 0;

	machine(0x1);
	ok(rig_shadow(&rig, CHAN_PIO, ST, 1, &v) && v == OK_STATUS,
	   "an idle status is published");
	out8(&rig, ALT, 0x02);
	ata28(0x20, 0, 1);
	ok(rig_shadow(&rig, CHAN_PIO, ST, 1, &v) && v == 0x58,
	   "with nIEN it stays published through a command");
	ins(&rig, 0x1f0, 2, 256, page);
	out8(&rig, ALT, 0x00);
	ata28(0x40, 0, 1);
	in8(&rig, ST);
	command(0x10);
	ok(rig.isa[14], "RECALIBRATE raises INTRQ");
	ok(!rig_shadow(&rig, CHAN_PIO, ST, 1, &v),
	   "a read that would acknowledge is left to the device");
	ok(rig_shadow(&rig, CHAN_PIO, ALT, 1, &v) && v == OK_STATUS,
	   "alternate status is always published");
	in8(&rig, ST);
	ok(rig_shadow(&rig, CHAN_PIO, ST, 1, &v), "and again after the read");
}

static void test_busy_shadow(void)
{
	uint32_t v = 0;

	machine(0x1);
	disk[0].hold = true;
	ata28(0xe7, 0, 0);
	ok(rig_shadow(&rig, CHAN_PIO, ST, 1, &v) && v == BSY,
	   "BSY is published while a flush is under way");
	memblk_release(&disk[0]);
	rig_settle(&rig);
	ok(rig.isa[14], "its end is an interrupt");
	ok(!rig_shadow(&rig, CHAN_PIO, ST, 1, &v), "which a read acknowledges");
}

/* The newest committed half holds what the device structs hold. */
static void test_commit(void)
{
	const struct state_half *h;

	machine(0x1);
	task(0xe0, 0x12, 0x34, 0x56789a);
	h = &rig.state->half[atomic_load(&rig.state->flip) & 1];
	ok(memcmp(h->regs + rig.bus.dev[ide.chan[0].id].regs_at, &ide.chan[0].r,
		  sizeof(ide.chan[0].r)) == 0, "task file writes are committed");
}

/* What a successor of a dead worker starts from. */
static void succeed(void)
{
	static struct state_half h;

	h = rig.state->half[atomic_load(&rig.state->flip) & 1];
	rig_successor(&rig);
	for (unsigned int i = 0; i < IDE_DRIVES; i++)
		disk[i].held_count = 0;
	memset(&ide, 0, sizeof(ide));
	piix_ide_init(&ide, &rig.bus, DEVFN);
	piix_ide_attach(&ide, 0, &disk[0].blk, "CL00001");
	piix_ide_attach(&ide, 1, &disk[1].blk, "CL00002");
	for (unsigned int i = 0; i < rig.bus.dev_count; i++)
		memcpy(rig.bus.dev[i].regs, h.regs + rig.bus.dev[i].regs_at,
		       rig.bus.dev[i].regs_bytes);
	rig_close(&rig);
}

static void test_successor_reads(void)
{
	machine(0x3);
	disk[0].hold = true;
	ata28(0x20, 7, 1);
	disk[0].hold = false;
	succeed();
	is_hex(in8(&rig, ALT), 0x58, "a successor reads what was being read");
	ins(&rig, 0x1f0, 2, 256, page);
	ok(!memcmp(page, image[0] + 7 * 512, 512), "and has the data");
}

/* The last word of a buffer makes the next one be filled: to repeat it, the
   old one must still be there. */
static void test_successor_repeats(void)
{
	static struct state before;
	uint8_t again[512];

	machine(0x3);
	ata28(0x20, 0, 100);
	for (unsigned int i = 0; i < 63; i++)
		ins(&rig, 0x1f0, 2, 256, page);
	memcpy(&before, rig.state, sizeof(before));
	ins(&rig, 0x1f0, 2, 256, page);
	memcpy(rig.state->half, before.half, sizeof(before.half));
	atomic_store(&rig.state->flip, atomic_load(&before.flip));
	succeed();
	ins(&rig, 0x1f0, 2, 256, again);
	ok(!memcmp(page, image[0] + 63 * 512, 512) && !memcmp(again, page, 512),
	   "the last sector of a buffer can be read again");
	ins(&rig, 0x1f0, 2, 256, page);
	ok(!memcmp(page, image[0] + 64 * 512, 512), "then the next");
}

static void test_successor_writes(void)
{
	machine(0x3);
	memset(page, 0x99, 512);
	ata28(0x30, 3, 1);
	disk[0].hold = true;
	ins(&rig, 0x1f0, 2, 1, page + 510);
	page[510] = page[511] = 0x99;
	outs(&rig, 0x1f0, 2, 256, page);
	is_hex(image[0][3 * 512] == 0x99, 0, "a write dies with its worker");
	disk[0].hold = false;
	succeed();
	is_hex(image[0][3 * 512], 0x99, "the successor writes it");
	is_hex(in8(&rig, ALT), OK_STATUS, "and is done");
}

static void test_successor_dma(void)
{
	uint32_t prd[2] = { 0x8000, 0x80000000u | 4096 };

	machine(0x3);
	memcpy(rig.ram + PRDT, prd, sizeof(prd));
	disk[0].hold = true;
	bm_start(true);
	ata28(0xc8, 8, 8);
	disk[0].hold = false;
	succeed();
	ok(!memcmp(rig.ram + 0x8000, image[0] + 8 * 512, 4096),
	   "a successor does the DMA again");
	is_hex(in8(&rig, ALT), OK_STATUS, "and is done");
}

static void test_successor_unplugged(void)
{
	machine(0x3);
	rig_unplug(&rig, UNPLUG_AUX_IDE_DISKS);
	is_hex(disk[1].closes, 1, "the slave is unplugged");
	succeed();
	is_hex(disk[1].closes, 2, "a successor lets go of it too");
	out8(&rig, 0x1f6, 0xf0);
	is_hex(in8(&rig, ALT), 0x00, "and does not show it");
}

int main(void)
{
	test_tables();
	test_spared_hops();
	test_status_shadow();
	test_busy_shadow();
	test_commit();
	test_successor_reads();
	test_successor_repeats();
	test_successor_writes();
	test_successor_dma();
	test_successor_unplugged();
	rig_free(&rig);
	return tap_done();
}
