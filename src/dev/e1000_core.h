/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dev/e1000_core.h - what the parts of the 82540EM share
 *
 *	e1000.c         PCI function, windows, reset, unplug
 *	e1000_state.c   what a successor believes, and how it goes on
 *	e1000_regs.c    register table, arrays of registers
 *	e1000_irq.c     interrupt causes, delays, throttling
 *	e1000_tx.c      transmit ring, descriptors
 *	e1000_offload.c checksums, large sends and tags of a frame to send
 *	e1000_rx.c      receive ring, descriptors
 *	e1000_filter.c  which frames are for the guest
 *	e1000_phy.c     PHY, link
 *	e1000_eeprom.c  what the EEPROM holds, and its two register interfaces
 */
#ifndef DEV_E1000_CORE_H
#define DEV_E1000_CORE_H

#include "base/le.h"
#include "bus/dma.h"
#include "dev/e1000.h"

/* ---- registers: offsets ---- */

#define E1000_STATS_AT	0x4000u
#define E1000_MTA_AT	0x5200u
#define E1000_RA_AT	0x5400u
#define E1000_VFTA_AT	0x5600u

/* ---- registers: bits ---- */

#define CTRL_FD		0x00000001u
#define CTRL_RST	0x04000000u
#define CTRL_VME	0x40000000u
#define CTRL_PHY_RST	0x80000000u
#define CTRL_RESET	0x00140240u	/* SWDPIN2, SWDPIN0, 1000 Mb/s, SLU */

#define STATUS_FD	0x00000001u
#define STATUS_LU	0x00000002u
#define STATUS_SPEED	0x000003c0u	/* SPEED and ASDV */
#define STATUS_RESET	0x80080400u	/* MTXCKOK, reserved bits */

#define CTRL_EXT_EE_RST	0x00002000u

#define ICR_TXDW	0x00000001u
#define ICR_TXQE	0x00000002u
#define ICR_LSC		0x00000004u
#define ICR_RXDMT0	0x00000010u
#define ICR_RXO		0x00000040u
#define ICR_RXT0	0x00000080u
#define ICR_MDAC	0x00000200u
#define ICR_TXD_LOW	0x00008000u
#define ICR_SRPD	0x00010000u
#define ICR_BITS	0x0001f7ffu	/* SDM 13.4.17, and 5 and 8: nothing
					   causes them, but ICS sets them */

#define RCTL_EN		0x00000002u
#define RCTL_UPE	0x00000008u
#define RCTL_MPE	0x00000010u
#define RCTL_LPE	0x00000020u
#define RCTL_LBM	0x000000c0u
#define RCTL_RDMTS	0x00000300u
#define RCTL_MO		0x00003000u
#define RCTL_BAM	0x00008000u
#define RCTL_BSIZE	0x00030000u
#define RCTL_VFE	0x00040000u
#define RCTL_CFIEN	0x00080000u
#define RCTL_CFI	0x00100000u
#define RCTL_BSEX	0x02000000u
#define RCTL_SECRC	0x04000000u
#define RCTL_BITS	0x06dfb3feu

#define TCTL_EN		0x00000002u
#define TCTL_PSP	0x00000008u

#define DELAY_FPD	0x80000000u	/* RDTR, TIDV: now */

#define RXCSUM_PCSS	0x000000ffu
#define RXCSUM_IPOFLD	0x00000100u
#define RXCSUM_TUOFLD	0x00000200u

#define RAH_AV		0x80000000u
#define RAH_BITS	0x8003ffffu

#define FCS_BYTES	4u
#define DESC_BYTES	16u
#define RING_BYTES	0x000fff80u	/* what RDLEN and TDLEN can say */

/* In a descriptor to send */
#define TXD_IDE		0x80000000u	/* in r.tx_causes, too: a delayed TXDW */

/* ---- statistics: (offset - 0x4000) / 4 ---- */

enum e1000_stat {
	STAT_MPC = 0x10 / 4, STAT_PRC64 = 0x5c / 4, STAT_GPRC = 0x74 / 4,
	STAT_BPRC = 0x78 / 4, STAT_MPRC = 0x7c / 4, STAT_GPTC = 0x80 / 4,
	STAT_GORC = 0x88 / 4, STAT_GOTC = 0x90 / 4, STAT_RNBC = 0xa0 / 4,
	STAT_RUC = 0xa4 / 4, STAT_ROC = 0xac / 4, STAT_TOR = 0xc0 / 4,
	STAT_TOT = 0xc8 / 4, STAT_TPR = 0xd0 / 4, STAT_TPT = 0xd4 / 4,
	STAT_PTC64 = 0xd8 / 4, STAT_MPTC = 0xf0 / 4, STAT_BPTC = 0xf4 / 4,
	STAT_TSCTC = 0xf8 / 4, STAT_TSCTFC = 0xfc / 4,
};

/* ---- bytes as on the wire ---- */

