/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dev/e1000_offload.c - 82540EM: checksums, large sends and tags
 *
 * Runs in the net worker, once per frame to send, whose bytes are private by
 * now.  What one TCP or UDP checksum over the rest of the frame is, and cutting
 * a large send, are left to the host; everything else is done here, in the copy
 * of the frame's head that is sent in its place.  Offsets come from the guest:
 * each is compared with the frame's length where it is used, and what lies
 * outside is not done.
 */
#include <string.h>

#include "dev/e1000_core.h"

#define TXD_CMD_IC	0x04000000u	/* legacy: insert a checksum */
#define TXD_CMD_TSE	0x04000000u	/* data: large send */
#define TXD_CMD_DEXT	0x20000000u
#define TXD_CMD_VLE	0x40000000u
#define POPTS_IXSM	0x01u
#define POPTS_TXSM	0x02u
#define TUCMD_TCP	0x01000000u	/* in paylen_cmd */
#define TUCMD_IP	0x02000000u	/* IPv4 */

#define IP4_MIN		20u
#define IP6_BYTES	40u
#define TCP_MIN		20u
#define IP_MAX		65535u

/* ---- sums ---- */

static uint16_t fold(uint64_t s)
{
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return (uint16_t)s;
}

/*
 * RFC 1071: the sum may be taken in any byte order; it is swapped at the end.
 * Four bytes at once, 64 bits to carry into.
 */
static uint16_t sum(const uint8_t *p, size_t len_bytes)
{
	uint64_t s = 0;
	uint8_t last[4] = { 0 };

	for (; len_bytes >= 4; p += 4, len_bytes -= 4)
		s += le32_get(p);
	memcpy(last, p, len_bytes);
	return __builtin_bswap16(fold(s + le32_get(last)));
}

uint16_t e1000_csum(const uint8_t *p, size_t len_bytes)
{
	return (uint16_t)~sum(p, len_bytes);
}

/* ---- one frame ---- */

/* Its first E1000_HEAD_BYTES are those at @head. */
struct work {
	struct e1000_tx *t;
	uint8_t *head;
	const uint8_t *bytes;
	const struct e1000_ctx *ctx;
};

_Static_assert(E1000_HEAD_BYTES >= UINT8_MAX + 2 &&
	       E1000_HEAD_BYTES >= NIC_FRAME_MIN, "what is written is in the head");

/* [start, end) of a frame that is in two pieces. */
static uint16_t sum_of(const struct work *w, uint32_t start, uint32_t end)
{
	uint32_t cut = end < E1000_HEAD_BYTES ? end : E1000_HEAD_BYTES;
	uint16_t first, rest;

	if (start >= E1000_HEAD_BYTES)
		return sum(w->bytes + start, end - start);
	first = sum(w->head + start, cut - start);
	rest = sum(w->bytes + cut, end - cut);
	/* An odd first piece: the bytes of the second are the other way. */
	if ((cut - start) % 2)
		rest = __builtin_bswap16(rest);
	return fold((uint64_t)first + rest);
}

/* @end: behind the last byte summed.  SDM 3.5: what is at @to is included.
   @to is below 256. */
static void put_csum(struct work *w, uint32_t start, uint32_t to, uint32_t end)
{
	if (end > w->t->len)
		end = w->t->len;
	if (start < end && to + 2 <= w->t->len)
		be16_put(w->head + to, (uint16_t)~sum_of(w, start, end));
}

/* The host can sum to the end only, and not store before the start. */
static void ask_csum(struct work *w, uint32_t start, uint32_t to, uint32_t end)
{
	struct e1000_tx *t = w->t;

	if (end < t->len || to < start) {
		put_csum(w, start, to, end);
		return;
	}
	if (start >= t->len || to + 2 > t->len)
		return;
	t->csum = 1;
	t->csum_start = (uint16_t)start;
	t->csum_offset = (uint16_t)(to - start);
}

/* CSE fields: the last byte, 0: the frame's. */
static uint32_t end_of(uint16_t cse)
{
	return cse ? (uint32_t)cse + 1 : UINT32_MAX;
}

static void do_popts(struct work *w)
{
	const struct e1000_ctx *c = w->ctx;

	if (w->t->popts & POPTS_IXSM)
		put_csum(w, c->ipcss, c->ipcso, end_of(c->ipcse));
	if (w->t->popts & POPTS_TXSM)
		ask_csum(w, c->tucss, c->tucso, end_of(c->tucse));
}

_Static_assert(E1000_TX_MAX - NIC_HEADER_BYTES <= IP_MAX, "IP's length field");

