/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/test_blk_raw.c - raw images through the I/O threads
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

#include "abi/fds.h"
#include "back/blk_raw.h"
#include "base/stat.h"
#include "tests/lib/tap.h"

#define IMAGE_BYTES	(1000u * 1000u)	/* not a multiple of 512 */

static unsigned int finished;
static int last_rc;

static void on_done(struct blk_req *q, int rc)
{
	(void)q;
	finished++;
	last_rc = rc;
}

static struct stat_block block;

static void counted(unsigned int drive, enum stat_op what, uint64_t want,
		    const char *text)
{
	is_hex(stat_get(STAT_DISK_REQUESTS + drive * STAT_OPS + what), want, text);
}

static void counted_bytes(unsigned int drive, enum stat_dir dir, uint64_t want,
			  const char *text)
{
	is_hex(stat_get(STAT_DISK_BYTES + drive * STAT_DIRS + dir), want, text);
}

static int image_fd(void)
{
	char path[] = "/tmp/test_blk_raw.XXXXXX";
	int fd = mkstemp(path);

	if (fd < 0 || unlink(path) || ftruncate(fd, IMAGE_BYTES))
		exit(1);
	return fd;
}

static void wait_for(unsigned int count)
{
	struct pollfd p = { .fd = FD_BLK_DONE, .events = POLLIN };

	while (finished < count && poll(&p, 1, 5000) == 1)
		blk_raw_complete(NULL, POLLIN);
}

static int go(struct blk *b, struct blk_req *q)
{
	unsigned int want = finished + 1;

	q->done = on_done;
	last_rc = 1;
	b->ops->submit(b, q);
	wait_for(want);
	return finished == want ? last_rc : 1;
}

static int rw(struct blk *b, enum blk_op op, uint64_t off, void *p, size_t n,
	      bool background)
{
	struct iovec iov[3] = { { p, n / 3 }, { (char *)p + n / 3, 0 },
				{ (char *)p + n / 3, n - n / 3 } };
	struct blk_req q = { .op = op, .off_bytes = off, .len_bytes = n,
			     .iov = iov, .iov_count = 3,
			     .background = background };

	return go(b, &q);
}

static void test_round_trip(void)
{
	int fd = image_fd();
	struct blk *b = blk_raw_open(0, fd, false);
	static uint8_t out[70000], in[70000];

	for (unsigned int i = 0; i < sizeof(out); i++)
		out[i] = (uint8_t)(i * 7 + i / 256);
	ok(b && b->size_bytes == IMAGE_BYTES, "an image has its size");
	is_hex((uint64_t)rw(b, BLK_WRITE, 12345, out, sizeof(out), false), 0, "write");
	is_hex((uint64_t)rw(b, BLK_READ, 12345, in, sizeof(in), true), 0, "read in a thread");
	ok(!memcmp(in, out, sizeof(in)), "gives the same back");
	memset(in, 0, sizeof(in));
	is_hex((uint64_t)rw(b, BLK_READ, 12345, in, sizeof(in), false), 0, "read at once");
	ok(!memcmp(in, out, sizeof(in)), "gives the same back");
	is_hex((uint64_t)go(b, &(struct blk_req){ .op = BLK_FLUSH }), 0, "flush");
	ok(b->can_discard, "a file can discard");
	is_hex((uint64_t)go(b, &(struct blk_req){ .op = BLK_DISCARD,
			.off_bytes = 12345, .len_bytes = 70000 }), 0, "discard");
	is_hex((uint64_t)rw(b, BLK_READ, 12345 + 4096, in, 4096, false), 0, "read");
	ok(!in[0] && !in[4095], "discarded bytes read as zeros");
	counted(0, STAT_OP_WRITE, 1, "one write counted");
	counted_bytes(0, STAT_WRITE, 70000, "and its bytes");
	counted(0, STAT_OP_READ, 3, "reads of both kinds");
	counted_bytes(0, STAT_READ, 70000 * 2 + 4096, "and theirs");
	counted(0, STAT_OP_FLUSH, 1, "a flush");
	b->ops->close(b);
}

