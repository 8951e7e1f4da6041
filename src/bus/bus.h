/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bus/bus.h - everything a device model sees of the rest of the world
 *
 * A worker has one bus.  At start (init functions of src/dev/) devices add
 * themselves, their windows, timers and PCI functions; then the bus is closed
 * and, from there on, guest accesses come in through bus_access() and nothing
 * is ever added again.  A device reaches the guest and the host only through
 * this directory; who stands behind it is runtime/ in a worker, or a test.
 *
 * Single-threaded.  No function here allocates; all tables are of fixed size
 * and adding beyond them is a bug of ours (bug_on), never the guest's.
 */
#ifndef BUS_BUS_H
#define BUS_BUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/chan.h"
#include "abi/state.h"

struct bus;
struct bus_state;		/* bus/restore.h */
struct reg_file;

#define BUS_DEVS	24u
#define BUS_TIMERS	16u

/* A device of this worker: 0 .. BUS_DEVS-1, in order of bus_add_dev(). */
typedef unsigned int bus_dev_id;

/*
 * Calls a device can get that are not accesses.  Each may be NULL.  Every one
 * is followed by bus_settle(), so a device only changes its state.
 */
struct bus_dev_ops {
	/* IO_UNPLUG.  Cancel, finish and flush I/O, let the back end go.  May
	   bus_defer(); the broker holds the guest until it is done. */
	void (*unplug)(void *dev, uint32_t mask);
	/* IO_REPLY: answer to a verb this worker sent. */
	void (*reply)(void *dev, uint64_t data);
	/* IO_PAUSE: finish what is in flight; may bus_defer().  @stable: and
	   what was written before, so that another host finds it. */
	void (*pause)(void *dev, bool stable);
	/* Before every settle: bring computed registers up to date. */
	void (*settle)(void *dev);
	/*
	 * After each commit that this device had a part in, before the guest
	 * sees anything else of it: write to guest memory what hands something
	 * over to the driver.  Before the commit a successor would do it again,
	 * with a driver that has gone on.  Changes no register, says nothing;
	 * a successor finishes what was left of it in ops->resume.
	 */
	void (*committed)(void *dev);
	/* What bus_ask_turn() asked for: a piece of the work put off. */
	void (*turn)(void *dev);
	/*
	 * In a worker that took over, once, when the bus is closed and before
	 * the first request: go on from the registers.  Ask again for turns,
	 * timers and host I/O that were under way; bring interrupt lines to
	 * what the registers say.  Also called if the device's state was not
	 * valid and its registers are those of power-on.  If it took over at
	 * rest: not before IO_RESUME, and there may be settles before.
	 */
	void (*resume)(void *dev);
	/* What a successor may believe of @regs; NULL: any bytes will do, and
	   nothing follows from them. */
	const struct bus_state *state;
};

/*
 * Add a device.  @regs/@regs_bytes is its register state: flat, no pointers,
 * only fixed-width members; it is committed after every request.  @name and
 * @ops must stay.
 */
bus_dev_id bus_add_dev(struct bus *b, const char *name, void *dev,
		       const struct bus_dev_ops *ops,
		       void *regs, uint32_t regs_bytes);

/*
 * Memory that outlives the worker, for buffers that are rewritten only where
 * redoing the request gives the same bytes (abi/state.h).  Zeroed at first
 * start; belongs to the bus.
 */
void *bus_add_buf(struct bus *b, uint32_t bytes);

/*
 * How a window answers.  Either @regs (bus/reg.h) or @read/@write; both sees
 * @off < len and @off + @size <= len, @size 1, 2 or 4 (8 is split by the bus).
 * read: value in the low @size bytes (the rest is masked off by the bus).
 *
 * @read_items/@write_items are for string accesses (rep ins, rep movs):
 * @count items of @size at @off, in access order in @buf.  In a port window
 * all go to @off; in a memory window they ascend from @off (the bus only calls
 * them for ascending strings that fit the window).  They return false, having
 * changed nothing, to have the items dispatched one by one instead.
 */
