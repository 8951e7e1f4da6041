/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/integ/test_slow_worker.c - the real broker among workers that take their
 *                                  time, flood it, hang, or are to rest
 *
 * Broker and one or two workers are the real programs; this process plays the
 * others on their channels (liar.h).  Who is slow is no liar: what comes for it
 * waits, in order, and others go on.  One that does not move at all hangs, and
 * the supervisor is told.  At the end, whoever's, nobody waits any more.
 */
#include <pthread.h>

#include "base/stat.h"
#include "liar.h"

/* ---- no answer ---- */

static void test_never_answers(void)
{
	uint64_t data;

	if (!start(false, false))
		return;
	post_in(0, IDE + 1);
	post_in(1, IDE + 2);
	fakeguest_post(g, 2, &(struct xen_ioreq){ .count = 1, .size = 4,
		.type = XEN_IOREQ_TYPE_PCI_CONFIG, .addr = 9ull << 32 });
	ok(waits(0) && waits(1) && waits(2), "who asks the silent one waits");
	ok(scratch_works() && scratch_works(), "others go on");
	ok(f.lies == 0, "it does not lie");
	fakefamily_tell(&f, FF_BROKER, CTL_STOP, 0);
	ok(fakeguest_wait(g, 0, PATIENCE_MS, &data) && data == ONES &&
	   fakeguest_wait(g, 1, PATIENCE_MS, &data) && data == ONES &&
	   fakeguest_wait(g, 2, PATIENCE_MS, &data), "then all are answered");
	end("never answers");
}

/* Stopped while a request is in its slot and not taken. */
static void test_stop_beside_request(void)
{
	uint64_t data;

	if (!start(false, false))
		return;
	kill(f.member[FF_BROKER].pid, SIGSTOP);
	post_in(0, IDE + 1);
	fakefamily_tell(&f, FF_BROKER, CTL_STOP, 0);
	kill(f.member[FF_BROKER].pid, SIGCONT);
	ok(fakeguest_wait(g, 0, PATIENCE_MS, &data) && data == ONES,
	   "a request that was not even taken is answered at the end");
	end("stop beside a request");
}

/* The supervisor is killed while requests are under way. */
static void test_supervisor_ends(void)
{
	int64_t from;
	bool ones = true;

	if (!start(false, false))
		return;
	for (unsigned int i = 0; i < 3; i++)
		post_in(i, (uint16_t)(IDE + 1 + 2 * i));
	ok(waits(0) && waits(1) && waits(2), "three wait for the disk");
	from = clock_now_ns();
	fakefamily_hang_up(&f, FF_BROKER);
	for (unsigned int i = 0; i < 3; i++)
		ones &= reads_as(i, ONES);
	ok(ones && clock_now_ns() - from < NS_PER_S,
	   "the supervisor is gone: all get an answer, %d ms",
	   (int)((clock_now_ns() - from) / NS_PER_MS));
	for (int i = 0; i < PATIENCE_MS && fakefamily_runs(&f, FF_BROKER); i++)
		usleep(1000);
	ok(!fakefamily_runs(&f, FF_BROKER) && !atomic_load(&g->m->server),
	   "the server is gone, and so is the broker");
	end("supervisor ends");
}

/* ---- hanging ---- */

static uint64_t take_kicks(void)
{
	uint64_t count = 0;

	return read(f.kick_fd[FF_DISK], &count, sizeof(count)) > 0 ? count : 0;
}

static void test_hangs(void)
{
	struct io_msg m;
	uint64_t sleeps, kicks = 0;

	broker_opt = "hang=600";
	if (!start(false, false))
		return;
	broker_opt = NULL;
	usleep(300000);
	take_kicks();
	sleeps = stat_block_get(&f.stats[FF_BROKER]->block[0], STAT_SLEEPS);
	usleep(1500000);
	ok(sleeps == stat_block_get(&f.stats[FF_BROKER]->block[0], STAT_SLEEPS) &&
	   !take_kicks(), "idle, nobody is woken");
	post_in(0, IDE + 1);
	ok(next(&disk, &m), "asked");
	for (int i = 0; i < 30; i++) {
		usleep(50000);
		kicks += take_kicks();
		chan_worker_beat(&disk.w);
	}
	ok(!f.hangs, "a worker that is slow and moves does not hang");
	ok(kicks >= 1 && kicks <= 20, "it is woken now and then: %u",
	   (unsigned int)kicks);
	for (int i = 0; i < PATIENCE_MS && !f.hangs; i++)
		usleep(1000);
	usleep(1000000);
	ok(f.hangs == 1 && f.hanging == FF_DISK, "one that does not is told of, once");
	ok(waits(0) && scratch_works(), "who waits for it waits, others go on");
	answer(&disk, &m, 0x66);
	ok(reads_as(0, 0x66) && !f.lies, "it is no liar");
	end("hangs");
}

