/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ctl/rows.h - one process of a guest, as list, status and top show it
 */
#ifndef CTL_ROWS_H
#define CTL_ROWS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "ctl/client.h"
#include "ctl/proc.h"

struct row {
	const json_t *process;		/* in the guest's status */
	pid_t pid;			/* 0: does not run, or is not the
					   supervisor's child */
	struct proc_use use;
	bool has_requests, has_io, has_map;	/* it is counted */
	uint64_t requests;		/* accesses of the guest answered */
	uint64_t io_bytes;		/* disks and network */
	uint64_t map_pages;		/* of guest memory, now */
};

/* Process @i of a guest that has a status; false: there are no more. */
bool row_get(const struct guest *g, size_t i, struct row *r);

#endif /* CTL_ROWS_H */
