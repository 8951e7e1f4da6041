/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/lib/tap.h - Test Anything Protocol, for C tests
 */
#ifndef TESTS_LIB_TAP_H
#define TESTS_LIB_TAP_H

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned int tap_count, tap_failed;

__attribute__((format(printf, 2, 3), unused))
static bool ok(bool good, const char *fmt, ...)
{
	va_list ap;

	flockfile(stdout);	/* a family's log comes from another thread */
	printf("%sok %u - ", good ? "" : "not ", ++tap_count);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	funlockfile(stdout);
	fflush(stdout);
	tap_failed += !good;
	return good;
}

__attribute__((unused))
static bool is_hex(uint64_t got, uint64_t want, const char *what)
{
	bool good = ok(got == want, "%s", what);

	if (!good)
		printf("# got 0x%" PRIx64 ", want 0x%" PRIx64 "\n", got, want);
	return good;
}

__attribute__((unused))
static bool is_str(const char *got, const char *want, const char *what)
{
	bool good = ok(got && want && strcmp(got, want) == 0, "%s", what);

	if (!good)
		printf("# got \"%s\", want \"%s\"\n", got ? got : "(null)",
		       want ? want : "(null)");
	return good;
}

__attribute__((unused))
static void skip(const char *why)
{
	printf("ok %u # SKIP %s\n", ++tap_count, why);
}

/* The whole program is skipped. */
__attribute__((unused))
static int skip_all(const char *why)
{
	printf("1..0 # SKIP %s\n", why);
	return 0;
}

__attribute__((unused))
static int tap_done(void)
{
	printf("1..%u\n", tap_count);
	return tap_failed != 0;
}

#endif /* TESTS_LIB_TAP_H */