struct bus_win_ops {
	uint32_t (*read)(void *dev, uint32_t off, unsigned int size);
	void (*write)(void *dev, uint32_t off, unsigned int size, uint32_t val);
	bool (*read_items)(void *dev, uint32_t off, unsigned int size,
			   unsigned int count, void *buf);
	bool (*write_items)(void *dev, uint32_t off, unsigned int size,
			    unsigned int count, const void *buf);
};

/*
 * Add a window of @len ports or bytes.  Returns its number.  It starts
 * unmapped.  With @regs, rows flagged SHADOW/POSTED are announced to the
 * broker.  With both @regs and @ops, ops' item functions are tried first, for
 * single items too (a data port that shares bytes with the next register), and
 * its read/write are ignored.
 */
unsigned int bus_add_win(struct bus *b, bus_dev_id id, const char *name,
			 enum chan_space space, uint32_t len,
			 const struct reg_file *regs,
			 const struct bus_win_ops *ops);

/*
 * Place or remove a window.  Before bus_close() this fixes the initial place;
 * later it sends ANS_MAP/ANS_UNMAP, which take effect before the access that
 * caused it completes.  Mapping where it already is: nothing happens.
 */
void bus_map(struct bus *b, unsigned int win, uint64_t base);
void bus_unmap(struct bus *b, unsigned int win);

/*
 * Mark a device's state as changed outside an access (a timer, a back end's
 * completion): its registers and shadow words are published at the next
 * settle.  Writes mark it by themselves, reads only through a row's read hook
 * or a window's read function.
 */
void bus_touch(struct bus *b, bus_dev_id id);

/*
 * Work that one access may not do at once: ops->turn is called once, from the
 * loop, when the requests that are there have been taken and timers and back
 * ends had a look.  While anybody asks, the loop does not sleep.  Lost with the
 * worker: a successor asks again, from its registers.
 */
void bus_ask_turn(struct bus *b, bus_dev_id id);

/*
 * From within an access, unplug or pause: the answer comes later.  Nothing
 * else reaches this worker's devices from the guest until bus_resume(); timers
 * and back ends go on.  bus_resume()'s @value is what the access reads.
 * bus_resume() without a deferred request does nothing.
 */
void bus_defer(struct bus *b);
bool bus_is_deferred(const struct bus *b);
void bus_resume(struct bus *b, uint64_t value);

/* Interrupts: levels.  Sent when they change, never merged: bus/irq.h */
/* Time: bus/timer.h.  Guest memory: bus/dma.h.  PCI: bus/pci.h. */

/* Other verbs (abi/io_msg.h says what each does and when). */
void bus_link_route(struct bus *b, unsigned int link, unsigned int isa_line);
void bus_unplug(struct bus *b, uint32_t mask);
void bus_rom_lock(struct bus *b, bool locked);
void bus_shutdown(struct bus *b, enum io_shutdown how);
void bus_sleep(struct bus *b);
void bus_vram_move(struct bus *b, uint64_t gfn);	/* ~0: park */
void bus_dirty_query(struct bus *b);			/* then ops->reply */
/* Dirty bits of the last query, bit n = frame n of VRAM.  Copy, then use. */
const uint8_t *bus_dirty_bits(const struct bus *b);

/* ------------------------------------------------------------------ */
/* The other side: who runs the bus (runtime/, tests).                  */

struct bus_dma_ops;

/* What the bus needs.  @ctx is passed back. */
struct bus_host {
	void *ctx;
	/* A message for the broker; never fails (the host waits or ends). */
	void (*say)(void *ctx, const struct io_msg *m);
	/* Earliest timer is now at @deadline_ns (CLOCK_MONOTONIC); INT64_MAX: none. */
	void (*wake_at)(void *ctx, int64_t deadline_ns);
	int64_t (*now_ns)(void *ctx);
	const struct bus_dma_ops *dma;	/* bus/dma.h; NULL: no guest memory */
};

struct bus_win {
	const char *name;
	void *dev;
	const struct reg_file *regs;
	const struct bus_win_ops *ops;
	uint64_t base;
	uint32_t len;
	bus_dev_id id;
	uint8_t space;			/* enum chan_space */
	bool mapped;
	uint16_t row_first, row_count;	/* announced rows, into bus.row */
	uint8_t *mirror_of;		/* bytes published as the mirror, or NULL */
	uint32_t mirror;		/* offset in chan.mirror */
	uint8_t row_at[256];		/* offset -> index in regs->reg, or 0xff */
};

