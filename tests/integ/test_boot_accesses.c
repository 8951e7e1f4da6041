/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/integ/test_boot_accesses.c - what a booting guest does to the machine
 *
 * The real broker and workers, confined as in production, on the in-memory
 * hypervisor; this process plays hvmloader, SeaBIOS and a driver or two, in
 * their order and with their asserts.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/le.h"
#include "base/stat.h"
#include "fakefamily.h"
#include "fakeguest.h"
#include "patience.h"
#include "slowsync.h"
#include "tap.h"

#define SECTOR		512u
#define DISK_SECTORS	20480u		/* 10 MiB */
#define SLOW_SYNC_MS	400u
#define ISA_BRIDGE	0x08u
#define IDE_FUNC	0x09u
#define PM_FUNC		0x0bu
#define PLATFORM_FUNC	0x10u
#define VGA_FUNC	0x18u
#define BAR(n)		(0x10 + (n) * 4)
#define VRAM_FRAMES	4096u

#define IDE		0x1f0
#define IDE_STATUS	(IDE + 7)
#define BSY		0x80u
#define DRQ		0x08u
#define ERR		0x01u

/* Guest addresses this test uses. */
#define BUF_GPA		0x200ff0u	/* 16 bytes before a page end */
#define BUF2_GPA	0x300000u
#define PRD_GPA		0x310000u

static struct fakefamily f;
static struct fakeguest *g;
static char image[] = "/tmp/cloister-boot-XXXXXX";
static int serial[2];

static uint32_t in(uint16_t port, unsigned int size)
{
	return fakeguest_in(g, 0, port, size);
}

static void out(uint16_t port, unsigned int size, uint32_t v)
{
	fakeguest_out(g, 0, port, size, v);
}

static uint32_t cfg(unsigned int devfn, unsigned int reg, unsigned int size)
{
	return fakeguest_cfg_read(g, 0, devfn, reg, size);
}

static void set_cfg(unsigned int devfn, unsigned int reg, unsigned int size,
		    uint32_t v)
{
	fakeguest_cfg_write(g, 0, devfn, reg, size, v);
}

static uint8_t byte_of(uint32_t sector, uint32_t i)
{
	return (uint8_t)(sector * 31 + i * 7 + (i >> 8));
}

static void make_image(void)
{
	uint8_t s[SECTOR];
	int fd = mkstemp(image);

	for (uint32_t n = 0; n < 64; n++) {
		for (uint32_t i = 0; i < SECTOR; i++)
			s[i] = byte_of(n, i);
		if (write(fd, s, SECTOR) != SECTOR)
			perror(image);
	}
	if (ftruncate(fd, DISK_SECTORS * SECTOR))
		perror(image);
	/* Some reads have to wait for the disk. */
	if (fsync(fd) == 0)
		posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	close(fd);
}

/* ---- hvmloader: pci_setup ---- */

struct bar {
	unsigned int devfn, reg;
	uint32_t size;
	bool io;
};

static struct bar bars[64];
static unsigned int bar_count, functions;

static void route_links(void)
{
	static const uint8_t isa[4] = { 5, 10, 11, 5 };
	bool good = true;

	for (unsigned int i = 0; i < 4; i++) {
		set_cfg(ISA_BRIDGE, 0x60 + i, 1, isa[i]);
		good &= atomic_load(&g->m->link[i]) == isa[i];
	}
	ok(good, "PIRQ links are routed before the write completes");
}

/* Writes all ones, reads the mask, restores; as pci.c does it. */
static void size_bars(unsigned int devfn)
{
	for (unsigned int i = 0; i < 7; i++) {
		unsigned int reg = i == 6 ? 0x30 : BAR(i);
		uint32_t old = cfg(devfn, reg, 4), mask;

		set_cfg(devfn, reg, 4, i == 6 ? (old | 0xfffff800) & ~1u : ~0u);
		mask = cfg(devfn, reg, 4);
		set_cfg(devfn, reg, 4, old);
		if (mask == 0)
			continue;
		bars[bar_count].devfn = devfn;
		bars[bar_count].reg = reg;
		bars[bar_count].io = i < 6 && (mask & 1);
		mask &= bars[bar_count].io ? 0xfffc : i == 6 ? ~0x7ffu : ~0xfu;
		bars[bar_count++].size = mask & -mask;
	}
}

