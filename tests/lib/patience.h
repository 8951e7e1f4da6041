/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/lib/patience.h - how long what has to come may take
 *
 * Only a test that fails waits so long.  It is much more than anything needs,
 * because a machine may stop: a kernel (Linux 6.18, autogroup, two CPUs that
 * never rest) was seen to leave a task, or RCU, on which the end of every
 * namespace waits, without a CPU for ten seconds.
 */
#ifndef TESTS_LIB_PATIENCE_H
#define TESTS_LIB_PATIENCE_H

#include "base/clock.h"

#define PATIENCE_MS	60000
#define PATIENCE_NS	(PATIENCE_MS * NS_PER_MS)

#endif /* TESTS_LIB_PATIENCE_H */
