/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dispatch/rows.c - from an offset in a window to the register row there
 *
 * Runs in the broker, on every access.  In windows of up to 256 bytes a row's
 * place is its offset, and nothing is searched.
 */
#include "dispatch/rows.h"

#include <string.h>

void rows_init(struct rows *r)
{
	memset(r->row, NO_ROW, sizeof(r->row));
}

/* Where the row is, or the free place for it. */
static unsigned int find_place(const struct rows *r, uint32_t off)
{
	unsigned int i = (off ^ off >> 8) % ROW_PLACES;

	while (r->row[i] != NO_ROW && r->off[i] != off)
		i = (i + 1) % ROW_PLACES;
	return i;
}

uint8_t rows_find(const struct rows *r, uint32_t off)
{
	return r->row[find_place(r, off)];
}

bool rows_add(struct rows *r, uint16_t off, uint8_t row)
{
	unsigned int i = find_place(r, off);

	if (r->row[i] != NO_ROW)
		return false;
	r->row[i] = row;
	r->off[i] = off;
	return true;
}
