/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dev/e1000_regs.c - 82540EM: the register table, arrays of registers
 *
 * Runs in the net worker.  Arrays (statistics, addresses, hash, VLANs) are not
 * in the table but found by e1000_array_ops before it is looked at.  What is
 * nowhere reads as zero.
 *
 * Source: SDM 13.
 */
#include <string.h>

#include "dev/e1000_core.h"

#define STAT_UPPER_HALF	32u
#define STAT_BIT(s)	(1u << ((s) - STAT_UPPER_HALF))
#define STAT_OCTETS	(STAT_BIT(STAT_GORC) | STAT_BIT(STAT_GOTC) | \
			 STAT_BIT(STAT_TOR) | STAT_BIT(STAT_TOT))
#define PBA_RXA		0x0000007fu	/* KiB */
#define PBA_KIB		64u
#define PBA_RESET	0x00100030u

/* ---- hooks ---- */

static void ctrl_write(void *dev, const struct reg *r, uint32_t val, uint32_t old)
{
	struct e1000 *d = dev;

	(void)r, (void)old;
	if (val & CTRL_RST)
		e1000_reset(d);
	if (val & CTRL_PHY_RST)
		e1000_phy_restart(d);
}

static uint32_t ctrl_dup_read(void *dev, const struct reg *r)
{
	(void)r;
	return ((struct e1000 *)dev)->r.ctrl;
}

static void ctrl_dup_write(void *dev, const struct reg *r, uint32_t val,
			   uint32_t old)
{
	struct e1000 *d = dev;
	uint32_t lanes = reg_lanes();

	val = (d->r.ctrl & ~lanes) | (val & lanes);
	d->r.ctrl = val & ~(CTRL_RST | CTRL_PHY_RST);
	ctrl_write(dev, r, val, old);
}

static void ctrl_ext_write(void *dev, const struct reg *r, uint32_t val,
			   uint32_t old)
{
	(void)r, (void)old;
	if (val & CTRL_EXT_EE_RST)
		e1000_eeprom_load(dev);
}

static uint32_t eecd_read(void *dev, const struct reg *r)
{
	(void)r;
	return e1000_eecd_read(dev);
}

static void eecd_write(void *dev, const struct reg *r, uint32_t val, uint32_t old)
{
	struct e1000 *d = dev;

	(void)r, (void)old;
	e1000_eecd_write(d, (d->r.eecd & ~reg_lanes()) | val);
}

static void eerd_write(void *dev, const struct reg *r, uint32_t val, uint32_t old)
{
	(void)r, (void)old;
	e1000_eerd_write(dev, val);
}

static void mdic_write(void *dev, const struct reg *r, uint32_t val, uint32_t old)
{
	(void)r, (void)old;
	e1000_mdic_write(dev, val);
}

static uint32_t icr_read(void *dev, const struct reg *r)
{
	struct e1000 *d = dev;
	uint32_t icr = d->r.icr;

	(void)r;
	d->r.icr = 0;
	e1000_irq_update(d);
	return icr;
}

/* Reading what is zero clears nothing. */
static bool icr_shadow(const void *dev, const struct reg *r, uint32_t *val)
{
	(void)r;
	*val = 0;
	return !((const struct e1000 *)dev)->r.icr;
}

static void icr_write(void *dev, const struct reg *r, uint32_t val, uint32_t old)
{
	(void)r, (void)val, (void)old;
	e1000_irq_update(dev);
}

/* SDM 13.4.19 has it write-only; the chip shows ICR there, without clearing it,
   and VxWorks' driver reads it. */
static uint32_t ics_read(void *dev, const struct reg *r)
{
	(void)r;
	return ((struct e1000 *)dev)->r.icr;
}

static void ics_write(void *dev, const struct reg *r, uint32_t val, uint32_t old)
{
	(void)r, (void)old;
	e1000_irq_cause(dev, val);
}

static void ims_write(void *dev, const struct reg *r, uint32_t val, uint32_t old)
{
	struct e1000 *d = dev;

	(void)r, (void)old;
	d->r.ims |= val & ICR_BITS;
	e1000_irq_update(d);
}

static void imc_write(void *dev, const struct reg *r, uint32_t val, uint32_t old)
{
	struct e1000 *d = dev;

	(void)r, (void)old;
	d->r.ims &= ~val;
	e1000_irq_update(d);
}

/* Nothing is signalled, so a mask takes nothing back. */
static bool imc_quiet(const void *dev, const struct reg *r, uint32_t *val)
{
	(void)r;
	*val = 0;
	return !((const struct e1000 *)dev)->r.line;
}

