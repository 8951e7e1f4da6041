/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/integ/liar.h - workers that the test plays, word by word
 *
 * Included by the tests of the real broker among such workers.  Those that are
 * not played are the real programs, on the in-memory hypervisor.  One family at
 * a time: start(), then what the test is about, then end().
 */
#ifndef TESTS_INTEG_LIAR_H
#define TESTS_INTEG_LIAR_H

#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "fakefamily.h"
#include "fakeguest.h"
#include "fakexen.h"
#include "patience.h"
#include "ring/chan.h"
#include "tap.h"

#define SCRATCH		0x3ff		/* of COM1: the real platform's */
#define IDE		0x1f0
#define POSTED_OFF	2		/* rows that we announce */
#define SHADOW_OFF	7
#define VGA_PORT	0x3c5
#define VGA_FAR		0x3818		/* a row in the middle of its memory */
#define ONES		0xffu

static struct fakefamily f;
static struct fakeguest *g;

/* A worker that we play. */
static struct liar {
	struct chan *c;
	struct chan_worker w;
} disk, platform, vga;

/* ---- announcing ---- */

static inline void add_win(struct chan *c, unsigned int space, uint64_t base,
		    uint32_t len, bool mapped, bool mirror)
{
	c->win[c->win_count++] = (struct chan_win){
		.base = base, .len = len, .space = (uint8_t)space,
		.mapped = mapped, .flags = mirror ? CHAN_WIN_MIRROR : 0 };
}

static inline void add_row(struct chan *c, uint16_t win, uint16_t off, uint8_t flags)
{
	c->row[c->row_count++] = (struct chan_row){ .win = win, .off = off,
		.size = 1, .flags = flags };
}

static inline void take_up(struct liar *l, enum fakefamily_who who)
{
	l->c = fakefamily_chan(&f, who);
	chan_worker_init(&l->w, l->c);
}

static inline void announce_disk(void)
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

static inline void announce_platform(void)
{
	take_up(&platform, FF_PLATFORM);
	add_win(platform.c, CHAN_PIO, 0x3f8, 8, true, false);
	platform.c->ready = 1;
}

static inline void announce_vga(void)
{
	take_up(&vga, FF_VGA);
	add_win(vga.c, CHAN_PIO, 0x3b0, 0x30, true, false);
	add_win(vga.c, CHAN_MMIO, 0xa0000, 0x20000, true, false);
	add_row(vga.c, 0, VGA_PORT - 0x3b0, CHAN_ROW_POSTED);
	add_row(vga.c, 1, VGA_FAR, CHAN_ROW_SHADOW);
	vga.c->shadow[1] = CHAN_SHADOW_VALID | 0x5a;
	vga.c->ready = 1;
}

static inline void announce(struct fakefamily *family)
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
static inline void renew_disk(void)
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

static inline struct fakefamily_conf conf_of(bool play_platform, bool play_vga)
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

static inline bool start(bool play_platform, bool play_vga)
{
	struct fakefamily_conf conf = conf_of(play_platform, play_vga);

	if (!fakefamily_start(&f, &conf))
		return ok(false, "the family is up");
	g = f.g;
	return true;
}

/* ---- playing a worker ---- */

static inline bool next(struct liar *l, struct io_msg *m)
{
	for (int64_t until = clock_now_ns() + PATIENCE_NS;
	     chan_req_get(&l->w, m) != 1; usleep(100))
		if (clock_now_ns() > until)
			return false;
	return true;
}

static inline void say(struct liar *l, const struct io_msg *m)
{
	while (chan_answer_put(&l->w, m) == -EAGAIN)
		sched_yield();
	if (chan_broker_needs_kick(&l->w))
		fakefamily_kick_broker(&f);
}

static inline void say_done(struct liar *l, const struct io_msg *m, uint64_t data)
{
	say(l, &(struct io_msg){ .kind = ANS_DONE, .seq = m->seq, .data = data,
				 .win = IO_NO_WIN });
}

static inline void answer(struct liar *l, const struct io_msg *m, uint64_t data)
{
	say_done(l, m, data);
	chan_commit(&l->w);
}

/* ---- playing a vCPU, in halves ---- */

static inline bool post(unsigned int vcpu, uint8_t type, uint64_t addr, bool read,
		 uint64_t val)
{
	return fakeguest_post(g, vcpu, &(struct xen_ioreq){
		.type = type, .addr = addr, .size = 1, .count = 1, .data = val,
		.flags = read ? XEN_IOREQ_READ : 0 });
}

static inline bool post_in(unsigned int vcpu, uint16_t port)
{
	return post(vcpu, XEN_IOREQ_TYPE_PIO, port, true, 0);
}

static inline void send_invalidate(unsigned int vcpu)
{
	fakexen_send(g, vcpu, &(struct xen_ioreq){ .count = 1, .size = 4,
		.type = XEN_IOREQ_TYPE_INVALIDATE, .data = UINT64_MAX });
}

static inline bool waits(unsigned int vcpu)
{
	uint64_t data;

	return !fakeguest_wait(g, vcpu, 50, &data);
}

static inline bool reads_as(unsigned int vcpu, uint64_t want)
{
	uint64_t data;

	return fakeguest_wait(g, vcpu, PATIENCE_MS, &data) && (data & 0xff) == want;
}

static inline bool scratch_works(void)
{
	static uint8_t n;
	bool good = true;

	for (int i = 0; i < 20; i++) {
		fakeguest_out(g, 3, SCRATCH, 1, ++n);
		good &= fakeguest_in(g, 3, SCRATCH, 1) == n;
	}
	return good;
}

static inline bool lies_become(unsigned int want)
{
	for (int i = 0; i < PATIENCE_MS && f.lies != want; i++)
		usleep(1000);
	usleep(2000);		/* and not one more */
	return f.lies == want;
}

static inline void end(const char *name)
{
	const char *fault = fakeguest_fault(g);
	char why[160];

	snprintf(why, sizeof(why), "%s", fault ? fault : "");
	ok(!fault, "%s: no fault %s", name, why);
	ok(fakefamily_stop(&f), "%s: the broker ends by itself", name);
}

/* ---- rest ---- */

static inline bool asked(struct liar *l, uint8_t kind)
{
	struct io_msg m;

	return next(l, &m) && m.kind == kind;
}

static inline bool tells_rest(uint32_t want)
{
	for (int i = 0; i < PATIENCE_MS && f.paused != want; i++)
		usleep(1000);
	return f.paused == want;
}

#endif /* TESTS_INTEG_LIAR_H */
