/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/integ/net_guest.c - drivers for the network cards, on a fake guest
 *
 * Runs in tests.  Sources: Realtek RTL8139C+ data sheet; Intel 317453 (82540EM).
 */
#include "net_guest.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/le.h"
#include "bus/pci.h"
#include "patience.h"

#define TX_COUNT	32u
#define TX_RING		0x100000u
#define RX_RING		0x101000u
#define TX_BUF		0x200000u
#define RX_BUF		0x300000u
#define PILE_RING	0x400000u
#define PILE_COUNT	4096u		/* rtl8139: 64 */
#define RX_BUF_BYTES	2048u
#define PORTS		0xc000u		/* rtl8139, BAR 0 */
#define REGS		0xf3000000u	/* e1000, BAR 0 */

enum rtl { CR = 0x37, IMR = 0x3c, TCR = 0x40, RCR = 0x44, RTL_MPC = 0x4c,
	   CR9346 = 0x50, MSR = 0x58,
	   TNPDS = 0x20, TPPOLL = 0xd9, CPCR = 0xe0, RDSAR = 0xe4 };
#define OWN	0x80000000u
#define EOR	0x40000000u
#define FS_LS	0x30000000u
#define LGSEN	0x08000000u

enum e1000 { CTRL = 0, STATUS = 8, IMC = 0xd8, RCTL = 0x100, TCTL = 0x400,
	     RDBAL = 0x2800, RDBAH = 0x2804, RDLEN = 0x2808, RDH = 0x2810,
	     RDT = 0x2818, TDBAL = 0x3800, TDBAH = 0x3804, TDLEN = 0x3808,
	     TDH = 0x3810, TDT = 0x3818, MPC = 0x4010, RXCSUM = 0x5000 };

static uint8_t *ram(struct net_guest *n, uint64_t gpa)
{
	return fakeguest_ram(n->g, gpa);
}

static void out(struct net_guest *n, unsigned int off, unsigned int size, uint32_t v)
{
	fakeguest_out(n->g, 0, (uint16_t)(PORTS + off), size, v);
}

static void set(struct net_guest *n, unsigned int off, uint32_t v)
{
	fakeguest_store_mem(n->g, 0, REGS + off, 4, v);
}

static uint32_t get(struct net_guest *n, unsigned int off)
{
	return (uint32_t)fakeguest_load_mem(n->g, 0, REGS + off, 4);
}

/* ---- descriptors ---- */

static uint8_t *rx_desc(struct net_guest *n, unsigned int i)
{
	return ram(n, RX_RING + i % NET_GUEST_RX * 16);
}

static void give(struct net_guest *n, unsigned int i)
{
	uint8_t *d = rx_desc(n, i);
	uint32_t buf = RX_BUF + i % NET_GUEST_RX * RX_BUF_BYTES;

	if (n->e1000) {
		le64_put(d, buf);
		le64_put(d + 8, 0);
	} else {
		le32_put(d + 4, 0);
		le64_put(d + 8, buf);
		le32_put(d, OWN | RX_BUF_BYTES |
			 (i % NET_GUEST_RX == NET_GUEST_RX - 1 ? EOR : 0));
	}
}

void net_guest_refill(struct net_guest *n)
{
	/* The e1000 wants one descriptor free to tell full from empty. */
	unsigned int most = n->e1000 ? NET_GUEST_RX - 1 : NET_GUEST_RX;

	for (; n->given < most; n->given++)
		give(n, n->rx_at + n->given);
	if (n->e1000)
		set(n, RDT, (n->rx_at + n->given) % NET_GUEST_RX);
	else	/* any register: the card looks again */
		fakeguest_in(n->g, 0, PORTS + 0x3e, 2);
}

