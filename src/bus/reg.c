/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bus/reg.c - the register-table engine
 *
 * Runs in workers, on every access.  Pure: touches the device struct and calls
 * its hooks.
 */
#include "bus/reg.h"

#include "base/le.h"

static uint32_t load(const void *dev, const struct reg *r)
{
	if (r->field == REG_NO_FIELD)
		return 0;
	return (uint32_t)le_get((const uint8_t *)dev + r->field, r->size);
}

static void store(void *dev, const struct reg *r, uint32_t v)
{
	if (r->field != REG_NO_FIELD)
		le_put((uint8_t *)dev + r->field, r->size, v);
}

/* Mask of bytes [from, to) of a register. */
static uint32_t lanes(uint32_t from, uint32_t to)
{
	return (uint32_t)(le_mask(to) & ~le_mask(from));
}

/* The first row that ends behind @off; tables of big devices are long. */
static unsigned int first_row(const struct reg_file *f, uint32_t off)
{
	unsigned int lo = 0, hi = f->count;

	while (lo < hi) {
		unsigned int mid = (lo + hi) / 2;

		if ((uint32_t)f->reg[mid].off + f->reg[mid].size > off)
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo;
}

/* Of the access in progress; devices are single-threaded. */
static uint32_t lanes_now;

uint32_t reg_lanes(void)
{
	return lanes_now;
}

void reg_reset(const struct reg_file *f, void *dev)
{
	for (unsigned int i = 0; i < f->count; i++)
		store(dev, &f->reg[i], f->reg[i].reset);
}

uint32_t reg_read(const struct reg_file *f, void *dev,
		  uint32_t off, unsigned int size)
{
	uint64_t val = f->open_bus & le_mask(size);
	uint32_t end = off + size;

	for (unsigned int i = first_row(f, off); i < f->count; i++) {
		const struct reg *r = &f->reg[i];
		uint32_t lo = off > r->off ? off : r->off;
		uint32_t hi = end < r->off + r->size ? end : r->off + r->size;
		uint64_t v, m;

		if (r->off >= end)
			break;
		if (lo >= hi)
			continue;
		m = lanes(lo - r->off, hi - r->off);
		lanes_now = (uint32_t)m;
		v = r->read ? r->read(dev, r) : load(dev, r);
		v = ((v & m) >> (8 * (lo - r->off))) << (8 * (lo - off));
		m = (m >> (8 * (lo - r->off))) << (8 * (lo - off));
		val = (val & ~m) | v;
	}
	return (uint32_t)val;
}

void reg_write(const struct reg_file *f, void *dev,
	       uint32_t off, unsigned int size, uint32_t val)
{
	uint32_t end = off + size;

	for (unsigned int i = first_row(f, off); i < f->count; i++) {
		const struct reg *r = &f->reg[i];
		uint32_t lo = off > r->off ? off : r->off;
		uint32_t hi = end < r->off + r->size ? end : r->off + r->size;
		uint32_t old, new, v, m;

		if (r->off >= end)
			break;
		if (lo >= hi)
			continue;
		m = lanes(lo - r->off, hi - r->off);
		v = (uint32_t)(((uint64_t)val >> (8 * (lo - off)))
			       << (8 * (lo - r->off)));
		old = load(dev, r);
		new = (old & ~(r->rw & m)) | (v & r->rw & m);
		new &= ~(v & r->w1c & m);
		store(dev, r, new);
		lanes_now = m;
		if (r->write)
			r->write(dev, r, (v & m) | (old & ~m), old);
	}
}

bool reg_peek(const struct reg *r, const void *dev, uint32_t *val)
{
	if (r->shadow)
		return r->shadow(dev, r, val);
	*val = load(dev, r);
	return true;
}

const char *reg_check(const struct reg_file *f)
{
	uint32_t end = 0;

	for (unsigned int i = 0; i < f->count; i++) {
		const struct reg *r = &f->reg[i];

		if (r->size != 1 && r->size != 2 && r->size != 4)
			return "size is not 1, 2 or 4";
		if (r->off < end)
			return "rows are not sorted or overlap";
		if (r->rw & r->w1c)
			return "rw and w1c overlap";
		if ((r->rw | r->w1c | r->reset) & ~(uint32_t)le_mask(r->size))
			return "mask or reset wider than the register";
		if (r->field == REG_NO_FIELD && (r->rw || r->w1c || r->reset))
			return "mask or reset without a field";
		if ((r->flags & REG_NOTIFY) && !(r->flags & REG_SHADOW))
			return "NOTIFY without SHADOW";
		if ((r->flags & REG_NOTIFY) && !r->read)
			return "NOTIFY without a read hook";
		if ((r->flags & REG_SHADOW) && r->read && !r->shadow)
			return "SHADOW with a read hook needs a shadow hook";
		if ((r->flags & REG_LAZY) && !(r->flags & REG_INERT))
			return "LAZY without INERT";
		if ((r->flags & REG_INERT) && !(r->flags & REG_POSTED))
			return "INERT without POSTED";
		if ((r->flags & REG_QUIET) && !r->shadow)
			return "QUIET without a shadow hook";
		if ((r->flags & REG_QUIET) && (r->flags & REG_SHADOW))
			return "QUIET with SHADOW";
		if ((r->flags & REG_ZEROS) && (!r->shadow || r->size != 4 ||
				r->flags != REG_ZEROS ||
				r->off % (4 * REG_ZEROS_WORDS)))
			return "ZEROS with something else, without a hook or out of place";
		if (r->xor && !(r->flags & REG_SHADOW))
			return "xor without SHADOW";
		end = r->off + r->size;
	}
	return NULL;
}
