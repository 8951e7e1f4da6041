/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dev/rtl8139.c - RTL8139C+ network card: registers, PCI function, life
 *
 * Runs in the net worker.  The line (rtl8139_irq.c) and the timers follow from
 * the registers before each settle and nowhere else: whatever a turn of the
 * worker brought, it is one interrupt.
 */
#include "dev/rtl8139.h"

#include <string.h>

#include "base/bug.h"
#include "base/clock.h"
#include "base/le.h"
#include "base/log.h"
#include "bus/dma.h"
#include "dev/ether_crc.h"
#include "dev/rtl8139_core.h"

#define REG_BYTES	256u

enum cr9346_bits {
	EEM_MODE = 0xc0, EEM_LOAD = 0x40, EEM_PROGRAM = 0x80, EEM_CONFIG = 0xc0,
	EE_CS = 0x08, EE_SK = 0x04, EE_DI = 0x02, EE_DO = 0x01,
};
enum tppoll_bits { TPPOLL_SWINT = 0x01, TPPOLL_NPQ = 0x40 };
enum mii_bits {
	BMCR_RESET = 0x8000, BMCR_ANE = 0x1000, BMSR_FIXED = 0x7809,
	BMSR_AN_DONE = 0x0020, BMSR_LINK = 0x0004,
};
#define ANAR_RESET	0x05e1u
#define MSR_LINK_DOWN	0x04u
#define TCR_RESET	0x74800000u	/* hardware version: 8139C+ */
#define DTCCR_DUMP	0x08u
#define DTCCR_ADDRESS	(~UINT64_C(63))
#define TSD_WRITABLE	0x003f3fffu
#define EEPROM_ID	0x8129u
#define EEPROM_MAC	7u		/* first word of three */

/* Registers that never change: offsets */
enum fixed_off { RERID = 0x5e, ANLPAR = 0x68, ANER = 0x6a, CSCR = 0x74 };

/* ---- time ---- */

#define TICKS_US	33u		/* the PCI clock */
#define NS_US		1000u
#define ROUND_NS	(INT64_C(131) * NS_PER_S)	/* at most */
#define OLDEST_NS	(-(INT64_C(1) << 61))	/* 73 years: nothing overflows */

/* A successor's could be anything; one before this host was started is as good
   as any. */
static int64_t zero_ns(const struct rtl8139 *d, int64_t now_ns)
{
	return d->r.tctr_zero_ns < OLDEST_NS || d->r.tctr_zero_ns > now_ns ?
		now_ns : d->r.tctr_zero_ns;
}

static uint64_t ticks_since(const struct rtl8139 *d, int64_t now_ns)
{
	uint64_t ns = (uint64_t)(now_ns - zero_ns(d, now_ns));

	return ns / NS_US * TICKS_US + ns % NS_US * TICKS_US / NS_US;
}

/* TCTR is TimerInt once in each of its 130-second rounds.  When that is next is
   committed: who comes late, a successor or we, has not missed it. */
static void set_tick(struct rtl8139 *d, int64_t now_ns)
{
	uint64_t now = ticks_since(d, now_ns);
	uint64_t at = (now & ~UINT64_C(0xffffffff)) | d->r.timer_int;

	if (at <= now)
		at += UINT64_C(1) << 32;
	d->r.tick_ns = zero_ns(d, now_ns) + (int64_t)(at / TICKS_US * NS_US +
		(at % TICKS_US * NS_US + TICKS_US - 1) / TICKS_US);
}

void rtl8139_tick_resume(struct rtl8139 *d)
{
	int64_t now_ns = timer_now_ns(d->bus);

	if (d->r.tick_ns > now_ns + ROUND_NS)
		set_tick(d, now_ns);
}

static void tick_fire(void *dev)
{
	struct rtl8139 *d = dev;

	bus_touch(d->bus, d->id);
	d->r.isr |= ISR_TIMEOUT;
	set_tick(d, timer_now_ns(d->bus));
}

/* TCTR starts anew. */
static void restart_timer(struct rtl8139 *d)
{
	d->r.tctr_zero_ns = timer_now_ns(d->bus);
	set_tick(d, d->r.tctr_zero_ns);
}

/* ---- resets ---- */

