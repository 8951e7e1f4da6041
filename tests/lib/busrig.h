/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/lib/busrig.h - a bus without a worker around it, for model tests
 *
 * Plays both the broker (accesses, answers to verbs are the test's) and the
 * host: what the devices say is kept, time stands still until the test moves
 * it, guest memory is an array.  One rig per struct; a second rig_init() on it
 * starts afresh.
 *
 *	static struct rig rig;
 *	rig_init(&rig, 1 << 20);
 *	uart_init(&uart, &rig.bus, ...);
 *	rig_close(&rig);
 *	out8(&rig, 0x3fb, 0x83);
 *	is_hex(in8(&rig, 0x3fb), 0x83, "LCR reads back");
 */
#ifndef TESTS_LIB_BUSRIG_H
#define TESTS_LIB_BUSRIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/chan.h"
#include "abi/io_msg.h"
#include "abi/state.h"
#include "bus/bus.h"
#include "bus/dma.h"

#define RIG_SAID	1024u	/* verbs kept; older ones are overwritten */

struct rig {
	struct bus bus;
	struct bus_host host;
	struct chan *chan;
	struct state *state;
	uint8_t *ram;			/* guest memory [0, ram_bytes) */
	size_t ram_bytes;
	int64_t now_ns;			/* starts at one second */
	int64_t wake_ns;		/* what the bus asked for last */
	uint32_t seq;
	bool took_over;			/* rig_close() found committed state */
	bool waits;			/* the last access is deferred */
	uint64_t value;			/* what the last access read, once it
					   does not wait any more */
	uint8_t data[CHAN_DATA_BYTES];	/* its data slot */
	struct io_msg said[RIG_SAID];	/* said[i % RIG_SAID], i < said_count */
	unsigned int said_count;
	unsigned int misses;		/* accesses that found no window */
	bool hold_turns;		/* turns come by rig_turn() only; else
					   all after each access or event */
	/* Derived from what was said. */
	bool isa[16];
	unsigned int isa_rises[16];
	bool intx[32 * 8 * 4];		/* [devfn << 2 | pin] */
	unsigned int mapped_frames;	/* dma_map() not yet undone */
	unsigned int dma_maps;		/* and all of them since the start */
	unsigned int dma_writes;	/* copies and maps towards the guest */
};

/* Frees what the last use left, makes a bus with @ram_bytes of guest memory
   (0: bus_host.dma is NULL).  Then add devices, then rig_close(). */
void rig_init(struct rig *r, size_t ram_bytes);
void rig_close(struct rig *r);
/*
 * What a successor of a dead worker does: devices are to be added again (to
 * zeroed structs), then rig_close(), which restores and resumes them; the
 * committed state and the buffers are those of before.
 */
void rig_successor(struct rig *r);
void rig_free(struct rig *r);

/*
 * One access as the broker would send it.  Finds the mapped window that holds
 * [addr, addr+size); nothing there: reads as ones.  @buf NULL: one value in
 * @val (repeated @count times for a write); else @count packed items.
 * If the device defers it, rig.waits is true and stays so until rig_settle()
 * sees the answer; the value returned then means nothing.
 */
uint64_t rig_access(struct rig *r, enum chan_space space, uint64_t addr,
		    unsigned int size, unsigned int count, unsigned int io_flags,
		    uint64_t val, void *buf);
/* What devices asked the loop for, once.  False: nobody did. */
bool rig_turn(struct rig *r);
/* After anything done behind the bus (a back end's completion): as the
   worker's loop does. */
void rig_settle(struct rig *r);
/* The requests that are not accesses; rig.waits as above. */
void rig_unplug(struct rig *r, uint32_t mask);
void rig_pause(struct rig *r);
void rig_reply(struct rig *r, uint64_t data);
/* Move the clock and run the timers that are due. */
void rig_advance(struct rig *r, int64_t by_ns);

/* What the broker would answer from a shadow word: false if it has to ask. */
bool rig_shadow(struct rig *r, enum chan_space space, uint64_t addr,
		unsigned int size, uint32_t *val);
/* The word of any row, which need not be a value to read: QUIET, ZEROS. */
bool rig_word(struct rig *r, enum chan_space space, uint64_t addr,
	      unsigned int size, uint32_t *val);
/* CHAN_ROW_* flags announced for exactly this register, 0 if none. */
unsigned int rig_row_flags(struct rig *r, enum chan_space space, uint64_t addr,
			   unsigned int size);
/* The mirrored byte at @addr (configuration space: addr = register). */
uint8_t rig_mirror(struct rig *r, unsigned int win, uint32_t off);
/* Mapped window that holds the range, or IO_NO_WIN. */
unsigned int rig_win(struct rig *r, enum chan_space space, uint64_t addr,
		     unsigned int size);

/* Verbs of @kind said since rig_said_clear(), and the last of them or NULL. */
unsigned int rig_said(const struct rig *r, enum ans_kind kind);
const struct io_msg *rig_said_last(const struct rig *r, enum ans_kind kind);
void rig_said_clear(struct rig *r);

/* Ports */
uint8_t in8(struct rig *r, uint16_t port);
uint16_t in16(struct rig *r, uint16_t port);
uint32_t in32(struct rig *r, uint16_t port);
void out8(struct rig *r, uint16_t port, uint8_t v);
void out16(struct rig *r, uint16_t port, uint16_t v);
void out32(struct rig *r, uint16_t port, uint32_t v);
/* rep ins / rep outs; count * size up to 4096. */
void ins(struct rig *r, uint16_t port, unsigned int size, unsigned int count,
	 void *buf);
void outs(struct rig *r, uint16_t port, unsigned int size, unsigned int count,
	  const void *buf);

/* Memory windows */
uint32_t mmio_read(struct rig *r, uint64_t addr, unsigned int size);
void mmio_write(struct rig *r, uint64_t addr, unsigned int size, uint32_t v);

/* Configuration space */
uint32_t cfg_read(struct rig *r, unsigned int devfn, unsigned int off,
		  unsigned int size);
void cfg_write(struct rig *r, unsigned int devfn, unsigned int off,
	       unsigned int size, uint32_t v);

#endif /* TESTS_LIB_BUSRIG_H */
