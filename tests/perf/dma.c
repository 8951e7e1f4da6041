/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/perf/dma.c - 4 KiB reads by bus-master DMA, on the in-memory hypervisor
 *
 * The real broker and disk worker with their filters.  The guest does what
 * Linux does: command, START, then nothing at all until the interrupt: whoever
 * fails to wake somebody is seen as a long wait.  Prints median, p99 and the
 * longest; half of the reads miss the page cache.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "fakefamily.h"

#define READS	2000u
#define IDE	0x1f0
#define BM	0xc000
#define PRD_GPA	0x10000
#define BUF_GPA	0x20000

static struct fakefamily f;
static int64_t took[READS];

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static void out(uint16_t port, unsigned int size, uint32_t v)
{
	fakeguest_out(f.g, 0, port, size, v);
}

static bool read_once(uint32_t lba)
{
	uint32_t prd[2] = { BUF_GPA, 4096 | 0x80000000u };
	bool good;

	fakeguest_store(f.g, PRD_GPA, prd, sizeof(prd));
	out(BM + 4, 4, PRD_GPA);
	out(BM + 2, 1, 0x06);
	out(IDE + 6, 1, 0xe0 | (lba >> 24 & 0x0f));
	out(IDE + 2, 1, 8);
	out(IDE + 3, 1, lba & 0xff);
	out(IDE + 4, 1, lba >> 8 & 0xff);
	out(IDE + 5, 1, lba >> 16 & 0xff);
	out(IDE + 7, 1, 0xc8);
	out(BM, 1, 0x09);
	good = fakeguest_until_isa(f.g, 14, true, 3000);
	out(BM, 1, 0);
	fakeguest_in(f.g, 0, IDE + 7, 1);
	return good;
}

int main(void)
{
	struct fakefamily_conf c = {
		.guest = { .vcpus = 1, .low_bytes = 32 << 20 },
		.image = { getenv("CLOISTER_PERF_IMAGE") }, .quiet = true,
	};
	int fd = c.image[0] ? open(c.image[0], O_RDONLY) : -1;
	unsigned int lost = 0;

	if (fd < 0) {
		printf("set CLOISTER_PERF_IMAGE to an image of 16 MiB or more\n");
		return 0;
	}
	if (!fakefamily_start(&f, &c)) {
		printf("family did not start\n");
		return 1;
	}
	fakeguest_cfg_write(f.g, 0, 1 << 3 | 1, 0x20, 4, BM);
	fakeguest_cfg_write(f.g, 0, 1 << 3 | 1, 0x04, 2, 5);
	for (unsigned int i = 0; i < READS; i++) {
		uint32_t lba = i * 7919u % 32000u;
		int64_t t;

		if (i % 2)
			posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
		t = clock_now_ns();
		lost += !read_once(lba & ~7u);
		took[i] = clock_now_ns() - t;
	}
	qsort(took, READS, sizeof(took[0]), by_value);
	printf("4 KiB DMA reads: n=%u median=%lld us p99=%lld us max=%lld us "
	       "without interrupt=%u\n", READS,
	       (long long)took[READS / 2] / 1000, (long long)took[READS * 99 / 100] / 1000,
	       (long long)took[READS - 1] / 1000, lost);
	fakefamily_stop(&f);
	return 0;
}
