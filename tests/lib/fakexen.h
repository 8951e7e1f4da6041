/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/lib/fakexen.h - fakeguest's lower half: machine, channels, slots
 *
 * Private to fakeguest.c and fakexen.c.
 */
#ifndef TESTS_LIB_FAKEXEN_H
#define TESTS_LIB_FAKEXEN_H

#include "fakeguest.h"

enum { FAKE_SPACE_PORT, FAKE_SPACE_MEMORY, FAKE_SPACE_PCI };

__attribute__((format(printf, 2, 3)))
void fakexen_fault(struct fakeguest *g, const char *fmt, ...);
/* Does the server claim all that the request touches? */
bool fakexen_claims(struct fakeguest *g, const struct xen_ioreq *r);
/* Put a request into the vCPU's slot, whoever claims it. */
bool fakexen_send(struct fakeguest *g, unsigned int vcpu, const struct xen_ioreq *r);
/* False: ring full or nobody there; send it through the slot. */
bool fakexen_buffer(struct fakeguest *g, unsigned int type, uint64_t addr,
		    unsigned int size, uint64_t data);

#endif /* TESTS_LIB_FAKEXEN_H */
