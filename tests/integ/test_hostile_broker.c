/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/integ/test_hostile_broker.c - real workers under a broker that lies
 *
 * The workers are the real programs; this process plays the broker on their
 * channels.  Whatever it sends, a worker answers as hardware would or ends
 * with one line: status 0 or 1, never a signal, never for ever.
 */
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "fakefamily.h"
#include "patience.h"
#include "ring/chan.h"
#include "tap.h"

#define SECTORS		2048u
#define RANDOM_MSGS	20000u		/* CLOISTER_TEST_MSGS has another number */

static struct fakefamily f;
static char image[] = "/tmp/cloister-hostile-XXXXXX";
static struct chan *chan[FF_BROKER];
static struct chan_broker end_of[FF_BROKER];
static const char *const names[FF_BROKER] = { "platform", "disk0", "vga", "net0" };
static const char *nic = "rtl8139";
static int wire[2] = { -1, -1 };	/* a tap, and its other end */

static uint32_t seed;

static uint32_t any(uint32_t below)
{
	seed = seed * 1664525u + 1013904223u;
	return (uint32_t)((uint64_t)(seed >> 4) * below >> 28);
}

static uint64_t any64(void)
{
	static const uint64_t edges[] = { 0, 1, 0xff, 0x100, 0xffff, 0xa0000,
		0xbffff, UINT32_MAX, UINT64_MAX, UINT64_MAX - 7, 1ull << 63 };

	if (any(2))
		return edges[any(sizeof(edges) / sizeof(edges[0]))];
	return (uint64_t)any(1u << 28) << any(36);
}

static bool start(void)
{
	struct fakefamily_conf conf = {
		.guest = { .vcpus = 1, .low_bytes = 16 << 20 },
		.image = { image, image }, .read_only = { false, true },
		.played = { [FF_BROKER] = true }, .quiet = true, .nic = nic,
	};

	close(wire[0]);
	close(wire[1]);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, wire))
		return ok(false, "a socket for a tap");
	conf.tap = wire[0];
	if (!fakefamily_start(&f, &conf))
		return ok(false, "the workers are up");
	for (enum fakefamily_who w = 0; w < FF_BROKER; w++) {
		chan[w] = fakefamily_chan(&f, w);
		chan_broker_init(&end_of[w], chan[w]);
	}
	return true;
}

static void kick(enum fakefamily_who who)
{
	static const uint64_t one = 1;

	if (write(f.kick_fd[who], &one, sizeof(one)) < 0)
		perror("kick");
}

static void put(enum fakefamily_who who, struct io_msg *m)
{
	chan_put(&end_of[who], m, false);
	if (chan_needs_kick(&end_of[who]))
		kick(who);
}

/* Takes all answers; returns how many were ANS_DONE. */
static unsigned int drain(enum fakefamily_who who, uint64_t *value)
{
	struct io_msg m;
	unsigned int n = 0;

	while (chan_answer_get(&end_of[who], &m) == 1) {
		chan_answer_done(&end_of[who]);
		if (m.kind == ANS_DONE) {
			*value = m.data;
			n++;
		}
	}
	return n;
}

/* All was done; false: it ended, or hangs. */
static bool settles(enum fakefamily_who who, uint64_t *value)
{
	uint32_t pending = 1;

	for (int64_t until = clock_now_ns() + PATIENCE_NS; ; ) {
		drain(who, value);
		if (chan_pending(&end_of[who], &pending) == 0 && !pending)
			return drain(who, value) < 2;
		if (!fakefamily_runs(&f, who) || clock_now_ns() > until)
			return false;
		usleep(50);
	}
}

/* One line, status 1. */
static bool ended_well(enum fakefamily_who who)
{
	char line[64];

	for (int i = 0; i < PATIENCE_MS && fakefamily_runs(&f, who); i++)
		usleep(1000);
	snprintf(line, sizeof(line), "%s: broker broke the protocol", names[who]);
	return !f.member[who].pid && WIFEXITED(f.member[who].status) &&
	       WEXITSTATUS(f.member[who].status) == 1 &&
	       fakefamily_logs(&f, line);
}

/* ---- what ends a worker ---- */

