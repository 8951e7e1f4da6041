/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/model/test_e1000_random.c - a guest that writes nonsense to its card
 *
 * A million accesses of every width to registers and ports, between doorbells
 * of rings whose descriptors nearly make sense, frames of every length, a host
 * that is full, links that go, resets and unplugs.  After each: the line
 * follows causes and mask, shadow words tell what the card would, what the host
 * is given keeps its contract, nothing is written behind the transmit buffer.
 * Now and then the card is reset and has to move a real frame, or dies, and a
 * successor finds state that nobody committed; in the end each byte of it is
 * wrong once.  The seed is printed and can be given as first argument.
 */
#include "base/log.h"
#include "tests/model/e1000_guest.h"
#include "tests/model/nic_random.h"

#define ACCESSES	1000000u
#define RANDOM_RAM	(2u << 20)
#define GUARD_BYTES	4096u
#define STEPS		64u		/* after each hostile byte */

static unsigned int alive, unplugs, frames_in, frames_out, large, doorbells;
static uint8_t *guard;
static uint8_t frame[NIC_FRAME_MAX];

static void add_devices(void)
{
	nicrig_init(&net, mac);
	memset(&card, 0, sizeof(card));
	e1000_init(&card, &rig.bus, DEVFN, &net.nic, NULL, 0);
	guard = bus_add_buf(&rig.bus, GUARD_BYTES);
	memset(guard, 0xc7, GUARD_BYTES);
}

static void new_machine(void)
{
	rig_init(&rig, RANDOM_RAM);
	add_devices();
	rig_close(&rig);
	plug();
	for (uint32_t i = 0; i < RANDOM_RAM; i += 4)
		le32_put(rig.ram + i, rnd());
}

/* ---- what must always hold ---- */

static void check_line(void)
{
	bool want = (card.r.icr & card.r.ims) && !card.r.gone &&
		!(pci_get32(&card.func, PCI_COMMAND) & 0x400);

	if (is_irq() && !want)
		wrong_at("interrupt without a cause");
	if (!is_irq() && want && card.r.due_ns[E1000_DUE_IRQ] == INT64_MAX)
		wrong_at("cause without an interrupt");
}

static void check_shadow(uint32_t reg, uint32_t want, bool must)
{
	uint32_t v;

	if (!rig_shadow(&rig, CHAN_MMIO, BAR0 + reg, 4, &v)) {
		if (must && rig_win(&rig, CHAN_MMIO, BAR0, 4) != IO_NO_WIN)
			wrong_at("shadow word not valid");
	} else if (v != want || (reg == ICR && card.r.icr)) {
		wrong_at("shadow word");
	}
}

static void check_sent(const struct nicrig_frame *s)
{
	const struct nic_todo *t = &s->todo;

	if (s->len_bytes < NIC_HEADER_BYTES || s->len_bytes > NIC_SEND_MAX)
		wrong_at("length sent");
	if (!t->gso && s->len_bytes > NIC_FRAME_MAX + 4)
		wrong_at("long frame that is not to be cut");
	if (t->gso && (!t->csum || !t->gso_bytes ||
		       t->header_bytes >= s->len_bytes))
		wrong_at("large send");
	if (t->csum && (size_t)t->csum_start + t->csum_offset + 2 > s->len_bytes)
		wrong_at("checksum behind the frame");
	large += t->gso != NIC_GSO_NONE;
}

static void check(void)
{
	check_line();
	check_shadow(STATUS, card.r.status, true);
	check_shadow(CTRL, card.r.ctrl, true);
	check_shadow(EERD, card.r.eerd, true);
	check_shadow(MDIC, card.r.mdic, true);
	check_shadow(ICR, 0, !card.r.icr);
	for (unsigned int i = 0; i < net.sent_count && i < NICRIG_SENT; i++)
		check_sent(&net.sent[i]);
	frames_out += net.sent_count;
	if (net.sent_count)
		nicrig_clear(&net);
	if (guard[0] != 0xc7 || guard[GUARD_BYTES - 1] != 0xc7)
		wrong_at("written behind the transmit buffer");
}

/* ---- what the guest does ---- */

