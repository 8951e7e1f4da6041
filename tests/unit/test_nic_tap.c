/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/test_nic_tap.c - the net worker's tap: over a socket, and a real
 *                             one where there is one to be had
 *
 * The test is the card and the loop.  On a real tap a packet socket is the
 * other end, so that the kernel itself judges our headers and makes large
 * frames for us.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "abi/log_msg.h"
#include "back/nic_tap.h"
#include "base/log.h"
#include "base/mac.h"
#include "base/stat.h"
#include "framekit.h"
#include "tap.h"

#define HDR	sizeof(struct virtio_net_hdr)
#define KEPT	300u

static const uint8_t mac[6] = { 0x00, 0x16, 0x3e, 1, 2, 3 };
static struct stat_block block;
static struct nic *nic;
static int ours;			/* the tap's descriptor */
static uint32_t watched;
static unsigned int watch_changes;
static bool forgotten;			/* while it was open */

/* The card. */
static struct {
	unsigned int room;		/* frames it takes */
	unsigned int got, received_calls, ready_calls, link_calls;
	size_t len[KEPT];
	bool good[KEPT];
	uint8_t last[FRAMEKIT_MAX];
	uint64_t bytes;
	bool all_right;			/* checksums of frames like @kit */
	const struct framekit *kit;
} card;

static void watch(uint32_t events)
{
	watched = events;
	watch_changes++;
}

static void forget(void)
{
	forgotten = fcntl(ours, F_GETFD) >= 0;
}

static bool receive(void *dev, const uint8_t *frame, size_t len, bool good)
{
	(void)dev;
	if (card.got == card.room)
		return false;
	card.len[card.got % KEPT] = len;
	card.good[card.got % KEPT] = good;
	memcpy(card.last, frame, len);
	card.bytes += len;
	if (card.kit && !framekit_is_right(card.kit, frame, len))
		card.all_right = false;
	card.got++;
	return true;
}

static void received(void *dev) { (void)dev; card.received_calls++; }
static void send_ready(void *dev) { (void)dev; card.ready_calls++; }
static void link_changed(void *dev) { (void)dev; card.link_calls++; }

static void begin(int fd)
{
	memset(&card, 0, sizeof(card));
	card.room = UINT_MAX;
	card.all_right = true;
	memset(&block, 0, sizeof(block));
	ours = fd;
	watched = EPOLLIN;
	watch_changes = 0;
	stat_own = &block;
	forgotten = false;
	nic = nic_tap_open(fd, mac, watch, forget);
	nic->receive = receive;
	nic->received = received;
	nic->send_ready = send_ready;
	nic->link_changed = link_changed;
}

/* One turn of the loop, as epoll would have it. */
static bool turn(void)
{
	struct pollfd p = { .fd = ours, .events = (short)watched };

	if (poll(&p, 1, 0) != 1)
		return false;
	nic_tap_event(NULL, (uint32_t)p.revents);
	return true;
}

static int begin_pair(void)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair))
		exit(1);
	begin(pair[0]);
	return pair[1];
}

static int send_all(const void *frame, size_t len, const struct nic_todo *todo)
{
	const struct iovec iov = { (void *)(uintptr_t)frame, len };

	return nic->ops->send(nic, &iov, 1, todo);
}

static const struct nic_todo plain;
static uint8_t frame[FRAMEKIT_MAX], packet[FRAMEKIT_MAX];

/* A packet as the tap's other end: @h, then a frame. */
static bool put(int fd, const struct virtio_net_hdr *h, const uint8_t *f, size_t len)
{
	struct iovec iov[2] = { { (void *)(uintptr_t)h, HDR },
				{ (void *)(uintptr_t)f, len } };

	return writev(fd, iov, 2) == (ssize_t)(HDR + len);
}

/* ---- sending ---- */

