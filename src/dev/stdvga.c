/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dev/stdvga.c - the standard VGA: registers, PCI function, BARs
 *
 * Runs in the vga worker.  Registers are kept as the guest wrote them, in
 * whatever combination; what they mean together is worked out, and bounded,
 * where it is used: vga_mem.c for the window, vga_draw.c for the picture.
 * No scan-out happens here by itself: nothing ticks.
 */
#include "dev/stdvga.h"

#include <string.h>

#include "base/bug.h"
#include "base/le.h"
#include "bus/restore.h"
#include "dev/vga_draw.h"

#define STATE_LAYOUT	1u

#define PORT(p)		((p) - VGA_PORT_BASE)
#define MSR_COLOUR	0x01u	/* 0x3dx answers, else 0x3bx */
#define ST01_RETRACE	0x09u	/* display disabled, vertical retrace */
#define AR_DATA_MASK	0x1fu
#define CR_LOCK_REG	0x11u
#define CR_LOCK		0x80u	/* CR0-7 are read-only ... */
#define CR_OVERFLOW	7u
#define CR7_UNLOCKED	0x10u	/* ... but for this bit of CR7 */
#define DAC_READING	3u

/* ---- attribute controller ---- */

static const uint8_t ar_mask[VGA_AR] = {
	0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f,
	0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f,
	0xef, 0xff, 0x3f, 0x0f, 0x0f,
};

static void attr_write(void *dev, const struct reg *reg, uint32_t val, uint32_t old)
{
	struct vga_regs *r = &((struct stdvga *)dev)->r;
	uint8_t i = r->ar_index & AR_DATA_MASK;

	(void)reg, (void)old;
	if (!r->ar_is_data)
		r->ar_index = val & 0x3f;
	else if (i < VGA_AR)
		r->ar[i] = (uint8_t)(val & ar_mask[i]);
	r->ar_is_data = !r->ar_is_data;
}

static uint32_t attr_data_read(void *dev, const struct reg *reg)
{
	const struct vga_regs *r = &((struct stdvga *)dev)->r;
	uint8_t i = r->ar_index & AR_DATA_MASK;

	(void)reg;
	return i < VGA_AR ? r->ar[i] : 0;
}

static bool attr_data_shadow(const void *dev, const struct reg *reg, uint32_t *val)
{
	*val = attr_data_read((void *)(uintptr_t)dev, reg);
	return true;
}

/* ---- sequencer and graphics controller ---- */

static const uint8_t sr_mask[VGA_SR] = {
	0x03, 0x3d, 0x0f, 0x3f, 0x0e, 0x00, 0x00, 0xff,
};
static const uint8_t gr_mask[VGA_GR] = {
	0x0f, 0x0f, 0x0f, 0x1f, 0x03, 0x7b, 0x0f, 0x0f, 0xff,
};

static void seq_write(void *dev, const struct reg *reg, uint32_t val, uint32_t old)
{
	struct vga_regs *r = &((struct stdvga *)dev)->r;
	uint8_t i = r->sr_index % VGA_SR;

	(void)reg, (void)old;
	r->sr[i] = (uint8_t)(val & sr_mask[i]);
}

static bool seq_shadow(const void *dev, const struct reg *reg, uint32_t *val)
{
	const struct vga_regs *r = &((const struct stdvga *)dev)->r;

	(void)reg;
	*val = r->sr[r->sr_index % VGA_SR];
	return true;
}

static uint32_t seq_read(void *dev, const struct reg *reg)
{
	uint32_t val;

	seq_shadow(dev, reg, &val);
	return val;
}

static void gfx_write(void *dev, const struct reg *reg, uint32_t val, uint32_t old)
{
	struct vga_regs *r = &((struct stdvga *)dev)->r;
	uint8_t i = r->gr_index % VGA_GR;

	(void)reg, (void)old;
	r->gr[i] = (uint8_t)(val & gr_mask[i]);
}

static bool gfx_shadow(const void *dev, const struct reg *reg, uint32_t *val)
{
	const struct vga_regs *r = &((const struct stdvga *)dev)->r;

	(void)reg;
	*val = r->gr[r->gr_index % VGA_GR];
	return true;
}

static uint32_t gfx_read(void *dev, const struct reg *reg)
{
	uint32_t val;

	gfx_shadow(dev, reg, &val);
	return val;
}

/* ---- CRT controller and status, at 0x3dx or 0x3bx ---- */

