/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bus/bus.c - from a request to a device and back
 *
 * Runs in workers.  Checks every access against where its window is now,
 * splits it into register-sized items, and publishes what changed.  Knows no
 * device and makes no system call.
 */
#include "bus/bus.h"

#include <stdatomic.h>
#include <string.h>

#include "base/bug.h"
#include "base/le.h"
#include "base/log.h"
#include "bus/commit.h"
#include "bus/reg.h"
#include "bus/restore.h"
#include "bus/timer.h"

#define NO_ROW	0xffu

static_assert(BUS_DEVS <= 32 && CHAN_WINS <= 64, "bits of dirty and of wins");

/* ---- building ---- */

void bus_init(struct bus *b, const struct bus_host *host, struct chan *chan,
	      struct state *state)
{
	memset(b, 0, sizeof(*b));
	b->host = host;
	b->chan = chan;
	b->state = state;
	b->wake_ns = INT64_MAX;
}

bus_dev_id bus_add_dev(struct bus *b, const char *name, void *dev,
		       const struct bus_dev_ops *ops,
		       void *regs, uint32_t regs_bytes)
{
	bus_dev_id id = b->dev_count++;

	bug_on(b->closed || id >= BUS_DEVS);
	bug_on(regs_bytes > STATE_REGS_BYTES - b->regs_used);
	/* A successor finds its registers by name. */
	bug_on(strlen(name) >= sizeof(b->state->half[0].dev[0].name));
	for (bus_dev_id i = 0; i < id; i++)
		bug_on(strcmp(b->dev[i].name, name) == 0);
	b->dev[id].name = name;
	b->dev[id].dev = dev;
	b->dev[id].ops = ops;
	b->dev[id].regs = regs;
	b->dev[id].regs_bytes = regs_bytes;
	b->dev[id].regs_at = b->regs_used;
	/* The next one is aligned; nothing is copied beyond this one's end. */
	b->regs_used += (regs_bytes + 7u) & ~7u;
	return id;
}

void *bus_add_buf(struct bus *b, uint32_t bytes)
{
	uint32_t at = (b->bufs_used + 63u) & ~63u;

	bug_on(b->closed || bytes > STATE_BUFS_BYTES ||
	       at > STATE_BUFS_BYTES - bytes);
	b->bufs_used = at + bytes;
	return b->state->bufs + at;
}

static void add_rows(struct bus *b, unsigned int win)
{
	struct bus_win *w = &b->win[win];

	w->row_first = (uint16_t)b->row_count;
	for (unsigned int i = 0; i < w->regs->count; i++) {
		const struct reg *r = &w->regs->reg[i];

		bug_on(i >= NO_ROW);
		for (unsigned int k = 0; k < r->size && r->off + k < 256; k++)
			w->row_at[r->off + k] = (uint8_t)i;
		if (!(r->flags & (REG_SHADOW | REG_POSTED | REG_QUIET | REG_ZEROS)))
			continue;
		bug_on(b->row_count >= CHAN_ROWS);
		b->row[b->row_count].regs = w->regs;
		b->row[b->row_count].reg = (uint8_t)i;
		b->row[b->row_count].win = (uint8_t)win;
		b->row_count++;
	}
	w->row_count = (uint16_t)(b->row_count - w->row_first);
}

unsigned int bus_add_win(struct bus *b, bus_dev_id id, const char *name,
			 enum chan_space space, uint32_t len,
			 const struct reg_file *regs,
			 const struct bus_win_ops *ops)
{
	unsigned int win = b->win_count++;
	struct bus_win *w;

	bug_on(b->closed || win >= CHAN_WINS || id >= b->dev_count || !len);
	w = &b->win[win];
	w->name = name;
	w->dev = b->dev[id].dev;
	w->id = id;
	b->dev[id].wins |= UINT64_C(1) << win;
	w->space = (uint8_t)space;
	w->len = len;
	w->regs = regs;
	w->ops = ops;
	memset(w->row_at, NO_ROW, sizeof(w->row_at));
	if (regs)
		add_rows(b, win);
	return win;
}

