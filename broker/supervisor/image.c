/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/image.c - opens disk images for the disk worker
 *
 * Runs in the supervisor.  Never reads a byte of an image: what is in it is
 * the guest's, and the worker's to look at.
 */
#include "supervisor/image.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

#define SECTOR_BYTES	512u
#define RETRY_MS	50

static int open_patiently(const char *path, int flags, int patience_ms)
{
	const struct timespec pause = { 0, RETRY_MS * NS_PER_MS };
	const int64_t until_ns = clock_now_ns() + patience_ms * NS_PER_MS;
	int fd;

	/* O_NONBLOCK: a FIFO must not hold us up before it is refused. */
	while ((fd = open(path, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)) < 0 &&
	       (errno == EBUSY || errno == ETXTBSY || errno == EAGAIN) &&
	       clock_now_ns() < until_ns)
		nanosleep(&pause, NULL);
	return fd < 0 ? -errno : fd;
}

static int find_size(struct image *img, const char **what)
{
	struct stat st;

	*what = NULL;
	if (fstat(img->fd, &st))
		return -errno;
	if (S_ISREG(st.st_mode)) {
		img->size_bytes = (uint64_t)st.st_size;
	} else if (S_ISBLK(st.st_mode)) {
		img->is_block = true;
		if (ioctl(img->fd, BLKGETSIZE64, &img->size_bytes))
			return -errno;
	} else {
		*what = "neither a regular file nor a block device";
		return -EINVAL;
	}
	if (img->size_bytes == 0) {
		*what = "empty";
		return -EINVAL;
	}
	return 0;
}

/* A dup() would share what was told. */
static void open_spare(struct image *img)
{
	int how = fcntl(img->fd, F_GETFL);
	char path[40];

	img->spare = -1;
	if (how < 0 || (how & O_ACCMODE) == O_RDONLY)
		return;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", img->fd);
	img->spare = open(path, (how & O_ACCMODE) | O_CLOEXEC);
	if (img->spare < 0)
		log_event(LOG_L_WARN, errno, "image cannot be opened twice: a write error "
			  "may be lost with a disk worker");
}

static bool has_spare(const struct image *img)
{
	return img->spare > STDERR_FILENO;
}

static void cross(struct image *img)
{
	int fd = img->fd;

	img->fd = img->spare;
	img->spare = fd;
	img->is_crossed = !img->is_crossed;
}

static bool was_used(int fd)
{
	return lseek(fd, 0, SEEK_CUR) > 0;
}

int image_look(struct image *img)
{
	const char *what;
	int rc;

	if (has_spare(img) && (img->fd < 0 || (was_used(img->spare) && !was_used(img->fd))))
		cross(img);
	rc = find_size(img, &what);
	if (rc == 0 && !has_spare(img))
		open_spare(img);
	return rc;
}

void image_renew(struct image *img)
{
	if (img->fd < 0)
		return;
	if (has_spare(img)) {
		cross(img);
		close(img->spare);
	}
	open_spare(img);
}

void image_close(struct image *img)
{
	if (img->fd >= 0)
		close(img->fd);
	if (has_spare(img))
		close(img->spare);
	img->fd = img->spare = -1;
}

int image_open(const char *path, bool read_only, int patience_ms,
	       struct image *img, char *why, size_t why_len)
{
	const char *what = NULL;
	int rc;

	*img = (struct image){ .fd = -1, .spare = -1 };
	rc = open_patiently(path, read_only ? O_RDONLY : O_RDWR, patience_ms);
	if (rc >= 0) {
		img->fd = rc;
		rc = find_size(img, &what);
	}
	if (rc == 0 && fcntl(img->fd, F_SETFL, 0))
		rc = -errno;
	if (rc) {
		snprintf(why, why_len, "file=%.120s: %s", path,
			 what ? what : strerrordesc_np(-rc));
		if (img->fd >= 0)
			close(img->fd);
		img->fd = -1;
		return rc;
	}
	open_spare(img);
	if (img->size_bytes % SECTOR_BYTES)
		log_warn("image is not a multiple of 512 bytes, the tail reads as zeros: "
			 "file=%.120s size_bytes=%llu", path,
			 (unsigned long long)img->size_bytes);
	return 0;
}
