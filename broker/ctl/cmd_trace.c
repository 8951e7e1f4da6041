/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ctl/cmd_trace.c - cloisterctl trace: a guest's accesses, by register name
 *
 * Runs in cloisterctl.  The broker writes the ring, the supervisor hands out a
 * descriptor for it; nobody waits for us.  Where windows are is found out from
 * the guest's PCI configuration as it is when we come, and from the writes to
 * it that we see.
 */
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "ctl/client.h"
#include "ctl/ctl.h"
#include "ctl/text.h"
#include "ctl/windows.h"
#include "ring/trace.h"

#define POLL_MS		10	/* a ring holds what comes in so long */
#define BATCH		256u
#define NAME_ROOM	40
#define CFG_BYTES	256u

struct tracer {
	const struct ctl *ctl;
	struct trace *ring;
	struct trace_reader reader;
	enum windows_kind kind;
	struct bus *bus;			/* NULL: no names */
	const struct windows_device *device;	/* NULL: all of the worker's */
	uint64_t seen, printed, lost_told;
	json_t *list;				/* with --json, not --follow */
};

/* ---- whose accesses ---- */

/* The model of the card that @worker has, "" if it has none. */
static const char *model_of(const struct guest *g, const char *worker)
{
	const json_t *d;
	size_t i;

	json_array_foreach(json_object_get(g->status, "devices"), i, d)
		if (strcmp(text_of(d, "kind"), "nic") == 0 &&
		    strcmp(text_of(d, "worker"), worker) == 0)
			return text_of(d, "name");
	return "";
}

static bool kind_of(const struct guest *g, const json_t *process,
		    enum windows_kind *kind)
{
	const char *name = text_of(process, "name");

	return windows_kind_of(text_of(process, "role"), model_of(g, name), kind);
}

/* The worker that @what names, or that has the device @what; NULL. */
static const char *find_worker(struct tracer *t, const struct guest *g,
			       const char *what)
{
	const json_t *p, *list = json_object_get(g->status, "processes");
	const char *found = NULL;
	bool is_device = windows_find_device(what) != NULL;
	enum windows_kind kind = WINDOWS_PLATFORM;
	size_t i;

	json_array_foreach(list, i, p) {
		bool known = kind_of(g, p, &kind);
		const char *name = text_of(p, "name");

		if (strcmp(name, what) == 0)
			t->device = NULL;
		else if (known && is_device && windows_find_device(what)->kind == kind)
			t->device = windows_find_device(what);
		else
			continue;
		if (found) {
			ctl_complain("more than one worker has it, say which: %s, %s",
				     found, name);
			return NULL;
		}
		found = name;
		t->kind = kind;
		t->bus = known ? windows_build(kind) : NULL;
	}
	if (!found)
		ctl_complain("the guest has no such worker or device: %s", what);
	return found;
}

