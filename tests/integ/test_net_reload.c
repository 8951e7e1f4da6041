/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/integ/test_net_reload.c - drivers come and go while the wire is busy
 *
 * usage: test_net_reload MODEL.  A peer floods the card with frames, some of
 * them longer or shorter than any driver wants, and takes what it sends.  The
 * driver is stopped at any instant, with frames under way both ways, in each way
 * there is: reset, receiver and transmitter off, no bus master.  From then on
 * its memory is somebody else's: nothing of it changes or is sent.  Then it is
 * loaded again, and frames go both ways.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_net.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "abi/io_msg.h"
#include "base/clock.h"
#include "base/stat.h"
#include "fakefamily.h"
#include "net_frame.h"
#include "net_guest.h"
#include "patience.h"
#include "tap.h"

#define HDR		sizeof(struct virtio_net_hdr)
#define ROUNDS		48u

static struct fakefamily f;
static struct net_guest n;
static int wire = -1;
static const char *model;
static _Atomic bool stop_wire, quiet;
static _Atomic unsigned int out_good, out_wrong;
static unsigned int in_wrong, sent;

/* ---- the peer ---- */

static void take_all(void)
{
	static uint8_t p[70000];
	uint32_t seq;
	ssize_t r;

	while ((r = read(wire, p, sizeof(p))) > 0) {
		if (r > (ssize_t)HDR &&
		    net_frame_is_right(p + HDR, (size_t)r - HDR, NET_FRAME_GUEST,
				       &seq)) {
			out_good++;
			continue;
		}
		if (out_wrong++ < 3)
			printf("# wrong on the wire: %zd bytes, %02x%02x %02x%02x\n",
			       r, p[HDR], p[HDR + 1], p[HDR + 14], p[HDR + 15]);
	}
}

/* Every so often one that no driver here has room for. */
static void give_some(void)
{
	static const size_t odd[] = { 13, 3000, 9000, 16384 };
	static uint8_t p[HDR + 16384];
	static uint32_t seq;

	for (int i = 0; i < 16; i++) {
		size_t len = net_frame_make(p + HDR, seq++, NET_FRAME_HOST);

		if (seq % 50 == 0)
			len = odd[seq / 50 % 4];
		memset(p, 0, HDR);
		if (write(wire, p, HDR + len) < 0)
			return;
	}
}

static void *run_wire(void *arg)
{
	(void)arg;
	while (!stop_wire) {
		struct pollfd p = { .fd = wire, .events = POLLIN };

		take_all();
		if (!quiet)
			give_some();
		poll(&p, 1, 1);
	}
	return NULL;
}

/* ---- the driver ---- */

static void send_some(unsigned int count)
{
	static uint8_t p[NET_FRAME_MAX];

	while (count--) {
		size_t len = net_frame_make(p, sent, NET_FRAME_GUEST);

		if (!net_guest_post(&n, p, len))
			break;
		sent++;
	}
	net_guest_doorbell(&n);
}

/* A frame that is whole; one of those that are too long comes in pieces, which
   say nothing about who they are. */
static bool receive_one(bool keep)
{
	static uint8_t p[70000];
	uint32_t seq;
	bool csum_good;
	size_t len = net_guest_receive(&n, p, &csum_good, keep, 0);

	if (!len)
		return false;
	if (len < NET_FRAME_MAX && memcmp(p, "\xff\xff\xff\xff\xff\xff", 6) == 0 &&
	    !net_frame_is_right(p, len, NET_FRAME_HOST, &seq))
		in_wrong++;
	return memcmp(p, "\xff\xff\xff\xff\xff\xff", 6) == 0 &&
		net_frame_is_right(p, len, NET_FRAME_HOST, &seq);
}

static bool is_moving(void)
{
	int64_t until = clock_now_ns() + PATIENCE_NS;
	unsigned int before = out_good, in = 0;

	while (clock_now_ns() < until && !fakeguest_fault(f.g)) {
		send_some(4);
		for (int i = 0; i < 16; i++)
			in += receive_one(false);
		if (in >= 3 && out_good >= before + 3)
			return true;
		usleep(500);
	}
	printf("# %u came in, %u went out\n", in, out_good - before);
	return false;
}

/* All buffers are the card's, and nothing comes until it is stopped: a ring that
   is full shows nothing. */
