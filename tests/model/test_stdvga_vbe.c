/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/model/test_stdvga_vbe.c - DISPI: what the guest asks for and gets
 */
#include "tap.h"
#include "vgarig.h"

static void test_id(void)
{
	vga_fresh();
	is_hex(dispi_get(VBE_ID), 0xb0c5, "newest interface");
	dispi(VBE_ID, 0xb0c0);
	is_hex(dispi_get(VBE_ID), 0xb0c0, "older ones on request");
	dispi(VBE_ID, 0xb0c6);
	is_hex(dispi_get(VBE_ID), 0xb0c0, "none newer");
	is_hex(dispi_get(VBE_VIDEO_MEMORY_64K), VRAM_BYTES / 65536, "memory");
	is_hex(dispi_get(11), 0, "no register 11");
	is_hex(dispi_get(0xffff), 0, "nor 65535");
	is_hex(in8(&rig, 0x1cf), 0xff, "bytes are not answered");
	is_hex(in16(&rig, 0x1ce), 0xffff, "index reads back");
}

static void test_capabilities(void)
{
	vga_fresh();
	dispi(VBE_ENABLE, VBE_GETCAPS);
	is_hex(dispi_get(VBE_XRES), 16000, "widest");
	is_hex(dispi_get(VBE_YRES), 12000, "highest");
	is_hex(dispi_get(VBE_BPP), 32, "deepest");
	dispi(VBE_ENABLE, 0);
	is_hex(dispi_get(VBE_XRES), 0, "and then what was set");
}

static void test_enable_clears(void)
{
	vga_fresh();
	memset(vram, 0xee, VRAM_BYTES);
	set_vbe(800, 600, 16);
	is_hex(vram[800 * 600 * 2 - 1], 0, "turning on clears the picture");
	is_hex(vram[800 * 600 * 2], 0xee, "and nothing behind it");
	dispi(VBE_X_OFFSET, 8);
	dispi(VBE_ENABLE, 0);
	memset(vram, 0xee, VRAM_BYTES);
	dispi(VBE_ENABLE, VBE_ENABLED | VBE_LFB | VBE_NOCLEAR);
	is_hex(vram[0], 0xee, "not if asked not to");
	is_hex(dispi_get(VBE_X_OFFSET), 0, "offsets start at 0");
	is_hex(dispi_get(VBE_VIRT_WIDTH), 800, "virtual width at the real one");
	is_hex(dispi_get(VBE_VIRT_HEIGHT), VRAM_BYTES / 1600, "height: all of VRAM");
}

static void test_fixups(void)
{
	vga_fresh();
	set_vbe(1023, 768, 7);
	is_hex(dispi_get(VBE_XRES), 1016, "width: multiple of 8");
	is_hex(dispi_get(VBE_BPP), 8, "unknown depth: 8");
	set_vbe(0, 0, 32);
	is_hex(dispi_get(VBE_XRES), 8, "no width: the least");
	is_hex(dispi_get(VBE_YRES), 1, "no height: the least");
	set_vbe(65535, 65535, 32);
	is_hex(dispi_get(VBE_XRES), 16000, "too wide: the most");
	is_hex(dispi_get(VBE_YRES), VRAM_BYTES / 64000, "as high as VRAM allows");
	set_vbe(1024, 768, 32);
	dispi(VBE_VIRT_WIDTH, 16);
	is_hex(dispi_get(VBE_VIRT_WIDTH), 1024, "a line holds the picture");
	dispi(VBE_Y_OFFSET, 255);
	is_hex(dispi_get(VBE_Y_OFFSET), 255, "scrolled inside VRAM");
	dispi(VBE_Y_OFFSET, 257);
	is_hex(dispi_get(VBE_Y_OFFSET), 0, "beyond it: back to 0");
	dispi(VBE_Y_OFFSET, 256);
	dispi(VBE_X_OFFSET, 1);
	is_hex(dispi_get(VBE_Y_OFFSET), 0, "one pixel too far counts");
}

static void check_mode(const struct vbe_mode *m, const char *what)
{
	ok(m->width >= 8 && m->height >= 1 && m->pitch > 0 &&
	   (uint64_t)m->start + (uint64_t)m->height * m->pitch <= VRAM_BYTES &&
	   m->bank + VBE_BANK_BYTES <= VRAM_BYTES, "%s", what);
}

/* State may come from a worker that was taken over: same bounds. */
static void test_hostile_state(void)
{
	struct vbe_regs r;
	struct vbe_mode m;
	uint32_t x = 12345;
	bool all = true;

	memset(&r, 0xff, sizeof(r));
	vbe_get_mode(&r, VRAM_BYTES, &m);
	check_mode(&m, "all ones describe a picture in VRAM");
	memset(&r, 0, sizeof(r));
	vbe_get_mode(&r, VRAM_BYTES, &m);
	check_mode(&m, "so do all zeroes");
	for (unsigned int i = 0; i < 100000; i++) {
		for (unsigned int k = 0; k < VBE_REG_COUNT; k++) {
			x = x * 1664525 + 1013904223;
			r.reg[k] = (uint16_t)(x >> 16);
		}
		vbe_get_mode(&r, VRAM_BYTES, &m);
		all &= (uint64_t)m.start + (uint64_t)m.height * m.pitch <=
			VRAM_BYTES && m.pitch && m.bank < VRAM_BYTES;
	}
	ok(all, "and 100,000 random ones (seed 12345)");
}

int main(void)
{
	test_id();
	test_capabilities();
	test_enable_clears();
	test_fixups();
	test_hostile_state();
	return tap_done();
}
