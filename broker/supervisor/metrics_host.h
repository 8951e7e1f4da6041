/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/metrics_host.h - what the host's kernel knows about one process
 *
 * From its cgroup (version 2) where it has one, and from /proc.  What cannot be
 * found out is absent, not 0.
 */
#ifndef SUPERVISOR_METRICS_HOST_H
#define SUPERVISOR_METRICS_HOST_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define METRICS_DISKS	16	/* block devices in io.stat; more are left out */

enum metrics_resource { METRICS_CPU, METRICS_IO, METRICS_MEMORY, METRICS_RESOURCES };

struct metrics_disk {
	unsigned int major, minor;
	uint64_t bytes[3], requests[3];	/* read, write, discard */
};

struct metrics_host {
	bool has_cpu, has_throttled, has_memory, has_peak, has_resident, has_tasks;
	uint64_t user_us, system_us, throttled_us;
	uint64_t memory_bytes, peak_bytes, resident_bytes, tasks;
	unsigned int disks;
	struct metrics_disk disk[METRICS_DISKS];
	bool has_pressure[METRICS_RESOURCES][2];	/* some, full */
	uint64_t pressure_us[METRICS_RESOURCES][2];
};

/* @cgroup: its directory, or -1.  @pid: 0 if it does not run. */
void metrics_host_read(int cgroup, pid_t pid, struct metrics_host *h);

#endif /* SUPERVISOR_METRICS_HOST_H */
