/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/integ/soak_machine.c - a machine whose guest never rests
 *
 * Two vCPUs work with a disk each, by PIO and DMA, writing, flushing and
 * reading back; one with serial port, CMOS and VGA; one with a network card.
 * It outlives its device models.  A line on the input is obeyed and answered:
 *
 *	wire IFNAME	the host's side of the tap; done, or why not
 *	go		all vCPUs run; done
 *	rest		none does, wherever each was between two accesses; done
 *	reset		done: what a soft reset takes from a domain
 *	look		WRONG ERRORS STUCK LOST ROUNDS LONGEST_US FAULT
 *	net		POSTED MISSING OVERRUN TWICE WRONG LEFT IN_GOOD IN_WRONG IN_DISORDER
 *	end		the vCPUs finish what they are doing; done
 *	compare N PATH	sectors of disk N that are not what was written last
 *
 * usage: soak_machine SOCKET DOMID MODEL|none
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "fakedoor.h"
#include "fakeguest.h"
#include "patience.h"
#include "soak_wire.h"

#define MEMORY_BYTES	(64ull << 20)
#define VRAM_FRAMES	4096u
#define VCPUS		4u
#define NIC_SLOT	4u
#define IDE_FUNC	0x09u
#define BM_BAR		0xc200u
#define SECTOR		512u
#define SECTORS		4096u
#define MOVE_MAX	16u		/* sectors of one transfer */

struct disk {
	unsigned int vcpu;
	uint32_t rnd;
	uint16_t base, bm;
	unsigned int line;
	uint32_t ram;			/* guest memory for it, from here on */
	uint32_t turn_of[SECTORS];	/* what was written last */
};

static struct disk disks[2] = {
	{ .vcpu = 1, .rnd = 1, .base = 0x1f0, .bm = BM_BAR, .line = 14, .ram = 0x800000 },
	{ .vcpu = 2, .rnd = 2, .base = 0x170, .bm = BM_BAR + 8, .line = 15,
	  .ram = 0xa00000 },
};
static struct fakeguest *g;
static const char *model;
static _Atomic bool running, ending;
static _Atomic unsigned int inside;	/* vCPUs between rest and rest */
static _Atomic uint32_t wrong, errors, stuck, lost, rounds;
static _Atomic int64_t longest_ns;

/* ---- accesses: between two of them a vCPU may rest ---- */

static void enter(void)
{
	for (;;) {
		inside++;
		if (running)
			return;
		inside--;
		usleep(500);
	}
}

static int64_t begin(void)
{
	enter();
	return clock_now_ns();
}

static void leave(int64_t since_ns)
{
	int64_t took = clock_now_ns() - since_ns;

	inside--;
	if (took > longest_ns)
		longest_ns = took;
}

static uint32_t in(unsigned int vcpu, uint16_t port, unsigned int size)
{
	int64_t at = begin();
	uint32_t v = fakeguest_in(g, vcpu, port, size);

	leave(at);
	return v;
}

static void out(unsigned int vcpu, uint16_t port, unsigned int size, uint32_t v)
{
	int64_t at = begin();

	fakeguest_out(g, vcpu, port, size, v);
	leave(at);
}

static void string(struct disk *d, uint32_t gpa, bool read)
{
	int64_t at = begin();

	if (read)
		fakeguest_ins(g, d->vcpu, d->base, 2, SECTOR / 2, gpa, false);
	else
		fakeguest_outs(g, d->vcpu, d->base, 2, SECTOR / 2, gpa, false);
	leave(at);
}

/* ---- disks ---- */

static uint32_t any(struct disk *d, uint32_t below)
{
	d->rnd = d->rnd * 1664525u + 1013904223u;
	return (d->rnd >> 8) % below;
}

static void fill(const struct disk *d, uint8_t *to, uint32_t sector)
{
	uint32_t turn = d->turn_of[sector];

	if (!turn) {		/* never written: a hole */
		memset(to, 0, SECTOR);
		return;
	}
	for (uint32_t i = 0; i < SECTOR; i++)
		to[i] = (uint8_t)(sector * 13 + i * 3 + turn * 101 + (i >> 4) * turn +
				  d->vcpu * 57);
}

