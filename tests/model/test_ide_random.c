/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/model/test_ide_random.c - a guest that writes nonsense to its disks
 *
 * A million accesses of every width and count, to every register, between
 * commands that nearly make sense, with PRD tables of random bytes, a host
 * that is late or fails, resets, unplugs and pauses.  After each: shadow words
 * tell what the device would, the line follows INTRQ, nothing is mapped
 * without need and nothing is written beyond the images.  Now and then the
 * channel is reset and has to move real data.  The seed is printed and can be
 * given as first argument.
 */
#include "base/log.h"
#include "tests/model/ide_guest.h"
#include "tests/model/random.h"

#define ACCESSES	1000000u
#define SMALL_BYTES	(256u * 1024u + 300u)	/* of every image */
#define GUARD		0xc7u

static unsigned int moved, resets, unplugs, pauses, commands_sent;

static void new_machine(void)
{
	rig_init(&rig, 1u << 20);
	for (unsigned int i = 0; i < IDE_DRIVES; i++) {
		memblk_init(&disk[i], image[i], SMALL_BYTES);
		disk[i].blk.can_discard = i != 1;
		disk[i].blk.read_only = i == 3;
		memset(image[i] + SMALL_BYTES, GUARD, 8192);
	}
	build_devices(1 + rnd() % 15);
	cfg_write(&rig, DEVFN, 0x20, 4, BM);
	cfg_write(&rig, DEVFN, 0x04, 2, 0x0005);
	for (uint32_t i = 0; i < rig.ram_bytes; i += 4) {
		uint32_t v = rnd();

		memcpy(rig.ram + i, &v, 4);
	}
}

/* One of the held requests, or all that an answer waits for. */
static void host_works(bool all)
{
	do {
		for (unsigned int i = 0; i < IDE_DRIVES; i++) {
			if (!disk[i].held_count || (!all && rnd() % 2))
				continue;
			disk[i].fail_rc = rnd() % 16 ? 0 : -EIO;
			memblk_release(&disk[i]);
			rig_settle(&rig);
		}
	} while (all && rig.waits);
}

static void random_access(void)
{
	static const uint16_t ports[] = { 0x1f0, 0x1f0, 0x1f0, 0x170, 0x170,
		0x3f6, 0x376, BM, BM + 8 };
	static uint8_t buf[IO_ITEM_BYTES_MAX];
	unsigned int size = 1u << rnd() % 3;
	unsigned int max = IO_ITEM_BYTES_MAX / size;
	unsigned int count = rnd() % 8 ? 1 : 1 + rnd() % max;
	uint16_t port = (uint16_t)(ports[rnd() % 9] + (rnd() & 1 ? rnd() % 8 : 0));
	uint32_t v = rnd();

	if (count > 1 && rnd() % 2) {
		memcpy(buf, &v, 4);
		rig_access(&rig, CHAN_PIO, port, size, count,
			   (rnd() & 1) * IO_WRITE | (rnd() % 32 ? 0 : IO_DESC),
			   0, buf);
	} else {
		rig_access(&rig, CHAN_PIO, port, size, 1, (rnd() & 1) * IO_WRITE,
			   rnd() % 4 ? v : v & 0xff, NULL);
	}
}

/* A command that may well work. */
static void random_command(void)
{
	static const uint8_t ops[] = { 0x20, 0x24, 0x29, 0x30, 0x34, 0x39, 0xc4,
		0xc5, 0xc8, 0x25, 0xca, 0x35, 0x06, 0xe7, 0xea, 0xec, 0xb0,
		0xef, 0xc6, 0x91, 0x90, 0xf8, 0x27, 0x40 };
	uint16_t base = rnd() & 1 ? 0x1f0 : 0x170;
	uint16_t bm = base == 0x1f0 ? BM : BM + 8;

	commands_sent++;
	if (rnd() & 1)
		out32(&rig, bm + 4, rnd() % (1u << 20));
	out8(&rig, base + 6, (uint8_t)(0xa0 | (rnd() & 0x50)));
	out8(&rig, base + 1, rnd() & 1 ? 0x01 : (uint8_t)(0xd0 + rnd() % 12));
	out8(&rig, base + 2, 0);
	out8(&rig, base + 2, (uint8_t)(rnd() % 20));
	for (uint16_t r = 3; r <= 5; r++) {
		out8(&rig, base + r, 0);
		out8(&rig, base + r, (uint8_t)(r == 3 ? rnd() % 200 : 0));
	}
	if (rnd() % 8 == 0) {
		out8(&rig, base + 4, 0x4f);
		out8(&rig, base + 5, 0xc2);
	}
	if (rnd() & 1)
		out8(&rig, bm, (uint8_t)(0x01 | (rnd() & 0x08)));
	out8(&rig, base + 7, ops[rnd() % sizeof(ops)]);
	out8(&rig, bm, (uint8_t)(rnd() & 0x09));
}

