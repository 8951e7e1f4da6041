/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/integ/test_liar.c - the real broker among workers that lie
 *
 * Broker and one or two workers are the real programs on the in-memory
 * hypervisor; this process plays the others on their channels.  Whatever such
 * a worker does, the broker stays, says so once, answers what it owed with all
 * ones, lets wait what comes, and everybody else's accesses go on.  When it is
 * replaced it is believed again.  A worker that is only slow is no liar, but
 * one that does not move at all hangs.
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/stat.h"
#include "fakefamily.h"
#include "fakeguest.h"
#include "fakexen.h"
#include "ring/chan.h"
#include "tap.h"

#define SCRATCH		0x3ff		/* of COM1: the real platform's */
#define IDE		0x1f0
#define POSTED_OFF	2		/* rows that we announce */
#define SHADOW_OFF	7
#define VGA_PORT	0x3c5
#define VGA_FAR		0x3818		/* a row in the middle of its memory */
#define ONES		0xffu
#define WAIT_MS		3000

static struct fakefamily f;
static struct fakeguest *g;

/* A worker that we play. */
static struct liar {
	struct chan *c;
	struct chan_worker w;
} disk, platform, vga;

/* ---- announcing ---- */

static void add_win(struct chan *c, unsigned int space, uint64_t base,
		    uint32_t len, bool mapped, bool mirror)
{
	c->win[c->win_count++] = (struct chan_win){
		.base = base, .len = len, .space = (uint8_t)space,
		.mapped = mapped, .flags = mirror ? CHAN_WIN_MIRROR : 0 };
}

static void add_row(struct chan *c, uint16_t win, uint16_t off, uint8_t flags)
{
	c->row[c->row_count++] = (struct chan_row){ .win = win, .off = off,
		.size = 1, .flags = flags };
}

static void take_up(struct liar *l, enum fakefamily_who who)
{
	l->c = fakefamily_chan(&f, who);
	chan_worker_init(&l->w, l->c);
}

static void announce_disk(void)
{
	take_up(&disk, FF_DISK);
	add_win(disk.c, CHAN_PIO, IDE, 8, true, false);
	add_win(disk.c, CHAN_PCI, 0x09, 256, true, true);
	add_win(disk.c, CHAN_PIO, 0, 16, false, false);
	add_row(disk.c, 0, POSTED_OFF, CHAN_ROW_POSTED | CHAN_ROW_INERT |
		CHAN_ROW_LAZY);
	add_row(disk.c, 0, SHADOW_OFF, CHAN_ROW_SHADOW);
	disk.c->shadow[1] = CHAN_SHADOW_VALID | 0x50;
	disk.c->ready = 1;
}

static void announce_platform(void)
{
	take_up(&platform, FF_PLATFORM);
	add_win(platform.c, CHAN_PIO, 0x3f8, 8, true, false);
	platform.c->ready = 1;
}

static void announce_vga(void)
{
	take_up(&vga, FF_VGA);
	add_win(vga.c, CHAN_PIO, 0x3b0, 0x30, true, false);
	add_win(vga.c, CHAN_MMIO, 0xa0000, 0x20000, true, false);
	add_row(vga.c, 0, VGA_PORT - 0x3b0, CHAN_ROW_POSTED);
	add_row(vga.c, 1, VGA_FAR, CHAN_ROW_SHADOW);
	vga.c->shadow[1] = CHAN_SHADOW_VALID | 0x5a;
	vga.c->ready = 1;
}

static void announce(struct fakefamily *family)
{
	(void)family;
	if (f.conf.played[FF_DISK])
		announce_disk();
	if (f.conf.played[FF_PLATFORM])
		announce_platform();
	if (f.conf.played[FF_VGA])
		announce_vga();
}

/* The supervisor's part: the liar is gone, its successor takes over. */
static void renew_disk(void)
{
	struct chan *c = disk.c;

	chan_repair(c);
	chan_worker_init(&disk.w, c);
	c->win_count = c->row_count = 0;
	munmap(c, sizeof(*c));
	announce_disk();
	fakefamily_tell(&f, FF_BROKER, CTL_RENEWED, FF_DISK);
}

