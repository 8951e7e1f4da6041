/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/lib/nicrig.c - see nicrig.h
 */
#include "nicrig.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int send(struct nic *n, const struct iovec *iov, unsigned int iov_count,
		const struct nic_todo *todo)
{
	struct nicrig *r = (struct nicrig *)n;
	struct nicrig_frame *f;
	size_t at = 0;

	if (r->full) {
		r->refused++;
		return -EAGAIN;
	}
	if (r->closed || r->sent_count++ >= NICRIG_SENT)
		return 0;
	f = &r->sent[r->sent_count - 1];
	f->todo = *todo;
	for (unsigned int i = 0; i < iov_count; i++)
		f->len_bytes += iov[i].iov_len;
	f->bytes = malloc(f->len_bytes ? f->len_bytes : 1);
	if (!f->bytes)
		abort();
	for (unsigned int i = 0; i < iov_count; at += iov[i++].iov_len)
		if (iov[i].iov_len)
			memcpy(f->bytes + at, iov[i].iov_base, iov[i].iov_len);
	return 0;
}

static void receive_ready(struct nic *n)
{
	((struct nicrig *)n)->ready_count++;
}

static void close_nic(struct nic *n)
{
	((struct nicrig *)n)->closed = true;
}

static const struct nic_ops ops = {
	.send = send, .receive_ready = receive_ready, .close = close_nic,
};

void nicrig_clear(struct nicrig *r)
{
	for (unsigned int i = 0; i < NICRIG_SENT; i++)
		free(r->sent[i].bytes);
	memset(r->sent, 0, sizeof(r->sent));
	r->sent_count = r->refused = r->ready_count = 0;
}

void nicrig_init(struct nicrig *r, const uint8_t mac[NIC_MAC_BYTES])
{
	nicrig_clear(r);
	memset(r, 0, sizeof(*r));
	r->nic.ops = &ops;
	r->nic.link_up = true;
	memcpy(r->nic.mac, mac, NIC_MAC_BYTES);
}

bool nicrig_give(struct nicrig *r, const void *frame, size_t len_bytes,
		 bool csum_good)
{
	bool taken = r->nic.receive(r->nic.dev, frame, len_bytes, csum_good);

	r->nic.received(r->nic.dev);
	return taken;
}

void nicrig_drain(struct nicrig *r)
{
	r->full = false;
	r->nic.send_ready(r->nic.dev);
}

void nicrig_link(struct nicrig *r, bool up)
{
	r->nic.link_up = up;
	r->nic.link_changed(r->nic.dev);
}
