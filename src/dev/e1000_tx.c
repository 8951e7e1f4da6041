/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dev/e1000_tx.c - 82540EM: the transmit ring
 *
 * Runs in the net worker.  A doorbell sends what is between head and tail, at
 * most once around the ring and so much as one turn allows: head says how far
 * it came, and the next turn goes on there.  Descriptors are copied before they
 * are looked at, a frame's bytes before it is sent; a frame may be spread over
 * turns.  When the host has no room, the finished frame is held and the ring
 * stands still until e1000_send_ready().  The driver sees descriptors done when
 * the head behind them is committed (dev/nic_back.h).
 *
 * Source: SDM 3.3, 3.4.
 */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "dev/e1000_core.h"

/* Second dword of a descriptor's upper half is status, the first: */
#define TXD_LEGACY_LEN	0x0000ffffu
#define TXD_DATA_LEN	0x000fffffu
#define TXD_DTYP	0x00f00000u
#define TXD_DTYP_DATA	0x00100000u
#define TXD_EOP		0x01000000u
#define TXD_TSE		0x04000000u
#define TXD_RS		0x08000000u
#define TXD_DEXT	0x20000000u
#define TXD_VLE		0x40000000u

#define TXD_STATUS_AT	12u
#define TXD_STA_BITS	0x0fu
#define TXD_DD		0x01u

#define TXDCTL_LWTHRESH	0xfe000000u
#define FETCH		16u		/* descriptors copied at once */

struct desc {
	uint64_t addr;
	uint32_t cmd;		/* length and command, or DTYP and command */
	uint32_t status;	/* STA, POPTS or CSS, special */
};
_Static_assert(sizeof(struct desc) == DESC_BYTES, "SDM 3.3.3");

static uint32_t ring_count(const struct e1000 *d)
{
	return (d->r.tdlen & RING_BYTES) / DESC_BYTES;
}

static uint64_t desc_at(const struct e1000 *d, uint32_t index)
{
	return ((uint64_t)d->r.tdbah << 32 | d->r.tdbal) +
		(uint64_t)index * DESC_BYTES;
}

/* ---- a frame leaves ---- */

static void count_sent(struct e1000 *d)
{
	const struct e1000_tx *t = &d->r.tx;
	const uint8_t *frame = d->tx[t->buf & 1].head + t->start;
	uint32_t n = 1, bytes = t->len + FCS_BYTES, each = bytes;

	if (t->gso) {
		uint32_t payload = t->len - t->header_bytes;

		n = (payload + t->gso_bytes - 1) / t->gso_bytes;
		bytes = payload + n * (t->header_bytes + FCS_BYTES);
		each = (uint32_t)t->header_bytes + t->gso_bytes + FCS_BYTES;
		e1000_count(d, STAT_TSCTC, 1);
	}
	e1000_count(d, STAT_TPT, n);
	e1000_count(d, STAT_GPTC, n);
	e1000_count64(d, STAT_TOT, bytes);
	e1000_count64(d, STAT_GOTC, bytes);
	e1000_count_size(d, STAT_PTC64, each, n);
	if (frame[0] & 1)
		e1000_count(d, frame[0] == 0xff ? STAT_BPTC : STAT_MPTC, n);
}

/* Its head, and what follows; how many. */
static unsigned int find_pieces(struct e1000 *d, struct iovec iov[2])
{
	const struct e1000_tx *t = &d->r.tx;
	struct e1000_frame *f = &d->tx[t->buf & 1];
	uint32_t head = sizeof(f->head) - t->start;

	if (head > t->len)
		head = t->len;
	iov[0] = (struct iovec){ f->head + t->start, head };
	iov[1] = (struct iovec){ f->bytes + E1000_HEAD_BYTES, t->len - head };
	return t->len > head ? 2 : 1;
}

static void loop_back(struct e1000 *d)
{
	const struct e1000_tx *t = &d->r.tx;
	struct iovec iov[2];

	if (t->gso)
		return;		/* too long to be received in one piece */
	find_pieces(d, iov);
	memcpy(d->loop, iov[0].iov_base, iov[0].iov_len);
	memcpy(d->loop + iov[0].iov_len, iov[1].iov_base, iov[1].iov_len);
	e1000_offload_here(t, d->loop);
	e1000_loop_back(d, d->loop, t->len);
}

/* False: the host has no room. */
static bool send_frame(struct e1000 *d)
{
	struct e1000_tx *t = &d->r.tx;
	struct iovec iov[2];
	unsigned int count = find_pieces(d, iov);
	struct nic_todo todo = {
		.csum = t->csum, .csum_start = t->csum_start,
		.csum_offset = t->csum_offset, .gso = (enum nic_gso)t->gso,
		.gso_bytes = t->gso_bytes, .header_bytes = t->header_bytes,
	};

	if (e1000_is_looped(d))
		loop_back(d);
	else if (d->nic->ops->send(d->nic, iov, count, &todo) == -EAGAIN)
		return false;
	count_sent(d);
	nic_reply_sent(&d->reply, t->len, d->bus);
	return true;
}

