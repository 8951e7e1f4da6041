/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/model/test_ide_takeover.c - the disk worker dies at every single step
 *
 * A script is what a guest and the host do to the disks, step by step.  It runs
 * once undisturbed; then again for every step and every way to die there:
 *
 *	after	the step is committed
 *	inside	the step was carried out and nothing of it was committed: the
 *		registers are those of before, buffers, guest memory and images
 *		are as the step left them, and the step is done again
 *
 * with host I/O in flight that never happened, happened, or happened by half.
 * What the guest reads, the interrupt lines, the shadow words after each step,
 * guest memory and images at the end must be what they were undisturbed.
 */
#include "base/log.h"
#include "tests/model/ide_guest.h"

#define STEPS		640u
#define RAM		(1u << 20)
#define IMAGE_BYTES	(512u * 512u)
#define DATA		0x20000u	/* guest memory the scripts work on */

enum op {
	OP_READ,	/* @size at @port */
	OP_WRITE,	/* @val */
	OP_INS, OP_OUTS,/* @val items; data out follows the step number */
	OP_CFG,		/* @port: register */
	OP_STORE,	/* the guest's CPU: @val to address @addr; no request */
	OP_FILL,	/* @val bytes at @addr */
	OP_HOST,	/* the host completes one request */
	OP_WAIT,	/* and all that the last request waits for */
	OP_FAIL,	/* from now on drive @port fails if @val */
	OP_UNPLUG, OP_PAUSE,
};

struct step {
	uint8_t op, size;
	uint16_t port;
	uint32_t addr, val;
};

enum fate { FATE_LOST, FATE_DONE, FATE_HALF, FATES };

/* What a step looked like from outside. */
struct seen {
	uint64_t data;
	uint32_t lines, rises;
	uint64_t shadow;
};

struct outcome {
	uint8_t ram[RAM];
	uint8_t image[IDE_DRIVES][IMAGE_BYTES + 512];
	uint32_t unflushed, closed;	/* bit per drive */
};

static struct step script[STEPS];
static unsigned int steps;
static struct seen want[STEPS];
static uint32_t drives;			/* bit per drive of this script */
static bool any_ram;			/* guest memory may differ at the end */
static unsigned int wrong, deaths;
static const char *script_name;

/* ---- writing scripts ---- */

static void add(enum op op, unsigned int size, uint32_t port, uint32_t addr,
		uint32_t val)
{
	if (steps == STEPS)
		abort();
	script[steps++] = (struct step){ (uint8_t)op, (uint8_t)size,
					 (uint16_t)port, addr, val };
}

static void rd(uint16_t port) { add(OP_READ, 1, port, 0, 0); }
static void rd16(uint16_t port) { add(OP_READ, 2, port, 0, 0); }
static void rd32(uint16_t port) { add(OP_READ, 4, port, 0, 0); }
static void wr(uint16_t port, uint8_t v) { add(OP_WRITE, 1, port, 0, v); }
static void wr32(uint16_t port, uint32_t v) { add(OP_WRITE, 4, port, 0, v); }
static void words_in(uint32_t n) { add(OP_INS, 2, 0x1f0, 0, n); }
static void words_out(uint32_t n) { add(OP_OUTS, 2, 0x1f0, 0, n); }
static void store(uint32_t addr, uint32_t v) { add(OP_STORE, 4, 0, addr, v); }
static void host(void) { add(OP_HOST, 0, 0, 0, 0); }
static void wait_host(void) { add(OP_WAIT, 0, 0, 0, 0); }
static void fill(uint32_t addr, uint32_t n) { add(OP_FILL, 0, 0, addr, n); }
static void fail(uint16_t drive, bool on) { add(OP_FAIL, 0, drive, 0, on); }

/* As a driver looks: what is there, then the acknowledgement. */
static void look(uint16_t base)
{
	rd(base == 0x1f0 ? 0x3f6 : 0x376);
	rd(base == 0x1f0 ? BM + 2 : BM + 10);
	rd((uint16_t)(base + 7));
	rd((uint16_t)(base + 2));
}

