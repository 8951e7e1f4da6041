/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/model/test_e1000_probe.c - 82540EM: what drivers do before they start
 *
 * Configuration space, registers that read back, EEPROM as Linux reads it bit
 * by bit and others with EERD, PHY, reset through ports, ROM, and which
 * registers spare the hop.
 */
#include "tests/model/e1000_guest.h"

#define SK	0x01u
#define CS	0x02u
#define DI	0x04u
#define DO	0x08u
#define REQ	0x40u
#define GNT	0x80u

static void test_pci(void)
{
	machine();
	is_hex(cfg_read(&rig, DEVFN, 0x00, 4), 0x100e8086, "82540EM");
	is_hex(cfg_read(&rig, DEVFN, 0x08, 4), 0x02000003, "class, revision");
	is_hex(cfg_read(&rig, DEVFN, 0x2c, 4), 0x11001af4, "subsystem");
	is_hex(cfg_read(&rig, DEVFN, 0x3d, 1), 1, "INTA");
	cfg_write(&rig, DEVFN, 0x10, 4, ~0u);
	cfg_write(&rig, DEVFN, 0x14, 4, ~0u);
	cfg_write(&rig, DEVFN, 0x30, 4, ~0u);
	is_hex(cfg_read(&rig, DEVFN, 0x10, 4), 0xfffe0000, "BAR0: 128 KiB");
	is_hex(cfg_read(&rig, DEVFN, 0x14, 4), 0xffffffc1, "BAR1: 64 ports");
	is_hex(cfg_read(&rig, DEVFN, 0x30, 4), 0, "no ROM");
	ok(!reg_check(&e1000_reg_file), "the register table is sane");
}

static void test_rom(void)
{
	static uint8_t rom[70000], got[4096];

	for (unsigned int i = 0; i < sizeof(rom); i++)
		rom[i] = (uint8_t)(i * 3 + i / 256);
	rig_init(&rig, 0);
	nicrig_init(&net, mac);
	build(rom, sizeof(rom));
	cfg_write(&rig, DEVFN, 0x30, 4, ~0u);
	is_hex(cfg_read(&rig, DEVFN, 0x30, 4), 0xfffe0001, "ROM: 128 KiB");
	cfg_write(&rig, DEVFN, 0x30, 4, ROM_AT | 1);
	cfg_write(&rig, DEVFN, 0x04, 2, 0x0002);
	rig_access(&rig, CHAN_MMIO, ROM_AT + 65536, 4, 1024, 0, 0, got);
	ok(!memcmp(got, rom + 65536, 4096), "read by string");
	is_hex(mmio_read(&rig, ROM_AT + sizeof(rom) - 2, 4),
	       0xffff0000u | le16_get(rom + sizeof(rom) - 2), "its end");
	is_hex(mmio_read(&rig, ROM_AT + 0x1fffc, 4), ~0u, "behind it");
	mmio_write(&rig, ROM_AT, 4, 0);
	is_hex(mmio_read(&rig, ROM_AT, 4), le32_get(rom), "read-only");
}

/* ---- EEPROM, as a driver for Microwire parts has it ---- */

static uint32_t eecd;

static void pins(uint32_t set, uint32_t clear)
{
	eecd = (eecd | set) & ~clear;
	wr(EECD, eecd);
	(void)rd(STATUS);
}

static void clock_out(uint32_t bits, unsigned int count)
{
	while (count--) {
		pins(bits >> count & 1 ? DI : 0, bits >> count & 1 ? 0 : DI);
		pins(SK, 0);
		pins(0, SK);
	}
	pins(0, DI);
}

static uint16_t read_word(unsigned int addr)
{
	uint16_t v = 0;

	eecd = rd(EECD);
	wr(EECD, eecd |= REQ);
	if (!(rd(EECD) & GNT))
		return 0xdead;
	pins(0, DI | SK);
	pins(CS, 0);
	/* Standby: CS falls, a clock, CS rises. */
	pins(0, CS | SK);
	pins(SK, 0);
	pins(CS, 0);
	pins(0, SK);
	clock_out(6, 3);
	clock_out(addr, 6);
	for (unsigned int i = 0; i < 16; i++) {
		pins(SK, 0);
		v = (uint16_t)(v << 1 | !!(rd(EECD) & DO));
		pins(0, SK);
	}
	pins(0, CS | DI);
	pins(SK, 0);
	pins(0, SK);
	wr(EECD, eecd &= ~REQ);
	return v;
}

static uint16_t eerd(unsigned int addr)
{
	wr(EERD, 1 | addr << 8);
	for (unsigned int i = 0; i < 10; i++)
		if (rd(EERD) & 0x10)
			return (uint16_t)(rd(EERD) >> 16);
	return 0xdead;
}

