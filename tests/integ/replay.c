/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/integ/replay.c - does again what a crash report has of a guest
 *
 * Starts the real broker and workers on the in-memory hypervisor, makes the
 * accesses of the report (abi/crash.h) in their order, and tells where a read
 * brings something else than it did.
 *
 * usage: replay REPORT [IMAGE]		(a copy of IMAGE; none: zeros)
 *
 * Exit status 0: all the same, 1: something differs, 2: it cannot be done.
 *
 * What a report does not have is not replayed: data of string operations, guest
 * memory, what came over the wire, and the state before its first access.  A
 * register that guests poll (it has a shadow word) may have been read earlier
 * or later in the life of a request than now: it differs if it does not come to
 * the recorded value while nothing else is done; if it was read again at once,
 * that reading counts.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "abi/xen_ioreq.h"
#include "base/clock.h"
#include "base/le.h"
#include "base/log.h"
#include "bus/pci.h"
#include "ctl/crash_file.h"
#include "fakefamily.h"
#include "replay_names.h"

#define RAM_BYTES	(16u << 20)
#define OPERAND_GPA	0x300000u	/* strings go here, wherever they went */
#define PAGE_MASK	0xfffu
#define PATIENCE_NS	NS_PER_S
#define TOLD_MAX	20u
#define VGA_SLOT	3u		/* of fakefamily's */

static struct fakefamily f;
static struct crash_file report;
static unsigned int differ, strings;

/* ---- what is there to do ---- */

static bool read_report(const char *path)
{
	static char text[CRASH_FILE_BYTES_MAX + 1];
	FILE *from = fopen(path, "r");
	char why[200] = "cannot be read, or is too large";
	size_t len = from ? fread(text, 1, sizeof(text), from) : 0;
	bool good = from && len <= CRASH_FILE_BYTES_MAX &&
		crash_file_parse(&report, text, len, why, sizeof(why));

	if (from)
		fclose(from);
	if (!good)
		fprintf(stderr, "replay: %s: %s\n", path, why);
	return good;
}

/* Of a card or a display the slot is the family's choice. */
static uint64_t place_function(const struct trace_rec *r)
{
	unsigned int slot = strcmp(report.role, "net") == 0 ? FF_NIC_SLOT :
		strcmp(report.role, "vga") == 0 ? VGA_SLOT : 0;
	uint64_t devfn = slot ? slot << 3 : r->addr >> 8 & UINT8_MAX;

	return devfn << 32 | (r->addr & UINT8_MAX);
}

static struct xen_ioreq make_request(const struct trace_rec *r)
{
	static const uint8_t type[CHAN_SPACE_COUNT] = { [CHAN_PIO] = XEN_IOREQ_TYPE_PIO,
		[CHAN_MMIO] = XEN_IOREQ_TYPE_COPY, [CHAN_PCI] = XEN_IOREQ_TYPE_PCI_CONFIG };
	struct xen_ioreq q = { .addr = r->space == CHAN_PCI ? place_function(r) : r->addr,
		.count = r->count, .size = r->size, .type = type[r->space],
		.flags = (uint8_t)((r->flags & TRACE_WRITE ? 0 : XEN_IOREQ_READ) |
				   (r->flags & TRACE_DESC ? XEN_IOREQ_DF : 0) |
				   (r->flags & TRACE_STRING ? XEN_IOREQ_DATA_IS_PTR : 0)) };

	if (r->flags & TRACE_STRING)
		q.data = OPERAND_GPA + (r->value & PAGE_MASK);
	else if (r->flags & TRACE_WRITE)
		q.data = r->value;
	return q;
}

/* ---- one access ---- */

/* False: no broker would take it, or nobody claims the place. */
static bool do_access(const struct trace_rec *r, uint64_t *value)
{
	struct xen_ioreq q = make_request(r);

	if (r->count * (uint64_t)r->size > PAGE_MASK + 1)
		return false;
	return fakeguest_post(f.g, 0, &q) &&
		fakeguest_wait(f.g, 0, f.g->timeout_ms, value) && !fakeguest_fault(f.g);
}

static bool reads_same(const struct trace_rec *a, const struct trace_rec *b)
{
	return !((a->flags | b->flags) & (TRACE_WRITE | TRACE_STRING)) &&
		a->space == b->space && a->addr == b->addr && a->size == b->size;
}

static bool comes_to(const struct trace_rec *r, uint64_t *value)
{
	const int64_t until = clock_now_ns() + PATIENCE_NS;

	while (clock_now_ns() < until)
		if (!do_access(r, value))
			return false;
		else if ((*value & le_mask(r->size)) == r->value)
			return true;
	return false;
}

