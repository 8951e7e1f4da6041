/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ring/memfd.c - create, seal and map shared memory
 *
 * The supervisor makes them; everybody maps.  Start-up only.
 */
#include "ring/memfd.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <stddef.h>
#include <sys/stat.h>
#include <unistd.h>

#include "abi/broker_state.h"
#include "abi/chan.h"
#include "abi/disp.h"
#include "abi/stat.h"
#include "abi/state.h"
#include "abi/trace.h"
#include "base/log.h"

#define SEALS	(F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

int memfd_make(const char *name, size_t size_bytes)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int rc;

	if (fd < 0)
		return -errno;
	if (ftruncate(fd, (off_t)size_bytes) || fcntl(fd, F_ADD_SEALS, SEALS)) {
		rc = -errno;
		close(fd);
		return rc;
	}
	return fd;
}

void *memfd_map(int fd, size_t size_bytes, int writable)
{
	struct stat st;
	int seals = fcntl(fd, F_GET_SEALS);
	void *p;

	if (fstat(fd, &st) || seals < 0 || (seals & SEALS) != SEALS ||
	    (uint64_t)st.st_size != size_bytes) {
		log_err("shared memory is not as promised: fd=%d want_bytes=%zu",
			fd, size_bytes);
		return NULL;
	}
	p = mmap(NULL, size_bytes, writable ? PROT_READ | PROT_WRITE : PROT_READ,
		 MAP_SHARED, fd, 0);
	if (p == MAP_FAILED) {
		log_errno(errno, "cannot map shared memory: fd=%d", fd);
		return NULL;
	}
	return p;
}

/* All headers start with magic and version; most with the size after that. */
struct header {
	uint32_t magic, version;
	uint64_t size_bytes;
};

static int make_with_header(const char *name, size_t size_bytes,
			    const struct header *h, size_t header_bytes)
{
	int fd = memfd_make(name, size_bytes);
	int rc;

	if (fd >= 0 && pwrite(fd, h, header_bytes, 0) != (ssize_t)header_bytes) {
		rc = -errno;
		close(fd);
		return rc;
	}
	return fd;
}

#define MAKE(name, type, kind) make_with_header(name, sizeof(type),		\
	&(struct header){ kind##_MAGIC, kind##_VERSION, sizeof(type) },		\
	sizeof(struct header))

int memfd_make_chan(void)
{
	return MAKE("cloister-chan", struct chan, CHAN);
}

int memfd_make_broker_state(void)
{
	return MAKE("cloister-broker", struct broker_state, BROKER_STATE);
}

int memfd_make_state(void)
{
	return MAKE("cloister-state", struct state, STATE);
}

int memfd_make_trace(void)
{
	return MAKE("cloister-trace", struct trace, TRACE);
}

int memfd_make_stats(void)
{
	return MAKE("cloister-stats", struct stat_page, STAT);
}

int memfd_make_fb(void)
{
	return MAKE("cloister-fb", struct fb, FB);
}

int memfd_make_input(void)
{
	/* struct input_ring has no size field. */
	return make_with_header("cloister-input", sizeof(struct input_ring),
		&(struct header){ INPUT_MAGIC, INPUT_VERSION, 0 },
		offsetof(struct header, size_bytes));
}
