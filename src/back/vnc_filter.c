/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * back/vnc_filter.c - which bytes of a client reach libvncserver
 *
 * Runs in vnc.  RFC 6143, sections 7.1 and 7.5; SetDesktopSize from the
 * community's list of extensions, since viewers send it unasked when their
 * window changes.
 */
#include "back/vnc_filter.h"

#include <stdbool.h>

enum message {
	SET_PIXEL_FORMAT = 0, SET_ENCODINGS = 2, UPDATE_REQUEST = 3, KEY = 4,
	POINTER = 5, CUT_TEXT = 6, SET_DESKTOP_SIZE = 251,
};

static uint32_t be16(const uint8_t *p)
{
	return (uint32_t)p[0] << 8 | p[1];
}

static uint32_t be32(const uint8_t *p)
{
	return be16(p) << 16 | be16(p + 2);
}

static bool colour_fits(uint32_t max, uint32_t shift, uint32_t bits)
{
	return max && shift < bits && (uint64_t)max << shift < UINT64_C(1) << bits;
}

/* What the translation tables are computed from. */
static bool format_is_sane(const uint8_t *f)
{
	uint32_t bits = f[0];

	return (bits == 8 || bits == 16 || bits == 32) && f[1] && f[1] <= bits &&
		f[3] && colour_fits(be16(f + 4), f[10], bits) &&
		colour_fits(be16(f + 6), f[11], bits) &&
		colour_fits(be16(f + 8), f[12], bits);
}

static enum vnc_verdict whole(size_t len, size_t need, size_t *size)
{
	*size = need;
	return len < need ? VNC_WAIT : VNC_PASS;
}

static enum vnc_verdict skip_cut_text(const uint8_t *msg, size_t len, size_t *size)
{
	uint32_t text;

	if (len < 8)
		return whole(len, 8, size);
	text = be32(msg + 4);
	if (text >> 31)		/* the extended form has a negative length */
		text = 0 - text;
	if (text > VNC_CUT_BYTES_MAX)
		return VNC_REFUSE;
	*size = 8 + text;
	return VNC_SKIP;
}

static enum vnc_verdict check_encodings(const uint8_t *msg, size_t len, size_t *size)
{
	uint32_t count;

	if (len < 4)
		return whole(len, 4, size);
	count = be16(msg + 2);
	if (count > VNC_ENCODINGS_MAX)
		return VNC_REFUSE;
	return whole(len, 4 + 4 * (size_t)count, size);
}

static enum vnc_verdict check_normal(const uint8_t *msg, size_t len, size_t *size)
{
	enum vnc_verdict v;

	switch (msg[0]) {
	case SET_PIXEL_FORMAT:
		v = whole(len, 20, size);
		return v == VNC_PASS && !format_is_sane(msg + 4) ? VNC_REFUSE : v;
	case SET_ENCODINGS:
		return check_encodings(msg, len, size);
	case UPDATE_REQUEST:
		return whole(len, 10, size);
	case KEY:
		return whole(len, 8, size);
	case POINTER:
		return whole(len, 6, size);
	case CUT_TEXT:
		return skip_cut_text(msg, len, size);
	case SET_DESKTOP_SIZE:
		if (len < 8)
			return whole(len, 8, size);
		*size = 8 + 16 * (size_t)msg[6];
		return VNC_SKIP;
	default:
		return VNC_REFUSE;
	}
}

enum vnc_verdict vnc_filter(enum vnc_phase phase, const uint8_t *msg, size_t len,
			    size_t *size)
{
	switch (phase) {
	case VNC_VERSION:
		return whole(len, 12, size);
	case VNC_AUTH:
		return whole(len, 16, size);
	case VNC_SECURITY: case VNC_INIT:
		return whole(len, 1, size);
	case VNC_NORMAL:
		break;
	}
	return check_normal(msg, len, size);
}
