/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/model/test_rtl8139_regs.c - RTL8139C+: registers as drivers use them
 *
 * What 8139cp, 8139too and iPXE do before the first frame, interrupt rules,
 * the timer, MII, configuration lock, boot ROM, unplugging.
 */
#include "base/clock.h"
#include "rtl8139_guest.h"

#define FLAGS_DOORBELL	(CHAN_ROW_POSTED | CHAN_ROW_SHADOW)
#define FLAGS_LATCHED	(CHAN_ROW_POSTED | CHAN_ROW_INERT | CHAN_ROW_LAZY)

static void test_identity(void)
{
	const char *bad = reg_check(&rtl8139_reg_file);

	machine();
	is_str(bad ? bad : "sane", "sane", "the rows are sane");
	is_hex(cfg_read(&rig, DEVFN, 0, 4), 0x813910ec, "vendor, device");
	is_hex(cfg_read(&rig, DEVFN, 8, 4), 0x02000020, "class, revision");
	is_hex(cfg_read(&rig, DEVFN, 0x2c, 4), 0x11001af4, "subsystem");
	is_hex(cfg_read(&rig, DEVFN, 0x3d, 1), 1, "INTA");
	is_hex(cfg_read(&rig, DEVFN, 0x10, 4), PORT | 1, "BAR 0 is I/O");
	is_hex(cfg_read(&rig, DEVFN, 0x14, 4), MMIO, "BAR 1 is memory");
	cfg_write(&rig, DEVFN, 0x10, 4, ~0u);
	cfg_write(&rig, DEVFN, 0x14, 4, ~0u);
	is_hex(cfg_read(&rig, DEVFN, 0x10, 4), 0xffffff01, "256 ports");
	is_hex(cfg_read(&rig, DEVFN, 0x14, 4), 0xffffff00, "256 bytes");
	is_hex(cfg_read(&rig, DEVFN, 0x30, 4), 0, "no ROM without an image");
	place();
	is_hex(in8(&rig, PORT + 5), 0x56, "the address, in ports");
	is_hex(get(4, 4), 0x5634, "and in memory");
	is_hex(get(0x43, 1), 0x74, "version byte of TCR");
	is_hex(get(0x40, 4) & 0x7cc00000, 0x74800000, "is the 8139C+");
	is_hex(get(0x5e, 1), 0x20, "revision");
	is_hex(get(0x37, 1), 0x01, "CR: the ring is empty");
	is_hex(get(0x38, 4), 0x0000fff0, "CAPR, CBR");
	is_hex(get(0x10, 4), 0x2000, "TSD0: ours");
	is_hex(get(0x60, 2), 0x000f, "and in the summary");
	is_hex(get(0x70, 4), 0, "what is not there reads as 0");
}

static void test_rom(void)
{
	static uint8_t image[3000];
	uint8_t got[8];

	memset(image, 0x5a, sizeof(image));
	image[0] = 0x55;
	rig_init(&rig, RAM);
	nicrig_init(&host, mac);
	memset(&card, 0, sizeof(card));
	rtl8139_init(&card, &rig.bus, DEVFN, &host.nic, image, sizeof(image));
	rig_close(&rig);
	cfg_write(&rig, DEVFN, 0x30, 4, 0xfffff800);
	is_hex(cfg_read(&rig, DEVFN, 0x30, 4), 0xfffff000, "4 KiB of ROM");
	cfg_write(&rig, DEVFN, 0x30, 4, 0xf3000001);
	cfg_write(&rig, DEVFN, 0x04, 2, 0x0007);
	is_hex(mmio_read(&rig, 0xf3000000, 4), 0x5a5a5a55, "its first bytes");
	rig_access(&rig, CHAN_MMIO, 0xf3000000 + 2996, 4, 2, 0, 0, got);
	ok(!memcmp(got, "\x5a\x5a\x5a\x5a\xff\xff\xff\xff", 8),
	   "its end, and ones behind it");
	mmio_write(&rig, 0xf3000000, 4, 0);
	is_hex(mmio_read(&rig, 0xf3000000, 1), 0x55, "it is read-only");
}

