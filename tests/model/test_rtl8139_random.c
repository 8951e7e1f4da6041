/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/model/test_rtl8139_random.c - a guest that writes nonsense to its
 *                                     network card
 *
 * A million accesses of every width, to every register in both windows,
 * between rings of descriptors that nearly make sense, frames from the host, a
 * host without room, time, link changes, unplugs.  After each: shadow words
 * tell what the card would, the line follows ISR and IMR, what the host is
 * told fits the frame, nothing is held without a look at it later.  Now and
 * then the card is reset and has to move a real frame both ways, or dies, and a
 * successor finds state that nobody committed; in the end each byte of it is
 * wrong once, and another million accesses follow.  The seed is printed and can
 * be given as first argument.
 */
#include "base/clock.h"
#include "base/log.h"
#include "tests/model/rtl8139_guest.h"
#include "tests/model/nic_random.h"

#define ACCESSES	1000000u
#define TOK		0x0004u
#define TOK_MAX_NS	(20 * NS_PER_MS)
#define STEPS		200u		/* after each hostile byte */

static unsigned int moved, frames_out, frames_in, unplugs, looped, asked;

/* ---- the guest ---- */

static void new_machine(void)
{
	machine();
	for (uint32_t i = 0; i < RAM; i += 4)
		le32_put(rig.ram + i, rnd());
}

static uint64_t random_address(void)
{
	switch (rnd() % 16) {
	case 0:
		return (uint64_t)rnd() << 32 | rnd();
	case 1:
		return MMIO + rnd() % 256;
	case 2:
		return RAM - rnd() % 300;
	case 3:
		return UINT64_MAX - rnd() % 2000;
	case 4:
		return TX_RING + rnd() % 2048;
	default:
		return rnd() % RAM;
	}
}

/* A packet that is nearly right. */
static uint64_t nearly_ip(uint32_t len_bytes)
{
	uint32_t at = TX_BUF(rnd() % 16);
	uint8_t *p = rig.ram + at;

	len_bytes -= rnd() % 8 ? 14 : rnd() % 100;
	memcpy(p + 12, "\x08\x00\x45\x00", 4);
	p[16] = (uint8_t)(len_bytes >> 8);
	p[17] = (uint8_t)len_bytes;
	p[20] = p[21] = 0;
	p[23] = rnd() % 2 ? 6 : 17;
	p[46] = (uint8_t)rnd();
	if (rnd() % 4 == 0)
		p[14 + rnd() % 34] = (uint8_t)rnd();
	return at;
}

static void random_descs(void)
{
	uint32_t ring = rnd() & 1 ? TX_RING : RX_RING;
	unsigned int from = rnd() % 64, count = 1 + rnd() % 12;

	for (unsigned int i = 0; i < count; i++) {
		uint32_t dw0 = rnd() & 0x0fffffff;

		dw0 |= rnd() % 8 ? OWN : 0;
		dw0 |= rnd() % 16 ? 0 : EOR;
		dw0 |= rnd() % 4 ? FS | LS : rnd() & (FS | LS);
		if (rnd() % 4)
			dw0 &= 0xffff0fff;
		put_desc(ring, (from + i) % 64, dw0, rnd(), rnd() % 2 ?
			 random_address() : nearly_ip(dw0 & 0xffff));
	}
	if (ring == TX_RING && rnd() % 2) {
		card.r.tx_at = (uint8_t)from;
		put(0xd9, 1, 0x40);
	}
}

/* Mostly what a driver would do next. */
static void random_setup(void)
{
	static const uint16_t cpcr[] = { 0x0b, 0x2b, 0x6b, 0x00, 0x02, 0x01 };

	if (rnd() % 4 == 0)
		put(0x37, 1, 0x10);
	put(0xe0, 2, cpcr[rnd() % 6]);
	put(0x20, 4, rnd() % 8 ? TX_RING : rnd());
	put(0x24, 4, rnd() % 8 ? 0 : rnd());
	put(0xe4, 4, rnd() % 8 ? RX_RING : rnd());
	put(0xe8, 4, rnd() % 8 ? 0 : rnd());
	put(0x30, 4, (uint32_t)random_address());
	put(0x37, 1, rnd() % 8 ? 0x0c : rnd());
	put(0x44, 4, (rnd() & 0x1880) | 0x0f);
	put(0x40, 4, rnd() % 8 ? 0x03000600 : 0x03060600);
	put(0x3c, 2, rnd());
	if (rnd() % 2)
		cfg_write(&rig, DEVFN, 0x04, 2, rnd() % 8 ? 0x0007 : rnd());
}

