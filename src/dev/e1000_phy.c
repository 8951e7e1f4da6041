/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dev/e1000_phy.c - 82540EM: the PHY inside, MDIC, link
 *
 * Runs in the net worker.  Registers 0-15 by IEEE 802.3 clause 22, 16-30 those
 * of a Marvell 88E1011 that drivers look at.  The link is the host's: up means
 * that a partner answers, who can do everything.  Negotiating takes a while,
 * so that drivers see the link go and come.
 */
#include "base/clock.h"
#include "dev/e1000_core.h"

#define NEGOTIATION_NS	(500 * NS_PER_MS)
#define OUR_ADDRESS	1u

enum phy_reg {
	BMCR, BMSR, ID1, ID2, ADVERTISED, PARTNER, EXPANSION,
	GBCR = 9, GBSR = 10, EXTENDED = 15,
	SPECIFIC_CONTROL = 16, SPECIFIC_STATUS = 17, INTERRUPTS = 19,
	SPECIFIC_EXT = 20, RX_ERRORS = 21,
};

#define BMCR_RESET	0x8000u
#define BMCR_LOOPBACK	0x4000u
#define BMCR_SPEED_LOW	0x2000u
#define BMCR_AN_ENABLE	0x1000u
#define BMCR_POWER_DOWN	0x0800u
#define BMCR_AN_RESTART	0x0200u
#define BMCR_FULL	0x0100u
#define BMCR_SPEED_HIGH	0x0040u
#define BMCR_CLEARS	(BMCR_RESET | BMCR_AN_RESTART)
#define BMSR_LINK	0x0004u
#define BMSR_AN_DONE	0x0020u
#define ADVERTISED_100	0x0180u
#define ADVERTISED_100F	0x0100u
#define ADVERTISED_10F	0x0040u
#define PARTNER_ALL	0x41e1u		/* acknowledged, 10 and 100 Mb/s */
#define EXPANSION_PARTNER 0x0001u	/* ... negotiates */
#define GBCR_1000	0x0300u
#define GBCR_1000F	0x0200u
#define GBSR_ALL	0x3c00u		/* receivers fine, partner does 1000 */
#define SPECIFIC_LINK	0x0c00u		/* resolved, real-time link */
#define SPECIFIC_FULL	0x2000u

static const struct {
	uint8_t reg;
	uint16_t value;
} phy_reset[] = {
	{ BMCR, 0x1140 }, { BMSR, 0x7949 }, { ID1, 0x0141 }, { ID2, 0x0c20 },
	{ ADVERTISED, 0x0de1 }, { GBCR, 0x0e00 }, { EXTENDED, 0x3000 },
	{ SPECIFIC_CONTROL, 0x0360 }, { SPECIFIC_EXT, 0x0d60 },
};

/* What only the PHY writes. */
#define PHY_READ_ONLY	(1u << BMSR | 1u << ID1 | 1u << ID2 | 1u << PARTNER | \
	1u << EXPANSION | 1u << GBSR | 1u << EXTENDED | \
	1u << SPECIFIC_STATUS | 1u << INTERRUPTS | 1u << RX_ERRORS)

#define MDIC_DATA	0x0000ffffu
#define MDIC_OP_WRITE	0x04000000u
#define MDIC_OP_READ	0x08000000u
#define MDIC_OP		0x0c000000u
#define MDIC_READY	0x10000000u
#define MDIC_INT_EN	0x20000000u
#define MDIC_ERROR	0x40000000u

/* ---- link ---- */

enum speed { SPEED_10, SPEED_100, SPEED_1000 };	/* as in STATUS and PHY */

static enum speed find_speed(const uint16_t *phy, bool *full)
{
	if (!(phy[BMCR] & BMCR_AN_ENABLE)) {
		*full = phy[BMCR] & BMCR_FULL;
		return phy[BMCR] & BMCR_SPEED_HIGH ? SPEED_1000 :
		       phy[BMCR] & BMCR_SPEED_LOW ? SPEED_100 : SPEED_10;
	}
	if (phy[GBCR] & GBCR_1000) {
		*full = phy[GBCR] & GBCR_1000F;
		return SPEED_1000;
	}
	if (phy[ADVERTISED] & ADVERTISED_100) {
		*full = phy[ADVERTISED] & ADVERTISED_100F;
		return SPEED_100;
	}
	*full = phy[ADVERTISED] & ADVERTISED_10F;
	return SPEED_10;
}

void e1000_link_show(struct e1000 *d)
{
	bool up = d->r.phy[BMSR] & BMSR_LINK, full;
	enum speed speed = find_speed(d->r.phy, &full);

	d->r.status &= ~(STATUS_LU | STATUS_SPEED | STATUS_FD);
	d->r.status |= (uint32_t)speed << 6 | (uint32_t)speed << 8 |
			(up ? STATUS_LU : 0) | (full ? STATUS_FD : 0);
}

