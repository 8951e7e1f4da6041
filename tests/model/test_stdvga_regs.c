/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/model/test_stdvga_regs.c - VGA registers, PCI function, ROM, BAR 2
 */
#include "tap.h"
#include "vgarig.h"

static void test_tables(void)
{
	const char *wrong = reg_check(&vga_ports);

	ok(!wrong, "register table is sane%s%s", wrong ? ": " : "",
	   wrong ? wrong : "");
	is_hex(sizeof(struct vga_regs) % 8, 0, "committed state is whole words");
}

static void test_indexed(void)
{
	vga_fresh();
	out8(&rig, 0x3c2, 0x67);
	is_hex(in8(&rig, 0x3cc), 0x67, "miscellaneous output reads at 0x3cc");
	seq(2, 0xff);
	is_hex(in8(&rig, 0x3c5), 0x0f, "sequencer: planes are four bits");
	out8(&rig, 0x3c4, 0x0c);
	is_hex(in8(&rig, 0x3c4), 0x04, "sequencer: three bits of index");
	gfx(8, 0xa5);
	is_hex(in8(&rig, 0x3cf), 0xa5, "graphics controller: bit mask");
	gfx(9, 0xff);
	is_hex(in8(&rig, 0x3cf), 0, "graphics controller: nothing above 8");
	crtc(0x0e, 0x12);
	is_hex(in8(&rig, 0x3d5), 0x12, "CRTC");
	is_hex(in8(&rig, 0x3d4), 0x0e, "CRTC index");
	is_hex(in8(&rig, 0x3c6), 0xff, "pixel mask starts full");
}

static void test_crtc_lock(void)
{
	vga_fresh();
	out8(&rig, 0x3c2, 0x01);
	crtc(0x07, 0x00);
	crtc(0x11, 0x80);
	crtc(0x00, 0x55);
	is_hex(in8(&rig, 0x3d5), 0, "CR0 is locked by CR11");
	crtc(0x07, 0xff);
	is_hex(in8(&rig, 0x3d5), 0x10, "CR7: only line compare is not");
	crtc(0x08, 0x55);
	is_hex(in8(&rig, 0x3d5), 0x55, "CR8 is not locked");
	crtc(0x11, 0);
	crtc(0x00, 0x55);
	is_hex(in8(&rig, 0x3d5), 0x55, "unlocked again");
}

static void test_mono_and_colour(void)
{
	vga_fresh();
	out8(&rig, 0x3c2, 0x00);
	is_hex(in8(&rig, 0x3d4), 0xff, "monochrome: 0x3d4 is not there");
	out8(&rig, 0x3b4, 0x0f);
	out8(&rig, 0x3b5, 0x42);
	is_hex(in8(&rig, 0x3b5), 0x42, "0x3b5 is");
	is_hex(in8(&rig, 0x3da), 0xff, "nor is 0x3da");
	out8(&rig, 0x3c2, 0x01);
	is_hex(in8(&rig, 0x3b5), 0xff, "colour: 0x3b5 is not there");
	is_hex(in8(&rig, 0x3d5), 0x42, "0x3d5 is, the same register");
}

static void test_attributes(void)
{
	vga_fresh();
	out8(&rig, 0x3c2, 0x01);
	in8(&rig, 0x3da);
	out8(&rig, 0x3c0, 0x05);
	out8(&rig, 0x3c0, 0xff);
	is_hex(in8(&rig, 0x3c0), 0x05, "index");
	is_hex(in8(&rig, 0x3c1), 0x3f, "palette entry is six bits");
	out8(&rig, 0x3c0, 0x33);
	in8(&rig, 0x3da);
	out8(&rig, 0x3c0, 0x05);
	is_hex(in8(&rig, 0x3c1), 0x3f, "a read of 0x3da makes it an index again");
	in8(&rig, 0x3da);
	out8(&rig, 0x3c0, 0x1f);
	out8(&rig, 0x3c0, 0xff);
	is_hex(in8(&rig, 0x3c1), 0, "no register 31");
}

