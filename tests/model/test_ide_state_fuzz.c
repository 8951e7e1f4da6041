/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/model/test_ide_state_fuzz.c - the disk worker takes over from a liar
 *
 * A million times: committed state of a machine at work, with fields, bytes,
 * devices, the table or the buffers set to what somebody hostile would write.
 * What the rules believe, and some of what they do not, is taken over and has
 * to bear random accesses: nothing outside buffers and images is touched (to
 * the sanitizer the rest of the buffer memory is poison), no loop, no stuck
 * I/O; and whatever happened, after a reset the drives that are there work.
 * The seed is printed and can be given as first argument.
 */
#include "base/log.h"
#include "bus/restore.h"
#include "tests/model/ide_guest.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#define POISON(p, n) ASAN_POISON_MEMORY_REGION(p, n)
#define UNPOISON(p, n) ASAN_UNPOISON_MEMORY_REGION(p, n)
#else
#define POISON(p, n) ((void)0)
#define UNPOISON(p, n) ((void)0)
#endif

#define ROUNDS		1000000u
#define RAM		(256u * 1024u)
#define SMALL_BYTES	(64u * 1024u + 300u)	/* of every image */
#define GUARD		0xc7u
#define BUFS		(4u * IDE_HALF_BYTES)	/* of two channels */

static uint64_t seed_now;
static unsigned int wrong, believed, refused, taken, moved;
/* What a machine at work left. */
static struct state_half good;
static uint32_t good_flip;

static uint32_t rnd(void)
{
	seed_now ^= seed_now << 13;
	seed_now ^= seed_now >> 7;
	seed_now ^= seed_now << 17;
	return (uint32_t)(seed_now >> 16);
}

static void wrong_at(unsigned int round, const char *what)
{
	if (wrong++ < 5)
		printf("# round %u: %s\n", round, what);
}

/* ---- the machine ---- */

static void add_devices(void)
{
	memset(&ide, 0, sizeof(ide));
	piix_ide_init(&ide, &rig.bus, DEVFN);
	for (unsigned int i = 0; i < IDE_DRIVES; i++)
		piix_ide_attach(&ide, i, &disk[i].blk, "CL00001");
	rig_close(&rig);
}

static void new_machine(void)
{
	if (rig.state)
		UNPOISON(rig.state->bufs, STATE_BUFS_BYTES);
	rig_init(&rig, RAM);
	for (unsigned int i = 0; i < IDE_DRIVES; i++) {
		memblk_init(&disk[i], image[i], SMALL_BYTES);
		disk[i].blk.can_discard = i != 1;
		disk[i].blk.read_only = i == 3;
		memset(image[i] + SMALL_BYTES, GUARD, 8192);
	}
	add_devices();
	POISON(rig.state->bufs + BUFS, STATE_BUFS_BYTES - BUFS);
	cfg_write(&rig, DEVFN, 0x20, 4, BM);
	cfg_write(&rig, DEVFN, 0x04, 2, 0x0005);
	for (uint32_t i = 0; i < RAM; i += 4) {
		uint32_t v = rnd();

		memcpy(rig.ram + i, &v, 4);
	}
}

/* rig_successor() without a new channel: a million of them take their time. */
static void take_over(void)
{
	for (unsigned int i = 0; i < IDE_DRIVES; i++)
		disk[i].held_count = 0;
	memset(&rig.bus, 0, sizeof(rig.bus));
	memset(rig.isa, 0, sizeof(rig.isa));
	rig.waits = false;
	rig.mapped_frames = 0;
	bus_init(&rig.bus, &rig.host, rig.chan, rig.state);
	add_devices();
	taken++;
}

static void host_works(bool all)
{
	for (unsigned int i = 0, n = 0; i < IDE_DRIVES && n < 10000; n++) {
		if ((all || rnd() % 2) && memblk_release(&disk[i]))
			rig_settle(&rig);
		i += !all || disk[i].held_count == 0;
	}
}

static void random_access(void)
{
	static uint8_t buf[IO_ITEM_BYTES_MAX];
	unsigned int size = 1u << rnd() % 3;
	uint16_t base = rnd() & 1 ? 0x1f0 : 0x170;

	switch (rnd() % 4) {
	case 0:
		rig_access(&rig, CHAN_PIO, base, 2, 1 + rnd() % 2048,
			   (rnd() & 1) * IO_WRITE, 0, buf);
		break;
	case 1:
		rig_access(&rig, CHAN_PIO, BM + rnd() % 16, size, 1,
			   (rnd() & 1) * IO_WRITE, rnd(), NULL);
		break;
	default:
		rig_access(&rig, CHAN_PIO, base + rnd() % 8, 1, 1,
			   (rnd() & 1) * IO_WRITE, rnd() & 0xff, NULL);
		break;
	}
	if (rig.waits)
		host_works(true);
}

