/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/integ/test_worker_restart.c - workers die under load, the guest goes on
 *
 * Four vCPUs: one works with both disks of the first IDE channel, one with the
 * disk of the second, by PIO and DMA, writes and flushes taking their time; one
 * talks to the serial port and the CMOS, one to the VGA.  Meanwhile this
 * process kills a worker with SIGKILL and starts a successor on the same
 * memory, again and again, one kind after the other.  Every read must give
 * what was written last, every interrupt must come, no access may stay
 * unanswered, no command may fail; at the end every byte of the images is
 * compared.
 *
 * CLOISTER_TEST_KILLS: of each kind of worker, instead of KILLS.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include "base/clock.h"
#include "fakefamily.h"
#include "fakeguest.h"
#include "patience.h"
#include "slowsync.h"
#include "tap.h"

#define KILLS		12u
#define KILLS_MAX	2000u
#define SECTOR		512u
#define SECTORS		2048u
#define DRIVES		3u
#define MOVE_MAX	12u		/* sectors of one transfer */
#define BM_BAR		0xc000u
#define IDE_FUNC	0x09u
#define FLUSH_MS	15u
#define WRITE_MS	2u

/* What one vCPU does, again and again. */
struct load {
	unsigned int vcpu;
	uint32_t rnd;
	_Atomic uint32_t rounds;
	_Atomic int64_t longest_ns;	/* access since somebody set it to 0 */
};

struct channel {
	struct load load;
	uint16_t base, control, bm;
	unsigned int line;
	uint32_t ram;			/* guest memory for it, from here on */
	unsigned int first, count;	/* its drives */
};

static struct fakefamily f;
static struct fakeguest *g;
static char path[DRIVES][32];
static uint32_t turn_of[DRIVES][SECTORS]; /* what was written last */
static _Atomic bool stop;
static _Atomic uint32_t wrong_data, errors, stuck, lost_irqs;

static struct channel channels[] = {
	{ { .vcpu = 0, .rnd = 1 }, 0x1f0, 0x3f6, BM_BAR, 14, 0x200000, 0, 2 },
	{ { .vcpu = 2, .rnd = 2 }, 0x170, 0x376, BM_BAR + 8, 15, 0x400000, 2, 1 },
};
static struct load serial = { .vcpu = 1, .rnd = 3 };
static struct load picture = { .vcpu = 3, .rnd = 4 };

static bool is_bad(void)
{
	return wrong_data || errors || stuck || lost_irqs || fakeguest_fault(g);
}

static uint32_t rnd(struct load *l, uint32_t below)
{
	l->rnd = l->rnd * 1664525u + 1013904223u;
	return (l->rnd >> 8) % below;
}

/* ---- accesses, and how long they took ---- */

static void note(struct load *l, int64_t since_ns)
{
	int64_t took = clock_now_ns() - since_ns;

	if (took > l->longest_ns)
		l->longest_ns = took;
}

static uint32_t in(struct load *l, uint16_t port, unsigned int size)
{
	int64_t at = clock_now_ns();
	uint32_t val = fakeguest_in(g, l->vcpu, port, size);

	note(l, at);
	return val;
}

static void out(struct load *l, uint16_t port, unsigned int size, uint32_t val)
{
	int64_t at = clock_now_ns();

	fakeguest_out(g, l->vcpu, port, size, val);
	note(l, at);
}

static void string(struct load *l, uint16_t port, uint32_t gpa, bool read)
{
	int64_t at = clock_now_ns();

	if (read)
		fakeguest_ins(g, l->vcpu, port, 2, SECTOR / 2, gpa, false);
	else
		fakeguest_outs(g, l->vcpu, port, 2, SECTOR / 2, gpa, false);
	note(l, at);
}

/* ---- what is on the disks ---- */

static uint8_t byte_of(unsigned int drive, uint32_t sector, uint32_t i,
		       uint32_t turn)
{
	return (uint8_t)(sector * 13 + i * 3 + turn * 101 + (i >> 4) * turn +
			 drive * 57);
}

static void make_image(unsigned int drive)
{
	uint8_t s[SECTOR];
	int fd;

	snprintf(path[drive], sizeof(path[drive]), "/tmp/cloister-restart-XXXXXX");
	fd = mkstemp(path[drive]);
	for (uint32_t n = 0; n < SECTORS; n++) {
		for (uint32_t i = 0; i < SECTOR; i++)
			s[i] = byte_of(drive, n, i, 0);
		if (write(fd, s, SECTOR) != SECTOR)
			perror(path[drive]);
	}
	close(fd);
}

