/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/integ/test_quiet.c - requests that a worker is not woken for
 *
 * First the worker is the real net worker with an e1000; this process plays the
 * broker, puts something into the ring of the sleeping worker and lets a frame
 * wake it.  What is in the ring comes first: a mask counts for that frame, and
 * a worker that is told to rest leaves it on the wire.  Then the broker is real
 * and this process plays two: a write to a quiet register is not waited for, one
 * to the same register is when it is not quiet, from whatever instruction of the
 * broker's on; of many counters, those that are zero are read without the
 * worker.
 */
#include <poll.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/le.h"
#include "fakefamily.h"
#include "patience.h"
#include "ring/chan.h"
#include "tap.h"
#include "tracee.h"

#define REST_MS		300		/* in which nothing is to happen */
#define REGS		0xf3000000u
#define RX_RING		0x10000u
#define RX_BUF		0x20000u
#define COUNT		16u
#define STEPS_MAX	100000u
#define WINDOW		200u		/* instructions before the put */
#define FRAME_BYTES	70u		/* virtio_net_hdr and a short frame */

enum { STATUS = 0x08, ICR = 0xc0, ICS = 0xc8, IMS = 0xd0, IMC = 0xd8,
       RCTL = 0x100, RDBAL = 0x2800, RDLEN = 0x2808, RDT = 0x2818 };
#define RXT0	0x80u
#define LINK_UP	0x02u

static struct fakefamily f;
static struct chan *chan;
static struct chan_broker end;
static int wire = -1;
static unsigned int regs, pci;		/* windows */
static unsigned int rises;		/* of the card's line */
static bool line;

/* ---- the broker's part ---- */

static void put(struct io_msg m, bool wake)
{
	static const uint64_t one = 1;

	chan_put(&end, &m, false);
	if (wake && chan_needs_kick(&end) &&
	    write(f.kick_fd[FF_NET], &one, sizeof(one)) < 0)
		perror("kick");
}

/* Acts on all answers; true: one was to a request. */
static bool drain(uint64_t *value)
{
	struct io_msg m;
	bool done = false;

	while (chan_answer_get(&end, &m) == 1) {
		chan_answer_done(&end);
		if (m.kind == ANS_DONE) {
			*value = m.data;
			done = true;
		} else if (m.kind == ANS_PCI_INTX) {
			rises += m.data && !line;
			line = m.data;
		}
	}
	return done;
}

static uint64_t ask(struct io_msg m)
{
	int64_t until = clock_now_ns() + PATIENCE_NS;
	uint64_t value = 0;

	put(m, true);
	while (!drain(&value) && clock_now_ns() < until)
		usleep(50);
	return value;
}

static struct io_msg access_to(unsigned int win, uint64_t addr, bool write,
			       uint32_t v)
{
	return (struct io_msg){ .kind = IO_ACCESS, .size = 4, .count = 1,
		.win = (uint16_t)win, .addr = addr, .data = v,
		.flags = write ? IO_WRITE : 0 };
}

static void wr(uint32_t reg, uint32_t v)
{
	ask(access_to(regs, REGS + reg, true, v));
}

static uint32_t rd(uint32_t reg)
{
	return (uint32_t)ask(access_to(regs, REGS + reg, false, 0));
}

/* As the broker does while the row is quiet. */
static void wr_quietly(uint32_t reg, uint32_t v)
{
	struct io_msg m = access_to(regs, REGS + reg, true, v);

	m.flags |= IO_POSTED;
	put(m, false);
}

static bool is_quiet(uint32_t reg)
{
	for (unsigned int i = 0; i < chan->row_count; i++)
		if (chan->row[i].win == regs && chan->row[i].off == reg)
			return (chan->row[i].flags & CHAN_ROW_QUIET) &&
				(atomic_load(&chan->shadow[i]) & CHAN_SHADOW_VALID);
	return false;
}

/* ---- the wire ---- */

static bool put_frame(void)
{
	uint8_t frame[FRAME_BYTES] = { 0 };

	memset(frame + 10, 0xff, 6);
	return write(wire, frame, sizeof(frame)) == (ssize_t)sizeof(frame);
}

static bool is_filled(unsigned int i)
{
	volatile uint8_t *d = fakeguest_ram(f.g, RX_RING + i * 16);

	return d[12] & 1;
}

static bool becomes_filled(unsigned int i, int ms)
{
	uint64_t value;

	for (; ms > 0 && !is_filled(i); ms--)
		usleep(1000);
	drain(&value);
	return is_filled(i);
}

static bool rises_soon(unsigned int before)
{
	uint64_t value;

	for (int i = 0; i < PATIENCE_MS && rises == before; i++) {
		usleep(1000);
		drain(&value);
	}
	return rises == before + 1;
}

