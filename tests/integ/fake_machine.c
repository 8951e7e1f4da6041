/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/integ/fake_machine.c - a machine and its guest in a process of its own
 *
 * Gives the hypervisor's descriptors to each supervisor that connects, and
 * outlives all of them.  The guest's only vCPU writes a register and a sector
 * of its disk, reads both back, compares, and begins again; what it counted is
 * in a file: accesses that were wrong, whole rounds, and the longest wait for
 * one of them.
 *
 * usage: fake_machine SOCKET FILE DOMID [SECTORS]
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "fakedoor.h"
#include "fakeguest.h"

#define MEMORY_BYTES	(64ull << 20)
#define VRAM_FRAMES	4096u
#define SCRATCH		0x3ffu
#define IDE		0x1f0u
#define CMD_READ	0x20u
#define CMD_WRITE	0x30u
#define BSY		0x80u
#define DRQ		0x08u
#define ERR		0x01u
#define OUT_GPA		0x310000u
#define IN_GPA		0x320000u
#define SECTOR		512u
#define PAUSE_US	200

static struct fakeguest *g;
static int out_fd;

static void out(uint16_t port, uint32_t val)
{
	fakeguest_out(g, 0, port, 1, val);
}

static bool finish(unsigned int bits)
{
	uint32_t status;

	while (((status = fakeguest_in(g, 0, IDE + 7, 1)) & BSY) && !fakeguest_fault(g))
		usleep(PAUSE_US);
	return (status & (BSY | DRQ | ERR)) == bits;
}

static bool command(uint32_t lba, uint32_t cmd)
{
	out(IDE + 6, 0xe0);
	out(IDE + 2, 1);
	out(IDE + 3, lba & 0xff);
	out(IDE + 4, lba >> 8 & 0xff);
	out(IDE + 5, lba >> 16 & 0xff);
	out(IDE + 7, cmd);
	return finish(DRQ);
}

/* False: something was not as it was written. */
static bool run_round(uint32_t n, uint32_t sectors)
{
	uint32_t word[SECTOR / 4];
	bool good;

	for (uint32_t i = 0; i < SECTOR / 4; i++)
		word[i] = n * 2654435761u + i;
	out(SCRATCH, n & 0xff);
	good = fakeguest_in(g, 0, SCRATCH, 1) == (n & 0xff);
	fakeguest_store(g, OUT_GPA, word, SECTOR);
	memset(fakeguest_ram(g, IN_GPA), 0, SECTOR);
	good &= command(n % sectors, CMD_WRITE);
	fakeguest_outs(g, 0, IDE, 2, SECTOR / 2, OUT_GPA, false);
	good &= finish(0);
	good &= command(n % sectors, CMD_READ);
	fakeguest_ins(g, 0, IDE, 2, SECTOR / 2, IN_GPA, false);
	good &= finish(0);
	return good && memcmp(fakeguest_ram(g, IN_GPA), word, SECTOR) == 0;
}

/* One write, so that a reader sees one state. */
static void tell(uint32_t rounds, uint32_t wrong, int64_t worst_ns)
{
	const char *fault = fakeguest_fault(g);
	char text[256];

	memset(text, ' ', sizeof(text));
	snprintf(text, sizeof(text), "%u %u %lld %-160s", wrong, rounds,
		 (long long)(worst_ns / NS_PER_US), fault ? fault : "");
	text[strlen(text)] = ' ';
	text[sizeof(text) - 1] = '\n';
	if (pwrite(out_fd, text, sizeof(text), 0) != sizeof(text))
		perror("pwrite");
}

static void run_guest(uint32_t sectors)
{
	uint32_t wrong = 0;
	int64_t worst = 0;

	tell(0, 0, 0);
	while (!fakeguest_claims(g, 0, IDE, IDE + 7))
		usleep(PAUSE_US);
	for (uint32_t n = 1; ; n++) {
		int64_t began = clock_now_ns();

		wrong += !run_round(n, sectors);
		worst = clock_now_ns() - began > worst ? clock_now_ns() - began : worst;
		tell(n, wrong, worst);
		if (fakeguest_fault(g))
			pause();
	}
}

int main(int argc, char **argv)
{
	if (argc < 4) {
		fprintf(stderr, "usage: %s SOCKET FILE DOMID [SECTORS]\n", argv[0]);
		return 2;
	}
	g = fakeguest_new(&(struct fakeguest_conf){ .low_bytes = MEMORY_BYTES,
		.domid = (uint32_t)strtoul(argv[3], NULL, 10),
		.vram_gfn = MEMORY_BYTES >> 12, .vram_frames = VRAM_FRAMES });
	out_fd = open(argv[2], O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0644);
	if (out_fd < 0 || !fakedoor_open(g, argv[1])) {
		perror(argv[1]);
		return 1;
	}
	run_guest(argc > 4 ? (uint32_t)strtoul(argv[4], NULL, 10) : 1024);
	return 0;
}
