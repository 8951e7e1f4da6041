/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/model/test_rtl8139_steps.c - RTL8139C+: dies before any of its steps
 *
 * A driver sends and receives, all by interrupts: by descriptor rings, with
 * large sends and tags, or by registers and the byte ring.  For each write to
 * memory and each frame sent of a run, one run in which the card dies before
 * it: all is sent, perhaps twice, as it was; what is received is whole and in
 * order; no buffer that was given back is touched; both rings go on.
 */
#include "base/clock.h"
#include "tests/model/rtl8139_guest.h"
#include "tests/model/nic_steps.h"

#define TXN		16u
#define RXN		8u
#define RX_ROOM		1600u
#define POOL_BYTES	0x1000u
#define POISON_AT	0x1f000u	/* a frame of nobody */
#define IP		14u
#define TCP		34u
#define LARGE		4000u
#define LGSEN		0x08000000u
#define TAGC		0x00020000u
#define TSDS		4u
#define RING_BYTES	8192u
#define SENT		(0x2000u | 0x8000u)	/* OWN, TOK */

enum variant { RINGS, LOOPED, FULL, REGISTERS, VARIANTS };
static const char *const names[] = {
	"rings", "looped back", "a full host", "registers and byte ring" };

static enum variant variant;
static struct {
	uint32_t tx_next, tx_clean, used;	/* descriptors */
	uint32_t frame_descs[STEPS_IDS];
	uint32_t rx_next;
} drv;

static void steps_rebuild(void)
{
	memset(&card, 0, sizeof(card));
	rtl8139_init(&card, &rig.bus, DEVFN, &host.nic, NULL, 0);
	rig_close(&rig);
}

static void write_reg(uint32_t off_size_val)
{
	put(off_size_val >> 24, off_size_val >> 16 & 7, off_size_val & 0xffff);
}

static uint32_t read_to;
static void read_reg(uint32_t off_size)
{
	get(off_size >> 8, off_size & 7);
}

/* What the request read, also when it was answered by a dying card. */
static uint32_t ask(uint32_t off, uint32_t size)
{
	steps_request(read_reg, off << 8 | size);
	read_to = (uint32_t)rig.value;
	return read_to;
}

static void tell(uint32_t off, uint32_t size, uint32_t v)
{
	steps_request(write_reg, off << 24 | size << 16 | v);
}

/* ---- what is sent: rings ---- */

static void put_buf(const uint8_t *p, uint32_t len, uint32_t flags, uint32_t dw1)
{
	uint32_t i = drv.tx_next;

	memcpy(rig.ram + TX_BUF(i), p, len);
	put_desc(TX_RING, i, OWN | flags | len | (i == TXN - 1 ? EOR : 0), dw1,
		 TX_BUF(i));
	drv.tx_next = (i + 1) % TXN;
	drv.used++;
}

static void make_tcp(uint8_t *p, uint32_t len)
{
	memset(p + IP, 0, 40);
	p[12] = 0x08;
	p[13] = 0x00;
	p[IP] = 0x45;
	p[IP + 2] = (uint8_t)((len - IP) >> 8);
	p[IP + 3] = (uint8_t)(len - IP);
	p[IP + 8] = 64;
	p[IP + 9] = 6;
	p[TCP + 12] = 0x50;
}

static void post_one(void)
{
	static uint8_t p[LARGE];
	uint32_t id = steps_drv.posted, from = drv.used;
	uint32_t kind = variant == LOOPED ? id % 2 : id % 4;
	uint32_t len = kind == 2 ? LARGE : 80 + id * 13;

	steps_make(p, id, len, mac);
	switch (kind) {
	case 0:
		put_buf(p, len, FS | LS, 0);
		break;
	case 1:
		put_buf(p, 20, FS, 0);
		put_buf(p + 20, 30, 0, 0);
		put_buf(p + 50, len - 50, LS, 0);
		break;
	case 2:
		make_tcp(p, len);
		put_buf(p, 2000, FS | LGSEN | 1000 << 16, 0);
		put_buf(p + 2000, len - 2000, LS | LGSEN | 1000 << 16, 0);
		break;
	default:
		put_buf(p, len, FS | LS, TAGC | 0x2301);
		break;
	}
	drv.frame_descs[id] = drv.used - from;
	steps_drv.posted++;
}

static void post(unsigned int most)
{
	if (variant == REGISTERS)
		return;
	while (most-- && steps_drv.posted < STEPS_IDS && drv.used + 3 < TXN)
		post_one();
}

/* A buffer that is given back is somebody else's. */
static void reclaim(void)
{
	while (steps_drv.done < steps_drv.posted) {
		uint32_t n = drv.frame_descs[steps_drv.done];

		for (uint32_t i = 0; i < n; i++)
			if (desc_dw(TX_RING, (drv.tx_clean + i) % TXN, 0) & OWN)
				return;
		for (; n; n--, drv.used--) {
			uint32_t i = drv.tx_clean;

			memset(rig.ram + TX_BUF(i), 0xdb, 0x1000);
			put_desc(TX_RING, i, FS | LS | 100 |
				 (i == TXN - 1 ? EOR : 0), 0, POISON_AT);
			drv.tx_clean = (i + 1) % TXN;
		}
		steps_drv.done++;
	}
}

