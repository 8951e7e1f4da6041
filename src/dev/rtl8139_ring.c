/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dev/rtl8139_ring.c - C+ mode of the RTL8139: descriptors, transmit ring
 *
 * Runs in the net worker.  A frame's descriptors are copied, all of them,
 * before anything is done, and given back after the host has taken the frame
 * and the card has committed that (dev/nic_back.h):
 * one that is not complete yet, or that the host has no room for, is looked at
 * again from its first descriptor.  A doorbell stands for one pass over the
 * ring, in as many turns as that takes.
 */
#include "base/le.h"
#include "bus/bus.h"
#include "bus/dma.h"
#include "dev/rtl8139_core.h"

bool rtl8139_desc_read(struct rtl8139 *d, uint64_t ring, unsigned int at,
		       uint64_t given, struct rtl8139_desc *c)
{
	uint8_t raw[DESC_BYTES];

	c->at = at;
	c->gpa = ring + at * DESC_BYTES;
	/* A driver that has not set up its ring: the address is 0. */
	if (!ring || !dma_read(d->bus, c->gpa, raw, sizeof(raw))) {
		if (ring)
			d->r.isr |= ISR_SERR;
		return false;
	}
	c->dw0 = le32_get(raw);
	c->dw1 = le32_get(raw + 4);
	c->buf = le64_get(raw + 8);
	if (given >> at & 1)
		c->dw0 &= ~DESC_OWN;
	return true;
}

void rtl8139_desc_give(struct rtl8139 *d, const struct rtl8139_desc *c,
		       uint64_t *given)
{
	nic_back_add(&d->back, c->gpa, c->dw0, 4);
	*given |= UINT64_C(1) << c->at;
}

unsigned int rtl8139_desc_next(unsigned int at, uint32_t dw0)
{
	return dw0 & DESC_EOR ? 0 : (at + 1) % RTL8139_RING_MAX;
}

/*
 * Copies the descriptors of the next frame.  0: there is none, or its end is
 * not there yet.  A whole ring without an end is a frame that cannot be sent.
 */
static unsigned int gather(struct rtl8139 *d, unsigned int *at, bool *whole)
{
	uint64_t ring = d->r.tsad[0] | (uint64_t)d->r.tsad[1] << 32;
	unsigned int first = d->r.tx_at % RTL8139_RING_MAX, n = 0;

	*at = first;
	*whole = false;
	do {
		struct rtl8139_desc *c = &d->tx_desc[n];

		if (!rtl8139_desc_read(d, ring, *at, d->given_tx, c) ||
		    !(c->dw0 & DESC_OWN))
			return 0;
		n++;
		*at = rtl8139_desc_next(*at, c->dw0);
		*whole = c->dw0 & DESC_LS;
	} while (!*whole && *at != first && n < RTL8139_RING_MAX);
	return n;
}

/* Drivers give each page a descriptor of its own. */
static void prefetch(struct rtl8139 *d, unsigned int n)
{
	struct dma_seg seg[RTL8139_RING_MAX];

	for (unsigned int i = 0; i < n; i++)
		seg[i] = (struct dma_seg){ d->tx_desc[i].buf,
					   TX_SIZE(d->tx_desc[i].dw0) };
	if (n > 1)
		dma_prefetch(d->bus, seg, n);
}

/* Its bytes, and where it starts.  False: too many, or not in memory. */
static bool load(struct rtl8139 *d, unsigned int n, size_t *len_bytes,
		 const struct rtl8139_desc **first)
{
	uint8_t *to = d->tx + VLAN_BYTES;
	size_t len = 0;

	prefetch(d, n);
	*first = &d->tx_desc[0];
	for (unsigned int i = 0; i < n; i++) {
		const struct rtl8139_desc *c = &d->tx_desc[i];
		size_t part = TX_SIZE(c->dw0);

		/* A frame starts here, whatever the driver began before. */
		if (c->dw0 & DESC_FS) {
			*first = c;
			len = 0;
		}
		if (part > NIC_SEND_MAX - len ||
		    !dma_read(d->bus, c->buf, to + len, part))
			return false;
		len += part;
	}
	*len_bytes = len;
	return !((*first)->dw1 & TX_TAGC) || len <= NIC_SEND_MAX - VLAN_BYTES;
}

static void give_back(struct rtl8139 *d, unsigned int n, bool sent,
		      size_t len_bytes)
{
	for (unsigned int i = 0; i < n; i++) {
		if (d->tx_desc[i].dw0 & DESC_EOR)
			d->tx_ring = d->tx_desc[i].at + 1;
		d->tx_desc[i].dw0 &= TX_KEPT;
		if (!sent)
			d->tx_desc[i].dw0 |= TX_FAILED;
		rtl8139_desc_give(d, &d->tx_desc[i], &d->given_tx);
	}
	if (sent) {
		rtl8139_irq_sent(d, len_bytes, n);
		d->r.tally.tx_ok++;
	} else {
		d->r.isr |= ISR_TER;
		d->r.tally.tx_err++;
		d->r.tally.tx_underrun++;
	}
}

/* Descriptors that were given back; 0: there is nothing to do now. */
static unsigned int send_next(struct rtl8139 *d)
{
	const struct rtl8139_desc *first;
	unsigned int at, n;
	size_t len_bytes = 0;
	bool good;

	n = gather(d, &at, &good);
	if (!n)
		return 0;
	good = good && load(d, n, &len_bytes, &first);
	nic_turn_take(&d->turn, n, good ? (uint32_t)len_bytes : 0);
	if (good && !rtl8139_hand_over(d, len_bytes, first->dw0, first->dw1))
		return 0;
	give_back(d, n, good, len_bytes);
	d->r.tx_at = (uint8_t)at;
	return n;
}

static bool is_on(const struct rtl8139 *d)
{
	return (d->r.cr & CR_TE) && (d->r.cpcr & CPCR_TX);
}

void rtl8139_ring_send(struct rtl8139 *d)
{
	if (!is_on(d)) {
		d->r.npq = 0;
		return;
	}
	/* If the turn is over, the next one has been asked for. */
	if (!rtl8139_is_running(d) || d->tx_waits || nic_turn_is_over(&d->turn))
		return;
	bus_ask_turn(d->bus, d->id);
	while (d->r.npq && !nic_turn_is_over(&d->turn)) {
		unsigned int n = send_next(d);

		if (!n && d->tx_waits)
			return;
		d->r.npq -= (uint8_t)(n && n < d->r.npq ? n : d->r.npq);
	}
}
