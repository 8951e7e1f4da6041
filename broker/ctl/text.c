/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ctl/text.c - texts for a terminal, and values out of JSON that may lie
 *
 * Runs in cloisterctl.  A guest's name, a path, a text from a socket: none of
 * them may move a cursor.
 */
#include "ctl/text.h"

#include <string.h>

#define QUOTED	4		/* "\xHH" */

/* Bytes that @c needs, in @to. */
static size_t quote_byte(char to[QUOTED + 1], unsigned char c)
{
	if (c >= 0x20 && c < 0x7f && c != '\\') {
		to[0] = (char)c;
		to[1] = '\0';
		return 1;
	}
	return (size_t)snprintf(to, QUOTED + 1, c == '\\' ? "\\\\" : "\\x%02x", c);
}

const char *text_quote(char *to, size_t room, const char *s)
{
	size_t used = 0;

	for (; *s; s++) {
		char one[QUOTED + 1];
		size_t len = quote_byte(one, (unsigned char)*s);

		if (used + len >= room)
			break;
		memcpy(to + used, one, len);
		used += len;
	}
	to[used] = '\0';
	return to;
}

void text_put(FILE *to, const char *s)
{
	char one[QUOTED + 1];

	for (; *s; s++) {
		quote_byte(one, (unsigned char)*s);
		fputs(one, to);
	}
}

bool text_has_word(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = list; len && (at = strstr(at, word)); at += len)
		if ((at == list || at[-1] == ' ') && (!at[len] || at[len] == ' '))
			return true;
	return false;
}

/* A number with one of the units of its kind. */
static const char *scale(char to[TEXT_NUMBER], double n, double step)
{
	static const char unit[] = " KMGTPE";
	unsigned int i = 0;

	if (!(n >= 0) || n > 1e21)
		n = 0;
	while (n >= 999.5 && unit[i + 1]) {
		n /= step;
		i++;
	}
	if (i == 0)
		snprintf(to, TEXT_NUMBER, "%.0f", n);
	else
		snprintf(to, TEXT_NUMBER, n < 9.95 ? "%.1f%c" : "%.0f%c", n, unit[i]);
	return to;
}

const char *text_bytes(char to[TEXT_NUMBER], double bytes)
{
	return scale(to, bytes, 1024);
}

const char *text_count(char to[TEXT_NUMBER], double count)
{
	return scale(to, count, 1000);
}

const char *text_age(char to[TEXT_NUMBER], double age_s)
{
	bool sane = age_s >= 0 && age_s < 1e9;
	unsigned int s = sane ? (unsigned int)age_s : 0;

	if (s < 60)
		snprintf(to, TEXT_NUMBER, "%us", s);
	else if (s < 3600)
		snprintf(to, TEXT_NUMBER, "%um", s / 60);
	else if (s < 86400)
		snprintf(to, TEXT_NUMBER, "%uh%um", s / 3600, s / 60 % 60);
	else
		snprintf(to, TEXT_NUMBER, "%ud%uh", s / 86400, s / 3600 % 24);
	return to;
}

const char *text_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

uint64_t text_uint(const json_t *o, const char *key)
{
	json_int_t n = json_integer_value(json_object_get(o, key));

	return n > 0 ? (uint64_t)n : 0;
}

double text_real(const json_t *o, const char *key)
{
	return json_number_value(json_object_get(o, key));
}
