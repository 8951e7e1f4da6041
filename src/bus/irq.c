/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bus/irq.c - interrupt lines, as levels
 *
 * Runs in workers.  Remembers each line's level, so that only changes travel.
 */
#include "bus/irq.h"

#include "base/bug.h"
#include "bus/bus.h"

/* True if the bit changed. */
static bool set_bit(uint32_t *word, unsigned int bit, bool level)
{
	uint32_t old = *word;

	*word = (old & ~(1u << bit)) | ((uint32_t)level << bit);
	return *word != old;
}

void irq_isa(struct bus *b, unsigned int line, bool level)
{
	bug_on(line > 15);
	if (set_bit(&b->isa_levels, line, level))
		bus_say(b, ANS_ISA_IRQ, line, level);
}

void irq_intx(struct bus *b, unsigned int devfn, unsigned int pin, bool level)
{
	unsigned int bit = (devfn >> 3) * 4 + pin;

	bug_on(devfn > 255 || pin > 3);
	if (set_bit(&b->intx_levels[bit / 32], bit % 32, level))
		bus_say(b, ANS_PCI_INTX, (devfn << 2) | pin, level);
}

void irq_msi(struct bus *b, uint64_t addr, uint32_t data)
{
	bus_say(b, ANS_MSI, addr, data);
}