/* Nothing waits to be signalled. */
static bool ims_quiet(const void *dev, const struct reg *r, uint32_t *val)
{
	(void)r;
	*val = 0;
	return !((const struct e1000 *)dev)->r.icr;
}

/* No frame waits for a buffer. */
static bool rdt_quiet(const void *dev, const struct reg *r, uint32_t *val)
{
	(void)r;
	*val = 0;
	return !((const struct e1000 *)dev)->rx_waits;
}

static void rctl_write(void *dev, const struct reg *r, uint32_t val, uint32_t old)
{
	struct e1000 *d = dev;

	(void)r, (void)val;
	/* The host may have waited for this without having been refused. */
	if (!(old & RCTL_EN) && (d->r.rctl & RCTL_EN))
		d->rx_waits = true;
	e1000_rx_ready(d);
}

static void rx_ring_write(void *dev, const struct reg *r, uint32_t val,
			  uint32_t old)
{
	(void)r, (void)val, (void)old;
	e1000_rx_ready(dev);
}

static void tx_ring_write(void *dev, const struct reg *r, uint32_t val,
			  uint32_t old)
{
	(void)r, (void)val, (void)old;
	e1000_tx_run(dev);
}

static void rdtr_write(void *dev, const struct reg *r, uint32_t val, uint32_t old)
{
	(void)r, (void)old;
	if (val & DELAY_FPD)
		e1000_irq_flush(dev, E1000_DUE_RX);
}

static void tdh_write(void *dev, const struct reg *r, uint32_t val, uint32_t old)
{
	(void)r, (void)val, (void)old;
	e1000_tx_drop(dev);
}

static void tidv_write(void *dev, const struct reg *r, uint32_t val, uint32_t old)
{
	(void)r, (void)old;
	if (val & DELAY_FPD)
		e1000_irq_flush(dev, E1000_DUE_TX);
}

/* Of a half of the statistics.  An octet counter's upper half clears the lower,
   so it is not read in vain while either is not zero. */
static bool stat_bits(const void *dev, const struct reg *r, uint32_t *val)
{
	const struct e1000 *d = dev;
	unsigned int first = (r->off - E1000_STATS_AT) / 4;
	uint32_t bits = 0;

	for (unsigned int i = 0; i < REG_ZEROS_WORDS; i++)
		bits |= (uint32_t)(d->r.stat[first + i] != 0) << i;
	if (first == STAT_UPPER_HALF)
		bits |= (bits & STAT_OCTETS) << 1;
	*val = bits;
	return true;
}

static void pba_write(void *dev, const struct reg *r, uint32_t val, uint32_t old)
{
	struct e1000 *d = dev;
	uint32_t rx = val & PBA_RXA;

	(void)r, (void)old;
	if (rx > PBA_KIB)
		rx = PBA_KIB;
	d->r.pba = rx | (PBA_KIB - rx) << 16;
}

/* ---- the table ---- */

/*
 * SHADOWED: read without effect; STATUS after every write that is to be
 * flushed, EERD and MDIC in a loop.  DOORBELL: a card takes its time, so the
 * writer sees nothing of it.  INERT although causes may make ICR's word
 * invalid: until then it says rightly that there is no cause yet.  LAZY:
 * EECD's pins matter when it is read, ITR at the next interrupt.  ICR: not
 * posted, acknowledges.  IMS: an interrupt that comes later than it could, like
 * a doorbell's.  ZEROS: most statistics are, whenever a driver reads them all.
 * QUIET: drivers write IMC, IMS and RDT around each batch, when
 * it mostly changes nothing yet.
 */
#define SHADOWED	.flags = REG_SHADOW
#define ASKED		.flags = REG_SHADOW | REG_POSTED
#define DOORBELL	.flags = REG_POSTED | REG_INERT
#define BELL_OR_QUIET	.flags = REG_POSTED | REG_INERT | REG_QUIET
#define LAZY		.flags = REG_POSTED | REG_INERT | REG_LAZY
#define D(sym, at, fld, ...) R(struct e1000, sym, at, r.fld, __VA_ARGS__)