static void start_rtl(struct net_guest *n)
{
	fakeguest_cfg_write(n->g, 0, PCI_DEVFN(n->slot, 0), 0x10, 4, PORTS);
	fakeguest_cfg_write(n->g, 0, PCI_DEVFN(n->slot, 0), 4, 2, 5);
	out(n, CR, 1, 0x10);
	for (int i = 0; i < 1000 && fakeguest_in(n->g, 0, PORTS + CR, 1) & 0x10; i++)
		;
	out(n, CR9346, 1, 0xc0);
	out(n, CPCR, 2, 0x2b);		/* rings both ways, checksums */
	out(n, IMR, 2, 0);
	out(n, TNPDS, 4, TX_RING);
	out(n, TNPDS + 4, 4, 0);
	out(n, RDSAR, 4, RX_RING);
	out(n, RDSAR + 4, 4, 0);
	out(n, CR, 1, 0x0c);
	out(n, TCR, 4, 0x03000700);
	out(n, RCR, 4, 0xe70f);		/* everything */
	out(n, CR9346, 1, 0);
}

static void start_e1000(struct net_guest *n)
{
	fakeguest_cfg_write(n->g, 0, PCI_DEVFN(n->slot, 0), 0x10, 4, REGS);
	fakeguest_cfg_write(n->g, 0, PCI_DEVFN(n->slot, 0), 4, 2, 6);
	set(n, CTRL, 0x04000000);
	for (int i = 0; i < 1000 && get(n, CTRL) & 0x04000000; i++)
		;
	set(n, CTRL, 0x40);
	for (int i = 0; i < PATIENCE_MS && !(get(n, STATUS) & 2); i++)
		usleep(1000);
	set(n, IMC, 0xffffffff);
	set(n, TDBAL, TX_RING);
	set(n, TDBAH, 0);
	set(n, TDLEN, TX_COUNT * 16);
	set(n, TDH, 0);
	set(n, TDT, 0);
	set(n, TCTL, 0x4010a);
	set(n, RDBAL, RX_RING);
	set(n, RDBAH, 0);
	set(n, RDLEN, NET_GUEST_RX * 16);
	set(n, RDH, 0);
	set(n, RDT, 0);
	set(n, RXCSUM, 0x300);
	set(n, RCTL, 0x0400801a);	/* everything, FCS stripped */
}

void net_guest_start(struct net_guest *n, struct fakeguest *g, const char *model,
		     unsigned int slot)
{
	*n = (struct net_guest){ .g = g, .slot = slot,
				 .e1000 = strcmp(model, "e1000") == 0 };
	memset(ram(n, TX_RING), 0, TX_COUNT * 16);
	memset(ram(n, RX_RING), 0, NET_GUEST_RX * 16);
	if (n->e1000) {
		start_e1000(n);
		net_guest_refill(n);
	} else {
		net_guest_refill(n);	/* nothing there yet to be read */
		start_rtl(n);
	}
}

void net_guest_stop(struct net_guest *n, unsigned int how)
{
	if (how == 2) {
		fakeguest_cfg_write(n->g, 0, PCI_DEVFN(n->slot, 0), 4, 2,
				    n->e1000 ? 2 : 1);
	} else if (!n->e1000) {
		out(n, CR, 1, how == 0 ? 0x10 : 0);
	} else if (how == 0) {
		set(n, CTRL, 0x04000000);
	} else {
		set(n, RCTL, 0);
		set(n, TCTL, 0);
		(void)get(n, STATUS);
	}
}

/* ---- out ---- */

static bool until(struct net_guest *n, const uint8_t *p, uint8_t mask, uint8_t want)
{
	(void)n;
	for (int i = 0; i < PATIENCE_MS; i++) {
		if ((*(const volatile uint8_t *)p & mask) == want)
			return true;
		usleep(1000);
	}
	return false;
}

static bool send_rtl(struct net_guest *n, size_t len, const struct net_guest_todo *t)
{
	uint8_t *d = ram(n, TX_RING + n->tx_at * 16);
	uint32_t dw0 = OWN | FS_LS | (uint32_t)len |
		       (n->tx_at == TX_COUNT - 1 ? EOR : 0);

	if (t->mss)
		dw0 |= LGSEN | t->mss << 16;
	else if (t->csum)
		dw0 |= 1u << 18 | 1u << 16;
	le32_put(d + 4, 0);
	le64_put(d + 8, TX_BUF);
	le32_put(d, dw0);
	out(n, TPPOLL, 1, 0x40);
	n->tx_at = (n->tx_at + 1) % TX_COUNT;
	return until(n, d + 3, 0x80, 0);
}

