/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/model/e1000_guest.h - a machine with an 82540EM, and a small driver
 *
 * The driver does what a guest's would, one register at a time.  Everything it
 * needs is at fixed places in guest memory.
 */
#ifndef TESTS_MODEL_E1000_GUEST_H
#define TESTS_MODEL_E1000_GUEST_H

#include "base/clock.h"
#include "base/le.h"
#include "dev/e1000.h"
#include "tests/lib/busrig.h"
#include "tests/lib/nicrig.h"
#include "tests/lib/tap.h"

#define RAM_BYTES	(4u << 20)
#define DEVFN		PCI_DEVFN(4, 0)
#define BAR0		0xf0000000u
#define BAR1		0xc000u
#define ROM_AT		0xf1000000u

/* Guest memory */
#define TX_RING		0x10000u
#define RX_RING		0x20000u
#define TX_DATA		0x40000u	/* and 128 KiB behind */
#define RX_DATA		0x100000u
#define RX_STEP		0x4000u		/* room of a receive buffer */

enum {
	CTRL = 0x0000, STATUS = 0x0008, EECD = 0x0010, EERD = 0x0014,
	CTRL_EXT = 0x0018, MDIC = 0x0020, VET = 0x0038, ICR = 0x00c0,
	ITR = 0x00c4, ICS = 0x00c8, IMS = 0x00d0, IMC = 0x00d8, RCTL = 0x0100,
	TCTL = 0x0400, TIPG = 0x0410, PBA = 0x1000, RDBAL = 0x2800,
	RDBAH = 0x2804, RDLEN = 0x2808, RDH = 0x2810, RDT = 0x2818,
	RDTR = 0x2820, RADV = 0x282c, RSRPD = 0x2c00, TDBAL = 0x3800,
	TDBAH = 0x3804, TDLEN = 0x3808, TDH = 0x3810, TDT = 0x3818,
	TIDV = 0x3820, TXDCTL = 0x3828, TADV = 0x382c, MPC = 0x4010,
	PRC64 = 0x405c, GPRC = 0x4074, GPTC = 0x4080, GORCL = 0x4088,
	GOTCL = 0x4090, RNBC = 0x40a0, ROC = 0x40ac, TPT = 0x40d4, TSCTC = 0x40f8,
	RXCSUM = 0x5000, MTA = 0x5200, RAL = 0x5400, RAH = 0x5404,
	VFTA = 0x5600,
};

#define TXD_EOP		0x01000000u
#define TXD_IFCS	0x02000000u
#define TXD_IC		0x04000000u
#define TXD_TSE		0x04000000u
#define TXD_RS		0x08000000u
#define TXD_DEXT	0x20000000u
#define TXD_DATA	(TXD_DEXT | 0x00100000u)
#define TXD_VLE		0x40000000u
#define TXD_IDE		0x80000000u
#define TUCMD_TCP	0x01000000u
#define TUCMD_IP	0x02000000u
#define IXSM		0x0100u		/* POPTS, in the status dword */
#define TXSM		0x0200u

#define RCTL_ON		0x0000801au	/* EN, UPE, MPE, BAM */
#define SECRC		0x04000000u
#define LPE		0x00000020u

static const uint8_t mac[NIC_MAC_BYTES] = { 0x00, 0x16, 0x3e, 0x12, 0x34, 0x56 };
static struct rig rig;
static struct nicrig net;
static struct e1000 card;
static uint32_t tx_count, rx_count;	/* descriptors of the rings */

__attribute__((unused))
static uint32_t rd(uint32_t reg)
{
	return mmio_read(&rig, BAR0 + reg, 4);
}

__attribute__((unused))
static void wr(uint32_t reg, uint32_t v)
{
	mmio_write(&rig, BAR0 + reg, 4, v);
}

__attribute__((unused))
static bool is_irq(void)
{
	return rig.intx[DEVFN << 2];
}

__attribute__((unused))
static void build(const uint8_t *rom, size_t rom_bytes)
{
	memset(&card, 0, sizeof(card));
	e1000_init(&card, &rig.bus, DEVFN, &net.nic, rom, rom_bytes);
	rig_close(&rig);
}

/* Will the card wake up by itself? */
__attribute__((unused))
static bool is_timed(void)
{
	return rig.wake_ns > rig.now_ns && rig.wake_ns != INT64_MAX;
}

/* Found by the BIOS, mastering. */
__attribute__((unused))
static void plug(void)
{
	cfg_write(&rig, DEVFN, 0x04, 2, 0x0000);
	cfg_write(&rig, DEVFN, 0x10, 4, BAR0);
	cfg_write(&rig, DEVFN, 0x14, 4, BAR1);
	cfg_write(&rig, DEVFN, 0x04, 2, 0x0007);
}

