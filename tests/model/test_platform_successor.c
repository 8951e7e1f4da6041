/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/model/test_platform_successor.c - the platform worker dies, and nobody
 *                                         can tell
 *
 * Two machines get the same random accesses, input and time.  One's worker
 * dies between any two of them.  Then: every byte of committed state spoiled,
 * and a guest that goes on.  The seed is printed and can be given back.
 */
#include "base/clock.h"
#include "base/log.h"
#include "bus/restore.h"
#include "dev/platform.h"
#include "twins.h"

#define STEPS		60000u
#define ACCESSES	24u	/* of a guest after each spoiled byte */

struct machine {
	struct rig rig;
	struct platform p;
	struct chr host;
	uint64_t out;			/* of all that came out of COM1 */
};

static struct machine lives, dies;

static void host_write(struct chr *c, const uint8_t *buf, size_t len_bytes)
{
	struct machine *m = (struct machine *)((char *)c -
					       offsetof(struct machine, host));

	for (size_t i = 0; i < len_bytes; i++)
		m->out = m->out * 31 + buf[i] + 1;
}

static const struct chr_ops host_ops = { .write = host_write };

static void build(struct machine *m)
{
	struct platform_conf conf = {
		.vcpus = 2, .boot = "cda", .xen_pci = true,
		.accept_unplug = true, .ram_below_4g_bytes = 256u << 20,
	};

	for (unsigned int i = 0; i < PLATFORM_SERIALS; i++)
		conf.serial[i].present = true;
	memset(&m->p, 0, sizeof(m->p));
	m->host = (struct chr){ .ops = &host_ops };
	conf.serial[0].chr = &m->host;
	platform_init(&m->p, &m->rig.bus, &conf);
	rig_close(&m->rig);
}

static void start(struct machine *m)
{
	rig_init(&m->rig, 0);
	m->out = 0;
	build(m);
}

static void succeed(struct machine *m)
{
	rig_successor(&m->rig);
	build(m);
}

static void place_windows(struct rig *r)
{
	cfg_write(r, PCI_DEVFN(1, 3), 0x40, 4, 0xb001);
	cfg_write(r, PCI_DEVFN(1, 3), 0x80, 1, 1);
	cfg_write(r, PCI_DEVFN(2, 0), 0x10, 4, 0xc100);
	cfg_write(r, PCI_DEVFN(2, 0), 0x14, 4, 0xf1000000);
	cfg_write(r, PCI_DEVFN(2, 0), 0x04, 2, 3);
}

/* Bytes that PS/2 devices and the serial port understand. */
static void talk(struct rig *r, uint32_t v)
{
	static const uint8_t rate[] = { 200, 100, 80, 2, 0 };

	if (v & 1)
		out8(r, 0x64, 0xd4);
	out8(r, 0x60, v & 2 ? rate[v >> 8 & 3] : (uint8_t)(0xe6 + (v >> 8) % 26));
	out8(r, 0x3f9, v >> 16 & 15);
	if (v & 4)
		out8(r, 0x3fa, 0xc1);
	out8(r, 0x3f8, (uint8_t)(v >> 16));
}

/* What the host does; a device that has no room lets it fall. */
static void event(struct machine *m, unsigned int what, uint32_t v)
{
	struct input_sink *in = &m->p.i8042.sink;

	switch (what) {
	case 0:
		/* Longer than any timer: a successor starts them anew. */
		rig_advance(&m->rig, NS_PER_S);
		break;
	case 1:
		in->key(in->dev, v & 0xe07f, v >> 16 & 1);
		break;
	case 2:
		in->pointer(in->dev, &(struct input_pointer){
			v & 0x7fff, v >> 15 & 0x7fff, 800, 600, v >> 8 & 31 });
		break;
	case 3:
		talk(&m->rig, v);
		break;
	case 4:
		m->host.rx(m->host.dev, (const uint8_t *)"0123456789abcdef",
			   v % 17);
		break;
	default:
		place_windows(&m->rig);
		break;
	}
	rig_settle(&m->rig);
}

static void random_event(struct machine *a, struct machine *b)
{
	unsigned int what = twins_rnd() % 64 ? twins_rnd() % 5 : 5;
	uint32_t v = twins_rnd();

	event(a, what, v);
	if (b)
		event(b, what, v);
}

