/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dev/e1000_rx.c - 82540EM: the receive ring
 *
 * Runs in the net worker.  A frame is shown only when the buffers it needs are
 * there; until then the host keeps it.  A descriptor is copied before it is
 * looked at; its status byte is written when the head behind it is committed
 * (dev/nic_back.h).
 *
 * Source: SDM 3.2.
 */
#include <string.h>

#include "base/log.h"
#include "dev/e1000_core.h"
#include "dev/ether_crc.h"

#define RXD_LENGTH_AT	8u	/* length, checksum, status, errors, special */
#define RXD_STATUS_AT	12u
#define RXD_DD		0x01u
#define RXD_EOP		0x02u
#define RXD_IXSM	0x04u
#define RXD_VP		0x08u
#define RXD_TCPCS	0x20u
#define RXD_IPCS	0x40u
#define RXD_PIF		0x80u

#define LENGTH_MAX	1522u	/* without LPE, with FCS */
#define LONG_MAX	16384u

#define ETHERTYPE_IPV4	0x0800u
#define ETHERTYPE_IPV6	0x86ddu
#define IP4_MIN		20u
#define IP4_FRAGMENT	0x3fffu
#define IP6_BYTES	40u
#define PROTO_TCP	6u
#define PROTO_UDP	17u

/* What is written: bytes of the frame, then perhaps its FCS. */
struct shown {
	const uint8_t *bytes;
	uint32_t len, total;
	uint8_t fcs[FCS_BYTES];
	uint8_t status;
	uint16_t csum, special;
};

/* ---- the ring ---- */

static uint32_t ring_count(const struct e1000 *d)
{
	return (d->r.rdlen & RING_BYTES) / DESC_BYTES;
}

/* Descriptors that are the card's. */
static uint32_t free_count(const struct e1000 *d)
{
	uint32_t count = ring_count(d);

	if (d->r.rdh >= count || d->r.rdt >= count)
		return 0;
	return (d->r.rdt + count - d->r.rdh) % count;
}

static uint32_t buffer_bytes(const struct e1000 *d)
{
	uint32_t bsize = (d->r.rctl & RCTL_BSIZE) >> 16;

	if ((d->r.rctl & RCTL_BSEX) && bsize)
		return 32768u >> bsize;
	return 2048u >> bsize;
}

static uint64_t head_at(const struct e1000 *d)
{
	return ((uint64_t)d->r.rdbah << 32 | d->r.rdbal) +
		(uint64_t)d->r.rdh * DESC_BYTES;
}

static void move_head(struct e1000 *d)
{
	uint32_t low = ring_count(d) >>
			(((d->r.rctl & RCTL_RDMTS) >> 8) + 1);

	d->r.rdh = d->r.rdh + 1 >= ring_count(d) ? 0 : d->r.rdh + 1;
	if (free_count(d) == low)
		d->r.rx_causes |= ICR_RXDMT0;
}

static void write_back(struct e1000 *d, uint64_t gpa, const struct shown *s,
		       uint32_t len, bool first, bool last)
{
	uint8_t back[8] = { 0 };
	uint8_t status = RXD_DD;

	le16_put(back, (uint16_t)len);
	if (first)
		le16_put(back + 2, s->csum);
	if (last) {
		le16_put(back + 6, s->special);
		status |= s->status | RXD_EOP;
	}
	dma_write(d->bus, gpa + RXD_LENGTH_AT, back, sizeof(back));
	nic_back_add(&d->back, gpa + RXD_STATUS_AT, status, 1);
}

/* Bytes [at, at + len) of frame and FCS. */
static void copy_out(struct e1000 *d, uint64_t gpa, const struct shown *s,
		     uint32_t at, uint32_t len)
{
	uint32_t part = at < s->len ? s->len - at : 0;

	if (part > len)
		part = len;
	if (part)
		dma_write(d->bus, gpa, s->bytes + at, part);
	if (part < len)
		dma_write(d->bus, gpa + part, s->fcs + (at + part - s->len),
			  len - part);
}

/* False: the ring, or what may be given back at once, ended before the frame. */
static bool fill_ring(struct e1000 *d, const struct shown *s)
{
	uint32_t size = buffer_bytes(d);

	for (uint32_t at = 0; at < s->total;) {
		uint64_t gpa = head_at(d), addr;
		uint32_t len = s->total - at < size ? s->total - at : size;
		uint8_t desc[8];

		if (!free_count(d) || !nic_back_room(&d->back))
			return false;
		dma_read(d->bus, gpa, desc, sizeof(desc));
		addr = le64_get(desc);
		if (addr) {
			copy_out(d, addr, s, at, len);
			write_back(d, gpa, s, len, at == 0, at + len == s->total);
			at += len;
		} else {
			/* SDM 3.2: a null buffer is given back unused. */
			write_back(d, gpa, s, 0, false, false);
		}
		move_head(d);
	}
	return true;
}

