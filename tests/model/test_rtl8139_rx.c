/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/model/test_rtl8139_rx.c - RTL8139C+: frames that arrive
 *
 * Filters, descriptor ring, byte ring with and without wrapping, checksums and
 * tags shown to the driver, and what happens when there is no buffer.
 */
#include "dev/ether_crc.h"
#include "rtl8139_guest.h"

#define ROK		0x0001u
#define RXOVW		0x0010u
#define HOLD_NS		INT64_C(500000)	/* until the first look */
#define HOLDS		255		/* until the last, 1 + 2 + 4 ... + 128 */

static const uint8_t group[6] = { 0x01, 0x00, 0x5e, 0x00, 0x00, 0xfb };
static const uint8_t other[6] = { 0x02, 0x11, 0x22, 0x33, 0x44, 0x55 };

/* As drivers compute it: highest bit first, six bits of it. */
static unsigned int driver_hash(const uint8_t *p)
{
	uint32_t crc = ~0u;

	for (unsigned int i = 0; i < 48; i++) {
		bool one = (crc >> 31 ^ p[i / 8] >> i % 8) & 1;

		crc = crc << 1 ^ (one ? 0x04c11db7u : 0);
	}
	return crc >> 26;
}

static void test_crc(void)
{
	static uint8_t p[1500];
	bool same = true;

	for (unsigned int i = 0; i < sizeof(p); i++)
		p[i] = (uint8_t)(i * i + 3 * i);
	ether_crc_init();
	is_hex(ether_crc_fcs((const uint8_t *)"123456789", 9), 0xcbf43926,
	       "the CRC's check value");
	for (unsigned int i = 0; i < 100; i++)
		same &= ether_crc_fcs(p + i, i) == slow_crc(p + i, i);
	ok(same, "short ones, at every alignment");
	ok(ether_crc_fcs(p, sizeof(p)) == slow_crc(p, sizeof(p)), "and a long one");
	for (unsigned int i = 0; i < 200; i++)
		same &= ether_crc_hash(p + i) == driver_hash(p + i);
	ok(same, "hashes of addresses");
}

/* ---- filters ---- */

static bool passes(const uint8_t to[6])
{
	uint16_t at = card.r.cbr;

	give(frame_for(to, 0x0806, 64), 64);
	return card.r.cbr != at;
}

static void filter(uint32_t rcr)
{
	put(0x44, 4, 0xe700 | 0x1800 | rcr);
}

static void test_filters(void)
{
	unsigned int bit;

	machine();
	open_legacy(3, false);
	filter(0);
	ok(!passes(mac) && !passes(everyone) && !passes(group) && !passes(other),
	   "nothing is wanted");
	filter(0x02);
	ok(passes(mac) && !passes(everyone) && !passes(group) && !passes(other),
	   "APM: our address");
	put(4, 2, 0x5734);
	ok(!passes(mac), "which the driver changed");
	put(4, 2, 0x5634);
	filter(0x08);
	ok(!passes(mac) && passes(everyone) && !passes(group) && !passes(other),
	   "AB: broadcast");
	filter(0x04);
	ok(!passes(group), "AM: nothing in the hash");
	bit = ether_crc_hash(group);
	put(8 + bit / 32 * 4, 4, 1u << bit % 32);
	ok(passes(group) && !passes(mac) && !passes(everyone), "AM: in the hash");
	put(8, 4, ~(1u << bit % 32));
	put(12, 4, ~(1u << bit % 32));
	ok(!passes(group), "all but its bit");
	put(8, 4, ~0u);
	put(12, 4, ~0u);
	filter(0x0a);
	ok(!passes(group) && passes(mac), "without AM the hash means nothing");
	filter(0x01);
	ok(passes(mac) && passes(other) && !passes(group) && !passes(everyone),
	   "AAP: all physical addresses");
	filter(0x3f);
	put(0x37, 1, 0x04);
	ok(!passes(mac), "nothing while CR.RE is off");
	put(0x37, 1, 0x0c);
	put(0x5b, 1, 'H');
	ok(!passes(mac), "nor without a clock");
	put(0x5b, 1, 'R');
	cfg_write(&rig, DEVFN, 0x04, 2, 0x0003);
	ok(!passes(mac), "nor if it may not write memory");
	cfg_write(&rig, DEVFN, 0x04, 2, 0x0007);
	nicrig_link(&host, false);
	ok(!passes(mac), "nor without a cable");
	nicrig_link(&host, true);
	ok(passes(mac), "with all of them");
}

