/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/model/test_stdvga_mem.c - the window at 0xa0000
 */
#include "tap.h"
#include "vgarig.h"

static uint8_t rd(uint32_t at)
{
	return (uint8_t)mmio_read(&rig, at, 1);
}

static uint32_t planes(uint32_t at)
{
	return le32_get(&vram[at * 4]);
}

static void set_planes(uint32_t at, uint32_t v)
{
	memcpy(&vram[at * 4], &v, 4);
}

static void test_map(void)
{
	static const struct { uint8_t gr6; uint32_t first, last; } row[4] = {
		{ 0x01, 0xa0000, 0xbffff }, { 0x05, 0xa0000, 0xaffff },
		{ 0x09, 0xb0000, 0xb7fff }, { 0x0d, 0xb8000, 0xbffff },
	};

	for (unsigned int i = 0; i < 4; i++) {
		vga_fresh();
		set_planar();
		gfx(6, row[i].gr6);
		win_write(row[i].first, 1, 0x11);
		win_write(row[i].last, 1, 0x22);
		is_hex(planes(0), 0x11111111, "first byte of the map");
		is_hex(planes(row[i].last - row[i].first), 0x22222222, "last byte");
		is_hex(rd(row[i].last), 0x22, "reads back");
		if (row[i].first > 0xa0000) {
			win_write(row[i].first - 1, 1, 0x33);
			is_hex(rd(row[i].first - 1), 0xff, "nothing below");
		}
		if (row[i].last < 0xbffff) {
			win_write(row[i].last + 1, 1, 0x33);
			is_hex(rd(row[i].last + 1), 0xff, "nothing above");
		}
		is_hex(planes(0), 0x11111111, "and nothing was written");
	}
}

static void test_write_mode_0(void)
{
	vga_fresh();
	set_planar();
	seq(2, 0x05);
	win_write(0xa0010, 1, 0xc3);
	is_hex(planes(0x10), 0x00c300c3, "plane mask");
	seq(2, 0x0f);
	gfx(3, 2);
	win_write(0xa0011, 1, 0x81);
	is_hex(planes(0x11), 0x60606060, "rotate right by two");
	gfx(3, 0);
	gfx(1, 0x0a);
	gfx(0, 0x08);
	win_write(0xa0012, 1, 0x0f);
	is_hex(planes(0x12), 0xff0f000f, "set/reset where enabled");
	gfx(1, 0);
	set_planes(0x13, 0x12345678);
	rd(0xa0013);
	gfx(8, 0x0f);
	win_write(0xa0013, 1, 0xff);
	is_hex(planes(0x13), 0x1f3f5f7f, "bit mask: the rest from the latch");
	gfx(8, 0xff);
	gfx(3, 0x08);
	win_write(0xa0014, 1, 0x3c);
	is_hex(planes(0x14), 0x10341438, "and with the latch");
	gfx(3, 0x10);
	win_write(0xa0014, 1, 0x80);
	is_hex(planes(0x14), 0x92b4d6f8, "or");
	gfx(3, 0x18);
	win_write(0xa0014, 1, 0xff);
	is_hex(planes(0x14), 0xedcba987, "xor");
}

static void test_write_modes_1_2_3(void)
{
	vga_fresh();
	set_planar();
	set_planes(0x20, 0xdeadbeef);
	rd(0xa0020);
	gfx(5, 1);
	gfx(8, 0);		/* neither masks nor rotation count */
	gfx(3, 0x1b);
	win_write(0xa0021, 1, 0x55);
	is_hex(planes(0x21), 0xdeadbeef, "mode 1 copies the latch");
	seq(2, 0x01);
	win_write(0xa0022, 1, 0x55);
	is_hex(planes(0x22), 0x000000ef, "to the planes of the mask");
	seq(2, 0x0f);
	gfx(3, 0);
	gfx(5, 2);
	gfx(8, 0x81);
	set_planes(0x23, 0);
	rd(0xa0023);
	win_write(0xa0023, 1, 0xf9);
	is_hex(planes(0x23), 0x81000081, "mode 2 expands a colour");
	gfx(5, 3);
	gfx(8, 0x3c);
	gfx(0, 0x06);
	gfx(3, 4);
	set_planes(0x24, 0xffffffff);
	rd(0xa0024);
	win_write(0xa0024, 1, 0xf0);
	is_hex(planes(0x24), 0xf3fffff3, "mode 3: data, turned, is the mask");
}

