/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * back/blk_raw.c - raw images and block devices on open descriptors
 *
 * Runs in the disk worker.  The loop's thread submits and completes; a few I/O
 * threads do what may take its time.  Between them there are no locks: a
 * handful of slots towards the threads, a list back, and an eventfd each way.
 *
 *	work[]	the loop puts a request into an empty slot, then adds one to
 *		FD_BLK_WORK; a thread that got one from there takes a request
 *		out of some slot.  There are never fewer requests in the slots
 *		than threads that are owed one.
 *	done	threads push; the loop takes the whole list.  Whoever pushes on
 *		an empty list writes FD_BLK_DONE.
 *
 * Does not open images, and knows no format but bytes.
 */
#include "back/blk_raw.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "abi/fds.h"
#include "base/bug.h"
#include "base/log.h"
#include "base/stat.h"

#define THREADS		2u		/* a channel has one request at a time */
#define STACK_BYTES	(64u * 1024u)

struct blk_raw {
	struct blk blk;			/* first: a struct blk of ours is one */
	int fd;				/* -1: closed */
	unsigned int unit;
	bool may_nowait;		/* the file system knows RWF_NOWAIT */
};

static struct blk_raw drives[BLK_RAW_DRIVES];
static _Atomic(struct blk_req *) work[BLK_IN_FLIGHT];
static _Atomic(struct blk_req *) done;
static _Atomic unsigned int started;

static_assert(BLK_RAW_DRIVES <= STAT_DRIVES, "a set of counters each");

/* ---- what both sides do with a request ---- */

/* The first @bytes of @q are done. */
static void skip(struct blk_req *q, size_t bytes)
{
	q->off_bytes += bytes;
	q->len_bytes -= bytes;
	while (q->iov_count && bytes >= q->iov->iov_len) {
		bytes -= q->iov->iov_len;
		q->iov++;
		q->iov_count--;
	}
	if (bytes) {
		q->iov->iov_base = (uint8_t *)q->iov->iov_base + bytes;
		q->iov->iov_len -= bytes;
	}
}

/* Only the first @bytes of @q's buffers are used. */
static void cut(struct blk_req *q, uint64_t bytes)
{
	unsigned int n = 0;

	q->len_bytes = bytes;
	while (n < q->iov_count && bytes > q->iov[n].iov_len)
		bytes -= q->iov[n++].iov_len;
	if (n < q->iov_count) {
		q->iov[n].iov_len = bytes;
		q->iov_count = bytes ? n + 1 : n;
	}
}

static int iov_count(const struct blk_req *q)
{
	return q->iov_count < IOV_MAX ? (int)q->iov_count : IOV_MAX;
}

static void read_zeros(struct blk_req *q)
{
	for (unsigned int i = 0; i < q->iov_count; i++)
		memset(q->iov[i].iov_base, 0, q->iov[i].iov_len);
	q->len_bytes = 0;
}

/* ---- I/O threads ---- */

static int do_read(struct blk_raw *d, struct blk_req *q)
{
	while (q->len_bytes) {
		ssize_t r = preadv(d->fd, q->iov, iov_count(q),
				   (off_t)q->off_bytes);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		if (r == 0)
			read_zeros(q);
		else
			skip(q, (size_t)r);
	}
	return 0;
}

static int do_write(struct blk_raw *d, struct blk_req *q)
{
	while (q->len_bytes) {
		ssize_t r = pwritev(d->fd, q->iov, iov_count(q),
				    (off_t)q->off_bytes);

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return r ? -errno : -EIO;
		skip(q, (size_t)r);
	}
	return 0;
}

static int do_flush(struct blk_raw *d)
{
	while (fdatasync(d->fd))
		if (errno != EINTR)
			return -errno;
	return 0;
}

/* Advice: a file system that cannot punch holes keeps the data. */
static int do_discard(struct blk_raw *d, struct blk_req *q)
{
	while (q->len_bytes &&
	       fallocate(d->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			 (off_t)q->off_bytes, (off_t)q->len_bytes)) {
		if (errno == EOPNOTSUPP)
			return 0;
		if (errno != EINTR)
			return -errno;
	}
	return 0;
}

static int do_request(struct blk_req *q)
{
	struct blk_raw *d = (struct blk_raw *)q->blk;

	switch (q->op) {
	case BLK_READ:
		return do_read(d, q);
	case BLK_WRITE:
		return do_write(d, q);
	case BLK_FLUSH:
		return do_flush(d);
	case BLK_DISCARD:
		return do_discard(d, q);
	}
	return -EINVAL;
}

