/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ctl/trace_out.c - accesses by register name, on standard output
 *
 * Runs in cloisterctl, confined.  Where windows are is found out from the
 * guest's PCI configuration as it was found, and from the writes to it that are
 * among the accesses.
 */
#include "ctl/trace_out.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "ring/trace_text.h"

#define CFG_BYTES	256u

/* ---- where things are ---- */

void trace_out_begin(struct tracer *t, bool known)
{
	t->bus = known ? windows_build(t->kind) : NULL;
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

void trace_out_configure(struct tracer *t, uint64_t devfn, const char *hex)
{
	uint8_t cfg[CFG_BYTES];

	if (t->bus && devfn < 256 && read_hex(hex, cfg, sizeof(cfg)))
		windows_configure(t->bus, (unsigned int)devfn, cfg);
}

bool trace_out_name(struct tracer *t, const struct trace_rec *rec, struct access *a)
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

void trace_out_follow(struct tracer *t, const struct trace_rec *rec)
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

/* ---- how they are told ---- */

void trace_out_put_time(struct access *a, int64_t at_ns)
{
	time_t s = (time_t)(at_ns / NS_PER_S);
	struct tm tm;

	if (at_ns < 0 || !localtime_r(&s, &tm)) {
		snprintf(a->time, sizeof(a->time), "?");
		return;
	}
	snprintf(a->time, sizeof(a->time), "%02d:%02d:%02d.%06d", tm.tm_hour, tm.tm_min,
		 tm.tm_sec, (int)(at_ns % NS_PER_S / NS_PER_US));
}

static uint64_t value_of(const struct trace_rec *r)
{
	return r->size == 8 || r->flags & TRACE_STRING ? r->value
		: r->value & ((UINT64_C(1) << 8 * r->size) - 1);
}

json_t *trace_out_json(const struct access *a)
{
	const struct trace_rec *r = &a->rec;

	return json_pack("{s:s,s:s,s:s,s:s,s:I,s:i,s:s,s:s,s:s,s:I,s:I,s:b}",
			 "time", a->time, "direction",
			 r->flags & TRACE_WRITE ? "write" : "read",
			 "kind", trace_kind_name[r->kind], "space", trace_space_name[r->space],
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
	       trace_kind_name[r->kind], r->flags & TRACE_WRITE ? "W" : "R", r->size,
	       trace_space_name[r->space], r->addr, a->device[0] ? a->device : "-",
	       a->reg[0] ? a->reg : "-");
	if (r->flags & TRACE_STRING)
		printf(" %u items at guest address 0x%" PRIx64, r->count, r->value);
	else
		printf(" 0x%0*" PRIx64, 2 * r->size, value_of(r));
	if (!(r->flags & TRACE_STRING) && r->count > 1)
		printf(" x%u", r->count);
	putchar('\n');
}

void trace_out_print(struct tracer *t, const struct access *a)
{
	t->printed++;
	if (t->list) {
		json_array_append_new(t->list, trace_out_json(a));
	} else if (t->ctl->json) {
		json_t *o = trace_out_json(a);

		json_dumpf(o, stdout, JSON_COMPACT | JSON_ENSURE_ASCII);
		putchar('\n');
		json_decref(o);
	} else {
		print_text(a);
	}
}

uint64_t trace_out_wanted(uint64_t count, uint64_t there)
{
	return count && count < there ? count : there;
}