/* ---- C+ mode ---- */

static void test_ring(void)
{
	const uint8_t *f = frame_for(everyone, 0x0806, 300);
	uint32_t fcs;

	machine();
	open_cplus(3, 1600, 0x0b);
	give(f, 300);
	is_hex(desc_dw(RX_RING, 0, 0), FS | LS | 0x01000000 | 304,
	       "broadcast, with FCS");
	ok(!memcmp(rig.ram + RX_BUF(0), f, 300), "the frame");
	fcs = slow_crc(f, 300);
	is_hex(le32_get(rig.ram + RX_BUF(0) + 300), fcs, "and its FCS");
	ok(get(0x3e, 2) == ROK && rig.intx[INTA], "ROK interrupts");
	give(frame_for(mac, 0x0800, 42), 42);
	is_hex(desc_dw(RX_RING, 1, 0), FS | LS | 0x02000000 | 64,
	       "our address, filled up to 60");
	is_hex(le64_get(rig.ram + RX_BUF(1) + 42), 0, "with zeros");
	put(0x44, 4, 0xa40f);
	give(frame_for(other, 0x0800, 100), 100);
	is_hex(desc_dw(RX_RING, 2, 0), EOR | FS | LS | 104, "EOR stays");
	put_desc(RX_RING, 0, OWN | 1600, 0x10000, RX_BUF(0));
	give(frame_for(everyone, 0x0800, 1514), 1514);
	is_hex(desc_dw(RX_RING, 0, 0), FS | LS | 0x01000000 | 1518,
	       "the first again");
	is_hex(desc_dw(RX_RING, 0, 1), 0, "no tag");
}

static void test_split(void)
{
	const uint8_t *f = frame_for(everyone, 0x0806, 1000);

	machine();
	open_cplus(8, 400, 0x0b);
	give(f, 1000);
	ok(desc_dw(RX_RING, 0, 0) == (FS | 0x01000000 | 400) &&
	   desc_dw(RX_RING, 1, 0) == (0x01000000 | 400) &&
	   desc_dw(RX_RING, 2, 0) == (LS | 0x01000000 | 1004),
	   "a frame in three buffers, its length in the last");
	ok(!memcmp(rig.ram + RX_BUF(0), f, 400) &&
	   !memcmp(rig.ram + RX_BUF(1), f + 400, 400) &&
	   !memcmp(rig.ram + RX_BUF(2), f + 800, 200), "all of it");
	ok(desc_dw(RX_RING, 3, 0) >> 31, "and no more");
	f = frame_for(everyone, 0x0806, 8187);
	machine();
	open_cplus(2, 0x1fff, 0x0b);
	give(f, 8187);
	is_hex(desc_dw(RX_RING, 0, 0), FS | LS | 0x01001fff, "the longest frame");
	ok(give(f, 8188) && give(f, 16384) && desc_dw(RX_RING, 1, 0) >> 31,
	   "longer ones are dropped");
	is_hex(card.r.tally.rx_err, 2, "and counted");
}

/* A driver looks at the first descriptor's dw0, perhaps all the time. */
static uint64_t written[64];
static unsigned int writes;
static const struct bus_dma_ops *plain;

static bool noting_copy(void *ctx, uint64_t gpa, void *buf, size_t len_bytes,
			bool to_guest)
{
	if (to_guest)
		written[writes++ % 64] = gpa;
	return plain->copy(ctx, gpa, buf, len_bytes, to_guest);
}

