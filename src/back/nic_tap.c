/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * back/nic_tap.c - a network card's wire: a tap on an open descriptor
 *
 * Runs in the net worker.  What a card sends goes out with one writev(), its
 * checksum and its cutting left to the kernel.  What comes is read a turn at a
 * time, made whole (nic_gso.c) and given to the card; when it has no buffer
 * the frame is kept, and the kernel's queue holds the rest, and drops.
 *
 * A frame that is kept, or not yet cut to its end, has no event of its own.
 * We wait for EPOLLOUT then, which a tap has as long as it is up: so the card
 * is only ever called from the loop, never from inside its own register.
 *
 * Does not make the tap, nor change anything about it.
 */
#include "back/nic_tap.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/virtio_net.h>
#include <stddef.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "back/nic_gso.h"
#include "base/bug.h"
#include "base/log.h"
#include "base/stat.h"

#define FRAMES_PER_TURN	64u		/* given or dropped; then requests
					   get a look */
#define READ_BYTES	(65536u + 64u)	/* the longest of a tap, and tags */

static struct tap {
	struct nic nic;			/* first: our struct nic is this */
	int fd;				/* -1: gone */
	void (*watch)(uint32_t epoll_events);
	void (*forget)(void);
	uint32_t watched;
	bool send_waits;		/* the card has a frame for us */
	bool stopped;			/* the card has no buffer */
	bool down;			/* said once */
	bool failed;			/* nic_tap_fail() */
	/* A frame that is not yet given: */
	uint8_t *kept;			/* in @in.frame; NULL: none */
	size_t kept_bytes;
	bool csum_good;
	struct nic_gso_cut cut;		/* and what of it is left to cut */
	struct {
		struct virtio_net_hdr hdr;
		uint8_t frame[READ_BYTES];
	} in;
	uint8_t header[NIC_GSO_HEADER_MAX];	/* of a large frame going out */
} tap;

static void update_watch(void)
{
	bool more = !tap.stopped && (tap.kept || tap.cut.left_bytes);
	uint32_t want = (tap.stopped ? 0 : EPOLLIN) |
			(tap.send_waits || more ? EPOLLOUT : 0);

	if (tap.failed)
		want = 0;
	if (tap.fd >= 0 && want != tap.watched) {
		tap.watched = want;
		tap.watch(want);
	}
}

static void let_go(void)
{
	/* The supervisor has it, too: closing alone would not end its events. */
	tap.forget();
	close(tap.fd);
	tap.fd = -1;
	tap.kept = NULL;
	tap.cut.left_bytes = 0;
	tap.send_waits = tap.stopped = false;
}

/* Somebody deleted it.  From the loop only: the card is told, and that what
   it keeps for us may go nowhere now. */
static void lose(int cause)
{
	bool waits = tap.send_waits;

	log_errno(cause, "tap is gone, link is down");
	let_go();
	tap.nic.link_up = false;
	if (tap.nic.link_changed)
		tap.nic.link_changed(tap.nic.dev);
	if (waits)
		tap.nic.send_ready(tap.nic.dev);
}

/* ---- to the wire ---- */

static bool is_csum_inside(const struct nic_todo *todo, size_t len)
{
	return todo->csum &&
	       (size_t)todo->csum_start + todo->csum_offset + 2 <= len;
}

/* Moves the first @bytes of what @iov holds to @to; how many entries are used
   up.  There are as many. */
static unsigned int pull(struct iovec *iov, uint8_t *to, size_t bytes)
{
	unsigned int i = 0;

	while (bytes) {
		size_t n = iov[i].iov_len < bytes ? iov[i].iov_len : bytes;

		memcpy(to, iov[i].iov_base, n);
		to += n;
		bytes -= n;
		iov[i].iov_base = (uint8_t *)iov[i].iov_base + n;
		iov[i].iov_len -= n;
		if (bytes)
			i++;
	}
	return i;
}

/* What fits one segment is not to be cut. */
static void set_gso(struct virtio_net_hdr *h, const struct nic_todo *todo,
		    size_t len)
{
	if (len - todo->header_bytes <= todo->gso_bytes)
		return;
	h->gso_type = todo->gso == NIC_GSO_TCPV4 ?
		VIRTIO_NET_HDR_GSO_TCPV4 : VIRTIO_NET_HDR_GSO_TCPV6;
	h->gso_size = todo->gso_bytes;
	h->hdr_len = todo->header_bytes;
}

/*
 * Fills in @h and, where the kernel is to cut, a private copy of the headers:
 * in guest memory they could change.  @iov: [0] for @h, [1] for the headers,
 * then the frame.  How many entries after [1] the headers used up.
 */
