/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/perf/commit.c - what it costs that a worker may die at any instant
 *
 * Three families on the in-memory hypervisor, the real programs with their
 * filters.  In the workers of two of them bus_commit_state() does nothing: no
 * device state is copied for a successor, nothing is flipped (unhook.h).
 * They are measured in turns in one run, a few accesses of each, over and
 * over, in changing order, in several lives, as in stats.c.  Every access
 * takes the hop; with polling and without.
 *
 * Prints medians from a guest's exit to its return in ns; of the ratios to the
 * neighbour without commits the median and quartiles; the same between
 * the two without ("noise"); then each device's registers, and what copying
 * and flipping them takes when nothing else happens.  Never fails on time.
 *
 * usage: commit [LIVES]
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "abi/state.h"
#include "base/clock.h"
#include "bus/commit.h"
#include "fakefamily.h"
#include "integ/net_guest.h"
#include "ratio.h"
#include "ring/memfd.h"
#include "unhook.h"

#define BATCH_MAX	100u
#define TURNS		12u		/* of each life */
#define LIVES_MAX	40u
#define NAME_WIDTH	20
#define SECTORS		(32u << 10)
#define BM		0xc100		/* beside the network card's ports */
#define IDE_FUNC	0x09
#define PRD_GPA		0x10000
#define BUF_GPA		0x20000
#define CARD_PORTS	0xc000		/* net_guest.c puts them there */
#define CARD_REGS	0xf3000000u
#define ALONE		2000u		/* commits of a round */
#define ALONE_ROUNDS	50u

enum { POLL_ON, POLL_OFF, POLLS };

static struct one {
	struct fakefamily f;
	struct net_guest card;
	int wire;
	unsigned int sectors;		/* left of a PIO command */
} one[RATIO_FAMILIES];

/* ---- what is measured; ns ---- */

static int64_t time_in(struct one *o, uint16_t port, unsigned int size)
{
	int64_t t = clock_now_ns();

	fakeguest_in(o->f.g, 0, port, size);
	return clock_now_ns() - t;
}

static int64_t time_out(struct one *o, uint16_t port, unsigned int size, uint32_t v)
{
	int64_t t = clock_now_ns();

	fakeguest_out(o->f.g, 0, port, size, v);
	return clock_now_ns() - t;
}

static int64_t read_scratch(struct one *o)
{
	return time_in(o, 0x3ff, 1);
}

static int64_t write_scratch(struct one *o)
{
	return time_out(o, 0x3ff, 1, 0x55);
}

static int64_t write_palette(struct one *o)
{
	return time_out(o, 0x3c9, 1, 0x15);
}

static int64_t read_status(struct one *o)
{
	return time_in(o, 0x1f7, 1);
}

static int64_t write_count(struct one *o)
{
	return time_out(o, 0x1f2, 1, 0x55);
}

static void command(struct one *o, uint8_t count, uint8_t cmd)
{
	fakeguest_out(o->f.g, 0, 0x1f6, 1, 0xe0);
	fakeguest_out(o->f.g, 0, 0x1f2, 1, count);
	for (uint16_t port = 0x1f3; port <= 0x1f5; port++)
		fakeguest_out(o->f.g, 0, port, 1, 0);
	fakeguest_out(o->f.g, 0, 0x1f7, 1, cmd);
}

static int64_t read_sector(struct one *o)
{
	int64_t t;

	if (o->sectors == 0) {
		command(o, 0, 0x20);
		o->sectors = 256;
	}
	while ((fakeguest_in(o->f.g, 0, 0x1f7, 1) & 0x88) != 0x08)
		if (fakeguest_fault(o->f.g))
			return 0;
	t = clock_now_ns();
	fakeguest_ins(o->f.g, 0, 0x1f0, 2, 256, BUF_GPA, false);
	t = clock_now_ns() - t;
	o->sectors--;
	return t;
}

/* Until it is lowered, and nothing is under way. */
static void finish_sectors(struct one *o)
{
	while (o->sectors && !fakeguest_fault(o->f.g))
		read_sector(o);
	fakeguest_in(o->f.g, 0, 0x1f7, 1);
}

static int64_t read_dma(struct one *o)
{
	uint32_t prd[2] = { BUF_GPA, 4096 | 0x80000000u };
	int64_t t;

	finish_sectors(o);
	fakeguest_store(o->f.g, PRD_GPA, prd, sizeof(prd));
	fakeguest_out(o->f.g, 0, BM, 1, 0);
	t = clock_now_ns();
	fakeguest_out(o->f.g, 0, BM + 4, 4, PRD_GPA);
	fakeguest_out(o->f.g, 0, BM + 2, 1, 0x06);
	command(o, 8, 0xc8);
	fakeguest_out(o->f.g, 0, BM, 1, 0x09);
	while (!(fakeguest_in(o->f.g, 0, BM + 2, 1) & 0x04))
		if (fakeguest_fault(o->f.g))
			return 0;
	fakeguest_out(o->f.g, 0, BM, 1, 0);
	fakeguest_in(o->f.g, 0, 0x1f7, 1);
	return clock_now_ns() - t;
}

