/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/integ/test_liar.c - the real broker among workers that lie
 *
 * Broker and one or two workers are the real programs; this process plays the
 * others on their channels (liar.h).  Whatever such a worker says, the broker
 * stays, says so once, answers what it owed with all ones, lets wait what comes,
 * and everybody else's accesses go on.  When it is replaced it is believed
 * again.  What a guest made it say is no lie.  One that is only slow is
 * test_slow_worker.c's.
 */
#include <sys/wait.h>

#include "base/stat.h"
#include "liar.h"

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
	for (int i = 0; i < PATIENCE_MS && !believed; i++) {
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
	ok(fakeguest_wait(g, 0, PATIENCE_MS, &data) &&
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
		if (i < 64 && !fakeguest_wait(g, 0, PATIENCE_MS, &data))
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
	ok(fakeguest_wait(g, 0, PATIENCE_MS, &data), "until that has answered");
	end("liar beside INVALIDATE");
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
	ok(fakeguest_wait(g, 0, PATIENCE_MS, &data) && data == 0x44 && f.unplugs == 1,
	   "the guest goes on, the supervisor was told");
	end("lying unplug");
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

/* What it left says that it is at rest, and the others go on before it has
   a successor. */
static void test_liar_not_woken(void)
{
	struct io_msg m;

	if (!start(true, false))
		return;
	fakefamily_tell(&f, FF_BROKER, CTL_PAUSE, 1);
	ok(asked(&disk, IO_PAUSE) && asked(&platform, IO_PAUSE), "both shall rest");
	chan_commit(&disk.w);
	chan_commit(&platform.w);
	ok(tells_rest(1), "and do");
	say(&disk, &(struct io_msg){ .kind = 99 });
	ok(lies_become(1), "one lies");
	fakefamily_tell(&f, FF_BROKER, CTL_RESUME, 0);
	ok(asked(&platform, IO_RESUME), "the other goes on");
	chan_commit(&platform.w);
	post_in(0, IDE);
	ok(waits(0), "an access waits for its successor");
	renew_disk();
	ok(asked(&disk, IO_RESUME), "who is told to go on before anything else");
	ok(!atomic_load(&disk.c->paused), "and the next one finds nothing else");
	chan_commit(&disk.w);
	ok(next(&disk, &m) && m.kind == IO_ACCESS, "then comes the access");
	answer(&disk, &m, 0x5b);
	ok(reads_as(0, 0x5b), "and is answered");
	end("liar not woken");
}

/* vga need not be woken for what it writes: it may do so long after Xen was
   told to look. */
static void test_late_write(void)
{
	struct io_msg m;

	if (!start(false, true))
		return;
	fakeguest_store_mem(g, 1, 0xa0000, 1, 0x77);
	ok(next(&vga, &m) && m.kind == IO_BATCH, "vga has a write, and sleeps");
	fakefamily_tell(&f, FF_BROKER, CTL_LOG_DIRTY, 1);
	ok(asked(&disk, IO_SYNC), "dirty logging is switched on");
	chan_commit(&disk.w);
	chan_commit(&vga.w);
	fakefamily_tell(&f, FF_BROKER, CTL_PAUSE, 1);
	ok(asked(&disk, IO_PAUSE) && asked(&vga, IO_PAUSE), "all shall rest");
	ok(atomic_load(&g->m->modified_frames) == 0, "nobody told anything yet");
	chan_commit(&disk.w);
	chan_commit(&vga.w);
	ok(tells_rest(1) && atomic_load(&g->m->modified_frames) > 0,
	   "they do, and Xen knows of the write");
	end("late write");
}

/* ---- rows ---- */

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
	/* Until one is asked of the disk, which does not answer. */
	for (unsigned int i = 0; up && i < 16 && !waits(0); i++)
		post_in(0, (uint16_t)(IDE + i));
	if (up)
		up = scratch_works();
	else
		up = fakefamily_logs(&f, "announced nonsense");
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
	test_liar_beside_invalidate();
	test_lying_unplug();
	test_liar_at_rest();
	test_liar_not_woken();
	test_late_write();
	test_far_row();
	test_vram_over_ram();
	test_announcements(40);
	return tap_done();
}