static const char *broker_opt;

static struct fakefamily_conf conf_of(bool play_platform, bool play_vga)
{
	return (struct fakefamily_conf){
		.guest = { .vcpus = 4, .low_bytes = 16 << 20 },
		.played = { [FF_DISK] = true, [FF_PLATFORM] = play_platform,
			    [FF_VGA] = play_vga },
		.no_vga = !play_vga, .announce = announce, .quiet = true,
		/* So that the broker sleeps where we want it to. */
		.plan_flags = PLAN_NO_POLL,
		.opt = { [FF_BROKER] = { broker_opt } },
	};
}

static bool start(bool play_platform, bool play_vga)
{
	struct fakefamily_conf conf = conf_of(play_platform, play_vga);

	if (!fakefamily_start(&f, &conf))
		return ok(false, "the family is up");
	g = f.g;
	g->timeout_ms = WAIT_MS;
	return true;
}

/* ---- playing a worker ---- */

static bool next(struct liar *l, struct io_msg *m)
{
	for (int64_t until = clock_now_ns() + WAIT_MS * NS_PER_MS;
	     chan_req_get(&l->w, m) != 1; usleep(100))
		if (clock_now_ns() > until)
			return false;
	return true;
}

static void say(struct liar *l, const struct io_msg *m)
{
	while (chan_answer_put(&l->w, m) == -EAGAIN)
		sched_yield();
	if (chan_broker_needs_kick(&l->w))
		fakefamily_kick_broker(&f);
}

static void say_done(struct liar *l, const struct io_msg *m, uint64_t data)
{
	say(l, &(struct io_msg){ .kind = ANS_DONE, .seq = m->seq, .data = data,
				 .win = IO_NO_WIN });
}

static void answer(struct liar *l, const struct io_msg *m, uint64_t data)
{
	say_done(l, m, data);
	chan_commit(&l->w);
}

/* ---- playing a vCPU, in halves ---- */

static bool post(unsigned int vcpu, uint8_t type, uint64_t addr, bool read,
		 uint64_t val)
{
	return fakeguest_post(g, vcpu, &(struct xen_ioreq){
		.type = type, .addr = addr, .size = 1, .count = 1, .data = val,
		.flags = read ? XEN_IOREQ_READ : 0 });
}

static bool post_in(unsigned int vcpu, uint16_t port)
{
	return post(vcpu, XEN_IOREQ_TYPE_PIO, port, true, 0);
}

static void send_invalidate(unsigned int vcpu)
{
	fakexen_send(g, vcpu, &(struct xen_ioreq){ .count = 1, .size = 4,
		.type = XEN_IOREQ_TYPE_INVALIDATE, .data = UINT64_MAX });
}

static bool waits(unsigned int vcpu)
{
	uint64_t data;

	return !fakeguest_wait(g, vcpu, 50, &data);
}

static bool reads_as(unsigned int vcpu, uint64_t want)
{
	uint64_t data;

	return fakeguest_wait(g, vcpu, WAIT_MS, &data) && (data & 0xff) == want;
}

static bool scratch_works(void)
{
	static uint8_t n;
	bool good = true;

	for (int i = 0; i < 20; i++) {
		fakeguest_out(g, 3, SCRATCH, 1, ++n);
		good &= fakeguest_in(g, 3, SCRATCH, 1) == n;
	}
	return good;
}

static bool lies_become(unsigned int want)
{
	for (int i = 0; i < WAIT_MS && f.lies != want; i++)
		usleep(1000);
	usleep(2000);		/* and not one more */
	return f.lies == want;
}

static void end(const char *name)
{
	const char *fault = fakeguest_fault(g);
	char why[160];

	snprintf(why, sizeof(why), "%s", fault ? fault : "");
	ok(!fault, "%s: no fault %s", name, why);
	ok(fakefamily_stop(&f), "%s: the broker ends by itself", name);
}

/* ---- one wrong answer ---- */

static void head_beyond(const struct io_msg *m)
{
	(void)m;
	atomic_store(&disk.c->req_head, disk.w.head + 5);
	post_in(1, IDE + 1);		/* somebody has to look */
}