/* ---- the card ---- */

static bool find_windows(void)
{
	regs = pci = CHAN_WINS;
	for (unsigned int i = 0; i < chan->win_count; i++) {
		if (!strcmp(chan->win[i].name, "e1000 registers"))
			regs = i;
		if (!strcmp(chan->win[i].name, "e1000 pci"))
			pci = i;
	}
	return regs < CHAN_WINS && pci < CHAN_WINS;
}

static void start_card(void)
{
	ask(access_to(pci, 0x10, true, REGS));
	ask(access_to(pci, 0x04, true, 6));
	wr(0, 0x40);
	for (int i = 0; i < PATIENCE_MS && !(rd(STATUS) & LINK_UP); i++)
		usleep(1000);
	for (unsigned int i = 0; i < COUNT; i++) {
		uint8_t *d = fakeguest_ram(f.g, RX_RING + i * 16);

		le64_put(d, RX_BUF + i * 2048);
		le64_put(d + 8, 0);
	}
	wr(RDBAL, RX_RING);
	wr(RDLEN, COUNT * 16);
	wr(RDT, COUNT - 1);
	wr(IMC, ~0u);
	rd(ICR);
	wr(RCTL, 0x801a);
}

static bool start_worker(void)
{
	struct fakefamily_conf conf = {
		.guest = { .vcpus = 1, .low_bytes = 16 << 20 },
		.played = { [FF_BROKER] = true }, .quiet = true, .nic = "e1000",
		.no_disk = true, .no_vga = true,
	};
	const char *why = fakefamily_missing(&conf);
	int pair[2];

	if (why) {
		skip(why);
		return false;
	}
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
		       pair))
		return ok(false, "a socket for a tap");
	conf.tap = pair[0];
	wire = pair[1];
	if (!ok(fakefamily_start(&f, &conf), "the worker is up"))
		return false;
	close(pair[0]);
	chan = fakefamily_chan(&f, FF_NET);
	chan_broker_init(&end, chan);
	if (!ok(find_windows(), "it has the card's windows"))
		return false;
	start_card();
	return true;
}

static bool is_asleep(void)
{
	for (int i = 0; i < PATIENCE_MS && !atomic_load(&chan->worker_asleep); i++)
		usleep(1000);
	usleep(20000);		/* from saying so to doing it */
	return atomic_load(&chan->worker_asleep);
}

/* ---- tests ---- */

static void test_mask(void)
{
	unsigned int before = rises;

	ok(is_quiet(IMC) && is_quiet(IMS) && is_quiet(RDT), "nothing waits: all is quiet");
	wr(IMS, RXT0);
	ok(put_frame() && rises_soon(before) && is_filled(0), "a frame is signalled");
	ok(!is_quiet(IMC) && !is_quiet(IMS), "and a mask now takes something back");
	ok(rd(ICR) & RXT0, "the driver asks for the cause");
	ok(!line && is_quiet(IMC) && is_quiet(IMS), "and it is quiet again");

	ok(is_asleep(), "the worker sleeps");
	wr_quietly(IMC, ~0u);
	put_frame();
	ok(becomes_filled(1, PATIENCE_MS), "the next frame wakes the worker");
	usleep(REST_MS * 1000);
	ok(!becomes_filled(2, 1) && rises == before + 1,
	   "which finds the mask in the ring first");
	ok(is_quiet(IMC) && !is_quiet(IMS), "unmasking would signal it");
	wr(IMS, RXT0);
	ok(rises_soon(before + 1), "and does");
	rd(ICR);
}

static void test_rest(void)
{
	unsigned int before = rises;

	ok(is_asleep(), "the worker sleeps");
	put((struct io_msg){ .kind = IO_PAUSE, .flags = IO_POSTED,
			     .win = IO_NO_WIN }, false);
	put_frame();
	ok(!becomes_filled(2, REST_MS) && rises == before,
	   "told to rest, it leaves the frame that woke it");
	put((struct io_msg){ .kind = IO_RESUME, .flags = IO_POSTED,
			     .win = IO_NO_WIN }, true);
	ok(becomes_filled(2, PATIENCE_MS) && rises_soon(before), "until it goes on");
}

static void test_buffers(void)
{
	for (unsigned int i = 3; i < COUNT; i++)
		put_frame();
	ok(becomes_filled(COUNT - 2, PATIENCE_MS), "all buffers are used");
	for (int i = 0; i < PATIENCE_MS && is_quiet(RDT); i++)
		usleep(1000);
	ok(!is_quiet(RDT), "a frame waits for one: who gives some wakes the worker");
	le64_put(fakeguest_ram(f.g, RX_RING + 8), 0);
	wr(RDT, 2);
	ok(becomes_filled(COUNT - 1, PATIENCE_MS), "it has come in");
	for (int i = 0; i < PATIENCE_MS && !is_quiet(RDT); i++)
		usleep(1000);
	ok(is_quiet(RDT), "and nothing waits any more");
}

