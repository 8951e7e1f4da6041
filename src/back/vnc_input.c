/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * back/vnc_input.c - what clients type and point at, into the input ring
 *
 * Runs in vnc; the producer of struct input_ring.  The ring is full only when
 * its reader is not there: then events are dropped.
 *
 * Shift.  A symbol that needs shift on a US keyboard may come without it (a
 * program that types, another layout), and the other way round.  Then shift
 * is pressed or let go around the key.  Of caps lock we know only what went
 * through us.
 */
#include "back/vnc_input.h"

#include <stdatomic.h>
#include <unistd.h>

#include "back/keysym.h"

static struct {
	struct input_ring *ring;
	int kick_fd;
	uint32_t tail;		/* ours; the shared copy is for the reader */
	bool shift_l, shift_r, caps;	/* what the guest has seen */
} me;

/* False: dropped. */
static bool put(const struct input_event *e)
{
	uint32_t used = me.tail - atomic_load_explicit(&me.ring->head,
						       memory_order_acquire);
	uint64_t one = 1;

	if (used >= INPUT_EVENTS)
		return false;
	me.ring->event[me.tail % INPUT_EVENTS] = *e;
	atomic_store_explicit(&me.ring->tail, ++me.tail, memory_order_release);
	atomic_thread_fence(memory_order_seq_cst); /* then look at asleep */
	if (atomic_load_explicit(&me.ring->asleep, memory_order_relaxed) &&
	    write(me.kick_fd, &one, sizeof(one)) < 0)
		return true;	/* full: the reader was told often enough */
	return true;
}

/* 0x00-0x7f, extended 0x80-0xff; Pause shares the place of nothing real. */
static unsigned int key_number(uint32_t scan)
{
	if (scan == 0xe11d)
		return 0xff;
	return (scan & 0x7f) | (scan > 0xff ? 0x80 : 0);
}

static uint32_t key_scan(unsigned int number)
{
	if (number == 0xff)
		return 0xe11d;
	return number & 0x80 ? 0xe000 | (number & 0x7f) : number;
}

/* One writer: no need for a locked instruction. */
static void note_down(unsigned int n, bool down)
{
	_Atomic uint32_t *word = &me.ring->keys_down[n / 32];
	uint32_t bit = 1u << n % 32;
	uint32_t now = atomic_load_explicit(word, memory_order_relaxed);

	atomic_store_explicit(word, down ? now | bit : now & ~bit,
			      memory_order_release);
}

static void put_key(uint32_t scan, bool down)
{
	if (down)
		note_down(key_number(scan), true);
	if (put(&(struct input_event){ .kind = INPUT_KEY, .a = scan, .b = down }) &&
	    !down)
		note_down(key_number(scan), false);
}

static void put_pointer(uint32_t x, uint32_t y, uint32_t buttons, uint32_t size)
{
	struct input_ring *r = me.ring;

	atomic_store_explicit(&r->x, x, memory_order_relaxed);
	atomic_store_explicit(&r->y, y, memory_order_relaxed);
	atomic_store_explicit(&r->size, size, memory_order_relaxed);
	if (buttons)
		atomic_store_explicit(&r->buttons, buttons, memory_order_release);
	if (put(&(struct input_event){ .kind = INPUT_POINTER, .a = x, .b = y,
				       .c = buttons, .d = size }) && !buttons)
		atomic_store_explicit(&r->buttons, 0, memory_order_release);
}

/* Shift as the client holds it, or the other way. */
static void put_shift(bool as_held)
{
	if (me.shift_l)
		put_key(SCAN_SHIFT_L, as_held);
	if (me.shift_r)
		put_key(SCAN_SHIFT_R, as_held);
	if (!me.shift_l && !me.shift_r)
		put_key(SCAN_SHIFT_L, !as_held);
}

/* Does the key make its symbol only if shift changes? */
static bool needs_other_shift(const struct keysym_key *key)
{
	bool shift = me.shift_l || me.shift_r;

	switch ((enum keysym_level)key->level) {
	case KEYSYM_PLAIN:
		return shift;
	case KEYSYM_SHIFTED:
		return !shift;
	case KEYSYM_UPPER:
		return !shift && !me.caps;
	case KEYSYM_ANY: case KEYSYM_LOWER:
		break;
	}
	return false;
}

static void note_modifier(uint32_t scan, bool down)
{
	if (scan == SCAN_SHIFT_L)
		me.shift_l = down;
	else if (scan == SCAN_SHIFT_R)
		me.shift_r = down;
	else if (scan == SCAN_CAPS_LOCK && down)
		me.caps = !me.caps;
	atomic_store_explicit(&me.ring->caps, me.caps, memory_order_relaxed);
}

static void let_go(void)
{
	struct input_ring *r = me.ring;

	for (unsigned int n = 0; n < 256; n++)
		if (atomic_load_explicit(&r->keys_down[n / 32],
					 memory_order_acquire) & 1u << n % 32)
			put_key(key_scan(n), false);
	if (atomic_load_explicit(&r->buttons, memory_order_acquire))
		put_pointer(r->x, r->y, 0, r->size);
}

void vnc_input_open(struct input_ring *ring, int kick_fd)
{
	me.ring = ring;
	me.kick_fd = kick_fd;
	me.tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
	me.caps = atomic_load_explicit(&ring->caps, memory_order_relaxed) & 1;
	me.shift_l = me.shift_r = false;
	let_go();
}

void vnc_input_key(struct vnc_keys *keys, uint32_t keysym, bool down)
{
	struct keysym_key key;
	unsigned int n;
	bool held, other;

	if (!keysym_find(keysym, &key))
		return;
	n = key_number(key.scan);
	held = keys->down[n / 32] & 1u << n % 32;
	if (!down && !held)
		return;
	if (down)
		keys->down[n / 32] |= 1u << n % 32;
	else
		keys->down[n / 32] &= ~(1u << n % 32);
	other = down && needs_other_shift(&key);
	if (other)
		put_shift(false);
	put_key(key.scan, down);
	if (other)
		put_shift(true);
	if (!held || !down)
		note_modifier(key.scan, down);
}

void vnc_input_release(struct vnc_keys *keys)
{
	for (unsigned int n = 0; n < 256; n++)
		if (keys->down[n / 32] & 1u << n % 32) {
			put_key(key_scan(n), false);
			note_modifier(key_scan(n), false);
		}
	*keys = (struct vnc_keys){ 0 };
}

static uint32_t scale(uint32_t at, uint32_t size)
{
	if (size < 2)
		return 0;
	if (at >= size)
		at = size - 1;
	return at * 0x7fff / (size - 1);
}

void vnc_input_pointer(uint32_t x, uint32_t y, uint32_t buttons,
		       uint32_t width, uint32_t height)
{
	put_pointer(scale(x, width), scale(y, height), buttons & 31,
		    width << 16 | height);
}
