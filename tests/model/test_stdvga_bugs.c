/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/model/test_stdvga_bugs.c - mistakes that other models of this card
 *                                  were caught with
 *
 * Each had the guest read or write memory of the device model through
 * registers that did not fit together.  VRAM is small here, so that everything
 * wraps, and what lies beside it may not be touched.
 */
#define VRAM_BYTES	(1u << 20)
#include "tap.h"
#include "vgarig.h"

/* Fills VRAM with something that is recognised. */
static void fill(void)
{
	for (uint32_t i = 0; i < VRAM_BYTES; i += 4)
		memcpy(vram + i, &i, 4);
}

/* Banked access beyond VRAM, "Dark Portal". */
static void test_cve_2016_3710(void)
{
	vga_fresh();
	set_vbe(640, 480, 4);
	dispi(VBE_BANK, 0xffff);
	fill();
	for (uint32_t at = 0xa0000; at < 0xc0000; at += 0x333) {
		win_write(at, 4, 0xffffffff);
		mmio_read(&rig, at, 4);
	}
	ok(edges_hold(), "CVE-2016-3710: last bank, planar: four bytes an address");
	is_hex(mmio_read(&rig, 0xaffff, 1), 0xff, "beyond VRAM there is nothing");
	dispi(VBE_ENABLE, 0);
	set_planar();
	gfx(6, 1);
	win_write(0xbffff, 1, 0x42);
	seq(4, 2);
	gfx(5, 0x10);
	win_write(0xbffff, 1, 0x42);
	ok(edges_hold(), "CVE-2016-3710: the bank does not outlive VBE");
}

/* VBE mode set, then VGA registers under it changed, and the reverse. */
static void test_cve_2016_3712(void)
{
	vga_fresh();
	set_vbe(1024, 768, 8);
	crtc(0x11, 0);
	for (unsigned int i = 0; i < 0x19; i++)
		if (i != 0x11)
			crtc((uint8_t)i, 0xff);
	gfx(5, 0x00);
	gfx(6, 0x00);
	seq(4, 0x00);
	win_write(0xaffff, 4, 0x11223344);
	scan(true);
	ok(pic_w == 1024 && pic_h == 768, "CVE-2016-3712: VBE on: VGA registers "
	   "do not count");
	dispi(VBE_ENABLE, 0);
	scan(true);
	ok(pic_w <= PIC_W && pic_h <= PIC_H && edges_hold(),
	   "CVE-2016-3712: VBE off: they do, within bounds");
}

/* A resolution that VRAM does not hold. */
static void test_cve_2014_3615(void)
{
	vga_fresh();
	set_vbe(16000, 12000, 32);
	is_hex(dispi_get(VBE_YRES), VRAM_BYTES / 64000, "CVE-2014-3615: height is "
	       "what VRAM holds");
	scan(true);
	ok(edges_hold() && pic_h == VRAM_BYTES / 64000,
	   "CVE-2014-3615: and so is the picture");
	dispi(VBE_XRES, 64);
	dispi(VBE_YRES, 12000);
	dispi(VBE_VIRT_WIDTH, 16000);
	dispi(VBE_BPP, 4);
	dispi(VBE_BPP, 32);
	dispi(VBE_X_OFFSET, 0xffff);
	dispi(VBE_Y_OFFSET, 0xffff);
	scan(true);
	ok(edges_hold(), "CVE-2014-3615: in every order");
}

/* Pictures that begin near the end of VRAM. */
static void test_cve_2017_13672(void)
{
	uint32_t start = 0xffff * 4, line = 1000;

	vga_fresh();
	set_planar();
	set_timing(640, 1024, 0xff, 0);
	crtc(0x07, 0x52);
	crtc(0x12, 0xff);
	crtc(0x0c, 0xff);
	crtc(0x0d, 0xff);
	fill();
	memset(vram + ((start + line * 0xff * 8) & (VRAM_BYTES - 1)), 0xff, 4);
	scan(true);
	is_hex(pic[line][0], ramp(15), "CVE-2017-13672: graphics wrap to the "
	       "start of VRAM");
	crtc(0x0c, 0xfe);	/* line 386 begins 100 bytes before the end */
	crtc(0x0d, 0xeb);
	memset(vram, 0xff, 4);
	scan(true);
	is_hex(pic[386][200], ramp(15), "CVE-2017-13672: in the middle of a line");
	ok(edges_hold(), "CVE-2017-13672: and read nothing else");
}

