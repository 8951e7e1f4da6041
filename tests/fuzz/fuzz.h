/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/fuzz/fuzz.h - what a fuzz target is
 *
 * One file per target with these two functions.  A target ends the program if
 * something is wrong; what it returns does not matter.  driver.c runs one
 * without any fuzzer.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* The fuzzer's name for it; called as often as it likes. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An input that is all right, to begin with; its length. */
size_t fuzz_seed(uint8_t *to, size_t room);

#endif /* TESTS_FUZZ_FUZZ_H */
