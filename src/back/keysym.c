/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * back/keysym.c - X keysyms to the keys of a US keyboard
 *
 * Runs in vnc.  Tables.  Numbers of keysyms: X11's keysymdef.h; scan codes:
 * set 1.
 */
#include "back/keysym.h"

#include <stddef.h>
#include <string.h>

/* The printable rows: keys have ascending scan codes from @first. */
static const struct {
	uint8_t first;
	const char *plain, *shifted;
} rows[] = {
	{ 0x02, "1234567890-=",  "!@#$%^&*()_+" },
	{ 0x10, "qwertyuiop[]",  "QWERTYUIOP{}" },
	{ 0x1e, "asdfghjkl;'`",  "ASDFGHJKL:\"~" },
	{ 0x2b, "\\zxcvbnm,./",  "|ZXCVBNM<>?" },
};

static const struct named {
	uint16_t keysym, scan;
} named[] = {
	{ 0x0020, 0x39 },	/* space */
	{ 0xfe03, 0xe038 },	/* ISO_Level3_Shift: AltGr */
	{ 0xfe20, 0x0f },	/* ISO_Left_Tab: Tab with shift */
	{ 0xff08, 0x0e },	/* BackSpace */
	{ 0xff09, 0x0f },	/* Tab */
	{ 0xff0a, 0x1c },	/* Linefeed */
	{ 0xff0d, 0x1c },	/* Return */
	{ 0xff13, 0xe11d },	/* Pause */
	{ 0xff14, 0x46 },	/* Scroll_Lock */
	{ 0xff15, 0x54 },	/* Sys_Req */
	{ 0xff1b, 0x01 },	/* Escape */
	{ 0xff50, 0xe047 },	/* Home */
	{ 0xff51, 0xe04b },	/* Left */
	{ 0xff52, 0xe048 },	/* Up */
	{ 0xff53, 0xe04d },	/* Right */
	{ 0xff54, 0xe050 },	/* Down */
	{ 0xff55, 0xe049 },	/* Page_Up */
	{ 0xff56, 0xe051 },	/* Page_Down */
	{ 0xff57, 0xe04f },	/* End */
	{ 0xff61, 0xe037 },	/* Print */
	{ 0xff63, 0xe052 },	/* Insert */
	{ 0xff67, 0xe05d },	/* Menu */
	{ 0xff6b, 0xe046 },	/* Break */
	{ 0xff7e, 0xe038 },	/* Mode_switch: AltGr */
	{ 0xff7f, 0x45 },	/* Num_Lock */
	{ 0xff8d, 0xe01c },	/* KP_Enter */
	{ 0xff95, 0x47 },	/* KP_Home */
	{ 0xff96, 0x4b },	/* KP_Left */
	{ 0xff97, 0x48 },	/* KP_Up */
	{ 0xff98, 0x4d },	/* KP_Right */
	{ 0xff99, 0x50 },	/* KP_Down */
	{ 0xff9a, 0x49 },	/* KP_Page_Up */
	{ 0xff9b, 0x51 },	/* KP_Page_Down */
	{ 0xff9c, 0x4f },	/* KP_End */
	{ 0xff9d, 0x4c },	/* KP_Begin */
	{ 0xff9e, 0x52 },	/* KP_Insert */
	{ 0xff9f, 0x53 },	/* KP_Delete */
	{ 0xffaa, 0x37 },	/* KP_Multiply */
	{ 0xffab, 0x4e },	/* KP_Add */
	{ 0xffac, 0x53 },	/* KP_Separator */
	{ 0xffad, 0x4a },	/* KP_Subtract */
	{ 0xffae, 0x53 },	/* KP_Decimal */
	{ 0xffaf, 0xe035 },	/* KP_Divide */
	{ 0xffb0, 0x52 },	/* KP_0 */
	{ 0xffb1, 0x4f },
	{ 0xffb2, 0x50 },
	{ 0xffb3, 0x51 },
	{ 0xffb4, 0x4b },
	{ 0xffb5, 0x4c },
	{ 0xffb6, 0x4d },
	{ 0xffb7, 0x47 },
	{ 0xffb8, 0x48 },
	{ 0xffb9, 0x49 },	/* KP_9 */
	{ 0xffbe, 0x3b },	/* F1 */
	{ 0xffbf, 0x3c },
	{ 0xffc0, 0x3d },
	{ 0xffc1, 0x3e },
	{ 0xffc2, 0x3f },
	{ 0xffc3, 0x40 },
	{ 0xffc4, 0x41 },
	{ 0xffc5, 0x42 },
	{ 0xffc6, 0x43 },
	{ 0xffc7, 0x44 },	/* F10 */
	{ 0xffc8, 0x57 },
	{ 0xffc9, 0x58 },	/* F12 */
	{ 0xffe1, SCAN_SHIFT_L },
	{ 0xffe2, SCAN_SHIFT_R },
	{ 0xffe3, 0x1d },	/* Control_L */
	{ 0xffe4, 0xe01d },	/* Control_R */
	{ 0xffe5, SCAN_CAPS_LOCK },
	{ 0xffe7, 0xe05b },	/* Meta_L: a Mac's viewer */
	{ 0xffe8, 0xe05c },	/* Meta_R */
	{ 0xffe9, 0x38 },	/* Alt_L */
	{ 0xffea, 0xe038 },	/* Alt_R */
	{ 0xffeb, 0xe05b },	/* Super_L */
	{ 0xffec, 0xe05c },	/* Super_R */
	{ 0xffff, 0xe053 },	/* Delete */
};

/* Dead accents stand on keys too; US keys have the spacing accent. */
static const struct {
	uint16_t keysym;
	char as;
} dead[] = {
	{ 0xfe50, '`' }, { 0xfe51, '\'' }, { 0xfe52, '^' }, { 0xfe53, '~' },
	{ 0xfe57, '"' },
};

static bool find_printable(char c, struct keysym_key *key)
{
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *p = strchr(rows[i].plain, c);
		const char *s = strchr(rows[i].shifted, c);

		if (!p && !s)
			continue;
		key->scan = (uint16_t)(rows[i].first +
			(p ? p - rows[i].plain : s - rows[i].shifted));
		if (c >= 'a' && c <= 'z')
			key->level = KEYSYM_LOWER;
		else if (c >= 'A' && c <= 'Z')
			key->level = KEYSYM_UPPER;
		else
			key->level = p ? KEYSYM_PLAIN : KEYSYM_SHIFTED;
		return true;
	}
	return false;
}

bool keysym_find(uint32_t keysym, struct keysym_key *key)
{
	if (keysym > 0x01000000 && keysym < 0x01000080)
		keysym -= 0x01000000;	/* Unicode, written the long way */
	for (unsigned int i = 0; i < sizeof(dead) / sizeof(dead[0]); i++)
		if (dead[i].keysym == keysym)
			keysym = (uint8_t)dead[i].as;
	for (unsigned int i = 0; i < sizeof(named) / sizeof(named[0]); i++)
		if (named[i].keysym == keysym) {
			*key = (struct keysym_key){ named[i].scan, KEYSYM_ANY };
			return true;
		}
	return keysym > 0x20 && keysym < 0x7f &&
		find_printable((char)keysym, key);
}
