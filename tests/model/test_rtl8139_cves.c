/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/model/test_rtl8139_cves.c - how network cards were broken before
 *
 * Known failures of emulated cards, tried on the RTL8139C+.  Under the address
 * sanitizer a test fails where memory is touched that is not the card's.
 */
#include "rtl8139_guest.h"

#define LGSEN	0x08000000u
#define IPCS	0x00040000u
#define UDPCS	0x00020000u
#define TCPCS	0x00010000u
#define SECRET	0xd5u

static uint8_t *buf;

static void start(uint16_t cpcr)
{
	machine();
	open_cplus(4, 1600, cpcr);
	buf = rig.ram + TX_BUF(0);
	memset(buf, 0, 4096);
	memcpy(buf, frame_for(everyone, 0x0800, 14), 14);
	/* What must never be seen outside. */
	memset(card.tx, SECRET, sizeof(card.tx));
	memset(card.rx, SECRET, sizeof(card.rx));
}

static void send(uint32_t dw0)
{
	put_desc(TX_RING, card.r.tx_at, OWN | FS | LS | dw0, 0, TX_BUF(0));
	put(0xd9, 1, 0x40);
}

/* Sends twice, with other leftovers in the card: what leaves is the same. */
static bool leaks(uint32_t dw0)
{
	const struct nicrig_frame *f = host.sent;
	unsigned int n;

	memset(card.tx, SECRET, 2000);
	send(dw0);
	n = host.sent_count;
	memset(card.tx, (uint8_t)~SECRET, 2000);
	send(dw0);
	if (host.sent_count != 2 * n)
		return true;
	return n && (f[0].len_bytes != f[1].len_bytes ||
		     memcmp(f[0].bytes, f[1].bytes, f[0].len_bytes));
}

/* What the host is told lies inside the frame. */
static bool todo_fits(const struct nicrig_frame *f)
{
	const struct nic_todo *t = &f->todo;

	if (t->csum && (size_t)t->csum_start + t->csum_offset + 2 > f->len_bytes)
		return false;
	return t->gso == NIC_GSO_NONE ||
	       (t->csum && t->gso_bytes && t->header_bytes < f->len_bytes);
}

/* Every IP length, header length and TCP offset, in frames of many lengths. */
static void test_cve_2015_5165(void)
{
	static const uint16_t totals[] = { 0, 1, 19, 20, 21, 27, 28, 39, 40, 41,
		100, 1499, 1500, 0x7fff, 0xffff };
	static const uint16_t lens[] = { 14, 15, 33, 34, 35, 41, 42, 53, 54, 55,
		60, 100, 1514 };
	bool fits = true, leaked = false;
	unsigned int n = 0;

	start(0x0b);
	for (unsigned int i = 0; i < 15 * 13 * 16 * 6; i++) {
		static const uint32_t asks[] = { IPCS | TCPCS, IPCS | UDPCS,
			LGSEN | 1 << 16, LGSEN | 1460 << 16, TCPCS, UDPCS };
		uint32_t ask = asks[i % 6];

		buf[14] = (uint8_t)(0x40 | (i / 6 % 16));
		buf[16] = (uint8_t)(totals[i / 96 % 15] >> 8);
		buf[17] = (uint8_t)totals[i / 96 % 15];
		buf[23] = (ask & UDPCS) ? 17 : 6;
		for (unsigned int k = 34; k < 100; k += 2)
			buf[k] = (uint8_t)(i << 4);
		leaked |= leaks(ask | lens[i / 1440 % 13]);
		for (unsigned int k = 0; k < host.sent_count; k++)
			fits &= todo_fits(&host.sent[k]);
		n += host.sent_count;
		nicrig_clear(&host);
	}
	ok(n > 15000, "CVE-2015-5165: %u frames with lengths that lie", n);
	ok(fits, "the host is never told of bytes outside them");
	ok(!leaked, "and nothing but the guest's bytes leaves");
}

static void test_cve_2016_8910(void)
{
	unsigned int writes;

	start(0x0b);
	put_desc(TX_RING, 0, OWN | EOR | FS, 0, TX_BUF(0));
	writes = rig.dma_writes;
	put(0xd9, 1, 0x40);
	is_hex(desc_dw(TX_RING, 0, 0) >> 31, 0,
	       "CVE-2016-8910: a ring of one that never ends a frame");
	is_hex(rig.dma_writes - writes, 1, "goes around once");
	for (unsigned int i = 0; i < 64; i++)
		put_desc(TX_RING + 0x8000, i, OWN, 0, TX_BUF(0));
	put(0x20, 4, TX_RING + 0x8000);
	put(0xd9, 1, 0x40);
	is_hex(host.sent_count, 0, "a ring of 64 that never does");
	/* The frame's last write back is under the next descriptor's OWN. */
	put_desc(TX_RING, 0, OWN | EOR | FS | LS | 60, 0, TX_RING);
	put(0x20, 4, TX_RING);
	put(0x37, 1, 0x00);
	put(0x37, 1, 0x0c);
	put(0xd9, 1, 0x40);
	ok(host.sent_count <= 64, "a ring that is its own data");
}

