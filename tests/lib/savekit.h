/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/lib/savekit.h - save files for tests: a made-up family, right sums
 */
#ifndef TESTS_LIB_SAVEKIT_H
#define TESTS_LIB_SAVEKIT_H

#include "supervisor/save.h"

#define SAVEKIT_CLOCK_NS	INT64_C(5000000000)

/*
 * Two workers of two devices each whose memfds say that they committed @flip
 * times; 0: nothing yet.  End it with savekit_end().
 */
struct save_family savekit_family(uint32_t flip);
void savekit_end(const struct save_family *f);

/* Makes all sums of a file right that sections can be found for, so that only
   its content is wrong. */
void savekit_seal(uint8_t *bytes, size_t size_bytes);

#endif /* TESTS_LIB_SAVEKIT_H */