/* ---- what comes: rings ---- */

static uint8_t *steps_pool_at(uint32_t i)
{
	return rig.ram + RX_BUF(i % STEPS_POOL);
}

static void give_buf(uint32_t at)
{
	uint32_t i = steps_take_buf();

	put_desc(RX_RING, at, OWN | RX_ROOM | (at == RXN - 1 ? EOR : 0), 0,
		 RX_BUF(i));
}

static void receive(void)
{
	for (unsigned int n = 0; n < RXN && variant != REGISTERS; n++) {
		uint32_t dw0 = desc_dw(RX_RING, drv.rx_next, 0);
		uint32_t used = (desc_dw(RX_RING, drv.rx_next, 2) - RX_BUF(0)) /
				POOL_BYTES;

		if (dw0 & OWN)
			return;
		steps_check_in(steps_pool_at(used), (dw0 & 0x1fff) - 4);
		steps_retire(used);
		give_buf(drv.rx_next);
		drv.rx_next = (drv.rx_next + 1) % RXN;
	}
}

/* ---- registers and byte ring ---- */

static void post_register(void)
{
	static uint8_t p[STEPS_LEN_MAX];
	uint32_t id = steps_drv.posted, i = id % TSDS, len = 80 + id * 13;

	if (steps_drv.posted - steps_drv.done == TSDS || steps_drv.posted == STEPS_IDS)
		return;
	memcpy(rig.ram + TX_BUF(i), p, steps_make(p, id, len, mac));
	steps_drv.posted++;
	tell(0x10 + 4 * i, 4, len);
}

static void reclaim_registers(void)
{
	while (steps_drv.done < steps_drv.posted &&
	       (ask(0x10 + 4 * (steps_drv.done % TSDS), 4) & SENT) == SENT) {
		memset(rig.ram + TX_BUF(steps_drv.done % TSDS), 0xdb, 0x1000);
		steps_drv.done++;
	}
}

static void receive_bytes(void)
{
	while (!(ask(0x37, 1) & 1)) {
		const uint8_t *p = rig.ram + RX_BYTES + drv.rx_next;
		uint32_t len = le16_get(p + 2);

		if (!(le16_get(p) & 1) || len < 64 || len > STEPS_LEN_MAX + 4) {
			steps_complain("byte ring", drv.rx_next);
			return;
		}
		steps_check_in(p + 4, len - 4);
		drv.rx_next = (drv.rx_next + len + 4 + 3) / 4 * 4 % RING_BYTES;
		tell(0x38, 2, (drv.rx_next - 16) & 0xffff);
	}
}

/* ---- the driver ---- */

static void steps_driver(void)
{
	if (variant == REGISTERS || (!steps.polls && !rig.intx[INTA]))
		return;
	reclaim();
	receive();
	post(8);
}


static void steps_post(void)
{
	post(3);
	for (int i = 0; variant == REGISTERS && i < 3; i++)
		post_register();
}

static void steps_doorbell(void)
{
	if (variant != REGISTERS)
		tell(0xd9, 1, 0x40);
}

static void steps_give(const uint8_t *p, size_t len)
{
	give(p, len);
}

static void steps_unloop(void)
{
	put(0x40, 4, 0x03000600);
}

static void steps_serve(void)
{
	uint32_t isr;

	steps_event(steps_pass, 120);
	if (!rig.intx[INTA])
		return;
	isr = ask(0x3e, 2);
	tell(0x3e, 2, isr);
	if (variant == REGISTERS) {
		reclaim_registers();
		receive_bytes();
	} else {
		reclaim();
		receive();
	}
}

static void steps_begin(unsigned int v)
{
	variant = (enum variant)v;
	machine();
	steps.rig = &rig;
	steps.host = &host;
	steps.line = INTA;
	steps.mac = mac;
	steps.pool_bytes = POOL_BYTES;
	steps.looped = variant == LOOPED;
	steps.filling = variant == FULL;
	steps_hook();
	memset(&drv, 0, sizeof(drv));
	memset(rig.ram + POISON_AT, 0xdb, 100);
	if (variant == REGISTERS) {
		open_legacy(0, true);
		for (uint32_t i = 0; i < TSDS; i++)
			put(0x20 + 4 * i, 4, TX_BUF(i));
	} else {
		open_cplus(RXN, RX_ROOM, 0x0b);
		for (uint32_t i = 0; i < RXN; i++)
			give_buf(i);
		for (uint32_t i = 0; i < TXN; i++)
			put_desc(TX_RING, i, i == TXN - 1 ? EOR : 0, 0, POISON_AT);
		put(0x40, 4, variant == LOOPED ? 0x03060600 : 0x03000600);
	}
	put(0x3c, 2, 0x0005);		/* ROK, TOK */
}

int main(void)
{
	steps_test(names, VARIANTS, 25);
	rig_free(&rig);
	nicrig_clear(&host);
	return tap_done();
}
