/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ctl/evidence.h - how a process is confined, as the kernel has it
 */
#ifndef CTL_EVIDENCE_H
#define CTL_EVIDENCE_H

#include <jansson.h>
#include <sys/types.h>

/*
 * One object, the caller's: a member a subject.  What cannot be read is there
 * all the same, as {"unknown": why}.
 *	"ids"		uid, gid: of all four kinds, if they are one; groups
 *	"namespaces"	of each kind: its number, and whether it is the host's
 *	"capabilities"	effective, permitted, bounding: masks in hexadecimal
 *	"no_new_privs"	0 or 1
 *	"seccomp"	mode, filters; and of the policy as built: instructions,
 *			system_calls
 *	"root"		whether it is the host's, and how many entries it has
 *	"limits"	soft limits by /proc's names: a number or "unlimited"
 *	"cgroup"	its path in version 2
 *	"fds"		number, is (where it leads), means (fdnames.h)
 *	"guest_memory"	mapped_bytes of guest memory in its address space
 */
json_t *evidence_collect(pid_t pid, const char *role);

#endif /* CTL_EVIDENCE_H */