static bool look_at_function(unsigned int devfn)
{
	uint32_t class = cfg(devfn, 0x0a, 2);
	uint32_t vendor = cfg(devfn, 0x00, 2), device = cfg(devfn, 0x02, 2);
	uint32_t pin;

	if (vendor == 0xffff && device == 0xffff)
		return true;
	functions++;
	if (devfn == ISA_BRIDGE && (vendor != 0x8086 || device != 0x7000))
		return false;
	if (class == 0x0680) {
		if (vendor != 0x8086 || device != 0x7113)
			return false;
		set_cfg(devfn, 0x20, 2, 0);
		set_cfg(devfn, 0xd2, 2, 0);
		set_cfg(devfn, 0x22, 2, 0);
		set_cfg(devfn, 0x3c, 2, 0x0009);
		set_cfg(devfn, 0x3d, 2, 0x0001);
		set_cfg(devfn, 0x40, 4, 0xb001);
		set_cfg(devfn, 0x80, 1, 1);
	}
	if (class == 0x0101 && vendor == 0x8086) {
		set_cfg(devfn, 0x40, 2, 0x8000);
		set_cfg(devfn, 0x42, 2, 0x8000);
	}
	set_cfg(devfn, 0x04, 2, cfg(devfn, 0x04, 2) & ~3u);
	size_bars(devfn);
	pin = cfg(devfn, 0x3d, 1);
	if (pin) {
		unsigned int link = (pin - 1 + (devfn >> 3)) & 3;

		set_cfg(devfn, 0x3c, 1, cfg(ISA_BRIDGE, 0x60 + link, 1));
	}
	return true;
}

static const struct bar *bar_of(unsigned int devfn, unsigned int reg)
{
	for (unsigned int i = 0; i < bar_count; i++)
		if (bars[i].devfn == devfn && bars[i].reg == reg)
			return &bars[i];
	return NULL;
}

/* Larger ones first; those of the same size as they were found. */
static void sort_bars(void)
{
	for (unsigned int i = 1; i < bar_count; i++)
		for (unsigned int k = i; k && bars[k - 1].size < bars[k].size; k--) {
			struct bar tmp = bars[k];

			bars[k] = bars[k - 1];
			bars[k - 1] = tmp;
		}
}

static void place_bars(void)
{
	uint32_t mem = 0xf0000000, io = 0xc000;

	sort_bars();
	for (unsigned int i = 0; i < bar_count; i++) {
		struct bar *b = &bars[i];
		uint32_t *at = b->io ? &io : &mem;
		uint32_t cmd = cfg(b->devfn, 0x04, 2) | 4;

		*at = (*at + b->size - 1) & ~(b->size - 1);
		set_cfg(b->devfn, b->reg, 4, *at);
		*at += b->size;
		cmd |= b->io ? 1 : 2;
		set_cfg(b->devfn, 0x04, 2, cmd | (b->devfn == VGA_FUNC));
	}
}

static uint32_t bar_base(unsigned int devfn, unsigned int n)
{
	uint32_t v = cfg(devfn, BAR(n), 4);

	return v & 1 ? v & 0xfffc : v & ~0xfu;
}

