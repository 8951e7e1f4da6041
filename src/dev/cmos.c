/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dev/cmos.c - CMOS indexes 14-127 at ports 0x70-0x71
 *
 * Runs in platform.  Xen is the clock: it answers indexes 0-13 and reads of
 * 0x70, and we do not even see an index below 14 being written.  On Xen the
 * boot order and how INT 13h is to number sectors reach SeaBIOS only through
 * these bytes.
 */
#include "dev/cmos.h"

#include <string.h>

#include "base/bug.h"
#include "bus/reg.h"
#include "bus/restore.h"

#define STATE_LAYOUT	1u
#define OURS_FROM	14u
#define KIB		1024u
#define KIB_MAX		65535u

enum cmos_index {
	DISK_TYPES = 0x12, EQUIPMENT = 0x14, BASE_KIB = 0x15, EXT_KIB = 0x17,
	DISK_TYPE_EXT = 0x19, DISK_GEOMETRY = 0x1b, EXT_KIB_2 = 0x30,
	CENTURY = 0x32, ABOVE_16M = 0x34, PS2_CENTURY = 0x37, BOOT_3RD = 0x38,
	DISK_TRANSLATION = 0x39, BOOT_1ST_2ND = 0x3d, ABOVE_4G = 0x5b,
	CPUS_LESS_1 = 0x5f,
};
#define DISK_TYPED	2u	/* disks that have a type and a geometry here */
#define TYPE_USER	47u
#define GEOMETRY_BYTES	9u
#define HEADS		16u
#define SECTORS		63u
#define CYLS_PLAIN	1024u	/* INT 13h has ten bits for the cylinder */
#define TRANSLATE_LBA	1u
#define EQUIPMENT_FPU	0x02u
#define EQUIPMENT_MOUSE	0x04u

static void index_write(void *dev, const struct reg *r, uint32_t val,
			uint32_t old)
{
	struct cmos *s = dev;

	(void)r;
	(void)old;
	s->r.index = val & 0x7f;
}

static uint32_t data_read(void *dev, const struct reg *r)
{
	const struct cmos *s = dev;
	uint8_t index = s->r.index & 0x7f;

	(void)r;
	return index < OURS_FROM ? 0xff : s->r.data[index];
}

static void data_write(void *dev, const struct reg *r, uint32_t val,
		       uint32_t old)
{
	struct cmos *s = dev;
	uint8_t index = s->r.index & 0x7f;

	(void)r;
	(void)old;
	if (index >= OURS_FROM)
		s->r.data[index] = (uint8_t)val;
}

static uint32_t index_read(void *dev, const struct reg *r)
{
	(void)dev;
	(void)r;
	return 0xff;	/* write-only on the MC146818 */
}

/* clang-format off */
static const struct reg rows[] = {
	/* Only selects what the next access to DATA, in order, means. */
	RX(INDEX, 0, 1, .read = index_read, .write = index_write,
			.flags = REG_POSTED | REG_INERT | REG_LAZY),
	RX(DATA,  1, 1, .read = data_read, .write = data_write),
};
/* clang-format on */
const struct reg_file cmos_regs = REG_FILE(rows, ~0u);

static void put16(struct cmos *s, unsigned int index, uint64_t v)
{
	s->r.data[index] = (uint8_t)v;
	s->r.data[index + 1] = (uint8_t)(v >> 8);
}

static void set_memory(struct cmos *s, uint64_t below, uint64_t above)
{
	uint64_t ext_kib = below > KIB * KIB ? below / KIB - KIB : 0;
	uint64_t above_16m = below > 16 * KIB * KIB ?
			     (below - 16 * KIB * KIB) / (64 * KIB) : 0;

	if (ext_kib > KIB_MAX)
		ext_kib = KIB_MAX;
	if (above_16m > UINT16_MAX)
		above_16m = UINT16_MAX;
	put16(s, BASE_KIB, 640);
	put16(s, EXT_KIB, ext_kib);
	put16(s, EXT_KIB_2, ext_kib);
	put16(s, ABOVE_16M, above_16m);
	above /= 64 * KIB;
	put16(s, ABOVE_4G, above);
	s->r.data[ABOVE_4G + 2] = (uint8_t)(above >> 16);
}

