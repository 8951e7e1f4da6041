/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/model/test_rtl8139_tx.c - RTL8139C+: frames that leave
 *
 * Both modes, descriptors that are incomplete, missing or wrong, offloads
 * against what the host is told, VLAN tags, a host without room, loopback,
 * statistics.
 */
#include "base/clock.h"
#include "rtl8139_guest.h"

#define TOK	0x0004u
#define TER	0x0008u
#define ROK	0x0001u
/* rtl8139_irq.c */
#define POLLED_FRAMES	16u	/* descriptors, a quarter of the ring */
#define POLLED_BYTES	2048u
#define POLLED_NS	(20 * NS_PER_MS)
#define LGSEN	0x08000000u
#define IPCS	0x00040000u
#define UDPCS	0x00020000u
#define TCPCS	0x00010000u
#define TAGC	0x00020000u

static uint8_t packet[70000];

static void kick(void)
{
	put(0xd9, 1, 0x40);
}

static void put_frame(unsigned int buf, const uint8_t *f, size_t len_bytes)
{
	memcpy(rig.ram + TX_BUF(buf), f, len_bytes);
}

static bool is_frame(unsigned int i, const uint8_t *f, size_t len_bytes)
{
	return host.sent_count > i && host.sent[i].len_bytes == len_bytes &&
	       !memcmp(host.sent[i].bytes, f, len_bytes);
}

static bool is_plain(const struct nic_todo *t)
{
	return !t->csum && t->gso == NIC_GSO_NONE;
}

/* ---- C+ mode ---- */

static void test_ring(void)
{
	const uint8_t *f = frame_for(everyone, 0x0806, 300);

	machine();
	open_cplus(4, 1600, 0x0b);
	put_frame(0, f, 300);
	put_desc(TX_RING, 0, OWN | FS | LS | 300, 0, TX_BUF(0));
	is_hex(host.sent_count, 0, "nothing before the doorbell");
	kick();
	ok(is_frame(0, f, 300) && is_plain(&host.sent[0].todo), "a frame");
	is_hex(desc_dw(TX_RING, 0, 0), FS | LS | 300, "its descriptor");
	ok(get(0x3e, 2) == TOK && rig.intx[INTA], "TOK interrupts");
	put(0x3e, 2, TOK);
	kick();
	ok(host.sent_count == 1 && get(0x3e, 2) == 0, "nothing new, nothing sent");
	put_frame(1, f, 20);
	put_frame(2, f + 20, 280);
	put_desc(TX_RING, 1, OWN | FS | 20, 0, TX_BUF(1));
	kick();
	ok(host.sent_count == 1 && desc_dw(TX_RING, 1, 0) >> 31,
	   "half a frame waits");
	put_desc(TX_RING, 2, OWN | EOR | LS | 280, 0, TX_BUF(2));
	put_desc(TX_RING, 0, OWN | FS | LS | 300, 0, TX_BUF(0));
	kick();
	ok(is_frame(1, f, 300) && is_frame(2, f, 300),
	   "in two pieces, and the first one again after EOR");
	is_hex(desc_dw(TX_RING, 2, 0), EOR | LS | 280, "EOR stays");
	is_hex(card.r.tx_at, 1, "goes on behind it");
	put(0x37, 1, 0x00);
	put(0x37, 1, 0x0c);
	is_hex(card.r.tx_at, 0, "CR.TE starts at the first");
}

/* The pages of a frame are asked for together, before they are read. */
static void test_prefetch(void)
{
	const uint8_t *f = frame_for(everyone, 0x0806, 9000);

	machine();
	open_cplus(4, 1600, 0x0b);
	memcpy(rig.ram + TX_BUF(0), f, 9000);
	for (unsigned int i = 0; i < 3; i++)
		put_desc(TX_RING, i, OWN | (i == 0 ? FS : 0) | (i == 2 ? LS : 0) |
			 3000, 0, TX_BUF(0) + i * 3000);
	kick();
	ok(rig.dma_maps == 1 && rig.mapped_frames == 0, "three pieces: once");
	ok(is_frame(0, f, 9000), "and the frame is whole");
	put_desc(TX_RING, 3, OWN | FS | LS | 100, 0, TX_BUF(0));
	kick();
	is_hex(rig.dma_maps, 1, "one piece is just read");
}

