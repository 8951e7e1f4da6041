/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * back/keysym.h - X keysyms to the keys of a US keyboard
 *
 * A VNC client says which symbol was typed on its own keyboard; the guest
 * wants to know which key.  Symbols that no key of a US keyboard makes are not
 * found.
 */
#ifndef BACK_KEYSYM_H
#define BACK_KEYSYM_H

#include <stdbool.h>
#include <stdint.h>

enum keysym_level {
	KEYSYM_ANY,		/* the same with and without shift */
	KEYSYM_PLAIN,		/* only without shift */
	KEYSYM_SHIFTED,		/* only with shift */
	KEYSYM_LOWER,		/* a letter: caps lock matters too */
	KEYSYM_UPPER,
};

#define SCAN_SHIFT_L	0x2au
#define SCAN_SHIFT_R	0x36u
#define SCAN_CAPS_LOCK	0x3au

struct keysym_key {
	uint16_t scan;		/* set 1, as in abi/disp.h */
	uint8_t level;		/* enum keysym_level */
};

bool keysym_find(uint32_t keysym, struct keysym_key *key);

#endif /* BACK_KEYSYM_H */
