/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/model/test_e1000_cves.c - mistakes that others made in this place
 *
 * One test each, named after the advisory; those of other cards as far as this
 * one has the registers for it.  Each does what its reproducer does and shows
 * that the card works afterwards.  Run under sanitizers, they also show that
 * nothing is read or written out of bounds.
 */
#include <errno.h>

#include "tests/model/e1000_guest.h"

static uint8_t f[NIC_FRAME_MAX + 1];

/* Frames longer than allowed were written over what is behind the buffer. */
static void test_cve_2012_6075(void)
{
	machine();
	rx_ring(8, RCTL_ON | SECRC);
	memset(rx_data(0), 0xcc, RX_STEP);
	make_frame(f, 3000, NULL);
	ok(give(f, 3000) && rd(RDH) == 0 && rx_data(0)[0] == 0xcc,
	   "CVE-2012-6075: dropped without LPE");
	wr(RCTL, RCTL_ON | SECRC | LPE);
	ok(give(f, 3000) && rd(RDH) == 2 && rx_data(0)[2048] == 0xcc &&
	   le16_get(rx_desc(1) + 8) == 952,
	   "CVE-2012-6075: with it, no buffer is overrun");
	make_frame(f, NIC_FRAME_MAX, NULL);
	ok(give(f, NIC_FRAME_MAX) && rd(RDH) == 2, "CVE-2012-6075: nor by 16 KiB");
	ok(is_alive(), "CVE-2012-6075: alive");
}

/* Head or tail outside the transmit ring: it was walked for ever. */
static void test_cve_2015_6815(void)
{
	static const uint16_t bad[][2] = { { 0xffff, 4 }, { 9, 4 }, { 8, 4 },
		{ 0, 8 }, { 0, 0xffff }, { 0xffff, 0xfffe } };

	machine();
	tx_ring(8);
	for (unsigned int i = 0; i < 8; i++)
		put_desc(i, TX_DATA, 64 | TXD_EOP | TXD_RS, 0);
	for (unsigned int i = 0; i < 6; i++) {
		wr(TDH, bad[i][0]);
		wr(TDT, bad[i][1]);
	}
	is_hex(net.sent_count, 0, "CVE-2015-6815: such a ring is not walked");
	wr(TDH, 5);
	wr(TDT, 4);
	is_hex(net.sent_count, 7, "CVE-2015-6815: a good one once");
	wr(TDLEN, 0);
	wr(TDT, 7);
	is_hex(net.sent_count, 7, "CVE-2015-6815: one of length 0 not at all");
	ok(is_alive(), "CVE-2015-6815: alive");
}

/* The same, and the receive ring. */
static void test_cve_2016_1981(void)
{
	static const uint16_t bad[][2] = { { 0xffff, 4 }, { 8, 4 }, { 0, 8 },
		{ 0, 0xffff } };

	machine();
	rx_ring(8, RCTL_ON | SECRC);
	make_frame(f, 100, NULL);
	for (unsigned int i = 0; i < 4; i++) {
		wr(RDH, bad[i][0]);
		wr(RDT, bad[i][1]);
		ok(!give(f, 100) && rd(RDH) == bad[i][0],
		   "CVE-2016-1981: head 0x%x tail 0x%x: no buffer", bad[i][0],
		   bad[i][1]);
	}
	wr(RDLEN, 0);
	wr(RDH, 0);
	wr(RDT, 0);
	ok(!give(f, 100), "CVE-2016-1981: length 0");
	ok(is_alive(), "CVE-2016-1981: alive");
}

/* A large send whose data never filled a segment was never finished. */
static void test_cve_2021_20257(void)
{
	machine();
	tx_ring(64);
	for (unsigned int hdr = 0; hdr < 256; hdr += 51) {
		nicrig_clear(&net);
		put_context(0, 14, 24, 33, 34, 50, 0,
			    0xfffff | TXD_TSE | 0x03000000u, (uint8_t)hdr, 0);
		for (unsigned int i = 1; i < 63; i++)
			put_desc(i, TX_DATA, 0xfffff | TXD_DATA | TXD_TSE, 0x300);
		put_desc(63, TX_DATA, hdr | TXD_DATA | TXD_TSE | TXD_EOP, 0x300);
		wr(TDT, 0);
		wr(TDH, 0);
		kick(63);
		kick(64);
		ok(rd(TDH) == 0 && net.sent_count == 0,
		   "CVE-2021-20257: HDRLEN %u: the ring ends", hdr);
	}
	ok(is_alive(), "CVE-2021-20257: alive");
}

