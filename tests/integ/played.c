/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/integ/played.c - three workers that the test plays, and what a guest
 *                        can do with them
 *
 * Runs in the test.  Each worker is a thread; the guest's half of each act is
 * called by the test's vCPU threads.
 */
#include "played.h"

#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "patience.h"
#include "ring/chan.h"

#define IDE		0x1f0u
#define IDE_WRITE	(IDE + 1)
#define IDE_POST	(IDE + 2)	/* a posted row */
#define IDE_READ	(IDE + 3)
#define IDE_MAP		(IDE + 4)
#define IDE_IRQ		(IDE + 5)
#define IDE_SHADOW	(IDE + 7)	/* a shadow row */
#define BAR(n)		(0xd000u + (n) % 16 * 0x100)
#define BAR_WIN		2
#define VGA		0x3b0u
#define VGA_DIRTY	0x3d4u
#define VGA_VRAM	0x3d5u
#define VGA_SYNC	0x3c3u
#define COM		0x3f8u
#define COM_ROUTE	COM
#define COM_UNPLUG	(COM + 2)
#define COM_SLEEP	(COM + 3)
#define PARKED		0xff000u
#define WORDS		256u
#define INS_GPA		0x200800u
#define OUTS_GPA	0x300400u

static struct played {
	struct chan *c;
	struct chan_worker w;
	pthread_t thread;
	uint32_t dice;
} disk, vga, platform;

static struct fakefamily *f;
static struct fakeguest *g;
static _Atomic bool ending;
static char wrong[160];
static _Atomic bool is_wrong;
/* By the guest, and as the workers saw them. */
static struct {
	_Atomic uint32_t write, read, post, buffer, ins, outs, map, vram, dirty;
	_Atomic uint32_t shadow, unplug, sleep;
} did, saw;

__attribute__((format(printf, 1, 2)))
static void found(const char *fmt, ...)
{
	va_list ap;

	if (atomic_exchange(&is_wrong, true))
		return;
	va_start(ap, fmt);
	vsnprintf(wrong, sizeof(wrong), fmt, ap);
	va_end(ap);
}

const char *played_wrong(void)
{
	return is_wrong ? wrong : fakeguest_fault(g);
}

static void expect(const char *what, uint64_t got, uint64_t want)
{
	if (got != want)
		found("%s: %llu instead of %llu", what, (unsigned long long)got,
		      (unsigned long long)want);
}

/* ---- the workers' half ---- */

static void say(struct played *p, const struct io_msg *m)
{
	while (chan_answer_write(&p->w, m) == -EAGAIN && !ending) {
		chan_answer_publish(&p->w);
		sched_yield();
	}
}

static void take_string(const struct io_msg *m)
{
	uint16_t *word = (uint16_t *)disk.c->data[m->slot % CHAN_DATA_SLOTS];

	expect("words of a string", m->count, WORDS);
	if (m->flags & IO_WRITE) {
		saw.outs++;
		for (unsigned int i = 0; i < WORDS; i++)
			expect("word written", word[i], saw.outs & 0xffff);
		return;
	}
	saw.ins++;
	for (unsigned int i = 0; i < WORDS; i++)
		word[i] = (uint16_t)saw.ins;
}

static uint64_t serve_disk(const struct io_msg *m)
{
	if (m->win == BAR_WIN)
		return saw.map & 0xff;
	if (m->win != 0)
		return 0;
	switch (m->addr) {
	case IDE:
		take_string(m);
		break;
	case IDE_WRITE:
		expect("write", m->data, ++saw.write);
		break;
	case IDE_POST:
		expect("posted write", m->data & 0xff, ++saw.post & 0xff);
		break;
	case IDE_READ:
		return ++saw.read;
	case IDE_MAP:
		saw.map++;
		say(&disk, &(struct io_msg){ .kind = ANS_MAP, .win = BAR_WIN,
					     .addr = BAR(saw.map) });
		break;
	case IDE_IRQ:
		say(&disk, &(struct io_msg){ .kind = ANS_ISA_IRQ, .addr = 14,
					     .data = m->data & 1 });
		break;
	case IDE_SHADOW:
		if (!(m->flags & IO_WRITE))
			return saw.shadow;
		saw.shadow = (uint32_t)m->data & 0xff;
		atomic_store(&disk.c->shadow[1], CHAN_SHADOW_VALID | saw.shadow);
		break;
	default:
		break;
	}
	return 0;
}