/* The ROM lock is repeated; the rest is said once. */
static bool verbs_agree(void)
{
	return lives.p.xen.r.rom_locked == dies.p.xen.r.rom_locked &&
		rig_said(&lives.rig, ANS_SHUTDOWN) ==
			rig_said(&dies.rig, ANS_SHUTDOWN) &&
		rig_said(&lives.rig, ANS_LINK_ROUTE) ==
			rig_said(&dies.rig, ANS_LINK_ROUTE) &&
		rig_said(&lives.rig, ANS_UNPLUG) ==
			rig_said(&dies.rig, ANS_UNPLUG);
}

/* @every: accesses from one death to the next. */
static void test_twins(unsigned int every, unsigned int steps)
{
	unsigned int i, deaths = 0, resets = 0;
	bool good = true;

	start(&lives);
	start(&dies);
	for (i = 0; good && i < steps; i++) {
		rig_said_clear(&lives.rig);
		rig_said_clear(&dies.rig);
		good = twins_access(&lives.rig, &dies.rig);
		if (i % 4 == 0)
			random_event(&lives, &dies);
		good = good && verbs_agree();
		if (i % every == 0) {
			succeed(&dies);
			deaths++;
			resets += dies.rig.bus.dev_was_reset;
			good = good && dies.rig.took_over;
		}
		good = good && twins_agree(&lives.rig, &dies.rig);
	}
	ok(good, "%u steps, %u deaths: no difference", i, deaths);
	is_hex(resets, 0, "nothing a guest can do is refused");
	ok(lives.out == dies.out && lives.out, "the serial port said the same");
}

/* Verbs that a successor repeats, and those it must not. */
static void test_verbs(void)
{
	start(&dies);
	out8(&dies.rig, 0x10, 1);
	out16(&dies.rig, 0x10, UNPLUG_NICS);
	cfg_write(&dies.rig, PCI_DEVFN(1, 0), 0x60, 1, 5);
	rig_said_clear(&dies.rig);
	succeed(&dies);
	is_hex(rig_said(&dies.rig, ANS_ROM_LOCK), 1, "the ROM lock, again");
	is_hex(rig_said_last(&dies.rig, ANS_ROM_LOCK)->data, 1, "as it was");
	is_hex(rig_said(&dies.rig, ANS_UNPLUG), 0, "no unplug");
	out16(&dies.rig, 0x10, UNPLUG_NICS);
	is_hex(rig_said(&dies.rig, ANS_UNPLUG), 0, "and what is gone stays gone");
	is_hex(rig_said(&dies.rig, ANS_LINK_ROUTE), 0, "no route");
	is_hex(rig_said(&dies.rig, ANS_MAP) + rig_said(&dies.rig, ANS_UNMAP), 0,
	       "no window");
	is_hex(rig_said(&dies.rig, ANS_ISA_IRQ), 0, "no level that is known");
}

/* An interrupt that was up stays up and goes down when it is served. */
static void test_levels(void)
{
	struct input_sink *in;

	start(&dies);
	in = &dies.p.i8042.sink;
	in->key(in->dev, 0x1e, true);
	rig_settle(&dies.rig);
	ok(dies.rig.isa[1], "a key is there");
	succeed(&dies);
	ok(dies.rig.isa[1] && dies.rig.isa_rises[1] == 1, "still, and one edge");
	is_hex(in8(&dies.rig, 0x60), 0x1c, "its byte comes");
	ok(!dies.rig.isa[1], "and the line falls");
}

static uint8_t *left_byte(struct machine *m, const char *name, size_t off)
{
	struct state_half *h = twins_left(&m->rig);

	for (uint32_t i = 0; i < h->dev_count; i++)
		if (!strcmp(h->dev[i].name, name))
			return &h->regs[h->dev[i].regs_at + off];
	return NULL;
}

/* Set up by its driver, then reset: what tells the driver so. */
static void test_i8042_reset(void)
{
	start(&dies);
	out8(&dies.rig, 0x64, 0x60);
	out8(&dies.rig, 0x60, 0x47);
	*left_byte(&dies, "i8042", offsetof(struct i8042_regs, source)) = 77;
	succeed(&dies);
	ok(dies.rig.bus.dev_was_reset, "the state is refused");
	ok(dies.rig.isa[1], "the keyboard has something to say");
	is_hex(in8(&dies.rig, 0x64) & 0x25, 0x05, "it passed its self-test");
	is_hex(in8(&dies.rig, 0x60), 0xaa, "it is new");
	ok(dies.rig.isa[12], "the mouse, too");
	is_hex(in8(&dies.rig, 0x60), 0xaa, "is new");
	is_hex(in8(&dies.rig, 0x60), 0x00, "and a mouse");
	out8(&dies.rig, 0x64, 0x20);
	is_hex(in8(&dies.rig, 0x60), 0x47, "mode is as firmware leaves it");
}

