/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/test_roster.c - what each child is told
 */
#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include "abi/io_msg.h"
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

static const struct nic_model e1000 = { "e1000", 0x8086, 0x100e, "efi-e1000.rom" };

static void test_nics(void)
{
	static struct plan plan;
	const struct conf_nic nic = { .model = &e1000,
		.mac = { 0x00, 0x16, 0x3e, 0x0a, 0xbc, 0x01 } };

	ok(!roster_has(&r, MEMBER_NET0), "no card, no worker");
	conf.nic[0] = conf.nic[2] = nic;
	conf.nic_count = 3;		/* the second is a tap alone */
	host.tap[2] = 9;
	host.nic_rom[0] = 8;
	host.nic_rom[2] = -1;
	ok(roster_has(&r, roster_net(0)) && !roster_has(&r, roster_net(1)) &&
	   roster_has(&r, roster_net(2)) && !roster_has(&r, roster_net(3)),
	   "a worker for each card");
	is_str(roster_name(roster_net(2)), "net2", "named after it");
	ok(is_told(roster_net(2), "mac=00:16:3e:0a:bc:01") &&
	   is_told(roster_net(2), "model=e1000") && is_told(roster_net(2), "rom=0") &&
	   spec.fd[FD_NET_TAP] == 9 && spec.fd[FD_NET_ROM] == -1, "it is told about it");
	ok(is_told(roster_net(0), "rom=1") && spec.fd[FD_NET_ROM] == 8, "and has its ROM");
	/* Slots as with QEMU: platform device, display, then cards in order. */
	conf.pci_platform = true;
	ok(is_told(roster_net(0), "devfn=32") && is_told(roster_net(2), "devfn=40"),
	   "cards come after the display");
	plan_fill(&plan, &conf, &layout);
	ok(plan.worker[PLAN_CHAN_NET0].role == PLAN_NET &&
	   plan.worker[PLAN_CHAN_NET0].intx_devs == 1u << 4 &&
	   plan.worker[PLAN_CHAN_NET0 + 1].role == PLAN_ABSENT &&
	   plan.worker[PLAN_CHAN_NET0 + 2].intx_devs == 1u << 5 &&
	   plan.worker_count == PLAN_CHAN_NET0 + 3, "the broker has it in the plan");
	conf.pci_platform = conf.have_vga = false;
	ok(is_told(roster_net(0), "devfn=16"), "or where there is room");
	conf.nic_count = CONF_NICS;
	for (unsigned int i = 0; i < CONF_NICS; i++)
		conf.nic[i] = nic;
	plan_fill(&plan, &conf, &layout);
	ok(plan.worker_count == PLAN_CHAN_END && is_told(roster_net(7), "devfn=72"),
	   "as many as there may be");
}

/* Everybody has a page of its own, the broker a ring for each worker. */
static void test_counters(void)
{
	unsigned int pages = 0, rings = 0, members = 0;

	begin();
	ok(roster_make(&r) == 0, "shared memory");
	for (enum member m = 0; m < MEMBER_COUNT; m++) {
		if (!roster_has(&r, m))
			continue;
		members++;
		roster_spec(&r, m, &spec);
		pages += spec.fd[FD_STATS] == r.stat[m] && r.stat[m] >= 0 &&
			r.stat_page[m] != NULL;
		if (m != MEMBER_BROKER && spec.fd[FD_TRACE0 + PLAN_CHAN_DISK0] >= 0)
			rings = 100;
	}
	ok(pages == members && members == 5, "a page each");
	roster_spec(&r, MEMBER_BROKER, &spec);
	for (unsigned int ch = 0; ch < WORKERS_MAX; ch++)
		rings += spec.fd[FD_TRACE0 + ch] >= 0 &&
			spec.fd[FD_TRACE0 + ch] == r.trace[ch];
	ok(rings == 3, "rings for the broker alone, one for each worker with a channel");
	r = (struct roster){ .conf = &conf, .layout = &layout, .host = &host };
	conf.no_stats = true;
	ok(roster_make(&r) == 0, "again, with stats=off");
	roster_spec(&r, MEMBER_BROKER, &spec);
	ok(spec.fd[FD_STATS] == -1 && spec.fd[FD_TRACE0] == -1 &&
	   !r.stat_page[MEMBER_DISK0], "nobody has anything to count in");
}

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static bool has_drive(int i)
{
	char opt[16];

	snprintf(opt, sizeof(opt), "drive%d=rw", i);
	roster_spec(&r, MEMBER_DISK0, &spec);
	for (unsigned int k = 0; k < spec.opt_count; k++)
		if (strcmp(spec.opt[k], opt) == 0)
			return true;
	return false;
}

