/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/integ/machine_door.h - where supervisors find a machine that outlives
 *                              them (CLOISTER_FAKE_MACHINE of cloister_fake.c)
 */
#ifndef TESTS_INTEG_MACHINE_DOOR_H
#define TESTS_INTEG_MACHINE_DOOR_H

#include <stdbool.h>

#include "fakeguest.h"

/* Whoever connects to the socket at @path is given the hypervisor's
   descriptors of @g, by a thread that ends with the process.  It is there once
   somebody listens. */
bool machine_door_open(struct fakeguest *g, const char *path);

/* What xc_domain_soft_reset() takes from a domain of what a device model has of
   it: the ioreq server, and all event channels. */
void machine_door_reset(struct fakeguest *g);

#endif /* TESTS_INTEG_MACHINE_DOOR_H */