/* ---- the broker's half ---- */

#define PORTS		0x1f0u
#define QUIET_PORT	(PORTS + 3)
#define POSTED_PORT	(PORTS + 4)
#define SHADOW_PORT	(PORTS + 7)
#define SOON_MS		100
#define MEMORY		0xa0000u
#define COUNTERS	(MEMORY + 0x4080)

static struct chan_worker us;
static struct chan *counters;		/* of the other one */

static void add_row(uint32_t row, uint16_t off, uint8_t flags, uint64_t word)
{
	chan->row[row] = (struct chan_row){ .off = off, .size = 1, .flags = flags };
	atomic_store(&chan->shadow[row], word);
	chan->row_count = row + 1;
}

static void announce_counters(struct fakefamily *family)
{
	chan = counters = fakefamily_chan(family, FF_VGA);
	chan->win[0] = (struct chan_win){ .base = MEMORY, .len = 0x20000,
		.space = CHAN_MMIO, .mapped = true };
	chan->win_count = 1;
	chan->row[0] = (struct chan_row){ .off = COUNTERS - MEMORY, .size = 4,
					  .flags = CHAN_ROW_ZEROS };
	chan->row_count = 1;
	atomic_store(&chan->shadow[0], CHAN_SHADOW_VALID | 1u << 5);
	atomic_store(&chan->ready, 1);
}

static void announce(struct fakefamily *family)
{
	announce_counters(family);
	chan = fakefamily_chan(family, FF_DISK);
	chan_worker_init(&us, chan);
	chan->win[0] = (struct chan_win){ .base = PORTS, .len = 8,
		.space = CHAN_PIO, .mapped = true };
	chan->win_count = 1;
	add_row(0, 3, CHAN_ROW_QUIET, CHAN_SHADOW_VALID);
	add_row(1, 4, CHAN_ROW_POSTED, 0);
	add_row(2, 7, CHAN_ROW_SHADOW, CHAN_SHADOW_VALID | 0x50);
	atomic_store(&chan->worker_asleep, 1);
	atomic_store(&chan->ready, 1);
}

static bool start_broker(void)
{
	struct fakefamily_conf conf = {
		.guest = { .vcpus = 2, .low_bytes = 16 << 20 },
		.played = { [FF_DISK] = true, [FF_VGA] = true },
		.announce = announce, .quiet = true,
	};

	return ok(fakefamily_start(&f, &conf), "the broker is up");
}

static bool is_woken(void)
{
	struct pollfd p = { .fd = f.kick_fd[FF_DISK], .events = POLLIN };
	uint64_t count;

	return poll(&p, 1, SOON_MS) == 1 &&
		read(f.kick_fd[FF_DISK], &count, sizeof(count)) > 0;
}

static bool ends(unsigned int vcpu, int ms)
{
	uint64_t data;

	return fakeguest_wait(f.g, vcpu, ms, &data);
}

static void out(unsigned int vcpu, uint16_t port)
{
	fakeguest_post(f.g, vcpu, &(struct xen_ioreq){ .addr = port, .data = 1,
		.type = XEN_IOREQ_TYPE_PIO, .size = 1, .count = 1 });
}

/* All that waits, as a worker does it. */
static unsigned int commit_all(void)
{
	unsigned int n = 0;
	struct io_msg m;

	for (; chan_req_get(&us, &m) == 1; n++) {
		if (!(m.flags & IO_POSTED))
			chan_answer_put(&us, &(struct io_msg){ .kind = ANS_DONE,
				.seq = m.seq, .win = IO_NO_WIN });
		chan_commit(&us);
	}
	if (chan_broker_needs_kick(&us))
		fakefamily_kick_broker(&f);
	return n;
}

static void test_posted(void)
{
	out(0, QUIET_PORT);
	ok(ends(0, PATIENCE_MS) && !is_woken(), "a quiet write completes, nobody is woken");
	is_hex(fakeguest_in(f.g, 0, SHADOW_PORT, 1), 0x50,
	       "nor does a shadow read wait for it");
	ok(commit_all() == 1, "it is in the ring");
}

