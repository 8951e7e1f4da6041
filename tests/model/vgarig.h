/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/model/vgarig.h - a standard VGA on a rig, and short words for it
 *
 * VRAM lies between two areas that nobody may touch; the picture is an array
 * with edges that must stay as they are.
 */
#ifndef TESTS_MODEL_VGARIG_H
#define TESTS_MODEL_VGARIG_H

#include <stdlib.h>
#include <sys/mman.h>

#include "base/le.h"
#include "base/log.h"
#include "dev/stdvga.h"
#include "tests/lib/busrig.h"

#ifndef VRAM_BYTES
#define VRAM_BYTES	(4u << 20)
#endif
#define GUARD_BYTES	(16u << 20)
#define PIC_W		1920u
#define PIC_H		1200u
#define PIC_STRIDE	(PIC_W + 16)
#define PIC_EDGE	0x77777777u
#define VGA_DEVFN	PCI_DEVFN(3, 0)

static struct rig rig;
static struct stdvga vga;
static uint8_t *vram;
static uint32_t pic[PIC_H + 1][PIC_STRIDE];	/* edges stay as they are */
static uint32_t pic_w, pic_h, pic_scans, pic_lines, pic_blink_ms;
static uint8_t rom[0x9c00];

static void pic_resize(struct disp *d, uint32_t w, uint32_t h)
{
	(void)d;
	pic_w = w;
	pic_h = h;
}

static void pic_changed(struct disp *d, uint32_t y, uint32_t count)
{
	(void)d;
	if (y + count > PIC_H || y + count > pic_h)
		abort();
	pic_lines += count;
}

static void pic_scanned(struct disp *d, uint32_t blink_ms)
{
	(void)d;
	pic_blink_ms = blink_ms;
	pic_scans++;
}

static struct disp pic_disp = {
	.pixel = &pic[0][0], .stride = PIC_STRIDE, .width_max = PIC_W,
	.height_max = PIC_H, .resize = pic_resize, .changed = pic_changed,
	.scanned = pic_scanned,
};