/* Sectors that are not what was written last. */
static unsigned int compare_image(unsigned int drive)
{
	uint8_t s[SECTOR];
	unsigned int bad = 0;
	int fd = open(path[drive], O_RDONLY);

	for (uint32_t n = 0; n < SECTORS; n++) {
		bool same = read(fd, s, SECTOR) == SECTOR;

		for (uint32_t i = 0; i < SECTOR; i++)
			same = same && s[i] == byte_of(drive, n, i,
						       turn_of[drive][n]);
		bad += !same;
	}
	close(fd);
	return bad;
}

static void fill(uint32_t gpa, unsigned int drive, uint32_t lba, uint32_t count,
		 uint32_t turn)
{
	for (uint32_t s = 0; s < count; s++) {
		for (uint32_t i = 0; i < SECTOR; i++)
			*fakeguest_ram(g, gpa + s * SECTOR + i) =
				byte_of(drive, lba + s, i, turn);
		turn_of[drive][lba + s] = turn;
	}
}

static void check(uint32_t gpa, unsigned int drive, uint32_t lba, uint32_t count,
		  const char *how)
{
	for (uint32_t i = 0; i < count * SECTOR; i++) {
		uint32_t n = lba + i / SECTOR;
		uint8_t is = *fakeguest_ram(g, gpa + i);

		if (is == byte_of(drive, n, i % SECTOR, turn_of[drive][n]))
			continue;
		if (wrong_data++ == 0)
			printf("# %s: drive %u lba %u + %u of %u, byte %u is "
			       "0x%02x\n", how, drive, lba, i / SECTOR, count,
			       i % SECTOR, is);
		return;
	}
}

/* ---- a driver ---- */

static bool wait_status(struct channel *c, uint8_t bits)
{
	int64_t until = clock_now_ns() + PATIENCE_NS;

	while (clock_now_ns() < until && !fakeguest_fault(g)) {
		uint32_t s = in(&c->load, (uint16_t)(c->base + 7), 1);

		if (!(s & 0x80) && (s & 0x21)) {
			printf("# status 0x%02x\n", s);
			errors++;
			return false;
		}
		if (!(s & 0x80) && (s & bits) == bits)
			return true;
		sched_yield();
	}
	stuck++;
	return false;
}

/* The line rises by itself; reading the status lowers it. */
static bool wait_irq(struct channel *c)
{
	if (fakeguest_until_isa(g, c->line, true, PATIENCE_MS))
		return true;
	lost_irqs++;
	return false;
}

static void command(struct channel *c, unsigned int drive, uint32_t lba,
		    uint32_t count, uint8_t cmd)
{
	uint8_t dev = drive - c->first ? 0xf0 : 0xe0;

	out(&c->load, (uint16_t)(c->base + 6), 1, dev);
	out(&c->load, (uint16_t)(c->base + 2), 1, count);
	out(&c->load, (uint16_t)(c->base + 3), 1, lba & 0xff);
	out(&c->load, (uint16_t)(c->base + 4), 1, lba >> 8 & 0xff);
	out(&c->load, (uint16_t)(c->base + 5), 1, 0);
	out(&c->load, (uint16_t)(c->base + 7), 1, cmd);
}

static void pio(struct channel *c, unsigned int drive, uint32_t lba,
		uint32_t count, bool read)
{
	uint32_t gpa = c->ram + 0x800;

	if (read)
		memset(fakeguest_ram(g, gpa), 0, count * SECTOR);
	command(c, drive, lba, count, read ? 0x20 : 0x30);
	for (uint32_t s = 0; s < count; s++) {
		if (!wait_status(c, 0x08))
			return;
		string(&c->load, c->base, gpa + s * SECTOR, read);
	}
	if (!read)
		wait_status(c, 0);
	else
		check(gpa, drive, lba, count, "PIO");
	c->load.rounds++;
}

/* Two pieces that no page and no sector likes. */
static void put_table(struct channel *c, uint32_t gpa, uint32_t bytes)
{
	uint32_t prd[4] = { gpa, 730, gpa + 730, (bytes - 730) | 0x80000000u };

	fakeguest_store(g, c->ram, prd, sizeof(prd));
}

static void dma(struct channel *c, unsigned int drive, uint32_t lba,
		uint32_t count, bool read)
{
	uint32_t gpa = c->ram + 0x10802, dir = read ? 0x08 : 0x00;

	if (read)
		for (uint32_t i = 0; i < count * SECTOR; i++)
			*fakeguest_ram(g, gpa + i) = 0;
	put_table(c, gpa, count * SECTOR);
	out(&c->load, (uint16_t)(c->bm + 4), 4, c->ram);
	out(&c->load, (uint16_t)(c->bm + 2), 1, 0x06);
	out(&c->load, c->bm, 1, dir);
	command(c, drive, lba, count, read ? 0xc8 : 0xca);
	out(&c->load, c->bm, 1, dir | 0x01);
	if (!wait_irq(c))
		return;
	if ((in(&c->load, (uint16_t)(c->bm + 2), 1) & 0x07) != 0x04) {
		printf("# bus master's status\n");
		errors++;
	}
	out(&c->load, c->bm, 1, 0x00);
	if (wait_status(c, 0) && read)
		check(gpa, drive, lba, count, "DMA");
	c->load.rounds++;
}

