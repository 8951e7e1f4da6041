/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/tap.h - the tap that libxl's hotplug scripts expect
 */
#ifndef SUPERVISOR_TAP_H
#define SUPERVISOR_TAP_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Creates (or attaches to) tap @ifname; it lives as long as the descriptor.
 * @served: by a net worker, with a struct virtio_net_hdr of 10 bytes before
 * each packet and large TCP frames as they are; otherwise packets are dropped
 * in the kernel.  fd, or -errno and @why.  A busy name is tried again for
 * @patience_ms.
 */
int tap_open(const char *ifname, bool served, int patience_ms, char *why,
	     size_t why_len);

/* Reads and discards what is queued.  False: somebody has deleted the interface,
   and there will not be anything any more. */
bool tap_drain(int fd);

#endif /* SUPERVISOR_TAP_H */
