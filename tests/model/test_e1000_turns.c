/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/model/test_e1000_turns.c - 82540EM: sending in pieces
 *
 * A doorbell that stands for more than one turn of the loop may send, and what
 * is left of a frame when the worker dies between or inside two of them.
 */
#include "dev/nic_turn.h"
#include "tests/lib/rigcrash.h"
#include "tests/model/e1000_guest.h"

#define RING		0x200000u	/* instead of TX_RING: a long one */
#define RING_MOST	65528u
#define LEN		16000u
#define TXDW		0x01u
#define TXQE		0x02u

#define IP		14u
#define TCP		34u
#define HDR		54u

static uint8_t f[LEN];

static void put_far(uint32_t i, uint32_t len_cmd)
{
	uint8_t *p = rig.ram + RING + i * 16;

	le64_put(p, TX_DATA);
	le32_put(p + 8, len_cmd);
	le32_put(p + 12, 0);
}

static bool is_done(uint32_t i)
{
	return rig.ram[RING + i * 16 + 12] & 1;
}

/* @count descriptors of @len, each a frame. */
static void fresh(uint32_t count, uint32_t len)
{
	machine();
	make_frame(f, sizeof(f), NULL);
	memcpy(rig.ram + TX_DATA, f, sizeof(f));
	tx_ring(count);
	wr(TDBAL, RING);
	for (uint32_t i = 0; i < count; i++)
		put_far(i, len | TXD_EOP | TXD_RS);
	(void)rd(ICR);
	rig.hold_turns = true;
	while (rig_turn(&rig))
		;
}

static void test_bytes(void)
{
	const uint32_t most = NIC_TURN_BYTES / LEN + 1;

	fresh(RING_MOST, LEN);
	wr(IMS, TXDW);
	wr(TDT, RING_MOST - 1);
	is_hex(net.sent_count, most, "65,527 frames asked for: one turn's bytes");
	is_hex(rd(TDH), most, "head says how far it came");
	ok(is_done(most - 1) && !is_done(most), "so do the descriptors");
	ok(is_irq(), "those are told");
	is_hex(rd(ICR), TXDW, "TXDW, but the ring is not empty");
	wr(TDT, RING_MOST - 1);
	wr(TDT, RING_MOST - 2);
	is_hex(net.sent_count, most, "another doorbell in this turn: nothing");
	ok(rig_turn(&rig), "it waits for the next");
	is_hex(net.sent_count, 2 * most, "which sends as much");
	is_hex(rd(TDH), 2 * most, "and head follows");
	wr(TCTL, 0);
	ok(rig_turn(&rig) && net.sent_count == 2 * most, "not enabled: nothing");
	ok(!rig_turn(&rig), "and nothing waits");
	wr(TCTL, 0xa);
	is_hex(net.sent_count, 3 * most, "enabled: it goes on");
	wr(CTRL, 0x04140240);
	rig_turn(&rig);
	ok(!rig_turn(&rig) && net.sent_count == 3 * most, "a reset ends it");
}

static void test_descs(void)
{
	unsigned int turns = 0, right = 0;

	fresh(4096, 60);
	wr(TDT, 4095);
	is_hex(net.sent_count, NIC_TURN_DESCS, "short frames: one turn's descriptors");
	is_hex(rd(ICR), TXDW, "TXDW");
	while (rd(TDH) != 4095 && rig_turn(&rig)) {
		uint32_t head = rd(TDH);

		right += head == net.sent_count && is_done(head - 1) &&
			!is_done(head) &&
			rd(ICR) == (head == 4095 ? TXDW | TXQE : TXDW);
		turns++;
	}
	is_hex(turns, 4095 / NIC_TURN_DESCS, "the rest in as many turns as it takes");
	is_hex(right, turns, "registers tell the truth after each");
	rig_turn(&rig);
	ok(!rig_turn(&rig), "then nothing waits");
	/* Many doorbells, each small. */
	wr(TCTL, 0);
	wr(TDH, 0);
	wr(TDT, 0);
	wr(TCTL, 0xa);
	nicrig_clear(&net);
	for (uint32_t i = 1; i < 1000; i++)
		wr(TDT, i);
	is_hex(net.sent_count, NIC_TURN_DESCS, "a thousand doorbells are one turn");
	while (rig_turn(&rig))
		;
	is_hex(net.sent_count, 999, "and all is sent in the end");
}

