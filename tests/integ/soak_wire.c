/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/integ/soak_wire.c - a driver and its peer that check every frame
 *
 * Runs in soak_machine.  The peer is a packet socket on the host's side of the
 * tap, which goes with each device model.  What is sent has to arrive, perhaps
 * twice; what arrives has to be whole, once and in order, though some may be
 * missing.  Other frames (the host's own) are passed over.
 */
#include "soak_wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net_frame.h"
#include "net_guest.h"

#define FRAMES		(1u << 24)	/* numbers there are */
#define AT_ONCE		6
#define ROOM_BYTES	(64 << 20)

struct soak_wire soak_wire;
static struct net_guest n;
static uint8_t seen[FRAMES / 8];
static int peer = -1;

/* 1, 0 if wrong, -1 if it is none of ours. */
static int look(const uint8_t *p, size_t len, enum net_frame_from from,
		uint32_t *seq)
{
	if (len < ETH_HLEN || (p[12] << 8 | p[13]) != NET_FRAME_TYPE)
		return -1;
	return net_frame_is_right(p, len, from, seq) && *seq < FRAMES;
}

/* ---- the guest ---- */

void soak_wire_begin(struct fakeguest *g, const char *model, unsigned int slot)
{
	net_guest_start(&n, g, model, slot);
}

static void receive_some(void)
{
	static uint8_t p[4096];
	static uint32_t next;
	bool good;
	size_t len;

	for (int i = 0; i < 16 && (len = net_guest_receive(&n, p, &good, false, 0)); i++) {
		uint32_t seq;
		int is = look(p, len, NET_FRAME_HOST, &seq);

		if (is < 0)
			continue;
		soak_wire.in_good += is == 1;
		soak_wire.in_wrong += is == 0;
		soak_wire.in_disorder += is == 1 && seq < next;
		next = is == 1 ? seq + 1 : next;
	}
}

void soak_wire_drive(bool ending)
{
	uint8_t p[NET_FRAME_MAX];
	int i = 0;

	for (; i < AT_ONCE && !ending && soak_wire.posted < FRAMES; i++) {
		if (!net_guest_post(&n, p,
				    net_frame_make(p, soak_wire.posted, NET_FRAME_GUEST)))
			break;
		soak_wire.posted++;
	}
	if (i)
		net_guest_doorbell(&n);
	soak_wire.left = net_guest_reclaim(&n);
	receive_some();
}

/* ---- the peer ---- */

/* The kernel counts anew each time. */
static void count_overrun(void)
{
	struct tpacket_stats is = { 0 };
	socklen_t len = sizeof(is);

	if (getsockopt(peer, SOL_PACKET, PACKET_STATISTICS, &is, &len) == 0)
		soak_wire.overrun += is.tp_drops;
}

static void tell_wrong(const uint8_t *p, size_t len, uint32_t seq)
{
	uint8_t want[NET_FRAME_MAX];
	size_t due = net_frame_make(want, seq, NET_FRAME_GUEST), at = 0;

	while (at < len && at < due && p[at] == want[at])
		at++;
	if (soak_wire.out_wrong++ < 5)
		fprintf(stderr, "# frame %u of %u: %zu bytes of %zu, from %zu on it is wrong\n",
			seq, soak_wire.posted, len, due, at);
}

static void take_all(void)
{
	uint8_t p[70000];
	ssize_t len;

	while ((len = recv(peer, p, sizeof(p), MSG_DONTWAIT)) > 0) {
		uint32_t seq;
		int is = look(p, (size_t)len, NET_FRAME_GUEST, &seq);
		uint8_t bit;

		if (is < 0)
			continue;
		if (!is) {
			tell_wrong(p, (size_t)len, seq);
			continue;
		}
		bit = (uint8_t)(1u << seq % 8);
		soak_wire.out_good++;
		soak_wire.out_twice += !!(seen[seq / 8] & bit);
		seen[seq / 8] |= bit;
	}
	count_overrun();
}

void soak_wire_peer(bool ending)
{
	uint8_t p[NET_FRAME_MAX];

	if (peer < 0)
		return;
	take_all();
	for (int i = 0; i < 2 && !ending && soak_wire.given < FRAMES; i++) {
		size_t len = net_frame_make(p, soak_wire.given, NET_FRAME_HOST);

		if (send(peer, p, len, MSG_DONTWAIT) != (ssize_t)len)
			return;
		soak_wire.given++;
	}
}

unsigned int soak_wire_missing(void)
{
	unsigned int missing = 0;

	for (unsigned int i = 0; i < soak_wire.posted; i++)
		missing += !(seen[i / 8] >> i % 8 & 1);
	return missing;
}

/* Of the host's own chatter as little as can be. */
static void quiet(const char *name)
{
	char path[80];
	int fd;

	snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/disable_ipv6", name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd >= 0 && write(fd, "1", 1) != 1)
		perror(path);
	if (fd >= 0)
		close(fd);
}

bool soak_wire_connect(const char *name)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL) };
	const int room = ROOM_BYTES, yes = 1;
	struct ifreq ifr = { 0 };
	/* Of no protocol yet: until bind() it would hear every interface, and
	   take the frames of another such test for its own. */
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return false;
	quiet(name);
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	/* What it sends itself it need not see. */
	setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &yes, sizeof(yes));
	at.sll_ifindex = (int)if_nametoindex(name);
	if (!at.sll_ifindex || bind(fd, (struct sockaddr *)&at, sizeof(at)) ||
	    ioctl(fd, SIOCGIFFLAGS, &ifr)) {
		close(fd);
		return false;
	}
	ifr.ifr_flags |= IFF_UP;
	if (ioctl(fd, SIOCSIFFLAGS, &ifr)) {
		close(fd);
		return false;
	}
	if (peer >= 0) {
		take_all();
		close(peer);
	}
	peer = fcntl(fd, F_DUPFD_CLOEXEC, FAKEGUEST_FDS);
	close(fd);
	return peer >= 0;
}