static void test_ring_limits(void)
{
	const uint8_t *f = frame_for(everyone, 0x0806, 60);

	machine();
	open_cplus(4, 1600, 0x0b);
	put_frame(0, f, 60);
	for (unsigned int i = 0; i < 80; i++)
		put_desc(TX_RING + 0x8000, i, OWN | FS | LS | 60, 0, TX_BUF(0));
	put(0x20, 4, TX_RING + 0x8000);
	kick();
	is_hex(host.sent_count, 64, "64 descriptors without EOR are a ring");
	is_hex(desc_dw(TX_RING + 0x8000, 64, 0) >> 31, 1, "none behind it");
	put(0x20, 4, 0x1000);
	put(0x24, 4, 0x2);
	put(0x3e, 2, 0xffff);
	kick();
	is_hex(get(0x3e, 2), 0x8000, "a ring in no memory: SERR");
	put(0x24, 4, 0);
	put(0x20, 4, TX_RING);
	cfg_write(&rig, DEVFN, 0x04, 2, 0x0003);
	put_desc(TX_RING, 0, OWN | FS | LS | 60, 0, TX_BUF(0));
	kick();
	is_hex(host.sent_count, 64, "no bus master, no frame");
	cfg_write(&rig, DEVFN, 0x04, 2, 0x0007);
	kick();
	is_hex(host.sent_count, 65, "bus master");
	put(0x5b, 1, 'H');
	put_desc(TX_RING, 1, OWN | FS | LS | 60, 0, TX_BUF(0));
	kick();
	is_hex(host.sent_count, 65, "no clock, no frame");
	put(0x5b, 1, 'R');
	kick();
	is_hex(host.sent_count, 66, "clock");
}

static void test_bad_frames(void)
{
	const uint8_t *f = frame_for(everyone, 0x0806, 300);

	machine();
	open_cplus(4, 1600, 0x0b);
	put_desc(TX_RING, 0, OWN | FS | LS | 100, 0, 0x80000000);
	kick();
	is_hex(get(0x3e, 2), TER, "bytes in no memory: TER");
	is_hex(desc_dw(TX_RING, 0, 0), FS | LS | 0x02800000 | 100,
	       "underrun in the descriptor");
	put_desc(TX_RING, 1, OWN | FS | 0xffff, 0, 0);
	put_desc(TX_RING, 2, OWN | LS | 0xffff, 0, 0);
	kick();
	is_hex(desc_dw(TX_RING, 2, 0), LS | 0x0280ffff, "131,070 bytes");
	put_desc(TX_RING, 3, OWN | FS | LS | 13, 0, TX_BUF(0));
	put(0x3e, 2, 0xffff);
	kick();
	ok(host.sent_count == 0 && get(0x3e, 2) == TOK,
	   "less than a header goes nowhere");
	put_frame(0, f, 42);
	put_desc(TX_RING, 4, OWN | FS | LS | 42, 0, TX_BUF(0));
	memset(card.tx, 0xee, sizeof(card.tx));
	kick();
	memset(packet, 0, 60);
	memcpy(packet, f, 42);
	ok(is_frame(0, packet, 60), "a short frame is filled up with zeros");
	put_frame(0, f, 300);
	put_desc(TX_RING, 5, OWN | FS | 77, 0, TX_BUF(9));
	put_desc(TX_RING, 6, OWN | FS | LS | EOR | 300, 0, TX_BUF(0));
	kick();
	ok(is_frame(1, f, 300), "FS starts a frame, whatever was begun");
	is_hex(card.r.tally.tx_err, 2, "two errors counted");
}

static void test_no_room(void)
{
	const uint8_t *f = frame_for(everyone, 0x0806, 300);

	machine();
	open_cplus(4, 1600, 0x0b);
	put_frame(0, f, 300);
	for (unsigned int i = 0; i < 3; i++)
		put_desc(TX_RING, i, OWN | FS | LS | 300, 0, TX_BUF(0));
	host.full = true;
	kick();
	kick();
	ok(host.refused == 1 && desc_dw(TX_RING, 0, 0) >> 31,
	   "the card keeps what the host has no room for");
	is_hex(get(0x3e, 2), 0, "and says nothing");
	nicrig_drain(&host);
	rig_settle(&rig);
	ok(is_frame(2, f, 300) && !(desc_dw(TX_RING, 2, 0) >> 31),
	   "goes on by itself");
	ok(rig.intx[INTA], "and interrupts");
	machine();
	open_legacy(0, true);
	put_frame(0, f, 300);
	host.full = true;
	put(0x20, 4, TX_BUF(0));
	put(0x10, 4, 300);
	is_hex(get(0x10, 4), 300, "a register descriptor waits, too");
	nicrig_drain(&host);
	rig_settle(&rig);
	ok(is_frame(0, f, 300) && get(0x10, 4) == 0xa12c, "and is sent");
}

