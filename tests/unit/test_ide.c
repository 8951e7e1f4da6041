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
	       CHAN_ROW_POSTED | CHAN_ROW_INERT, "sector count is only latched");
	is_hex(rig_row_flags(&rig, CHAN_PIO, 0x1f0, 1), 0, "the data port");
	is_hex(rig_row_flags(&rig, CHAN_PIO, BM, 1), CHAN_ROW_SHADOW,
	       "stopping the bus master is synchronous");
	is_hex(rig_row_flags(&rig, CHAN_PIO, BM + 2, 1), CHAN_ROW_SHADOW,
	       "acknowledging its interrupt is synchronous");
	is_hex(rig_row_flags(&rig, CHAN_PIO, BM + 4, 4),
	       CHAN_ROW_POSTED | CHAN_ROW_INERT, "PRD pointer");
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

int main(void)
{
	test_tables();
	test_spared_hops();
	test_status_shadow();
	test_busy_shadow();
	test_commit();
	rig_free(&rig);
	return tap_done();
}