static uint64_t serve_vga(const struct io_msg *m)
{
	struct io_write e;

	if (m->kind == IO_BATCH) {
		for (uint32_t i = 0; i < m->count && i < IO_BATCH_MAX; i++) {
			memcpy(&e, vga.c->data[m->slot % CHAN_DATA_SLOTS] +
			       i * sizeof(e), sizeof(e));
			expect("buffered write", e.data, ++saw.buffer);
		}
		return 0;
	}
	if (m->kind == IO_REPLY) {
		saw.dirty++;
		return 0;
	}
	switch (m->addr) {
	case VGA_DIRTY:
		say(&vga, &(struct io_msg){ .kind = ANS_DIRTY_QUERY,
					    .win = IO_NO_WIN });
		break;
	case VGA_VRAM:
		saw.vram++;
		say(&vga, &(struct io_msg){ .kind = ANS_VRAM_MOVE,
			.win = IO_NO_WIN, .addr = m->data });
		break;
	default:
		return saw.buffer;
	}
	return 0;
}

static uint64_t serve_platform(const struct io_msg *m)
{
	switch (m->addr) {
	case COM_ROUTE:
		say(&platform, &(struct io_msg){ .kind = ANS_LINK_ROUTE,
			.win = IO_NO_WIN, .addr = 1, .data = m->data & 15 });
		break;
	case COM_UNPLUG:
		say(&platform, &(struct io_msg){ .kind = ANS_UNPLUG,
			.win = IO_NO_WIN, .data = 2 });
		break;
	case COM_SLEEP:
		say(&platform, &(struct io_msg){ .kind = ANS_SLEEP,
						 .win = IO_NO_WIN });
		break;
	default:
		break;
	}
	return 0;
}

static _Atomic unsigned int die_out_of, worker_deaths;

void played_workers_die(unsigned int out_of)
{
	die_out_of = out_of;
}

unsigned int played_worker_deaths(void)
{
	return worker_deaths;
}

/* Requests before @seq and answers before @ans_tail are committed; some of that
   may not have been published.  True: here it died, and this is another. */
static bool die_here(struct played *p, uint32_t seq, uint32_t ans_tail)
{
	unsigned int out_of = die_out_of;

	p->dice = p->dice * 1664525u + 1013904223u;
	if (out_of == 0 || (p->dice >> 8) % out_of)
		return false;
	worker_deaths++;
	chan_worker_init(&p->w, p->c);
	if (!chan_worker_adopt(&p->w, seq, ans_tail))
		found("committed state does not go with the ring");
	chan_worker_publish(&p->w);
	return true;
}

static void kick(struct played *p)
{
	if (chan_broker_needs_kick(&p->w))
		fakefamily_kick_broker(f);
}

static void serve(struct played *p, uint64_t (*fn)(const struct io_msg *m))
{
	struct io_msg m;

	while (!ending) {
		int rc = chan_req_get(&p->w, &m);
		uint32_t seq, ans_tail;
		uint64_t value;

		if (rc < 0)
			found("request ring index");
		if (rc <= 0) {
			usleep(100);
			continue;
		}
		expect("request number", m.seq, p->w.head);
		value = fn(&m);
		if (m.kind == IO_UNPLUG)
			saw.unplug++;
		if (!(m.flags & IO_POSTED))
			say(p, &(struct io_msg){ .kind = ANS_DONE, .seq = m.seq,
				.data = value, .win = IO_NO_WIN });
		seq = p->w.head + 1;
		ans_tail = p->w.tail;
		if (!die_here(p, seq, ans_tail)) {
			chan_answer_publish(&p->w);
			if (!die_here(p, seq, ans_tail))
				chan_commit(&p->w);
		}
		chan_worker_beat(&p->w);
		kick(p);
	}
}

static void *run_disk(void *arg)
{
	(void)arg;
	serve(&disk, serve_disk);
	return NULL;
}

static void *run_vga(void *arg)
{
	(void)arg;
	serve(&vga, serve_vga);
	return NULL;
}

static void *run_platform(void *arg)
{
	(void)arg;
	serve(&platform, serve_platform);
	return NULL;
}

