/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/image.h - opens disk images for the disk worker
 */
#ifndef SUPERVISOR_IMAGE_H
#define SUPERVISOR_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct image {
	int fd;			/* owned */
	int spare;		/* the same file, opened once more; owned.  Up to
				   2: none */
	bool is_crossed;	/* in systemd's store each has the other's name */
	uint64_t size_bytes;
	bool is_block;
};

/*
 * Opens a regular file or block device.  A busy one is tried again for
 * @patience_ms (its last user may be on its way out).  0, or -errno and @why.
 */
int image_open(const char *path, bool read_only, int patience_ms,
	       struct image *img, char *why, size_t why_len);

/*
 * As image_open() of what a predecessor left in @img->fd and @img->spare, in
 * either order: the one that a worker had is known by its offset, as
 * blk_raw_open() looks for the end.  One of them is enough.
 */
int image_look(struct image *img);

/*
 * Between a worker that had @img->fd and its successor.  Linux tells an error of
 * writing back once for each time a file was opened, and a worker that dies in a
 * flush takes it along.  So the successor gets what was opened beside its
 * predecessor's: that tells of all errors since, of some perhaps again.  Without
 * a spare nothing changes.
 */
void image_renew(struct image *img);

/* Nobody is given it any more.  Twice does nothing. */
void image_close(struct image *img);

#endif /* SUPERVISOR_IMAGE_H */