/* So often that the broker does not set a limit for each sleep (watch.c). */
static void test_hangs_beside_busy(void)
{
	struct io_msg m;

	broker_opt = "hang=600";
	if (!start(false, false))
		return;
	broker_opt = NULL;
	post_in(0, IDE + 1);
	ok(next(&disk, &m), "asked");
	for (int i = 0; i < 60; i++) {
		fakeguest_out(f.g, 1, 0x3ff, 1, 0x11);
		usleep(500);
	}
	ok(!f.hangs, "many sleeps later");
	for (int i = 0; i < PATIENCE_MS && !f.hangs; i++)
		usleep(1000);
	ok(f.hangs == 1 && f.hanging == FF_DISK, "who does not move is told of");
	answer(&disk, &m, 0x66);
	ok(reads_as(0, 0x66) && !f.lies, "it is no liar");
	end("hangs beside busy");
}

/*
 * The whole machine stood still, and the broker is the first to run again:
 * what it did not see is no evidence.
 */
static void test_freeze(void)
{
	struct io_msg m;

	broker_opt = "hang=2000";
	if (!start(false, false))
		return;
	broker_opt = NULL;
	post_in(0, IDE + 1);
	ok(next(&disk, &m), "asked");
	usleep(250000);
	kill(f.member[FF_BROKER].pid, SIGSTOP);
	usleep(2000000);
	kill(f.member[FF_BROKER].pid, SIGCONT);
	usleep(700000);
	ok(!f.hangs, "a worker that could not run does not hang");
	answer(&disk, &m, 0x66);
	ok(reads_as(0, 0x66) && !f.lies, "and answers");
	end("freeze");
}

/* ---- too many answers ---- */

static _Atomic bool flood_ends;

static void *flood(void *arg)
{
	uint32_t n = 0;

	(void)arg;
	while (!flood_ends) {
		chan_answer_put(&disk.w, &(struct io_msg){
			.kind = ANS_ISA_IRQ, .addr = 14, .data = n++ & 1 });
		if (chan_broker_needs_kick(&disk.w))
			fakefamily_kick_broker(&f);
	}
	return NULL;
}

static void test_flood(void)
{
	pthread_t t;
	bool good = true;

	if (!start(false, false))
		return;
	flood_ends = false;
	pthread_create(&t, NULL, flood, NULL);
	for (int i = 0; i < 20; i++)
		good &= scratch_works();
	ok(good, "others go on while one floods");
	flood_ends = true;
	pthread_join(t, NULL);
	ok(f.lies == 0, "it lied not once");
	end("flood");
}

/* ---- full rings ---- */

/* Fills a ring by posted writes; false if one did not complete. */
static bool fill(uint16_t port)
{
	bool good = true;

	for (unsigned int i = 0; i < CHAN_REQS && good; i++) {
		fakeguest_out(g, 1, port, 1, i & 0xff);
		good = !fakeguest_fault(g);
	}
	return good;
}

/* Takes @count posted writes; true if they are those of fill(). */
static bool take_filled(struct liar *l, unsigned int count)
{
	struct io_msg m;

	for (unsigned int i = 0; i < count; i++) {
		if (!next(l, &m) || m.kind != IO_ACCESS || m.data != (i & 0xff))
			return false;
		chan_commit(&l->w);
	}
	return true;
}

/* How long others' accesses take beside one that waits for room. */
static void test_stuck_is_not_slow(void)
{
	int64_t best_ns = INT64_MAX;

	if (!start(false, false))
		return;
	ok(fill(IDE + POSTED_OFF) && post_in(0, IDE + 1) && waits(0),
	   "a read waits for room");
	/* As often as it takes on a machine that others keep busy. */
	for (int i = 0; i < 60 && best_ns >= 30 * NS_PER_MS; i++) {
		int64_t from = clock_now_ns();

		scratch_works();
		from = clock_now_ns() - from;
		if (from < best_ns)
			best_ns = from;
	}
	/* A millisecond for each of the 40 is what it must not be. */
	ok(best_ns < 30 * NS_PER_MS, "40 accesses of others: %d us",
	   (int)(best_ns / NS_PER_US));
	end("stuck is not slow");
}