/* ---- verbs ---- */

void bus_say(struct bus *b, enum ans_kind kind, uint64_t addr, uint64_t data)
{
	b->host->say(b->host->ctx, &(struct io_msg){
		.kind = (uint8_t)kind, .addr = addr, .data = data,
		.win = IO_NO_WIN });
}

static void say_win(struct bus *b, enum ans_kind kind, unsigned int win,
		    uint64_t addr)
{
	b->host->say(b->host->ctx, &(struct io_msg){
		.kind = (uint8_t)kind, .addr = addr, .win = (uint16_t)win });
}

void bus_map(struct bus *b, unsigned int win, uint64_t base)
{
	struct bus_win *w = &b->win[win];

	bug_on(win >= b->win_count);
	if (w->mapped && w->base == base)
		return;
	if (w->mapped)
		bus_unmap(b, win);
	w->mapped = true;
	w->base = base;
	if (b->closed)
		say_win(b, ANS_MAP, win, base);
}

void bus_unmap(struct bus *b, unsigned int win)
{
	struct bus_win *w = &b->win[win];

	bug_on(win >= b->win_count);
	if (!w->mapped)
		return;
	w->mapped = false;
	if (b->closed)
		say_win(b, ANS_UNMAP, win, 0);
}

void bus_link_route(struct bus *b, unsigned int link, unsigned int isa_line)
{
	bus_say(b, ANS_LINK_ROUTE, link, isa_line);
}

void bus_unplug(struct bus *b, uint32_t mask)
{
	bus_say(b, ANS_UNPLUG, 0, mask);
}

void bus_rom_lock(struct bus *b, bool locked)
{
	bus_say(b, ANS_ROM_LOCK, 0, locked);
}

void bus_shutdown(struct bus *b, enum io_shutdown how)
{
	bus_say(b, ANS_SHUTDOWN, 0, how);
}

void bus_sleep(struct bus *b)
{
	bus_say(b, ANS_SLEEP, 0, 0);
}

void bus_vram_move(struct bus *b, uint64_t gfn)
{
	bus_say(b, ANS_VRAM_MOVE, gfn, 0);
}

void bus_dirty_query(struct bus *b)
{
	bus_say(b, ANS_DIRTY_QUERY, 0, 0);
}

const uint8_t *bus_dirty_bits(const struct bus *b)
{
	return b->chan->reply;
}

/* ---- accesses ---- */

void bus_touch(struct bus *b, bus_dev_id id)
{
	bug_on(id >= b->dev_count);
	b->dirty |= 1u << id;
}

/* Does a read of these bytes run a hook (which may change state)? */
static bool read_runs_hook(const struct bus_win *w, uint32_t off, unsigned int size)
{
	if (w->mirror_of)
		return false;
	if (!w->regs || w->len > sizeof(w->row_at))
		return true;
	for (unsigned int i = 0; i < size; i++) {
		uint8_t row = w->row_at[off + i];

		if (row != NO_ROW && w->regs->reg[row].read)
			return true;
	}
	return false;
}

static uint64_t read_item(struct bus *b, struct bus_win *w, uint32_t off,
			  unsigned int size)
{
	if (size == 8) {
		uint64_t lo = read_item(b, w, off, 4);

		return lo | read_item(b, w, off + 4, 4) << 32;
	}
	if (read_runs_hook(w, off, size))
		b->dirty |= 1u << w->id;
	if (w->regs && w->ops && w->ops->read_items) {
		uint32_t val = 0;

		if (w->ops->read_items(w->dev, off, size, 1, &val)) {
			b->dirty |= 1u << w->id;
			return val & le_mask(size);
		}
	}
	if (w->regs)
		return reg_read(w->regs, w->dev, off, size);
	return w->ops->read(w->dev, off, size) & le_mask(size);
}