static void cmd28(uint16_t base, uint8_t op, uint8_t dev, uint8_t feature,
		  uint32_t lba, uint8_t count)
{
	wr((uint16_t)(base + 6), dev);
	wr((uint16_t)(base + 1), feature);
	wr((uint16_t)(base + 2), count);
	wr((uint16_t)(base + 3), (uint8_t)lba);
	wr((uint16_t)(base + 4), (uint8_t)(lba >> 8));
	wr((uint16_t)(base + 5), (uint8_t)(lba >> 16));
	wr((uint16_t)(base + 7), op);
}

static void cmd(uint8_t op, uint32_t lba, uint8_t count)
{
	cmd28(0x1f0, op, 0xe0, 0, lba, count);
}

static void cmd48(uint8_t op, uint8_t dev, uint32_t lba, uint16_t count)
{
	wr(0x1f6, dev);
	wr(0x1f2, (uint8_t)(count >> 8));
	wr(0x1f3, 0);
	wr(0x1f4, 0);
	wr(0x1f5, 0);
	wr(0x1f2, (uint8_t)count);
	wr(0x1f3, (uint8_t)lba);
	wr(0x1f4, (uint8_t)(lba >> 8));
	wr(0x1f5, (uint8_t)(lba >> 16));
	wr(0x1f7, op);
}

static void prd(uint32_t table, unsigned int i, uint32_t addr, uint32_t len,
		bool last)
{
	store(table + i * 8, addr);
	store(table + i * 8 + 4, (len & 0xffff) | (last ? 0x80000000u : 0));
}

static void start(uint16_t bm, uint32_t table, bool to_guest)
{
	wr((uint16_t)(bm + 2), 0x66);
	wr32((uint16_t)(bm + 4), table);
	wr(bm, to_guest ? 0x08 : 0x00);
	rd(bm);
	wr(bm, to_guest ? 0x09 : 0x01);
}

/* Pieces no page likes; together @sectors. */
static void odd_table(uint32_t table, uint32_t at, uint32_t sectors)
{
	static const uint16_t piece[] = { 2, 510, 1000, 24, 4098, 6, 3064 };
	uint32_t left = sectors * 512;
	unsigned int i = 0;

	while (left) {
		uint32_t n = piece[i % 7] < left ? piece[i % 7] : left;

		prd(table, i++, at, n, n == left);
		at += n + (i % 3 == 0 ? 4090 : 2);
		left -= n;
	}
}

/* ---- the machine, and one step ---- */

static void add_devices(uint32_t given)
{
	memset(&ide, 0, sizeof(ide));
	piix_ide_init(&ide, &rig.bus, DEVFN);
	for (unsigned int i = 0; i < IDE_DRIVES; i++)
		if (given & (1u << i))
			piix_ide_attach(&ide, i, &disk[i].blk, "CL00001");
	rig_close(&rig);
}

/* What images are at first: drive i from byte i on. */
static uint8_t fresh[IMAGE_BYTES + IDE_DRIVES];

static void make_fresh(void)
{
	for (uint32_t k = 0; k < sizeof(fresh); k++)
		fresh[k] = (uint8_t)(k / 512 * 7 + k * 3 + 1);
}

static void new_machine(bool hold)
{
	rig_init(&rig, RAM);
	for (unsigned int i = 0; i < IDE_DRIVES; i++) {
		memblk_init(&disk[i], image[i], IMAGE_BYTES);
		disk[i].blk.can_discard = i == 0;
		disk[i].blk.read_only = i == 3;
		disk[i].hold = hold;
		memcpy(image[i], fresh + i, IMAGE_BYTES);
	}
	add_devices(drives);
	cfg_write(&rig, DEVFN, 0x20, 4, BM);
	cfg_write(&rig, DEVFN, 0x04, 2, 0x0005);
}

static uint64_t hash(uint64_t h, const void *p, size_t len)
{
	const uint8_t *b = p;

	for (size_t i = 0; i < len; i++)
		h = (h ^ b[i]) * 0x100000001b3ull;
	return h;
}

static bool release_one(void)
{
	for (unsigned int i = 0; i < IDE_DRIVES; i++)
		if (memblk_release(&disk[i])) {
			rig_settle(&rig);
			return true;
		}
	return false;
}

static bool is_request(const struct step *s)
{
	return s->op <= OP_CFG || s->op == OP_UNPLUG || s->op == OP_PAUSE;
}

