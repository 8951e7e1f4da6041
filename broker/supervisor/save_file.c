/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/save_file.c - a save file: sections with names and check sums
 *
 * Runs in the supervisor.  Computes in memory only; what is in a body is
 * somebody else's.
 */
#include "supervisor/save_file.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define ALIGN		8u
#define ROOM_FIRST	(256u * 1024u)

static_assert(SAVE_BYTES_MAX < UINT32_MAX, "zlib counts in 32 bits");

static size_t padded(size_t bytes)
{
	return (bytes + ALIGN - 1) & ~(size_t)(ALIGN - 1);
}

static uint32_t sum(uint32_t crc, const void *bytes, size_t size_bytes)
{
	return (uint32_t)crc32(crc, bytes, (uInt)size_bytes);
}

/* ---- writing ---- */

/* @bytes more, zeroed; NULL and o->rc if that cannot be. */
static uint8_t *grow(struct save_out *o, size_t bytes)
{
	size_t room = o->room ? o->room : ROOM_FIRST;
	uint8_t *at;

	if (o->rc)
		return NULL;
	if (bytes > SAVE_BYTES_MAX - o->used) {
		o->rc = -EFBIG;
		return NULL;
	}
	while (room < o->used + bytes)
		room *= 2;
	if (room != o->room) {
		at = realloc(o->bytes, room);
		if (!at) {
			o->rc = -ENOMEM;
			return NULL;
		}
		o->bytes = at;
		o->room = room;
	}
	at = o->bytes + o->used;
	memset(at, 0, bytes);
	o->used += bytes;
	return at;
}

void save_put(struct save_out *o, const char *name, uint32_t version,
	      const void *body, size_t bytes)
{
	struct save_section s = { .version = version, .bytes = bytes };
	uint8_t *at;

	if (o->used == 0 && !grow(o, sizeof(struct save_head)))
		return;
	if (strlen(name) >= sizeof(s.name) || o->section_count == SAVE_SECTIONS ||
	    bytes > SAVE_BYTES_MAX) {
		o->rc = o->rc ? o->rc : -E2BIG;
		return;
	}
	memcpy(s.name, name, strlen(name));
	at = grow(o, sizeof(s) + padded(bytes));
	if (!at)
		return;
	if (bytes)
		memcpy(at + sizeof(s), body, bytes);
	s.crc = sum(sum(0, &s, sizeof(s)), at + sizeof(s), padded(bytes));
	memcpy(at, &s, sizeof(s));
	o->section_count++;
}

int save_finish(struct save_out *o)
{
	struct save_head h = { .version = SAVE_VERSION,
		.section_count = o->section_count, .size_bytes = o->used };

	if (o->rc)
		return o->rc;
	memcpy(h.magic, SAVE_MAGIC, sizeof(h.magic));
	h.crc = sum(0, &h, sizeof(h));
	memcpy(o->bytes, &h, sizeof(h));
	return 0;
}

void save_free(struct save_out *o)
{
	free(o->bytes);
	*o = (struct save_out){ 0 };
}

/* ---- reading ---- */

static int wrong(char *why, size_t why_len, const char *field, const char *what)
{
	snprintf(why, why_len, "section=head field=%s: %s", field, what);
	return -EINVAL;
}

