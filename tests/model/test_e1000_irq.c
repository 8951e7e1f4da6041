/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/model/test_e1000_irq.c - 82540EM: interrupts, delays, unplug, successor
 */
#include "tests/lib/rigcrash.h"
#include "tests/model/e1000_guest.h"

#define TXDW	0x01u
#define RXDMT0	0x10u
#define RXT0	0x80u

static uint8_t f[200];

static void fresh(void)
{
	machine();
	make_frame(f, sizeof(f), NULL);
	tx_ring(16);
	rx_ring(16, RCTL_ON | 0x04000000);
	(void)rd(ICR);
	rig_said_clear(&rig);
}

static unsigned int irqs(void)
{
	unsigned int n = rig_said(&rig, ANS_PCI_INTX);

	rig_said_clear(&rig);
	return n;
}

static void send_one(uint32_t cmd)
{
	uint32_t at = rd(TDT);

	put_desc(at, TX_DATA, 64 | TXD_EOP | TXD_RS | cmd, 0);
	kick(at + 1);
}

static void test_causes(void)
{
	fresh();
	wr(ICS, 0xffffffff);
	is_hex(rd(ICS), 0x1f7ff, "ICS sets what there is, and shows it");
	is_hex(rd(ICR), 0x1f7ff, "without clearing it");
	is_hex(rd(ICR), 0, "reading clears");
	wr(ICS, 0x85);
	ok(!is_irq(), "masked");
	wr(IMS, 0x80);
	ok(is_irq(), "unmasked");
	is_hex(rd(IMS), 0x80, "mask reads back");
	wr(IMS, 0x04);
	is_hex(rd(IMS), 0x84, "IMS sets");
	wr(IMC, 0x80);
	is_hex(rd(IMS), 0x04, "IMC clears");
	ok(is_irq(), "another cause keeps the line");
	wr(ICR, 0x04);
	ok(!is_irq(), "writing 1 clears a cause");
	is_hex(rd(ICR), 0x81, "the others stay");
	is_hex(mmio_read(&rig, BAR0 + ICR, 1), 0, "0 after that");
	rig_said_clear(&rig);
	wr(ICS, 4);
	wr(ICS, 4);
	wr(ICS, 1);
	is_hex(irqs(), 1, "a level that holds is not told again");
	cfg_write(&rig, DEVFN, 0x04, 2, 0x0407);
	ok(!is_irq(), "INTx disable");
	cfg_write(&rig, DEVFN, 0x04, 2, 0x0007);
	ok(is_irq(), "and enable");
	wr(CTRL, 0x04140240);
	ok(!is_irq(), "a reset lowers it");
}

static void test_batch(void)
{
	fresh();
	wr(IMS, RXT0);
	for (unsigned int i = 0; i < 5; i++)
		net.nic.receive(net.nic.dev, f, sizeof(f), false);
	rig_settle(&rig);
	is_hex(irqs(), 0, "frames, and the turn is not over");
	net.nic.received(net.nic.dev);
	rig_settle(&rig);
	is_hex(irqs(), 1, "one interrupt for five frames");
	is_hex(rd(ICR), RXT0, "RXT0");
	is_hex(irqs(), 1, "lowered");
	net.nic.received(net.nic.dev);
	rig_settle(&rig);
	is_hex(rd(ICR) | irqs(), 0, "nothing came: nothing");
	/* 15 free at first, half of 16 is the threshold. */
	net.nic.receive(net.nic.dev, f, sizeof(f), false);
	nicrig_give(&net, f, sizeof(f), false);
	is_hex(rd(ICR), RXT0 | RXDMT0, "half of the buffers are used");
	nicrig_give(&net, f, sizeof(f), false);
	is_hex(rd(ICR), RXT0, "told once");
	wr(RSRPD, 204);
	nicrig_give(&net, f, sizeof(f), false);
	is_hex(rd(ICR), RXT0 | 0x10000, "a small packet");
	wr(RSRPD, 203);
	nicrig_give(&net, f, sizeof(f), false);
	is_hex(rd(ICR), RXT0, "one that is not");
}

