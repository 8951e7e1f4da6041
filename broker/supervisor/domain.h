/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/domain.h - `serve --name`: which domain is it?
 */
#ifndef SUPERVISOR_DOMAIN_H
#define SUPERVISOR_DOMAIN_H

#include <stdbool.h>

#include "supervisor/conf.h"

/* Fills in conf.domid, if only a name is there.  False: said, why not. */
bool domain_find(struct conf *conf);

#endif /* SUPERVISOR_DOMAIN_H */