static void test_retrace(void)
{
	uint8_t a, b;
	uint32_t val;
	unsigned int flags;

	vga_fresh();
	out8(&rig, 0x3c2, 0x01);
	a = in8(&rig, 0x3da);
	b = in8(&rig, 0x3da);
	is_hex(a ^ b, 0x09, "every read is an edge of retrace");
	flags = rig_row_flags(&rig, CHAN_PIO, 0x3da, 1);
	ok((flags & CHAN_ROW_SHADOW) && (flags & CHAN_ROW_NOTIFY),
	   "0x3da is shadowed, and the worker hears of reads");
	ok(rig_shadow(&rig, CHAN_PIO, 0x3da, 1, &val) && val == 0, "word is 0");
	out8(&rig, 0x3c0, 0x11);
	bus_read_note(&rig.bus, &(struct io_msg){ .kind = IO_READ_NOTE, .size = 1,
		.count = 1, .addr = 0x3da,
		.win = (uint16_t)rig_win(&rig, CHAN_PIO, 0x3da, 1) });
	rig_settle(&rig);
	out8(&rig, 0x3c0, 0x12);
	is_hex(in8(&rig, 0x3c0), 0x12, "a read that the broker answered resets "
	       "the flip-flop");
	ok(rig_shadow(&rig, CHAN_PIO, 0x3da, 1, &val) && val == 0,
	   "and the word stays");
	out8(&rig, 0x3c2, 0x00);
	ok(!rig_shadow(&rig, CHAN_PIO, 0x3da, 1, &val), "monochrome: no word");
}

static void test_dac(void)
{
	vga_fresh();
	out8(&rig, 0x3c8, 0xff);
	for (unsigned int i = 1; i <= 6; i++)
		out8(&rig, 0x3c9, (uint8_t)i);
	is_hex(in8(&rig, 0x3c8), 0x01, "write index goes on, past 255 to 0");
	is_hex(in8(&rig, 0x3c7), 0, "state: writing");
	out8(&rig, 0x3c7, 0xff);
	is_hex(in8(&rig, 0x3c7), 3, "state: reading");
	is_hex(in8(&rig, 0x3c9), 1, "red of 255");
	is_hex(in8(&rig, 0x3c9), 2, "green");
	is_hex(in8(&rig, 0x3c9), 3, "blue");
	is_hex(in8(&rig, 0x3c9), 4, "red of 0");
	is_hex(rig_row_flags(&rig, CHAN_PIO, 0x3c9, 1),
	       CHAN_ROW_POSTED | CHAN_ROW_INERT | CHAN_ROW_LAZY, "colour data is posted");
}

static void test_shadows_agree(void)
{
	static const uint16_t port[] = { 0x3c0, 0x3c1, 0x3c4, 0x3c5, 0x3c6, 0x3ca,
		0x3cc, 0x3ce, 0x3cf, 0x3d4, 0x3d5 };
	bool all = true;
	uint32_t val;

	vga_fresh();
	set_text();
	for (unsigned int i = 0; i < sizeof(port) / sizeof(port[0]); i++)
		all &= rig_shadow(&rig, CHAN_PIO, port[i], 1, &val) &&
			val == in8(&rig, port[i]);
	ok(all, "shadow words are what reads return");
}