static void test_send(void)
{
	int peer = begin_pair();
	struct iovec iov[4] = { { frame, 5 }, { frame + 5, 0 }, { frame + 5, 55 },
				{ frame + 60, 40 } };
	struct virtio_net_hdr none = { 0 };
	ssize_t r;

	for (unsigned int i = 0; i < 100; i++)
		frame[i] = (uint8_t)(i * 3);
	ok(nic->ops->send(nic, iov, 4, &plain) == 0, "a frame in pieces is taken");
	r = read(peer, packet, sizeof(packet));
	ok(r == (ssize_t)(HDR + 100) && !memcmp(packet, &none, HDR) &&
	   !memcmp(packet + HDR, frame, 100), "it arrives whole, nothing to do");
	ok(send_all(frame, 13, &plain) == 0 && send_all(frame, 65551, &plain) == 0 &&
	   read(peer, packet, sizeof(packet)) < 0, "too short and too long ones do not");
	is_hex(stat_get(STAT_NET_DROPS + STAT_SEND), 2, "but count as dropped");
	is_hex(stat_get(STAT_NET_FRAMES + STAT_SEND), 1, "one was sent");
	is_hex(stat_get(STAT_NET_BYTES + STAT_SEND), 100, "of 100 bytes");
	close(peer);
	nic->ops->close(nic);
}

/* What the tap was told about the last packet of @fd. */
static struct virtio_net_hdr told(int fd, size_t *len)
{
	struct virtio_net_hdr h = { .flags = 0xff };
	ssize_t r = read(fd, packet, sizeof(packet));

	memcpy(&h, packet, HDR);
	*len = r < (ssize_t)HDR ? 0 : (size_t)r - HDR;
	return h;
}

static void test_todo(void)
{
	int peer = begin_pair();
	const struct framekit k = { .payload_bytes = 5000, .tcp_options = 12 };
	size_t len = framekit_make(&k, frame), got;
	struct nic_todo csum = { .csum = true, .csum_start = 34, .csum_offset = 16 };
	struct nic_todo gso = { .csum = true, .csum_start = 34, .csum_offset = 16,
		.gso = NIC_GSO_TCPV4, .gso_bytes = 1448, .header_bytes = 66 };
	struct virtio_net_hdr h;
	unsigned int plains = 0;

	send_all(frame, len, &csum);
	h = told(peer, &got);
	ok(h.flags == VIRTIO_NET_HDR_F_NEEDS_CSUM && h.csum_start == 34 &&
	   h.csum_offset == 16 && h.gso_type == 0 && got == len, "a checksum is left to do");
	memset(frame + 16, 0, 2);	/* as drivers do */
	memset(frame + 24, 0, 2);
	memset(frame + 50, 0, 2);
	for (unsigned int cut = 0; cut < 3; cut++) {
		const size_t at[3] = { 10, 66, 100 };
		struct iovec iov[3] = { { frame, at[cut] }, { frame + at[cut], 3 },
			{ frame + at[cut] + 3, len - at[cut] - 3 } };

		nic->ops->send(nic, iov, 3, &gso);
		h = told(peer, &got);
		ok(h.gso_type == VIRTIO_NET_HDR_GSO_TCPV4 && h.gso_size == 1448 &&
		   h.hdr_len == 66 && h.flags == VIRTIO_NET_HDR_F_NEEDS_CSUM &&
		   got == len && !memcmp(packet + HDR + 66, frame + 66, len - 66),
		   "a large send, its headers split at %zu", at[cut]);
		ok(framekit_be16(packet + HDR + 16) == len - 14 &&
		   framekit_be16(frame + 16) == 0,
		   "its length is filled in, in a copy");
	}
	send_all(frame, 66 + 1448, &gso);
	h = told(peer, &got);
	ok(h.gso_type == 0 && h.flags == VIRTIO_NET_HDR_F_NEEDS_CSUM &&
	   framekit_be16(packet + HDR + 16) == 66 + 1448 - 14,
	   "what fits one segment only has a checksum to do");
	/* What does not fit the frame is as if it were not there. */
	for (unsigned int i = 0; i < 7; i++) {
		struct nic_todo bad[7] = { csum, csum, gso, gso, gso, gso, gso };

		bad[0].csum_start = (uint16_t)(len - 17);
		bad[1].csum_start = bad[1].csum_offset = 65535;
		bad[2].csum = false;
		bad[3].gso_bytes = 0;
		bad[4].header_bytes = 300;
		bad[5].header_bytes = 65535;
		bad[6].gso = NIC_GSO_TCPV6;
		send_all(frame, len, &bad[i]);
		h = told(peer, &got);
		plains += h.flags == 0 && h.gso_type == 0 && h.gso_size == 0 &&
			got == len && !memcmp(packet + HDR, frame, len);
	}
	is_hex(plains, 7, "what does not fit is sent plain");
	close(peer);
	nic->ops->close(nic);
}

