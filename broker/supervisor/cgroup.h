/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/cgroup.h - one cgroup (version 2) per process of the family
 *
 * Without a writable cgroup v2 nothing here does anything, and cgroup_begin()
 * says so once.
 */
#ifndef SUPERVISOR_CGROUP_H
#define SUPERVISOR_CGROUP_H

#include <stdint.h>

/* Makes cloister-<domid> at the root of the hierarchy. */
void cgroup_begin(uint32_t domid);
/* A directory descriptor for @name in it, owned by the caller; or -1. */
int cgroup_make(const char *name);
/* Puts ourselves into .../supervisor. */
void cgroup_enter_own(void);
/* Back to where we came from; all processes of the family must be gone. */
void cgroup_end(void);

#endif /* SUPERVISOR_CGROUP_H */
