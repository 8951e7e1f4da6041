/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * portbench: how long one `inb` takes in a guest, seen from ring 3.
 *
 * Runs in the lab's default guest (`xenlab bench` types its name).  Each read
 * is timed alone with rdtsc; the factor to nanoseconds comes from
 * clock_gettime over a pause.  Prints one line per port:
 *
 *	portbench: NAME min MEDIAN p90 p99 max		(nanoseconds)
 *
 * It does not judge: ratios are the host's work.  It only reads, except for
 * the index write that a PCI configuration read needs.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <time.h>
#include <x86intrin.h>

enum { DEFAULT_COUNT = 2000, MAX_COUNT = 100000 };

struct port {
	const char *name;
	unsigned short port;
	enum { BYTE, WORD_OF_PCI } kind;
};

static const struct port ports[] = {
	{ "xen-0x61", 0x61, BYTE },		/* Xen itself: the floor */
	{ "ide-status", 0x1f7, BYTE },
	{ "ide-altstatus", 0x3f6, BYTE },
	{ "uart-lsr", 0x3fd, BYTE },
	{ "vga-0x3da", 0x3da, BYTE },
	{ "i8042-status", 0x64, BYTE },
	{ "pci-config", 0xcfc, WORD_OF_PCI },
	{ "uart-scratch", 0x3ff, BYTE },	/* never shadowed: the hop */
};

static uint64_t samples[MAX_COUNT];

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static double ns_per_tick(void)
{
	struct timespec pause = { 0, 200000000 };
	uint64_t ns = now_ns(), tick = __rdtsc();

	nanosleep(&pause, NULL);
	tick = __rdtsc() - tick;
	ns = now_ns() - ns;
	return tick ? (double)ns / (double)tick : 1;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void measure(const struct port *p, unsigned count, double factor)
{
	for (unsigned i = 0; i < count; i++) {
		uint64_t start;

		/* The host bridge's vendor word; rewritten each time because
		   the kernel uses the same index register. */
		if (p->kind == WORD_OF_PCI)
			outl(0x80000000u, 0xcf8);
		start = __rdtsc();
		if (p->kind == WORD_OF_PCI)
			(void)inw(p->port);
		else
			(void)inb(p->port);
		samples[i] = __rdtsc() - start;
	}
	qsort(samples, count, sizeof(samples[0]), compare);
	printf("portbench: %s min=%.0f median=%.0f p90=%.0f p99=%.0f max=%.0f n=%u\n",
	       p->name, (double)samples[0] * factor,
	       (double)samples[count / 2] * factor,
	       (double)samples[count * 9 / 10] * factor,
	       (double)samples[count * 99 / 100] * factor,
	       (double)samples[count - 1] * factor, count);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	unsigned count = DEFAULT_COUNT;
	double factor;

	if (argc > 1)
		count = (unsigned)strtoul(argv[1], NULL, 0);
	if (count == 0 || count > MAX_COUNT) {
		fprintf(stderr, "portbench: count %u, expected 1-%d\n", count,
			MAX_COUNT);
		return 2;
	}
	if (iopl(3) < 0) {
		fprintf(stderr, "portbench: iopl: %s\n", strerror(errno));
		return 1;
	}
	factor = ns_per_tick();
	for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++)
		measure(&ports[i], count, factor);
	printf("portbench: done\n");
	return 0;
}
