/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/metrics_path.h - what metrics=FILE stands for, by guest
 *
 * FILE is a pattern: %d is the domid, %n the guest's name, %% a per cent sign.
 */
#ifndef SUPERVISOR_METRICS_PATH_H
#define SUPERVISOR_METRICS_PATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Is @pattern one, and @name (NULL: the guest has none) fit for it?  0, or
   -EINVAL and @why: what is wrong, to stand after key and value. */
int metrics_path_check(const char *pattern, char *why, size_t why_len);
int metrics_path_check_name(const char *pattern, const char *name, char *why,
			    size_t why_len);

/* Does @pattern give each guest a file of its own? */
bool metrics_path_differs(const char *pattern);

/*
 * The file of one guest, of a pattern and name that were found good.  0, or
 * -ENAMETOOLONG: then @to is empty, half a name being another file's.
 */
int metrics_path_make(const char *pattern, uint32_t domid, const char *name,
		      char *to, size_t room);

#endif /* SUPERVISOR_METRICS_PATH_H */