static void write_item(struct bus *b, struct bus_win *w, uint32_t off,
		       unsigned int size, uint64_t val)
{
	if (size == 8) {
		write_item(b, w, off, 4, val & UINT32_MAX);
		write_item(b, w, off + 4, 4, val >> 32);
		return;
	}
	b->dirty |= 1u << w->id;
	val &= le_mask(size);
	if (w->regs && w->ops && w->ops->write_items &&
	    w->ops->write_items(w->dev, off, size, 1, &val))
		return;
	if (w->regs)
		reg_write(w->regs, w->dev, off, size, (uint32_t)val);
	else
		w->ops->write(w->dev, off, size, (uint32_t)val);
}

/*
 * Where item 0 is in the window and how far items are apart.  False: the
 * access does not lie in the window where it is now.
 */
static bool locate(const struct bus *b, const struct io_msg *m,
		   struct bus_win **win, uint32_t *off, int32_t *step)
{
	struct bus_win *w;
	uint64_t first, span;

	if (m->win >= b->win_count || m->count == 0)
		return false;
	if (m->size != 1 && m->size != 2 && m->size != 4 && m->size != 8)
		return false;
	if (m->count > IO_ITEM_BYTES_MAX / m->size)
		return false;
	w = (struct bus_win *)&b->win[m->win];
	if (!w->mapped)
		return false;
	first = w->space == CHAN_PCI ? m->addr : m->addr - w->base;
	span = m->size;
	*step = 0;
	if (w->space == CHAN_MMIO) {
		span = (uint64_t)m->size * m->count;
		*step = m->size;
		if (m->flags & IO_DESC) {
			*step = -*step;
			if (first < span - m->size)
				return false;
			if (first + m->size > w->len)
				return false;
			*win = w;
			*off = (uint32_t)first;
			return true;
		}
	}
	if (first >= w->len || span > w->len - first)
		return false;
	*win = w;
	*off = (uint32_t)first;
	return true;
}

static bool do_items(struct bus *b, struct bus_win *w, const struct io_msg *m,
		     uint32_t off, void *data)
{
	const struct bus_win_ops *ops = w->ops;

	if (!ops || m->count == 1 || (m->flags & IO_DESC) || m->size == 8)
		return false;
	b->dirty |= 1u << w->id;
	if (m->flags & IO_WRITE)
		return ops->write_items &&
			ops->write_items(w->dev, off, m->size, m->count, data);
	return ops->read_items &&
		ops->read_items(w->dev, off, m->size, m->count, data);
}

static void string_access(struct bus *b, struct bus_win *w,
			  const struct io_msg *m, uint32_t off, int32_t step,
			  uint8_t *data)
{
	if (do_items(b, w, m, off, data))
		return;
	for (uint32_t i = 0; i < m->count; i++) {
		uint32_t at = off + (uint32_t)((int32_t)i * step);

		if (m->flags & IO_WRITE)
			write_item(b, w, at, m->size,
				   le_get(data + i * m->size, m->size));
		else
			le_put(data + i * m->size, m->size,
			       read_item(b, w, at, m->size));
		if (b->deferred)
			break;
	}
}

uint64_t bus_access(struct bus *b, const struct io_msg *m, void *data)
{
	struct bus_win *w;
	uint32_t off;
	int32_t step;

	if (!locate(b, m, &w, &off, &step)) {
		uint64_t bytes = (uint64_t)m->size * m->count;

		if (data && !(m->flags & IO_WRITE))
			memset(data, 0xff, bytes < IO_ITEM_BYTES_MAX ?
			       bytes : IO_ITEM_BYTES_MAX);
		return UINT64_MAX;
	}
	if (data) {
		string_access(b, w, m, off, step, data);
		return 0;
	}
	if (!(m->flags & IO_WRITE))
		return read_item(b, w, off, m->size);
	for (uint32_t i = 0; i < m->count && !b->deferred; i++)
		write_item(b, w, off + (uint32_t)((int32_t)i * step), m->size,
			   m->data);
	return 0;
}