/* Lengths that only cost the host: nothing goes out, and it counts. */
static void test_segments(void)
{
	static const struct {
		const char *what;
		size_t payload;
		unsigned int mss;
		bool goes, cut;
	} t[] = {
		{ "an MSS of 0, short", 5000, 0, true, false },
		{ "an MSS of 0, long", 60000, 0, false, false },
		{ "an MSS of 1", 5000, 1, false, false },
		{ "an MSS of 1, and 64 KiB", 65000, 1, false, false },
		{ "an MSS of 47", 5000, 47, false, false },
		{ "an MSS of 48", 5000, 48, true, true },
		{ "an MSS of 1, and one byte", 1, 1, true, false },
		{ "an MSS of 1460", 65000, 1460, true, true },
		{ "the longest segment", 40000, NIC_FRAME_MAX - 54, true, true },
		{ "a longer one", 40000, NIC_FRAME_MAX - 53, false, false },
		{ "an MSS of 65535", 65000, 65535, false, false },
		{ "an MSS longer than the frame", 9000, 9001, true, false },
	};
	int peer = begin_pair();
	uint64_t drops = stat_get(STAT_NET_DROPS + STAT_SEND);

	for (unsigned int i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		const struct framekit k = { .payload_bytes = t[i].payload };
		size_t len = framekit_make(&k, frame), got;
		struct nic_todo todo = { .csum = true, .csum_start = 34,
			.csum_offset = 16, .gso = NIC_GSO_TCPV4, .header_bytes = 54,
			.gso_bytes = (uint16_t)t[i].mss };
		struct virtio_net_hdr h;

		drops += !t[i].goes;
		ok(send_all(frame, len, &todo) == 0, "%s: taken", t[i].what);
		h = told(peer, &got);
		ok(got == (t[i].goes ? len : 0) &&
		   (!t[i].goes || (h.gso_type != 0) == t[i].cut),
		   t[i].goes ? "and sent" : "and dropped");
	}
	ok(send_all(frame, NIC_SEND_WHOLE, &plain) == 0 &&
	   told(peer, &(size_t){ 0 }).flags == 0, "the longest in one piece");
	send_all(frame, NIC_SEND_WHOLE + 1, &plain);
	ok(read(peer, packet, sizeof(packet)) < 0, "none longer");
	is_hex(stat_get(STAT_NET_DROPS + STAT_SEND), drops + 1, "all counted");
	close(peer);
	nic->ops->close(nic);
}

static void test_full(void)
{
	int peer = begin_pair();
	unsigned int sent = 0;

	while (sent < 10000 && send_all(frame, 60, &plain) == 0)
		sent++;
	ok(sent < 10000 && (watched & EPOLLOUT), "a full tap says so, and is waited for");
	is_hex(stat_get(STAT_NET_FRAMES + STAT_SEND), sent, "what it took is counted");
	turn();
	ok(card.ready_calls == 0, "nothing is ready yet");
	while (read(peer, packet, sizeof(packet)) > 0)
		;
	turn();
	ok(card.ready_calls == 1 && watched == EPOLLIN, "then the card is told, once");
	ok(send_all(frame, 60, &plain) == 0, "and may send");
	close(peer);
	nic->ops->close(nic);
}

/* ---- receiving ---- */

static void test_receive(void)
{
	int peer = begin_pair();
	const struct framekit k = { .payload_bytes = 1000, .tags = 1 };
	size_t len = framekit_make(&k, frame);
	struct virtio_net_hdr h = { 0 };

	card.kit = &k;
	put(peer, &h, frame, len);
	h.flags = VIRTIO_NET_HDR_F_DATA_VALID;
	put(peer, &h, frame, len);
	framekit_leave_partial(&k, frame, len);
	h = (struct virtio_net_hdr){ .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.csum_start = (uint16_t)framekit_tcp_at(&k), .csum_offset = 16 };
	put(peer, &h, frame, len);
	turn();
	ok(card.got == 3 && card.received_calls == 1, "three frames, one interrupt");
	ok(!card.good[0] && card.good[1] && card.good[2],
	   "the host vouches for what it knows");
	ok(card.all_right, "and completes a checksum");
	is_hex(stat_get(STAT_NET_BYTES + STAT_RECEIVE), len * 3, "bytes are counted");
	ok(!turn() && watch_changes == 0, "then there is nothing to do");
	close(peer);
	nic->ops->close(nic);
}

