/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * base/fdpass.h - descriptors that come with a message on a UNIX socket
 */
#ifndef BASE_FDPASS_H
#define BASE_FDPASS_H

#include <sys/socket.h>

/*
 * What came with @m, which recvmsg() filled in: up to @room of them in @fd, the
 * caller's from now on; the others are closed.  Returns how many.
 */
unsigned int fdpass_take(struct msghdr *m, int *fd, unsigned int room);

#endif /* BASE_FDPASS_H */