static void test_pci_setup(void)
{
	bool asserts = true;

	route_links();
	for (unsigned int devfn = 0; devfn < 256; devfn++)
		asserts &= look_at_function(devfn);
	ok(asserts, "hvmloader's asserts on the chipset");
	is_hex(functions, 6, "functions found: bridges, IDE, PM, platform, VGA");
	is_hex(cfg(0, 0, 4), 0x12378086, "host bridge");
	ok(bar_of(IDE_FUNC, BAR(4)) && bar_of(IDE_FUNC, BAR(4))->size == 16 &&
	   bar_of(IDE_FUNC, BAR(4))->io, "IDE: bus master BAR of 16 ports");
	ok(bar_of(PLATFORM_FUNC, BAR(0)) && bar_of(PLATFORM_FUNC, BAR(0))->size == 0x100,
	   "platform: 256 ports");
	ok(bar_of(PLATFORM_FUNC, BAR(1)) && bar_of(PLATFORM_FUNC, BAR(1))->size ==
	   16 << 20, "platform: 16 MiB");
	ok(bar_of(VGA_FUNC, BAR(0)) && bar_of(VGA_FUNC, BAR(0))->size ==
	   VRAM_FRAMES * 4096, "VGA: a BAR as large as VRAM");
	place_bars();
	ok(fakeguest_claims(g, 0, bar_base(IDE_FUNC, 4), bar_base(IDE_FUNC, 4) + 15),
	   "bus master ports are where the BAR is");
	is_hex(bar_base(VGA_FUNC, 0), 0xf1000000, "VRAM's BAR comes after platform's");
	ok(fakeguest_ram(g, 0xf1000000) != NULL, "and VRAM is there");
	fakeguest_hypercall(g, 0);
	ok(!fakeguest_fault(g), "the INVALIDATE after that is answered");
}

/* ---- hvmloader: tests, ACPI ---- */

static void test_hvmloader(void)
{
	const uint64_t edge = 0x201000;
	uint8_t *p = fakeguest_ram(g, edge - 8);
	bool ones = true;

	for (int down = 0; down < 2; down++)
		for (unsigned int size = 1; size <= 2; size++) {
			memset(p, 0, 16);
			fakeguest_ins(g, 0, size == 1 ? 0x5f : 0x5e, size, 2,
				      down ? edge : edge - 1, down);
			for (unsigned int i = 0; i < 2 * size; i++)
				ones &= *fakeguest_ram(g, down
					? edge + size - 1 - i : edge - 1 + i) == 0xff;
		}
	ok(ones, "rep insb and insw over a page end, both ways: ones");
	out(0x3f9, 1, 0);
	ok(in(0x3f9, 1) == 0, "UART: IER takes 0");
	out(0x3f9, 1, 0x0f);
	ok(in(0x3f9, 1) == 0x0f, "and 0x0f");
	out(0x3f9, 1, 0);
	if (!(in(0xb004, 1) & 1))
		out(0xb2, 1, 0xf1);
	is_hex(in(0xb004, 1) & 1, 1, "SCI_EN after ACPI is enabled");
	out(0x70, 1, 0x39);
	is_hex(in(0x71, 1), 0x10, "CMOS: INT 13h translates the third disk");
}

static void test_cf8(void)
{
	uint32_t old;

	out(0xcfb, 1, 1);
	old = in(0xcf8, 4);
	out(0xcf8, 4, 0x80000000);
	is_hex(in(0xcf8, 4), 0x80000000, "Linux's probe of mechanism 1");
	out(0xcf8, 4, old);
	is_hex(cfg(0xff, 0, 4), 0xffffffff, "an absent function reads as ones");
	is_hex(in(0x1234, 2), 0xffff, "a port nobody has too");
}

/* ---- serial ---- */

static void test_serial(void)
{
	char got[6] = "";

	out(0x3ff, 1, 0x5a);
	is_hex(in(0x3ff, 1), 0x5a, "UART scratch register");
	out(0x3fb, 1, 0x03);
	for (const char *c = "hello"; *c; c++) {
		for (int i = 0; i < 1000 && !(in(0x3fd, 1) & 0x20); i++)
			usleep(100);
		out(0x3f8, 1, (uint32_t)*c);
	}
	for (size_t n = 0; n < 5; ) {
		ssize_t r = recv(serial[0], got + n, 5 - n, 0);

		if (r <= 0)
			break;
		n += (size_t)r;
	}
	is_str(got, "hello", "what the guest sends arrives");
	is_hex(send(serial[0], "k", 1, 0), 1, "host types a key");
	for (int i = 0; i < PATIENCE_MS && !(in(0x3fd, 1) & 1); i++)
		usleep(1000);
	is_hex(in(0x3f8, 1), 'k', "the guest reads it");
	/* One character below the FIFO's level of 14: told after a while. */
	out(0x3fa, 1, 0xc7);
	out(0x3f9, 1, 0x01);
	is_hex(send(serial[0], "t", 1, 0), 1, "host types another");
	for (int i = 0; i < PATIENCE_MS && (in(0x3fa, 1) & 0x0f) != 0x0c; i++)
		usleep(1000);
	is_hex(in(0x3fa, 1) & 0x0f, 0x0c, "character time-out interrupt");
	is_hex(in(0x3f8, 1), 't', "the guest reads that one");
	out(0x3f9, 1, 0);
	out(0x3fa, 1, 0);
}

