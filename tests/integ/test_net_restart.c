/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/integ/test_net_restart.c - net workers die under load, the driver and
 *                                  its peer do not notice more than a pause
 *
 * usage: test_net_restart MODEL.  A driver keeps its transmit ring full and
 * empties its receive ring while this process kills the worker with SIGKILL and
 * starts a successor on the same memory.  What is sent arrives, perhaps twice;
 * what arrives is whole, comes once and in order, though frames may be missing;
 * a buffer that was given back is never looked at again.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_net.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/uio.h>
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
#define GENERATIONS	60u
#define FRAMES		(1u << 20)	/* numbers there are */
#define TIMES		(1u << 18)
#define UNPLUG_PORT	0x10u

static struct fakefamily f;
static struct net_guest n;
static int wire = -1, tap = -1;		/* the test's and the workers' end */
static _Atomic bool stop_sending, stop_guest, stop_wire;

/* Each written by one thread. */
static _Atomic unsigned int posted, left_over, in_good, in_wrong, in_disorder;
static _Atomic unsigned int out_good, out_wrong, out_twice, given;
static uint8_t seen[FRAMES];
/* Who finds it set kills that process at its worst instant, and clears it. */
static _Atomic pid_t doomed_by_guest, doomed_by_wire, doomed_by_frame;
static int64_t took_ns[TIMES];
static unsigned int times;

/* And one that there is. */
static bool is_right(const uint8_t *p, size_t len, enum net_frame_from from,
		     uint32_t *seq)
{
	return net_frame_is_right(p, len, from, seq) && *seq < FRAMES;
}

/* ---- deaths ---- */

/* In the middle of what the card was just given to do, or so. */
static void strike(_Atomic pid_t *doomed)
{
	static uint32_t random = 1;
	int64_t at;

	if (!*doomed)
		return;
	random = random * 1103515245 + 12345;
	at = clock_now_ns() + (random >> 16) % 60 * NS_PER_US;
	while (clock_now_ns() < at)
		;
	kill(*doomed, SIGKILL);
	*doomed = 0;
}

/* It is sending, and has not said so to its driver. */
static void strike_now(_Atomic pid_t *doomed)
{
	if (!*doomed)
		return;
	kill(*doomed, SIGKILL);
	*doomed = 0;
}

/* ---- the peer ---- */

static void take_all(void)
{
	static uint8_t p[70000];
	ssize_t r;

	while ((r = read(wire, p, sizeof(p))) > 0) {
		uint32_t seq;

		if (r <= (ssize_t)HDR ||
		    !is_right(p + HDR, (size_t)r - HDR, NET_FRAME_GUEST, &seq)) {
			if (out_wrong++ < 3)
				printf("# wrong on the wire: %zd bytes, %02x%02x "
				       "%02x%02x%02x%02x\n", r, p[HDR], p[HDR + 1],
				       p[HDR + 14], p[HDR + 15], p[HDR + 16],
				       p[HDR + 17]);
			continue;
		}
		strike_now(&doomed_by_frame);
		out_good++;
		out_twice += seen[seq];
		seen[seq] = 1;
	}
}

static void give_some(void)
{
	static uint8_t p[HDR + NET_FRAME_MAX];

	for (int i = 0; i < 4 && given < FRAMES; i++) {
		size_t len = net_frame_make(p + HDR, given, NET_FRAME_HOST);

		memset(p, 0, HDR);
		if (write(wire, p, HDR + len) < 0)
			return;
		given++;
	}
}

static void *run_wire(void *arg)
{
	(void)arg;
	while (!stop_wire) {
		struct pollfd p = { .fd = wire, .events = POLLIN };

		take_all();
		if (!stop_sending)
			give_some();
		strike(&doomed_by_wire);
		poll(&p, 1, 1);
	}
	take_all();
	return NULL;
}

/* ---- the driver ---- */

/* An access that only the worker can answer. */
static void note_access(void)
{
	int64_t at = clock_now_ns();

	fakeguest_cfg_write(f.g, 0, FF_NIC_SLOT << 3, 0x0c, 1, posted & 0xff);
	if (times < TIMES)
		took_ns[times++] = clock_now_ns() - at;
}

static void receive_some(void)
{
	static uint8_t p[4096];
	static uint32_t next;
	bool good;
	size_t len;

	for (int i = 0; i < 16; i++) {
		uint32_t seq;

		len = net_guest_receive(&n, p, &good, false, 0);
		if (!len)
			break;

		if (!is_right(p, len, NET_FRAME_HOST, &seq)) {
			if (in_wrong++ < 3)
				printf("# wrong in the guest: %zu bytes, "
				       "%02x%02x %02x%02x%02x%02x, after %u\n",
				       len, p[0], p[1], p[14], p[15], p[16],
				       p[17], next);
			continue;
		}
		in_good++;
		in_disorder += seq < next;
		next = seq + 1;
	}
}