/* clang-format off */
static const struct reg rows[] = {
	D(CTRL,     0x0000, ctrl, SHADOWED, .reset = CTRL_RESET,
		    .rw = ~(CTRL_RST | CTRL_PHY_RST), .write = ctrl_write),
	RX(CTRL_DUP, 0x0004, 4, .read = ctrl_dup_read, .write = ctrl_dup_write),
	D(STATUS,   0x0008, status, SHADOWED, .reset = STATUS_RESET),
	RX(EECD,    0x0010, 4, LAZY, .read = eecd_read, .write = eecd_write),
	D(EERD,     0x0014, eerd, ASKED, .write = eerd_write),
	D(CTRL_EXT, 0x0018, ctrl_ext, .rw = ~CTRL_EXT_EE_RST, .write = ctrl_ext_write),
	D(FLA,      0x001c, fla, .rw = ~0u),
	D(MDIC,     0x0020, mdic, ASKED, .write = mdic_write),
	D(FCAL,     0x0028, fcal, .rw = ~0u),
	D(FCAH,     0x002c, fcah, .rw = 0xffff),
	D(FCT,      0x0030, fct, .rw = 0xffff),
	D(VET,      0x0038, vet, .reset = 0x8100, .rw = 0xffff),
	D(ICR,      0x00c0, icr, SHADOWED, .w1c = ICR_BITS, .read = icr_read,
		    .write = icr_write, .shadow = icr_shadow),
	D(ITR,      0x00c4, itr, LAZY, .rw = 0xffff),
	RX(ICS,     0x00c8, 4, .read = ics_read, .write = ics_write),
	D(IMS,      0x00d0, ims, BELL_OR_QUIET, .write = ims_write,
		    .shadow = ims_quiet),
	RX(IMC,     0x00d8, 4, .flags = REG_QUIET, .write = imc_write,
		    .shadow = imc_quiet),
	D(RCTL,     0x0100, rctl, .rw = RCTL_BITS, .write = rctl_write),
	D(FCTTV,    0x0170, fcttv, .rw = 0xffff),
	D(TXCW,     0x0178, txcw, .rw = 0xc000ffff),
	D(TCTL,     0x0400, tctl, .rw = 0x03fffffa, .write = tx_ring_write),
	D(TIPG,     0x0410, tipg, .reset = 0x00602008, .rw = 0x3fffffff),
	D(AIT,      0x0458, ait, .rw = 0xffff),
	D(LEDCTL,   0x0e00, ledctl, .reset = 0x00000602, .rw = ~0u),
	D(PBA,      0x1000, pba, .reset = PBA_RESET, .write = pba_write),
	D(FCRTL,    0x2160, fcrtl, .rw = 0x8000fff8),
	D(FCRTH,    0x2168, fcrth, .rw = 0x0000fff8),
	D(RDBAL,    0x2800, rdbal, .rw = 0xfffffff0),
	D(RDBAH,    0x2804, rdbah, .rw = ~0u),
	D(RDLEN,    0x2808, rdlen, .rw = RING_BYTES),
	D(RDH,      0x2810, rdh, .rw = 0xffff),
	D(RDT,      0x2818, rdt, BELL_OR_QUIET, .rw = 0xffff,
		    .write = rx_ring_write, .shadow = rdt_quiet),
	D(RDTR,     0x2820, rdtr, .rw = 0xffff, .write = rdtr_write),
	D(RXDCTL,   0x2828, rxdctl, .rw = ~0u),
	D(RADV,     0x282c, radv, .rw = 0xffff),
	D(RSRPD,    0x2c00, rsrpd, .rw = 0xfff),
	D(TXDMAC,   0x3000, txdmac, .rw = 0x1),
	D(TDBAL,    0x3800, tdbal, .rw = 0xfffffff0),
	D(TDBAH,    0x3804, tdbah, .rw = ~0u),
	D(TDLEN,    0x3808, tdlen, .rw = RING_BYTES),
	D(TDH,      0x3810, tdh, .rw = 0xffff, .write = tdh_write),
	D(TDT,      0x3818, tdt, DOORBELL, .rw = 0xffff, .write = tx_ring_write),
	D(TIDV,     0x3820, tidv, .rw = 0xffff, .write = tidv_write),
	D(TXDCTL,   0x3828, txdctl, .rw = ~0u),
	D(TADV,     0x382c, tadv, .rw = 0xffff),
	D(TSPMT,    0x3830, tspmt, .rw = ~0u),
	RX(STAT0,   0x4000, 4, .flags = REG_ZEROS, .shadow = stat_bits),
	RX(STAT32,  0x4080, 4, .flags = REG_ZEROS, .shadow = stat_bits),
	D(RXCSUM,   0x5000, rxcsum, .rw = 0x3ff),
	D(WUC,      0x5800, wuc, .rw = 0xf),
	D(WUFC,     0x5808, wufc, .rw = 0x000f80ff),
	D(WUS,      0x5810, wus, .w1c = ~0u),
	D(MANC,     0x5820, manc, .reset = 0x00222300, .rw = ~0u),
	D(IPAV,     0x5838, ipav, .rw = 0x1000f),
};
/* clang-format on */
const struct reg_file e1000_reg_file = REG_FILE(rows, 0);

void e1000_reset_regs(struct e1000 *d)
{
	reg_reset(&e1000_reg_file, d);
	memset(d->r.stat, 0, sizeof(d->r.stat));
	d->r.rx_causes = d->r.tx_causes = 0;
}