/* As all three drivers do it; @wide asks for 8 address bits. */
static uint16_t read_eeprom(unsigned int addr, unsigned int addr_bits)
{
	uint32_t cmd = 6u << addr_bits | addr;
	uint16_t v = 0;

	put(0x50, 1, 0x80);
	put(0x50, 1, 0x88);
	for (unsigned int i = 3 + addr_bits; i-- > 0; ) {
		uint32_t di = cmd >> i & 1 ? 2 : 0;

		put(0x50, 1, 0x88 | di);
		put(0x50, 1, 0x8c | di);
	}
	put(0x50, 1, 0x88);
	for (unsigned int i = 0; i < 16; i++) {
		put(0x50, 1, 0x8c);
		v = (uint16_t)(v << 1 | (get(0x50, 1) & 1));
		put(0x50, 1, 0x88);
	}
	put(0x50, 1, 0);
	return v;
}

static void test_eeprom(void)
{
	uint32_t v = 0;

	machine();
	ok(read_eeprom(0, 8) != 0x8129, "a 93C46 is not taken for a 93C56");
	is_hex(read_eeprom(0, 6), 0x8129, "signature");
	is_hex(read_eeprom(7, 6), 0x1600, "address, first word");
	is_hex(read_eeprom(8, 6), 0x123e, "second");
	is_hex(read_eeprom(9, 6), 0x5634, "third");
	put(0x50, 1, 0x88);
	ok(rig_shadow(&rig, CHAN_MMIO, MMIO + 0x50, 1, &v) && v == 0x89,
	   "DO is in the shadow word");
	put(0x50, 1, 0);
	is_hex(get(0x50, 1), 0, "no pins in normal mode");
	put(0, 4, 0x11111111);
	put(0x3c, 2, 0x1ff);
	put(0x50, 1, 0x40);
	is_hex(get(0, 4), 0x123e1600, "auto-load brings the address back");
	is_hex(get(0x3c, 2), 0, "resets the rest");
	is_hex(get(0x50, 1), 0, "and ends by itself");
}

static void test_config_lock(void)
{
	machine();
	put(0x52, 1, 0xff);
	put(0x59, 1, 0xff);
	put(0x5a, 1, 0xff);
	put(0x62, 2, 0);
	ok(get(0x52, 1) == 0x0c && get(0x59, 1) == 0x01 && get(0x5a, 1) == 0 &&
	   get(0x62, 2) == 0x1000, "CONFIG1, 3, 4 and BMCR are locked");
	put(0xd8, 1, 0xff);
	is_hex(get(0xd8, 1), 0x7f, "CONFIG5 is not");
	put(0x50, 1, 0xc0);
	is_hex(get(0x50, 1), 0xc0, "unlocked");
	put(0x52, 1, 0x21);
	put(0x59, 1, 0xff);
	put(0x5a, 1, 0xff);
	put(0x62, 2, 0);
	is_hex(get(0x52, 1), 0x2d, "CONFIG1: mapped in both spaces whatever one writes");
	is_hex(get(0x59, 1), 0x71, "CONFIG3");
	is_hex(get(0x5a, 1), 0xf5, "CONFIG4");
	is_hex(get(0x62, 2), 0, "BMCR");
	put(0x50, 1, 0);
	put(0x62, 2, 0x9200);
	is_hex(get(0x62, 2), 0x1000, "BMCR: a reset is over at once");
	put(0x51, 1, 0xff);
	is_hex(get(0x51, 1), 0, "CONFIG0 is read-only");
}

static void test_reset(void)
{
	machine();
	put(0, 4, 0x33221102);
	put(8, 4, 0xdeadbeef);
	put(0x37, 1, 0x0c);
	put(0x3c, 2, 0xffff);
	put(0xe0, 2, 0x3);
	put(0x44, 4, 0x1f);
	put(0xd9, 1, 0x01);
	ok(rig.intx[INTA], "an interrupt is up");
	put(0x37, 1, 0x10);
	is_hex(get(0x37, 1), 0x01, "CR.RST ends at once, all is off");
	ok(!rig.intx[INTA], "no interrupt");
	is_hex(get(0x3c, 4), 0, "IMR, ISR");
	is_hex(get(0xe0, 2), 0, "C+ mode is off");
	is_hex(get(0x44, 4), 0, "RCR");
	is_hex(get(0, 4), 0x33221102, "the address stays");
	is_hex(get(8, 4), 0xdeadbeef, "and the hash");
}