/* As Linux does: for a cut frame lengths and sums without them are the card's. */
static void add_context(struct net_guest *n, size_t len, const struct net_guest_todo *t)
{
	uint8_t *d = ram(n, TX_RING + n->tx_at * 16);

	d[0] = 14;
	d[1] = 14 + 10;
	le16_put(d + 2, (uint16_t)(t->tcp_at - 1));
	d[4] = (uint8_t)t->tcp_at;
	d[5] = (uint8_t)(t->tcp_at + 16);
	le16_put(d + 6, 0);
	le32_put(d + 8, (uint32_t)(t->mss ? len - t->header_bytes : 0) |
		 (t->mss ? 0x27000000 : 0x23000000));
	d[12] = 0;
	d[13] = (uint8_t)t->header_bytes;
	le16_put(d + 14, (uint16_t)t->mss);
	n->tx_at = (n->tx_at + 1) % TX_COUNT;
}

static bool send_e1000(struct net_guest *n, size_t len, const struct net_guest_todo *t)
{
	uint8_t *d;
	size_t at = 0;

	if (t->csum)
		add_context(n, len, t);
	do {
		size_t most = 0x4000, part = len - at < most ? len - at : most;
		bool last = at + part == len;

		d = ram(n, TX_RING + n->tx_at * 16);
		le64_put(d, TX_BUF + at);
		le32_put(d + 8, (uint32_t)part | (last ? 0x0b000000 : 0) |
			 (t->csum ? 0x20100000 : 0) | (t->mss ? 0x04000000 : 0));
		le32_put(d + 12, t->csum ? 0x300 : 0);
		n->tx_at = (n->tx_at + 1) % TX_COUNT;
		at += part;
	} while (at < len);
	set(n, TDT, n->tx_at);
	return until(n, d + 12, 1, 1);
}

bool net_guest_send(struct net_guest *n, const void *frame, size_t len,
		    const struct net_guest_todo *todo)
{
	static const struct net_guest_todo none;

	memcpy(ram(n, TX_BUF), frame, len);
	return n->e1000 ? send_e1000(n, len, todo ? todo : &none) :
	       send_rtl(n, len, todo ? todo : &none);
}

/* ---- a stream ---- */

static bool is_done(struct net_guest *n, const uint8_t *d)
{
	return n->e1000 ? ((const volatile uint8_t *)d)[12] & 1 :
		!(((const volatile uint8_t *)d)[3] & 0x80);
}

unsigned int net_guest_reclaim(struct net_guest *n)
{
	while (n->tx_done != n->tx_at &&
	       is_done(n, ram(n, TX_RING + n->tx_done * 16))) {
		memset(ram(n, TX_BUF + n->tx_done * NET_GUEST_POST_BYTES), 0xdb,
		       NET_GUEST_POST_BYTES);
		n->tx_done = (n->tx_done + 1) % TX_COUNT;
	}
	return (n->tx_at + TX_COUNT - n->tx_done) % TX_COUNT;
}

bool net_guest_post(struct net_guest *n, const void *frame, size_t len)
{
	uint8_t *d = ram(n, TX_RING + n->tx_at * 16);
	uint32_t buf = TX_BUF + n->tx_at * NET_GUEST_POST_BYTES;

	if (net_guest_reclaim(n) == TX_COUNT - 1)
		return false;
	memcpy(ram(n, buf), frame, len);
	if (n->e1000) {
		le64_put(d, buf);
		le32_put(d + 8, (uint32_t)len | 0x0b000000);
		le32_put(d + 12, 0);
	} else {
		le32_put(d + 4, 0);
		le64_put(d + 8, buf);
		le32_put(d, OWN | FS_LS | (uint32_t)len |
			 (n->tx_at == TX_COUNT - 1 ? EOR : 0));
	}
	n->tx_at = (n->tx_at + 1) % TX_COUNT;
	return true;
}