static void test_order(void)
{
	struct bus_dma_ops noting;

	machine();
	open_cplus(8, 40, 0x0b);
	plain = rig.host.dma;
	noting = *plain;
	noting.copy = noting_copy;
	rig.host.dma = &noting;
	writes = 0;
	give(frame_for(everyone, 0x0806, 60), 60);
	ok(writes == 6 && written[0] == RX_BUF(0) && written[1] == RX_BUF(1),
	   "the frame is written first");
	ok(written[3] == RX_RING + 4 && written[4] == RX_RING + 16 &&
	   written[5] == RX_RING, "the first descriptor's dw0 last");
	rig.host.dma = plain;
}

/* Of a header without options; then the frame is given. */
static void give_ip(uint8_t *f)
{
	uint32_t s = 0;

	f[24] = f[25] = 0;
	for (unsigned int i = 14; i < 34; i += 2)
		s += (uint32_t)(f[i] << 8 | f[i + 1]);
	s = (s & 0xffff) + (s >> 16);
	s = ~((s & 0xffff) + (s >> 16));
	f[24] = (uint8_t)(s >> 8);
	f[25] = (uint8_t)s;
	give(f, 200);
}

static void test_offload(void)
{
	static uint8_t f[200];

	memcpy(f, frame_for(mac, 0x0800, 200), 200);
	f[14] = 0x45;
	f[16] = 0;
	f[17] = 186;
	f[20] = f[21] = 0;
	f[23] = 6;
	machine();
	open_cplus(8, 1600, 0x2b);
	give_ip(f);
	is_hex(desc_dw(RX_RING, 0, 0) & 0x3ffff, 0x10000 | 204, "good TCP");
	f[23] = 17;
	give_ip(f);
	is_hex(desc_dw(RX_RING, 1, 0) & 0x3ffff, 0x20000 | 204, "good UDP");
	nicrig_give(&host, f, 200, false);
	rig_settle(&rig);
	is_hex(desc_dw(RX_RING, 2, 0) & 0x3ffff, 204, "the host does not know");
	f[17] = 187;
	give_ip(f);
	is_hex(desc_dw(RX_RING, 3, 0) & 0x3ffff, 204, "a length that lies");
	f[17] = 186;
	f[20] = 0x20;
	give_ip(f);
	is_hex(desc_dw(RX_RING, 4, 0) & 0x3ffff, 204, "a fragment");
	f[20] = 0;
	put(0xe0, 2, 0x0b);
	give_ip(f);
	is_hex(desc_dw(RX_RING, 5, 0) & 0x3ffff, 204, "not asked for");
	/* A bridge looks at no IP header: who sent it may have been wrong. */
	put(0xe0, 2, 0x2b);
	f[22]++;
	give(f, 200);
	is_hex(desc_dw(RX_RING, 6, 0) & 0x3ffff, 204,
	       "a wrong IP header: the driver has to look");
	f[22]--;
	give(f, 200);
	is_hex(desc_dw(RX_RING, 7, 0) & 0x3ffff, 0x20000 | 204, "a right one");
}

static void test_vlan(void)
{
	static uint8_t f[100];

	memcpy(f, frame_for(mac, 0x8100, 100), 100);
	memcpy(f + 14, "\x01\x23\x08\x00", 4);
	machine();
	open_cplus(2, 1600, 0x0b);
	give(f, 100);
	ok(desc_dw(RX_RING, 0, 1) == 0 && !memcmp(rig.ram + RX_BUF(0), f, 100),
	   "a tag stays in the frame");
	put(0xe0, 2, 0x4b);
	give(f, 100);
	is_hex(desc_dw(RX_RING, 1, 1), 0x10000 | 0x2301, "or is taken out");
	is_hex(desc_dw(RX_RING, 1, 0) & 0x1fff, 100, "the frame is shorter");
	ok(!memcmp(rig.ram + RX_BUF(1), f, 12) &&
	   !memcmp(rig.ram + RX_BUF(1) + 12, f + 16, 84), "by four bytes");
}

/* ---- no buffer ---- */

