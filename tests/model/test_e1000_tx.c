/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/model/test_e1000_tx.c - 82540EM: sending
 *
 * All kinds of descriptors, and for each what the host is given: bytes, and
 * what is left to do on them.  Expected sums are worked out byte by byte.
 */
#include "tests/model/e1000_guest.h"

#define IP	14u
#define TCP	34u
#define HDR	54u

static uint8_t f[70000];

/* Descriptor 0: the frame, whole. */
static void send_legacy(size_t len, uint32_t cmd, uint32_t status)
{
	memcpy(rig.ram + TX_DATA, f, len);
	put_desc(0, TX_DATA, (uint32_t)len | TXD_EOP | TXD_RS | cmd, status);
	wr(TDH, 0);
	kick(1);
}

static bool sent(unsigned int i, const uint8_t *want, size_t len)
{
	return i < net.sent_count && net.sent[i].len_bytes == len &&
		!memcmp(net.sent[i].bytes, want, len);
}

static bool nothing_to_do(const struct nic_todo *t)
{
	return !t->csum && t->gso == NIC_GSO_NONE;
}

static void fresh(void)
{
	machine();
	tx_ring(16);
}

static void test_legacy(void)
{
	fresh();
	make_frame(f, 200, NULL);
	send_legacy(200, 0, 0);
	ok(sent(0, f, 200) && nothing_to_do(&net.sent[0].todo), "a frame");
	is_hex(tx_desc(0)[12], 1, "DD");
	is_hex(rd(TDH), 1, "head follows");
	is_hex(rd(ICR), 0x03, "TXDW, TXQE");
	nicrig_clear(&net);
	tx_desc(0)[12] = 0;
	send_legacy(200, 0, 0);
	memcpy(rig.ram + TX_DATA + 500, f + 100, 100);
	put_desc(1, TX_DATA, 100, 0);
	put_desc(2, 0, 0, 0);
	kick(3);
	is_hex(net.sent_count, 1, "two thirds of a frame are not sent");
	is_hex(tx_desc(1)[12], 0, "no DD without RS");
	put_desc(3, TX_DATA + 500, 100 | TXD_EOP | TXD_RS, 0);
	kick(4);
	ok(sent(1, f, 200), "with the third it is");
	make_frame(f, 20, NULL);
	nicrig_clear(&net);
	send_legacy(20, 0, 0);
	memset(f + 20, 0, 40);
	ok(sent(0, f, 60), "short frames are padded");
	wr(TCTL, 0x0003f0f2);
	nicrig_clear(&net);
	send_legacy(20, 0, 0);
	ok(sent(0, f, 20), "but not without PSP");
	nicrig_clear(&net);
	send_legacy(13, 0, 0);
	is_hex(net.sent_count, 0, "less than a header is no frame");
	is_hex(tx_desc(0)[12], 1, "but done");
	fresh();
	put_desc(0, 0, TXD_EOP | TXD_RS, 0);
	put_desc(1, 0, TXD_EOP | TXD_RS | TXD_DATA, 0);
	put_desc(2, TX_DATA, 20 | TXD_EOP, 0);
	kick(3);
	ok(net.sent_count == 1 && net.sent[0].len_bytes == 60 &&
	   !memcmp(net.sent[0].bytes, rig.ram + TX_DATA, 20),
	   "descriptors without data between frames are none");
	ok(tx_desc(0)[12] == 1 && tx_desc(1)[12] == 1, "but done, too");
}