static void test_bad_frames(void)
{
	int peer = begin_pair();
	const struct framekit k = { .payload_bytes = 3000 };
	size_t len = framekit_make(&k, frame);
	struct virtio_net_hdr h = { 0 };
	struct virtio_net_hdr gso = { .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = VIRTIO_NET_HDR_GSO_TCPV4, .gso_size = 1000,
		.csum_start = 34, .csum_offset = 16 };
	unsigned int bad = 0;

	put(peer, &h, frame, 13), bad++;
	put(peer, &h, frame, 0), bad++;
	bad += write(peer, frame, 4) == 4;
	put(peer, &h, frame, NIC_FRAME_MAX + 1), bad++;
	put(peer, &h, frame, 65000), bad++;
	h = gso, h.flags = 0;
	put(peer, &h, frame, len), bad++;
	h = gso, h.gso_size = 0;
	put(peer, &h, frame, len), bad++;
	h = gso, h.csum_start = 60000;
	put(peer, &h, frame, len), bad++;
	h = gso, h.gso_type = VIRTIO_NET_HDR_GSO_UDP;
	put(peer, &h, frame, len), bad++;
	h = gso, h.gso_type = VIRTIO_NET_HDR_GSO_NONE, h.csum_start = 65535;
	put(peer, &h, frame, len), bad++;
	/* It fills our buffer: who knows what of it is missing. */
	len = framekit_make(&(struct framekit){ .payload_bytes = 65600 - 54 }, frame);
	put(peer, &gso, frame, len), bad++;
	while (turn())
		;
	ok(card.got == 0 && card.received_calls == 0, "short, long and odd frames: none given");
	is_hex(stat_get(STAT_NET_DROPS + STAT_RECEIVE), bad, "each counts as dropped");
	h = (struct virtio_net_hdr){ 0 };
	put(peer, &h, frame, 14);
	put(peer, &h, frame, NIC_FRAME_MAX);
	turn();
	ok(card.got == 2 && card.len[0] == 14 && card.len[1] == NIC_FRAME_MAX,
	   "the shortest and the longest are given");
	close(peer);
	nic->ops->close(nic);
}

/* A UDP socket has errors that are of one packet, as a tap has. */
static void test_read_error(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) }, own;
	socklen_t len = sizeof(at);
	int peer = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	if (fd < 0 || bind(peer, (struct sockaddr *)&at, sizeof(at)) ||
	    getsockname(peer, (struct sockaddr *)&at, &len) ||
	    connect(fd, (struct sockaddr *)&at, sizeof(at)) ||
	    getsockname(fd, (struct sockaddr *)&own, &len) ||
	    connect(peer, (struct sockaddr *)&own, sizeof(own))) {
		skip("no loopback interface");
		close(fd);
		close(peer);
		return;
	}
	close(peer);
	begin(fd);
	send_all(frame, 60, &plain);
	turn();
	ok(nic->link_up && card.link_calls == 0 &&
	   stat_get(STAT_NET_DROPS + STAT_RECEIVE) == 1,
	   "a frame that cannot be read counts as dropped");
	peer = socket(AF_INET, SOCK_DGRAM, 0);
	if (bind(peer, (struct sockaddr *)&at, sizeof(at)) ||
	    connect(peer, (struct sockaddr *)&own, sizeof(own)))
		perror("# UDP");
	put(peer, &(struct virtio_net_hdr){ 0 }, frame, 60);
	turn();
	ok(card.got == 1, "the next one comes");
	close(peer);
	nic->ops->close(nic);
}