static void test_held(void)
{
	const uint8_t *f = frame_for(everyone, 0x0806, 100);
	unsigned int n;

	machine();
	open_cplus(1, 1600, 0x0b);
	n = host.ready_count;
	ok(give(f, 100) && !give(f, 100), "without a descriptor the host holds it");
	is_hex(get(0x3e, 2), ROK, "nothing is lost");
	is_hex(rig.wake_ns, rig.now_ns + HOLD_NS, "the card looks again");
	put(0x3e, 2, ROK);
	is_hex(host.ready_count, n, "still none");
	put_desc(RX_RING, 0, OWN | EOR | 1600, 0, RX_BUF(0));
	put(0x3c, 2, 0xff);
	is_hex(host.ready_count, n + 1, "seen with the next access");
	is_hex(rig.wake_ns, INT64_MAX, "nothing ticks");
	ok(give(f, 100), "taken");
	ok(!give(f, 100), "held again");
	put_desc(RX_RING, 0, OWN | EOR | 1600, 0, RX_BUF(0));
	rig_advance(&rig, HOLD_NS);
	is_hex(host.ready_count, n + 2, "or seen by itself");
	ok(give(f, 100) && !give(f, 100), "and again");
	put(0x37, 1, 0x04);
	is_hex(host.ready_count, n + 3, "a receiver that is off holds nothing");
	ok(give(f, 100), "it drops");
	put(0x37, 1, 0x0c);
	is_hex(host.ready_count, n + 4, "enabled: the host is told");
}

static void test_lost(void)
{
	const uint8_t *f = frame_for(everyone, 0x0806, 100);
	unsigned int looks = 0, waits = 0, n;

	machine();
	open_cplus(1, 1600, 0x0b);
	n = host.ready_count;
	give(f, 100);
	give(f, 100);
	for (unsigned int i = 0; i < HOLDS; i++) {
		looks += rig.wake_ns <= rig.now_ns + HOLD_NS;
		waits += host.ready_count == n;
		rig_advance(&rig, HOLD_NS);
	}
	ok(host.ready_count == n + 1 && card.retry.deadline_ns == INT64_MAX,
	   "after 127.5 ms it gives up");
	ok(looks == 8 && waits == HOLDS, "not before, and it looks %u times",
	   looks);
	ok(give(f, 100) && give(f, 100), "frames are lost");
	is_hex(get(0x3e, 2), ROK | RXOVW, "RXOVW");
	is_hex(get(0x4c, 4), 2, "missed packets");
	put(0x4c, 4, 0x55);
	is_hex(get(0x4c, 4), 0, "cleared by any write");
	put_desc(RX_RING, 0, OWN | EOR | 1600, 0, RX_BUF(0));
	ok(give(f, 100) && !(desc_dw(RX_RING, 0, 0) >> 31),
	   "until there is a descriptor");
	ok(!give(f, 100), "and the host holds again");
	machine();
	open_cplus(1, 1600, 0x0b);
	put(0xe4, 4, 0);
	le32_put(rig.ram, OWN | 1600);
	give(f, 100);
	is_hex(le32_get(rig.ram), OWN | 1600, "a ring that was not set up is none");
	put(0xe4, 4, 0x80000000);
	give(f, 100);
	ok(get(0x3e, 2) & 0x8000, "one in no memory: SERR");
}

/* The host's loop: gives again whenever it is told to.  How often, in 200 ms. */
static unsigned int offer(const uint8_t *f, size_t len_bytes, bool *taken)
{
	unsigned int ready = host.ready_count, gives = 1;

	*taken = give(f, len_bytes);
	for (unsigned int i = 0; i < 20000 && !*taken; i++) {
		rig_advance(&rig, HOLD_NS / 50);
		if (host.ready_count == ready)
			continue;
		ready = host.ready_count;
		*taken = give(f, len_bytes);
		gives++;
	}
	return gives;
}

