/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dispatch/rows.h - from an offset in a window to the register row there
 *
 * A window's rows may be anywhere in its first 64 KiB, a few dozen at most.
 */
#ifndef DISPATCH_ROWS_H
#define DISPATCH_ROWS_H

#include <stdbool.h>
#include <stdint.h>

#define NO_ROW		0xffu
#define ROW_PLACES	256u	/* more than rows: a search always ends */

/* Open addressing by the offset of a row's first byte. */
struct rows {
	uint8_t row[ROW_PLACES];	/* or NO_ROW: free */
	uint16_t off[ROW_PLACES];
};

void rows_init(struct rows *r);
/* Row that starts at @off, or NO_ROW. */
uint8_t rows_find(const struct rows *r, uint32_t off);
/* @row below NO_ROW, each once.  False: there is a row at @off. */
bool rows_add(struct rows *r, uint16_t off, uint8_t row);

#endif /* DISPATCH_ROWS_H */
