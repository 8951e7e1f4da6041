/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/dry_run.h - what a start would do, in words
 */
#ifndef SUPERVISOR_DRY_RUN_H
#define SUPERVISOR_DRY_RUN_H

#include <stdio.h>

#include "supervisor/conf.h"
#include "supervisor/vram.h"

/*
 * Prints devices, processes with what each is given, and limits.  Opens nothing
 * and asks nobody: what a start would find out (ports in use, images that are
 * not there) it does not know.  0 or -errno.
 */
int dry_run_print(FILE *to, const struct conf *c, const struct vram_layout *l);

#endif /* SUPERVISOR_DRY_RUN_H */
