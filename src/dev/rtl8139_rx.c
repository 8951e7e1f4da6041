/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dev/rtl8139_rx.c - how frames get into the RTL8139
 *
 * Runs in the net worker.  Filters, the byte ring, the descriptor ring.  The
 * chip loses what it has no buffer for.  Here the host holds it for a while,
 * and the card looks again at every register access and, ever more seldom, by
 * itself: no register says that a descriptor is free again.
 */
#include <string.h>

#include "base/clock.h"
#include "base/le.h"
#include "bus/bus.h"
#include "bus/dma.h"
#include "dev/ether_crc.h"
#include "dev/rtl8139_core.h"

#define FCS_BYTES	4u
#define RING_HEADER	4u		/* status and length */
#define RING_ROK	0x0001u
#define CAPR_LEAD	16u		/* CAPR is that much behind */
#define BEYOND_MAX	1536u		/* what drivers keep free behind the
					   ring for WRAP, data sheet */
/* A driver that takes its time for a ring's frames, some ms each where it is
   emulated, is no reason to lose the next: 127.5 ms in all. */
#define RETRY_NS	(500 * NS_PER_US)	/* then twice as long each time */
#define RETRIES		8u

/* How the address matched: upper half of a header's status, and of dw0. */
enum match { NO_MATCH, BAR = 0x1, PAM = 0x2, MAR = 0x4 };
#define RING_MATCH(m)	((uint16_t)((m) << 13))
#define DESC_MATCH(m)	((uint32_t)(m) << 24)

/* What is to be stored, in d->rx. */
struct shown {
	uint8_t *at;
	uint32_t len_bytes;	/* with FCS */
	enum match match;
	uint32_t dw0, dw1;	/* C+: flags, tag */
};

/* ---- filters ---- */

