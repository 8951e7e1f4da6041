/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/model/random.h - what random tests are made with: numbers that a seed
 *                        brings back, and the first of many faults
 */
#ifndef TESTS_MODEL_RANDOM_H
#define TESTS_MODEL_RANDOM_H

#include <stdint.h>
#include <stdio.h>

static uint64_t state;			/* of rnd(); not 0 */
__attribute__((unused))
static unsigned int wrong;

static uint32_t rnd(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 16);
}

__attribute__((unused))
static void wrong_at(const char *what)
{
	if (wrong++ < 5)
		printf("# wrong: %s\n", what);
}

#endif /* TESTS_MODEL_RANDOM_H */