static uint64_t do_string(const struct step *s, unsigned int n)
{
	uint8_t buf[IO_ITEM_BYTES_MAX];

	for (unsigned int i = 0; i < sizeof(buf); i++)
		buf[i] = (uint8_t)(n * 31 + i * 5 + i / 256);
	rig_access(&rig, CHAN_PIO, s->port, s->size, s->val,
		   s->op == OP_OUTS ? IO_WRITE : 0, 0, buf);
	return s->op == OP_OUTS ? 0 : hash(1, buf, (size_t)s->val * s->size);
}

/* What a read gave. */
static uint64_t do_step(unsigned int n)
{
	const struct step *s = &script[n];

	switch ((enum op)s->op) {
	case OP_READ:
		return rig_access(&rig, CHAN_PIO, s->port, s->size, 1, 0, 0, NULL);
	case OP_WRITE:
		rig_access(&rig, CHAN_PIO, s->port, s->size, 1, IO_WRITE, s->val,
			   NULL);
		break;
	case OP_INS:
	case OP_OUTS:
		return do_string(s, n);
	case OP_CFG:
		cfg_write(&rig, DEVFN, s->port, s->size, s->val);
		break;
	case OP_STORE:
		memcpy(rig.ram + s->addr, &s->val, 4);
		break;
	case OP_FILL:
		for (uint32_t i = 0; i < s->val; i++)
			rig.ram[s->addr + i] = (uint8_t)(i * 11 + i / 512 + n);
		break;
	case OP_HOST:
		release_one();
		break;
	case OP_WAIT:
		for (unsigned int i = 0; i < 1000 && release_one(); i++)
			;
		break;
	case OP_FAIL:
		disk[s->port].fail_rc = s->val ? -EIO : 0;
		break;
	case OP_UNPLUG:
		rig_unplug(&rig, s->val);
		break;
	case OP_PAUSE:
		rig_pause(&rig);
		break;
	}
	return 0;
}

static struct seen look_at(uint64_t data)
{
	static const uint16_t ports[] = { 0x1f7, 0x3f6, 0x1f6, 0x177, 0x376,
					  BM, BM + 2, BM + 8, BM + 10 };
	struct seen s = { .data = data, .shadow = 1 };

	s.lines = (uint32_t)rig.isa[14] << 1 | rig.isa[15];
	s.rises = rig.isa_rises[14] << 16 | rig.isa_rises[15];
	for (unsigned int i = 0; i < sizeof(ports) / 2; i++) {
		uint32_t v[2] = { 0 };

		v[1] = rig_shadow(&rig, CHAN_PIO, ports[i], 1, &v[0]);
		s.shadow = hash(s.shadow, v, sizeof(v));
	}
	return s;
}

static uint32_t unflushed(void)
{
	uint32_t mask = 0;

	for (unsigned int i = 0; i < IDE_DRIVES; i++)
		mask |= (uint32_t)(disk[i].unflushed != 0) << i;
	return mask;
}

static uint32_t closed(void)
{
	uint32_t mask = 0;

	for (unsigned int i = 0; i < IDE_DRIVES; i++)
		mask |= (uint32_t)(disk[i].closes != 0) << i;
	return mask;
}

static bool same_images(const struct outcome *good)
{
	for (unsigned int i = 0; i < IDE_DRIVES; i++)
		if (memcmp(image[i], good->image[i], sizeof(good->image[i])))
			return false;
	return true;
}

/* ---- death ---- */

/* All that a flip says, and what the guest knows of the lines. */
static struct {
	uint32_t flip, seq;
	struct state_half half[2];
	bool isa[16];
	unsigned int isa_rises[16];
	unsigned int closes[IDE_DRIVES];	/* of descriptors, told to nobody */
} before;

static void keep(void)
{
	before.flip = atomic_load(&rig.state->flip);
	before.seq = rig.seq;
	memcpy(before.half, rig.state->half, sizeof(before.half));
	memcpy(before.isa, rig.isa, sizeof(before.isa));
	memcpy(before.isa_rises, rig.isa_rises, sizeof(before.isa_rises));
	for (unsigned int i = 0; i < IDE_DRIVES; i++)
		before.closes[i] = disk[i].closes;
}

static void go_back(void)
{
	atomic_store(&rig.state->flip, before.flip);
	rig.seq = before.seq;
	memcpy(rig.state->half, before.half, sizeof(before.half));
	memcpy(rig.isa, before.isa, sizeof(before.isa));
	memcpy(rig.isa_rises, before.isa_rises, sizeof(before.isa_rises));
	for (unsigned int i = 0; i < IDE_DRIVES; i++)
		disk[i].closes = before.closes[i];
}

