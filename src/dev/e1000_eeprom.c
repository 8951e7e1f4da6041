/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dev/e1000_eeprom.c - 82540EM: the EEPROM and its two register interfaces
 *
 * Runs in the net worker.  EECD moves the pins of a 93C46 one by one, EERD
 * reads a word at once.  What a guest writes stays for the domain's life.
 */
#include "dev/e1000_core.h"

#define EECD_SK		0x001u
#define EECD_CS		0x002u
#define EECD_DI		0x004u
#define EECD_DO		0x008u
#define EECD_REQ	0x040u
#define EECD_GNT	0x080u		/* asked for is granted */
#define EECD_PRES	0x100u
#define EECD_KEPT	0x077u		/* SK, CS, DI, FWE, REQ */

#define EERD_START	0x00000001u
#define EERD_DONE	0x00000010u
#define EERD_ADDR(v)	((v) >> 8 & 0xffu)

#define CHECKSUM	0xbabau
#define CHECKSUM_WORD	0x3fu

/* SDM 5.6.  No pause frames: there is no wire to hold up. */
static const struct {
	uint8_t word;
	uint16_t value;
} contents[] = {
	{ 0x04, 0xffff },	/* ID LED settings: the default */
	{ 0x08, 0xffff },	/* printed board assembly number: none */
	{ 0x09, 0xffff },
	{ 0x0a, 0x4003 },	/* valid; load device and subsystem IDs */
	{ 0x0b, 0x1100 },	/* subsystem ID */
	{ 0x0c, 0x1af4 },
	{ 0x0d, 0x100e },	/* device ID */
	{ 0x0e, 0x8086 },
};

void e1000_eeprom_init(struct e1000 *d)
{
	uint16_t *word = d->t.eeprom.word, sum = 0;

	eeprom93_init(&d->t.eeprom, EEPROM93_C46);
	for (unsigned int i = 0; i < NIC_MAC_BYTES / 2; i++)
		word[i] = le16_get(&d->nic->mac[2 * i]);
	for (unsigned int i = 0; i < sizeof(contents) / sizeof(contents[0]); i++)
		word[contents[i].word] = contents[i].value;
	for (unsigned int i = 0; i < CHECKSUM_WORD; i++)
		sum = (uint16_t)(sum + word[i]);
	word[CHECKSUM_WORD] = (uint16_t)(CHECKSUM - sum);
}

void e1000_eeprom_load(struct e1000 *d)
{
	const uint16_t *word = d->t.eeprom.word;

	d->t.ra[0] = word[0] | (uint32_t)word[1] << 16;
	d->t.ra[1] = word[2] | RAH_AV;
	bus_touch(d->bus, d->tables_id);
}

uint32_t e1000_eecd_read(const struct e1000 *d)
{
	return d->r.eecd | EECD_PRES |
		(d->r.eecd & EECD_REQ ? EECD_GNT : 0) |
		(eeprom93_data_out(&d->t.eeprom) ? EECD_DO : 0);
}

void e1000_eecd_write(struct e1000 *d, uint32_t val)
{
	d->r.eecd = val & EECD_KEPT;
	eeprom93_set_pins(&d->t.eeprom, val & EECD_CS, val & EECD_SK,
			  val & EECD_DI);
	bus_touch(d->bus, d->tables_id);
}

void e1000_eerd_write(struct e1000 *d, uint32_t val)
{
	unsigned int addr = EERD_ADDR(val) % eeprom93_words(&d->t.eeprom);

	d->r.eerd = val & 0xff00u;
	if (val & EERD_START)
		d->r.eerd |= EERD_DONE | (uint32_t)d->t.eeprom.word[addr] << 16;
}
