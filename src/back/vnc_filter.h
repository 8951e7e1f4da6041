/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * back/vnc_filter.h - which bytes of a client reach libvncserver
 *
 * Looks at what a client has sent before it is read: a message is passed on
 * only when it is complete (so that no read waits for the rest), of a kind
 * that this server supports, and has sane numbers.  Pure.
 */
#ifndef BACK_VNC_FILTER_H
#define BACK_VNC_FILTER_H

#include <stddef.h>
#include <stdint.h>

enum vnc_phase { VNC_VERSION, VNC_SECURITY, VNC_AUTH, VNC_INIT, VNC_NORMAL };

enum vnc_verdict {
	VNC_WAIT,	/* until *size bytes are there */
	VNC_PASS,	/* one message of *size bytes */
	VNC_SKIP,	/* throw away *size bytes, more than are there perhaps */
	VNC_REFUSE,	/* close the connection */
};

/* Enough to see any message that is passed on. */
#define VNC_ENCODINGS_MAX	256u
#define VNC_PEEK_BYTES		(4u + 4u * VNC_ENCODINGS_MAX)
#define VNC_CUT_BYTES_MAX	(1u << 20)

/* @msg: the first @len (1 .. VNC_PEEK_BYTES) bytes that were not read yet. */
enum vnc_verdict vnc_filter(enum vnc_phase phase, const uint8_t *msg, size_t len,
			    size_t *size);

#endif /* BACK_VNC_FILTER_H */
