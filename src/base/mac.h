/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * base/mac.h - Ethernet addresses as text
 */
#ifndef BASE_MAC_H
#define BASE_MAC_H

#include <stdbool.h>
#include <stdint.h>

#define MAC_BYTES	6u

static inline int mac_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' :
	       c >= 'a' && c <= 'f' ? c - 'a' + 10 :
	       c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* "00:16:3e:01:02:03"; false: it is not one, or a group's address, or zero:
   drivers refuse a card with those. */
static inline bool mac_parse(const char *text, uint8_t mac[MAC_BYTES])
{
	unsigned int bits = 0;

	for (unsigned int i = 0; i < MAC_BYTES; i++, text += 3) {
		int high = mac_digit(text[0]);
		int low = high < 0 ? -1 : mac_digit(text[1]);

		if (low < 0 || text[2] != (i + 1 < MAC_BYTES ? ':' : '\0'))
			return false;
		mac[i] = (uint8_t)(high << 4 | low);
		bits |= mac[i];
	}
	return bits && !(mac[0] & 1);
}

#endif /* BASE_MAC_H */
