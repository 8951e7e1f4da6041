/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ctl/proc.h - what the kernel says of a process
 */
#ifndef CTL_PROC_H
#define CTL_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct proc_use {
	pid_t parent;
	uint64_t cpu_ms;		/* user and system, of all threads */
	uint64_t resident_bytes;
	unsigned int threads;
};

/* False: there is no such process (any more). */
bool proc_use(pid_t pid, struct proc_use *u);

/*
 * Is @pid the supervisor @supervisor, a child of it, or adopted by it?  What a
 * socket says of a process is looked up only if so.  u is filled in as far as
 * known.
 */
bool proc_is_family(pid_t pid, pid_t supervisor, struct proc_use *u);

/* Its share of the memory it uses, from smaps_rollup; 0 if that is not to be
   read. */
uint64_t proc_pss_bytes(pid_t pid);

/* /proc/PID/FILE as a string, cut to fit; -errno, or its length. */
int proc_read(pid_t pid, const char *file, char *text, size_t room);

/* The line "KEY:\tVALUE" of @status, without its blanks, in @value; false: it
   has none. */
bool proc_field(const char *status, const char *key, char *value, size_t room);

/* Where /proc/PID/FILE leads; -errno, or its length. */
int proc_link(pid_t pid, const char *file, char *to, size_t room);

#endif /* CTL_PROC_H */