/* 8139cp: cp_init_hw(), an interrupt, cp_stop_hw(); it reads each write back. */
static void test_8139cp(void)
{
	uint16_t isr;

	machine();
	put(0x37, 1, 0x10);
	ok(!(get(0x37, 1) & 0x10), "8139cp: the reset is over");
	put(0x50, 1, 0xc0);
	put(0, 4, 0x123e1600);
	put(4, 4, 0x5634);
	put(0xe0, 2, 0x002b);
	put(0x28, 4, 0);
	put(0x2c, 4, 0);
	put(0xe4, 4, RX_RING);
	put(0xe8, 4, 0);
	put(0x20, 4, TX_RING);
	put(0x24, 4, 0);
	put(0x37, 1, 0x0c);
	put(0xec, 1, 0x06);
	put(0x44, 4, 0xa40a);
	put(8, 4, 0);
	put(12, 4, 0x80000000);
	put(0x40, 4, 0x03000600);
	put(0x52, 1, get(0x52, 1) | 0x21);
	put(0x59, 1, 0x40);
	put(0xd8, 1, get(0xd8, 1) & 0x01);
	put(0x5c, 2, 0);
	put(0x50, 1, 0);
	put(0x3c, 2, 0x807f);
	ok(get(0xe0, 2) == 0x2b && get(0xe4, 4) == RX_RING &&
	   get(0x20, 4) == TX_RING && get(0x37, 1) == 0x0d &&
	   get(0x44, 4) == 0xa40a && get(0x40, 4) == 0x77800600 &&
	   get(12, 4) == 0x80000000 && get(0x52, 1) == 0x2d &&
	   get(0x59, 1) == 0x41 && get(0x3c, 2) == 0x807f,
	   "all registers are as it wants them");
	put_desc(RX_RING, 0, OWN | EOR | 1536, 0, RX_BUF(0));
	give(frame_for(mac, 0x0800, 60), 60);
	isr = (uint16_t)get(0x3e, 2);
	put(0x3e, 2, isr & ~0x53u);
	ok(rig.intx[INTA], "its handler leaves reception unacknowledged");
	put(0x3c, 2, 0x802c);
	ok(!rig.intx[INTA], "but masks it");
	put(0x3e, 2, 0x53);
	put(0x3c, 2, 0x807f);
	ok(!rig.intx[INTA], "and acknowledges it when it polls");
	put(0x3e, 2, ~get(0x3e, 2) & 0xffff);
	put(0x3c, 2, 0);
	put(0x37, 1, 0);
	put(0xe0, 2, 0);
	ok(get(0x37, 1) == 0x01 && get(0xe0, 2) == 0, "stopped");
}

/* 8139too as it starts the hardware. */
static void test_8139too(void)
{
	machine();
	put(0x5b, 1, 'R');
	put(0x37, 1, 0x10);
	put(0x50, 1, 0xc0);
	put(0, 4, 0x123e1600);
	put(4, 4, 0x5634);
	put(0x30, 4, RX_BYTES);
	put(0x37, 1, 0x0c);
	put(0x44, 4, 0xf78a);
	put(0x40, 4, 0x03000600);
	put(0x59, 1, get(0x59, 1) & ~0x20u);
	put(0x50, 1, 0);
	for (uint32_t i = 0; i < 4; i++)
		put(0x20 + 4 * i, 4, TX_BUF(i));
	put(0x4c, 4, 0);
	put(0x5c, 2, get(0x5c, 2) & 0xf000);
	ok((get(0x37, 1) & 0x0c) == 0x0c, "8139too: both ways are on");
	put(0x3c, 2, 0xc07f);
	ok(get(0x44, 4) == 0xf78a && get(0x20, 4) == TX_BUF(0) &&
	   get(0x2c, 4) == TX_BUF(3) && get(0x30, 4) == RX_BYTES,
	   "all registers are as it wants them");
	ok(get(0x10, 4) & get(0x1c, 4) & 0x2000, "no descriptor is in use");
	put(0x10, 4, 60);
	ok((get(0x10, 4) & 0x8000) && get(0x3e, 2) == 0x0004,
	   "a frame is sent when it looks");
}