static void test_ring(void)
{
	unsigned int good = 0;

	fresh();
	for (uint32_t i = 0; i < 40; i++) {
		make_frame(f, 100 + i, NULL);
		memcpy(rig.ram + TX_DATA + i * 256, f, 100 + i);
		put_desc(i % 16, TX_DATA + i * 256,
			 (100 + i) | TXD_EOP | TXD_RS, 0);
		kick(i + 1);
		good += sent(i, f, 100 + i);
	}
	is_hex(good, 40, "around the ring, one by one");
	nicrig_clear(&net);
	for (uint32_t i = 0; i < 15; i++)
		put_desc((8 + i) % 16, TX_DATA, 64 | TXD_EOP | TXD_RS, 0);
	rig_said_clear(&rig);
	wr(IMS, 1);
	(void)rd(ICR);
	rig_said_clear(&rig);
	kick(8 + 15);
	is_hex(net.sent_count, 15, "fifteen at once, around the end");
	is_hex(rig_said(&rig, ANS_PCI_INTX), 1, "one interrupt");
	kick(8 + 15);
	is_hex(net.sent_count, 15, "the same doorbell again: nothing");
	wr(TCTL, 0);
	put_desc(7, TX_DATA, 64 | TXD_EOP, 0);
	kick(8);
	is_hex(net.sent_count, 15, "not enabled: nothing");
	wr(TCTL, 0xa);
	is_hex(net.sent_count, 16, "enabled: what waits");
	cfg_write(&rig, DEVFN, 0x04, 2, 0x0003);
	put_desc(8, TX_DATA, 64 | TXD_EOP, 0);
	kick(9);
	is_hex(net.sent_count, 16, "no master: nothing");
	cfg_write(&rig, DEVFN, 0x04, 2, 0x0007);
	is_hex(net.sent_count, 17, "master: what waits");
	wr(TXDCTL, 2u << 25);
	(void)rd(ICR);
	put_desc(9, TX_DATA, 64 | TXD_EOP, 0);
	kick(10);
	is_hex(rd(ICR), 0x8002, "TXD_LOW if asked for, no TXDW without RS");
}

static void test_full_host(void)
{
	fresh();
	make_frame(f, 100, NULL);
	memcpy(rig.ram + TX_DATA, f, 100);
	for (uint32_t i = 0; i < 4; i++)
		put_desc(i, TX_DATA + i, 100 | TXD_EOP | TXD_RS, 0);
	net.full = true;
	kick(4);
	is_hex(rd(TDH), 1, "the host is full: one frame is held");
	is_hex(net.refused, 1, "asked once");
	rig.ram[TX_DATA] ^= 0xff;
	kick(4);
	is_hex(net.refused, 1, "a doorbell does not ask again");
	nicrig_drain(&net);
	rig_settle(&rig);
	is_hex(net.sent_count, 4, "room: all");
	ok(sent(0, f, 100), "the held one as it was");
	is_hex(rd(TDH), 4, "head follows");
	net.full = true;
	put_desc(4, TX_DATA, 100 | TXD_EOP | TXD_RS, 0);
	kick(5);
	wr(CTRL, 0x04140240);
	nicrig_drain(&net);
	is_hex(net.sent_count, 4, "a reset forgets what is held");
}

static void test_legacy_csum(void)
{
	const struct nic_todo *t = &net.sent[0].todo;

	fresh();
	make_frame(f, 100, NULL);
	send_legacy(100, TXD_IC | 50u << 16, 34u << 8);
	ok(t->csum && t->csum_start == 34 && t->csum_offset == 16 && !t->gso,
	   "legacy checksum is the host's");
	ok(sent(0, f, 100), "bytes as they are");
	nicrig_clear(&net);
	send_legacy(100, TXD_IC | 20u << 16, 34u << 8);
	ok(!t->csum, "before its start: not the host's");
	is_hex(be_get(net.sent[0].bytes + 20),
	       (uint16_t)~slow_sum(f + 34, 66), "but done");
	nicrig_clear(&net);
	send_legacy(100, TXD_IC | 98u << 16, 34u << 8);
	ok(t->csum && t->csum_offset == 64, "in the last two bytes");
	nicrig_clear(&net);
	send_legacy(100, TXD_IC | 99u << 16, 34u << 8);
	ok(!t->csum && sent(0, f, 100), "over the end: not done");
	nicrig_clear(&net);
	send_legacy(100, TXD_IC | 50u << 16, 200u << 8);
	ok(!t->csum && sent(0, f, 100), "started behind the end: not done");
}