static void test_rx_delay(void)
{
	fresh();
	wr(IMS, RXT0);
	wr(RDTR, 100);				/* 102.4 us */
	wr(RADV, 150);				/* 153.6 us */
	give(f, sizeof(f));
	ok(!is_irq(), "RDTR: not at once");
	is_hex(rd(ICR), 0, "nor the cause");
	rig_advance(&rig, 100 * NS_PER_US);
	ok(!is_irq(), "after 100 us: not yet");
	rig_advance(&rig, 3 * NS_PER_US);
	ok(is_irq(), "after 103 us");
	(void)rd(ICR);
	ok(!is_timed(), "then nothing ticks");
	give(f, sizeof(f));
	rig_advance(&rig, 80 * NS_PER_US);
	give(f, sizeof(f));
	rig_advance(&rig, 70 * NS_PER_US);
	ok(!is_irq(), "each frame starts RDTR anew");
	rig_advance(&rig, 4 * NS_PER_US);
	ok(is_irq(), "but RADV ends it");
	(void)rd(ICR);
	wr(RADV, 0);
	give(f, sizeof(f));
	wr(RDTR, 0x80000000 | 100);
	ok(is_irq(), "FPD: now");
	is_hex(rd(RDTR), 100, "FPD is not kept");
	(void)rd(ICR);
	wr(RDTR, 0x80000000);
	ok(!is_irq(), "FPD with nothing delayed");
	give(f, sizeof(f));
	ok(is_irq(), "RDTR 0: at once");
}

static void test_tx_delay(void)
{
	fresh();
	wr(IMS, TXDW);
	wr(TIDV, 50);
	wr(TADV, 70);
	send_one(TXD_IDE);
	is_hex(rd(ICR) & TXDW, 0, "IDE: not at once");
	ok(tx_desc(0)[12] & 1, "but done");
	rig_advance(&rig, 40 * NS_PER_US);
	send_one(TXD_IDE);
	rig_advance(&rig, 30 * NS_PER_US);
	ok(!is_irq(), "TIDV starts anew");
	rig_advance(&rig, 2 * NS_PER_US);
	ok(is_irq(), "TADV ends it");
	(void)rd(ICR);
	send_one(TXD_IDE);
	send_one(0);
	ok(is_irq(), "one without IDE: at once");
	(void)rd(ICR);
	rig_advance(&rig, NS_PER_S);
	is_hex(rd(ICR), 0, "and not again for the other");
	send_one(TXD_IDE);
	wr(TIDV, 0x80000000 | 50);
	ok(is_irq(), "FPD");
	(void)rd(ICR);
	wr(TIDV, 0);
	send_one(TXD_IDE);
	ok(is_irq(), "TIDV 0: at once");
}

/* An interrupt takes with it what another would be for. */
static void test_joined(void)
{
	fresh();
	wr(IMS, TXDW | RXT0);
	wr(TIDV, 8);
	wr(TADV, 32);
	send_one(TXD_IDE);
	ok(!is_irq(), "a frame was sent: delayed");
	give(f, sizeof(f));
	ok(is_irq(), "one comes: at once");
	is_hex(rd(ICR) & (TXDW | RXT0), TXDW | RXT0, "and says both");
	rig_said_clear(&rig);
	rig_advance(&rig, NS_PER_S);
	ok(irqs() == 0 && rd(ICR) == 0, "the delay is over");
	give(f, sizeof(f));
	send_one(TXD_IDE);
	is_hex(rd(ICR) & (TXDW | RXT0), TXDW | RXT0,
	       "called already, not yet there: both");
	rig_said_clear(&rig);
	rig_advance(&rig, NS_PER_S);
	is_hex(irqs(), 0, "once");
	wr(ITR, 1000);				/* 256 us */
	give(f, sizeof(f));
	(void)rd(ICR);
	give(f, sizeof(f));
	send_one(TXD_IDE);
	rig_advance(&rig, 300 * NS_PER_US);
	is_hex(rd(ICR) & (TXDW | RXT0), TXDW | RXT0, "held back by ITR: both");
	rig_said_clear(&rig);
	rig_advance(&rig, NS_PER_S);
	is_hex(irqs(), 0, "once");
}

/* A delayed cause waits for the end of the turn first. */
static void test_turn(void)
{
	fresh();
	rig.hold_turns = true;
	while (rig_turn(&rig))
		;
	wr(IMS, TXDW | RXT0);
	wr(TIDV, 50);
	send_one(TXD_IDE);
	ok(!is_irq() && !is_timed(), "sent: nothing yet");
	give(f, sizeof(f));
	ok(is_irq() && rd(ICR) == (TXDW | 2 | RXT0), "the wire answers: both");
	while (rig_turn(&rig))
		;
	ok(!is_timed() && rd(ICR) == 0, "and no timer was needed");
	send_one(TXD_IDE);
	rig_turn(&rig);
	ok(!is_irq() && is_timed(), "no answer: TIDV");
	rig_advance(&rig, 60 * NS_PER_US);
	ok(is_irq() && rd(ICR) & TXDW, "ends");
	send_one(TXD_IDE);
	rig.now_ns += 60 * NS_PER_US;
	ok(rig_turn(&rig) && is_irq(), "a turn longer than TIDV: at its end");
	(void)rd(ICR);
	send_one(TXD_IDE);
	rig_successor(&rig);
	nicrig_init(&net, mac);
	build(NULL, 0);
	plug();
	while (rig_turn(&rig))
		;
	ok(is_irq() && rd(ICR) & TXDW, "a successor does not forget it");
}

