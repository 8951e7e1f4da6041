/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/test_crash_file.c - reports that were cut, edited or made up
 *
 * The seed of the random part is printed, and can be given as first argument.
 */
#include <time.h>

#include "ctl/crash_file.h"
#include "ring/trace_text.h"
#include "tap.h"

#define LINES		200000u
#define EDITS		30000u
#define ACCESSES	12u

static struct crash_file f;
static char good[65536], why[200];
static size_t good_len;
static uint64_t state = 88172645463325252u;

static uint32_t rnd(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 16);
}

static uint64_t any(void)
{
	uint64_t v = (uint64_t)rnd() << 32 | rnd();

	return rnd() & 3 ? v >> (rnd() & 63) : v;
}

static struct trace_rec make(void)
{
	struct trace_rec r = { .addr = any(), .value = any(), .count = rnd() | 1,
		.size = (uint8_t)(1u << (rnd() & 3)), .flags = rnd() & TRACE_FLAGS,
		.kind = (uint8_t)(rnd() % TRACE_KIND_COUNT),
		.space = (uint8_t)(rnd() % CHAN_SPACE_COUNT) };

	return r;
}

static bool is_sane(const struct trace_rec *r)
{
	return r->kind < TRACE_KIND_COUNT && r->space < CHAN_SPACE_COUNT && r->count &&
		!(r->flags & ~TRACE_FLAGS) && r->ticks == 0 &&
		(r->size == 1 || r->size == 2 || r->size == 4 || r->size == 8);
}

/* ---- one line ---- */

static void test_round_trip(void)
{
	unsigned int wrong = 0, torn = 0;

	for (unsigned int i = 0; i < LINES; i++) {
		struct trace_rec r = make(), back;
		uint64_t age = any() >> 1, age_back;
		char line[TRACE_TEXT_MAX];
		size_t len = trace_text_put(line, &r, age);

		wrong += len >= sizeof(line) || !trace_text_get(line, &back, &age_back) ||
			age_back != age || memcmp(&back, &r, sizeof(r)) != 0;
		/* Whatever becomes of it, what comes out makes sense. */
		line[rnd() % len] = rnd() & 1 ? " 0x1-R,"[rnd() % 7] : (char)rnd();
		torn += trace_text_get(line, &back, &age_back) && !is_sane(&back);
	}
	is_hex(wrong, 0, "a record becomes a line and a record again");
	is_hex(torn, 0, "a spoilt line becomes none, or one that makes sense");
}

static void test_lines(void)
{
	static const char *const bad[] = {
		"", "access", "access 1", "access 1 hop", "access 1 hop W1",
		"access 1 hop W1 port 0x1 0x2 1", "access 1 hop W1 port 0x1 0x2 1 - ",
		"access 1 hop W1 port 0x1 0x2 1 - x", "access 1 hop W3 port 0x1 0x2 1 -",
		"access 1 hop W0 port 0x1 0x2 1 -", "access 1 hop W16 port 0x1 0x2 1 -",
		"access 1 hop X1 port 0x1 0x2 1 -", "access 1 jump W1 port 0x1 0x2 1 -",
		"access 1 hop W1 disk 0x1 0x2 1 -", "access -1 hop W1 port 0x1 0x2 1 -",
		"access 1 hop W1 port 0x1 0x2 0 -", "access 1 hop W1 port 0x1 0x2 4294967296 -",
		"access 1 hop W1 port 0x10000000000000000 0x2 1 -",
		"access 9223372036854775808 hop W1 port 0x1 0x2 1 -",
		"access 1  hop W1 port 0x1 0x2 1 -", "access 1 hop W1 port 0x 0x2 1 -",
		"access 1 hop W1 port 0xG 0x2 1 -", "Access 1 hop W1 port 0x1 0x2 1 -",
		"access 1 hop W1 port 0x1 0x2 1 down,string", "access 1 hops W1 port 0x1 0x2 1 -",
	};
	struct trace_rec r;
	uint64_t age, v;
	const char *at = "18446744073709551615";

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ok(!trace_text_get(bad[i], &r, &age), "no access: \"%s\"", bad[i]);
	ok(trace_text_get("access 0 mirror R4 pci 0x944 0x0 7 string,down", &r, &age) &&
	   r.space == CHAN_PCI && r.count == 7 && r.flags == (TRACE_STRING | TRACE_DESC),
	   "but this is one");
	ok(trace_text_number(&at, UINT64_MAX, &v) && v == UINT64_MAX && !*at, "2^64 - 1");
	at = "18446744073709551616";
	ok(!trace_text_number(&at, UINT64_MAX, &v), "2^64 is too much");
}