static unsigned int prepare(struct virtio_net_hdr *h, struct iovec *iov,
			    const struct nic_todo *todo, size_t len)
{
	unsigned int used = 0;

	*h = (struct virtio_net_hdr){ 0 };
	iov[0] = (struct iovec){ h, sizeof(*h) };
	iov[1] = (struct iovec){ tap.header, 0 };
	if (!is_csum_inside(todo, len))
		return 0;
	if (todo->gso != NIC_GSO_NONE) {
		if (!todo->gso_bytes || todo->header_bytes > len ||
		    todo->header_bytes > NIC_GSO_HEADER_MAX)
			return 0;
		used = pull(iov + 2, tap.header, todo->header_bytes);
		iov[1].iov_len = todo->header_bytes;
		if (!nic_gso_fill_header(tap.header, len, todo))
			return used;
		set_gso(h, todo, len);
	}
	h->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	h->csum_start = todo->csum_start;
	h->csum_offset = todo->csum_offset;
	return used;
}

/* May the kernel get it?  Guests choose both lengths. */
static bool is_sane(const struct virtio_net_hdr *h, size_t len)
{
	if (h->gso_type == VIRTIO_NET_HDR_GSO_NONE)
		return len <= NIC_SEND_WHOLE;
	return h->gso_size >= NIC_MSS_MIN &&
	       (size_t)h->hdr_len + h->gso_size <= NIC_FRAME_MAX;
}

/* 0, or -EAGAIN; all else is a frame lost on the wire. */
static int send_failed(int cause)
{
	switch (cause) {
	case EAGAIN:
		stat_add(STAT_NET_WAITS + STAT_SEND, 1);
		tap.send_waits = true;
		update_watch();
		return -EAGAIN;
	case EIO:		/* the hotplug script has not run, or has again */
	case ENETDOWN:
		if (!tap.down)
			log_info("tap is not up, frames are dropped");
		tap.down = true;
		break;
	case EBADFD:		/* the loop will meet it */
	case ENODEV:
	case ENOBUFS:
	case ENOMEM:
		break;
	default:
		guest_warn("frame is refused by the tap: errno=%d", cause);
	}
	stat_add(STAT_NET_DROPS + STAT_SEND, 1);
	return 0;
}

static int send_frame(struct nic *nic, const struct iovec *iov,
		      unsigned int iov_count, const struct nic_todo *todo)
{
	struct iovec out[NIC_SEND_IOVS + 2];
	struct virtio_net_hdr h;
	unsigned int used;
	size_t len = 0;
	ssize_t r;

	(void)nic;
	bug_on(iov_count > NIC_SEND_IOVS);
	for (unsigned int i = 0; i < iov_count; i++) {
		out[i + 2] = iov[i];
		len += iov[i].iov_len;
	}
	if (tap.fd < 0 || tap.failed || len < NIC_HEADER_BYTES || len > NIC_SEND_MAX) {
		stat_add(STAT_NET_DROPS + STAT_SEND, 1);
		return 0;
	}
	used = prepare(&h, out, todo, len);
	if (!is_sane(&h, len)) {
		guest_warn("frame to send dropped: len_bytes=%zu segment_bytes=%u",
			   len, h.gso_size);
		stat_add(STAT_NET_DROPS + STAT_SEND, 1);
		return 0;
	}
	if (used) {	/* over what the headers used up */
		out[used + 1] = out[1];
		out[used] = out[0];
	}
	do
		r = writev(tap.fd, out + used, (int)(iov_count + 2 - used));
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return send_failed(errno);
	tap.down = false;
	stat_add(STAT_NET_FRAMES + STAT_SEND, 1);
	stat_add(STAT_NET_BYTES + STAT_SEND, len);
	return 0;
}

/* ---- from the wire ---- */

/* The frame in @tap.in, @len bytes, becomes what is kept or cut. */
static bool take(size_t len)
{
	const struct virtio_net_hdr *h = &tap.in.hdr;
	bool needs_csum = h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM;

	tap.csum_good = needs_csum || (h->flags & VIRTIO_NET_HDR_F_DATA_VALID);
	switch (h->gso_type & ~VIRTIO_NET_HDR_GSO_ECN) {
	case VIRTIO_NET_HDR_GSO_NONE:
		if (len > NIC_FRAME_MAX ||
		    (needs_csum && !nic_gso_complete(tap.in.frame, len,
				h->csum_start, h->csum_offset)))
			return false;
		tap.kept = tap.in.frame;
		tap.kept_bytes = len;
		return true;
	case VIRTIO_NET_HDR_GSO_TCPV4:
		return needs_csum && nic_gso_begin(&tap.cut, tap.in.frame, len,
			NIC_GSO_TCPV4, h->csum_start, h->gso_size);
	case VIRTIO_NET_HDR_GSO_TCPV6:
		return needs_csum && nic_gso_begin(&tap.cut, tap.in.frame, len,
			NIC_GSO_TCPV6, h->csum_start, h->gso_size);
	default:
		return false;		/* what nobody asked for */
	}
}

