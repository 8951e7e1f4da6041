/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/lib/fakedoor.h - where supervisors in other processes get their guest
 *
 * For cloister-fake with CLOISTER_FAKE_MACHINE: whoever connects is given the
 * hypervisor's descriptors of this process's guest.
 */
#ifndef TESTS_LIB_FAKEDOOR_H
#define TESTS_LIB_FAKEDOOR_H

#include "fakeguest.h"

/* Listens at @path, in a thread, from now on; @path is there once it does.
   False, with errno: not. */
bool fakedoor_open(struct fakeguest *g, const char *path);

/* What xc_domain_soft_reset() takes from a domain of what a device model has of
   it: the ioreq server, and all event channels. */
void fakedoor_reset(struct fakeguest *g);

#endif /* TESTS_LIB_FAKEDOOR_H */
