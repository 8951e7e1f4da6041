/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/integ/fake_writer.c - a guest that writes to its disk as fast as it can
 *
 * Runs in cloister-fake, as the guest's only vCPU: DMA writes of 64 KiB to the
 * primary master, and FLUSH CACHE.  Ends with the process.
 */
#include "fake_writer.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#define IDE		0x1f0u
#define IDE_FUNC	0x09u
#define BM		0xc000u
#define PRD_GPA		0x310000u
#define BUF_GPA		0x320000u
#define CHUNK_BYTES	65536u
#define CHUNK_SECTORS	(CHUNK_BYTES / 512)
#define FLUSHES		128u		/* to a turn of the circle */
#define CMD_WRITE_DMA	0xcau
#define CMD_FLUSH	0xe7u
#define BSY		0x80u
#define ERR		0x01u
#define PAUSE_US	500

static struct {
	struct fakeguest *g;
	int fd;
} us = { .fd = -1 };

static void out(uint16_t port, unsigned int size, uint32_t val)
{
	fakeguest_out(us.g, 0, port, size, val);
}

static bool finish(void)
{
	uint32_t status;

	while (((status = fakeguest_in(us.g, 0, IDE + 7, 1)) & BSY) &&
	       !fakeguest_fault(us.g))
		usleep(PAUSE_US);
	return !(status & (BSY | ERR));
}

static bool write_chunk(uint32_t lba)
{
	out(BM + 4, 4, PRD_GPA);
	out(BM + 2, 1, 0x06);
	out(IDE + 6, 1, 0xe0);
	out(IDE + 2, 1, CHUNK_SECTORS);
	out(IDE + 3, 1, lba & 0xff);
	out(IDE + 4, 1, lba >> 8 & 0xff);
	out(IDE + 5, 1, lba >> 16 & 0xff);
	out(IDE + 7, 1, CMD_WRITE_DMA);
	out(BM, 1, 0x01);
	while (!(fakeguest_in(us.g, 0, BM + 2, 1) & 0x04) && !fakeguest_fault(us.g))
		usleep(PAUSE_US);
	out(BM, 1, 0);
	return finish();
}

static bool write_and_flush(uint32_t lba)
{
	if (!write_chunk(lba))
		return false;
	out(IDE + 6, 1, 0xe0);
	out(IDE + 7, 1, CMD_FLUSH);
	return finish();
}

static void *run(void *arg)
{
	/* 32 KiB each: none crosses 64 KiB, and the second is the last. */
	const uint32_t prd[4] = { BUF_GPA, CHUNK_BYTES / 2, BUF_GPA + CHUNK_BYTES / 2,
		CHUNK_BYTES / 2 | 0x80000000u };
	uint64_t bytes = 0;
	char text[32];

	while (!fakeguest_claims(us.g, 0, IDE, IDE + 7))
		usleep(PAUSE_US);
	fakeguest_store(us.g, PRD_GPA, prd, sizeof(prd));
	fakeguest_cfg_write(us.g, 0, IDE_FUNC, 0x20, 4, BM);
	fakeguest_cfg_write(us.g, 0, IDE_FUNC, 0x04, 2, 5);
	for (uint32_t n = 0; write_and_flush(n % FLUSHES * CHUNK_SECTORS); n++) {
		bytes += CHUNK_BYTES;
		snprintf(text, sizeof(text), "%020llu\n", (unsigned long long)bytes);
		if (pwrite(us.fd, text, 21, 0) != 21)
			break;
	}
	return arg;
}

int fake_writer_begin(struct fakeguest *g, const char *path)
{
	pthread_t thread;

	us.g = g;
	us.fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
	us.fd = us.fd < 0 ? -1 : fcntl(us.fd, F_DUPFD_CLOEXEC, FAKEGUEST_FDS);
	if (us.fd < 0)
		return 1;
	return pthread_create(&thread, NULL, run, NULL);
}