static void random_command(void)
{
	static const uint8_t ops[] = { 0x20, 0x24, 0x29, 0x30, 0x34, 0x39, 0xc4,
		0xc5, 0xc8, 0x25, 0xca, 0x35, 0x06, 0xe7, 0xec, 0xb0, 0xef };
	uint16_t base = rnd() & 1 ? 0x1f0 : 0x170;
	uint16_t bm = base == 0x1f0 ? BM : BM + 8;

	out32(&rig, bm + 4, rnd() % RAM);
	out8(&rig, base + 6, (uint8_t)(0xe0 | (rnd() & 0x10)));
	out8(&rig, base + 1, rnd() & 1 ? 0x01 : 0x82);
	out8(&rig, base + 2, (uint8_t)(1 + rnd() % 20));
	out8(&rig, base + 3, (uint8_t)(rnd() % 100));
	out8(&rig, base + 4, 0);
	out8(&rig, base + 5, 0);
	out8(&rig, bm, (uint8_t)(0x01 | (rnd() & 0x08)));
	out8(&rig, base + 7, ops[rnd() % sizeof(ops)]);
	if (rig.waits)
		host_works(true);
}

/* A machine at work, and what it has committed. */
static void prepare(void)
{
	new_machine();
	for (unsigned int i = 0; i < 8; i++) {
		for (unsigned int d = 0; d < IDE_DRIVES; d++)
			disk[d].hold = rnd() & 1;
		random_command();
		if (rnd() & 1)
			random_access();
		if (rnd() & 1)
			host_works(false);
	}
	good_flip = atomic_load(&rig.state->flip);
	good = rig.state->half[good_flip & 1];
}

/* ---- the liar ---- */

static uint64_t hostile(void)
{
	static const uint64_t some[] = { 0, 1, 2, 3, 8, 63, 64, 511, 512, 513,
		8192, 32768, 32769, 65535, 65536, 0x7fffffff, 0x80000000, UINT32_MAX,
		INT64_MAX, UINT64_MAX };

	return rnd() % 4 ? some[rnd() % (sizeof(some) / sizeof(some[0]))] :
		(uint64_t)rnd() << 32 | rnd();
}

static void spoil_field(struct state_half *h, const struct state_dev *d)
{
	uint32_t size = 1u << rnd() % 4;
	uint64_t v = hostile();

	if (d->regs_bytes >= size)
		memcpy(h->regs + d->regs_at +
		       rnd() % (d->regs_bytes / size) * size, &v, size);
}

/* Phase and position, with the status that goes with them: what is left for
   the rules to find is the rest. */
static void spoil_transfer(struct state_half *h, const struct state_dev *d)
{
	static const uint8_t status[] = { 0x50, 0x58, 0x58, 0x58, 0x80, 0x80,
					  0x80, 0x80, 0x80 };
	struct ide_regs r;
	unsigned int unit;

	if (d->regs_bytes != sizeof(r))
		return;
	memcpy(&r, h->regs + d->regs_at, sizeof(r));
	unit = r.device & ATA_DEV_UNIT ? 1 : 0;
	r.phase = (uint8_t)(rnd() % 9);
	r.unit[unit].status = status[r.phase];
	r.unit[!unit].status = 0x50;
	r.dma_use = (uint8_t)(rnd() % 3);
	r.per_block = (uint8_t)(rnd() % 17);
	r.left = rnd() % 4 ? rnd() % 130 : (uint32_t)hostile();
	r.lba = rnd() % 4 ? rnd() % 130 : hostile();
	r.block_end = rnd() % 8 ? (rnd() & 1 ? rnd() % 65 : 64) * 512 :
				  (uint32_t)hostile();
	r.buf_end = rnd() % 8 ? rnd() % 70 * 512 : (uint32_t)hostile();
	r.at = rnd() % 8 ? r.block_end - rnd() % 2048 * 2 : (uint32_t)hostile();
	r.trim_end = rnd() % 8 ? rnd() % 513 * 8 : (uint32_t)hostile();
	r.trim_at = rnd() % 8 ? rnd() % 513 * 8 : (uint32_t)hostile();
	r.prd.taken = rnd() % 513;
	r.prd.left = rnd() % 0x10001;
	if (rnd() % 8 == 0)
		(rnd() & 1 ? &r.unit[unit].heads : &r.unit[unit].sectors)[0] =
			(uint8_t)hostile();
	memcpy(h->regs + d->regs_at, &r, sizeof(r));
}

static void spoil_table(struct state_half *h, struct state_dev *d)
{
	switch (rnd() % 6) {
	case 0:
		h->dev_count = (uint32_t)hostile();
		break;
	case 1:
		d->regs_at = (uint32_t)hostile();
		break;
	case 2:
		d->regs_bytes = (uint32_t)hostile();
		break;
	case 3:
		d->version = (uint32_t)hostile();
		break;
	case 4:
		memset(d->name, rnd() & 0xff, sizeof(d->name));
		break;
	case 5:
		h->isa_levels = rnd();
		h->seq = rnd();
		h->ans_tail = rnd();
		break;
	}
}