static bool answers(const struct stdvga *v, const struct reg *reg)
{
	bool colour = reg->off >= PORT(0x3d0);

	return colour == (v->r.msr & MSR_COLOUR);
}

static void crtc_index_write(void *dev, const struct reg *reg, uint32_t val,
			     uint32_t old)
{
	struct stdvga *v = dev;

	(void)old;
	if (answers(v, reg))
		v->r.cr_index = (uint8_t)val;
}

static bool crtc_index_shadow(const void *dev, const struct reg *reg, uint32_t *val)
{
	const struct stdvga *v = dev;

	*val = answers(v, reg) ? v->r.cr_index : 0xff;
	return true;
}

static uint32_t crtc_index_read(void *dev, const struct reg *reg)
{
	uint32_t val;

	crtc_index_shadow(dev, reg, &val);
	return val;
}

static void crtc_write(void *dev, const struct reg *reg, uint32_t val, uint32_t old)
{
	struct stdvga *v = dev;
	uint8_t *cr = v->r.cr, i = v->r.cr_index;

	(void)old;
	if (!answers(v, reg))
		return;
	if (i > CR_OVERFLOW || !(cr[CR_LOCK_REG] & CR_LOCK))
		cr[i] = (uint8_t)val;
	else if (i == CR_OVERFLOW)
		cr[i] = (uint8_t)((cr[i] & ~CR7_UNLOCKED) | (val & CR7_UNLOCKED));
}

static bool crtc_shadow(const void *dev, const struct reg *reg, uint32_t *val)
{
	const struct stdvga *v = dev;

	*val = answers(v, reg) ? v->r.cr[v->r.cr_index] : 0xff;
	return true;
}

static uint32_t crtc_read(void *dev, const struct reg *reg)
{
	uint32_t val;

	crtc_shadow(dev, reg, &val);
	return val;
}

/* Guests wait for an edge of the retrace bits: every read is one. */
static uint32_t st01_read(void *dev, const struct reg *reg)
{
	struct stdvga *v = dev;

	if (!answers(v, reg))
		return 0xff;
	v->r.ar_is_data = 0;
	v->r.st01 ^= ST01_RETRACE;
	return v->r.st01 & ST01_RETRACE;
}

/* The broker toggles by itself (.xor): the word never changes. */
static bool st01_shadow(const void *dev, const struct reg *reg, uint32_t *val)
{
	*val = 0;
	return answers(dev, reg);
}

static void fcr_write(void *dev, const struct reg *reg, uint32_t val, uint32_t old)
{
	struct stdvga *v = dev;

	(void)old;
	if (answers(v, reg))
		v->r.fcr = val & 0x10;
}

static void msr_write(void *dev, const struct reg *reg, uint32_t val, uint32_t old)
{
	struct stdvga *v = dev;

	(void)reg, (void)old;
	v->r.msr = val & 0xef;
}

/* ---- colour table ---- */

static void dac_read_index_write(void *dev, const struct reg *reg, uint32_t val,
				 uint32_t old)
{
	struct vga_regs *r = &((struct stdvga *)dev)->r;

	(void)reg, (void)old;
	r->dac_read = (uint8_t)val;
	r->dac_sub = 0;
	r->dac_state = DAC_READING;
}

static void dac_write_index_write(void *dev, const struct reg *reg, uint32_t val,
				  uint32_t old)
{
	struct vga_regs *r = &((struct stdvga *)dev)->r;

	(void)reg, (void)old;
	r->dac_write = (uint8_t)val;
	r->dac_sub = 0;
	r->dac_state = 0;
}

static void dac_data_write(void *dev, const struct reg *reg, uint32_t val,
			   uint32_t old)
{
	struct vga_regs *r = &((struct stdvga *)dev)->r;
	uint8_t sub = r->dac_sub % 3;

	(void)reg, (void)old;
	r->dac_part[sub] = (uint8_t)val;
	r->dac_sub = (uint8_t)((sub + 1) % 3);
	if (sub == 2)
		memcpy(r->dac[r->dac_write++], r->dac_part, 3);
}

static uint32_t dac_data_read(void *dev, const struct reg *reg)
{
	struct vga_regs *r = &((struct stdvga *)dev)->r;
	uint8_t sub = r->dac_sub % 3;
	uint8_t val = r->dac[r->dac_read][sub];

	(void)reg;
	r->dac_sub = (uint8_t)((sub + 1) % 3);
	if (sub == 2)
		r->dac_read++;
	return val;
}

