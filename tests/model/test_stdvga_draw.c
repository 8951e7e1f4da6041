/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/model/test_stdvga_draw.c - registers and VRAM to known pixels, and
 *                                  only those that changed
 */
#include "base/clock.h"
#include "dev/vga_draw.h"
#include "tap.h"
#include "vgarig.h"

static void size_is(uint32_t w, uint32_t h, const char *what)
{
	if (!ok(pic_w == w && pic_h == h, "%s", what))
		printf("# got %ux%u\n", pic_w, pic_h);
}

/* Loads a glyph as the BIOS does: plane 2, planar, in the 0xa0000 map. */
static void load_glyph(uint8_t ch, const uint8_t *rows)
{
	seq(2, 4);
	seq(4, 7);
	gfx(5, 0);
	gfx(6, 4);
	gfx(8, 0xff);
	for (unsigned int i = 0; i < 16; i++)
		win_write(0xa0000 + ch * 32u + i, 1, rows[i]);
	seq(2, 3);
	seq(4, 2);
	gfx(5, 0x10);
	gfx(6, 0x0e);
}

static void cell(unsigned int col, unsigned int row, uint16_t v)
{
	win_write(0xb8000 + (row * 80 + col) * 2, 2, v);
}

static const uint8_t glyph[16] = { 0x81, [5] = 0xf0, [15] = 0x01 };

static void test_blank(void)
{
	vga_fresh();
	scan(false);
	size_is(720, 400, "before any mode: 720x400");
	is_hex(pic[399][719], 0, "black");
	scan(false);
	is_hex(pic_lines, 0, "once");
	is_hex(pic_scans, 2, "every scan ends");
}

static void test_text(void)
{
	vga_fresh();
	set_text();
	load_glyph('A', glyph);
	load_glyph(0xc4, glyph);
	cell(0, 0, 0x1e41);
	cell(79, 24, 0x2d41);
	cell(1, 0, 0x1ec4);
	scan(false);
	size_is(720, 400, "80x25 cells of 9x16");
	is_hex(pic[0][0], ramp(14), "a dot in the foreground colour");
	is_hex(pic[0][1], ramp(1), "one in the background colour");
	is_hex(pic[0][7], ramp(14), "the eighth dot");
	is_hex(pic[0][8], ramp(1), "the ninth is background");
	is_hex(pic[0][17], ramp(14), "but joins line graphics");
	is_hex(pic[24 * 16 + 15][79 * 9 + 7], ramp(13), "last cell, last line");
	is_hex(pic[16][0], ramp(0), "empty cells");
	scan(false);
	is_hex(pic_lines, 0, "nothing changed: nothing is painted");
	cell(5, 3, 0x0741);
	scan(false);
	is_hex(pic_lines, 16, "one cell: one row of cells");
	is_hex(pic[3 * 16][5 * 9], ramp(7), "in its place");
	colour(7, 63, 0, 0);
	scan(false);
	is_hex(pic[3 * 16][5 * 9], 0xff0000, "another colour: all is repainted");
	load_glyph('A', (const uint8_t[16]){ 0x40 });
	scan(false);
	is_hex(pic[3 * 16][5 * 9], ramp(0), "another font: so too");
	is_hex(pic[3 * 16][5 * 9 + 1], 0xff0000, "with the new glyph");
}

static void test_text_cursor_and_start(void)
{
	vga_fresh();
	set_text();
	scan(false);
	cell(2, 1, 0x0720);
	crtc(0x0e, 0);
	crtc(0x0f, 82);
	scan(false);
	is_hex(pic[16 + 13][18], ramp(7), "cursor, first line");
	is_hex(pic[16 + 14][26], ramp(7), "last line, ninth dot");
	is_hex(pic[16 + 12][18], ramp(0), "not above");
	is_hex(pic[16 + 15][18], ramp(0), "nor below");
	crtc(0x0a, 0x20 | 13);
	scan(false);
	is_hex(pic[16 + 13][18], ramp(0), "turned off");
	load_glyph('A', glyph);
	cell(0, 1, 0x0a41);
	crtc(0x0d, 80);
	scan(false);
	is_hex(pic[0][0], ramp(10), "start address scrolls");
	crtc(0x0d, 0);
	crtc(0x18, 15);		/* split after the first row of cells */
	crtc(0x07, 0x02);
	crtc(0x09, 0x0f);
	crtc(0x0d, 80);
	cell(0, 0, 0x0c41);
	scan(false);
	is_hex(pic[0][0], ramp(10), "line compare: start address above");
	is_hex(pic[16][0], ramp(12), "address 0 below");
}