static void test_no_buffer(void)
{
	int peer = begin_pair();
	const struct framekit k = { .payload_bytes = 14480, .v6 = true };
	size_t len = framekit_make(&k, frame);
	struct virtio_net_hdr h = { .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = VIRTIO_NET_HDR_GSO_TCPV6, .gso_size = 1448,
		.csum_start = (uint16_t)framekit_tcp_at(&k), .csum_offset = 16 };

	card.kit = &k;
	card.room = 4;
	put(peer, &h, frame, len);
	turn();
	ok(card.got == 4 && watched == 0, "no buffer: nothing more is waited for");
	ok(!turn(), "nor done");
	card.room = 7;
	nic->ops->receive_ready(nic);
	ok(card.got == 4, "the card is not called from inside its own register");
	ok(turn() && card.got == 7 && watched == 0, "but from the loop");
	card.room = UINT_MAX;
	nic->ops->receive_ready(nic);
	turn();
	ok(card.got == 10 && card.all_right, "all segments arrive, with right checksums");
	is_hex(stat_get(STAT_NET_WAITS + STAT_RECEIVE), 2, "it waited twice");
	ok(watched == EPOLLIN && !turn(), "and we wait for the tap again");
	close(peer);
	nic->ops->close(nic);
}

/* A flood costs so much a turn and no more, whatever it is made of. */
static void test_flood(void)
{
	int peer = begin_pair();
	const struct framekit k = { .payload_bytes = 200 };
	size_t len = framekit_make(&k, frame);
	struct virtio_net_hdr h = { 0 };
	unsigned int put_count = 0, before;

	fcntl(peer, F_SETFL, O_NONBLOCK);
	while (put_count < 200 && put(peer, &h, frame, 60))
		put_count++;
	turn();
	ok(card.got <= 64 && card.received_calls == 1, "%u of %u frames in a turn",
	   card.got, put_count);
	while (turn())
		;
	is_hex(card.got, put_count, "the others in later ones");
	h = (struct virtio_net_hdr){ .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = VIRTIO_NET_HDR_GSO_TCPV4, .gso_size = 1,
		.csum_start = 34, .csum_offset = 16 };
	before = card.got;
	put(peer, &h, frame, len);
	turn();
	is_hex(card.got - before, 64, "segments of a byte: as many");
	ok(watched == (EPOLLIN | EPOLLOUT), "the tap is empty, but there is more to do");
	while (turn())
		;
	is_hex(card.got - before, 200, "all in the end");
	ok(watched == EPOLLIN, "then we wait again");
	h = (struct virtio_net_hdr){ .gso_type = 77 };
	for (put_count = 0; put_count < 200 && put(peer, &h, frame, 60); put_count++)
		;
	turn();
	ok(stat_get(STAT_NET_DROPS + STAT_RECEIVE) <= 64, "rubbish counts like the others");
	close(peer);
	nic->ops->close(nic);
}

/* With nobody counting it does not say that there was nothing. */
static void test_last_line(void)
{
	struct stat_block *mine = stat_own;
	struct log_msg m = { 0 };
	int log[2], peer;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, log))
		return;
	log_init(log[0], "net", LOG_L_INFO);
	for (int counts = 1; counts >= 0; counts--) {
		peer = begin_pair();
		stat_own = counts ? mine : NULL;
		nic->ops->close(nic);
		memset(&m, 0, sizeof(m));
		ok(recv(log[1], &m, sizeof(m), MSG_DONTWAIT) > 0 &&
		   !strstr(m.text, "sent=") == !counts, "closed, %s",
		   counts ? "with figures" : "nobody has counted");
		stat_own = mine;
		close(peer);
	}
	log_init(-1, "test", LOG_L_INFO);
	close(log[0]);
	close(log[1]);
}

