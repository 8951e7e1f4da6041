/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dev/e1000_state.c - 82540EM: what a successor believes, and how it goes on
 *
 * Runs in the net worker.  Rules for committed registers, and ops->resume.
 * Registers that are only kept for their reader have no rule.
 */
#include "bus/restore.h"
#include "dev/e1000_core.h"

#define LAYOUT		1u
#define TOOK_REGS	0x01u
#define TOOK_TABLES	0x02u
#define TOOK_ALL	(TOOK_REGS | TOOK_TABLES)

#define F(member, kind, limit) \
	BUS_FIELD(struct e1000_regs, member, BUS_FIELD_##kind, limit)

static const struct bus_field regs_fields[] = {
	BUS_FIELDS(struct e1000_regs, due_ns[0], E1000_DUE_COUNT,
		   BUS_FIELD_TIME, 0),
	BUS_FIELDS(struct e1000_regs, latest_ns[0], 2, BUS_FIELD_TIME, 0),
	F(next_irq_ns, TIME, 0),
	F(back.count, MAX, NIC_BACK_MAX),
	F(icr, BITS, ICR_BITS), F(ims, BITS, ICR_BITS), F(itr, BITS, 0xffff),
	F(rctl, BITS, RCTL_BITS),
	F(rdbal, BITS, 0xfffffff0), F(rdlen, BITS, RING_BYTES),
	F(rdh, BITS, 0xffff), F(rdt, BITS, 0xffff), F(rdtr, BITS, 0xffff),
	F(radv, BITS, 0xffff), F(rsrpd, BITS, 0xfff),
	F(tdbal, BITS, 0xfffffff0), F(tdlen, BITS, RING_BYTES),
	F(tdh, BITS, 0xffff), F(tdt, BITS, 0xffff), F(tidv, BITS, 0xffff),
	F(tadv, BITS, 0xffff),
	F(rxcsum, BITS, 0x3ff), F(vet, BITS, 0xffff),
	F(rx_causes, BITS, ICR_BITS), F(tx_causes, BITS, ICR_TXDW | TXD_IDE),
	F(tx.bytes, MAX, E1000_TX_MAX), F(tx.open, MAX, 1),
	F(tx.too_long, MAX, 1), F(tx.held, MAX, 1), F(tx.buf, MAX, 1),
	F(tx.csum, MAX, 1), F(tx.gso, MAX, NIC_GSO_TCPV6),
	F(tx.start, MAX, E1000_TAG_BYTES), F(tx.len, MAX, NIC_SEND_MAX),
	F(line, MAX, 1), F(gone, MAX, 1), F(tx_more, MAX, 1),
};

static const char *check_regs(const void *dev, const void *regs)
{
	const struct e1000_regs *r = regs;

	(void)dev;
	/* What is sent of a frame that is not complete is worked out then. */
	if (r->tx.held && (r->tx.open || !e1000_tx_is_frame(&r->tx)))
		return "tx";
	return NULL;
}

static void regs_restored(void *dev)
{
	struct e1000 *d = dev;

	d->taken |= TOOK_REGS;
	e1000_hide_gone(d);
}

const struct bus_state e1000_state = {
	.version = LAYOUT, .field = regs_fields,
	.field_count = sizeof(regs_fields) / sizeof(regs_fields[0]),
	.check = check_regs, .restored = regs_restored,
};

/* ---- tables ---- */

static const struct bus_field tables_fields[] = {
	EEPROM93_RULES(struct e1000_tables, eeprom., EEPROM93_C46)
};

static const char *check_tables(const void *dev, const void *regs)
{
	const struct e1000_tables *t = regs;

	(void)dev;
	for (unsigned int i = 0; i < E1000_RAS; i++)
		if (t->ra[2 * i + 1] & ~RAH_BITS)
			return "ra";
	return NULL;
}

static void tables_restored(void *dev)
{
	struct e1000 *d = dev;

	d->taken |= TOOK_TABLES;
}

const struct bus_state e1000_tables_state = {
	.version = LAYOUT, .field = tables_fields,
	.field_count = sizeof(tables_fields) / sizeof(tables_fields[0]),
	.check = check_tables, .restored = tables_restored,
};

/* ---- going on ---- */

/* Half a card would run, and filter the wrong frames: a driver that finds it
   reset sets up all of it. */
static void reset_half(struct e1000 *d)
{
	if (d->taken == TOOK_ALL)
		return;
	e1000_phy_reset(d);
	e1000_reset(d);
}

void e1000_resume(void *dev)
{
	struct e1000 *d = dev;

	if (d->r.gone) {
		e1000_let_go(d);
		return;
	}
	reset_half(d);
	e1000_irq_resume(d);
	/* The driver may have been called before they were there. */
	if (nic_back_resume(&d->back))
		e1000_irq_cause(d, ICR_TXDW | ICR_RXT0);
	e1000_link_resume(d);
	e1000_received(d);
	e1000_tx_resume(d);
}