static void test_read_modes(void)
{
	vga_fresh();
	set_planar();
	set_planes(0x30, 0x44332211);
	for (uint8_t p = 0; p < 4; p++) {
		gfx(4, p);
		is_hex(rd(0xa0030), (p + 1) * 0x11u, "mode 0 reads the plane");
	}
	set_planes(0x31, 0x0ff0aa55);
	gfx(5, 8);
	gfx(2, 0x05);
	gfx(7, 0x0f);
	is_hex(rd(0xa0031), 0x50, "mode 1 finds the colour's pixels");
	gfx(7, 0x00);
	is_hex(rd(0xa0031), 0xff, "no plane cares: all of them");
}

static void test_chain4_and_odd_even(void)
{
	vga_fresh();
	set_planar();
	seq(4, 0x0e);
	win_write(0xa0000, 4, 0x44332211);
	is_hex(planes(0), 0x44332211, "chain 4: bytes go along the planes");
	seq(2, 0x0a);
	win_write(0xa0000, 4, 0xffffffff);
	is_hex(planes(0), 0xff33ff11, "under the plane mask");
	is_hex(mmio_read(&rig, 0xa0000, 4), 0xff33ff11, "and back");

	vga_fresh();
	set_text();
	win_write(0xb8000, 2, 0x0741);
	win_write(0xb8f9e, 2, 0x1f5a);
	is_hex(planes(0), 0x00000741, "odd/even: character and attribute");
	is_hex(planes(0x7cf), 0x00001f5a, "last cell");
	is_hex(mmio_read(&rig, 0xb8f9e, 2), 0x1f5a, "reads back");
	seq(2, 0x0f);
	win_write(0xb8000, 2, 0x2242);
	is_hex(planes(0), 0x22422242, "all planes: odd and even pairs");
}

static void test_strings(void)
{
	uint16_t cells[80], back[80];

	vga_fresh();
	set_text();
	for (unsigned int i = 0; i < 80; i++)
		cells[i] = (uint16_t)(0x0700 + i);
	rig_access(&rig, CHAN_MMIO, 0xb8000, 2, 80, IO_WRITE, 0, cells);
	is_hex(planes(79), 0x074f, "rep movsw into the window");
	rig_access(&rig, CHAN_MMIO, 0xb8000, 2, 80, 0, 0, back);
	ok(!memcmp(cells, back, sizeof(cells)), "and out of it");
	rig_access(&rig, CHAN_MMIO, 0xb8000 + 158, 2, 80, IO_DESC, 0, back);
	ok(back[0] == cells[79] && back[79] == cells[0], "backwards");
	rig_access(&rig, CHAN_MMIO, 0xb8000, 2, 80, IO_WRITE, 0x0720, NULL);
	is_hex(planes(79), 0x0720, "rep stosw");
	rig_access(&rig, CHAN_MMIO, 0xbff80, 2, 80, 0, 0, back);
	is_hex(back[0], 0xffff, "a string over the end of the window: ones");
	ok(edges_hold(), "nothing beside VRAM");
}

static void test_bank(void)
{
	vga_fresh();
	set_vbe(1024, 768, 8);
	dispi(VBE_BANK, 5);
	win_write(0xa1234, 2, 0xbeef);
	is_hex(vram[0x51234] | vram[0x51235] << 8, 0xbeef, "bank 5, linear");
	is_hex(mmio_read(&rig, 0xa1234, 2), 0xbeef, "reads back");
	is_hex(mmio_read(&rig, 0xb0000, 1), 0xff, "64 KiB of window");
	dispi(VBE_BANK, 0xffff);
	is_hex(dispi_get(VBE_BANK), VRAM_BYTES / 65536 - 1, "banks end with VRAM");
	win_write(0xaffff, 1, 0x5a);
	is_hex(vram[VRAM_BYTES - 1], 0x5a, "last byte of the last one");
	ok(edges_hold(), "nothing beside VRAM");
}

int main(void)
{
	test_map();
	test_write_mode_0();
	test_write_modes_1_2_3();
	test_read_modes();
	test_chain4_and_odd_even();
	test_strings();
	test_bank();
	return tap_done();
}