static void test_cve_2018_17958(void)
{
	start(0x0b);
	ok(give(frame_for(everyone, 0x0800, 16384), 16384),
	   "CVE-2018-17958: a frame longer than any buffer");
	put(0x40, 4, 0x03060600);
	put_desc(TX_RING, 0, OWN | FS | 0xffff, 0, TX_BUF(0));
	put_desc(TX_RING, 1, OWN | LS | 15, 0, TX_BUF(0));
	put(0xd9, 1, 0x40);
	is_hex(desc_dw(RX_RING, 0, 0) >> 31, 1, "looped back, too");
	machine();
	open_legacy(0, true);
	put(0x40, 4, 0x03060600);
	put(0x20, 4, TX_BUF(0));
	memcpy(rig.ram + TX_BUF(0), mac, 6);
	put(0x10, 4, 0x1fff);
	is_hex(card.r.cbr, 0, "and in the older mode");
}

static void test_cve_2020_27617(void)
{
	start(0x0b);
	buf[12] = 0x08;
	buf[13] = 0x06;
	send(LGSEN | 1460 << 16 | 3000);
	ok(host.sent_count == 1 && host.sent[0].todo.gso == NIC_GSO_NONE,
	   "CVE-2020-27617: a large send of what is not IP");
	buf[13] = 0x00;
	buf[14] = 0x65;
	send(LGSEN | 1460 << 16 | 3000);
	ok(host.sent_count == 2 && host.sent[1].todo.gso == NIC_GSO_NONE,
	   "and of IP version 6 in an IPv4 frame");
}

/*
 * A looped frame that holds both rings, and is received on top of them: every
 * one makes all descriptors ready again.  Without a bound of its own a
 * doorbell would never end.
 */
static void test_endless_loop(void)
{
	start(0x0b);
	put(0x40, 4, 0x03060600);
	for (unsigned int i = 0; i < 64; i++) {
		put_desc(TX_RING, i, OWN | FS | LS | 5136, 0, TX_BUF(0));
		put_desc(RX_RING, i, OWN | 0x1fff, 0, TX_RING - 16);
	}
	memcpy(buf + 16, rig.ram + TX_RING, 5120);
	put(0xd9, 1, 0x40);
	is_hex(card.r.tally.tx_ok, 64, "a frame that makes its ring ready again");
	is_hex(card.r.tally.rx_ok, 64, "is sent and received 64 times");
}

/* Loopback recursed: here a frame is received once, whatever it causes. */
static void test_cve_2021_3416(void)
{
	start(0x0b);
	put(0x40, 4, 0x03060600);
	for (unsigned int i = 0; i < 64; i++)
		put_desc(TX_RING, i, OWN | (i == 63 ? EOR : 0) | FS | LS | 60, 0,
			 TX_BUF(0));
	/* The received frame's buffer is the transmit ring, its data make
	   every descriptor ready again. */
	put_desc(RX_RING, 0, OWN | EOR | 1600, 0, TX_RING);
	for (unsigned int i = 0; i < 1000; i += 4)
		le32_put(buf + 16 + i, OWN | FS | LS | 60);
	put(0xd9, 1, 0x40);
	is_hex(card.r.tally.rx_ok, 1, "CVE-2021-3416: one frame, once around");
	put(0xd9, 1, 0x40);
	ok(card.r.tally.tx_ok <= 2 * 64, "a doorbell is at most one ring");
	/* The buffer is the doorbell itself. */
	put_desc(RX_RING, 0, OWN | EOR | 1600, 0, MMIO + 0xd9 - 60);
	put_desc(TX_RING, card.r.tx_at, OWN | FS | LS | 60, 0, TX_BUF(0));
	put(0xd9, 1, 0x40);
	ok(card.r.tally.rx_ok >= 2, "a buffer in the card's own registers");
}

/* CVE-2020-15859, CVE-2023-3019: DMA that reaches the device again. */
static void test_cve_2020_15859(void)
{
	start(0x0b);
	put(0x14, 4, 0);
	put(0x10, 4, (MMIO + 0x40) | 8);
	is_hex(get(0x40, 4), 0x77800600, "CVE-2020-15859: statistics into registers");
	put_desc(TX_RING, 0, OWN | FS | LS | 200, 0, MMIO);
	put(0xd9, 1, 0x40);
	is_hex(host.sent_count, 0, "registers are not sent");
	put(0x20, 4, MMIO);
	put(0xe4, 4, MMIO);
	put(0xd9, 1, 0x40);
	give(frame_for(everyone, 0x0800, 100), 100);
	ok(get(0x3e, 2) & 0x8000, "rings in registers: SERR");
	is_hex(get(0, 4), 0x123e1600, "nothing is written there");
}