/* The wire replies to a frame after @ns. */
static void reply_after(int64_t ns)
{
	send_one(TXD_IDE);
	rig_advance(&rig, ns);
	give(f, sizeof(f));
	(void)rd(ICR);
	rig_said_clear(&rig);
}

/* Of the next frame, no later than TIDV of 8 says. */
static bool is_told_by_tidv(void)
{
	send_one(TXD_IDE);
	rig_advance(&rig, 9 * NS_PER_US);
	return is_irq() && rd(ICR) & TXDW;
}

/* One small frame: told with what the wire says to it. */
static void test_reply(void)
{
	static const uint8_t stranger[6] = { 2, 0x11, 0x22, 0x33, 0x44, 0x55 };

	fresh();
	wr(IMS, TXDW | RXT0);
	wr(TIDV, 8);
	wr(TADV, 32);
	ok(is_told_by_tidv(), "nobody ever replied: TIDV");
	reply_after(200 * NS_PER_US);
	send_one(TXD_IDE);
	rig_advance(&rig, 800 * NS_PER_US - 1);
	ok(!is_irq(), "a reply took 200 us: TIDV is over, nothing yet");
	rig_advance(&rig, 1);
	ok(is_irq() && rd(ICR) & TXDW, "after four times as long");
	ok(is_told_by_tidv(), "no reply came: TIDV for the next");
	reply_after(200 * NS_PER_US);
	send_one(TXD_IDE);
	rig_advance(&rig, 300 * NS_PER_US);
	give(f, sizeof(f));
	ok(is_irq(), "a reply is told at once");
	is_hex(rd(ICR) & (TXDW | RXT0), TXDW | RXT0, "and with it the other");
	rig_said_clear(&rig);
	rig_advance(&rig, NS_PER_S);
	is_hex(irqs(), 0, "once");
	send_one(TXD_IDE);
	ok(!is_irq(), "the next");
	rig_advance(&rig, 40 * NS_PER_US);
	send_one(TXD_IDE);
	ok(is_irq() && rd(ICR) & TXDW, "one more, and TADV was over: at once");
	reply_after(200 * NS_PER_US);
	send_one(0);
	ok(is_irq() && rd(ICR) & TXDW, "without IDE: at once");
	reply_after(NIC_REPLY_MAX_NS + 1);
	ok(is_told_by_tidv(), "a slow wire: TIDV");
	reply_after(200 * NS_PER_US);
	send_one(TXD_IDE);
	rig_advance(&rig, 300 * NS_PER_US);
	make_frame(f, sizeof(f), stranger);
	wr(RCTL, RCTL_ON & ~0x18u);	/* not promiscuous */
	give(f, sizeof(f));
	make_frame(f, sizeof(f), NULL);
	ok(!is_irq(), "a frame for somebody else");
	rig_advance(&rig, NS_PER_MS);
	(void)rd(ICR);
	ok(is_told_by_tidv(), "is no reply: TIDV for the next");
	reply_after(200 * NS_PER_US);
	wr(TIDV, 0);
	send_one(TXD_IDE);
	ok(is_irq(), "TIDV 0: at once");
}

/* How often a driver that answers at once is interrupted in @us. */
static unsigned int count_irqs(unsigned int us)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < us; i++) {
		rig_advance(&rig, NS_PER_US);
		give(f, sizeof(f));
		wr(RDT, (rd(RDH) + 15) % 16);
		if (is_irq()) {
			n++;
			(void)rd(ICR);
		}
	}
	return n;
}