static void flush(struct channel *c, unsigned int drive)
{
	command(c, drive, 0, 0, 0xe7);
	if (wait_irq(c))
		wait_status(c, 0);
}

static void *run_disks(void *arg)
{
	struct channel *c = arg;

	for (uint32_t turn = 1; !stop && !is_bad(); turn++) {
		unsigned int drive = c->first + turn % c->count;
		uint32_t count = 2 + rnd(&c->load, MOVE_MAX - 1);
		uint32_t lba = rnd(&c->load, SECTORS - MOVE_MAX);

		fill(c->ram + 0x800, drive, lba, count, turn);
		pio(c, drive, lba, count, false);
		lba = rnd(&c->load, SECTORS - MOVE_MAX);
		fill(c->ram + 0x10802, drive, lba, count, turn);
		dma(c, drive, lba, count, false);
		if (turn % 4 == 0)
			flush(c, drive);
		pio(c, drive, lba, count, true);
		dma(c, drive, rnd(&c->load, SECTORS - MOVE_MAX), count, true);
		dma(c, drive, lba, count, true);
	}
	return NULL;
}

/* ---- the others ---- */

static void expect(struct load *l, uint16_t port, uint32_t val)
{
	uint32_t is = in(l, port, 1);

	if (is != val && wrong_data++ == 0)
		printf("# port 0x%x reads 0x%02x instead of 0x%02x\n", port, is,
		       val);
}

static void *run_serial(void *arg)
{
	struct load *l = arg;
	uint8_t cmos[16] = { 0 };

	for (uint8_t k = 0; k < sizeof(cmos); k++) {
		out(l, 0x70, 1, 0x40u + k);
		out(l, 0x71, 1, 0);
	}
	for (uint32_t i = 0; !stop && !is_bad(); i++) {
		uint8_t at = (uint8_t)rnd(l, 16);

		out(l, 0x3ff, 1, i & 0xff);
		expect(l, 0x3ff, i & 0xff);
		out(l, 0x70, 1, 0x40u + at);
		expect(l, 0x71, cmos[at]);
		cmos[at] = (uint8_t)(i * 7);
		out(l, 0x71, 1, cmos[at]);
		l->rounds++;
		sched_yield();
	}
	return NULL;
}

/* The cursor's place, and a palette entry. */
static void *run_picture(void *arg)
{
	struct load *l = arg;

	out(l, 0x3c2, 1, 0x01);		/* the CRTC is at 0x3d4 */
	for (uint32_t i = 0; !stop && !is_bad(); i++) {
		out(l, 0x3d4, 1, 0x0f);
		out(l, 0x3d5, 1, i & 0xff);
		expect(l, 0x3d5, i & 0xff);
		out(l, 0x3c8, 1, i & 0xff);
		for (unsigned int k = 0; k < 3; k++)
			out(l, 0x3c9, 1, (i + k) & 0x3f);
		out(l, 0x3c7, 1, i & 0xff);
		for (unsigned int k = 0; k < 3; k++)
			expect(l, 0x3c9, (i + k) & 0x3f);
		l->rounds++;
		sched_yield();
	}
	return NULL;
}

/* ---- killing ---- */

static void wait_rounds(struct load *l, uint32_t more)
{
	uint32_t want = l->rounds + more;

	for (int i = 0; i < PATIENCE_MS && l->rounds < want && !is_bad(); i++)
		usleep(1000);
}

static int by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static void report(const char *name, int64_t *stall, unsigned int n, int64_t down)
{
	if (n == 0)
		return;
	qsort(stall, n, sizeof(*stall), by_size);
	printf("# %s: %u kills, %.1f ms from a kill to READY; longest access "
	       "around each: p50 %.1f ms, p99 %.1f ms, max %.1f ms\n", name, n,
	       (double)down / n / 1e6, (double)stall[n / 2] / 1e6,
	       (double)stall[n - 1 - n / 100] / 1e6, (double)stall[n - 1] / 1e6);
}

static unsigned int kills_wanted(void)
{
	const char *s = getenv("CLOISTER_TEST_KILLS");
	unsigned long n = s ? strtoul(s, NULL, 10) : KILLS;

	return n < KILLS_MAX ? (unsigned int)n : KILLS_MAX;
}

static void test_restarts(enum fakefamily_who who, const char *name,
			  struct load *l, unsigned int want)
{
	static int64_t stall[KILLS_MAX];
	int64_t down = 0;
	unsigned int n;

