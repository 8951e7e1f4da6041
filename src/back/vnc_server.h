/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * back/vnc_server.h - shows a picture to VNC clients, takes their input
 *
 * libvncserver with its event loop, its web sockets and its idea of when to
 * read replaced.  One per process.
 */
#ifndef BACK_VNC_SERVER_H
#define BACK_VNC_SERVER_H

#include <stdbool.h>

#include "abi/disp.h"

#define VNC_CLIENTS	16u

struct vnc_conf {
	const char *name;	/* what viewers show as title; stays */
	int listen_fd;		/* bound and listening, non-blocking or not */
	int scan_fd;		/* eventfd: we ask for a fresh picture */
	int painted_fd;		/* eventfd: it is there */
	int ctl_fd;		/* struct ctl_msg from the supervisor */
	int input_kick_fd;
	const struct fb *fb;	/* mapped, may be read-only; stays */
	struct input_ring *input; /* mapped writable; stays */
	bool password;		/* refuse everybody until one is set */
};

/* Before confinement: allocates, and uses once what loads files or makes
   system calls only the first time. */
void vnc_server_open(const struct vnc_conf *conf);
/* Until the supervisor hangs up or says stop. */
void vnc_server_serve(void);

#endif /* BACK_VNC_SERVER_H */