static void test_text_forms(void)
{
	vga_fresh();
	set_text();
	load_glyph('A', glyph);
	cell(0, 0, 0x8741);
	scan(false);
	is_hex(pic[0][1], ramp(0), "blink: attribute bit 7 is no colour");
	attr(0x10, 0x04);
	scan(false);
	is_hex(pic[0][1], ramp(8), "no blink: it is");
	seq(1, 1);
	scan(false);
	size_is(640, 400, "eight dots a cell");
	crtc(0x09, 0x47);
	scan(false);
	size_is(640, 400, "50 rows of 8 lines");
	crtc(0x01, 39);
	seq(1, 8);
	scan(false);
	size_is(720, 400, "40 columns, dots doubled");
	is_hex(pic[0][1], ramp(7), "twice");
	is_hex(pic[0][2], ramp(8), "then the next");
}

/* Time stands still between the steps: phases of a quarter of a second. */
static void test_text_blink(void)
{
	vga_fresh();
	set_text();
	load_glyph('A', glyph);
	cell(0, 0, 0x8741);
	cell(1, 0, 0x0741);
	scan(false);
	is_hex(pic[0][0], ramp(7), "a character that blinks is there");
	is_hex(pic_blink_ms, 251, "and says when it may not be");
	rig_advance(&rig, 250 * NS_PER_MS);
	scan(false);
	is_hex(pic_lines, 0, "a quarter of a second on: it still is");
	rig_advance(&rig, 250 * NS_PER_MS);
	scan(false);
	is_hex(pic[0][0], ramp(0), "half a second: gone");
	is_hex(pic[0][9], ramp(7), "its neighbour is not");
	is_hex(pic_lines, 16, "one row of cells was painted");
	rig_advance(&rig, 500 * NS_PER_MS);
	scan(false);
	is_hex(pic[0][0], ramp(7), "and back");
	rig_advance(&rig, 100 * NS_PER_MS);
	scan(false);
	is_hex(pic_blink_ms, 151, "the rest of the phase");
	attr(0x10, 0x04);
	rig_advance(&rig, 400 * NS_PER_MS);
	scan(false);
	is_hex(pic[0][0], ramp(7), "bit 3 of the mode is off: it does not blink");
	is_hex(pic_blink_ms, 0, "nobody need look again");
}

static void test_cursor_blink(void)
{
	vga_fresh();
	set_text();
	crtc(0x0e, 0);
	crtc(0x0f, 0);
	cell(0, 0, 0x0720);
	scan(false);
	is_hex(pic[13][0], ramp(7), "the cursor is there");
	is_hex(pic_blink_ms, 251, "and will not be");
	rig_advance(&rig, 250 * NS_PER_MS);
	scan(false);
	is_hex(pic[13][0], ramp(0), "a quarter of a second: gone");
	crtc(0x0a, 0x20 | 13);
	rig_advance(&rig, 250 * NS_PER_MS);
	scan(false);
	is_hex(pic_lines + pic_blink_ms, 0, "turned off, it stays away");
	crtc(0x0a, 14);
	crtc(0x0b, 13);
	scan(false);
	is_hex(pic_lines + pic_blink_ms, 0, "from line 14 to 13 there is none");
}