/* A short frame looped back was padded in a buffer that had no room. */
static void test_cve_2025_12464(void)
{
	machine();
	tx_ring(8);
	rx_ring(8, RCTL_ON | 0x40);
	wr(TCTL, 0x0003f0f2);
	memset(rig.ram + TX_DATA, 0x5a, 64);
	for (unsigned int len = 56; len < 60; len -= 7) {
		wr(TDH, 0);
		wr(RDH, 0);
		memset(rx_data(0), 0xcc, 80);
		put_desc(0, TX_DATA, len | TXD_EOP, 0);
		kick(1);
		ok(len < 14 ? rd(RDH) == 0 : rd(RDH) == 1 &&
		   rx_data(0)[len] == 0 && rx_data(0)[59] == 0 &&
		   rx_data(0)[64] == 0xcc,
		   "CVE-2025-12464: %u bytes looped back", len);
		wr(TDT, 0);
	}
	ok(is_alive(), "CVE-2025-12464: alive");
}

/* Lengths that are negative as an int. */
static void test_cve_2018_17963(void)
{
	machine();
	rx_ring(8, RCTL_ON | LPE);
	ok(give(f, (size_t)1 << 31) && give(f, SIZE_MAX) &&
	   give(f, NIC_FRAME_MAX + 1) && give(f, ((size_t)1 << 32) + 100) &&
	   rd(RDH) == 0,
	   "CVE-2018-17963: dropped before a byte is read");
	ok(is_alive(), "CVE-2018-17963: alive");
}

/* Large sends of what is not IP. */
static void test_cve_2020_27617(void)
{
	machine();
	tx_ring(8);
	memset(rig.ram + TX_DATA, 0, 4096);
	put_context(0, 0, 0, 0, 0, 0, 0, 4000 | TXD_TSE | 0x03000000u, 60, 100);
	put_desc(1, TX_DATA, 4000 | TXD_DATA | TXD_TSE | TXD_EOP, 0x300);
	kick(2);
	ok(net.sent_count == 1 && !net.sent[0].todo.gso,
	   "CVE-2020-27617: headers of no length");
	put_context(2, 14, 24, 33, 34, 50, 0, 4000 | TXD_TSE | 0x03000000u, 54, 100);
	put_desc(3, TX_DATA, 4000 | TXD_DATA | TXD_TSE | TXD_EOP, 0x300);
	kick(4);
	ok(net.sent_count == 2 && net.sent[1].len_bytes == 4000,
	   "CVE-2020-27617: zeros instead of IP are only passed on");
	ok(is_alive(), "CVE-2020-27617: alive");
}

/* Looped back frames whose reception sent the next one. */
static void test_cve_2021_3416(void)
{
	machine();
	tx_ring(64);
	rx_ring(64, RCTL_ON | 0xc0);
	for (unsigned int i = 0; i < 64; i++)
		put_desc(i, TX_DATA, 64 | TXD_EOP | TXD_RS, 0);
	/* Receiving rewrites the transmit ring. */
	for (unsigned int i = 0; i < 64; i++)
		le64_put(rx_desc(i), TX_RING);
	memset(rig.ram + TX_DATA, 0xff, 64);
	kick(63);
	is_hex(rd(TDH), 63, "CVE-2021-3416: the ring is walked once");
	is_hex(rd(ICR) & 0x80, 0x80, "CVE-2021-3416: frames came back");
	ok(is_alive(), "CVE-2021-3416: alive");
}

/* A frame in more pieces than there was room for. */
static void test_cve_2020_16092(void)
{
	static uint8_t *got;

	machine();
	tx_ring(4096);
	for (unsigned int i = 0; i < 4095; i++)
		put_desc(i, TX_DATA + i % 2, i % 3 | TXD_DATA, 0);
	put_desc(4094, TX_DATA, 1 | TXD_DATA | TXD_EOP, 0);
	rig.ram[TX_DATA] = 0x77;
	kick(4095);
	got = net.sent[0].bytes;
	ok(net.sent_count == 1 && net.sent[0].len_bytes == 4093 + 1 &&
	   got[4093] == 0x77, "CVE-2020-16092: 4095 pieces");
	ok(is_alive(), "CVE-2020-16092: alive");
}

/* ---- descriptors and data at our own registers ---- */