/* True if it changed. */
static bool set_link(struct e1000 *d, bool up)
{
	uint16_t *phy = d->r.phy;
	bool was = phy[BMSR] & BMSR_LINK, full;
	enum speed speed = find_speed(phy, &full);
	bool negotiated = up && (phy[BMCR] & BMCR_AN_ENABLE);

	phy[BMSR] &= (uint16_t)~(BMSR_LINK | BMSR_AN_DONE);
	phy[BMSR] |= (uint16_t)((up ? BMSR_LINK : 0) |
				(negotiated ? BMSR_AN_DONE : 0));
	phy[PARTNER] = negotiated ? PARTNER_ALL : 0;
	phy[EXPANSION] = negotiated ? EXPANSION_PARTNER : 0;
	phy[GBSR] = negotiated ? GBSR_ALL : 0;
	phy[SPECIFIC_STATUS] = (uint16_t)(speed << 14 |
		(full ? SPECIFIC_FULL : 0) | (up ? SPECIFIC_LINK : 0));
	e1000_link_show(d);
	return was != up;
}

static void change_link(struct e1000 *d, bool up)
{
	if (set_link(d, up))
		e1000_irq_cause(d, ICR_LSC);
	if (up)
		e1000_rx_ready(d);
}

static bool may_link(const struct e1000 *d)
{
	return d->nic->link_up && !(d->r.phy[BMCR] & BMCR_POWER_DOWN);
}

/* The partner is lost until both have said again what they can do. */
static void negotiate(struct e1000 *d)
{
	change_link(d, false);
	e1000_set_due(d, E1000_DUE_LINK, may_link(d) ?
		      timer_now_ns(d->bus) + NEGOTIATION_NS : INT64_MAX);
}

void e1000_phy_negotiated(struct e1000 *d)
{
	change_link(d, may_link(d));
}

void e1000_link_changed(void *dev)
{
	struct e1000 *d = dev;

	if (d->r.gone)
		return;
	bus_touch(d->bus, d->id);
	negotiate(d);
}

/* Its wire may be another one, or none.  Negotiating goes on if it was. */
void e1000_link_resume(struct e1000 *d)
{
	bool up = d->r.phy[BMSR] & BMSR_LINK;

	if (up != may_link(d) &&
	    (up || d->r.due_ns[E1000_DUE_LINK] == INT64_MAX))
		negotiate(d);
}

/* ---- registers ---- */

static void set_defaults(struct e1000 *d)
{
	memset(d->r.phy, 0, sizeof(d->r.phy));
	for (unsigned int i = 0; i < sizeof(phy_reset) / sizeof(phy_reset[0]); i++)
		d->r.phy[phy_reset[i].reg] = phy_reset[i].value;
}

void e1000_phy_reset(struct e1000 *d)
{
	set_defaults(d);
	set_link(d, may_link(d));
}

void e1000_phy_restart(struct e1000 *d)
{
	uint16_t link = d->r.phy[BMSR] & BMSR_LINK;

	set_defaults(d);
	d->r.phy[BMSR] |= link;
	negotiate(d);
}

bool e1000_phy_is_looped(const struct e1000 *d)
{
	return d->r.phy[BMCR] & BMCR_LOOPBACK;
}

/*
 * A software reset keeps what drivers have set, other than IEEE 802.3 has it:
 * on this PHY modes count only after one, and Linux forces 100 Mb/s with a
 * single write of mode and reset.
 */
static void bmcr_write(struct e1000 *d, uint16_t val)
{
	uint16_t old = d->r.phy[BMCR];

	d->r.phy[BMCR] = val & (uint16_t)~BMCR_CLEARS;
	if (val & BMCR_RESET) {
		negotiate(d);
		return;
	}
	if (val & BMCR_AN_ENABLE) {
		if ((val & (BMCR_AN_RESTART | BMCR_POWER_DOWN)) ||
		    !(old & BMCR_AN_ENABLE) || (old & BMCR_POWER_DOWN))
			negotiate(d);
		return;
	}
	/* Forced: nobody is asked. */
	e1000_set_due(d, E1000_DUE_LINK, INT64_MAX);
	change_link(d, may_link(d));
}

static uint16_t phy_read(struct e1000 *d, unsigned int reg)
{
	uint16_t val = d->r.phy[reg];

	if (reg == INTERRUPTS || reg == RX_ERRORS)
		d->r.phy[reg] = 0;
	return val;
}

static void phy_write(struct e1000 *d, unsigned int reg, uint16_t val)
{
	if (reg == BMCR)
		bmcr_write(d, val);
	else if (!(PHY_READ_ONLY & (1u << reg)))
		d->r.phy[reg] = val;
}

void e1000_mdic_write(struct e1000 *d, uint32_t val)
{
	unsigned int reg = val >> 16 & 31u, address = val >> 21 & 31u;
	uint32_t op = val & MDIC_OP;

	val &= ~(MDIC_READY | MDIC_ERROR);
	if (address != OUR_ADDRESS || (op != MDIC_OP_READ && op != MDIC_OP_WRITE))
		val |= MDIC_ERROR;
	else if (op == MDIC_OP_READ)
		val = (val & ~MDIC_DATA) | phy_read(d, reg);
	else
		phy_write(d, reg, (uint16_t)val);
	d->r.mdic = val | MDIC_READY;
	if (val & MDIC_INT_EN)
		e1000_irq_cause(d, ICR_MDAC);
}
