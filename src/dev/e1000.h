/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dev/e1000.h - Intel 82540EM network card, PCI 8086:100e revision 3
 *
 * Source: Intel, PCI/PCI-X Family of Gigabit Ethernet Controllers Software
 * Developer's Manual (317453), referred to as SDM.  Runs in the net worker.
 *
 * Not there: wake on LAN, management traffic, flow control, flash, the packet
 * buffer's memory window, transmit rate control.  Their registers can be
 * written and read where drivers do so.
 */
#ifndef DEV_E1000_H
#define DEV_E1000_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bus/nic.h"
#include "bus/pci.h"
#include "bus/pci_rom.h"
#include "bus/reg.h"
#include "bus/timer.h"
#include "dev/eeprom93.h"
#include "dev/nic_back.h"
#include "dev/nic_reply.h"
#include "dev/nic_turn.h"

#define E1000_ROM_MAX	(512u * 1024u)
#define E1000_STATS	64u
#define E1000_RAS	16u		/* exact receive addresses */
#define E1000_MTA	128u
#define E1000_VFTA	128u
#define E1000_PHY_REGS	32u
#define E1000_TAG_BYTES	4u		/* of an 802.1Q tag */
#define E1000_TX_MAX	(NIC_SEND_MAX - E1000_TAG_BYTES)
#define E1000_HEAD_BYTES 264u		/* all that a card writes into a frame:
					   offsets have eight bits */

/* A context descriptor, as it is in memory (SDM 3.3.6). */
struct e1000_ctx {
	uint8_t ipcss, ipcso;
	uint16_t ipcse;
	uint8_t tucss, tucso;
	uint16_t tucse;
	uint32_t paylen_cmd;	/* PAYLEN 19:0, DTYP 23:20, TUCMD 31:24 */
	uint8_t sta, hdrlen;
	uint16_t mss;
};
_Static_assert(sizeof(struct e1000_ctx) == 16, "SDM 3.3.6");

/*
 * Where a frame is put together.  @bytes is only ever added to, and what is
 * filled in goes to a copy: a frame begun in one request is still there as it
 * was when the next is done again.
 */
struct e1000_frame {
	uint8_t head[E1000_TAG_BYTES + E1000_HEAD_BYTES];	/* room for a tag,
					   then the frame as it is sent */
	uint8_t bytes[E1000_TX_MAX];	/* as in guest memory */
};

/* The frame that is being put together, its bytes in e1000.tx[buf]. */
struct e1000_tx {
	uint32_t bytes;		/* so far, up to E1000_TX_MAX */
	uint32_t cmd;		/* of its first descriptor, VLE of any */
	uint16_t special;	/* VLAN tag */
	uint8_t popts;
	uint8_t css, cso;	/* legacy descriptors */
	uint8_t open;		/* a descriptor was seen, EOP not */
	uint8_t too_long;
	uint8_t held;		/* complete, and the host has no room: */
	uint32_t start;		/* first byte in head, 0 with a tag */
	uint32_t len;
	/* struct nic_todo */
	uint8_t csum, gso;
	uint16_t csum_start, csum_offset, gso_bytes, header_bytes;
	uint8_t buf;		/* bit 0 */
	uint8_t rsvd;
};

/* What is due at a time; INT64_MAX: nothing. */
enum e1000_due {
	E1000_DUE_TX,		/* TIDV and TADV: TXDW */
	E1000_DUE_RX,		/* RDTR and RADV: RXT0 */
	E1000_DUE_IRQ,		/* ITR: the next interrupt may come */
	E1000_DUE_LINK,		/* auto-negotiation is done */
	E1000_DUE_COUNT
};

struct e1000_regs {		/* committed */
	int64_t due_ns[E1000_DUE_COUNT];
	int64_t latest_ns[2];	/* absolute ends of TX and RX delays */
	int64_t next_irq_ns;	/* not before, by ITR */
	struct nic_back_regs back;
	uint32_t ctrl, status, eecd, eerd, ctrl_ext, fla, mdic;
	uint32_t fcal, fcah, fct, vet, icr, itr, ims;
	uint32_t rctl, fcttv, txcw, tctl, tipg, ait, ledctl, pba;
	uint32_t fcrtl, fcrth;
	uint32_t rdbal, rdbah, rdlen, rdh, rdt, rdtr, rxdctl, radv, rsrpd;
	uint32_t txdmac, tdbal, tdbah, tdlen, tdh, tdt, tidv, txdctl, tadv, tspmt;
	uint32_t rxcsum, wuc, wufc, wus, manc, ipav;
	uint32_t ioaddr;
	uint32_t stat[E1000_STATS];	/* from 0x4000 */
	uint32_t rx_causes;	/* of this turn's frames, not yet in icr */
	uint32_t tx_causes;	/* of this turn's descriptors */
	uint16_t phy[E1000_PHY_REGS];
	struct e1000_ctx ctx[2];	/* checksums; segmentation */
	struct e1000_tx tx;
	uint8_t line;		/* INTA is asserted */
	uint8_t gone;		/* unplugged */
	uint8_t tx_more;	/* a doorbell is not through */
	uint8_t rsvd[1];
};

/* Committed, apart: changes seldom. */
struct e1000_tables {
	uint32_t ra[2 * E1000_RAS];	/* RAL, RAH */
	uint32_t mta[E1000_MTA];
	uint32_t vfta[E1000_VFTA];
	struct eeprom93 eeprom;
};

struct e1000 {
	struct e1000_regs r;
	struct e1000_tables t;
	struct pci_func func;
	struct bus *bus;
	bus_dev_id id, tables_id;
	struct nic *nic;
	struct pci_rom rom;
	unsigned int win[3], win_count;
	struct bus_timer timer;		/* at or before the first due */
	struct nic_back back;
	uint8_t taken;			/* of the state: e1000_state.c */
	struct nic_turn turn;		/* what may be sent in this one */
	int64_t tx_since_ns;		/* when what is in tx_causes began */
	struct nic_reply reply;
	bool rx_waits;			/* receive() has said no */
	bool rx_unwritten;		/* because of d->back */
	bool resending;			/* what is held; the host may call back */
	bool closed;			/* the host's side is let go */
	struct e1000_frame *tx;		/* two, one for what is committed, the
					   other for what follows it; outlive
					   the worker */
	uint8_t kept_buf;		/* that of the committed state */
	uint8_t rx[NIC_FRAME_MAX];	/* scratch of one frame */
	uint8_t loop[NIC_SEND_WHOLE];	/* one that comes back */
};

extern const struct reg_file e1000_reg_file;

/*
 * @d is zeroed.  @nic, with ops, mac and link_up set, and @rom stay.  @rom
 * may be NULL: no ROM BAR; else @rom_bytes up to E1000_ROM_MAX.
 */
void e1000_init(struct e1000 *d, struct bus *b, unsigned int devfn,
		struct nic *nic, const uint8_t *rom, size_t rom_bytes);

#endif /* DEV_E1000_H */
