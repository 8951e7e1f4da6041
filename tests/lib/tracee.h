/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/lib/tracee.h - a process that is stopped, and goes on by instructions
 *
 * PTRACE_DETACH, or its end, lets it go.
 */
#ifndef TESTS_LIB_TRACEE_H
#define TESTS_LIB_TRACEE_H

#include <stdbool.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "base/clock.h"

/* False: see errno; EPERM or EACCES if it may not be traced. */
static bool tracee_stop(pid_t pid)
{
	int status;

	return ptrace(PTRACE_SEIZE, pid, 0, 0) == 0 &&
		ptrace(PTRACE_INTERRUPT, pid, 0, 0) == 0 &&
		waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status);
}

/* False: it has ended, or sleeps, which is one instruction, and a long one:
   longer than @most_ns; if that is negative, until it is woken. */
static bool tracee_step(pid_t pid, int64_t most_ns)
{
	int64_t until = clock_now_ns() + most_ns;
	int status, how = __WALL | (most_ns < 0 ? 0 : WNOHANG);
	pid_t got;

	if (ptrace(PTRACE_SINGLESTEP, pid, 0, 0))
		return false;
	while ((got = waitpid(pid, &status, how)) == 0)
		if (clock_now_ns() > until)
			return false;
	return got == pid && WIFSTOPPED(status);
}

#endif /* TESTS_LIB_TRACEE_H */