/* The host fills up in the middle; frames come in between. */
static void test_between(void)
{
	fresh(4096, 60);
	rx_ring(16, RCTL_ON | 0x04000000);
	wr(TDT, 1000);
	ok(give(f, 100) && rd(RDH) == 1, "a frame comes in between two turns");
	net.full = true;
	rig_turn(&rig);
	is_hex(rd(TDH), NIC_TURN_DESCS + 1, "a full host: one is held");
	rig_turn(&rig);
	ok(!rig_turn(&rig), "no turn while it is");
	nicrig_drain(&net);
	rig_settle(&rig);
	while (rig_turn(&rig))
		;
	is_hex(net.sent_count, 1000, "room: all of them");
	is_hex(rd(TDH), 1000, "head");
}

static void become_successor(void)
{
	rig_successor(&rig);
	nicrig_init(&net, mac);
	build(NULL, 0);
	plug();
}

static void test_successor(void)
{
	fresh(4096, 60);
	wr(TDT, 1000);
	become_successor();
	rig_settle(&rig);
	while (rig_turn(&rig))
		;
	is_hex(net.sent_count, 1000 - NIC_TURN_DESCS,
	       "a successor goes on where the last turn ended");
	is_hex(rd(TDH), 1000, "without another doorbell");
}

/* IPv4 and TCP headers for @payload bytes, as a driver leaves them. */
static void make_tcp(void)
{
	make_frame(f, sizeof(f), NULL);
	f[12] = 0x08;
	f[13] = 0x00;
	f[IP] = 0x45;
	be_put(f + IP + 2, 0);
	be_put(f + IP + 6, 0x4000);
	f[IP + 9] = 6;
	be_put(f + IP + 10, 0);
	f[TCP + 12] = 0x50;
	be_put(f + TCP + 16, 0);
	be_put(f + TCP + 16, (uint16_t)(slow_sum(f + IP + 12, 8) + 6));
	memcpy(rig.ram + TX_DATA, f, sizeof(f));
}

static bool is_same(const struct nicrig_frame *a, const struct nicrig_frame *b)
{
	return a->bytes && b->bytes && a->len_bytes == b->len_bytes &&
		!memcmp(a->bytes, b->bytes, a->len_bytes) &&
		!memcmp(&a->todo, &b->todo, sizeof(a->todo));
}

/*
 * Begun in one doorbell, finished in the next, which also sends others and
 * begins one more; then the worker dies before that is committed.
 */