static void test_waited_for(void)
{
	atomic_store(&chan->shadow[0], 0);
	out(0, QUIET_PORT);
	ok(is_woken() && !ends(0, SOON_MS), "when it is not quiet, it is waited for");
	ok(commit_all() == 1 && ends(0, PATIENCE_MS), "until it is done");

	atomic_store(&chan->shadow[0], CHAN_SHADOW_VALID);
	out(1, POSTED_PORT);
	ok(ends(1, PATIENCE_MS) && is_woken(), "something is under way");
	out(0, QUIET_PORT);
	ok(is_woken() && !ends(0, SOON_MS), "which could end the quiet: waited for");
	ok(commit_all() == 2 && ends(0, PATIENCE_MS), "until both are done");
}

/* ---- the worker goes to sleep in the middle of it ---- */

static bool step(void)
{
	return tracee_step(f.member[FF_BROKER].pid, -1);
}

/* How many instructions until a quiet write is in the ring. */
static unsigned int count_steps(void)
{
	uint32_t tail = atomic_load(&chan->req_tail);
	unsigned int n = 0;

	usleep(5000);
	if (!tracee_stop(f.member[FF_BROKER].pid))
		return 0;
	out(0, QUIET_PORT);
	while (n < STEPS_MAX && atomic_load(&chan->req_tail) == tail && step())
		n++;
	ptrace(PTRACE_DETACH, f.member[FF_BROKER].pid, 0, 0);
	ends(0, PATIENCE_MS);
	commit_all();
	is_woken();
	return n;
}

/* After @steps of them the worker takes the word back and sleeps, if it may.
   Is what was put then, or waited for, told to it? */
static bool is_told(unsigned int steps, bool *slept)
{
	bool told;

	usleep(2000);
	if (!tracee_stop(f.member[FF_BROKER].pid))
		return false;
	out(0, QUIET_PORT);
	while (steps-- && step())
		;
	atomic_store(&chan->shadow[0], 0);
	*slept = chan_worker_may_sleep(&us);
	ptrace(PTRACE_DETACH, f.member[FF_BROKER].pid, 0, 0);
	told = !*slept || is_woken();
	atomic_store(&chan->shadow[0], CHAN_SHADOW_VALID);
	commit_all();
	told = ends(0, PATIENCE_MS) && told;
	atomic_store(&chan->worker_asleep, 1);
	return told;
}

static void test_between(void)
{
	unsigned int most = count_steps(), untold = 0, slept = 0, n = 0;

	if (!most) {
		skip("may not trace the broker");
		return;
	}
	for (; n < WINDOW && n < most; n++) {
		bool may = false;

		untold += !is_told(most - n, &may);
		slept += may;
	}
	ok(slept > WINDOW / 2 && untold == 0,
	   "it falls asleep %u times, just before the put: %u times it is not told",
	   slept, untold);
}

static bool is_spared(uint64_t addr, unsigned int size)
{
	struct io_msg m;
	bool spared;

	fakeguest_post(f.g, 1, &(struct xen_ioreq){ .addr = addr, .count = 1,
		.type = XEN_IOREQ_TYPE_COPY, .size = size,
		.flags = XEN_IOREQ_READ });
	spared = ends(1, SOON_MS);
	for (; chan_req_get(&us, &m) == 1; chan_commit(&us))
		chan_answer_put(&us, &(struct io_msg){ .kind = ANS_DONE,
			.seq = m.seq, .data = 7, .win = IO_NO_WIN });
	if (chan_broker_needs_kick(&us))
		fakefamily_kick_broker(&f);
	return spared || !ends(1, PATIENCE_MS);
}

static void test_counters(void)
{
	chan_worker_init(&us, counters);
	ok(is_spared(COUNTERS, 4) && is_spared(COUNTERS + 31 * 4, 4),
	   "what is zero is read without the worker");
	is_hex(fakeguest_load_mem(f.g, 1, COUNTERS + 16, 4), 0, "as zero");
	ok(!is_spared(COUNTERS + 5 * 4, 4), "what is not, with it");
	ok(!is_spared(COUNTERS + 8, 2) && !is_spared(COUNTERS + 6, 4),
	   "and what is not a whole one");
	ok(!is_spared(COUNTERS - 4, 4) && !is_spared(COUNTERS + 32 * 4, 4),
	   "before and behind them");
	atomic_store(&counters->shadow[0], 0);
	ok(!is_spared(COUNTERS, 4), "nor while the word is not valid");
}

int main(void)
{
	if (!start_worker())
		return tap_done();
	test_mask();
	test_rest();
	test_buffers();
	ok(fakefamily_stop(&f), "the worker ends by itself");
	close(wire);

	if (!start_broker())
		return tap_done();
	test_posted();
	test_waited_for();
	test_between();
	test_counters();
	ok(!fakeguest_fault(f.g) && f.lies == 0 && fakefamily_stop(&f),
	   "the broker ends by itself");
	return tap_done();
}