/* ---- arrays ---- */

static bool is_in(uint32_t off, uint32_t first, uint32_t bytes)
{
	return off - first < bytes;
}

/* The word at @off, or NULL. */
static uint32_t *find_table(struct e1000 *d, uint32_t off)
{
	if (is_in(off, E1000_MTA_AT, sizeof(d->t.mta)))
		return &d->t.mta[(off - E1000_MTA_AT) / 4];
	if (is_in(off, E1000_RA_AT, sizeof(d->t.ra)))
		return &d->t.ra[(off - E1000_RA_AT) / 4];
	if (is_in(off, E1000_VFTA_AT, sizeof(d->t.vfta)))
		return &d->t.vfta[(off - E1000_VFTA_AT) / 4];
	return NULL;
}

/* The lower half of an octet counter is cleared with the upper. */
static uint32_t read_stat(struct e1000 *d, uint32_t off)
{
	unsigned int i = (off - E1000_STATS_AT) / 4;
	uint32_t val = d->r.stat[i];

	switch (i) {
	case STAT_GORC:
	case STAT_GOTC:
	case STAT_TOR:
	case STAT_TOT:
		return val;
	case STAT_GORC + 1:
	case STAT_GOTC + 1:
	case STAT_TOR + 1:
	case STAT_TOT + 1:
		d->r.stat[i - 1] = 0;
		break;
	default:
		break;
	}
	d->r.stat[i] = 0;
	return val;
}

/* The table's words are aligned; bytes beyond one read as zero. */
static bool array_read(void *dev, uint32_t off, unsigned int size,
		       unsigned int count, void *buf)
{
	struct e1000 *d = dev;
	const uint32_t *word = find_table(d, off);
	uint32_t val;

	if (count != 1)
		return false;
	if (word)
		val = *word;
	else if (is_in(off, E1000_STATS_AT, sizeof(d->r.stat)))
		val = read_stat(d, off);
	else
		return false;
	le_put(buf, size, val >> 8 * (off % 4));
	return true;
}

/* Bits of such a word that can be set. */
static uint32_t table_bits(uint32_t off)
{
	bool rah = is_in(off, E1000_RA_AT, 8 * E1000_RAS) && (off & 4);

	return rah ? RAH_BITS : ~0u;
}

static bool array_write(void *dev, uint32_t off, unsigned int size,
			unsigned int count, const void *buf)
{
	struct e1000 *d = dev;
	uint32_t *word = find_table(d, off);
	uint32_t mask = (uint32_t)(le_mask(size) << 8 * (off % 4));

	if (count != 1)
		return false;
	if (!word)
		return is_in(off, E1000_STATS_AT, sizeof(d->r.stat));
	*word = (*word & ~mask) |
		((uint32_t)le_get(buf, size) << 8 * (off % 4) & mask);
	*word &= table_bits(off);
	bus_touch(d->bus, d->tables_id);
	return true;
}

const struct bus_win_ops e1000_array_ops = {
	.read_items = array_read, .write_items = array_write,
};

uint32_t e1000_reg_read(struct e1000 *d, uint32_t off, unsigned int size)
{
	uint32_t val = 0;

	if (array_read(d, off, size, 1, &val))
		return val;
	return reg_read(&e1000_reg_file, d, off, size);
}

void e1000_reg_write(struct e1000 *d, uint32_t off, unsigned int size,
		     uint32_t val)
{
	if (!array_write(d, off, size, 1, &val))
		reg_write(&e1000_reg_file, d, off, size, val);
}

/* ---- counting ---- */

void e1000_count(struct e1000 *d, enum e1000_stat s, uint32_t by)
{
	uint32_t *stat = &d->r.stat[s];

	*stat = by > UINT32_MAX - *stat ? UINT32_MAX : *stat + by;
}

void e1000_count64(struct e1000 *d, enum e1000_stat s, uint64_t by)
{
	uint32_t *stat = &d->r.stat[s];
	uint64_t v = (uint64_t)stat[1] << 32 | stat[0];

	v = by > UINT64_MAX - v ? UINT64_MAX : v + by;
	stat[0] = (uint32_t)v;
	stat[1] = (uint32_t)(v >> 32);
}

void e1000_count_size(struct e1000 *d, enum e1000_stat first, size_t len,
		      uint32_t by)
{
	static const uint16_t up_to[] = { 64, 127, 255, 511, 1023 };
	unsigned int i = 0;

	while (i < sizeof(up_to) / sizeof(up_to[0]) && len > up_to[i])
		i++;
	e1000_count(d, (enum e1000_stat)(first + i), by);
}
