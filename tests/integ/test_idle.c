/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/integ/test_idle.c - nobody of a family runs while its guest does not
 *
 * The guest is busy for a moment, in the ways that make broker and workers set
 * timers and look for each other, then does nothing more.  From then on no
 * thread of any process may be switched to: wake-ups are what many idle guests
 * cost a host.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "fakefamily.h"
#include "patience.h"
#include "tap.h"

#define BUSY_HOPS	400u
#define REST_MS		2500	/* what was set may end: looks are 1 s apart */
#define IDLE_MS		4000

static struct fakefamily f;

static uint64_t read_switches(const char *path)
{
	static const char key[] = "voluntary_ctxt_switches:";
	char line[200];
	uint64_t n = 0;
	FILE *file = fopen(path, "r");

	while (file && fgets(line, sizeof(line), file))
		if (strncmp(line, key, sizeof(key) - 1) == 0)
			n = strtoull(line + sizeof(key) - 1, NULL, 10);
	if (file)
		fclose(file);
	return n;
}

/* Of all threads of @who: how often they went to sleep. */
static uint64_t count_sleeps(enum fakefamily_who who)
{
	char path[300];
	struct dirent *e;
	uint64_t n = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", f.member[who].pid);
	dir = opendir(path);
	while (dir && (e = readdir(dir))) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/proc/%d/task/%s/status",
			 f.member[who].pid, e->d_name);
		n += read_switches(path);
	}
	if (dir)
		closedir(dir);
	return n;
}

/* Hops to each worker, words that are spared, and a disk that works. */
static void be_busy(void)
{
	for (unsigned int i = 0; i < BUSY_HOPS; i++) {
		fakeguest_out(f.g, 0, 0x3ff, 1, i);
		fakeguest_in(f.g, 0, 0x3ff, 1);
		fakeguest_out(f.g, 0, 0x3c8, 1, i);
		fakeguest_in(f.g, 0, 0x3c9, 1);
		fakeguest_out(f.g, 0, 0x1f2, 1, i);
		fakeguest_in(f.g, 0, 0x1f7, 1);
	}
	fakeguest_out(f.g, 0, 0x1f6, 1, 0xe0);
	fakeguest_out(f.g, 0, 0x1f7, 1, 0xe7);
	fakeguest_until_isa(f.g, 14, true, PATIENCE_MS);
	fakeguest_in(f.g, 0, 0x1f7, 1);
}

static void test_idle(const char *what)
{
	static const char *const name[FF_COUNT] = {
		"platform", "disk", "vga", "net", "broker" };
	uint64_t before[FF_COUNT];

	be_busy();
	usleep(REST_MS * 1000);
	for (enum fakefamily_who w = 0; w < FF_COUNT; w++)
		before[w] = f.member[w].pid ? count_sleeps(w) : 0;
	usleep(IDLE_MS * 1000);
	for (enum fakefamily_who w = 0; w < FF_COUNT; w++) {
		uint64_t n;

		if (!f.member[w].pid)
			continue;
		n = count_sleeps(w);
		ok(before[w] && n == before[w], "%s: %s slept %llu times, and %llu more",
		   what, name[w], (unsigned long long)before[w],
		   (unsigned long long)(n - before[w]));
	}
	ok(!fakeguest_fault(f.g), "%s: no fault", what);
}

static void run(const char *what, bool poll, const char *image)
{
	struct fakefamily_conf conf = {
		.guest = { .vcpus = 1, .low_bytes = 16 << 20 }, .quiet = true,
		.image = { image }, .plan_flags = poll ? 0 : PLAN_NO_POLL,
	};

	for (unsigned int i = 0; i < FF_BROKER && !poll; i++)
		conf.opt[i][0] = "poll=off";
	if (ok(fakefamily_start(&f, &conf), "%s: the family is up", what))
		test_idle(what);
	ok(fakefamily_stop(&f), "%s: all end by themselves", what);
}

int main(void)
{
	const struct fakefamily_conf conf = { .quiet = true };
	const char *why = fakefamily_missing(&conf);
	char image[] = "/tmp/cloister-idle-XXXXXX";

	if (why)
		return skip_all(why);
	if (!ok(fakefamily_make_image(image, 2048), "an image"))
		return tap_done();
	run("poll=on", true, image);
	run("poll=off", false, image);
	unlink(image);
	return tap_done();
}
