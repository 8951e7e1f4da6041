/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * workers/platform.c - platform worker: chipset, power management, keyboard
 *                      and mouse, serial ports, CMOS, Xen platform device
 *
 * Opens nothing and maps no guest memory: serial ports and the input ring
 * arrive at fixed numbers (abi/fds.h), which policy/platform.policy names.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "abi/fds.h"
#include "back/chr_fd.h"
#include "back/input_ring.h"
#include "base/bug.h"
#include "dev/platform.h"
#include "policy/policy_platform.h"
#include "runtime/worker.h"

static struct platform platform;

/* "key=value" of a fixed set of words: the index of the word, or @otherwise. */
static unsigned int opt_word(struct worker *w, const char *key,
			     const char *const *words, unsigned int otherwise)
{
	const char *v = sandbox_opt(&w->args, key);

	if (!v)
		return otherwise;
	for (unsigned int i = 0; words[i]; i++)
		if (strcmp(v, words[i]) == 0)
			return i;
	die(0, "unknown value: option=%s value=%s", key, v);
}

static unsigned int opt_count(struct worker *w, const char *key,
			      unsigned int otherwise, unsigned int max)
{
	const char *v = sandbox_opt(&w->args, key);
	unsigned long n;
	char *end;

	if (!v)
		return otherwise;
	n = strtoul(v, &end, 10);
	if (end == v || *end || n < 1 || n > max)
		die(0, "not a number from 1 to %u: option=%s value=%s", max,
		    key, v);
	return (unsigned int)n;
}

/* Port @i: "serialI=fd" has its descriptor, "serialI=null" is not connected. */
static void open_serial(struct worker *w, struct platform_conf *conf,
			unsigned int i)
{
	static const char *const keys[PLATFORM_SERIALS] = {
		"serial0", "serial1", "serial2", "serial3" };
	static const char *const words[] = { "null", "fd", "none", NULL };
	unsigned int kind = opt_word(w, keys[i], words, 2);
	int fd = FD_SERIAL0 + (int)i;
	struct chr *c;

	conf->serial[i].present = kind != 2;
	if (kind != 1)
		return;
	if (!(w->args.fds & (UINT64_C(1) << fd)))
		die(0, "descriptor is missing: option=%s fd=%d", keys[i], fd);
	c = chr_fd_open(w->bus, i, fd);
	conf->serial[i].chr = c;
	if (chr_fd_has_input(c))
		worker_watch(w, fd, EPOLLIN | EPOLLET, chr_fd_readable, c);
}

/* "cyls=C,C,C,C": cylinders of the IDE hard disks, 0 where there is none. */
static void read_disks(struct worker *w, struct platform_conf *conf)
{
	const char *v = sandbox_opt(&w->args, "cyls");
	uint16_t *c = conf->disk_cyls;
	char rest;

	if (v && sscanf(v, "%5" SCNu16 ",%5" SCNu16 ",%5" SCNu16 ",%5" SCNu16 "%c",
			&c[0], &c[1], &c[2], &c[3], &rest) != 4)
		die(0, "not four numbers: option=cyls value=%s", v);
}

static void open_input(struct worker *w)
{
	if (!(w->args.fds & (UINT64_C(1) << FD_INPUT)))
		return;
	input_ring_open(w->bus, FD_INPUT, FD_INPUT_KICK, &platform.i8042.sink);
	worker_watch(w, FD_INPUT_KICK, EPOLLIN, input_ring_readable, NULL);
}

int main(int argc, char **argv)
{
	static const char *const no_yes[] = { "0", "1", NULL };
	static const char *const answers[] = { "decline", "accept", NULL };
	/* 1. Check what we inherited, start logging, map the rings. */
	struct worker *w = worker_begin("platform", argc, argv);
	struct platform_conf conf = {
		.vcpus = opt_count(w, "vcpus", 1, 128),
		.ram_below_4g_bytes = w->args.ram_below_4g_bytes,
		.ram_above_4g_bytes = w->args.ram_above_4g_bytes,
		.boot = sandbox_opt(&w->args, "boot"),
		.xen_pci = opt_word(w, "pci", no_yes, 1),
		.accept_unplug = opt_word(w, "unplug", answers, 0),
	};

	/* 2. Build the machine. */
	read_disks(w, &conf);
	for (unsigned int i = 0; i < PLATFORM_SERIALS; i++)
		open_serial(w, &conf, i);
	platform_init(&platform, w->bus, &conf);
	open_input(w);

	/* 3. Point of no return: from here only policy/platform.policy is left. */
	worker_confine(w, &policy_platform);

	/* 4. Serve the guest until the supervisor hangs up. */
	return worker_serve(w);
}
