/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * runtime/sandbox.h - how a child of the supervisor gives up its rights
 *
 * One staircase, top to bottom (sandbox.c):
 *
 *	1 inherit   exactly the descriptors on the command line are open; what
 *		    Linux keeps per thread (mount namespace, securebits,
 *		    bounding set, no new privileges) is settled while there
 *		    is one thread
 *	2 build     open Xen handles, map rings, parse files (the caller)
 *	3 restrict  Xen handles to one domain (the caller, hv_restrict())
 *	4 check     every open descriptor has the number and type expected
 *	5 namespaces mount with an empty root (pid, ipc, net, uts: the
 *		    supervisor spawned us inside them)
 *	6 limits    no core, no new files, no new processes, bounded memory
 *	7 identity  own uid and gid, no groups, no capabilities, not dumpable,
 *		    killed when the supervisor dies (the broker ends itself)
 *	8 filter    the policy, in every thread
 *
 * From 8 on only policy/NAME.policy is left.
 */
#ifndef RUNTIME_SANDBOX_H
#define RUNTIME_SANDBOX_H

#include <stdbool.h>
#include <stdint.h>

struct sock_filter;

/* Generated from policy/NAME.policy by policy/mkpolicy. */
struct sandbox_policy {
	const char *name;
	const struct sock_filter *filter;
	unsigned short filter_len;	/* BPF instructions */
	unsigned short syscalls;	/* distinct ones with an allowing rule */
};

/* What every child is told on its command line, parsed by sandbox_inherit(). */
struct sandbox_args {
	const char *name;	/* "disk0" */
	const char *hv;		/* "xen" or "fake" */
	uint32_t domid;
	uint32_t uid, gid;	/* 0 with hv "fake" only: keep ours */
	uint64_t ram_below_4g_bytes, ram_above_4g_bytes;
	uint64_t fds;		/* bit per inherited descriptor above 2 */
	unsigned int log_level;
	const char *const *opt;	/* remaining "key=value" arguments */
	unsigned int opt_count;
};

/*
 * Stage 1.  Refuses to start by hand: without a socket at FD_CTL it prints
 * "NAME: started by cloister, not by hand; see cloister(8)" and exits 2.
 * Checks that exactly @fds (and 0-2) are open, closes nothing silently: an
 * unexpected descriptor is a bug and dies.  Starts logging on FD_LOG.  Sets
 * the process title "cloister: domN NAME".  With --kept 2 it returns when the
 * supervisor said CTL_GO.
 */
void sandbox_inherit(struct sandbox_args *a, const char *role, int argc, char **argv);

/* Value of "key=" among the options, or NULL. */
const char *sandbox_opt(const struct sandbox_args *a, const char *key);

/*
 * Stages 4-8.  @own: bit per descriptor that stage 2 opened.  Dies if any
 * step fails: there is no partial confinement.  With hv "fake" and without
 * root, stages 5 and 7 use a user namespace if one can be had, else they are
 * skipped with one log line.  Built with a sanitizer: no filter, one log line.
 */
void sandbox_enter(const struct sandbox_args *a, uint64_t own,
		   const struct sandbox_policy *policy);

#endif /* RUNTIME_SANDBOX_H */