/* CR.RST: the addresses stay. */
static void soft_reset(struct rtl8139 *d)
{
	uint8_t idr[sizeof(d->r.idr)], mar[sizeof(d->r.mar)];

	memcpy(idr, d->r.idr, sizeof(idr));
	memcpy(mar, d->r.mar, sizeof(mar));
	reg_reset(&rtl8139_reg_file, d);
	memcpy(d->r.idr, idr, sizeof(idr));
	memcpy(d->r.mar, mar, sizeof(mar));
	for (unsigned int i = 0; i < 4; i++)
		d->r.tsd[i] = TSD_OWN;
	d->r.dtccr[0] = d->r.dtccr[1] = 0;
	d->r.halted = 0;
	d->r.tsd_at = d->r.tx_at = d->r.npq = 0;
	rtl8139_rx_rewind(d);
	restart_timer(d);
}

/* As at power up: from the EEPROM. */
static void load_eeprom(struct rtl8139 *d)
{
	memset(d->r.mar, 0, sizeof(d->r.mar));
	soft_reset(d);
	for (unsigned int i = 0; i < 3; i++)
		le16_put(&d->r.idr[2 * i], d->eeprom.word[EEPROM_MAC + i]);
}

/* ---- command, configuration ---- */

static bool cr_shadow(const void *dev, const struct reg *r, uint32_t *val)
{
	const struct rtl8139 *d = dev;

	(void)r;
	*val = d->r.cr | (rtl8139_rx_is_empty(d) ? CR_BUFE : 0);
	return true;
}

static uint32_t cr_read(void *dev, const struct reg *r)
{
	uint32_t val;

	cr_shadow(dev, r, &val);
	return val;
}

static void cr_write(void *dev, const struct reg *r, uint32_t val, uint32_t old)
{
	struct rtl8139 *d = dev;
	uint32_t rises = val & ~old;

	(void)r;
	if (val & CR_RST) {
		soft_reset(d);
		return;
	}
	if (rises & CR_TE)
		d->r.tsd_at = d->r.tx_at = 0;
	if (rises & CR_RE) {
		rtl8139_rx_rewind(d);
		d->wake = true;
	}
}

static bool cr9346_shadow(const void *dev, const struct reg *r, uint32_t *val)
{
	const struct rtl8139 *d = dev;

	(void)r;
	*val = d->r.cr9346;
	if ((*val & EEM_MODE) == EEM_PROGRAM && eeprom93_data_out(&d->eeprom))
		*val |= EE_DO;
	return true;
}

static uint32_t cr9346_read(void *dev, const struct reg *r)
{
	uint32_t val;

	cr9346_shadow(dev, r, &val);
	return val;
}

static void cr9346_write(void *dev, const struct reg *r, uint32_t val,
			 uint32_t old)
{
	struct rtl8139 *d = dev;
	bool on = (val & EEM_MODE) == EEM_PROGRAM;

	(void)r;
	(void)old;
	bus_touch(d->bus, d->eeprom_id);
	eeprom93_set_pins(&d->eeprom, on && (val & EE_CS), on && (val & EE_SK),
			  on && (val & EE_DI));
	if ((val & EEM_MODE) == EEM_LOAD)
		load_eeprom(d);
}

/* CONFIG0-4 and BMCR change only while 9346CR says so. */
static bool put_back(struct rtl8139 *d, const struct reg *r, uint32_t old)
{
	if ((d->r.cr9346 & EEM_MODE) == EEM_CONFIG)
		return false;
	le_put((uint8_t *)d + r->field, r->size, old);
	return true;
}

static void config_write(void *dev, const struct reg *r, uint32_t val,
			 uint32_t old)
{
	(void)val;
	put_back(dev, r, old);
}

static void tcr_write(void *dev, const struct reg *r, uint32_t val, uint32_t old)
{
	struct rtl8139 *d = dev;

	(void)r;
	(void)val;
	if (!(d->r.cr & CR_TE))
		d->r.tcr = old;
}

static void rcr_write(void *dev, const struct reg *r, uint32_t val, uint32_t old)
{
	struct rtl8139 *d = dev;

	(void)r;
	/* Drivers change the filter bits of a ring in use. */
	if ((val ^ old) & RCR_RBLEN)
		rtl8139_rx_rewind(d);
}

static void hltclk_write(void *dev, const struct reg *r, uint32_t val,
			 uint32_t old)
{
	struct rtl8139 *d = dev;

	(void)r;
	(void)old;
	if (val == 'H')
		d->r.halted = 1;
	else if (val == 'R')
		d->r.halted = 0;
}