static void test_underline(void)
{
	static const uint8_t lined[] = { 0x01, 0x09, 0x81, 0x89 },
		plain[] = { 0x00, 0x07, 0x03, 0x05, 0x11, 0x70 };
	unsigned int bad = 0;

	vga_fresh();
	set_text();
	attr(0x10, 0x0e);
	crtc(0x14, 12);
	for (unsigned int i = 0; i < sizeof(lined); i++)
		cell(i, 0, (uint16_t)(lined[i] << 8 | ' '));
	for (unsigned int i = 0; i < sizeof(plain); i++)
		cell(10 + i, 0, (uint16_t)(plain[i] << 8 | ' '));
	scan(false);
	for (unsigned int x = 0; x < sizeof(lined) * 9; x++)
		bad += pic[12][x] != ramp(lined[x / 9] & 15) ||
			pic[11][x] != ramp(0) || pic[13][x] != ramp(0);
	is_hex(bad, 0, "attributes 1 and 9 are underlined, nine dots wide");
	for (unsigned int x = 0; x < sizeof(plain) * 9; x++)
		bad += pic[12][90 + x] != ramp(plain[x / 9] >> 4 & 7);
	is_hex(bad, 0, "others are not");
	rig_advance(&rig, 500 * NS_PER_MS);
	scan(false);
	ok(pic[12][18] == ramp(0) && pic[12][0] == ramp(1), "it blinks with its character");
	crtc(0x14, 0x1f);
	scan(false);
	is_hex(pic[12][0], ramp(0), "location 31: none");
	crtc(0x09, 0x5f);
	scan(false);
	is_hex(pic[31][0], ramp(0), "also where there are 32 lines");
}

static void test_planar(void)
{
	vga_fresh();
	set_planar();
	win_write(0xa0000, 1, 0x80);
	seq(2, 2);
	win_write(0xa0000, 1, 0x00);
	win_write(0xa0000 + 479 * 80 + 79, 1, 0x01);
	scan(false);
	size_is(640, 480, "640x480");
	is_hex(pic[0][0], ramp(13), "colour from four planes");
	is_hex(pic[0][1], ramp(0), "next dot");
	is_hex(pic[479][639], ramp(2), "last dot");
	scan(false);
	is_hex(pic_lines, 0, "nothing changed: nothing is painted");
	win_write(0xa0000 + 100 * 80, 1, 0xff);
	scan(false);
	ok(pic_lines > 0 && pic_lines <= 15, "one line changed: its page (%u lines)",
	   pic_lines);
	is_hex(pic[100][0], ramp(2), "painted");
	attr(0x12, 0x0d);
	scan(false);
	is_hex(pic[100][0], ramp(0), "plane enable");
	crtc(0x0d, 80);
	scan(false);
	is_hex(pic[478][639], ramp(0), "start address scrolls by lines");
	attr(0x12, 0x0f);
	scan(false);
	is_hex(pic[478][639], ramp(2), "it does");
	in8(&rig, 0x3da);
	out8(&rig, 0x3c0, 0x00);
	scan(false);
	is_hex(pic[478][639], 0, "screen off is black");
	size_is(640, 480, "of the same size");
}

static void test_256(void)
{
	vga_fresh();
	set_planar();
	set_timing(640, 400, 40, 1);
	seq(4, 0x0e);
	gfx(5, 0x40);
	win_write(0xa0000, 4, 0x04030201);
	win_write(0xa0000 + 199 * 320 + 319, 1, 0xfe);
	scan(false);
	size_is(640, 400, "mode 13h: each pixel twice, each line twice");
	is_hex(pic[0][0], ramp(1), "first");
	is_hex(pic[1][1], ramp(1), "in both directions");
	is_hex(pic[0][2], ramp(2), "second");
	is_hex(pic[399][639], ramp(0xfe), "last");
	out8(&rig, 0x3c6, 0x0f);
	scan(false);
	is_hex(pic[399][639], ramp(0x0e), "pixel mask");
}

static void test_cga(void)
{
	vga_fresh();
	set_planar();
	set_timing(320, 400, 20, 0x81);
	crtc(0x17, 0xa2);
	seq(1, 9);
	seq(2, 3);
	seq(4, 2);
	gfx(5, 0x30);
	gfx(6, 0x0f);
	win_write(0xb8000, 1, 0x1b);
	win_write(0xb8001, 1, 0xe4);
	win_write(0xba000, 1, 0xc0);
	scan(false);
	size_is(640, 400, "CGA 320x200");
	is_hex(pic[0][0], ramp(0), "two bits a pixel: 0");
	is_hex(pic[0][2], ramp(1), "1");
	is_hex(pic[0][6], ramp(3), "3");
	is_hex(pic[0][8], ramp(3), "odd byte follows");
	is_hex(pic[1][2], ramp(1), "lines doubled");
	is_hex(pic[2][0], ramp(3), "odd lines are 8 KiB further");
	is_hex(pic[4][0], ramp(0), "then the next row");
}

