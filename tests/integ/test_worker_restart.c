/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/integ/test_worker_restart.c - workers die under load, the guest goes on
 *
 * One vCPU reads and writes the IDE disk by PIO and DMA, another talks to the
 * serial port, while this process kills the worker of either with SIGKILL and
 * starts a successor on the same memory.  No value may be wrong and no access
 * may stay unanswered.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include "base/clock.h"
#include "fakefamily.h"
#include "fakeguest.h"
#include "tap.h"

#define SECTOR		512u
#define SECTORS		2048u
#define GENERATIONS	12u
#define IDE		0x1f0
#define BM_BAR		0xc000u
#define IDE_FUNC	0x09u
#define BUF_GPA		0x200800u
#define OUT_GPA		0x300400u
#define PRD_GPA		0x310000u

static struct fakefamily f;
static struct fakeguest *g;
static char image[] = "/tmp/cloister-restart-XXXXXX";
static _Atomic bool stop;
static _Atomic uint32_t disk_rounds, serial_rounds, wrong_data, errors, stuck;
static _Atomic int64_t longest_ns;

static uint8_t byte_of(uint32_t sector, uint32_t i, uint32_t turn)
{
	return (uint8_t)(sector * 13 + i * 3 + turn * 101);
}

static void make_image(void)
{
	uint8_t s[SECTOR];
	int fd = mkstemp(image);

	for (uint32_t n = 0; n < SECTORS; n++) {
		for (uint32_t i = 0; i < SECTOR; i++)
			s[i] = byte_of(n, i, 0);
		if (write(fd, s, SECTOR) != SECTOR)
			perror(image);
	}
	close(fd);
}

static bool wait_status(uint8_t bits)
{
	for (int64_t until = clock_now_ns() + 3 * NS_PER_S;
	     clock_now_ns() < until; sched_yield()) {
		uint32_t s = fakeguest_in(g, 0, IDE + 7, 1);

		if (!(s & 0x80) && (s & 0x01)) {
			errors++;
			return false;
		}
		if (!(s & 0x80) && (s & bits) == bits)
			return true;
	}
	stuck++;
	return false;
}

static void command(uint32_t lba, uint8_t count, uint8_t cmd)
{
	fakeguest_out(g, 0, IDE + 6, 1, 0xe0);
	fakeguest_out(g, 0, IDE + 2, 1, count);
	fakeguest_out(g, 0, IDE + 3, 1, lba & 0xff);
	fakeguest_out(g, 0, IDE + 4, 1, lba >> 8 & 0xff);
	fakeguest_out(g, 0, IDE + 5, 1, 0);
	fakeguest_out(g, 0, IDE + 7, 1, cmd);
}

static void check(uint64_t gpa, uint32_t lba, uint32_t count, uint32_t turn)
{
	for (uint32_t i = 0; i < count * SECTOR; i++)
		if (*fakeguest_ram(g, gpa + i) !=
		    byte_of(lba + i / SECTOR, i % SECTOR, turn)) {
			wrong_data++;
			return;
		}
}

/* Any read is of what was written last: @turn of that sector. */
static void pio_read(uint32_t lba, uint32_t turn)
{
	memset(fakeguest_ram(g, BUF_GPA), 0, 2 * SECTOR);
	command(lba, 2, 0x20);
	for (unsigned int s = 0; s < 2; s++) {
		if (!wait_status(0x08))
			return;
		fakeguest_ins(g, 0, IDE, 2, 256, BUF_GPA + s * SECTOR, false);
	}
	check(BUF_GPA, lba, 2, turn);
}

static void pio_write(uint32_t lba, uint32_t turn)
{
	for (uint32_t s = 0; s < 2; s++)
		for (uint32_t i = 0; i < SECTOR; i++)
			*fakeguest_ram(g, OUT_GPA + s * SECTOR + i) =
				byte_of(lba + s, i, turn);
	command(lba, 2, 0x30);
	for (unsigned int s = 0; s < 2; s++) {
		if (!wait_status(0x08))
			return;
		fakeguest_outs(g, 0, IDE, 2, 256, OUT_GPA + s * SECTOR, false);
	}
	wait_status(0);
}

static void dma_read(uint32_t lba)
{
	uint32_t prd[2] = { BUF_GPA, 4 * SECTOR | 0x80000000u };
	int i;

	memset(fakeguest_ram(g, BUF_GPA), 0, 4 * SECTOR);
	fakeguest_store(g, PRD_GPA, prd, sizeof(prd));
	fakeguest_out(g, 0, BM_BAR + 4, 4, PRD_GPA);
	fakeguest_out(g, 0, BM_BAR + 2, 1, 0x06);
	command(lba, 4, 0xc8);
	fakeguest_out(g, 0, BM_BAR, 1, 0x09);
	for (i = 0; i < 6000 && !(fakeguest_in(g, 0, BM_BAR + 2, 1) & 4); i++)
		usleep(500);
	stuck += i == 6000;
	fakeguest_out(g, 0, BM_BAR, 1, 0);
	if (wait_status(0))
		check(BUF_GPA, lba, 4, 0);
}