static enum match match_address(const struct rtl8139 *d, const uint8_t *to)
{
	static const uint8_t all[NIC_MAC_BYTES] = {
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	uint32_t rcr = d->r.rcr;
	unsigned int bit;

	if (!memcmp(to, all, NIC_MAC_BYTES))
		return rcr & RCR_AB ? BAR : NO_MATCH;
	if (to[0] & 1) {
		bit = ether_crc_hash(to);
		return (rcr & RCR_AM) && d->r.mar[bit / 8] >> bit % 8 & 1 ?
			MAR : NO_MATCH;
	}
	if (!memcmp(to, d->r.idr, NIC_MAC_BYTES))
		return rcr & (RCR_APM | RCR_AAP) ? PAM : NO_MATCH;
	return NO_MATCH;
}

/* Promiscuous is about physical addresses only. */
static bool is_wanted(const struct rtl8139 *d, const uint8_t *to, enum match m)
{
	return m != NO_MATCH || (!(to[0] & 1) && (d->r.rcr & RCR_AAP));
}

static void count(struct rtl8139 *d, enum match m)
{
	d->r.tally.rx_ok++;
	d->r.tally.rx_broadcast += m == BAR;
	d->r.tally.rx_multicast += m == MAR;
	d->r.tally.rx_physical += m == PAM;
}

/* ---- the byte ring ---- */

static uint32_t ring_bytes(const struct rtl8139 *d)
{
	return 8192u << ((d->r.rcr & RCR_RBLEN) >> 11);
}

static uint32_t ring_used(const struct rtl8139 *d)
{
	return (d->r.cbr - (d->r.capr + CAPR_LEAD)) & (ring_bytes(d) - 1);
}

bool rtl8139_rx_is_empty(const struct rtl8139 *d)
{
	return ring_used(d) == 0;
}

void rtl8139_rx_rewind(struct rtl8139 *d)
{
	d->r.cbr = 0;
	d->r.capr = (uint16_t)-CAPR_LEAD;
	d->r.rx_at = 0;
	d->tries = 0;
}

/* The last byte stays free: a full ring would look like an empty one. */
static bool ring_has_room(const struct rtl8139 *d, uint32_t need)
{
	return need < ring_bytes(d) - ring_used(d);
}

/*
 * With WRAP a frame at the end goes on beyond it, else at the start.  There is
 * nothing behind a ring of 64 KiB, data sheet.
 */
static bool goes_beyond(const struct rtl8139 *d)
{
	return (d->r.rcr & RCR_WRAP) && ring_bytes(d) < 65536;
}

/* Would it be written over what is behind the driver's ring? */
static bool is_too_long(const struct rtl8139 *d, size_t len_bytes)
{
	uint32_t size = ring_bytes(d), at = d->r.cbr & (size - 1);

	if (len_bytes > RTL8139_RX_MAX - FCS_BYTES)
		return true;
	return !(d->r.cpcr & CPCR_RX) && goes_beyond(d) &&
		at + RING_HEADER + len_bytes + FCS_BYTES > size + BEYOND_MAX;
}

static void ring_write(struct rtl8139 *d, const uint8_t *p, uint32_t len_bytes)
{
	uint32_t size = ring_bytes(d), at = d->r.cbr & (size - 1);
	uint32_t part = size - at;

	if (part >= len_bytes || goes_beyond(d))
		part = len_bytes;
	dma_write(d->bus, (uint64_t)d->r.rbstart + at, p, part);
	if (part < len_bytes)
		dma_write(d->bus, d->r.rbstart, p + part, len_bytes - part);
}

static bool store_bytes(struct rtl8139 *d, const struct shown *s)
{
	uint8_t *p = s->at - RING_HEADER;
	uint32_t len_bytes = RING_HEADER + s->len_bytes;
	uint32_t need = (len_bytes + 3) & ~3u;

	d->held_bytes = need;
	if (!ring_has_room(d, need))
		return false;
	le16_put(p, (uint16_t)(RING_ROK | RING_MATCH(s->match)));
	le16_put(p + 2, (uint16_t)s->len_bytes);
	ring_write(d, p, len_bytes);
	d->r.cbr = (uint16_t)((d->r.cbr + need) & (ring_bytes(d) - 1));
	return true;
}

/* ---- the descriptor ring ---- */

static uint64_t desc_ring(const struct rtl8139 *d)
{
	return d->r.rdsar[0] | (uint64_t)d->r.rdsar[1] << 32;
}

/* Copies as many free descriptors as the frame needs, 0 if there are less. */
static unsigned int take_descs(struct rtl8139 *d, uint32_t len_bytes,
			       unsigned int *at)
{
	unsigned int first = d->r.rx_at % RTL8139_RING_MAX, n = 0;
	uint32_t room = 0;

	*at = first;
	do {
		struct rtl8139_desc *c = &d->rx_desc[n];

		if (!rtl8139_desc_read(d, desc_ring(d), *at, d->given_rx, c) ||
		    !(c->dw0 & DESC_OWN))
			return 0;
		n++;
		room += RX_SIZE(c->dw0);
		*at = rtl8139_desc_next(*at, c->dw0);
	} while (room < len_bytes && *at != first && n < RTL8139_RING_MAX);
	return room < len_bytes ? 0 : n;
}

/* The driver looks at the first one: it is given back last. */
static bool store_descs(struct rtl8139 *d, const struct shown *s)
{
	unsigned int at, n = take_descs(d, s->len_bytes, &at);
	uint32_t done = 0;
	uint8_t dw1[4];

	d->held_bytes = s->len_bytes;
	if (!n)
		return false;
	for (unsigned int i = 0; i < n; i++) {
		struct rtl8139_desc *c = &d->rx_desc[i];
		uint32_t part = RX_SIZE(c->dw0);

		if (part > s->len_bytes - done)
			part = s->len_bytes - done;
		dma_write(d->bus, c->buf, s->at + done, part);
		done += part;
		c->dw0 = (c->dw0 & DESC_EOR) | s->dw0 | part;
	}
	d->rx_desc[0].dw0 |= DESC_FS;
	d->rx_desc[n - 1].dw0 &= ~RX_SIZE(~0u);
	d->rx_desc[n - 1].dw0 |= DESC_LS | s->len_bytes;
	le32_put(dw1, s->dw1);
	for (unsigned int i = n; i-- > 0; ) {
		dma_write(d->bus, d->rx_desc[i].gpa + 4, dw1, sizeof(dw1));
		rtl8139_desc_give(d, &d->rx_desc[i], &d->given_rx);
	}
	d->r.rx_at = (uint8_t)at;
	return true;
}

/* ---- a frame ---- */

static void take_tag(struct shown *s)
{
	if (be16_get(s->at + 12) != ETHERTYPE_VLAN)
		return;
	/* As on the wire: the driver swaps it. */
	s->dw1 = RX_TAVA | le16_get(s->at + 14);
	memmove(s->at + VLAN_BYTES, s->at, 2 * NIC_MAC_BYTES);
	s->at += VLAN_BYTES;
	s->len_bytes -= VLAN_BYTES;
}

/* Copies it, pads it, appends what a wire would. */
static void make_shown(struct rtl8139 *d, struct shown *s, const uint8_t *frame,
		       size_t len_bytes)
{
	s->at = d->rx + 8;
	memcpy(s->at, frame, len_bytes);
	if (len_bytes < NIC_FRAME_MIN) {
		memset(s->at + len_bytes, 0, NIC_FRAME_MIN - len_bytes);
		len_bytes = NIC_FRAME_MIN;
	}
	le32_put(s->at + len_bytes, ether_crc_fcs(s->at, len_bytes));
	s->len_bytes = (uint32_t)len_bytes + FCS_BYTES;
}

/* False: there is no room for it. */
static bool deliver(struct rtl8139 *d, const uint8_t *frame, size_t len_bytes,
		    bool csum_good)
{
	struct shown s = { .match = match_address(d, frame) };
	bool done;

	if (!is_wanted(d, frame, s.match))
		return true;
	if (is_too_long(d, len_bytes)) {
		d->r.tally.rx_err++;
		return true;
	}
	make_shown(d, &s, frame, len_bytes);
	if (d->r.cpcr & CPCR_RX) {
		if (d->r.cpcr & CPCR_RX_VLAN)
			take_tag(&s);
		s.dw0 = DESC_MATCH(s.match);
		if (csum_good && (d->r.cpcr & CPCR_RX_CSUM))
			s.dw0 |= rtl8139_protocol(s.at, s.len_bytes - FCS_BYTES);
		done = store_descs(d, &s);
	} else {
		done = store_bytes(d, &s);
	}
	if (!done)
		return false;
	count(d, s.match);
	nic_reply_came(&d->reply, d->bus);
	d->r.isr |= ISR_ROK;
	return true;
}

static void lose(struct rtl8139 *d)
{
	d->r.isr |= ISR_RXOVW;
	d->r.mpc = (d->r.mpc + 1) & 0xffffff;
	d->r.tally.missed++;
	d->r.tally.rx_err++;
}

static bool is_receiving(const struct rtl8139 *d)
{
	return (d->r.cr & CR_RE) && rtl8139_is_running(d);
}

void rtl8139_loop(struct rtl8139 *d, const uint8_t *frame, size_t len_bytes)
{
	if (is_receiving(d) && !deliver(d, frame, len_bytes, false))
		lose(d);
}

static void look_later(struct rtl8139 *d)
{
	timer_set(d->bus, &d->retry,
		  timer_now_ns(d->bus) + (RETRY_NS << d->tries));
}

bool rtl8139_receive(void *dev, const uint8_t *frame, size_t len_bytes,
		     bool csum_good)
{
	struct rtl8139 *d = dev;

	if (len_bytes < NIC_HEADER_BYTES || !is_receiving(d) ||
	    !d->nic->link_up || rtl8139_is_looped(d))
		return true;
	bus_touch(d->bus, d->id);
	if (deliver(d, frame, len_bytes, csum_good)) {
		d->tries = 0;
		return true;
	}
	if (d->tries >= RETRIES) {
		lose(d);
		return true;
	}
	d->held = true;
	look_later(d);
	return false;
}

/* ---- waiting for room ---- */

/* For all of it: the host gives it at once when told that there is. */
static bool has_room(struct rtl8139 *d)
{
	unsigned int at;

	if (!(d->r.cpcr & CPCR_RX))
		return ring_has_room(d, d->held_bytes);
	return take_descs(d, d->held_bytes, &at) != 0;
}

/* Settles, and so looks. */
void rtl8139_rx_retry(void *dev)
{
	struct rtl8139 *d = dev;

	bus_touch(d->bus, d->id);
	d->tries++;
	if (d->tries < RETRIES)
		look_later(d);
}

void rtl8139_rx_settle(struct rtl8139 *d)
{
	if (d->held && (!is_receiving(d) || d->tries >= RETRIES ||
			has_room(d)))
		d->wake = true;
	if (!d->wake || d->closed)
		return;
	d->wake = false;
	d->held = false;
	timer_off(d->bus, &d->retry);
	/* May give us the frame before it returns. */
	d->nic->ops->receive_ready(d->nic);
}