static void test_lfb(void)
{
	static const struct { uint16_t bpp; uint32_t bytes, in, out; } row[] = {
		{ 15, 2, 0x7c1f, 0xff00ff }, { 16, 2, 0x07e0, 0x00ff00 },
		{ 24, 3, 0x123456, 0x123456 }, { 32, 4, 0xff654321, 0x654321 },
	};

	for (unsigned int i = 0; i < 4; i++) {
		uint32_t at = (uint32_t)(599 * 800 + 799) * row[i].bytes;

		vga_fresh();
		set_vbe(800, 600, row[i].bpp);
		memcpy(vram + at, &row[i].in, row[i].bytes);
		scan(true);
		size_is(800, 600, "VBE 800x600");
		is_hex(pic[599][799], row[i].out, "last pixel");
		is_hex(pic[0][0], 0, "first");
	}
}

static void test_lfb_8(void)
{
	vga_fresh();
	set_vbe(640, 480, 8);
	colour(0x42, 0xc0, 0x81, 0x3f);
	vram[640 + 3] = 0x42;
	scan(true);
	is_hex(pic[1][3], 0x0004ff, "six bits a colour");
	dispi(VBE_ENABLE, VBE_ENABLED | VBE_LFB | VBE_8BIT_DAC);
	scan(true);
	is_hex(pic[1][3], 0xc0813f, "eight if asked for");
}

static void test_dirty(void)
{
	vga_fresh();
	set_vbe(1024, 768, 32);
	scan(true);
	rig_said_clear(&rig);
	memset(vram + 4096 * 10, 0x11, 4);
	rig.chan->reply[1] = 1 << 2;
	scan(false);
	is_hex(rig_said(&rig, ANS_DIRTY_QUERY), 1, "the broker is asked");
	is_hex(pic_lines, 1, "one dirty page: one line");
	is_hex(pic[10][0], 0x111111, "that one");
	rig.chan->reply[1] = 0;
	scan(false);
	is_hex(pic_lines, 0, "none dirty: none");
	win_write(0xa0000, 1, 0x55);
	scan(false);
	is_hex(pic_lines, 1, "the window marks its own writes");
	is_hex(pic[0][0], 0x55, "too");
	dispi(VBE_Y_OFFSET, 10);
	scan(false);
	is_hex(pic_lines, 768, "scrolled: everything");
	is_hex(pic[0][0], 0x111111, "ten lines on");
	rig_said_clear(&rig);
	for (unsigned int i = 0; i < 64; i++)
		stdvga_scan(&vga);
	ok(rig_said(&rig, ANS_DIRTY_QUERY) >= 2 &&
	   rig_said(&rig, ANS_DIRTY_QUERY) <= 8,
	   "a broker that does not answer is asked again, rarely");
}

static void test_crop(void)
{
	vga_fresh();
	set_vbe(PIC_W + 80, 500, 8);
	vram[PIC_W - 1] = 0x42;
	colour(0x42, 63, 63, 63);
	scan(true);
	size_is(PIC_W, 500, "wider than the host's picture: cropped");
	is_hex(pic[0][PIC_W - 1], 0xffffff, "at its right edge");
	is_hex(pic[1][0], 0, "lines keep their pitch");
}

static void test_lines(void)
{
	static const uint8_t src[4] = { 0x80, 0x40, 0xc0, 0x01 };
	uint32_t palette[16], to[16];

	for (uint32_t i = 0; i < 16; i++)
		palette[i] = i;
	vga_line_planar(src, 8, 15, palette, to);
	ok(to[0] == 5 && to[1] == 6 && to[2] == 0 && to[7] == 8, "planar");
	vga_line_cga(src, 8, 15, palette, to);
	ok(to[0] == (2 | 3 << 2) && to[4] == 1 && to[7] == 1 << 2, "CGA, four planes");
	vga_line_double(to, 8);
	ok(to[0] == to[1] && to[14] == 1 << 2 && to[15] == 1 << 2, "doubled in place");
}

int main(void)
{
	test_lines();
	test_blank();
	test_text();
	test_text_cursor_and_start();
	test_text_forms();
	test_text_blink();
	test_cursor_blink();
	test_underline();
	test_planar();
	test_256();
	test_cga();
	test_lfb();
	test_lfb_8();
	test_dirty();
	test_crop();
	return tap_done();
}