/* ---- transmitting ---- */

static void dump_tally(struct rtl8139 *d)
{
	uint64_t at = (d->r.dtccr[0] | (uint64_t)d->r.dtccr[1] << 32) &
		DTCCR_ADDRESS;

	if (pci_is_master(&d->func))
		dma_write(d->bus, at, &d->r.tally, sizeof(d->r.tally));
	d->r.dtccr[0] &= ~DTCCR_DUMP;
}

static unsigned int tsd_index(const struct reg *r)
{
	return (r->off - 0x10u) / 4 % 4;
}

/* In C+ mode TSD0 and TSD1 are DTCCR. */
static bool tsd_shadow(const void *dev, const struct reg *r, uint32_t *val)
{
	const struct rtl8139 *d = dev;
	unsigned int i = tsd_index(r);

	*val = d->r.tsd[i];
	if (d->r.cpcr & CPCR_TX)
		*val = i < 2 ? d->r.dtccr[i] : 0;
	return true;
}

static uint32_t tsd_read(void *dev, const struct reg *r)
{
	uint32_t val;

	tsd_shadow(dev, r, &val);
	return val;
}

static void tsd_write(void *dev, const struct reg *r, uint32_t val, uint32_t old)
{
	struct rtl8139 *d = dev;
	unsigned int i = tsd_index(r);
	uint32_t lanes = reg_lanes();

	(void)old;
	if (!(d->r.cpcr & CPCR_TX)) {
		d->r.tsd[i] = ((d->r.tsd[i] & ~lanes) | (val & lanes)) &
			      TSD_WRITABLE;
		rtl8139_send(d);
	} else if (i < 2) {
		d->r.dtccr[i] = (d->r.dtccr[i] & ~lanes) | (val & lanes);
		if (i == 0 && (d->r.dtccr[0] & DTCCR_DUMP))
			dump_tally(d);
	}
}

static void tppoll_write(void *dev, const struct reg *r, uint32_t val,
			 uint32_t old)
{
	struct rtl8139 *d = dev;

	(void)r;
	(void)old;
	if (val & TPPOLL_NPQ) {
		d->r.npq = RTL8139_RING_MAX;
		rtl8139_ring_send(d);
	}
	if (val & TPPOLL_SWINT)
		d->r.isr |= ISR_SWINT;
}

/* OWN, TABT, TUN and TOK of the four, a nibble each. */
static uint32_t tsads_read(void *dev, const struct reg *r)
{
	static const uint32_t bits[4] = { TSD_OWN, TSD_TABT, TSD_TUN, TSD_TOK };
	const struct rtl8139 *d = dev;
	uint32_t val = 0;

	(void)r;
	for (unsigned int i = 0; i < 16; i++)
		val |= (uint32_t)!!(d->r.tsd[i % 4] & bits[i / 4]) << i;
	return val;
}

/* ---- counters ---- */

static uint32_t tctr_read(void *dev, const struct reg *r)
{
	const struct rtl8139 *d = dev;

	(void)r;
	return (uint32_t)ticks_since(d, timer_now_ns(d->bus));
}

static void tctr_write(void *dev, const struct reg *r, uint32_t val,
		       uint32_t old)
{
	struct rtl8139 *d = dev;

	(void)r;
	(void)val;
	(void)old;
	restart_timer(d);
}

static void timer_int_write(void *dev, const struct reg *r, uint32_t val,
			    uint32_t old)
{
	struct rtl8139 *d = dev;

	(void)r;
	(void)val;
	(void)old;
	set_tick(d, timer_now_ns(d->bus));
}

static void mpc_write(void *dev, const struct reg *r, uint32_t val, uint32_t old)
{
	struct rtl8139 *d = dev;

	(void)r;
	(void)val;
	(void)old;
	d->r.mpc = 0;
}

/* ---- medium ---- */

static bool msr_shadow(const void *dev, const struct reg *r, uint32_t *val)
{
	const struct rtl8139 *d = dev;

	(void)r;
	*val = d->r.msr | (d->nic->link_up ? 0 : MSR_LINK_DOWN);
	return true;
}

static uint32_t msr_read(void *dev, const struct reg *r)
{
	uint32_t val;

	msr_shadow(dev, r, &val);
	return val;
}

