/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dev/ether_crc.h - the CRC of Ethernet: frame check sequence, multicast hash
 *
 * Source: IEEE 802.3, 3.2.9; polynomial 0x04c11db7, bits reflected.
 */
#ifndef DEV_ETHER_CRC_H
#define DEV_ETHER_CRC_H

#include <stddef.h>
#include <stdint.h>

/* Before the first use; again does nothing new. */
void ether_crc_init(void);
/* Sent after the frame as it is in memory here: lowest byte first. */
uint32_t ether_crc_fcs(const uint8_t *p, size_t len_bytes);
/* Bit of a 64-bit multicast filter for a station address. */
unsigned int ether_crc_hash(const uint8_t address[6]);

#endif /* DEV_ETHER_CRC_H */