static inline uint16_t be16_get(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline void be16_put(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* e1000.c */
void e1000_hide_gone(void *dev);		/* windows, if it is unplugged */
void e1000_let_go(struct e1000 *d);		/* unplugged: host and bus */
void e1000_reset(struct e1000 *d);		/* CTRL.RST */
/* May it receive or send?  It is there, and may use memory. */
bool e1000_is_on(const struct e1000 *d);

/* e1000_state.c */
extern const struct bus_state e1000_state, e1000_tables_state;
void e1000_resume(void *dev);			/* struct bus_dev_ops */

/* e1000_regs.c */
void e1000_reset_regs(struct e1000 *d);
uint32_t e1000_reg_read(struct e1000 *d, uint32_t off, unsigned int size);
void e1000_reg_write(struct e1000 *d, uint32_t off, unsigned int size,
		     uint32_t val);
extern const struct bus_win_ops e1000_array_ops;
/* Counters stick at their maximum. */
void e1000_count(struct e1000 *d, enum e1000_stat s, uint32_t by);
void e1000_count64(struct e1000 *d, enum e1000_stat s, uint64_t by);
/* @first: STAT_PRC64 or STAT_PTC64; @len with FCS. */
void e1000_count_size(struct e1000 *d, enum e1000_stat first, size_t len,
		      uint32_t by);

/* e1000_irq.c */
void e1000_irq_init(struct e1000 *d);
void e1000_irq_reset(struct e1000 *d);
void e1000_irq_resume(struct e1000 *d);		/* a successor */
void e1000_irq_stop(struct e1000 *d);
void e1000_irq_cause(struct e1000 *d, uint32_t bits);
void e1000_irq_update(struct e1000 *d);
/* A cause after its delay, which began at @since_ns; TXDW or RXT0, by @what. */
void e1000_irq_delay(struct e1000 *d, enum e1000_due what, int64_t since_ns);
void e1000_irq_flush(struct e1000 *d, enum e1000_due what);
/* @at_ns: INT64_MAX for never. */
void e1000_set_due(struct e1000 *d, enum e1000_due what, int64_t at_ns);

/* e1000_tx.c */
void e1000_tx_run(struct e1000 *d);
void e1000_tx_reset(struct e1000 *d);
void e1000_tx_drop(struct e1000 *d);		/* what is there of a frame */
void e1000_tx_resume(struct e1000 *d);		/* a successor */
void e1000_tx_settle(struct e1000 *d);		/* the last thing before commit */
/* Can it be what e1000_offload() left? */
bool e1000_tx_is_frame(const struct e1000_tx *t);
void e1000_tx_turn(struct e1000 *d);
void e1000_send_ready(void *dev);		/* struct nic */

/* e1000_offload.c */
/* Fills in the rest of r.tx, and the head, for a frame whose descriptors are
   through; false: it cannot be sent. */
bool e1000_offload(struct e1000 *d);
/* Does the checksum that was left to the host, in a copy of the frame. */
void e1000_offload_here(const struct e1000_tx *t, uint8_t *frame);
/* Complement of the one's complement sum, in wire order. */
uint16_t e1000_csum(const uint8_t *p, size_t len_bytes);

/* e1000_rx.c */
bool e1000_receive(void *dev, const uint8_t *frame, size_t len_bytes,
		   bool csum_good);		/* struct nic */
void e1000_received(void *dev);			/* struct nic */
/* A frame that comes back from our own transmitter. */
void e1000_loop_back(struct e1000 *d, const uint8_t *frame, size_t len_bytes);
bool e1000_is_looped(const struct e1000 *d);
/* Buffers or permissions have changed. */
void e1000_rx_ready(struct e1000 *d);
void e1000_rx_turn(struct e1000 *d);

/* e1000_filter.c */
enum e1000_match { E1000_NO_MATCH, E1000_MATCH, E1000_MATCH_INEXACT };
enum e1000_match e1000_filter(const struct e1000 *d, const uint8_t *frame,
			      size_t len_bytes);
bool e1000_is_tagged(const struct e1000 *d, const uint8_t *frame,
		     size_t len_bytes);

/* e1000_phy.c */
void e1000_phy_reset(struct e1000 *d);		/* power up: no cause */
void e1000_phy_restart(struct e1000 *d);	/* CTRL.PHY_RST */
void e1000_phy_negotiated(struct e1000 *d);
bool e1000_phy_is_looped(const struct e1000 *d);
void e1000_mdic_write(struct e1000 *d, uint32_t val);
void e1000_link_changed(void *dev);		/* struct nic */
void e1000_link_resume(struct e1000 *d);	/* a successor */
/* After a reset of the MAC: STATUS says what the PHY knows. */
void e1000_link_show(struct e1000 *d);

/* e1000_eeprom.c */
void e1000_eeprom_init(struct e1000 *d);
/* RA[0] as the card loads it after a reset. */
void e1000_eeprom_load(struct e1000 *d);
uint32_t e1000_eecd_read(const struct e1000 *d);
void e1000_eecd_write(struct e1000 *d, uint32_t val);
void e1000_eerd_write(struct e1000 *d, uint32_t val);

#endif /* DEV_E1000_CORE_H */
