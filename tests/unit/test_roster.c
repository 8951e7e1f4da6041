/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/test_roster.c - what each child is told
 */
#include "abi/plan.h"
#include "supervisor/roster.h"
#include "tap.h"

static struct conf conf;
static struct vram_layout layout;
static struct roster_host host;
static struct roster r = { .conf = &conf, .layout = &layout, .host = &host };
static struct spawn_spec spec;

/* A guest with everything there can be, as far as options go. */
static void begin(void)
{
	conf = (struct conf){ .domid = 3, .have_vga = true, .have_vnc = true,
		.vcpus = CONF_VCPUS_MAX, .max_vcpus = CONF_VCPUS_MAX,
		.boot = "cdn", .plan_flags = PLAN_NO_POLL };
	for (int i = 0; i < CONF_SERIALS; i++)
		conf.serial[i].kind = SERIAL_NULL;
	for (int i = 0; i < CONF_DRIVES; i++)
		host.image[i].fd = -1;
	for (int i = 0; i < CONF_SERIALS; i++)
		host.serial[i].fd = -1;
	host.vga_rom = host.vnc.fd = -1;
}

static bool is_told(enum member m, const char *opt)
{
	roster_spec(&r, m, &spec);
	for (unsigned int i = 0; i < spec.opt_count; i++)
		if (strcmp(spec.opt[i], opt) == 0)
			return true;
	for (unsigned int i = 0; i < spec.opt_count; i++)
		printf("# %s\n", spec.opt[i]);
	return false;
}

static void test_all(void)
{
	for (enum member m = 0; m < MEMBER_COUNT; m++)
		roster_spec(&r, m, &spec);
	ok(is_told(MEMBER_PLATFORM, "serial3=null") &&
	   is_told(MEMBER_PLATFORM, "poll=off"), "all options have room");
}

static void test_disks(void)
{
	ok(is_told(MEMBER_PLATFORM, "cyls=0,0,0,0"), "no disk");
	host.image[0] = (struct image){ .fd = 9, .size_bytes = 1024u * 1008 * 512 };
	host.image[1] = (struct image){ .fd = 9, .size_bytes = 1025u * 1008 * 512 };
	host.image[2] = (struct image){ .fd = 9, .size_bytes = UINT64_MAX };
	host.image[3] = (struct image){ .fd = 9, .size_bytes = 1 };
	ok(is_told(MEMBER_PLATFORM, "cyls=1024,1025,16383,1"),
	   "platform knows the disks' size as they tell it themselves");
	ok(is_told(MEMBER_DISK0, "drive0=rw"), "the disk worker has them");
}

int main(void)
{
	begin();
	test_all();
	test_disks();
	return tap_done();
}
