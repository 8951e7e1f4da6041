/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ctl/text.h - texts for a terminal, and values out of JSON that may lie
 */
#ifndef CTL_TEXT_H
#define CTL_TEXT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/*
 * Quotes @s: printable ASCII stays, the rest becomes \xHH, a backslash two.
 * Cut to fit @room, which is at least 8; returns @to.
 */
const char *text_quote(char *to, size_t room, const char *s);
/* The same, to a stream and not cut. */
void text_put(FILE *to, const char *s);

/* Is @word one of the words of @list, which has blanks between them? */
bool text_has_word(const char *list, const char *word);

/* "17", "1.5K", "23M": four digits at most.  @to is returned. */
#define TEXT_NUMBER	16
const char *text_bytes(char to[TEXT_NUMBER], double bytes);
const char *text_count(char to[TEXT_NUMBER], double count);
/* "3s", "17m", "5h12m", "3d4h" */
const char *text_age(char to[TEXT_NUMBER], double age_s);

/* ---- a member of an object, whatever it is ---- */

/* "" if it is not a string. */
const char *text_of(const json_t *o, const char *key);
/* 0 if it is not a whole number of at least 0. */
uint64_t text_uint(const json_t *o, const char *key);
/* 0 if it is not a number. */
double text_real(const json_t *o, const char *key);

#endif /* CTL_TEXT_H */
