/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dev/eeprom93.h - 93C46 or 93C56 serial EEPROM on three wires (Microwire)
 *
 * Source: National Semiconductor NM93C46 and NM93C56 data sheets, 16-bit
 * organisation.  A pure state machine: its owner sets the pins as its driver
 * toggles them.  Programming takes no time.  Flat, so it can be committed
 * state: as a bus device of its own (bus_touch() when a pin changed) it costs
 * other requests nothing.
 */
#ifndef DEV_EEPROM93_H
#define DEV_EEPROM93_H

#include <stdbool.h>
#include <stdint.h>

#define EEPROM93_WORDS_MAX 128u

enum eeprom93_kind {		/* words, and address bits in a command */
	EEPROM93_C46,		/* 64, 6 */
	EEPROM93_C56,		/* 128, 8, of which the first means nothing */
};

struct eeprom93 {
	uint16_t word[EEPROM93_WORDS_MAX];
	uint32_t shift;		/* bits of the command or data so far, first
				   one highest */
	uint16_t out;		/* bits that follow on DO, next one highest */
	uint8_t kind;		/* enum eeprom93_kind */
	uint8_t phase;		/* eeprom93.c */
	uint8_t bits;		/* of this phase, still to come */
	uint8_t opcode, addr;
	uint8_t cs, sk;		/* pins as set last */
	uint8_t data_out;	/* pin DO */
	uint8_t may_write;	/* after EWEN; not after power up */
	uint8_t rsvd[5];
};

#define EEPROM93_PHASE_MAX 6u
#define EEPROM93_BITS_MAX 16u

/* Rules for one that is committed (bus/restore.h): @at, nothing or "member.",
   says where in @type it is. */
#define EEPROM93_RULES(type, at, the_kind) \
	BUS_FIELD(type, at kind, BUS_FIELD_MAX, the_kind), \
	BUS_FIELD(type, at phase, BUS_FIELD_MAX, EEPROM93_PHASE_MAX), \
	BUS_FIELD(type, at bits, BUS_FIELD_MAX, EEPROM93_BITS_MAX), \
	BUS_FIELD(type, at opcode, BUS_FIELD_MAX, 3), \
	BUS_FIELD(type, at cs, BUS_FIELD_MAX, 1), \
	BUS_FIELD(type, at sk, BUS_FIELD_MAX, 1), \
	BUS_FIELD(type, at data_out, BUS_FIELD_MAX, 1), \
	BUS_FIELD(type, at may_write, BUS_FIELD_MAX, 1),

/* Power up.  @e->word is left alone: what is stored stays. */
void eeprom93_init(struct eeprom93 *e, enum eeprom93_kind kind);
unsigned int eeprom93_words(const struct eeprom93 *e);
/* Pins CS, SK and DI, at once; DI counts at SK's rising edge. */
void eeprom93_set_pins(struct eeprom93 *e, bool cs, bool sk, bool di);
/* Pin DO.  High while not driven: boards pull it up. */
bool eeprom93_data_out(const struct eeprom93 *e);

#endif /* DEV_EEPROM93_H */
