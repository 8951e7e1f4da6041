/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * base/fdpass.c - descriptors that come with a message on a UNIX socket
 *
 * Runs where a socket of JSON is read: supervisor and cloisterctl.  The sender
 * may be anybody; the kernel counts, and never delivers half of one.
 */
#include "base/fdpass.h"

#include <string.h>
#include <unistd.h>

unsigned int fdpass_take(struct msghdr *m, int *fd, unsigned int room)
{
	unsigned int taken = 0;

	for (struct cmsghdr *h = CMSG_FIRSTHDR(m); h; h = CMSG_NXTHDR(m, h)) {
		size_t n = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < n; i++) {
			int one;

			memcpy(&one, CMSG_DATA(h) + i * sizeof(int), sizeof(int));
			if (taken < room)
				fd[taken++] = one;
			else
				close(one);
		}
	}
	return taken;
}