static void random_access(void)
{
	static const uint32_t regs[] = { CTRL, STATUS, EECD, EERD, MDIC, ICR, ITR,
		ICS, IMS, IMC, RCTL, TCTL, RDBAL, RDLEN, RDH, RDT, RDTR, RADV,
		TDBAL, TDLEN, TDH, TDT, TIDV, TADV, RXCSUM, RAL, MTA, VFTA,
		GPRC, VET, RAH };
	unsigned int size = 1u << rnd() % 3;
	uint32_t v = rnd() >> rnd() % 32;
	uint32_t off = rnd() % 4 ? regs[rnd() % 31] : rnd() % 0x20000;

	if (rnd() % 4 == 0)
		off += rnd() % 4;
	/* Rings of 65,528 descriptors are for a quieter hour. */
	if ((off & ~3u) == TDLEN || (off & ~3u) == RDLEN)
		v &= 0x780u;
	if ((off & ~3u) == CTRL && rnd() % 16)
		v &= ~0x84000000u;
	if (rnd() % 8 == 0) {
		out32(&rig, BAR1, rnd() % 4 ? off : rnd());
		rig_access(&rig, CHAN_PIO, BAR1 + rnd() % 64, size, 1,
			   (rnd() & 1) * IO_WRITE, v & ~0x84000000u, NULL);
	} else {
		rig_access(&rig, CHAN_MMIO, BAR0 + off, size, 1,
			   (rnd() & 1) * IO_WRITE, v, NULL);
	}
}

static uint64_t random_addr(void)
{
	switch (rnd() % 16) {
	case 0:
		return 0;
	case 1:
		return BAR0 + rnd() % 0x20000;
	case 2:
		return RANDOM_RAM - rnd() % 4096;
	case 3:
		return UINT64_MAX - rnd() % 4096;
	default:
		return rnd() % RANDOM_RAM;
	}
}

/* A large send, as a driver has it; now and then with one thing wrong. */
static void put_large(uint8_t *p)
{
	le32_put(p, 14 | 24u << 8 | 33u << 16);
	le32_put(p + 4, 34 | 50u << 8);
	le32_put(p + 8, (rnd() & 0xfffff) | TXD_DEXT | TXD_TSE | 0x03000000u);
	le32_put(p + 12, 54u << 8 | (rnd() % 3000) << 16);
	le64_put(p + 16, rnd() % (RANDOM_RAM / 2));
	le32_put(p + 24, rnd() % 0x11000 | TXD_DATA | TXD_TSE | TXD_EOP | TXD_RS |
		 (rnd() & TXD_VLE));
	le32_put(p + 28, 0x300);
	if (rnd() % 4 == 0)
		p[rnd() % 32] ^= (uint8_t)(1u << rnd() % 8);
}

/* Descriptors that a driver could have written, but for some bits. */
static void random_tx(void)
{
	uint32_t base = rnd() % 64 * 4096, count = 8u << rnd() % 4;
	uint32_t n = 1 + rnd() % count;

	for (uint32_t i = 0; i < n && i < 16; i++) {
		uint8_t *p = rig.ram + base + i * 16;
		uint32_t len = rnd() % 16 ? rnd() % 1600 : rnd() % 0x11000;
		uint32_t cmd = (rnd() & 0xed000000u) | TXD_DEXT |
			(rnd() % 4 ? 0x00100000u : 0);

		if (rnd() % 4 == 0)
			cmd &= ~TXD_DEXT;
		le64_put(p, random_addr());
		le32_put(p + 8, cmd | len);
		le32_put(p + 12, rnd() % 8 ? rnd() & 0x3f00u : rnd());
		if ((cmd & TXD_DEXT) && !(cmd & 0x00100000u)) {
			p[0] = 14;
			p[4] = rnd() % 4 ? 34 : (uint8_t)rnd();
			p[5] = rnd() % 4 ? 50 : (uint8_t)rnd();
			p[13] = rnd() % 4 ? 54 : (uint8_t)rnd();
		}
	}
	if (rnd() % 4 == 0) {
		put_large(rig.ram + base);
		n = n < 2 ? 2 : n;
	}
	wr(TDBAL, base);
	wr(TDBAH, 0);
	wr(TDLEN, count * 16);
	wr(TDH, rnd() % 32 ? 0 : rnd());
	wr(TCTL, 0xa);
	wr(TDT, rnd() % 32 ? n % count : rnd());
	doorbells++;
}

