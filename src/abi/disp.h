/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * abi/disp.h - what the vga and the vnc worker share: picture and input
 *
 * The picture: one sealed memfd of its maximum size, written by vga, mapped
 * read-only by vnc.  Pixels are 32-bit 0x00RRGGBB in host order.  A reader
 * takes @frame before and after copying geometry and believes it only if both
 * are equal and even; every number is checked against FB_* before use.
 *
 * Input: a one-way ring, written by vnc, read by platform.
 */
#ifndef ABI_DISP_H
#define ABI_DISP_H

#include <assert.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdint.h>

#define FB_MAGIC	0x31424643u	/* "CFB1" */
#define FB_VERSION	1u
#define FB_WIDTH_MAX	2560u
#define FB_HEIGHT_MAX	1600u
#define FB_BAND_LINES	16u		/* a change is reported per band */
#define FB_BANDS	(FB_HEIGHT_MAX / FB_BAND_LINES)

struct fb {
	uint32_t magic, version;	/* supervisor */
	uint64_t size_bytes;		/* supervisor: of the memfd */
	/* All below: vga. */
	alignas(64) _Atomic uint32_t frame;	/* odd while geometry changes */
	_Atomic uint32_t width, height;		/* pixels; lines are packed, so
						   that little memory is touched */
	_Atomic uint32_t band[FB_BANDS];	/* counts changes of the band */
	_Atomic uint32_t blink_ms;		/* until the picture changes by itself,
						   from the last scan; 0: never */
	alignas(4096) uint32_t pixel[FB_HEIGHT_MAX * FB_WIDTH_MAX];
};

#define INPUT_MAGIC	0x31504e49u	/* "INP1" */
#define INPUT_VERSION	2u
#define INPUT_EVENTS	256u

enum input_kind {
	INPUT_KEY,		/* @a: set-1 scan code, 0xe0xx for extended ones,
				   0xe11d for Pause; @b: 1 down, 0 up */
	INPUT_POINTER,		/* @a: x 0..0x7fff, @b: y 0..0x7fff over the picture,
				   @c: buttons: 1 left, 2 middle, 4 right, 8 wheel
				   up, 16 wheel down; @d: picture width<<16|height */
	INPUT_KIND_COUNT
};

struct input_event {
	uint32_t kind;
	uint32_t a, b, c, d;
	uint32_t rsvd[3];
};
static_assert(sizeof(struct input_event) == 32, "layout");

/* Full: vnc drops the event.  Indices run freely; each has one writer. */
struct input_ring {
	uint32_t magic, version;		/* supervisor */
	alignas(64) _Atomic uint32_t tail;	/* vnc */
	alignas(64) _Atomic uint32_t head;	/* platform */
	_Atomic uint32_t asleep;		/* platform: 1: kick me */
	/* vnc: what the guest was told is pressed, for vnc's successor to let go
	   of.  Set before the event that presses, cleared after the one that
	   lets go. */
	alignas(64) _Atomic uint32_t keys_down[8];	/* bit per scan code;
						   extended ones from 0x80 */
	_Atomic uint32_t buttons, x, y, size;	/* @c, @a, @b, @d of the last
						   INPUT_POINTER */
	_Atomic uint32_t caps;			/* caps lock, as far as known */
	alignas(64) struct input_event event[INPUT_EVENTS];
};

#endif /* ABI_DISP_H */
