/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/test_rows.c - finding a window's register rows by offset
 */
#include "abi/chan.h"
#include "dispatch/rows.h"
#include "tap.h"

static struct rows rows;

static void test_small_window(void)
{
	unsigned int wrong = 0;

	rows_init(&rows);
	for (unsigned int off = 0; off < 256; off += 4)
		rows_add(&rows, (uint16_t)off, (uint8_t)(off / 4));
	for (unsigned int off = 0; off < 0x20000; off++)
		wrong += rows_find(&rows, off) !=
			(off < 256 && off % 4 == 0 ? off / 4 : NO_ROW);
	is_hex(wrong, 0, "rows are where they start and nowhere else");
	ok(!rows_add(&rows, 8, 90), "one row per offset");
	is_hex(rows_find(&rows, 8), 2, "the first one stays");
}

/* As many rows as a channel has, all at one place of the hash. */
static void test_collisions(void)
{
	unsigned int wrong = 0;

	rows_init(&rows);
	for (unsigned int i = 0; i < CHAN_ROWS; i++)
		wrong += !rows_add(&rows, (uint16_t)(i * 0x101u ^ 0xfeu),
				   (uint8_t)i);
	for (unsigned int i = 0; i < CHAN_ROWS; i++)
		wrong += rows_find(&rows, i * 0x101u ^ 0xfeu) != i;
	is_hex(wrong, 0, "colliding rows are all found");
	is_hex(rows_find(&rows, 200 * 0x101u ^ 0xfeu), NO_ROW,
	       "another of their place is not");
	is_hex(rows_find(&rows, 0x10000u | 0xfeu), NO_ROW,
	       "nor one beyond 64 KiB");
}

int main(void)
{
	test_small_window();
	test_collisions();
	return tap_done();
}
