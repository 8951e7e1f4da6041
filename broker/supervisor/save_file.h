/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/save_file.h - a save file: sections with names and check sums
 *
 * What libxl carries from `xl save` to `xl restore` and from host to host, so
 * its reader believes nothing.  All numbers are little-endian.
 *
 *	struct save_head		magic, version, size; its own CRC
 *	struct save_section, body, zeros up to 8 bytes
 *	...
 *
 * The CRCs are CRC-32 as in zlib's crc32().  A section's covers its header (with
 * crc 0), its body and the zeros, so no byte of a file is without one.  Which
 * sections there are, in which order, is save.h's.
 */
#ifndef SUPERVISOR_SAVE_FILE_H
#define SUPERVISOR_SAVE_FILE_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#define SAVE_MAGIC	"CLOISTER"	/* not terminated */
#define SAVE_VERSION	1u
#define SAVE_NAME_BYTES	48u		/* terminated, zero-padded */
#define SAVE_SECTIONS	320u
#define SAVE_BYTES_MAX	(32u * 1024u * 1024u)
#define SAVE_WHY	240u		/* room for a reason */

struct save_head {
	uint8_t magic[8];
	uint32_t version;
	uint32_t section_count;
	uint64_t size_bytes;		/* of the file */
	uint32_t rsvd;			/* 0 */
	uint32_t crc;			/* of the header, with this as 0 */
};
static_assert(sizeof(struct save_head) == 32, "layout");

struct save_section {
	char name[SAVE_NAME_BYTES];
	uint32_t version;		/* of the body's layout */
	uint32_t crc;
	uint64_t bytes;			/* of the body, without the zeros */
};
static_assert(sizeof(struct save_section) == 64, "layout");

/* ---- writing ---- */

/* Grows; zeroed to begin with. */
struct save_out {
	uint8_t *bytes;
	size_t used, room;
	uint32_t section_count;
	int rc;				/* the first error, -errno */
};

/* Adds one section with a copy of @body.  Errors are kept in @o->rc. */
void save_put(struct save_out *o, const char *name, uint32_t version,
	      const void *body, size_t bytes);
/* Fills in the header.  @o->bytes, @o->used is the file; 0 or -errno. */
int save_finish(struct save_out *o);
void save_free(struct save_out *o);

/* ---- reading ---- */

struct save_view {
	unsigned int count;
	struct save_part {
		const char *name;	/* terminated, printable */
		uint32_t version;
		const uint8_t *body;	/* not aligned to more than 8 */
		uint64_t bytes;
	} part[SAVE_SECTIONS];
};

/*
 * Checks all of a file in memory but what is in the bodies.  0, and @v points
 * into @bytes (8-aligned); or -EINVAL and @why: "section=NAME field=FIELD: ...".
 */
int save_parse(const void *bytes, size_t size_bytes, struct save_view *v,
	       char *why, size_t why_len);

#endif /* SUPERVISOR_SAVE_FILE_H */
