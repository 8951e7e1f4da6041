/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/policy/inject.c - makes a confined process carry out a system call
 *
 * Runs in the test, and in the lab's dom0 (tests/xenlab/handles.c) against the
 * processes of a running guest.  Does not start anything: victim.c.
 */
#include "inject.h"

#include <elf.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

bool victim_attach(struct victim *v)
{
	int status;

	if (ptrace(PTRACE_SEIZE, v->pid, NULL, NULL) ||
	    ptrace(PTRACE_INTERRUPT, v->pid, NULL, NULL))
		return false;
	return waitpid(v->pid, &status, 0) == v->pid && WIFSTOPPED(status);
}

/* Registers of the victim, stopped in a system call; lets it run until it is. */
static bool find_syscall(struct victim *v, struct user_regs_struct *regs)
{
	struct iovec iov = { regs, sizeof(*regs) };
	int status;

	for (int tries = 0; tries < 500; tries++) {
		if (ptrace(PTRACE_GETREGSET, v->pid, NT_PRSTATUS, &iov))
			return false;
		if ((ptrace(PTRACE_PEEKTEXT, v->pid, regs->rip - 2, NULL) &
		     0xffff) == 0x050f)
			return true;
		if (ptrace(PTRACE_CONT, v->pid, NULL, NULL))
			return false;
		usleep(2000);
		if (ptrace(PTRACE_INTERRUPT, v->pid, NULL, NULL) ||
		    waitpid(v->pid, &status, 0) != v->pid || !WIFSTOPPED(status))
			return false;
	}
	return false;
}

/*
 * The instruction before the victim's program counter is SYSCALL: take it back
 * onto that, with other registers.  orig_rax -1 tells the kernel that there is
 * nothing to restart.
 */
int victim_call(struct victim *v, long nr, const uint64_t a[6], int64_t *result)
{
	struct user_regs_struct before, regs;
	struct iovec iov = { &regs, sizeof(regs) };
	int status;

	if (!find_syscall(v, &before))
		return -1;
	regs = before;
	regs.rip -= 2;
	regs.orig_rax = ~0ull;
	regs.rax = (uint64_t)nr;
	regs.rdi = a[0];
	regs.rsi = a[1];
	regs.rdx = a[2];
	regs.r10 = a[3];
	regs.r8 = a[4];
	regs.r9 = a[5];
	if (ptrace(PTRACE_SETREGSET, v->pid, NT_PRSTATUS, &iov) ||
	    ptrace(PTRACE_SINGLESTEP, v->pid, NULL, NULL) ||
	    waitpid(v->pid, &status, 0) != v->pid)
		return -1;
	if (WIFSIGNALED(status))
		return WTERMSIG(status);
	if (ptrace(PTRACE_GETREGSET, v->pid, NT_PRSTATUS, &iov))
		return -1;
	*result = (int64_t)regs.rax;
	/* As it was, so that it can go on. */
	iov.iov_base = &before;
	return ptrace(PTRACE_SETREGSET, v->pid, NT_PRSTATUS, &iov) ? -1 : 0;
}

uint64_t victim_stack(struct victim *v)
{
	struct user_regs_struct regs;
	struct iovec iov = { &regs, sizeof(regs) };

	return ptrace(PTRACE_GETREGSET, v->pid, NT_PRSTATUS, &iov) ? 0 : regs.rsp;
}