void bus_batch_write(struct bus *b, const struct io_write *e)
{
	if (e->size != 1 && e->size != 2 && e->size != 4)
		return;
	for (unsigned int i = 0; i < b->win_count; i++) {
		struct bus_win *w = &b->win[i];
		uint64_t off = e->addr - w->base;

		if (w->space != CHAN_MMIO || !w->mapped || off >= w->len ||
		    e->size > w->len - off)
			continue;
		write_item(b, w, (uint32_t)off, e->size, e->data);
		return;
	}
}

void bus_read_note(struct bus *b, const struct io_msg *m)
{
	struct bus_win *w;
	uint32_t off;
	int32_t step;

	if (locate(b, m, &w, &off, &step))
		(void)read_item(b, w, off, m->size);
}

/* ---- deferring ---- */

void bus_defer(struct bus *b)
{
	b->deferred = true;
}

bool bus_is_deferred(const struct bus *b)
{
	return b->deferred;
}

void bus_resume(struct bus *b, uint64_t value)
{
	if (!b->deferred)
		return;
	b->deferred = false;
	b->resumed = true;
	b->resume_value = value;
}

/* ---- calls that are not accesses ---- */

void bus_call_unplug(struct bus *b, uint32_t mask)
{
	for (unsigned int i = 0; i < b->dev_count; i++)
		if (b->dev[i].ops && b->dev[i].ops->unplug) {
			b->dirty |= 1u << i;
			b->dev[i].ops->unplug(b->dev[i].dev, mask);
		}
}

void bus_call_reply(struct bus *b, uint64_t data)
{
	for (unsigned int i = 0; i < b->dev_count; i++)
		if (b->dev[i].ops && b->dev[i].ops->reply) {
			b->dirty |= 1u << i;
			b->dev[i].ops->reply(b->dev[i].dev, data);
		}
}

void bus_call_pause(struct bus *b, bool stable)
{
	for (unsigned int i = 0; i < b->dev_count; i++)
		if (b->dev[i].ops && b->dev[i].ops->pause) {
			b->dirty |= 1u << i;
			b->dev[i].ops->pause(b->dev[i].dev, stable);
		}
}

/* ---- turns ---- */

void bus_ask_turn(struct bus *b, bus_dev_id id)
{
	bug_on(id >= b->dev_count || !b->dev[id].ops || !b->dev[id].ops->turn);
	b->turns |= 1u << id;
}

void bus_run_turns(struct bus *b)
{
	uint32_t turns = b->turns;

	b->turns = 0;
	for (unsigned int i = 0; turns; i++, turns >>= 1)
		if (turns & 1)
			b->dev[i].ops->turn(b->dev[i].dev);
}

/* ---- publishing ---- */

static void call_committed(struct bus *b)
{
	for (uint32_t left = b->dirty; left; left &= left - 1) {
		unsigned int i = (unsigned int)__builtin_ctz(left);

		if (b->dev[i].ops && b->dev[i].ops->committed)
			b->dev[i].ops->committed(b->dev[i].dev);
	}
}

static void publish_row(struct bus *b, unsigned int row)
{
	const struct reg *r = &b->row[row].regs->reg[b->row[row].reg];
	const struct bus_win *w = &b->win[b->row[row].win];
	uint32_t val = 0;
	uint64_t word;

	if (!(r->flags & (REG_SHADOW | REG_QUIET | REG_ZEROS)))
		return;
	word = reg_peek(r, w->dev, &val) ?
		CHAN_SHADOW_VALID | (val & le_mask(r->size)) : 0;
	if (word != atomic_load_explicit(&b->chan->shadow[row],
					 memory_order_relaxed))
		atomic_store_explicit(&b->chan->shadow[row], word,
				      memory_order_release);
}

static void publish_win(struct bus *b, const struct bus_win *w)
{
	for (unsigned int i = 0; i < w->row_count; i++)
		publish_row(b, w->row_first + i);
	if (w->mirror_of)
		memcpy(b->chan->mirror + w->mirror, w->mirror_of, w->len);
}

/* Shadow words and mirrors: for each request, so only who had a part in it is
   looked at. */