static bool bmsr_shadow(const void *dev, const struct reg *r, uint32_t *val)
{
	const struct rtl8139 *d = dev;

	(void)r;
	*val = BMSR_FIXED;
	if (d->nic->link_up)
		*val |= BMSR_AN_DONE | BMSR_LINK;
	return true;
}

static uint32_t bmsr_read(void *dev, const struct reg *r)
{
	uint32_t val;

	bmsr_shadow(dev, r, &val);
	return val;
}

static uint32_t fixed_read(void *dev, const struct reg *r)
{
	(void)dev;
	switch (r->off) {
	case RERID:
		return 0x20;
	case ANLPAR:
		return ANAR_RESET;
	case ANER:
		return 0x0001;		/* the partner negotiates */
	default:
		return 0x0340;		/* CSCR: 100 Mbit/s */
	}
}

/* Reset and the restart of negotiation are over before they can be seen. */
static void bmcr_write(void *dev, const struct reg *r, uint32_t val,
		       uint32_t old)
{
	struct rtl8139 *d = dev;

	put_back(d, r, old);
	if (val & BMCR_RESET) {
		d->r.bmcr = BMCR_ANE;
		d->r.anar = ANAR_RESET;
	}
}

/* ---- the table ---- */

#define N(sym, at, fld, ...) R(struct rtl8139, sym, at, r.fld, __VA_ARGS__)
/* Some bytes of an array. */
#define NB(sym, at, bytes, fld, ...) { .name = #sym, .off = (at), \
	.size = (bytes), .field = offsetof(struct rtl8139, r.fld), __VA_ARGS__ }
/* SHADOW: polled, and a read has no effect.  POSTED: what a write starts ends
   in memory, in an interrupt or in a register that is read after it. */
#define TSD(n)	RX(TSD##n, 0x10 + 4 * (n), 4, .flags = REG_POSTED | REG_SHADOW, \
	.read = tsd_read, .write = tsd_write, .shadow = tsd_shadow)
/* Only latched, for TSD and TPPoll. */
#define TSAD(n)	N(TSAD##n, 0x20 + 4 * (n), tsad[n], .rw = ~0u, \
	.flags = REG_POSTED | REG_INERT | REG_LAZY)