/* What was sent is told at the end of the turn, with what came until then. */
static void test_one_interrupt(void)
{
	const uint8_t *f = frame_for(mac, 0x0806, 300);

	machine();
	open_cplus(4, 1600, 0x0b);
	rig.hold_turns = true;
	while (rig_turn(&rig))
		;
	put_desc(TX_RING, 0, OWN | FS | LS | 300, 0, TX_BUF(0));
	kick();
	ok(get(0x3e, 2) == TOK && !rig.intx[INTA], "ISR says it, INTA not yet");
	ok(rig_turn(&rig) && rig.intx[INTA], "at the end of the turn it does");
	put(0x3e, 2, 0xffff);
	ok(!rig.intx[INTA], "acknowledged");
	put_desc(TX_RING, 1, OWN | FS | LS | 300, 0, TX_BUF(0));
	kick();
	rig_said_clear(&rig);
	ok(!rig.intx[INTA] && give(f, 300) && rig.intx[INTA],
	   "a frame that comes is told at once");
	is_hex(get(0x3e, 2), TOK | 1, "and with it the other");
	while (rig_turn(&rig))
		;
	put(0x3e, 2, 0xffff);
	while (rig_turn(&rig))
		;
	is_hex(rig_said(&rig, ANS_PCI_INTX), 2, "up and down, once");
	put_desc(TX_RING, 2, OWN | FS | LS | 300, 0, TX_BUF(0));
	kick();
	put(0x3e, 2, 0xffff);
	rig_turn(&rig);
	ok(!rig.intx[INTA] && !rig_turn(&rig), "seen by a driver that polls: never");
	put_desc(TX_RING, 3, OWN | FS | LS | 300, 0, 0x80000000);
	kick();
	ok(rig.intx[INTA], "an error at once");
	put(0x3e, 2, 0xffff);
	put(0x3c, 2, 0);
	put_desc(TX_RING, 4, OWN | FS | LS | 300, 0, TX_BUF(0));
	kick();
	while (rig_turn(&rig))
		;
	put(0x3c, 2, TOK | ROK);
	ok(rig_turn(&rig) && rig.intx[INTA], "unmasked later: then");
	put(0x3e, 2, 0xffff);
	rig_turn(&rig);
	open_legacy(0, true);
	put(0x20, 4, TX_BUF(0));
	put(0x10, 4, 300);
	ok(!rig.intx[INTA] && rig_turn(&rig) && rig.intx[INTA],
	   "register descriptors, too");
}

/* A descriptor for each, where the card is. */
static void send_frames(unsigned int count, uint32_t len_bytes)
{
	for (unsigned int i = 0; i < count; i++)
		put_desc(TX_RING, card.r.tx_at + i, OWN | FS | LS | len_bytes, 0,
			 TX_BUF(0));
	kick();
}

static void answer(void)
{
	put(0x3e, 2, 0xffff);
	rig_said_clear(&rig);
}

/* The wire replies to a frame after @ns. */
static void reply_after(int64_t ns)
{
	send_frames(1, 100);
	rig_advance(&rig, ns);
	give(frame_for(mac, 0x0806, 300), 300);
	answer();
}

/* One small frame: told with what the wire says to it. */
static void test_reply(void)
{
	static const uint8_t stranger[6] = { 2, 0x11, 0x22, 0x33, 0x44, 0x55 };

	machine();
	open_cplus(64, 1600, 0x0b);
	send_frames(1, 100);
	ok(rig.intx[INTA], "nobody ever replied: a small frame is told at once");
	answer();
	reply_after(200 * NS_PER_US);
	send_frames(1, 100);
	rig_advance(&rig, 800 * NS_PER_US - 1);
	ok(!rig.intx[INTA] && get(0x3e, 2) == TOK,
	   "a reply took 200 us: ISR says the next, INTA not yet");
	rig_advance(&rig, 1);
	ok(rig.intx[INTA], "after four times as long");
	answer();
	send_frames(1, 100);
	ok(rig.intx[INTA], "no reply came: the next is told at once");
	answer();
	reply_after(200 * NS_PER_US);
	send_frames(1, 100);
	rig_advance(&rig, 300 * NS_PER_US);
	ok(!rig.intx[INTA] && give(frame_for(mac, 0x0806, 300), 300) &&
	   rig.intx[INTA], "a reply is told at once");
	is_hex(get(0x3e, 2), TOK | ROK, "and with it the other");
	answer();
	rig_advance(&rig, NS_PER_S);
	is_hex(rig_said(&rig, ANS_PCI_INTX), 0, "once");
	send_frames(1, 100);
	ok(!rig.intx[INTA], "the next");
	send_frames(1, 100);
	ok(rig.intx[INTA], "and one more: there is more to send");
	answer();
	reply_after(200 * NS_PER_US);
	send_frames(1, NIC_REPLY_BYTES + 1);
	ok(rig.intx[INTA], "one that is not small: at once");
	answer();
	reply_after(200 * NS_PER_US);
	send_frames(1, 100);
	answer();
	rig_advance(&rig, NS_PER_S);
	is_hex(rig_said(&rig, ANS_PCI_INTX), 0, "seen by a driver that polls: never");
	reply_after(NIC_REPLY_MAX_NS);
	send_frames(1, 100);
	rig_advance(&rig, NIC_REPLY_MAX_NS - 1);
	ok(!rig.intx[INTA], "a slow wire: not yet");
	rig_advance(&rig, 1);
	ok(rig.intx[INTA], "no longer than that");
	answer();
	reply_after(NIC_REPLY_MAX_NS + 1);
	send_frames(1, 100);
	ok(rig.intx[INTA], "a slower one: at once");
	answer();
	reply_after(200 * NS_PER_US);
	send_frames(1, 100);
	rig_advance(&rig, 300 * NS_PER_US);
	give(frame_for(stranger, 0x0806, 300), 300);
	ok(!rig.intx[INTA], "a frame for somebody else");
	rig_advance(&rig, 500 * NS_PER_US);
	answer();
	send_frames(1, 100);
	ok(rig.intx[INTA], "is no reply: the next is told at once");
}

