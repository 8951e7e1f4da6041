/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/spawn.h - starts one child: namespaces, descriptors, exec
 */
#ifndef SUPERVISOR_SPAWN_H
#define SUPERVISOR_SPAWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "abi/fds.h"
#include "base/log.h"

#define SPAWN_FDS	FD_TRACE_END	/* numbers a child can be given */
#define SPAWN_OPTS	16
#define SPAWN_OPT_LEN	48

/* What all children of a guest are told. */
struct spawn_common {
	uint32_t domid;
	uint64_t ram_low_bytes, ram_high_bytes;
	enum log_level log_level;
	bool kept;			/* it may outlive us: its sockets have
					   another keeper */
};

struct spawn_spec {
	const char *name;		/* "disk0" */
	const char *role;		/* "disk": runs cloister-disk */
	uint32_t uid;			/* gid too */
	int cgroup;			/* directory to be born in, or -1 */
	int cpu;			/* where it runs; -1: anywhere.  Not where
					   that is forbidden us, as by systemd's
					   SystemCallFilter=~@resources */
	bool limited;			/* never outside of its cgroup */
	int fd[SPAWN_FDS];		/* ours for each number, or -1; borrowed */
	char opt[SPAWN_OPTS][SPAWN_OPT_LEN];
	unsigned int opt_count;
};

void spawn_spec_init(struct spawn_spec *s, const char *name, const char *role,
		     uint32_t uid);
/* Adds "key=value". */
void spawn_spec_opt(struct spawn_spec *s, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * Finds where the children's programs are: beside our own, in the build tree
 * around it, or where they are installed.  0, or -errno and @why.
 */
int spawn_find_programs(char *why, size_t why_len);
/* All in @dir, for tests. */
void spawn_use_programs(const char *dir);
/* For tests: hypervisor @name in place of "xen"; @give adds its descriptors to
   what a child is given. */
void spawn_use_hv(const char *name, void (*give)(struct spawn_spec *s));

/*
 * One empty network and IPC namespace for all children of a guest: made by the
 * first enter, entered again by later ones; leave returns to ours.  0 or -errno.
 */
int spawn_namespaces_enter(void);
int spawn_namespaces_leave(void);
/* The guest's: network (0) and IPC (1); -1 before the first enter.  What is put
   there before that is entered, and made by nobody. */
int *spawn_namespace(unsigned int i);

/*
 * Returns once the child's program runs: its pid and *pidfd; or -errno, and a
 * line in the log if it got as far as a process.  Where clone3() is forbidden
 * the child moves into its cgroup itself, before its program.  One that cannot
 * be in it at all goes on outside, with a line in the log, unless it is
 * limited: then it is not started.
 */
pid_t spawn_child(const struct spawn_common *c, const struct spawn_spec *s,
		  int *pidfd);

#endif /* SUPERVISOR_SPAWN_H */