/* SeaBIOS's nibble for one letter of the boot order, or 0. */
static uint8_t boot_nibble(char letter)
{
	switch (letter) {
	case 'a':
		return 1;
	case 'c':
		return 2;
	case 'd':
		return 3;
	case 'n':
		return 4;
	default:
		return 0;
	}
}

static void set_boot_order(struct cmos *s, const char *boot)
{
	uint8_t order[3] = { 0 };
	unsigned int n = 0;

	for (; boot && *boot && n < 3; boot++)
		if (boot_nibble(*boot))
			order[n++] = boot_nibble(*boot);
	s->r.data[BOOT_1ST_2ND] = (uint8_t)(order[0] | order[1] << 4);
	s->r.data[BOOT_3RD] = (uint8_t)(order[2] << 4);
}

/* For systems that look here before they ask the disk. */
static void set_disk_type(struct cmos *s, unsigned int disk, uint16_t cyls)
{
	uint8_t *g = &s->r.data[DISK_GEOMETRY + disk * GEOMETRY_BYTES];

	s->r.data[DISK_TYPES] |= (uint8_t)(disk ? 0x0f : 0xf0);
	s->r.data[DISK_TYPE_EXT + disk] = TYPE_USER;
	g[0] = g[6] = (uint8_t)cyls;
	g[1] = g[7] = (uint8_t)(cyls >> 8);
	g[2] = HEADS;
	g[3] = g[4] = 0xff;	/* no write precompensation */
	g[5] = 0xc8;		/* retries off, more than 8 heads */
	g[8] = SECTORS;
}

/*
 * SeaBIOS does what these bits say and does not look at the size: without
 * translation, cylinders, heads and sectors end at 504 MiB.
 */
static void set_disks(struct cmos *s, const uint16_t *cyls)
{
	for (unsigned int i = 0; i < CMOS_DISKS; i++) {
		if (cyls[i] && i < DISK_TYPED)
			set_disk_type(s, i, cyls[i]);
		if (cyls[i] > CYLS_PLAIN)
			s->r.data[DISK_TRANSLATION] |=
				(uint8_t)(TRANSLATE_LBA << i * 2);
	}
}

static const struct bus_field fields[] = {
	BUS_FIELD(struct cmos_regs, index, BUS_FIELD_MAX, 0x7f),
};
static const struct bus_state state = {
	.version = STATE_LAYOUT, .field = fields,
	.field_count = sizeof(fields) / sizeof(fields[0]),
};
static const struct bus_dev_ops dev_ops = { .state = &state };

void cmos_init(struct cmos *s, struct bus *b, const struct cmos_conf *conf)
{
	s->bus = b;
	s->id = bus_add_dev(b, "cmos", s, &dev_ops, &s->r, sizeof(s->r));
	s->r.data[EQUIPMENT] = EQUIPMENT_FPU | EQUIPMENT_MOUSE;
	s->r.data[CENTURY] = 0x20;
	s->r.data[PS2_CENTURY] = 0x20;
	s->r.data[CPUS_LESS_1] = (uint8_t)(conf->vcpus ? conf->vcpus - 1 : 0);
	set_memory(s, conf->ram_below_4g_bytes, conf->ram_above_4g_bytes);
	set_boot_order(s, conf->boot);
	set_disks(s, conf->disk_cyls);
	bus_map(b, bus_add_win(b, s->id, "cmos", CHAN_PIO, 2, &cmos_regs, NULL),
		0x70);
}

void cmos_set(struct cmos *s, unsigned int index, uint8_t v)
{
	bug_on(index < OURS_FROM || index > 127);
	s->r.data[index] = v;
	bus_touch(s->bus, s->id);
}
