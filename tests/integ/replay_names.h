/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/integ/replay_names.h - what replay asks the device models
 */
#ifndef TESTS_INTEG_REPLAY_NAMES_H
#define TESTS_INTEG_REPLAY_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/trace.h"

/* False: a process with this role, and cards of @model, has no devices. */
bool replay_names_begin(const char *role, const char *model);
/* As trace_out_configure() and trace_out_follow(). */
void replay_names_configure(uint64_t devfn, const char *hex);
void replay_names_follow(const struct trace_rec *rec);

/* "ide0 STATUS", until the next call. */
const char *replay_names_of(const struct trace_rec *rec);
/* Is it a register that guests poll: one with a shadow word? */
bool replay_names_is_polled(const struct trace_rec *rec);

#endif /* TESTS_INTEG_REPLAY_NAMES_H */
