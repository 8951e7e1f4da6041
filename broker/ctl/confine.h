/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ctl/confine.h - gives up every right of cloisterctl's, for good
 */
#ifndef CTL_CONFINE_H
#define CTL_CONFINE_H

#include <stdbool.h>

/*
 * No new privileges; somebody else's uid and gid, no groups and no
 * capabilities, if we were root; then policy/trace.policy, in this order.
 * Standard output is buffered from then on: fflush() it.  Nothing can be opened,
 * read or closed any more.  False, and a complaint: we may have less than
 * before and must not go on.
 */
bool confine_self(void);

#endif /* CTL_CONFINE_H */
