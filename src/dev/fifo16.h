/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dev/fifo16.h - a queue of up to 16 bytes, as serial ports and PS/2 have
 *
 * Part of committed register state, so it may come back from a memfd: indices
 * are reduced on every use.
 */
#ifndef DEV_FIFO16_H
#define DEV_FIFO16_H

#include <stdint.h>

#define FIFO16_SIZE	16u

struct fifo16 {
	uint8_t head;		/* next byte out */
	uint8_t count;
	uint8_t data[FIFO16_SIZE];
};

static inline unsigned int fifo16_count(const struct fifo16 *f)
{
	return f->count > FIFO16_SIZE ? FIFO16_SIZE : f->count;
}

static inline unsigned int fifo16_room(const struct fifo16 *f)
{
	return FIFO16_SIZE - fifo16_count(f);
}

/* The byte @n places from the front; 0 beyond the end. */
static inline uint8_t fifo16_peek(const struct fifo16 *f, unsigned int n)
{
	return n < fifo16_count(f) ? f->data[(f->head + n) % FIFO16_SIZE] : 0;
}

/* Dropped if there is no room. */
static inline void fifo16_push(struct fifo16 *f, uint8_t v)
{
	if (!fifo16_room(f))
		return;
	f->data[(f->head + f->count) % FIFO16_SIZE] = v;
	f->count++;
}

/* 0 if empty. */
static inline uint8_t fifo16_pop(struct fifo16 *f)
{
	uint8_t v = fifo16_peek(f, 0);
	unsigned int count = fifo16_count(f);

	if (!count)
		return 0;
	f->head = (uint8_t)((f->head + 1u) % FIFO16_SIZE);
	f->count = (uint8_t)(count - 1);
	return v;
}

static inline void fifo16_clear(struct fifo16 *f)
{
	f->head = f->count = 0;
}

#endif /* DEV_FIFO16_H */