/* ---- IDE ---- */

static uint32_t wait_status(unsigned int vcpu, uint32_t bits)
{
	uint32_t s = 0;

	for (int64_t until = clock_now_ns() + PATIENCE_NS;
	     clock_now_ns() < until; sched_yield()) {
		s = fakeguest_in(g, vcpu, IDE_STATUS, 1);
		if (!(s & BSY) && ((s & bits) == bits || (s & ERR)))
			break;
	}
	return s;
}

static void command(uint32_t lba, uint32_t count, uint8_t cmd)
{
	out(IDE + 6, 1, 0xe0 | (lba >> 24 & 0x0f));
	out(IDE + 2, 1, count);
	out(IDE + 3, 1, lba & 0xff);
	out(IDE + 4, 1, lba >> 8 & 0xff);
	out(IDE + 5, 1, lba >> 16 & 0xff);
	out(IDE_STATUS, 1, cmd);
}

static void test_identify(void)
{
	uint16_t up[256], down[256];
	char serial_number[21] = "";
	bool same = true;

	out(0x3f6, 1, 0);
	command(0, 0, 0xec);
	ok(fakeguest_until_isa(g, 14, true, PATIENCE_MS), "IDENTIFY raises its interrupt");
	is_hex(wait_status(0, DRQ) & (DRQ | ERR), DRQ, "and has data");
	ok(!fakeguest_isa(g, 14), "reading the status takes the interrupt away");
	fakeguest_ins(g, 0, IDE, 2, 256, BUF_GPA, false);
	memcpy(up, fakeguest_ram(g, BUF_GPA), sizeof(up));
	is_hex(up[60] | (uint32_t)up[61] << 16, DISK_SECTORS, "capacity");
	for (unsigned int i = 0; i < 20; i++)
		serial_number[i] = (char)(up[10 + i / 2] >> (i & 1 ? 0 : 8));
	is_str(serial_number, "QM00001             ",
	       "the serial number the guest knows from QEMU");
	is_hex(wait_status(0, 0) & DRQ, 0, "no data left");
	command(0, 0, 0xec);
	wait_status(0, DRQ);
	/* The last word first: item i at the start minus 2 i. */
	fakeguest_ins(g, 0, IDE, 2, 256, BUF_GPA + 510, true);
	memcpy(down, fakeguest_ram(g, BUF_GPA), sizeof(down));
	for (unsigned int i = 0; i < 256; i++)
		same &= down[255 - i] == up[i];
	ok(same, "descending over a page end: the same words, mirrored");
	command(0, 0, 0xec);
	wait_status(0, DRQ);
	same = true;
	for (unsigned int i = 0; i < 256; i++)
		same &= in(IDE, 2) == up[i];
	ok(same, "word by word: the same");
}

static bool sectors_match(uint64_t gpa, uint32_t lba, uint32_t count)
{
	for (uint32_t i = 0; i < count * SECTOR; i++)
		if (*fakeguest_ram(g, gpa + i) !=
		    byte_of(lba + i / SECTOR, i % SECTOR))
			return false;
	return true;
}

static void test_pio(void)
{
	uint8_t sector[SECTOR];
	int fd;

	command(5, 2, 0x20);
	for (unsigned int s = 0; s < 2; s++) {
		wait_status(0, DRQ);
		fakeguest_ins(g, 0, IDE, 4, 128, BUF_GPA + s * SECTOR, false);
	}
	ok(sectors_match(BUF_GPA, 5, 2), "two sectors by PIO, 32 bits wide");
	for (unsigned int i = 0; i < SECTOR; i++)
		*fakeguest_ram(g, BUF2_GPA + i) = byte_of(77, i);
	command(100, 1, 0x30);
	wait_status(0, DRQ);
	fakeguest_outs(g, 0, IDE, 2, 256, BUF2_GPA, false);
	is_hex(wait_status(0, 0) & (DRQ | ERR), 0, "a sector written");
	command(0, 0, 0xe7);
	is_hex(wait_status(0, 0) & ERR, 0, "and flushed");
	fd = open(image, O_RDONLY);
	if (pread(fd, sector, SECTOR, 100 * SECTOR) != SECTOR)
		perror(image);
	close(fd);
	ok(!memcmp(sector, fakeguest_ram(g, BUF2_GPA), SECTOR), "is in the image");
}

