/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dev/rtl8139_tx.c - how frames leave the RTL8139
 *
 * Runs in the net worker.  The last step, common to both modes, and the four
 * descriptors in registers.  A frame is copied once from guest memory and not
 * looked at there again.
 */
#include <string.h>

#include "bus/dma.h"
#include "dev/rtl8139_core.h"

#define TSDS	4u

/* The tag's bytes are in dw1 as on the wire. */
static uint8_t *insert_tag(struct rtl8139 *d, uint32_t dw1,
			   struct nic_todo *todo)
{
	memmove(d->tx, d->tx + VLAN_BYTES, 2 * NIC_MAC_BYTES);
	be16_put(d->tx + 12, ETHERTYPE_VLAN);
	d->tx[14] = (uint8_t)dw1;
	d->tx[15] = (uint8_t)(dw1 >> 8);
	if (todo->csum)
		todo->csum_start += VLAN_BYTES;
	if (todo->gso != NIC_GSO_NONE)
		todo->header_bytes += VLAN_BYTES;
	return d->tx;
}

bool rtl8139_hand_over(struct rtl8139 *d, size_t len_bytes, uint32_t dw0,
		       uint32_t dw1)
{
	struct nic_todo todo = { .csum = false };
	uint8_t *frame = d->tx + VLAN_BYTES;
	struct iovec iov;

	/* Nothing that a wire would carry. */
	if (len_bytes < NIC_HEADER_BYTES)
		return true;
	rtl8139_offload(frame, len_bytes, dw0, &todo);
	if (dw1 & TX_TAGC) {
		frame = insert_tag(d, dw1, &todo);
		len_bytes += VLAN_BYTES;
	}
	if (len_bytes < NIC_FRAME_MIN) {
		memset(frame + len_bytes, 0, NIC_FRAME_MIN - len_bytes);
		len_bytes = NIC_FRAME_MIN;
	}
	if (rtl8139_is_looped(d)) {
		if (rtl8139_finish(frame, len_bytes, &todo))
			rtl8139_loop(d, frame, len_bytes);
		return true;
	}
	if (!d->nic->link_up)
		return true;
	iov = (struct iovec){ .iov_base = frame, .iov_len = len_bytes };
	if (!d->nic->ops->send(d->nic, &iov, 1, &todo))
		return true;
	d->tx_waits = true;
	return false;
}

static bool send_one(struct rtl8139 *d, unsigned int i)
{
	uint32_t len_bytes = d->r.tsd[i] & TSD_SIZE;

	if (!dma_read(d->bus, d->r.tsad[i], d->tx + VLAN_BYTES, len_bytes)) {
		d->r.tsd[i] |= TSD_OWN | TSD_TUN;
		d->r.isr |= ISR_TER;
		d->r.tally.tx_err++;
		d->r.tally.tx_underrun++;
		return true;
	}
	if (!rtl8139_hand_over(d, len_bytes, 0, 0))
		return false;
	d->r.tsd[i] |= TSD_OWN | TSD_TOK;
	rtl8139_irq_sent(d, len_bytes, 1);
	d->r.tally.tx_ok++;
	return true;
}

void rtl8139_send(struct rtl8139 *d)
{
	if (!(d->r.cr & CR_TE) || (d->r.cpcr & CPCR_TX) ||
	    !rtl8139_is_running(d) || d->tx_waits)
		return;
	for (unsigned int n = 0; n < TSDS; n++) {
		unsigned int i = d->r.tsd_at % TSDS;

		if ((d->r.tsd[i] & TSD_OWN) || !send_one(d, i))
			return;
		d->r.tsd_at = (uint8_t)((i + 1) % TSDS);
	}
}