static void do_half(struct memblk *m, const struct blk_req *q)
{
	static struct iovec iov[DMA_MAP_FRAMES + IDE_SEGS];
	struct blk_req part = *q;
	uint64_t left = part.len_bytes / 2;

	if (q->op == BLK_FLUSH)
		return;
	part.len_bytes = left;
	part.iov = iov;
	part.iov_count = 0;
	for (unsigned int i = 0; i < q->iov_count && left; i++) {
		iov[i] = q->iov[i];
		if (iov[i].iov_len > left)
			iov[i].iov_len = left;
		left -= iov[i].iov_len;
		part.iov_count++;
	}
	memblk_do(m, &part);
}

static void die(enum fate fate)
{
	for (unsigned int i = 0; i < IDE_DRIVES; i++) {
		for (unsigned int k = 0; k < disk[i].held_count; k++) {
			if (fate == FATE_DONE)
				memblk_do(&disk[i], disk[i].held[k]);
			else if (fate == FATE_HALF)
				do_half(&disk[i], disk[i].held[k]);
		}
		disk[i].held_count = 0;
	}
	rig_successor(&rig);
	deaths++;
}

/* Whoever starts the successor may know of an unplug, or not yet. */
static void take_over(bool knows)
{
	uint32_t given = drives;

	for (unsigned int i = 0; knows && i < IDE_DRIVES; i++)
		if (disk[i].closes)
			given &= ~(1u << i);
	add_devices(given);
}

static void wrong_at(unsigned int n, unsigned int at, bool inside,
		     enum fate fate, bool hold, const char *what)
{
	if (wrong++ < 10)
		printf("# %s%s: died %s step %u (op %u port 0x%x), I/O %s: "
		       "step %u (op %u port 0x%x) differs in %s\n",
		       script_name, hold ? ", slow" : "",
		       inside ? "inside" : "after", at, script[at].op,
		       script[at].port, fate == FATE_LOST ? "lost" :
		       fate == FATE_DONE ? "done" : "half done", n,
		       script[n].op, script[n].port, what);
}

static void compare(unsigned int n, unsigned int at, bool inside,
		    enum fate fate, bool hold, const struct seen *got)
{
	if (got->data != want[n].data)
		wrong_at(n, at, inside, fate, hold, "what is read");
	if (got->lines != want[n].lines)
		wrong_at(n, at, inside, fate, hold, "the lines");
	if (got->rises != want[n].rises)
		wrong_at(n, at, inside, fate, hold, "interrupts");
	if (got->shadow != want[n].shadow)
		wrong_at(n, at, inside, fate, hold, "shadow words");
}

static void compare_end(unsigned int at, bool inside, enum fate fate, bool hold,
			const struct outcome *good)
{
	if (!any_ram && memcmp(rig.ram, good->ram, RAM))
		wrong_at(steps - 1, at, inside, fate, hold, "guest memory");
	if (!same_images(good))
		wrong_at(steps - 1, at, inside, fate, hold, "an image");
	if (unflushed() != good->unflushed)
		wrong_at(steps - 1, at, inside, fate, hold, "flushes");
	if (closed() != good->closed)
		wrong_at(steps - 1, at, inside, fate, hold, "who is unplugged");
	if (rig.mapped_frames)
		wrong_at(steps - 1, at, inside, fate, hold, "what is mapped");
}

/* ---- runs ---- */

static void run_undisturbed(bool hold, struct outcome *good)
{
	new_machine(hold);
	for (unsigned int n = 0; n < steps; n++)
		want[n] = look_at(do_step(n));
	memcpy(good->ram, rig.ram, RAM);
	for (unsigned int i = 0; i < IDE_DRIVES; i++)
		memcpy(good->image[i], image[i], sizeof(good->image[i]));
	good->unflushed = unflushed();
	good->closed = closed();
	if (rig.waits)
		printf("# %s ends waiting\n", script_name);
	wrong += rig.waits;
}