/* Between acknowledgements of what it receives a driver is left in peace. */
static void test_polling(void)
{
	machine();
	open_cplus(4, 1600, 0x0b);
	put(0x3c, 2, 0x807f & ~ROK);
	send_frames(1, 100);
	rig_advance(&rig, POLLED_NS / 2);
	send_frames(1, 100);
	rig_advance(&rig, POLLED_NS / 2 - 1);
	(void)get(0x3e, 2);
	ok(!rig.intx[INTA], "while it receives without interrupts: not yet");
	rig_advance(&rig, 1);
	ok(rig.intx[INTA], "but in the end, since the first");
	answer();
	ok(card.tok.deadline_ns == INT64_MAX, "and nothing ticks");
	send_frames(15, 60);
	ok(!rig.intx[INTA], "so many frames: not yet");
	answer();
	ok(card.tok.deadline_ns == INT64_MAX, "it has looked: nothing ticks");
	send_frames(1, POLLED_BYTES);
	ok(!rig.intx[INTA], "so many bytes: not yet");
	answer();
	send_frames(1, POLLED_BYTES + 1);
	ok(rig.intx[INTA], "one more: at once");
	answer();
	put(0x3c, 2, 0x807f);
	reply_after(200 * NS_PER_US);
	put(0x3c, 2, 0x807f & ~ROK);
	send_frames(1, 100);
	rig_advance(&rig, 700 * NS_PER_US);
	put(0x3c, 2, 0x807f);
	ok(!rig.intx[INTA], "it wants to know of frames again");
	rig_advance(&rig, 101 * NS_PER_US);
	ok(rig.intx[INTA], "the frame counts from when it was sent");
	answer();
	put(0x3c, 2, 0x807f & ~ROK);
	send_frames(2, 100);
	put(0x3c, 2, 0x807f);
	ok(rig.intx[INTA], "two were sent: at once");
	answer();
	put(0x3c, 2, 0);
	send_frames(1, 100);
	rig_advance(&rig, NS_PER_S);
	ok(!rig.intx[INTA], "no interrupts at all");
	put(0x3c, 2, TOK | ROK);
	rig_advance(&rig, NS_PER_US);
	ok(rig.intx[INTA], "its time was over long ago");
	put(0x3c, 2, 0);
	put(0x3c, 2, TOK);
	ok(rig.intx[INTA], "told, not acknowledged, and unmasked again: at once");
	answer();
	send_frames(POLLED_FRAMES, 60);
	ok(!rig.intx[INTA], "a quarter of the ring: not yet");
	send_frames(1, 60);
	ok(rig.intx[INTA], "one descriptor more: at once");
	answer();
	for (unsigned int i = 0; i <= POLLED_FRAMES; i++)
		put_desc(TX_RING, card.r.tx_at + i, OWN | (i == 0 ? FS : 0) |
			 (i == POLLED_FRAMES ? LS : 0) | 20, 0, TX_BUF(0));
	kick();
	ok(rig.intx[INTA], "as many in a single frame, too");
	answer();
	open_cplus(4, 1600, 0x0b);
	put(0x3c, 2, TOK);
	put_desc(TX_RING, 1, OWN | EOR | FS | LS | 60, 0, TX_BUF(0));
	send_frames(1, 60);
	ok(rig.intx[INTA], "a ring of two, both sent: at once");
	answer();
	open_legacy(0, true);
	put(0x3c, 2, 0xe07f & ~ROK);
	put(0x20, 4, TX_BUF(0));
	put(0x10, 4, 100);
	ok(rig.intx[INTA], "register descriptors: at once");
}