static void test_eeprom(void)
{
	uint16_t sum = 0, same = 0;

	machine();
	ok(rd(EECD) & 0x100, "an EEPROM is present");
	ok(!(rd(EECD) & GNT), "not granted unasked");
	for (unsigned int i = 0; i < 64; i++) {
		uint16_t w = read_word(i);

		sum = (uint16_t)(sum + w);
		same = (uint16_t)(same + (w == eerd(i)));
	}
	is_hex(sum, 0xbaba, "bit by bit: the sum of 64 words");
	is_hex(same, 64, "EERD reads the same");
	is_hex(eerd(0), 0x1600, "address, word 0");
	is_hex(read_word(2), 0x5634, "address, word 2");
	is_hex(eerd(13), 0x100e, "device ID");
	is_hex(rd(RAL), 0x123e1600, "loaded into RAL0");
	is_hex(rd(RAH), 0x80005634, "and RAH0");
	wr(RAL, 0x11223344);
	wr(CTRL_EXT, 0x2000);
	is_hex(rd(RAL), 0x123e1600, "EE_RST loads it again");
	is_hex(rd(CTRL_EXT), 0, "and is not kept");
}

/* ---- registers ---- */

static void test_registers(void)
{
	static const struct { uint32_t off, mask; } reg[] = {
		{ 0x28, ~0u }, { 0x2c, 0xffff }, { 0x30, 0xffff },
		{ 0x38, 0xffff }, { 0x178, 0xc000ffff }, { 0x170, 0xffff },
		{ 0x410, 0x3fffffff }, { 0x2168, 0xfff8 },
		{ 0x2800, 0xfffffff0 }, { 0x2804, ~0u }, { 0x2808, 0xfff80 },
		{ 0x2810, 0xffff }, { 0x2818, 0xffff }, { 0x2820, 0xffff },
		{ 0x3800, 0xfffffff0 }, { 0x3804, ~0u }, { 0x3808, 0xfff80 },
		{ 0x3820, 0xffff }, { 0x100, 0x06dfb3fe }, { 0x5404, 0x8003ffff },
		{ 0x5400, ~0u }, { 0x547c, 0x8003ffff }, { 0x5478, ~0u },
		{ 0x5200, ~0u },
		{ 0x53fc, ~0u }, { 0x5600, ~0u }, { 0x57fc, ~0u },
	};
	unsigned int wrong = 0;

	machine();
	is_hex(rd(STATUS), 0x80080683, "STATUS: up, 1000, full duplex");
	is_hex(rd(CTRL), 0x00140240, "CTRL");
	is_hex(rd(PBA), 0x00100030, "PBA");
	wr(STATUS, 0);
	is_hex(rd(STATUS), 0x80080683, "STATUS is read-only");
	for (unsigned int i = 0; i < sizeof(reg) / sizeof(reg[0]); i++) {
		static const uint32_t pattern[] = {
			0x5a5a5a5a, 0xa5a5a5a5, 0, ~0u };

		for (unsigned int k = 0; k < 4; k++) {
			wr(reg[i].off, pattern[k]);
			if (rd(reg[i].off) == (pattern[k] & reg[i].mask))
				continue;
			printf("# 0x%04x: wrote %08x, read %08x\n", reg[i].off,
			       pattern[k], rd(reg[i].off));
			wrong++;
		}
	}
	is_hex(wrong, 0, "registers keep what their masks say");
	wr(PBA, 0x28);
	is_hex(rd(PBA), 0x00180028, "PBA: the rest is for sending");
	wr(RAL, 0x44332211);
	mmio_write(&rig, BAR0 + RAL + 1, 1, 0xaa);
	is_hex(rd(RAL), 0x4433aa11, "a byte of an array's word");
	is_hex(mmio_read(&rig, BAR0 + RAL + 2, 2), 0x4433, "half of it");
	is_hex(rd(0x8000), 0, "nothing there");
	is_hex(rd(0x1fffc), 0, "nor at the end");
	wr(0x1fffc, 1);
	wr(CTRL + 4, 0x00140241);
	is_hex(rd(CTRL), 0x00140241, "CTRL has a second place");
}