struct bus_timer;

struct bus {
	const struct bus_host *host;
	struct chan *chan;		/* where windows, rows, shadow words and
					   mirrors are published; tests make one */
	struct state *state;		/* committed state; never NULL */
	bool closed;
	bool deferred;
	bool resumed;			/* a deferred request has its answer */
	uint64_t resume_value;
	uint32_t dirty, dirty_before;	/* bit per device: since / before last flip */
	uint32_t turns;			/* bit per device: bus_ask_turn() */
	uint32_t flip;
	bool dev_was_reset;		/* bus_take_over() found state that is not
					   valid: windows may have moved */
	uint8_t tables_due;		/* halves without our table of devices */
	uint32_t isa_levels, intx_levels[4];	/* as in abi/state.h */
	unsigned int dev_count, win_count, row_count;
	uint32_t regs_used, bufs_used, mirror_used;
	int64_t wake_ns;		/* told to the host last */
	unsigned int timer_count;
	struct bus_timer *timer[BUS_TIMERS];
	struct {
		const char *name;
		void *dev;
		const struct bus_dev_ops *ops;
		void *regs;
		uint32_t regs_bytes, regs_at;
		uint64_t wins;		/* bit per window of its */
	} dev[BUS_DEVS];
	struct bus_win win[CHAN_WINS];
	struct {
		const struct reg_file *regs;
		uint8_t reg;		/* index in regs->reg */
		uint8_t win;
	} row[CHAN_ROWS];
};

/* @chan and @state are mapped, with valid headers; zeroed, or a predecessor's. */
void bus_init(struct bus *b, const struct bus_host *host, struct chan *chan,
	      struct state *state);

/*
 * All devices are there: announce windows and rows, publish everything, with
 * @seq and @ans_tail as bus_commit() has them.  After bus_take_over() nothing is
 * committed yet: bus_resume_devs(), then the owner settles.
 */
void bus_close(struct bus *b, uint32_t seq, uint32_t ans_tail);

/*
 * Carry out one IO_ACCESS.  @m is a private copy; @data is its data slot
 * (private or shared, accessed once per byte), NULL without IO_DATA.  Returns
 * the value for a read without IO_DATA.  An access that does not fit the
 * window where it is now reads as all ones and writes nothing.
 */
uint64_t bus_access(struct bus *b, const struct io_msg *m, void *data);
/* One entry of an IO_BATCH; finds the memory window by address. */
void bus_batch_write(struct bus *b, const struct io_write *w);
/* IO_READ_NOTE: the side effect of a read that the broker answered. */
void bus_read_note(struct bus *b, const struct io_msg *m);
void bus_call_unplug(struct bus *b, uint32_t mask);
void bus_call_reply(struct bus *b, uint64_t data);
void bus_call_pause(struct bus *b, bool stable);
/* A verb without a window, for the parts of bus/. */
void bus_say(struct bus *b, enum ans_kind kind, uint64_t addr, uint64_t data);
/* Timers whose deadline has passed. */
void bus_run_timers(struct bus *b);
/* Does a device wait for its turn? */
static inline bool bus_turns_wait(const struct bus *b)
{
	return b->turns != 0;
}
/* One turn for each that asked before; then settle. */
void bus_run_turns(struct bus *b);

/*
 * Publish what a request or an event changed, in three steps, after every one:
 *
 *	bus_prepare()	devices bring computed registers up to date; the last
 *			chance to say something
 *	(the owner writes ANS_DONE into the answer ring)
 *	bus_commit()	committed state: requests before @seq and answers before
 *			@ans_tail are contained; then ops->committed, shadow
 *			words and mirrors of all touched devices
 *	(the owner makes the answers visible, then moves the ring's head)
 *
 * bus_settle() is the first and the last, for who has no answer.
 */
void bus_prepare(struct bus *b);
void bus_commit(struct bus *b, uint32_t seq, uint32_t ans_tail);
void bus_settle(struct bus *b, uint32_t seq, uint32_t ans_tail);

#endif /* BUS_BUS_H */