static void test_slow_invalidate(void)
{
	struct io_msg m;
	uint64_t data;

	if (!start(false, false))
		return;
	ok(fill(IDE + POSTED_OFF), "a ring full of posted writes");
	send_invalidate(0);
	post_in(2, IDE + 1);
	ok(waits(0) && waits(2), "INVALIDATE and a read wait for room");
	ok(f.lies == 0, "slow is no lie");
	ok(scratch_works(), "others go on");
	ok(take_filled(&disk, CHAN_REQS), "all arrive, in order");
	for (int i = 0; i < 2 && next(&disk, &m); i++)
		answer(&disk, &m, 0x33);
	ok(fakeguest_wait(g, 0, PATIENCE_MS, &data) && reads_as(2, 0x33),
	   "then both are answered");
	end("slow INVALIDATE");
}

static void test_slow_unplug(void)
{
	struct io_msg ask, m;
	uint64_t data;

	if (!start(true, false))
		return;
	ok(fill(IDE + POSTED_OFF), "a ring full of posted writes");
	post_in(0, SCRATCH);
	ok(next(&platform, &ask), "platform is asked");
	say(&platform, &(struct io_msg){ .kind = ANS_UNPLUG, .data = 1 });
	answer(&platform, &ask, 0x44);
	ok(waits(0) && f.lies == 0 && f.unplugs == 0, "unplug waits for room");
	ok(take_filled(&disk, CHAN_REQS), "all arrive, in order");
	ok(next(&disk, &m) && m.kind == IO_UNPLUG && m.data == 1, "then unplug");
	ok(waits(0) && f.unplugs == 0, "which waits for its answer");
	answer(&disk, &m, 0);
	ok(fakeguest_wait(g, 0, PATIENCE_MS, &data) && data == 0x44,
	   "then the guest goes on");
	ok(f.unplugs == 1 && f.lies == 0, "the supervisor was told once");
	end("slow unplug");
}

static _Atomic unsigned int rounds;

#define BUF_ROUNDS	(CHAN_DATA_SLOTS + 8u)

static void *write_vga(void *arg)
{
	(void)arg;
	for (rounds = 0; rounds < BUF_ROUNDS; rounds++) {
		fakeguest_store_mem(g, 1, 0xa0000, 1, rounds);
		fakeguest_out(g, 1, VGA_PORT, 1, rounds & 0xff);
	}
	return NULL;
}

/* A posted write does not overtake the buffered ones before it. */
static void test_slow_vga_order(void)
{
	struct io_msg m;
	struct io_write e;
	unsigned int mem = 0, port = 0;
	bool good = true;
	pthread_t t;

	if (!start(false, true))
		return;
	pthread_create(&t, NULL, write_vga, NULL);
	for (int i = 0; i < PATIENCE_MS && rounds < CHAN_DATA_SLOTS; i++)
		usleep(1000);
	usleep(20000);
	ok(rounds == CHAN_DATA_SLOTS, "then it waits for room: %u", rounds);
	ok(scratch_works(), "others go on");
	while (port < BUF_ROUNDS && next(&vga, &m)) {
		if (m.kind == IO_BATCH) {
			for (unsigned int i = 0; i < m.count; i++, mem++) {
				memcpy(&e, &vga.c->data[m.slot][i * sizeof(e)],
				       sizeof(e));
				good &= e.data == mem && mem == port;
			}
		} else {
			good &= m.data == port && mem == port + 1;
			port++;
		}
		if (m.flags & IO_POSTED)
			chan_commit(&vga.w);
		else
			answer(&vga, &m, 0);
	}
	pthread_join(t, NULL);
	ok(port == BUF_ROUNDS && mem == port, "all arrive: %u, %u", mem, port);
	ok(good, "in the order in which they were written");
	ok(f.lies == 0, "slow is no lie");
	end("slow vga");
}