static void run_disturbed(unsigned int at, bool inside, enum fate fate,
			  bool hold, const struct outcome *good)
{
	unsigned int waiting = 0;

	new_machine(hold);
	for (unsigned int n = 0; n < steps; n++) {
		bool did_wait = rig.waits;
		struct seen got;

		if (n == at && inside) {
			keep();
			do_step(n);
			go_back();
			die(fate);
			take_over(n & 1);
			if (did_wait)
				do_step(waiting);
		}
		got = look_at(do_step(n));
		if (is_request(&script[n]) && rig.waits)
			waiting = n;
		if (n == at && !inside) {
			did_wait = rig.waits;
			die(fate);
			take_over(n & 1);
			if (did_wait)
				do_step(waiting);
			got = look_at(got.data);
		}
		/* What a step shows while a request waits may come earlier or
		   later: nobody is told before the answer. */
		if (!rig.waits)
			compare(n, at, inside, fate, hold, &got);
	}
	if (rig.waits)
		wrong_at(steps - 1, at, inside, fate, hold, "being answered");
	compare_end(at, inside, fate, hold, good);
}

static void run_all(const char *name)
{
	unsigned int wrong_before = wrong, deaths_before = deaths;
	static struct outcome good;

	script_name = name;
	for (unsigned int hold = 0; hold < 2; hold++) {
		run_undisturbed(hold, &good);
		for (unsigned int at = 0; at < steps; at++) {
			/* Not of many commits: those are steps of other runs. */
			bool inner = script[at].op != OP_WAIT;

			if (!is_request(&script[at]) && script[at].op != OP_HOST &&
			    script[at].op != OP_WAIT)
				continue;
			for (enum fate f = 0; f < (hold ? FATES : 1); f++) {
				run_disturbed(at, false, f, hold, &good);
				if (inner)
					run_disturbed(at, true, f, hold, &good);
			}
		}
	}
	ok(wrong == wrong_before, "%s: %u steps, %u deaths", name, steps,
	   deaths - deaths_before);
	steps = 0;
	any_ram = false;
}

/* ---- scripts ---- */

static void test_pio_in(void)
{
	drives = 0x1;
	cmd(0x20, 3, 3);
	rd(0x1f7);
	host();
	look(0x1f0);
	words_in(100);
	rd(0x3f6);
	words_in(155);
	rd16(0x1f0);
	look(0x1f0);
	rd(0x1f0);
	rd32(0x1f0);
	words_in(400);
	host();
	look(0x1f0);
	words_in(256);
	look(0x1f0);
	rd16(0x1f0);
	run_all("PIO in");

	/* More than a half of the buffer. */
	cmd48(0x24, 0xe0, 7, 131);
	host();
	for (unsigned int i = 0; i < 17; i++) {
		words_in(2048);
		if (i % 8 == 7)
			host();
		look(0x1f0);
	}
	run_all("PIO in, 131 sectors");

	cmd(0xc6, 0, 16);
	look(0x1f0);
	cmd48(0x29, 0xe0, 1, 70);
	for (unsigned int i = 0; i < 10; i++) {
		host();
		words_in(2003 + i * 4);
		look(0x1f0);
	}
	cmd(0xc6, 0, 4);
	cmd(0xc4, 100, 6);
	host();
	words_in(1024);
	look(0x1f0);
	words_in(512);
	look(0x1f0);
	run_all("PIO in, multiple");
}

static void test_pio_out(void)
{
	drives = 0x3;
	cmd(0x30, 9, 3);
	rd(0x3f6);
	words_out(256);
	host();
	look(0x1f0);
	words_out(100);
	words_out(155);
	add(OP_WRITE, 2, 0x1f0, 0, 0xbeef);
	host();
	look(0x1f0);
	words_out(400);
	host();
	look(0x1f0);
	cmd(0x20, 9, 3);
	host();
	words_in(768);
	look(0x1f0);
	cmd(0xe7, 0, 0);
	rd(0x3f6);
	host();
	look(0x1f0);
	run_all("PIO out");

	cmd28(0x1f0, 0xc6, 0xf0, 0, 0, 8);
	cmd48(0x39, 0xf0, 40, 20);
	for (unsigned int i = 0; i < 6; i++) {
		words_out(i % 2 ? 1024 : 1030);
		host();
		look(0x1f0);
	}
	cmd48(0xea, 0xf0, 0, 0);
	host();
	look(0x1f0);
	run_all("PIO out, multiple, slave");

	cmd28(0x1f0, 0xef, 0xe0, 0x82, 0, 0);
	host();
	look(0x1f0);
	cmd(0xc5, 60, 18);
	for (unsigned int i = 0; i < 5; i++) {
		words_out(2048);
		host();
		look(0x1f0);
		host();
		look(0x1f0);
	}
	cmd(0x30, 90, 1);
	words_out(256);
	host();
	host();
	look(0x1f0);
	run_all("PIO out, no write cache");
}