/* A doorbell that stands for more than a turn of the loop may send. */
static void test_turns(void)
{
	const unsigned int most = NIC_TURN_BYTES / 60000 + 1;
	unsigned int turns = 0;

	machine();
	open_cplus(4, 1600, 0x0b);
	rig.hold_turns = true;
	for (unsigned int i = 0; i < 64; i++)
		put_desc(TX_RING, i, OWN | FS | LS | 60000, 0, 0x1000);
	kick();
	is_hex(host.sent_count, most, "64 frames of 60,000 bytes: so many a turn");
	ok(!(desc_dw(TX_RING, most - 1, 0) >> 31) &&
	   desc_dw(TX_RING, most, 0) >> 31, "the others are the card's");
	is_hex(get(0x3e, 2), TOK, "TOK for those");
	kick();
	is_hex(host.sent_count, most, "another doorbell in this turn: nothing");
	ok(give(frame_for(mac, 0x0806, 100), 100), "a frame comes in between");
	host.full = true;
	rig_turn(&rig);
	is_hex(host.refused, 1, "the host is full");
	rig_turn(&rig);
	ok(!rig_turn(&rig), "no turn while it is");
	nicrig_drain(&host);
	rig_settle(&rig);
	for (; rig_turn(&rig); turns++)
		;
	is_hex(host.sent_count, 64, "in the end all");
	ok(turns >= 64 / most - 2, "in %u turns", turns);
	put_desc(TX_RING, 0, OWN | FS | LS | 60000, 0, 0x1000);
	ok(!rig_turn(&rig) && host.sent_count == 64, "and no more without a doorbell");
}

/* A successor's host does not know that somebody waits for it. */
static void become_successor(void)
{
	rig_successor(&rig);
	nicrig_init(&host, mac);
	memset(&card, 0, sizeof(card));
	rtl8139_init(&card, &rig.bus, DEVFN, &host.nic, NULL, 0);
	rig_close(&rig);
	place();
}

static void test_successor(void)
{
	const uint8_t *f = frame_for(everyone, 0x0806, 300);

	machine();
	open_cplus(4, 1600, 0x0b);
	put_frame(0, f, 300);
	put_desc(TX_RING, 0, OWN | FS | LS | 300, 0, TX_BUF(0));
	host.full = true;
	kick();
	become_successor();
	ok(is_frame(0, f, 300) && !(desc_dw(TX_RING, 0, 0) >> 31),
	   "a successor sends what waits in the ring");
	put_desc(TX_RING, 1, OWN | FS | LS | 300, 0, TX_BUF(0));
	get(0x48, 4);
	is_hex(host.sent_count, 1, "and then nothing without a doorbell");
	machine();
	open_legacy(0, true);
	put_frame(0, f, 300);
	host.full = true;
	put(0x20, 4, TX_BUF(0));
	put(0x10, 4, 300);
	become_successor();
	ok(is_frame(0, f, 300) && get(0x10, 4) == 0xa12c,
	   "or in register descriptors");
	put(0x3e, 2, 0xffff);
	cfg_write(&rig, DEVFN, 0x04, 2, 0x0003);
	put(0x24, 4, TX_BUF(0));
	put(0x14, 4, 300);
	is_hex(host.sent_count, 1, "no bus master: it waits");
	cfg_write(&rig, DEVFN, 0x04, 2, 0x0007);
	ok(is_frame(1, f, 300) && rig.intx[INTA], "and goes when it is one");
}

static void test_link_down(void)
{
	machine();
	open_cplus(4, 1600, 0x0b);
	nicrig_link(&host, false);
	put_desc(TX_RING, 0, OWN | FS | LS | 60, 0, TX_BUF(0));
	kick();
	ok(host.sent_count == 0 && !(desc_dw(TX_RING, 0, 0) >> 31),
	   "without a cable frames go nowhere");
}

/* ---- offloads ---- */

static void put_be16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static uint32_t get_be16(const uint8_t *p)
{
	return (uint32_t)(p[0] << 8 | p[1]);
}

static uint16_t ones_sum(const uint8_t *p, size_t len_bytes, uint32_t s)
{
	for (size_t i = 0; i < len_bytes; i++)
		s += i & 1 ? p[i] : (uint32_t)p[i] << 8;
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return (uint16_t)s;
}