static void test_ports(void)
{
	machine();
	out32(&rig, BAR1, STATUS);
	is_hex(in32(&rig, BAR1), STATUS, "IOADDR");
	is_hex(in32(&rig, BAR1 + 4), 0x80080683, "IODATA");
	is_hex(in8(&rig, BAR1 + 7), 0x80, "a byte of it");
	out32(&rig, BAR1, RAL);
	is_hex(in32(&rig, BAR1 + 4), 0x123e1600, "arrays, too");
	out32(&rig, BAR1, 0x1fffd);
	is_hex(in32(&rig, BAR1 + 4), 0, "nothing at the end");
	out32(&rig, BAR1, ~0u);
	is_hex(in32(&rig, BAR1 + 4), 0, "nor far behind");
	out32(&rig, BAR1 + 4, ~0u);
	is_hex(in32(&rig, BAR1 + 8), 0, "no other ports");
	/* The reset as Linux does it on this chip. */
	wr(IMS, 0x9d);
	wr(TDT, 3);
	wr(0x5200, 7);
	wr(RAL + 8, 5);
	wr(TCTL, 0xa);
	out32(&rig, BAR1, CTRL);
	out32(&rig, BAR1 + 4, 0x04140240);
	is_hex(rd(CTRL), 0x00140240, "RST clears itself");
	is_hex(rd(IMS) | rd(TDT) | rd(MTA) | rd(RAL + 8) | rd(TCTL), 0,
	       "reset through the ports");
	is_hex(rd(RAL), 0x123e1600, "the address is back");
	is_hex(rd(STATUS), 0x80080683, "the link stays");
}

/* ---- PHY ---- */

static uint16_t phy_read(unsigned int reg)
{
	wr(MDIC, 0x08200000 | reg << 16);
	return rd(MDIC) >> 28 == 1 ? (uint16_t)rd(MDIC) : 0xdead;
}

static void phy_write(unsigned int reg, uint16_t v)
{
	wr(MDIC, 0x04200000 | reg << 16 | v);
}

static void test_phy(void)
{
	machine();
	is_hex(phy_read(2), 0x0141, "PHY: Marvell");
	is_hex(phy_read(3), 0x0c20, "88E1011");
	is_hex(phy_read(0), 0x1140, "control");
	is_hex(phy_read(1), 0x796d, "status: link, negotiated");
	is_hex(phy_read(17), 0xac00, "1000 Mb/s, full duplex");
	is_hex(phy_read(5) & 0x4000, 0x4000, "the partner agrees");
	phy_write(1, 0);
	is_hex(phy_read(1), 0x796d, "status is read-only");
	phy_write(4, 0x0d01);
	is_hex(phy_read(4), 0x0d01, "what we can do is not");
	wr(MDIC, 0x08400000);
	is_hex(rd(MDIC) >> 28, 5, "another address: error");
	wr(MDIC, 0x00200000);
	is_hex(rd(MDIC) >> 28, 5, "no operation: error");
	wr(IMS, 0x200);
	wr(MDIC, 0x28220000);
	ok(is_irq(), "MDAC when asked for");
	is_hex(rd(ICR), 0x200, "and nothing else");
}

static void test_negotiation(void)
{
	machine();
	wr(IMS, 4);
	phy_write(0, 0x1340);
	is_hex(rd(STATUS) & 2, 0, "restarted: no link");
	is_hex(phy_read(1) & 0x24, 0, "nor negotiated");
	is_hex(phy_read(0), 0x1140, "restart clears itself");
	is_hex(rd(ICR), 4, "LSC");
	rig_advance(&rig, 499 * NS_PER_MS);
	is_hex(rd(STATUS) & 2, 0, "it takes its time");
	rig_advance(&rig, 2 * NS_PER_MS);
	is_hex(rd(STATUS) & 2, 2, "then the link is there");
	is_hex(phy_read(1) & 0x24, 0x24, "negotiated");
	ok(is_irq(), "interrupt");
	is_hex(rd(ICR), 4, "LSC");
	ok(!is_timed(), "and nothing ticks");

	phy_write(9, 0x0200);
	phy_write(0, 0x9140);
	is_hex(phy_read(0), 0x1140, "PHY reset clears itself");
	is_hex(phy_read(9), 0x0200, "and takes what was set: it does not undo it");
	is_hex(rd(STATUS) & 2, 0, "no link");
	rig_advance(&rig, NS_PER_S);
	is_hex(rd(STATUS) & 2, 2, "again");

	phy_write(9, 0);
	phy_write(4, 0x0101);
	phy_write(0, 0x1340);
	rig_advance(&rig, NS_PER_S);
	is_hex(rd(STATUS) & 0x3c3, 0x143, "100 Mb/s if we want no more");
	phy_write(0, 0x0000);
	is_hex(rd(STATUS) & 0x3c3, 0x002, "forced to 10 Mb/s, half duplex");
	phy_write(0, 0x0800);
	is_hex(rd(STATUS) & 2, 0, "powered down");
	wr(CTRL, 0x80140240);
	rig_advance(&rig, NS_PER_S);
	is_hex(rd(STATUS), 0x80080683, "CTRL.PHY_RST");
	is_hex(rd(CTRL), 0x00140240, "clears itself");
}