static void *run_disk(void *arg)
{
	uint32_t seen[16] = { 0 };	/* turn of sectors 1000 + 2 i */

	(void)arg;
	for (uint32_t turn = 1; !stop && !fakeguest_fault(g); turn++) {
		uint32_t at = turn * 7 % 16;
		int64_t from = clock_now_ns();

		pio_write(1000 + at * 2, turn);
		seen[at] = turn;
		at = turn * 5 % 16;
		pio_read(1000 + at * 2, seen[at]);
		dma_read(turn * 4 % 900);
		from = clock_now_ns() - from;
		if (from > longest_ns)
			longest_ns = from;
		disk_rounds++;
	}
	return NULL;
}

static void *run_serial(void *arg)
{
	(void)arg;
	for (uint32_t i = 0; !stop && !fakeguest_fault(g); i++) {
		fakeguest_out(g, 1, 0x3ff, 1, i & 0xff);
		wrong_data += fakeguest_in(g, 1, 0x3ff, 1) != (i & 0xff);
		serial_rounds++;
		sched_yield();
	}
	return NULL;
}

static void wait_rounds(_Atomic uint32_t *rounds, uint32_t more)
{
	uint32_t want = *rounds + more;

	for (int i = 0; i < 10000 && *rounds < want && !fakeguest_fault(g); i++)
		usleep(1000);
}

static void test_restarts(enum fakefamily_who who, const char *name,
			  _Atomic uint32_t *rounds)
{
	unsigned int n;
	int64_t down = 0;

	longest_ns = 0;
	for (n = 0; n < GENERATIONS && !wrong_data && !errors && !stuck; n++) {
		int64_t at;

		wait_rounds(rounds, 3);
		usleep(n * 137);
		at = clock_now_ns();
		if (!fakefamily_kill(&f, who, SIGKILL) ||
		    !fakefamily_respawn(&f, who))
			break;
		down += clock_now_ns() - at;
	}
	ok(n == GENERATIONS, "%s: killed and replaced %u times", name, n);
	wait_rounds(rounds, 5);
	printf("# %d ms from a kill to READY; longest disk round %d ms\n",
	       (int)(down / NS_PER_MS / (n ? n : 1)),
	       (int)(longest_ns / NS_PER_MS));
	ok(!wrong_data && !errors && !stuck && !fakeguest_fault(g),
	   "%s: %u wrong, %u errors, %u stuck; %s", name, wrong_data, errors,
	   stuck, fakeguest_fault(g) ? fakeguest_fault(g) : "no fault");
}

int main(void)
{
	struct fakefamily_conf conf = {
		.guest = { .vcpus = 2, .low_bytes = 16 << 20 },
		.no_vga = true, .image = { image }, .quiet = true,
	};
	const char *why = fakefamily_missing(&conf);
	pthread_t vcpu[2];

	if (why)
		return skip_all(why);
	/* Goes away with the first worker that can. */
	if (!getenv("CLOISTER_TEST_RESTART"))
		return skip_all("workers do not take over their predecessor's "
				"state yet; CLOISTER_TEST_RESTART=1 tries");
	make_image();
	if (ok(fakefamily_start(&f, &conf), "the family is up")) {
		g = f.g;
		fakeguest_cfg_write(g, 0, IDE_FUNC, 0x20, 4, BM_BAR);
		fakeguest_cfg_write(g, 0, IDE_FUNC, 0x04, 2, 5);
		fakeguest_cfg_write(g, 0, IDE_FUNC, 0x40, 4, 0x80008000);
		pthread_create(&vcpu[0], NULL, run_disk, NULL);
		pthread_create(&vcpu[1], NULL, run_serial, NULL);
		test_restarts(FF_PLATFORM, "platform", &serial_rounds);
		test_restarts(FF_DISK, "disk", &disk_rounds);
		stop = true;
		pthread_join(vcpu[0], NULL);
		pthread_join(vcpu[1], NULL);
		printf("# %u disk rounds, %u serial rounds\n", disk_rounds,
		       serial_rounds);
		ok(f.lies == 0, "nobody lied: %s", f.lie);
	}
	ok(fakefamily_stop(&f), "all end by themselves");
	unlink(image);
	return tap_done();
}
