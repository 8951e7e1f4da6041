/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/model/test_e1000_steps.c - 82540EM: dies before any of its steps
 *
 * A driver sends by legacy and extended descriptors, large sends and tags
 * among them, and receives, all by interrupts.  For each write to memory and
 * each frame sent of a run, one run in which the card dies before it: all is
 * sent, perhaps twice, as it was; what is received is whole and in order; no
 * buffer that was given back is touched; both rings go on.
 */
#include "tests/model/e1000_guest.h"
#include "tests/model/nic_steps.h"

#define TXN		16u
#define RXN		8u
#define TX_STEP		0x2000u
#define POOL_BYTES	2048u
#define POISON_AT	0x3f0000u	/* a frame of nobody */
#define IP		14u
#define TCP		34u
#define HDR		54u
#define LARGE		4000u

enum variant { PLAIN, DELAYED, LOOPED, FULL, VARIANTS };
static const char *const names[] = {
	"plain", "delays and throttling", "looped back", "a full host" };

static enum variant variant;
static struct {
	uint32_t tx_next, tx_clean, used;	/* descriptors */
	uint32_t frame_descs[STEPS_IDS];
	uint32_t rx_next, rdt;
} drv;

static void steps_rebuild(void)
{
	build(NULL, 0);
}

/* ---- what is sent ---- */

static void put_buf(const uint8_t *p, uint32_t len, uint32_t cmd, uint32_t status)
{
	uint32_t at = TX_DATA + drv.tx_next * TX_STEP;

	memcpy(rig.ram + at, p, len);
	put_desc(drv.tx_next, at, len | cmd, status);
	drv.tx_next = (drv.tx_next + 1) % TXN;
	drv.used++;
}

static void make_tcp(uint8_t *p)
{
	p[12] = 0x08;
	p[13] = 0x00;
	p[IP] = 0x45;
	be_put(p + IP + 6, 0x4000);
	p[IP + 9] = 6;
	be_put(p + IP + 10, 0);
	p[TCP + 12] = 0x50;
	be_put(p + TCP + 16, 0);
}

static void post_tcp(uint8_t *p, uint32_t len, uint32_t tse, uint32_t end)
{
	make_tcp(p);
	put_context(drv.tx_next, IP, IP + 10, TCP - 1, TCP, TCP + 16, 0,
		    (len - HDR) | tse | TUCMD_TCP | TUCMD_IP, HDR, 1000);
	drv.tx_next = (drv.tx_next + 1) % TXN;
	drv.used++;
	put_buf(p, 1000, TXD_DATA | tse, IXSM | TXSM);
	put_buf(p + 1000, len - 1000, TXD_DATA | tse | end, IXSM | TXSM);
}

static void post_one(void)
{
	static uint8_t p[LARGE];
	uint32_t id = steps_drv.posted, from = drv.used, kind = id % 5;
	uint32_t end = TXD_EOP | TXD_RS | (variant == DELAYED ? TXD_IDE : 0);
	uint32_t len = kind == 3 ? LARGE : kind == 2 ? 1400 : 80 + id * 13;

	steps_make(p, id, len, mac);
	if (variant == LOOPED)
		kind %= 2;
	switch (kind) {
	case 0:
		put_buf(p, len, end, 0);
		break;
	case 1:		/* RS in the middle is allowed, too */
		put_buf(p, 40, id % 2 ? TXD_RS : 0, 0);
		put_buf(p + 40, len - 40, end, 0);
		break;
	case 2:
		post_tcp(p, len, 0, end);
		break;
	case 3:
		post_tcp(p, len, TXD_TSE, end);
		break;
	default:
		put_buf(p, len, end | TXD_VLE, 0x01230000);
		break;
	}
	drv.frame_descs[id] = drv.used - from;
	steps_drv.posted++;
}

static void post(unsigned int most)
{
	while (most-- && steps_drv.posted < STEPS_IDS && drv.used + 3 < TXN)
		post_one();
}

/* A buffer that is given back is somebody else's. */
static void reclaim(void)
{
	while (steps_drv.done < steps_drv.posted) {
		uint32_t n = drv.frame_descs[steps_drv.done];

		if (!(tx_desc((drv.tx_clean + n - 1) % TXN)[12] & 1))
			return;
		for (; n; n--, drv.used--) {
			memset(rig.ram + TX_DATA + drv.tx_clean * TX_STEP, 0xdb,
			       TX_STEP);
			put_desc(drv.tx_clean, POISON_AT, 100 | TXD_EOP | TXD_RS, 0);
			drv.tx_clean = (drv.tx_clean + 1) % TXN;
		}
		steps_drv.done++;
	}
}

/* ---- what comes ---- */

static uint8_t *steps_pool_at(uint32_t i)
{
	return rig.ram + RX_DATA + i % STEPS_POOL * POOL_BYTES;
}

static void receive(void)
{
	for (unsigned int n = 0; n < RXN; n++) {
		uint8_t *d = rx_desc(drv.rx_next);
		uint32_t used = (uint32_t)((le64_get(d) - RX_DATA) / POOL_BYTES);

		if (!(d[12] & 1))
			return;
		steps_check_in(steps_pool_at(used), le16_get(d + 8));
		steps_retire(used);
		le64_put(d, RX_DATA + steps_take_buf() * POOL_BYTES);
		le64_put(d + 8, 0);
		drv.rdt = drv.rx_next;
		drv.rx_next = (drv.rx_next + 1) % RXN;
	}
}

/* ---- the driver ---- */

static void steps_driver(void)
{
	if (!steps.polls && !is_irq())
		return;
	reclaim();
	receive();
	post(8);
}

static void write_tail(uint32_t v) { wr(TDT, v); }
static void write_rdt(uint32_t v) { wr(RDT, v); }
static void read_icr(uint32_t v) { (void)v; (void)rd(ICR); }

static void steps_post(void)
{
	post(3);
}

static void steps_doorbell(void)
{
	steps_request(write_tail, drv.tx_next);
}

static void steps_give(const uint8_t *p, size_t len)
{
	give(p, len);
}

static void steps_unloop(void)
{
	wr(RCTL, RCTL_ON | SECRC);
}

static void steps_serve(void)
{
	steps_event(steps_pass, 120);
	if (!is_irq())
		return;
	steps_request(read_icr, 0);
	reclaim();
	receive();
	steps_request(write_rdt, drv.rdt);
}

static void steps_begin(unsigned int v)
{
	variant = (enum variant)v;
	machine();
	steps.rig = &rig;
	steps.host = &net;
	steps.line = DEVFN << 2;
	steps.mac = mac;
	steps.pool_bytes = POOL_BYTES;
	steps.looped = variant == LOOPED;
	steps.filling = variant == FULL;
	steps_hook();
	memset(&drv, 0, sizeof(drv));
	memset(rig.ram + POISON_AT, 0xdb, 100);
	wr(CTRL, 0x40140240);
	tx_ring(TXN);
	rx_ring(RXN, RCTL_ON | SECRC | (variant == LOOPED ? 0x40 : 0));
	for (uint32_t i = 0; i < RXN; i++)
		le64_put(rx_desc(i), RX_DATA + steps_take_buf() * POOL_BYTES);
	drv.rdt = RXN - 1;
	if (variant == DELAYED) {
		wr(TIDV, 8);
		wr(TADV, 32);
		wr(RDTR, 20);
		wr(ITR, 100);
	}
	(void)rd(ICR);
	wr(IMS, 0x81);
}

int main(void)
{
	steps_test(names, VARIANTS, 40);
	rig_free(&rig);
	nicrig_clear(&net);
	return tap_done();
}