/* clang-format off */
static const struct reg rows[] = {
	NB(IDR0,    0x00, 4, idr[0], .rw = ~0u),
	NB(IDR4,    0x04, 2, idr[4], .rw = 0xffff),
	NB(MAR0,    0x08, 4, mar[0], .rw = ~0u),
	NB(MAR4,    0x0c, 4, mar[4], .rw = ~0u),
	TSD(0), TSD(1), TSD(2), TSD(3),
	TSAD(0), TSAD(1), TSAD(2), TSAD(3),
	N(RBSTART,  0x30, rbstart, .rw = ~0u),
	/* Polled: reset, and an empty ring. */
	N(CR,       0x37, cr, .rw = CR_TE | CR_RE, .flags = REG_SHADOW,
		    .read = cr_read, .write = cr_write, .shadow = cr_shadow),
	/* Frees room: nobody waits to see it; read back at once. */
	N(CAPR,     0x38, capr, .reset = 0xfff0, .rw = 0xffff,
		    .flags = REG_POSTED | REG_SHADOW),
	N(CBR,      0x3a, cbr, .flags = REG_SHADOW),	/* polled */
	/* Read in each interrupt; a mask, an acknowledge: not posted. */
	N(IMR,      0x3c, imr, .rw = ISR_BITS, .flags = REG_SHADOW),
	N(ISR,      0x3e, isr, .w1c = ISR_BITS, .flags = REG_SHADOW),
	N(TCR,      0x40, tcr, .reset = TCR_RESET, .rw = 0x030f07f0,
		    .write = tcr_write),
	N(RCR,      0x44, rcr, .rw = 0x0f03ffbf, .write = rcr_write),
	RX(TCTR,    0x48, 4, .read = tctr_read, .write = tctr_write),
	N(MPC,      0x4c, mpc, .write = mpc_write),
	/* Clocks the EEPROM bit by bit, hundreds of times, a read after each
	   write.  Not posted: auto-load clears IMR. */
	N(9346CR,   0x50, cr9346, .rw = 0xce, .flags = REG_SHADOW,
		    .read = cr9346_read, .write = cr9346_write,
		    .shadow = cr9346_shadow),
	N(CONFIG0,  0x51, config0),
	N(CONFIG1,  0x52, config1, .reset = 0x0c, .rw = 0xf3, .write = config_write),
	N(TimerInt, 0x54, timer_int, .rw = ~0u, .write = timer_int_write),
	/* Polled: the link. */
	N(MSR,      0x58, msr, .reset = 0xd0, .rw = 0xc0, .flags = REG_SHADOW,
		    .read = msr_read, .shadow = msr_shadow),
	N(CONFIG3,  0x59, config3, .reset = 0x01, .rw = 0x70, .write = config_write),
	N(CONFIG4,  0x5a, config4, .rw = 0xf5, .write = config_write),
	RX(HLTCLK,  0x5b, 1, .write = hltclk_write),
	N(MULINT,   0x5c, mulint, .rw = 0x0fff),
	RX(RERID,   RERID, 1, .read = fixed_read),
	RX(TSADS,   0x60, 2, .read = tsads_read),
	N(BMCR,     0x62, bmcr, .reset = BMCR_ANE, .rw = BMCR_ANE,
		    .write = bmcr_write, .flags = REG_SHADOW),	/* polled: reset */
	RX(BMSR,    0x64, 2, .read = bmsr_read, .shadow = bmsr_shadow,
		    .flags = REG_SHADOW),			/* polled: the link */
	N(ANAR,     0x66, anar, .reset = ANAR_RESET, .rw = 0xffff),
	RX(ANLPAR,  ANLPAR, 2, .read = fixed_read),
	RX(ANER,    ANER, 2, .read = fixed_read),
	RX(CSCR,    CSCR, 2, .read = fixed_read),
	N(CONFIG5,  0xd8, config5, .rw = 0x7f),
	/* The doorbell: see TSD. */
	RX(TPPoll,  0xd9, 1, .write = tppoll_write, .flags = REG_POSTED),
	N(CPCR,     0xe0, cpcr, .rw = 0x007b),
	N(RDSAR0,   0xe4, rdsar[0], .rw = ~0u),
	N(RDSAR4,   0xe8, rdsar[1], .rw = ~0u),
	N(ETTHR,    0xec, etthr, .rw = 0x3f),
};
/* clang-format on */
const struct reg_file rtl8139_reg_file = REG_FILE(rows, 0);

/* ---- host side ---- */

static void received(void *dev)
{
	struct rtl8139 *d = dev;

	bus_touch(d->bus, d->id);
}

static void send_ready(void *dev)
{
	struct rtl8139 *d = dev;

	if (!d->tx_waits)
		return;
	d->tx_waits = false;
	bus_touch(d->bus, d->id);
	rtl8139_send(d);
	rtl8139_ring_send(d);
}

static void link_changed(void *dev)
{
	struct rtl8139 *d = dev;

	bus_touch(d->bus, d->id);
	d->r.link = d->nic->link_up;
	d->r.isr |= ISR_LINK;
}

static void hide(struct rtl8139 *d)
{
	for (unsigned int i = 0; i < d->win_count; i++)
		bus_unmap(d->bus, d->win[i]);
	bus_unmap(d->bus, d->func.win);
}

/* A successor's, before anybody sees them. */
void rtl8139_hide_gone(void *dev)
{
	struct rtl8139 *d = dev;

	if (d->r.gone)
		hide(d);
}

void rtl8139_let_go(struct rtl8139 *d)
{
	if (d->closed)
		return;
	d->closed = true;
	d->nic->ops->close(d->nic);
	timer_off(d->bus, &d->retry);
	hide(d);
}

static void unplug(void *dev, uint32_t mask)
{
	struct rtl8139 *d = dev;

	if (!(mask & UNPLUG_NICS) || d->r.gone)
		return;
	log_info("network card unplugged: devfn=0x%02x", d->func.devfn);
	d->r.gone = 1;
}

static void turn(void *dev)
{
	struct rtl8139 *d = dev;

	nic_turn_begin(&d->turn);
	rtl8139_irq_turn(d);
	if (!d->r.npq)
		return;
	bus_touch(d->bus, d->id);
	rtl8139_ring_send(d);
}

