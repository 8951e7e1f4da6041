/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/limits.h - the configured limits of a guest's processes
 */
#ifndef SUPERVISOR_LIMITS_H
#define SUPERVISOR_LIMITS_H

#include "supervisor/roster.h"

/*
 * Makes the cgroups that have limits and sets these, before anybody is in
 * them.  True; or false, and said, if one cannot be honoured.  Where there is no
 * cgroup v2 at all that is said, and the guest goes without.
 */
bool limits_apply(const struct roster *r);

#endif /* SUPERVISOR_LIMITS_H */
