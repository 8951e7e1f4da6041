/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ring/trace_text.h - a record of abi/trace.h as a line of text, and back
 *
 *	access 1203 hop W1 port 0x1f7 0x20 1 -
 *
 * "access", ns between the record and the end of the recording, kind,
 * direction (R, W) and size, space, address, value, count, flags joined by
 * commas or "-".  Numbers are decimal, or 0x and hex digits.  What reads a line
 * takes only what could have been written: a line is hostile.
 */
#ifndef RING_TRACE_TEXT_H
#define RING_TRACE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/chan.h"
#include "abi/trace.h"

#define TRACE_TEXT_MAX	160u	/* a line, with its end */

extern const char *const trace_kind_name[TRACE_KIND_COUNT];
extern const char *const trace_space_name[CHAN_SPACE_COUNT];

/* The part from the direction on: "W1 port 0x1f7 0x20 1 -".  @rec as
   trace_read() gives it.  Returns its length. */
size_t trace_text_access(char to[TRACE_TEXT_MAX], const struct trace_rec *rec);
/* All of it, without newline. */
size_t trace_text_put(char to[TRACE_TEXT_MAX], const struct trace_rec *rec,
		      uint64_t age_ns);

/*
 * The opposites; @line has no newline.  False: it is no such line, and what is
 * in *rec means nothing.  rec->ticks is 0, and so is rec->kind after the first.
 */
bool trace_text_get_access(const char *line, struct trace_rec *rec);
bool trace_text_get(const char *line, struct trace_rec *rec, uint64_t *age_ns);

/* Takes "TEXT " off *at; false: something else is there. */
bool trace_text_skip(const char **at, const char *text);
/* Takes a number of at most @max off *at, and one blank with something behind
   it, or there is the end. */
bool trace_text_number(const char **at, uint64_t max, uint64_t *v);

#endif /* RING_TRACE_TEXT_H */
