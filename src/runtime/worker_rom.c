/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * runtime/worker_rom.c - a device's ROM, read before its worker is confined
 *
 * Runs in workers, at start-up.
 */
#include "runtime/worker_rom.h"

#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * A network card's has 60 pages: one call has them made, instead of a page
 * fault for each, which a PV dom0 pays dearly.  Older kernels have no such call
 * (EINVAL), and no harm is done.
 */
static void make_pages(void *to, size_t bytes)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t from = (uintptr_t)to & ~(page - 1);

	if (bytes >= page)
		(void)madvise((void *)from, (uintptr_t)to + bytes - from,
			      MADV_POPULATE_WRITE);
}

ssize_t worker_read_rom(int fd, void *to, size_t max_bytes)
{
	struct stat st;

	if (fstat(fd, &st) == 0 && st.st_size > 0)
		make_pages(to, (uint64_t)st.st_size < max_bytes ?
			   (size_t)st.st_size : max_bytes);
	return pread(fd, to, max_bytes, 0);
}
