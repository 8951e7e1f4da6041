/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/crash_dir.h - the directory of crash reports, and how full it gets
 */
#ifndef SUPERVISOR_CRASH_DIR_H
#define SUPERVISOR_CRASH_DIR_H

#include <stddef.h>
#include <stdint.h>

/*
 * Opens @path, which is made (0700) if it is not there, and so is the last of
 * the directories above it (0755).  A directory that others may write to, or
 * that is not ours, is refused.  A descriptor or -errno.
 */
int crash_dir_open(const char *path);

/* "web1" for the beginning of a name: what is no letter, digit, "_" or "-"
   becomes "_".  Cut to fit. */
void crash_dir_name(char *to, size_t room, const char *guest);

/*
 * Removes the oldest reports of @guest (as crash_dir_name() has it) until fewer
 * than @a_guest are left, and then the oldest of all until fewer than @all.
 */
void crash_dir_tidy(int dir, const char *guest, unsigned int a_guest,
		    unsigned int all);

#endif /* SUPERVISOR_CRASH_DIR_H */