/* One device's state is refused; the others are as they were. */
static void test_others_stay(void)
{
	start(&dies);
	out8(&dies.rig, 0x3ff, 0x5a);
	out8(&dies.rig, 0x2ff, 0xa5);
	out8(&dies.rig, 0x70, 0x40);
	out8(&dies.rig, 0x71, 0x77);
	*left_byte(&dies, "com2", offsetof(struct uart_regs, thr_busy)) = 2;
	succeed(&dies);
	is_hex(in8(&dies.rig, 0x2ff), 0, "COM2 is reset");
	is_hex(in8(&dies.rig, 0x3ff), 0x5a, "COM1 is not");
	is_hex(in8(&dies.rig, 0x71), 0x77, "nor the CMOS");
}

/* A log line from the state is not a terminal's. */
static void test_log_line(void)
{
	start(&dies);
	out8(&dies.rig, 0x12, 'h');
	succeed(&dies);
	is_hex(dies.p.xen.r.line_len, 1, "a line that is not complete is kept");
	*left_byte(&dies, "xen-platform-ports",
		   offsetof(struct xen_platform_regs, line)) = 0x1b;
	succeed(&dies);
	is_hex(dies.p.xen.r.line_len, 0, "one with escapes is refused");
}

/* ---- hostile ---- */

/* All but the buffers, which nobody here has. */
#define KEPT_BYTES	offsetof(struct state, bufs)
static struct state *kept;

static bool survives(void)
{
	static uint8_t data[IO_ITEM_BYTES_MAX];
	struct io_msg m;

	succeed(&dies);
	for (unsigned int i = 0; i < ACCESSES; i++) {
		twins_pick(&dies.rig, &m, data);
		twins_do(&dies.rig, &m, data);
		if (i % 6 == 0)
			random_event(&dies, NULL);
	}
	/* Latches, whatever was done to the rest. */
	out8(&dies.rig, 0x3fb, 0x03);
	out8(&dies.rig, 0x3ff, 0x6b);
	return in8(&dies.rig, 0x3ff) == 0x6b;
}

static void test_every_byte(void)
{
	uint32_t bytes = dies.rig.bus.regs_used;
	unsigned int bad = 0, tried = 0, resets = 0;

	for (uint32_t k = 0; k < bytes; k++)
		for (unsigned int way = 0; way < 3; way++) {
			uint8_t *p;

			memcpy(dies.rig.state, kept, KEPT_BYTES);
			p = &twins_left(&dies.rig)->regs[k];
			*p = way == 0 ? 0xff : way == 1 ? *p ^ 0x80 :
				(uint8_t)twins_rnd();
			bad += !survives();
			resets += dies.rig.bus.dev_was_reset;
			tried++;
		}
	ok(bad == 0, "%u spoiled bytes: the machine works on", tried);
	ok(resets > 100, "%u of them were refused", resets);
}

static void test_heaps(void)
{
	unsigned int bad = 0, tried;

	for (tried = 0; tried < 4000; tried++) {
		struct state_half *h;

		memcpy(dies.rig.state, kept, KEPT_BYTES);
		h = twins_left(&dies.rig);
		for (unsigned int n = twins_rnd() % 200; n; n--)
			h->regs[twins_rnd() % STATE_REGS_BYTES] =
				(uint8_t)twins_rnd();
		for (unsigned int n = twins_rnd() % 4; n; n--)
			twins_spoil_table(&dies.rig);
		if (tried % 16 == 0)
			for (uint32_t i = 0; i < STATE_REGS_BYTES; i++)
				h->regs[i] = (uint8_t)twins_rnd();
		bad += !survives();
	}
	ok(bad == 0, "%u times many of them, and tables: it works on", tried);
}

int main(int argc, char **argv)
{
	unsigned long seed = argc > 1 ? strtoul(argv[1], NULL, 0) : 20260321;

	printf("# seed %lu\n", seed);
	twins_seed(seed);
	log_init(-1, "platform", LOG_L_ERR);
	test_twins(1, STEPS / 4);
	test_twins(7, STEPS);
	test_verbs();
	test_levels();
	test_i8042_reset();
	test_others_stay();
	test_log_line();

	start(&dies);
	for (unsigned int i = 0; i < 3000; i++)
		survives();
	kept = malloc(KEPT_BYTES);
	memcpy(kept, dies.rig.state, KEPT_BYTES);
	test_every_byte();
	test_heaps();
	free(kept);
	rig_free(&lives.rig);
	rig_free(&dies.rig);
	return tap_done();
}