/* ---- what the card says about a frame ---- */

/* Nobody else has looked: bridges do not, and the host's word is about TCP and
   UDP only. */
static bool is_ip4_good(const uint8_t *ip, size_t len)
{
	size_t header = (ip[0] & 15u) * 4u;

	return header >= IP4_MIN && header <= len && !e1000_csum(ip, header);
}

/* The packet filter's view of checksums that the host vouches for. */
static uint8_t csum_status(const struct e1000 *d, const uint8_t *frame,
			   size_t len)
{
	const uint8_t *ip = frame + NIC_HEADER_BYTES;
	uint8_t status = 0, proto;
	uint16_t type = be16_get(frame + 12);

	if (e1000_is_tagged(d, frame, len)) {
		type = be16_get(frame + 12 + E1000_TAG_BYTES);
		ip += E1000_TAG_BYTES;
		len -= E1000_TAG_BYTES;
	}
	len -= NIC_HEADER_BYTES;
	if (type == ETHERTYPE_IPV4 && len >= IP4_MIN && ip[0] >> 4 == 4 &&
	    is_ip4_good(ip, len)) {
		status = RXD_IPCS;
		proto = be16_get(ip + 6) & IP4_FRAGMENT ? 0 : ip[9];
	} else if (type == ETHERTYPE_IPV6 && len >= IP6_BYTES) {
		proto = ip[6];
	} else {
		return RXD_IXSM;
	}
	if (proto == PROTO_TCP || proto == PROTO_UDP)
		status |= RXD_TCPCS;
	if (!(d->r.rxcsum & RXCSUM_IPOFLD))
		status &= (uint8_t)~RXD_IPCS;
	if (!(d->r.rxcsum & RXCSUM_TUOFLD))
		status &= (uint8_t)~RXD_TCPCS;
	return status ? status : RXD_IXSM;
}

static void strip_tag(struct e1000 *d, struct shown *s)
{
	s->special = be16_get(s->bytes + 14);
	s->status |= RXD_VP;
	memmove(d->rx + 2 * NIC_MAC_BYTES,
		s->bytes + 2 * NIC_MAC_BYTES + E1000_TAG_BYTES,
		s->len - 2 * NIC_MAC_BYTES - E1000_TAG_BYTES);
	if (s->bytes != d->rx)
		memcpy(d->rx, s->bytes, 2 * NIC_MAC_BYTES);
	s->bytes = d->rx;
	s->len -= E1000_TAG_BYTES;
}

static uint32_t shown_bytes(const struct e1000 *d, const uint8_t *frame,
			    uint32_t len)
{
	if ((d->r.ctrl & CTRL_VME) && e1000_is_tagged(d, frame, len))
		len -= E1000_TAG_BYTES;
	return d->r.rctl & RCTL_SECRC ? len : len + FCS_BYTES;
}

/* Everything but the match; @frame is as on the wire, but for the FCS. */
static void prepare(struct e1000 *d, struct shown *s, const uint8_t *frame,
		    uint32_t len, bool csum_good)
{
	uint32_t pcss = d->r.rxcsum & RXCSUM_PCSS;

	*s = (struct shown){ .bytes = frame, .len = len,
			     .total = shown_bytes(d, frame, len) };
	s->status = csum_good ? csum_status(d, frame, len) : RXD_IXSM;
	if (!(d->r.rctl & RCTL_SECRC))
		le32_put(s->fcs, ether_crc_fcs(frame, len));
	if ((d->r.ctrl & CTRL_VME) && e1000_is_tagged(d, frame, len))
		strip_tag(d, s);
	if (pcss < s->len)
		s->csum = e1000_csum(s->bytes + pcss, s->len - pcss);
}

/* ---- frames ---- */

static void count_received(struct e1000 *d, const uint8_t *frame, uint32_t len)
{
	e1000_count(d, STAT_GPRC, 1);
	e1000_count64(d, STAT_GORC, len + FCS_BYTES);
	e1000_count_size(d, STAT_PRC64, len + FCS_BYTES, 1);
	if (frame[0] & 1)
		e1000_count(d, frame[0] == 0xff ? STAT_BPRC : STAT_MPRC, 1);
	nic_reply_came(&d->reply, d->bus);
	d->r.rx_causes |= ICR_RXT0;
	if (len + FCS_BYTES <= d->r.rsrpd)
		d->r.rx_causes |= ICR_SRPD;
}

static void miss(struct e1000 *d)
{
	e1000_count(d, STAT_MPC, 1);
	e1000_count(d, STAT_RNBC, 1);
	d->r.rx_causes |= ICR_RXO;
}