/* IPv4 and TCP headers for @payload bytes, as a driver leaves them. */
static size_t make_tcp(size_t payload, bool large)
{
	make_frame(f, HDR + payload, NULL);
	f[12] = 0x08;
	f[13] = 0x00;
	f[IP] = 0x45;
	be_put(f + IP + 2, large ? 0 : (uint16_t)(40 + payload));
	be_put(f + IP + 6, 0x4000);
	f[IP + 9] = 6;
	be_put(f + IP + 10, 0);
	f[TCP + 12] = 0x50;
	/* Of the pseudo header, with or without the length. */
	be_put(f + TCP + 16, 0);
	be_put(f + TCP + 16, (uint16_t)(slow_sum(f + IP + 12, 8) + 6));
	if (!large)
		be_put(f + TCP + 16, (uint16_t)(be_get(f + TCP + 16) + 20 + payload));
	return HDR + payload;
}

static void send_data(size_t len, uint32_t cmd, uint32_t status)
{
	memcpy(rig.ram + TX_DATA, f, len);
	put_desc(1, TX_DATA, (uint32_t)len | TXD_DATA | TXD_EOP | TXD_RS | cmd,
		 status);
	wr(TDH, 0);
	kick(2);
}

static void test_data_csum(void)
{
	const struct nic_todo *t = &net.sent[0].todo;
	size_t len;

	fresh();
	len = make_tcp(101, false);
	put_context(0, IP, IP + 10, TCP - 1, TCP, TCP + 16, 0, TXD_RS, 0, 0);
	send_data(len, 0, TXSM);
	ok(t->csum && t->csum_start == TCP && t->csum_offset == 16,
	   "TCP checksum is the host's");
	ok(sent(0, f, len), "bytes as they are");
	is_hex(tx_desc(0)[12] & 1, 1, "a context is done, too");
	nicrig_clear(&net);
	send_data(len, 0, IXSM | TXSM);
	be_put(f + IP + 10, (uint16_t)~slow_sum(f + IP, 20));
	ok(t->csum && sent(0, f, len), "IP checksum is done");
	is_hex(slow_sum(net.sent[0].bytes + IP, 20), 0xffff, "and right");
	nicrig_clear(&net);
	make_tcp(101, false);
	send_data(len, 0, 0);
	ok(nothing_to_do(t) && sent(0, f, len), "no options: nothing");
	nicrig_clear(&net);
	put_context(0, 0, 0, 0, TCP, TCP + 16, (uint16_t)(len - 10), 0, 0, 0);
	send_data(len, 0, TXSM);
	ok(!t->csum, "an end before the frame's: not the host's");
	is_hex(be_get(net.sent[0].bytes + TCP + 16),
	       (uint16_t)~slow_sum(f + TCP, len - 9 - TCP), "but done");
	nicrig_clear(&net);
	put_context(0, IP, (uint8_t)(len - 1), 0, 200, 210, 0, 0, 0, 0);
	send_data(len, 0, IXSM | TXSM);
	ok(!t->csum && sent(0, f, len), "sums half behind the end: not done");
	nicrig_clear(&net);
	put_context(0, IP, IP + 10, TCP - 1, TCP, TCP + 16, 0, 0, 0, 0);
	send_data(len, 0, TXSM);
	put_desc(2, TX_DATA, (uint32_t)len | TXD_DATA | TXD_EOP, TXSM);
	kick(3);
	ok(net.sent_count == 2 && net.sent[1].todo.csum_start == TCP,
	   "a context is kept for the next frame");
}