static void random_access(void)
{
	unsigned int size = 1u << rnd() % 3;
	uint32_t off = rnd() % (257 - size), v = rnd();
	bool port = rnd() & 1;
	static uint8_t items[64];

	if (rnd() % 2)
		off = rnd() % (0x6c - size);
	if (rnd() % 32 == 0)
		rig_access(&rig, port ? CHAN_PIO : CHAN_MMIO,
			   port ? PORT + off % 192 : MMIO + off % 192, size,
			   1 + rnd() % (64 / size), (rnd() & 1) * IO_WRITE, v,
			   items);
	else
		rig_access(&rig, port ? CHAN_PIO : CHAN_MMIO,
			   port ? PORT + off : MMIO + off, size, 1,
			   (rnd() & 1) * IO_WRITE, v, NULL);
}

/* ---- the host ---- */

static void random_frame(void)
{
	static uint8_t f[NIC_FRAME_MAX];
	size_t len = rnd() % 8 ? 14 + rnd() % 1600 : 14 + rnd() % (16384 - 13);

	for (unsigned int i = 0; i < 60 && i < len; i++)
		f[i] = (uint8_t)rnd();
	switch (rnd() % 4) {
	case 0:
		memcpy(f, everyone, 6);
		break;
	case 1:
		memcpy(f, card.r.idr, 6);
		break;
	default:
		break;
	}
	if (rnd() % 2)
		memcpy(f + 12, rnd() % 2 ? "\x08\x00\x45" : "\x81\x00\x00", 3);
	frames_in += give(f, len);
}

static void random_event(void)
{
	switch (rnd() % 64) {
	case 0:
		if (rnd() % 8 == 0) {
			rig_unplug(&rig, rnd() % 8);
			unplugs += card.r.gone;
		}
		break;
	case 1:
		nicrig_link(&host, rnd() % 4);
		rig_settle(&rig);
		break;
	case 2:
	case 3:
		host.full = rnd() % 2;
		if (!host.full) {
			nicrig_drain(&host);
			rig_settle(&rig);
		}
		break;
	case 4:
	case 5:
	case 6:
		rig_advance(&rig, rnd() % 1000000);
		break;
	default:
		random_frame();
		break;
	}
}

/* ---- what must hold ---- */

static void check_frames(void)
{
	for (unsigned int i = 0; i < host.sent_count && i < NICRIG_SENT; i++) {
		const struct nicrig_frame *f = &host.sent[i];
		const struct nic_todo *t = &f->todo;

		if (f->len_bytes < NIC_FRAME_MIN || f->len_bytes > NIC_SEND_MAX)
			wrong_at("length sent");
		asked += t->csum;
		if (t->csum &&
		    (size_t)t->csum_start + t->csum_offset + 2 > f->len_bytes)
			wrong_at("checksum outside the frame");
		if (t->gso != NIC_GSO_NONE &&
		    (!t->csum || !t->gso_bytes || t->header_bytes < 54 ||
		     t->header_bytes >= f->len_bytes))
			wrong_at("large send");
	}
	frames_out += host.sent_count;
	if (host.sent_count)
		nicrig_clear(&host);
}

static void check_shadow(uint32_t off, unsigned int size)
{
	uint32_t said;

	if (!rig_shadow(&rig, CHAN_MMIO, MMIO + off, size, &said))
		return;
	if (said != (get(off, size) & (uint32_t)le_mask(size)))
		wrong_at("shadow");
}