static void test_end(void)
{
	int peer = begin_pair();

	nic->ops->close(nic);
	ok(fcntl(ours, F_GETFD) < 0 && errno == EBADF, "unplugged: the tap is closed");
	ok(forgotten, "and was not waited for any more before that");
	ok(write(peer, frame, 60) < 0 && errno == EPIPE, "nobody has it any more");
	ok(send_all(frame, 60, &plain) == 0, "sending goes nowhere");
	nic->ops->receive_ready(nic);
	nic_tap_event(NULL, EPOLLIN);
	nic->ops->close(nic);
	ok(watch_changes == 0, "nothing is waited for");
	close(peer);

	peer = begin_pair();
	close(peer);
	turn();
	ok(card.link_calls == 1 && !nic->link_up, "a tap that goes away: link down");
	ok(fcntl(ours, F_GETFD) < 0 && forgotten, "and is closed");
	ok(send_all(frame, 60, &plain) == 0 && card.link_calls == 1, "said once");

	peer = begin_pair();
	card.room = 0;
	put(peer, &(struct virtio_net_hdr){ 0 }, frame, 60);
	turn();
	close(peer);
	turn();
	ok(card.link_calls == 1, "even while the card has no buffer");

	peer = begin_pair();
	while (send_all(frame, 60, &plain) == 0)
		;
	close(peer);
	nic_tap_event(NULL, EPOLLERR);	/* all that a deleted tap has to say */
	ok(card.link_calls == 1 && card.ready_calls == 1 &&
	   send_all(frame, 60, &plain) == 0,
	   "while the card waits for room: it need not any more");
}

static void test_mac(void)
{
	uint8_t m[6];

	ok(mac_parse("00:16:3e:0A:bC:ff", m) && m[3] == 0x0a && m[4] == 0xbc &&
	   m[5] == 0xff, "an address");
	ok(!mac_parse("", m) && !mac_parse("00:16:3e:0a:bc", m) &&
	   !mac_parse("00:16:3e:0a:bc:ff:", m) &&
	   !mac_parse("00:16:3e:0a:bc:f", m) &&
	   !mac_parse("00-16-3e-0a-bc-ff", m) &&
	   !mac_parse("0:16:3e:0a:bc:ff", m), "others are not");
	ok(!mac_parse("01:00:5e:00:00:01", m), "nor is a group's");
	ok(!mac_parse("00:00:00:00:00:00", m) && mac_parse("00:00:00:00:00:01", m),
	   "nor is none");
}

/* ---- a real tap ---- */

static int open_tap(const char *name)
{
	struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK);

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &ifr) ||
	    ioctl(fd, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 |
		  TUN_F_TSO_ECN))
		return -1;
	return fd;
}

static void set_up(const char *name, bool up)
{
	int s = socket(AF_INET, SOCK_DGRAM, 0);
	struct ifreq ifr = { .ifr_flags = (short)(up ? IFF_UP : 0) };

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	if (ioctl(s, SIOCSIFFLAGS, &ifr))
		perror("# SIOCSIFFLAGS");
	close(s);
}

static int open_packet(const char *name)
{
	struct sockaddr_ll sa = { .sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL), .sll_ifindex = (int)if_nametoindex(name) };
	int s = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, htons(ETH_P_ALL)), on = 1;

	if (s >= 0 && (setsockopt(s, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)) ||
		       bind(s, (struct sockaddr *)&sa, sizeof(sa)))) {
		close(s);
		return -1;
	}
	return s;
}

/* Frames of the kernel's own making (neighbour discovery) are in between. */
static size_t read_ours(int s, struct virtio_net_hdr *h)
{
	struct pollfd p = { .fd = s, .events = POLLIN };

	for (unsigned int i = 0; i < 50 && poll(&p, 1, 2000) == 1; i++) {
		ssize_t r = read(s, packet, sizeof(packet));

		memcpy(h, packet, HDR);
		if (r > (ssize_t)HDR + 14 && packet[HDR] == 2)
			return (size_t)r - HDR;
	}
	return 0;
}