static struct blk_req *take_work(void)
{
	struct blk_req *q = NULL;
	uint64_t one;

	while (read(FD_BLK_WORK, &one, sizeof(one)) != (ssize_t)sizeof(one))
		;	/* EINTR: nothing else can happen to an eventfd */
	/* One of them is ours, though another thread may be quicker at the
	   first we see. */
	while (!q)
		for (unsigned int i = 0; i < BLK_IN_FLIGHT && !q; i++)
			q = atomic_exchange_explicit(&work[i], NULL,
						     memory_order_acquire);
	return q;
}

static void wake(int fd)
{
	static const uint64_t one = 1;

	while (write(fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

static void give_back(struct blk_req *q)
{
	struct blk_req *head = atomic_load_explicit(&done, memory_order_relaxed);

	do {
		q->next = head;
	} while (!atomic_compare_exchange_weak_explicit(&done, &head, q,
				memory_order_release, memory_order_relaxed));
	if (!head)
		wake(FD_BLK_DONE);
}

static void *serve(void *arg)
{
	(void)arg;
	atomic_fetch_add(&started, 1);
	for (;;) {
		struct blk_req *q = take_work();

		q->rc = do_request(q);
		give_back(q);
	}
	return NULL;
}

static void make_eventfd(int flags, int at)
{
	int fd = eventfd(0, flags);

	if (fd < 0)
		die(errno, "cannot make an eventfd");
	if (fd == at)
		return;
	if (dup3(fd, at, flags & EFD_CLOEXEC ? O_CLOEXEC : 0) != at)
		die(errno, "cannot place an eventfd: fd=%d", at);
	close(fd);
}

/*
 * Returns when the threads wait for work: what the C library does at the start
 * of a thread needs calls that the policy does not have.
 */
void blk_raw_start(void)
{
	sigset_t all, before;
	pthread_attr_t attr;

	make_eventfd(EFD_CLOEXEC | EFD_NONBLOCK, FD_BLK_DONE);
	make_eventfd(EFD_CLOEXEC | EFD_SEMAPHORE, FD_BLK_WORK);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	for (unsigned int i = 0; i < THREADS; i++) {
		pthread_t thread;
		int rc = pthread_create(&thread, &attr, serve, NULL);

		if (rc)
			die(rc, "cannot start an I/O thread");
	}
	pthread_attr_destroy(&attr);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	while (atomic_load(&started) < THREADS)
		sched_yield();
}

/* ---- the loop's thread ---- */

static void hand_over(struct blk_req *q)
{
	for (unsigned int i = 0; i < BLK_IN_FLIGHT; i++) {
		struct blk_req *empty = NULL;

		if (atomic_compare_exchange_strong_explicit(&work[i], &empty, q,
				memory_order_release, memory_order_relaxed)) {
			wake(FD_BLK_WORK);
			return;
		}
	}
	bug_on("more than BLK_IN_FLIGHT requests");
}

/* What the page cache has.  True: that was all of it. */
static bool read_now(struct blk_raw *d, struct blk_req *q)
{
	while (d->may_nowait && q->len_bytes) {
		ssize_t r = preadv2(d->fd, q->iov, iov_count(q),
				    (off_t)q->off_bytes, RWF_NOWAIT);

		if (r > 0) {
			skip(q, (size_t)r);
			continue;
		}
		if (r < 0 && (errno == EOPNOTSUPP || errno == ENOSYS))
			d->may_nowait = false;
		if (r < 0)
			return false;	/* a thread meets the error again */
		read_zeros(q);
	}
	return q->len_bytes == 0;
}

/* How a request ended. */
static void count(const struct blk_raw *d, const struct blk_req *q, int rc)
{
	static const enum stat_op op[] = {
		[BLK_READ] = STAT_OP_READ, [BLK_WRITE] = STAT_OP_WRITE,
		[BLK_FLUSH] = STAT_OP_FLUSH, [BLK_DISCARD] = STAT_OP_DISCARD };
	unsigned int at = d->unit * STAT_OPS + op[q->op];

	stat_add((rc ? STAT_DISK_ERRORS : STAT_DISK_REQUESTS) + at, 1);
	if (rc == 0 && q->op == BLK_READ)
		stat_add(STAT_DISK_BYTES + d->unit * STAT_DIRS + STAT_READ,
			 q->asked_bytes);
	else if (rc == 0 && q->op == BLK_WRITE)
		stat_add(STAT_DISK_BYTES + d->unit * STAT_DIRS + STAT_WRITE,
			 q->asked_bytes);
}

static void finish(struct blk_req *q, int rc)
{
	count((const struct blk_raw *)q->blk, q, rc);
	q->done(q, rc);		/* may submit it again */
}

static void submit(struct blk *blk, struct blk_req *q)
{
	struct blk_raw *d = (struct blk_raw *)blk;
	uint64_t in = q->off_bytes < blk->size_bytes ?
		blk->size_bytes - q->off_bytes : 0;

	q->blk = blk;
	if (d->fd < 0) {
		finish(q, -ENXIO);
		return;
	}
	if (blk->read_only && q->op != BLK_READ) {
		finish(q, q->op == BLK_FLUSH ? 0 : -EROFS);
		return;
	}
	if (q->len_bytes > in && q->op == BLK_WRITE)
		cut(q, in);
	else if (q->len_bytes > in && q->op == BLK_DISCARD)
		q->len_bytes = in;
	q->asked_bytes = q->len_bytes;
	if (q->op == BLK_READ && !q->background && read_now(d, q))
		finish(q, 0);
	else
		hand_over(q);
}

static void log_failure(const struct blk_req *q)
{
	static const char *const verbs[] = {
		[BLK_READ] = "read", [BLK_WRITE] = "write",
		[BLK_FLUSH] = "flush", [BLK_DISCARD] = "discard",
	};
	static struct log_limit limit;

	if (log_allow(&limit))
		log_errno(-q->rc, "%s failed: drive=%u off_bytes=%" PRIu64
			  " len_bytes=%" PRIu64, verbs[q->op],
			  ((struct blk_raw *)q->blk)->unit, q->off_bytes,
			  q->len_bytes);
}

bool blk_raw_ready(void)
{
	return atomic_load_explicit(&done, memory_order_relaxed) != NULL;
}

void blk_raw_complete(void *arg, uint32_t epoll_events)
{
	struct blk_req *q;
	uint64_t count;
	ssize_t r;

	(void)arg;
	(void)epoll_events;
	r = read(FD_BLK_DONE, &count, sizeof(count));
	(void)r;	/* the list says what there is */
	q = atomic_exchange_explicit(&done, NULL, memory_order_acquire);
	while (q) {
		struct blk_req *next = q->next;

		if (q->rc)
			log_failure(q);
		finish(q, q->rc);
		q = next;
	}
}

static void close_drive(struct blk *blk)
{
	struct blk_raw *d = (struct blk_raw *)blk;

	if (d->fd >= 0)
		close(d->fd);
	d->fd = -1;
}

static const struct blk_ops raw_ops = { .submit = submit, .close = close_drive };

struct blk *blk_raw_open(unsigned int unit, int fd, bool read_only)
{
	struct blk_raw *d = &drives[unit];
	struct stat st;
	off_t size;
	int flags;

	bug_on(unit >= BLK_RAW_DRIVES);
	flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fstat(fd, &st)) {
		log_errno(errno, "image is unusable: drive=%u fd=%d", unit, fd);
		return NULL;
	}
	size = lseek(fd, 0, SEEK_END);
	if (size <= 0) {
		log_errno(size < 0 ? errno : 0, "image has no size: drive=%u",
			  unit);
		return NULL;
	}
	if (!read_only && (flags & O_ACCMODE) != O_RDWR) {
		log_err("image is not open for writing: drive=%u", unit);
		return NULL;
	}
	*d = (struct blk_raw){
		.blk = { .ops = &raw_ops, .size_bytes = (uint64_t)size,
			 .read_only = read_only,
			 .can_discard = !read_only && S_ISREG(st.st_mode) },
		.fd = fd, .unit = unit, .may_nowait = true,
	};
	return &d->blk;
}

struct blk *blk_raw_fail(unsigned int unit, uint64_t size_bytes, bool read_only)
{
	struct blk_raw *d = &drives[unit];

	bug_on(unit >= BLK_RAW_DRIVES);
	*d = (struct blk_raw){
		.blk = { .ops = &raw_ops, .size_bytes = size_bytes,
			 .read_only = read_only },
		.fd = -1, .unit = unit,
	};
	return &d->blk;
}