static void tell(const struct crash_access *a, const char *what, uint64_t value)
{
	if (differ++ >= TOLD_MAX)
		return;
	printf("line %u: %s%u 0x%llx %s was 0x%llx", a->line,
	       a->rec.flags & TRACE_WRITE ? "W" : "R", a->rec.size,
	       (unsigned long long)a->rec.addr, replay_names_of(&a->rec),
	       (unsigned long long)a->rec.value);
	if (what)
		printf(", %s\n", what);
	else
		printf(", now 0x%llx\n", (unsigned long long)value);
}

/* @next: the one after it, or NULL. */
static void replay(const struct crash_access *a, const struct crash_access *next)
{
	const struct trace_rec *r = &a->rec;
	uint64_t value = 0;

	if (!do_access(r, &value)) {
		tell(a, fakeguest_fault(f.g) ? fakeguest_fault(f.g) : "nobody answers now", 0);
		return;
	}
	replay_names_follow(r);
	if (r->flags & TRACE_STRING) {
		strings++;
		return;
	}
	value &= le_mask(r->size);
	if (r->flags & TRACE_WRITE || value == r->value)
		return;
	if (replay_names_is_polled(r) && ((next && reads_same(r, &next->rec)) || comes_to(r, &value)))
		return;
	tell(a, NULL, value & le_mask(r->size));
}

/* ---- all of them ---- */

/* Where the functions were at the end: the best there is, if their beginning
   is not known. */
static void place_functions(void)
{
	for (unsigned int i = 0; i < report.function_count; i++) {
		uint8_t cfg[256];

		for (unsigned int k = 0; k < sizeof(cfg); k++) {
			char hex[3] = { report.function[i].config[2 * k],
					report.function[i].config[2 * k + 1], '\0' };

			cfg[k] = (uint8_t)strtoul(hex, NULL, 16);
		}
		for (unsigned int off = PCI_BASE_ADDRESS_0; off < PCI_BASE_ADDRESS_0 + 24; off += 4)
			fakeguest_cfg_write(f.g, 0, (unsigned int)report.function[i].devfn, off, 4,
					    le32_get(cfg + off));
		fakeguest_cfg_write(f.g, 0, (unsigned int)report.function[i].devfn, PCI_COMMAND, 2,
				    le16_get(cfg + PCI_COMMAND));
		replay_names_configure(report.function[i].devfn, report.function[i].config);
	}
}

static bool copy_image(const char *from, char *to)
{
	char cmd[600];

	if (!from)
		return fakefamily_make_image(to, 2048);
	close(mkstemp(to));
	snprintf(cmd, sizeof(cmd), "cp -- '%s' '%s'", from, to);
	return system(cmd) == 0;
}

static int run(const struct fakefamily_conf *fc)
{
	bool good;

	if (fakefamily_missing(fc) || !fakefamily_start(&f, fc)) {
		fprintf(stderr, "replay: the family does not come up\n");
		return 2;
	}
	if (report.before) {
		printf("the first %llu are not in the report: what differs may be due to them\n",
		       (unsigned long long)report.before);
		place_functions();
	}
	for (unsigned int i = 0; i < report.access_count && !fakeguest_fault(f.g); i++)
		replay(&report.access[i], i + 1 < report.access_count ? &report.access[i + 1] : NULL);
	good = !fakeguest_fault(f.g);
	printf("%u accesses of %s, %u strings without their data, %u differ\n",
	       report.access_count, report.worker, strings, differ);
	fakefamily_stop(&f);
	return differ || !good ? 1 : 0;
}

int main(int argc, char **argv)
{
	struct fakefamily_conf fc = { .guest = { .low_bytes = RAM_BYTES }, .no_vga = true,
		.no_disk = true, .quiet = true };
	char image[] = "/tmp/cloister-replay-XXXXXX";
	int pair[2], status;

	if (argc < 2 || argc > 3 || !read_report(argv[1]))
		return 2;
	log_init(-1, "replay", LOG_L_WARN);
	if (!replay_names_begin(report.role, report.model) ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair)) {
		fprintf(stderr, "replay: no worker with devices: %s\n", report.role);
		return 2;
	}
	fc.no_vga = strcmp(report.role, "vga") != 0;
	fc.no_disk = strcmp(report.role, "disk") != 0;
	fc.nic = strcmp(report.role, "net") == 0 ? report.model : NULL;
	fc.tap = pair[0];
	if (!copy_image(argc > 2 ? argv[2] : NULL, image))
		return 2;
	fc.image[0] = image;
	status = run(&fc);
	unlink(image);
	return status;
}
