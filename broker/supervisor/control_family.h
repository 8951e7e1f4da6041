/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/control_family.h - the control socket of this supervisor's family
 */
#ifndef SUPERVISOR_CONTROL_FAMILY_H
#define SUPERVISOR_CONTROL_FAMILY_H

#include <event2/event.h>

#include "supervisor/qmp.h"
#include "supervisor/roster.h"

/*
 * Listens in run_dir, if there is one; control_end() ends it.  What goes wrong
 * is said once: a guest does not depend on it.  @r and @guest are borrowed.
 */
void control_family_begin(struct event_base *base, const struct roster *r,
			  const struct qmp_host *guest, int64_t began_ns);

#endif /* SUPERVISOR_CONTROL_FAMILY_H */