static void add_win(struct chan *c, unsigned int space, uint64_t base,
		    uint32_t len, bool mapped)
{
	c->win[c->win_count++] = (struct chan_win){ .base = base, .len = len,
		.space = (uint8_t)space, .mapped = mapped };
}

static void take_up(struct played *p, enum fakefamily_who who)
{
	memset(p, 0, sizeof(*p));
	p->c = fakefamily_chan(f, who);
	chan_worker_init(&p->w, p->c);
}

static void announce(struct fakefamily *family)
{
	f = family;
	g = f->g;
	take_up(&disk, FF_DISK);
	add_win(disk.c, CHAN_PIO, IDE, 8, true);
	add_win(disk.c, CHAN_PCI, 0x09, 256, true);
	add_win(disk.c, CHAN_PIO, 0, 16, false);
	disk.c->row[0] = (struct chan_row){ .off = IDE_POST - IDE, .size = 1,
		.flags = CHAN_ROW_POSTED | CHAN_ROW_INERT | CHAN_ROW_LAZY };
	disk.c->row[1] = (struct chan_row){ .off = IDE_SHADOW - IDE, .size = 1,
		.flags = CHAN_ROW_SHADOW };
	disk.c->row_count = 2;
	disk.c->shadow[1] = CHAN_SHADOW_VALID;
	disk.c->ready = 1;
	take_up(&vga, FF_VGA);
	add_win(vga.c, CHAN_PIO, VGA, 0x30, true);
	add_win(vga.c, CHAN_MMIO, 0xa0000, 0x20000, true);
	vga.c->ready = 1;
	take_up(&platform, FF_PLATFORM);
	add_win(platform.c, CHAN_PIO, COM, 8, true);
	platform.c->ready = 1;
	pthread_create(&disk.thread, NULL, run_disk, NULL);
	pthread_create(&vga.thread, NULL, run_vga, NULL);
	pthread_create(&platform.thread, NULL, run_platform, NULL);
}

/* ---- the guest's half ---- */

/* By halves: @addr of any size, as the guest's instruction would. */
static void do_map(unsigned int vcpu)
{
	uint32_t n = ++did.map;

	fakeguest_out(g, vcpu, IDE_MAP, 1, n & 0xff);
	expect("read where the window is", fakeguest_in(g, vcpu,
		(uint16_t)(BAR(n) + 3), 1), n & 0xff);
}

static void do_vram(unsigned int vcpu)
{
	uint32_t n = ++did.vram;
	uint64_t gfn = n % 4 ? 0xe0000 + n % 8 * 0x800 : PARKED;

	fakeguest_out(g, vcpu, VGA_VRAM, 4, n % 4 ? (uint32_t)gfn : PARKED);
	expect("VRAM", g->map->extra[0].gfn, gfn);
	expect("pinned", g->m->pin_gfn, gfn);
	fakeguest_hypercall(g, vcpu);
}

static void do_string(unsigned int vcpu, bool in)
{
	uint16_t *word = (uint16_t *)fakeguest_ram(g, in ? INS_GPA : OUTS_GPA);
	uint32_t n = in ? ++did.ins : ++did.outs;

	if (in)
		fakeguest_ins(g, vcpu, IDE, 2, WORDS, INS_GPA, false);
	for (unsigned int i = 0; i < WORDS; i++) {
		if (in)
			expect("word read", word[i], n & 0xffff);
		else
			word[i] = (uint16_t)n;
	}
	if (!in)
		fakeguest_outs(g, vcpu, IDE, 2, WORDS, OUTS_GPA, false);
}

static void do_held(unsigned int vcpu, uint16_t port, _Atomic uint32_t *told,
		    _Atomic uint32_t *count)
{
	uint32_t before = *told;

	++*count;
	fakeguest_out(g, vcpu, port, 1, 0);
	/* Twice, if the broker died in between. */
	if (*told == before)
		found("the supervisor was not told");
}

static void do_buffer(unsigned int vcpu)
{
	fakeguest_store_mem(g, vcpu, 0xa0000 + did.buffer % 64 * 4, 4,
			    did.buffer + 1);
	did.buffer++;
	if (did.buffer % 16 == 0)
		expect("buffered before", fakeguest_in(g, vcpu, VGA_SYNC, 4),
		       did.buffer);
}

