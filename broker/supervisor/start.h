/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/start.h - a family is started, for a guest that has none
 */
#ifndef SUPERVISOR_START_H
#define SUPERVISOR_START_H

#include "supervisor/sup.h"

/*
 * From sup.conf, and sup.roster's first three fields, to a family that starts:
 * for sup_run_steps().  After them the guest is not served yet; that comes from
 * the event loop, and so does vnc.
 */
extern const struct step start_steps[];

#endif /* SUPERVISOR_START_H */