static bool is_too_long(struct e1000 *d, size_t len_bytes)
{
	uint32_t max = d->r.rctl & RCTL_LPE ? LONG_MAX : LENGTH_MAX;

	if (len_bytes <= max - FCS_BYTES)
		return false;
	e1000_count(d, STAT_ROC, 1);
	return true;
}

/* False: no buffers now.  @frame at least NIC_FRAME_MIN long. */
static bool take_frame(struct e1000 *d, const uint8_t *frame, uint32_t len,
		       bool csum_good)
{
	enum e1000_match match = e1000_filter(d, frame, len);
	struct shown s;
	uint32_t needed, size = buffer_bytes(d);

	if (match == E1000_NO_MATCH || is_too_long(d, len))
		return true;
	/* Before anything is worked out or counted: it may come again. */
	needed = (shown_bytes(d, frame, len) + size - 1) / size;
	if (needed >= ring_count(d) && ring_count(d)) {
		miss(d);
		return true;
	}
	if (free_count(d) < needed)
		return false;
	if (nic_back_room(&d->back) < needed) {
		d->rx_unwritten = true;
		bus_ask_turn(d->bus, d->id);
		return false;
	}
	prepare(d, &s, frame, len, csum_good);
	if (match == E1000_MATCH_INEXACT)
		s.status |= RXD_PIF;
	e1000_count(d, STAT_TPR, 1);
	e1000_count64(d, STAT_TOR, len + FCS_BYTES);
	if (fill_ring(d, &s))
		count_received(d, frame, len);
	else
		miss(d);
	return true;
}

/* Short frames grow in our own memory, never in the host's. */
static bool take_padded(struct e1000 *d, const uint8_t *frame, size_t len_bytes,
			bool csum_good)
{
	if (len_bytes < NIC_HEADER_BYTES || len_bytes > NIC_FRAME_MAX)
		return true;
	if (len_bytes < NIC_FRAME_MIN) {
		memcpy(d->rx, frame, len_bytes);
		memset(d->rx + len_bytes, 0, NIC_FRAME_MIN - len_bytes);
		frame = d->rx;
		len_bytes = NIC_FRAME_MIN;
	}
	return take_frame(d, frame, (uint32_t)len_bytes, csum_good);
}

static bool is_receiving(const struct e1000 *d)
{
	return (d->r.rctl & RCTL_EN) && e1000_is_on(d);
}

bool e1000_is_looped(const struct e1000 *d)
{
	return (d->r.rctl & RCTL_LBM) || e1000_phy_is_looped(d);
}

/* RXT0 cannot tell a driver any more that it is out of buffers. */
static void refuse(struct e1000 *d)
{
	d->rx_waits = true;
	if (d->rx_unwritten)
		return;
	e1000_count(d, STAT_RNBC, 1);
	d->r.rx_causes |= ICR_RXO;
	e1000_received(d);
}

bool e1000_receive(void *dev, const uint8_t *frame, size_t len_bytes,
		   bool csum_good)
{
	struct e1000 *d = dev;

	if (!is_receiving(d) || !(d->r.status & STATUS_LU) || e1000_is_looped(d))
		return true;
	bus_touch(d->bus, d->id);
	if (take_padded(d, frame, len_bytes, csum_good))
		return true;
	if (!d->rx_waits)
		refuse(d);
	return false;
}

void e1000_received(void *dev)
{
	struct e1000 *d = dev;
	uint32_t causes = d->r.rx_causes;

	if (!causes || d->r.gone)
		return;
	bus_touch(d->bus, d->id);
	d->r.rx_causes = 0;
	if ((causes & ICR_RXT0) && d->r.rdtr) {
		causes &= ~ICR_RXT0;
		e1000_irq_delay(d, E1000_DUE_RX, timer_now_ns(d->bus));
	}
	if (causes)
		e1000_irq_cause(d, causes);
}

/* Nobody keeps a frame of ours: without buffers it is lost. */
void e1000_loop_back(struct e1000 *d, const uint8_t *frame, size_t len_bytes)
{
	if (!is_receiving(d))
		return;
	if (!take_padded(d, frame, len_bytes, true))
		miss(d);
	e1000_received(d);
}

/* All that was taken has been given back by now. */
void e1000_rx_turn(struct e1000 *d)
{
	if (!d->rx_unwritten)
		return;
	d->rx_unwritten = false;
	e1000_rx_ready(d);
}

void e1000_rx_ready(struct e1000 *d)
{
	if (!d->rx_waits || (is_receiving(d) && !free_count(d)))
		return;
	d->rx_waits = false;
	d->nic->ops->receive_ready(d->nic);
}