/* IPv4 in Ethernet: @proto with @payload bytes behind the IP header. */
static size_t make_ip(uint8_t proto, size_t payload)
{
	memcpy(packet, frame_for(everyone, 0x0800, 14), 14);
	memset(packet + 14, 0, 20);
	packet[14] = 0x45;
	put_be16(packet + 16, (uint32_t)(20 + payload));
	packet[22] = 64;
	packet[23] = proto;
	memcpy(packet + 26, "\x0a\x00\x00\x01\x0a\x00\x00\x02", 8);
	for (size_t i = 0; i < payload; i++)
		packet[34 + i] = (uint8_t)(i * 13 + 5);
	if (proto == 6)
		packet[34 + 12] = 0x50;
	return 34 + payload;
}

static uint16_t pseudo(uint8_t proto, size_t bytes)
{
	return ones_sum(packet + 26, 8, (uint32_t)(proto + bytes));
}

/* Sends what is in packet through as many buffers as it needs. */
static const struct nicrig_frame *send_packet(size_t len_bytes, uint32_t dw0,
					      uint32_t dw1)
{
	unsigned int n = (unsigned int)((len_bytes + 4095) / 4096);
	uint32_t slot = card.r.tx_at;

	nicrig_clear(&host);
	memcpy(rig.ram + TX_BUF(0), packet, len_bytes);
	for (unsigned int i = 0; i < n; i++) {
		uint32_t part = i == n - 1 ? (uint32_t)len_bytes - i * 4096 : 4096;

		put_desc(TX_RING, (slot + i) % 64, OWN | dw0 |
			 (i == 0 ? FS : 0) | (i == n - 1 ? LS : 0) | part,
			 dw1, TX_BUF(i));
	}
	kick();
	return &host.sent[0];
}

static void test_checksums(void)
{
	const struct nicrig_frame *s;
	size_t len;

	machine();
	open_cplus(4, 1600, 0x0b);
	len = make_ip(6, 200);
	s = send_packet(len, IPCS | TCPCS, 0);
	is_hex(ones_sum(s->bytes + 14, 20, 0), 0xffff, "the IP checksum is there");
	ok(s->todo.csum && s->todo.csum_start == 34 && s->todo.csum_offset == 16,
	   "TCP's is the host's");
	is_hex(get_be16(s->bytes + 50), pseudo(6, 200),
	       "and finds the pseudo header's sum");
	ok(s->todo.gso == NIC_GSO_NONE, "in one piece");
	len = make_ip(17, 100);
	s = send_packet(len, IPCS | UDPCS, 0);
	ok(s->todo.csum && s->todo.csum_start == 34 && s->todo.csum_offset == 6 &&
	   get_be16(s->bytes + 40) == pseudo(17, 100), "UDP");
	s = send_packet(len, IPCS | TCPCS, 0);
	ok(is_plain(&s->todo) && ones_sum(s->bytes + 14, 20, 0) == 0xffff,
	   "TCP asked of a UDP packet: IP only");
	s = send_packet(len, 0, 0);
	ok(is_plain(&s->todo) && !memcmp(s->bytes, packet, len), "nothing asked");
	put_be16(packet + 20, 0x2000);
	s = send_packet(len, IPCS | UDPCS, 0);
	ok(is_plain(&s->todo), "a fragment has no checksum of its own");
	len = make_ip(17, 12);
	memset(packet + len, 0x77, 60 - len);
	s = send_packet(60, IPCS | UDPCS, 0);
	ok(is_plain(&s->todo) &&
	   ones_sum(s->bytes + 34, 12, pseudo(17, 12)) == 0xffff,
	   "what a driver appended is not added up");
	len = make_ip(6, 200);
	packet[12] = 0x86;
	packet[13] = 0xdd;
	s = send_packet(len, IPCS | TCPCS, 0);
	ok(is_plain(&s->todo) && !memcmp(s->bytes, packet, len), "not IPv4");
}