static void test_throttling(void)
{
	unsigned int n;

	fresh();
	wr(IMS, RXT0);
	is_hex(count_irqs(1000), 1000, "a frame, an interrupt");
	wr(ITR, 195);				/* 49.92 us: 20000 a second */
	n = count_irqs(10000);
	ok(n >= 195 && n <= 201, "ITR: %u in 10 ms", n);
	rig_advance(&rig, NS_PER_S);
	(void)rd(ICR);
	rig_advance(&rig, NS_PER_S);
	ok(!is_timed(), "idle: nothing ticks");
	give(f, sizeof(f));
	ok(is_irq(), "after a pause: at once");
	(void)rd(ICR);
	give(f, sizeof(f));
	ok(!is_irq(), "too soon");
	wr(IMC, RXT0);
	rig_advance(&rig, NS_PER_S);
	ok(!is_irq(), "masked while it waited");
	wr(IMS, RXT0);
	ok(is_irq(), "unmasked later: at once");
}

/* Where ITR holds interrupts back anyway, a delay has no end of its own. */
static void test_delay_and_throttling(void)
{
	fresh();
	wr(IMS, TXDW);
	wr(ITR, 1000);				/* 256 us */
	wr(TIDV, 8);
	send_one(TXD_IDE);
	rig_advance(&rig, 9 * NS_PER_US);
	is_hex(rd(ICR), 0x03, "the first: after TIDV");
	send_one(TXD_IDE);
	(void)rd(ICR);
	rig_advance(&rig, 200 * NS_PER_US);
	ok(!is_irq() && rd(ICR) == 0, "the next: not before ITR's time");
	rig_advance(&rig, 60 * NS_PER_US);
	ok(is_irq(), "then");
	is_hex(rd(ICR), 0x01, "with its cause");
}

static void test_unplug(void)
{
	fresh();
	wr(IMS, 0xffff);
	wr(ICS, 4);
	wr(RDTR, 100);
	give(f, sizeof(f));
	wr(MDIC, 0x04201340);
	ok(is_irq() && is_timed(), "busy, and negotiating");
	rig_unplug(&rig, UNPLUG_IDE_DISKS | UNPLUG_AUX_IDE_DISKS);
	ok(!net.closed, "disks are not us");
	rig_unplug(&rig, UNPLUG_NICS);
	ok(net.closed && !rig.waits, "unplugged: the host is let go");
	ok(!is_irq(), "the line is low");
	is_hex(rig_said(&rig, ANS_UNMAP), 3, "all windows are gone");
	is_hex(rig_win(&rig, CHAN_MMIO, BAR0, 4), IO_NO_WIN, "memory");
	is_hex(rig_win(&rig, CHAN_PIO, BAR1, 4), IO_NO_WIN, "ports");
	is_hex(cfg_read(&rig, DEVFN, 0, 4), ~0u, "configuration space");
	ok(give(f, sizeof(f)), "late frames are dropped");
	nicrig_drain(&net);
	nicrig_link(&net, false);
	rig_advance(&rig, NS_PER_S);
	ok(!is_irq() && !is_timed(), "and nothing happens");
	net.closed = false;
	rig_unplug(&rig, UNPLUG_NICS);
	ok(!net.closed, "again: nothing");
}

/* A successor's registers are those that were committed. */
static void test_successor(void)
{
	static struct rig_kept kept;
	struct e1000_regs *r;

	fresh();
	wr(ITR, 77);
	wr(IMS, RXT0);
	wr(RDTR, 100);
	give(f, sizeof(f));
	net.full = true;
	memcpy(rig.ram + TX_DATA, f, sizeof(f));
	send_one(0);
	r = (void *)(rig.state->half[rig.state->flip & 1].regs +
		     rig.bus.dev[card.id].regs_at);
	ok(r->itr == 77 && r->tdh == 1 && r->tx.held, "committed");
	rig_keep(&rig, &kept);
	r->gone = 1;
	rig_successor(&rig);
	nicrig_init(&net, mac);
	build(NULL, 0);
	ok(net.closed, "a successor lets go what is unplugged");
	rig_lose(&rig, &kept);
	rig_successor(&rig);
	nicrig_init(&net, mac);
	build(NULL, 0);
	plug();
	ok(net.sent_count == 1 && net.sent[0].len_bytes == 64 &&
	   !memcmp(net.sent[0].bytes, f, 64), "and sends what was held");
	rig_advance(&rig, 100 * NS_PER_US);
	ok(is_timed() && !is_irq(), "the delayed cause is not forgotten");
	rig_advance(&rig, 3 * NS_PER_US);
	ok(is_irq() && rd(ICR) & RXT0, "it comes when it is due");
}

static struct e1000_regs *left(void)
{
	return (void *)(rig.state->half[rig.state->flip & 1].regs +
			rig.bus.dev[card.id].regs_at);
}