/* Split screen: the region on display is not one piece. */
static void test_cve_2017_13673(void)
{
	vga_fresh();
	set_planar();
	seq(2, 15);
	win_write(0xa0000, 1, 0xff);
	crtc(0x0c, 0x80);
	for (unsigned int at = 0; at < 480; at += 53) {
		crtc(0x18, (uint8_t)at);
		crtc(0x07, (uint8_t)(0x42 | (at >> 4 & 0x10)));
		crtc(0x09, 0);
		scan(true);
		if (pic[at + 1][0] != ramp(15))
			break;
	}
	is_hex(pic[477 + 1][0], ramp(15), "CVE-2017-13673: split at every height");
	win_write(0xa0000, 1, 0x00);
	scan(false);
	is_hex(pic[477 + 1][0], ramp(0), "CVE-2017-13673: the lower part is kept "
	       "up to date");
}

/* Text near the end of VRAM, with more cells than any screen has. */
static void test_cve_2018_5683(void)
{
	vga_fresh();
	set_text();
	fill();
	crtc(0x01, 0xff);
	crtc(0x13, 0xff);
	crtc(0x0c, 0xff);
	crtc(0x0d, 0xff);
	crtc(0x07, 0x52);
	crtc(0x12, 0xff);
	scan(true);
	ok(edges_hold() && pic_w <= PIC_W && pic_h <= PIC_H,
	   "CVE-2018-5683: text wraps and is cropped");
	crtc(0x09, 0x40);
	scan(true);
	crtc(0x01, 0);
	scan(true);
	ok(edges_hold() && pic_h == 1024, "CVE-2018-5683: 1,024 rows of one line");
	crtc(0x09, 0xdf);
	crtc(0x12, 0);
	crtc(0x07, 0x10);
	scan(true);
	ok(edges_hold() && pic_h == 64, "CVE-2018-5683: a row higher than the "
	   "screen");
	seq(3, 0x3f);
	scan(true);
	ok(edges_hold(), "CVE-2018-5683: the last font");
}

/* Start offset and lines added up in 32 bits. */
static void test_cve_2018_7858(void)
{
	vga_fresh();
	set_vbe(1024, 200, 32);
	dispi(VBE_VIRT_WIDTH, 1280);
	dispi(VBE_Y_OFFSET, 0xfff8);
	dispi(VBE_X_OFFSET, 0xfff8);
	scan(true);
	ok(edges_hold(), "CVE-2018-7858: offsets that wrap");
	rig.chan->reply[0] = 0xff;
	scan(false);
	ok(edges_hold() && pic_lines < 200, "CVE-2018-7858: and update in part");
}

/* Not in a list: state committed by a worker that was taken over. */
static void test_hostile_state(void)
{
	vga_fresh();
	for (unsigned int fill_byte = 0; fill_byte < 256; fill_byte += 15) {
		memset(&vga.r, (int)fill_byte, sizeof(vga.r));
		for (uint32_t port = 0x3b0; port < 0x3e0; port++) {
			in8(&rig, (uint16_t)port);
			out8(&rig, (uint16_t)port, (uint8_t)fill_byte);
		}
		memset(&vga.r, (int)fill_byte, sizeof(vga.r));
		win_write(0xa0000 + fill_byte * 0x1ff, 4, 0xffffffff);
		mmio_read(&rig, 0xa0000 + fill_byte * 0x1ff, 4);
		scan(true);
	}
	ok(edges_hold(), "impossible register values stay in bounds");
}

int main(void)
{
	test_cve_2016_3710();
	test_cve_2016_3712();
	test_cve_2014_3615();
	test_cve_2017_13672();
	test_cve_2017_13673();
	test_cve_2018_5683();
	test_cve_2018_7858();
	test_hostile_state();
	return tap_done();
}
