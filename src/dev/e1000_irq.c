/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dev/e1000_irq.c - 82540EM: interrupt causes, delays, throttling
 *
 * Runs in the net worker.  INTA is (ICR & IMS) != 0, but for ITR, which says
 * how soon after one interrupt the next may begin (SDM 13.4.18).  Delays are
 * in units of 1.024 us, ITR in 256 ns.  A delay is there to save
 * interrupts: it ends with any that goes out, as the SDM says of TADV.  TIDV and
 * TADV are lengthened for a frame whose reply may come (dev/nic_reply.h).  All of
 * them share one bus timer, which is only ever moved forward: a delay that each
 * frame starts anew costs no timer call, the timer just finds nothing due.
 */
#include "base/clock.h"
#include "bus/irq.h"
#include "dev/e1000_core.h"

#define NEVER		INT64_MAX
#define DELAY_NS	1024
#define ITR_NS		256
#define AHEAD_NS	NS_PER_S

static void set_line(struct e1000 *d, bool level)
{
	d->r.line = level;
	irq_intx(d->bus, d->func.devfn, 0, level);
}

static bool is_wanted(const struct e1000 *d)
{
	return (d->r.icr & d->r.ims) && !d->r.gone && pci_may_intx(&d->func);
}

void e1000_set_due(struct e1000 *d, enum e1000_due what, int64_t at_ns)
{
	d->r.due_ns[what] = at_ns;
	if (at_ns < d->timer.deadline_ns)
		timer_set(d->bus, &d->timer, at_ns);
}

/* The driver is about to look: what is delayed need not call it again. */
static void take_delayed(struct e1000 *d)
{
	if (d->r.due_ns[E1000_DUE_TX] != NEVER || d->r.tx_causes)
		d->r.icr |= ICR_TXDW;
	d->r.tx_causes = 0;
	nic_reply_told(&d->reply);
	if (d->r.due_ns[E1000_DUE_RX] != NEVER)
		d->r.icr |= ICR_RXT0;
	e1000_set_due(d, E1000_DUE_TX, NEVER);
	e1000_set_due(d, E1000_DUE_RX, NEVER);
}

void e1000_irq_update(struct e1000 *d)
{
	int64_t now;

	if (!is_wanted(d)) {
		e1000_set_due(d, E1000_DUE_IRQ, NEVER);
		if (d->r.line)
			set_line(d, false);
		return;
	}
	if (d->r.line || d->r.due_ns[E1000_DUE_IRQ] != NEVER)
		return;
	if (d->r.itr) {
		now = timer_now_ns(d->bus);
		if (now < d->r.next_irq_ns) {
			e1000_set_due(d, E1000_DUE_IRQ, d->r.next_irq_ns);
			return;
		}
		d->r.next_irq_ns = now + (int64_t)d->r.itr * ITR_NS;
	}
	take_delayed(d);
	set_line(d, true);
}

void e1000_irq_cause(struct e1000 *d, uint32_t bits)
{
	d->r.icr |= bits & ICR_BITS;
	e1000_irq_update(d);
}

void e1000_irq_flush(struct e1000 *d, enum e1000_due what)
{
	if (d->r.due_ns[what] == NEVER)
		return;
	e1000_set_due(d, what, NEVER);
	e1000_irq_cause(d, what == E1000_DUE_TX ? ICR_TXDW : ICR_RXT0);
}

void e1000_irq_delay(struct e1000 *d, enum e1000_due what, int64_t since_ns)
{
	bool tx = what == E1000_DUE_TX;
	uint32_t packet = tx ? d->r.tidv : d->r.rdtr;
	uint32_t absolute = tx ? d->r.tadv : d->r.radv;
	int64_t at, reply = tx ? nic_reply_until_ns(&d->reply) : 0;

	at = since_ns + (int64_t)packet * DELAY_NS;
	if (d->r.due_ns[what] == NEVER)
		d->r.latest_ns[what] = absolute ?
			since_ns + (int64_t)absolute * DELAY_NS : NEVER;
	if (at > d->r.latest_ns[what])
		at = d->r.latest_ns[what];
	if (at < reply)
		at = reply;
	/* Nor does a delay matter to a driver that has been called already. */
	if (!packet || d->r.line || at <= timer_now_ns(d->bus)) {
		e1000_set_due(d, what, NEVER);
		e1000_irq_cause(d, tx ? ICR_TXDW : ICR_RXT0);
		return;
	}
	/* Nobody is interrupted before that anyway: one timer does for both. */
	if (d->r.itr && at < d->r.next_irq_ns)
		at = d->r.next_irq_ns;
	e1000_set_due(d, what, at);
}

static void fire(void *dev)
{
	struct e1000 *d = dev;
	int64_t now = timer_now_ns(d->bus), next = NEVER;

	for (unsigned int i = 0; i < E1000_DUE_COUNT; i++) {
		if (d->r.due_ns[i] > now)
			continue;
		bus_touch(d->bus, d->id);
		switch ((enum e1000_due)i) {
		case E1000_DUE_TX:
		case E1000_DUE_RX:
			e1000_irq_flush(d, (enum e1000_due)i);
			break;
		case E1000_DUE_IRQ:
			e1000_set_due(d, E1000_DUE_IRQ, NEVER);
			e1000_irq_update(d);
			break;
		case E1000_DUE_LINK:
			e1000_set_due(d, E1000_DUE_LINK, NEVER);
			e1000_phy_negotiated(d);
			break;
		case E1000_DUE_COUNT:
			break;
		}
	}
	for (unsigned int i = 0; i < E1000_DUE_COUNT; i++)
		if (d->r.due_ns[i] < next)
			next = d->r.due_ns[i];
	timer_set(d->bus, &d->timer, next);
}

/* Of the MAC: the PHY's time goes on. */
void e1000_irq_reset(struct e1000 *d)
{
	e1000_set_due(d, E1000_DUE_TX, NEVER);
	e1000_set_due(d, E1000_DUE_RX, NEVER);
	d->r.next_irq_ns = 0;
	e1000_irq_update(d);
}

/*
 * What a predecessor waited for.  No card waits longer than AHEAD_NS for
 * anything: what is farther ahead than that is due now.
 */
void e1000_irq_resume(struct e1000 *d)
{
	int64_t now = timer_now_ns(d->bus), most = now + AHEAD_NS;

	for (unsigned int i = 0; i < E1000_DUE_COUNT; i++) {
		int64_t at = d->r.due_ns[i];

		if (at != NEVER)
			e1000_set_due(d, (enum e1000_due)i, at > most ? now : at);
	}
	if (d->r.next_irq_ns > most)
		d->r.next_irq_ns = 0;
	set_line(d, d->r.line);
	e1000_irq_update(d);
}

void e1000_irq_stop(struct e1000 *d)
{
	for (unsigned int i = 0; i < E1000_DUE_COUNT; i++)
		e1000_set_due(d, (enum e1000_due)i, NEVER);
	timer_off(d->bus, &d->timer);
}

void e1000_irq_init(struct e1000 *d)
{
	for (unsigned int i = 0; i < E1000_DUE_COUNT; i++)
		d->r.due_ns[i] = NEVER;
	timer_add(d->bus, &d->timer, fire, d);
}
