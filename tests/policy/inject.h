/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/policy/inject.h - makes a confined process carry out a system call
 *
 * A victim is a real binary, started as the supervisor would (descriptors in
 * place, in-memory hypervisor), that has confined itself and said so; or, in
 * the lab, a process of a running guest (only its pid is filled in).  Its own
 * code never makes a forbidden call; ptrace makes it.  Needs root: a confined
 * process is not dumpable.
 */
#ifndef TESTS_POLICY_INJECT_H
#define TESTS_POLICY_INJECT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct victim {
	pid_t pid;
	int ctl, log;		/* our ends */
	uint64_t fds;		/* handed over, bit per descriptor */
};

/* Uid and gid that victims become. */
#define VICTIM_UID	816112u

/* ==== victim.c ==== */

/*
 * Starts @binary in @role ("platform") with @opts (key=value, NULL at the end),
 * waits until it says CTL_READY.  Log lines become diagnostics.  @as_root:
 * VICTIM_UID and all; otherwise nobody changes identity.
 */
bool victim_start(struct victim *v, const char *binary, const char *role,
		  const char *const *opts, bool as_root);
/* Workers that are started from now on find committed state in their memory,
   with none of their devices in it. */
void victim_leave_state(bool left);
/* Prints what the victim has logged so far. */
void victim_log(struct victim *v);
/* Ends it; returns its wait status, -1 if it hangs. */
int victim_end(struct victim *v);

/* ==== inject.c ==== */

/* Stops it; false where that is not allowed. */
bool victim_attach(struct victim *v);
/*
 * Makes the stopped victim's first thread do the call.  0 and its result; or
 * the signal that it died of.  -1: could not be done.
 */
int victim_call(struct victim *v, long nr, const uint64_t a[6], int64_t *result);
/* The stopped victim's stack pointer, 0 if it cannot be had. */
uint64_t victim_stack(struct victim *v);

#endif /* TESTS_POLICY_INJECT_H */