static int64_t read_cause(struct one *o)
{
	int64_t t = clock_now_ns();

	if (o->card.e1000)
		fakeguest_load_mem(o->f.g, 0, CARD_REGS + 0xc0, 4);
	else
		fakeguest_in(o->f.g, 0, CARD_PORTS + 0x3e, 2);
	return clock_now_ns() - t;
}

static int64_t write_mask(struct one *o)
{
	int64_t t = clock_now_ns();

	if (o->card.e1000)
		fakeguest_store_mem(o->f.g, 0, CARD_REGS + 0xd8, 4, UINT32_MAX);
	else
		fakeguest_out(o->f.g, 0, CARD_PORTS + 0x3c, 2, 0);
	return clock_now_ns() - t;
}

static int64_t send_frame(struct one *o)
{
	static uint8_t frame[1514] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	int64_t t = clock_now_ns();

	net_guest_send(&o->card, frame, sizeof(frame), NULL);
	t = clock_now_ns() - t;
	while (recv(o->wire, frame, 0, MSG_DONTWAIT | MSG_TRUNC) > 0)
		;
	return t;
}

static const struct row {
	const char *name, *model;	/* NULL: of families with any card */
	int64_t (*act)(struct one *o);
	unsigned int batch;
} rows[] = {
	{ "platform: in 3ff",		NULL,		read_scratch,	100 },
	{ "platform: out 3ff",		NULL,		write_scratch,	100 },
	{ "vga: out 3c9",		NULL,		write_palette,	100 },
	{ "disk: in 1f7",		NULL,		read_status,	100 },
	{ "disk: out 1f2",		NULL,		write_count,	100 },
	{ "disk: sector, insw",		NULL,		read_sector,	64 },
	{ "disk: 4 KiB by DMA",		NULL,		read_dma,	24 },
	{ "e1000: read ICR",		"e1000",	read_cause,	100 },
	{ "e1000: write IMC",		"e1000",	write_mask,	100 },
	{ "e1000: frame out",		"e1000",	send_frame,	48 },
	{ "rtl8139: read ISR",		"rtl8139",	read_cause,	100 },
	{ "rtl8139: write IMR",		"rtl8139",	write_mask,	100 },
	{ "rtl8139: frame out",		"rtl8139",	send_frame,	48 },
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

static struct ratio results[POLLS][ROWS];

static int64_t measure(struct one *o, const struct row *r)
{
	int64_t took[BATCH_MAX];

	for (unsigned int i = 0; i < r->batch; i++)
		took[i] = r->act(o);
	return ratio_median(took, r->batch);
}

static void compare(const struct row *row, struct ratio *r, unsigned int turn)
{
	int64_t got[RATIO_FAMILIES];

	for (unsigned int i = 0; i < RATIO_FAMILIES; i++) {
		unsigned int who = (turn + i) % RATIO_FAMILIES;

		got[who] = measure(&one[who], row);
	}
	ratio_add(r, got);
}

/* ---- families ---- */

static const struct state *map_state(const struct one *o, enum fakefamily_who who)
{
	return memfd_map(o->f.state_fd[who], sizeof(struct state), 0);
}

/* NULL: its workers commit nothing from now on. */
static const char *unhook(struct one *o)
{
	const struct state *s = map_state(o, FF_PLATFORM);
	uint32_t before, after;

	for (enum fakefamily_who w = 0; w < FF_BROKER; w++) {
		const char *why = unhook_function(o->f.member[w].pid,
						  "bus_commit_state");

		if (why)
			return why;
	}
	before = atomic_load(&s->flip);
	fakeguest_out(o->f.g, 0, 0x3ff, 1, 1);
	fakeguest_in(o->f.g, 0, 0x3ff, 1);
	after = atomic_load(&s->flip);
	munmap((void *)(uintptr_t)s, sizeof(*s));
	return before == after ? NULL : "the platform worker still commits";
}

static const char *start_one(unsigned int who, const char *image, const char *model,
			     bool poll)
{
	struct one *o = &one[who];
	struct fakefamily_conf c = {
		.guest = { .vcpus = 1, .low_bytes = 32 << 20 },
		.image = { image }, .nic = model, .wide_plan = true, .quiet = true,
		.plan_flags = PLAN_NO_SHADOW | PLAN_NO_POSTED |
			(poll ? 0 : PLAN_NO_POLL),
	};
	int pair[2];

	for (unsigned int i = 0; i < FF_BROKER && !poll; i++)
		c.opt[i][0] = "poll=off";
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return "no socket";
	fcntl(pair[1], F_SETFL, O_NONBLOCK);
	c.tap = pair[1];
	*o = (struct one){ .wire = pair[0] };
	if (!fakefamily_start(&o->f, &c))
		return "a family did not start";
	close(pair[1]);
	o->f.g->spin_ns = 50 * NS_PER_US;
	fakeguest_cfg_write(o->f.g, 0, IDE_FUNC, 0x20, 4, BM);
	fakeguest_cfg_write(o->f.g, 0, IDE_FUNC, 0x04, 2, 5);
	net_guest_start(&o->card, o->f.g, model, FF_NIC_SLOT);
	return who == RATIO_WITH ? NULL : unhook(o);
}

static void stop_one(struct one *o)
{
	fakefamily_stop(&o->f);
	close(o->wire);
}

/* @number: who is started first differs.  NULL, or why there was none. */
static const char *live(unsigned int number, const char *image, const char *model,
			unsigned int polls)
{
	for (unsigned int i = 0; i < RATIO_FAMILIES; i++) {
		const char *why = start_one((number + i) % RATIO_FAMILIES, image, model,
					    polls == POLL_ON);

		if (why)
			return why;
	}
	for (unsigned int t = 0; t < TURNS; t++)
		for (unsigned int r = 0; r < ROWS; r++)
			if (!rows[r].model || strcmp(rows[r].model, model) == 0)
				compare(&rows[r], &results[polls][r], t);
	for (unsigned int i = 0; i < RATIO_FAMILIES; i++)
		if (fakeguest_fault(one[i].f.g))
			return fakeguest_fault(one[i].f.g);
	for (unsigned int i = 0; i < RATIO_FAMILIES; i++)
		stop_one(&one[i]);
	return NULL;
}

/* ---- a commit alone ---- */

/* The best round: nobody came between. */
static void time_alone(struct bus *b, const char *name, uint32_t bytes, uint32_t dirty)
{
	int64_t best = INT64_MAX;

	for (unsigned int n = 0; n < ALONE_ROUNDS; n++) {
		int64_t t = clock_now_ns();

		for (uint32_t i = 0; i < ALONE; i++) {
			b->dirty = dirty;
			bus_commit_state(b, i, i);
		}
		t = clock_now_ns() - t;
		best = t < best ? t : best;
	}
	printf("%-24s %6u %9.1f\n", name, bytes, (double)best / ALONE);
}

/* With registers as large as those of @like, the state of a real worker. */
static void print_alone(const struct state *like)
{
	static const struct bus_dev_ops ops;
	static struct state state;
	static uint8_t regs[STATE_REGS_BYTES];
	static struct bus b;
	const struct state_half *h = &like->half[atomic_load(&like->flip) & 1];

	bus_init(&b, NULL, NULL, &state);
	for (uint32_t i = 0; i < h->dev_count; i++)
		bus_add_dev(&b, h->dev[i].name, NULL, &ops, regs + h->dev[i].regs_at,
			    h->dev[i].regs_bytes);
	for (uint32_t i = 0; i < h->dev_count; i++)
		time_alone(&b, h->dev[i].name, h->dev[i].regs_bytes, 1u << i);
}

static const char *print_all_alone(const char *image)
{
	const char *why = start_one(RATIO_WITH, image, "e1000", true);

	if (why)
		return why;
	printf("%-24s %6s %9s\n", "a commit alone", "bytes", "ns");
	time_alone(&(struct bus){ .state = calloc(1, sizeof(struct state)) },
		   "(nothing changed)", 0, 0);
	for (enum fakefamily_who w = 0; w < FF_BROKER; w++)
		print_alone(map_state(&one[RATIO_WITH], w));
	stop_one(&one[RATIO_WITH]);
	return NULL;
}

static const char *run(unsigned int lives, const char *image)
{
	const char *why;

	for (unsigned int i = 0; i < lives; i++)
		for (unsigned int p = 0; p < POLLS; p++) {
			why = live(i, image, (i + p) % 2 ? "rtl8139" : "e1000", p);
			if (why)
				return why;
		}
	for (unsigned int p = 0; p < POLLS; p++) {
		ratio_print_head(NAME_WIDTH, p == POLL_ON ? "poll=on, median ns" :
				 "poll=off, median ns", "without", "commit");
		for (unsigned int r = 0; r < ROWS; r++)
			ratio_print(&results[p][r], NAME_WIDTH, rows[r].name);
	}
	return print_all_alone(image);
}

int main(int argc, char **argv)
{
	unsigned int lives = argc > 1 ? (unsigned int)atoi(argv[1]) : 6;
	char image[] = "/tmp/cloister-commit-XXXXXX";
	const char *why;

	if (lives < 2 || lives > LIVES_MAX)
		lives = lives < 2 ? 2 : LIVES_MAX;
	why = fakefamily_make_image(image, SECTORS) ? run(lives, image) :
		"cannot make an image";
	unlink(image);
	if (why)
		printf("nothing measured: %s\n", why);
	return 0;
}