static void bad_kind(enum fakefamily_who who)
{
	put(who, &(struct io_msg){ .kind = IO_KIND_COUNT, .win = IO_NO_WIN });
}

static void bad_slot(enum fakefamily_who who)
{
	put(who, &(struct io_msg){ .kind = IO_ACCESS, .size = 1, .count = 1,
				   .flags = IO_DATA, .slot = CHAN_DATA_SLOTS });
}

static void bad_batch_slot(enum fakefamily_who who)
{
	put(who, &(struct io_msg){ .kind = IO_BATCH, .count = 1, .slot = 0xffff });
}

static void bad_tail(enum fakefamily_who who)
{
	atomic_store(&chan[who]->req_tail, CHAN_REQS + 1);
	kick(who);
}

static void bad_tail_back(enum fakefamily_who who)
{
	atomic_store(&chan[who]->req_tail, UINT32_MAX);
	kick(who);
}

static void bad_answer_head(enum fakefamily_who who)
{
	atomic_store(&chan[who]->ans_head, 5000);
	put(who, &(struct io_msg){ .kind = IO_INVALIDATE, .win = IO_NO_WIN });
}

static const struct {
	const char *name;
	void (*lie)(enum fakefamily_who who);
} lies[] = {
	{ "unknown kind", bad_kind }, { "data slot", bad_slot },
	{ "batch slot", bad_batch_slot }, { "tail beyond", bad_tail },
	{ "tail backwards", bad_tail_back }, { "answer head", bad_answer_head },
};

static void test_lies(void)
{
	for (unsigned int n = 0; n < sizeof(lies) / sizeof(lies[0]); n++) {
		if (!start())
			return;
		for (enum fakefamily_who w = 0; w < FF_BROKER; w++)
			lies[n].lie(w);
		for (enum fakefamily_who w = 0; w < FF_BROKER; w++)
			ok(ended_well(w), "%s: %s ends in one line",
			   lies[n].name, names[w]);
		fakefamily_stop(&f);
	}
}

/* The answer ring stays full; then the supervisor hangs up. */
static void test_deaf(void)
{
	if (!start())
		return;
	for (enum fakefamily_who w = 0; w < FF_BROKER; w++)
		for (unsigned int i = 0; i < CHAN_ANSWERS + 8; i++)
			put(w, &(struct io_msg){ .kind = IO_ACCESS, .size = 1,
				.count = 1, .win = IO_NO_WIN });
	usleep(100000);
	for (enum fakefamily_who w = 0; w < FF_BROKER; w++) {
		uint32_t pending = 0;

		chan_pending(&end_of[w], &pending);
		ok(fakefamily_runs(&f, w) && pending == 8,
		   "%s waits for room for its answer", names[w]);
	}
	ok(fakefamily_stop(&f), "and ends when the supervisor hangs up");
}

/*
 * A worker rests, and dies before the broker could write that down, as it
 * would if it died itself: the successor rests.  Of a worker that rests, the
 * frame stays on the wire.
 */
static bool frame_stays(int ms)
{
	struct pollfd p = { .fd = wire[0], .events = POLLIN };
	static uint8_t frame[128];
	uint8_t sink[256];
	bool stays = true;

	if (write(wire[1], frame, sizeof(frame)) != (ssize_t)sizeof(frame))
		return ok(false, "a frame is sent");
	for (; stays && ms > 0; ms--) {
		usleep(1000);
		stays = poll(&p, 1, 0) == 1;
	}
	return stays && read(wire[0], sink, sizeof(sink)) > 0;
}

static void test_death_at_rest(void)
{
	uint64_t value;

	if (!start())
		return;
	ok(!frame_stays(PATIENCE_MS), "a card takes frames");
	put(FF_NET, &(struct io_msg){ .kind = IO_PAUSE, .flags = IO_POSTED,
				      .win = IO_NO_WIN });
	ok(settles(FF_NET, &value) && frame_stays(500), "told to rest it does not");
	ok(fakefamily_kill(&f, FF_NET, SIGKILL) && fakefamily_respawn(&f, FF_NET) &&
	   frame_stays(500), "nor does its successor, whom nobody told");
	put(FF_NET, &(struct io_msg){ .kind = IO_RESUME, .flags = IO_POSTED,
				      .win = IO_NO_WIN });
	ok(settles(FF_NET, &value) && !frame_stays(PATIENCE_MS), "until it is told to go on");
	ok(fakefamily_kill(&f, FF_NET, SIGKILL) && fakefamily_respawn(&f, FF_NET) &&
	   !frame_stays(PATIENCE_MS), "as does the next one");
	fakefamily_stop(&f);
}