static void random_rx(void)
{
	uint32_t base = rnd() % 64 * 4096, count = 8u << rnd() % 4;

	for (uint32_t i = 0; i < count; i++)
		le64_put(rig.ram + base + i * 16, random_addr());
	wr(RDBAL, base);
	wr(RDBAH, 0);
	wr(RDLEN, count * 16);
	wr(RDH, rnd() % 32 ? rnd() % count : rnd());
	wr(RCTL, (rnd() & 0x06cf33ecu) | (rnd() % 8 ? 0x801a : 0));
	wr(RDT, rnd() % 32 ? rnd() % count : rnd());
}

/* ---- what the host does ---- */

static void random_frame(void)
{
	uint32_t len = rnd() % 4 ? rnd() % 1600 : rnd() % (NIC_FRAME_MAX + 1);

	for (uint32_t i = 0; i < 64; i += 4)
		le32_put(frame + i, rnd());
	if (rnd() % 2)
		memcpy(frame, mac, 6);
	if (rnd() % 2)
		be_put(frame + 12, (uint16_t)card.r.vet);
	if (rnd() % 2)
		be_put(frame + (rnd() & 1 ? 12 : 16), rnd() & 1 ? 0x0800 : 0x86dd);
	nicrig_give(&net, frame, len, rnd() & 1);
	frames_in++;
}

static void random_event(void)
{
	unsigned int what = rnd() % 256;

	if (what < 16) {
		random_tx();
	} else if (what < 24) {
		random_rx();
	} else if (what < 64) {
		random_frame();
	} else if (what < 80) {
		rig_advance(&rig, rnd() % (rnd() & 1 ? 100000 : 1000000000));
	} else if (what < 84) {
		net.full = !net.full;
		if (!net.full)
			nicrig_drain(&net);
	} else if (what == 84) {
		nicrig_link(&net, rnd() % 4);
	} else if (what < 88) {
		cfg_write(&rig, DEVFN, 0x04, 2, rnd() % 4 ? 0x0007 : rnd());
	} else if (what == 88) {
		cfg_write(&rig, DEVFN, rnd() % 256 & ~3u, 4, rnd());
		cfg_write(&rig, DEVFN, 0x10, 4, BAR0);
		cfg_write(&rig, DEVFN, 0x14, 4, BAR1);
		cfg_write(&rig, DEVFN, 0x04, 2, 0x0007);
	}
	rig_settle(&rig);
}

static void succeed(void)
{
	check();
	rig_successor(&rig);
	add_devices();
	rig_close(&rig);
	resets += rig.bus.dev_was_reset;
	states++;
	check();
	if (card.r.gone)
		new_machine();
	else if (rnd() % 2)
		plug();
}

static void random_step(unsigned int k)
{
	(void)k;
	random_access();
	if (rnd() % 8 == 0)
		random_event();
	check();
}

static void look_alive(void)
{
	net.nic.link_up = true;
	net.nic.link_changed(net.nic.dev);
	plug();
	wr(MDIC, 0x04209140);		/* PHY reset */
	wr(EECD, 0);
	wr(ICS, 0);
	if (is_alive())
		alive++;
	else
		wrong_at("does not move a frame after a reset");
	if (rnd() % 16 == 0) {
		rig_unplug(&rig, UNPLUG_NICS);
		unplugs++;
		random_event();
		if (rig_win(&rig, CHAN_MMIO, BAR0, 4) != IO_NO_WIN)
			wrong_at("there after unplug");
		check();
		new_machine();
	}
}

int main(int argc, char **argv)
{
	log_init(-1, "random", LOG_L_ERR);
	state = argc > 1 ? strtoull(argv[1], NULL, 0) : UINT64_C(0x243f6a8885a308d3);
	printf("# seed 0x%" PRIx64 "\n", state);
	new_machine();
	for (unsigned int i = 1; i <= ACCESSES; i++) {
		random_access();
		if (rnd() % 16 == 0)
			random_event();
		if (rnd() % 1000 == 0)
			random_state();
		check();
		if (i % 5000 == 0)
			look_alive();
	}
	every_state(STEPS);
	printf("# in %u, out %u, large %u, doorbells %u, unplugs %u, states %u\n", frames_in,
	       frames_out, large, doorbells, unplugs, states);
	is_hex(wrong, 0, "a million accesses");
	is_hex(alive, ACCESSES / 5000, "after each reset it moved a frame");
	ok(states > 500 && resets > 50 && resets < states - 50,
	   "%u hostile states, %u of them refused", states, resets);
	ok(frames_out > 1000 && large > 50 && frames_in > 1000 && unplugs > 2,
	   "and it was not idle");
	rig_free(&rig);
	nicrig_clear(&net);
	return tap_done();
}