/* ---- the table ---- */

/*
 * POSTED: a write shows in nothing but later reads of these registers, which
 * come after it, and in the picture.  SHADOW: reads without effect; 0x3da
 * resets the attribute flip-flop, which no shadow word shows, so NOTIFY.
 * INERT: the colour table is in no shadow word.
 */
#define POSTED		.flags = REG_POSTED
#define SHADOWED	.flags = REG_POSTED | REG_SHADOW
#define INERT		.flags = REG_POSTED | REG_INERT | REG_LAZY
#define V		struct stdvga

static const struct reg ports[] = {
	RX(CRX_MONO,  PORT(0x3b4), 1, .read = crtc_index_read, .write = crtc_index_write),
	RX(CRD_MONO,  PORT(0x3b5), 1, .read = crtc_read, .write = crtc_write),
	RX(ST01_MONO, PORT(0x3ba), 1, .read = st01_read, .write = fcr_write),
	R(V, ATTR,    PORT(0x3c0), r.ar_index, SHADOWED, .write = attr_write),
	RX(ATTRD,     PORT(0x3c1), 1, .flags = REG_SHADOW, .read = attr_data_read,
				      .shadow = attr_data_shadow),
	RX(MSR_W,     PORT(0x3c2), 1, SHADOWED, .write = msr_write),	/* reads ST00: 0 */
	R(V, SRX,     PORT(0x3c4), r.sr_index, SHADOWED, .rw = 0x07),
	RX(SRD,       PORT(0x3c5), 1, SHADOWED, .read = seq_read, .write = seq_write,
				      .shadow = seq_shadow),
	R(V, PEL,     PORT(0x3c6), r.pel_mask, SHADOWED, .reset = 0xff, .rw = 0xff),
	R(V, DAC_RX,  PORT(0x3c7), r.dac_state, INERT, .write = dac_read_index_write),
	R(V, DAC_WX,  PORT(0x3c8), r.dac_write, INERT, .write = dac_write_index_write),
	RX(DACD,      PORT(0x3c9), 1, INERT, .read = dac_data_read, .write = dac_data_write),
	R(V, FCR,     PORT(0x3ca), r.fcr, .flags = REG_SHADOW),
	R(V, MSR,     PORT(0x3cc), r.msr, .flags = REG_SHADOW),
	R(V, GRX,     PORT(0x3ce), r.gr_index, SHADOWED, .rw = 0x0f),
	RX(GRD,       PORT(0x3cf), 1, SHADOWED, .read = gfx_read, .write = gfx_write,
				      .shadow = gfx_shadow),
	RX(CRX,       PORT(0x3d4), 1, SHADOWED, .read = crtc_index_read,
				      .write = crtc_index_write, .shadow = crtc_index_shadow),
	RX(CRD,       PORT(0x3d5), 1, SHADOWED, .read = crtc_read, .write = crtc_write,
				      .shadow = crtc_shadow),
	RX(ST01,      PORT(0x3da), 1, .flags = REG_POSTED | REG_SHADOW | REG_NOTIFY,
				      .xor = ST01_RETRACE, .read = st01_read,
				      .write = fcr_write, .shadow = st01_shadow),
};
const struct reg_file vga_ports = REG_FILE(ports, ~0u);

/* ---- DISPI ---- */

static void dispi_write(struct stdvga *v, uint16_t val)
{
	uint32_t clear = vbe_write(&v->r.vbe, v->vram_bytes, val);

	if (!clear)
		return;
	memset(v->vram, 0, clear);
	v->paint_all = true;
}

/* Ports 0x1ce index, 0x1cf and 0x1d0 data: 16 bits each, overlapping. */
static uint32_t dispi_port_read(void *dev, uint32_t off, unsigned int size)
{
	struct stdvga *v = dev;

	if (size != 2)
		return ~0u;
	return off == 0 ? v->r.vbe.index : vbe_read(&v->r.vbe, v->vram_bytes);
}

static void dispi_port_write(void *dev, uint32_t off, unsigned int size, uint32_t val)
{
	struct stdvga *v = dev;

	if (size != 2)
		return;
	if (off == 0)
		v->r.vbe.index = (uint16_t)val;
	else
		dispi_write(v, (uint16_t)val);
}

/* Synchronous: turning a mode on clears memory that the guest then writes
   without us. */
