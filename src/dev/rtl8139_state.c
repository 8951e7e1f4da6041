/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dev/rtl8139_state.c - RTL8139C+: what a successor believes, and how it goes on
 *
 * Runs in the net worker.  Rules for committed registers, and ops->resume;
 * turns, timers and the line follow from the registers at the next settle.
 */
#include "bus/restore.h"
#include "dev/rtl8139_core.h"

#define LAYOUT		2u

#define F(member, kind, limit) \
	BUS_FIELD(struct rtl8139_regs, member, BUS_FIELD_##kind, limit)

/* Bits: what the table in rtl8139.c resets to, and lets a guest set. */
static const struct bus_field regs_fields[] = {
	F(tctr_zero_ns, TIME, 0), F(tick_ns, TIME, 0),
	F(back.count, MAX, NIC_BACK_MAX),
	BUS_FIELDS(struct rtl8139_regs, tsd[0], 4, BUS_FIELD_BITS, 0x403fffff),
	F(tcr, BITS, 0x778f07f0), F(rcr, BITS, 0x0f03ffbf),
	F(mpc, MAX, 0xffffff), F(imr, BITS, ISR_BITS), F(isr, BITS, ISR_BITS),
	F(mulint, BITS, 0x0fff), F(bmcr, BITS, 0x1000), F(cpcr, BITS, 0x007b),
	F(cr, BITS, CR_TE | CR_RE), F(cr9346, BITS, 0xce), F(config0, BITS, 0),
	F(config3, BITS, 0x71), F(config4, BITS, 0xf5), F(config5, BITS, 0x7f),
	F(msr, BITS, 0xd0), F(etthr, BITS, 0x3f),
	F(halted, MAX, 1), F(tsd_at, MAX, 3),
	F(tx_at, MAX, RTL8139_RING_MAX - 1), F(rx_at, MAX, RTL8139_RING_MAX - 1),
	F(gone, MAX, 1), F(npq, MAX, RTL8139_RING_MAX), F(link, MAX, 1),
};

static void restored(void *dev)
{
	struct rtl8139 *d = dev;

	d->taken = true;
	rtl8139_hide_gone(d);
}

const struct bus_state rtl8139_state = {
	.version = LAYOUT, .field = regs_fields,
	.field_count = sizeof(regs_fields) / sizeof(regs_fields[0]),
	.restored = restored,
};

static const struct bus_field eeprom_fields[] = {
	EEPROM93_RULES(struct eeprom93, , EEPROM93_C46)
};

const struct bus_state rtl8139_eeprom_state = {
	.version = LAYOUT, .field = eeprom_fields,
	.field_count = sizeof(eeprom_fields) / sizeof(eeprom_fields[0]),
};

void rtl8139_resume(void *dev)
{
	struct rtl8139 *d = dev;

	d->taken = false;
	if (d->r.gone) {
		rtl8139_let_go(d);
		return;
	}
	rtl8139_tick_resume(d);
	/* The driver may have been called before they were there. */
	if (nic_back_resume(&d->back))
		d->r.isr |= ISR_ROK | ISR_TOK;
	if (d->r.link != d->nic->link_up) {
		d->r.link = d->nic->link_up;
		d->r.isr |= ISR_LINK;
	}
}
