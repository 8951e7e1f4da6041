/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dev/piix4_pm.c - power management 00:01.3 (Intel 82371AB, function 3)
 *
 * Runs in platform.  Serves PM1a_CNT, the APM ports, GPE0, the PCI hot-plug
 * block and the map of online vCPUs.  PM1a events and the PM timer are Xen's,
 * in the same I/O block.
 */
#include "dev/piix4_pm.h"

#include <assert.h>

#include "base/le.h"
#include "bus/irq.h"
#include "bus/reg.h"
#include "bus/restore.h"
#include "dev/cmos.h"

#define STATE_LAYOUT	1u

enum pm_cfg {
	PMBA = 0x40, DEVRESB = 0x5c, PMREGMISC = 0x80, SMBBA = 0x90,
	SMBHSTCFG = 0xd2,
};
#define PMBA_BASE	0xffc0u
#define PMREGMISC_PMIOSE 0x01u

/*
 * Where PM1a_CNT is served: the FADT's block.  Xen's half (events, timer) is
 * there and nowhere else, so a guest that moves PMBA has no use for ours
 * elsewhere, and our window cannot be laid over another device's ports.
 */
#define PM_BASE		0xb000u
#define PM1A_CNT_OFF	0x04u

#define PM1_SCI_EN	0x0001u
#define PM1_SLP_TYP(v)	(((v) >> 10) & 7u)
#define PM1_SLP_EN	0x2000u
#define PM1_RW		0x1c07u		/* SCI_EN, BM_RLD, GBL_RLS, SLP_TYP */

/* SLP_TYP values of \_S5, \_S3 and \_S4 in Xen's tables and in QEMU's */
enum slp_typ { SLP_S5 = 0, SLP_S3 = 1, SLP_S4 = 2 };

#define APM_ACPI_ENABLE	0xf1u
#define APM_ACPI_DISABLE 0xf0u

#define SCI_LINE	9u

static void pm1a_cnt_write(void *dev, const struct reg *r, uint32_t val,
			   uint32_t old)
{
	struct piix4_pm *s = dev;

	(void)r;
	(void)old;
	if (!(val & PM1_SLP_EN))
		return;
	switch (PM1_SLP_TYP(val)) {
	case SLP_S5:
	case SLP_S4:
		bus_shutdown(s->bus, IO_SHUTDOWN_POWEROFF);
		break;
	case SLP_S3:
		cmos_set(s->cmos, CMOS_SHUTDOWN_STATUS, CMOS_SHUTDOWN_S3);
		bus_sleep(s->bus);
		break;
	default:
		break;
	}
}

static void apmc_write(void *dev, const struct reg *r, uint32_t val,
		       uint32_t old)
{
	struct piix4_pm *s = dev;

	(void)r;
	(void)old;
	/* There is no SMM: any other value would be an SMI nobody takes. */
	if (val == APM_ACPI_ENABLE)
		s->r.pm1a_cnt |= PM1_SCI_EN;
	else if (val == APM_ACPI_DISABLE)
		s->r.pm1a_cnt &= (uint16_t)~PM1_SCI_EN;
}

/*
 * Xen raises the same line for its own events and the two are not ORed, so
 * ours is touched only when it changes (irq_isa() sees to that).
 */
static void update_sci(void *dev)
{
	struct piix4_pm *s = dev;

	irq_isa(s->bus, SCI_LINE, s->r.gpe0_sts & s->r.gpe0_en);
}

static void gpe_write(void *dev, const struct reg *r, uint32_t val, uint32_t old)
{
	(void)r;
	(void)val;
	(void)old;
	update_sci(dev);
}

#define PM(sym, at, fld, ...) R(struct piix4_pm, sym, at, r.fld, __VA_ARGS__)
/* clang-format off */
static const struct reg pm_rows[] = {
	PM(PM1a_CNT, 0, pm1a_cnt, .rw = PM1_RW, .write = pm1a_cnt_write),
};
static const struct reg apm_rows[] = {
	PM(APMC, 0, apmc, .rw = 0xff, .write = apmc_write),
	PM(APMS, 1, apms, .rw = 0xff),
};
static const struct reg gpe_rows[] = {
	PM(GPE0_STS, 0, gpe0_sts, .w1c = 0xffff, .write = gpe_write),
	PM(GPE0_EN,  2, gpe0_en,  .rw = 0xffff,  .write = gpe_write),
};
/* Nothing is ever plugged: no slot came, went, or can be ejected. */
static const struct reg pcihp_rows[] = {
	PM(PCIU, 0x00, hp_up),
	PM(PCID, 0x04, hp_down),
	PM(B0EJ, 0x08, hp_eject),
	PM(B0RM, 0x0c, hp_removable),
	PM(BSEL, 0x10, hp_select),
};
static const struct reg cpu_rows[] = {
	PM(PRST0, 0x00, cpu[0]), PM(PRST1, 0x04, cpu[1]),
	PM(PRST2, 0x08, cpu[2]), PM(PRST3, 0x0c, cpu[3]),
	PM(PRST4, 0x10, cpu[4]), PM(PRST5, 0x14, cpu[5]),
	PM(PRST6, 0x18, cpu[6]), PM(PRST7, 0x1c, cpu[7]),
};
/* clang-format on */

