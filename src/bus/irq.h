/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bus/irq.h - interrupt lines, as levels
 *
 * Setting a level that already holds sends nothing; every change is sent, in
 * order, so low-then-high on an edge-triggered line stays two changes.
 */
#ifndef BUS_IRQ_H
#define BUS_IRQ_H

#include <stdbool.h>
#include <stdint.h>

struct bus;

/* @line 0-15: the ISA interrupt line (not a GSI). */
void irq_isa(struct bus *b, unsigned int line, bool level);
/* @devfn of our function, @pin 0-3 = INTA-INTD. */
void irq_intx(struct bus *b, unsigned int devfn, unsigned int pin, bool level);
void irq_msi(struct bus *b, uint64_t addr, uint32_t data);

#endif /* BUS_IRQ_H */