/* One descriptor is free and the frame needs two: that is no room. */
static void test_too_few(void)
{
	const uint8_t *f = frame_for(everyone, 0x0806, 1000);
	unsigned int gives, n;
	bool taken;

	machine();
	open_cplus(2, 600, 0x0b);
	ok(give(f, 1000) && (desc_dw(RX_RING, 1, 0) & 0x1fff) == 1004,
	   "a frame in two descriptors");
	put_desc(RX_RING, 0, OWN | 600, 0, RX_BUF(0));
	gives = offer(f, 1000, &taken);
	ok(taken && gives == 2, "one is free: held, then lost; given %u times",
	   gives);
	is_hex(get(0x4c, 4), 1, "missed");
	machine();
	open_cplus(2, 600, 0x0b);
	gives = offer(f, 1300, &taken);
	ok(taken && gives == 2 && get(0x4c, 4) == 1,
	   "more than the ring has: the same; given %u times", gives);
	ok(give(f, 1000), "and the next one is taken");
	put_desc(RX_RING, 0, OWN | 600, 0, RX_BUF(0));
	n = host.ready_count;
	ok(!give(f, 1000), "held");
	put_desc(RX_RING, 1, OWN | EOR | 600, 0, RX_BUF(1));
	(void)get(0x3a, 2);
	rig_advance(&rig, HOLD_NS);
	ok(host.ready_count == n + 1 && give(f, 1000), "until there are two");
}

static void test_one_interrupt(void)
{
	const uint8_t *f = frame_for(everyone, 0x0806, 100);
	unsigned int said;

	machine();
	open_cplus(8, 1600, 0x0b);
	said = rig_said(&rig, ANS_PCI_INTX);
	for (unsigned int i = 0; i < 5; i++)
		host.nic.receive(host.nic.dev, f, 100, true);
	is_hex(rig_said(&rig, ANS_PCI_INTX), said, "no interrupt within a turn");
	host.nic.received(host.nic.dev);
	rig_settle(&rig);
	is_hex(rig_said(&rig, ANS_PCI_INTX), said + 1, "one after it");
	put(0x3c, 2, 0);
	put(0x3c, 2, 0xff);
	give(f, 100);
	is_hex(rig_said(&rig, ANS_PCI_INTX), said + 3, "none while it is up");
}

/* ---- byte ring ---- */

/* Reads the ring as 8139too does; true: a frame of @len_bytes like @f. */
static uint32_t at;

static bool read_frame(const uint8_t *f, uint32_t len_bytes, uint32_t size,
		       bool wrap)
{
	uint8_t got[8192];
	uint32_t head = le32_get(rig.ram + RX_BYTES + at);

	if ((get(0x37, 1) & 1) || head >> 16 != len_bytes + 4 || !(head & 1))
		return false;
	for (uint32_t i = 0; i < len_bytes + 4; i++) {
		uint32_t pos = at + 4 + i;

		got[i] = rig.ram[RX_BYTES + (wrap ? pos : pos % size)];
	}
	at = (at + len_bytes + 4 + 4 + 3) & ~3u;
	at %= size;
	put(0x38, 2, (at - 16) & 0xffff);
	return !memcmp(got, f, len_bytes) &&
	       le32_get(got + len_bytes) == slow_crc(f, len_bytes);
}

static void test_bytes(unsigned int size_code, bool wrap)
{
	uint32_t size = 8192u << size_code;
	bool lost = false;

	machine();
	open_legacy(size_code, wrap);
	wrap &= size_code < 3;		/* data sheet: not with 64 KiB */
	at = 0;
	is_hex(get(0x37, 1), 0x0d, "the ring is empty");
	for (uint32_t i = 0; i < 200; i++) {
		uint32_t len = 60 + i * 97 % 1455;
		const uint8_t *f = frame_for(everyone, (uint16_t)i, len);

		lost |= !give(f, len) || !read_frame(f, len, size, wrap);
	}
	ok(!lost, "200 frames through a ring of %u KiB%s", size / 1024,
	   wrap ? ", beyond its end" : "");
	is_hex(get(0x37, 1), 0x0d, "empty again");
	is_hex(get(0x3a, 2), at, "CBR");
}