void net_guest_doorbell(struct net_guest *n)
{
	if (n->e1000)
		set(n, TDT, n->tx_at);
	else
		out(n, TPPOLL, 1, 0x40);
}

/* ---- many at once ---- */

static void pile_rtl(struct net_guest *n, size_t len, unsigned int count)
{
	for (unsigned int i = 0; i <= count; i++) {
		uint8_t *d = ram(n, PILE_RING + i * 16);

		le32_put(d + 4, 0);
		le64_put(d + 8, TX_BUF);
		le32_put(d, i < count ? OWN | FS_LS | (uint32_t)len : EOR);
	}
	out(n, CR, 1, 0x08);
	out(n, TNPDS, 4, PILE_RING);
	out(n, CR, 1, 0x0c);
	out(n, TPPOLL, 1, 0x40);
}

static void pile_e1000(struct net_guest *n, size_t len, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		uint8_t *d = ram(n, PILE_RING + i * 16);

		le64_put(d, TX_BUF);
		le32_put(d + 8, (uint32_t)len | 0x0b000000);
		le32_put(d + 12, 0);
	}
	set(n, TCTL, 0);
	set(n, TDBAL, PILE_RING);
	set(n, TDLEN, PILE_COUNT * 16);
	set(n, TDH, 0);
	set(n, TDT, 0);
	set(n, TCTL, 0x4010a);
	set(n, TDT, count);
}

void net_guest_pile(struct net_guest *n, const void *frame, size_t len,
		    unsigned int count)
{
	memcpy(ram(n, TX_BUF), frame, len);
	n->tx_at = 0;
	if (n->e1000)
		pile_e1000(n, len, count);
	else
		pile_rtl(n, len, count);
}

unsigned int net_guest_piled(struct net_guest *n)
{
	unsigned int done = 0;

	if (n->e1000)
		return get(n, TDH);
	while (done < 63 && !(*(volatile uint8_t *)ram(n, PILE_RING + done * 16 + 3)
			      & 0x80))
		done++;
	return done;
}

/* ---- in ---- */

size_t net_guest_receive(struct net_guest *n, void *frame, bool *csum_good,
			 bool keep, int ms)
{
	uint8_t *d = rx_desc(n, n->rx_at);
	uint32_t buf = RX_BUF + n->rx_at * RX_BUF_BYTES;
	size_t len;

	if (n->given == 0)	/* its descriptor is not the card's */
		return 0;
	while (n->e1000 ? !(((volatile uint8_t *)d)[12] & 1) :
	       (((volatile uint8_t *)d)[3] & 0x80) != 0) {
		if (ms-- <= 0)
			return 0;
		usleep(1000);
	}
	if (n->e1000) {
		len = le16_get(d + 8);
		*csum_good = !(d[12] & 4) && (d[12] & 0x20) && !(d[13] & 0x60);
	} else {
		len = (le32_get(d) & 0x1fff) - 4;
		*csum_good = (le32_get(d) >> 16 & 3) == 1 && !(le32_get(d) & 0xe000);
	}
	memcpy(frame, ram(n, buf), len);
	n->rx_at = (n->rx_at + 1) % NET_GUEST_RX;
	n->given--;
	if (!keep)
		net_guest_refill(n);
	return len;
}

unsigned int net_guest_missed(struct net_guest *n)
{
	unsigned int missed;

	if (n->e1000)
		return get(n, MPC);
	missed = fakeguest_in(n->g, 0, PORTS + RTL_MPC, 4);
	out(n, RTL_MPC, 4, 0);
	return missed;
}

bool net_guest_has_link(struct net_guest *n)
{
	return n->e1000 ? (get(n, STATUS) & 2) != 0 :
	       !(fakeguest_in(n->g, 0, PORTS + MSR, 1) & 4);
}

bool net_guest_is_there(struct net_guest *n)
{
	return fakeguest_cfg_read(n->g, 0, PCI_DEVFN(n->slot, 0), 0, 4) != UINT32_MAX;
}
