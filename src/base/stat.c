/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * base/stat.c - where this process counts
 *
 * In every process; only the pointer.  See stat.h.
 */
#include "base/stat.h"

struct stat_block *stat_own;
