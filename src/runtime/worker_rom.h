/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * runtime/worker_rom.h - a device's ROM, read before its worker is confined
 */
#ifndef RUNTIME_WORKER_ROM_H
#define RUNTIME_WORKER_ROM_H

#include <stddef.h>
#include <sys/types.h>

/*
 * Up to @max_bytes of the file at @fd, from its beginning.  How many bytes; 0,
 * or -1 with errno, if there are none.  A copy: the file may change or end
 * while the guest runs.
 */
ssize_t worker_read_rom(int fd, void *to, size_t max_bytes);

#endif /* RUNTIME_WORKER_ROM_H */