/* ---- anything else ---- */

/* A message that a worker has to cope with. */
static void send_random(enum fakefamily_who who)
{
	static const uint8_t kinds[] = { IO_ACCESS, IO_ACCESS, IO_ACCESS,
		IO_ACCESS, IO_ACCESS, IO_ACCESS, IO_ACCESS, IO_BATCH,
		IO_READ_NOTE, IO_INVALIDATE, IO_REPLY, IO_PAUSE, IO_RESUME };
	static const uint8_t sizes[] = { 1, 1, 2, 2, 4, 4, 8, 0, 3, 255 };
	const struct chan *c = chan[who];
	unsigned int wins = c->win_count;
	struct io_msg m = {
		.kind = kinds[any(sizeof(kinds))], .size = sizes[any(10)],
		.flags = (uint8_t)any(16), .data = any64(), .addr = any64(),
		.slot = (uint16_t)any(CHAN_DATA_SLOTS),
		.count = any(3) ? any(4) : (uint32_t)any64(),
		.win = (uint16_t)(any(20) ? any(wins) : any(0x10000)),
	};

	if (m.win < wins && any(8)) {
		const struct chan_win *w = &c->win[m.win];

		m.addr = (w->space == CHAN_PCI ? 0 : w->base) +
			 any(w->len < 1u << 20 ? w->len + 4 : 1u << 20);
	}
	if (m.kind == IO_BATCH)
		m.count = any(300);
	/* An unplug leaves nothing to break; it comes at the end. */
	m.flags &= (uint8_t)~IO_POSTED;
	for (unsigned int i = 0; i < 64; i++)
		chan[who]->data[m.slot][any(CHAN_DATA_BYTES)] = (uint8_t)any(256);
	put(who, &m);
}

static void test_random(enum fakefamily_who who, unsigned int count, uint32_t from)
{
	uint64_t value = 0;
	unsigned int n;

	seed = from;
	if (!start())
		return;
	for (n = 0; n < count; n++) {
		send_random(who);
		if (!settles(who, &value))
			break;
	}
	ok(n == count, "%s: %u of %u random messages, seed %u", names[who], n,
	   count, from);
	if (n < count)
		printf("# %s\n", f.log);
	put(who, &(struct io_msg){ .kind = IO_UNPLUG, .data = 1, .win = IO_NO_WIN });
	ok(settles(who, &value), "%s: unplugs", names[who]);
	put(who, &(struct io_msg){ .kind = IO_UNPLUG, .data = 7, .win = IO_NO_WIN });
	ok(settles(who, &value), "%s: twice", names[who]);
	put(who, &(struct io_msg){ .kind = IO_ACCESS, .size = 1, .count = 1,
				   .win = IO_NO_WIN });
	value = 0;
	ok(settles(who, &value) && value == UINT64_MAX,
	   "%s: and then answers with ones where nothing is", names[who]);
	ok(fakefamily_stop(&f), "%s: ends by itself", names[who]);
}

int main(void)
{
	struct fakefamily_conf conf = { .played = { [FF_BROKER] = true }, .nic = nic };
	const char *why = fakefamily_missing(&conf);
	const char *more = getenv("CLOISTER_TEST_MSGS");
	unsigned int count = more ? (unsigned int)atoi(more) : RANDOM_MSGS;

	if (why)
		return skip_all(why);
	if (!fakefamily_make_image(image, SECTORS))
		return 1;
	test_lies();
	test_deaf();
	test_death_at_rest();
	for (enum fakefamily_who w = 0; w < FF_BROKER; w++)
		test_random(w, count, 7 + w);
	nic = "e1000";
	test_random(FF_NET, count, 11);
	unlink(image);
	return tap_done();
}