static void test_large_send(void)
{
	const struct nic_todo *t = &net.sent[0].todo;
	size_t len;
	uint16_t pseudo;

	fresh();
	len = make_tcp(40000, true);
	put_context(0, IP, IP + 10, TCP - 1, TCP, TCP + 16, 0,
		    40000 | TXD_TSE | TUCMD_TCP | TUCMD_IP, HDR, 1460);
	pseudo = be_get(f + TCP + 16);
	send_data(len, TXD_TSE, IXSM | TXSM);
	ok(t->gso == NIC_GSO_TCPV4 && t->gso_bytes == 1460 &&
	   t->header_bytes == HDR && t->csum && t->csum_start == TCP &&
	   t->csum_offset == 16, "a large send is the host's to cut");
	is_hex(net.sent[0].len_bytes, len, "whole");
	is_hex(be_get(net.sent[0].bytes + IP + 2), 40040, "IP length");
	is_hex(slow_sum(net.sent[0].bytes + IP, 20), 0xffff, "IP checksum");
	is_hex(be_get(net.sent[0].bytes + TCP + 16),
	       (uint16_t)(pseudo + 40020u + (pseudo + 40020u > 0xffff)),
	       "the pseudo header has the length");
	ok(!memcmp(net.sent[0].bytes + HDR, f + HDR, 40000), "payload");
	is_hex(rd(GPTC), (40000 + 1459) / 1460, "counted by segments");
	is_hex(rd(TSCTC), 1, "and as one large send");
	is_hex(rd(GOTCL), 40000 + 28 * (HDR + 4), "octets");
	nicrig_clear(&net);
	len = make_tcp(1460, true);
	send_data(len, TXD_TSE, IXSM | TXSM);
	ok(t->csum && !t->gso, "one segment is not cut");
	is_hex(be_get(net.sent[0].bytes + IP + 2), 1500, "but has its length");

	/* Header and payload apart, as Linux sends them. */
	nicrig_clear(&net);
	len = make_tcp(5000, true);
	memcpy(rig.ram + TX_DATA, f, len);
	put_desc(1, TX_DATA, HDR | TXD_DATA | TXD_TSE, IXSM | TXSM);
	put_desc(2, TX_DATA + HDR, 3000 | TXD_DATA | TXD_TSE, IXSM | TXSM);
	put_desc(3, TX_DATA + HDR + 3000, 2000 | TXD_DATA | TXD_TSE | TXD_EOP |
		 TXD_RS, IXSM | TXSM);
	wr(TDH, 0);
	kick(4);
	ok(t->gso && net.sent[0].len_bytes == len &&
	   !memcmp(net.sent[0].bytes + HDR, f + HDR, 5000), "in pieces");
	nicrig_clear(&net);
	len = make_tcp(65000, true);
	send_data(len, TXD_TSE, IXSM | TXSM);
	ok(t->gso && net.sent[0].len_bytes == len, "nearly 64 KiB");
	nicrig_clear(&net);
	send_data(66000, TXD_TSE, IXSM | TXSM);
	is_hex(net.sent_count, 0, "more than IP can say is dropped");
}

static void test_large_send_v6(void)
{
	const struct nic_todo *t = &net.sent[0].todo;
	size_t len = 14 + 40 + 20 + 9000;

	fresh();
	make_frame(f, len, NULL);
	f[12] = 0x86;
	f[13] = 0xdd;
	be_put(f + IP + 4, 0);
	be_put(f + 54 + 16, 0xfff0);
	put_context(0, IP, 0, 0, 54, 70, 0, 9000 | TXD_TSE | TUCMD_TCP, 74, 1440);
	send_data(len, TXD_TSE, TXSM);
	ok(t->gso == NIC_GSO_TCPV6 && t->header_bytes == 74 &&
	   t->csum_start == 54, "IPv6");
	is_hex(be_get(net.sent[0].bytes + IP + 4), 9020, "payload length");
	is_hex(be_get(net.sent[0].bytes + 70), (0xfff0 + 9020) % 0xffff,
	       "pseudo header, with carry");
}