/* All that follows from the registers; for a successor, too, once it may. */
static void settle(void *dev)
{
	struct rtl8139 *d = dev;

	if (d->taken)
		return;
	if (d->r.gone)
		rtl8139_let_go(d);
	/* What waits for the clock, the bus or, in a successor, for a host
	   that knows nothing of it. */
	rtl8139_send(d);
	if (d->r.npq)
		rtl8139_ring_send(d);
	rtl8139_rx_settle(d);
	rtl8139_irq_update(d);
	if (!d->r.timer_int || d->r.gone)
		timer_off(d->bus, &d->tick);
	else
		timer_set(d->bus, &d->tick, d->r.tick_ns);
}

static void committed(void *dev)
{
	struct rtl8139 *d = dev;

	nic_back_write(&d->back);
	d->given_tx = d->given_rx = 0;
}

static const struct bus_dev_ops dev_ops = {
	.unplug = unplug, .settle = settle, .committed = committed, .turn = turn,
	.resume = rtl8139_resume, .state = &rtl8139_state,
};
static const struct bus_dev_ops eeprom_ops = { .state = &rtl8139_eeprom_state };

/* The line can be masked there, and DMA forbidden. */
static void cfg_written(void *dev, uint32_t off, unsigned int size)
{
	struct rtl8139 *d = dev;

	(void)off;
	(void)size;
	bus_touch(d->bus, d->id);
}

/* ---- building ---- */

static void fill_eeprom(struct rtl8139 *d)
{
	uint16_t *w = d->eeprom.word;

	w[0] = EEPROM_ID;
	w[1] = 0x10ec;
	w[2] = 0x8139;
	for (unsigned int i = 0; i < 3; i++)
		w[EEPROM_MAC + i] = le16_get(&d->nic->mac[2 * i]);
	eeprom93_init(&d->eeprom, EEPROM93_C46);
}

static void add_win(struct rtl8139 *d, unsigned int bar, enum pci_bar_kind kind,
		    const char *name, uint32_t bytes)
{
	unsigned int win = bus_add_win(d->bus, d->id, name,
		kind == PCI_BAR_IO ? CHAN_PIO : CHAN_MMIO, bytes,
		&rtl8139_reg_file, NULL);

	pci_add_bar(&d->func, bar, kind, bytes, win);
	d->win[d->win_count++] = win;
}

static void add_bars(struct rtl8139 *d)
{
	add_win(d, 0, PCI_BAR_IO, "rtl8139 ports", REG_BYTES);
	add_win(d, 1, PCI_BAR_MEM, "rtl8139 memory", REG_BYTES);
	if (d->rom.image)
		d->win[d->win_count++] = pci_rom_add(d->bus, &d->func, &d->rom,
			"rtl8139 rom", PCI_ROM_BYTES_MIN);
}

void rtl8139_init(struct rtl8139 *d, struct bus *b, unsigned int devfn,
		  struct nic *nic, const uint8_t *rom, size_t rom_bytes)
{
	static const struct pci_ids ids = {
		.vendor = 0x10ec, .device = 0x8139, .class_device = 0x0200,
		.revision = 0x20, .int_pin = 1,
	};

	bug_on(rom && (rom_bytes == 0 || rom_bytes > RTL8139_ROM_MAX));
	ether_crc_init();
	d->bus = b;
	d->nic = nic;
	nic_turn_begin(&d->turn);
	d->rom = (struct pci_rom){ rom, (uint32_t)rom_bytes, 0xff };
	d->id = bus_add_dev(b, "rtl8139", d, &dev_ops, &d->r, sizeof(d->r));
	d->eeprom_id = bus_add_dev(b, "rtl8139 eeprom", d, &eeprom_ops,
				   &d->eeprom, sizeof(d->eeprom));
	nic_back_init(&d->back, b, &d->r.back);
	d->r.link = nic->link_up;
	timer_add(b, &d->tick, tick_fire, d);
	timer_add(b, &d->retry, rtl8139_rx_retry, d);
	rtl8139_irq_init(d);
	d->func.dev = d;
	d->func.written = cfg_written;
	d->func.restored = rtl8139_hide_gone;
	pci_add(b, &d->func, "rtl8139 pci", devfn, &ids);
	add_bars(d);
	fill_eeprom(d);
	load_eeprom(d);
	nic->dev = d;
	nic->receive = rtl8139_receive;
	nic->received = received;
	nic->send_ready = send_ready;
	nic->link_changed = link_changed;
}