static void test_slow_vga_full(void)
{
	struct io_msg m;

	if (!start(false, true))
		return;
	ok(fill(VGA_PORT), "a ring full of posted writes");
	fakeguest_store_mem(g, 1, 0xa0000, 1, 0x77);
	post_in(2, 0x3cc);
	ok(waits(2), "the next access waits");
	ok(f.lies == 0, "slow is no lie");
	ok(take_filled(&vga, CHAN_REQS), "all arrive, in order");
	ok(next(&vga, &m) && m.kind == IO_BATCH && m.count == 1, "the batch");
	chan_commit(&vga.w);
	ok(next(&vga, &m) && m.kind == IO_ACCESS, "and the access");
	answer(&vga, &m, 0x67);
	ok(reads_as(2, 0x67), "answered");
	end("full vga");
}

/* ---- rest ---- */

/* The broker dies between their rest and the note of it. */
static void test_death_while_asking(void)
{
	if (!start(true, false))
		return;
	fakefamily_tell(&f, FF_BROKER, CTL_PAUSE, 1);
	ok(asked(&disk, IO_PAUSE) && asked(&platform, IO_PAUSE), "both shall rest");
	kill(f.member[FF_BROKER].pid, SIGSTOP);
	chan_commit(&disk.w);
	chan_commit(&platform.w);
	ok(fakefamily_kill(&f, FF_BROKER, SIGKILL) &&
	   fakefamily_respawn(&f, FF_BROKER), "the broker is another");
	fakefamily_tell(&f, FF_BROKER, CTL_RESUME, 0);
	ok(asked(&disk, IO_RESUME) && asked(&platform, IO_RESUME),
	   "both shall go on, if that is wanted");
	chan_commit(&disk.w);
	chan_commit(&platform.w);
	end("death while asking");
}

/* A wish to rest that comes while some are still to be told to go on. */
static void test_rest_again(void)
{
	if (!start(false, false))
		return;
	ok(fill(IDE + POSTED_OFF), "a ring full of posted writes");
	fakefamily_tell(&f, FF_BROKER, CTL_PAUSE, 1);
	fakefamily_tell(&f, FF_BROKER, CTL_RESUME, 0);
	fakefamily_tell(&f, FF_BROKER, CTL_PAUSE, 2);
	usleep(50000);
	ok(take_filled(&disk, CHAN_REQS), "all arrive");
	ok(asked(&disk, IO_RESUME), "the first is called off");
	chan_commit(&disk.w);
	ok(asked(&disk, IO_PAUSE), "the second is not");
	chan_commit(&disk.w);
	ok(tells_rest(1) && f.paused_arg >> 48 == 2, "and comes to its end");
	end("rest again");
}

/* ---- what a dead broker left in Xen's page ---- */

static void test_spoilt_slot(void)
{
	struct xen_ioreq *slot;
	struct io_msg m;
	uint64_t data;

	if (!start(false, false))
		return;
	fakeguest_post(g, 0, &(struct xen_ioreq){ .type = XEN_IOREQ_TYPE_PIO,
		.addr = IDE, .size = 2, .count = 64, .data = 0x200000,
		.flags = XEN_IOREQ_READ | XEN_IOREQ_DATA_IS_PTR });
	ok(next(&disk, &m) && (m.flags & IO_DATA), "a string is asked for");
	fakefamily_kill(&f, FF_BROKER, SIGKILL);
	slot = &g->m->ioreq.slot[0];
	slot->count = 0x10000000;
	ok(fakefamily_respawn(&f, FF_BROKER), "the broker is another");
	answer(&disk, &m, 0);
	ok(fakeguest_wait(g, 0, PATIENCE_MS, &data), "the guest is answered");
	/* Xen would have noticed by now, and ended the guest. */
	ok(fakefamily_runs(&f, FF_BROKER), "by a broker that lives");
	ok(fakefamily_stop(&f), "spoilt slot: the broker ends by itself");
}

int main(void)
{
	struct fakefamily_conf conf = conf_of(false, false);
	const char *why = fakefamily_missing(&conf);

	if (why)
		return skip_all(why);
	test_never_answers();
	test_stop_beside_request();
	test_supervisor_ends();
	test_hangs();
	test_hangs_beside_busy();
	test_freeze();
	test_flood();
	test_stuck_is_not_slow();
	test_slow_invalidate();
	test_slow_unplug();
	test_slow_vga_order();
	test_slow_vga_full();
	test_death_while_asking();
	test_rest_again();
	test_spoilt_slot();
	return tap_done();
}