static void publish_devs(struct bus *b)
{
	for (uint32_t left = b->dirty; left; left &= left - 1) {
		uint64_t wins = b->dev[__builtin_ctz(left)].wins;

		for (; wins; wins &= wins - 1)
			publish_win(b, &b->win[__builtin_ctzll(wins)]);
	}
}

static void publish_wake(struct bus *b)
{
	int64_t first = INT64_MAX;

	for (unsigned int i = 0; i < b->timer_count; i++)
		if (b->timer[i]->deadline_ns < first)
			first = b->timer[i]->deadline_ns;
	if (first == b->wake_ns)
		return;
	b->wake_ns = first;
	b->host->wake_at(b->host->ctx, first);
}

void bus_prepare(struct bus *b)
{
	uint32_t left = b->dirty;

	while (left) {
		unsigned int i = (unsigned int)__builtin_ctz(left);

		if (b->dev[i].ops && b->dev[i].ops->settle)
			b->dev[i].ops->settle(b->dev[i].dev);
		/* It may have touched one that comes after it. */
		left = b->dirty & (UINT32_MAX << i << 1);
	}
}

void bus_commit(struct bus *b, uint32_t seq, uint32_t ans_tail)
{
	bus_commit_state(b, seq, ans_tail);
	if (b->dirty) {
		call_committed(b);
		publish_devs(b);
		b->dirty = 0;
	}
	publish_wake(b);
}

void bus_settle(struct bus *b, uint32_t seq, uint32_t ans_tail)
{
	bus_prepare(b);
	bus_commit(b, seq, ans_tail);
}

static void announce(struct bus *b)
{
	struct chan *c = b->chan;

	for (unsigned int i = 0; i < b->win_count; i++) {
		struct bus_win *w = &b->win[i];
		struct chan_win *cw = &c->win[i];

		cw->base = w->base;
		cw->len = w->len;
		cw->space = w->space;
		cw->mapped = w->mapped;
		strncpy(cw->name, w->name, sizeof(cw->name) - 1);
		if (!w->mirror_of)
			continue;
		bug_on(b->mirror_used + w->len > CHAN_MIRROR_BYTES);
		w->mirror = b->mirror_used;
		b->mirror_used += w->len;
		cw->mirror = w->mirror;
		cw->flags = CHAN_WIN_MIRROR;
	}
	for (unsigned int i = 0; i < b->row_count; i++) {
		const struct reg *r = &b->row[i].regs->reg[b->row[i].reg];

		c->row[i] = (struct chan_row){
			.win = b->row[i].win, .off = r->off, .size = r->size,
			.xor = r->xor,
			.flags = (uint8_t)(
				(r->flags & REG_SHADOW ? CHAN_ROW_SHADOW : 0) |
				(r->flags & REG_NOTIFY ? CHAN_ROW_NOTIFY : 0) |
				(r->flags & REG_POSTED ? CHAN_ROW_POSTED : 0) |
				(r->flags & REG_INERT ? CHAN_ROW_INERT : 0) |
				(r->flags & REG_LAZY ? CHAN_ROW_LAZY : 0) |
				(r->flags & REG_QUIET ? CHAN_ROW_QUIET : 0) |
				(r->flags & REG_ZEROS ? CHAN_ROW_ZEROS : 0)),
		};
	}
	c->win_count = b->win_count;
	c->row_count = b->row_count;
}

void bus_close(struct bus *b, uint32_t seq, uint32_t ans_tail)
{
	bug_on(b->closed);
	announce(b);
	b->closed = true;
	b->tables_due = 2;
	b->dirty = b->dev_count == 32 ? ~0u : (1u << b->dev_count) - 1;
	if (!b->flip) {
		bus_settle(b, seq, ans_tail);
		return;
	}
	/* A successor: what is committed stays so until all have resumed, or
	   its own successor would take a device that was reset for a good one
	   and have nothing said about it. */
	bus_prepare(b);
	publish_devs(b);
}