	for (n = 0; n < want && !is_bad(); n++) {
		int64_t at;

		wait_rounds(l, 1);
		usleep(n * 1137 % 20011);
		l->longest_ns = 0;
		at = clock_now_ns();
		if (!fakefamily_kill(&f, who, SIGKILL) ||
		    !fakefamily_respawn(&f, who))
			break;
		down += clock_now_ns() - at;
		wait_rounds(l, 1);
		stall[n] = l->longest_ns;
	}
	ok(n == want, "%s: killed and replaced %u times", name, n);
	wait_rounds(l, 5);
	report(name, stall, n, down);
	ok(!is_bad(), "%s: %u wrong, %u errors, %u stuck, %u interrupts lost; %s",
	   name, wrong_data, errors, stuck, lost_irqs,
	   fakeguest_fault(g) ? fakeguest_fault(g) : "no fault");
}

/* Given up: the drive is still there, and says of everything that it failed. */
static void test_failed(void)
{
	struct channel *c = &channels[0];
	uint32_t status = 0x80;

	f.conf.opt[FF_DISK][0] = "failed=1";
	f.conf.opt[FF_DISK][1] = "sizes=1048576,1048576,1048576,1048576";
	if (!ok(fakefamily_kill(&f, FF_DISK, SIGKILL) &&
		fakefamily_respawn(&f, FF_DISK), "a disk worker that is failed"))
		return;
	command(c, 0, 3, 1, 0xec);
	ok(wait_status(c, 0x08), "its drive identifies itself");
	string(&c->load, c->base, c->ram, true);
	command(c, 0, 3, 1, 0x20);
	for (int i = 0; i < 5000; i++) {
		status = in(&c->load, (uint16_t)(c->base + 7), 1);
		if (!(status & 0x80))
			break;
		usleep(1000);
	}
	ok((status & 0x81) == 0x01, "a read ends in an error: status=%02x", status);
	f.conf.opt[FF_DISK][0] = NULL;
	ok(fakefamily_kill(&f, FF_DISK, SIGKILL) &&
	   fakefamily_respawn(&f, FF_DISK), "brought back");
	command(c, 0, 3, 1, 0x20);
	ok(wait_status(c, 0x08), "it reads");
	string(&c->load, c->base, c->ram, true);
}

static void run(void)
{
	unsigned int kills = kills_wanted();
	pthread_t vcpu[4];

	g = f.g;
	fakeguest_cfg_write(g, 0, IDE_FUNC, 0x20, 4, BM_BAR);
	fakeguest_cfg_write(g, 0, IDE_FUNC, 0x04, 2, 5);
	fakeguest_cfg_write(g, 0, IDE_FUNC, 0x40, 4, 0x80008000);
	pthread_create(&vcpu[0], NULL, run_disks, &channels[0]);
	pthread_create(&vcpu[1], NULL, run_serial, &serial);
	pthread_create(&vcpu[2], NULL, run_disks, &channels[1]);
	pthread_create(&vcpu[3], NULL, run_picture, &picture);
	test_restarts(FF_DISK, "disk", &channels[0].load, kills);
	test_restarts(FF_PLATFORM, "platform", &serial, kills);
	test_restarts(FF_VGA, "vga", &picture, kills);
	stop = true;
	for (unsigned int i = 0; i < 4; i++)
		pthread_join(vcpu[i], NULL);
	printf("# rounds: disks %u and %u, serial %u, picture %u\n",
	       channels[0].load.rounds, channels[1].load.rounds, serial.rounds,
	       picture.rounds);
	test_failed();
	ok(f.lies == 0, "nobody lied: %s", f.lie);
	ok(!fakefamily_logged(&f, "state is not valid") &&
	   !fakefamily_logged(&f, "does not fit"), "every state was believed");
}

int main(void)
{
	struct fakefamily_conf conf = {
		.guest = { .vcpus = 4, .low_bytes = 16 << 20 }, .quiet = true,
	};
	const char *why = fakefamily_missing(&conf);

	if (why)
		return skip_all(why);
	for (unsigned int i = 0; i < DRIVES; i++) {
		make_image(i);
		conf.image[i] = path[i];
	}
	/* So that some are under way when a worker dies. */
	if (!slow_disk_start(FLUSH_MS, WRITE_MS))
		printf("# writes at their own pace: no seccomp listener\n");
	if (ok(fakefamily_start(&f, &conf), "the family is up"))
		run();
	ok(fakefamily_stop(&f), "all end by themselves");
	for (unsigned int i = 0; i < DRIVES; i++) {
		ok(compare_image(i) == 0, "drive %u: every sector is what was "
		   "written last", i);
		unlink(path[i]);
	}
	return tap_done();
}