/* False: there is no frame; @cause 0: the end of all.  Whatever else the kernel
   says is of one frame, which it has thrown away: of a large one that no header
   can describe, EINVAL (tun.c, tun_put_user()). */
static bool read_failed(int cause)
{
	switch (cause) {
	case EAGAIN:
	case EIO:
	case ENETDOWN:
	case ENOBUFS:
	case ENOMEM:
		return false;
	case 0:
	case EBADF:
	case EBADFD:
	case ENODEV:
		lose(cause);
		return false;
	default:
		stat_add(STAT_NET_DROPS + STAT_RECEIVE, 1);
		guest_warn("frame from the tap is dropped: errno=%d", cause);
		return true;
	}
}

/* One frame from the tap.  False: there is none. */
static bool read_frame(void)
{
	ssize_t r;

	do
		r = read(tap.fd, &tap.in, sizeof(tap.in));
	while (r < 0 && errno == EINTR);
	if (r <= 0)
		return read_failed(r ? errno : 0);
	/* One that filled the buffer may have been longer. */
	if ((size_t)r < sizeof(tap.in.hdr) + NIC_HEADER_BYTES ||
	    (size_t)r == sizeof(tap.in) ||
	    !take((size_t)r - sizeof(tap.in.hdr))) {
		stat_add(STAT_NET_DROPS + STAT_RECEIVE, 1);
		guest_warn("frame from the tap is dropped: len_bytes=%zd flags=%u gso=%u",
			   r, tap.in.hdr.flags, tap.in.hdr.gso_type);
	}
	return true;
}

static void give(void)
{
	if (!tap.nic.receive(tap.nic.dev, tap.kept, tap.kept_bytes,
			     tap.csum_good)) {
		stat_add(STAT_NET_WAITS + STAT_RECEIVE, 1);
		tap.stopped = true;
		return;
	}
	stat_add(STAT_NET_FRAMES + STAT_RECEIVE, 1);
	stat_add(STAT_NET_BYTES + STAT_RECEIVE, tap.kept_bytes);
	tap.kept = NULL;
}

static void receive_turn(void)
{
	bool gave = false;

	for (unsigned int n = 0; n < FRAMES_PER_TURN && !tap.stopped; n++) {
		if (!tap.kept)
			tap.kept = nic_gso_next(&tap.cut, &tap.kept_bytes);
		if (!tap.kept && !read_frame())
			break;
		if (!tap.kept)
			tap.kept = nic_gso_next(&tap.cut, &tap.kept_bytes);
		if (!tap.kept)
			continue;
		give();
		gave = gave || !tap.stopped;
	}
	if (gave && tap.nic.received)
		tap.nic.received(tap.nic.dev);
}

void nic_tap_event(void *arg, uint32_t epoll_events)
{
	(void)arg;
	if (tap.fd < 0)
		return;
	if (tap.failed) {	/* it is gone: nobody would miss it */
		let_go();
		return;
	}
	if (tap.send_waits && (epoll_events & EPOLLOUT)) {
		tap.send_waits = false;
		tap.nic.send_ready(tap.nic.dev);
	}
	/* Stopped, only a tap that is gone has something to say. */
	if (tap.stopped && (epoll_events & (EPOLLERR | EPOLLHUP)))
		lose(ENODEV);
	else
		receive_turn();
	update_watch();
}

static void receive_ready(struct nic *nic)
{
	(void)nic;
	tap.stopped = false;
	update_watch();
}

/* ---- life ---- */

static void close_tap(struct nic *nic)
{
	(void)nic;
	if (tap.fd < 0)
		return;
	if (stat_own)
		log_info("tap is closed: sent=%" PRIu64 " send_drops=%" PRIu64
			 " received=%" PRIu64 " receive_drops=%" PRIu64,
			 stat_get(STAT_NET_FRAMES + STAT_SEND),
			 stat_get(STAT_NET_DROPS + STAT_SEND),
			 stat_get(STAT_NET_FRAMES + STAT_RECEIVE),
			 stat_get(STAT_NET_DROPS + STAT_RECEIVE));
	else
		log_info("tap is closed");
	let_go();
}

static const struct nic_ops tap_ops = {
	.send = send_frame, .receive_ready = receive_ready, .close = close_tap,
};

struct nic *nic_tap_open(int fd, const uint8_t mac[NIC_MAC_BYTES],
			 void (*watch)(uint32_t epoll_events),
			 void (*forget)(void))
{
	/* Not the frame: that would make all its pages. */
	memset(&tap, 0, offsetof(struct tap, in));
	tap.nic.ops = &tap_ops;
	tap.nic.link_up = fd >= 0;
	memcpy(tap.nic.mac, mac, NIC_MAC_BYTES);
	tap.fd = fd;
	tap.watch = watch;
	tap.forget = forget;
	tap.watched = EPOLLIN;
	return &tap.nic;
}

void nic_tap_fail(void)
{
	tap.failed = true;
	tap.nic.link_up = false;
	update_watch();
}