static void test_pci(void)
{
	const struct io_msg *m;
	uint32_t words[512];

	vga_fresh();
	is_hex(cfg_read(&rig, VGA_DEVFN, 0, 4), 0x11111234, "1234:1111");
	is_hex(cfg_read(&rig, VGA_DEVFN, 8, 4), 0x03000002, "display, revision 2");
	cfg_write(&rig, VGA_DEVFN, 0x10, 4, 0xffffffff);
	is_hex(cfg_read(&rig, VGA_DEVFN, 0x10, 4), 0xffc00008, "BAR 0 is VRAM");
	cfg_write(&rig, VGA_DEVFN, 0x10, 4, 0xf0000000);
	cfg_write(&rig, VGA_DEVFN, 0x18, 4, 0xf3000000);
	is_hex(rig_said(&rig, ANS_VRAM_MOVE), 0, "not decoded: VRAM stays");
	cfg_write(&rig, VGA_DEVFN, 4, 2, 3);
	m = rig_said_last(&rig, ANS_VRAM_MOVE);
	ok(m && m->addr == 0xf0000, "decoded: VRAM moves to the BAR");
	is_hex(mmio_read(&rig, 0xf3000600, 4), 8, "BAR 2: size of the extension");
	is_hex(mmio_read(&rig, 0xf3000604, 4), 0x1e1e1e1e, "little endian");
	is_hex(mmio_read(&rig, 0xf3000000, 4), 0xffffffff, "no EDID");
	cfg_write(&rig, VGA_DEVFN, 4, 2, 0);
	m = rig_said_last(&rig, ANS_VRAM_MOVE);
	ok(m && m->addr == UINT64_MAX, "not decoded: VRAM is parked");

	cfg_write(&rig, VGA_DEVFN, 0x30, 4, 0xfffffffe);
	is_hex(cfg_read(&rig, VGA_DEVFN, 0x30, 4), 0xffff0000, "ROM BAR: 64 KiB");
	cfg_write(&rig, VGA_DEVFN, 4, 2, 3);
	cfg_write(&rig, VGA_DEVFN, 0x30, 4, 0xf3010001);
	is_hex(mmio_read(&rig, 0xf3010002, 2), rom[2] | rom[3] << 8, "ROM reads");
	rig_access(&rig, CHAN_MMIO, 0xf3010000 + 0x9c00 - 1024, 4, 512, 0, 0, words);
	ok(!memcmp(words, rom + 0x9c00 - 1024, 1024) && words[256] == 0 &&
	   words[511] == 0, "as a string too, zero behind its end");
	mmio_write(&rig, 0xf3010000, 4, 0);
	is_hex(mmio_read(&rig, 0xf3010000, 1), rom[0], "ROM is read-only");
}

static void test_mmio(void)
{
	vga_fresh();
	cfg_write(&rig, VGA_DEVFN, 0x18, 4, 0xf3000000);
	cfg_write(&rig, VGA_DEVFN, 4, 2, 2);
	mmio_write(&rig, 0xf3000402, 1, 0x67);
	is_hex(in8(&rig, 0x3cc), 0x67, "BAR 2 0x400 is port 0x3c0");
	mmio_write(&rig, 0xf3000404, 2, 0x0f02);
	is_hex(mmio_read(&rig, 0xf3000405, 1), 0x0f, "a word is two bytes");
	is_hex(mmio_read(&rig, 0xf3000500, 2), 0xb0c5, "0x500 is DISPI");
	mmio_write(&rig, 0xf3000502, 2, 1024);
	is_hex(dispi_get(VBE_XRES), 1024, "and writes");
	mmio_write(&rig, 0xf3000504, 4, 32 << 16 | 768);
	is_hex(dispi_get(VBE_YRES), 768, "a dword is two registers");
	is_hex(dispi_get(VBE_BPP), 32, "both");
	is_hex(mmio_read(&rig, 0xf3000516, 2), 0xffff, "nothing behind them");
	is_hex(mmio_read(&rig, 0xf3000514, 4), 0xffffffff, "nor half behind");
}

static void test_successor(void)
{
	vga_fresh();
	set_text();
	is_hex(rig.state->half[rig.bus.flip & 1].seq, rig.seq,
	       "state is committed with every access");
}

int main(void)
{
	test_tables();
	test_indexed();
	test_crtc_lock();
	test_mono_and_colour();
	test_attributes();
	test_retrace();
	test_dac();
	test_shadows_agree();
	test_pci();
	test_mmio();
	test_successor();
	return tap_done();
}