/* Indices from the guest's state, as vmxnet3 believed them. */
static void test_cve_2013_4544(void)
{
	start(0x0b);
	card.r.tx_at = card.r.rx_at = card.r.tsd_at = 0xff;
	put_desc(TX_RING, 63, OWN | FS | LS | 100, 0, TX_BUF(0));
	put_desc(RX_RING, 63, OWN | 1600, 0, RX_BUF(0));
	put(0xd9, 1, 0x40);
	give(frame_for(everyone, 0x0800, 1514), 1514);
	put(0xe0, 2, 0);
	put(0x20, 4, TX_BUF(0));
	put(0x1c, 4, 100);
	put(0x44, 4, 0xe70a);
	ok(card.r.tx_at == 0 && card.r.rx_at == 0,
	   "CVE-2013-4544: positions out of range are brought in range");
	card.r.cbr = 0xffff;
	card.r.capr = 0xffef;
	give(frame_for(everyone, 0x0800, 1514), 1514);
	ok(card.r.tsd_at == 0 && get(0x1c, 4) == 0xa064,
	   "of the register descriptors");
	ok(card.r.cbr < 8192, "in the byte ring, too");
}

/* A receive ring that is full, empty or nonsense never loops. */
static void test_cve_2016_1981(void)
{
	start(0x0b);
	for (unsigned int i = 0; i < 64; i++)
		put_desc(RX_RING, i, OWN, 0, RX_BUF(0));
	ok(!give(frame_for(everyone, 0x0800, 100), 100),
	   "CVE-2016-1981: 64 buffers of no bytes");
	put_desc(RX_RING, 0, OWN | EOR | 1, 0, RX_BUF(0));
	put(0x3e, 2, 0xffff);
	ok(!give(frame_for(everyone, 0x0800, 100), 100), "a ring of one byte");
	is_hex(desc_dw(RX_RING, 0, 0), OWN | EOR | 1, "which is left alone");
}

static void test_cve_2012_6075(void)
{
	start(0x0b);
	put_desc(RX_RING, 0, OWN | EOR | 600, 0, RX_BUF(0));
	memset(rig.ram + RX_BUF(0), 0xaa, 4096);
	ok(!give(frame_for(everyone, 0x0800, 1514), 1514),
	   "CVE-2012-6075: a frame longer than the driver's buffers");
	ok(rig.ram[RX_BUF(0)] == 0xaa && rig.ram[RX_BUF(0) + 600] == 0xaa,
	   "writes nothing");
}

/* A short frame showed what the buffer held before. */
static void test_cve_2025_12464(void)
{
	unsigned int i;

	start(0x0b);
	ok(!leaks(20) && host.sent_count == 2 && host.sent[0].len_bytes == 60,
	   "CVE-2025-12464: a short frame is filled up with zeros");
	give(frame_for(everyone, 0x0800, 14), 14);
	for (i = 14; i < 60 && !rig.ram[RX_BUF(0) + i]; i++)
		;
	is_hex(i, 60, "when it arrives, too");
	put(0x40, 4, 0x03060600);
	send(20);
	for (i = 20; i < 60 && !rig.ram[RX_BUF(1) + i]; i++)
		;
	is_hex(i, 60, "and looped back");
}

/* Lengths near the end of what an int or 16 bits hold. */
static void test_cve_2018_17963(void)
{
	start(0x0b);
	for (unsigned int i = 0; i < 64; i++)
		put_desc(TX_RING, i, OWN | (i == 0 ? FS : 0) |
			 (i == 63 ? LS | EOR : 0) | 0xffff, 0, TX_BUF(0));
	put(0xd9, 1, 0x40);
	is_hex(host.sent_count, 0, "CVE-2018-17963: 4 MiB in one frame");
	is_hex(desc_dw(TX_RING, 63, 0) >> 31, 0, "all descriptors come back");
	put_desc(TX_RING, 0, OWN | FS | LS | 100, 0, UINT64_MAX - 10);
	put(0xd9, 1, 0x40);
	is_hex(host.sent_count, 0, "a buffer around the end of all addresses");
	put(0x20, 4, 0xfffffff8);
	put(0x24, 4, 0xffffffff);
	put(0xd9, 1, 0x40);
	put(0xe4, 4, 0xfffffff8);
	put(0xe8, 4, 0xffffffff);
	give(frame_for(everyone, 0x0800, 100), 100);
	ok(get(0x3e, 2) & 0x8000, "rings around it: SERR");
}

int main(void)
{
	test_cve_2015_5165();
	test_cve_2016_8910();
	test_cve_2018_17958();
	test_cve_2020_27617();
	test_cve_2021_3416();
	test_endless_loop();
	test_cve_2020_15859();
	test_cve_2013_4544();
	test_cve_2016_1981();
	test_cve_2012_6075();
	test_cve_2025_12464();
	test_cve_2018_17963();
	nicrig_clear(&host);
	rig_free(&rig);
	return tap_done();
}