static void head_far_back(const struct io_msg *m)
{
	(void)m;
	atomic_store(&disk.c->req_head, disk.w.head - CHAN_REQS);
	post_in(1, IDE + 1);
}

static void tail_beyond(const struct io_msg *m)
{
	(void)m;
	atomic_store(&disk.c->ans_tail, disk.w.tail + CHAN_ANSWERS + 1);
	fakefamily_kick_broker(&f);
}

static void answers_twice(const struct io_msg *m)
{
	say_done(&disk, m, 0x12);
	say_done(&disk, m, 0x34);
}

static void answers_future(const struct io_msg *m)
{
	say_done(&disk, &(struct io_msg){ .seq = m->seq + 1 }, 0);
}

static void answers_past(const struct io_msg *m)
{
	say_done(&disk, &(struct io_msg){ .seq = m->seq - CHAN_REQS }, 0);
}

static void answers_posted(const struct io_msg *m)
{
	struct io_msg posted;

	fakeguest_out(g, 1, IDE + POSTED_OFF, 1, 7);
	answer(&disk, m, ONES);
	if (next(&disk, &posted))
		answer(&disk, &posted, 0);
}

#define SAYS(name, ...) static void name(const struct io_msg *m) {	\
	struct io_msg v = { __VA_ARGS__ };				\
	(void)m; say(&disk, &v); }

SAYS(foreign_line, .kind = ANS_ISA_IRQ, .addr = 4, .data = 1)
SAYS(no_line, .kind = ANS_ISA_IRQ, .addr = 200, .data = 1)
SAYS(no_level, .kind = ANS_ISA_IRQ, .addr = 14, .data = 2)
SAYS(foreign_intx, .kind = ANS_PCI_INTX, .addr = 2u << 5, .data = 1)
SAYS(no_intx, .kind = ANS_PCI_INTX, .addr = UINT64_MAX, .data = 1)
SAYS(no_kind, .kind = ANS_NONE)
SAYS(unknown_kind, .kind = 255)
SAYS(msi, .kind = ANS_MSI, .addr = 0xfee00000, .data = 0x31)
SAYS(link_route, .kind = ANS_LINK_ROUTE, .addr = 0, .data = 5)
SAYS(unplugs, .kind = ANS_UNPLUG, .data = 1)
SAYS(locks_rom, .kind = ANS_ROM_LOCK, .data = 1)
SAYS(shuts_down, .kind = ANS_SHUTDOWN, .data = 0)
SAYS(sleeps, .kind = ANS_SLEEP)
SAYS(moves_vram, .kind = ANS_VRAM_MOVE, .addr = 0)
SAYS(asks_dirty, .kind = ANS_DIRTY_QUERY)
SAYS(modifies_much, .kind = ANS_MODIFIED, .data = UINT64_MAX)
SAYS(maps_serial, .kind = ANS_MAP, .win = 2, .addr = 0x3f8)
SAYS(maps_beyond, .kind = ANS_MAP, .win = 2, .addr = 0xfff8)
SAYS(maps_round, .kind = ANS_MAP, .win = 2, .addr = UINT64_MAX - 3)
SAYS(maps_devfn, .kind = ANS_MAP, .win = 1, .addr = 0x10)
SAYS(maps_nothing, .kind = ANS_MAP, .win = 3, .addr = 0x2000)
SAYS(unmaps_nothing, .kind = ANS_UNMAP, .win = IO_NO_WIN)

static const struct {
	const char *name;
	void (*lie)(const struct io_msg *m);
} lies[] = {
#define LIE(name) { #name, name }
	LIE(head_beyond), LIE(head_far_back), LIE(tail_beyond),
	LIE(answers_twice), LIE(answers_future), LIE(answers_past),
	LIE(answers_posted), LIE(foreign_line), LIE(no_line), LIE(no_level),
	LIE(foreign_intx), LIE(no_intx), LIE(no_kind), LIE(unknown_kind),
	LIE(msi), LIE(link_route), LIE(unplugs), LIE(locks_rom),
	LIE(shuts_down), LIE(sleeps), LIE(moves_vram), LIE(asks_dirty),
	LIE(modifies_much), LIE(maps_serial), LIE(maps_beyond),
	LIE(maps_round), LIE(maps_devfn), LIE(maps_nothing),
	LIE(unmaps_nothing),
};

