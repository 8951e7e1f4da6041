/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ring/stat.c - maps a process's counters
 *
 * Runs in the supervisor, which reads them, and at the start of every confined
 * process, which writes its own.
 */
#include "ring/stat.h"

#include <sys/mman.h>

#include "base/bug.h"
#include "base/log.h"
#include "ring/memfd.h"

struct stat_page *stat_map(int fd, bool writable)
{
	struct stat_page *page = memfd_map(fd, sizeof(*page), writable);

	if (!page)
		return NULL;
	if (page->magic == STAT_MAGIC && page->version == STAT_VERSION)
		return page;
	log_err("not a page of counters: fd=%d", fd);
	munmap(page, sizeof(*page));
	return NULL;
}

struct stat_page *stat_begin(uint64_t fds)
{
	struct stat_page *page;

	if (!(fds >> FD_STATS & 1))
		return NULL;
	page = stat_map(FD_STATS, true);
	if (!page)
		die(0, "counters are not as promised");
	stat_own = &page->block[0];
	return page;
}
