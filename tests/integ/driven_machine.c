/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/integ/driven_machine.c - a machine whose guest does what it is told
 *
 * For tests in python: a line comes, the guest's only vCPU does it, a line
 * answers.  Numbers are in any base that C has.  Hypervisor and memory outlive
 * every supervisor, as a domain does.
 *
 *	in PORT SIZE			hex
 *	out PORT SIZE VALUE		done
 *	cfg DEVFN REG SIZE		hex
 *	setcfg DEVFN REG SIZE VALUE	done
 *	write LBA COUNT SEED [BASE]	good, or what the status is
 *	check LBA COUNT SEED [BASE]	good, wrong, or what the status is
 *	flush [BASE]			good, or what the status is
 *	served PORT			1 or 0: somebody claims it
 *	line ISA			1 or 0: its level
 *	reset				done: what a soft reset takes from a domain
 *	fault				none, or what Xen would have crashed it for
 *
 * write, check and flush are for drive 0 of the channel at BASE (0x1f0).
 *
 * usage: driven_machine SOCKET DOMID
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "fakedoor.h"
#include "fakeguest.h"
#include "patience.h"

#define MEMORY_BYTES	(64ull << 20)
#define VRAM_FRAMES	4096u
#define IDE		0x1f0u
#define CMD_READ	0x20u
#define CMD_WRITE	0x30u
#define CMD_FLUSH	0xe7u
#define BSY		0x80u
#define DF		0x20u
#define DRQ		0x08u
#define ERR		0x01u
#define BUF_GPA		0x310000u
#define SECTOR		512u
#define PAUSE_US	200
#define WORDS		6

static struct fakeguest *g;

static void say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
}

/* ---- a disk ---- */

static void fill(uint8_t *to, uint32_t lba, uint32_t seed)
{
	for (uint32_t i = 0; i < SECTOR; i++)
		to[i] = (uint8_t)((lba + seed) * 2654435761u >> 13) ^
			(uint8_t)(i * (seed | 1) + (i >> 8));
}

static uint32_t finish(uint16_t base)
{
	int64_t until = clock_now_ns() + PATIENCE_NS;
	uint32_t status;

	while (((status = fakeguest_in(g, 0, (uint16_t)(base + 7), 1)) & BSY) &&
	       !fakeguest_fault(g) && clock_now_ns() < until)
		usleep(PAUSE_US);
	return status & (BSY | DF | DRQ | ERR);
}

static uint32_t command(uint16_t base, uint32_t lba, uint32_t count, uint32_t cmd)
{
	const uint32_t value[] = { 0xe0 | (lba >> 24 & 0xf), count & 0xff, lba & 0xff,
		lba >> 8 & 0xff, lba >> 16 & 0xff, cmd };
	static const uint16_t at[] = { 6, 2, 3, 4, 5, 7 };

	for (int i = 0; i < 6; i++)
		fakeguest_out(g, 0, (uint16_t)(base + at[i]), 1, value[i]);
	return finish(base);
}

/* 0, or the status that was not as it should be; @wrong: sectors. */
static uint32_t transfer(uint16_t base, uint32_t lba, uint32_t count, uint32_t seed,
			 bool write, uint32_t *wrong)
{
	uint32_t status = command(base, lba, count, write ? CMD_WRITE : CMD_READ);
	uint8_t want[SECTOR];

	*wrong = 0;
	for (uint32_t i = 0; i < count; i++) {
		if (status != DRQ)
			return status ? status : BSY;
		fill(want, lba + i, seed);
		if (write) {
			fakeguest_store(g, BUF_GPA, want, SECTOR);
			fakeguest_outs(g, 0, base, 2, SECTOR / 2, BUF_GPA, false);
		} else {
			memset(fakeguest_ram(g, BUF_GPA), 0, SECTOR);
			fakeguest_ins(g, 0, base, 2, SECTOR / 2, BUF_GPA, false);
			*wrong += memcmp(fakeguest_ram(g, BUF_GPA), want, SECTOR) != 0;
		}
		status = finish(base);
	}
	return status;
}

static void say_status(uint32_t status, uint32_t wrong)
{
	if (status)
		say("0x%x", status);
	else
		say(wrong ? "wrong" : "good");
}

/* ---- commands ---- */

static uint16_t base_of(unsigned long v)
{
	return v ? (uint16_t)v : IDE;
}

static void obey(char *line)
{
	unsigned long v[WORDS] = { 0 };
	char *word = strtok(line, " \n"), *next;
	uint32_t wrong, status;
	unsigned int n = 0;

	if (!word)
		return;
	while (n < WORDS && (next = strtok(NULL, " \n")))
		v[n++] = strtoul(next, NULL, 0);
	if (strcmp(word, "in") == 0) {
		say("0x%x", fakeguest_in(g, 0, (uint16_t)v[0], (unsigned int)v[1]));
	} else if (strcmp(word, "out") == 0) {
		fakeguest_out(g, 0, (uint16_t)v[0], (unsigned int)v[1], (uint32_t)v[2]);
		say("done");
	} else if (strcmp(word, "cfg") == 0) {
		say("0x%x", fakeguest_cfg_read(g, 0, (unsigned int)v[0],
					       (unsigned int)v[1], (unsigned int)v[2]));
	} else if (strcmp(word, "setcfg") == 0) {
		fakeguest_cfg_write(g, 0, (unsigned int)v[0], (unsigned int)v[1],
				    (unsigned int)v[2], (uint32_t)v[3]);
		say("done");
	} else if (strcmp(word, "write") == 0 || strcmp(word, "check") == 0) {
		status = transfer(base_of(v[3]), (uint32_t)v[0], (uint32_t)v[1],
				  (uint32_t)v[2], word[0] == 'w', &wrong);
		say_status(status, wrong);
	} else if (strcmp(word, "flush") == 0) {
		say_status(command(base_of(v[0]), 0, 0, CMD_FLUSH), 0);
	} else if (strcmp(word, "served") == 0) {
		say("%d", fakeguest_claims(g, 0, v[0], v[0]));
	} else if (strcmp(word, "line") == 0) {
		say("%d", fakeguest_isa(g, (unsigned int)v[0] & 15));
	} else if (strcmp(word, "reset") == 0) {
		fakedoor_reset(g);
		say("done");
	} else if (strcmp(word, "fault") == 0) {
		say("%s", fakeguest_fault(g) ? fakeguest_fault(g) : "none");
	} else {
		say("what is %s?", word);
	}
}

int main(int argc, char **argv)
{
	char line[256];

	if (argc < 3) {
		fprintf(stderr, "usage: %s SOCKET DOMID\n", argv[0]);
		return 2;
	}
	g = fakeguest_new(&(struct fakeguest_conf){ .low_bytes = MEMORY_BYTES,
		.domid = (uint32_t)strtoul(argv[2], NULL, 10),
		.vram_gfn = MEMORY_BYTES >> 12, .vram_frames = VRAM_FRAMES });
	if (!fakedoor_open(g, argv[1])) {
		perror(argv[1]);
		return 1;
	}
	while (fgets(line, sizeof(line), stdin))
		obey(line);
	return 0;
}