/* Contexts that make no sense: the frame is sent as it is, or not at all. */
static void test_bad_context(void)
{
	static const struct {
		const char *what;
		uint8_t ipcss, tucss, tucso, hdrlen;
		uint16_t mss;
		uint32_t cmd;
	} bad[] = {
		{ "MSS 0", IP, TCP, TCP + 16, HDR, 0, TUCMD_TCP | TUCMD_IP },
		{ "HDRLEN 0", IP, TCP, TCP + 16, 0, 500, TUCMD_TCP | TUCMD_IP },
		{ "HDRLEN in TCP", IP, TCP, TCP + 16, 50, 500, TUCMD_TCP | TUCMD_IP },
		{ "HDRLEN beyond", IP, TCP, TCP + 16, 255, 500, TUCMD_TCP | TUCMD_IP },
		{ "IP behind TCP", 40, TCP, TCP + 16, HDR, 500, TUCMD_TCP | TUCMD_IP },
		{ "IP in Ethernet", 4, TCP, TCP + 16, HDR, 500, TUCMD_TCP | TUCMD_IP },
		{ "TCP behind the end", IP, 250, 252, 255, 500, TUCMD_TCP | TUCMD_IP },
		{ "checksum in payload", IP, TCP, 60, HDR, 500, TUCMD_TCP | TUCMD_IP },
		{ "checksum before TCP", IP, TCP, 20, HDR, 500, TUCMD_TCP | TUCMD_IP },
		{ "UDP", IP, TCP, TCP + 16, HDR, 500, TUCMD_IP },
		{ "IPv6 too short", IP, TCP, TCP + 16, HDR, 500, TUCMD_TCP },
	};
	size_t len;

	fresh();
	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		len = make_tcp(140, true);
		put_context(0, bad[i].ipcss, IP + 10, TCP - 1, bad[i].tucss,
			    bad[i].tucso, 0, 140 | TXD_TSE | bad[i].cmd,
			    bad[i].hdrlen, bad[i].mss);
		nicrig_clear(&net);
		send_data(len, TXD_TSE, TXSM);
		ok(net.sent_count == 1 && net.sent[0].len_bytes == len &&
		   !net.sent[0].todo.gso, "%s: not cut", bad[i].what);
		nicrig_clear(&net);
		len = make_tcp(30000, true);
		send_data(len, TXD_TSE, TXSM);
		if (bad[i].hdrlen < 255)
			is_hex(net.sent_count, 0, "and dropped if long");
	}
	nicrig_clear(&net);
	len = make_tcp(4000, true);
	put_context(0, IP, IP + 10, TCP - 1, TCP, TCP + 16, 0,
		    0xfffff | TXD_TSE | TUCMD_TCP | TUCMD_IP, HDR, 1460);
	send_data(len, TXD_TSE, TXSM);
	ok(net.sent[0].todo.gso && net.sent[0].len_bytes == len,
	   "PAYLEN is not what counts");
	put_desc(0, TX_DATA, 100 | TXD_DEXT | 0x00500000u | TXD_RS, 0);
	nicrig_clear(&net);
	wr(TDH, 0);
	kick(1);
	ok(!net.sent_count && (tx_desc(0)[12] & 1), "an unknown type is skipped");
}

static void test_vlan(void)
{
	const struct nic_todo *t = &net.sent[0].todo;
	static const uint8_t tag[] = { 0x81, 0x00, 0x61, 0x23 };
	size_t len;

	fresh();
	make_frame(f, 100, NULL);
	send_legacy(100, TXD_VLE, 0x6123u << 16);
	ok(sent(0, f, 100), "no tag without VME");
	wr(CTRL, 0x40140240);
	nicrig_clear(&net);
	send_legacy(100, TXD_VLE, 0x6123u << 16);
	is_hex(net.sent[0].len_bytes, 104, "a tag");
	ok(!memcmp(net.sent[0].bytes, f, 12) &&
	   !memcmp(net.sent[0].bytes + 12, tag, 4) &&
	   !memcmp(net.sent[0].bytes + 16, f + 12, 88), "in its place");
	nicrig_clear(&net);
	send_legacy(100, 0, 0x6123u << 16);
	ok(sent(0, f, 100), "not without VLE");
	nicrig_clear(&net);
	len = make_tcp(5000, true);
	put_context(0, IP, IP + 10, TCP - 1, TCP, TCP + 16, 0,
		    5000 | TXD_TSE | TUCMD_TCP | TUCMD_IP, HDR, 1460);
	send_data(len, TXD_TSE | TXD_VLE, (uint32_t)(IXSM | TXSM) | 0x6123u << 16);
	ok(t->gso && t->header_bytes == HDR + 4 && t->csum_start == TCP + 4 &&
	   t->csum_offset == 16 && net.sent[0].len_bytes == len + 4,
	   "a large send with a tag");
	is_hex(slow_sum(net.sent[0].bytes + IP + 4, 20), 0xffff, "IP checksum");
	wr(VET, 0x88a8);
	nicrig_clear(&net);
	send_legacy(100, TXD_VLE, 0x6123u << 16);
	is_hex(be_get(net.sent[0].bytes + 12), 0x88a8, "its protocol is VET");
}