static void test_real_send(int s)
{
	const struct framekit k = { .payload_bytes = 5000 };
	size_t len = framekit_make(&k, frame), got = 0;
	const struct nic_todo gso = { .csum = true, .csum_start = 34, .csum_offset = 16,
		.gso = NIC_GSO_TCPV4, .gso_bytes = 1448, .header_bytes = 54 };
	struct virtio_net_hdr h = { 0 };

	ok(send_all(frame, 60, &plain) == 0 && stat_get(STAT_NET_DROPS + STAT_SEND) == 1,
	   "real tap: not up yet, a frame is lost");
	ok(nic->link_up && card.link_calls == 0, "real tap: which is no news to the card");
	set_up("cloistertest0", true);
	ok(send_all(frame, 1000, &plain) == 0 && (got = read_ours(s, &h)) == 1000 &&
	   !memcmp(packet + HDR, frame, 1000), "real tap: a frame goes out");
	ok(send_all(frame, len, &gso) == 0 && (got = read_ours(s, &h)) == len &&
	   h.gso_type == VIRTIO_NET_HDR_GSO_TCPV4 && h.gso_size == 1448,
	   "real tap: the kernel takes a large send as one");
	if (got != len)
		printf("# %zu of %zu, type %u\n", got, len, h.gso_type);
	is_hex(stat_get(STAT_NET_FRAMES + STAT_SEND), 2, "real tap: both are counted");
}

static void test_real_receive(int s)
{
	struct framekit k = { .payload_bytes = 5000, .v6 = true };
	size_t len = framekit_make(&k, frame);
	struct virtio_net_hdr h = { .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = VIRTIO_NET_HDR_GSO_TCPV6, .gso_size = 1448,
		.hdr_len = (uint16_t)framekit_header_bytes(&k),
		.csum_start = (uint16_t)framekit_tcp_at(&k), .csum_offset = 16 };

	while (turn())
		;
	card.got = 0;
	card.kit = &k;
	card.all_right = true;
	framekit_leave_partial(&k, frame, len);
	ok(put(s, &h, frame, len), "real tap: the kernel has a large frame for us");
	for (int tries = 0; tries < 200 && card.got < 4 && !turn(); tries++)
		usleep(1000);
	ok(card.got == 4 && card.all_right && card.good[0],
	   "real tap: it is cut into segments with right checksums");
}

static void test_real(void)
{
	int fd, s;

	if (geteuid() || unshare(CLONE_NEWNET) ||
	    (fd = open_tap("cloistertest0")) < 0) {
		skip("REAL TAP NOT TRIED: needs root and /dev/net/tun");
		return;
	}
	begin(fd);
	s = open_packet("cloistertest0");
	if (s < 0) {
		skip("REAL TAP NOT TRIED: no packet socket with headers");
		return;
	}
	test_real_send(s);
	test_real_receive(s);
	set_up("cloistertest0", false);
	send_all(frame, 60, &plain);
	ok(nic->link_up, "real tap: taken down, it is still there");
	close(s);
	nic->ops->close(nic);
	ok(if_nametoindex("cloistertest0") == 0, "real tap: closed, it is gone at once");

	begin(open_tap("cloistertest0"));
	if (system("ip link del cloistertest0 2>/dev/null"))
		skip("no ip(8)");
	else
		ok(turn() && card.link_calls == 1,
		   "real tap: deleted under us, link down");
}

/* No tap, and one that may not be used. */
static void test_no_wire(void)
{
	int peer;

	begin(-1);
	ok(!nic->link_up, "no tap: link down");
	ok(send_all(frame, 60, &plain) == 0 && !turn(), "what is sent goes nowhere");
	nic->ops->receive_ready(nic);
	nic->ops->close(nic);
	ok(watch_changes == 0 && card.link_calls == 0, "and nobody is asked");
	peer = begin_pair();
	nic_tap_fail();
	put(peer, &(struct virtio_net_hdr){ 0 }, frame, 60);
	ok(!nic->link_up && watched == 0, "failed: link down, not listened to");
	ok(send_all(frame, 60, &plain) == 0 && read(peer, packet, 100) < 0,
	   "what is sent goes nowhere");
	nic->ops->receive_ready(nic);
	ok(watched == 0 && card.got == 0, "nor does anything come");
	nic->ops->close(nic);
	ok(fcntl(ours, F_GETFD) < 0, "unplug closes it");
	close(peer);
	peer = begin_pair();
	nic_tap_fail();
	close(peer);
	ok(turn() && fcntl(ours, F_GETFD) < 0, "deleted under us: let go");
}

int main(void)
{
	test_no_wire();
	test_send();
	test_todo();
	test_segments();
	test_full();
	test_receive();
	test_bad_frames();
	test_read_error();
	test_no_buffer();
	test_flood();
	test_last_line();
	test_end();
	test_mac();
	test_real();
	return tap_done();
}