static void *run_guest(void *arg)
{
	static uint8_t p[NET_FRAME_MAX];

	(void)arg;
	while (!stop_guest && !fakeguest_fault(f.g)) {
		int i = 0;

		for (; i < 12 && !stop_sending && posted < FRAMES; i++) {
			size_t len = net_frame_make(p, posted, NET_FRAME_GUEST);

			if (!net_guest_post(&n, p, len))
				break;
			posted++;
		}
		if (i) {
			net_guest_doorbell(&n);
			strike(&doomed_by_guest);
		}
		left_over = net_guest_reclaim(&n);
		receive_some();
		note_access();
	}
	return NULL;
}

/* ---- what is tried ---- */

static bool replace(void)
{
	return fakefamily_kill(&f, FF_NET, SIGKILL) &&
		fakefamily_respawn(&f, FF_NET);
}

/* Until the counter is @more higher. */
static bool until(_Atomic unsigned int *count, unsigned int more)
{
	unsigned int want = *count + more;

	for (int i = 0; i < PATIENCE_MS && *count < want && !fakeguest_fault(f.g); i++)
		usleep(1000);
	return *count >= want;
}

static int by_time(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static void show_times(void)
{
	qsort(took_ns, times, sizeof(took_ns[0]), by_time);
	printf("# %u accesses: p50 %lld us, p99 %lld us, p99.9 %lld us, max %lld us\n",
	       times, (long long)(took_ns[times / 2] / NS_PER_US),
	       (long long)(took_ns[(uint64_t)times * 99 / 100] / NS_PER_US),
	       (long long)(took_ns[(uint64_t)times * 999 / 1000] / NS_PER_US),
	       (long long)(took_ns[times - 1] / NS_PER_US));
}

static void doom(_Atomic pid_t *by)
{
	*by = f.member[FF_NET].pid;
	for (int i = 0; i < 20000 && *by && !fakeguest_fault(f.g); i++)
		usleep(100);
	*by = 0;
}

static void test_kills(void)
{
	_Atomic pid_t *const by[] = { &doomed_by_guest, &doomed_by_wire,
				      &doomed_by_frame };
	int64_t down = 0;
	unsigned int k;

	for (k = 0; k < GENERATIONS && !fakeguest_fault(f.g); k++) {
		int64_t at;

		/* Both ways move again; then any instant. */
		if (!until(&posted, 20) || !until(&in_good, 20))
			break;
		usleep((unsigned int)(k * 7919 % 4001));
		doom(by[k % 3]);
		at = clock_now_ns();
		if (!replace())
			break;
		down += clock_now_ns() - at;
	}
	ok(k == GENERATIONS, "killed and replaced %u times, frames go on", k);
	printf("# %d us from a kill to READY\n", (int)(down / NS_PER_US / (k ? k : 1)));
	ok(until(&posted, 200) && until(&in_good, 200), "and on");
}

static void test_results(void)
{
	unsigned int missing = 0;

	stop_sending = true;
	for (int i = 0; i < PATIENCE_MS && left_over; i++)
		usleep(1000);
	is_hex(left_over, 0, "the ring is empty in the end");
	usleep(100000);
	stop_guest = stop_wire = true;
	for (unsigned int i = 0; i < posted; i++)
		missing += !seen[i];
	ok(out_wrong == 0 && missing == 0,
	   "%u frames sent, %u arrived, %u of them again, %u wrong, %u missing",
	   posted, out_good, out_twice, out_wrong, missing);
	ok(in_wrong == 0 && in_disorder == 0,
	   "%u frames given, %u in the guest, %u wrong, %u not in order",
	   given, in_good, in_wrong, in_disorder);
}

/* What the driver sees of the link after a while. */
static bool link_becomes(bool up)
{
	for (int i = 0; i < PATIENCE_MS && net_guest_has_link(&n) != up; i++)
		usleep(1000);
	return net_guest_has_link(&n) == up;
}

static bool moves_frame(void)
{
	static uint8_t p[70000];
	struct pollfd in = { .fd = wire, .events = POLLIN };
	uint8_t frame[NET_FRAME_MAX];
	size_t len = net_frame_make(frame, 5, NET_FRAME_GUEST);

	while (read(wire, p, sizeof(p)) > 0)
		;
	if (!net_guest_post(&n, frame, len))
		return false;
	net_guest_doorbell(&n);
	if (poll(&in, 1, 5000) != 1)
		return false;
	return read(wire, p, sizeof(p)) == (ssize_t)(HDR + len) &&
		!memcmp(p + HDR, frame, len);
}

static void test_links(void)
{
	uint8_t frame[NET_FRAME_MAX];
	size_t len = net_frame_make(frame, 7, NET_FRAME_GUEST);
	unsigned int left = 1;

	ok(net_guest_has_link(&n) && moves_frame(), "the link is up");
	f.conf.tap = -1;
	ok(replace() && link_becomes(false), "a successor without tap: down");
	ok(net_guest_post(&n, frame, len), "a frame for nobody");
	net_guest_doorbell(&n);
	for (int i = 0; i < PATIENCE_MS && (left = net_guest_reclaim(&n)); i++)
		usleep(1000);
	is_hex(left, 0, "is done, too");
	f.conf.tap = tap;
	f.conf.opt[FF_NET][0] = "failed=1";
	ok(replace() && link_becomes(false), "failed=1: down");
	ok(write(wire, frame, len) > 0 && !net_guest_has_link(&n) &&
	   fakefamily_runs(&f, FF_NET), "whatever comes");
	f.conf.opt[FF_NET][0] = NULL;
	ok(replace() && link_becomes(true), "one that is not: up");
	ok(moves_frame(), "and frames move");
}

/* How often the worker goes to sleep in half a second without requests. */
static unsigned int count_sleeps(void)
{
	const struct stat_block *b = &f.stats[FF_NET]->block[0];
	uint64_t before = stat_block_get(b, STAT_SLEEPS);

	usleep(500000);
	return (unsigned int)(stat_block_get(b, STAT_SLEEPS) - before);
}

/* Its own descriptor is closed then; ours, as the supervisor's, is not. */
static void test_deleted(void)
{
	unsigned int sleeps;
	int pair[2];

	if (!ok(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC |
			    SOCK_NONBLOCK, 0, pair), "another wire"))
		return;
	f.conf.tap = fcntl(pair[1], F_DUPFD_CLOEXEC, 300);
	close(pair[1]);
	ok(replace() && link_becomes(true), "a worker with it");
	close(pair[0]);
	ok(link_becomes(false) && fakefamily_logs(&f, "tap is gone"),
	   "the host deletes it: link down");
	sleeps = count_sleeps();
	ok(sleeps < 50, "and the worker sleeps: %u times", sleeps);
	close(f.conf.tap);
	f.conf.tap = tap;
	ok(replace() && link_becomes(true) && moves_frame(), "back to the first");
}