/* Somebody else's requests. */
static void random_event(void)
{
	unsigned int what = rnd() % 1000;

	if (what == 0) {
		rig_unplug(&rig, rnd() % 8);
		unplugs++;
	} else if (what < 20) {
		rig_pause(&rig);
		pauses++;
	} else if (what < 60) {
		cfg_write(&rig, DEVFN, 0x04, 2, rnd() % 8 ? 0x0005 : rnd());
	} else if (what < 200) {
		out8(&rig, rnd() & 1 ? 0x3f6 : 0x376, 0x04);
		resets++;
	}
}

static void check_shadow(uint16_t port, bool drops)
{
	uint32_t said;

	if (!rig_shadow(&rig, CHAN_PIO, port, 1, &said))
		return;
	if (said != in8(&rig, port))
		wrong_at(drops ? "status shadow" : "shadow");
}

static void check(void)
{
	for (unsigned int i = 0; i < IDE_CHANNELS; i++) {
		const struct ide_chan *c = &ide.chan[i];

		if (c->map.count && !c->io_busy)
			wrong_at("mapped without I/O");
		if (rig.isa[14 + i] != c->r.intrq)
			wrong_at("line differs from INTRQ");
		if (c->r.block_end > IDE_HALF_BYTES || c->r.at > c->r.block_end)
			wrong_at("position outside the buffer");
	}
	check_shadow(0x3f6, false);
	check_shadow(0x376, false);
	check_shadow(0x1f7, true);
	check_shadow(0x177, true);
	check_shadow(0x1f6, false);
	for (unsigned int i = 0; i < IDE_DRIVES; i++)
		if (image[i][SMALL_BYTES] != GUARD ||
		    image[i][SMALL_BYTES + 512] != GUARD)
			wrong_at("written beyond the image");
}

/* Whatever happened before, after a reset a sector goes out and comes back. */
static void move_data(void)
{
	uint8_t out[512], in[512];
	uint8_t lba = (uint8_t)(rnd() % 100);

	if (!ide.chan[0].blk[0])
		return;
	disk[0].hold = false;
	out8(&rig, 0x3f6, 0x00);
	out8(&rig, 0x3f6, 0x04);
	host_works(true);
	for (unsigned int i = 0; i < 512; i++)
		out[i] = (uint8_t)(lba + i + commands_sent);
	disk[0].fail_rc = 0;
	ata28(0x30, lba, 1);
	outs(&rig, 0x1f0, 2, 256, out);
	ata28(0x20, lba, 1);
	ins(&rig, 0x1f0, 2, 256, in);
	if (memcmp(in, out, 512) || memcmp(image[0] + lba * 512, out, 512))
		wrong_at("data");
	moved++;
}

static void step(void)
{
	for (unsigned int i = 0; i < IDE_DRIVES; i++)
		disk[i].hold = rnd() % 8 == 0;
	if (rnd() % 16 == 0)
		random_command();
	else
		random_access();
	if (rig.waits || rnd() % 4 == 0)
		host_works(rig.waits);
	if (rnd() % 16 == 0)
		random_event();
	if (rig.waits)
		host_works(true);
	check();
}

int main(int argc, char **argv)
{
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 20261121;

	state = seed | 1;
	printf("# seed %" PRIu64 "\n", seed);
	log_init(-1, "random", LOG_L_ERR);
	new_machine();
	for (unsigned int i = 0; i < ACCESSES; i++) {
		if (i % 20000 == 19999)
			new_machine();
		if (i % 500 == 499)
			move_data();
		step();
	}
	ok(wrong == 0, "%u steps: %u commands, %u resets, %u unplugs, %u pauses",
	   ACCESSES, commands_sent, resets, unplugs, pauses);
	ok(moved > 500, "%u sectors went out and came back", moved);
	rig_free(&rig);
	return tap_done();
}
