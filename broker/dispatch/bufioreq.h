/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * broker/dispatch/bufioreq.h - Xen's buffered ring, from the consumer's side
 */
#ifndef DISPATCH_BUFIOREQ_H
#define DISPATCH_BUFIOREQ_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/xen_ioreq.h"

/* One buffered write; @size 1, 2, 4 or 8 bytes. */
struct bufioreq {
	uint64_t data;
	uint32_t addr;
	uint8_t type;		/* XEN_IOREQ_TYPE_* */
	uint8_t size;
};

/*
 * Takes one entry: 1, 0 if the ring is empty, -EPROTO if the page makes no
 * sense (it is Xen's, so that is a bug somewhere below us).
 */
int bufioreq_get(struct xen_bufioreq_page *p, struct bufioreq *e);

/*
 * bufioreq_get() in two steps.  Looks at the entry @skip slots after the first
 * one: how many slots it takes (1 or 2), 0 or -EPROTO.
 */
int bufioreq_look(const struct xen_bufioreq_page *p, uint32_t skip,
		  struct bufioreq *e);
/* The first @slots are done with. */
void bufioreq_drop(struct xen_bufioreq_page *p, uint32_t slots);
/* The first slot's number; stays what it is when Xen rebases the indices. */
uint32_t bufioreq_first(const struct xen_bufioreq_page *p);

/* Slots in use; more than there are if the page makes no sense. */
uint32_t bufioreq_level(const struct xen_bufioreq_page *p);

#endif /* DISPATCH_BUFIOREQ_H */