static void test_dma(void)
{
	drives = 0x1;
	odd_table(0x1000, DATA + 2, 20);
	start(BM, 0x1000, true);
	cmd48(0x25, 0xe0, 5, 20);
	rd(0x1f7);
	host();
	look(0x1f0);
	wr(BM, 0x00);
	rd(BM);
	run_all("DMA in, odd pieces");

	fill(DATA, 32768);
	odd_table(0x1000, DATA + 6, 21);
	cmd(0xca, 30, 21);
	look(0x1f0);
	start(BM, 0x1000, false);
	host();
	look(0x1f0);
	wr(BM, 0x00);
	cmd(0xe7, 0, 0);
	host();
	look(0x1f0);
	cmd28(0x1f0, 0xef, 0xe0, 0x82, 0, 0);
	host();
	rd(0x1f7);
	start(BM, 0x1000, false);
	cmd48(0x35, 0xe0, 200, 21);
	host();
	look(0x1f0);
	host();
	look(0x1f0);
	wr(BM, 0x00);
	run_all("DMA out, odd pieces");

	for (unsigned int i = 0; i < 280; i++)
		prd(0x1000, i, DATA + i * 1024, 512, i == 279);
	start(BM, 0x1000, true);
	cmd48(0x25, 0xe0, 0, 280);
	host();
	rd(0x1f7);
	host();
	look(0x1f0);
	wr(BM, 0x00);
	run_all("DMA in, two requests");
}

static void test_dma_wrong(void)
{
	drives = 0x1;
	prd(0x1000, 0, DATA, 1024, true);
	start(BM, 0x1000, true);
	cmd(0xc8, 0, 5);
	host();
	look(0x1f0);
	host();
	look(0x1f0);
	wr(BM, 0x00);
	prd(0x1000, 0, DATA, 0, true);
	start(BM, 0x1000, true);
	cmd(0xc8, 9, 2);
	host();
	look(0x1f0);		/* ACTIVE stays: the table has more */
	wr(BM, 0x00);
	start(BM, 0x1000, false);
	cmd(0xc8, 9, 2);	/* wrong direction */
	look(0x1f0);
	wr(BM, 0x00);
	add(OP_CFG, 2, 0x04, 0, 0x0001);
	start(BM, 0x1000, true);
	cmd(0xc8, 9, 2);	/* not a master */
	look(0x1f0);
	wr(BM, 0x00);
	add(OP_CFG, 2, 0x04, 0, 0x0005);
	run_all("DMA that goes wrong");

	fail(0, true);
	start(BM, 0x1000, true);
	prd(0x1000, 0, DATA, 0, true);
	cmd(0xc8, 9, 2);
	host();
	look(0x1f0);
	rd(0x1f3);
	wr(BM, 0x00);
	cmd(0x20, 9, 2);
	host();
	look(0x1f0);
	rd(0x1f1);
	cmd(0x30, 9, 2);
	words_out(256);
	host();
	look(0x1f0);
	cmd(0xe7, 0, 0);
	host();
	look(0x1f0);
	fail(0, false);
	cmd(0x20, 9, 1);
	host();
	words_in(256);
	look(0x1f0);
	cmd(0x20, 511, 2);	/* beyond the end */
	look(0x1f0);
	cmd(0xa1, 0, 0);	/* packet devices: none */
	look(0x1f0);
	run_all("host errors");
}

/* Bus master stopped with I/O in flight, then started again. */
static void test_dma_stop(void)
{
	drives = 0x1;
	any_ram = false;
	prd(0x1000, 0, DATA, 4096, true);
	start(BM, 0x1000, true);
	cmd(0xc8, 9, 8);
	wr(BM, 0x08);		/* waits */
	host();
	wait_host();
	rd(BM);
	look(0x1f0);
	wr(BM, 0x00);
	cmd(0xc8, 19, 8);
	start(BM, 0x1000, true);
	wr(BM, 0x00);
	wait_host();
	wr(0x3f6, 0x04);
	rd(0x3f6);
	wr(0x3f6, 0x00);
	look(0x1f0);
	for (unsigned int i = 0; i < 260; i++)
		prd(0x1000, i, DATA + i * 1024, 512, i == 259);
	start(BM, 0x1000, true);
	cmd48(0x25, 0xe0, 0, 260);
	wr(BM, 0x08);		/* between two requests */
	wait_host();
	look(0x1f0);
	wr(BM, 0x09);
	wait_host();
	look(0x1f0);
	wr(BM, 0x00);
	run_all("bus master stopped");
}