static void test_large_send(void)
{
	const struct nicrig_frame *s;
	size_t len;

	machine();
	open_cplus(4, 1600, 0x0b);
	len = make_ip(6, 20 + 30000);
	put_be16(packet + 16, 0);	/* the chip does not need it */
	s = send_packet(len, LGSEN | 1460 << 16, 0);
	is_hex(s->len_bytes, len, "a large send is one frame");
	ok(s->todo.gso == NIC_GSO_TCPV4 && s->todo.gso_bytes == 1460 &&
	   s->todo.header_bytes == 54, "to be cut");
	ok(s->todo.csum && s->todo.csum_start == 34 && s->todo.csum_offset == 16,
	   "and summed up");
	is_hex(get_be16(s->bytes + 16), 20 + 20 + 30000, "its length is filled in");
	is_hex(get_be16(s->bytes + 50), pseudo(6, 20 + 30000), "pseudo header");
	is_hex(desc_dw(TX_RING, 0, 0), FS | 4096, "MSS is not in the status");
	len = make_ip(6, 20 + 1460);
	s = send_packet(len, LGSEN | 1460 << 16, 0);
	ok(s->todo.gso == NIC_GSO_NONE && s->todo.csum, "one segment needs no cut");
	len = make_ip(6, 20 + 5000);
	packet[46] = 0xf0;
	s = send_packet(len, LGSEN | 0x7ff << 16, 0);
	ok(s->todo.gso == NIC_GSO_TCPV4 && s->todo.header_bytes == 94 &&
	   s->todo.gso_bytes == 0x7ff, "TCP options, largest MSS");
	packet[46] = 0x40;
	s = send_packet(len, LGSEN | 1460 << 16, 0);
	ok(is_plain(&s->todo), "a TCP header of 16 bytes: as it is");
	len = make_ip(6, 20 + 5000);
	s = send_packet(len, LGSEN, 0);
	ok(is_plain(&s->todo), "an MSS of 0: as it is");
	len = make_ip(17, 5000);
	s = send_packet(len, LGSEN | 1460 << 16, 0);
	ok(is_plain(&s->todo), "UDP: as it is");
	len = make_ip(6, 65515);
	s = send_packet(len, LGSEN | 1460 << 16, 0);
	ok(s->todo.gso == NIC_GSO_TCPV4 && s->len_bytes == 65549, "65,535 bytes of IP");
	s = send_packet(len + 1, LGSEN | 1460 << 16, 0);
	ok(host.sent_count == 1 && is_plain(&s->todo), "one more is no IP packet");
	send_packet(len + 2, LGSEN | 1460 << 16, 0);
	ok(host.sent_count == 0, "and two more are no frame");
	send_packet(len, LGSEN | 1460 << 16, TAGC);
	ok(host.sent_count == 0, "nor is there room for a tag");
}

static void test_vlan(void)
{
	const struct nicrig_frame *s;
	size_t len;

	machine();
	open_cplus(4, 1600, 0x0b);
	len = make_ip(6, 20 + 3000);
	s = send_packet(len, LGSEN | 1000 << 16, TAGC | 0x2301);
	is_hex(s->len_bytes, len + 4, "a tag makes it longer");
	ok(!memcmp(s->bytes, packet, 12) &&
	   !memcmp(s->bytes + 12, "\x81\x00\x01\x23\x08\x00", 6),
	   "between address and type, upper byte first");
	ok(s->todo.csum_start == 38 && s->todo.header_bytes == 58 &&
	   s->todo.csum_offset == 16, "the host's work moves with it");
	is_hex(get_be16(s->bytes + 54), pseudo(6, 20 + 3000), "pseudo header");
	len = make_ip(17, 8);
	s = send_packet(len, 0, TAGC);
	is_hex(s->len_bytes, 60, "filled up with the tag in it");
}

/* ---- register descriptors ---- */

static void test_legacy(void)
{
	const uint8_t *f = frame_for(everyone, 0x0806, 300);

	machine();
	open_legacy(0, true);
	put_frame(0, f, 300);
	for (uint32_t i = 0; i < 4; i++)
		put(0x20 + 4 * i, 4, TX_BUF(0));
	put(0x14, 4, 0x003a0000 | 300);
	is_hex(host.sent_count, 0, "the second waits for the first");
	is_hex(get(0x60, 2), 0x000d, "the summary shows it");
	put(0x10, 4, 0x003a0000 | 300);
	ok(host.sent_count == 2 && is_frame(1, f, 300), "then both go");
	is_hex(get(0x10, 4), 0x003aa12c, "OWN, TOK, threshold and size");
	is_hex(get(0x60, 2), 0x300f, "TOK in the summary");
	ok(get(0x3e, 2) == TOK && rig.intx[INTA], "TOK interrupts");
	for (uint32_t i = 2; i < 10; i++)
		put(0x10 + 4 * (i % 4), 4, 300);
	is_hex(host.sent_count, 10, "around the four");
	put(0x28, 4, 0x80000000);
	put(0x18, 4, 100);
	is_hex(get(0x18, 4), 0x6064, "no memory: underrun");
	ok(get(0x3e, 2) & TER, "TER");
	put(0x1c, 4, 0x1fff);
	ok(host.sent_count == 11 && host.sent[10].len_bytes == 8191,
	   "8,191 bytes are the most");
	put(0x37, 1, 0x08);
	put(0x10, 4, 300);
	is_hex(host.sent_count, 11, "nothing while CR.TE is off");
	put(0x40, 4, 0);
	is_hex(get(0x40, 4), 0x77800600, "nor can TCR be written");
}

