/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/save.h - a guest's devices into a save file and out of it
 *
 * Sections, in this order (save_file.h has their frame):
 *
 *	guest		struct save_guest: what the receiving side's command
 *			line has to agree with
 *	broker		struct save_broker
 *	then for each worker, by its name ("disk0"), in the order of the plan:
 *	WORKER		struct save_worker
 *	WORKER/DEVICE	registers, raw, with the version of the device's layout
 *			(struct bus_state); as many as save_worker says
 *	WORKER/buffers	what bus_add_buf() gave out, without the zeros at the end
 *
 * The layouts are ours and x86's.  What registers may hold only the worker can
 * tell: it checks them as it does after a death, and refuses to start if the
 * state comes from a file.
 */
#ifndef SUPERVISOR_SAVE_H
#define SUPERVISOR_SAVE_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/fds.h"
#include "supervisor/save_file.h"

#define SAVE_NICS	8u
#define SAVE_DRIVES	4u
#define SAVE_UNPLUGGED_NIC 8u	/* first bit of the cards */

#define SAVE_GUEST_VERSION	1u
#define SAVE_BROKER_VERSION	1u
#define SAVE_WORKER_VERSION	1u
#define SAVE_BUFFERS_VERSION	1u

/* What both sides have to have alike.  Zero where there is nothing. */
struct save_guest {
	uint64_t ram_low_bytes, ram_high_bytes;
	uint64_t vram_park_gfn;
	uint32_t vram_frames;
	uint32_t vcpus, max_vcpus;
	uint32_t platform_device;	/* the Xen platform device: 0, 1 */
	uint32_t serial_ports;		/* bit per port */
	uint32_t rsvd;
	struct save_nic {
		char model[16];		/* "e1000"; "": no card */
		uint8_t mac[6];
		uint8_t slot;		/* PCI device number */
		uint8_t rsvd;
	} nic[SAVE_NICS];
	struct save_drive {
		uint64_t size_bytes;	/* 0: no drive */
		uint32_t read_only;	/* 0, 1 */
		uint32_t rsvd;
	} drive[SAVE_DRIVES];
};
static_assert(sizeof(struct save_guest) == 48 + 24 * 8 + 16 * 4, "no holes");

struct save_broker {
	uint64_t vram_gfn;		/* where VRAM is */
	int64_t clock_ns;		/* CLOCK_MONOTONIC of this file */
	uint32_t suspended;		/* in ACPI S3: 0, 1 */
	uint32_t unplugged;		/* bit per drive, from 8 on per card */
};
static_assert(sizeof(struct save_broker) == 24, "no holes");

struct save_worker {
	uint32_t dev_count;
	uint32_t isa_levels;		/* struct state_half */
	uint32_t intx_levels[4];
};
static_assert(sizeof(struct save_worker) == 24, "no holes");

/* The family, as far as files are about it. */
struct save_family {
	struct save_guest guest;
	struct save_broker broker;
	unsigned int worker_count;
	struct {
		const char *name;	/* "disk0" */
		int state;		/* its memfd (abi/state.h); borrowed */
	} worker[WORKERS_MAX];
};

/*
 * The file of a family at rest (rest.h), in @o; the caller frees it in any
 * case.  0; or -errno and @why, if a state is not what a worker commits.
 */
int save_take(const struct save_family *f, struct save_out *o, char *why,
	      size_t why_len);

/*
 * Is the file for this family?  @f: its guest and worker names; f->broker is
 * filled in.  Reads nothing but @v, changes nothing else.  0; or -EINVAL and
 * @why: "section=NAME field=FIELD: ...".
 */
int save_check(const struct save_view *v, struct save_family *f, char *why,
	       size_t why_len);

/*
 * After save_check(), before any worker starts: fills in the state memfds, times
 * moved by f->broker.clock_ns to @now_ns.  0 or -errno: a family that must not
 * be started.
 */
int save_fill(const struct save_view *v, const struct save_family *f,
	      int64_t now_ns);

/* ---- files ---- */

/*
 * Writes @o to a regular file that libxl opened (not truncated: it may be
 * longer).  0; or -errno, @why, and the file is empty, if it can be.
 */
int save_write_fd(const struct save_out *o, int fd, char *why, size_t why_len);
/* The same, by name: the file is there as a whole or not at all. */
int save_write_path(const struct save_out *o, const char *path, char *why,
		    size_t why_len);
/* All of @fd, from its start, in *@bytes, which the caller frees.  0; or -errno
   and @why. */
int save_read_fd(int fd, uint8_t **bytes, size_t *size_bytes, char *why,
		 size_t why_len);

#endif /* SUPERVISOR_SAVE_H */