/* iPXE: which chip is it? */
static void test_ipxe_probe(void)
{
	uint16_t v;

	machine();
	put(0xda, 2, 0x05f2);
	ok(get(0xda, 2) != 0x05f2, "no 8169: RMS does not read back");
	v = (uint16_t)((get(0xe0, 2) | 0x1b) & ~0x40u);
	put(0xe0, 2, v);
	is_hex(get(0xe0, 2), v, "an 8139C+: C+CR does");
	is_hex(get(0x44, 4) & 0x40, 0, "a 93C46");
	is_hex(get(0x52, 1) & 0x02, 0, "no VPD in it");
	is_hex(get(0x58, 1), 0xd0, "link, 100 Mbit/s");
}

static void test_mii(void)
{
	uint32_t v = 0;

	machine();
	is_hex(get(0x64, 2), 0x782d, "BMSR: negotiated, link");
	is_hex(get(0x66, 2), 0x05e1, "ANAR");
	is_hex(get(0x68, 2), 0x05e1, "ANLPAR");
	is_hex(get(0x6a, 2), 0x0001, "ANER");
	put(0x3c, 2, 0x20);
	nicrig_link(&host, false);
	rig_settle(&rig);
	ok(rig.intx[INTA] && get(0x3e, 2) == 0x20, "link change interrupts");
	is_hex(get(0x64, 2), 0x7809, "BMSR without link");
	ok(rig_shadow(&rig, CHAN_MMIO, MMIO + 0x64, 2, &v) && v == 0x7809,
	   "in the shadow word, too");
	is_hex(get(0x58, 1), 0xd4, "MSR without link");
	put(0x3e, 2, 0x20);
	ok(!rig.intx[INTA], "acknowledged");
	nicrig_link(&host, true);
	rig_settle(&rig);
	is_hex(get(0x58, 1), 0xd0, "and back");
}

static void test_interrupts(void)
{
	unsigned int said;

	machine();
	put(0xd9, 1, 0x01);
	is_hex(get(0x3e, 2), 0x100, "software interrupt");
	ok(!rig.intx[INTA], "masked");
	put(0x3c, 2, 0x100);
	ok(rig.intx[INTA], "unmasked: the line is up");
	is_hex(get(0x3e, 2), 0x100, "reading does not clear");
	said = rig_said(&rig, ANS_PCI_INTX);
	put(0xd9, 1, 0x01);
	put(0x3c, 2, 0xffff);
	is_hex(rig_said(&rig, ANS_PCI_INTX), said, "nothing is said twice");
	is_hex(get(0x3c, 2), 0xe1ff, "reserved bits of IMR");
	put(0x3f, 1, 0x01);
	ok(!rig.intx[INTA] && get(0x3e, 2) == 0, "a byte write acknowledges");
	put(0xd9, 1, 0x01);
	cfg_write(&rig, DEVFN, 0x04, 2, 0x0407);
	ok(!rig.intx[INTA], "INTx disabled in the command register");
	cfg_write(&rig, DEVFN, 0x04, 2, 0x0007);
	ok(rig.intx[INTA], "and enabled");
	put(0x3c, 4, 0x0100e1ff);
	ok(!rig.intx[INTA], "a dword writes IMR and ISR");
}

static void test_timer(void)
{
	machine();
	is_hex(rig.wake_ns, INT64_MAX, "nothing ticks");
	put(0x48, 4, 0);
	is_hex(get(0x48, 4), 0, "TCTR starts");
	rig_advance(&rig, 1000000);
	is_hex(get(0x48, 4), 33000, "33 a microsecond");
	put(0x3c, 2, 0x4000);
	put(0x54, 4, 66000);
	is_hex(rig.wake_ns, rig.now_ns + 1000000, "TimerInt: the worker sleeps until then");
	rig_advance(&rig, 999999);
	ok(!rig.intx[INTA], "not yet");
	rig_advance(&rig, 1);
	ok(rig.intx[INTA] && get(0x3e, 2) == 0x4000, "TimeOut");
	put(0x3e, 2, 0x4000);
	ok(rig.wake_ns > rig.now_ns + INT64_C(129000000000), "the next round");
	put(0x48, 4, 1);
	is_hex(rig.wake_ns, rig.now_ns + 2000000, "TCTR starts anew");
	put(0x54, 4, 0);
	is_hex(rig.wake_ns, INT64_MAX, "0 is never");
	put(0x54, 4, 33);
	put(0x37, 1, 0x10);
	is_hex(rig.wake_ns, INT64_MAX, "a reset stops it");
}

