/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dev/nic_back.h - giving descriptors back to a driver, exactly once
 *
 * A driver that sees a descriptor done uses it, and its buffer, for something
 * else.  A card that dies after that and before it committed would have its
 * successor do the descriptor again: send what is in the buffer now, or write
 * into it.  So what gives a descriptor back is put on a list that is committed
 * with the registers, and written afterwards (struct bus_dev_ops.committed).
 * The list outlives the worker, as does how far the writing came: a successor
 * writes the rest.  (A worker that dies between the write and the note of it,
 * two stores apart, has that one descriptor written twice.)
 */
#ifndef DEV_NIC_BACK_H
#define DEV_NIC_BACK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct bus;

#define NIC_BACK_MAX	1024u
#define NIC_BACK_LATE	0x80000000u	/* written by a successor, and the
					   interrupt for that is not committed */

/* Committed, a member of the card's registers.  All zero: nothing. */
struct nic_back_regs {
	uint32_t batch;		/* changes with every list */
	uint32_t count;		/* of it, up to NIC_BACK_MAX */
};

struct nic_back_item {
	uint64_t gpa;
	uint32_t val;		/* in guest order: little-endian */
	uint32_t size;		/* bytes of it, 1 to 4 */
};

/* Outlives the worker. */
struct nic_back_mem {
	_Atomic uint64_t done;	/* batch in the upper half; in the lower items,
				   and NIC_BACK_LATE */
	struct nic_back_item item[NIC_BACK_MAX];
};

struct nic_back {
	struct bus *bus;
	struct nic_back_regs *r;
	struct nic_back_mem *mem;
	uint32_t count;		/* items since the last commit */
	bool late;		/* NIC_BACK_LATE may be set */
};

/* While devices are added.  @r stays. */
void nic_back_init(struct nic_back *k, struct bus *b, struct nic_back_regs *r);
/* How many more fit before the next commit. */
static inline uint32_t nic_back_room(const struct nic_back *k)
{
	return NIC_BACK_MAX - k->count;
}
/* The low @size bytes of @val are to be at @gpa once all of this is committed.
   There is room.  The caller's device is touched. */
void nic_back_add(struct nic_back *k, uint64_t gpa, uint32_t val,
		  uint32_t size);
/* From ops->committed. */
void nic_back_write(struct nic_back *k);
/*
 * From ops->resume; r->count is in range.  True: there was something left that
 * the driver may have been called for before it was there; it is to be called
 * again.  It is true for each successor until one has committed that.
 */
bool nic_back_resume(struct nic_back *k);

#endif /* DEV_NIC_BACK_H */