static void test_dma(void)
{
	uint16_t bm = (uint16_t)bar_base(IDE_FUNC, 4);
	uint32_t prd[4] = { BUF_GPA, 3 * SECTOR, BUF2_GPA,
			    5 * SECTOR | 0x80000000u };
	uint32_t rises = atomic_load(&g->m->isa_rises[14]);

	memset(fakeguest_ram(g, BUF_GPA), 0, 3 * SECTOR);
	memset(fakeguest_ram(g, BUF2_GPA), 0, 5 * SECTOR);
	fakeguest_store(g, PRD_GPA, prd, sizeof(prd));
	out((uint16_t)(bm + 4), 4, PRD_GPA);
	out((uint16_t)(bm + 2), 1, 0x06);
	command(8, 8, 0xc8);
	out(bm, 1, 0x09);
	for (int i = 0; i < PATIENCE_MS && !(in((uint16_t)(bm + 2), 1) & 4); i++)
		usleep(1000);
	is_hex(in((uint16_t)(bm + 2), 1) & 7, 4, "bus master: interrupt, idle, no error");
	out(bm, 1, 0);
	is_hex(in(IDE_STATUS, 1) & (BSY | DRQ | ERR), 0, "READ DMA is done");
	ok(sectors_match(BUF_GPA, 8, 3) && sectors_match(BUF2_GPA, 11, 5),
	   "eight sectors into two pieces");
	is_hex(atomic_load(&g->m->isa_rises[14]) - rises, 1, "with one interrupt");
	ok(fakeguest_until_isa(g, 14, false, PATIENCE_MS), "taken by reading the status");
}

/* What query-blockstats will tell. */
static void test_tallies(void)
{
	const struct stat_block *b = &f.stats[FF_DISK]->block[0];
	uint64_t reads = stat_block_get(b, STAT_DISK_REQUESTS + STAT_OP_READ);

	is_hex(stat_block_get(b, STAT_DISK_BYTES + STAT_READ), (2 + 8) * SECTOR,
	       "the worker counts bytes read");
	ok(reads >= 2 && reads <= 10, "in a few requests");
	is_hex(stat_block_get(b, STAT_DISK_BYTES + STAT_WRITE), SECTOR, "bytes written");
	is_hex(stat_block_get(b, STAT_DISK_REQUESTS + STAT_OP_WRITE), 1, "in one");
	is_hex(stat_block_get(b, STAT_DISK_REQUESTS + STAT_OP_FLUSH), 1, "and flushes");
}

static void test_trim(void)
{
	uint16_t bm = (uint16_t)bar_base(IDE_FUNC, 4);
	uint32_t prd[2] = { BUF_GPA, SECTOR | 0x80000000u };
	uint64_t list[SECTOR / 8] = { 8ull << 48 | 16 };	/* 8 from LBA 16 */
	uint8_t got[SECTOR], zero[SECTOR] = { 0 };
	int fd;

	fakeguest_store(g, BUF_GPA, list, sizeof(list));
	fakeguest_store(g, PRD_GPA, prd, sizeof(prd));
	out((uint16_t)(bm + 4), 4, PRD_GPA);
	out((uint16_t)(bm + 2), 1, 0x06);
	out(IDE + 1, 1, 0x01);
	command(0, 1, 0x06);
	out(bm, 1, 0x01);
	for (int i = 0; i < PATIENCE_MS && !(in((uint16_t)(bm + 2), 1) & 4); i++)
		usleep(1000);
	out(bm, 1, 0);
	is_hex(in(IDE_STATUS, 1) & (BSY | DRQ | ERR), 0, "TRIM is done");
	fd = open(image, O_RDONLY);
	ok(pread(fd, got, SECTOR, 16 * SECTOR) == SECTOR &&
	   !memcmp(got, zero, SECTOR), "the image has a hole there");
	ok(pread(fd, got, SECTOR, 24 * SECTOR) == SECTOR &&
	   got[1] == byte_of(24, 1), "and ends where it should");
	close(fd);
}