/* As the supervisor leaves what was committed, by a clock that was another. */
static void fill_from_file(int64_t shift_ns)
{
	uint32_t flip = rig.state->flip;

	rig.state->half[STATE_FLIP_FILLED & 1] = rig.state->half[flip & 1];
	rig.state->flip = STATE_FLIP_FILLED;
	rig.state->shift_ns = shift_ns;
}

static void succeed(bool link)
{
	rig_successor(&rig);
	nicrig_init(&net, mac);
	net.nic.link_up = link;
	build(NULL, 0);
}

static bool has_link(void)
{
	return rd(0x0008) & 2;
}

/* A successor's wire need not be as its predecessor's. */
static void test_links(void)
{
	fresh();
	wr(IMS, 0x04);
	succeed(true);
	rig_advance(&rig, NS_PER_S);
	ok(has_link() && !is_irq() && rd(ICR) == 0, "link as before: nothing to say");
	succeed(false);
	ok(!has_link() && is_irq() && rd(ICR) == 0x04, "no wire: LSC");
	rig_advance(&rig, NS_PER_S);
	ok(!has_link() && !is_irq() && !is_timed(), "it stays so");
	succeed(true);
	ok(!has_link() && is_timed(), "a wire: they negotiate");
	rig_advance(&rig, 300 * NS_PER_MS);
	succeed(true);
	rig_advance(&rig, 190 * NS_PER_MS);
	ok(!has_link(), "another successor: not anew");
	rig_advance(&rig, 20 * NS_PER_MS);
	ok(has_link() && is_irq() && rd(ICR) == 0x04, "LSC when they are through");
}

/* A clock that was another one. */
static void test_times(void)
{
	fresh();
	wr(IMS, RXT0);
	wr(RDTR, 100);
	give(f, sizeof(f));
	left()->due_ns[E1000_DUE_RX] = rig.now_ns + NS_PER_S * 3600;
	succeed(true);
	rig_advance(&rig, 1);
	ok(is_irq() && rd(ICR) == RXT0, "a delay of an hour is over");
	wr(RDTR, 0);
	wr(ITR, 100);
	give(f, sizeof(f));
	left()->next_irq_ns = INT64_MAX - 1;
	succeed(true);
	(void)rd(ICR);
	give(f, sizeof(f));
	rig_advance(&rig, NS_PER_MS);
	ok(is_irq(), "so is ITR's");
	wr(MDIC, 0x04201340);		/* negotiate anew */
	fill_from_file(-NS_PER_S);
	succeed(true);
	rig_advance(&rig, 1);
	ok(has_link(), "times move with the clock");
	rig.state->shift_ns = 0;
}

/* What is wrong in one place makes a driver set up all. */
static void test_refused(void)
{
	uint8_t *tables;

	fresh();
	wr(IMS, RXT0);
	give(f, sizeof(f));
	ok(is_irq(), "an interrupt is up");
	left()->tx.held = 1;
	succeed(true);
	ok(!is_irq() && rd(IMS) == 0 && rd(RCTL) == 0 && has_link(),
	   "a held frame that is none: reset, the line is low");
	plug();
	ok(is_alive(), "and a driver finds a card");
	wr(RCTL, RCTL_ON);
	tables = rig.state->half[rig.state->flip & 1].regs +
		rig.bus.dev[card.tables_id].regs_at;
	tables[offsetof(struct e1000_tables, eeprom.phase)] = 7;
	succeed(true);
	ok(rd(RCTL) == 0 && rd(RAH) == 0x80005634, "tables, too");
	fresh();
	rig_unplug(&rig, UNPLUG_NICS);
	rig_said_clear(&rig);
	tables = rig.state->half[rig.state->flip & 1].regs +
		rig.bus.dev[card.tables_id].regs_at;
	tables[offsetof(struct e1000_tables, eeprom.phase)] = 7;
	succeed(true);
	ok(net.closed && cfg_read(&rig, DEVFN, 0, 4) == ~0u &&
	   rig_win(&rig, CHAN_MMIO, BAR0, 4) == IO_NO_WIN,
	   "an unplugged card stays unplugged");
}

int main(void)
{
	test_causes();
	test_batch();
	test_rx_delay();
	test_tx_delay();
	test_joined();
	test_turn();
	test_reply();
	test_throttling();
	test_delay_and_throttling();
	test_unplug();
	test_successor();
	test_links();
	test_times();
	test_refused();
	rig_free(&rig);
	nicrig_clear(&net);
	return tap_done();
}
