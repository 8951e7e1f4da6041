/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/model/test_stdvga_random.c - a million accesses without sense
 *
 * Every window, every width, strings in both directions, with a scan now and
 * then.  A failing seed can be given back: test_stdvga_random SEED.
 */
#include "base/clock.h"
#include "tap.h"
#include "vgarig.h"

#define ACCESSES	1000000u
#define SCAN_EVERY	2500u

static uint64_t state;
static uint8_t data[4096];

static uint32_t rnd(void)
{
	state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(state >> 33);
}

static uint32_t value(void)
{
	switch (rnd() % 4) {
	case 0:
		return 0;
	case 1:
		return ~0u;
	default:
		return rnd() << 1 ^ rnd();
	}
}

static unsigned int width(void)
{
	return 1u << rnd() % 3;
}

static void poke_ports(void)
{
	uint16_t port = (uint16_t)(0x3b0 + rnd() % 0x30);

	if (rnd() % 3 == 0)
		rig_access(&rig, CHAN_PIO, port, width(), 1, 0, 0, NULL);
	else
		rig_access(&rig, CHAN_PIO, port, width(), 1, IO_WRITE, value(), NULL);
}

static void poke_indexed(void)
{
	static void (*const set[])(uint8_t, uint8_t) = { seq, gfx, crtc, attr };

	set[rnd() % 4]((uint8_t)(rnd() % 32), (uint8_t)value());
}

static void poke_dispi(void)
{
	uint16_t i = (uint16_t)(rnd() % 12);

	if (i == VBE_ENABLE)
		dispi(i, (uint16_t)(rnd() % 2 ? VBE_ENABLED | VBE_NOCLEAR : rnd()));
	else if (rnd() % 2)
		dispi(i, (uint16_t)(rnd() % 2048));
	else
		dispi(i, (uint16_t)value());
	dispi_get((uint16_t)value());
}

static void poke_window(void)
{
	uint32_t at = 0xa0000 + rnd() % 0x20000;

	if (rnd() % 2)
		win_write(at, width(), value());
	else
		mmio_read(&rig, at, width());
}

static void poke_string(void)
{
	unsigned int size = width(), count = 1 + rnd() % (4096 / size);
	uint32_t at = 0xa0000 + rnd() % 0x20000;
	unsigned int flags = (rnd() % 2 ? IO_WRITE : 0u) | (rnd() % 4 ? 0u : IO_DESC);

	rig_access(&rig, CHAN_MMIO, at, size, count, flags, value(),
		   (flags & IO_WRITE) && rnd() % 4 == 0 ? NULL : data);
}

static void poke_pci(void)
{
	unsigned int size = width();

	cfg_write(&rig, VGA_DEVFN, rnd() % (256 - size + 1), size, value());
	if (rnd() % 8)
		return;
	cfg_write(&rig, VGA_DEVFN, 0x18, 4, 0xf3000000);
	cfg_write(&rig, VGA_DEVFN, 0x30, 4, 0xf3010001);
	cfg_write(&rig, VGA_DEVFN, 4, 2, 3);
}

static void poke_mmio(void)
{
	uint32_t at = 0xf3000000 + (rnd() % 2 ? 0x400 + rnd() % 0x220 : rnd() % 0x20000);

	if (rnd() % 2)
		mmio_write(&rig, at, width(), value());
	else
		mmio_read(&rig, at, width());
}

int main(int argc, char **argv)
{
	static void (*const poke[])(void) = {
		poke_ports, poke_ports, poke_indexed, poke_indexed, poke_dispi,
		poke_window, poke_window, poke_window, poke_pci, poke_mmio,
	};
	int64_t began = clock_now_ns();
	uint32_t most = 0;

	state = argc > 1 ? strtoull(argv[1], NULL, 0) : 20160509;
	printf("# seed %llu\n", (unsigned long long)state);
	vga_fresh();
	for (uint32_t i = 0; i < ACCESSES; i++) {
		if (i % 64 == 0)
			poke_string();
		else
			poke[rnd() % (sizeof(poke) / sizeof(poke[0]))]();
		if (i % SCAN_EVERY)
			continue;
		if (rnd() % 4)
			attr(0, 0);		/* screen on */
		vram[rnd() % VRAM_BYTES] ^= 0xff;
		rig.chan->reply[rnd() % (VRAM_BYTES / 4096 / 8)] = (uint8_t)rnd();
		scan(rnd() % 8 == 0);
		most = pic_w > most ? pic_w : most;
	}
	ok(true, "a million accesses were survived");
	ok(edges_hold(), "nothing was written outside VRAM and the picture");
	ok(pic_scans >= ACCESSES / SCAN_EVERY, "every scan ended");
	ok(most > 720, "pictures were wide (%u)", most);
	printf("# %lld ms\n", (long long)((clock_now_ns() - began) / NS_PER_MS));
	return tap_done();
}