/* ---- several vCPUs ---- */

static _Atomic bool flushed;

static void *flush(void *arg)
{
	(void)arg;
	fakeguest_out(g, 1, IDE_STATUS, 1, 0xe7);
	wait_status(1, 0);
	flushed = true;
	return NULL;
}

#define FLUSHES	8u	/* on a machine that others keep busy */

/*
 * A flush that takes SLOW_SYNC_MS in the disk worker, and accesses beside it.
 * False: they waited for it, or for a turn on the machine; *@wrong answers.
 */
static bool pass_flush(unsigned int *wrong)
{
	int64_t start = clock_now_ns(), took, longest = 0;
	unsigned int n = 0;
	pthread_t vcpu1;

	flushed = false;
	pthread_create(&vcpu1, NULL, flush, NULL);
	while (!flushed && !fakeguest_fault(g)) {
		int64_t at = clock_now_ns();

		out(0x3ff, 1, n & 0xff);
		*wrong += in(0x3ff, 1) != (n & 0xff);
		*wrong += in(0x3f6, 1) == 0xff;	/* status of the same disk */
		n++;
		at = clock_now_ns() - at;
		if (at > longest)
			longest = at;
	}
	pthread_join(vcpu1, NULL);
	took = clock_now_ns() - start;
	printf("# flush took %d ms; meanwhile %u rounds, the longest %d us\n",
	       (int)(took / NS_PER_MS), n, (int)(longest / NS_PER_US));
	*wrong += took < SLOW_SYNC_MS * NS_PER_MS;
	return n > 20 && longest < took / 2;
}

static void test_slow_flush(void)
{
	unsigned int wrong = 0;
	bool good = false;

	command(0, 0, 0xe5);		/* drive 0 selected, nothing going on */
	wait_status(0, 0);
	for (unsigned int i = 0; !good && i < FLUSHES && !fakeguest_fault(g); i++)
		good = pass_flush(&wrong);
	ok(wrong == 0, "a flush takes its time, and no answer is wrong: %u", wrong);
	ok(good, "the other vCPU goes on, even with the same disk's status");
}

static void *ping(void *arg)
{
	unsigned int vcpu = (unsigned int)(uintptr_t)arg;
	uintptr_t wrong = 0;

	for (unsigned int i = 0; i < 1000; i++) {
		uint16_t port = vcpu ? IDE + 4 : 0x3ff;

		fakeguest_out(g, vcpu, port, 1, i & 0xff);
		wrong += fakeguest_in(g, vcpu, port, 1) != (i & 0xff);
	}
	return (void *)wrong;
}

static void test_two_vcpus(void)
{
	pthread_t t[2];
	void *wrong[2];

	for (uintptr_t i = 0; i < 2; i++)
		pthread_create(&t[i], NULL, ping, (void *)i);
	for (unsigned int i = 0; i < 2; i++)
		pthread_join(t[i], &wrong[i]);
	ok(!wrong[0] && !wrong[1] && !fakeguest_fault(g),
	   "two vCPUs at two workers, 1,000 rounds each");
}

/* ---- VGA ---- */

static void index_out(uint16_t port, uint8_t index, uint8_t val)
{
	out(port, 2, (uint32_t)(index | val << 8));
}