/* ---- loopback ---- */

static void test_loopback(void)
{
	const uint8_t *f = frame_for(mac, 0x0806, 300);

	machine();
	open_cplus(4, 1600, 0x0b);
	put(0x40, 4, 0x03060600);
	put_frame(0, f, 300);
	put_desc(TX_RING, 0, OWN | FS | LS | 300, 0, TX_BUF(0));
	kick();
	is_hex(host.sent_count, 0, "a looped frame does not leave");
	ok(get(0x3e, 2) == 5 && !memcmp(rig.ram + RX_BUF(0), f, 300),
	   "it is received");
	is_hex(desc_dw(TX_RING, 0, 0), FS | LS | 300, "and sent");
	ok(give(frame_for(everyone, 0x0806, 100), 100) &&
	   desc_dw(RX_RING, 1, 0) >> 31, "the wire is not connected");
	(void)make_ip(17, 101);
	memcpy(packet, mac, 6);
	send_packet(135, IPCS | UDPCS, TAGC | 0x0100);
	ok(!memcmp(rig.ram + RX_BUF(1) + 12, "\x81\x00\x00\x01\x08\x00", 6) &&
	   ones_sum(rig.ram + RX_BUF(1) + 38, 101,
		    ones_sum(packet + 26, 8, 17 + 101)) == 0xffff,
	   "checksums and tag are there");
	(void)make_ip(6, 4000);
	memcpy(packet, mac, 6);
	send_packet(4034, LGSEN | 1000 << 16, 0);
	is_hex(desc_dw(RX_RING, 2, 0) >> 31, 1, "nothing is cut here");
	machine();
	open_legacy(0, true);
	put(0x40, 4, 0x03060600);
	put_frame(0, frame_for(mac, 0x0806, 300), 300);
	put(0x20, 4, TX_BUF(0));
	put(0x10, 4, 300);
	is_hex(le32_get(rig.ram + RX_BYTES), 304 << 16 | 0x4001, "in the older mode");
}

/* ---- statistics ---- */

static void test_tally(void)
{
	const uint8_t *t = rig.ram;

	machine();
	t = rig.ram + TALLY;
	open_cplus(2, 1600, 0x0b);
	put(0x44, 4, 0xa40e);
	put(8, 4, ~0u);
	put(12, 4, ~0u);
	put_desc(TX_RING, 0, OWN | FS | LS | 100, 0, TX_BUF(0));
	put_desc(TX_RING, 1, OWN | FS | LS | 100, 0, 0x80000000);
	kick();
	give(frame_for(everyone, 0x0806, 100), 100);
	give(frame_for(mac, 0x0806, 100), 100);
	put(0x14, 4, 0);
	put(0x10, 4, TALLY | 8);
	is_hex(get(0x10, 4), TALLY, "the dump is done");
	is_hex(le64_get(t), 1, "sent");
	is_hex(le64_get(t + 8), 2, "received");
	is_hex(le64_get(t + 16), 1, "not sent");
	is_hex(le16_get(t + 62), 1, "for an underrun");
	is_hex(le64_get(t + 40), 1, "to our address");
	is_hex(le64_get(t + 48), 1, "broadcast");
	is_hex(le32_get(t + 56), 0, "multicast");
	put_desc(RX_RING, 0, OWN | 1600, 0, RX_BUF(0));
	give(frame_for((const uint8_t *)"\x01\x00\x5e\x00\x00\x01", 0x0800, 99), 99);
	put(0x10, 4, TALLY | 8);
	is_hex(le32_get(t + 56), 1, "multicast, now");
	put(0x14, 4, 0x100);
	put(0x10, 4, TALLY | 8);
	is_hex(get(0x10, 4), TALLY, "a dump to nowhere ends, too");
}

int main(void)
{
	test_ring();
	test_prefetch();
	test_ring_limits();
	test_bad_frames();
	test_no_room();
	test_one_interrupt();
	test_reply();
	test_polling();
	test_turns();
	test_successor();
	test_link_down();
	test_checksums();
	test_large_send();
	test_vlan();
	test_legacy();
	test_loopback();
	test_tally();
	nicrig_clear(&host);
	rig_free(&rig);
	return tap_done();
}