static void test_bytes_full(void)
{
	const uint8_t *f = frame_for(everyone, 0x0806, 1000);
	unsigned int n;

	machine();
	open_legacy(0, false);
	at = 0;
	for (unsigned int i = 0; i < 8; i++)
		ok(give(f, 1000), "frame %u of eight fits", i);
	is_hex(le32_get(rig.ram + RX_BYTES), 1004 << 16 | 0x2001,
	       "length, broadcast, ROK");
	n = host.ready_count;
	ok(!give(f, 1000), "the ninth does not");
	ok(give(f, 100), "a shorter one does");
	ok(read_frame(f, 1000, 8192, false), "the first is read");
	is_hex(host.ready_count, n + 1, "CAPR makes room at once");
	ok(give(f, 1000), "for it");
	put(0x38, 2, 0x1235);
	ok(!(get(0x37, 1) & 1), "a CAPR that points nowhere");
	give(f, 1000);
	machine();
	open_legacy(0, false);
	f = frame_for(everyone, 0x0806, 8180);
	ok(!give(f, 8184), "a frame as long as the ring never fits");
	for (unsigned int i = 0; i < HOLDS; i++)
		rig_advance(&rig, HOLD_NS);
	ok(give(f, 8184), "and is lost");
	is_hex(get(0x3e, 2), RXOVW, "RXOVW");
	ok(give(f, 8180), "one of 8,180 bytes does");
}

/* Jumbo frames on the host's side: behind the ring is somebody else's memory. */
static void test_bytes_beyond(void)
{
	uint8_t *end;
	unsigned int i;
	bool clean = true;

	machine();
	end = rig.ram + RX_BYTES + 8192 + 1536;
	open_legacy(0, true);
	memset(end, 0xcc, 8192);
	for (at = 0, i = 0; i < 8; i++) {
		const uint8_t *f = frame_for(everyone, 0x0806, 1000);

		give(f, 1000);
		read_frame(f, 1000, 8192, true);
	}
	is_hex(get(0x3a, 2), 8064, "128 bytes before the end");
	ok(give(frame_for(everyone, 0x0806, 4000), 4000), "a jumbo frame");
	for (i = 0; i < 8192; i++)
		clean &= end[i] == 0xcc;
	ok(clean && get(0x3a, 2) == 8064, "is not written far beyond it");
	is_hex(card.r.tally.rx_err, 1, "but dropped and counted");
	ok(give(frame_for(everyone, 0x0806, 1514), 1514) &&
	   read_frame(frame_for(everyone, 0x0806, 1514), 1514, 8192, true),
	   "one that may be there is taken");
	ok(give(frame_for(everyone, 0x0806, 4000), 4000) &&
	   read_frame(frame_for(everyone, 0x0806, 4000), 4000, 8192, true),
	   "and the jumbo frame where there is room");
}

static void test_rewind(void)
{
	const uint8_t *f = frame_for(everyone, 0x0806, 100);

	machine();
	open_legacy(0, true);
	give(f, 100);
	put(0x44, 4, 0xe70f | 0x80);
	is_hex(get(0x3a, 2), 108, "a change of filters leaves the ring alone");
	put(0x44, 4, 0xe70f | 0x880);
	is_hex(get(0x3a, 2), 0, "one of its size empties it");
	give(f, 100);
	put(0x37, 1, 0x0c);
	is_hex(get(0x3a, 2), 108, "CR.RE written again: nothing");
	put(0x37, 1, 0x04);
	put(0x37, 1, 0x0c);
	is_hex(get(0x38, 4), 0x0000fff0, "set again: from the start");
}

int main(void)
{
	test_crc();
	test_filters();
	test_ring();
	test_split();
	test_order();
	test_offload();
	test_vlan();
	test_held();
	test_lost();
	test_too_few();
	test_one_interrupt();
	test_bytes(0, false);
	test_bytes(0, true);
	test_bytes(2, true);
	test_bytes(3, true);
	test_bytes_full();
	test_bytes_beyond();
	test_rewind();
	nicrig_clear(&host);
	rig_free(&rig);
	return tap_done();
}
