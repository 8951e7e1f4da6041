/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ctl/crash_file.c - reads a crash report, abi/crash.h
 *
 * Runs in cloisterctl, confined, and in tests.
 */
#include "ctl/crash_file.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "ring/trace_text.h"

#define PCI_CONFIG_DIGITS	512u
#define DOMID_MAX		UINT16_MAX
#define PID_MAX			(1u << 22)

struct reader {
	struct crash_file *f;
	char *at, *end;		/* what is left */
	unsigned int line;
	char *why;
	size_t why_len;
};

__attribute__((format(printf, 2, 3)))
static bool refuse(struct reader *r, const char *fmt, ...)
{
	char what[120];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	snprintf(r->why, r->why_len, "line %u: %s", r->line, what);
	return false;
}

/* NULL: there is none, or it is none of ours, which is said. */
static char *next_line(struct reader *r)
{
	char *line = r->at, *end = memchr(line, '\n', (size_t)(r->end - line));

	r->line++;
	if (!end) {
		refuse(r, line == r->end ? "the report is cut off" : "no newline at its end");
		return NULL;
	}
	if (end - line >= (int)CRASH_LINE_MAX) {
		refuse(r, "too long");
		return NULL;
	}
	*end = '\0';
	r->at = end + 1;
	for (char *c = line; c < end; c++)
		if (*c < 0x20 || *c >= 0x7f) {
			refuse(r, "not printable ASCII");
			return NULL;
		}
	return line;
}

/* ---- values ---- */

static bool take_text(const char **to, const char *value)
{
	*to = value;
	return true;
}

static bool take_number(uint64_t *to, const char *value, uint64_t max)
{
	return trace_text_number(&value, max, to) && !*value;
}

static bool take_time(struct crash_file *f, const char *value)
{
	struct tm tm = { 0 };
	const char *at = strptime(value, "%Y-%m-%dT%H:%M:%S.", &tm);
	uint64_t us;
	char digits[8];
	time_t s;

	if (!at || strlen(at) != 7 || at[6] != 'Z' || strspn(at, "0123456789") != 6)
		return false;
	snprintf(digits, sizeof(digits), "%.6s", at);
	s = timegm(&tm);
	if (s < 0 || s > INT64_MAX / NS_PER_S - 1 || !take_number(&us, digits, 999999))
		return false;
	f->time = value;
	f->time_ns = s * NS_PER_S + (int64_t)us * NS_PER_US;
	return true;
}

static bool take_request(struct crash_file *f, const char *value)
{
	static const char *const name[] = CRASH_REQUEST_NAMES;

	if (!trace_text_number(&value, UINT32_MAX, &f->request_seq))
		return false;
	for (size_t i = 0; i < sizeof(name) / sizeof(name[0]); i++) {
		if (!trace_text_skip(&value, name[i]))
			continue;
		f->request = name[i];
		f->request_is_access = *value != '\0';
		return !*value || trace_text_get_access(value, &f->request_rec);
	}
	return false;
}

static bool take_function(struct crash_file *f, const char *value)
{
	unsigned int i = f->function_count;

	if (i == CRASH_FUNCTIONS_MAX ||
	    !trace_text_number(&value, UINT8_MAX, &f->function[i].devfn) ||
	    strlen(value) != PCI_CONFIG_DIGITS ||
	    strspn(value, "0123456789abcdef") != PCI_CONFIG_DIGITS)
		return false;
	f->function[i].config = value;
	f->function_count++;
	return true;
}

static bool take_log(struct crash_file *f, const char *value)
{
	if (f->log_count == CRASH_LOG_LINES_MAX)
		return false;
	f->log[f->log_count++] = value;
	return true;
}

/* ---- keys ---- */

#define NEEDED	0x1u
#define MANY	0x2u

enum key {
	KEY_TIME, KEY_VERSION, KEY_DOMID, KEY_GUEST, KEY_WORKER, KEY_ROLE, KEY_MODEL,
	KEY_PID, KEY_ENDED, KEY_WHY, KEY_WAITING, KEY_REQUEST, KEY_PCI, KEY_LOG,
	KEY_BEFORE, KEY_ACCESSES, KEY_COUNT
};