static void test_spared_hops(void)
{
	machine();
	for (uint32_t i = 0; i < 4; i++) {
		is_hex(rig_row_flags(&rig, CHAN_MMIO, MMIO + 0x10 + 4 * i, 4),
		       FLAGS_DOORBELL, "TSD is a doorbell");
		is_hex(rig_row_flags(&rig, CHAN_MMIO, MMIO + 0x20 + 4 * i, 4),
		       FLAGS_LATCHED, "TSAD is latched");
	}
	is_hex(rig_row_flags(&rig, CHAN_MMIO, MMIO + 0xd9, 1), CHAN_ROW_POSTED,
	       "TPPoll");
	is_hex(rig_row_flags(&rig, CHAN_PIO, PORT + 0xd9, 1), CHAN_ROW_POSTED,
	       "in ports, too");
	is_hex(rig_row_flags(&rig, CHAN_MMIO, MMIO + 0x3e, 2), CHAN_ROW_SHADOW,
	       "an acknowledge is synchronous");
	is_hex(rig_row_flags(&rig, CHAN_MMIO, MMIO + 0x3c, 2), CHAN_ROW_SHADOW,
	       "a mask is synchronous");
	is_hex(rig_row_flags(&rig, CHAN_MMIO, MMIO + 0x48, 4), 0,
	       "time is asked for");
}

static void test_unplug(void)
{
	unsigned int unmapped;

	machine();
	put(0x3c, 2, 0x100);
	put(0x54, 4, 1000);
	put(0xd9, 1, 0x01);
	rig_unplug(&rig, UNPLUG_IDE_DISKS);
	ok(!host.closed && cfg_read(&rig, DEVFN, 0, 4) == 0x813910ec,
	   "disks are not network cards");
	unmapped = rig_said(&rig, ANS_UNMAP);
	rig_unplug(&rig, UNPLUG_NICS);
	ok(host.closed, "the host's side is let go");
	ok(!rig.intx[INTA], "the line is down");
	is_hex(rig_said(&rig, ANS_UNMAP), unmapped + 3, "three windows are gone");
	is_hex(cfg_read(&rig, DEVFN, 0, 4), ~0u, "no such function");
	is_hex(get(0x37, 1), ~0u, "no registers in memory");
	is_hex(in8(&rig, PORT + 0x37), 0xff, "nor in ports");
	is_hex(rig.wake_ns, INT64_MAX, "nothing ticks");
	ok(give(frame_for(everyone, 0x0800, 100), 100), "frames are dropped");
	nicrig_link(&host, false);
	rig_settle(&rig);
	ok(!rig.intx[INTA], "and nothing interrupts");
	host.closed = false;
	rig_unplug(&rig, UNPLUG_NICS);
	ok(!host.closed, "once");
}

/* What the next worker would find is what the card has. */
static void test_committed(void)
{
	const struct state_half *h;

	machine();
	open_cplus(4, 1600, 0x0b);
	put(0x0c, 4, 0x12345678);
	give(frame_for(everyone, 0x0800, 100), 100);
	h = &rig.state->half[rig.state->flip & 1];
	ok(!memcmp(h->regs + rig.bus.dev[card.id].regs_at, &card.r,
		   sizeof(card.r)), "registers");
	ok(!memcmp(h->regs + rig.bus.dev[card.eeprom_id].regs_at, &card.eeprom,
		   sizeof(card.eeprom)), "EEPROM");
	is_hex(h->intx_levels[0] >> 12 & 1, 1, "and the line");
	ok(sizeof(card.r) <= 512, "in less than 512 bytes");
}

/* A worker that starts with the registers of a card that is gone. */
static void test_successor_of_unplugged(void)
{
	machine();
	rig_unplug(&rig, UNPLUG_NICS);
	rig_successor(&rig);
	nicrig_init(&host, mac);
	memset(&card, 0, sizeof(card));
	rtl8139_init(&card, &rig.bus, DEVFN, &host.nic, NULL, 0);
	card.r.gone = 1;
	rig_close(&rig);
	ok(host.closed, "the successor lets the host's side go");
	is_hex(cfg_read(&rig, DEVFN, 0, 4), ~0u, "and shows no function");
}