static void test_cve_2020_15859(void)
{
	machine();
	tx_ring(8);
	put_desc(0, BAR0 + TDT, 64 | TXD_EOP | TXD_RS, 0);
	kick(1);
	ok(net.sent_count == 1 && net.sent[0].bytes[0] == 0xff,
	   "CVE-2020-15859: registers are not memory to send from");
	wr(TDBAL, BAR0 + TDBAL);
	kick(3);
	is_hex(rd(TDBAL), BAR0 + TDBAL, "CVE-2020-15859: nor a ring");
	rx_ring(8, RCTL_ON | SECRC);
	le64_put(rx_desc(0), BAR0 + RCTL);
	le64_put(rx_desc(1), UINT64_MAX - 10);
	make_frame(f, 100, NULL);
	ok(give(f, 100) && rd(RCTL) == (RCTL_ON | SECRC),
	   "CVE-2020-15859: nor to receive to");
	ok(give(f, 100), "CVE-2020-15859: nor the end of all addresses");
	wr(RDBAL, BAR0 + RDBAL);
	wr(RDBAH, ~0u);
	give(f, 100);
	ok(is_alive(), "CVE-2020-15859: alive");
}

static unsigned int depth, deepest;
static const struct nic_ops *rig_ops;

/* A host that calls back from everywhere. */
static int send_back(struct nic *n, const struct iovec *iov,
		     unsigned int iov_count, const struct nic_todo *todo)
{
	if (++depth > deepest)
		deepest = depth;
	n->send_ready(n->dev);
	if (depth < 8) {
		n->receive(n->dev, f, 100, true);
		n->received(n->dev);
	}
	depth--;
	return rig_ops->send(n, iov, iov_count, todo);
}

static void ready_back(struct nic *n)
{
	n->receive(n->dev, f, 100, true);
	n->received(n->dev);
}

static void test_cve_2023_3019(void)
{
	struct nic_ops ops;

	machine();
	rig_ops = net.nic.ops;
	ops = *rig_ops;
	ops.send = send_back;
	ops.receive_ready = ready_back;
	net.nic.ops = &ops;
	make_frame(f, 100, NULL);
	tx_ring(8);
	rx_ring(4, RCTL_ON);
	for (unsigned int i = 0; i < 8; i++)
		put_desc(i, TX_DATA, 64 | TXD_EOP | TXD_RS, 0);
	kick(7);
	rig_settle(&rig);
	is_hex(deepest, 1, "CVE-2023-3019: a sending card does not send");
	is_hex(net.sent_count, 7, "CVE-2023-3019: each frame once");
	net.full = true;
	kick(8);
	net.full = false;
	net.nic.send_ready(net.nic.dev);
	rig_settle(&rig);
	is_hex(net.sent_count, 8, "CVE-2023-3019: also one that was held");
	give(f, 100);
	wr(RDT, 2);
	wr(RCTL, 0);
	net.nic.ops = rig_ops;
	ok(is_alive(), "CVE-2023-3019: alive");
}

/* A checksum that has no place in its packet. */
static void test_cve_2024_3567(void)
{
	machine();
	tx_ring(8);
	for (unsigned int i = 0; i < 256; i += 15) {
		put_context(0, (uint8_t)i, (uint8_t)(255 - i), 0, (uint8_t)(255 - i),
			    (uint8_t)i, (uint16_t)(i * 257), 0, 0, 0);
		put_desc(1, TX_DATA, 34 | TXD_DATA | TXD_EOP, 0x300);
		wr(TDH, 0);
		kick(2);
		wr(TDT, 0);
	}
	ok(net.sent_count == 18, "CVE-2024-3567: sent without");
	ok(is_alive(), "CVE-2024-3567: alive");
}

/* pcnet: a looped back frame of the longest length got an FCS behind it. */
static void test_cve_2015_7504(void)
{
	machine();
	tx_ring(8);
	rx_ring(32, RCTL_ON | LPE | 0x40);
	put_desc(0, TX_DATA, 16380 | TXD_EOP, 0);
	put_desc(1, TX_DATA, 16381 | TXD_EOP, 0);
	put_desc(2, TX_DATA, 65535 | TXD_EOP, 0);
	kick(3);
	is_hex(rd(RDH), 8, "CVE-2015-7504: 16 KiB with FCS, no more");
	ok(is_alive(), "CVE-2015-7504: alive");
}

int main(void)
{
	test_cve_2012_6075();
	test_cve_2015_6815();
	test_cve_2016_1981();
	test_cve_2021_20257();
	test_cve_2025_12464();
	test_cve_2018_17963();
	test_cve_2020_27617();
	test_cve_2021_3416();
	test_cve_2020_16092();
	test_cve_2020_15859();
	test_cve_2023_3019();
	test_cve_2024_3567();
	test_cve_2015_7504();
	rig_free(&rig);
	nicrig_clear(&net);
	return tap_done();
}