static void test_loopback(void)
{
	fresh();
	rx_ring(8, RCTL_ON | SECRC | 0x40);
	make_frame(f, 100, NULL);
	send_legacy(100, 0, 0);
	is_hex(net.sent_count, 0, "looped back: the host sees nothing");
	ok(!memcmp(rx_data(0), f, 100) && le16_get(rx_desc(0) + 8) == 100,
	   "but we do");
	send_legacy(100, TXD_IC | 50u << 16, 34u << 8);
	is_hex(be_get(rx_data(1) + 50), (uint16_t)~slow_sum(f + 34, 66),
	       "with its checksum");
	ok(give(f, 100) && rd(RDH) == 2, "nothing comes in from the host");
	wr(RCTL, RCTL_ON | SECRC);
	wr(MDIC, 0x04204140);
	send_legacy(100, 0, 0);
	ok(!net.sent_count && rd(RDH) == 3, "also in the PHY");
	for (unsigned int i = 0; i < 20; i++)
		send_legacy(100, 0, 0);
	is_hex(rd(RDH), 7, "until no buffer is left");
	is_hex(rd(MPC), 16, "the others are missed");
	wr(MDIC, 0x04201140);
	send_legacy(100, 0, 0);
	is_hex(net.sent_count, 1, "and back to normal");
}

/*
 * Frames that come back fill what is given back at once to the last place, and
 * then the descriptor they were sent from is to be given back, too: 15 times 64
 * buffers and a descriptor, and 49 buffers.
 */
static void test_looped_full(void)
{
	unsigned int got = 0;

	machine();
	tx_ring(32);
	rx_ring(2048, RCTL_ON | SECRC | LPE | 0x30000u | 0x40u);	/* 256 bytes */
	for (unsigned int i = 0; i < 2048; i++)
		le64_put(rx_desc(i), RX_DATA + i % 64 * 256);
	for (unsigned int i = 0; i < 16; i++)
		put_desc(i, TX_DATA, (i < 15 ? 16380 : 49 * 256) | TXD_EOP | TXD_RS, 0);
	memset(rig.ram + TX_DATA, 0xff, 6);
	kick(16);
	for (unsigned int i = 0; i < 16; i++)
		got += tx_desc(i)[12] & 1;
	ok(got == 16 && rd(TDH) == 16, "all are sent, with what comes back");
	ok(rd(RDH) >= 15 * 64, "%u buffers", rd(RDH));
	ok(is_alive(), "and the card lives");
}

/* A driver that sets up its ring anew, without a reset, half-way through one. */
static void test_new_ring(void)
{
	fresh();
	memset(rig.ram + TX_DATA, 0x5a, 1000);
	put_desc(0, TX_DATA, 500 | TXD_RS, 0);
	kick(1);
	ok(net.sent_count == 0 && rd(TDH) == 1, "half of a frame");
	wr(TCTL, 0x0003f0f8);
	wr(TCTL, 0x0003f0fa);
	put_desc(1, TX_DATA + 500, 100 | TXD_EOP | TXD_RS, 0);
	kick(2);
	ok(net.sent_count == 1 && net.sent[0].len_bytes == 600,
	   "stopped and enabled, the rest of it is sent");
	put_desc(2, TX_DATA, 500 | TXD_RS, 0);
	kick(3);
	wr(TCTL, 0x0003f0f8);
	tx_ring(8);
	put_desc(0, TX_DATA + 500, 100 | TXD_EOP | TXD_RS, 0);
	kick(1);
	ok(net.sent_count == 2 && net.sent[1].len_bytes == 100,
	   "with a new head, nothing is left of it");
}

int main(void)
{
	test_legacy();
	test_ring();
	test_full_host();
	test_legacy_csum();
	test_data_csum();
	test_large_send();
	test_large_send_v6();
	test_bad_context();
	test_vlan();
	test_loopback();
	test_new_ring();
	test_looped_full();
	rig_free(&rig);
	nicrig_clear(&net);
	return tap_done();
}
