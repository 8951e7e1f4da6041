/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dev/eeprom93.c - 93C46 or 93C56 serial EEPROM
 *
 * Runs in the net worker, inside a network card.  One bit a clock: start bit,
 * two bits of opcode, address, then data in or out.  Whatever the state holds,
 * no index leaves its array: a successor may find garbage there.
 */
#include "dev/eeprom93.h"

enum phase {
	STANDBY,	/* waits for CS */
	WAIT_START,	/* selected, waits for a 1 */
	COMMAND,	/* opcode and address */
	DATA_IN,
	DATA_OUT,	/* the word asked for */
	SEQUENTIAL,	/* those after it, as on parts with sequential read; but
			   a 1 starts a command, for drivers that leave CS high
			   between two */
	STATUS,		/* programming is done */
};

_Static_assert(STATUS == EEPROM93_PHASE_MAX, "eeprom93.h");

enum opcode { OP_EXTENDED, OP_WRITE, OP_READ, OP_ERASE };
enum extended { EXT_EWDS, EXT_WRAL, EXT_ERAL, EXT_EWEN };

#define OPCODE_BITS	2u
#define WORD_BITS	16u

_Static_assert(WORD_BITS <= EEPROM93_BITS_MAX && OPCODE_BITS + 8 <=
	       EEPROM93_BITS_MAX, "eeprom93.h");

static unsigned int addr_bits(const struct eeprom93 *e)
{
	return e->kind == EEPROM93_C46 ? 6 : 8;
}

unsigned int eeprom93_words(const struct eeprom93 *e)
{
	return e->kind == EEPROM93_C46 ? 64 : EEPROM93_WORDS_MAX;
}

void eeprom93_init(struct eeprom93 *e, enum eeprom93_kind kind)
{
	e->kind = (uint8_t)kind;
	e->phase = STANDBY;
	e->shift = 0;
	e->out = 0;
	e->bits = e->opcode = e->addr = 0;
	e->cs = e->sk = 0;
	e->data_out = 1;
	e->may_write = 0;
}

static uint16_t *word_at(struct eeprom93 *e, unsigned int addr)
{
	return &e->word[addr % eeprom93_words(e)];
}

static void fill(struct eeprom93 *e, uint16_t v)
{
	for (unsigned int i = 0; i < eeprom93_words(e); i++)
		e->word[i] = v;
}

static void store(struct eeprom93 *e, uint16_t v)
{
	if (!e->may_write)
		return;
	if (e->opcode == OP_WRITE)
		*word_at(e, e->addr) = v;
	else
		fill(e, v);
}

static void take_data(struct eeprom93 *e)
{
	e->phase = DATA_IN;
	e->bits = WORD_BITS;
	e->shift = 0;
}

static void start_extended(struct eeprom93 *e)
{
	switch ((enum extended)(e->addr >> (addr_bits(e) - 2) & 3)) {
	case EXT_EWDS:
		e->may_write = 0;
		break;
	case EXT_WRAL:
		take_data(e);
		break;
	case EXT_ERAL:
		if (e->may_write)
			fill(e, 0xffff);
		e->phase = STATUS;
		break;
	case EXT_EWEN:
		e->may_write = 1;
		break;
	}
}

/* Opcode and address are complete. */
static void start_command(struct eeprom93 *e)
{
	e->phase = STANDBY;
	e->opcode = (uint8_t)(e->shift >> addr_bits(e) & 3);
	e->addr = (uint8_t)(e->shift & ((1u << addr_bits(e)) - 1));
	switch ((enum opcode)e->opcode) {
	case OP_EXTENDED:
		start_extended(e);
		break;
	case OP_WRITE:
		take_data(e);
		break;
	case OP_READ:
		e->phase = DATA_OUT;
		e->bits = WORD_BITS;
		e->out = *word_at(e, e->addr);
		e->data_out = 0;	/* a 0 goes before the data */
		break;
	case OP_ERASE:
		if (e->may_write)
			*word_at(e, e->addr) = 0xffff;
		e->phase = STATUS;
		break;
	}
}

static void await_command(struct eeprom93 *e)
{
	e->phase = COMMAND;
	e->bits = (uint8_t)(OPCODE_BITS + addr_bits(e));
	e->shift = 0;
	e->data_out = 1;
}

static void shift_out(struct eeprom93 *e)
{
	if (!e->bits) {
		e->phase = SEQUENTIAL;
		e->addr++;
		e->out = *word_at(e, e->addr);
		e->bits = WORD_BITS;
	}
	e->data_out = (uint8_t)(e->out >> 15);
	e->out = (uint16_t)(e->out << 1);
	e->bits--;
}

/* True with the last bit of the phase. */
static bool shift_in(struct eeprom93 *e, bool di)
{
	e->shift = e->shift << 1 | di;
	if (e->bits)
		e->bits--;
	return !e->bits;
}

static void clock_bit(struct eeprom93 *e, bool di)
{
	switch ((enum phase)e->phase) {
	case STANDBY:
		break;
	case STATUS:
	case WAIT_START:
		if (di)
			await_command(e);
		break;
	case COMMAND:
		if (shift_in(e, di))
			start_command(e);
		break;
	case DATA_IN:
		if (!shift_in(e, di))
			break;
		store(e, (uint16_t)e->shift);
		e->phase = STATUS;
		break;
	case DATA_OUT:
		if (di && !e->bits)
			await_command(e);
		else
			shift_out(e);
		break;
	case SEQUENTIAL:
		if (di)
			await_command(e);
		else
			shift_out(e);
		break;
	}
}

void eeprom93_set_pins(struct eeprom93 *e, bool cs, bool sk, bool di)
{
	bool rises = sk && !e->sk;

	if (cs != e->cs) {
		e->phase = cs ? WAIT_START : STANDBY;
		e->data_out = 1;
	}
	e->cs = cs;
	e->sk = sk;
	if (cs && rises)
		clock_bit(e, di);
}

bool eeprom93_data_out(const struct eeprom93 *e)
{
	return e->data_out;
}