/* Vcpus 0 and 1 wait for a shadow word and for an answer. */
static void test_renewed(const char *name)
{
	bool believed = false;
	struct io_msg m;

	renew_disk();
	ok(reads_as(0, 0x50), "%s: the successor's shadow word", name);
	if (ok(next(&disk, &m) && m.addr == IDE + 1, "%s: it is asked", name))
		answer(&disk, &m, 0x21);
	ok(reads_as(1, 0x21), "%s: and believed", name);
	fakeguest_out(g, 0, IDE + POSTED_OFF, 1, 7);
	ok(next(&disk, &m) && m.data == 7, "%s: it gets posted writes", name);
	post_in(1, IDE + 1);
	fakefamily_tell(&f, FF_BROKER, CTL_FAILED, FF_DISK);
	ok(reads_as(1, ONES), "%s: failed: who waits gets ones", name);
	ok(fakeguest_in(g, 0, IDE + SHADOW_OFF, 1) == ONES &&
	   fakeguest_in(g, 0, IDE, 2) == 0xffff, "%s: and who comes", name);
	fakeguest_out(g, 0, IDE + POSTED_OFF, 1, 1);
	fakeguest_invalidate(g, 0);
	renew_disk();
	/* Until the broker has read of it. */
	for (int i = 0; i < WAIT_MS && !believed; i++) {
		believed = fakeguest_in(g, 0, IDE + SHADOW_OFF, 1) == 0x50;
		usleep(1000);
	}
	ok(believed, "%s: a later successor is believed", name);
	ok(f.lies == 1, "%s: one lie", name);
}

static void test_lie(unsigned int n)
{
	const char *name = lies[n].name;
	struct io_msg m;
	uint64_t data;

	if (!start(false, false))
		return;
	post_in(0, IDE + 1);
	if (ok(next(&disk, &m), "%s: asked", name))
		lies[n].lie(&m);
	ok(lies_become(1), "%s: reported once, \"%s\"", name, f.lie);
	ok(stat_block_get(&f.stats[FF_BROKER]->block[1 + FF_DISK], STAT_REFUSED) == 1,
	   "%s: and counted", name);
	ok(fakeguest_wait(g, 0, WAIT_MS, &data) &&
	   (data == ONES || data == 0x12), "%s: who waited got an answer", name);
	ok(!g->vcpu[1].pending || reads_as(1, ONES), "%s: and who came", name);
	post_in(0, IDE + SHADOW_OFF);
	post_in(1, IDE + 1);
	ok(waits(0) && waits(1), "%s: who comes now waits", name);
	fakeguest_invalidate(g, 2);
	ok(scratch_works(), "%s: others go on", name);
	test_renewed(name);
	ok(scratch_works(), "%s: others still go on", name);
	ok(fakefamily_runs(&f, FF_BROKER), "%s: so does the broker", name);
	end(name);
}

/* ---- lies that need time ---- */

/* Found while a fresh request is sent: nobody else answers that one. */
static void test_found_while_sending(void)
{
	if (!start(false, false))
		return;
	atomic_store(&disk.c->req_head, 77);
	post_in(0, IDE + 1);
	ok(reads_as(0, ONES), "a head found wrong by a fresh request: ones");
	ok(lies_become(1), "and reported");
	ok(scratch_works(), "others go on");
	end("found while sending");
	if (!start(false, false))
		return;
	/* Said without a kick: the next access comes upon it. */
	chan_answer_put(&disk.w, &(struct io_msg){ .kind = 99 });
	post_in(0, IDE + SHADOW_OFF);
	ok(reads_as(0, ONES) || lies_become(1), "a lie found by a shadow read");
	ok(!waits(0), "leaves nobody waiting");
	ok(lies_become(1), "and is reported");
	end("found by a shadow read");
}

