/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/model/test_stdvga_successor.c - the vga worker dies, and the screen
 *                                       stays
 *
 * The same accesses once without and once with a death between any two of
 * them; pictures painted anew over what was left; every byte of committed
 * state spoiled.  A failing seed can be given back.
 */
#include "bus/restore.h"
#include "tap.h"
#include "twins.h"
#include "vgarig.h"

#define STEPS	6000u
#define WINDOW	0xa0000u
#define TEXT	0xb8000u

static unsigned int resets;

static void succeed(void)
{
	struct stdvga_cfg cfg = {
		.devfn = VGA_DEVFN, .vram = vram, .vram_bytes = VRAM_BYTES,
		.rom = rom, .rom_bytes = sizeof(rom), .disp = &pic_disp,
	};

	rig_said_clear(&rig);
	rig_successor(&rig);
	memset(&vga, 0, sizeof(vga));
	stdvga_init(&vga, &rig.bus, &cfg);
	rig_close(&rig);
	resets += rig.bus.dev_was_reset;
}

/* ---- one run with deaths, one without ---- */

static uint64_t add_bytes(uint64_t h, const void *p, size_t len)
{
	const uint8_t *b = p;

	for (size_t i = 0; i < len; i++)
		h = (h ^ b[i]) * UINT64_C(0x100000001b3);
	return h;
}

/* All that a guest or the broker could look at, but VRAM. */
static uint64_t look(void)
{
	uint64_t h = add_bytes(0, &vga.r, sizeof(vga.r));

	h = add_bytes(h, &vga.latch, sizeof(vga.latch));
	h = add_bytes(h, &vga.pci.r, sizeof(vga.pci.r));
	for (unsigned int i = 0; i < rig.bus.win_count; i++)
		h = add_bytes(h, rig.bus.win[i].mapped ? &rig.bus.win[i].base :
			      &(uint64_t){ 0 }, sizeof(uint64_t));
	h = add_bytes(h, (const void *)rig.chan->shadow, sizeof(rig.chan->shadow));
	return add_bytes(h, rig.chan->mirror, 256);
}

static uint64_t poke(void)
{
	static void (*const set[])(uint8_t, uint8_t) = { seq, gfx, crtc, attr };
	static uint8_t data[IO_ITEM_BYTES_MAX];
	uint8_t i = (uint8_t)(twins_rnd() % 32), v = (uint8_t)twins_rnd();
	struct io_msg m;

	switch (twins_rnd() % 8) {
	case 0:
	case 1:
		set[twins_rnd() % 4](i, v);
		return 0;
	case 2:
		dispi(i % 12, i % 12 == VBE_ENABLE ? v & 0xe3 :
		      (uint16_t)(twins_rnd() % 2048));
		return dispi_get((uint16_t)(twins_rnd() % 12));
	case 3:
		win_write(WINDOW + twins_rnd() % VGA_MEM_BYTES / 4 * 4, 4,
			  twins_rnd());
		rig_settle(&rig);
		return 0;
	case 4:
		cfg_write(&rig, VGA_DEVFN, 0x18, 4, 0xf3000000);
		cfg_write(&rig, VGA_DEVFN, 0x10, 4, 0xf0000000);
		cfg_write(&rig, VGA_DEVFN, 4, 2, 3);
		return 0;
	default:
		return twins_pick(&rig, &m, data) ? twins_do(&rig, &m, data) : 0;
	}
}

/* @every 0: nobody dies.  Returns the first step that was different. */
static unsigned int run(unsigned long seed, unsigned int every, uint64_t *seen,
			bool record)
{
	vga_fresh();
	twins_seed(seed);
	for (unsigned int i = 0; i < STEPS; i++) {
		uint64_t answer = poke(), h;

		if (every && i % every == 0)
			succeed();
		h = add_bytes(look(), &answer, sizeof(answer));
		if (record)
			seen[i] = h;
		else if (seen[i] != h)
			return i;
	}
	return STEPS;
}

static void test_runs(unsigned long seed)
{
	static uint64_t seen[STEPS];
	uint8_t *was = malloc(VRAM_BYTES);

	resets = 0;
	for (unsigned int every = 1; every <= 16; every *= 4) {
		run(seed + every, 0, seen, true);
		memcpy(was, vram, VRAM_BYTES);
		is_hex(run(seed + every, every, seen, false), STEPS,
		       "with deaths: every step is the same");
		ok(!memcmp(was, vram, VRAM_BYTES), "and video memory");
	}
	is_hex(resets, 0, "nothing a guest can do is refused");
	free(was);
}

/* ---- pictures ---- */

static uint32_t before[PIC_H][PIC_W];

static void keep_picture(void)
{
	for (uint32_t y = 0; y < pic_h; y++)
		memcpy(before[y], pic[y], pic_w * sizeof(uint32_t));
}

static bool picture_is_back(void)
{
	for (uint32_t y = 0; y < pic_h; y++)
		if (memcmp(before[y], pic[y], pic_w * sizeof(uint32_t)))
			return false;
	return true;
}