/* EOP */
static void end_frame(struct e1000 *d)
{
	struct e1000_tx *t = &d->r.tx;

	t->open = 0;
	/* SDM 3.3.3: null descriptors between packets, not to be padded. */
	if (!t->bytes && !t->too_long)
		return;
	if (t->too_long || !e1000_offload(d)) {
		guest_warn("frame to send dropped: bytes=%u", t->bytes);
		if (t->cmd & TXD_DEXT && t->cmd & TXD_TSE)
			e1000_count(d, STAT_TSCTFC, 1);
	} else {
		t->held = !send_frame(d);
	}
	t->bytes = 0;
	t->too_long = 0;
}

/* ---- descriptors ---- */

static void take_context(struct e1000 *d, const struct desc *desc)
{
	memcpy(&d->r.ctx[!!(desc->cmd & TXD_TSE)], desc, sizeof(d->r.ctx[0]));
}

static void begin_frame(struct e1000 *d, const struct desc *desc)
{
	struct e1000_tx *t = &d->r.tx;

	memset(t, 0, sizeof(*t));
	/* The committed one must not change before we commit. */
	t->buf = !d->kept_buf;
	t->open = 1;
	t->cmd = desc->cmd & ~TXD_VLE;
	t->popts = t->css = (uint8_t)(desc->status >> 8);
}

static void take_data(struct e1000 *d, const struct desc *desc, uint32_t len)
{
	struct e1000_tx *t = &d->r.tx;

	if (!t->open)
		begin_frame(d, desc);
	if (t->too_long || t->bytes > E1000_TX_MAX ||
	    len > E1000_TX_MAX - t->bytes) {
		t->too_long = 1;
	} else if (len) {
		dma_read(d->bus, desc->addr,
			 d->tx[t->buf & 1].bytes + t->bytes, len);
		t->bytes += len;
		nic_turn_take(&d->turn, 0, len);
	}
	if (desc->cmd & TXD_VLE) {
		t->cmd |= TXD_VLE;
		t->special = (uint16_t)(desc->status >> 16);
	}
	if (!(desc->cmd & TXD_DEXT))
		t->cso = (uint8_t)(desc->cmd >> 16);
	if (!(desc->cmd & TXD_EOP))
		return;
	/* Legacy: IC counts in the last descriptor (SDM 3.3.3.1). */
	if (!(t->cmd & TXD_DEXT))
		t->cmd |= desc->cmd & ~TXD_VLE & ~TXD_DEXT;
	end_frame(d);
}

static bool is_data(const struct desc *desc)
{
	return !(desc->cmd & TXD_DEXT) ||
		(desc->cmd & TXD_DTYP) == TXD_DTYP_DATA;
}

/* There is room for it. */
static void report(struct e1000 *d, const struct desc *desc, uint64_t gpa)
{
	uint8_t status = (uint8_t)((desc->status & 0xff & ~TXD_STA_BITS) |
				   TXD_DD);

	nic_back_add(&d->back, gpa + TXD_STATUS_AT, status, 1);
	if (desc->cmd & TXD_IDE)
		d->r.tx_causes |= TXD_IDE;
	else
		d->r.tx_causes |= ICR_TXDW;
}

static void take_desc(struct e1000 *d, const struct desc *desc, uint64_t gpa)
{
	/* First: a frame that comes back to us may take all the room there is. */
	if (desc->cmd & TXD_RS)
		report(d, desc, gpa);
	if (!(desc->cmd & TXD_DEXT))
		take_data(d, desc, desc->cmd & TXD_LEGACY_LEN);
	else if (is_data(desc))
		take_data(d, desc, desc->cmd & TXD_DATA_LEN);
	else if ((desc->cmd & TXD_DTYP) == 0)
		take_context(d, desc);
}

/* Drivers give each page a descriptor of its own. */
static void prefetch(struct e1000 *d, const struct desc *desc, uint32_t n)
{
	struct dma_seg seg[FETCH];
	unsigned int count = 0;

	for (uint32_t i = 0; i < n; i++) {
		uint32_t len = desc[i].cmd & (desc[i].cmd & TXD_DEXT ?
				TXD_DATA_LEN : TXD_LEGACY_LEN);

		if (is_data(&desc[i]) && len && len <= NIC_FRAME_MAX)
			seg[count++] = (struct dma_seg){ desc[i].addr, len };
	}
	if (count > 1)
		dma_prefetch(d->bus, seg, count);
}

static bool is_stopped(const struct e1000 *d)
{
	return d->r.tx.held || nic_turn_is_over(&d->turn) ||
		!nic_back_room(&d->back);
}

