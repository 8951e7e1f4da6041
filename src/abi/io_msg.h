/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * abi/io_msg.h - one message of a request or answer ring
 *
 * Requests go broker -> worker, answers worker -> broker, through the channel
 * described in abi/chan.h.  Both sides treat what they read as hostile: copy
 * first, then look at the copy.  Reserved bytes are written as 0.
 */
#ifndef ABI_IO_MSG_H
#define ABI_IO_MSG_H

#include <assert.h>
#include <stdint.h>

/* What the broker asks. */
enum io_kind {
	IO_NONE,
	IO_ACCESS,	/* guest access to window @win at @addr; see below */
	IO_BATCH,	/* @count struct io_write in data slot @slot: posted
			   writes to the VGA window, in order; they change no
			   shadow word and no mirror */
	IO_READ_NOTE,	/* the broker answered this read from its shadow word;
			   do its side effect (REG_NOTIFY) */
	IO_INVALIDATE,	/* guest memory changed: drop mappings, then answer */
	IO_UNPLUG,	/* @data: UNPLUG_* mask; drain, flush, close, answer */
	IO_REPLY,	/* answer to a verb: @data says what the verb defines */
	IO_PAUSE,	/* finish what is in flight, then commit; from then on
			   touch nothing of the guest's and serve nobody but
			   the broker, until IO_RESUME */
	IO_RESUME,	/* end of IO_PAUSE */
	IO_SYNC,	/* nothing: what came before is done */
	IO_KIND_COUNT
};

/* What the worker says. */
enum ans_kind {
	ANS_NONE,
	ANS_DONE,	/* request @seq is committed; @data: value read */
	/* Verbs.  They act before any answer that follows them. */
	ANS_ISA_IRQ,	/* @addr line 0-15, @data level */
	ANS_PCI_INTX,	/* @addr devfn<<2|pin (0 = INTA), @data level */
	ANS_MSI,	/* @addr, @data */
	ANS_MAP,	/* window @win now starts at @addr */
	ANS_UNMAP,	/* window @win is gone */
	ANS_LINK_ROUTE,	/* @addr PIRQ link 0-3, @data ISA line or 0 */
	ANS_UNPLUG,	/* @data UNPLUG_*: the next answer waits for it */
	ANS_ROM_LOCK,	/* @data 1: frames 0xc0-0xff read-only, 0: writable */
	ANS_SHUTDOWN,	/* @data enum io_shutdown; the next answer follows it */
	ANS_SLEEP,	/* ACPI S3: the next answer waits for the supervisor */
	ANS_VRAM_MOVE,	/* @addr: guest frame where VRAM shall be, or ~0: park */
	ANS_DIRTY_QUERY,/* fill chan.reply with the dirty bits of VRAM's frames,
			   then send IO_REPLY (@data 0, or 1 = take all dirty) */
	ANS_MODIFIED,	/* guest frames [@addr, @addr+@data) were written by DMA */
	ANS_KIND_COUNT
};

enum io_shutdown {		/* numbers of Xen's sched.h SHUTDOWN_* */
	IO_SHUTDOWN_POWEROFF = 0,
	IO_SHUTDOWN_REBOOT = 1,
};

/* Xen's unplug mask, docs/misc/hvm-emulated-unplug.pandoc */
#define UNPLUG_IDE_DISKS	0x01u
#define UNPLUG_NICS		0x02u
#define UNPLUG_AUX_IDE_DISKS	0x04u	/* all but the primary master */

/* io_msg.flags */
#define IO_WRITE	0x01u	/* guest writes; else it reads */
#define IO_POSTED	0x02u	/* completed already: no ANS_DONE wanted */
#define IO_DESC		0x04u	/* items descend from @addr */
#define IO_DATA		0x08u	/* items are in (go to) data slot @slot, in
				   access order, packed; else @data is the one
				   value, repeated @count times for a write */

#define IO_NO_WIN	0xffffu
#define IO_ITEM_BYTES_MAX 4096u	/* @size * @count never exceeds this */

/*
 * IO_ACCESS: @count items of @size bytes (1, 2, 4, 8).  In a port window every
 * item goes to @addr; in a memory window item i goes to @addr +/- i * @size.
 * @addr is absolute (port, guest physical address, or config register for a
 * PCI window); the worker checks it against where @win is now, because a
 * window can move while a request is on its way.
 */
struct io_msg {
	uint32_t seq;		/* runs freely; request number, or the request
				   an ANS_DONE belongs to */
	uint8_t kind;		/* enum io_kind or enum ans_kind */
	uint8_t size;		/* bytes an item */
	uint8_t flags;		/* IO_* */
	uint8_t rsvd;
	uint64_t addr;
	uint64_t data;
	uint32_t count;
	uint16_t slot;		/* data slot, if IO_DATA or IO_BATCH */
	uint16_t win;		/* window number, or IO_NO_WIN */
};
static_assert(sizeof(struct io_msg) == 32, "two messages a cache line");

/* One entry of an IO_BATCH. */
struct io_write {
	uint32_t addr;		/* guest physical address */
	uint8_t size;		/* 1, 2, 4 */
	uint8_t rsvd[3];
	uint32_t data;
	uint32_t rsvd2;
};
static_assert(sizeof(struct io_write) == 16, "256 entries a data slot");
#define IO_BATCH_MAX	256u

#endif /* ABI_IO_MSG_H */
