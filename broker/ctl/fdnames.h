/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ctl/fdnames.h - what a confined process holds at which number
 */
#ifndef CTL_FDNAMES_H
#define CTL_FDNAMES_H

#include <stddef.h>

/* "FD_CHAN: requests and answers"; "" for a number that @role has no use for. */
const char *fdnames_find(const char *role, int fd, char *to, size_t room);

#endif /* CTL_FDNAMES_H */
