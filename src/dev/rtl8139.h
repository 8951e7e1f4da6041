/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dev/rtl8139.h - Realtek RTL8139C+ network card, PCI 10ec:8139 revision 20h
 *
 * Source: Realtek RTL8139C(L) and RTL8139C+ data sheets.  Four transmit
 * descriptors in registers and a receive ring of bytes, or, in C+ mode,
 * descriptor rings with checksum, large send and VLAN offload.  Runs in the
 * net worker.
 *
 * Not there: the high priority transmit ring, early receive interrupts, wake
 * on LAN, the boot ROM's programming.
 */
#ifndef DEV_RTL8139_H
#define DEV_RTL8139_H

#include <stdalign.h>
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

#define RTL8139_RING_MAX	64u	/* descriptors */
#define RTL8139_ROM_MAX		(512u * 1024u)
#define RTL8139_RX_MAX		8191u	/* with FCS: lengths have 13 bits */

/* As the dump command writes them. */
struct rtl8139_tally {
	uint64_t tx_ok, rx_ok, tx_err;
	uint32_t rx_err;
	uint16_t missed, misaligned;
	uint32_t tx_one_collision, tx_more_collisions;
	uint64_t rx_physical, rx_broadcast;
	uint32_t rx_multicast;
	uint16_t tx_aborted, tx_underrun;
};
_Static_assert(sizeof(struct rtl8139_tally) == 64, "data sheet");

struct rtl8139_regs {		/* committed */
	alignas(8) struct rtl8139_tally tally;
	int64_t tctr_zero_ns;	/* when TCTR was 0 */
	int64_t tick_ns;	/* when it is TimerInt; of a TimerInt but 0 */
	struct nic_back_regs back;
	uint8_t idr[8], mar[8];	/* idr: six are used */
	uint32_t tsd[4], tsad[4];
	uint32_t dtccr[2], rdsar[2];
	uint32_t rbstart, tcr, rcr, mpc, timer_int;
	uint16_t capr, cbr, imr, isr, mulint, bmcr, anar, cpcr;
	uint8_t cr, cr9346, config0, config1, config3, config4, config5;
	uint8_t msr, etthr;
	uint8_t halted;		/* HLTCLK */
	uint8_t tsd_at;		/* descriptor that is sent next: 0-3 */
	uint8_t tx_at, rx_at;	/* and in the rings: below RTL8139_RING_MAX */
	uint8_t gone;		/* unplugged */
	uint8_t npq;		/* TPPoll.NPQ: descriptors it still stands for,
				   up to RTL8139_RING_MAX */
	uint8_t link;		/* as the driver was told last */
};

/* A copy of a descriptor, and where it is. */
struct rtl8139_desc {
	uint64_t gpa;
	unsigned int at;	/* in its ring */
	uint32_t dw0, dw1;
	uint64_t buf;
};

struct rtl8139 {
	struct rtl8139_regs r;
	struct eeprom93 eeprom;		/* committed */
	struct pci_func func;
	struct bus *bus;
	bus_dev_id id, eeprom_id;
	struct nic *nic;
	struct pci_rom rom;
	unsigned int win[3], win_count;
	struct bus_timer tick;		/* TimerInt */
	/* Towards the host; a successor starts afresh. */
	struct bus_timer retry;
	bool held;			/* receive() said no, and owes
					   receive_ready() */
	bool wake;			/* owes it since the receiver is on */
	bool tx_waits;			/* send() said no */
	bool closed;			/* the host's side is let go */
	struct nic_turn turn;		/* what may be sent in this one */
	struct nic_back back;
	uint64_t given_tx, given_rx;	/* bit per descriptor in back */
	bool taken;			/* has committed state, is not resumed */
	bool line;			/* INTA is asserted */
	struct bus_timer tok;		/* TOK alone waits until then */
	bool tok_over;			/* it asserts INTA now */
	struct nic_reply reply;
	unsigned int untold_descs;	/* given back since INTA was asserted */
	unsigned int tx_ring;		/* descriptors, as far as it is known */
	unsigned int tries;		/* looks for a buffer in vain */
	uint32_t held_bytes;		/* what the frame needs, in either ring */
	/* Scratch of one call. */
	struct rtl8139_desc tx_desc[RTL8139_RING_MAX];
	struct rtl8139_desc rx_desc[RTL8139_RING_MAX];	/* a looped frame needs
							   both */
	uint8_t tx[NIC_SEND_MAX + 8];
	uint8_t rx[RTL8139_RX_MAX + 16];
};

extern const struct reg_file rtl8139_reg_file;

/*
 * @d is zeroed.  @nic, with ops, mac and link_up set, and @rom stay.  @rom may
 * be NULL: no ROM BAR; else @rom_bytes up to RTL8139_ROM_MAX.
 */
void rtl8139_init(struct rtl8139 *d, struct bus *b, unsigned int devfn,
		  struct nic *nic, const uint8_t *rom, size_t rom_bytes);

#endif /* DEV_RTL8139_H */
