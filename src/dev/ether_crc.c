/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dev/ether_crc.c - the CRC of Ethernet
 *
 * Runs in the net worker, over every byte a card shows to its driver: eight
 * bytes a step.
 */
#include "dev/ether_crc.h"

#include "base/le.h"

#define POLY	0xedb88320u
#define STEP	8u

/* table[k][b]: what byte b does to the CRC k bytes later. */
static uint32_t table[STEP][256];

void ether_crc_init(void)
{
	for (uint32_t b = 0; b < 256; b++) {
		uint32_t c = b;

		for (unsigned int bit = 0; bit < 8; bit++)
			c = c >> 1 ^ (c & 1 ? POLY : 0);
		table[0][b] = c;
	}
	for (unsigned int k = 1; k < STEP; k++)
		for (uint32_t b = 0; b < 256; b++)
			table[k][b] = table[k - 1][b] >> 8 ^
				      table[0][table[k - 1][b] & 0xff];
}

static uint32_t add(uint32_t crc, const uint8_t *p, size_t len_bytes)
{
	for (; len_bytes >= STEP; p += STEP, len_bytes -= STEP) {
		uint64_t v = le64_get(p) ^ crc;

		crc = 0;
		for (unsigned int i = 0; i < STEP; i++)
			crc ^= table[STEP - 1 - i][v >> (8 * i) & 0xff];
	}
	for (; len_bytes; p++, len_bytes--)
		crc = crc >> 8 ^ table[0][(crc ^ *p) & 0xff];
	return crc;
}

uint32_t ether_crc_fcs(const uint8_t *p, size_t len_bytes)
{
	return ~add(~0u, p, len_bytes);
}

/* The register's upper six bits, which are the lower six here, reversed. */
unsigned int ether_crc_hash(const uint8_t address[6])
{
	uint32_t crc = add(~0u, address, 6);
	unsigned int bit = 0;

	for (unsigned int i = 0; i < 6; i++)
		bit = bit << 1 | (crc >> i & 1);
	return bit;
}