static void empty_ring(void)
{
	int64_t until = clock_now_ns() + PATIENCE_NS;
	static uint8_t p[70000];
	unsigned int in;
	bool good;

	quiet = true;
	do {
		for (in = 0; net_guest_receive(&n, p, &good, true, 10); in++)
			;
		net_guest_refill(&n);
	} while (in && clock_now_ns() < until);
}

/* Everything a driver has is given to somebody else. */
static bool is_left_alone(void)
{
	static uint8_t other[NET_GUEST_BYTES];
	uint8_t *ram = fakeguest_ram(f.g, NET_GUEST_AT);

	memset(ram, 0xa5, NET_GUEST_BYTES);
	memset(other, 0xa5, NET_GUEST_BYTES);
	usleep(5000);
	/* The card has been asked for something since: it has seen all. */
	net_guest_has_link(&n);
	return !memcmp(ram, other, NET_GUEST_BYTES);
}

static void test_reloads(void)
{
	unsigned int moved = 0, alone = 0, round;

	for (round = 0; round < ROUNDS && !fakeguest_fault(f.g); round++) {
		/* Some drivers stop giving buffers back before they go. */
		for (unsigned int i = 0; i < round % 7 * 8; i++)
			receive_one(round & 1);
		usleep(round * 97 % 1500);
		send_some(round * 5 % 31);
		usleep(round * 7919 % 400);
		if (round & 2)
			empty_ring();
		net_guest_stop(&n, round % NET_GUEST_STOPS);
		quiet = false;
		alone += is_left_alone();
		net_guest_start(&n, f.g, model, FF_NIC_SLOT);
		moved += is_moving();
		if (moved != round + 1)
			break;
	}
	ok(alone == ROUNDS, "%u of %u times a stopped card touches nothing",
	   alone, round);
	ok(moved == ROUNDS, "%u of %u times a new driver moves frames", moved, round);
	ok(out_wrong == 0 && in_wrong == 0,
	   "%u frames went out, %u that are wrong; %u wrong ones came in",
	   out_good, out_wrong, in_wrong);
}

/* Nobody takes what is there: the card neither waits nor runs in circles. */
static void test_left(void)
{
	const struct stat_block *b = &f.stats[FF_NET]->block[0];
	uint64_t sleeps;

	usleep(200000);
	quiet = true;
	usleep(300000);
	sleeps = stat_block_get(b, STAT_SLEEPS);
	usleep(500000);
	sleeps = stat_block_get(b, STAT_SLEEPS) - sleeps;
	ok(sleeps < 50, "all buffers full, no driver: it wakes %u times",
	   (unsigned int)sleeps);
	net_guest_start(&n, f.g, model, FF_NIC_SLOT);
	quiet = false;
	ok(is_moving(), "and goes on with the next driver");
}

static bool start(void)
{
	static struct fakefamily_conf conf;
	const char *why;
	int pair[2];

	conf = (struct fakefamily_conf){ .nic = model, .no_vga = true,
		.no_disk = true, .wide_plan = true };
	why = fakefamily_missing(&conf);
	if (why) {
		skip(why);
		return false;
	}
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
		       pair))
		return false;
	wire = pair[0];
	conf.tap = pair[1];
	if (!ok(fakefamily_start(&f, &conf), "%s: the family is up", model))
		return false;
	close(pair[1]);
	net_guest_start(&n, f.g, model, FF_NIC_SLOT);
	return ok(net_guest_is_there(&n), "the card is there");
}

int main(int argc, char **argv)
{
	pthread_t peer;
	const char *fault;

	model = argc > 1 ? argv[1] : "rtl8139";
	if (!start())
		return tap_done();
	pthread_create(&peer, NULL, run_wire, NULL);
	ok(is_moving(), "frames go both ways");
	test_reloads();
	test_left();
	stop_wire = true;
	pthread_join(peer, NULL);
	fault = fakeguest_fault(f.g);
	ok(!fault, "no fault%s%s", fault ? ": " : "", fault ? fault : "");
	ok(f.lies == 0, "nobody lied%s%s", f.lies ? ": " : "", f.lies ? f.lie : "");
	ok(fakefamily_stop(&f), "all end by themselves");
	close(wire);
	return tap_done();
}
