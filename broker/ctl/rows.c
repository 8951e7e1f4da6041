/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ctl/rows.c - one process of a guest, as list, status and top show it
 *
 * Runs in cloisterctl.  Joins what the supervisor says with what the kernel
 * says; names of counters are those of abi/stat.def.
 */
#include "ctl/rows.h"

#include "ctl/text.h"

#define PID_LIMIT	(1u << 22)	/* proc(5): pid_max at most */

bool row_get(const struct guest *g, size_t i, struct row *r)
{
	const json_t *list = json_object_get(g->status, "processes");
	const json_t *counters;
	uint64_t pid;

	if (i >= json_array_size(list))
		return false;
	*r = (struct row){ .process = json_array_get(list, i) };
	pid = text_uint(r->process, "pid");
	if (pid < PID_LIMIT && proc_is_family((pid_t)pid, g->client.pid, &r->use))
		r->pid = (pid_t)pid;
	counters = json_object_get(r->process, "counters");
	r->has_requests = json_object_get(counters, "accesses");
	r->has_io = json_object_get(counters, "disk_bytes") ||
		json_object_get(counters, "net_bytes");
	r->has_map = json_object_get(counters, "map_pages");
	r->requests = text_uint(counters, "accesses");
	r->io_bytes = text_uint(counters, "disk_bytes") +
		text_uint(counters, "net_bytes");
	r->map_pages = text_uint(counters, "map_pages");
	return true;
}