/* ---- a file ---- */

__attribute__((format(printf, 1, 2)))
static void add(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	good_len += (size_t)vsnprintf(good + good_len, sizeof(good) - good_len, fmt, ap);
	va_end(ap);
}

static void make_good(void)
{
	add("cloister-crash 1\ntime: 2026-11-21T17:04:05.123456Z\nversion: 0.1.0\n"
	    "domid: 7\nguest: web1\nworker: disk0\nrole: disk\npid: 817\n"
	    "ended: signal SIGSEGV\nwaiting: 3\nrequest: 4711 access W1 port 0x1f7 0x20 1 -\n"
	    "pci: 9 ");
	for (int i = 0; i < 256; i++)
		add("%02x", i);
	add("\nlog: disk0: image failed: error=EIO\nlog: disk0: bug\nbefore: 5\naccesses: %u\n",
	    ACCESSES);
	for (unsigned int i = 0; i < ACCESSES; i++) {
		struct trace_rec r = make();
		char line[TRACE_TEXT_MAX];

		trace_text_put(line, &r, 1000 - i);
		add("%s\n", line);
	}
	add("end\n");
}

/* In memory of exactly that size, so that a sanitizer sees one byte more. */
static bool parse(const char *text, size_t len)
{
	char *copy = malloc(len + 1);
	bool whole;

	memcpy(copy, text, len);
	snprintf(why, sizeof(why), "nothing was said");
	whole = crash_file_parse(&f, copy, len, why, sizeof(why));
	f.time = f.version = f.guest = f.worker = f.role = f.model = f.ended = f.why = "";
	free(copy);
	return whole;
}

static void test_good(void)
{
	char *copy = strndup(good, good_len);
	struct tm tm = { .tm_year = 126, .tm_mon = 10, .tm_mday = 21, .tm_hour = 17,
		.tm_min = 4, .tm_sec = 5 };

	if (!ok(crash_file_parse(&f, copy, good_len, why, sizeof(why)), "a good one"))
		printf("# %s\n", why);
	is_str(f.worker, "disk0", "whose");
	is_str(f.ended, "signal SIGSEGV", "how");
	ok(f.time_ns == timegm(&tm) * 1000000000ll + 123456000, "when");
	ok(strcmp(f.request, "access") == 0 && f.request_is_access &&
	   f.request_seq == 4711 && f.request_rec.addr == 0x1f7 &&
	   f.request_rec.flags == TRACE_WRITE, "what it was at");
	ok(f.function_count == 1 && f.function[0].devfn == 9 &&
	   strncmp(f.function[0].config, "000102", 6) == 0, "its function");
	ok(f.log_count == 2 && strcmp(f.log[1], "disk0: bug") == 0, "its log");
	ok(f.before == 5 && f.access_count == ACCESSES && f.access[0].age_ns == 1000 &&
	   f.access[0].line == 17, "its accesses");
	free(copy);
}

static void test_cut(void)
{
	unsigned int taken = 0, silent = 0;

	for (size_t len = 0; len < good_len; len++) {
		taken += parse(good, len);
		silent += strncmp(why, "line ", 5) != 0;
	}
	is_hex(taken, 0, "cut at any byte, it is not whole");
	is_hex(silent, 0, "and the line is told");
	parse(good, good_len - 4);
	is_str(why, "line 29: the report is cut off", "so");
}

/* @from becomes @to. */
static bool edited(const char *from, const char *to)
{
	char *at = strstr(good, from), *text = malloc(sizeof(good) + 4096);
	size_t before = (size_t)(at - good), len;
	bool whole;

	memcpy(text, good, before);
	len = before + (size_t)sprintf(text + before, "%s%s", to, at + strlen(from));
	whole = parse(text, len);
	free(text);
	return whole;
}