static void ins(struct io_msg *m, bool commit)
{
	fakeguest_post(g, 0, &(struct xen_ioreq){ .addr = IDE, .size = 2,
		.count = 256, .type = XEN_IOREQ_TYPE_PIO, .data = 0x200000,
		.flags = XEN_IOREQ_READ | XEN_IOREQ_DATA_IS_PTR });
	if (f.lies || !next(&disk, m))
		return;
	say_done(&disk, m, 0);
	disk.w.head++;
	if (commit)
		atomic_store(&disk.c->req_head, disk.w.head);
}

/* Backwards past what was counted already: data slots come back twice. */
static void test_head_backwards(void)
{
	struct io_msg m;
	uint64_t data;

	if (!start(false, false))
		return;
	for (unsigned int i = 0; i < 70 && !f.lies; i++) {
		ins(&m, i < 34);
		if (i == 34)
			atomic_store(&disk.c->req_head, 3);
		if (i < 64 && !fakeguest_wait(g, 0, WAIT_MS, &data))
			break;
		if (i >= 64)
			break;
	}
	ok(lies_become(1), "a head that runs backwards is a lie");
	ok(!waits(0), "nobody waits");
	ok(scratch_works(), "others go on");
	end("head backwards");
}

/* Maps over another's window: the guest's doing, first come. */
static void test_map_over_others(void)
{
	struct io_msg m;

	if (!start(false, false))
		return;
	fakeguest_cfg_write(g, 3, 0x10, 0x10, 4, 0xc200);
	fakeguest_cfg_write(g, 3, 0x10, 4, 2, 3);
	post_in(0, IDE + 1);
	ok(next(&disk, &m), "asked");
	say(&disk, &(struct io_msg){ .kind = ANS_MAP, .win = 2, .addr = 0xc200 });
	answer(&disk, &m, 0x21);
	ok(reads_as(0, 0x21) && f.lies == 0, "no lie");
	ok(fakeguest_in(g, 3, 0xc200, 1) == 0, "it is still the other's");
	fakeguest_cfg_write(g, 3, 0x10, 0x10, 4, 0xc300);
	post_in(0, 0xc203);
	ok(next(&disk, &m) && m.addr == 0xc203, "until the other moves away");
	answer(&disk, &m, 0x20);
	ok(reads_as(0, 0x20), "then it answers");
	say(&disk, &(struct io_msg){ .kind = ANS_MAP, .win = 2, .addr = 0xd000 });
	usleep(20000);
	post_in(0, 0xd003);
	ok(next(&disk, &m) && m.win == 2 && m.addr == 0xd003, "moved elsewhere");
	answer(&disk, &m, 0x22);
	ok(reads_as(0, 0x22), "it is its own");
	end("map over others");
}

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
	ok(fakeguest_wait(g, 0, WAIT_MS, &data) && data == ONES &&
	   fakeguest_wait(g, 1, WAIT_MS, &data) && data == ONES &&
	   fakeguest_wait(g, 2, WAIT_MS, &data), "then all are answered");
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
	ok(fakeguest_wait(g, 0, WAIT_MS, &data) && data == ONES,
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
	for (int i = 0; i < 1000 && fakefamily_runs(&f, FF_BROKER); i++)
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
	for (int i = 0; i < WAIT_MS && !f.hangs; i++)
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
	for (int i = 0; i < WAIT_MS && !f.hangs; i++)
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

/* ---- several workers ---- */

/* The end of one is not the answer of another. */
static void test_liar_beside_invalidate(void)
{
	struct io_msg m;
	uint64_t data;

	if (!start(true, false))
		return;
	send_invalidate(0);
	ok(next(&disk, &m) && m.kind == IO_INVALIDATE, "disk has to let go");
	say(&platform, &(struct io_msg){ .kind = 99 });
	ok(lies_become(1), "platform lies");
	ok(waits(0), "the guest still waits for disk");
	answer(&disk, &m, 0);
	ok(fakeguest_wait(g, 0, WAIT_MS, &data), "until that has answered");
	end("liar beside INVALIDATE");
}

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
	ok(fakeguest_wait(g, 0, WAIT_MS, &data) && reads_as(2, 0x33),
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
	ok(fakeguest_wait(g, 0, WAIT_MS, &data) && data == 0x44,
	   "then the guest goes on");
	ok(f.unplugs == 1 && f.lies == 0, "the supervisor was told once");
	end("slow unplug");
}

/* The one that shall let go lies instead: unplug does not wait for it. */
static void test_lying_unplug(void)
{
	struct io_msg ask, m;
	uint64_t data;

	if (!start(true, false))
		return;
	post_in(0, SCRATCH);
	ok(next(&platform, &ask), "platform is asked");
	say(&platform, &(struct io_msg){ .kind = ANS_UNPLUG, .data = 1 });
	answer(&platform, &ask, 0x44);
	ok(next(&disk, &m) && m.kind == IO_UNPLUG, "disk shall let go");
	say(&disk, &(struct io_msg){ .kind = 99 });
	ok(lies_become(1), "it lies");
	ok(fakeguest_wait(g, 0, WAIT_MS, &data) && data == 0x44 && f.unplugs == 1,
	   "the guest goes on, the supervisor was told");
	end("lying unplug");
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
	for (int i = 0; i < 1000 && rounds < CHAN_DATA_SLOTS; i++)
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

/* Rows are found wherever they are in a big window, and only there. */
static void test_far_row(void)
{
	struct io_msg m;

	if (!start(false, true))
		return;
	is_hex(fakeguest_load_mem(g, 1, 0xa0000 + VGA_FAR, 1), 0x5a,
	       "a shadow word far into a window");
	post(2, XEN_IOREQ_TYPE_COPY, 0xa0000 + (VGA_FAR & 0xff), true, 0);
	ok(next(&vga, &m) && m.addr == 0xa0000 + (VGA_FAR & 0xff),
	   "another offset is asked for");
	answer(&vga, &m, 0x33);
	ok(reads_as(2, 0x33), "and answered");
	end("far row");
}

/* ---- where VRAM may be ---- */

#define LOW_GFN		(UINT64_C(16) << 8)	/* of conf_of() */
#define FRAMES_4G	(UINT64_C(1) << 20)
#define VRAM_HOME	UINT64_C(0xe0000)

static bool vram_goes(uint64_t gfn)
{
	uint64_t moves = g->m->op[FAKE_OP_RELOCATE];
	struct io_msg m;

	post_in(0, 0x3cc);
	if (!next(&vga, &m))
		return false;
	say(&vga, &(struct io_msg){ .kind = ANS_VRAM_MOVE, .addr = gfn,
				    .win = IO_NO_WIN });
	answer(&vga, &m, 0);
	if (!reads_as(0, 0) || f.lies)
		return false;
	return g->m->op[FAKE_OP_RELOCATE] != moves &&
		fakeguest_vram_gfn(g) == gfn;
}

/* What Xen moves somewhere takes the place of what is there. */
static void test_vram_over_ram(void)
{
	struct fakefamily_conf conf = conf_of(false, true);
	uint64_t frames, high;

	conf.guest.high_bytes = 8 << 20;
	if (!ok(fakefamily_start(&f, &conf), "the family is up"))
		return;
	g = f.g;
	g->timeout_ms = WAIT_MS;
	frames = g->conf.vram_frames;
	high = FRAMES_4G + (g->conf.high_bytes >> XEN_PAGE_SHIFT);
	ok(vram_goes(VRAM_HOME), "VRAM moves");
	ok(!vram_goes(1) && !vram_goes(LOW_GFN / 2) && !vram_goes(LOW_GFN - 1),
	   "not over low RAM");
	ok(!vram_goes(FRAMES_4G) && !vram_goes(high - 1) &&
	   !vram_goes(FRAMES_4G - frames + 1), "nor over high RAM");
	is_hex(fakeguest_vram_gfn(g), VRAM_HOME, "it stays");
	ok(vram_goes(LOW_GFN) && vram_goes(FRAMES_4G - frames) && vram_goes(high),
	   "right beside, it may be");
	ok(f.lies == 0, "to ask is no lie: guests put BARs anywhere");
	end("VRAM over RAM");
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

static bool asked(struct liar *l, uint8_t kind)
{
	struct io_msg m;

	return next(l, &m) && m.kind == kind;
}

static bool tells_rest(uint32_t want)
{
	for (int i = 0; i < WAIT_MS && f.paused != want; i++)
		usleep(1000);
	return f.paused == want;
}

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

static void test_liar_at_rest(void)
{
	if (!start(false, false))
		return;
	fakefamily_tell(&f, FF_BROKER, CTL_PAUSE, 1);
	ok(asked(&disk, IO_PAUSE), "it shall rest");
	say(&disk, &(struct io_msg){ .kind = 99 });
	ok(lies_become(1) && tells_rest(1), "it lies, the others rest");
	renew_disk();
	ok(asked(&disk, IO_PAUSE), "its successor shall rest, too");
	chan_commit(&disk.w);
	ok(tells_rest(2), "and does");
	end("liar at rest");
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
	ok(fakeguest_wait(g, 0, WAIT_MS, &data), "the guest is answered");
	/* Xen would have noticed by now, and ended the guest. */
	ok(fakefamily_runs(&f, FF_BROKER), "by a broker that lives");
	ok(fakefamily_stop(&f), "spoilt slot: the broker ends by itself");
}

/* ---- announcements ---- */

static uint32_t seed = 1;

static uint32_t any(void)
{
	seed = seed * 1664525u + 1013904223u;
	return seed >> 8;
}

/* What a hostile announcement has in one field or another. */
static void spoil(struct fakefamily *family)
{
	uint8_t *p;
	size_t at, len;

	announce(family);
	switch (any() % 4) {
	case 0:
		p = (uint8_t *)&disk.c->win_count;
		len = 8;
		break;
	case 1:
		p = (uint8_t *)disk.c->row;
		len = 2 * sizeof(disk.c->row[0]);
		break;
	default:
		p = (uint8_t *)disk.c->win;
		len = 3 * offsetof(struct chan_win, name);
		break;
	}
	at = any() % len;
	p[at] = (uint8_t)(any() % 3 ? any() : 0xff);
	if (any() % 2)
		disk.c->win_count = CHAN_WINS;
	if (any() % 2)
		disk.c->row_count = CHAN_ROWS;
}

static bool try_announcement(void)
{
	struct fakefamily_conf conf = conf_of(false, false);
	int status;
	bool up;

	conf.announce = spoil;
	up = fakefamily_start(&f, &conf);
	g = f.g;
	g->timeout_ms = 100;
	/* Until one is asked of the disk, which does not answer. */
	for (unsigned int i = 0; up && i < 16 && !waits(0); i++)
		post_in(0, (uint16_t)(IDE + i));
	if (up)
		up = scratch_works();
	else
		up = fakefamily_logged(&f, "announced nonsense");
	fakefamily_stop(&f);
	status = f.member[FF_BROKER].status;
	return up && WIFEXITED(status);
}

static void test_announcements(unsigned int tries)
{
	unsigned int n;

	for (n = 0; n < tries; n++)
		if (!try_announcement())
			break;
	ok(n == tries, "%u of %u announcements: refused in one line, or served",
	   n, tries);
}

int main(void)
{
	struct fakefamily_conf conf = conf_of(false, false);
	const char *why = fakefamily_missing(&conf);

	if (why)
		return skip_all(why);
	for (unsigned int n = 0; n < sizeof(lies) / sizeof(lies[0]); n++)
		test_lie(n);
	test_found_while_sending();
	test_head_backwards();
	test_map_over_others();
	test_never_answers();
	test_stop_beside_request();
	test_supervisor_ends();
	test_hangs();
	test_hangs_beside_busy();
	test_freeze();
	test_flood();
	test_liar_beside_invalidate();
	test_stuck_is_not_slow();
	test_death_while_asking();
	test_rest_again();
	test_liar_at_rest();
	test_spoilt_slot();
	test_slow_invalidate();
	test_slow_unplug();
	test_lying_unplug();
	test_slow_vga_order();
	test_slow_vga_full();
	test_far_row();
	test_vram_over_ram();
	test_announcements(40);
	return tap_done();
}