static void replay(uint32_t first, uint32_t cmd, const char *what)
{
	static struct rig_kept kept;
	static struct nicrig was;
	unsigned int same = 0;

	machine();
	wr(CTRL, 0x40140240);
	make_tcp();
	tx_ring(16);
	put_context(0, IP, IP + 10, TCP - 1, TCP, TCP + 16, 0,
		    (5000 - HDR) | (cmd & TXD_TSE) | TUCMD_TCP | TUCMD_IP, HDR, 1460);
	put_desc(1, TX_DATA, first | TXD_DATA | cmd, (IXSM | TXSM) | 0x61230000u);
	kick(2);
	rig_keep(&rig, &kept);
	put_desc(2, TX_DATA + first, (5000 - first) | TXD_DATA | TXD_EOP | TXD_RS |
		 cmd, (IXSM | TXSM) | 0x61230000u);
	put_desc(3, TX_DATA + 7000, 3000 | TXD_EOP | TXD_RS, 0);
	put_desc(4, TX_DATA + 9000, 4000 | TXD_EOP | TXD_RS, 0);
	put_desc(5, TX_DATA + 11000, 4000, 0);
	kick(6);
	ok(net.sent_count == 3, "%s: three frames", what);
	is_hex(slow_sum(net.sent[0].bytes + IP + (cmd & TXD_VLE ? 4 : 0), 20),
	       0xffff, "the first is right");
	was = net;
	memset(&net, 0, sizeof(net));
	rig_lose(&rig, &kept);
	become_successor();
	is_hex(net.sent_count, 0, "the worker dies; its successor waits");
	wr(TDT, 6);
	for (unsigned int i = 0; i < 3; i++)
		same += is_same(&net.sent[i], &was.sent[i]);
	ok(net.sent_count == 3 && same == 3, "the doorbell again: the same bytes");
	put_desc(6, TX_DATA, 100 | TXD_EOP, 0);
	kick(7);
	ok(net.sent_count == 4 && net.sent[3].len_bytes == 4100 &&
	   !memcmp(net.sent[3].bytes, f + 11000, 4000), "and the one begun last");
	nicrig_clear(&was);
}

static void test_replay(void)
{
	replay(HDR, TXD_TSE, "a large send");
	replay(20, TXD_TSE, "headers apart");
	replay(1000, TXD_TSE | TXD_VLE, "with a tag");
	replay(4000, 0, "checksums");
}

/* Sums over the head, which is apart from the rest, and what follows it. */
static void test_sums(void)
{
	unsigned int wrong = 0;

	machine();
	make_frame(f, 1400, NULL);
	memcpy(rig.ram + TX_DATA, f, 1400);
	tx_ring(16);
	for (unsigned int start = 0; start < 256; start += 3)
		for (unsigned int end = start + 1; end < 1399; end += 97) {
			uint8_t to = (uint8_t)(end % 256);

			nicrig_clear(&net);
			put_context(0, 0, 0, 0, (uint8_t)start, to, (uint16_t)end,
				    0, 0, 0);
			put_desc(1, TX_DATA, 1400 | TXD_DATA | TXD_EOP, TXSM);
			wr(TDH, 0);
			wr(TDT, 0);
			kick(2);
			wrong += net.sent_count != 1 || net.sent[0].todo.csum ||
				be_get(net.sent[0].bytes + to) + slow_sum(f + start,
					end + 1 - start) != 0xffff;
		}
	is_hex(wrong, 0, "sums of all places and lengths");
}

/* The pages of a frame are asked for together, before they are read. */
static void test_prefetch(void)
{
	machine();
	make_frame(f, 12000, NULL);
	memcpy(rig.ram + TX_DATA, f, 12000);
	tx_ring(16);
	for (uint32_t i = 0; i < 3; i++)
		put_desc(i, TX_DATA + i * 4000, 4000 | TXD_DATA |
			 (i == 2 ? TXD_EOP : 0), 0);
	kick(3);
	ok(rig.dma_maps == 1 && rig.mapped_frames == 0, "three pieces: once");
	ok(net.sent_count == 1 && !memcmp(net.sent[0].bytes, f, 12000),
	   "and the frame is whole");
	put_desc(3, TX_DATA, 100 | TXD_EOP, 0);
	kick(4);
	is_hex(rig.dma_maps, 1, "one piece is just read");
	put_desc(4, BAR0, 4000 | TXD_DATA, 0);
	put_desc(5, UINT64_MAX - 10, 0xfffff | TXD_DATA, 0);
	put_desc(6, UINT64_MAX - 10, 4000 | TXD_DATA | TXD_EOP, 0);
	kick(7);
	ok(rig.mapped_frames == 0, "nothing stays mapped");
	ok(is_alive(), "what is no memory does no harm");
}

int main(void)
{
	test_bytes();
	test_descs();
	test_between();
	test_successor();
	test_replay();
	test_sums();
	test_prefetch();
	rig_free(&rig);
	nicrig_clear(&net);
	return tap_done();
}