static void do_shadow(unsigned int vcpu)
{
	uint32_t n = ++did.shadow & 0xff;

	fakeguest_out(g, vcpu, IDE_SHADOW, 1, n);
	expect("shadow word", fakeguest_in(g, vcpu, IDE_SHADOW, 1), n);
}

void played_do(unsigned int vcpu, enum played_act act)
{
	static _Atomic uint32_t level, line;

	switch (act) {
	case PLAYED_WRITE:
		fakeguest_out(g, vcpu, IDE_WRITE, 4, ++did.write);
		expect("written", saw.write, did.write);
		break;
	case PLAYED_READ:
		++did.read;
		expect("read", fakeguest_in(g, vcpu, IDE_READ, 4), did.read);
		break;
	case PLAYED_POST:
		fakeguest_out(g, vcpu, IDE_POST, 1, ++did.post & 0xff);
		break;
	case PLAYED_BUFFER:
		do_buffer(vcpu);
		break;
	case PLAYED_INS:
	case PLAYED_OUTS:
		do_string(vcpu, act == PLAYED_INS);
		break;
	case PLAYED_MAP:
		do_map(vcpu);
		break;
	case PLAYED_VRAM:
		do_vram(vcpu);
		break;
	case PLAYED_DIRTY:
		did.dirty++;
		fakeguest_out(g, vcpu, VGA_DIRTY, 1, 0);
		break;
	case PLAYED_IRQ:
		fakeguest_out(g, vcpu, IDE_IRQ, 1, ++level & 1);
		expect("line", fakeguest_isa(g, 14), level & 1);
		break;
	case PLAYED_ROUTE:
		fakeguest_out(g, vcpu, COM_ROUTE, 1, ++line & 15);
		expect("route", g->m->link[1], line & 15);
		break;
	case PLAYED_INVALIDATE:
		fakeguest_invalidate(g, vcpu);
		break;
	case PLAYED_SHADOW:
		do_shadow(vcpu);
		break;
	case PLAYED_UNPLUG:
		do_held(vcpu, COM_UNPLUG, &f->unplugs, &did.unplug);
		expect("asked to unplug", saw.unplug, did.unplug);
		break;
	case PLAYED_SLEEP:
		do_held(vcpu, COM_SLEEP, &f->sleeps, &did.sleep);
		break;
	case PLAYED_ACTS:
		break;
	}
}

bool played_is_complete(void)
{
	int64_t until = clock_now_ns() + PATIENCE_NS;

	/* Buffered and lazy writes go with the next one that is waited for. */
	played_do(0, PLAYED_WRITE);
	fakeguest_in(g, 0, VGA_SYNC, 4);
	while ((saw.post != did.post || saw.buffer != did.buffer ||
		saw.dirty < (did.dirty != 0)) && clock_now_ns() < until)
		usleep(1000);
	expect("posted writes in all", saw.post, did.post);
	expect("buffered writes in all", saw.buffer, did.buffer);
	expect("writes in all", saw.write, did.write);
	expect("strings in all", saw.ins + saw.outs, did.ins + did.outs);
	return !played_wrong();
}

bool played_start(struct fakefamily *family, const char *hang_opt)
{
	struct fakefamily_conf conf = {
		.guest = { .vcpus = 4, .low_bytes = 16 << 20,
			   .vram_gfn = PARKED, .vram_frames = 4096 },
		.played = { [FF_DISK] = true, [FF_PLATFORM] = true,
			    [FF_VGA] = true },
		.announce = announce, .quiet = true,
		.opt = { [FF_BROKER] = { hang_opt } },
	};

	memset(&did, 0, sizeof(did));
	memset(&saw, 0, sizeof(saw));
	is_wrong = ending = false;
	die_out_of = worker_deaths = 0;
	return fakefamily_start(family, &conf);
}

bool played_stop(void)
{
	bool good;

	ending = true;
	pthread_join(disk.thread, NULL);
	pthread_join(vga.thread, NULL);
	pthread_join(platform.thread, NULL);
	good = fakefamily_stop(f);
	munmap(disk.c, sizeof(*disk.c));
	munmap(vga.c, sizeof(*vga.c));
	munmap(platform.c, sizeof(*platform.c));
	return good;
}