static void prepare(struct disk *d, uint32_t gpa, uint32_t lba, uint32_t count,
		    uint32_t turn)
{
	for (uint32_t s = 0; s < count; s++) {
		d->turn_of[lba + s] = turn;
		fill(d, fakeguest_ram(g, gpa + s * SECTOR), lba + s);
	}
}

static void check(struct disk *d, uint32_t gpa, uint32_t lba, uint32_t count,
		  const char *how)
{
	uint8_t want[SECTOR];

	for (uint32_t s = 0; s < count; s++) {
		fill(d, want, lba + s);
		if (memcmp(fakeguest_ram(g, gpa + s * SECTOR), want, SECTOR) == 0)
			continue;
		if (wrong++ < 5)
			fprintf(stderr, "# %s: disk at 0x%x, lba %u + %u of %u is wrong\n",
				how, d->base, lba, s, count);
	}
}

static bool finish(struct disk *d, uint8_t bits)
{
	int64_t until = clock_now_ns() + PATIENCE_NS;
	uint32_t s = 0;

	while (clock_now_ns() < until && !fakeguest_fault(g)) {
		s = in(d->vcpu, (uint16_t)(d->base + 7), 1);
		if (!(s & 0x80) && (s & 0x21)) {
			fprintf(stderr, "# disk at 0x%x: status 0x%x\n", d->base, s);
			errors++;
			return false;
		}
		if (!(s & 0x80) && (s & bits) == bits)
			return true;
		sched_yield();
	}
	fprintf(stderr, "# disk at 0x%x is stuck: status 0x%x\n", d->base, s);
	stuck++;
	return false;
}

static bool wait_irq(struct disk *d)
{
	if (fakeguest_until_isa(g, d->line, true, PATIENCE_MS))
		return true;
	lost++;
	return false;
}

static void command(struct disk *d, uint32_t lba, uint32_t count, uint8_t cmd)
{
	out(d->vcpu, (uint16_t)(d->base + 6), 1, 0xe0);
	out(d->vcpu, (uint16_t)(d->base + 2), 1, count);
	out(d->vcpu, (uint16_t)(d->base + 3), 1, lba & 0xff);
	out(d->vcpu, (uint16_t)(d->base + 4), 1, lba >> 8 & 0xff);
	out(d->vcpu, (uint16_t)(d->base + 5), 1, 0);
	out(d->vcpu, (uint16_t)(d->base + 7), 1, cmd);
}

static void pio(struct disk *d, uint32_t lba, uint32_t count, bool read)
{
	uint32_t gpa = d->ram + 0x1000;

	if (read)
		memset(fakeguest_ram(g, gpa), 0xee, count * SECTOR);
	command(d, lba, count, read ? 0x20 : 0x30);
	for (uint32_t s = 0; s < count; s++) {
		if (!finish(d, 0x08))
			return;
		string(d, gpa + s * SECTOR, read);
	}
	if (read)
		check(d, gpa, lba, count, "PIO");
	else
		finish(d, 0);
}

static void dma(struct disk *d, uint32_t lba, uint32_t count, bool read)
{
	uint32_t gpa = d->ram + 0x10802, bytes = count * SECTOR, dir = read ? 0x08 : 0;
	uint32_t prd[4] = { gpa, 514, gpa + 514, (bytes - 514) | 0x80000000u };

	if (read)
		memset(fakeguest_ram(g, gpa), 0xee, bytes);
	fakeguest_store(g, d->ram, prd, sizeof(prd));
	out(d->vcpu, (uint16_t)(d->bm + 4), 4, d->ram);
	out(d->vcpu, (uint16_t)(d->bm + 2), 1, 0x06);
	out(d->vcpu, d->bm, 1, dir);
	command(d, lba, count, read ? 0xc8 : 0xca);
	out(d->vcpu, d->bm, 1, dir | 1);
	if (!wait_irq(d))
		return;
	if ((in(d->vcpu, (uint16_t)(d->bm + 2), 1) & 7) != 4)
		errors++;
	out(d->vcpu, d->bm, 1, 0);
	if (finish(d, 0) && read)
		check(d, gpa, lba, count, "DMA");
}