static int hex_digit(char c)
{
	const char *digits = "0123456789abcdef";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

static bool read_hex(const char *hex, uint8_t *to, size_t bytes)
{
	if (strlen(hex) != 2 * bytes)
		return false;
	for (size_t i = 0; i < bytes; i++) {
		int high = hex_digit(hex[2 * i]), low = hex_digit(hex[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		to[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

static void place_windows(struct tracer *t, const json_t *answer)
{
	uint8_t cfg[CFG_BYTES];
	const json_t *f;
	size_t i;

	json_array_foreach(json_object_get(answer, "pci"), i, f)
		if (t->bus && text_uint(f, "devfn") < 256 &&
		    read_hex(text_of(f, "config"), cfg, sizeof(cfg)))
			windows_configure(t->bus, (unsigned int)text_uint(f, "devfn"), cfg);
}

/* ---- one access ---- */

struct access {
	struct trace_rec rec;
	const char *device;			/* "" */
	const char *window;			/* "" */
	char reg[NAME_ROOM];
	char time[32];
};

static void put_time(struct access *a, const struct trace *ring)
{
	uint64_t age_ns = trace_age_ns(ring, &a->rec, __builtin_ia32_rdtsc());
	struct timespec now;
	struct tm tm;
	int64_t at_ns;
	time_t s;

	clock_gettime(CLOCK_REALTIME, &now);
	at_ns = now.tv_sec * NS_PER_S + now.tv_nsec - (int64_t)(age_ns & INT64_MAX);
	s = (time_t)(at_ns / NS_PER_S);
	if (!ring->ticks_per_ms || at_ns < 0 || !localtime_r(&s, &tm)) {
		snprintf(a->time, sizeof(a->time), "?");
		return;
	}
	snprintf(a->time, sizeof(a->time), "%02d:%02d:%02d.%06d", tm.tm_hour, tm.tm_min,
		 tm.tm_sec, (int)(at_ns % NS_PER_S / NS_PER_US));
}

/* Names it; false: it is of another device than was asked for. */
static bool name_access(struct tracer *t, const struct trace_rec *rec,
			struct access *a)
{
	const struct windows_device *owner;
	uint32_t off;
	int win;

	*a = (struct access){ .rec = *rec, .device = "", .window = "" };
	win = t->bus ? windows_find(t->bus, (enum chan_space)rec->space, rec->addr, &off) : -1;
	if (win < 0)
		return !t->device;
	owner = windows_owner(t->kind, t->bus, (unsigned int)win);
	if (t->device && owner != t->device)
		return false;
	a->device = owner ? owner->name : "";
	a->window = t->bus->win[win].name;
	windows_register(t->bus, (unsigned int)win, off, a->reg, sizeof(a->reg));
	return true;
}

/* The guest moves a window: the accesses after it are found elsewhere. */
static void follow_configuration(struct tracer *t, const struct trace_rec *rec)
{
	uint32_t off;
	int win;

	if (!t->bus || rec->space != CHAN_PCI || !(rec->flags & TRACE_WRITE) ||
	    rec->size > 4)
		return;
	win = windows_find(t->bus, CHAN_PCI, rec->addr, &off);
	if (win >= 0 && off + rec->size <= CFG_BYTES)
		t->bus->win[win].ops->write(t->bus->win[win].dev, off, rec->size,
					    (uint32_t)rec->value);
}

static const char *const kind_name[TRACE_KIND_COUNT] = {
	[TRACE_SHADOW] = "shadow", [TRACE_MIRROR] = "mirror",
	[TRACE_POSTED] = "posted", [TRACE_HOP] = "hop",
};

static const char *const space_name[CHAN_SPACE_COUNT] = {
	[CHAN_PIO] = "port", [CHAN_MMIO] = "memory", [CHAN_PCI] = "pci",
};

static uint64_t value_of(const struct trace_rec *r)
{
	return r->size == 8 || r->flags & TRACE_STRING ? r->value
		: r->value & ((UINT64_C(1) << 8 * r->size) - 1);
}

static json_t *access_json(const struct access *a)
{
	const struct trace_rec *r = &a->rec;

	return json_pack("{s:s,s:s,s:s,s:s,s:I,s:i,s:s,s:s,s:s,s:I,s:I,s:b}",
			 "time", a->time, "direction",
			 r->flags & TRACE_WRITE ? "write" : "read",
			 "kind", kind_name[r->kind], "space", space_name[r->space],
			 "address", (json_int_t)(r->addr & INT64_MAX),
			 "size", (int)r->size, "device", a->device,
			 "window", a->window, "register", a->reg,
			 "value", (json_int_t)(value_of(r) & INT64_MAX),
			 "count", (json_int_t)r->count,
			 "string", (r->flags & TRACE_STRING) != 0);
}

static void print_text(const struct access *a)
{
	const struct trace_rec *r = &a->rec;

	printf("%-15s %-6s %s%u %-6s 0x%-8" PRIx64 " %-12s %-18s", a->time,
	       kind_name[r->kind], r->flags & TRACE_WRITE ? "W" : "R", r->size,
	       space_name[r->space], r->addr, a->device[0] ? a->device : "-",
	       a->reg[0] ? a->reg : "-");
	if (r->flags & TRACE_STRING)
		printf(" %u items at guest address 0x%" PRIx64, r->count, r->value);
	else
		printf(" 0x%0*" PRIx64, 2 * r->size, value_of(r));
	if (!(r->flags & TRACE_STRING) && r->count > 1)
		printf(" x%u", r->count);
	putchar('\n');
}

static void print_access(struct tracer *t, struct access *a)
{
	put_time(a, t->ring);
	t->printed++;
	if (t->list)
		json_array_append_new(t->list, access_json(a));
	else if (t->ctl->json) {
		json_t *o = access_json(a);

		json_dumpf(o, stdout, JSON_COMPACT | JSON_ENSURE_ASCII);
		putchar('\n');
		json_decref(o);
	} else
		print_text(a);
}

/* ---- all of them ---- */

static bool is_enough(const struct tracer *t)
{
	/* The guest goes on while we read what is there. */
	return t->ctl->follow ? t->ctl->count && t->printed >= t->ctl->count
		: t->seen >= TRACE_SLOTS;
}

/* What is new, named; those that are wanted go to @take. */
static void read_new(struct tracer *t, void (*take)(struct tracer *t, struct access *a))
{
	struct trace_rec rec[BATCH];
	unsigned int n;

	do {
		n = trace_read(&t->reader, rec, BATCH);
		for (unsigned int i = 0; i < n && !is_enough(t); i++) {
			struct access a;
			bool wanted = name_access(t, &rec[i], &a);

			t->seen++;
			follow_configuration(t, &rec[i]);
			if (wanted)
				take(t, &a);
		}
	} while (n && !is_enough(t));
}

static void tell_lost(struct tracer *t)
{
	uint64_t lost = t->reader.lost + t->reader.bad;

	if (lost == t->lost_told)
		return;
	t->lost_told = lost;
	ctl_complain("%" PRIu64 " accesses were too fast to be shown", lost);
}

/* Until enough are printed, or the guest is gone. */
static enum ctl_exit follow(struct tracer *t, const struct guest *g)
{
	for (;;) {
		struct pollfd p = { g->client.fd, POLLIN, 0 };

		read_new(t, print_access);
		fflush(stdout);
		if (is_enough(t) || ferror(stdout))
			return CTL_OK;
		tell_lost(t);
		/* Nothing is due on this socket but its end. */
		if (poll(&p, 1, POLL_MS) > 0)
			return CTL_OK;
	}
}

/* The last ones, which are known at the end only. */
static struct {
	struct access access[TRACE_SLOTS];
	uint64_t count;
} kept;

static void keep_access(struct tracer *t, struct access *a)
{
	(void)t;
	kept.access[kept.count++ % TRACE_SLOTS] = *a;
}

static enum ctl_exit dump(struct tracer *t)
{
	uint64_t wanted = t->ctl->count;

	read_new(t, keep_access);
	if (!wanted || wanted > TRACE_SLOTS)
		wanted = TRACE_SLOTS;
	if (wanted > kept.count)
		wanted = kept.count;
	t->list = t->ctl->json ? json_array() : NULL;
	for (uint64_t i = kept.count - wanted; i < kept.count; i++)
		print_access(t, &kept.access[i % TRACE_SLOTS]);
	if (t->list)
		ctl_print_json(t->list);
	return CTL_OK;
}

static enum ctl_exit trace_worker(struct tracer *t, struct guest *g,
				  const char *worker)
{
	enum ctl_exit status;
	json_t *answer;
	int fd;

	answer = client_ask(&g->client, "trace", json_pack("{s:s}", "worker", worker),
			    &fd, g->why, sizeof(g->why));
	if (!answer) {
		ctl_complain("guest %u: %s", g->client.domid, g->why);
		return CTL_FAILED;
	}
	place_windows(t, answer);
	json_decref(answer);
	t->ring = fd >= 0 ? trace_map(fd, false) : NULL;
	if (fd >= 0)
		close(fd);
	if (!t->ring) {
		ctl_complain("guest %u: no trace came with the answer", g->client.domid);
		return CTL_FAILED;
	}
	trace_reader_init(&t->reader, t->ring, !t->ctl->follow);
	status = t->ctl->follow ? follow(t, g) : dump(t);
	munmap(t->ring, sizeof(*t->ring));
	return status;
}

enum ctl_exit cmd_trace(const struct ctl *ctl)
{
	struct tracer t = { .ctl = ctl };
	struct guest_list l;
	enum ctl_exit status = guest_list_get(ctl->run_dir, ctl->arg[0], &l);
	const char *worker;

	if (status == CTL_OK) {
		worker = find_worker(&t, &l.guest[0], ctl->arg[1]);
		status = worker ? trace_worker(&t, &l.guest[0], worker) : CTL_FAILED;
	}
	guest_list_free(&l);
	return status;
}