static void test_edited(void)
{
	static const struct { const char *from, *to, *said; } e[] = {
		{ "crash 1\n", "crash 2\n", "line 1: a report of version 2, and only 1 is known" },
		{ "cloister-crash", "core", "line 1: not a crash report" },
		{ "domid: 7\n", "", "line 4: domid: expected: guest: web1" },
		{ "domid: 7", "domid: 70000", "line 4: domid: not a value for it, or too many: 70000" },
		{ "guest: web1", "guest: we\033[2Jb1", "line 5: not printable ASCII" },
		{ "pid: 817\n", "pid: 817\npid: 817\n", "line 9: ended: expected: pid: 817" },
		{ "before: 5", "frob: 5", "line 15: not a line of a report: frob: 5" },
		{ "11-21T", "13-21T", "line 2: time: not a value for it, or too many: "
		  "2026-13-21T17:04:05.123456Z" },
		{ ".123456Z", ".12345Z", "line 2: time: not a value for it, or too many: "
		  "2026-11-21T17:04:05.12345Z" },
		{ "accesses: 12", "accesses: 13", "line 29: no access: end" },
		{ "accesses: 12", "accesses: 11", NULL },
		{ "accesses: 12", "accesses: 4097", "line 16: accesses: not a value for it, or too many: 4097" },
		{ "\nend\n", "\nend\nend\n", "line 30: something after the end" },
		{ "request: 4711 access W1", "request: 4711 frob W1", NULL },
		{ "request: 4711 access W1", "request: 4711 access W9", NULL },
		{ "pci: 9 00", "pci: 9 zz", NULL }, { "pci: 9 00", "pci: 9 0", NULL },
		{ "pci: 9", "pci: 256", NULL },
	};
	char text[3000];
	int n = 0;

	for (size_t i = 0; i < sizeof(e) / sizeof(e[0]); i++) {
		bool whole = edited(e[i].from, e[i].to);

		if (!ok(!whole && (!e[i].said || strcmp(why, e[i].said) == 0), "refused: %s",
			why) && e[i].said)
			printf("# wanted: %s\n", e[i].said);
	}
	ok(edited("request: 4711 access W1 port 0x1f7 0x20 1 -", "request: 1 pause"),
	   "a request that is no access");
	memset(text, 'x', sizeof(text));
	text[1500] = '\0';
	ok(!edited("web1", text) && strstr(why, "line 5: too long"), "a line too long");
	for (unsigned int i = 0; i <= CRASH_LOG_LINES_MAX; i++)
		n += sprintf(text + n, "log: x\n");
	ok(!edited("log: disk0: bug\n", text) && strstr(why, "too many"), "a log without end");
}

static void test_random(void)
{
	char *text = malloc(good_len);
	unsigned int insane = 0, whole = 0, silent = 0;

	for (unsigned int i = 0; i < EDITS; i++) {
		memcpy(text, good, good_len);
		for (unsigned int n = 1 + rnd() % 4; n; n--)
			text[rnd() % good_len] = rnd() & 1 ? good[rnd() % good_len] :
				(char)rnd();
		if (parse(text, good_len))
			whole++;
		else
			silent += strncmp(why, "line ", 5) != 0;
		insane += f.access_count > TRACE_SLOTS || f.log_count > CRASH_LOG_LINES_MAX ||
			f.function_count > CRASH_FUNCTIONS_MAX;
		for (unsigned int a = 0; a < f.access_count; a++)
			insane += !is_sane(&f.access[a].rec);
	}
	is_hex(insane, 0, "of a file with any bytes changed, only what makes sense comes out");
	is_hex(silent, 0, "and what is wrong is told");
	printf("# %u of %u were still reports\n", whole, EDITS);
	free(text);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		state = strtoull(argv[1], NULL, 0) | 1;
	printf("# seed %llu\n", (unsigned long long)state);
	test_round_trip();
	test_lines();
	make_good();
	test_good();
	test_cut();
	test_edited();
	test_random();
	return tap_done();
}
