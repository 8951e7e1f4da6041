/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/limits.h - limits of a guest's processes: configured, and kept
 */
#ifndef SUPERVISOR_LIMITS_H
#define SUPERVISOR_LIMITS_H

#include "supervisor/roster.h"

/*
 * Makes the cgroups that have limits and sets these, before anybody is in
 * them.  True; or false, and said, if one cannot be honoured.  Where there is no
 * cgroup v2 at all that is said, and the guest goes without.
 */
bool limits_apply(const struct roster *r);

/* ---- limits_kept.c ---- */

/* As cgroup_set_limit(), with which a successor of ours begins, too, once
   limits_keep() or limits_adopt() was called. */
int limits_set(const char *process, const char *key, const char *value, char *why,
	       size_t why_len);

/* From now on what is set is kept in the store. */
void limits_keep(void);

/* Instead: goes on with what the supervisor before us kept there, if it did. */
void limits_adopt(void);

/* Sets what limits_adopt() found, again, after limits_apply().  One that cannot be
   honoured any more is said. */
void limits_apply_kept(void);

#endif /* SUPERVISOR_LIMITS_H */
