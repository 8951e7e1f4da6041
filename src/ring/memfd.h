/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ring/memfd.h - memory that two processes share: create, seal, map
 *
 * Sealed SHRINK|GROW|SEAL before it is passed, or a peer's truncate would be
 * our SIGBUS; starts with magic, version and size, checked by whoever maps it.
 */
#ifndef RING_MEMFD_H
#define RING_MEMFD_H

#include <stddef.h>
#include <stdint.h>

/* A new sealed memfd of @size bytes, zero; owned by the caller.  -errno. */
int memfd_make(const char *name, size_t size_bytes);

/*
 * Map all of @fd shared.  Checks that it is a memfd of @size bytes sealed
 * against shrinking.  NULL and a log line if not.  PROT_READ only if !writable.
 */
void *memfd_map(int fd, size_t size_bytes, int writable);

/* The kinds of abi/: makes one with its header filled in.  fd or -errno. */
int memfd_make_chan(void);
int memfd_make_state(void);
int memfd_make_broker_state(void);
int memfd_make_trace(void);
int memfd_make_stats(void);
int memfd_make_fb(void);
int memfd_make_input(void);

#endif /* RING_MEMFD_H */
