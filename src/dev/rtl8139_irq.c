/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dev/rtl8139_irq.c - when the RTL8139 interrupts
 *
 * Runs in the net worker.  INTA is (ISR & IMR) != 0, but for frames sent and
 * nothing else: that waits for the end of the turn, and in the descriptor ring,
 * while it is little, for the wire's reply or for more of the same.  ISR says it
 * at once, and a driver that looks has been told.
 */
#include "base/clock.h"
#include "bus/irq.h"
#include "dev/rtl8139_core.h"

/* What the driver may miss of its ring without a need to know. */
#define UNTOLD_SHARE	4u
/* Receiving, with its interrupts masked, what it sends is acknowledgements, or
   as little as those. */
#define POLLED_BYTES	2048u
#define POLLED_NS	(20 * NS_PER_MS)

static bool is_polling(const struct rtl8139 *d)
{
	return !(d->r.imr & ISR_ROK);
}

/* TOK, longer than for the end of this turn. */
static int64_t waits_until_ns(const struct rtl8139 *d)
{
	const struct nic_reply *r = &d->reply;

	if (!(d->r.cpcr & CPCR_TX) || !r->frames ||
	    d->untold_descs > d->tx_ring / UNTOLD_SHARE)
		return 0;
	if (!is_polling(d))
		return nic_reply_until_ns(r);
	return r->bytes <= POLLED_BYTES ? r->sent_ns + POLLED_NS : 0;
}

void rtl8139_irq_sent(struct rtl8139 *d, size_t len_bytes, unsigned int descs)
{
	d->r.isr |= ISR_TOK;
	d->untold_descs += descs;
	nic_reply_sent(&d->reply, len_bytes, d->bus);
}

/* TOK alone.  True: not yet. */
static bool wait_for_more(struct rtl8139 *d)
{
	int64_t until;

	if (d->tok_over)
		return false;
	until = waits_until_ns(d);
	if (until)
		timer_set(d->bus, &d->tok, until);
	else
		bus_ask_turn(d->bus, d->id);
	return true;
}

void rtl8139_irq_update(struct rtl8139 *d)
{
	uint32_t causes = d->r.isr & d->r.imr;

	if (d->r.gone || !pci_may_intx(&d->func))
		causes = 0;
	if (causes == ISR_TOK && !d->line && wait_for_more(d))
		return;
	timer_off(d->bus, &d->tok);
	if (causes || !(d->r.isr & ISR_TOK)) {
		d->tok_over = false;
		d->untold_descs = 0;
		nic_reply_told(&d->reply);
	}
	d->line = causes;
	irq_intx(d->bus, d->func.devfn, 0, d->line);
}

void rtl8139_irq_turn(struct rtl8139 *d)
{
	if (d->line || (d->r.isr & d->r.imr) != ISR_TOK ||
	    waits_until_ns(d))
		return;
	bus_touch(d->bus, d->id);
	d->tok_over = true;
}

static void tok_fire(void *dev)
{
	struct rtl8139 *d = dev;

	bus_touch(d->bus, d->id);
	d->tok_over = true;
}

void rtl8139_irq_init(struct rtl8139 *d)
{
	d->tx_ring = RTL8139_RING_MAX;
	timer_add(d->bus, &d->tok, tok_fire, d);
}
