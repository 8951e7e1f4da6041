/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/model/test_e1000_rx.c - 82540EM: receiving, filters, VLANs
 */
#include "tests/model/e1000_guest.h"

static const uint8_t broadcast[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
static uint8_t f[NIC_FRAME_MAX + 100];

static void fresh(uint32_t count, uint32_t rctl)
{
	machine();
	rx_ring(count, rctl);
}

static unsigned int status(uint32_t i)
{
	return rx_desc(i)[12];
}

static unsigned int length(uint32_t i)
{
	return le16_get(rx_desc(i) + 8);
}

/* CRC-32 bit by bit. */
static uint32_t slow_fcs(const uint8_t *p, size_t len)
{
	uint32_t c = ~0u;

	while (len--) {
		c ^= *p++;
		for (unsigned int i = 0; i < 8; i++)
			c = c >> 1 ^ (c & 1 ? 0xedb88320u : 0);
	}
	return ~c;
}

/* What the broker may not answer with zero, of 64 statistics. */
static uint64_t not_zero(void)
{
	uint32_t low = 0, high = 0;

	if (!rig_word(&rig, CHAN_MMIO, BAR0 + 0x4000, 4, &low) ||
	    !rig_word(&rig, CHAN_MMIO, BAR0 + 0x4080, 4, &high))
		return UINT64_MAX;
	return (uint64_t)high << 32 | low;
}

#define STAT(reg)	(1ull << ((reg) - 0x4000) / 4)

static void test_zeros(void)
{
	uint64_t octets = STAT(GORCL) | STAT(GORCL + 4);
	uint64_t total = STAT(0x40c0) | STAT(0x40c4);

	fresh(8, RCTL_ON);
	is_hex(not_zero(), 0, "no statistic is worth a hop after a reset");
	make_frame(f, 300, NULL);
	give(f, 300);
	is_hex(not_zero() & ~(STAT(0x4078) | STAT(0x407c)),
	       STAT(GPRC) | STAT(0x4068) | STAT(0x40d0) | octets | total,
	       "a frame's are");
	rd(GPRC);
	is_hex(not_zero() & STAT(GPRC), 0, "until they are read");
	rd(GORCL);
	ok((not_zero() & octets) == octets, "of octets both halves are");
	rd(GORCL + 4);
	is_hex(not_zero() & octets, 0, "until the upper is read");
}

static void test_frame(void)
{
	fresh(8, RCTL_ON);
	make_frame(f, 300, NULL);
	ok(give(f, 300), "a frame is taken");
	ok(!memcmp(rx_data(0), f, 300), "its bytes");
	is_hex(length(0), 304, "length with FCS");
	is_hex(le32_get(rx_data(0) + 300), slow_fcs(f, 300), "FCS");
	is_hex(status(0), 0x07, "DD, EOP, IXSM");
	is_hex(rx_desc(0)[13], 0, "no errors");
	is_hex(rd(RDH), 1, "head");
	is_hex(rd(ICR), 0x80, "RXT0");
	is_hex(rd(GPRC), 1, "counted");
	is_hex(rd(GPRC), 0, "once");
	is_hex(rd(GORCL), 304, "octets");
	is_hex(rd(GORCL), 304, "the lower half stays");
	is_hex(rd(GORCL + 4), 0, "until the upper is read");
	is_hex(rd(GORCL), 0, "then both are clear");
	wr(RCTL, RCTL_ON | SECRC);
	memset(rx_data(1), 0xcc, 512);
	ok(give(f, 300) && length(1) == 300 && rx_data(1)[300] == 0xcc,
	   "SECRC: no FCS");
	make_frame(f, 20, NULL);
	memset(rx_data(2), 0xcc, 512);
	ok(give(f, 20) && length(2) == 60 && !memcmp(rx_data(2), f, 20) &&
	   rx_data(2)[20] == 0 && rx_data(2)[59] == 0 && rx_data(2)[60] == 0xcc,
	   "a short frame is padded");
	is_hex(le16_get(rx_desc(2) + 10), (uint16_t)~slow_sum(rx_data(2), 60),
	       "packet checksum");
	wr(RXCSUM, 14);
	ok(give(f, 20), "again");
	is_hex(le16_get(rx_desc(3) + 10), (uint16_t)~slow_sum(rx_data(2) + 14, 46),
	       "from PCSS on");
	ok(give(f, 13) && rd(RDH) == 4, "less than a header is no frame");
}

static void test_off(void)
{
	fresh(8, 0x8018);
	make_frame(f, 100, NULL);
	ok(give(f, 100) && rd(RDH) == 0, "disabled: dropped");
	wr(RCTL, RCTL_ON);
	is_hex(net.ready_count, 1, "enabled: the host hears of it");
	cfg_write(&rig, DEVFN, 0x04, 2, 0x0003);
	ok(give(f, 100) && rd(RDH) == 0, "no master: dropped");
	cfg_write(&rig, DEVFN, 0x04, 2, 0x0007);
	wr(MDIC, 0x04201340);
	ok(give(f, 100) && rd(RDH) == 0, "no link: dropped");
	rig_advance(&rig, NS_PER_S);
	ok(give(f, 100) && rd(RDH) == 1, "link: taken");
}

static void test_ring(void)
{
	unsigned int good = 0;

	fresh(8, RCTL_ON | SECRC);
	for (uint32_t i = 0; i < 30; i++) {
		make_frame(f, 100 + i, NULL);
		good += give(f, 100 + i) && length(i % 8) == 100 + i &&
			!memcmp(rx_data(i % 8), f, 100 + i);
		rx_desc(i % 8)[12] = 0;
		wr(RDT, (i + 8) % 8);
	}
	is_hex(good, 30, "around the ring");
	net.ready_count = 0;
	fresh(8, RCTL_ON | SECRC);
	for (uint32_t i = 0; i < 7; i++)
		give(f, 100);
	ok(!give(f, 100), "seven of eight: the host keeps the next");
	is_hex(rd(MPC), 0, "nothing is lost");
	is_hex(rd(RNBC), 1, "but it was without a buffer");
	is_hex(rd(ICR) & 0x40, 0x40, "RXO, for drivers that look for some then");
	ok(!give(f, 100) && net.ready_count == 1, "still");
	is_hex(rd(ICR), 0, "told once");
	wr(RDT, 0);
	is_hex(net.ready_count, 2, "a buffer: the host hears of it");
	ok(give(f, 100) && rd(RDH) == 0, "and gives it again");
	ok(!give(f, 100), "full again");
	wr(RCTL, 0);
	is_hex(net.ready_count, 3, "disabled: the host need not keep it");
	ok(give(f, 100), "it is dropped");
	is_hex(rd(GPRC), 8, "counted as often as received");
}

static void test_long(void)
{
	fresh(16, RCTL_ON | SECRC);
	make_frame(f, 1518, NULL);
	ok(give(f, 1518) && length(0) == 1518, "1518 bytes");
	make_frame(f, 1519, NULL);
	ok(give(f, 1519) && rd(RDH) == 1 && rd(ROC) == 1, "1519: dropped");
	wr(RCTL, RCTL_ON | SECRC | LPE);
	ok(give(f, 1519) && rd(RDH) == 2, "LPE: taken");
	/* Buffers of 2 KiB. */
	make_frame(f, 9000, NULL);
	ok(give(f, 9000) && rd(RDH) == 7, "9000 bytes in five buffers");
	for (unsigned int i = 2; i < 6; i++)
		ok(status(i) == 1 && length(i) == 2048 &&
		   !memcmp(rx_data(i), f + (i - 2) * 2048, 2048), "part %u", i - 2);
	ok(status(6) == 0x07 && length(6) == 9000 - 8192 &&
	   !memcmp(rx_data(6), f + 8192, 9000 - 8192), "the end");
	is_hex(le16_get(rx_desc(2) + 10), (uint16_t)~slow_sum(f, 9000),
	       "packet checksum in the first");
	make_frame(f, 16381, NULL);
	ok(give(f, 16381) && rd(RDH) == 7, "more than 16 KiB: dropped");
	ok(give(f, NIC_FRAME_MAX + 1), "more than the host may give, too");
	make_frame(f, 16380, NULL);
	ok(give(f, 16380) && rd(RDH) == 15, "16380 bytes around the end");
	ok(!give(f, 16380), "no room for another");
	wr(RDT, 6);
	ok(!give(f, 16380) && rd(RDH) == 15, "not if it does not fit whole");
	wr(RDT, 7);
	ok(give(f, 16380) && rd(RDH) == 7, "if it does");
}

static void test_buffers(void)
{
	static const struct { uint32_t bits, size; } kind[] = {
		{ 0x00000000, 2048 }, { 0x00010000, 1024 },
		{ 0x00020000, 512 }, { 0x00030000, 256 },
		{ 0x02010000, 16384 }, { 0x02020000, 8192 },
		{ 0x02030000, 4096 }, { 0x02000000, 2048 },
	};

	make_frame(f, 9000, NULL);
	for (unsigned int i = 0; i < sizeof(kind) / sizeof(kind[0]); i++) {
		uint32_t n = (9000 + kind[i].size - 1) / kind[i].size;

		fresh(64, RCTL_ON | SECRC | LPE | kind[i].bits);
		memset(rx_data(n - 1), 0xcc, RX_STEP);
		ok(give(f, 9000) && rd(RDH) == n && (status(n - 1) & 3) == 3,
		   "buffers of %u bytes", kind[i].size);
		is_hex(rx_data(n - 1)[length(n - 1)], 0xcc, "nothing behind");
	}
	/* FCS in a buffer of its own. */
	fresh(8, RCTL_ON | 0x00030000);
	make_frame(f, 510, NULL);
	ok(give(f, 510) && rd(RDH) == 3 && length(1) == 256 && length(2) == 2,
	   "FCS over two buffers");
	is_hex(le16_get(rx_data(1) + 254) | (uint32_t)le16_get(rx_data(2)) << 16,
	       slow_fcs(f, 510), "is whole");
}

static void test_odd_rings(void)
{
	fresh(8, RCTL_ON | SECRC | LPE | 0x00030000);
	make_frame(f, 2000, NULL);
	ok(give(f, 2000) && rd(RDH) == 0, "longer than the ring: dropped");
	is_hex(rd(ICR) & 0xc0, 0x40, "RXO");
	is_hex(rd(MPC), 1, "missed");
	le64_put(rx_desc(0), 0);
	le64_put(rx_desc(2), 0);
	make_frame(f, 500, NULL);
	ok(give(f, 500) && rd(RDH) == 4, "null buffers are passed over");
	ok(status(0) == 1 && length(0) == 0 && status(2) == 1, "given back unused");
	ok(status(1) == 1 && status(3) == 7 && !memcmp(rx_data(1), f, 256) &&
	   !memcmp(rx_data(3), f + 256, 244), "the others used");
	for (unsigned int i = 4; i < 7; i++)
		le64_put(rx_desc(i), 0);
	ok(give(f, 500) && rd(RDH) == 7, "only null buffers: the frame is lost");
	is_hex(rd(ICR) & 0x40, 0x40, "RXO");
	ok(is_alive(), "alive");
}

/* ---- filters ---- */

static bool passes(const uint8_t *to)
{
	uint32_t head = rd(RDH);

	make_frame(f, 100, to);
	give(f, 100);
	if (rd(RDH) == head)
		return false;
	wr(RDT, (rd(RDT) + 1) % rx_count);
	return true;
}

static void test_filter(void)
{
	static const uint8_t other[6] = { 0x02, 0x16, 0x3e, 0x12, 0x34, 0x56 };
	static const uint8_t group[6] = { 0x01, 0x00, 0x5e, 0x01, 0xa2, 0xb3 };
	static const uint8_t shift[] = { 4, 3, 2, 0 };

	fresh(8, 0x2);
	ok(passes(mac), "our address");
	ok(!passes(other), "not another");
	ok(!passes(broadcast), "no broadcast without BAM");
	ok(!passes(group), "no multicast");
	wr(RCTL, 0x8002);
	ok(passes(broadcast), "BAM");
	wr(RCTL, 0xa);
	ok(passes(other) && !passes(group), "UPE");
	wr(RCTL, 0x12);
	ok(!passes(other) && passes(group) && passes(broadcast), "MPE");
	wr(RCTL, 0x2);
	wr(RAL + 8 * 15, le32_get(other));
	wr(RAH + 8 * 15, le16_get(other + 4));
	ok(!passes(other), "an address that is not valid");
	wr(RAH + 8 * 15, le16_get(other + 4) | 0x80000000);
	ok(passes(other), "the last of sixteen");
	wr(RAH + 8 * 15, le16_get(other + 4) | 0x80010000);
	ok(!passes(other), "as source: not the destination");
	make_frame(f, 100, group);
	memcpy(f + 6, other, 6);
	ok(give(f, 100) && rd(RDH) == 7, "but the source");
	wr(RAH + 8 * 15, le16_get(other + 4) | 0x80020000);
	ok(!passes(other), "reserved selection: nothing");
	for (unsigned int mo = 0; mo < 4; mo++) {
		uint32_t bit = (0xb3a2u >> shift[mo]) & 0xfff;

		wr(RCTL, 0x2 | mo << 12);
		ok(!passes(group), "hash %u: bit clear", mo);
		wr(MTA + bit / 32 * 4, 1u << bit % 32);
		ok(passes(group), "set");
		is_hex(status((rd(RDH) + 7) % 8) & 0x80, 0x80, "PIF");
		wr(MTA + bit / 32 * 4, 0);
	}
}

static void tagged(size_t len, uint16_t tag)
{
	make_frame(f, len, NULL);
	be_put(f + 12, 0x8100);
	be_put(f + 14, tag);
}

static void test_vlan(void)
{
	fresh(16, RCTL_ON | SECRC);
	tagged(200, 0x6123);
	ok(give(f, 200) && length(0) == 200 && !memcmp(rx_data(0), f, 200) &&
	   !(status(0) & 8), "a tag stays without VME");
	wr(CTRL, 0x40140240);
	give(f, 200);
	is_hex(length(1), 196, "VME: it is taken out");
	ok(!memcmp(rx_data(1), f, 12) && !memcmp(rx_data(1) + 12, f + 16, 184),
	   "the rest moves up");
	is_hex(le16_get(rx_desc(1) + 14), 0x6123, "tag");
	is_hex(status(1), 0x0f, "VP");
	tagged(30, 0x6123);
	give(f, 30);
	is_hex(length(2), 56, "padded before it is taken out");
	ok(!memcmp(rx_data(2) + 12, f + 16, 14) && rx_data(2)[26] == 0, "bytes");
	wr(RCTL, RCTL_ON);
	tagged(200, 1);
	give(f, 200);
	is_hex(le32_get(rx_data(3) + 196), slow_fcs(f, 200), "FCS of the wire");
	wr(VET, 0x9100);
	give(f, 200);
	is_hex(length(4), 204, "another protocol is no tag");
	wr(VET, 0x8100);
	wr(RCTL, RCTL_ON | 0x40000);
	give(f, 200);
	is_hex(rd(RDH), 5, "VFE: not of our VLANs");
	wr(VFTA, 2);
	give(f, 200);
	is_hex(rd(RDH), 6, "of ours");
	wr(VFTA + 0x123 / 32 * 4, 1u << 0x123 % 32);
	tagged(200, 0x6123);
	give(f, 200);
	is_hex(rd(RDH), 7, "priority does not matter");
	make_frame(f, 200, NULL);
	give(f, 200);
	is_hex(rd(RDH), 8, "nor do frames without tag");
	wr(RCTL, RCTL_ON | 0xc0000);
	tagged(200, 0x7123);
	give(f, 200);
	is_hex(rd(RDH), 8, "CFIEN: wrong CFI");
	wr(RCTL, RCTL_ON | 0x1c0000);
	give(f, 200);
	is_hex(rd(RDH), 9, "right CFI");
}

/* Of a header without options. */
static void put_ip_csum(uint8_t *ip, uint16_t fragment, uint8_t proto)
{
	be_put(ip + 6, fragment);
	ip[9] = proto;
	be_put(ip + 10, 0);
	be_put(ip + 10, (uint16_t)~slow_sum(ip, 20));
}

static unsigned int csum_of(uint16_t type, uint8_t proto, uint16_t fragment,
			    uint32_t rxcsum, bool good)
{
	uint32_t at = rd(RDH);

	make_frame(f, 100, NULL);
	be_put(f + 12, type);
	f[14] = type == 0x0800 ? 0x45 : 0x60;
	if (type == 0x0800)
		put_ip_csum(f + 14, fragment, proto);
	else
		f[20] = proto;
	wr(RXCSUM, rxcsum);
	nicrig_give(&net, f, 100, good);
	wr(RDT, at);
	return status(at) & ~3u;
}

static void test_csum(void)
{
	fresh(8, RCTL_ON);
	is_hex(csum_of(0x0800, 6, 0, 0x300, true), 0x60, "TCP: both are good");
	is_hex(csum_of(0x0800, 17, 0, 0x300, true), 0x60, "UDP");
	is_hex(csum_of(0x0800, 6, 0, 0x200, true), 0x20, "TUOFLD alone, as Linux");
	is_hex(csum_of(0x0800, 6, 0, 0x100, true), 0x40, "IPOFLD alone");
	is_hex(csum_of(0x0800, 6, 0, 0, true), 0x04, "none asked for");
	is_hex(csum_of(0x0800, 6, 0, 0x300, false), 0x04,
	       "the host does not vouch: not looked at");
	is_hex(csum_of(0x0800, 1, 0, 0x300, true), 0x40, "ICMP: the header's");
	is_hex(csum_of(0x0800, 6, 0x2000, 0x300, true), 0x40, "a fragment");
	is_hex(csum_of(0x86dd, 6, 0, 0x300, true), 0x20, "TCP on IPv6");
	is_hex(csum_of(0x0806, 6, 0, 0x300, true), 0x04, "ARP");
	tagged(100, 5);
	be_put(f + 16, 0x0800);
	f[18] = 0x45;
	put_ip_csum(f + 18, 0, 17);
	wr(RXCSUM, 0x300);
	wr(CTRL, 0x40140240);
	nicrig_give(&net, f, 100, true);
	rig_settle(&rig);
	is_hex(status(2), 0x6b, "behind a tag");
	/* A bridge looks at no IP header: who sent it may have been wrong. */
	f[26]++;
	nicrig_give(&net, f, 100, true);
	rig_settle(&rig);
	is_hex(status(3), 0x0f, "a wrong IP header: the driver has to look");
	f[26]--;
	f[18] = 0x4f;
	put_ip_csum(f + 18, 0, 17);
	be_put(f + 28, 0);
	be_put(f + 28, (uint16_t)~slow_sum(f + 18, 60));
	nicrig_give(&net, f, 100, true);
	rig_settle(&rig);
	is_hex(status(4), 0x6b, "60 bytes of it, all options");
	nicrig_give(&net, f, 76, true);
	rig_settle(&rig);
	is_hex(status(5), 0x0f, "and longer than the frame");
}

/* Only so many descriptors are given back at once; the host waits. */
static void test_unwritten(void)
{
	static uint8_t long_frame[16000];
	unsigned int taken = 0, ready;

	fresh(2048, RCTL_ON | LPE | 0x04000000u | 0x00030000u);	/* 256 bytes */
	for (uint32_t i = 0; i < 2048; i++)
		le64_put(rx_desc(i), RX_DATA + i % 8 * 256);
	make_frame(long_frame, sizeof(long_frame), NULL);
	ready = net.ready_count;
	while (taken < 30 && nicrig_give(&net, long_frame, sizeof(long_frame), false))
		taken++;
	is_hex(taken, NIC_BACK_MAX / 63, "as many frames as one commit gives back");
	is_hex(status(0), 0, "until then none is");
	ok(net.ready_count == ready, "and the host waits");
	rig_settle(&rig);
	ok((status(0) & 1) && (status(taken * 63 - 1) & 3) == 3 &&
	   !status(taken * 63), "committed: all of them");
	ok(net.ready_count == ready + 1, "the host is told to go on");
	ok(nicrig_give(&net, long_frame, sizeof(long_frame), false), "and does");
}

int main(void)
{
	test_zeros();
	test_frame();
	test_off();
	test_ring();
	test_long();
	test_buffers();
	test_odd_rings();
	test_filter();
	test_vlan();
	test_csum();
	test_unwritten();
	rig_free(&rig);
	nicrig_clear(&net);
	return tap_done();
}
