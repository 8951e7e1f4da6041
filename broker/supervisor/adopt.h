/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/adopt.h - a supervisor takes over what another one left
 */
#ifndef SUPERVISOR_ADOPT_H
#define SUPERVISOR_ADOPT_H

#include <stdbool.h>
#include <stddef.h>

#include "supervisor/sup.h"

/*
 * Is there a family to be adopted?  If there is none, what is in the store is
 * forgotten.  @why not empty: there is one that we cannot understand, and it is
 * not to be taken for none.
 */
bool adopt_is_due(char *why, size_t why_len);

/*
 * For sup_run_steps(), when it is due, with sup.conf and sup.roster's first three
 * fields: takes what is in the store, opens nothing of the guest's, and goes on
 * serving.  A step fails if the family is not whole, or not what the settings
 * say; once its children were taken, to end them in order is family_stop()'s.
 */
extern const struct step adopt_steps[];

/*
 * After a unit's supervisor ended, as systemd's SERVICE_RESULT= says: ends what
 * is left, or makes room for a successor.  The exit status.
 */
int adopt_tear_down(void);

#endif /* SUPERVISOR_ADOPT_H */