static void test_vga(void)
{
	unsigned int wrong = 0;

	out(0x3c2, 1, 0x67);		/* colour, memory enabled */
	index_out(0x3c4, 2, 0x03);	/* odd and even planes: text */
	index_out(0x3c4, 4, 0x02);
	index_out(0x3ce, 4, 0x00);
	index_out(0x3ce, 5, 0x10);
	index_out(0x3ce, 6, 0x0e);	/* at 0xb8000 */
	for (unsigned int i = 0; i < 2000; i++)
		fakeguest_store_mem(g, 0, 0xb8000 + i * 2, 2, 0x0700 | (i & 0xff));
	for (unsigned int i = 0; i < 2000; i += 37)
		wrong += fakeguest_load_mem(g, 0, 0xb8000 + i * 2, 2) !=
			(0x0700 | (i & 0xff));
	is_hex(wrong, 0, "a screen of text through the buffered ring reads back");
	ok(g->buffered >= 1000, "most of it was buffered (%llu, ring full %llu times)",
	   (unsigned long long)g->buffered, (unsigned long long)g->ring_full);
	fakeguest_stos(g, 0, 0xb8000, 2, 80, 0x0741, false);
	is_hex(fakeguest_load_mem(g, 0, 0xb8000 + 158, 2), 0x0741, "rep stosw");
	fakeguest_movs(g, 0, 0xb8000, BUF_GPA, false, 2, 80, false);
	is_hex(le16_get(fakeguest_ram(g, BUF_GPA + 158)), 0x0741, "rep movsw out of it");
	out(0x1ce, 2, 0);
	is_hex(in(0x1cf, 2) & 0xfff0, 0xb0c0, "VBE is there");
	fakeguest_timeoffset(g, 0, 5);
	ok(!fakeguest_fault(g), "TIMEOFFSET does no harm");
}

/* ---- the end ---- */

static void test_platform(void)
{
	is_hex(in(0x10, 2), 0x49d2, "unplug protocol: magic");
	is_hex(in(0x12, 1), 1, "version");
	out(0x10, 1, 1);
	is_hex(atomic_load(&g->m->rom_locked), 1, "the ROM area is locked");
	out(0x10, 1, 0);
	is_hex(atomic_load(&g->m->rom_locked), 0, "and open again");
	out(0x12, 2, 3);
	out(0x10, 4, 0x10000);
	is_hex(in(0x10, 2), 0x49d2, "driver accepted");
	out(0x10, 2, 1);
	ok(f.unplugs == 1 && (f.unplug_mask & 1),
	   "disks are unplugged before the write completes");
	command(0, 0, 0xec);
	usleep(10000);
	is_hex(in(IDE_STATUS, 1) & DRQ, 0, "the disk is gone");
	fakeguest_invalidate(g, 1);
	ok(!fakeguest_fault(g), "INVALIDATE is still answered");
}

static void test_power_off(void)
{
	out(0xb004, 2, 1u << 13);
	is_hex((uint64_t)fakeguest_shutdown_reason(g), 0, "S5: power off");
	is_hex(atomic_load(&g->m->shut_down_slots), 1, "told before the write completed");
	for (int i = 0; i < PATIENCE_MS && !f.shutdowns; i++)
		usleep(1000);
	is_hex(f.shutdowns, 1, "and the supervisor knows");
}

int main(void)
{
	struct fakefamily_conf conf = {
		.guest = { .vcpus = 2, .low_bytes = 32 << 20, .high_bytes = 4 << 20,
			   .vram_gfn = 0xff000, .vram_frames = VRAM_FRAMES },
		.image = { image },
		.opt = { [FF_PLATFORM] = { "cyls=40,0,1025,0" } },
	};
	const char *why = fakefamily_missing(&conf);
	bool slow;

	if (why)
		return skip_all(why);
	slow = slow_sync_start(SLOW_SYNC_MS);
	make_image();
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, serial))
		return 1;
	fcntl(serial[1], F_SETFL, O_NONBLOCK);
	conf.serial0 = serial[1];
	if (ok(fakefamily_start(&f, &conf), "the family is up")) {
		g = f.g;
		test_pci_setup();
		test_hvmloader();
		test_cf8();
		test_serial();
		test_identify();
		test_pio();
		test_dma();
		test_tallies();
		test_trim();
		test_two_vcpus();
		if (slow)
			test_slow_flush();
		else
			skip("no seccomp user notification: no slow flush");
		test_vga();
		test_platform();
		test_power_off();
		ok(!fakeguest_fault(g), "no fault: %s", fakeguest_fault(g));
		ok(f.lies == 0, "nobody lied: %s", f.lie);
	}
	ok(fakefamily_stop(&f), "all end by themselves");
	unlink(image);
	return tap_done();
}