static void test_reset(void)
{
	drives = 0x3;
	cmd(0xc6, 0, 4);
	cmd(0x20, 9, 2);
	host();
	words_in(77);
	wr(0x3f6, 0x04);
	rd(0x3f6);
	wr(0x3f6, 0x00);
	look(0x1f0);
	rd16(0x1f0);
	cmd(0x20, 9, 2);	/* in flight */
	wr(0x3f6, 0x0e);	/* without an interrupt */
	wait_host();
	rd(0x3f6);
	wr(0x3f6, 0x08);
	look(0x1f0);
	cmd28(0x1f0, 0x30, 0xf0, 0, 9, 2);
	words_out(256);		/* a write in flight */
	wr(0x3f6, 0x04);
	wait_host();
	rd(0x3f6);
	look(0x1f0);
	prd(0x1000, 0, DATA, 4096, true);
	start(BM, 0x1000, true);
	cmd(0xc8, 9, 8);
	wr(0x3f6, 0x04);
	host();
	wait_host();
	wr(0x3f6, 0x00);
	look(0x1f0);
	wr(BM, 0x00);
	cmd28(0x1f0, 0x90, 0xf0, 0, 0, 0);
	look(0x1f0);
	rd(0x1f1);
	run_all("resets");
}

static void test_pages(void)
{
	drives = 0x3;
	cmd(0xec, 0, 0);
	look(0x1f0);
	words_in(100);
	words_in(156);
	look(0x1f0);
	cmd28(0x1f0, 0x91, 0xf3, 0, 0, 32);
	look(0x1f0);
	cmd28(0x1f0, 0x20, 0xb1, 0, 2 << 8 | 5, 1);	/* CHS */
	host();
	words_in(256);
	look(0x1f0);
	cmd28(0x1f0, 0xec, 0xf0, 0, 0, 0);
	words_in(50);
	wr(0x3f6, 0x04);
	look(0x1f0);
	cmd28(0x1f0, 0xec, 0xf0, 0, 0, 0);
	words_in(256);
	look(0x1f0);
	for (unsigned int i = 0; i < 3; i++) {
		cmd28(0x1f0, 0xb0, 0xe0, 0xd4, 0xc24f00 + i, 0);
		look(0x1f0);
	}
	cmd28(0x1f0, 0xb0, 0xe0, 0xd5, 0xc24f06, 1);
	words_in(300);
	cmd28(0x1f0, 0xb0, 0xe0, 0xd2, 0xc24f00, 0xf1);
	cmd28(0x1f0, 0xb0, 0xe0, 0xd0, 0xc24f00, 1);
	words_in(256);
	look(0x1f0);
	cmd28(0x1f0, 0xb0, 0xe0, 0xd9, 0xc24f00, 0);
	cmd28(0x1f0, 0xb0, 0xe0, 0xda, 0xc24f00, 0);
	look(0x1f0);
	cmd28(0x1f0, 0xef, 0xe0, 0x03, 0, 0x22);
	cmd(0xec, 0, 0);
	words_in(256);
	cmd48(0x27, 0xe0, 0, 0);
	wr(0x3f6, 0x82);
	rd(0x1f3);
	wr(0x3f6, 0x02);
	cmd(0xf8, 0, 0);
	look(0x1f0);
	wr(0x3f6, 0x00);
	cmd(0x40, 10, 5);
	look(0x1f0);
	run_all("pages and settings");
}

static void trim(uint32_t at, unsigned int i, uint32_t lba, uint16_t count)
{
	store(at + i * 8, lba);
	store(at + i * 8 + 4, (uint32_t)count << 16);
}