static const struct bus_win_ops dispi_ops = {
	.read = dispi_port_read, .write = dispi_port_write,
};

/* ---- BAR 2 ---- */

#define MMIO_BYTES	4096u
#define MMIO_PORTS	0x400u		/* 0x3c0-0x3df */
#define MMIO_PORTS_END	0x420u
#define MMIO_DISPI	0x500u
#define MMIO_DISPI_END	(MMIO_DISPI + 2 * VBE_REG_COUNT)
#define MMIO_QEXT	0x600u		/* size of this block */
#define MMIO_ENDIAN	0x604u
#define ENDIAN_LITTLE	0x1e1e1e1eu

static bool in_dispi(uint32_t off, unsigned int size)
{
	return off >= MMIO_DISPI && off + size <= MMIO_DISPI_END &&
	       off % 2 == 0 && size >= 2;
}

static uint16_t dispi_mmio_get(struct stdvga *v, uint32_t off)
{
	struct vbe_regs at = v->r.vbe;

	at.index = (uint16_t)((off - MMIO_DISPI) / 2);
	return vbe_read(&at, v->vram_bytes);
}

static void dispi_mmio_put(struct stdvga *v, uint32_t off, uint16_t val)
{
	uint16_t index = v->r.vbe.index;

	v->r.vbe.index = (uint16_t)((off - MMIO_DISPI) / 2);
	dispi_write(v, val);
	v->r.vbe.index = index;
}

static uint32_t mmio_read(void *dev, uint32_t off, unsigned int size)
{
	struct stdvga *v = dev;

	if (off >= MMIO_PORTS && off + size <= MMIO_PORTS_END)
		return reg_read(&vga_ports, v, off - MMIO_PORTS + PORT(0x3c0), size);
	if (in_dispi(off, size))
		return dispi_mmio_get(v, off) | (size == 4 ?
			(uint32_t)dispi_mmio_get(v, off + 2) << 16 : 0);
	if (off == MMIO_QEXT && size == 4)
		return 8;
	if (off == MMIO_ENDIAN && size == 4)
		return ENDIAN_LITTLE;
	return ~0u;
}

static void mmio_write(void *dev, uint32_t off, unsigned int size, uint32_t val)
{
	struct stdvga *v = dev;

	if (off >= MMIO_PORTS && off + size <= MMIO_PORTS_END) {
		reg_write(&vga_ports, v, off - MMIO_PORTS + PORT(0x3c0), size, val);
	} else if (in_dispi(off, size)) {
		dispi_mmio_put(v, off, (uint16_t)val);
		if (size == 4)
			dispi_mmio_put(v, off + 2, (uint16_t)(val >> 16));
	}
}

static const struct bus_win_ops mmio_ops = { .read = mmio_read, .write = mmio_write };

/* ---- scanning ---- */

#define ASK_AGAIN	16u	/* scans after which a lost query is repeated */

void stdvga_scan(struct stdvga *v)
{
	bool by_hand = !vga_draw_is_direct(v);	/* the window sees all writes */

	if (by_hand || v->paint_all) {
		vga_draw_scan(v);
		return;
	}
	if (v->asked++ % ASK_AGAIN == 0)
		bus_dirty_query(v->bus);
}

static void take_dirty(void *dev, uint64_t all)
{
	struct stdvga *v = dev;
	const uint8_t *bits = bus_dirty_bits(v->bus);
	uint32_t bytes = (v->vram_bytes / VGA_PAGE_BYTES + 7) / 8;

	v->asked = 0;
	if (all)
		memset(v->dirty, 0xff, bytes);
	for (uint32_t i = 0; i < bytes && !all; i++)
		v->dirty[i] |= bits[i];
	vga_draw_scan(v);
}

/* ---- building ---- */

static void bar_moved(void *dev, unsigned int bar, uint64_t base)
{
	struct stdvga *v = dev;

	if (bar == 0)
		bus_vram_move(v->bus, base == PCI_UNMAPPED ? UINT64_MAX :
			      base / VGA_PAGE_BYTES);
}

/* ---- what a predecessor left ---- */

static bool is_masked(const uint8_t *reg, const uint8_t *mask, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		if (reg[i] & ~mask[i])
			return false;
	return true;
}

/* DISPI's registers are made consistent at every use (vbe_get_mode()). */
static const char *check(const void *dev, const void *regs)
{
	const struct vga_regs *r = regs;

	(void)dev;
	if (!is_masked(r->sr, sr_mask, VGA_SR))
		return "sr";
	if (!is_masked(r->gr, gr_mask, VGA_GR))
		return "gr";
	return is_masked(r->ar, ar_mask, VGA_AR) ? NULL : "ar";
}