static void check(unsigned int i)
{
	static const struct { uint8_t off, size; } rows[] = {
		{ 0x10, 4 }, { 0x18, 4 }, { 0x37, 1 }, { 0x38, 2 }, { 0x3a, 2 },
		{ 0x3c, 2 }, { 0x3e, 2 }, { 0x50, 1 }, { 0x58, 1 }, { 0x62, 2 },
		{ 0x64, 2 },
	};
	bool masked = card.func.r.cfg[5] & 0x04;
	bool up = (card.r.isr & card.r.imr) && !card.r.gone && !masked;

	/* Frames sent, and nothing else, may wait for a while. */
	if (up && (card.r.isr & card.r.imr) == TOK && !rig.intx[INTA])
		up = card.tok.deadline_ns > rig.now_ns + TOK_MAX_NS;
	if (rig.intx[INTA] != up)
		wrong_at("line differs from ISR and IMR");
	if (card.tok.deadline_ns != INT64_MAX &&
	    (card.r.isr & card.r.imr) != TOK)
		wrong_at("waits for nothing");
	if (card.tok.deadline_ns != INT64_MAX &&
	    card.tok.deadline_ns > card.reply.sent_ns + TOK_MAX_NS)
		wrong_at("TOK waits for too long");
	if (card.held && !card.closed && card.retry.deadline_ns == INT64_MAX)
		wrong_at("a frame is forgotten");
	if (card.tick.deadline_ns != INT64_MAX &&
	    (!card.r.timer_int || card.r.gone))
		wrong_at("ticks for nothing");
	if (card.r.tx_at > 63 || card.r.rx_at > 63 || card.r.tsd_at > 3)
		wrong_at("position");
	looped += (card.r.tcr & 0x60000) == 0x60000;
	check_frames();
	check_shadow(rows[i % 11].off, rows[i % 11].size);
}

static void succeed(void)
{
	check_frames();
	rig_successor(&rig);
	nicrig_init(&host, mac);
	memset(&card, 0, sizeof(card));
	rtl8139_init(&card, &rig.bus, DEVFN, &host.nic, NULL, 0);
	rig_close(&rig);
	resets += rig.bus.dev_was_reset;
	states++;
	if (card.tick.deadline_ns != INT64_MAX &&
	    card.tick.deadline_ns > rig.now_ns + 131 * NS_PER_S)
		wrong_at("ticks in the far future");
	if (card.r.gone)
		new_machine();
	else if (rnd() % 2)
		place();
}

static void random_step(unsigned int k)
{
	random_access();
	if (rnd() % 8 == 0)
		random_event();
	if (rnd() % 8 == 0)
		random_descs();
	check(k);
	if (card.r.gone)
		new_machine();
}

/* Whatever happened before, after a reset frames go out and come in. */
static void move_frame(void)
{
	const uint8_t *f = frame_for(everyone, 0x0806, 60 + rnd() % 1400);
	size_t len = 60 + rnd() % 1400;

	if (card.r.gone)
		return;
	host.full = false;
	nicrig_drain(&host);
	nicrig_link(&host, true);
	place();
	put(0x5b, 1, 'R');
	check_frames();		/* of what waited for all this */
	open_cplus(4, 1600, 0x0b);
	memcpy(rig.ram + TX_BUF(0), f, len);
	put_desc(TX_RING, 0, OWN | EOR | FS | LS | (uint32_t)len, 0, TX_BUF(0));
	put(0xd9, 1, 0x40);
	if (host.sent_count != 1 || host.sent[0].len_bytes != len ||
	    memcmp(host.sent[0].bytes, f, len))
		wrong_at("frame sent");
	if (!give(f, len) || memcmp(rig.ram + RX_BUF(0), f, len) ||
	    desc_dw(RX_RING, 0, 0) != (FS | LS | 0x01000000 | (len + 4)))
		wrong_at("frame received");
	check_frames();
	moved++;
}

int main(int argc, char **argv)
{
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 20261121;

	state = seed | 1;
	printf("# seed %" PRIu64 "\n", seed);
	log_init(-1, "random", LOG_L_ERR);
	for (unsigned int i = 0; i < ACCESSES; i++) {
		if (i % 20000 == 0)
			new_machine();
		if (i % 500 == 499)
			move_frame();
		if (rnd() % 32 == 0)
			random_setup();
		if (rnd() % 16 == 0)
			random_descs();
		if (rnd() % 32 == 0)
			random_event();
		if (rnd() % 1000 == 0 && !card.r.gone)
			random_state();
		random_access();
		check(i);
	}
	every_state(STEPS);
	ok(wrong == 0, "%u steps: %u frames out, %u in, %u unplugs, "
	   "%u steps looped", ACCESSES, frames_out, frames_in, unplugs, looped);
	ok(frames_out > 5000 && frames_in > 10000 && unplugs && asked > 100,
	   "%u frames left work to the host", asked);
	ok(moved > 1000, "%u times a frame went out and one came in", moved);
	ok(states > 500 && resets > 50 && resets < states - 50,
	   "%u hostile states, %u of them refused", states, resets);
	nicrig_clear(&host);
	rig_free(&rig);
	return tap_done();
}