static void test_unplugged(void)
{
	struct pollfd p = { .fd = wire, .events = 0 };

	is_hex(fakeguest_in(f.g, 0, UNPLUG_PORT, 2), 0x49d2, "unplug protocol");
	close(tap);
	fakeguest_out(f.g, 0, UNPLUG_PORT + 2, 2, 3);
	fakeguest_out(f.g, 0, UNPLUG_PORT, 4, 0xff0000);
	fakeguest_out(f.g, 0, UNPLUG_PORT, 2, UNPLUG_NICS);
	ok(poll(&p, 1, 0) == 1 && (p.revents & POLLHUP) &&
	   !net_guest_is_there(&n), "unplugged, nobody has the tap");
	f.conf.tap = -1;
	ok(replace() && !net_guest_is_there(&n), "and by a successor, too");
}

static bool start(const char *model)
{
	static struct fakefamily_conf conf;
	const char *why;
	int pair[2];

	conf = (struct fakefamily_conf){ .nic = model, .no_vga = true,
		.no_disk = true, .wide_plan = true, .quiet = true };
	why = fakefamily_missing(&conf);
	if (why) {
		skip(why);
		return false;
	}
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
		       pair))
		return false;
	wire = pair[0];
	tap = fcntl(pair[1], F_DUPFD_CLOEXEC, 300);
	close(pair[1]);
	conf.tap = tap;
	if (!ok(fakefamily_start(&f, &conf), "%s: the family is up", model))
		return false;
	net_guest_start(&n, f.g, model, FF_NIC_SLOT);
	return ok(net_guest_is_there(&n) && net_guest_has_link(&n),
		  "the card is there and has a link");
}

int main(int argc, char **argv)
{
	pthread_t guest, peer;
	const char *fault;

	if (!start(argc > 1 ? argv[1] : "rtl8139"))
		return tap_done();
	pthread_create(&guest, NULL, run_guest, NULL);
	pthread_create(&peer, NULL, run_wire, NULL);
	test_kills();
	test_results();
	pthread_join(guest, NULL);
	pthread_join(peer, NULL);
	show_times();
	test_links();
	test_deleted();
	test_unplugged();
	fault = fakeguest_fault(f.g);
	ok(!fault, "no fault%s%s", fault ? ": " : "", fault ? fault : "");
	ok(f.lies == 0, "nobody lied%s%s", f.lies ? ": " : "", f.lies ? f.lie : "");
	ok(!fakefamily_logged(&f, "not valid"), "no state was refused");
	ok(fakefamily_stop(&f), "all end by themselves");
	close(wire);
	return tap_done();
}
