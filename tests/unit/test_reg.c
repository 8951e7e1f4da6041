/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/test_reg.c - the register-table engine
 */
#include "bus/reg.h"
#include "tap.h"

struct toy {
	uint8_t cr, isr_lo;
	uint16_t imr, isr;
	uint32_t addr;
	unsigned int reads, writes;
	uint32_t last_val, last_old;
};

static uint32_t status_read(void *dev, const struct reg *r)
{
	struct toy *t = dev;

	(void)r;
	t->reads++;
	return 0x5a;
}

static bool status_shadow(const void *dev, const struct reg *r, uint32_t *val)
{
	(void)dev;
	(void)r;
	*val = 0x5a;
	return true;
}

static void note_write(void *dev, const struct reg *r, uint32_t val, uint32_t old)
{
	struct toy *t = dev;

	(void)r;
	t->writes++;
	t->last_val = val;
	t->last_old = old;
}

static const struct reg rows[] = {
	R(struct toy, CR,   0x00, cr, .reset = 0x10, .rw = 0x0f),
	RX(STATUS,          0x01, 1, .read = status_read, .shadow = status_shadow,
			    .flags = REG_SHADOW),
	R(struct toy, IMR,  0x04, imr, .rw = 0xffff, .write = note_write),
	R(struct toy, ISR,  0x06, isr, .w1c = 0x00ff, .write = note_write),
	R(struct toy, ADDR, 0x08, addr, .rw = 0xfffffffc, .write = note_write),
};
static const struct reg_file file = REG_FILE(rows, 0xffffffff);

static struct toy t;

static void fresh(void)
{
	t = (struct toy){ 0 };
	reg_reset(&file, &t);
}

static void test_access(void)
{
	fresh();
	is_hex(reg_read(&file, &t, 0, 1), 0x10, "reset value");
	reg_write(&file, &t, 0, 1, 0xff);
	is_hex(reg_read(&file, &t, 0, 1), 0x1f, "only rw bits change");
	is_hex(reg_read(&file, &t, 2, 2), 0xffff, "unassigned bytes: open bus");
	is_hex(reg_read(&file, &t, 0, 4), 0xffff5a1f, "dword over rows and holes");
	t.isr = 0x0105;
	reg_write(&file, &t, 6, 2, 0xffff);
	is_hex(t.isr, 0x0100, "write one clears w1c bits only");
	t.isr = 0x00ff;
	reg_write(&file, &t, 7, 1, 0xff);
	is_hex(t.isr, 0x00ff, "a byte write touches its lane only");
	reg_write(&file, &t, 4, 4, 0x00031234);
	is_hex(t.imr, 0x1234, "dword over two rows: low half");
	is_hex(t.isr, 0x00fc, "dword over two rows: high half");
	t.addr = 0;
	reg_write(&file, &t, 9, 1, 0xab);
	is_hex(t.addr, 0x0000ab00, "byte in the middle of a dword");
	is_hex(t.last_val, 0x0000ab00, "the hook gets the whole register");
	reg_write(&file, &t, 0xa, 2, 0x1234);
	is_hex(t.last_val, 0x1234ab00, "unwritten lanes come from the old value");
	is_hex(t.last_old, 0x0000ab00, "and the old value is given");
	is_hex(reg_read(&file, &t, 0xb, 1), 0x12, "top byte alone");
}

static void test_check(void)
{
	static const struct reg overlap[] = { RX(A, 0, 2), RX(B, 1, 1) };
	static const struct reg both[] = {
		R(struct toy, A, 0, imr, .rw = 3, .w1c = 2) };
	static const struct reg wide[] = { R(struct toy, A, 0, cr, .rw = 0x100) };
	static const struct reg note[] = { RX(A, 0, 1, .flags = REG_NOTIFY) };
	static const struct reg hook[] = {
		RX(A, 0, 1, .flags = REG_SHADOW, .read = status_read) };
	static const struct reg quiet[] = { RX(A, 0, 1, .flags = REG_QUIET) };
	static const struct reg loud[] = { RX(A, 0, 1, .shadow = status_shadow,
		.flags = REG_SHADOW | REG_QUIET) };
	static const struct reg zeros[] = { RX(A, 0x80, 4, .shadow = status_shadow,
		.flags = REG_ZEROS) };
	static const struct reg askew[] = { RX(A, 0x40, 4, .shadow = status_shadow,
		.flags = REG_ZEROS) };
	static const struct reg bare[] = { RX(A, 0x80, 4, .flags = REG_ZEROS) };
	struct reg_file f = REG_FILE(overlap, 0);

	ok(reg_check(&file) == NULL, "a sane table");
	ok(reg_check(&f) != NULL, "overlapping rows");
	f = (struct reg_file)REG_FILE(both, 0);
	ok(reg_check(&f) != NULL, "rw and w1c of the same bit");
	f = (struct reg_file)REG_FILE(wide, 0);
	ok(reg_check(&f) != NULL, "mask wider than the register");
	f = (struct reg_file)REG_FILE(note, 0);
	ok(reg_check(&f) != NULL, "NOTIFY without SHADOW");
	f = (struct reg_file)REG_FILE(quiet, 0);
	ok(reg_check(&f) != NULL, "QUIET without a shadow hook");
	f = (struct reg_file)REG_FILE(loud, 0);
	ok(reg_check(&f) != NULL, "QUIET with SHADOW");
	f = (struct reg_file)REG_FILE(zeros, 0);
	ok(reg_check(&f) == NULL, "ZEROS");
	f = (struct reg_file)REG_FILE(askew, 0);
	ok(reg_check(&f) != NULL, "ZEROS out of place");
	f = (struct reg_file)REG_FILE(bare, 0);
	ok(reg_check(&f) != NULL, "ZEROS without a hook");
	f = (struct reg_file)REG_FILE(hook, 0);
	ok(reg_check(&f) != NULL, "SHADOW with a read hook and no shadow hook");
}

int main(void)
{
	test_access();
	test_check();
	return tap_done();
}
