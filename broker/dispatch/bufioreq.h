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

/* Slots in use; more than there are if the page makes no sense. */
uint32_t bufioreq_level(const struct xen_bufioreq_page *p);

#endif /* DISPATCH_BUFIOREQ_H */
