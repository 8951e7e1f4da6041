/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/model/nic_random.h - a network card whose successor finds nonsense
 *
 * Included by the random test of a card behind that card's guest; the test
 * provides the functions declared here without a body.
 */
#ifndef TESTS_MODEL_NIC_RANDOM_H
#define TESTS_MODEL_NIC_RANDOM_H

#include "tests/lib/rigcrash.h"
#include "tests/model/random.h"

#define ODD_BYTES	6u		/* as rig_odd_byte() has them */

static unsigned int states, resets;

/* A card as at power-on. */
static void new_machine(void);
/* The card died: another one takes its committed state, or is reset. */
static void succeed(void);
/* An access, now and then an event; then all that has to hold. */
static void random_step(unsigned int k);

/* What a successor finds need not make sense. */
static void random_state(void)
{
	unsigned int was = resets;
	bool spoilt = rnd() % 2;

	if (spoilt)
		rig_spoil(&rig, rnd);
	succeed();
	if (!spoilt && resets != was)
		wrong_at("refuses what it left");
}

/* One byte wrong, each of them; @steps with each. */
static void every_state(unsigned int steps)
{
	uint32_t bytes = rig.bus.regs_used;

	for (uint32_t i = 0; i < bytes * ODD_BYTES; i++) {
		uint8_t *p;

		if (i % 1000 == 0)
			new_machine();
		p = rig.state->half[rig.state->flip & 1].regs;
		p[i / ODD_BYTES] = rig_odd_byte(i % ODD_BYTES);
		succeed();
		for (unsigned int k = 0; k < steps; k++)
			random_step(k);
	}
	printf("# %u bytes of state, each hostile in %u ways\n", bytes,
	       ODD_BYTES);
}

#endif /* TESTS_MODEL_NIC_RANDOM_H */
