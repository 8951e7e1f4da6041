/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ring/trace_text.c - a record of abi/trace.h as a line of text, and back
 *
 * Writes in the supervisor, reads in cloisterctl and in tests.
 */
#include "ring/trace_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const char *const trace_kind_name[TRACE_KIND_COUNT] = {
	[TRACE_SHADOW] = "shadow", [TRACE_MIRROR] = "mirror",
	[TRACE_POSTED] = "posted", [TRACE_HOP] = "hop",
};

const char *const trace_space_name[CHAN_SPACE_COUNT] = {
	[CHAN_PIO] = "port", [CHAN_MMIO] = "memory", [CHAN_PCI] = "pci",
};

/* By TRACE_STRING | TRACE_DESC. */
static const char *const flags_name[] = { "-", "string", "down", "string,down" };
#define FLAGS_AT	1

static_assert(TRACE_STRING >> FLAGS_AT == 1 && TRACE_DESC >> FLAGS_AT == 2,
	      "the order of flags_name");

/* ---- writing ---- */

size_t trace_text_access(char to[TRACE_TEXT_MAX], const struct trace_rec *rec)
{
	return (size_t)snprintf(to, TRACE_TEXT_MAX, "%c%u %s 0x%" PRIx64 " 0x%" PRIx64
				" %u %s", rec->flags & TRACE_WRITE ? 'W' : 'R',
				rec->size, trace_space_name[rec->space], rec->addr,
				rec->value, rec->count,
				flags_name[(rec->flags & (TRACE_STRING | TRACE_DESC)) >>
					   FLAGS_AT]);
}

size_t trace_text_put(char to[TRACE_TEXT_MAX], const struct trace_rec *rec,
		      uint64_t age_ns)
{
	char access[TRACE_TEXT_MAX];

	trace_text_access(access, rec);
	return (size_t)snprintf(to, TRACE_TEXT_MAX, "access %" PRIu64 " %s %.120s",
				age_ns, trace_kind_name[rec->kind], access);
}

/* ---- reading ---- */

static int digit_of(char c, unsigned int base)
{
	int v = c >= '0' && c <= '9' ? c - '0' :
		c >= 'a' && c <= 'f' ? c - 'a' + 10 : 16;

	return v < (int)base ? v : -1;
}

bool trace_text_number(const char **at, uint64_t max, uint64_t *v)
{
	unsigned int base = strncmp(*at, "0x", 2) == 0 ? 16 : 10;
	const char *p = *at + (base == 16 ? 2 : 0), *first = p;

	*v = 0;
	for (int d; (d = digit_of(*p, base)) >= 0; p++) {
		if (*v > (max - (uint64_t)d) / base || (uint64_t)d > max)
			return false;
		*v = *v * base + (uint64_t)d;
	}
	if (p == first || (*p && (*p != ' ' || !p[1])))
		return false;
	*at = *p ? p + 1 : p;
	return true;
}

bool trace_text_skip(const char **at, const char *text)
{
	size_t len = strlen(text);

	if (strncmp(*at, text, len) != 0 || ((*at)[len] && (*at)[len] != ' '))
		return false;
	*at += (*at)[len] ? len + 1 : len;
	return true;
}

static bool skip_one_of(const char **at, const char *const *name, unsigned int count,
			unsigned int *which)
{
	for (*which = 0; *which < count; ++*which)
		if (trace_text_skip(at, name[*which]))
			return true;
	return false;
}

bool trace_text_get_access(const char *line, struct trace_rec *rec)
{
	unsigned int space, flags;
	uint64_t size, count;

	*rec = (struct trace_rec){ 0 };
	if (*line != 'R' && *line != 'W')
		return false;
	rec->flags = *line++ == 'W' ? TRACE_WRITE : 0;
	if (!trace_text_number(&line, 8, &size) || !size || (size & (size - 1)) ||
	    !skip_one_of(&line, trace_space_name, CHAN_SPACE_COUNT, &space) ||
	    !trace_text_number(&line, UINT64_MAX, &rec->addr) ||
	    !trace_text_number(&line, UINT64_MAX, &rec->value) ||
	    !trace_text_number(&line, UINT32_MAX, &count) || !count ||
	    !skip_one_of(&line, flags_name, 4, &flags) || *line || line[-1] == ' ')
		return false;
	rec->size = (uint8_t)size;
	rec->space = (uint8_t)space;
	rec->count = (uint32_t)count;
	rec->flags |= (uint8_t)(flags << FLAGS_AT);
	return true;
}

bool trace_text_get(const char *line, struct trace_rec *rec, uint64_t *age_ns)
{
	unsigned int kind;

	if (!trace_text_skip(&line, "access") ||
	    !trace_text_number(&line, INT64_MAX, age_ns) ||
	    !skip_one_of(&line, trace_kind_name, TRACE_KIND_COUNT, &kind) ||
	    !trace_text_get_access(line, rec))
		return false;
	rec->kind = (uint8_t)kind;
	return true;
}
