/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/cgroup.h - one cgroup (version 2) per process of the family
 *
 * Runs in the supervisor.  PARENT/cloister-<domid>/{supervisor,broker,disk0...}:
 * PARENT is our own cgroup if systemd delegated it to us, or what the
 * configuration says, or the root of the hierarchy.  Without a writable cgroup
 * v2 nothing here does anything, and cgroup_begin() says so once.
 */
#ifndef SUPERVISOR_CGROUP_H
#define SUPERVISOR_CGROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Makes cloister-<domid>.  @parent: below the root of the hierarchy, or NULL;
 * ignored where systemd delegates.  Where it does, we are moved to the leaf
 * "supervisor" now, since a group with processes of its own cannot have
 * controllers for groups below it.  False: said, and nothing here works.
 */
bool cgroup_begin(uint32_t domid, const char *parent);
/* After it was false: is there a hierarchy of version 2, which did not let us? */
bool cgroup_is_there(void);
/* ".../cloister-7", in which each process has a group of its name; "": none. */
const char *cgroup_path(void);
/* A directory descriptor for the group of @name, made if it is not there,
   owned by the caller; or -1. */
int cgroup_make(const char *name);
/*
 * SIGKILL for all that an earlier supervisor of this guest left in the groups;
 * returns when they and the groups are gone, or after two seconds.  Before the
 * first child and the first limit.
 */
void cgroup_kill_left(void);
/*
 * For a process that systemd runs in the unit's "/.control" after the
 * supervisor ended, and nowhere else.  @keep: another supervisor comes; the
 * unit's group hands no controllers on, so that it can be started in it.
 * Else: SIGKILL for all that is left of families there.
 */
void cgroup_tear_down(bool keep);
/* Puts ourselves into .../supervisor, if we are not there. */
void cgroup_enter_own(void);
/* SIGKILL for all in the group of child @name, however many.  0 or -errno. */
int cgroup_kill(const char *name);
/* How often the kernel killed for memory in the group of @name, since it was
   made; 0 if nobody can tell. */
uint64_t cgroup_oom_kills(const char *name);
/* Removes the groups beside ours of families that are dead: each supervisor
   holds a lock on its own. */
void cgroup_remove_dead(void);
/* Removes it all; all processes of the family must be gone. */
void cgroup_end(void);
/* For tests: the hierarchy is mounted at @root, whatever is there. */
void cgroup_use_root(const char *root);

/* ---- between cgroup.c and cgroup_limit.c ---- */

/* A new family has no limits. */
void cgroup_forget_limits(void);

/* Makes @controller ("memory") work in the groups of processes, as far as can
   be; enabled one by one, since each costs something. */
void cgroup_enable(const char *controller);
/* @text into @file of directory @at.  0 or -errno. */
int cgroup_put(const char *at, const char *file, const char *text);

/* ---- limits (cgroup_limit.c) ---- */

/*
 * Is @value one for @key?  Keys and values, as in cloister.conf(5):
 *	cpu.max		"max", "50%" of one CPU, or "QUOTA_US PERIOD_US"
 *	cpu.weight	1 to 10000
 *	io.max		"DEVICE KEY=N...": a path on it, MAJOR:MINOR, or "images";
 *			KEY rbps, wbps, riops, wiops; N with K, M, G, T, or "max"
 *	io.weight	1 to 10000
 *	memory.max, memory.high	bytes with K, M, G, T, or "max"
 *	pids.max	1 and up, or "max"
 * Looks at nothing but the text.  0, or -EINVAL and @why: what is wrong, to
 * stand after key and value.
 */
int cgroup_check_limit(const char *key, const char *value, char *why, size_t why_len);

/* What "images" stands for: paths, borrowed for good, NULL where there is none. */
void cgroup_use_images(const char *const *path, unsigned int count);

/*
 * Sets a limit of a family that runs or is about to, at once.  @process: its
 * name ("disk0", "supervisor"), or "family" for all together.  0; or @why and
 *	-EINVAL		key or value make no sense
 *	-ENOENT		no such process, or no such file or image
 *	-EOPNOTSUPP	no cgroup v2, or not this controller
 *	-EBUSY		a memory limit below what is in use, which would kill it
 *	-errno		what the kernel said
 * and the limit that was in force still is.
 */
int cgroup_set_limit(const char *process, const char *key, const char *value,
		     char *why, size_t why_len);

/* Was a limit set for @process, or for all together, since cgroup_begin()? */
bool cgroup_is_limited(const char *process);

#endif /* SUPERVISOR_CGROUP_H */