/* Can the host cut it?  Then headers have the lengths of the whole. */
static bool is_large_send(const struct work *w)
{
	const struct e1000_ctx *c = w->ctx;
	uint32_t len = w->t->len, hdr = c->hdrlen;
	uint32_t ip = c->paylen_cmd & TUCMD_IP ? IP4_MIN : IP6_BYTES;

	return (c->paylen_cmd & TUCMD_TCP) && (w->t->popts & POPTS_TXSM) &&
		c->mss && len > hdr &&
		c->ipcss >= NIC_HEADER_BYTES && c->ipcss + ip <= c->tucss &&
		c->tucss + TCP_MIN <= hdr && c->tucso >= c->tucss &&
		c->tucso + 2u <= hdr;
}

/*
 * SDM 3.5: the driver leaves lengths to the card, also the one in the pseudo
 * header.  PAYLEN only repeats what the data descriptors add up to.
 */
static void do_large_send(struct work *w)
{
	const struct e1000_ctx *c = w->ctx;
	struct e1000_tx *t = w->t;
	uint8_t *ip = w->head + c->ipcss, *csum = w->head + c->tucso;
	uint32_t end = end_of(c->ipcse);

	if (c->paylen_cmd & TUCMD_IP)
		be16_put(ip + 2, (uint16_t)(t->len - c->ipcss));
	else
		be16_put(ip + 4, (uint16_t)(t->len - c->ipcss - IP6_BYTES));
	be16_put(csum, fold((uint64_t)be16_get(csum) + t->len - c->tucss));
	/* Of the headers: they are repeated, the data is not. */
	if ((t->popts & POPTS_IXSM) && c->ipcso + 2u <= c->hdrlen)
		put_csum(w, c->ipcss, c->ipcso,
			 end < c->hdrlen ? end : c->hdrlen);
	t->csum = 1;
	t->csum_start = c->tucss;
	t->csum_offset = (uint16_t)(c->tucso - c->tucss);
	if (t->len - c->hdrlen <= c->mss)
		return;
	t->gso = c->paylen_cmd & TUCMD_IP ? NIC_GSO_TCPV4 : NIC_GSO_TCPV6;
	t->gso_bytes = c->mss;
	t->header_bytes = c->hdrlen;
}

static void insert_tag(struct e1000 *d, struct e1000_tx *t)
{
	uint8_t *frame = d->tx[t->buf & 1].head;

	memmove(frame, frame + E1000_TAG_BYTES, 2 * NIC_MAC_BYTES);
	be16_put(frame + 12, (uint16_t)d->r.vet);
	be16_put(frame + 14, t->special);
	t->start = 0;
	t->len += E1000_TAG_BYTES;
	if (t->csum)
		t->csum_start += E1000_TAG_BYTES;
	if (t->gso)
		t->header_bytes += E1000_TAG_BYTES;
}

bool e1000_offload(struct e1000 *d)
{
	struct e1000_tx *t = &d->r.tx;
	bool data = t->cmd & TXD_CMD_DEXT;
	struct e1000_frame *f = &d->tx[t->buf & 1];
	struct work w = {
		.t = t, .head = f->head + E1000_TAG_BYTES, .bytes = f->bytes,
		.ctx = &d->r.ctx[data && (t->cmd & TXD_CMD_TSE)],
	};

	t->start = E1000_TAG_BYTES;
	t->len = t->bytes;
	memcpy(w.head, f->bytes,
	       t->len < E1000_HEAD_BYTES ? t->len : E1000_HEAD_BYTES);
	t->csum = t->gso = 0;
	t->csum_start = t->csum_offset = t->gso_bytes = t->header_bytes = 0;
	if (!data && (t->cmd & TXD_CMD_IC))
		ask_csum(&w, t->css, t->cso, UINT32_MAX);
	else if (data && (t->cmd & TXD_CMD_TSE) && is_large_send(&w))
		do_large_send(&w);
	else if (data)
		do_popts(&w);
	if (t->len < NIC_FRAME_MIN && (d->r.tctl & TCTL_PSP)) {
		memset(w.head + t->len, 0, NIC_FRAME_MIN - t->len);
		t->len = NIC_FRAME_MIN;
	}
	if (t->len < NIC_HEADER_BYTES || (!t->gso && t->len > NIC_FRAME_MAX))
		return false;
	if ((t->cmd & TXD_CMD_VLE) && (d->r.ctrl & CTRL_VME))
		insert_tag(d, t);
	return true;
}

void e1000_offload_here(const struct e1000_tx *t, uint8_t *frame)
{
	if (t->csum)
		be16_put(frame + t->csum_start + t->csum_offset,
			 e1000_csum(frame + t->csum_start,
				    t->len - t->csum_start));
}