/* What is failed is told so, and what is unplugged is given to nobody. */
static void test_loss(void)
{
	const struct conf_nic nic = { .model = &e1000 };
	int fd[4], tap, bare;

	begin();
	conf.nic[0] = nic;
	conf.nic_count = 2;		/* the second is a tap alone */
	for (int i = 0; i < 4; i++) {
		fd[i] = host.image[i].fd = dup(STDERR_FILENO);
		host.image[i].size_bytes = 1000u + (unsigned int)i;
	}
	tap = host.tap[0] = dup(STDERR_FILENO);
	bare = host.tap[1] = dup(STDERR_FILENO);
	roster_spec(&r, MEMBER_DISK0, &spec);
	roster_cripple(&r, MEMBER_DISK0, &spec);
	ok(spec.fd[FD_DISK0] == -1 && spec.fd[FD_DISK3] == -1 &&
	   strcmp(spec.opt[spec.opt_count - 3], "drive3=rw") == 0 &&
	   strcmp(spec.opt[spec.opt_count - 2], "sizes=1000,1001,1002,1003") == 0 &&
	   strcmp(spec.opt[spec.opt_count - 1], "failed=1") == 0,
	   "a failed disk worker knows its drives, their sizes, and has no image");
	roster_spec(&r, MEMBER_NET0, &spec);
	roster_cripple(&r, MEMBER_NET0, &spec);
	ok(spec.fd[FD_NET_TAP] == -1 &&
	   strcmp(spec.opt[spec.opt_count - 1], "failed=1") == 0, "a failed card no tap");
	ok(is_open(fd[0]) && is_open(tap), "we have them still");
	roster_unplug(&r, UNPLUG_AUX_IDE_DISKS);
	ok(has_drive(0) && !has_drive(1) && !has_drive(2) && !has_drive(3) &&
	   is_open(fd[0]) && !is_open(fd[1]) && !is_open(fd[3]),
	   "all disks but the first are unplugged");
	roster_unplug(&r, UNPLUG_NICS);
	roster_spec(&r, MEMBER_NET0, &spec);
	ok(spec.fd[FD_NET_TAP] == -1 && !is_open(tap) && is_open(bare) && has_drive(0),
	   "cards: the tap of one without card is not theirs");
	roster_unplug(&r, UNPLUG_IDE_DISKS | UNPLUG_NICS);
	roster_unplug(&r, UNPLUG_IDE_DISKS | UNPLUG_NICS);
	ok(!has_drive(0) && !is_open(fd[0]), "the rest, twice");
	close(bare);
}

static int cpu_of(enum member m)
{
	roster_spec(&r, m, &spec);
	return spec.cpu;
}

/* As if there were the first @count of our CPUs. */
static bool have_cpus(const cpu_set_t *all, int count, int *last)
{
	cpu_set_t some;

	CPU_ZERO(&some);
	for (int i = 0; i < CPU_SETSIZE && CPU_COUNT(&some) < count; i++)
		if (CPU_ISSET(i, all)) {
			CPU_SET(i, &some);
			*last = i;
		}
	return CPU_COUNT(&some) == count &&
		!sched_setaffinity(0, sizeof(some), &some);
}

static void test_cpus(void)
{
	cpu_set_t all;
	int only, last;

	sched_getaffinity(0, sizeof(all), &all);
	have_cpus(&all, 1, &only);
	ok(cpu_of(MEMBER_DISK0) == -1, "one CPU: nothing to choose");
	conf.one_cpu = CONF_ONE_CPU_ON;
	ok(cpu_of(MEMBER_DISK0) == only, "unless told to");
	conf.one_cpu = CONF_ONE_CPU_AUTO;
	if (!have_cpus(&all, 2, &last)) {
		skip("of two CPUs: only one here");
		return;
	}
	ok(cpu_of(MEMBER_BROKER) == last && cpu_of(MEMBER_DISK0) == last &&
	   cpu_of(MEMBER_NET0) == last && cpu_of(MEMBER_VNC) == -1,
	   "of two CPUs: the second for domain 3, not for vnc");
	conf.domid = 4;
	ok(cpu_of(MEMBER_BROKER) == only, "the first for domain 4");
	conf.one_cpu = CONF_ONE_CPU_OFF;
	ok(cpu_of(MEMBER_BROKER) == -1, "none if told so");
	conf.one_cpu = CONF_ONE_CPU_AUTO;
	if (have_cpus(&all, 3, &last))
		ok(cpu_of(MEMBER_BROKER) == -1, "of three: any");
	else
		skip("of three CPUs: only two here");
	sched_setaffinity(0, sizeof(all), &all);
}

int main(void)
{
	test_counters();
	test_loss();
	begin();
	test_all();
	test_disks();
	test_nics();
	test_cpus();
	return tap_done();
}
