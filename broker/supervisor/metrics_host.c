/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/metrics_host.c - reads cgroup and /proc files of one process
 *
 * Runs in the supervisor, when somebody asks for figures.  The files are the
 * kernel's and small; none of them waits for anything.
 */
#include "supervisor/metrics_host.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FILE_BYTES	4096
#define US_PER_S	1000000u

/* @at AT_FDCWD: @name is a path.  False: not there, or empty. */
static bool slurp(int at, const char *name, char text[FILE_BYTES])
{
	int fd = openat(at, name, O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? -1 : read(fd, text, FILE_BYTES - 1);

	if (fd >= 0)
		close(fd);
	text[len > 0 ? len : 0] = '\0';
	return len > 0;
}

/* "key value" on a line of its own. */
static bool find_key(const char *text, const char *key, uint64_t *value)
{
	size_t len = strlen(key);

	for (const char *at = text; at && *at; at = strchr(at, '\n')) {
		at += *at == '\n';
		if (strncmp(at, key, len) == 0 && at[len] == ' ')
			return sscanf(at + len, "%" SCNu64, value) == 1;
	}
	return false;
}

static bool read_one(int cgroup, const char *name, uint64_t *value)
{
	char text[FILE_BYTES];

	return slurp(cgroup, name, text) && sscanf(text, "%" SCNu64, value) == 1;
}

/* "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6", per line, in any order. */
static bool parse_disk(const char *line, struct metrics_disk *d)
{
	static const struct { const char *key; unsigned int what; bool bytes; } keys[] = {
		{ " rbytes=", 0, true }, { " wbytes=", 1, true }, { " dbytes=", 2, true },
		{ " rios=", 0, false }, { " wios=", 1, false }, { " dios=", 2, false },
	};
	unsigned int found = 0;

	memset(d, 0, sizeof(*d));
	if (sscanf(line, "%u:%u", &d->major, &d->minor) != 2)
		return false;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const char *at = strstr(line, keys[i].key);
		uint64_t *to = keys[i].bytes ? &d->bytes[keys[i].what] :
			&d->requests[keys[i].what];

		if (at && sscanf(at + strlen(keys[i].key), "%" SCNu64, to) == 1)
			found++;
	}
	return found != 0;
}

static void read_disks(int cgroup, struct metrics_host *h)
{
	char text[FILE_BYTES], *line, *rest = text;

	if (!slurp(cgroup, "io.stat", text))
		return;
	while (h->disks < METRICS_DISKS && (line = strsep(&rest, "\n")))
		if (parse_disk(line, &h->disk[h->disks]))
			h->disks++;
}

/* "some avg10=0.00 avg60=0.00 avg300=0.00 total=123" and perhaps "full ...". */
static void read_pressure(int cgroup, struct metrics_host *h)
{
	static const char *const file[METRICS_RESOURCES] = {
		"cpu.pressure", "io.pressure", "memory.pressure" };
	static const char *const share[2] = { "some ", "full " };
	char text[FILE_BYTES];

	for (unsigned int r = 0; r < METRICS_RESOURCES; r++) {
		if (!slurp(cgroup, file[r], text))
			continue;
		for (unsigned int s = 0; s < 2; s++) {
			const char *at = strstr(text, share[s]);

			at = at ? strstr(at, "total=") : NULL;
			h->has_pressure[r][s] = at && sscanf(at, "total=%" SCNu64,
				&h->pressure_us[r][s]) == 1;
		}
	}
}

static void read_cgroup(int cgroup, struct metrics_host *h)
{
	char text[FILE_BYTES];

	if (slurp(cgroup, "cpu.stat", text)) {
		h->has_cpu = find_key(text, "user_usec", &h->user_us) &&
			find_key(text, "system_usec", &h->system_us);
		h->has_throttled = find_key(text, "throttled_usec", &h->throttled_us);
	}
	h->has_memory = read_one(cgroup, "memory.current", &h->memory_bytes);
	h->has_peak = read_one(cgroup, "memory.peak", &h->peak_bytes);
	h->has_tasks = read_one(cgroup, "pids.current", &h->tasks);
	read_disks(cgroup, h);
	read_pressure(cgroup, h);
}

/* Fields of /proc/PID/stat behind the name, which may have anything in it:
   state is 3, utime 14, stime 15, num_threads 20, rss 24 (proc(5)). */
static void read_proc(pid_t pid, struct metrics_host *h)
{
	uint64_t user, system, threads, rss, hz = (uint64_t)sysconf(_SC_CLK_TCK);
	char path[32], text[FILE_BYTES];
	const char *at;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	if (!slurp(AT_FDCWD, path, text))
		return;
	at = strrchr(text, ')');
	if (!at || sscanf(at + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u"
			  " %" SCNu64 " %" SCNu64 " %*d %*d %*d %*d %" SCNu64
			  " %*d %*u %*u %" SCNu64, &user, &system, &threads, &rss) != 4)
		return;
	h->has_resident = true;
	h->resident_bytes = rss * (uint64_t)sysconf(_SC_PAGESIZE);
	if (!h->has_tasks) {
		h->has_tasks = true;
		h->tasks = threads;
	}
	if (!h->has_cpu && hz) {
		h->has_cpu = true;
		h->user_us = user * US_PER_S / hz;
		h->system_us = system * US_PER_S / hz;
	}
}

void metrics_host_read(int cgroup, pid_t pid, struct metrics_host *h)
{
	memset(h, 0, sizeof(*h));
	if (cgroup >= 0)
		read_cgroup(cgroup, h);
	if (pid > 0)
		read_proc(pid, h);
}
