/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dev/rtl8139_core.h - shared by the parts of the RTL8139: rtl8139*.c only
 */
#ifndef DEV_RTL8139_CORE_H
#define DEV_RTL8139_CORE_H

#include "dev/rtl8139.h"

enum cr_bits { CR_BUFE = 0x01, CR_TE = 0x04, CR_RE = 0x08, CR_RST = 0x10 };
enum isr_bits {
	ISR_ROK = 0x0001, ISR_TOK = 0x0004, ISR_TER = 0x0008,
	ISR_RXOVW = 0x0010,	/* C+: no descriptor */
	ISR_LINK = 0x0020, ISR_SWINT = 0x0100, ISR_TIMEOUT = 0x4000,
	ISR_SERR = 0x8000,
};
#define ISR_BITS	0xe1ffu
enum tcr_bits { TCR_LOOPBACK = 0x00060000 };
enum rcr_bits {
	RCR_AAP = 0x01, RCR_APM = 0x02, RCR_AM = 0x04, RCR_AB = 0x08,
	RCR_WRAP = 0x80, RCR_RBLEN = 0x1800,
};
enum cpcr_bits {
	CPCR_TX = 0x01, CPCR_RX = 0x02, CPCR_RX_CSUM = 0x20, CPCR_RX_VLAN = 0x40,
};
enum tsd_bits {
	TSD_SIZE = 0x00001fff, TSD_OWN = 0x00002000, TSD_TUN = 0x00004000,
	TSD_TOK = 0x00008000, TSD_TABT = 0x40000000,
};

/* Descriptors, dw0 */
#define DESC_BYTES	16u
#define DESC_OWN	0x80000000u
#define DESC_EOR	0x40000000u
#define DESC_FS		0x20000000u
#define DESC_LS		0x10000000u
#define TX_LGSEN	0x08000000u
#define TX_MSS(dw0)	((dw0) >> 16 & 0x7ffu)
#define TX_IPCS		0x00040000u
#define TX_UDPCS	0x00020000u
#define TX_TCPCS	0x00010000u
#define TX_SIZE(dw0)	((dw0) & 0xffffu)
#define TX_KEPT		(DESC_EOR | DESC_FS | DESC_LS | 0xffffu)
#define TX_FAILED	0x02800000u	/* error summary, FIFO underrun */
#define RX_SIZE(dw0)	((dw0) & 0x1fffu)
#define RX_PID_TCP	0x00010000u
#define RX_PID_UDP	0x00020000u
/* dw1 */
#define TX_TAGC		0x00020000u	/* insert a tag */
#define RX_TAVA		0x00010000u	/* a tag was taken out */

#define VLAN_BYTES	4u
#define ETHERTYPE_VLAN	0x8100u

static inline uint16_t be16_get(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline void be16_put(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* Has the card a clock, its place on the bus, and may it use memory? */
static inline bool rtl8139_is_running(const struct rtl8139 *d)
{
	return !d->r.halted && !d->r.gone && pci_is_master(&d->func);
}

static inline bool rtl8139_is_looped(const struct rtl8139 *d)
{
	return (d->r.tcr & TCR_LOOPBACK) == TCR_LOOPBACK;
}

/* rtl8139.c */
/* Unplugged: lets the host and the bus go. */
void rtl8139_let_go(struct rtl8139 *d);
void rtl8139_hide_gone(void *dev);	/* windows, if it is unplugged */
void rtl8139_tick_resume(struct rtl8139 *d);	/* a successor's clock */

/* rtl8139_state.c */
extern const struct bus_state rtl8139_state, rtl8139_eeprom_state;
void rtl8139_resume(void *dev);		/* struct bus_dev_ops */

/* rtl8139_irq.c */
void rtl8139_irq_init(struct rtl8139 *d);
/* A frame, TOK. */
void rtl8139_irq_sent(struct rtl8139 *d, size_t len_bytes, unsigned int descs);
void rtl8139_irq_update(struct rtl8139 *d);	/* after ISR, IMR or INTX */
void rtl8139_irq_turn(struct rtl8139 *d);	/* a turn ends */

/* rtl8139_ring.c */
/*
 * Copies descriptor @at of a ring.  One that is in @given is not ours any more,
 * though memory does not say so yet.  False: there is no memory (ISR says so).
 */
bool rtl8139_desc_read(struct rtl8139 *d, uint64_t ring, unsigned int at,
		       uint64_t given, struct rtl8139_desc *c);
/* dw0, written when all of this is committed, gives the descriptor back.  It is
   @given from now on. */
void rtl8139_desc_give(struct rtl8139 *d, const struct rtl8139_desc *c,
		       uint64_t *given);
unsigned int rtl8139_desc_next(unsigned int at, uint32_t dw0);
/* Sends what the C+ ring holds: r.npq descriptors at most, and what a turn
   allows.  r.npq stays if it has to go on later. */
void rtl8139_ring_send(struct rtl8139 *d);

/* rtl8139_tx.c */
/* Sends what the four register descriptors hold. */
void rtl8139_send(struct rtl8139 *d);
/*
 * A frame at d->tx + VLAN_BYTES, and what dw0 and dw1 ask for it (0: nothing).
 * False: no room at the host, do it again later.
 */
bool rtl8139_hand_over(struct rtl8139 *d, size_t len_bytes, uint32_t dw0,
		       uint32_t dw1);

/* rtl8139_csum.c */
/* Fills in what dw0 asks for, or says in @todo who does it later. */
void rtl8139_offload(uint8_t *frame, size_t len_bytes, uint32_t dw0,
		     struct nic_todo *todo);
/* Does what @todo says (but cut into segments: false). */
bool rtl8139_finish(uint8_t *frame, size_t len_bytes,
		    const struct nic_todo *todo);
/* RX_PID_* of a frame whose IP header is right; else 0. */
uint32_t rtl8139_protocol(const uint8_t *frame, size_t len_bytes);

/* rtl8139_rx.c */
bool rtl8139_receive(void *dev, const uint8_t *frame, size_t len_bytes,
		     bool csum_good);
/* A frame of our own. */
void rtl8139_loop(struct rtl8139 *d, const uint8_t *frame, size_t len_bytes);
bool rtl8139_rx_is_empty(const struct rtl8139 *d);	/* the byte ring */
void rtl8139_rx_rewind(struct rtl8139 *d);
/* Before each settle: is there a buffer for the frame the host holds? */
void rtl8139_rx_settle(struct rtl8139 *d);
void rtl8139_rx_retry(void *dev);

#endif /* DEV_RTL8139_CORE_H */
