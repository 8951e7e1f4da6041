/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/migrate.h - this guest into a save file, and out of one
 *
 * For `xl save`, `xl restore`, `xl migrate` and soft reset alike: what libxl
 * does with the file is its business.  A file is save.h's.
 */
#ifndef SUPERVISOR_MIGRATE_H
#define SUPERVISOR_MIGRATE_H

#include <stdbool.h>
#include <stddef.h>

#include "supervisor/roster.h"

/* Reads and checks the file of -incoming against @r->conf, @r->layout and
   @r->host, before roster_make(); sets @l->now_gfn and @r->restoring.  0; or
   -errno and @why: a line that names the section and field. */
int migrate_read(struct roster *r, struct vram_layout *l, char *why, size_t why_len);
/* After roster_make(), before anybody starts: puts it where workers look, who
   will be at rest then (rest_hold()).  0 or -errno.  Does nothing without
   migrate_read(). */
int migrate_fill(const struct roster *r);
/* Was the guest of that file in ACPI S3? */
bool migrate_was_suspended(void);

/* The family at rest, to @path, or to @fd if that is NULL.  0; or -errno and
   @why. */
int migrate_save(const struct roster *r, bool suspended, int fd, const char *path,
		 char *why, size_t why_len);

#endif /* SUPERVISOR_MIGRATE_H */
