/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bus/restore.h - register state that somebody else left
 *
 * A worker that finds committed state in its memfd goes on from it: its
 * predecessor died, or the supervisor filled it in from a save file.  Neither
 * is trusted.  Every device says what its fields may hold (struct
 * bus_state); a device whose state does not fit keeps its power-on registers,
 * which guests know as a reset, and the others go on.
 *
 * Order, in a worker: devices are added; bus_take_over(); bus_close();
 * bus_resume_devs(), which in one that took over at rest comes with IO_RESUME.
 */
#ifndef BUS_RESTORE_H
#define BUS_RESTORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bus/bus.h"

enum bus_field_kind {
	BUS_FIELD_MAX,		/* each item is at most @limit */
	BUS_FIELD_BITS,		/* no bit outside @limit is set */
	BUS_FIELD_TIME,		/* CLOCK_MONOTONIC in ns, int64_t; INT64_MAX:
				   never.  Shifted by struct state.shift_ns */
};

/* A field with values that must not be.  One without rule holds anything. */
struct bus_field {
	const char *name;	/* for the message */
	uint16_t off;		/* in the registers */
	uint8_t size;		/* bytes an item: 1, 2, 4, 8 */
	uint8_t kind;		/* enum bus_field_kind */
	uint16_t count;		/* items */
	uint64_t limit;
};

#define BUS_FIELD(type, member, kind_, limit_) \
	{ .name = #member, .off = offsetof(type, member), \
	  .size = sizeof(((type *)0)->member), .count = 1, \
	  .kind = (kind_), .limit = (limit_) }
/* An array, or part of one: @member is its first item, "unit[0].tf[0]". */
#define BUS_FIELDS(type, member, count_, kind_, limit_) \
	{ .name = #member, .off = offsetof(type, member), \
	  .size = sizeof(((type *)0)->member), .count = (count_), \
	  .kind = (kind_), .limit = (limit_) }

struct bus_state {
	uint32_t version;	/* of the layout: another one is not read */
	unsigned int field_count;
	const struct bus_field *field;
	/*
	 * What one field's range cannot say: an index below another field, a
	 * phase that needs a buffer.  @regs: a private copy whose fields are in
	 * range.  @dev is complete but for its registers (which drives there
	 * are).  Returns NULL, or the name of the field that is wrong.  May be
	 * NULL itself.
	 */
	const char *(*check)(const void *dev, const void *regs);
	/*
	 * The registers are in place, the bus is not closed: put windows where
	 * they say (bus_map() now fixes the place to announce), derive what is
	 * derived.  Says nothing, asks for nothing: ops->resume will.  May be
	 * NULL.
	 */
	void (*restored)(void *dev);
};

/* Where the predecessor was. */
struct bus_left {
	uint32_t seq;		/* the next request to take */
	uint32_t ans_tail;	/* answers before this one are in the ring */
	/* The first device whose state was not taken, or that is not ours, and
	   why; NULL: there is none.  Valid until the next call. */
	const char *wrong_dev, *wrong_field;
};

/*
 * True: there is committed state, and the devices whose part is valid have it;
 * what is not is said in the log.  @left is as hostile as the rest: the owner
 * of the rings checks it.  False: there is none, this is a first start.
 */
bool bus_take_over(struct bus *b, struct bus_left *left);

/* The first rule @regs breaks, or NULL.  For tests and readers of save files. */
const char *bus_state_wrong(const struct bus_state *st, const void *dev,
			    const void *regs, uint32_t regs_bytes);

/* After bus_close(), if bus_take_over() said true. */
void bus_resume_devs(struct bus *b);

#endif /* BUS_RESTORE_H */