static void succeed(bool link)
{
	rig_successor(&rig);
	nicrig_init(&host, mac);
	host.nic.link_up = link;
	memset(&card, 0, sizeof(card));
	rtl8139_init(&card, &rig.bus, DEVFN, &host.nic, NULL, 0);
	rig_close(&rig);
}

static struct rtl8139_regs *left(void)
{
	return (void *)(rig.state->half[rig.state->flip & 1].regs +
			rig.bus.dev[card.id].regs_at);
}

/* Restored on a host that was started later than the card's timer. */
static void test_older_than_host(void)
{
	uint32_t at;

	machine();
	put(0x48, 4, 0);
	left()->tctr_zero_ns = rig.now_ns - 7 * NS_PER_S;
	succeed(true);
	at = get(0x48, 4);
	is_hex(at, 7 * 33000000u, "TCTR is what it was");
	rig_advance(&rig, NS_PER_MS);
	is_hex(get(0x48, 4) - at, 33000, "and goes on");
	put(0x54, 4, at + 66000);
	put(0x3c, 2, 0x4000);
	rig_advance(&rig, NS_PER_MS + 100);
	is_hex(get(0x3e, 2), 0x4000, "it times out");
	left()->tctr_zero_ns = INT64_MIN;
	succeed(true);
	ok(get(0x48, 4) == 0, "a time that cannot be");
}

static void test_successor(void)
{
	machine();
	open_cplus(4, 1600, 0x0b);
	put(0x48, 4, 0);			/* TCTR */
	put(0x54, 4, 33000);			/* a millisecond */
	put(0x3c, 2, 0x4020);
	rig_advance(&rig, NS_PER_MS / 2);
	succeed(true);
	ok(get(0x3e, 2) == 0 && get(0x48, 4) == 16500, "TCTR goes on");
	rig_advance(&rig, NS_PER_MS / 2 + 100);
	ok(get(0x3e, 2) == 0x4000 && rig.intx[INTA], "and times out");
	put(0x3e, 2, 0xffff);
	put(0x48, 4, 0);
	rig.now_ns += 2 * NS_PER_MS;
	succeed(true);
	rig_advance(&rig, 0);
	ok(get(0x3e, 2) == 0x4000 && rig.intx[INTA],
	   "TCTR was TimerInt while nobody was there: it is told, too");
	put(0x3e, 2, 0xffff);
	rig_advance(&rig, NS_PER_S);
	ok(get(0x3e, 2) == 0, "once");
	put(0x54, 4, 0);
	succeed(false);
	ok(get(0x3e, 2) == 0x20 && rig.intx[INTA] && (get(0x58, 1) & 4),
	   "no wire: the link changed");
	put(0x3e, 2, 0xffff);
	succeed(false);
	ok(get(0x3e, 2) == 0 && !rig.intx[INTA], "it is told once");
	succeed(true);
	ok(get(0x3e, 2) == 0x20 && !(get(0x58, 1) & 4), "a wire again");
	ok(rig.intx[INTA], "an interrupt is up");
	left()->tx_at = 64;
	succeed(true);
	ok(!rig.intx[INTA] && get(0x37, 1) == 1 && get(0x3c, 2) == 0,
	   "a position outside the ring: reset, the line is low");
	machine();
	rig_unplug(&rig, UNPLUG_NICS);
	rig_said_clear(&rig);
	succeed(true);
	ok(host.closed && rig_said(&rig, ANS_MAP) + rig_said(&rig, ANS_UNMAP) == 0,
	   "unplugged: there is nothing to be taken away");
}

int main(void)
{
	test_identity();
	test_rom();
	test_eeprom();
	test_config_lock();
	test_reset();
	test_8139cp();
	test_8139too();
	test_ipxe_probe();
	test_mii();
	test_interrupts();
	test_timer();
	test_spared_hops();
	test_unplug();
	test_committed();
	test_successor_of_unplugged();
	test_older_than_host();
	test_successor();
	rig_free(&rig);
	return tap_done();
}