/* @left descriptors from head on, fewer if the host is full or the turn over. */
static void work_ring(struct e1000 *d, uint32_t left)
{
	struct desc desc[FETCH];
	uint32_t count = ring_count(d);

	while (left && !is_stopped(d)) {
		uint32_t head = d->r.tdh, n = count - head;

		if (n > left)
			n = left;
		if (n > FETCH)
			n = FETCH;
		dma_read(d->bus, desc_at(d, head), desc, n * sizeof(desc[0]));
		prefetch(d, desc, n);
		for (uint32_t i = 0; i < n && !is_stopped(d); i++) {
			take_desc(d, &desc[i], desc_at(d, head + i));
			d->r.tdh = head + i + 1 == count ? 0 : head + i + 1;
			nic_turn_take(&d->turn, 1, 0);
			left--;
		}
	}
}

/*
 * One interrupt for all of this turn.  TXD_IDE stands for a delayed TXDW: the
 * end of the turn is early enough for it, and the wire may have answered then.
 */
static void tell(struct e1000 *d)
{
	uint32_t causes = d->r.tx_causes & ICR_BITS;

	d->r.tx_causes &= causes ? 0 : TXD_IDE;
	if (d->r.tdh == d->r.tdt) {
		causes |= ICR_TXQE;
		if (d->r.txdctl & TXDCTL_LWTHRESH)
			causes |= ICR_TXD_LOW;
	}
	if (causes & ICR_TXDW)
		e1000_set_due(d, E1000_DUE_TX, INT64_MAX);
	if (causes)
		e1000_irq_cause(d, causes);
}

/*
 * A card counts TIDV from the end of sending, which takes it as long again.
 * Ours was at it since the doorbell: where that took longer, no timer is
 * needed.
 */
static void tell_delayed(struct e1000 *d)
{
	d->r.tx_causes = 0;
	if (!d->r.gone)
		e1000_irq_delay(d, E1000_DUE_TX, d->tx_since_ns);
}

/* Are there descriptors, and may it look at them? */
static bool is_wanted(const struct e1000 *d)
{
	return d->r.tdh != d->r.tdt && (d->r.tctl & TCTL_EN) &&
		!d->r.tx.held && e1000_is_on(d);
}

void e1000_tx_run(struct e1000 *d)
{
	uint32_t count = ring_count(d);

	if (!is_wanted(d))
		return;
	d->r.tx_more = 1;
	/* If the turn is over, the next one has been asked for. */
	if (nic_turn_is_over(&d->turn))
		return;
	if (d->r.tdh >= count || d->r.tdt >= count) {
		d->r.tx_more = 0;
		guest_warn("transmit ring is nonsense: head=%u tail=%u count=%u",
			   d->r.tdh, d->r.tdt, count);
		return;
	}
	bus_ask_turn(d->bus, d->id);
	if (!d->r.tx_causes && d->r.tidv)
		d->tx_since_ns = timer_now_ns(d->bus);
	work_ring(d, (d->r.tdt + count - d->r.tdh) % count);
	d->r.tx_more = d->r.tdh != d->r.tdt;
	tell(d);
}

void e1000_tx_turn(struct e1000 *d)
{
	nic_turn_begin(&d->turn);
	if (!d->r.tx_more && !d->r.tx_causes)
		return;
	bus_touch(d->bus, d->id);
	if (d->r.tx_causes)
		tell_delayed(d);
	if (d->r.tx_more)
		e1000_tx_run(d);
}

bool e1000_tx_is_frame(const struct e1000_tx *t)
{
	uint32_t end = E1000_TAG_BYTES + E1000_TX_MAX;

	return t->start <= E1000_TAG_BYTES && t->len >= NIC_HEADER_BYTES &&
		t->len <= end - t->start && t->gso <= NIC_GSO_TCPV6 &&
		(t->gso ? t->csum && t->gso_bytes && t->header_bytes < t->len :
			  t->len <= NIC_SEND_WHOLE) &&
		(!t->csum || (uint32_t)t->csum_start + t->csum_offset + 2 <=
				t->len);
}

void e1000_send_ready(void *dev)
{
	struct e1000 *d = dev;

	if (d->r.gone || d->resending || !d->r.tx.held)
		return;
	bus_touch(d->bus, d->id);
	d->resending = true;
	d->r.tx.held = !send_frame(d);
	d->resending = false;
	e1000_tx_run(d);
}

/* A predecessor was promised send_ready(), and turns; nobody owes them to us. */
void e1000_tx_resume(struct e1000 *d)
{
	if (d->r.tx.held)
		e1000_send_ready(d);
	else if (d->r.tx_more)
		e1000_tx_run(d);
	if (d->r.tx_causes)
		bus_ask_turn(d->bus, d->id);
}

/* What is committed now is the ground for doing the next request again. */
void e1000_tx_settle(struct e1000 *d)
{
	d->kept_buf = d->r.tx.buf & 1;
}

/* Its driver begins elsewhere: what comes is not the rest of it. */
void e1000_tx_drop(struct e1000 *d)
{
	struct e1000_tx *t = &d->r.tx;

	t->open = t->too_long = 0;
	t->bytes = 0;
}

void e1000_tx_reset(struct e1000 *d)
{
	d->r.tx_more = 0;
	memset(&d->r.tx, 0, sizeof(d->r.tx));
	memset(d->r.ctx, 0, sizeof(d->r.ctx));
}