static void test_trim(void)
{
	drives = 0x1;
	trim(DATA, 0, 10, 5);
	trim(DATA, 1, 0, 0);
	trim(DATA, 2, 100, 20);
	trim(DATA, 64, 200, 1);
	trim(DATA + 0x2000, 0, 300, 7);
	trim(DATA + 0x2000, 5, 511, 1);
	prd(0x1000, 0, DATA, 1024, false);
	prd(0x1000, 1, DATA + 0x2000, 512, true);
	start(BM, 0x1000, false);
	cmd28(0x1f0, 0x06, 0xe0, 0x01, 0, 3);
	for (unsigned int i = 0; i < 5; i++) {
		host();
		look(0x1f0);
	}
	wr(BM, 0x00);
	trim(DATA, 2, 510, 20);		/* beyond the end */
	wr(0x1f2, 0);
	start(BM, 0x1000, false);
	cmd28(0x1f0, 0x06, 0xe0, 0x01, 0, 1);
	host();
	look(0x1f0);
	wr(BM, 0x00);
	cmd28(0x1f0, 0x06, 0xe0, 0x01, 0, 3);
	wr(0x3f6, 0x04);
	look(0x1f0);
	run_all("TRIM");
}

static void test_channels(void)
{
	drives = 0xd;
	prd(0x1000, 0, DATA, 4096, true);
	prd(0x2000, 0, DATA + 0x4000, 4096, true);
	fill(DATA + 0x4000, 4096);
	start(BM, 0x1000, true);
	cmd(0xc8, 9, 8);
	start(BM + 8, 0x2000, false);
	cmd28(0x170, 0xca, 0xe0, 0, 40, 8);
	rd(0x177);
	host();
	look(0x1f0);
	look(0x170);
	host();
	look(0x170);
	wr(BM, 0x00);
	wr(BM + 8, 0x00);
	cmd28(0x170, 0x30, 0xf0, 0, 9, 1);	/* read-only */
	look(0x170);
	cmd28(0x170, 0xec, 0xf0, 0, 0, 0);
	add(OP_INS, 2, 0x170, 0, 256);
	look(0x170);
	wr(0x1f6, 0xb0);			/* no slave here */
	look(0x1f0);
	wr(0x1f7, 0xec);
	look(0x1f0);
	cmd28(0x170, 0x20, 0xe0, 0, 40, 1);
	cmd(0x20, 1, 1);
	wr(0x376, 0x04);
	host();
	host();
	wait_host();
	look(0x170);
	words_in(256);
	look(0x1f0);
	run_all("two channels");
}

static void test_unplug_pause(void)
{
	drives = 0x7;
	cmd(0x30, 9, 1);
	words_out(256);
	add(OP_PAUSE, 0, 0, 0, 0);
	host();
	wait_host();
	look(0x1f0);
	cmd(0x30, 10, 2);
	words_out(256);
	add(OP_UNPLUG, 0, 0, 0, UNPLUG_AUX_IDE_DISKS);
	host();
	host();
	wait_host();
	look(0x1f0);
	words_out(256);
	host();
	look(0x1f0);
	look(0x170);
	wr(0x1f6, 0xf0);
	look(0x1f0);
	cmd(0x20, 9, 1);
	host();
	words_in(256);
	cmd(0x30, 12, 1);
	words_out(256);
	add(OP_UNPLUG, 0, 0, 0, UNPLUG_IDE_DISKS);
	host();
	host();
	wait_host();
	look(0x1f0);
	cmd(0xec, 0, 0);
	look(0x1f0);
	wr(0x3f6, 0x04);
	run_all("unplug and pause");

	/* What had been asked for may still be done, until the answer. */
	drives = 0x3;
	for (unsigned int i = 0; i < 260; i++)
		prd(0x1000, i, DATA + i * 1024, 512, i == 259);
	start(BM, 0x1000, true);
	cmd48(0x25, 0xe0, 0, 260);
	add(OP_UNPLUG, 0, 0, 0, UNPLUG_IDE_DISKS);
	wait_host();
	look(0x1f0);
	any_ram = true;
	run_all("unplug in a transfer");
}

int main(void)
{
	log_init(-1, "takeover", LOG_L_ERR);
	make_fresh();
	test_pio_in();
	test_pio_out();
	test_dma();
	test_dma_wrong();
	test_dma_stop();
	test_reset();
	test_pages();
	test_trim();
	test_channels();
	test_unplug_pause();
	ok(deaths > 5000, "%u deaths", deaths);
	rig_free(&rig);
	return tap_done();
}
