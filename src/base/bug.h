/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * base/bug.h - for states that only a mistake of ours can reach
 *
 * Instead of assert(): abort() needs system calls that no policy grants.
 * Never on anything a guest, client, image or peer controls.
 */
#ifndef BASE_BUG_H
#define BASE_BUG_H

/* One log line, then exit_group(70). */
_Noreturn void bug_at(const char *file, int line, const char *what);
#define bug_on(cond) do { if (__builtin_expect(!!(cond), 0))		\
	bug_at(__FILE__, __LINE__, #cond); } while (0)

/* Start-up only: the line on standard error or FD_LOG, then exit(1). */
_Noreturn void die(int cause, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif /* BASE_BUG_H */
