/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * workers/disk.c - disk worker: one IDE controller and the images behind it
 *
 * Opens nothing: images arrive at fixed numbers (abi/fds.h) that
 * policy/disk.policy names.  Options: driveN=rw|ro; failed=1 with
 * sizes=BYTES,... for drives that are there and fail whatever they are asked.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "abi/fds.h"
#include "abi/state.h"
#include "back/blk_raw.h"
#include "base/bug.h"
#include "dev/piix_ide.h"
#include "policy/policy_disk.h"
#include "runtime/worker.h"

static struct piix_ide ide;

/* "sizes=BYTES,BYTES,...", by drive. */
static uint64_t find_size(struct worker *w, unsigned int drive)
{
	const char *at = sandbox_opt(&w->args, "sizes");

	for (; at && drive; drive--) {
		at = strchr(at, ',');
		if (at)
			at++;
	}
	if (!at)
		die(0, "missing: option=sizes");
	return strtoull(at, NULL, 10);
}

static void attach(struct worker *w, unsigned int drive)
{
	char key[16], serial[IDE_SERIAL_BYTES + 1];
	const char *mode;
	struct blk *blk;

	snprintf(key, sizeof(key), "drive%u", drive);
	mode = sandbox_opt(&w->args, key);
	if (!mode)
		return;
	if (strcmp(mode, "rw") && strcmp(mode, "ro"))
		die(0, "unknown value: option=%s value=%s", key, mode);
	if (sandbox_opt(&w->args, "failed"))
		blk = blk_raw_fail(drive, find_size(w, drive), !strcmp(mode, "ro"));
	else
		blk = blk_raw_open(drive, FD_DISK0 + (int)drive,
				   !strcmp(mode, "ro"));
	if (!blk)
		die(0, "drive cannot be served: option=%s", key);
	/* By position and as QEMU has it: guests know their disks by it. */
	snprintf(serial, sizeof(serial), "QM%05u", drive + 1);
	piix_ide_attach(&ide, drive, blk, serial);
}

int main(int argc, char **argv)
{
	/* 1. Check what we inherited, start logging, map the rings. */
	struct worker *w = worker_begin("disk", argc, argv);

	/* 2. Build the machine. */
	worker_open_memory(w);
	piix_ide_init(&ide, w->bus, PCI_DEVFN(1, 1));
	for (unsigned int drive = 0; drive < IDE_DRIVES; drive++)
		attach(w, drive);
	blk_raw_start();
	worker_owns(w, FD_BLK_DONE);
	worker_owns(w, FD_BLK_WORK);
	worker_watch(w, FD_BLK_DONE, EPOLLIN, blk_raw_complete, NULL);
	worker_hint(w, blk_raw_ready);

	/* 3. Point of no return: from here only policy/disk.policy is left. */
	worker_confine(w, &policy_disk);

	/* 4. Serve the guest until the supervisor hangs up. */
	return worker_serve(w);
}