/* A successor finds a framebuffer with something else in it. */
static void dies_and_paints(const char *what)
{
	uint32_t w = pic_w, h = pic_h;

	keep_picture();
	for (uint32_t y = 0; y < pic_h; y++)
		memset(pic[y], 0x33, pic_w * sizeof(uint32_t));
	succeed();
	is_hex(rig_said(&rig, ANS_DIRTY_QUERY), 0, "nothing is painted unasked");
	pic_w = pic_h = 0;
	scan(false);
	ok(pic_w == w && pic_h == h, "%s: the size is the same", what);
	ok(picture_is_back(), "the picture is back");
	is_hex(pic_lines, h, "all lines are reported");
	scan(false);
	is_hex(pic_lines, 0, "once");
}

static void test_text(void)
{
	vga_fresh();
	set_text();
	for (uint32_t i = 0; i < 256 * 32; i++)	/* a font */
		vram[i * 4 + 2] = (uint8_t)(i * 5 + i / 32);
	for (uint32_t i = 0; i < 80 * 25; i++)
		win_write(TEXT + i * 2, 2, (0x10 + i % 0x60) << 8 | i % 256);
	scan(false);
	dies_and_paints("text");
	win_write(TEXT + 4, 1, 'x');
	scan(false);
	is_hex(pic_lines, 16, "and one cell is one row again");
}

static void test_graphics(void)
{
	vga_fresh();
	set_planar();
	for (uint32_t i = 0; i < 80 * 480; i++)
		win_write(WINDOW + i, 1, i * 3 + i / 80);
	scan(false);
	dies_and_paints("16 colours");
	set_vbe(640, 480, 32);
	for (uint32_t i = 0; i < 640 * 480 * 4; i += 4)
		le32_put(&vram[i], i * 77);
	scan(true);
	dies_and_paints("true colour");
}

/* The latch holds what the last read left, across a death. */
static void test_latch(void)
{
	vga_fresh();
	set_planar();
	le32_put(&vram[100 * 4], 0x12345678);
	mmio_read(&rig, WINDOW + 100, 1);
	succeed();
	gfx(5, 1);
	win_write(WINDOW + 200, 1, 0);
	is_hex(le32_get(&vram[200 * 4]), 0x12345678, "write mode 1 copies it");
}

static void test_place(void)
{
	vga_fresh();
	cfg_write(&rig, VGA_DEVFN, 0x10, 4, 0xf0000000);
	cfg_write(&rig, VGA_DEVFN, 4, 2, 3);
	succeed();
	is_hex(rig_said(&rig, ANS_VRAM_MOVE), 1, "VRAM's place is said once");
	is_hex(rig_said_last(&rig, ANS_VRAM_MOVE)->addr, 0xf0000, "where it is");
	cfg_write(&rig, VGA_DEVFN, 4, 2, 0);
	succeed();
	is_hex(rig_said_last(&rig, ANS_VRAM_MOVE)->addr, UINT64_MAX,
	       "or that it is parked");
}

/* ---- hostile ---- */

/* All but the buffers, which nobody here has. */
#define KEPT_BYTES	offsetof(struct state, bufs)
static struct state *kept;

static void use(void)
{
	succeed();
	for (unsigned int i = 0; i < 12; i++)
		poke();
	if (twins_rnd() % 4)
		attr(0, 0);
	scan(twins_rnd() & 1);
}

static void test_every_byte(void)
{
	unsigned int tried = 0;

	vga_fresh();
	set_text();
	kept = malloc(KEPT_BYTES);
	memcpy(kept, rig.state, KEPT_BYTES);
	resets = 0;
	for (uint32_t k = 0; k < rig.bus.regs_used; k++)
		for (unsigned int way = 0; way < 2; way++, tried++) {
			memcpy(rig.state, kept, KEPT_BYTES);
			twins_left(&rig)->regs[k] = way ? 0xff : (uint8_t)twins_rnd();
			use();
		}
	ok(edges_hold(), "%u spoiled bytes: nothing beside VRAM and picture", tried);
	ok(resets > 50, "%u of them were refused", resets);
}

static void test_heaps(void)
{
	for (unsigned int n = 0; n < 3000; n++) {
		struct state_half *h;

		memcpy(rig.state, kept, KEPT_BYTES);
		h = twins_left(&rig);
		for (unsigned int i = n % 8 ? twins_rnd() % 100 : 4000; i; i--)
			h->regs[twins_rnd() % rig.bus.regs_used] =
				(uint8_t)twins_rnd();
		if (n % 3 == 0)
			twins_spoil_table(&rig);
		use();
	}
	ok(edges_hold(), "nor if many are");
	free(kept);
	set_text();
	pic_lines = 0;
	scan(false);
	ok(pic_w == 720 && pic_h == 400, "a guest sets its mode and has it");
}

int main(int argc, char **argv)
{
	unsigned long seed = argc > 1 ? strtoul(argv[1], NULL, 0) : 20260322;

	printf("# seed %lu\n", seed);
	test_runs(seed);
	test_text();
	test_graphics();
	test_latch();
	test_place();
	test_every_byte();
	test_heaps();
	rig_free(&rig);
	return tap_done();
}