__attribute__((unused))
static void machine(void)
{
	rig_init(&rig, RAM_BYTES);
	nicrig_init(&net, mac);
	build(NULL, 0);
	plug();
}

__attribute__((unused))
static void tx_ring(uint32_t count)
{
	tx_count = count;
	wr(TDBAL, TX_RING);
	wr(TDBAH, 0);
	wr(TDLEN, count * 16);
	wr(TDH, 0);
	wr(TDT, 0);
	wr(TCTL, 0x0003f0fa);
}

/* All buffers given but one, as a full ring is. */
__attribute__((unused))
static void rx_ring(uint32_t count, uint32_t rctl)
{
	rx_count = count;
	for (uint32_t i = 0; i < count; i++) {
		memset(rig.ram + RX_RING + i * 16, 0, 16);
		le64_put(rig.ram + RX_RING + i * 16, RX_DATA + i * RX_STEP);
	}
	wr(RDBAL, RX_RING);
	wr(RDBAH, 0);
	wr(RDLEN, count * 16);
	wr(RDH, 0);
	wr(RDT, count - 1);
	wr(RCTL, rctl);
}

__attribute__((unused))
static uint8_t *tx_desc(uint32_t i)
{
	return rig.ram + TX_RING + i * 16;
}

__attribute__((unused))
static uint8_t *rx_desc(uint32_t i)
{
	return rig.ram + RX_RING + i * 16;
}

__attribute__((unused))
static uint8_t *rx_data(uint32_t i)
{
	return rig.ram + RX_DATA + i * RX_STEP;
}

__attribute__((unused))
static void put_desc(uint32_t i, uint64_t addr, uint32_t cmd, uint32_t status)
{
	le64_put(tx_desc(i), addr);
	le32_put(tx_desc(i) + 8, cmd);
	le32_put(tx_desc(i) + 12, status);
}

__attribute__((unused))
static void put_context(uint32_t i, uint8_t ipcss, uint8_t ipcso, uint16_t ipcse,
			uint8_t tucss, uint8_t tucso, uint16_t tucse,
			uint32_t paylen_cmd, uint8_t hdrlen, uint16_t mss)
{
	uint8_t *p = tx_desc(i);

	p[0] = ipcss;
	p[1] = ipcso;
	le16_put(p + 2, ipcse);
	p[4] = tucss;
	p[5] = tucso;
	le16_put(p + 6, tucse);
	le32_put(p + 8, paylen_cmd | TXD_DEXT);
	p[12] = 0;
	p[13] = hdrlen;
	le16_put(p + 14, mss);
}

__attribute__((unused))
static void kick(uint32_t tail)
{
	wr(TDT, tail % tx_count);
}

/* A frame with a pattern: destination @to, or our own address for NULL. */
__attribute__((unused))
static void make_frame(uint8_t *f, size_t len, const uint8_t *to)
{
	for (size_t i = 0; i < len; i++)
		f[i] = (uint8_t)(i * 7 + i / 256 + len);
	memcpy(f, to ? to : mac, len < 6 ? len : 6);
	if (len >= 14) {
		f[12] = 0x88;
		f[13] = 0xb5;
	}
}

__attribute__((unused))
static bool give(const uint8_t *f, size_t len)
{
	bool taken = nicrig_give(&net, f, len, false);

	rig_settle(&rig);
	return taken;
}

/* Sum as RFC 1071 has it, byte by byte. */
__attribute__((unused))
static uint16_t slow_sum(const uint8_t *p, size_t len)
{
	uint32_t s = 0;

	for (size_t i = 0; i < len; i++)
		s += i % 2 ? p[i] : (uint32_t)p[i] << 8;
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return (uint16_t)s;
}

__attribute__((unused))
static void be_put(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

__attribute__((unused))
static uint16_t be_get(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

/* Is it still a network card? */
__attribute__((unused))
static bool is_alive(void)
{
	uint8_t f[100];

	net.full = false;
	nicrig_clear(&net);
	wr(CTRL, rd(CTRL) | 0x04000000);
	cfg_write(&rig, DEVFN, 0x04, 2, 0x0007);
	rig_advance(&rig, NS_PER_S);
	make_frame(f, sizeof(f), NULL);
	tx_ring(8);
	memcpy(rig.ram + TX_DATA, f, sizeof(f));
	put_desc(0, TX_DATA, sizeof(f) | TXD_EOP | TXD_RS, 0);
	kick(1);
	if (net.sent_count != 1 || net.sent[0].len_bytes != sizeof(f) ||
	    memcmp(net.sent[0].bytes, f, sizeof(f)) || !(tx_desc(0)[12] & 1))
		return false;
	rx_ring(8, RCTL_ON | SECRC);
	return give(f, sizeof(f)) && !memcmp(rx_data(0), f, sizeof(f)) &&
		(rx_desc(0)[12] & 3) == 3;
}

#endif /* TESTS_MODEL_E1000_GUEST_H */
