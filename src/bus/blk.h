/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bus/blk.h - what a disk model asks of the host
 *
 * Requests are structs of the device, submitted and completed later through
 * @done, from the worker's loop (or at once, from inside submit, where the
 * data is in the page cache).  The device keeps a request and its iovecs alive
 * until @done.  At most BLK_IN_FLIGHT are in flight per worker; the device
 * models' own limits keep to it.
 */
#ifndef BUS_BLK_H
#define BUS_BLK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#define BLK_IN_FLIGHT	16u

enum blk_op {
	BLK_READ,	/* beyond the end of the image: zeros */
	BLK_WRITE,	/* the tail beyond size_bytes is dropped */
	BLK_FLUSH,	/* all writes completed before are stable */
	BLK_DISCARD,
};

struct blk_req {
	enum blk_op op;
	uint64_t off_bytes;
	uint64_t len_bytes;		/* sum of @iov; length of a discard */
	struct iovec *iov;		/* may be changed by the back end */
	unsigned int iov_count;
	bool background;		/* not inside submit: the caller has
					   done enough at once */
	/* rc 0 or -errno (the device turns it into its own error status). */
	void (*done)(struct blk_req *req, int rc);
	void *dev;
	/* Back end's. */
	struct blk *blk;
	struct blk_req *next;
	uint64_t asked_bytes;		/* of what the image has */
	int rc;
};

struct blk;
struct blk_ops {
	void (*submit)(struct blk *blk, struct blk_req *req);
	/* No request may be in flight.  Releases the image; all later requests
	   fail with -ENXIO. */
	void (*close)(struct blk *blk);
};

struct blk {
	const struct blk_ops *ops;
	uint64_t size_bytes;	/* of the image; the model rounds up to sectors */
	bool read_only;
	bool can_discard;
};

#endif /* BUS_BLK_H */