/* As Linux forces 100 Mb/s, full duplex: a mode counts after a reset. */
static void test_forced(void)
{
	machine();
	wr(IMS, 4);
	phy_write(0, 0xa100);
	is_hex(phy_read(0), 0x2100, "forced, with a reset");
	is_hex(rd(STATUS) & 2, 0, "the link goes");
	is_hex(rd(ICR), 4, "LSC");
	rig_advance(&rig, NS_PER_S);
	is_hex(rd(STATUS) & 0x3c3, 0x143, "and comes: 100 Mb/s, full duplex");
	is_hex(rd(ICR), 4, "LSC");
	is_hex(phy_read(1) & 0x24, 4, "nothing was negotiated");
	is_hex(phy_read(17), 0x6c00, "the PHY says so, too");
	wr(CTRL, 0x80140240);
	is_hex(phy_read(0), 0x1140, "CTRL.PHY_RST undoes it");
}

static void test_link(void)
{
	machine();
	wr(IMS, 4);
	nicrig_link(&net, false);
	rig_settle(&rig);
	ok(is_irq(), "the host's link goes: interrupt");
	is_hex(rd(STATUS) & 2, 0, "down");
	is_hex(rd(ICR), 4, "LSC");
	phy_write(0, 0x1340);
	rig_advance(&rig, 10 * NS_PER_S);
	is_hex(rd(STATUS) & 2, 0, "nobody to negotiate with");
	ok(!is_timed(), "nothing ticks");
	nicrig_link(&net, true);
	rig_settle(&rig);
	rig_advance(&rig, NS_PER_S);
	is_hex(rd(STATUS) & 2, 2, "up");
	is_hex(rd(ICR), 4, "LSC");
}

/* ---- what spares the hop ---- */

static uint32_t shadow(uint32_t reg)
{
	uint32_t v = 0xbad;

	return rig_shadow(&rig, CHAN_MMIO, BAR0 + reg, 4, &v) ? v : 0xbad;
}

static unsigned int flags(uint32_t reg)
{
	return rig_row_flags(&rig, CHAN_MMIO, BAR0 + reg, 4);
}

static void test_shadows(void)
{
	machine();
	is_hex(shadow(STATUS), 0x80080683, "STATUS in the shadow");
	is_hex(shadow(CTRL), 0x00140240, "CTRL, too");
	is_hex(shadow(ICR), 0, "ICR while it is 0");
	wr(ICS, 4);
	is_hex(shadow(ICR), 0xbad, "not while a read clears it");
	is_hex(rd(ICR), 4, "read");
	is_hex(shadow(ICR), 0, "0 again");
	wr(EERD, 1 | 13 << 8);
	is_hex(shadow(EERD), 0x100e0d10, "EERD is done");
	wr(MDIC, 0x08220000);
	is_hex(shadow(MDIC), 0x18220141, "MDIC, too");
	phy_write(0, 0x1340);
	is_hex(shadow(STATUS) & 2, 0, "STATUS follows the link");
	is_hex(flags(TDT), CHAN_ROW_POSTED | CHAN_ROW_INERT, "TDT: doorbell");
	is_hex(flags(RDT), CHAN_ROW_POSTED | CHAN_ROW_INERT | CHAN_ROW_QUIET,
	       "RDT: doorbell, quiet while no frame waits");
	is_hex(flags(EECD), CHAN_ROW_POSTED | CHAN_ROW_INERT | CHAN_ROW_LAZY,
	       "EECD: nobody waits");
	is_hex(flags(ICR) | flags(ICS), CHAN_ROW_SHADOW,
	       "acknowledges are not posted");
	is_hex(flags(IMC), CHAN_ROW_QUIET, "a mask only while the line is low");
	is_hex(flags(IMS), CHAN_ROW_POSTED | CHAN_ROW_INERT | CHAN_ROW_QUIET,
	       "IMS: later is as good");
}

/* iPXE: reset, link, address. */
static void test_ipxe(void)
{
	uint32_t ctrl;

	machine();
	ctrl = rd(CTRL);
	wr(CTRL, ctrl | 0x04000000);
	wr(CTRL, (ctrl | 0x60) & ~0x1808u);
	is_hex(rd(STATUS) & 2, 2, "iPXE: the link is up after its reset");
	is_hex(rd(RAL), 0x123e1600, "iPXE: address");
	wr(EERD, 1);
	is_hex(rd(EERD) & 0x12, 0x10, "iPXE: small format EERD");
	wr(0x2828, rd(0x2828) | 1u << 25);
	is_hex(rd(0x2828), 1u << 25, "iPXE: RXDCTL");
	ok(is_alive(), "iPXE: frames");
}

int main(void)
{
	test_pci();
	test_rom();
	test_eeprom();
	test_registers();
	test_ports();
	test_phy();
	test_negotiation();
	test_forced();
	test_link();
	test_shadows();
	test_ipxe();
	rig_free(&rig);
	return tap_done();
}