static void *run_disk(void *arg)
{
	struct disk *d = arg;

	for (uint32_t turn = 1; !ending && !fakeguest_fault(g); turn++) {
		uint32_t count = 2 + any(d, MOVE_MAX - 1);
		uint32_t lba = any(d, SECTORS - MOVE_MAX);
		bool by_dma = turn % 2;

		prepare(d, d->ram + (by_dma ? 0x10802 : 0x1000), lba, count, turn);
		(by_dma ? dma : pio)(d, lba, count, false);
		if (turn % 8 == 0) {
			command(d, 0, 0, 0xe7);
			if (wait_irq(d))
				finish(d, 0);
		}
		(by_dma ? pio : dma)(d, lba, count, true);
		dma(d, any(d, SECTORS - MOVE_MAX), count, true);
		rounds++;
	}
	return NULL;
}

/* ---- the others ---- */

static void expect(uint16_t port, uint32_t want)
{
	uint32_t is = in(3, port, 1);

	if (is == want)
		return;
	if (wrong++ < 5)
		fprintf(stderr, "# port 0x%x: 0x%x instead of 0x%x\n", port, is, want);
}

static void *run_small(void *arg)
{
	out(3, 0x3c2, 1, 1);
	for (uint32_t i = 0; !ending && !fakeguest_fault(g); i++) {
		out(3, 0x3ff, 1, i & 0xff);
		out(3, 0x70, 1, 0x40 + i % 16);
		out(3, 0x71, 1, i * 7 & 0xff);
		out(3, 0x3d4, 1, 0x0f);
		out(3, 0x3d5, 1, i * 5 & 0xff);
		out(3, 0x3c8, 1, i & 0xff);
		for (unsigned int k = 0; k < 3; k++)
			out(3, 0x3c9, 1, (i + k) & 0x3f);
		expect(0x71, i * 7 & 0xff);
		expect(0x3d5, i * 5 & 0xff);
		out(3, 0x3c7, 1, i & 0xff);
		for (unsigned int k = 0; k < 3; k++)
			expect(0x3c9, (i + k) & 0x3f);
		expect(0x3ff, i & 0xff);
		usleep(200);
	}
	return arg;
}

static void *run_net(void *arg)
{
	for (int quiet = 0; quiet < 2000 && !fakeguest_fault(g); quiet += ending) {
		int64_t at = begin();

		soak_wire_drive(ending);
		leave(at);
		if (ending && !soak_wire.left)
			break;
		usleep(ending ? 1000 : 300);
	}
	return arg;
}

/* The host's side of the wire is not the guest, and does not rest. */
static pthread_mutex_t wire_lock = PTHREAD_MUTEX_INITIALIZER;

static void *run_peer(void *arg)
{
	for (;;) {
		pthread_mutex_lock(&wire_lock);
		soak_wire_peer(ending);
		pthread_mutex_unlock(&wire_lock);
		usleep(1000);
	}
	return arg;
}

/* ---- commands ---- */

static pthread_t vcpu[VCPUS];
static unsigned int vcpus;

/* By one vCPU: configuration space is behind a latch. */
static void set_up(void)
{
	fakeguest_cfg_write(g, 0, IDE_FUNC, 0x20, 4, BM_BAR);
	fakeguest_cfg_write(g, 0, IDE_FUNC, 0x04, 2, 5);
	fakeguest_cfg_write(g, 0, IDE_FUNC, 0x40, 4, 0x80008000);
	if (strcmp(model, "none") != 0)
		soak_wire_begin(g, model, NIC_SLOT);
}