static void spoil(struct state_half *h)
{
	for (unsigned int n = 1 + rnd() % 3; n; n--) {
		struct state_dev *d = &h->dev[rnd() % 4];
		unsigned int what = rnd() % 16;

		if (d->regs_at > STATE_REGS_BYTES ||
		    d->regs_bytes > STATE_REGS_BYTES - d->regs_at)
			continue;	/* that lie is told */
		if (what < 6)
			spoil_field(h, d);
		else if (what < 13)
			spoil_transfer(h, d);
		else if (what == 13)
			for (uint32_t i = 0; i < d->regs_bytes; i++)
				h->regs[d->regs_at + i] = (uint8_t)rnd();
		else if (what == 14)
			spoil_table(h, d);
		else
			for (unsigned int i = 0; i < 16; i++)
				rig.state->bufs[rnd() % BUFS] = (uint8_t)rnd();
	}
}

/* Would a channel's registers be believed? */
static bool is_believed(const struct state_half *h)
{
	for (unsigned int i = 0; i < 2; i++) {
		const struct bus_dev_ops *ops = rig.bus.dev[2 + i].ops;
		struct ide_regs r;

		memcpy(&r, h->regs + rig.bus.dev[2 + i].regs_at, sizeof(r));
		if (bus_state_wrong(ops->state, &ide.chan[i], &r, sizeof(r)))
			return false;
	}
	return true;
}

/* ---- what must hold ---- */

static void check(unsigned int round)
{
	for (unsigned int i = 0; i < IDE_CHANNELS; i++) {
		const struct ide_chan *c = &ide.chan[i];

		if (c->map.count && !c->io_busy)
			wrong_at(round, "mapped without I/O");
		if (c->r.block_end > IDE_HALF_BYTES || c->r.at > c->r.block_end)
			wrong_at(round, "position outside the buffer");
		if (c->r.phase >= PHASE_READ && !c->io_busy)
			wrong_at(round, "nobody does what is owed");
		if (c->halt)
			wrong_at(round, "halted for good");
	}
	for (unsigned int i = 0; i < IDE_DRIVES; i++)
		if (image[i][SMALL_BYTES] != GUARD ||
		    image[i][SMALL_BYTES + 512] != GUARD)
			wrong_at(round, "written beyond the image");
	if (disk[3].writes || disk[3].discards)
		wrong_at(round, "written to what is read-only");
}

static void move_data(unsigned int round)
{
	uint8_t out[512], in[512];

	if (!ide.chan[0].blk[0])
		return;
	host_works(true);
	/* The bus master's window may lie over the task file. */
	cfg_write(&rig, DEVFN, 0x20, 4, BM);
	disk[0].hold = false;
	out8(&rig, 0x3f6, 0x04);
	host_works(true);
	for (unsigned int i = 0; i < 512; i++)
		out[i] = (uint8_t)(round + i);
	out8(&rig, 0x3f6, 0x00);
	ata28(0x30, 5, 1);
	outs(&rig, 0x1f0, 2, 256, out);
	host_works(true);
	ata28(0x20, 5, 1);
	ins(&rig, 0x1f0, 2, 256, in);
	if (memcmp(in, out, 512) || memcmp(image[0] + 5 * 512, out, 512))
		wrong_at(round, "no data after a reset");
	moved++;
}

static void one_round(unsigned int round)
{
	struct state_half *h = &rig.state->half[good_flip & 1];
	bool valid;

	memcpy(h, &good, sizeof(*h));
	spoil(h);
	valid = is_believed(h);
	believed += valid;
	refused += !valid;
	if (!valid && rnd() % 64)
		return;
	atomic_store(&rig.state->flip, good_flip);
	for (unsigned int i = 0; i < IDE_DRIVES; i++)
		disk[i].hold = rnd() % 4 == 0;
	take_over();
	check(round);
	if (rnd() % 4 == 0)
		random_command();
	for (unsigned int i = rnd() % 4; i; i--)
		random_access();
	host_works(rnd() & 1);
	check(round);
	if (rnd() % 64 == 0)
		move_data(round);
}

int main(int argc, char **argv)
{
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 20261121;

	seed_now = seed | 1;
	printf("# seed %" PRIu64 "\n", seed);
	log_init(-1, "fuzz", LOG_L_ERR);
	for (unsigned int i = 0; i < ROUNDS; i++) {
		if (i % 1000 == 0)
			prepare();
		one_round(i);
	}
	ok(wrong == 0, "%u rounds: %u believed, %u refused, %u taken over",
	   ROUNDS, believed, refused, taken);
	ok(believed > ROUNDS / 20 && refused > ROUNDS / 4, "both are common");
	ok(moved > 500, "%u sectors went out and came back", moved);
	UNPOISON(rig.state->bufs, STATE_BUFS_BYTES);
	rig_free(&rig);
	return tap_done();
}