#define MAX_RULE(fld, max) BUS_FIELD(struct vga_regs, fld, BUS_FIELD_MAX, max)
static const struct bus_field fields[] = {
	BUS_FIELD(struct vga_regs, msr, BUS_FIELD_BITS, 0xef),
	BUS_FIELD(struct vga_regs, fcr, BUS_FIELD_BITS, 0x10),
	BUS_FIELD(struct vga_regs, st01, BUS_FIELD_BITS, ST01_RETRACE),
	MAX_RULE(sr_index, 0x07), MAX_RULE(gr_index, 0x0f),
	MAX_RULE(ar_index, 0x3f), MAX_RULE(ar_is_data, 1),
	MAX_RULE(dac_state, DAC_READING), MAX_RULE(dac_sub, 2),
};
static const struct bus_state vga_state = {
	.version = STATE_LAYOUT, .field = fields,
	.field_count = sizeof(fields) / sizeof(fields[0]), .check = check,
};
/*
 * No resume: where VRAM is, the PCI function says.  A new device paints
 * everything at the first scan, and a scan that was asked of our predecessor
 * and not done is asked again by who waits for it.
 */
static const struct bus_dev_ops vga_ops = {
	.reply = take_dirty, .state = &vga_state };

static const struct bus_state latch_state = { .version = STATE_LAYOUT };
static const struct bus_dev_ops latch_ops = { .state = &latch_state };

static void reset(struct stdvga *v)
{
	memset(&v->r, 0, sizeof(v->r));
	v->latch.planes = 0;
	reg_reset(&vga_ports, v);
	vbe_reset(&v->r.vbe);
	v->paint_all = true;
}

static void add_windows(struct stdvga *v, struct bus *b)
{
	unsigned int win;

	win = bus_add_win(b, v->id, "vga ports", CHAN_PIO, VGA_PORT_COUNT,
			  &vga_ports, NULL);
	bus_map(b, win, VGA_PORT_BASE);
	win = bus_add_win(b, v->id, "dispi", CHAN_PIO, 3, NULL, &dispi_ops);
	bus_map(b, win, 0x1ce);
	win = bus_add_win(b, v->mem_id, "vga window", CHAN_MMIO, VGA_MEM_BYTES,
			  NULL, &vga_mem_ops);
	bus_map(b, win, VGA_MEM_BASE);

	pci_add_bar(&v->pci, 0, PCI_BAR_MEM_PREF, v->vram_bytes, PCI_NO_WIN);
	win = bus_add_win(b, v->id, "vga mmio", CHAN_MMIO, MMIO_BYTES, NULL,
			  &mmio_ops);
	pci_add_bar(&v->pci, 2, PCI_BAR_MEM, MMIO_BYTES, win);
	if (v->rom.image)
		pci_rom_add(b, &v->pci, &v->rom, "vga rom", VGA_ROM_BYTES);
}

void stdvga_init(struct stdvga *v, struct bus *b, const struct stdvga_cfg *cfg)
{
	static const struct pci_ids ids = {
		.vendor = 0x1234, .device = 0x1111, .class_device = 0x0300,
		.revision = 2,
	};

	bug_on(cfg->vram_bytes < VGA_VRAM_MIN ||
	       (cfg->vram_bytes & (cfg->vram_bytes - 1)) ||
	       cfg->vram_bytes / VGA_PAGE_BYTES > CHAN_VRAM_FRAMES_MAX);
	bug_on(cfg->rom_bytes > VGA_ROM_BYTES);
	v->bus = b;
	v->vram = cfg->vram;
	v->vram_bytes = cfg->vram_bytes;
	v->rom = (struct pci_rom){ cfg->rom, cfg->rom_bytes, 0 };
	v->disp = cfg->disp;
	v->pci.dev = v;
	v->pci.bar_moved = bar_moved;
	pci_add(b, &v->pci, "vga pci", cfg->devfn, &ids);
	v->id = bus_add_dev(b, "vga", v, &vga_ops, &v->r, sizeof(v->r));
	v->mem_id = bus_add_dev(b, "vga memory", v, &latch_ops, &v->latch,
				sizeof(v->latch));
	add_windows(v, b);
	reset(v);
}