static int parse_head(const uint8_t *bytes, size_t size_bytes, struct save_head *h,
		      char *why, size_t why_len)
{
	uint32_t crc;

	if (size_bytes >= 4 && memcmp(bytes, "QEVM", 4) == 0)
		return wrong(why, why_len, "magic", "this is a save file of QEMU's");
	if (size_bytes < sizeof(*h))
		return wrong(why, why_len, "size_bytes", "the file ends in its head");
	memcpy(h, bytes, sizeof(*h));
	if (memcmp(h->magic, SAVE_MAGIC, sizeof(h->magic)) != 0)
		return wrong(why, why_len, "magic", "this is no save file");
	/* The version first: what comes after may be of another shape. */
	if (h->version != SAVE_VERSION) {
		snprintf(why, why_len, "section=head field=version: the file is of "
			 "version %u, this program reads version %u", h->version,
			 SAVE_VERSION);
		return -EINVAL;
	}
	crc = h->crc;
	h->crc = 0;
	if (sum(0, h, sizeof(*h)) != crc)
		return wrong(why, why_len, "crc", "the check sum is wrong");
	if (h->rsvd)
		return wrong(why, why_len, "rsvd", "not 0");
	if (h->section_count > SAVE_SECTIONS)
		return wrong(why, why_len, "section_count", "too many");
	if (h->size_bytes > size_bytes)
		return wrong(why, why_len, "size_bytes", "the file is cut off");
	if (h->size_bytes < size_bytes)
		return wrong(why, why_len, "size_bytes", "something follows the file");
	return 0;
}

static bool is_name(const char name[SAVE_NAME_BYTES])
{
	size_t len = strnlen(name, SAVE_NAME_BYTES);

	if (len == 0 || len == SAVE_NAME_BYTES)
		return false;
	for (size_t i = 0; i < SAVE_NAME_BYTES; i++)
		if (i < len ? name[i] < ' ' || name[i] > '~' : name[i] != '\0')
			return false;
	return true;
}

/* NULL, or the field that is wrong, and *@what.  @s: a copy of the section's
   header, which is there; @left: bytes after it. */
static const char *section_wrong(const struct save_section *s, const uint8_t *body,
				 size_t left, const char **what)
{
	struct save_section sumless = *s;

	if (s->bytes > left || padded((size_t)s->bytes) > left) {
		*what = "more than is left of the file";
		return "bytes";
	}
	sumless.crc = 0;
	if (sum(sum(0, &sumless, sizeof(sumless)), body,
		padded((size_t)s->bytes)) != s->crc) {
		*what = "the check sum is wrong";
		return "crc";
	}
	for (size_t i = (size_t)s->bytes; i < padded((size_t)s->bytes); i++)
		if (body[i]) {
			*what = "not followed by zeros";
			return "bytes";
		}
	return NULL;
}

/* One section at @*at. */
static int parse_section(const uint8_t *bytes, size_t size_bytes, size_t *at,
			 struct save_view *v, char *why, size_t why_len)
{
	const struct save_section *in_file = (const void *)(bytes + *at);
	const uint8_t *body = bytes + *at + sizeof(*in_file);
	const char *what = NULL, *field;
	struct save_section s;

	if (size_bytes - *at < sizeof(s)) {
		snprintf(why, why_len, "section=(number %u) field=bytes: "
			 "the file is cut off", v->count);
		return -EINVAL;
	}
	memcpy(&s, in_file, sizeof(s));
	if (!is_name(s.name)) {
		snprintf(why, why_len, "section=(number %u) field=name: not a name",
			 v->count);
		return -EINVAL;
	}
	field = section_wrong(&s, body, size_bytes - *at - sizeof(s), &what);
	if (field) {
		snprintf(why, why_len, "section=%s field=%s: %s", s.name, field, what);
		return -EINVAL;
	}
	v->part[v->count++] = (struct save_part){ .name = in_file->name,
		.version = s.version, .body = body, .bytes = s.bytes };
	*at += sizeof(s) + padded((size_t)s.bytes);
	return 0;
}

int save_parse(const void *bytes, size_t size_bytes, struct save_view *v,
	       char *why, size_t why_len)
{
	struct save_head h;
	size_t at = sizeof(h);
	int rc = parse_head(bytes, size_bytes, &h, why, why_len);

	v->count = 0;
	for (uint32_t i = 0; rc == 0 && i < h.section_count; i++)
		rc = parse_section(bytes, size_bytes, &at, v, why, why_len);
	if (rc == 0 && at != size_bytes)
		return wrong(why, why_len, "section_count",
			     "something follows the last section");
	return rc;
}
