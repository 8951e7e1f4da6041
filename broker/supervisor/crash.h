/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/crash.h - writes down what a child was at when it died
 *
 * One file a death, abi/crash.h, in conf->crash_dir: CRASH_FILES_A_GUEST of a
 * guest and CRASH_FILES in all, the oldest go first.  So a guest that kills its
 * workers loses its own older reports, and pushes out a handful of others' at
 * most.
 */
#ifndef SUPERVISOR_CRASH_H
#define SUPERVISOR_CRASH_H

#include <signal.h>

#include "supervisor/logsink.h"
#include "supervisor/roster.h"

#define CRASH_DIR_DEFAULT	"/var/lib/cloister/crash"
#define CRASH_FILES_A_GUEST	8u
#define CRASH_FILES		64u
#define CRASH_BURST		4u	/* reports in CRASH_BURST_S, then none */
#define CRASH_BURST_S		60

struct crash_death {
	const struct roster *roster;
	enum member member;
	pid_t pid;
	const siginfo_t *how;		/* as waitid() gave it; si_code 0: it
					   was adopted, nobody knows */
	const char *why;		/* what we know besides, or NULL; static */
	const struct logsink *log;	/* its lines, or NULL */
};

/*
 * Right after the death and before a successor starts: what the channel says is
 * read here, and kept for crash_write().  d->roster and d->log are looked at
 * there.
 */
void crash_note(const struct crash_death *d);
/*
 * After the successor was started, for which the guest waits; before anything
 * of its log is read.  The work of a process of its own, which nobody waits
 * for: a slow disk does not hold up the guest.  Says in the log where the
 * report is, or why there is none.  Nothing without a note.
 */
void crash_write(void);

#endif /* SUPERVISOR_CRASH_H */