const struct reg_file piix4_pm_pm_regs = REG_FILE(pm_rows, ~0u);
const struct reg_file piix4_pm_apm_regs = REG_FILE(apm_rows, ~0u);
const struct reg_file piix4_pm_gpe_regs = REG_FILE(gpe_rows, ~0u);
const struct reg_file piix4_pm_pcihp_regs = REG_FILE(pcihp_rows, ~0u);
const struct reg_file piix4_pm_cpu_regs = REG_FILE(cpu_rows, ~0u);

static void place_block(void *dev)
{
	struct piix4_pm *s = dev;
	const uint8_t *c = s->pci.r.cfg;

	if ((c[PMREGMISC] & PMREGMISC_PMIOSE) &&
	    (le32_get(&c[PMBA]) & PMBA_BASE) == PM_BASE)
		bus_map(s->bus, s->pm_win, PM_BASE + PM1A_CNT_OFF);
	else
		bus_unmap(s->bus, s->pm_win);
}

static void config_written(void *dev, uint32_t off, unsigned int size)
{
	(void)off;
	(void)size;
	place_block(dev);
}

static void set_reset_bytes(struct pci_func *f, unsigned int com)
{
	pci_set8(f, 0x06, 0x80);
	pci_set8(f, 0x07, 0x02);
	pci_set8(f, PMBA, 0x01);
	pci_set8(f, 0x5b, 0x02);	/* SMM is off: its set-up counts as done */
	/* Which ISA devices decode, as the BIOS of this board would say. */
	pci_set8(f, 0x5f, 0x10);
	pci_set8(f, 0x63, 0x60);
	pci_set8(f, 0x67, (uint8_t)((com & 1 ? 0x08 : 0) | (com & 2 ? 0x90 : 0)));
	pci_set32(f, SMBBA, 0xb101);
	pci_set8(f, SMBHSTCFG, 0x09);
}

static const struct bus_field fields[] = {
	BUS_FIELD(struct piix4_pm_regs, pm1a_cnt, BUS_FIELD_BITS, PM1_RW),
	BUS_FIELDS(struct piix4_pm_regs, hp_up, 5, BUS_FIELD_MAX, 0),
};
static_assert(offsetof(struct piix4_pm_regs, hp_select) -
	      offsetof(struct piix4_pm_regs, hp_up) == 4 * sizeof(uint32_t),
	      "five in a row");
static const struct bus_state state = {
	.version = STATE_LAYOUT, .field = fields,
	.field_count = sizeof(fields) / sizeof(fields[0]),
};
static const struct bus_dev_ops dev_ops = {
	.resume = update_sci, .state = &state };

static void add_fixed(struct piix4_pm *s, const char *name, uint16_t port,
		      uint32_t len, const struct reg_file *regs)
{
	bus_map(s->bus, bus_add_win(s->bus, s->id, name, CHAN_PIO, len, regs,
				    NULL), port);
}

void piix4_pm_init(struct piix4_pm *s, struct bus *b, struct cmos *cmos,
		   unsigned int vcpus, unsigned int com)
{
	s->bus = b;
	s->cmos = cmos;
	s->pci.dev = s;
	s->pci.written = config_written;
	s->pci.restored = place_block;
	pci_add(b, &s->pci, "piix4-pm", PCI_DEVFN(1, 3), &(struct pci_ids){
		.vendor = 0x8086, .device = 0x7113, .revision = 0x03,
		.class_device = 0x0680, .int_pin = 1 });
	set_reset_bytes(&s->pci, com);

	s->id = bus_add_dev(b, "piix4-acpi", s, &dev_ops, &s->r, sizeof(s->r));
	for (unsigned int i = 0; i < vcpus && i < 32 * PM_CPU_WORDS; i++)
		s->r.cpu[i / 32] |= 1u << (i % 32);
	s->pm_win = bus_add_win(b, s->id, "pm1a-cnt", CHAN_PIO, 2,
				&piix4_pm_pm_regs, NULL);
	add_fixed(s, "apm", 0xb2, 2, &piix4_pm_apm_regs);
	add_fixed(s, "pci-hotplug", 0xae00, 0x14, &piix4_pm_pcihp_regs);
	add_fixed(s, "cpu-map", 0xaf00, 0x20, &piix4_pm_cpu_regs);
	add_fixed(s, "gpe0", 0xafe0, 4, &piix4_pm_gpe_regs);
}