static void test_end_of_image(bool background)
{
	int fd = image_fd();
	struct blk *b = blk_raw_open(1, fd, false);
	uint8_t buf[1024];

	memset(buf, 0xaa, sizeof(buf));
	is_hex((uint64_t)rw(b, BLK_WRITE, IMAGE_BYTES - 100, buf, 512, background), 0,
	       "a write across the end");
	is_hex((uint64_t)lseek(fd, 0, SEEK_END), IMAGE_BYTES, "does not extend the image");
	is_hex((uint64_t)rw(b, BLK_WRITE, IMAGE_BYTES + 100, buf, 512, background), 0,
	       "nor does one behind it");
	is_hex((uint64_t)lseek(fd, 0, SEEK_END), IMAGE_BYTES, "at all");
	memset(buf, 0x55, sizeof(buf));
	is_hex((uint64_t)rw(b, BLK_READ, IMAGE_BYTES - 100, buf, 1024, background), 0,
	       "a read across the end");
	ok(buf[0] == 0xaa && buf[99] == 0xaa && !buf[100] && !buf[1023],
	   "gets zeros there");
	b->ops->close(b);
}

static void test_errors(void)
{
	int fd = image_fd(), mem;
	struct blk *b = blk_raw_open(2, fd, true);
	uint8_t buf[512] = { 0 };

	is_hex((uint64_t)rw(b, BLK_WRITE, 0, buf, 512, false), (uint64_t)-EROFS,
	       "a read-only drive is not written");
	is_hex((uint64_t)go(b, &(struct blk_req){ .op = BLK_FLUSH }), 0,
	       "but flushed");
	b->ops->close(b);
	is_hex((uint64_t)rw(b, BLK_READ, 0, buf, 512, false), (uint64_t)-ENXIO,
	       "a closed drive is gone");
	errno = 0;
	ok(fcntl(fd, F_GETFD) < 0 && errno == EBADF, "its descriptor too");

	/* A write that the host refuses: a memfd sealed against writing. */
	mem = memfd_create("image", MFD_ALLOW_SEALING);
	if (mem < 0 || ftruncate(mem, 4096) ||
	    fcntl(mem, F_ADD_SEALS, F_SEAL_WRITE))
		exit(1);
	b = blk_raw_open(2, mem, false);
	is_hex((uint64_t)rw(b, BLK_WRITE, 0, buf, 512, false), (uint64_t)-EPERM,
	       "a host error comes back");
	is_hex((uint64_t)rw(b, BLK_READ, 0, NULL, 512, true), (uint64_t)-EFAULT,
	       "from a read too");
	counted(2, STAT_OP_READ, 0, "what failed");
	counted(2, STAT_OP_WRITE, 0, "is not counted");
	b->ops->close(b);
	fd = open("/dev/null", O_RDWR);
	ok(!blk_raw_open(3, fd, false), "an image without size is refused");
	close(fd);
	fd = image_fd();
	mem = open("/proc/self/exe", O_RDONLY);
	ok(!blk_raw_open(3, mem, false), "so is one not open for writing");
	close(mem);
	close(fd);
}

/* As many as may be in flight, again and again. */
static void test_many(void)
{
	static struct blk_req q[BLK_IN_FLIGHT];
	static struct iovec iov[BLK_IN_FLIGHT];
	static uint8_t buf[BLK_IN_FLIGHT][4096];
	struct blk *b = blk_raw_open(3, image_fd(), false);
	bool good = true;

	for (unsigned int round = 0; round < 500; round++) {
		bool back = round & 1;

		finished = 0;
		for (unsigned int i = 0; i < BLK_IN_FLIGHT; i++) {
			memset(buf[i], back ? 0 : (int)(round + i), 4096);
			iov[i] = (struct iovec){ buf[i], 4096 };
			q[i] = (struct blk_req){
				.op = back ? BLK_READ : BLK_WRITE,
				.off_bytes = i * 4096, .len_bytes = 4096,
				.iov = &iov[i], .iov_count = 1,
				.done = on_done, .background = true };
			b->ops->submit(b, &q[i]);
		}
		wait_for(BLK_IN_FLIGHT);
		good = good && finished == BLK_IN_FLIGHT;
		for (unsigned int i = 0; back && i < BLK_IN_FLIGHT; i++)
			good = good && buf[i][4095] == (uint8_t)(round - 1 + i);
	}
	ok(good, "500 rounds of %u requests in flight", BLK_IN_FLIGHT);
	ok(!blk_raw_ready(), "nothing is left");
	b->ops->close(b);
}

int main(void)
{
	stat_own = &block;
	blk_raw_start();
	test_round_trip();
	test_end_of_image(false);
	test_end_of_image(true);
	test_errors();
	test_many();
	return tap_done();
}