/* In the order of abi/crash.h. */
static const struct {
	const char *name;
	unsigned int flags;
} keys[KEY_COUNT] = {
	[KEY_TIME] = { "time:", NEEDED },	[KEY_VERSION] = { "version:", NEEDED },
	[KEY_DOMID] = { "domid:", NEEDED },	[KEY_GUEST] = { "guest:", NEEDED },
	[KEY_WORKER] = { "worker:", NEEDED },	[KEY_ROLE] = { "role:", NEEDED },
	[KEY_MODEL] = { "model:", 0 },		[KEY_PID] = { "pid:", NEEDED },
	[KEY_ENDED] = { "ended:", NEEDED },	[KEY_WHY] = { "why:", 0 },
	[KEY_WAITING] = { "waiting:", 0 },	[KEY_REQUEST] = { "request:", 0 },
	[KEY_PCI] = { "pci:", MANY },		[KEY_LOG] = { "log:", MANY },
	[KEY_BEFORE] = { "before:", 0 },	[KEY_ACCESSES] = { "accesses:", 0 },
};

static bool take(struct crash_file *f, enum key key, const char *value, uint64_t *accesses)
{
	switch (key) {
	case KEY_TIME:		return take_time(f, value);
	case KEY_VERSION:	return take_text(&f->version, value);
	case KEY_DOMID:		return take_number(&f->domid, value, DOMID_MAX);
	case KEY_GUEST:		return take_text(&f->guest, value);
	case KEY_WORKER:	return take_text(&f->worker, value);
	case KEY_ROLE:		return take_text(&f->role, value);
	case KEY_MODEL:		return take_text(&f->model, value);
	case KEY_PID:		return take_number(&f->pid, value, PID_MAX);
	case KEY_ENDED:		return take_text(&f->ended, value);
	case KEY_WHY:		return take_text(&f->why, value);
	case KEY_WAITING:	return take_number(&f->waiting, value, UINT32_MAX);
	case KEY_REQUEST:	return take_request(f, value);
	case KEY_PCI:		return take_function(f, value);
	case KEY_LOG:		return take_log(f, value);
	case KEY_BEFORE:	return take_number(&f->before, value, UINT64_MAX);
	case KEY_ACCESSES:	return take_number(accesses, value, TRACE_SLOTS);
	case KEY_COUNT:		break;
	}
	return false;
}

static bool read_accesses(struct reader *r, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++) {
		struct crash_access *a = &r->f->access[i];
		char *line = next_line(r);

		if (!line)
			return false;
		a->line = r->line;
		if (!trace_text_get(line, &a->rec, &a->age_ns))
			return refuse(r, "no access: %.60s", line);
		r->f->access_count++;
	}
	return true;
}

/* Which key @line has, of those that may still come; KEY_COUNT: none.  Those
   that had to come before it are missed. */
static enum key find_key(const char *line, enum key from, const char **missing,
			 const char **value)
{
	for (enum key k = from; k < KEY_COUNT; k++) {
		*value = line;
		if (trace_text_skip(value, keys[k].name))
			return k;
		if (keys[k].flags & NEEDED) {
			*missing = keys[k].name;
			return KEY_COUNT;
		}
	}
	return KEY_COUNT;
}

static bool read_keys(struct reader *r)
{
	enum key next = 0;
	uint64_t accesses = 0;
	char *line;

	while ((line = next_line(r))) {
		const char *missing = NULL, *value;
		enum key k = find_key(line, next, &missing, &value);

		if (k == KEY_COUNT && !missing && strcmp(line, "end") == 0)
			return r->at == r->end || (r->line++, refuse(r, "something after the end"));
		if (k == KEY_COUNT)
			return refuse(r, missing ? "%s expected: %.60s" : "%s%.60s",
				      missing ? missing : "not a line of a report: ", line);
		if (!take(r->f, k, value, &accesses))
			return refuse(r, "%s not a value for it, or too many: %.60s",
				      keys[k].name, value);
		if (k == KEY_ACCESSES && !read_accesses(r, accesses))
			return false;
		next = keys[k].flags & MANY ? k : k + 1;
	}
	return false;
}

bool crash_file_parse(struct crash_file *f, char *text, size_t len, char *why,
		      size_t why_len)
{
	struct reader r = { .f = f, .at = text, .end = text + len, .why = why,
		.why_len = why_len };
	const char *line;
	uint64_t version;

	memset(f, 0, sizeof(*f));
	f->time = f->version = f->guest = f->worker = f->role = f->model = f->ended =
		f->why = f->request = "";
	line = next_line(&r);
	if (!line)
		return false;
	if (!trace_text_skip(&line, CRASH_MAGIC) ||
	    !trace_text_number(&line, UINT32_MAX, &version) || *line)
		return refuse(&r, "not a crash report");
	if (version != CRASH_VERSION)
		return refuse(&r, "a report of version %llu, and only %u is known",
			      (unsigned long long)version, CRASH_VERSION);
	return read_keys(&r);
}
