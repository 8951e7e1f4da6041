/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bus/reg.h - register files as tables
 *
 * One row per register, under its data-sheet name.  Sub-register, straddling
 * and write-one-to-clear semantics live in reg.c and nowhere else; hooks see
 * whole registers.
 */
#ifndef BUS_REG_H
#define BUS_REG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REG_NO_FIELD	0xffffu		/* row without a backing field */

/*
 * Ways to spare the hop.  Each row that has one says why on its line.
 *
 * SHADOW  The broker may answer a read of exactly this register from the word
 *	   last published, provided every request that could change it is
 *	   committed.  Only for reads without side effect - or, with NOTIFY,
 *	   with one that may come later but before the worker's next request.
 *	   While a read would have another effect, the shadow hook says invalid.
 * NOTIFY  With SHADOW: the read is also delivered, late, to the read hook.
 *	   Its effect must not change any shadow word of this worker.
 * POSTED  A write completes before the device has seen it.  Only where the
 *	   guest cannot observe the difference: never for an interrupt
 *	   acknowledge, never for a change of routing, for a mask only while
 *	   its line is low (QUIET).
 * INERT   With POSTED: the write changes no shadow word or mirror of this
 *	   worker that is valid, so shadow reads need not wait for it.
 * LAZY	   With INERT: nothing happens that anybody waits for, so the worker is
 *	   not woken; it gets the write with the next request that matters.
 * QUIET   While the shadow hook says valid, a write is POSTED, INERT and LAZY
 *	   whatever else the row is.  For a mask or a doorbell that mostly has
 *	   nothing to change but what comes later: the worker takes what is in
 *	   its ring before it does anything else.  Not with SHADOW: the word is
 *	   no value to read.
 * ZEROS   The row stands for REG_ZEROS_WORDS dwords from its place on, which is
 *	   a multiple of their size.  Bit i of what the shadow hook gives says
 *	   that dword i is not zero: others, read as a whole, read as zero
 *	   without effect, and the broker does it.  For counters that a read
 *	   clears.  Alone.
 */
#define REG_SHADOW	0x01u
#define REG_NOTIFY	0x02u
#define REG_POSTED	0x04u
#define REG_INERT	0x08u
#define REG_LAZY	0x10u
#define REG_QUIET	0x20u
#define REG_ZEROS	0x40u

#define REG_ZEROS_WORDS	32u

/*
 * Rows are sorted by @off and do not overlap; @rw and @w1c are disjoint.
 * reg_check() proves it; a unit test calls it for every device.
 */
struct reg {
	const char *name;	/* data-sheet name, used in logs and traces */
	uint16_t off;		/* byte offset in the window */
	uint8_t size;		/* bytes: 1, 2 or 4 */
	uint8_t flags;		/* REG_* above */
	uint8_t xor;		/* with SHADOW: every second answer is xor this */
	uint16_t field;		/* offset of the backing field in the device
				   struct, of @size bytes, or REG_NO_FIELD */
	uint32_t reset;		/* value after reset */
	uint32_t rw;		/* bits the guest sets and clears */
	uint32_t w1c;		/* bits the guest clears by writing 1 */
	/* NULL: a read returns the field (0 without one). */
	uint32_t (*read)(void *dev, const struct reg *r);
	/* After the field changed by @rw and @w1c.  @val is what was written,
	   bytes not covered by the access taken from @old, the old field. */
	void (*write)(void *dev, const struct reg *r, uint32_t val, uint32_t old);
	/* What a read would return now, without doing it; false: only the
	   device can answer.  NULL: the field, always valid.  With QUIET only
	   what it returns counts.  Of ZEROS: the bits. */
	bool (*shadow)(const void *dev, const struct reg *r, uint32_t *val);
};

struct reg_file {
	const struct reg *reg;
	unsigned int count;
	uint32_t open_bus;	/* what unassigned bytes read as */
};

/*
 * Helps to write a row:  R(struct uart, LSR, 5, r.lsr, .reset = 0x60, ...)
 * and without a field:   RX(THR, 0, 1, ...)
 */
#define R(type, sym, at, fld, ...) { .name = #sym, .off = (at), \
	.size = sizeof(((type *)0)->fld), .field = offsetof(type, fld), \
	__VA_ARGS__ }
#define RX(sym, at, bytes, ...) { .name = #sym, .off = (at), \
	.size = (bytes), .field = REG_NO_FIELD, __VA_ARGS__ }
#define REG_FILE(rows, open) { (rows), sizeof(rows) / sizeof((rows)[0]), (open) }

/* Every field to its reset value.  No hook is called. */
void reg_reset(const struct reg_file *f, void *dev);

/* @size 1, 2 or 4; bytes outside all rows read as open_bus, write nothing. */
uint32_t reg_read(const struct reg_file *f, void *dev,
		  uint32_t off, unsigned int size);
void reg_write(const struct reg_file *f, void *dev,
	       uint32_t off, unsigned int size, uint32_t val);

/*
 * Inside a read or write hook: mask of the register's bytes that this access
 * covers.  For the few registers whose meaning depends on the width.
 */
uint32_t reg_lanes(void);

/* What a read of the row returns, without side effect; false: not valid. */
bool reg_peek(const struct reg *r, const void *dev, uint32_t *val);

/* NULL, or what is wrong with the table. */
const char *reg_check(const struct reg_file *f);

#endif /* BUS_REG_H */
