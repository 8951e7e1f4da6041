/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/model/test_eeprom93.c - serial EEPROMs, bit by bit
 */
#include "dev/eeprom93.h"
#include "tap.h"

static struct eeprom93 e;

static bool bit(bool di)
{
	eeprom93_set_pins(&e, true, false, di);
	eeprom93_set_pins(&e, true, true, di);
	return eeprom93_data_out(&e);
}

static void select_chip(void)
{
	eeprom93_set_pins(&e, false, false, false);
	eeprom93_set_pins(&e, true, false, false);
}

static void send(uint32_t bits, unsigned int count)
{
	while (count-- > 0)
		bit(bits >> count & 1);
}

static uint16_t read_bits(void)
{
	uint16_t v = 0;

	for (unsigned int i = 0; i < 16; i++)
		v = (uint16_t)(v << 1 | bit(false));
	return v;
}

static void new_chip(enum eeprom93_kind kind)
{
	memset(&e, 0, sizeof(e));
	for (unsigned int i = 0; i < EEPROM93_WORDS_MAX; i++)
		e.word[i] = (uint16_t)(0xa500 + i);
	eeprom93_init(&e, kind);
}

/* @bits of address; the start bit is part of the command. */
static void command(unsigned int op, unsigned int addr, unsigned int bits)
{
	select_chip();
	send((4u | op) << bits | addr, 3 + bits);
}

static void test_read(enum eeprom93_kind kind, unsigned int bits)
{
	unsigned int last = (kind == EEPROM93_C46 ? 64 : 128) - 1;

	new_chip(kind);
	is_hex(eeprom93_words(&e), last + 1, "words");
	command(2, 7, bits);
	ok(!eeprom93_data_out(&e), "a 0 goes before the data");
	is_hex(read_bits(), 0xa507, "a word");
	is_hex(read_bits(), 0xa508, "the next one follows");
	command(2, last, bits);
	is_hex(read_bits(), 0xa500 + last, "the last word");
	is_hex(read_bits(), 0xa500, "the first one follows it");
	select_chip();
	send(0, 5);
	send(6u << bits | 9, 3 + bits);
	is_hex(read_bits(), 0xa509, "zeros before the start bit do not matter");
	send(6u << bits | 3, 3 + bits);
	is_hex(read_bits(), 0xa503, "a second command with CS left high");
	send(0, 1);
	send(6u << bits | 4, 3 + bits);
	is_hex(read_bits(), 0xa504, "and one after a 0");
	command(2, 1, bits);
	eeprom93_set_pins(&e, false, false, false);
	ok(eeprom93_data_out(&e), "not selected: pulled up");
}

static void test_write(enum eeprom93_kind kind, unsigned int bits)
{
	new_chip(kind);
	command(1, 5, bits);
	send(0x1234, 16);
	is_hex(e.word[5], 0xa505, "no write before EWEN");
	command(0, 3u << (bits - 2), bits);
	command(1, 5, bits);
	send(0x1234 >> 1, 15);
	is_hex(e.word[5], 0xa505, "nor before the last bit");
	send(0, 1);
	is_hex(e.word[5], 0x1234, "with it");
	select_chip();
	ok(eeprom93_data_out(&e), "ready at once");
	command(3, 6, bits);
	is_hex(e.word[6], 0xffff, "ERASE");
	command(0, 1u << (bits - 2), bits);
	send(0xbeef, 16);
	ok(e.word[0] == 0xbeef && e.word[eeprom93_words(&e) - 1] == 0xbeef,
	   "WRAL");
	command(0, 2u << (bits - 2), bits);
	ok(e.word[0] == 0xffff && e.word[63] == 0xffff, "ERAL");
	command(0, 0, bits);
	command(3, 5, bits);
	command(1, 5, bits);
	send(0x1111, 16);
	is_hex(e.word[5], 0xffff, "no write after EWDS");
}

/* Whatever a predecessor left, no access leaves the array. */
static void test_garbage(void)
{
	uint32_t v = 1;

	for (unsigned int i = 0; i < 200000; i++) {
		v = v * 1664525 + 1013904223;
		if (i % 1000 == 0)
			memset((uint8_t *)&e + sizeof(e.word), (int)(v >> 24),
			       sizeof(e) - sizeof(e.word));
		eeprom93_set_pins(&e, v >> 29, v >> 28 & 1, v >> 27 & 1);
	}
	ok(true, "random pins on random state");
}

int main(void)
{
	test_read(EEPROM93_C46, 6);
	test_read(EEPROM93_C56, 8);
	test_write(EEPROM93_C46, 6);
	test_write(EEPROM93_C56, 8);
	test_garbage();
	return tap_done();
}