/* A read or write beside it is a SIGSEGV. */
static void make_vram(void)
{
	void *p;

	if (vram)
		return;
	p = mmap(NULL, VRAM_BYTES + 2 * GUARD_BYTES, PROT_NONE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	vram = (uint8_t *)p + GUARD_BYTES;
	if (p == MAP_FAILED || mprotect(vram, VRAM_BYTES, PROT_READ | PROT_WRITE))
		abort();
}

static void vga_fresh(void)
{
	struct stdvga_cfg cfg = {
		.devfn = VGA_DEVFN, .vram_bytes = VRAM_BYTES, .rom = rom,
		.rom_bytes = sizeof(rom), .disp = &pic_disp,
	};

	make_vram();
	memset(vram, 0, VRAM_BYTES);
	for (unsigned int i = 0; i < sizeof(rom); i++)
		rom[i] = (uint8_t)(i * 7 + i / 256);
	cfg.vram = vram;
	memset(pic, 0x77, sizeof(pic));
	pic_w = pic_h = pic_scans = pic_lines = 0;
	memset(&vga, 0, sizeof(vga));
	rig_init(&rig, 0);
	stdvga_init(&vga, &rig.bus, &cfg);
	rig_close(&rig);
	log_init(-1, "test", LOG_L_ERR);
}

__attribute__((unused))
static bool edges_hold(void)
{
	for (unsigned int y = 0; y <= PIC_H; y++)
		for (unsigned int x = y < PIC_H ? PIC_W : 0; x < PIC_STRIDE; x++)
			if (pic[y][x] != PIC_EDGE)
				return false;
	return true;
}

/* Indexed registers, as BIOSes write them: index and data in one word. */
__attribute__((unused))
static void seq(uint8_t i, uint8_t v) { out16(&rig, 0x3c4, (uint16_t)(v << 8 | i)); }
__attribute__((unused))
static void gfx(uint8_t i, uint8_t v) { out16(&rig, 0x3ce, (uint16_t)(v << 8 | i)); }
__attribute__((unused))
static void crtc(uint8_t i, uint8_t v) { out16(&rig, 0x3d4, (uint16_t)(v << 8 | i)); }

__attribute__((unused))
static void attr(uint8_t i, uint8_t v)
{
	in8(&rig, 0x3da);
	out8(&rig, 0x3c0, i);
	out8(&rig, 0x3c0, v);
	out8(&rig, 0x3c0, 0x20);
}

__attribute__((unused))
static void dispi(uint16_t i, uint16_t v)
{
	out16(&rig, 0x1ce, i);
	out16(&rig, 0x1cf, v);
}

__attribute__((unused))
static uint16_t dispi_get(uint16_t i)
{
	out16(&rig, 0x1ce, i);
	return in16(&rig, 0x1cf);
}

/* What the broker does with a posted write to the window. */
__attribute__((unused))
static void win_write(uint32_t at, unsigned int size, uint32_t v)
{
	bus_batch_write(&rig.bus, &(struct io_write){
		.addr = at, .size = (uint8_t)size, .data = v });
}

/* Scan as the worker does; the dirty query is answered with @all. */
__attribute__((unused))
static void scan(bool all)
{
	unsigned int asked = rig_said(&rig, ANS_DIRTY_QUERY);

	pic_lines = 0;
	stdvga_scan(&vga);
	if (rig_said(&rig, ANS_DIRTY_QUERY) != asked)
		bus_call_reply(&rig.bus, all);
	rig_settle(&rig);
}

/* Palette entry @i of both attribute controller and DAC. */
__attribute__((unused))
static void colour(uint8_t i, uint8_t red, uint8_t green, uint8_t blue)
{
	out8(&rig, 0x3c8, i);
	out8(&rig, 0x3c9, red);
	out8(&rig, 0x3c9, green);
	out8(&rig, 0x3c9, blue);
}

__attribute__((unused))
static void colour_ramp(void)
{
	for (unsigned int i = 0; i < 256; i++)
		colour((uint8_t)i, (uint8_t)(i & 63), (uint8_t)(63 - (i & 63)),
		       (uint8_t)(i >> 2));
	for (unsigned int i = 0; i < 16; i++)
		attr((uint8_t)i, (uint8_t)i);
}

/* What entry @i of the ramp looks like. */
__attribute__((unused))
static uint32_t ramp(uint32_t i)
{
	uint32_t r = i & 63, g = 63 - (i & 63), b = i >> 2;

	return (r << 2 | r >> 4) << 16 | (g << 2 | g >> 4) << 8 | (b << 2 | b >> 4);
}

/* The registers that decide on geometry, for @w x @h at 8 dots. */
__attribute__((unused))
static void set_timing(unsigned int w, unsigned int h, uint8_t offset,
		       uint8_t max_scan)
{
	crtc(0x11, 0);
	crtc(0x01, (uint8_t)(w / 8 - 1));
	crtc(0x12, (uint8_t)(h - 1));
	crtc(0x07, (uint8_t)(((h - 1) >> 7 & 2) | ((h - 1) >> 3 & 0x40) | 0x10));
	crtc(0x09, (uint8_t)(0x40 | max_scan));
	crtc(0x18, 0xff);
	crtc(0x13, offset);
	crtc(0x17, 0xe3);
	crtc(0x0c, 0);
	crtc(0x0d, 0);
	out8(&rig, 0x3c2, 0x67);
}

/* 80 x 25, 9 x 16, window at 0xb8000. */
__attribute__((unused))
static void set_text(void)
{
	out8(&rig, 0x3c2, 0x67);
	set_timing(640, 400, 40, 15);
	crtc(0x17, 0xa3);
	crtc(0x0a, 13);
	crtc(0x0b, 14);
	crtc(0x0e, 0x07);
	crtc(0x0f, 0xff);	/* cursor off the screen */
	seq(1, 0);
	seq(2, 3);
	seq(3, 0);
	seq(4, 2);
	gfx(5, 0x10);
	gfx(6, 0x0e);
	colour_ramp();
	attr(0x10, 0x0c);
	attr(0x12, 0x0f);
}

/* 640 x 480, 16 colours, window at 0xa0000. */
__attribute__((unused))
static void set_planar(void)
{
	out8(&rig, 0x3c2, 0x67);
	set_timing(640, 480, 40, 0);
	seq(1, 1);
	seq(2, 15);
	seq(4, 6);
	gfx(0, 0);
	gfx(1, 0);
	gfx(3, 0);
	gfx(5, 0);
	gfx(6, 5);
	gfx(8, 0xff);
	colour_ramp();
	attr(0x10, 1);
	attr(0x12, 0x0f);
}

__attribute__((unused))
static void set_vbe(uint16_t w, uint16_t h, uint16_t bpp)
{
	in8(&rig, 0x3da);
	out8(&rig, 0x3c0, 0x20);
	dispi(VBE_ENABLE, 0);
	dispi(VBE_XRES, w);
	dispi(VBE_YRES, h);
	dispi(VBE_BPP, bpp);
	dispi(VBE_ENABLE, VBE_ENABLED | VBE_LFB);
}

#endif /* TESTS_MODEL_VGARIG_H */