static void start_vcpus(void)
{
	static pthread_t peer;

	if (vcpus)
		return;
	set_up();
	pthread_create(&vcpu[vcpus++], NULL, run_disk, &disks[0]);
	pthread_create(&vcpu[vcpus++], NULL, run_disk, &disks[1]);
	pthread_create(&vcpu[vcpus++], NULL, run_small, NULL);
	if (strcmp(model, "none") == 0)
		return;
	pthread_create(&vcpu[vcpus++], NULL, run_net, NULL);
	pthread_create(&peer, NULL, run_peer, NULL);
}

static void go(void)
{
	/* hvmloader's part is the test's. */
	while (!fakeguest_claims(g, 0, 0x1f0, 0x1f7))
		usleep(1000);
	running = true;
	start_vcpus();
}

static void rest(void)
{
	running = false;
	while (inside)
		usleep(200);
}

static void end(void)
{
	ending = true;
	for (unsigned int i = 0; i < vcpus; i++)
		pthread_join(vcpu[i], NULL);
	usleep(200000);		/* the peer reads the last frames */
}

static void look(void)
{
	const char *fault = fakeguest_fault(g);

	printf("%u %u %u %u %u %lld %s\n", wrong, errors, stuck, lost, rounds,
	       (long long)(longest_ns / NS_PER_US), fault ? fault : "none");
	longest_ns = 0;
}

static void tell_net(void)
{
	printf("%u %u %u %u %u %u %u %u %u\n", soak_wire.posted,
	       soak_wire_missing(), soak_wire.overrun, soak_wire.out_twice,
	       soak_wire.out_wrong, soak_wire.left, soak_wire.in_good,
	       soak_wire.in_wrong, soak_wire.in_disorder);
}

static unsigned int compare(const struct disk *d, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint8_t is[SECTOR], want[SECTOR];
	unsigned int bad = 0;

	for (uint32_t s = 0; s < SECTORS; s++) {
		fill(d, want, s);
		bad += pread(fd, is, SECTOR, (off_t)s * SECTOR) != SECTOR ||
			memcmp(is, want, SECTOR) != 0;
	}
	if (fd >= 0)
		close(fd);
	return bad;
}

static const char *connect_wire(const char *name)
{
	bool good;

	pthread_mutex_lock(&wire_lock);
	good = soak_wire_connect(name);
	pthread_mutex_unlock(&wire_lock);
	return good ? "done" : strerror(errno);
}

static void obey(char *line)
{
	char *word = strtok(line, " \n"), *arg = strtok(NULL, " \n");
	char *path = strtok(NULL, " \n");

	if (!word)
		return;
	if (strcmp(word, "look") == 0)
		look();
	else if (strcmp(word, "net") == 0)
		tell_net();
	else if (strcmp(word, "wire") == 0 && arg)
		printf("%s\n", connect_wire(arg));
	else if (strcmp(word, "compare") == 0 && arg && path)
		printf("%u\n", compare(&disks[arg[0] == '1'], path));
	else if (strcmp(word, "go") == 0)
		go();
	else if (strcmp(word, "rest") == 0)
		rest();
	else if (strcmp(word, "reset") == 0)
		fakedoor_reset(g);
	else if (strcmp(word, "end") == 0)
		end();
	else
		printf("what is %s?\n", word);
	if (strchr("ge", word[0]) || strcmp(word, "rest") == 0 || strcmp(word, "reset") == 0)
		printf("done\n");
	fflush(stdout);
}

int main(int argc, char **argv)
{
	char line[256];

	if (argc < 4) {
		fprintf(stderr, "usage: %s SOCKET DOMID MODEL|none\n", argv[0]);
		return 2;
	}
	model = argv[3];
	g = fakeguest_new(&(struct fakeguest_conf){ .low_bytes = MEMORY_BYTES,
		.vcpus = VCPUS, .domid = (uint32_t)strtoul(argv[2], NULL, 10),
		.vram_gfn = MEMORY_BYTES >> 12, .vram_frames = VRAM_FRAMES });
	if (!fakedoor_open(g, argv[1])) {
		perror(argv[1]);
		return 1;
	}
	while (fgets(line, sizeof(line), stdin))
		obey(line);
	return 0;
}
